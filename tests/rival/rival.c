// SPDX-License-Identifier: GPL-2.0
/*
 * For the tests of scx_custody: what may come between. Without a parameter, another
 * module that redirects a function of sched_ext, as a live patch does; here to where
 * it is anyway. ftrace lets only one do that.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

static bool hold;
module_param(hold, bool, 0);
MODULE_PARM_DESC(hold, "keep BPF schedulers waiting in bpf_scx_reg(), until this is unloaded");

static bool fail;
module_param(fail, bool, 0);
MODULE_PARM_DESC(fail, "have ftrace fail from now on, as it does once it has found a fault");

static int mark;
module_param(mark, int, 0);
MODULE_PARM_DESC(mark, "mark the task of this number as in custody");

/* in the kernel's headers only where it is patched */
#define SCX_TASK_IN_CUSTODY	BIT(1)

/* --- redirection -------------------------------------------------------------- */

static void notrace redirect(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
}

static struct ftrace_ops rival_ops = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_IPMODIFY,
};

static int __init redirect_one(void)
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

/* --- the rest ------------------------------------------------------------------- */

/* of a function; a probe is the one way for a module to have it */
static void *__init function_address(const char *name)
{
	struct kprobe probe = { .symbol_name = name };
	int err;

	err = register_kprobe(&probe);
	if (err)
		return ERR_PTR(err);
	unregister_kprobe(&probe);
	return probe.addr;
}

static struct task_struct *holder;
static DECLARE_COMPLETION(held);

static int hold_mutex(void *mutex)
{
	mutex_lock(mutex);
	complete(&held);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	mutex_unlock(mutex);
	return 0;
}

static int __init hold_schedulers(void)
{
	unsigned long (*lookup)(const char *name) = function_address("kallsyms_lookup_name");
	void *mutex;

	if (IS_ERR(lookup))
		return PTR_ERR(lookup);
	mutex = (void *)lookup("scx_enable_mutex");
	if (!mutex)
		return -ENOENT;
	holder = kthread_run(hold_mutex, mutex, "rival");
	if (IS_ERR(holder))
		return PTR_ERR(holder);
	wait_for_completion(&held);
	return 0;
}

static int __init fail_ftrace(void)
{
	typeof(ftrace_kill) *kill = function_address("ftrace_kill");

	if (IS_ERR(kill))
		return PTR_ERR(kill);
	kill();
	return 0;
}

static int __init mark_task(void)
{
	struct task_struct *p;

	guard(rcu)();
	p = pid_task(find_vpid(mark), PIDTYPE_PID);
	if (!p)
		return -ESRCH;
	p->scx.flags |= SCX_TASK_IN_CUSTODY;
	return 0;
}

static int __init rival_init(void)
{
	if (hold)
		return hold_schedulers();
	if (fail)
		return fail_ftrace();
	if (mark)
		return mark_task();
	return redirect_one();
}

static void __exit rival_exit(void)
{
	if (holder) {
		kthread_stop(holder);
	} else if (!fail && !mark) {
		unregister_ftrace_function(&rival_ops);
		ftrace_free_filter(&rival_ops);
	}
}

module_init(rival_init);
module_exit(rival_exit);

MODULE_DESCRIPTION("Comes between, to test scx_custody");
MODULE_LICENSE("GPL");
