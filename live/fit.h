/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module needs of the running kernel, found and checked by fit.c.
 */
#ifndef LIVE_FIT_H
#define LIVE_FIT_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/sched.h>
#include <linux/static_call.h>

struct bpf_iter_scx_dsq_kern;
struct rq;
struct scx_sched;

/* functions that are redirected; see main.c */
#define LIVE_HOOKED(X)				\
	X(bpf_scx_reg)				\
	X(bpf_scx_unreg)			\
	X(ops_dequeue)				\
	X(dispatch_enqueue)			\
	X(consume_dispatch_q)			\
	X(scx_dsq_move)				\
	X(move_remote_task_to_local_dsq)

/* functions that are looked at: they must call those above */
#define LIVE_CALLERS(X)				\
	X(dequeue_task_scx)			\
	X(set_next_task_scx)			\
	X(do_enqueue_task)			\
	X(dispatch_to_local_dsq)		\
	X(scx_bpf_dsq_move)			\
	X(scx_bpf_dsq_move_vtime)		\
	X(scx_bpf_dsq_move_to_local)

/* functions that are called, none of which is exported to modules */
#define LIVE_CALLED(X)				\
	X(bpf_get_btf_vmlinux)			\
	X(btf_find_by_name_kind)		\
	X(btf_name_by_offset)			\
	X(ftrace_location)			\
	X(raw_spin_rq_lock_nested)		\
	X(raw_spin_rq_unlock)

/* variables; of the last two, kernels have one or the other */
#define LIVE_VARIABLES(X)			\
	X(runqueues)				\
	X(scx_root)				\
	X(scx_dsp_ctx)				\
	X(scx_locked_rq_state)			\
	X(locked_rq)

enum live_symbol {
#define LIVE_INDEX(name) LIVE_##name,
	LIVE_CALLED(LIVE_INDEX)
	LIVE_HOOKED(LIVE_INDEX)
	LIVE_CALLERS(LIVE_INDEX)
	LIVE_VARIABLES(LIVE_INDEX)
	LIVE_SYMBOLS,
#undef LIVE_INDEX
};

struct live_kernel {
	unsigned long address[LIVE_SYMBOLS];

	/* offsets in structures that aren't in the headers */
	u32 ops_enqueue;		/* struct sched_ext_ops */
	u32 ops_dequeue;
	u32 ops_quiescent;
	u32 rq_local_dsq;		/* struct rq */
	u32 dsp_ctx_rq;			/* struct scx_dsp_ctx */
};

extern struct live_kernel live_kernel;

void raw_spin_rq_lock_nested(struct rq *rq, int subclass);
void raw_spin_rq_unlock(struct rq *rq);

/*
 * Not called through pointers: with IBT, functions of which the kernel itself
 * takes no address cannot be.
 */
DECLARE_STATIC_CALL(live_ftrace_location, ftrace_location);
DECLARE_STATIC_CALL(live_rq_lock, raw_spin_rq_lock_nested);
DECLARE_STATIC_CALL(live_rq_unlock, raw_spin_rq_unlock);

/* say in one sentence why the module isn't loaded */
#define live_refuse(err, fmt, ...)					\
({									\
	pr_err("not loaded: " fmt "\n", ##__VA_ARGS__);			\
	(err);								\
})

int live_look_at_kernel(void);

#endif
