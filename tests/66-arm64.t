#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One line on arm64: patched 6.18 passes all selftests there. QEMU emulates the machine; where
# it runs on x86, accesses to memory come in the order of x86, so this proves nothing about
# memory ordering. 'make matrix ARCH=arm64' does every line.

export ARCH=arm64
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=boots.sh
. "$root/tests/boots.sh"

for program in "${CROSS_COMPILE}gcc" "$qemu"; do
	if ! command -v "$program" >/dev/null; then
		skip "6.18 on arm64" "$program is not installed; $(how_to_install)"
		done_testing
		exit
	fi
done

logs=$cache/logs/check-arm64
rm -rf "$logs"
mkdir -p "$logs"

kernel=''
check "the selftests build for arm64" "$root/lab/build-selftests" || { done_testing; exit; }
check "6.18: the patched kernel builds for arm64" "$root/lab/build-kernel" 6.18 patched ||
	{ done_testing; exit; }
capture kernel "$root/lab/build-kernel" 6.18 patched 2>/dev/null
check "6.18: the patched kernel passes on arm64, 2 cores with SMT on 2 NUMA nodes" \
	passes 6.18 "$kernel/$image_name" --topology smt-numa --mem 2048
check "6.18: what such a machine has was tested there, not skipped" \
	nobody_skipped 6.18 core_sched numa move_timer move_syscall stale_dispatch suspend

done_testing
