#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each known way to get it wrong, put back into the patched kernel, must be
# caught by the test that is meant for it. A mutation is a patch in mutations/,
# with a header that says
#
#	Line: LINE	whose patched kernel it is for; default 6.18
#	Without: NAME	the fix that is left out of the series (compat/probes.sh); then
#			there need not be a diff
#	Test: NAME	the selftests to run, a shell pattern
#	Expect: OUTCOME	of lab/vm/run: fail (that test must), hang, splat
#	Options: ...	more for scx-custody-selftest; optional
#	Machine: ...	more for lab/vm/run; optional
#	Timeout: N	seconds that the VM may take; default 180
#	Always: yes	it is done however late it is
#
# With SCX_CUSTODY_MUTATIONS=all all are done; else, of those for 6.18, the ones that
# are always done and those for which there is time left, see below.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# The tests as a whole aim for an hour on a bare machine: a mutation, which takes about
# a minute, is not begun when this many seconds have passed.
latest=${SCX_CUSTODY_MUTATIONS_UNTIL:-2100}

logs=$cache/logs/check-mutations
rm -rf "$logs"
mkdir -p "$logs"

# field NAME PATCH: what the header says.
field() {
	sed -nE "/^--- /q; s/^$1: *//p" "$2"
}

line_of() {
	local line

	line=$(field Line "$1")
	echo "${line:-6.18}"
}

# has_time PATCH: is it to be done now?
has_time() {
	[ "${SCX_CUSTODY_MUTATIONS:-}" != all ] || return 0
	[ "$(line_of "$1")" = 6.18 ] || return
	[ "$(field Always "$1")" = yes ] || ! is_late "$latest"
}

# caught PATCH: build, boot, and see that the outcome is what it should be.
caught() {
	local name kernel outcome expected limit line

	name=$(basename "$1" .patch)
	line=$(line_of "$1")
	expected=$(field Expect "$1")
	limit=$(field Timeout "$1")
	kernel=$("$root/lab/build-kernel" --mutation "$1" "$line" patched \
		2>"$logs/$name.build") || {
		tail -n 20 "$logs/$name.build"
		return 1
	}
	# shellcheck disable=SC2046 # options are words
	"$root/lab/vm/run" --kernel "$kernel/$image_name" --file "$selftest" --timeout "${limit:-180}" \
		$(field Machine "$1") --out "$logs/$name" -- /scx-custody-selftest --all-tasks \
		--run "$(field Test "$1")" $(field Options "$1") >"$logs/$name.out" 2>&1
	outcome=$(cat "$logs/$name/outcome")
	echo "outcome: $outcome, expected: $expected"
	[ "$outcome" = "$expected" ] || { tail -n 20 "$logs/$name.out"; return 1; }
	[ "$outcome" != fail ] || grep -E '^not ok' "$logs/$name/output.log"
}

selftest=''
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}

# Those that are always done come first.
mapfile -t mutations < <(
	grep -l '^Always: yes' "$root"/tests/mutations/*.patch
	grep -L '^Always: yes' "$root"/tests/mutations/*.patch)
for patch in "${mutations[@]}"; do
	name="caught by $(field Test "$patch"): $(basename "$patch" .patch)"
	if ! has_time "$patch"; then
		skip "$name" "no time for it here; 'make check-mutations' does all"
		continue
	fi
	begin=$SECONDS
	check "$name" caught "$patch"
	diag "build, boot and test took $((SECONDS - begin)) s; $(tail -n1 "$logs/$(basename "$patch" .patch)/reason" 2>/dev/null)"
done

done_testing
