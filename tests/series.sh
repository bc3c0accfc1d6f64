# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the series share. Source tap.sh first.

# custody_calls FILE: which function does what to custody, in the file's order.
custody_calls() {
	awk '
		/^[a-z].*\(/ {
			name = $0
			sub(/\(.*/, "", name)
			sub(/.*[ *]/, "", name)
		}
		match($0, /^\t+scx_custody_[a-z_]+\(/) {
			call = substr($0, RSTART, RLENGTH - 1)
			sub(/^\t+/, "", call)
			print name ": " call
		}' "$1" | sort
}

# A hunk that is found at an offset may be found at a place that merely looks
# alike. One task's move is in a function of its own from 6.12.38 on; Linux 7.1
# has its own line for what ops.enqueue() keeps.
# in_the_right_functions TREE SERIES
in_the_right_functions() {
	local file=$1/kernel/sched/ext.c
	local move=move_task_between_dsqs enqueue='do_enqueue_task: scx_custody_begin'

	grep -q "^static .*$move(" "$file" || move=scx_dispatch_from_dsq
	[ "$2" != 7.1 ] || enqueue=''
	diff <(custody_calls "$file") <(sort <<-END | sed '/^$/d'
		dispatch_enqueue: scx_custody_end
		dispatch_enqueue: scx_custody_end
		dispatch_enqueue: scx_custody_begin
		$enqueue
		ops_dequeue: scx_custody_end_on_dequeue
		$move: scx_custody_end
		consume_dispatch_q: scx_custody_end
	END
	)
}
