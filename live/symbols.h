/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's symbols that the module needs, included by those who define
 * SYMBOL().
 */

/* functions that are called, none of which is exported to modules */
SYMBOL(bpf_get_btf_vmlinux),
SYMBOL(btf_find_by_name_kind),
SYMBOL(btf_name_by_offset),
SYMBOL(ftrace_location),
SYMBOL(raw_spin_rq_lock_nested),
SYMBOL(raw_spin_rq_unlock),

/* functions that are redirected */
SYMBOL(bpf_scx_reg),
SYMBOL(bpf_scx_unreg),
SYMBOL(scx_idle_enable),
SYMBOL(ops_dequeue),
SYMBOL(dispatch_enqueue),
SYMBOL(consume_dispatch_q),
SYMBOL(scx_dsq_move),
SYMBOL(move_remote_task_to_local_dsq),

/* functions that are looked at: they must call those above */
SYMBOL(dequeue_task_scx),
SYMBOL(set_next_task_scx),
SYMBOL(do_enqueue_task),
SYMBOL(dispatch_to_local_dsq),
SYMBOL(scx_bpf_dsq_move),
SYMBOL(scx_bpf_dsq_move_vtime),
SYMBOL(scx_bpf_dsq_move_to_local),

/* variables; of the last two, kernels have one or the other */
SYMBOL(runqueues),
SYMBOL(scx_root),
SYMBOL(scx_dsp_ctx),
SYMBOL(scx_locked_rq_state),
SYMBOL(locked_rq),

/*
 * Functions that are looked at, too, not all of which are there: the compiler may
 * have made another one part of them, or a variant of them.
 */
SYMBOL(scx_enable),
SYMBOL(scx_enable_workfn),
