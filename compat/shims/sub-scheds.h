/* whether there is an ops.dequeue() to call, cheap enough for the hot paths */
static __always_inline bool scx_has_dequeue(const struct task_struct *p)
{
	return SCX_HAS_OP(scx_task_sched_rcu(p), dequeue);
}

/* the rq on behalf of which this CPU is dispatching @p */
static __always_inline struct rq *scx_dispatching_rq(const struct task_struct *p)
{
	return this_cpu_ptr(scx_task_sched_rcu(p)->pcpu)->dsp_ctx.rq;
}

/*
 * Call ops.dequeue() with @rq locked, be it from inside another op. The op call
 * macros give the outer op back its locked rq. They expect that it has no task
 * of its own, as is the case for ops.dispatch().
 */
static void scx_call_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	SCX_CALL_OP_TASK(scx_task_sched_rcu(p), dequeue, rq, p, deq_flags);
}
