#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Trees as their users have them: with folders and settings of their own, changed since
# apply, or in git. verify, apply and unapply mind what they must, and nothing else.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# --- folders, offsets, settings and names of their own -----------------------------

# A folder of that name is no quilt state, and not ours to touch.
tree=$(sapling 6.12)
mkdir "$tree/patches"
echo mine.patch >"$tree/patches/series"
touch "$tree/patches/mine.patch"
pristine=$(snapshot "$tree")
check "patches/ is left alone: apply" says 'are applied' apply "$tree"
check "patches/ is left alone: quilt uses the kit's" \
	[ "$(cd "$tree" && quilt applied | sed 's,/.*,,' | sort -u)" = .scx-custody ]
check "patches/ is left alone: unapply" restores "$tree" "$pristine"

sed -i '20s/$/\n/' "$tree/kernel/sched/ext.c"
pristine=$(snapshot "$tree")
check "verify reports offsets" \
	says 'patch: hunk [0-9]+ of kernel/sched/ext\.c fits at line [0-9]+, offset 1 line$' verify "$tree"
check "apply reports offsets" says 'offset 1 line$' apply "$tree"
check "apply: the patched file is as its neighbours" \
	[ "$(stat -c %a "$tree/kernel/sched/ext.c")" = 640 ]
check "unapply restores what was patched at an offset" restores "$tree" "$pristine"

mkdir "$tmp/home"
cat >"$tmp/home/.quiltrc" <<'END'
QUILT_PATCHES=debian/patches
QUILT_PATCH_OPTS=--reverse
QUILT_PUSH_ARGS=--fuzz=3
QUILT_NO_DIFF_INDEX=1
END
settings=(HOME="$tmp/home" XDG_CACHE_HOME="$tmp" QUILT_PATCHES=elsewhere QUILT_SERIES=other
	QUILT_PC=.qc POSIXLY_CORRECT=1 PATCH_VERSION_CONTROL=numbered GIT_DIR=/nonexistent CDPATH=/)
check "apply minds no settings of the user's" says 'are applied' \
	env "${settings[@]}" "$verbs/apply" "$tree"
check "nor does quilt by hand" \
	[ "$(cd "$tree" && HOME=$tmp/home quilt applied | wc -l)" -eq \
	"$(detect --patches "${pristine_tree[6.12]}" | wc -l)" ]
check "unapply minds no settings of the user's" \
	env "${settings[@]}" "$verbs/unapply" "$tree"
check "it is as it was" as_before "$pristine" snapshot "$tree"

odd="$tmp/it's a \"tree\" \$HOME"
mv "$tree" "$odd"
ln -s "$odd" "$tmp/link"
check "apply: a name that needs quoting" says 'are applied' apply "$odd"
check "unapply: a name that needs quoting" restores "$odd" "$pristine"
check "apply: a relative name through a link" in_folder "$tmp" says 'are applied' apply link/
check "unapply: a relative name through a link" in_folder "$tmp" restores ./link "$pristine"
rm -rf "$odd" "$tmp/link"

# --- half applied, and changes since ----------------------------------------------

tree=$(sapling 6.18)
pristine=$(snapshot "$tree")
series=$(grep -c '\.patch' "$root/patches/6.18/series")
for pops in 1 "$((series - 1))" "$series"; do
	apply "$tree" >/dev/null
	(cd "$tree" && quilt pop "$pops") >/dev/null
	left=$((series - pops))
	check "detect: $pops of $series patches popped" says '^feature: half applied$' detect "$tree"
	for verb in verify apply; do
		check "$verb: $pops of $series patches popped" refuses "$tree" \
			"half applied: quilt has $left of $series patches applied; .quilt push -a. .*make unapply" \
			"$verb" "$tree"
	done
	check "unapply: $pops of $series patches popped" restores "$tree" "$pristine"
done

apply "$tree" >/dev/null
echo '/* mine */' >>"$tree/kernel/sched/ext.c"
check "unapply: a patched file was changed" \
	refuses "$tree" 'kernel/sched/ext\.c was changed since apply' unapply "$tree"
(cd "$tree" && quilt pop -a -f >/dev/null && quilt push -a >/dev/null)
check "unapply: and the change undone" restores "$tree" "$pristine"

apply "$tree" >/dev/null
mv "$tree/kernel/sched/ext_custody.h" "$tmp/"
check "detect: an added file was removed" says '^feature: half applied$' detect "$tree"
check "unapply: what is as it was before apply is not in the way" restores "$tree" "$pristine"

apply "$tree" >/dev/null
rm "$tree/kernel/sched/ext.c"
check "unapply: a patched file was removed" \
	refuses "$tree" 'kernel/sched/ext\.c was changed since apply' unapply "$tree"
(cd "$tree" && quilt pop -a -f && quilt push -a) >/dev/null

(cd "$tree" && quilt new mine.patch && quilt add kernel/sched/core.c &&
	echo '/* mine */' >>kernel/sched/core.c && quilt refresh) >/dev/null
check "unapply: a patch on top" \
	refuses "$tree" '\.scx-custody/series was changed since apply' unapply "$tree"
check "detect: a patch on top" says '^feature: applied by this kit$' detect "$tree"
(cd "$tree" && quilt pop && quilt delete mine.patch) >/dev/null
check "unapply: a patch of somebody else's" \
	refuses "$tree" 'mine\.patch is not this kit.s' unapply "$tree"
rm "$tree/.scx-custody/mine.patch"
check "unapply: when it is gone" restores "$tree" "$pristine"

apply "$tree" >/dev/null
top=$(cd "$tree" && quilt top)
file=$(cd "$tree" && quilt files | head -n1)
(cd "$tree" && echo '/* mine */' >>"$file" && quilt refresh) >/dev/null 2>&1
check "unapply: a patch was refreshed" \
	refuses "$tree" "$top was changed since apply" unapply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
apply "$tree" >/dev/null
echo '/* mine */' >>"$(echo "$tree"/.pc/0001-*/kernel/sched/ext.c)"
check "unapply: quilt's backups were changed" \
	refuses "$tree" '(was|were) changed since apply' unapply "$tree"
rm -rf "$tree/.scx-custody"
check "unapply: the kit's folder is gone" \
	refuses "$tree" 'half applied: .*\.scx-custody, which is gone' unapply "$tree"
check "apply: the kit's folder is gone" \
	refuses "$tree" 'half applied: .*\.scx-custody, which is gone' apply "$tree"
rm -rf "$tree"

# --- in a git checkout --------------------------------------------------------------

tree=$(sapling 6.18)
git -C "$tree" init -q
commit_all "$tree" pristine
pristine=$(snapshot "$tree")
check "git: apply" says '^git: \.scx-custody and \.pc are ignored' apply "$tree"
check "git: status shows what the series touches, and nothing else" \
	as_before "$(cd "$tree" && quilt files -a | sort -u)" eval \
	"git -C '$tree' --no-optional-locks status --porcelain --untracked-files=all | cut -c4- | sort"
check "git: unapply, and .git is as it was, too" restores "$tree" "$pristine"

echo '/* mine */' >>"$tree/kernel/sched/core.c"
touched=$(snapshot "$tree")
check "git: a change elsewhere is not in the way" says 'are applied' apply "$tree"
check "git: and stays" restores "$tree" "$touched"
git -C "$tree" checkout -q kernel/sched/core.c

echo '/* mine */' >>"$tree/kernel/sched/ext.c"
for verb in verify apply; do
	check "git: $verb: a local change" \
		refuses "$tree" 'kernel/sched/ext\.c in .* has local changes' "$verb" "$tree"
done
git -C "$tree" add -A
check "git: apply: a staged change" \
	refuses "$tree" 'kernel/sched/ext\.c in .* has local changes' apply "$tree"
git -C "$tree" reset -q --hard

apply "$tree" >/dev/null
git -C "$tree" add -A
check "git: unapply: staged since" \
	refuses "$tree" "is staged in git; .git restore --staged. it" unapply "$tree"
git -C "$tree" reset -q
check "git: unapply: and unstaged" says 'are as they were' unapply "$tree"
check "git: status is clean" [ -z "$(git -C "$tree" status --porcelain --ignored)" ]

apply "$tree" >/dev/null
commit_all "$tree" patched
check "git: unapply of a commit" says 'are as they were' unapply "$tree"
check "git: leaves what it was before" git -C "$tree" diff --quiet HEAD~

git -C "$tree" reset -q --hard HEAD~
git -C "$tree" rm -q .gitignore
commit_all "$tree" 'ignore nothing'
check "git: apply tells what shows as untracked" says '^git: .* show as untracked' apply "$tree"
check "git: unapply" says 'are as they were' unapply "$tree"
check "git: and nothing untracked is left" [ -z "$(git -C "$tree" status --porcelain --ignored)" ]
rm -rf "$tree"

# A tree that is only inside of a checkout is a plain tree.
mkdir "$tmp/outer"
git -C "$tmp/outer" init -q
tree=$(sapling 6.18)
mv "$tree" "$tmp/outer/linux"
check "git: a plain tree inside of a checkout" says 'are applied' apply "$tmp/outer/linux"
rm -rf "$tmp/outer"


done_testing
