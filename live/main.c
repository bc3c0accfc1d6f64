// SPDX-License-Identifier: GPL-2.0
/*
 * scx_custody: custody semantics for BPF schedulers, on a running kernel
 *
 * Some functions of sched_ext are redirected to the ones below, which do what the
 * patches to ext.c do and call the original for the rest. The redirection is
 * ftrace's, the one that live patches use. Only bpf_scx_reg() and
 * bpf_scx_unreg() are redirected all the time; the others while a BPF scheduler
 * is registered.
 *
 * docs/live.md tells what was considered, and where this differs from a patched
 * kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/ext.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/sysfs.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>

#include "fit.h"

/*
 * Which of the hazards of docs/semantics.md the module leaves open, by their numbers:
 * for the log, for sysfs, and from there for scx-custody status.
 */
#define OPEN_HAZARDS \
	"unless the kernel itself has the fixes: 11, a CPU that goes offline may wait for tasks in custody; 12, a BPF scheduler may be ejected for a task that is still being switched out"

/* --- counters ----------------------------------------------------------------- */

enum counter {
	ENTERED,	/* custody began */
	DISPATCHED,	/* and ended, by what took the task away */
	CHANGED,
	CORE_SCHED,
	LATE,		/* of those, reported when the task was picked or changed */
	NR_COUNTERS,
};

struct counters {
	u64 nr[NR_COUNTERS];
};

static DEFINE_PER_CPU(struct counters, counters);

/* marks that were left over where there must not be one any more */
static atomic_long_t missed = ATOMIC_LONG_INIT(0);

static void count(enum counter counter)
{
	this_cpu_inc(counters.nr[counter]);
}

static u64 sum(enum counter counter)
{
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		total += per_cpu(counters.nr[counter], cpu);
	return total;
}

/* --- the custody core, and what it needs -------------------------------------- */

static void lockdep_assert_rq_held(const struct rq *rq)
{
}

struct ops {
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dequeue)(struct task_struct *p, u64 deq_flags);
	void (*quiescent)(struct task_struct *p, u64 deq_flags);
	void (*enable)(struct task_struct *p);
	void (*disable)(struct task_struct *p);
};

/*
 * The ops of the BPF scheduler that is enabled, of which there is one at most.
 * A BPF scheduler finds out that the module is there by this symbol.
 */
static struct ops scx_custody_live;

static struct scx_sched __rcu **root;
static struct rq * __percpu *locked_rq;
static void __percpu **dsp_ctx;
/* Not named like the kernel's: BPF schedulers look that up, by a name that is unique. */
static void __percpu *rqs;

static struct rq *task_rq(const struct task_struct *p)
{
	return per_cpu_ptr(rqs, task_cpu(p));
}

static struct scx_dispatch_q *local_dsq(struct rq *rq)
{
	return (void *)rq + live_kernel.rq_local_dsq;
}

static bool scx_has_dequeue(const struct task_struct *p)
{
	return scx_custody_live.dequeue;
}

static struct rq *scx_dispatching_rq(const struct task_struct *p)
{
	return *(struct rq **)(this_cpu_ptr(*dsp_ctx) + live_kernel.dsp_ctx_rq);
}

/* SCX_CALL_OP_TASK(), nested: the op around it finds everything as it was */
static void scx_call_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	struct task_struct *outer_task = current->scx.kf_tasks[0];
	u32 outer_mask = current->scx.kf_mask;
	struct rq *outer_rq = __this_cpu_read(*locked_rq);

	current->scx.kf_tasks[0] = p;
	current->scx.kf_mask |= SCX_KF_REST;
	__this_cpu_write(*locked_rq, rq);

	scx_custody_live.dequeue(p, deq_flags);

	__this_cpu_write(*locked_rq, outer_rq);
	current->scx.kf_mask = outer_mask;
	current->scx.kf_tasks[0] = outer_task;
}

#include "../compat/custody.h"

static bool in_custody(const struct task_struct *p)
{
	return p->scx.flags & SCX_TASK_IN_CUSTODY;
}

static void begin(struct task_struct *p)
{
	if (!in_custody(p))
		count(ENTERED);
	scx_custody_begin(p);
}

/* @rq: the run queue that is locked */
static void end(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	if (!in_custody(p))
		return;
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		count(CORE_SCHED);
	else if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		count(CHANGED);
	else
		count(DISPATCHED);
	scx_custody_end(p, deq_flags);
}

/* --- redirected functions ----------------------------------------------------- */

static void live_scx_idle_enable(struct sched_ext_ops *ops);
static void live_ops_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags);
static void live_dispatch_enqueue(struct scx_sched *sch, struct scx_dispatch_q *dsq,
				  struct task_struct *p, u64 enq_flags);
static bool live_consume_dispatch_q(struct scx_sched *sch, struct rq *rq,
				    struct scx_dispatch_q *dsq);
static bool live_scx_dsq_move(struct bpf_iter_scx_dsq_kern *kit, struct task_struct *p,
			      u64 dsq_id, u64 enq_flags);
static void live_move_remote_task_to_local_dsq(struct task_struct *p, u64 enq_flags,
					       struct rq *src_rq, struct rq *dst_rq);
static int live_bpf_scx_reg(void *kdata, struct bpf_link *link);
static void live_bpf_scx_unreg(void *kdata, struct bpf_link *link);

DEFINE_STATIC_CALL_NULL(original_scx_idle_enable, live_scx_idle_enable);
DEFINE_STATIC_CALL_NULL(original_ops_dequeue, live_ops_dequeue);
DEFINE_STATIC_CALL_NULL(original_dispatch_enqueue, live_dispatch_enqueue);
DEFINE_STATIC_CALL_NULL(original_consume_dispatch_q, live_consume_dispatch_q);
DEFINE_STATIC_CALL_NULL(original_scx_dsq_move, live_scx_dsq_move);
DEFINE_STATIC_CALL_NULL(original_move_remote_task_to_local_dsq, live_move_remote_task_to_local_dsq);
DEFINE_STATIC_CALL_NULL(original_bpf_scx_reg, live_bpf_scx_reg);
DEFINE_STATIC_CALL_NULL(original_bpf_scx_unreg, live_bpf_scx_unreg);

/*
 * Which run queue is locked where @p is inserted. In these kernels, the dispatcher
 * releases ops_state before it unlocks the DSQ: whoever finds @p on one finds that
 * it isn't DISPATCHING any more. If it is, it's this CPU which dispatches it.
 */
static struct rq *rq_locked_for(const struct task_struct *p)
{
	unsigned long opss = atomic_long_read(&p->scx.ops_state);

	if ((opss & SCX_OPSS_STATE_MASK) == SCX_OPSS_DISPATCHING)
		return scx_dispatching_rq(p);
	return task_rq(p);
}

/*
 * Where @p goes on a terminal DSQ, custody ends before that is locked and before
 * ops_state is released. A destroyed DSQ is a terminal one by its ID; if it is
 * destroyed right now, @p goes on the global DSQ and is reported late.
 */
static void live_dispatch_enqueue(struct scx_sched *sch, struct scx_dispatch_q *dsq,
				  struct task_struct *p, u64 enq_flags)
{
	if (scx_dsq_is_terminal(dsq))
		end(rq_locked_for(p), p, 0);
	else
		begin(p);
	static_call(original_dispatch_enqueue)(sch, dsq, p, enq_flags);
}

/*
 * As there is no ops.dequeue() for the original, all that it does is to take the
 * task back or wait for the dispatch that was faster.
 */
static void live_ops_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)
{
	const struct scx_dispatch_q *dsq;

	static_call(original_ops_dequeue)(rq, p, deq_flags);

	/* ops.enqueue()'s verdict is for the stay that ends here, not for the next */
	p->scx.ddsp_dsq_id = SCX_DSQ_INVALID;
	p->scx.ddsp_enq_flags = 0;

	/* not if it is on its way to another rq, see scx_custody_end_on_dequeue() */
	if (!in_custody(p) || p->scx.sticky_cpu >= 0)
		return;

	dsq = p->scx.dsq;
	if (dsq && scx_dsq_is_terminal(dsq)) {
		count(LATE);
		deq_flags = 0;
	} else if (!(deq_flags & (SCX_DEQ_SLEEP | SCX_DEQ_CORE_SCHED_EXEC))) {
		deq_flags |= SCX_DEQ_SCHED_CHANGE;
	}
	end(rq, p, deq_flags);
}

/* sticky_cpu is what marks the task as moving, and is set too late in here */
static void live_move_remote_task_to_local_dsq(struct task_struct *p, u64 enq_flags,
					       struct rq *src_rq, struct rq *dst_rq)
{
	p->scx.sticky_cpu = raw_smp_processor_id();
	static_call(original_move_remote_task_to_local_dsq)(p, enq_flags, src_rq, dst_rq);
}

/*
 * A task of this rq is moved to the end of the local DSQ with @dsq locked. When
 * that is unlocked again, @rq still is locked.
 */
static bool live_consume_dispatch_q(struct scx_sched *sch, struct rq *rq,
				    struct scx_dispatch_q *dsq)
{
	struct list_head *list = &local_dsq(rq)->list;

	if (!static_call(original_consume_dispatch_q)(sch, rq, dsq))
		return false;

	/* only user DSQs are iterated, there are no cursors */
	if (!WARN_ON_ONCE(list_empty(list)))
		end(rq, list_last_entry(list, struct task_struct, scx.dsq_list.node), 0);
	return true;
}

/*
 * The same, but the rq of the task isn't locked any more, unless it is the one
 * that ops.dispatch() was called with. The original does this dance, too. Called
 * from a timer or a syscall program, nothing is locked and none is noted.
 */
static bool live_scx_dsq_move(struct bpf_iter_scx_dsq_kern *kit, struct task_struct *p,
			      u64 dsq_id, u64 enq_flags)
{
	struct rq *rq, *outer_rq;
	unsigned long flags;

	/* @p may run and end as soon as nothing of it is locked any more */
	guard(rcu)();

	if (!static_call(original_scx_dsq_move)(kit, p, dsq_id, enq_flags))
		return false;
	if (!(dsq_id & SCX_DSQ_FLAG_BUILTIN) || !in_custody(p))
		return true;

	local_irq_save(flags);
	outer_rq = __this_cpu_read(*locked_rq);
	rq = task_rq(p);
	if (outer_rq != rq) {
		if (outer_rq)
			static_call(live_rq_unlock)(outer_rq);
		static_call(live_rq_lock)(rq, 0);
	}
	/* else it was picked meanwhile, or changed, and has been reported */
	if (rq == task_rq(p) && p->scx.dsq == local_dsq(rq))
		end(rq, p, 0);
	if (outer_rq != rq) {
		static_call(live_rq_unlock)(rq);
		if (outer_rq)
			static_call(live_rq_lock)(outer_rq, 0);
	}
	local_irq_restore(flags);
	return true;
}

/* --- replaced ops --------------------------------------------------------------- */

/* ops_state is QUEUEING: nobody else can get hold of @p before this returns */
static void live_enqueue(struct task_struct *p, u64 enq_flags)
{
	/* re-enqueued from a local DSQ */
	if (in_custody(p)) {
		count(LATE);
		end(task_rq(p), p, 0);
	}
	scx_custody_live.enqueue(p, enq_flags);
	if (p->scx.ddsp_dsq_id == SCX_DSQ_INVALID)
		begin(p);
}

/* the flag is beyond those that dequeue_task_scx() has */
static void live_quiescent(struct task_struct *p, u64 deq_flags)
{
	if (!(deq_flags & SCX_DEQ_SLEEP))
		deq_flags |= SCX_DEQ_SCHED_CHANGE;
	scx_custody_live.quiescent(p, deq_flags);
}

/* Who is enabled or disabled is nobody's. A mark would be charged to the next one. */
static void check_leak(struct task_struct *p, const char *when)
{
	if (!in_custody(p))
		return;
	p->scx.flags &= ~SCX_TASK_IN_CUSTODY;
	atomic_long_inc(&missed);
	WARN_ONCE(true, "scx_custody: %s[%d] is still marked as in custody when it is %s\n",
		  p->comm, p->pid, when);
}

static void live_enable(struct task_struct *p)
{
	check_leak(p, "enabled");
	if (scx_custody_live.enable)
		scx_custody_live.enable(p);
}

static void live_disable(struct task_struct *p)
{
	check_leak(p, "disabled");
	if (scx_custody_live.disable)
		scx_custody_live.disable(p);
}

struct replacement {
	const u32 *offset;	/* of the op in struct sched_ext_ops */
	size_t original;	/* in struct ops */
	void *op;
	bool always;		/* even where the BPF scheduler has none */
};

#define REPLACEMENT(name, by) {						\
	.offset = &live_kernel.ops_##name,				\
	.original = offsetof(struct ops, name),				\
	.op = by,							\
}

static const struct replacement replacements[] = {
	REPLACEMENT(enqueue, live_enqueue),
	REPLACEMENT(dequeue, NULL),
	REPLACEMENT(quiescent, live_quiescent),
	{ &live_kernel.ops_enable, offsetof(struct ops, enable), live_enable, true },
	{ &live_kernel.ops_disable, offsetof(struct ops, disable), live_disable, true },
};

static void replace_ops(void *kdata, struct ops *originals)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(replacements); i++) {
		const struct replacement *replacement = &replacements[i];
		void **op = kdata + *replacement->offset;

		*(void **)((void *)originals + replacement->original) = *op;
		if (*op || replacement->always)
			*op = replacement->op;
	}
}

static void restore_ops(void *kdata, struct ops *originals)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(replacements); i++) {
		const struct replacement *replacement = &replacements[i];
		void **op = kdata + *replacement->offset;

		*op = *(void **)((void *)originals + replacement->original);
	}
}

/* --- redirection -------------------------------------------------------------- */

struct hook {
	enum live_symbol function;
	void *redirected;
	struct static_call_key *key;
	void *trampoline;
	unsigned long ip;
};

#define HOOK(name) {						\
	.function = LIVE_##name,				\
	.redirected = live_##name,				\
	.key = &STATIC_CALL_KEY(original_##name),				\
	.trampoline = STATIC_CALL_TRAMP_ADDR(original_##name),		\
}

static struct hook attach_hooks[] = {
	HOOK(bpf_scx_reg),
	HOOK(bpf_scx_unreg),
	HOOK(scx_idle_enable),
	{ }
};

static struct hook task_hooks[] = {
	HOOK(ops_dequeue),
	HOOK(dispatch_enqueue),
	HOOK(consume_dispatch_q),
	HOOK(scx_dsq_move),
	HOOK(move_remote_task_to_local_dsq),
	{ }
};

static struct hook no_hooks[] = { { } };

static void notrace redirect(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct hook *hook;

	for (hook = ops->private; hook->redirected; hook++) {
		if (hook->ip == ip) {
			ftrace_regs_set_instruction_pointer(fregs,
							    (unsigned long)hook->redirected);
			return;
		}
	}
}

#define REDIRECTION(hooks) {						\
	.func = redirect,						\
	.private = hooks,						\
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,	\
}

static struct ftrace_ops attach_ops = REDIRECTION(attach_hooks);
static struct ftrace_ops task_ops = REDIRECTION(task_hooks);

static int __init prepare_hooks(struct ftrace_ops *ops)
{
	struct hook *hook;
	int err;

	for (hook = ops->private; hook->redirected; hook++) {
		unsigned long address = live_kernel.address[hook->function];

		hook->ip = static_call(live_ftrace_location)(address);
		if (!hook->ip)
			return live_err(-EOPNOTSUPP, "ftrace cannot redirect %ps()",
					(void *)address);
		err = ftrace_set_filter_ip(ops, hook->ip, 0, 0);
		if (err)
			return live_err(err, "ftrace cannot redirect %ps(): error %d",
					(void *)address, err);
		/* past ftrace's call: there's nothing before it but ENDBR */
		__static_call_update(hook->key, hook->trampoline,
				     (void *)hook->ip + MCOUNT_INSN_SIZE);
	}
	return 0;
}

/* Do calls of the functions still come here, though ftrace has said that it failed? */
static bool keeps(const struct ftrace_ops *ops)
{
	return ops->flags & FTRACE_OPS_FL_ENABLED;
}

/* and the module can do nothing any more but refuse BPF schedulers */
static bool beyond_help;

/* They always may then, so that the module's text must stay for ever. */
static void keep_text(int err)
{
	static bool kept;

	if (kept)
		return;
	kept = true;
	__module_get(THIS_MODULE);
	pr_err("ftrace does not give back sched_ext's functions: error %d; the module stays until the machine is booted again\n",
	       err);
}

/* A BPF program that is just being put on one of the functions, or taken off, is in the way. */
#define REDIRECT_TRIES	1000

static int redirect_begin(struct ftrace_ops *ops)
{
	unsigned int tries = REDIRECT_TRIES;
	int err;

	/* redirect_end() was in vain, all of them still are redirected */
	if (keeps(ops))
		return 0;

	/* ftrace has slept a millisecond then */
	do {
		err = register_ftrace_function(ops);
	} while (err == -EAGAIN && --tries);

	if (err && keeps(ops)) {
		/* some of them may be, others not */
		WRITE_ONCE(beyond_help, true);
		keep_text(err);
	}
	return err;
}

static void redirect_end(struct ftrace_ops *ops)
{
	int err = unregister_ftrace_function(ops);

	if (err)
		keep_text(err);
}

/* --- schedulers come and go --------------------------------------------------- */

/* protects all of this; one BPF scheduler at a time is registered or unregistered */
static DEFINE_MUTEX(attach_mutex);

/*
 * BPF schedulers that are registered: one that failed still is until it is
 * detached, and so may be another then.
 */
struct scheduler {
	struct list_head node;
	void *kdata;
};

static LIST_HEAD(schedulers);

/* how many tasks are in live_bpf_scx_reg(), _unreg() or live_scx_idle_enable() */
static atomic_t nr_attaching = ATOMIC_INIT(0);

/* what live_scx_idle_enable() does with a BPF scheduler that the module does not know */
enum phase {
	STARTING,	/* take note of it, for start() */
	MET,		/* one was */
	LOADED,		/* turn it away */
	GOING,		/* let it pass */
};

static atomic_t phase = ATOMIC_INIT(STARTING);

/* the BPF scheduler in live_bpf_scx_reg(), and its own ops */
static void *registering;
static struct ops registering_ops;

/*
 * Those that have been turned away, with what was in them for it to be put back if
 * they come again.
 */
struct turned_away {
	struct list_head node;
	void *kdata;
	u64 hotplug_seq;
};

static LIST_HEAD(turned_away);
static DEFINE_SPINLOCK(turned_away_lock);

/* the module isn't loaded after all; until then it can be referenced */
static bool not_loaded;

static void enter_attach(void)
{
	atomic_inc(&nr_attaching);
	mutex_lock(&attach_mutex);
}

static void is_left(void)
{
	if (atomic_dec_and_test(&nr_attaching))
		wake_up_var(&nr_attaching);
}

static void leave_attach(void)
{
	mutex_unlock(&attach_mutex);
	is_left();
}

/* No task is in custody when there is no BPF scheduler. See to it, and tell. */
static void settle_accounts(void)
{
	struct task_struct *leader, *p;
	unsigned int nr = 0;

	rcu_read_lock();
	for_each_process_thread(leader, p) {
		if (in_custody(p)) {
			p->scx.flags &= ~SCX_TASK_IN_CUSTODY;
			nr++;
		}
	}
	rcu_read_unlock();

	if (nr) {
		atomic_long_add(nr, &missed);
		pr_warn("%u tasks were in custody of a BPF scheduler that is gone\n", nr);
	}
}

/* One that failed before the module was loaded isn't known. */
static void forget_scheduler(void *kdata)
{
	struct scheduler *scheduler;

	list_for_each_entry(scheduler, &schedulers, node) {
		if (scheduler->kdata == kdata)
			goto found;
	}
	return;
found:
	list_del(&scheduler->node);
	kfree(scheduler);
	if (list_empty(&schedulers)) {
		redirect_end(&task_ops);
		settle_accounts();
		scx_custody_live = (struct ops){ };
		wake_up_var_locked(&schedulers, &attach_mutex);
	}
	module_put(THIS_MODULE);
}

static int know_scheduler(void *kdata)
{
	struct scheduler *scheduler;
	int err = -ENOMEM;

	if (READ_ONCE(beyond_help)) {
		pr_err("a BPF scheduler was refused, as ftrace has failed; boot the machine again\n");
		return -EIO;
	}
	if (not_loaded || !try_module_get(THIS_MODULE)) {
		pr_info("a BPF scheduler was refused, as the module is going; try again\n");
		return -EBUSY;
	}
	scheduler = kmalloc(sizeof(*scheduler), GFP_KERNEL);
	if (!scheduler)
		goto put;
	scheduler->kdata = kdata;

	err = list_empty(&schedulers) ? redirect_begin(&task_ops) : 0;
	if (err) {
		pr_err("a BPF scheduler was refused, as ftrace cannot redirect sched_ext's functions, maybe because a live patch does: error %d\n",
		       err);
		goto free;
	}
	list_add(&scheduler->node, &schedulers);
	return 0;
free:
	kfree(scheduler);
put:
	module_put(THIS_MODULE);
	return err;
}

/*
 * Number what is passed to the BPF scheduler so that no number is given twice: each
 * run queue counts from another one on, and a task that changes its run queue between
 * a dispatch decision and its completion does not meet it again. None is 0, which is
 * that of a task which wasn't passed to it. No one counts yet.
 */
#define QSEQ_OF_CPU	49

static void number_queues(void)
{
	unsigned int cpu;

	BUILD_BUG_ON(BIT_ULL(64 - SCX_OPSS_QSEQ_SHIFT - QSEQ_OF_CPU) < CONFIG_NR_CPUS);

	if (!live_kernel.rq_ops_qseq)
		return;
	for_each_possible_cpu(cpu) {
		unsigned long *qseq = per_cpu_ptr(rqs, cpu) + live_kernel.rq_ops_qseq;

		*qseq = ((unsigned long)cpu << QSEQ_OF_CPU) + 1;
	}
}

/*
 * What is set to another number than the kernel's makes it end this BPF scheduler
 * before any task is with it, saying that it be started again.
 */
static u64 *hotplug_seq(void *kdata)
{
	return kdata + live_kernel.ops_hotplug_seq;
}

static void turn_away(void *kdata)
{
	struct turned_away *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	if (entry) {
		entry->kdata = kdata;
		entry->hotplug_seq = *hotplug_seq(kdata);
		spin_lock(&turned_away_lock);
		list_add(&entry->node, &turned_away);
		spin_unlock(&turned_away_lock);
	}
	*hotplug_seq(kdata) = U64_MAX;
	pr_info("a BPF scheduler that was on its way in when the module came is turned away; load it again\n");
}

static void let_in_again(void *kdata)
{
	struct turned_away *entry, *next;

	spin_lock(&turned_away_lock);
	list_for_each_entry_safe(entry, next, &turned_away, node) {
		if (entry->kdata != kdata)
			continue;
		if (*hotplug_seq(kdata) == U64_MAX)
			*hotplug_seq(kdata) = entry->hotplug_seq;
		list_del(&entry->node);
		kfree(entry);
	}
	spin_unlock(&turned_away_lock);
}

/*
 * Called while a BPF scheduler is being enabled, when that can be seen and before
 * it gets any task. A task may have been in bpf_scx_reg() before this was redirected,
 * and asleep for any time. It comes by here, or it was seen.
 */
static void live_scx_idle_enable(struct sched_ext_ops *ops)
{
	atomic_inc(&nr_attaching);
	if ((void *)ops == READ_ONCE(registering)) {
		scx_custody_live = registering_ops;
		number_queues();
	} else if (atomic_cmpxchg(&phase, STARTING, MET) == LOADED) {
		turn_away(ops);
	}
	static_call(original_scx_idle_enable)(ops);
	is_left();
}

static int register_scheduler(void *kdata, struct bpf_link *link)
{
	int err;

	/* the original would say so, too */
	if (rcu_access_pointer(*root))
		return -EBUSY;

	err = know_scheduler(kdata);
	if (err)
		return err;
	let_in_again(kdata);

	/* The kernel makes a copy of the ops. The originals are for the next time. */
	replace_ops(kdata, &registering_ops);
	WRITE_ONCE(registering, kdata);
	err = static_call(original_bpf_scx_reg)(kdata, link);
	WRITE_ONCE(registering, NULL);
	restore_ops(kdata, &registering_ops);

	if (err)
		forget_scheduler(kdata);
	return err;
}

static int live_bpf_scx_reg(void *kdata, struct bpf_link *link)
{
	int err;

	enter_attach();
	err = register_scheduler(kdata, link);
	leave_attach();
	return err;
}

static void live_bpf_scx_unreg(void *kdata, struct bpf_link *link)
{
	enter_attach();
	static_call(original_bpf_scx_unreg)(kdata, link);
	forget_scheduler(kdata);
	leave_attach();
}

/* --- the module --------------------------------------------------------------- */

struct counter_attribute {
	struct module_attribute attribute;
	enum counter counter;
};

static ssize_t show_counter(const struct module_attribute *attribute,
			    struct module_kobject *module, char *buffer)
{
	const struct counter_attribute *counter =
		container_of_const(attribute, struct counter_attribute, attribute);

	return sysfs_emit(buffer, "%llu\n", sum(counter->counter));
}

static ssize_t show_missed(const struct module_attribute *attribute,
			   struct module_kobject *module, char *buffer)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read(&missed));
}

static ssize_t show_open_hazards(const struct module_attribute *attribute,
				 struct module_kobject *module, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", OPEN_HAZARDS);
}

#define COUNTER(name, which)					\
	static struct counter_attribute name##_attribute = {	\
		.attribute = __ATTR(name, 0444, show_counter, NULL),	\
		.counter = which,				\
	}

COUNTER(entered, ENTERED);
COUNTER(left_dispatched, DISPATCHED);
COUNTER(left_changed, CHANGED);
COUNTER(left_core_sched, CORE_SCHED);
COUNTER(late, LATE);

static struct module_attribute missed_attribute = __ATTR(missed, 0444, show_missed, NULL);
static struct module_attribute open_hazards_attribute =
	__ATTR(open_hazards, 0444, show_open_hazards, NULL);

static struct attribute *attributes[] = {
	&entered_attribute.attribute.attr,
	&left_dispatched_attribute.attribute.attr,
	&left_changed_attribute.attribute.attr,
	&left_core_sched_attribute.attribute.attr,
	&late_attribute.attribute.attr,
	&missed_attribute.attr,
	&open_hazards_attribute.attr,
	NULL
};

/* /sys/module/scx_custody/custody */
static const struct attribute_group attribute_group = {
	.name = "custody",
	.attrs = attributes,
};

static void __init take_addresses(void)
{
	unsigned long locked = live_kernel.address[LIVE_scx_locked_rq_state] ?:
			       live_kernel.address[LIVE_locked_rq];

	root = (void *)live_kernel.address[LIVE_scx_root];
	dsp_ctx = (void *)live_kernel.address[LIVE_scx_dsp_ctx];
	locked_rq = (struct rq * __percpu __force *)locked;
	rqs = (void __percpu __force *)live_kernel.address[LIVE_runqueues];
}

static int __init cannot_redirect(int err)
{
	return live_err(err,
			"ftrace cannot redirect sched_ext's functions, maybe because a live patch does or kernel.ftrace_enabled is 0: error %d",
			err);
}

static int __init scheduler_loaded(void)
{
	return rcu_access_pointer(*root) ?
	       live_err(-EBUSY, "a BPF scheduler is loaded; unload it first") : 0;
}

/* No BPF scheduler is enabled from here on without the module knowing. */
static int __init start(void)
{
	int err;

	err = redirect_begin(&attach_ops);
	if (err)
		return cannot_redirect(err);
	err = scheduler_loaded();
	if (err)
		goto unregister;

	/* once to see that it can be done; what runs meanwhile isn't concerned yet */
	task_ops.private = no_hooks;
	err = redirect_begin(&task_ops);
	if (err) {
		cannot_redirect(err);
		goto unregister;
	}
	redirect_end(&task_ops);
	task_ops.private = task_hooks;

	err = sysfs_create_group(&THIS_MODULE->mkobj.kobj, &attribute_group);
	if (err) {
		live_err(err, "there is no memory for its files in sysfs");
		goto unregister;
	}

	/* one that passed scx_idle_enable() before that was redirected, or just after */
	err = scheduler_loaded();
	if (!err && atomic_cmpxchg(&phase, STARTING, LOADED) == STARTING)
		return 0;
	if (!err)
		err = live_err(-EBUSY, "a BPF scheduler is just being loaded; unload it first");
	sysfs_remove_group(&THIS_MODULE->mkobj.kobj, &attribute_group);
unregister:
	redirect_end(&attach_ops);
	return err;
}

/*
 * Nothing is redirected any more. A BPF scheduler that is on its way in or out
 * nevertheless gets its refusal or its way.
 */
static void drain(void)
{
	struct turned_away *entry, *next;

	wait_var_event(&nr_attaching, !atomic_read(&nr_attaching));
	synchronize_rcu_tasks();
	ftrace_free_filter(&attach_ops);
	ftrace_free_filter(&task_ops);
	list_for_each_entry_safe(entry, next, &turned_away, node)
		kfree(entry);
}

static int __init scx_custody_init(void)
{
	int err;

	err = live_look_at_kernel();
	if (err)
		return err;
	take_addresses();

	/* a BPF scheduler that comes now waits */
	mutex_lock(&attach_mutex);
	err = prepare_hooks(&attach_ops) ?: prepare_hooks(&task_ops) ?: start();
	not_loaded = err;
	mutex_unlock(&attach_mutex);
	if (err && (keeps(&attach_ops) || keeps(&task_ops))) {
		/* an error would have the text freed */
		WRITE_ONCE(beyond_help, true);
		add_taint(TAINT_LIVEPATCH, LOCKDEP_STILL_OK);
		return 0;
	}
	if (err) {
		drain();
		return err;
	}

	add_taint(TAINT_LIVEPATCH, LOCKDEP_STILL_OK);
	pr_info("BPF schedulers that are loaded from now on have the custody semantics; open are still hazards, %s\n",
		OPEN_HAZARDS);
	return 0;
}

/* The text is freed when the exit function returns, whoever still has a reference. */
static void __exit never_return(void)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(never);

	WRITE_ONCE(beyond_help, true);
	wait_event_idle(never, false);
}

/*
 * Each BPF scheduler that is registered holds a reference. Who unloads the module
 * by force must wait for it all the same.
 */
static void __exit scx_custody_exit(void)
{
	mutex_lock(&attach_mutex);
	wait_var_event_mutex(&schedulers, list_empty(&schedulers), &attach_mutex);
	atomic_set(&phase, GOING);
	mutex_unlock(&attach_mutex);

	if (!not_loaded)
		sysfs_remove_group(&THIS_MODULE->mkobj.kobj, &attribute_group);
	redirect_end(&attach_ops);
	if (keeps(&attach_ops) || keeps(&task_ops))
		never_return();
	drain();
	pr_info("BPF schedulers that are loaded from now on don't have custody semantics\n");
}

module_init(scx_custody_init);
module_exit(scx_custody_exit);

MODULE_DESCRIPTION("Custody semantics of ops.dequeue() for BPF schedulers on a running kernel");
MODULE_LICENSE("GPL");
