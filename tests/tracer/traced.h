/* SPDX-License-Identifier: GPL-2.0-only */
/* What is traced: all functions that the module scx_custody redirects. */
#ifndef TRACED_H
#define TRACED_H

#define FUNCTIONS(FUNCTION)			\
	FUNCTION(bpf_scx_reg)			\
	FUNCTION(bpf_scx_unreg)			\
	FUNCTION(scx_idle_enable)		\
	FUNCTION(ops_dequeue)			\
	FUNCTION(dispatch_enqueue)		\
	FUNCTION(consume_dispatch_q)		\
	FUNCTION(scx_dsq_move)			\
	FUNCTION(move_remote_task_to_local_dsq)

#define FUNCTION_INDEX(name) INDEX_##name,
enum { FUNCTIONS(FUNCTION_INDEX) NR_FUNCTIONS };

#endif
