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

/* what the headers of an unpatched kernel don't have */
#define SCX_TASK_IN_CUSTODY	BIT(1)
#define SCX_OPSS_STATE_MASK	3LU
#define SCX_OPSS_DISPATCHING	3LU
#define SCX_OPSS_QSEQ_SHIFT	2
#define SCX_DEQ_SLEEP		BIT_ULL(0)
#define SCX_DEQ_CORE_SCHED_EXEC	BIT_ULL(32)
#define SCX_DEQ_SCHED_CHANGE	BIT_ULL(33)

struct bpf_iter_scx_dsq_kern;
struct rq;
struct sched_ext_ops;
struct scx_sched;

enum live_symbol {
#define SYMBOL(name) LIVE_##name
#include "symbols.h"
#undef SYMBOL
	LIVE_SYMBOLS,
};

struct live_kernel {
	unsigned long address[LIVE_SYMBOLS];

	/* offsets in structures that aren't in the headers */
	u32 ops_enqueue;		/* struct sched_ext_ops */
	u32 ops_dequeue;
	u32 ops_quiescent;
	u32 ops_enable;
	u32 ops_disable;
	u32 ops_hotplug_seq;
	u32 rq_local_dsq;		/* struct rq */
	u32 rq_ops_qseq;		/* 0: this kernel numbers in another way */
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

/* Say in one sentence why the module isn't loaded. The value is the error. */
#define live_err(err, fmt, ...)						\
({									\
	pr_err("not loaded: " fmt "\n", ##__VA_ARGS__);			\
	(err);								\
})

int live_look_at_kernel(void);

#endif
