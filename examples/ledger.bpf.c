// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scheduler that balances queued runtime. It has several DSQs and keeps a
 * ledger of what is queued on each: a task is added with the time that it will
 * probably run when ops.enqueue() puts it there, and subtracted in
 * ops.dequeue(). Tasks go to the DSQ with the least queued runtime; CPUs help
 * the one with the most.
 *
 * The ledger is right if, and only if, each task that leaves a DSQ gets exactly
 * one ops.dequeue(), whatever the reason. Nothing here corrects it if not.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "ledger.h"

char _license[] SEC("license") = "GPL";

#define ENOMEM		12
#define TASK_INTERRUPTIBLE	1
#define SLICE		2000000		/* ns */
#define FIRST_GUESS	100000		/* ns; of a task that has not run yet */

struct account ledger[NR_DSQS];		/* the index is the DSQ's id */

/* Set by the loader: whose threads we schedule. */
const volatile int our_tgid;

unsigned int gate;
unsigned long long nr_enqueues;
unsigned long long nr_dequeues;
int exit_kind;
char exit_message[128];

struct task {
	u64 since;		/* on a CPU, ns */
	u64 burst;		/* how long it runs at a time, ns, averaged */
	u64 booked;		/* what it counts for in the ledger */
	u32 dsq;		/* in which account */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task);
} tasks SEC(".maps");

static struct task *task_of(struct task_struct *p)
{
	return bpf_task_storage_get(&tasks, p, NULL, 0);
}

static void book(u32 dsq, s64 nr_tasks, s64 runtime)
{
	if (dsq >= NR_DSQS)	/* the verifier wants to be told */
		return;
	__sync_fetch_and_add(&ledger[dsq].tasks, nr_tasks);
	__sync_fetch_and_add(&ledger[dsq].runtime, runtime);
}

static u32 least_loaded(void)
{
	u32 i, found = 0;

	for (i = 1; i < NR_DSQS; i++)
		if (ledger[i].runtime < ledger[found].runtime)
			found = i;
	return found;
}

static u32 most_loaded(void)
{
	u32 i, found = 0;

	for (i = 1; i < NR_DSQS; i++)
		if (ledger[i].runtime > ledger[found].runtime)
			found = i;
	return found;
}

/* A task that finds an idle CPU never is in our custody. */
SEC("struct_ops")
s32 BPF_PROG(ledger_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);

	if (idle)
		dsq_insert(p, SCX_DSQ_LOCAL, SLICE, 0);
	return cpu;
}

SEC("struct_ops")
void BPF_PROG(ledger_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task *t = task_of(p);
	s32 cpu;

	if (!t || p->tgid != our_tgid) {
		dsq_insert(p, SCX_DSQ_GLOBAL, SLICE, enq_flags);
		return;
	}

	/* Once inserted it can leave at any time, so it is booked before. */
	__sync_fetch_and_add(&nr_enqueues, 1);
	smp_mb();
	t->dsq = least_loaded();
	t->booked = t->burst;
	book(t->dsq, 1, t->booked);
	dsq_insert(p, t->dsq, SLICE, enq_flags);

	/* Its own CPU will look for it; one that is idle will not. */
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu >= 0)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
}

/* The whole point: this alone takes tasks out of the ledger. */
SEC("struct_ops")
void BPF_PROG(ledger_dequeue, struct task_struct *p, u64 deq_flags)
{
	struct task *t = task_of(p);

	if (!t || p->tgid != our_tgid)
		return;
	__sync_fetch_and_add(&nr_dequeues, 1);
	book(t->dsq, -1, -t->booked);
}

SEC("struct_ops")
void BPF_PROG(ledger_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 i, first;

	if (!(__sync_fetch_and_add(&gate, 1) & GATE_SHUT)) {
		first = most_loaded();
		bpf_for(i, 0, NR_DSQS)
			if (dsq_move_to_local((first + i) % NR_DSQS))
				break;
	}
	smp_mb();
	__sync_fetch_and_sub(&gate, 1);
}

SEC("struct_ops")
void BPF_PROG(ledger_running, struct task_struct *p)
{
	struct task *t = task_of(p);

	if (t)
		t->since = bpf_ktime_get_ns();
}

SEC("struct_ops")
void BPF_PROG(ledger_stopping, struct task_struct *p, bool runnable)
{
	struct task *t = task_of(p);

	if (t)
		t->burst = (3 * t->burst + bpf_ktime_get_ns() - t->since) / 4;
}

SEC("struct_ops.s")
s32 BPF_PROG(ledger_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task *t;

	t = bpf_task_storage_get(&tasks, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t)
		return -ENOMEM;
	t->burst = FIRST_GUESS;
	return 0;
}

SEC("struct_ops.s")
s32 BPF_PROG(ledger_init)
{
	s32 i, err = 0;

	bpf_for(i, 0, NR_DSQS) {
		err = scx_bpf_create_dsq(i, -1);
		if (err)
			break;
	}
	return err;
}

SEC("struct_ops")
void BPF_PROG(ledger_exit, struct scx_exit_info *info)
{
	bpf_probe_read_kernel_str(exit_message, sizeof(exit_message), info->msg);
	exit_kind = info->kind;
}

SEC(".struct_ops.link")
struct sched_ext_ops ledger_ops = {
	.select_cpu	= (void *)ledger_select_cpu,
	.enqueue	= (void *)ledger_enqueue,
	.dequeue	= (void *)ledger_dequeue,
	.dispatch	= (void *)ledger_dispatch,
	.running	= (void *)ledger_running,
	.stopping	= (void *)ledger_stopping,
	.init_task	= (void *)ledger_init_task,
	.init		= (void *)ledger_init,
	.exit		= (void *)ledger_exit,
	.flags		= SCX_OPS_SWITCH_PARTIAL,
	.name		= "ledger",
};

/*
 * The audit. None of what follows is needed to schedule: it finds out what is
 * really queued, without the ledger.
 *
 * The loader shuts the gate and has the load come to rest. Then each of its
 * threads either sleeps or is on a DSQ, where nothing can take it away: nobody
 * dispatches, and no thread runs that could change another. Only a timer may
 * still wake one, which shows in nr_enqueues before it shows in the ledger.
 */

struct ledger_sample sample;

/* Asleep, all the way: off its CPU, and nobody is about to wake it. */
static bool sleeps(struct task_struct *p)
{
	return p->__state & TASK_INTERRUPTIBLE && task_is_off(p);
}

static void look(u32 dsq, struct account *truth)
{
	struct task_struct *p;
	struct task *t;

	truth->tasks = 0;
	truth->runtime = 0;
	bpf_for_each(scx_dsq, p, dsq, 0) {
		t = task_of(p);
		if (!t)
			continue;
		truth->tasks++;
		truth->runtime += t->booked;
	}
}

SEC("syscall")
int take_sample(void *unused)
{
	u64 enqueues = *(volatile u64 *)&nr_enqueues;
	struct task_struct *me = bpf_get_current_task_btf(), *p;
	u32 i, threads = 0, asleep = 0, queued = 0;

	sample.still = false;
	if (*(volatile u32 *)&gate != GATE_SHUT)
		return 0;
	smp_mb();	/* all that went through the gate is done */
	bpf_rcu_read_lock();
	bpf_for_each(task, p, me, BPF_TASK_ITER_PROC_THREADS) {
		if (p == me)
			continue;
		threads++;
		asleep += sleeps(p);
	}
	bpf_for(i, 0, NR_DSQS) {
		look(i, &sample.truth[i]);
		sample.ledger[i] = ledger[i];
		queued += sample.truth[i].tasks;
	}
	bpf_rcu_read_unlock();

	sample.threads = threads;
	smp_mb();
	sample.still = asleep + queued == threads &&
		       *(volatile u64 *)&nr_enqueues == enqueues;
	return 0;
}

/* After the gate was shut no CPU looks again by itself. */
SEC("syscall")
int kick_cpus(void *unused)
{
	u32 cpu;

	bpf_for(cpu, 0, scx_bpf_nr_cpu_ids())
		scx_bpf_kick_cpu(cpu, 0);
	return 0;
}
