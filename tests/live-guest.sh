# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What guests that have the module scx_custody are asked, by 65-live.t and by
# make e2e-dkms.

counters=/sys/module/scx_custody/custody

# balanced: has all left that entered custody, and was that enough to tell by?
balanced() {
	grep . $counters/*
	[ $(($(cat $counters/left_dispatched) + $(cat $counters/left_changed) +
		$(cat $counters/left_core_sched))) = "$(cat $counters/entered)" ] &&
		[ "$(cat $counters/entered)" -gt 1000 ]
}

# live_patched: is the kernel marked so? Its documentation counts 15 for that flag.
live_patched() {
	[ $(($(cat /proc/sys/kernel/tainted) >> 15 & 1)) = 1 ]
}

scheduler_loaded() {
	grep -qx enabled /sys/kernel/sched_ext/state
}

# await_scheduler: until the background job $! has loaded one, or has ended.
await_scheduler() {
	until scheduler_loaded; do
		kill -0 $! || return
		sleep 0.1
	done
}
