#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What debian-source writes into debian/changelog and debian/patches/series, and that it
# takes just this out again.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=debian-trees.sh
. "$root/tests/debian-trees.sh"

# --- debian/changelog ------------------------------------------------------------------

tree=$(unpacked 6.18)
original=$(cat "$tree/debian/changelog")
bullet='  * sched_ext: Make ops.dequeue() reliable for BPF schedulers (scx-custody)'

# unreleased BODY: the first entry is UNRELEASED, with this body.
unreleased() {
	{
		echo 'linux (6.18.16-1) UNRELEASED; urgency=medium'
		printf '%b' "$1"
		printf ' -- Uma Now <uma@example.org>  Sun, 30 Aug 2026 06:19:09 +0200\n\n%s\n' "$original"
	} >"$tree/debian/changelog"
}

# entry_is TEXT: is that the first entry's body after debian-source?
entry_is() {
	diff <(printf '%b' "$1") <(sed '1d; /^ -- /,$d' "$tree/debian/changelog") &&
		dpkg-parsechangelog -l "$tree/debian/changelog" >/dev/null
}

# logs NAME BEFORE AFTER [VARIABLE=VALUE]...: an UNRELEASED entry's body.
logs() {
	local pristine

	unreleased "$2"
	pristine=$(snapshot "$tree")
	check "changelog, $1: gets a line" says 'are in' env "${@:4}" "$verbs/debian-source" "$tree"
	check "changelog, $1: in its place" entry_is "$3"
	check "changelog, $1: no version of its own" first_entry "$tree" Version 6.18.16-1
	check "changelog, $1: loses it" there_and_back debian_source "$tree" "$pristine"
}

logs "one maintainer" '\n  * New.\n\n' "\n  * New.\n$bullet\n\n"
logs "two blank lines" '\n  * New.\n\n\n' "\n  * New.\n$bullet\n\n\n"
logs "another maintainer" '\n  * New.\n\n' "\n  * New.\n\n  [ Ada Ex ]\n$bullet\n\n" \
	DEBFULLNAME='Ada Ex' DEBEMAIL=ada@example.org
logs "her heading is there" '\n  [ Bo ]\n  * Old.\n\n  [ Ada Ex ]\n  * New [amd64]\n\n' \
	"\n  [ Bo ]\n  * Old.\n\n  [ Ada Ex ]\n  * New [amd64]\n$bullet\n\n" \
	DEBEMAIL='Ada Ex <ada@example.org>'
logs "her heading has nothing below" '\n  [ Ada Ex ]\n\n' \
	"\n  [ Ada Ex ]\n\n  [ Ada Ex ]\n$bullet\n\n" \
	NAME='Ada Ex' EMAIL=ada@example.org
logs "nothing in it yet" '\n' "\n$bullet\n\n"

unreleased '\n'
debian_source "$tree" >/dev/null
sed -i "s/^  \* sched_ext.*/&\n  * More./" "$tree/debian/changelog"
check "changelog: what came later stays" says 'taken out' debian_source --undo "$tree"
check "changelog: in its place" entry_is '\n  * More.\n\n'

echo "$original" >"$tree/debian/changelog"
pristine=$(snapshot "$tree")
check "changelog: a released entry is followed by a new one" \
	says 'UNRELEASED, has a line of Ada Ex' \
	env DEBFULLNAME='Ada Ex' DEBEMAIL=ada@example.org "$verbs/debian-source" "$tree"
check "changelog: of its version" first_entry "$tree" Version '6.18-1~bpo13+1+scxcustody1'
check "changelog: UNRELEASED" first_entry "$tree" Distribution UNRELEASED
check "changelog: by whom dch would take" first_entry "$tree" Maintainer 'Ada Ex <ada@example.org>'
check "changelog: and is the old one below" \
	diff <(echo "$original") <(sed 1,6d "$tree/debian/changelog")
check "changelog: there and back" there_and_back debian_source "$tree" "$pristine"
debian_source "$tree" >/dev/null
sed -i '1s/UNRELEASED/trixie/' "$tree/debian/changelog"
check "changelog: an entry that was released since stays" \
	says '6\.18-1~bpo13\+1\+scxcustody1, has nothing of it, or is released; it stays' \
	debian_source --undo "$tree"
check "changelog: and the rest goes" [ ! -e "$tree/debian/patches/features/all/scx-custody" ]
check "changelog: the next one" \
	says '6\.18-1~bpo13\+1\+scxcustody2, UNRELEASED' debian_source "$tree"
rm -rf "$tree"

# --- debian/patches/series -------------------------------------------------------------

tree=$(unpacked 6.18)
truncate -s -1 "$tree/debian/patches/series"
pristine=$(snapshot "$tree")
check "series: no newline at its end" says 'are in' debian_source "$tree"
check "series: and yet in one piece" \
	[ "$(grep -cx 'bugfix/all/ext.patch' "$tree/debian/patches/series")" = 1 ]
check "series: and quilt reads it" push_all "$tree"
popped "$tree" 'QUILT_PATCHES=debian/patches quilt pop bugfix/all/ext.patch' >/dev/null
check "series: and back" there_and_back debian_source "$tree" "$pristine"
debian_source "$tree" >/dev/null
printf '\n\n# mine\nmine.patch\n' >>"$tree/debian/patches/series"
check "series: what came later stays" says 'taken out' debian_source --undo "$tree"
check "series: at its end" \
	[ "$(tail -n 4 "$tree/debian/patches/series")" = $'bugfix/all/ext.patch\n\n# mine\nmine.patch' ]
rm -rf "$tree"

done_testing
