// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scheduler that puts tasks wherever its knobs say and keeps its own account
 * of who is in custody: from what it did itself and which ops were called,
 * never from what the kernel believes.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "shared.h"

#define ENOMEM		12
#define PF_EXITING	0x4
#define OPSS_STATE_MASK	3		/* the rest of ops_state is a sequence number */

char _license[] SEC("license") = "GPL";

#define FIFO_DSQ	1
#define VTIME_DSQ	2
#define SECOND_DSQ	3
#define MISSING_DSQ	4

#define CLOCK_MONOTONIC	1
#define MOVER_PERIOD	200000		/* ns */

#define MAX_CPUS	64
#define MAX_HELD	262144	/* with those that are stale: each change adds one */
#define MAX_STALE	256	/* to be gone through in one ops.dispatch() */

struct knobs knobs;
struct books books;
struct ending ending;
struct violation violations[MAX_VIOLATIONS];
unsigned int nr_violations;

/* One task's account. Written by the ops of that task alone, which the kernel serialises. */
struct account {
	u32 state;		/* enum stage */
	u32 place;		/* where it entered custody */
	s32 cpu;		/* its CPU then */
	bool mine;		/* a test task, to be put where the knobs say */
	u32 entry;		/* how many times it has entered custody */
	u64 dispatch;		/* the latest of it when held: see note_dispatch() */
	u64 ran;		/* when it last began to, where that is asked for */
	bool changed;		/* left for a change: must be enqueued before it runs */
	bool bound;		/* its migration was disabled when it came to us */
	bool turn;		/* its trace: is it having its turn, or waiting for it? */
	struct phase phase;	/* how far it is in that */
	u64 random;		/* state of the choices made for it */
	u64 random_checks;	/* and of those that checks make, which change nothing */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct account);
} accounts SEC(".maps");

/* A task held by us, in a map, in a tree or in a list, and which entry of it that is. */
struct held {
	s32 pid;
	u32 entry;
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_HELD);
	__type(value, struct held);
} held_tasks SEC(".maps");

struct held_node {
	struct bpf_rb_node node;
	u64 since;
	struct held held;
};

struct listed_node {
	struct bpf_list_node node;
	struct held held;
};

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))

private(held) struct bpf_spin_lock held_lock;
private(held) struct bpf_rb_root held_tree
	__attribute__((btf_decl_tag("contains:held_node:node")));
private(held) struct bpf_list_head held_list
	__attribute__((btf_decl_tag("contains:listed_node:node")));

/* Are traces kept? Where not, the verifier removes all that is for them. */
const volatile bool tracing;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PHASES);
	__type(key, struct phase);
	__type(value, u64);
} phases SEC(".maps");

struct held_back held_back;

/* How many CPUs are in ops.dispatch(). */
unsigned int dispatching;

/* How many programs move tasks with nothing locked. */
unsigned int moving;

/* How many programs, on each CPU, take tasks off user DSQs. */
static u32 taking[MAX_CPUS];

/* The latest task that each CPU dispatches, by address, if it counts on another. */
static u64 latest[MAX_CPUS];

/* Did a dispatched task's ops.dequeue() run in this CPU's current op? */
static bool dequeued_here[MAX_CPUS];

static struct account *account_of(struct task_struct *p)
{
	return bpf_task_storage_get(&accounts, p, NULL, 0);
}

static void count(u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* The index of a place, which is a single bit. */
static u32 index_of(u32 place)
{
	u32 i;

	bpf_for(i, 0, NR_PLACES)
		if (place == 1U << i)
			return i;
	return 0;
}

/* The next number of a stream that depends on nothing but its seed. */
static u32 draw(u64 *stream)
{
	u64 z = *stream += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z >> 32;
}

/* One of the places in the mask, at random. */
static u32 choose(u64 *stream, u32 places)
{
	u32 i, start;

	if (!(places & (places - 1)))
		return places;

	start = draw(stream);
	bpf_for(i, 0, NR_PLACES) {
		u32 place = 1U << ((start + i) % NR_PLACES);

		if (places & place)
			return place;
	}
	return 0;
}

static void count_phase(struct phase *phase, s64 number)
{
	u64 *counter = bpf_map_lookup_elem(&phases, phase), zero = 0;

	if (!counter) {
		bpf_map_update_elem(&phases, phase, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&phases, phase);
	}
	if (counter)
		__sync_fetch_and_add(counter, number);
}

/*
 * The task has got so far. What it is so far is what is counted, so that nothing
 * needs to be completed.
 */
static void trace_to(struct account *a, u64 events)
{
	a->phase.events = events;
	count_phase(&a->phase, 1);
}

/*
 * A task is put somewhere and waits there until it runs or is put somewhere else;
 * when it runs, that is its turn, until it is put somewhere again. These phases are
 * recorded apart, for how a wait ends says nothing about how the turn will.
 */
static void trace(struct account *a, u32 event)
{
	u64 events = a->phase.events;

	if (!tracing || !a->mine)
		return;

	if (event < TRACE_DEQUEUE) {
		/* That it is runnable is worth telling only of one not put anywhere. */
		if (event == TRACE_RUNNABLE && events && events < TRACE_RUNNABLE)
			return;
		if (events == TRACE_RUNNABLE)
			count_phase(&a->phase, -1);
		a->turn = false;
		trace_to(a, event);
		return;
	}

	/* It became a test task amid all this. */
	if (!events)
		return;
	/* As of one that sleeps and visits another class. */
	if (event == TRACE_DISABLE && TRACE_LATEST(events) == TRACE_DISABLE)
		return;

	count_phase(&a->phase, -1);
	/* That it goes off the CPU and on again is nothing to custody. */
	if (event == TRACE_RUNNING && a->turn && TRACE_LATEST(events) == TRACE_STOPPING)
		events >>= TRACE_EVENT_BITS;
	else if (!(events >> (TRACE_EVENTS - 1) * TRACE_EVENT_BITS))
		events = events << TRACE_EVENT_BITS | event;
	else
		events = events >> TRACE_EVENT_BITS << TRACE_EVENT_BITS | TRACE_MORE;
	trace_to(a, events);

	if (event == TRACE_RUNNING && !a->turn) {
		a->turn = true;
		trace_to(a, event);
	}
}

static u32 trace_place(u32 place)
{
	if (place & PLACES_HELD)
		return TRACE_HELD;
	return place & PLACES_DSQ ? TRACE_DSQ : TRACE_TERMINAL;
}

static u32 trace_flags(u64 deq_flags)
{
	u32 flags = 0;

	if (deq_flags & SCX_DEQ_SLEEP)
		flags |= TRACE_SLEEP;
	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		flags |= TRACE_CHANGE;
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		flags |= TRACE_CORE_PICK;
	return flags;
}

static void violate(struct task_struct *p, struct account *a, u32 kind,
		    u32 expectation, u64 deq_flags)
{
	struct violation *v;
	u32 i;

	if (kind < NR_VIOLATIONS)
		count(&books.violations[kind]);

	i = __sync_fetch_and_add(&nr_violations, 1);
	if (i >= MAX_VIOLATIONS)
		return;

	v = &violations[i];
	v->kind = kind;
	v->expectation = expectation;
	v->deq_flags = deq_flags;
	v->cpu = kind == STUCK ? scx_bpf_task_cpu(p) : bpf_get_smp_processor_id();
	v->state = a->state;
	v->place = a->place;
	v->pid = p->pid;
	bpf_probe_read_kernel_str(v->comm, sizeof(v->comm), p->comm);
}

/*
 * The kernel must not consider a task in custody that is out of it. For the tests
 * that are about this: with a kernel that is wrong about it, all would fail.
 */
static void check_mark(struct task_struct *p, struct account *a)
{
	if (knobs.marks && p->scx.flags & task_in_custody_flag())
		violate(p, a, KERNEL_MARK, WANT_MARK_CLEAR, 0);
}

/* A task comes to where it must not be in custody any more. */
static void expect_out(struct task_struct *p, struct account *a, u32 expectation)
{
	u32 i = index_of(a->place);

	if (a->state != STATE_CUSTODY)
		return;
	if (!knobs.silent) {
		violate(p, a, MISSED, expectation, 0);
		a->state = STATE_OVERDUE;
	} else if (i < NR_PLACES) {
		count(&books.left[i][LEFT_DISPATCHED]);
		a->state = STATE_LEFT;
	}
}

/*
 * One that is being switched out cannot be moved: it is still current on its CPU,
 * and while BPF runs there its migration is disabled.
 */
static bool may_run_on(struct task_struct *p, s32 cpu)
{
	if ((p->migration_disabled || scx_bpf_task_running(p)) && cpu != scx_bpf_task_cpu(p))
		return false;
	return bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/*
 * Has the task itself disabled its migration? To be asked when it comes to us: one that
 * is not running cannot change this. While BPF runs in a task, as it does here in one that
 * is being switched out, that is no work of the task's.
 */
static bool is_bound(struct task_struct *p)
{
	return p->migration_disabled > (bpf_get_current_task_btf() == p);
}

/* A CPU that the task may use (or may not), another than this one if possible. */
static s32 pick_cpu(struct task_struct *p, bool allowed)
{
	u32 i, start = draw(&knobs.random), this_cpu = bpf_get_smp_processor_id();
	s32 found = scx_bpf_task_cpu(p);

	bpf_for(i, 0, MAX_CPUS) {
		u32 cpu = (start + i) % knobs.nr_cpus;

		if (i >= knobs.nr_cpus)
			break;
		if (may_run_on(p, cpu) != allowed)
			continue;
		found = cpu;
		if (cpu != this_cpu)
			break;
	}
	return found;
}

/* The kernel takes no constant for the message. */
#define give_up(why)							\
({									\
	static char message_[] = why;					\
	unsigned long long none_[1] = {};				\
									\
	knobs.closing = 1;						\
	scx_bpf_error_bstr(message_, none_, 0);				\
})

static bool sooner(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct held_node, node)->since <
	       container_of(b, struct held_node, node)->since;
}

static void hold_in_map(struct held held)
{
	if (bpf_map_push_elem(&held_tasks, &held, 0))
		give_up("no room to hold a task");
}

static void hold_in_tree(struct held held)
{
	struct held_node *node;

	node = bpf_obj_new_impl(bpf_core_type_id_local(struct held_node), NULL);
	if (!node) {
		/* No memory at hand, with interrupts off. Held it is all the same. */
		hold_in_map(held);
		return;
	}
	node->held.pid = held.pid;
	node->held.entry = held.entry;
	node->since = bpf_ktime_get_ns();

	bpf_spin_lock(&held_lock);
	bpf_rbtree_add_impl(&held_tree, &node->node, (void *)sooner, NULL, 0);
	bpf_spin_unlock(&held_lock);
}

static void hold_in_list(struct held held)
{
	struct listed_node *node;

	node = bpf_obj_new_impl(bpf_core_type_id_local(struct listed_node), NULL);
	if (!node) {
		hold_in_map(held);
		return;
	}
	node->held.pid = held.pid;
	node->held.entry = held.entry;

	bpf_spin_lock(&held_lock);
	bpf_list_push_back_impl(&held_list, &node->node, NULL, 0);
	bpf_spin_unlock(&held_lock);
}

static bool take_from_map(struct held *held)
{
	return !bpf_map_pop_elem(&held_tasks, held);
}

static bool take_from_tree(struct held *taken)
{
	struct held_node *held;
	struct bpf_rb_node *node;

	bpf_spin_lock(&held_lock);
	node = bpf_rbtree_first(&held_tree);
	if (node)
		node = bpf_rbtree_remove(&held_tree, node);
	bpf_spin_unlock(&held_lock);
	if (!node)
		return false;

	held = container_of(node, struct held_node, node);
	taken->pid = held->held.pid;
	taken->entry = held->held.entry;
	bpf_obj_drop_impl(held, NULL);
	return true;
}

static bool take_from_list(struct held *taken)
{
	struct listed_node *held;
	struct bpf_list_node *node;

	bpf_spin_lock(&held_lock);
	node = bpf_list_pop_front(&held_list);
	bpf_spin_unlock(&held_lock);
	if (!node)
		return false;

	held = container_of(node, struct listed_node, node);
	taken->pid = held->held.pid;
	taken->entry = held->held.entry;
	bpf_obj_drop_impl(held, NULL);
	return true;
}

static bool take_from(u32 which, struct held *held)
{
	if (which == 0)
		return take_from_map(held);
	return which == 1 ? take_from_tree(held) : take_from_list(held);
}

/*
 * A task that we hold, if there is one. It may be out of date. In turns from each
 * place: they need not ever be empty.
 */
static bool take_held(u32 turn, struct held *held)
{
	u32 i;

	bpf_for(i, turn, turn + 3)
		if (take_from(i % 3, held))
			return true;
	return false;
}

static u64 dsq_of(u32 place, s32 cpu)
{
	switch (place) {
	case PLACE_LOCAL:
		return SCX_DSQ_LOCAL;
	case PLACE_LOCAL_ON:
	case PLACE_FORBIDDEN:
		return SCX_DSQ_LOCAL_ON | (u32)cpu;
	case PLACE_FIFO:
		return FIFO_DSQ;
	case PLACE_VTIME:
		return VTIME_DSQ;
	case PLACE_SECOND:
		return SECOND_DSQ;
	case PLACE_MISSING:
		return MISSING_DSQ;
	default:
		return SCX_DSQ_GLOBAL;
	}
}

/*
 * A task taken back from a user DSQ was ours and is ours again, without a dequeue. Only
 * where the test says so: one from a local DSQ must have left before.
 */
static bool stays_in_custody(struct account *a, u32 place, u64 enq_flags)
{
	return knobs.from_dsq && enq_flags & SCX_ENQ_REENQ && a->state == STATE_CUSTODY &&
	       place & PLACES_CUSTODY;
}

/* Put the task there, and into the books. */
static void put(struct task_struct *p, struct account *a, u32 entry, u32 place,
		u64 enq_flags)
{
	s32 other_cpu = pick_cpu(p, true);
	struct held held = {};
	bool stays;
	u32 i;

	/* One that ends may have lost its pid already. */
	if (place & PLACES_HELD && p->flags & PF_EXITING)
		place = PLACE_FIFO;

	i = index_of(place);
	if (entry >= NR_ENTRIES || i >= NR_PLACES)
		return;

	stays = stays_in_custody(a, place, enq_flags);
	if (!stays) {
		expect_out(p, a, place & PLACES_CUSTODY ? AT_ENTRY_OUT : AT_TERMINAL_OUT);
		check_mark(p, a);
	}
	a->bound = is_bound(p);
	trace(a, (entry == BY_ENQUEUE ? TRACE_ENQUEUE : TRACE_SELECT) + trace_place(place));
	a->changed = false;

	if (place & PLACES_CUSTODY) {
		a->place = place;
		a->cpu = scx_bpf_task_cpu(p);
		a->entry++;
		held.pid = p->pid;
		held.entry = a->entry;
		barrier();
		a->state = STATE_CUSTODY;
		count(stays ? &books.returned : &books.entered[entry][i]);
	} else {
		a->state = STATE_TERMINAL;
		count(&books.terminal[entry][i]);
	}

	if (place == PLACE_MAP)
		hold_in_map(held);
	else if (place == PLACE_TREE)
		hold_in_tree(held);
	else if (place == PLACE_LIST)
		hold_in_list(held);
	else if (place == PLACE_VTIME)
		dsq_insert_vtime(p, VTIME_DSQ, knobs.slice, p->scx.dsq_vtime, enq_flags);
	else
		dsq_insert(p, dsq_of(place, other_cpu), knobs.slice, enq_flags);

	/* Nobody looks at these by himself. */
	if (place & PLACES_CUSTODY) {
		scx_bpf_kick_cpu(other_cpu, SCX_KICK_IDLE);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	}
}

SEC("struct_ops")
s32 BPF_PROG(custody_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct account *a = account_of(p);
	bool idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);
	u32 place;

	if (!knobs.select || !a || (!a->mine && !knobs.everyone))
		return cpu;

	/*
	 * Bypass overrules what is said here, and it can begin before the task is enqueued.
	 * Then the task never was in custody.
	 */
	if (knobs.closing)
		return cpu;

	place = choose(&a->random, knobs.select);
	if (place != PLACE_PASS)
		put(p, a, BY_SELECT_CPU, place, 0);
	return cpu;
}

/* Attached only where traces are kept. */
SEC("struct_ops")
void BPF_PROG(custody_runnable, struct task_struct *p, u64 enq_flags)
{
	struct account *a = account_of(p);

	if (a)
		trace(a, TRACE_RUNNABLE);
}

SEC("struct_ops")
void BPF_PROG(custody_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct account *a = account_of(p);

	if (!a || (!a->mine && !knobs.everyone)) {
		dsq_insert(p, SCX_DSQ_GLOBAL, knobs.slice, enq_flags);
		return;
	}

	if (knobs.fail)
		give_up("asked to fail");

	if (enq_flags & SCX_ENQ_REENQ)
		trace(a, TRACE_REENQUEUED);
	if (knobs.to_mover && !bpf_cpumask_test_cpu(scx_bpf_task_cpu(p), p->cpus_ptr)) {
		count(&books.movers);
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.to_mover), enq_flags);
	} else if (enq_flags & SCX_ENQ_REENQ && knobs.reenqueue)
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.reenqueue), enq_flags);
	else
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.enqueue), enq_flags);
}

/*
 * A held task's latest dispatch, in one number, as several CPUs may write it: the
 * entry, which only grows, the place, and the CPU.
 */
static u64 dispatch_of(u32 entry, u32 place, u32 cpu)
{
	return (u64)entry << 32 | place << 16 | cpu;
}

/* A CPU that is late with this must not overwrite what was noted of a later entry. */
static void note_dispatch(struct account *a, u32 entry, u32 place, u32 cpu)
{
	u64 before;
	u32 i;

	bpf_for(i, 0, 8) {
		before = *(volatile u64 *)&a->dispatch;
		if ((s32)(entry - (u32)(before >> 32)) < 0)
			break;
		if (__sync_val_compare_and_swap(&a->dispatch, before,
						dispatch_of(entry, place, cpu)) == before)
			break;
	}
}

/*
 * Is this CPU dispatching the task? A change which loses its flag looks like a
 * dispatch, but happens elsewhere: what a CPU dispatches, it takes out of custody
 * itself, with interrupts off from when it was inserted. A task is taken off a user
 * DSQ while a program of ours asks for it. Only the module has to let go of such a
 * task before it can report, so that the CPU which picks it may be faster.
 */
static bool dispatched_here(struct account *a, u32 cpu)
{
	u64 dispatch = a->dispatch;
	u32 to = dispatch >> 16 & 0xffff;

	if (cpu >= MAX_CPUS)
		return true;
	if (a->place & PLACES_HELD && !(to & (PLACES_DSQ | PLACE_SECOND)))
		return (dispatch & 0xffff) == cpu;
	return taking[cpu] || scx_custody_support() == SCX_CUSTODY_LIVE;
}

static bool was_dispatched(struct account *a)
{
	return a->place & PLACES_DSQ || a->dispatch >> 32 == a->entry;
}

/*
 * What is true of the run queue that the kernel has noted as locked: it is locked,
 * and it is the task's, or, in a dispatch, possibly that of this CPU. A wrong one
 * mostly is not locked, by chance it may be. While a core is scheduled as one,
 * a CPU dispatches for its sibling as well.
 */
static bool check_noted_rq(struct task_struct *p, struct account *a, const struct rq *rq,
			   u64 deq_flags, u32 leave)
{
	s32 this_cpu = bpf_get_smp_processor_id(), cpu;

	if (!rq) {
		violate(p, a, OWN_CONTEXT, WANT_NOTED_RQ, deq_flags);
		return false;
	}
	cpu = rq->cpu;
	if (!rq_is_locked(rq)) {
		violate(p, a, OWN_CONTEXT, WANT_NOTED_LOCKED, deq_flags);
		return false;
	}
	if (cpu == scx_bpf_task_cpu(p) || rq_shares_lock(rq))
		return true;
	if (leave != LEFT_DISPATCHED) {
		violate(p, a, OWN_CONTEXT, WANT_NOTED_TASKS, deq_flags);
		return false;
	}
	if (cpu != this_cpu) {
		violate(p, a, OWN_CONTEXT, WANT_NOTED_OURS, deq_flags);
		return false;
	}
	return true;
}

/* The kfuncs that need to know which run queue is locked. */
static bool use_noted_rq(struct task_struct *p, struct account *a, u64 deq_flags, u32 leave)
{
	u32 perf = 1 + draw(&a->random_checks) % SCX_CPUPERF_ONE;
	s32 this_cpu = bpf_get_smp_processor_id(), cpu = scx_bpf_task_cpu(p);
	const struct rq *rq;

	if (!bpf_ksym_exists(scx_bpf_locked_rq)) {
		/* Which one it is can be told for sure in these cases only. */
		if (leave != LEFT_DISPATCHED || cpu == this_cpu)
			cpuperf_set(cpu, perf);
		return true;
	}

	rq = scx_bpf_locked_rq();
	if (!check_noted_rq(p, a, rq, deq_flags, leave))
		return false;
	if (!rq)
		return false;
	cpu = rq->cpu;
	if (cpuperf_set(cpu, perf) && rq->scx.cpuperf_target != perf) {
		violate(p, a, OWN_CONTEXT, WANT_CPUPERF, deq_flags);
		return false;
	}
	if (cpu != this_cpu)
		count(&books.noted_other);
	return true;
}

/* And one that is for the task of the op alone; the kernel refuses others. */
static bool use_own_task(struct task_struct *p, struct account *a, u64 deq_flags)
{
	struct cgroup *cgrp, *own;

	if (!bpf_ksym_exists(scx_bpf_task_cgroup) ||
	    !bpf_core_field_exists(p->sched_task_group))
		return true;
	cgrp = scx_bpf_task_cgroup(p);
	if (!cgrp)
		return true;
	/* The group of an autogroup has no cgroup. */
	own = BPF_CORE_READ(p, sched_task_group, css.cgroup);
	if (own && own != cgrp)
		violate(p, a, OWN_CONTEXT, WANT_OWN_CGROUP, deq_flags);
	bpf_cgroup_release(cgrp);
	return true;
}

/* What ops.dequeue() itself gets, on whichever path it is called. */
static void check_context(struct task_struct *p, struct account *a, u64 deq_flags, u32 leave)
{
	if (use_noted_rq(p, a, deq_flags, leave) && use_own_task(p, a, deq_flags) &&
	    leave < NR_LEAVES)
		count(&books.in_context[leave]);
}

static void check_dequeue(struct task_struct *p, struct account *a, u64 deq_flags,
			  u32 leave)
{
	const u64 special = SCX_DEQ_SCHED_CHANGE | SCX_DEQ_CORE_SCHED_EXEC;

	if (deq_flags >> 32 & ~(special >> 32))
		violate(p, a, WRONG_FLAG, WANT_KNOWN_FLAGS, deq_flags);
	if ((deq_flags & special) == special)
		violate(p, a, WRONG_FLAG, WANT_ONE_FLAG, deq_flags);
	if (deq_flags & SCX_DEQ_SLEEP)
		violate(p, a, WRONG_FLAG, WANT_AWAKE, deq_flags);

	if (leave != LEFT_CHANGED && p->pid == held_back.pid) {
		if (held_back.stage == HELD_BACK_LET_GO)
			violate(p, a, OUTDATED, WANT_STAY, deq_flags);
		held_back.pid = 0;
	} else if (leave != LEFT_CHANGED && knobs.parked)
		violate(p, a, WRONG_FLAG, WANT_CHANGE, deq_flags);
	else if (leave == LEFT_DISPATCHED && !was_dispatched(a))
		violate(p, a, WRONG_FLAG, WANT_DISPATCH, deq_flags);
	else if (leave == LEFT_DISPATCHED && !knobs.closing &&
		 !dispatched_here(a, bpf_get_smp_processor_id()))
		violate(p, a, WRONG_FLAG, WANT_DISPATCHER, deq_flags);

	/*
	 * On its way from us to the global DSQ, a task is kept from the dequeues
	 * of other CPUs by its ops_state alone. (To a local DSQ it is by the lock
	 * of the run queue as well.)
	 */
	if (knobs.held_to == PLACE_GLOBAL && a->place & PLACES_HELD &&
	    leave == LEFT_DISPATCHED &&
	    (p->scx.ops_state.counter & OPSS_STATE_MASK) == SCX_OPSS_NONE)
		violate(p, a, LET_GO, WANT_OPS_STATE, deq_flags);
}

static void iterate_dsq(u64 dsq_id)
{
	struct task_struct *p;

	bpf_for_each(scx_dsq, p, dsq_id, 0)
		count(&books.iterated);
}

SEC("struct_ops")
void BPF_PROG(custody_dequeue, struct task_struct *p, u64 deq_flags)
{
	struct account *a = account_of(p);
	u32 leave = LEFT_DISPATCHED, i, cpu = bpf_get_smp_processor_id();

	if (!a)
		return;

	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		leave = LEFT_CHANGED;
	else if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		leave = LEFT_CORE_PICKED;

	trace(a, TRACE_DEQUEUE + trace_flags(deq_flags));
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC && !has_core_cookie(p))
		violate(p, a, WRONG_FLAG, WANT_COOKIE, deq_flags);
	switch (a->state) {
	case STATE_CUSTODY:
		i = index_of(a->place);
		if (i < NR_PLACES)
			count(&books.left[i][leave]);
		if (a->cpu != (s32)cpu && leave == LEFT_DISPATCHED)
			count(&books.crossed);
		if (cpu < MAX_CPUS && leave == LEFT_DISPATCHED)
			dequeued_here[cpu] = true;
		check_dequeue(p, a, deq_flags, leave);
		break;
	case STATE_OVERDUE:
		violate(p, a, LATE, AT_DEQUEUE_SOONER, deq_flags);
		break;
	case STATE_LEFT:
		violate(p, a, DUPLICATE, AT_DEQUEUE_IN, deq_flags);
		break;
	default:
		violate(p, a, BYPASS, AT_DEQUEUE_IN, deq_flags);
	}
	check_mark(p, a);
	check_context(p, a, deq_flags, leave);
	a->state = STATE_LEFT;
	a->changed = leave == LEFT_CHANGED;

	if (knobs.iterate && a->place & PLACES_DSQ)
		iterate_dsq(dsq_of(a->place, 0));
}

/* Is the task still in custody by that very entry? */
static bool still_held(struct account *a, struct held held)
{
	barrier();
	return *(volatile u32 *)&a->state == STATE_CUSTODY &&
	       *(volatile u32 *)&a->entry == held.entry;
}

/*
 * Hand a held task on, if it still is as we know it. Whether that is still so when
 * the dispatch is done, the kernel finds out; that we did not dispatch a later entry,
 * without knowing, we do: the kernel notes during the insertion which one it is for.
 */
static bool dispatch_held(struct held held, s32 this_cpu)
{
	bool dispatched = false;
	struct task_struct *p;
	struct account *a;
	s32 cpu;
	u32 to;

	p = bpf_task_from_pid(held.pid);
	if (!p)
		return false;

	a = account_of(p);
	if (!a || !still_held(a, held)) {
		bpf_task_release(p);
		return false;
	}
	to = choose(&a->random, knobs.held_to);
	cpu = pick_cpu(p, to != PLACE_FORBIDDEN);
	if (to == PLACE_LOCAL && !may_run_on(p, this_cpu))
		to = PLACE_LOCAL_ON;
	if (to == PLACE_VTIME)
		dsq_insert_vtime(p, VTIME_DSQ, knobs.slice, p->scx.dsq_vtime, 0);
	else
		dsq_insert(p, dsq_of(to, cpu), knobs.slice, 0);

	if (to == PLACE_LOCAL)
		cpu = this_cpu;
	if (!still_held(a, held)) {
		/* By another entry, of which this CPU knows nothing. */
		scx_bpf_dispatch_cancel();
	} else if ((to == PLACE_LOCAL || to == PLACE_LOCAL_ON) && !may_run_on(p, cpu)) {
		/* Its affinity changed after we looked. */
		scx_bpf_dispatch_cancel();
		hold_in_map(held);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	} else {
		u32 i = index_of(to), here = bpf_get_smp_processor_id();

		note_dispatch(a, held.entry, to, here);
		if (here < MAX_CPUS && scx_bpf_task_cpu(p) != (s32)here)
			latest[here] = (u64)p;
		if (to == PLACE_GLOBAL)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (i < NR_PLACES)
			count(&books.held_to[i]);
		dispatched = true;
	}
	bpf_task_release(p);
	return dispatched;
}

static void begin_taking(u32 cpu)
{
	if (cpu < MAX_CPUS)
		__sync_fetch_and_add(&taking[cpu], 1);
}

static void end_taking(u32 cpu)
{
	if (cpu < MAX_CPUS)
		__sync_fetch_and_sub(&taking[cpu], 1);
}

/*
 * The same in the way of a scheduler whose CPUs take what there is: it looks at what the
 * task is bound to, and leaves it to the kernel whether the task is off its CPU yet.
 */
static bool take_over(struct held held, s32 this_cpu)
{
	struct task_struct *p = bpf_task_from_pid(held.pid);
	struct account *a;
	bool taken;
	s32 cpu;

	if (!p)
		return false;
	a = account_of(p);
	taken = a && still_held(a, held);
	if (taken) {
		cpu = scx_bpf_task_cpu(p);
		if (a->bound)
			count(&books.bound);
		else if (cpu != this_cpu && bpf_cpumask_test_cpu(this_cpu, p->cpus_ptr)) {
			cpu = this_cpu;
			count(&books.taken);
		}
		dsq_insert(p, SCX_DSQ_LOCAL_ON | (u32)cpu, knobs.slice, 0);
		note_dispatch(a, held.entry, PLACE_LOCAL_ON, bpf_get_smp_processor_id());
		if (cpu != this_cpu)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	}
	bpf_task_release(p);
	return taken;
}

#define NR_TURNS	(1 << 23)	/* more than there is time for */

/*
 * Keep the CPU busy for so long, or until the stage is reached. Says whether it was.
 * Interrupts may be off, so it must not be long.
 */
static bool keep_busy(u64 ns, u32 stage)
{
	u64 until = bpf_ktime_get_ns() + ns;
	s32 i;

	bpf_for(i, 0, NR_TURNS) {
		if (stage && *(volatile u32 *)&held_back.stage == stage)
			return true;
		if (bpf_ktime_get_ns() >= until)
			break;
	}
	return false;
}

/*
 * Decide on a task and keep that to ourselves: the kernel acts on it when ops.dispatch()
 * returns, and until then the task may change.
 */
static void hold_back(s32 this_cpu)
{
	struct task_struct *p;

	if (held_back.stage != HELD_BACK_ASKED || held_back.cpu != this_cpu)
		return;
	p = bpf_task_from_pid(held_back.pid);
	if (!p)
		return;
	dsq_insert(p, SCX_DSQ_GLOBAL, knobs.slice, 0);
	bpf_task_release(p);
	held_back.stage = HELD_BACK_DECIDED;
	held_back.stage = keep_busy(held_back.limit, HELD_BACK_CHANGED) ? HELD_BACK_LET_GO :
									 HELD_BACK_EXPIRED;
}

static void move_from(u64 dsq_id)
{
	u32 to = choose(&knobs.random, knobs.dsq_to), i = index_of(to), moved = 0;
	struct task_struct *p;

	if (!to || i >= NR_PLACES)
		return;

	if (to == PLACE_LOCAL) {
		if (dsq_move_to_local(dsq_id))
			count(&books.dsq_to[i]);
		return;
	}

	bpf_for_each(scx_dsq, p, dsq_id, 0) {
		s32 cpu = pick_cpu(p, true);

		if (!dsq_move(&___it, p, dsq_of(to, cpu)))
			continue;
		count(&books.dsq_to[i]);
		/* Nobody looks at the global DSQ by himself either. */
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (++moved == 4)
			break;
	}
}

/* If ops.dequeue() ran inside this op: does the op still know its run queue? */
static void use_locked_rq(u32 cpu, struct task_struct *prev)
{
	if (cpu >= MAX_CPUS || !dequeued_here[cpu])
		return;
	if (bpf_ksym_exists(scx_bpf_locked_rq) && !scx_bpf_locked_rq()) {
		struct account none = {};

		violate(prev, &none, OUTER_OP, WANT_LOCKED_RQ, 0);
		return;
	}
	cpuperf_set(cpu, SCX_CPUPERF_ONE);
	count(&books.locked_rq_used);
}

static void dispatch(u32 cpu, struct task_struct *prev)
{
	u32 i, dispatched = 0;
	struct held held;

	if (cpu < MAX_CPUS)
		dequeued_here[cpu] = false;

	/* In a storm of changes most are out of date. */
	bpf_for(i, 0, MAX_STALE) {
		if (!take_held(i, &held))
			break;
		if ((knobs.take ? take_over(held, cpu) : dispatch_held(held, cpu)) &&
		    ++dispatched == 4)
			break;
	}
	move_from(FIFO_DSQ);
	move_from(VTIME_DSQ);
	dsq_move_to_local(SECOND_DSQ);

	if (knobs.use_locked_rq && prev)
		use_locked_rq(cpu, prev);
}

static u32 probed_ops_state(struct task_struct *p)
{
	return BPF_CORE_READ(p, scx.ops_state.counter) & OPSS_STATE_MASK;
}

SEC("struct_ops")
void BPF_PROG(custody_dispatch, s32 cpu, struct task_struct *prev)
{
	/* Core scheduling has a CPU dispatch for its sibling: not always the same. */
	u32 this_cpu = bpf_get_smp_processor_id();

	__sync_fetch_and_add(&dispatching, 1);
	begin_taking(this_cpu);
	hold_back(cpu);
	if (!knobs.parked)
		dispatch(cpu, prev);
	if (this_cpu < MAX_CPUS)
		latest[this_cpu] = 0;
	end_taking(this_cpu);
	__sync_fetch_and_sub(&dispatching, 1);
}

/*
 * Some kernels let go of a task that they put on a user DSQ only after they have unlocked
 * that. It is a matter of a few instructions, but this program runs amid them. Give other
 * CPUs the time to find the task there, if it is on a DSQ and its dispatch under way, and
 * to bring it back to us.
 */
SEC("?fexit/_raw_spin_unlock")
int BPF_PROG(delay_release)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct task_struct *p;
	u64 until;
	s32 i;

	if (!knobs.delay || cpu >= MAX_CPUS || !latest[cpu])
		return 0;
	p = (struct task_struct *)latest[cpu];
	if (probed_ops_state(p) != SCX_OPSS_DISPATCHING || !BPF_CORE_READ(p, scx.dsq))
		return 0;

	latest[cpu] = 0;
	count(&books.delayed);
	until = bpf_ktime_get_ns() + knobs.delay;
	bpf_for(i, 0, NR_TURNS)
		if (probed_ops_state(p) == SCX_OPSS_QUEUED || bpf_ktime_get_ns() >= until)
			break;
	return 0;
}

/* Move some tasks of that DSQ, from where no run queue is locked. */
static void move_unlocked_from(u64 dsq_id)
{
	s32 this_cpu = bpf_get_smp_processor_id();
	struct task_struct *p;
	u32 moved = 0;

	bpf_for_each(scx_dsq, p, dsq_id, 0) {
		u32 to = choose(&knobs.random, knobs.unlocked_to), i;
		s32 cpu = pick_cpu(p, true);

		if (to == PLACE_LOCAL && !may_run_on(p, this_cpu))
			to = PLACE_LOCAL_ON;
		if (dsq_of(to, cpu) == dsq_id)
			continue;
		if (!(to == PLACE_VTIME ? dsq_move_vtime(&___it, p, VTIME_DSQ) :
					  dsq_move(&___it, p, dsq_of(to, cpu))))
			continue;
		i = index_of(to);
		if (i < NR_PLACES)
			count(&books.unlocked_to[i]);
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (++moved == 2)
			break;
	}
}

static void move_unlocked(void)
{
	u32 this_cpu = bpf_get_smp_processor_id();

	__sync_fetch_and_add(&moving, 1);
	begin_taking(this_cpu);
	if (knobs.unlocked_to && !knobs.parked) {
		bpf_rcu_read_lock();
		move_unlocked_from(FIFO_DSQ);
		move_unlocked_from(VTIME_DSQ);
		move_unlocked_from(SECOND_DSQ);
		bpf_rcu_read_unlock();
	}
	end_taking(this_cpu);
	__sync_fetch_and_sub(&moving, 1);
}

/*
 * The task that this one takes over from is ours already, and this very program, which
 * runs in it, has its migration disabled. Give other CPUs the time to look at it.
 */
static void linger(void)
{
	struct account *a = account_of(bpf_get_current_task_btf());

	if (a && a->mine && a->state == STATE_CUSTODY)
		keep_busy(knobs.linger, 0);
}

SEC("struct_ops")
void BPF_PROG(custody_running, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	count(&books.running);
	trace(a, TRACE_RUNNING);
	if (a->changed && !knobs.closing)
		violate(p, a, WRONG_FLAG, WANT_NO_CHANGE, SCX_DEQ_SCHED_CHANGE);
	a->changed = false;

	expect_out(p, a, AT_RUNNING_OUT);
	check_mark(p, a);
	if (a->state != STATE_OVERDUE)
		a->state = STATE_RUNNING;
	if (knobs.from_dsq)
		a->ran = bpf_ktime_get_ns();
	if (knobs.linger)
		linger();
}

SEC("struct_ops")
void BPF_PROG(custody_stopping, struct task_struct *p, bool runnable)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	trace(a, TRACE_STOPPING);
	expect_out(p, a, AT_STOPPING_OUT);
}

SEC("struct_ops")
void BPF_PROG(custody_quiescent, struct task_struct *p, u64 deq_flags)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	trace(a, TRACE_QUIESCENT + trace_flags(deq_flags));
	if (deq_flags & SCX_DEQ_SLEEP)
		count(&books.slept);
	else if (a->state == STATE_RUNNING)
		count(&books.changed_running);
	else if (a->state == STATE_TERMINAL)
		count(&books.changed_waiting);

	expect_out(p, a, AT_QUIESCENT_OUT);
	if (a->state != STATE_OVERDUE)
		a->state = STATE_OUT;
}

SEC("struct_ops")
void BPF_PROG(custody_cpu_release, s32 cpu, struct scx_cpu_release_args *args)
{
	scx_bpf_reenqueue_local();
}

SEC("struct_ops")
void BPF_PROG(custody_enable, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (a) {
		a->state = STATE_OUT;
		a->changed = false;
	}
}

SEC("struct_ops")
void BPF_PROG(custody_disable, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	/* When a task that has ended gets here is no matter of its scheduling. */
	if (!(p->flags & PF_EXITING))
		trace(a, TRACE_DISABLE);
	expect_out(p, a, AT_DISABLE_OUT);
	a->state = STATE_OUT;
}

SEC("struct_ops.s")
s32 BPF_PROG(custody_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct account *a, *parents = NULL;

	a = bpf_task_storage_get(&accounts, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!a)
		return -ENOMEM;

	if (args->fork)
		parents = account_of(bpf_get_current_task_btf());
	a->random = p->pid;
	if (parents) {
		a->mine = parents->mine;
		a->random = draw(&parents->random);
		a->phase.test = parents->phase.test;
	}
	return 0;
}

SEC("struct_ops")
void BPF_PROG(custody_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	struct account *a = account_of(p);

	if (a) {
		expect_out(p, a, AT_DISABLE_OUT);
		count(&books.exited);
	}
}

/* With these two the scheduler stays when a CPU comes or goes. */
SEC("struct_ops")
void BPF_PROG(custody_cpu_online, s32 cpu)
{
}

SEC("struct_ops")
void BPF_PROG(custody_cpu_offline, s32 cpu)
{
}

SEC("struct_ops")
void BPF_PROG(custody_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	count(&books.cgroup_weight);
}

SEC("struct_ops.s")
s32 BPF_PROG(custody_init)
{
	s32 err = scx_bpf_create_dsq(FIFO_DSQ, -1);

	if (!err)
		err = scx_bpf_create_dsq(VTIME_DSQ, -1);
	if (!err)
		err = scx_bpf_create_dsq(SECOND_DSQ, -1);
	if (!err)
		err = scx_bpf_create_dsq(MISSING_DSQ, -1);
	if (!err)
		scx_bpf_destroy_dsq(MISSING_DSQ);
	return err;
}

SEC("struct_ops")
void BPF_PROG(custody_exit, struct scx_exit_info *info)
{
	/* That is our doing. */
	if (info->kind == SCX_EXIT_UNREG)
		return;
	bpf_probe_read_kernel_str(ending.message, sizeof(ending.message), info->msg);
	ending.kind = info->kind;
}

SEC(".struct_ops.link")
struct sched_ext_ops custody_ops = {
	.select_cpu		= (void *)custody_select_cpu,
	.runnable		= (void *)custody_runnable,
	.enqueue		= (void *)custody_enqueue,
	.dequeue		= (void *)custody_dequeue,
	.dispatch		= (void *)custody_dispatch,
	.running		= (void *)custody_running,
	.stopping		= (void *)custody_stopping,
	.quiescent		= (void *)custody_quiescent,
	.cpu_release		= (void *)custody_cpu_release,
	.enable			= (void *)custody_enable,
	.disable		= (void *)custody_disable,
	.init_task		= (void *)custody_init_task,
	.exit_task		= (void *)custody_exit_task,
	.cpu_online		= (void *)custody_cpu_online,
	.cpu_offline		= (void *)custody_cpu_offline,
	.cgroup_set_weight	= (void *)custody_cgroup_set_weight,
	.init			= (void *)custody_init,
	.exit			= (void *)custody_exit,
	.timeout_ms		= 10000,
	.name			= "custody",
};

/* What the test program asks for itself. */

/* From now on the task and its children to come are test tasks. */
SEC("syscall")
int adopt(struct errand *errand)
{
	struct task_struct *p = bpf_task_from_pid(errand->pid);
	struct account *a;

	if (!p)
		return 1;
	a = bpf_task_storage_get(&accounts, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (a) {
		a->mine = true;
		a->random = errand->seed;
		a->phase.test = knobs.test;
	}
	bpf_task_release(p);
	return !a;
}

/* Does the kernel mark the task as in custody? */
SEC("syscall")
int read_mark(struct errand *errand)
{
	struct task_struct *p = bpf_task_from_pid(errand->pid);

	if (!p)
		return 1;
	errand->answer = !!(p->scx.flags & task_in_custody_flag());
	bpf_task_release(p);
	return 0;
}

/* Is core scheduling on, for that CPU? */
SEC("syscall")
int read_core_scheduling(struct errand *errand)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, errand->cpu);

	errand->answer = rq && bpf_core_field_exists(rq->core_enabled) && rq->core_enabled;
	return 0;
}

/*
 * Name the test tasks that are in custody, which should have been dispatched; if there is
 * a duration, those that have not been run for so long.
 */
SEC("syscall")
int find_stuck(struct errand *errand)
{
	u64 now = bpf_ktime_get_ns();
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_for_each(task, p, NULL, BPF_TASK_ITER_ALL_THREADS) {
		struct account *a = account_of(p);

		if (!a || !a->mine || a->state != STATE_CUSTODY)
			continue;
		if (errand->duration && (!a->ran || a->ran + errand->duration > now))
			continue;
		violate(p, a, STUCK, WANT_RUN, 0);
	}
	bpf_rcu_read_unlock();
	return 0;
}

/*
 * These two are loaded if the kernel takes them: not every kernel lets a program
 * that is not an op move tasks.
 */
SEC("?syscall")
int move_now(struct errand *errand)
{
	move_unlocked();
	return 0;
}

struct mover {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CPUS);
	__type(key, u32);
	__type(value, struct mover);
} movers SEC(".maps");

static int move_on_timer(void *map, u32 *cpu, struct mover *mover)
{
	move_unlocked();
	if (knobs.unlocked_to)
		bpf_timer_start(&mover->timer, MOVER_PERIOD, BPF_F_TIMER_CPU_PIN);
	return 0;
}

/* From now on this CPU moves tasks by itself, as long as there is somewhere to. */
SEC("?syscall")
int start_mover(struct errand *errand)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct mover *mover = bpf_map_lookup_elem(&movers, &cpu);

	if (!mover)
		return 1;
	/* From the second time on it says that this is done. */
	bpf_timer_init(&mover->timer, &movers, CLOCK_MONOTONIC);
	return bpf_timer_set_callback(&mover->timer, move_on_timer) ||
	       bpf_timer_start(&mover->timer, MOVER_PERIOD, BPF_F_TIMER_CPU_PIN);
}

/*
 * Have tasks taken back from user DSQs for so long, and have a CPU that is idle dispatch
 * them again meanwhile. The answer is whether the kernel can do that.
 */
SEC("syscall")
int reenqueue(struct errand *errand)
{
	u64 until = bpf_ktime_get_ns() + errand->duration;
	s32 i;

	errand->answer = !!bpf_ksym_exists(scx_bpf_dsq_reenq);
	if (!errand->answer)
		return 0;
	bpf_for(i, 0, NR_TURNS) {
		if (bpf_ktime_get_ns() >= until)
			break;
		scx_bpf_dsq_reenq(FIFO_DSQ, 0);
		scx_bpf_dsq_reenq(VTIME_DSQ, 0);
		scx_bpf_kick_cpu(errand->cpu, SCX_KICK_IDLE);
	}
	return 0;
}

SEC("syscall")
int kick(struct errand *errand)
{
	scx_bpf_kick_cpu(errand->cpu, SCX_KICK_IDLE);
	return 0;
}

/*
 * What the next entry into custody on a CPU would be numbered if the CPU did that, and
 * what the task's is.
 */
SEC("syscall")
int read_entry_numbers(struct errand *errand)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, errand->cpu);
	struct task_struct *p = bpf_task_from_pid(errand->pid);
	int err = 1;

	if (!p)
		return 1;
	if (rq && bpf_core_field_exists(rq->scx.ops_qseq)) {
		errand->entry = entry_number(p);
		errand->next_entry = rq->scx.ops_qseq;
		err = 0;
	}
	bpf_task_release(p);
	return err;
}

/* A task that runs BPF for so long cannot change its CPU meanwhile, nor if preempted. */
SEC("syscall")
int stay(struct errand *errand)
{
	keep_busy(errand->duration, 0);
	return 0;
}
