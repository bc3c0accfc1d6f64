// SPDX-License-Identifier: GPL-2.0-only
/* A fentry and a fexit program for each function, which count. */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "traced.h"

char _license[] SEC("license") = "GPL";

unsigned long long entered[NR_FUNCTIONS];
unsigned long long left[NR_FUNCTIONS];

#define COUNT(name)						\
SEC("fentry/" #name)						\
int enter_##name(void *ctx)					\
{								\
	__sync_fetch_and_add(&entered[INDEX_##name], 1);	\
	return 0;						\
}								\
								\
SEC("fexit/" #name)						\
int leave_##name(void *ctx)					\
{								\
	__sync_fetch_and_add(&left[INDEX_##name], 1);		\
	return 0;						\
}

FUNCTIONS(COUNT)
