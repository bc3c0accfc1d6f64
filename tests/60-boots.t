#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The selftests in real kernels: those that must pass, those that must fail
# and on just which tests, and those that nobody of this kit has built. What the
# tasks saw is compared with what they saw on the oracle.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=boots.sh
. "$root/tests/boots.sh"

logs=$cache/logs/check-boots
rm -rf "$logs"
mkdir -p "$logs"

# fails_on NAME: the tests that failed in that run.
fails_on() {
	"$root/lab/results" "$logs/$1" | awk -F '\t' '$2 == "fail" { print $1 }' | sort
}

# like_the_oracle NAME: in that run tasks saw what they saw on the oracle, but for
# what is known or rare.
like_the_oracle() {
	"$root/lab/compare-traces" "$logs/$1" "$logs/7.3.4"
}

# unlike_the_oracle NAME TEST...: not so, and in these tests for sure.
unlike_the_oracle() {
	local name=$1 test

	shift
	like_the_oracle "$name" >"$logs/$name.compared"
	[ $? -eq 1 ] || return 1
	for test; do
		grep -qE "^DIFFERS +$test +(kernel|oracle) " "$logs/$name.compared" || {
			echo "$test does not differ"
			return 1
		}
	done
}

kernel='' image=''
check "the selftests build" "$root/lab/build-selftests" || { done_testing; exit; }

# Two of the lines, as far as an hour goes; 'make matrix' has them all.
lines=(6.12 6.18)
for line in "${lines[@]}"; do
	check "$line: the patched kernel builds" "$root/lab/build-kernel" "$line" patched ||
		continue
	capture kernel "$root/lab/build-kernel" "$line" patched 2>/dev/null
	check "$line: the patched kernel's BTF has the enumerators with the values of 7.1" \
		"$root/command/lib/check-btf" --patched "$kernel/vmlinux"
	# Traces are recorded where they are compared, and not where they are not.
	check "$line: the patched kernel passes, 2 CPUs" \
		passes "$line" "$kernel/$image_name" -- --traces
done

check "6.18: the patched kernel passes, 2 cores with SMT on 2 NUMA nodes" \
	passes 6.18-smt-numa "$kernel/$image_name" --topology smt-numa --mem 2048
check "6.18: what such a machine has and the kernel takes was tested there, not skipped" \
	nobody_skipped 6.18-smt-numa core_sched numa move_timer move_syscall stale_dispatch \
	suspend

# Debian's own, and as good as mainline's: sched_ext is the same.
stock='stock-6.18.15'
check "$stock: Debian's kernel without the feature can be had" "$root/lab/fetch" "$stock" && {
	capture image "$root/lab/fetch" "$stock" 2>/dev/null
	run_selftests "$stock" "$image/vmlinuz" --mem 2048 -- --traces
	check "$stock: it fails, and on just these tests" \
		diff <(fails_on "$stock") "$root/tests/pristine.expected"
}

check "the oracle, a stock 7.3 kernel, can be had" "$root/lab/fetch" stock-7.3.4 && {
	capture image "$root/lab/fetch" stock-7.3.4 2>/dev/null
	check "the stock 7.3 kernel passes" passes 7.3.4 "$image/vmlinuz" -- --traces
	for line in "${lines[@]}"; do
		check "$line: tasks on the patched kernel see what they see on stock 7.3" \
			like_the_oracle "$line"
		diag "$(like_the_oracle "$line" | tail -n 1)"
	done
	check "$stock: tasks there do not, parked or dispatched" \
		unlike_the_oracle "$stock" fifo held_map parked_nice unload
}

done_testing
