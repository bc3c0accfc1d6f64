# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the series share. Source tap.sh first.

# shellcheck source-path=SCRIPTDIR source=../compat/probes.sh
. "${root:?}/compat/probes.sh"

# calls_of NAMES FILE: which function calls these, a regular expression, as the
# first thing in a line; sorted.
calls_of() {
	awk -v names="^\t+($1)[(]" '
		/^[a-z].*\(/ {
			name = $0
			sub(/\(.*/, "", name)
			sub(/.*[ *]/, "", name)
		}
		match($0, names) {
			call = substr($0, RSTART, RLENGTH - 1)
			sub(/^\t+/, "", call)
			print name ": " call
		}' "$2" | sort
}

# A hunk that is found at an offset may be found at a place that merely looks
# alike. One task's move is in a function of its own from 6.12.38 on. From Linux
# 7.1 on, the kernel's own helpers are called.
# in_the_right_functions TREE SERIES
in_the_right_functions() {
	local file move=move_task_between_dsqs task=scx

	file=$1/$(cd "$1" && ext_c)
	case $2 in
	7.*)
		diff <(calls_of 'call_task_dequeue|wait_ops_state|guard[(]sched_change[)]' "$file") \
			<(sort <<-END
				consume_dispatch_q: call_task_dequeue
				dispatch_enqueue: call_task_dequeue
				finish_dispatch: wait_ops_state
				move_task_between_dsqs: call_task_dequeue
				ops_dequeue: call_task_dequeue
				ops_dequeue: wait_ops_state
				reenq_local: wait_ops_state
				reenq_user: wait_ops_state
				rq_offline_scx: guard(sched_change)
			END
			)
		return ;;
	esac
	grep -q "^static .*$move(" "$file" || move=scx_dispatch_from_dsq
	! grep -q "^static .*scx_ops_enable_task(" "$file" || task=scx_ops
	diff <(calls_of 'scx_custody_[a-z_]+' "$file") <(sort <<-END
		dispatch_enqueue: scx_custody_end
		dispatch_enqueue: scx_custody_end
		dispatch_enqueue: scx_custody_begin
		do_enqueue_task: scx_custody_begin
		ops_dequeue: scx_custody_end_on_dequeue
		$move: scx_custody_end
		consume_dispatch_q: scx_custody_end
		${task}_enable_task: scx_custody_forget
		${task}_disable_task: scx_custody_forget
	END
	)
}
