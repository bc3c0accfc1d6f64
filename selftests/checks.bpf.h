/* SPDX-License-Identifier: GPL-2.0-only */
/* What must hold whenever an op is called, and what is noted where it does not. */
#ifndef CHECKS_BPF_H
#define CHECKS_BPF_H

#include "account.bpf.h"

#define OPSS_STATE_MASK	3		/* the rest of ops_state is a sequence number */

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

static void begin_taking(void)
{
	struct here *here = look_here();

	if (here)
		__sync_fetch_and_add(&here->taking, 1);
}

static void end_taking(void)
{
	struct here *here = look_here();

	if (here)
		__sync_fetch_and_sub(&here->taking, 1);
}

/*
 * Is this CPU dispatching the task? A change which loses its flag looks like a
 * dispatch, but happens elsewhere: what a CPU dispatches, it takes out of custody
 * itself, with interrupts off from when it was inserted. A task is taken off a user
 * DSQ while a program of ours asks for it. Only the module has to let go of such a
 * task before it can report, so that the CPU which picks it may be faster.
 */
static bool dispatched_here(struct account *a)
{
	struct here *here = look_here();
	u64 dispatch = a->dispatch;
	u32 to = dispatch >> 16 & 0xffff;

	if (!here)
		return true;
	if (a->place & PLACES_HELD && !(to & (PLACES_DSQ | PLACE_SECOND)))
		return (dispatch & 0xffff) == bpf_get_smp_processor_id();
	return here->taking || scx_custody_support() == SCX_CUSTODY_LIVE;
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
		 !dispatched_here(a))
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

#endif
