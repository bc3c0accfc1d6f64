#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The selftests on the machines that people have: where the numbers of the CPUs have holes,
# where not all CPUs may be used, and, when asked for (make check-machines), where there is
# one CPU or many. Nothing may fail there that passes on two CPUs.

# What the guest's shell is to expand is in single quotes.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

logs=$cache/logs/check-machines
rm -rf "$logs"
mkdir -p "$logs"

selftest='' kernel='' image=''
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}
capture kernel "$root/lab/build-kernel" 6.18 patched || {
	echo "Bail out! the kernel does not build"
	exit 1
}

# Those that choose CPUs by number or take one away.
about_cpus='@(other_cpu|parked_affinity|terminal_changes|own_context|left_over_verdict'
about_cpus+='|stale_dispatch|forbidden_cpu|storm_held|numa|hotplug|dying_cpu)'

# in_cpuset LIST COMMAND: a line for the guest's shell.
in_cpuset() {
	echo "mkdir /sys/fs/cgroup/part && echo $1 >/sys/fs/cgroup/part/cpuset.cpus &&
		echo \$\$ >/sys/fs/cgroup/part/cgroup.procs && $2"
}

# boot NAME IMAGE COMMAND [OPTION]...: what came of it is in $logs/NAME.
boot() {
	local name=$1 image=$2 command=$3 status=0

	shift 3
	spawn "$root/lab/vm/run" --kernel "$image" --file "$selftest" --timeout 600 \
		--out "$logs/$name" "$@" -- "$command" >/dev/null 2>"$logs/$name.log"
	await $! "selftests: $name" "tests_done $logs/$name" || status=$?
	cat "$logs/$name.log"
	grep -E '^(not ok|# Totals|ok .*SKIP)' "$logs/$name/output.log"
	return "$status"
}

# counted NAME TOTALS...: this is how many passed, failed and were skipped, in each run.
counted() {
	diff <(printf '# Totals: %s\n' "${@:2}") <(grep '^# Totals' "$logs/$1/output.log")
}

# all_passed NAME: and some did.
all_passed() {
	grep -qE '^# Totals: pass:[1-9][0-9]* fail:0 ' "$logs/$1/output.log"
}

line="/scx-custody-selftest --all-tasks --duration 1 --run '$about_cpus'"
check "CPUs 0, 2 and 3, and in a cpuset 0 and 3: it ends well" \
	boot holes "$kernel/bzImage" "$line && $(in_cpuset 0,3 "$line")" \
	--topology smt-numa --mem 2048 --offline 1
check "all passed on three CPUs, and what takes three was skipped on two" \
	counted holes 'pass:11 fail:0 skip:0' 'pass:10 fail:0 skip:1'

if [ "${SCX_CUSTODY_MACHINES:-}" != all ]; then
	skip "all tests on seven machines" "it takes half an hour; make check-machines runs it"
	done_testing
	exit
fi

# machine NAME IMAGE [OPTION]...: all tests pass there, or have a reason not to run.
machine() {
	check "$1: it ends well" \
		boot "$1" "$2" "${run:-/scx-custody-selftest --all-tasks}" "${@:3}"
	check "$1: nothing failed" all_passed "$1"
	diag "$(grep -E '^(# Totals|ok .*SKIP)' "$logs/$1/output.log")"
}

image=$kernel/bzImage
check "the kit's kernels have more than 64 CPUs" boot 100-cpus "$image" '[ $(nproc) = 100 ]' \
	--cpus 100 --mem 2048
machine offline "$image" --topology smt-numa --mem 2048 --offline 1
run=$(in_cpuset 1-2 '/scx-custody-selftest --all-tasks') machine cpuset "$image" --cpus 4
machine nosmt "$image" --topology smt-numa --mem 2048 --append nosmt
machine isolated "$image" --cpus 4 --append isolcpus=1
machine single "$image" --cpus 1
capture image "$root/lab/fetch" stock-7.3.4 || {
	echo "Bail out! the stock kernel cannot be had"
	exit 1
}
image+=/vmlinuz
machine 24-cpus "$image" --cpus 24 --mem 4096 --timeout 2400
machine 64-cpus "$image" --cpus 64 --mem 8192 --timeout 5400

done_testing
