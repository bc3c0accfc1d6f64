/* the rq on behalf of which this CPU is dispatching @p */
static __always_inline struct rq *scx_dispatching_rq(const struct task_struct *p)
{
	return this_cpu_ptr(scx_dsp_ctx)->rq;
}
