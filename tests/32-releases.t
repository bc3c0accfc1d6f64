#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Does a line's series apply to the line's other point releases too? As far as
# they can be had, and only when asked for (make check-releases): 150 MB each.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=series.sh
. "$root/tests/series.sh"

# apply_to RELEASE SLICE: on a copy; refuses fuzz, tells offsets.
apply_to() {
	rm -rf "$scratch/tree"
	cp -r "$2" "$scratch/tree"
	"$root/command/verbs/apply" "$scratch/tree"
}

# restored SLICE
restored() {
	"$root/command/verbs/unapply" "$scratch/tree" && diff -r "$1" "$scratch/tree"
}

# has_layout SLICE: is that what detect says?
has_layout() {
	"$root/command/verbs/detect" "$1" | grep -x "layout: $layout"
}

# says_complete SLICE
says_complete() {
	"$root/command/verbs/apply" "$1" 2>&1 | grep 'has the feature already .*nothing to apply\.$'
}

mapfile -t releases < <(sources release)
if [ "${SCX_CUSTODY_RELEASES:-}" != all ]; then
	skip "${#releases[@]} point releases" "downloads 4 GB; make check-releases runs it"
	done_testing
	exit
fi

scratch='' slice=''
scratch scratch
for release in "${releases[@]}"; do
	# Debian takes releases out of its archive in time.
	capture slice "$root/lab/fetch" "$release" 2>"$scratch/said" || {
		skip "$release" "$(tail -n 1 "$scratch/said")"
		continue
	}
	layout=$(source_column "$release" layout)
	if [ "$(source_column "$release" unpatched)" = pass ]; then
		check "$release: has it all, and apply says so" says_complete "$slice"
		continue
	fi
	check "$release: has the layout $layout" has_layout "$slice"
	check "$release: the series applies with no fuzz" apply_to "$release" "$slice" ||
		continue
	check "$release: custody begins and ends where compat/call-sites has it" \
		in_the_right_functions "$scratch/tree"
	check "$release: comes off again" restored "$slice"
done

done_testing
