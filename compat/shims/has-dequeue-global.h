/* whether there is an ops.dequeue() to call, cheap enough for the hot paths */
static __always_inline bool scx_has_dequeue(const struct task_struct *p)
{
	return SCX_HAS_OP(dequeue);
}
