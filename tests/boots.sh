# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests that run all selftests in kernels: the outcome of a run is in $logs/NAME, which the
# caller sets. Source tap.sh first.

# run_selftests NAME IMAGE [OPTION]... [-- SELFTEST-OPTION...]: in a VM.
run_selftests() {
	"$root/lab/run-selftests" "$2" "${logs:?}/$1" "${@:3}"
}

# passes NAME IMAGE [OPTION]... [-- SELFTEST-OPTION...]: no test fails, and nothing else is
# wrong.
passes() {
	run_selftests "$@" && return
	"$root/lab/results" "$logs/$1" | grep -vP '^\S+\tpass\t'
	cat "$logs/$1/reason"
	return 1
}

# nobody_skipped NAME TEST...: these must have run, not been skipped.
nobody_skipped() {
	local results test

	results=$("$root/lab/results" "$logs/$1")
	shift
	for test; do
		grep -qP "^$test\tpass\t" <<<"$results" || {
			grep -P "^$test\t" <<<"$results"
			return 1
		}
	done
}
