#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The selftests under lockdep and list debugging, where the series differ most. Each
# takes a kernel of its own, so only when asked for (make check-lockdep).

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

lines=(6.12 6.18 7.1)
if [ "${SCX_CUSTODY_LOCKDEP:-}" != all ]; then
	skip "${#lines[@]} kernels with lockdep" "each takes a build; make check-lockdep runs it"
	done_testing
	exit
fi

logs=$cache/logs/check-lockdep
rm -rf "$logs"
mkdir -p "$logs"

# passes LINE IMAGE: no test fails, and nothing is said in the console.
passes() {
	"$root/lab/run-selftests" "$2" "$logs/$1" --timeout 1200 && return
	"$root/lab/results" "$logs/$1" | grep -vP '^\S+\tpass\t'
	cat "$logs/$1/reason"
	return 1
}

kernel=''
for line in "${lines[@]}"; do
	check "$line: the patched kernel builds with lockdep" \
		"$root/lab/build-kernel" "$line" patched-lockdep || continue
	capture kernel "$root/lab/build-kernel" "$line" patched-lockdep 2>/dev/null
	check "$line: the patched kernel passes with lockdep and list debugging" \
		passes "$line" "$kernel/bzImage"
done

done_testing
