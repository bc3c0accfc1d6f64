#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fedora-spec puts the series into a directory as Fedora's dist-git has it, and rpmbuild,
# patch and git take it there.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

need rpmbuild rpmspec xz tar

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
	git -C "$1" init -q && commit_all "$1" source && git -C "$1" am -q "$2"
}

# A source is a tarball once, and a tree that is named for the others.
for source in 6.18 7.1; do
	IFS='|' read -r layout line _ <<<"${is[$source]}"
	count=$(grep -c '\.patch' "$root/patches/$line/series")
	tree=$(sapling "$source")
	tar --create --directory "$tree" --transform "s,^\.,linux-$source," . |
		xz -0 >"$tmp/linux-$source.tar.xz"
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
	by_plain_quilt "$twin" "$line" >/dev/null
	check "Fedora, $source: rpmbuild -bp takes it" prep "$dist"
	check "Fedora, $source: and arrives at what quilt makes" prepared "$twin"
	check "Fedora, $source: with no fuzz" prep "$dist" --define 'patch_command patch -p1 --fuzz=0 -s'
	check "Fedora, $source: git apply takes it" \
		prep "$dist" --define 'patch_command git --work-tree=. apply'
	check "Fedora, $source: and arrives there" prepared "$twin"
	check "Fedora, $source: git am takes it" by_git_am "$tree" "$dist/linux-kernel-test.patch"
	check "Fedora, $source: in $count commits" \
		[ "$(git -C "$tree" rev-list --count HEAD)" -eq $((count + 1)) ]
	check "Fedora, $source: and arrives there" as_before "$(sources_of "$twin")" sources_of "$tree"
	check "Fedora, $source: the packages are told apart" \
		[ "$(rpmspec -q --qf '%{release}' "$dist/kernel.spec")" = 1.scxcustody1 ]
	[ "$source" = 6.18 ] || rm "$dist/linux-$source.tar.xz"
	check "Fedora, $source: is taken out" there_and_back fedora_spec "$dist" "$pristine"
	rm -rf "$tree" "$twin" "$dist"
done

# A source that no series of the kit fits.
tree=$(sapling 6.18)
dist=$(dist_git 6.18)
pristine=$(snapshot "$dist")
sed -i "$counter" "$tree/kernel/sched/ext.c"
check "Fedora, ported: no series of the kit fits" refuses "$dist" 'does not fit' \
	fedora_spec --ksrc "$tree" "$dist"
check "Fedora, ported: port writes one" says 'which apply without fuzz' \
	port KSRC="$tree" OUT="$tmp/ported"
check "Fedora, ported: is added" says "15 patches for Linux 6.18 \(layout 'ported'\)" \
	fedora_spec --ksrc "$tree" --series "$tmp/ported" "$dist"
check "Fedora, ported: git am takes it" by_git_am "$tree" "$dist/linux-kernel-test.patch"
check "Fedora, ported: and it is complete" says '^feature: complete$' detect "$tree"
check "Fedora, ported: is taken out" there_and_back fedora_spec "$dist" "$pristine"
rm -rf "$tree" "$dist"

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
edited "with the lines commented out" \
	's/^Patch999999/# &/; s/^ApplyOptionalPatch linux-kernel/# &/' there
edited "with a buildid of its own" 's/^# define buildid .*/%define buildid .mine/' there \
	'the buildid is not \.scxcustody1: %define buildid \.mine'
edited "without a place for a buildid" \
	'/buildid .local/d' there 'the buildid is not \.scxcustody1: there is no'

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
no "a patch of Fedora's to the same file" \
	'redhat\.patch changes kernel/sched/ext\.c, .*rpmbuild -bp' "$dist"
: >"$dist/patch-6.18-redhat.patch"
printf 'Subject: mine\n' >"$dist/linux-kernel-test.patch"
no "somebody's test patch" 'has something of its own in it' "$dist"
check "Fedora, undo: somebody's test patch stays" \
	says 'nothing to take out' fedora_spec --undo "$dist"
: >"$dist/linux-kernel-test.patch"
# no_spec_with PATTERN SED-SCRIPT: refused, once the spec was changed.
no_spec_with() {
	cp -p "$dist/kernel.spec" "$tmp"
	sed -i "$2" "$dist/kernel.spec"
	no "a spec with $1" "$1" "$dist"
	mv "$tmp/kernel.spec" "$dist"
}
no_spec_with 'no ApplyOptionalPatch\(\)' 's/^ApplyOptionalPatch()/Apply()/'
no_spec_with 'neither .Patch999999.*END OF PATCH DEFINITIONS' '/^Patch999999/d; /END OF PATCH D/d'
no_spec_with 'neither .ApplyOptionalPatch .*END OF PATCH APPLICATIONS' \
	'/^ApplyOptionalPatch linux-k/d; /END OF PATCH A/d'
no_spec_with 'another patch of the number Patch999999' \
	's/^Patch999999: .*/Patch999999: mine.patch/'

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
no "undo: the buildid was changed" \
	"what is below .# put in by scx-custody. .*was changed since" --undo "$dist"
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
	check "Fedora: read-only" in_namespace read_only "$dist" \
		refuses "$dist" 'cannot be written to; nothing was changed' fedora_spec "$dist"
else
	skip "Fedora: read-only directories" "mounting is not permitted"
fi

done_testing
