#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What custody costs, in instructions of a pipe round trip of two tasks on one
# CPU. QEMU counts them: its clock advances a nanosecond an instruction. On 6.18, or with
# SCX_CUSTODY_OVERHEAD=all on 6.12 and 7.1, too.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# figures: the benchmark's, of instructions a round trip, one a line.
figures() {
	sed -nE 's/^([0-9.]+) (ns|nanoseconds).*/\1/p'
}

# instructions VARIANT OPTION...: of a round trip, as a number.
instructions() {
	local kernel

	kernel=$("$root/lab/build-kernel" "$line" "$1") || return
	shift
	"$root/lab/vm/run" --kernel "$kernel/$image_name" --icount --file "$selftest" \
		--timeout 300 -- /scx-custody-selftest --bench-pipe 10000 "$@" |
		figures | tail -n 1
}

# at_most NAME LIMIT OPTION...: the patched kernel may need LIMIT per cent more.
at_most() {
	local name=$1 limit=$2 unpatched patched

	shift 2
	capture unpatched instructions unpatched "$@"
	capture patched instructions patched "$@"
	diag "$name: unpatched $unpatched, patched $patched instructions"
	more_by_at_most "$unpatched" "$patched" "$limit"
	result $? "$name: at most $limit % more"
}

# more_by_at_most A B LIMIT: is B at most LIMIT per cent more than A?
more_by_at_most() {
	awk -v a="$1" -v b="$2" -v limit="$3" \
		'BEGIN { exit !(a > 0 && b > 0 && (b / a - 1) * 100 <= limit) }'
}

# live: figures on a stock kernel: without a BPF scheduler before the module is loaded,
# while it is and after, then under one without the module and with it.
live() {
	local image module bench='/scx-custody-selftest --bench-pipe 10000'

	image=$("$root/lab/fetch" stock-6.18.15) || return
	module=$("$root/lab/build-module" 6.18 stock-6.18.15) || return
	"$root/lab/vm/run" --kernel "$image/vmlinuz" --icount --mem 2048 --file "$selftest" \
		--file "$module" --timeout 300 -- "
			$bench --no-scheduler
			insmod /scx_custody.ko && $bench --no-scheduler
			rmmod scx_custody && $bench --no-scheduler
			$bench
			insmod /scx_custody.ko && $bench" | figures
}

selftest='' unpatched='' patched=''
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}

lines=(6.18)
[ "${SCX_CUSTODY_OVERHEAD:-}" != all ] || lines=(6.12 6.18 7.1)
for line in "${lines[@]}"; do
	at_most "$line, a BPF scheduler without ops.dequeue()" 0.3
	# What is measured repeats to the instruction; another build may differ a little.
	at_most "$line, no BPF scheduler" 0.05 --no-scheduler
done

[ "$ARCH" = x86 ] || { done_testing; exit; }
# Before the module comes, not all that a kernel does at first has been done.
mapfile -t seen < <(live)
diag "the module, no BPF scheduler: loaded ${seen[1]:-}, unloaded ${seen[2]:-} instructions"
more_by_at_most "${seen[2]:-0}" "${seen[1]:-0}" 0.05
result $? "the module, no BPF scheduler: nothing more"
diag "the module, a BPF scheduler without ops.dequeue(): loaded ${seen[4]:-}, unloaded ${seen[3]:-} instructions"

done_testing
