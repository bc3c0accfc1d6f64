/*
 * Call ops.dequeue() with @rq locked. Unlike other ops it is also called from
 * inside another op, e.g. when ops.dispatch() moves a task to a local DSQ. Give
 * the outer op back its task.
 */
static void scx_call_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	struct task_struct *outer_task = current->scx.kf_tasks[0];

	SCX_CALL_OP_TASK(SCX_KF_REST, dequeue, p, deq_flags);
	current->scx.kf_tasks[0] = outer_task;
}
