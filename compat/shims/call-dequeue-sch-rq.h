/*
 * Call ops.dequeue() with @rq locked. Unlike other ops it is also called from
 * inside another op, e.g. when ops.dispatch() moves a task to a local DSQ,
 * possibly after the locked rq changed. Give the outer op back its locked rq and
 * its task. The former may be unlocked at this point, which update_locked_rq()
 * would trip over.
 */
static void scx_call_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	struct scx_sched *sch = rcu_dereference_sched(scx_root);
	struct task_struct *outer_task = current->scx.kf_tasks[0];
	struct rq *outer_rq = scx_locked_rq();

	SCX_CALL_OP_TASK(sch, SCX_KF_REST, dequeue, rq, p, deq_flags);

	current->scx.kf_tasks[0] = outer_task;
	__this_cpu_write(LOCKED_RQ, outer_rq);
}
