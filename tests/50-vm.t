#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/vm/run: each outcome is told apart from the others, the guest is set up as
# promised, bad input is refused, and nothing is left behind.

# What the guest's shell is to expand is in single quotes.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=vm-kernel.sh
. "$root/tests/vm-kernel.sh"

tmp=''
scratch tmp
# So that it shows what is left there.
export XDG_CACHE_HOME=$tmp/cache
tmpdir=$tmp/tmpdir
mkdir "$tmpdir"

# vm ARGUMENT...: run it, with its logs in $out; sets exited.
vm() {
	out=$tmp/out,put
	rm -rf "$out"
	exited=0
	"$root/lab/vm/run" --kernel "$kernel" --out "$out" "$@" \
		>"$tmp/stdout" 2>"$tmp/stderr" &
	wait $! || exited=$?
}

# told WORD STATUS: did lab/vm/run say so, in each of the ways that it has?
told() {
	echo "stderr: $(cat "$tmp/stderr")"
	echo "outcome: $(cat "$out/outcome"), exit status: $exited"
	[ "$(tail -n 1 "$tmp/stderr")" = "$1" ] &&
		[ "$(cat "$out/outcome")" = "$1" ] && [ "$exited" -eq "$2" ]
}

# printed TEXT: is this what the command printed?
printed() {
	diff <(echo "$1") "$tmp/stdout" && diff <(echo "$1") "$out/output.log"
}

# marked: the processes of a guest started by interrupted().
marked() {
	grep -al 'custody[.]marker' /proc/[0-9]*/cmdline 2>/dev/null || :
}

# gone: is there no such process, nor a temporary file?
gone() {
	local left

	left=$(marked; ls -A "$tmpdir")
	echo "$left"
	[ -z "$left" ]
}

# --- outcomes -----------------------------------------------------------------

vm -- 'echo to stdout; echo to stderr >&2'
check "a command that exits with 0: pass" told pass 0
check "shows what was printed to stdout and stderr" printed $'to stdout\nto stderr'
check "keeps the command's status" grep -qx 0 "$out/status"
check "keeps the console" grep -q 'Linux version' "$out/console.log"
check "says which acceleration was used" grep -qxE 'kvm|tcg' "$out/accel"

vm --accel tcg -- 'echo "Oops: int3" >/dev/kmsg'
check "boots again with one host thread after QEMU's defect with several" \
	grep -qx tcg-single "$out/accel"

vm -- 'echo shown; echo kept >/dev/virtio-ports/scx-custody.results'
check "keeps what is written to the results, apart from what is printed" \
	diff <(echo kept) "$out/results.jsonl"
check "which is not shown" printed shown

vm -- 'echo some; exit 3'
check "a command that exits with 3: fail" told fail 1
check "keeps the status 3" grep -qx 3 "$out/status"
check "names the logs" grep -qF "$out" "$tmp/stderr"

vm -- 'kill -KILL $$'
check "a command that is killed: fail" told fail 1
check "keeps the status 137" grep -qx 137 "$out/status"

vm -- 'exit 4'
check "a command that exits with 4: skip" told skip 4

vm -- 'echo before; echo c >/proc/sysrq-trigger; echo after'
check "a kernel that panics: panic" told panic 5
check "keeps what was printed before" printed before
check "says why" grep -q 'sysrq triggered crash' "$out/reason"
check "has no status of the command" test ! -e "$out/status"

began=$SECONDS
# A busy machine takes more than 20 s until a command begins.
vm --timeout 40 -- 'echo before; sleep 1000'
check "a command that does not end: hang" told hang 6
check "within the time limit" test $((SECONDS - began)) -lt 60
check "keeps what was printed until then" printed before
check "keeps what the CPUs were doing" grep -q '^RIP=' "$out/registers"

vm --timeout 280 --silence 20 -- 'for i in 1 2 3; do sleep 10; echo $i; done; sleep 1000'
check "a command that prints nothing for too long: hang" told hang 6
check "keeps what was printed before the silence" printed $'1\n2\n3'
check "says which of the limits passed" grep -qx 'nothing was printed for 20 s' "$out/reason"
check "keeps what each of the CPUs was doing then" test "$(grep -c '^CPU#' "$out/registers")" = 2

for line in 'WARNING: CPU: 1 PID: 7 at kernel/sched/ext.c:1 f+0x1/0x2' \
	'BUG: kernel NULL pointer dereference, address: 0000000000000008' \
	'INFO: task worker:12 blocked for more than 120 seconds.' \
	'rcu: INFO: rcu_preempt self-detected stall on CPU'; do
	vm -- "echo '$line' >/dev/kmsg"
	check "a command that exits with 0, and '${line%%:*}:' in the console: splat" told splat 7
done
vm -- "echo 'WARNING: possible circular locking dependency detected' >/dev/kmsg; exit 1"
check "a lockdep report counts for more than a command that fails" told splat 7

known='WARNING: CPU: 1 PID: 7 at kernel/sched/ext.c:1 f+0x1/0x2'
vm --known ' f+' -- "echo '$known' >/dev/kmsg"
check "a warning that is known: pass" told pass 0
vm --known ' f+' -- "echo '$known' >/dev/kmsg; echo 'WARNING: of g+0x1' >/dev/kmsg"
check "one that is not, beside it: splat" told splat 7
check "which is what is said" grep -q 'of g+0x1' "$out/reason"

vm -- "echo 'DEBUG: fine; warning: fine, NOTE: no bug' >/dev/kmsg; echo 'WARNING: BUG: mine'"
check "such words in other places: pass" told pass 0

head -c 100000 "$kernel" >"$tmp/half"
vm --kernel "$tmp/half" --timeout 10 -- true
check "a kernel that does not reach init: harness" told harness 3

# --- output -------------------------------------------------------------------

# run_into READER COMMAND: run the command with READER at the other end of vm/run's stdout.
run_into() {
	out=$tmp/out,put
	rm -rf "$out" "$tmp/stdout"
	"$root/lab/vm/run" --kernel "$kernel" --out "$out" --file "$tmp/long" -- "$2" \
		2>"$tmp/stderr" | "$1"
	exited=${PIPESTATUS[0]}
}

# shellcheck disable=SC2317 # run_into calls it
# late_reader: takes nothing until all of it is in the log.
late_reader() {
	local tries=0

	until [ "$(tail -n 1 "$out/output.log" 2>/dev/null)" = 700000 ]; do
		[ $((tries += 1)) -lt 1500 ] || break
		sleep 0.2
	done
	cat >"$tmp/stdout"
}

# The guest prints 4.8 MB and turns itself off.
seq 700000 >"$tmp/long"
run_into late_reader 'cat /long'
check "a command that prints a lot: pass" told pass 0
check "keeps all of it" cmp "$tmp/long" "$out/output.log"
check "shows all of it to a slow reader" cmp "$tmp/long" "$tmp/stdout"

run_into true 'echo 1; sleep 1; echo 2'
check "a command whose output nobody reads: pass" told pass 0
check "keeps all of it" diff <(printf '1\n2\n') "$out/output.log"

# A directory is no console.
mkdir "$tmp/no-console"
vm --file "$tmp/no-console:/dev/console" -- 'echo to stdout; echo to stderr >&2'
check "boots a kernel that has no console for init" \
	grep -q 'unable to open an initial console' "$out/console.log"
check "shows what was printed without a console" printed $'to stdout\nto stderr'

# --- the guest ----------------------------------------------------------------

arguments=(' two  spaces ' "it's" '"quoted"' '$HOME' '' '*' 'back\slash' $'new\nline')
vm -- printf '[%s]\n' "${arguments[@]}"
check "several words reach the command as they are" \
	printed "$(printf '[%s]\n' "${arguments[@]}")"

mkdir -p "$tmp/dir/sub"
echo content >"$tmp/dir/sub/file"
printf '#!/bin/sh\necho "ran $0"\n' >"$tmp/program"
chmod +x "$tmp/program"
# A program that takes a library beyond that of C.
shared=$(command -v openssl)
vm --file "$tmp/program" --file "$tmp/program:/opt/other" --file "$tmp/dir:/data" \
	--file "$shared" -- '/program; /opt/other; cat /data/sub/file; /openssl version'
check "has the files, where they were wanted, and the libraries that they take" \
	printed $'ran /program\nran /opt/other\ncontent\n'"$("$shared" version)"

vm --append 'custody.a=1' --append 'custody.b=2' --cpus 3 --mem 700 -- \
	'nproc; grep -o "custody.a=1 custody.b=2" /proc/cmdline
	awk "/MemTotal/ { print (\$2 > 500000 && \$2 < 700 * 1024) }" /proc/meminfo
	ulimit -l; id -u; pwd
	for dir in /proc /sys /dev /tmp /sys/fs/cgroup /sys/fs/bpf /sys/kernel/debug /sys/kernel/tracing; do
		grep -q " $dir " /proc/mounts || echo "no $dir"
	done
	for controller in cpu cpuset; do
		grep -qw $controller /sys/fs/cgroup/cgroup.subtree_control || echo "no $controller"
	done
	echo through >/dev/stdout'
check "is set up as promised" printed \
	$'3\ncustody.a=1 custody.b=2\n1\nunlimited\n0\n/\nthrough'

vm --cpus 5 --offline 1,3 -- 'cat /sys/devices/system/cpu/online'
check "--offline takes CPUs away" printed 0,2,4

vm --topology smt-numa -- 'cd /sys/devices/system
	cat cpu/cpu[0-3]/topology/thread_siblings_list node/node[01]/cpulist
	grep -c "MemTotal: *[1-9]" node/node[01]/meminfo'
check "--topology smt-numa: 2 cores of 2 threads on 2 nodes with memory" printed \
	$'0-1\n0-1\n2-3\n2-3\n0-1\n2-3\nnode/node0/meminfo:1\nnode/node1/meminfo:1'

vm --icount --timeout 280 -- 'nproc; sleep 600'
check "--icount: idle time does not take time" told pass 0
check "--icount: one CPU" printed 1

# --- nothing is left behind ---------------------------------------------------

# interrupted SIGNAL: start a command that takes long, wait until what it
# prints is here, send the signal to lab/vm/run, and return lab/vm/run's exit status.
interrupted() {
	local pid tries=0

	rm -rf "$tmp/interrupted"
	TMPDIR=$tmpdir spawn "$root/lab/vm/run" --kernel "$kernel" \
		--append custody.marker --out "$tmp/interrupted" -- 'echo early; sleep 1000' \
		>/dev/null 2>&1
	pid=$!
	until grep -q early "$tmp/interrupted/output.log" 2>/dev/null; do
		[ $((tries += 1)) -lt 3000 ] || return
		sleep 0.1
	done
	[ -n "$(marked)" ] || return
	kill "-$1" "$pid"
	wait "$pid"
}

interrupted INT
check "SIGINT while output is coming in ends it with 130" test $? -eq 130
check "and leaves no process and no temporary file" gone
interrupted TERM
check "SIGTERM ends it with 143" test $? -eq 143
check "and leaves no process and no temporary file" gone

# ended: do all processes of a guest end by themselves?
ended() {
	local tries=0

	while [ -n "$(marked)" ] && [ $((tries += 1)) -lt 50 ]; do
		sleep 0.1
	done
	[ -z "$(marked)" ]
}
interrupted KILL 2>/dev/null
check "SIGKILL ends it with 137" test $? -eq 137
check "and leaves no process" ended

logs=$XDG_CACHE_HOME/scx-custody/logs
"$root/lab/vm/run" --kernel "$kernel" -- true >/dev/null 2>&1
check "without --out, a pass leaves no logs" test -z "$(ls -A "$logs")"
"$root/lab/vm/run" --kernel "$kernel" -- false >/dev/null 2>"$tmp/stderr"
check "without --out, a failure leaves them and says where" \
	test -s "$(sed -n 's/.*logs: //p' "$tmp/stderr")/console.log"

# --- bad input ----------------------------------------------------------------

# refused REGEX ARGUMENT...: exits with 2 and one line that matches, and boots
# nothing.
refused() {
	local expected=$1 exited=0

	shift
	rm -rf "$tmp/out"
	"$root/lab/vm/run" "$@" --out "$tmp/out" -- true >"$tmp/stdout" 2>"$tmp/stderr" || exited=$?
	cat "$tmp/stderr"
	[ "$exited" -eq 2 ] && [ "$(wc -l <"$tmp/stderr")" -eq 1 ] &&
		grep -Eq -- "$expected" "$tmp/stderr" && [ ! -e "$tmp/out" ] && [ ! -s "$tmp/stdout" ]
}

good=(--kernel "$kernel")
check "refuses no kernel" refused 'kernel is missing'
check "refuses a kernel that is not there" refused 'no kernel image' --kernel "$tmp/none"
check "refuses a directory as kernel" refused 'is a directory' --kernel "$tmp"
check "refuses a file that is not a kernel" refused 'not an x86 kernel' --kernel "$0"
check "refuses an unknown option" refused 'not an option' "${good[@]}" --frobnicate
check "refuses a command without --" refused 'not an option' "${good[@]}" true
for value in 0 -1 257 x '' 1e3 '1 2'; do
	check "refuses --cpus '$value'" refused 'number from 1 to 256' "${good[@]}" --cpus "$value"
done
for value in 0 4 x 1,4 '1 2,x'; do
	check "refuses --offline '$value' of 4 CPUs" \
		refused 'number from 1 to 3' "${good[@]}" --cpus 4 --offline "$value"
done
check "refuses --mem 1" refused 'number from 128' "${good[@]}" --mem 1
check "refuses --timeout 0" refused 'number from 1' "${good[@]}" --timeout 0
check "refuses an unknown topology" refused 'smp or smt-numa' "${good[@]}" --topology ring
check "refuses smt-numa with other than 4 CPUs" refused '4 CPUs' "${good[@]}" --topology smt-numa --cpus 2
check "refuses --icount with 2 CPUs" refused 'one CPU' "${good[@]}" --icount --cpus 2
check "refuses --icount with KVM" refused 'does not work' "${good[@]}" --icount --accel kvm
check "refuses an unknown acceleration" refused 'auto, kvm, tcg or tcg-single' "${good[@]}" --accel fast
check "refuses a file that is not there" refused 'no file' "${good[@]}" --file "$tmp/none"
check "refuses a folder that has no firmware" \
	refused 'OVMF_CODE\.fd' "${good[@]}" --firmware "$tmp/dir"
check "refuses a relative guest path" refused 'absolute' "${good[@]}" --file "$0:x"

if qemu-system-x86_64 --version | grep -q ' version [1-8][.]'; then
	vm --cpus 256 --accel tcg -- true
	check "says that this QEMU does not emulate 256 CPUs" \
		grep -q '255 CPUs at most' "$tmp/stderr"
	check "and that is no fault of the kernel" test "$exited" -eq 3
fi

"$root/lab/vm/run" --kernel "$kernel" 2>"$tmp/stderr"
check "refuses no command" test $? -eq 2
"$root/lab/vm/run" --kernel 2>"$tmp/stderr"
check "refuses an option without its value" grep -q 'needs a value' "$tmp/stderr"
check "--help shows the outcomes" bash -c '"$1" --help | grep -q "6  hang"' _ "$root/lab/vm/run"

done_testing
