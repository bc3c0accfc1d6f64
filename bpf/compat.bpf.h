/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows what sched_ext looked like before the newest kernel.
 * Everything else is written for the names and calls of that kernel.
 */
#ifndef COMPAT_BPF_H
#define COMPAT_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include "scx_custody.bpf.h"

/* 6.12 has these under names that 6.13 replaced; libbpf drops the suffix. */
void scx_bpf_dispatch___old(struct task_struct *p, u64 dsq_id, u64 slice,
			    u64 enq_flags) __weak __ksym;
void scx_bpf_dispatch_vtime___old(struct task_struct *p, u64 dsq_id, u64 slice,
				  u64 vtime, u64 enq_flags) __weak __ksym;
bool scx_bpf_consume___old(u64 dsq_id) __weak __ksym;
bool scx_bpf_dispatch_from_dsq___old(struct bpf_iter_scx_dsq *it,
				     struct task_struct *p, u64 dsq_id,
				     u64 enq_flags) __weak __ksym;
bool scx_bpf_dispatch_vtime_from_dsq___old(struct bpf_iter_scx_dsq *it,
					   struct task_struct *p, u64 dsq_id,
					   u64 enq_flags) __weak __ksym;

/* Newer kernels may call this from any op, not from ops.cpu_release() alone. */
void scx_bpf_reenqueue_local___v2___any(void) __weak __ksym;

static inline void dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice,
			      u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert))
		scx_bpf_dsq_insert(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dispatch___old(p, dsq_id, slice, enq_flags);
}

static inline void dsq_insert_vtime(struct task_struct *p, u64 dsq_id,
				    u64 slice, u64 vtime, u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime))
		scx_bpf_dsq_insert_vtime(p, dsq_id, slice, vtime, enq_flags);
	else
		scx_bpf_dispatch_vtime___old(p, dsq_id, slice, vtime, enq_flags);
}

static inline bool dsq_move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local))
		return scx_bpf_dsq_move_to_local(dsq_id);
	return scx_bpf_consume___old(dsq_id);
}

static inline bool dsq_move(struct bpf_iter_scx_dsq *it, struct task_struct *p,
			    u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move))
		return scx_bpf_dsq_move(it, p, dsq_id, 0);
	return scx_bpf_dispatch_from_dsq___old(it, p, dsq_id, 0);
}

static inline bool dsq_move_vtime(struct bpf_iter_scx_dsq *it, struct task_struct *p,
				  u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_vtime))
		return scx_bpf_dsq_move_vtime(it, p, dsq_id, 0);
	return scx_bpf_dispatch_vtime_from_dsq___old(it, p, dsq_id, 0);
}

/* Stock 7.2.6 was built with a pahole that spoilt the prototype of this one, too. */
static inline bool cpuperf_set(s32 cpu, u32 perf)
{
	if (!bpf_ksym_exists(scx_bpf_cpuperf_set))
		return false;
	scx_bpf_cpuperf_set(cpu, perf);
	return true;
}

/* The kernel's own mark of custody; 0 where the kernel has none. */
static inline u32 task_in_custody_flag(void)
{
	/* the module's types are not among the kernel's */
	if (scx_custody_support() == SCX_CUSTODY_LIVE)
		return SCX_TASK_IN_CUSTODY;
	if (bpf_core_enum_value_exists(enum scx_ent_flags, SCX_TASK_IN_CUSTODY))
		return bpf_core_enum_value(enum scx_ent_flags, SCX_TASK_IN_CUSTODY);
	return 0;
}

/* Neither on a run queue nor on a CPU. Some kernels have int here, some u8. */
static inline bool task_is_off(struct task_struct *p)
{
	return !BPF_CORE_READ_BITFIELD_PROBED(p, on_rq) &&
	       !BPF_CORE_READ_BITFIELD_PROBED(p, on_cpu);
}

/* Only where there is core scheduling can a task have a cookie. */
static inline bool has_core_cookie(struct task_struct *p)
{
	return bpf_core_field_exists(p->core_cookie) && p->core_cookie;
}

/* While a core is scheduled as one, its run queues are locked by one lock. */
static inline bool rq_shares_lock(const struct rq *rq)
{
	return bpf_core_field_exists(rq->core_enabled) && rq->core_enabled;
}

/*
 * Does anybody hold the run queue's lock? A queued spinlock says so in its lowest byte. A
 * ticket spinlock, which riscv64 makes of the same word when it boots on a CPU without the
 * instructions for a queued one, does so by two halves that differ. Nothing here tells which of the
 * two it is. A lock that either would call held counts as held, so that a ticket's lowest byte,
 * which is zero in one of 256, is not taken for a queued spinlock that nobody holds.
 */
static inline bool rq_is_locked(const struct rq *rq)
{
	u32 lock;

	if (!bpf_core_field_exists(rq->__lock.raw_lock.val.counter))
		return true;
	if (rq_shares_lock(rq))
		lock = BPF_CORE_READ(rq, core, __lock.raw_lock.val.counter);
	else
		lock = BPF_CORE_READ(rq, __lock.raw_lock.val.counter);
	return (lock & 0xff) || (lock >> 16) != (lock & 0xffff);
}

/* The number of the task's entry, as long as it is held. */
static inline u64 entry_number(struct task_struct *p)
{
	return (u64)p->scx.ops_state.counter >> 2;
}

#endif
