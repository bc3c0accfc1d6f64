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

tree='' image='' module='' other='' rival='' selftest='' tracer=''

for line in 6.17 6.18 6.19; do
	check "$line: the module builds, without a warning" "$root/lab/build-module" "$line"
done
capture tree "$root/lab/fetch" 6.18
check "checkpatch has nothing to say" "$tree/scripts/checkpatch.pl" --strict --no-tree --quiet \
	--file "$root"/live/*

check "it builds for Debian's own 6.18" "$root/lab/build-module" 6.18 stock-6.18.15 ||
	{ done_testing; exit; }
capture module "$root/lab/build-module" 6.18 stock-6.18.15
cp "$module" "$logs"
# as with the headers of another kernel that says to be the same one
capture other env KCFLAGS=-DCONFIG_RT_GROUP_SCHED "$root/lab/build-module" 6.18 stock-6.18.15
cp "$other" "$logs/other-headers.ko"
module=$logs/scx_custody.ko other=$logs/other-headers.ko
check "another module that redirects builds" \
	"$root/lab/build-module" --folder tests/rival 6.18 stock-6.18.15
capture rival "$root/lab/build-module" --folder tests/rival 6.18 stock-6.18.15
capture selftest "$root/lab/build-selftests"
capture tracer "$root/lab/build-program" tests/tracer
capture image "$root/lab/fetch" stock-6.18.15

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

# waits_for COMMAND...: until it is true, for a minute and a half.
waits_for() {
	local i

	for i in $(seq 900); do
		! "$@" || return 0
		usleep 100000
	done
	return 1
}

# tells_hazards: does sysfs tell of the same as the log?
tells_hazards() {
	local open

	open=$(cat $counters/open_hazards) && [ -n "$open" ] &&
		dmesg | grep -F "; open are still hazards, $open"
}

# The tasks that play for --bench-pipe hold the BPF scheduler a little longer than that.
unloaded() {
	grep -qx disabled /sys/kernel/sched_ext/state
}

# A BPF scheduler that is loaded fast.
bench() {
	/scx-custody-selftest --bench-pipe 100
}

# counted: does the second CPU's run queue count from 2^49 on, the first one from 0?
counted() {
	echo D >/proc/sysrq-trigger
	sleep 1
	grep -o 'CPU [01] .*ops_qseq=[0-9]*' /sys/kernel/tracing/trace |
		sed 's/CPU \(.\).*=/\1 /' | sort | 
		awk '{ last[$1] = $2; print } END {
			exit !(last[0] > 0 && last[0] < 562949953421312 && last[1] > 562949953421312)
		}'
}

# traced FILE FUNCTION...: was each of them entered and, as often, left? In a log of tracer.
traced() {
	local file=$1 function

	shift
	for function in "$@"; do
		awk -v name=$function: '$1 == "traced" && $2 == name {
			found = $3 > 0 && $3 == $4
		} END { exit !found }' $file || return
	done
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
step open-hazards tells_hazards
step idle test "$(cut -d ' ' -f 1 $redirected | sort | xargs)" = \
	'bpf_scx_reg bpf_scx_unreg scx_idle_enable'
step all selftest
selftest --run hammer --duration 5 >/hammer.log &
step unload-while-loaded while_loaded rmmod scx_custody
wait
step hammered grep 'has the semantics' /hammer.log
step balanced balanced
step missed [ "$(cat $counters/missed)" = 0 ]
echo 1 >/sys/kernel/tracing/events/sched_ext/sched_ext_dump/enable
/scx-custody-selftest --bench-pipe 1000000000 >/dev/null &
step counted while_loaded waits_for counted
kill $!
waits_for unloaded
echo 0 >/sys/kernel/tracing/events/sched_ext/sched_ext_dump/enable
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

# With BPF programs on all functions that are redirected.
cat >"$logs/traced-steps" <<'END'
. /functions

all='bpf_scx_reg bpf_scx_unreg scx_idle_enable ops_dequeue dispatch_enqueue
consume_dispatch_q scx_dsq_move move_remote_task_to_local_dsq'

comes_after() {
	insmod /scx_custody.ko &&
		selftest --run 'storm_*' &&
		balanced &&
		rmmod scx_custody &&
		insmod /scx_custody.ko
}

case ${1:-} in
comes_after | selftest) "$@"; exit ;;
esac

/tracer sh /traced-steps comes_after >/first.log
echo "first: $?"
step first-traced traced /first.log $all
/tracer sh /traced-steps selftest --run 'storm_*' >/second.log
echo "second: $?"
step second-traced traced /second.log $all
grep -h ^traced /first.log /second.log
/scx-custody-selftest --bench-pipe 1000000000 >/dev/null &
step amid while_loaded /tracer sleep 1
kill $!
waits_for unloaded
waits_for rmmod scx_custody

for i in 1 2 3; do
	/tracer true >/dev/null || echo "traced-at-once: $?"
done &
rounds=0
while kill -0 $! 2>/dev/null; do
	insmod /scx_custody.ko && bench && rmmod scx_custody || break
	rounds=$((rounds + 1))
done
wait $!
echo "at-once: $?"
step at-once-rounds [ $rounds -ge 2 ]
END

# When something fails.
cat >"$logs/faults" <<'END'
. /functions

# asleep_in FUNCTION: is a process?
asleep_in() {
	grep -q "$1" /proc/[0-9]*/stack 2>/dev/null
}

insmod /rival.ko hold=1
bench &
step early-waits waits_for asleep_in scx_enable
step early-loaded scheduler_loaded
step early insmod /scx_custody.ko
rmmod rival
wait $!
step early-again selftest --run fifo

sleep 1000 &
sleeper=$!
insmod /rival.ko mark=$sleeper
rmmod rival
selftest --all-tasks --run hammer --duration 20 >/dev/null &
step marked while_loaded waits_for grep 1 $counters/missed
insmod /rival.ko mark=$sleeper
rmmod rival
wait $!
step marked-again grep 2 $counters/missed
kill $sleeper

/scx-custody-selftest --bench-pipe 1000000000 >/dev/null &
step failed while_loaded insmod /rival.ko fail=1
kill $!
waits_for unloaded
step failed-still selftest --run fifo
step failed-unload rmmod scx_custody
rmmod -f scx_custody &
step failed-forced waits_for asleep_in never_return
step failed-refused bench
END

files=(--file "$module" --file "$logs/functions")
"$root/lab/vm/run" --kernel "$image/vmlinuz" "${files[@]}" --file "$selftest" --file "$other" \
	--file "$rival" --file "$logs/steps" --mem 2048 --timeout 900 --out "$run" -- sh /steps \
	>/dev/null 2>"$logs/vm.log"
"$root/lab/vm/run" --kernel "$image/vmlinuz" "${files[@]}" --file "$selftest" --file "$tracer" \
	--file "$logs/traced-steps" --mem 2048 --timeout 900 --out "$logs/traced" \
	-- sh /traced-steps >/dev/null 2>"$logs/traced.log"
"$root/lab/vm/run" --kernel "$image/vmlinuz" "${files[@]}" --file "$selftest" --file "$rival" \
	--file "$logs/faults" --mem 2048 --timeout 900 --out "$logs/failing" \
	-- sh /faults >/dev/null 2>"$logs/failing.log"

# came NAME STATUS [RUN]: what came of a step.
came() {
	local out=${3:-$run}

	cat "$out/reason"
	grep -E '^(not ok|[a-z-]+: [0-9]+$)' "$out/output.log"
	grep -qx "$1: $2" "$out/output.log"
}

# warned TEXT RUN: the kernel did, once, with just this.
warned() {
	grep -A 1 'WARNING:' "$2/console.log"
	[ "$(grep -c 'WARNING:' "$2/console.log")" = 1 ] && grep -F "$1" "$2/console.log"
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
	"$root/lab/vm/run" --kernel "$logs/vmlinux" "${files[@]}" --out "$out" -- \
		'. /functions; refused' \
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
check "and says how much it gives" \
	said 'BPF schedulers that are loaded from now on have the custody semantics; open are still'
check "which can be read in sysfs, too" came open-hazards 0
check "where no BPF scheduler is loaded, it is in no one's way" came idle 0
check "all selftests pass with it" came all 0
check "it is not unloaded while a BPF scheduler is loaded" came unload-while-loaded 1
check "which does not disturb that" came hammered 0
check "all that entered custody has left" came balanced 0
check "and nothing was missed" came missed 0
check "run queues count from different numbers on" came counted 0
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

traced=$logs/traced
check "with BPF programs on all that it redirects, it is loaded and works" came first 0 "$traced"
check "and they see each call" came first-traced 0 "$traced"
check "it works if they come later" came second 0 "$traced"
check "and they see each call" came second-traced 0 "$traced"
check "or while a BPF scheduler is loaded" came amid 0 "$traced"
check "or just while the module and BPF schedulers come and go" came at-once 0 "$traced"
check "which was so several times" came at-once-rounds 0 "$traced"
check "the kernel had nothing to complain of" grep -qxE 'pass' "$traced/outcome"

failing=$logs/failing
check "a BPF scheduler can be in bpf_scx_reg() when the module comes" \
	came early-waits 0 "$failing"
check "and is not seen as loaded" came early-loaded 1 "$failing"
check "the module is loaded then" came early 0 "$failing"
check "and does not miss that BPF scheduler" \
	said 'a BPF scheduler that was on its way in when the module came is turned away' "$failing"
check "which can be loaded again" came early-again 0 "$failing"
check "it sees a task that is marked when it is enabled" came marked 0 "$failing"
check "or disabled" came marked-again 0 "$failing"
check "and the kernel warns of it" warned 'is still marked as in custody' "$failing"
check "ftrace fails while a BPF scheduler is loaded" came failed 0 "$failing"
check "and the module says that it has to stay" \
	said "ftrace does not give back sched_ext's functions: error -19" "$failing"
check "it still works" came failed-still 0 "$failing"
check "it cannot be unloaded any more" came failed-unload 1 "$failing"
check "unloaded by force, it keeps its text" came failed-forced 0 "$failing"
check "a BPF scheduler is refused then" came failed-refused 1 "$failing"
check "and the module says why" said 'a BPF scheduler was refused, as ftrace has failed' "$failing"

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
