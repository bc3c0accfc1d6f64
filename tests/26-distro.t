#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debian-source and fedora-spec: the series in the packaging of a distribution, and
# what dpkg-source, quilt, rpmbuild, patch and git make of it there.
#
# One Debian package is real, 6.12.8-1. For the other lines the archive has lost
# debian/: they are Debian's upstream trees with a small debian/ from here.
# shellcheck disable=SC2016 # what is quoted is for an inner shell

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

need dpkg-source dpkg-parsechangelog rpmbuild xz tar

unset DEBFULLNAME DEBEMAIL NAME EMAIL
export QUILTRC=/dev/null
folder=debian/patches/features/all/scx-custody

# there_and_back VERB TREE SNAPSHOT: once taken out, and once more, all is as it was.
there_and_back() {
	says 'is taken out of' "$1" --undo "$2" && as_before "$3" snapshot "$2" &&
		says 'there is nothing to take out' "$1" --undo "$2" &&
		as_before "$3" snapshot "$2" && nothing_left_in_tmpdir
}

# is_there VERB TREE: a second time changes nothing.
is_there() {
	local before

	before=$(snapshot "$2")
	says 'already.*UNDO=1 .* takes it out' "$1" "${@:3}" "$2" && as_before "$before" snapshot "$2"
}

# --- Debian: packages -----------------------------------------------------------------

# debian_patch TREE NAME FILE SED: a patch of Debian's.
debian_patch() {
	local patch=$1/debian/patches/$2

	mkdir -p "$(dirname "$patch")"
	printf 'From: Debian\nSubject: %s\n\n' "$2" >"$patch"
	diff -u --label "a/$3" --label "b/$3" "$1/$3" <(sed "$4" "$1/$3") >>"$patch"
	echo "$2" >>"$1/debian/patches/series"
}

# package SOURCE: a tree with a small debian/; one of its patches is to ext.c.
package() {
	local tree

	tree=$(sapling "$1")
	mkdir -p "$tree/debian/source" "$tree/debian/patches"
	echo '3.0 (quilt)' >"$tree/debian/source/format"
	printf 'Source: linux\nMaintainer: Debian\n\nPackage: linux\nArchitecture: all\n' \
		>"$tree/debian/control"
	cat >"$tree/debian/changelog" <<-END
		linux ($1-1~bpo13+1) trixie-backports; urgency=high

		  * Rebuild for trixie-backports:
		    - Change ABI number to 0.deb13.1

		 -- Bea Before <bea@example.org>  Sat, 29 Aug 2026 06:19:09 +0200
	END
	echo '# Changes to the build' >"$tree/debian/patches/series"
	debian_patch "$tree" debian/version.patch Makefile '1s/^/# /'
	echo >>"$tree/debian/patches/series"
	debian_patch "$tree" bugfix/all/ext.patch "$(ext_of "$1")" '1i /* Debian was here */'
	echo "$tree"
}

# unpacked SOURCE: the same as apt-get source leaves it, with Debian's patches.
unpacked() {
	local tree

	tree=$(package "$1")
	dpkg-source --before-build "$tree" >/dev/null 2>&1
	rm "$tree/.pc/.dpkg-source-unapply"
	echo "$tree"
}

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

push_all() {
	(cd "$1" && QUILT_PATCHES=debian/patches quilt push -a --fuzz=0) >"$tmp/push.log" 2>&1 ||
		[ $? -eq 2 ] || {
		cat "$tmp/push.log"
		return 1
	}
	! grep -i fuzz "$tmp/push.log"
}

# popped TREE COMMAND: without the empty folders that quilt leaves.
popped() {
	(cd "$1" && eval "$2") && find "$1/.pc" -type d -empty -delete
}

# sources_of TREE: what is patched.
sources_of() {
	(cd "$1" && find kernel include Documentation tools -type f ! -name '*~' -print0 | sort -z |
		xargs -0 sha256sum)
}

# has_series TREE SERIES TWIN: are the sources what plain quilt makes of the twin?
has_series() {
	rm -rf "$3/.pc"
	by_plain_quilt "$3" "$2" >/dev/null || return
	as_before "$(sources_of "$3")" sources_of "$1" && in_the_right_functions "$1" &&
		says '^feature: complete$' detect "$1"
}

# first_entry TREE FIELD VALUE: as dpkg reads it.
first_entry() {
	local value

	value=$(dpkg-parsechangelog -l "$1/debian/changelog" -S "$2" 2>&1)
	[ "$value" = "$3" ] || {
		echo "$2 is $value"
		return 1
	}
}

# --- Debian: the real package ---------------------------------------------------------

debian='' tree=''
if capture debian "$root/lab/fetch" debian-6.12.8; then
	tree=$(real_package)
	(cd "$tree" && tar --create --exclude ./debian --transform 's,^\.,linux-6.12.8,' . |
		xz -0) >"$tmp/linux_6.12.8.orig.tar.xz"
	pristine=$(snapshot "$tree")
	check "Debian 6.12.8-1, bare: is added, on top of all patches of Debian's" \
		says '16 patches for Linux 6.12-early .* the 0 patches .* and the [0-9]{2} others' \
		debian_source "$tree"
	check "is taken out" there_and_back debian_source "$tree" "$pristine"

	dpkg-source --before-build "$tree" >/dev/null 2>&1
	rm "$tree/.pc/.dpkg-source-unapply"
	pristine=$(snapshot "$tree")
	twin=$(mktemp -d "$tmp/twin.XXXX")
	cp -a "$tree/." "$twin"
	check "Debian 6.12.8-1, unpacked: is added" \
		says '16 patches for Linux 6.12-early .* with the [0-9]{2} patches that are applied in the tree;' \
		debian_source "$tree"
	check "the version says so" first_entry "$tree" Version '6.12.8-1+scxcustody1'
	check "who has made it is who was there before" \
		first_entry "$tree" Maintainer 'Salvatore Bonaccorso <carnil@debian.org>'
	check "it tells that Debian has no sched_ext on in it" bash -c '
		"$1" --undo "$2" && "$1" "$2" | grep "no file has CONFIG_SCHED_CLASS_EXT=y"
	' - "$verbs/debian-source" "$tree"
	check "is there" is_there debian_source "$tree"
	check "quilt pushes all, with no fuzz" push_all "$tree"
	check "and it is the series" has_series "$tree" 6.12-early "$twin"
	check "is there when it is pushed, too" is_there debian_source "$tree"
	check "is not taken out while it is pushed" refuses "$tree" \
		'quilt has features/all/scx-custody/0001-.* applied .*quilt pop' debian_source --undo "$tree"
	mv "$tree" "$tmp/linux-6.12.8"
	tree=$tmp/linux-6.12.8
	check "dpkg-source builds a source package" \
		bash -c 'cd "$1" && dpkg-source -b linux-6.12.8' - "$tmp"
	check "and unpacks it" bash -c \
		'cd "$1" && dpkg-source -x "linux_6.12.8-1+scxcustody1.dsc" again' - "$tmp"
	check "with the series applied" as_before "$(sources_of "$twin")" sources_of "$tmp/again"
	says=$(TMPDIR=$verb_tmp debian_source --undo "$tree" 2>&1) || :
	pop=$(sed -n "s/.*; '\(.*\)' there.*/\1/p" <<<"$says")
	check "quilt pops it as debian-source said" popped "$tree" "$pop"
	check "and it is taken out" there_and_back debian_source "$tree" "$pristine"
	rm -rf "$tree" "$twin" "$tmp/again"
else
	result 1 "there is Debian's packaging of 6.12.8-1"
fi

# --- Debian: every line ---------------------------------------------------------------

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

# --- Debian: the changelog ------------------------------------------------------------

tree=$(unpacked 6.18)
original=$(cat "$tree/debian/changelog")
bullet='  * sched_ext: Make ops.dequeue() reliable for BPF schedulers (scx-custody)'

# unreleased BODY: the first entry is UNRELEASED, with this body.
unreleased() {
	printf 'linux (6.18.16-1) UNRELEASED; urgency=medium\n%b -- Uma Now <uma@example.org>  Sun, 30 Aug 2026 06:19:09 +0200\n\n%s\n' \
		"$1" "$original" >"$tree/debian/changelog"
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
logs "her heading has nothing below" '\n  [ Ada Ex ]\n\n' "\n  [ Ada Ex ]\n\n  [ Ada Ex ]\n$bullet\n\n" \
	NAME='Ada Ex' EMAIL=ada@example.org
logs "nothing in it yet" '\n' "\n$bullet\n\n"

unreleased '\n'
debian_source "$tree" >/dev/null
sed -i "s/^  \* sched_ext.*/&\n  * More./" "$tree/debian/changelog"
check "changelog: what came later stays" says 'taken out' debian_source --undo "$tree"
check "changelog: in its place" entry_is '\n  * More.\n\n'

echo "$original" >"$tree/debian/changelog"
pristine=$(snapshot "$tree")
check "changelog: a released entry is followed by a new one" says 'UNRELEASED, has a line of Ada Ex' \
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
check "changelog: and the rest goes" [ ! -e "$tree/$folder" ]
check "changelog: the next one" says '6\.18-1~bpo13\+1\+scxcustody2, UNRELEASED' debian_source "$tree"
rm -rf "$tree"

tree=$(unpacked 6.18)
truncate -s -1 "$tree/debian/patches/series"
pristine=$(snapshot "$tree")
check "series: no newline at its end" says 'are in' debian_source "$tree"
check "series: and yet in one piece" [ "$(grep -cx 'bugfix/all/ext.patch' "$tree/debian/patches/series")" = 1 ]
check "series: and quilt reads it" push_all "$tree"
popped "$tree" 'QUILT_PATCHES=debian/patches quilt pop bugfix/all/ext.patch' >/dev/null
check "series: and back" there_and_back debian_source "$tree" "$pristine"
debian_source "$tree" >/dev/null
printf '\n\n# mine\nmine.patch\n' >>"$tree/debian/patches/series"
check "series: what came later stays" says 'taken out' debian_source --undo "$tree"
check "series: at its end" \
	[ "$(tail -n 4 "$tree/debian/patches/series")" = $'bugfix/all/ext.patch\n\n# mine\nmine.patch' ]
rm -rf "$tree"

# --- Debian: refusals -----------------------------------------------------------------

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
refused_after "Debian: another format" 'is 3\.0 \(native\), not 3\.0 \(quilt\)' 's/quilt/native/' debian/source/format
refused_after "Debian: a changelog that nobody can read" 'not what dpkg-parsechangelog wants: ' \
	'/^ -- /d' debian/changelog
refused_after "Debian: a hunk that does not fit" \
	'for Linux 6\.18 does not fit .*: 0001-.*: hunk 1 of kernel/sched/ext\.c fails' \
	's/deactivate_task(src_rq, p, 0)/deactivate_task(src_rq, p, 1)/' kernel/sched/ext.c
refused_after "Debian: quilt's state is not that of the series" \
	'has patches applied .* not the first ones of debian/patches/series' '/version/d' debian/patches/series
refused_after "Debian: quilt's state is somebody's" 'are from patches, and not those of debian/patches' \
	's/.*/patches/' .pc/.quilt_patches
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
changed_since "a patch was removed" 'the patches in .*were changed since' rm "$(echo "$tree/$folder"/0002-*)"
changed_since "a file more is there" 'the patches in .*were changed since' touch "$tree/$folder/mine"
changed_since "a patch is commented out" 'what is about .*series was changed since|names others' \
	sed -i 's/^features.*0002/#&/' "$tree/debian/patches/series"
changed_since "a patch has moved" 'or debian/patches/series names others' \
	sed -i -e '/scx-custody\/0002/{h;d}' -e '$G' "$tree/debian/patches/series"
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
	check "Debian, undo: killed after rename $n: is out" there_and_back debian_source "$tree" "$pristine"
done
if unshare --mount true 2>/dev/null; then
	check "Debian: a changelog that cannot be renamed" in_namespace '
		mount --bind "$1/debian/patches/series" "$1/debian/patches/series" &&
		refuses "$1" "cannot change .*series: .*; all is as it was" debian_source "$1"' "$tree"
	check "Debian: read-only" in_namespace '
		mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
		refuses "$1" "cannot be written to; nothing was changed" debian_source "$1"' "$tree"
else
	skip "Debian: read-only trees" "mounting is not permitted"
fi
rm -rf "$tree"

# --- Fedora -----------------------------------------------------------------------------

# dist_git VERSION: a directory as Fedora's, with the source in it if it was packed.
dist_git() {
	local dist

	dist=$(mktemp -d "$tmp/dist-$1.XXXX")
	chmod 755 "$dist"
	sed "s/^%global linux .*/%global linux $1/" "$root/tests/fedora/kernel.spec" >"$dist/kernel.spec"
	touch "$dist/linux-kernel-test.patch" "$dist/patch-$1-redhat.patch"
	chmod 640 "$dist/kernel.spec"
	[ ! -e "$tmp/linux-$1.tar.xz" ] || cp "$tmp/linux-$1.tar.xz" "$dist"
	echo "$dist"
}

# prep DIRECTORY [OPTION]...: have rpmbuild prepare the sources.
prep() {
	rm -rf "$tmp/rpmbuild"
	HOME=$tmp rpmbuild -bp --nodeps --define "_topdir $tmp/rpmbuild" --define "_sourcedir $1" \
		--define "_specdir $1" "${@:2}" "$1/kernel.spec" >"$tmp/prep.log" 2>&1 || {
		tail -n 20 "$tmp/prep.log"
		return 1
	}
	! grep -E 'with fuzz|FAILED' "$tmp/prep.log"
}

# prepared TWIN: are those the sources that plain quilt makes?
prepared() {
	local made

	made=$(echo "$tmp"/rpmbuild/BUILD/*/linux-*)
	find "$made" -name '*.orig' -delete
	as_before "$(sources_of "$1")" sources_of "$made"
}

by_git_am() {
	git -C "$1" init -q && git -C "$1" add -A && git -C "$1" commit -qm source &&
		git -C "$1" am -q "$2"
}

# A source is a tarball once, and a tree that is named for the others.
for source in 6.18 7.1; do
	IFS='|' read -r layout line _ <<<"${is[$source]}"
	count=$(grep -c '\.patch' "$root/patches/$line/series")
	tree=$(sapling "$source")
	tar --create --directory "$tree" --transform "s,^\.,linux-$source," . | xz -0 >"$tmp/linux-$source.tar.xz"
	dist=$(dist_git "$source")
	options=()
	[ "$source" = 6.18 ] || options=(--ksrc "$tree")
	[ "$source" = 6.18 ] || rm "$dist/linux-$source.tar.xz"
	pristine=$(snapshot "$dist")
	check "Fedora, $source: is added" says "$count patches for Linux $line \(layout '$layout'\)" \
		fedora_spec ${options[@]+"${options[@]}"} "$dist"
	check "Fedora, $source: is there" is_there fedora_spec "$dist" ${options[@]+"${options[@]}"}
	cp "$tmp/linux-$source.tar.xz" "$dist"

	twin=$(sapling "$source")
	(cd "$twin" && QUILT_PATCHES=$root/patches/$line quilt push -a --fuzz=0) >/dev/null
	check "Fedora, $source: rpmbuild -bp takes it" prep "$dist"
	check "Fedora, $source: and arrives at what quilt makes" prepared "$twin"
	check "Fedora, $source: with no fuzz" prep "$dist" --define 'patch_command patch -p1 --fuzz=0 -s'
	check "Fedora, $source: git apply takes it" prep "$dist" --define 'patch_command git --work-tree=. apply'
	check "Fedora, $source: and arrives there" prepared "$twin"
	check "Fedora, $source: git am takes it" env GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org \
		GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org \
		bash -c "$(declare -f by_git_am)"'; by_git_am "$@"' - "$tree" "$dist/linux-kernel-test.patch"
	check "Fedora, $source: in $count commits" [ "$(git -C "$tree" rev-list --count HEAD)" -eq $((count + 1)) ]
	check "Fedora, $source: and arrives there" as_before "$(sources_of "$twin")" sources_of "$tree"
	check "Fedora, $source: the packages are told apart" [ "$(rpmspec -q --qf '%{release}' "$dist/kernel.spec")" = 1.scxcustody1 ]
	[ "$source" = 6.18 ] || rm "$dist/linux-$source.tar.xz"
	check "Fedora, $source: is taken out" there_and_back fedora_spec "$dist" "$pristine"
	rm -rf "$tree" "$twin" "$dist"
done

# edited NAME SED-SCRIPT: there and back where the spec is another.
edited() {
	local pristine

	sed -i "$2" "$dist/kernel.spec"
	[ "$3" = there ] || rm "$dist/linux-kernel-test.patch"
	pristine=$(snapshot "$dist")
	check "Fedora, $1: is added" says "${4:-are in}" fedora_spec "$dist"
	check "Fedora, $1: is there" is_there fedora_spec "$dist"
	check "Fedora, $1: rpmbuild takes it" prep "$dist"
	check "Fedora, $1: and has it" grep -q 'SCX_TASK_IN_CUSTODY\s*= 1 << 1' \
		"$(echo "$tmp"/rpmbuild/BUILD/*/linux-*/include/linux/sched/ext.h)"
	check "Fedora, $1: is taken out" there_and_back fedora_spec "$dist" "$pristine"
	dist_again
}
dist_again() {
	rm -rf "${dist:-}"
	dist=$(dist_git 6.18)
}
dist_again
edited "without the lines" '/^Patch999999/d; /^ApplyOptionalPatch linux-kernel/d' there
edited "without the lines and the file" '/^Patch999999/d; /^ApplyOptionalPatch linux-kernel/d' gone
edited "with the lines commented out" 's/^Patch999999/# &/; s/^ApplyOptionalPatch linux-kernel/# &/' there
edited "with a buildid of its own" 's/^# define buildid .*/%define buildid .mine/' there \
	'the buildid is not \.scxcustody1: %define buildid \.mine'
edited "without a place for a buildid" '/buildid .local/d' there 'the buildid is not \.scxcustody1: there is no'

# no NAME PATTERN ARGUMENT...: refused.
no() {
	check "Fedora: $1" refuses "$dist" "$2" fedora_spec "${@:3}"
}
no "no directory" 'no directory with a kernel.spec is given; .*SPEC='
no "two directories" 'one directory is enough' "$dist" "$dist"
no "no option" "'--force' is not an option" --force "$dist"
no "no tree after --ksrc" '--ksrc needs a directory' --ksrc
no "no such directory" 'is not a directory' "$tmp/none"
no "no spec" 'has no kernel\.spec' "$verb_tmp"
no "no such tree" "$tmp/none does not exist" --ksrc "$tmp/none" "$dist"
cp "$dist/linux-6.18.tar.xz" "$dist/linux-6.19.tar.xz"
no "two tarballs" 'there are 2 files linux-\*\.tar\.xz in .*KSRC=' "$dist"
rm "$dist/linux-6.19.tar.xz" "$dist/linux-6.18.tar.xz"
no "neither tarball nor tree" 'there are 0 files linux-\*\.tar\.xz in .*KSRC=' "$dist"
echo junk >"$dist/linux-6.18.tar.xz"
no "a tarball that is none" 'cannot read .*linux-6\.18\.tar\.xz: ' "$dist"
cp "$tmp/linux-6.18.tar.xz" "$dist"
cat >"$dist/patch-6.18-redhat.patch" <<'END'
--- a/kernel/sched/ext.c
+++ b/kernel/sched/ext.c
@@ -1 +1,2 @@
 // SPDX-License-Identifier: GPL-2.0
+// Fedora was here
END
no "a patch of Fedora's to the same file" 'redhat\.patch changes kernel/sched/ext\.c, .*rpmbuild -bp' "$dist"
: >"$dist/patch-6.18-redhat.patch"
printf 'Subject: mine\n' >"$dist/linux-kernel-test.patch"
no "somebody's test patch" 'has something of its own in it' "$dist"
check "Fedora, undo: somebody's test patch stays" says 'nothing to take out' fedora_spec --undo "$dist"
: >"$dist/linux-kernel-test.patch"
for words in 's/^ApplyOptionalPatch()/Apply()/|no ApplyOptionalPatch\(\)' \
	'/^Patch999999/d; /END OF PATCH D/d|neither .Patch999999.*END OF PATCH DEFINITIONS' \
	'/^ApplyOptionalPatch linux-k/d; /END OF PATCH A/d|neither .ApplyOptionalPatch .*END OF PATCH APPLICATIONS' \
	's/^Patch999999: .*/Patch999999: mine.patch/|another patch of the number Patch999999'; do
	sed -i.kept "${words%|*}" "$dist/kernel.spec"
	mv "$dist/kernel.spec.kept" "$tmp"
	no "a spec with ${words##*|}" "${words##*|}" "$dist"
	mv "$tmp/kernel.spec.kept" "$dist/kernel.spec"
done

pristine=$(snapshot "$dist")
fedora_spec "$dist" >/dev/null
added=$(snapshot "$dist")
sed -i.kept '$s/$/ /' "$dist/linux-kernel-test.patch"
mv "$dist/linux-kernel-test.patch.kept" "$tmp/kept"
no "the patch was changed" 'was changed since' "$dist"
no "undo: the patch was changed" 'was changed since' --undo "$dist"
echo mine >"$dist/linux-kernel-test.patch"
no "undo: another patch is in its place" 'has something of its own' --undo "$dist"
mv "$tmp/kept" "$dist/linux-kernel-test.patch"
sed -i.kept 's/scxcustody1/scxcustody7/' "$dist/kernel.spec"
mv "$dist/kernel.spec.kept" "$tmp/kept"
no "undo: the buildid was changed" "what is below .# put in by scx-custody. .*was changed since" --undo "$dist"
mv "$tmp/kept" "$dist/kernel.spec"
check "Fedora: it is as it was added" as_before "$added" snapshot "$dist"
# as if a new spec had come with git pull
sed "s/^%global linux .*/%global linux 6.18/" "$root/tests/fedora/kernel.spec" >"$dist/kernel.spec"
sed -i '/^Patch999999/d' "$dist/kernel.spec"
check "Fedora: a new spec gets its lines" says 'are in' fedora_spec "$dist"
check "Fedora: all of them" [ "$(grep -c 'put in by scx-custody' "$dist/kernel.spec")" = 2 ]
fedora_spec --undo "$dist" >/dev/null
dist_again
pristine=$(snapshot "$dist")
for n in 1 2; do
	check "Fedora: killed after rename $n of 2" killed "$n" "$verbs/fedora-spec" "$dist"
	rm -rf "${verb_tmp:?}"/*
	check "Fedora: killed after rename $n: goes back" there_and_back fedora_spec "$dist" "$pristine"
	killed "$n" "$verbs/fedora-spec" "$dist"
	rm -rf "${verb_tmp:?}"/*
	check "Fedora: killed after rename $n: is there in the end" fedora_spec "$dist"
	check "Fedora, undo: killed after rename $n of 2" killed "$n" "$verbs/fedora-spec" --undo "$dist"
	rm -rf "${verb_tmp:?}"/*
	[ "$n" -eq 2 ] || check "Fedora, undo: killed after rename $n: goes on" \
		says 'is taken out of' fedora_spec --undo "$dist"
	rm -rf "$dist/.scx-custody.tmp"
	check "Fedora, undo: killed after rename $n: is out" as_before "$pristine" snapshot "$dist"
done
if unshare --mount true 2>/dev/null; then
	check "Fedora: read-only" in_namespace '
		mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
		refuses "$1" "cannot be written to; nothing was changed" fedora_spec "$1"' "$dist"
else
	skip "Fedora: read-only directories" "mounting is not permitted"
fi

done_testing
