/* the built-in DSQs are run by the core without asking the BPF scheduler again */
static __always_inline bool scx_dsq_is_terminal(const struct scx_dispatch_q *dsq)
{
	return dsq->id & SCX_DSQ_FLAG_BUILTIN;
}

/* whether there is an ops.dequeue() to call, cheap enough for the hot paths */
static __always_inline bool scx_has_dequeue(void)
{
	return SCX_HAS_OP(dequeue);
}

/*
 * Tell the BPF scheduler that it lost custody of @p, with @rq locked.
 *
 * Unlike other ops, ops.dequeue() is also called from inside another op, e.g.
 * when ops.dispatch() moves a task to a local DSQ. Give the outer op back its
 * task.
 */
static noinline void scx_call_dequeue(struct rq *rq, struct task_struct *p,
				      u64 deq_flags)
{
	struct task_struct *outer_task = current->scx.kf_tasks[0];

	lockdep_assert_rq_held(rq);
	SCX_CALL_OP_TASK(SCX_KF_REST, dequeue, p, deq_flags);
	current->scx.kf_tasks[0] = outer_task;
}
