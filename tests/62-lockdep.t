#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The selftests under lockdep and list debugging, where the series differ most. Each
# takes a kernel of its own, so only when asked for (make check-lockdep).

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=boots.sh
. "$root/tests/boots.sh"

lines=(6.12 6.18 7.1)
if [ "${SCX_CUSTODY_LOCKDEP:-}" != all ]; then
	skip "${#lines[@]} kernels with lockdep" "each takes a build; make check-lockdep runs it"
	done_testing
	exit
fi

logs=$cache/logs/check-lockdep
rm -rf "$logs"
mkdir -p "$logs"

kernel=''
for line in "${lines[@]}"; do
	check "$line: the patched kernel builds with lockdep" \
		"$root/lab/build-kernel" "$line" patched-lockdep || continue
	capture kernel "$root/lab/build-kernel" "$line" patched-lockdep 2>/dev/null
	check "$line: the patched kernel passes with lockdep and list debugging" \
		passes "$line" "$kernel/$image_name" --timeout 1200
done

done_testing
