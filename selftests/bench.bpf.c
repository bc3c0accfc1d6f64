// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a scheduler with a user DSQ can do, to measure what custody
 * costs the kernel. It has no ops.dequeue().
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"

char _license[] SEC("license") = "GPL";

#define BENCH_DSQ	1
#define SLICE		20000000

SEC("struct_ops")
void BPF_PROG(bench_enqueue, struct task_struct *p, u64 enq_flags)
{
	dsq_insert(p, BENCH_DSQ, SLICE, enq_flags);
}

SEC("struct_ops")
void BPF_PROG(bench_dispatch, s32 cpu, struct task_struct *prev)
{
	dsq_move_to_local(BENCH_DSQ);
}

SEC("struct_ops.s")
s32 BPF_PROG(bench_init)
{
	return scx_bpf_create_dsq(BENCH_DSQ, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops bench_ops = {
	.enqueue	= (void *)bench_enqueue,
	.dispatch	= (void *)bench_dispatch,
	.init		= (void *)bench_init,
	.flags		= SCX_OPS_SWITCH_PARTIAL,
	.name		= "custody_bench",
};
