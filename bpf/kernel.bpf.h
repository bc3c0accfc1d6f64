/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF schedulers use of the kernel, as it is in 7.3, and no more. This
 * stands in for a vmlinux.h, which takes a kernel to be made from.
 *
 * Only names and kinds of types matter: where a member is, and how wide, libbpf
 * finds out from the BTF of the kernel that the program runs on. Structs of which
 * only the name is used are empty, not just announced, for a prototype fits a
 * kfunc only if both have a struct there.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include <stdbool.h>

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef __u8 u8;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;

#include <bpf/bpf_helpers.h>

/*
 * Orders all accesses before it and all after it, as the kernel's own. BPF has no such
 * instruction, but its atomic operations are the kernel's: one that returns a value orders
 * like this, one that does not orders nothing (Documentation/atomic_t.txt). The compiler
 * takes the latter where nobody looks at the value.
 */
static __always_inline void smp_mb(void)
{
	__u64 anything = 0, value = __sync_fetch_and_add(&anything, 1);

	asm volatile("" : "+r"(value) : : "memory");
}

/* What BPF itself is made of, the same in all kernels. */

enum bpf_map_type {
	BPF_MAP_TYPE_HASH		= 1,
	BPF_MAP_TYPE_ARRAY		= 2,
	BPF_MAP_TYPE_PERCPU_ARRAY	= 6,
	BPF_MAP_TYPE_QUEUE		= 22,
	BPF_MAP_TYPE_TASK_STORAGE	= 29,
};

enum {
	BPF_F_NO_PREALLOC		= 1 << 0,	/* of a map */
	BPF_NOEXIST			= 1,		/* of an update */
	BPF_LOCAL_STORAGE_GET_F_CREATE	= 1,
	BPF_TASK_ITER_ALL_THREADS	= 1,
	BPF_TASK_ITER_PROC_THREADS	= 2,
	BPF_F_TIMER_CPU_PIN		= 1 << 1,
};

struct bpf_spin_lock {
	__u32 val;
};

struct bpf_rb_root {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_rb_node {
	__u64 __opaque[4];
} __attribute__((aligned(8)));

struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

struct bpf_iter_task {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_iter_scx_dsq {
	__u64 __opaque[6];
} __attribute__((aligned(8)));

/* What libbpf looks up by its name in the running kernel. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cgroup { };
struct cpumask { };
struct scx_dispatch_q { };
struct scx_cpu_release_args { };
struct scx_exit_task_args { };

struct sched_ext_entity {
	struct scx_dispatch_q *dsq;
	struct {
		s64 counter;
	} ops_state;
	u32 flags;
	u64 dsq_vtime;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct task_group {
	struct cgroup_subsys_state css;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	u8 on_cpu;
	u8 on_rq;
	struct sched_ext_entity scx;
	const struct cpumask *cpus_ptr;
	unsigned short migration_disabled;
	int pid;
	int tgid;
	char comm[16];
	unsigned long core_cookie;	/* not where there is no core scheduling */
	struct task_group *sched_task_group;
};

struct qspinlock {
	struct {
		s32 counter;
	} val;
};

struct raw_spinlock {
	struct qspinlock raw_lock;
};

struct scx_rq {
	u32 cpuperf_target;
	unsigned long ops_qseq;	/* up to 7.0 */
};

struct rq {
	struct raw_spinlock __lock;
	int cpu;
	struct scx_rq scx;
	unsigned int core_enabled;	/* not where there is no core scheduling, nor is this: */
	struct rq *core;
};

struct scx_init_task_args {
	bool fork;
};

enum scx_exit_kind {
	SCX_EXIT_NONE			= 0,
	SCX_EXIT_UNREG			= 64,
};

struct scx_exit_info {
	enum scx_exit_kind kind;
	const char *reason;
	char *msg;
};

/* The ops that there is a scheduler with; the others stay unset. */
struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dequeue)(struct task_struct *p, u64 deq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*runnable)(struct task_struct *p, u64 enq_flags);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*quiescent)(struct task_struct *p, u64 deq_flags);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	void (*exit_task)(struct task_struct *p, struct scx_exit_task_args *args);
	void (*enable)(struct task_struct *p);
	void (*disable)(struct task_struct *p);
	void (*cgroup_set_weight)(struct cgroup *cgrp, u32 weight);
	void (*cpu_online)(s32 cpu);
	void (*cpu_offline)(s32 cpu);
	void (*cpu_release)(s32 cpu, struct scx_cpu_release_args *args);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	char name[128];
};

#pragma clang attribute pop

/* Not all kernels have it: only to be asked for with bpf_core_enum_value(). */
enum scx_ent_flags {
	SCX_TASK_IN_CUSTODY		= 1 << 1,
};

/* These, where a kernel has them, have always had these values. */
enum scx_ops_flags {
	SCX_OPS_SWITCH_PARTIAL		= 1 << 3,
};

enum scx_enq_flags {
	SCX_ENQ_REENQ			= 1ULL << 40,
};

enum scx_deq_flags {
	SCX_DEQ_SLEEP			= 1ULL << 0,
	SCX_DEQ_CORE_SCHED_EXEC		= 1ULL << 32,
	SCX_DEQ_SCHED_CHANGE		= 1ULL << 33,
};

enum scx_kick_flags {
	SCX_KICK_IDLE			= 1 << 0,
};

enum scx_dsq_id_flags {
	SCX_DSQ_GLOBAL			= 1ULL << 63 | 1,
	SCX_DSQ_LOCAL			= 1ULL << 63 | 2,
	SCX_DSQ_LOCAL_ON		= 1ULL << 63 | 1ULL << 62,
};

enum scx_ops_state {
	SCX_OPSS_NONE			= 0,
	SCX_OPSS_QUEUED			= 2,
	SCX_OPSS_DISPATCHING		= 3,
};

enum scx_consts {
	SCX_CPUPERF_ONE			= 1024,
};

/* kfuncs, weak because no kernel has all of them. */

struct task_struct *bpf_task_from_pid(s32 pid) __weak __ksym;
void bpf_task_release(struct task_struct *p) __weak __ksym;
bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __weak __ksym;
void bpf_rcu_read_lock(void) __weak __ksym;
void bpf_rcu_read_unlock(void) __weak __ksym;

void *bpf_obj_new_impl(u64 type_id, void *meta) __weak __ksym;
void bpf_obj_drop_impl(void *p, void *meta) __weak __ksym;
int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			void *meta, u64 off) __weak __ksym;
struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __weak __ksym;
struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
				      struct bpf_rb_node *node) __weak __ksym;

int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
			    void *meta, u64 off) __weak __ksym;
struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __weak __ksym;

int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task,
		      unsigned int flags) __weak __ksym;
struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __weak __ksym;
void bpf_iter_task_destroy(struct bpf_iter_task *it) __weak __ksym;

int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags) __weak __ksym;
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it) __weak __ksym;
void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it) __weak __ksym;

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __weak __ksym;
void scx_bpf_destroy_dsq(u64 dsq_id) __weak __ksym;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) __weak __ksym;
s32 scx_bpf_pick_idle_cpu(const struct cpumask *cpus_allowed, u64 flags) __weak __ksym;
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice,
			u64 enq_flags) __weak __ksym;
void scx_bpf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime,
			      u64 enq_flags) __weak __ksym;
bool scx_bpf_dsq_move(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 dsq_id,
		      u64 enq_flags) __weak __ksym;
bool scx_bpf_dsq_move_vtime(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 dsq_id,
			    u64 enq_flags) __weak __ksym;
bool scx_bpf_dsq_move_to_local(u64 dsq_id) __weak __ksym;
void scx_bpf_dsq_reenq(u64 dsq_id, u64 reenq_flags) __weak __ksym;
void scx_bpf_dispatch_cancel(void) __weak __ksym;
u32 scx_bpf_reenqueue_local(void) __weak __ksym;
bool scx_bpf_task_running(const struct task_struct *p) __weak __ksym;
s32 scx_bpf_task_cpu(const struct task_struct *p) __weak __ksym;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) __weak __ksym;
u32 scx_bpf_nr_cpu_ids(void) __weak __ksym;
void scx_bpf_cpuperf_set(s32 cpu, u32 perf) __weak __ksym;
extern const struct rq runqueues __ksym;
struct rq *scx_bpf_locked_rq(void) __weak __ksym;
struct cgroup *scx_bpf_task_cgroup(struct task_struct *p) __weak __ksym;
void bpf_cgroup_release(struct cgroup *cgrp) __weak __ksym;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __weak __ksym;

#endif
