#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debian-source puts the series into Debian's own source package and into a package of
# every line, and dpkg-source and quilt take it there.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=debian-trees.sh
. "$root/tests/debian-trees.sh"

# real_package: what Debian's patches are about of its 6.12.8-1, and its debian/.
real_package() {
	local tree

	tree=$(sapling 6.12-early)
	cp -a "$debian/debian" "$tree"
	(
		cd "${pristine_tree[6.12-early]}" || exit
		sed -E 's/#.*//; /^$/d' "$tree/debian/patches/series" |
			(cd "$tree/debian/patches" && xargs sed -n 's/^+++ [^/]*\/\([^\t ]*\).*/\1/p') | sort -u |
			while read -r file; do
				[ ! -e "$file" ] || cp -a --parents "$file" "$tree"
			done
	)
	echo "$tree"
}

# has_series TREE SERIES TWIN: are the sources what plain quilt makes of the twin?
has_series() {
	rm -rf "$3/.pc"
	by_plain_quilt "$3" "$2" >/dev/null || return
	as_before "$(sources_of "$3")" sources_of "$1" && in_the_right_functions "$1" &&
		says '^feature: complete$' detect "$1"
}

tells_that_it_is_off() {
	debian_source --undo "$1" &&
		debian_source "$1" | grep 'no file has CONFIG_SCHED_CLASS_EXT=y'
}

# --- Debian's own package ---------------------------------------------------------------

debian='' tree=''
if capture debian "$root/lab/fetch" debian-6.12.8; then
	added='17 patches for Linux 6.12-early'
	tree=$(real_package)
	(cd "$tree" && tar --create --exclude ./debian --transform 's,^\.,linux-6.12.8,' . |
		xz -0) >"$tmp/linux_6.12.8.orig.tar.xz"
	pristine=$(snapshot "$tree")
	check "Debian 6.12.8-1, bare: is added, on top of all patches of Debian's" \
		says "$added .* the 0 patches .* and the [0-9]{2} others" \
		debian_source "$tree"
	check "is taken out" there_and_back debian_source "$tree" "$pristine"

	unpack "$tree"
	pristine=$(snapshot "$tree")
	twin=$(copy_of "$tree")
	check "Debian 6.12.8-1, unpacked: is added" \
		says "$added .* with the [0-9]{2} patches that are applied in the tree;" \
		debian_source "$tree"
	check "the version says so" first_entry "$tree" Version '6.12.8-1+scxcustody1'
	check "who has made it is who was there before" \
		first_entry "$tree" Maintainer 'Salvatore Bonaccorso <carnil@debian.org>'
	check "it tells that Debian has no sched_ext on in it" tells_that_it_is_off "$tree"
	check "is there" is_there debian_source "$tree"
	check "quilt pushes all, with no fuzz" push_all "$tree"
	check "and it is the series" has_series "$tree" 6.12-early "$twin"
	check "is there when it is pushed, too" is_there debian_source "$tree"
	check "is not taken out while it is pushed" refuses "$tree" \
		'quilt has features/all/scx-custody/0001-.* applied .*quilt pop' debian_source --undo "$tree"
	mv "$tree" "$tmp/linux-6.12.8"
	tree=$tmp/linux-6.12.8
	check "dpkg-source builds a source package" \
		in_folder "$tmp" dpkg-source -b linux-6.12.8
	check "and unpacks it" \
		in_folder "$tmp" dpkg-source -x linux_6.12.8-1+scxcustody1.dsc again
	check "with the series applied" as_before "$(sources_of "$twin")" sources_of "$tmp/again"
	says=$(TMPDIR=$verb_tmp debian_source --undo "$tree" 2>&1) || :
	pop=$(sed -n "s/.*; '\(.*\)' there.*/\1/p" <<<"$says")
	check "quilt pops it as debian-source said" popped "$tree" "$pop"
	check "and it is taken out" there_and_back debian_source "$tree" "$pristine"
	rm -rf "$tree" "$twin" "$tmp/again"
else
	result 1 "there is Debian's packaging of 6.12.8-1"
fi

# --- every line ----------------------------------------------------------------------

for source in "${source_names[@]}"; do
	IFS='|' read -r layout line _ <<<"${is[$source]}"
	count=$(detect --patches "${pristine_tree[$source]}" | wc -l)
	tree=$(unpacked "$source")
	twin=$(unpacked "$source")
	pristine=$(snapshot "$tree")

	check "$source: is added" \
		says "$count patches for Linux $line \(layout '$layout'\).* the 2 patches that are applied" \
		debian_source "$tree"
	check "$source: is there" is_there debian_source "$tree"
	check "$source: is taken out" there_and_back debian_source "$tree" "$pristine"
	debian_source "$tree" >/dev/null
	check "$source: dpkg-source puts it in" dpkg-source --before-build "$tree"
	check "$source: and it is the series" has_series "$tree" "$line" "$twin"
	rm -rf "$tree" "$twin"
done

# --- a package that no series fits --------------------------------------------------------

tree=$(package 6.18)
debian_patch "$tree" features/counter.patch kernel/sched/ext.c "$counter"
unpack "$tree"
pristine=$(snapshot "$tree")
check "ported: no series of the kit fits" refuses "$tree" "does not fit .*port KSRC=$tree" debian_source "$tree"
check "ported: port writes one" says 'which apply without fuzz' port KSRC="$tree" OUT="$tmp/ported"
check "ported: is added" says "15 patches for Linux 6.18 \(layout 'ported'\)" \
	debian_source --series "$tmp/ported" "$tree"
check "ported: is taken out" there_and_back debian_source "$tree" "$pristine"
debian_source --series "$tmp/ported" "$tree" >/dev/null
check "ported: quilt pushes all, with no fuzz" push_all "$tree"
check "ported: and it is complete" says '^feature: complete$' detect "$tree"

done_testing
