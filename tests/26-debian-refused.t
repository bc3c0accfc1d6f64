#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What debian-source refuses, and what is left where it is interrupted, is killed or
# cannot write.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=debian-trees.sh
. "$root/tests/debian-trees.sh"

folder=debian/patches/features/all/scx-custody

# --- what it is not for ----------------------------------------------------------------

# refused_after NAME PATTERN SED-SCRIPT FILE: that is, after FILE was changed.
refused_after() {
	local name=$1 pattern=$2

	cp -p "$tree/$4" "$tmp/kept"
	sed -i "$3" "$tree/$4"
	check "$name" refuses "$tree" "$pattern" debian_source "$tree"
	mv "$tmp/kept" "$tree/$4"
}

tree=$(unpacked 6.18)
check "Debian: no tree" refuses "$tree" 'no kernel tree is given' debian_source
check "Debian: two trees" refuses "$tree" 'one directory is enough' debian_source "$tree" "$tree"
check "Debian: no option" refuses "$tree" "'--force' is not an option" debian_source --force "$tree"
refused_after "Debian: another package" "no Debian source package of Linux: .*'hello \(6" \
	'1s/linux/hello/' debian/changelog
refused_after "Debian: another format" 'is 3\.0 \(native\), not 3\.0 \(quilt\)' \
	's/quilt/native/' debian/source/format
refused_after "Debian: a changelog that nobody can read" 'not what dpkg-parsechangelog wants: ' \
	'/^ -- /d' debian/changelog
refused_after "Debian: a hunk that does not fit" \
	'for Linux 6\.18 does not fit .*: 0001-.*: hunk 2 of kernel/sched/ext\.c fails' \
	's/set_task_cpu(p, cpu_of(dst_rq));/& vendor();/' kernel/sched/ext.c
refused_after "Debian: quilt's state is not that of the series" \
	'has patches applied .* not the first ones of debian/patches/series' \
	'/version/d' debian/patches/series
refused_after "Debian: quilt's state is somebody's" \
	'are from patches, and not those of debian/patches' 's/.*/patches/' .pc/.quilt_patches
refused_after "Debian: an unknown layout" 'a layout of ext\.c that the kit does not know' \
	's/scx_locked_rq_state/some_other_name/' kernel/sched/ext.c
for file in debian/changelog debian/patches/series; do
	mv "$tree/$file" "$tmp/kept"
	check "Debian: no $file" refuses "$tree" "it has no $file" debian_source "$tree"
	ln -s "$tmp/kept" "$tree/$file"
	check "Debian: $file is a symbolic link" refuses "$tree" 'is a symbolic link' debian_source "$tree"
	mv "$tmp/kept" "$tree/$file"
done
apply=$(package 6.18)
apply "$apply" >/dev/null
check "Debian: make apply was there before" refuses "$apply" \
	'are from \.scx-custody, and|has this kit.s patches already' debian_source "$apply"
rm -rf "$apply"

bare=$(package 6.18)
sed -i 's/^-#/-!/; s/^-/-gone: /' "$bare/debian/patches/debian/version.patch"
check "Debian: a patch of Debian's that does not apply is named" refuses "$bare" \
	"Debian's own debian/version.patch does not apply" debian_source "$bare"
rm -rf "$bare"

# --- changed since it was added --------------------------------------------------------

pristine=$(snapshot "$tree")
debian_source "$tree" >/dev/null
added=$(snapshot "$tree")
# changed_since NAME PATTERN COMMAND...: by the command, which is undone.
changed_since() {
	cp -a "$tree/debian" "$tmp/kept"
	"${@:3}"
	check "Debian, undo: $1" refuses "$tree" "$2" debian_source --undo "$tree"
	rm -rf "$tree/debian"
	mv "$tmp/kept" "$tree/debian"
}
changed_since "a patch was changed" 'the patches in .*were changed since' \
	sed -i 's/^Subject: /&New: /' "$(echo "$tree/$folder"/0002-*)"
changed_since "a patch was removed" 'the patches in .*were changed since' \
	rm "$(echo "$tree/$folder"/0002-*)"
changed_since "a file more is there" 'the patches in .*were changed since' \
	touch "$tree/$folder/mine"
changed_since "a patch is commented out" 'what is about .*series was changed since|names others' \
	sed -i 's/^features.*0002/#&/' "$tree/debian/patches/series"
changed_since "a patch has moved" 'or debian/patches/series names others' \
	sed -i "/scx-custody\/0002/{h;d}; \$G" "$tree/debian/patches/series"
changed_since "the entry has more in it" 'the entry 6\.18-1.*scxcustody1 .*was changed since' \
	sed -i '3a \  * More.' "$tree/debian/changelog"
for part in "$folder" debian/patches/series; do
	cp -a "$tree/debian" "$tmp/kept"
	if [ -d "$tree/$part" ]; then
		rm -rf "${tree:?}/$part"
	else
		sed -i '/custody/d' "$tree/$part"
	fi
	check "Debian: $part has nothing of it" refuses "$tree" \
		'has the series half: .* only; .make debian-source UNDO=1' debian_source "$tree"
	rm -rf "$tree/debian"
	mv "$tmp/kept" "$tree/debian"
done
check "Debian: it is as it was added" as_before "$added" snapshot "$tree"
check "Debian: and is taken out" there_and_back debian_source "$tree" "$pristine"

# --- failures in the middle -------------------------------------------------------------

for signal in INT:130 TERM:143; do
	check "Debian: SIG${signal%:*} while quilt is at work" gives_up "${signal#*:}" "$tree" \
		interrupting quilt '*' "${signal%:*}" 1 "$verbs/debian-source" "$tree"
	check "Debian: SIG${signal%:*} while renaming comes too late" says 'are in' \
		interrupting mv '-*T' "${signal%:*}" 2 "$verbs/debian-source" "$tree"
	check "Debian: and back" there_and_back debian_source "$tree" "$pristine"
done
for n in 1 2 3; do
	check "Debian: killed after rename $n of 3" killed "$n" "$verbs/debian-source" "$tree"
	rm -rf "${verb_tmp:?}"/*
	[ "$n" -eq 3 ] || check "Debian: killed after rename $n: is half there" refuses "$tree" \
		'has the series half' debian_source "$tree"
	check "Debian: killed after rename $n: goes back" there_and_back debian_source "$tree" "$pristine"
	debian_source "$tree" >/dev/null
	check "Debian, undo: killed after rename $n of 3" killed "$n" "$verbs/debian-source" --undo "$tree"
	rm -rf "${verb_tmp:?}"/*
	[ "$n" -eq 3 ] || check "Debian, undo: killed after rename $n: goes on" \
		says 'is taken out of' debian_source --undo "$tree"
	debian_source "$tree" >/dev/null
	check "Debian, undo: killed after rename $n: is out" \
		there_and_back debian_source "$tree" "$pristine"
done
if unshare --mount true 2>/dev/null; then
	check "Debian: a changelog that cannot be renamed" \
		in_namespace pinned "$tree/debian/patches/series" \
		refuses "$tree" 'cannot change .*series: .*; all is as it was' debian_source "$tree"
	check "Debian: read-only" in_namespace read_only "$tree" \
		refuses "$tree" 'cannot be written to; nothing was changed' debian_source "$tree"
else
	skip "Debian: read-only trees" "mounting is not permitted"
fi
rm -rf "$tree"

done_testing
