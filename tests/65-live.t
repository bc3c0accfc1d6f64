#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module scx_custody: that it builds for every line it is for, and what it does
# on Debian's own 6.18, loaded and unloaded again, and when it must not be.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

logs=$cache/logs/check-live
rm -rf "$logs"
mkdir -p "$logs"
run=$logs/stock-6.18.15

tree='' image='' module='' selftest=''

for line in 6.17 6.18 6.19; do
	check "$line: the module builds, without a warning" "$root/scripts/build-module" "$line"
done
capture tree "$root/scripts/fetch" 6.18
check "checkpatch has nothing to say" "$tree/scripts/checkpatch.pl" --strict --no-tree --quiet \
	--file "$root"/live/*

check "it builds for Debian's own 6.18" "$root/scripts/build-module" 6.18 stock-6.18.15 ||
	{ done_testing; exit; }
capture module "$root/scripts/build-module" 6.18 stock-6.18.15
capture selftest "$root/scripts/build-selftests"
capture image "$root/scripts/fetch" stock-6.18.15

# In the VM. Each step writes what came of it into a line 'NAME: STATUS'; busybox's
# insmod exits with the error, of which 16 is EBUSY.
cat >"$logs/steps" <<'END'
counters=/sys/module/scx_custody/custody

step() {
	local name=$1 status=0

	shift
	"$@" || status=$?
	echo "$name: $status"
}

selftest() {
	/scx-custody-selftest --duration 1 "$@"
}

# while_loaded COMMAND...: while the background job's BPF scheduler is.
while_loaded() {
	local status=0

	until grep -qx enabled /sys/kernel/sched_ext/state; do
		kill -0 $! || return 9
		usleep 100000
	done
	"$@" || status=$?
	grep -qx enabled /sys/kernel/sched_ext/state || status=9
	return $status
}

balanced() {
	grep . $counters/*
	[ $(($(cat $counters/left_dispatched) + $(cat $counters/left_changed) +
		$(cat $counters/left_core_sched))) = $(cat $counters/entered) ] &&
		[ $(cat $counters/entered) -gt 1000 ] && [ $(cat $counters/missed) = 0 ]
}

step before selftest --run fifo
/scx-custody-selftest --bench-pipe 1000000000 >/dev/null &
step load-while-loaded while_loaded insmod /scx_custody.ko
kill $!
wait
step not-there ls /sys/module/scx_custody
step load insmod /scx_custody.ko
step all selftest
selftest --run hammer --duration 5 >/hammer.log &
step unload-while-loaded while_loaded rmmod scx_custody
wait
step hammered grep 'has the semantics' /hammer.log
step balanced balanced
step tainted test $(($(cat /proc/sys/kernel/tainted) >> 15 & 1)) = 1
step unload rmmod scx_custody
step after selftest --run fifo
step again insmod /scx_custody.ko
step again-fifo selftest --run fifo
step again-unload rmmod scx_custody
END

"$root/vm/run" --kernel "$image/vmlinuz" --file "$module" --file "$selftest" \
	--file "$logs/steps" --mem 2048 --timeout 600 --out "$run" -- sh /steps \
	>/dev/null 2>"$logs/vm.log"

# came NAME STATUS: what came of a step.
came() {
	cat "$run/reason"
	grep -E '^(not ok|[a-z-]+: [0-9]+$)' "$run/output.log"
	grep -qx "$1: $2" "$run/output.log"
}

# said TEXT: the module did, in the kernel's log.
said() {
	grep 'scx_custody:' "$run/console.log"
	grep -qF "scx_custody: $1" "$run/console.log"
}

check "Debian's 6.18 lacks the semantics" came before 1
check "the module is not loaded while a BPF scheduler is" came load-while-loaded 16
check "and says why" said 'not loaded: a BPF scheduler is loaded; unload it first'
check "and nothing of it stays" came not-there 1
check "it is loaded" came load 0
check "all selftests pass with it" came all 0
check "it is not unloaded while a BPF scheduler is loaded" came unload-while-loaded 1
check "which does not disturb that" came hammered 0
check "all that entered custody has left, and nothing was missed" came balanced 0
check "the kernel is marked as live patched" came tainted 0
check "it is unloaded" came unload 0
check "without it, the semantics are gone" came after 1
check "it can be loaded again" came again 0
check "with it, they are there again" came again-fifo 0
check "and unloaded" came again-unload 0
check "the kernel had nothing to complain of" grep -qxE 'pass' "$run/outcome"
done_testing
