// SPDX-License-Identifier: GPL-2.0
/*
 * For the tests of scx_custody: another module that redirects a function of
 * sched_ext, as a live patch does; here to where it is anyway. ftrace lets only one
 * do that.
 */
#include <linux/ftrace.h>
#include <linux/module.h>

static void notrace redirect(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
}

static struct ftrace_ops rival_ops = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_IPMODIFY,
};

static int __init rival_init(void)
{
	static char function[] __initdata = "dispatch_enqueue";
	int err;

	err = ftrace_set_filter(&rival_ops, function, strlen(function), 1);
	if (!err)
		err = register_ftrace_function(&rival_ops);
	if (err)
		ftrace_free_filter(&rival_ops);
	return err;
}

static void __exit rival_exit(void)
{
	unregister_ftrace_function(&rival_ops);
	ftrace_free_filter(&rival_ops);
}

module_init(rival_init);
module_exit(rival_exit);

MODULE_DESCRIPTION("Redirects dispatch_enqueue(), to test scx_custody");
MODULE_LICENSE("GPL");
