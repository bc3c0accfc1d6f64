/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For BPF schedulers: does each task that leaves custody get its ops.dequeue()?
 *
 *	#include "scx_custody.bpf.h"
 *	...
 *	if (!scx_custody_support())
 *		... this kernel calls ops.dequeue() only now and then
 *
 * It is answered when the BPF scheduler is loaded, so one build serves all
 * kernels; the verifier drops what isn't for the kernel at hand. It goes with any
 * vmlinux.h, and takes libbpf 1.0.
 *
 * All that can be known at that time is what the kernel's types and symbols show.
 * Linux 7.1 came out with faults of its own: ops.dequeue() is late for tasks that
 * go to another CPU, and the machine hangs if it iterates the DSQ which a task
 * comes from. Nothing in the types tells that they are mended. But the last of the
 * fixes brought a counter into struct sched_ext_entity, and a kernel without it,
 * SCX_CUSTODY_EARLY, has at least one of the faults. The selftests of scx-custody
 * have the last word on any kernel.
 */
#ifndef SCX_CUSTODY_BPF_H
#define SCX_CUSTODY_BPF_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

enum scx_custody_support {
	SCX_CUSTODY_MISSING,
	SCX_CUSTODY_NATIVE,		/* the kernel's own, with late fixes */
	SCX_CUSTODY_BACKPORTED,		/* scx-custody's series is applied */
	SCX_CUSTODY_LIVE,		/* its module scx_custody is loaded */
	SCX_CUSTODY_EARLY,		/* the kernel's own, as Linux 7.1 came out */
};

/* libbpf drops what follows the three underscores */
enum scx_deq_flags___custody {
	SCX_DEQ_SCHED_CHANGE___custody	= 1ULL << 33,
};

/* what Linux 7.3 counts a task's stays with the BPF scheduler with */
struct sched_ext_entity___custody {
	unsigned int ops_qseq;
} __attribute__((preserve_access_index));

/*
 * Symbols, which libbpf looks up in /proc/kallsyms: a function of the series, and a
 * variable of the module, whose types are not in the kernel's BTF.
 */
extern const void scx_custody_report __ksym __weak;
extern const void scx_custody_live __ksym __weak;

static inline enum scx_custody_support scx_custody_support(void)
{
	if (!bpf_core_enum_value_exists(enum scx_deq_flags___custody,
					SCX_DEQ_SCHED_CHANGE___custody))
		return &scx_custody_live ? SCX_CUSTODY_LIVE : SCX_CUSTODY_MISSING;
	if (&scx_custody_report)
		return SCX_CUSTODY_BACKPORTED;
	return bpf_core_field_exists(struct sched_ext_entity___custody, ops_qseq) ?
		SCX_CUSTODY_NATIVE : SCX_CUSTODY_EARLY;
}

#endif
