/*
 * Custody.
 *
 * A task is in the BPF scheduler's custody while the BPF scheduler decides what
 * becomes of it: it is on a user DSQ, or ops.enqueue() returned without
 * inserting it anywhere. %SCX_TASK_IN_CUSTODY is set for just as long, whether
 * or not there is an ops.dequeue() to tell.
 *
 * Each time custody ends, ops.dequeue() is called once. What makes it once:
 *
 * - @p->scx.flags isn't atomic and belongs to whoever owns @p: the holder of
 *   task_rq(@p)'s lock or, while @p->scx.ops_state is DISPATCHING, the CPU which
 *   is dispatching @p. A dispatch must thus be done with custody, callback
 *   included, before it releases ops_state.
 *
 * - The flag is cleared first and ops.dequeue() called after, both under the
 *   same ownership, so that nobody else can find the flag set and report again.
 *
 * - ops.dequeue() may iterate the DSQ which @p comes from and that takes the
 *   DSQ's lock. No DSQ lock may be held here.
 */

/* the built-in DSQs are run by the core without asking the BPF scheduler again */
static __always_inline bool scx_dsq_is_terminal(const struct scx_dispatch_q *dsq)
{
	return dsq->id & SCX_DSQ_FLAG_BUILTIN;
}

/* out of line, custody ends in too many places to have an op call in each */
static noinline void scx_custody_report(struct task_struct *p, u64 deq_flags)
{
	unsigned long opss = atomic_long_read(&p->scx.ops_state);
	struct rq *rq;

	/* the lock that comes with owning @p, see above */
	if ((opss & SCX_OPSS_STATE_MASK) == SCX_OPSS_DISPATCHING)
		rq = scx_dispatching_rq(p);
	else
		rq = task_rq(p);

	lockdep_assert_rq_held(rq);
	scx_call_dequeue(rq, p, deq_flags);
}

/**
 * scx_custody_begin - The BPF scheduler becomes responsible for a task
 * @p: task which goes on a user DSQ or stays with the BPF scheduler
 *
 * No-op if @p already is in custody, e.g. when it goes from the BPF scheduler's
 * own data structures to a user DSQ.
 */
static __always_inline void scx_custody_begin(struct task_struct *p)
{
	p->scx.flags |= SCX_TASK_IN_CUSTODY;
}

/**
 * scx_custody_end - The BPF scheduler stops being responsible for a task
 * @p: task which goes on a terminal DSQ or is taken away
 * @deq_flags: %SCX_DEQ_* to tell ops.dequeue()
 *
 * No-op if @p isn't in custody.
 */
static __always_inline void scx_custody_end(struct task_struct *p, u64 deq_flags)
{
	if (!(p->scx.flags & SCX_TASK_IN_CUSTODY))
		return;

	p->scx.flags &= ~SCX_TASK_IN_CUSTODY;
	if (scx_has_dequeue(p))
		scx_custody_report(p, deq_flags);
}

/**
 * scx_custody_end_on_dequeue - Take a task out of custody as it leaves its rq
 * @p: task being dequeued, no dispatch of which is in progress
 * @deq_flags: %SCX_DEQ_* to tell ops.dequeue()
 *
 * A task which move_remote_task_to_local_dsq() is taking to another rq isn't
 * leaving. It is on its way to a local DSQ and custody ends there.
 */
static __always_inline void scx_custody_end_on_dequeue(struct task_struct *p,
						       u64 deq_flags)
{
	if (unlikely(p->scx.flags & SCX_TASK_IN_CUSTODY) && p->scx.sticky_cpu < 0)
		scx_custody_end(p, deq_flags);
}

/**
 * scx_custody_forget - Don't let custody outlive the BPF scheduler
 * @p: task which the BPF scheduler gets or gives back, not in custody
 */
static __always_inline void scx_custody_forget(struct task_struct *p)
{
	if (WARN_ON_ONCE(p->scx.flags & SCX_TASK_IN_CUSTODY))
		p->scx.flags &= ~SCX_TASK_IN_CUSTODY;
}
