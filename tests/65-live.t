#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module scx_custody: that it builds for every line it is for, and what it does
# on Debian's own 6.18, loaded and unloaded again, and when it must not be. Where it
# takes another kernel for that, it is the same one, edited.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

logs=$cache/logs/check-live
rm -rf "$logs"
mkdir -p "$logs"
run=$logs/stock-6.18.15

tree='' image='' module='' other='' rival='' selftest=''

for line in 6.17 6.18 6.19; do
	check "$line: the module builds, without a warning" "$root/scripts/build-module" "$line"
done
capture tree "$root/scripts/fetch" 6.18
check "checkpatch has nothing to say" "$tree/scripts/checkpatch.pl" --strict --no-tree --quiet \
	--file "$root"/live/*

check "it builds for Debian's own 6.18" "$root/scripts/build-module" 6.18 stock-6.18.15 ||
	{ done_testing; exit; }
capture module "$root/scripts/build-module" 6.18 stock-6.18.15
cp "$module" "$logs"
# as with the headers of another kernel that says to be the same one
capture other env KCFLAGS=-DCONFIG_RT_GROUP_SCHED "$root/scripts/build-module" 6.18 stock-6.18.15
cp "$other" "$logs/other-headers.ko"
module=$logs/scx_custody.ko other=$logs/other-headers.ko
check "another module that redirects builds" \
	"$root/scripts/build-module" --folder tests/rival 6.18 stock-6.18.15
capture rival "$root/scripts/build-module" --folder tests/rival 6.18 stock-6.18.15
capture selftest "$root/scripts/build-selftests"
capture image "$root/scripts/fetch" stock-6.18.15

# In the VM. Each step writes what came of it into a line 'NAME: STATUS'; busybox's
# insmod exits with the error: 1 is EPERM, 16 is EBUSY, 95 is EOPNOTSUPP.
cp "$root/tests/live-guest.sh" "$logs/functions"
cat >>"$logs/functions" <<'END'

ftrace_enabled=/proc/sys/kernel/ftrace_enabled
lockdown=/sys/kernel/security/lockdown
redirected=/sys/kernel/tracing/enabled_functions

step() {
	local name=$1 status=0

	shift
	"$@" || status=$?
	echo "$name: $status"
}

# refused [MODULE]: insmod's error, if nothing of the module stays.
refused() {
	local status=0

	insmod ${1:-/scx_custody.ko} || status=$?
	! grep scx_custody $redirected || status=200
	[ ! -e /sys/module/scx_custody ] || status=201
	return $status
}

selftest() {
	/scx-custody-selftest --duration 1 "$@"
}

# while_loaded COMMAND...: while the background job's BPF scheduler is.
while_loaded() {
	local status=0

	await_scheduler || return 9
	"$@" || status=$?
	scheduler_loaded || status=9
	return $status
}

# waits_for COMMAND...: until it is true, for ten seconds.
waits_for() {
	local i

	for i in $(seq 100); do
		! "$@" || return 0
		usleep 100000
	done
	return 1
}
END

cat >"$logs/steps" <<'END'
. /functions

step other-headers refused /other-headers.ko
echo 0 >$ftrace_enabled
step ftrace-off refused
echo 1 >$ftrace_enabled
insmod /rival.ko
step rival refused
rmmod rival
step before selftest --run fifo
/scx-custody-selftest --bench-pipe 1000000000 >/dev/null &
step load-while-loaded while_loaded refused
kill $!
wait
step load insmod /scx_custody.ko
step idle test "$(cut -d ' ' -f 1 $redirected | sort | xargs)" = 'bpf_scx_reg bpf_scx_unreg'
step all selftest
selftest --run hammer --duration 5 >/hammer.log &
step unload-while-loaded while_loaded rmmod scx_custody
wait
step hammered grep 'has the semantics' /hammer.log
step balanced balanced
step missed [ "$(cat $counters/missed)" = 0 ]
selftest --run hammer --duration 5 >/forced.log &
while_loaded sh -c 'rmmod -f scx_custody &'
wait
step forced grep 'has the semantics' /forced.log
step forced-out waits_for [ ! -e /sys/module/scx_custody ]
insmod /scx_custody.ko
step tainted live_patched
step unload rmmod scx_custody
step after selftest --run fifo
step again insmod /scx_custody.ko
step ftrace-stays test "$(echo 0 2>&1 >$ftrace_enabled)" = ''
insmod /rival.ko
step rival-later selftest --run fifo
rmmod rival
step again-fifo selftest --run fifo
step again-unload rmmod scx_custody
mount -t securityfs securityfs ${lockdown%/*}
echo integrity >$lockdown
step locked-down refused
END

files=(--file "$module" --file "$logs/functions")
"$root/vm/run" --kernel "$image/vmlinuz" "${files[@]}" --file "$selftest" --file "$other" \
	--file "$rival" --file "$logs/steps" --mem 2048 --timeout 600 --out "$run" -- sh /steps \
	>/dev/null 2>"$logs/vm.log"

# came NAME STATUS: what came of a step.
came() {
	cat "$run/reason"
	grep -E '^(not ok|[a-z-]+: [0-9]+$)' "$run/output.log"
	grep -qx "$1: $2" "$run/output.log"
}

# said TEXT [RUN]: the module did, in the kernel's log.
said() {
	grep 'scx_custody:' "${2:-$run}/console.log"
	grep -qF "scx_custody: $1" "${2:-$run}/console.log"
}

# refuses NAME EDIT TEXT: the kernel that tests/edit-kernel makes of Debian's 6.18 does not
# get the module, which says so.
refuses() {
	local out=$logs/$1

	"$root/tests/edit-kernel" "$image/vmlinuz" "$logs/vmlinux" "$2" || return
	"$root/vm/run" --kernel "$logs/vmlinux" "${files[@]}" --out "$out" -- '. /functions; refused' \
		>/dev/null 2>"$out.log"
	rm "$logs/vmlinux"
	[ "$(cat "$out/status")" = 95 ] && said "not loaded: $3" "$out"
}

check "Debian's 6.18 lacks the semantics" came before 1
check "the module is not loaded while a BPF scheduler is" came load-while-loaded 16
check "and says why" said 'not loaded: a BPF scheduler is loaded; unload it first'
check "nor if it was built with headers of another kernel" came other-headers 95
check "and says why" said 'not loaded: struct task_struct has scx at '
check "nor where ftrace is off" came ftrace-off 16
check "nor where another module redirects what it does" came rival 16
check "and says why" said "not loaded: ftrace cannot redirect sched_ext's functions, maybe"
check "it is loaded" came load 0
check "and says how much it gives" said 'BPF schedulers that are loaded from now on have the complete'
check "where no BPF scheduler is loaded, it is in no one's way" came idle 0
check "all selftests pass with it" came all 0
check "it is not unloaded while a BPF scheduler is loaded" came unload-while-loaded 1
check "which does not disturb that" came hammered 0
check "all that entered custody has left" came balanced 0
check "and nothing was missed" came missed 0
check "unloaded by force, it waits for the BPF scheduler" came forced 0
check "and goes then" came forced-out 0
check "the kernel is marked as live patched" came tainted 0
check "it is unloaded" came unload 0
check "without it, the semantics are gone" came after 1
check "it can be loaded again" came again 0
check "ftrace stays on then" came ftrace-stays 1
check "a BPF scheduler is refused if another module has come between" came rival-later 4
check "and the module says why" said 'a BPF scheduler was refused, as ftrace cannot redirect'
check "when that has gone, the semantics are there again" came again-fifo 0
check "and unloaded" came again-unload 0
check "the kernel refuses it, as it is not signed, under lockdown" came locked-down 1
check "the kernel had nothing to complain of" grep -qxE 'pass' "$run/outcome"

check "it is not loaded where a function is renamed" refuses renamed \
	symbol:dispatch_enqueue=dispatch_queued \
	"this kernel has 0 symbols 'dispatch_enqueue', not 1"
check "nor where there is a variant of one" refuses variant \
	symbol:x509_load_certificate_list=dispatch_enqueue.isra.0 \
	'the compiler made a variant of dispatch_enqueue()'
check "nor where one isn't reached" refuses inlined call:scx_dsq_move=dispatch_enqueue \
	'scx_dsq_move() does not call dispatch_enqueue()'
check "nor where BTF does not have a function" refuses no-function \
	type:move_remote_task_to_local_dsq=move_remote_task_to_another_q \
	"the kernel's BTF does not have move_remote_task_to_local_dsq()"
check "nor where types are others in BTF" refuses types \
	type:SCX_DEQ_CORE_SCHED_EXEC=SCX_DEQ_CORE_SCHED_PICK \
	'enum scx_deq_flags has no SCX_DEQ_CORE_SCHED_EXEC'
check "nor where the kernel has another use for its flag" refuses flag \
	type:SCX_TASK_STATE_BITS=SCX_TASK_OTHER_FLAG \
	'SCX_TASK_OTHER_FLAG is 0x2 here, which the module needs'
done_testing
