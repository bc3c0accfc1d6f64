#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What custody costs, in instructions of a pipe round trip of two tasks on one
# CPU. QEMU counts them: its clock advances a nanosecond an instruction.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# instructions VARIANT OPTION...: of a round trip, as a number.
instructions() {
	local kernel

	kernel=$("$root/scripts/build-kernel" "$line" "$1") || return
	shift
	"$root/vm/run" --kernel "$kernel/bzImage" --icount --file "$selftest" \
		--timeout 300 -- /scx-custody-selftest --bench-pipe 10000 "$@" |
		sed -nE 's/^([0-9.]+) (ns|nanoseconds).*/\1/p' | tail -n1
}

# at_most NAME LIMIT OPTION...: the patched kernel may need LIMIT per cent more.
at_most() {
	local name=$1 limit=$2 pristine patched

	shift 2
	capture pristine instructions pristine "$@"
	capture patched instructions patched "$@"
	diag "$name: pristine $pristine, patched $patched instructions"
	awk -v a="$pristine" -v b="$patched" -v limit="$limit" \
		'BEGIN { exit !(a > 0 && b > 0 && (b / a - 1) * 100 <= limit) }'
	result $? "$name: at most $limit % more"
}

selftest='' pristine='' patched=''
capture selftest "$root/scripts/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}

line=6.18
at_most "$line, a BPF scheduler without ops.dequeue()" 0.3
# What is measured repeats to the instruction; another build may differ a little.
at_most "$line, no BPF scheduler" 0.05 --no-scheduler

done_testing
