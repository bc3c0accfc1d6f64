#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# detect, verify, apply and unapply, on copies of the parts of real trees that
# they look at.
#
# What must hold throughout: apply then unapply restores every byte, mode and
# owner; whatever is refused or fails is told in one sentence and changes nothing.
# shellcheck disable=SC2016 # what is quoted is for an inner shell

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# patched_files DIRECTORY: the same without what apply adds at the top.
patched_files() {
	snapshot "$1" | grep -Ev ' \./\.(pc|scx-custody)(/| |$)|:[0-9]+ \. ->'
}

# restores TREE SNAPSHOT: unapply succeeds and the tree is as it was then.
restores() {
	says 'are as they were before\.$' unapply "$1" &&
		as_before "$2" snapshot "$1" && nothing_left_in_tmpdir
}

# --- there and back, on every line ----------------------------------------------

quilt_goes_back_and_forth() {
	local pristine=$2 applied

	applied=$(snapshot "$1" | grep -v '/applied-patches$')
	(cd "$1" && quilt pop -a) && as_before "$pristine" patched_files "$1" &&
		(cd "$1" && quilt push -a) &&
		as_before "$applied" eval "snapshot '$1' | grep -v '/applied-patches$'"
}

feature_is_defined() {
	grep -E '^\s*SCX_TASK_IN_CUSTODY\s*= 1 << 1,' "$1/include/linux/sched/ext.h" &&
		grep -rE '^\s*SCX_DEQ_SCHED_CHANGE\s*= 1LLU << 33,' "$1"/kernel/sched/ext*
}

for source in "${source_names[@]}"; do
	IFS='|' read -r layout line feature <<<"${is[$source]}"
	tree=$(sapling "$source")
	series=$(detect --patches "$tree" | wc -l)
	pristine=$(snapshot "$tree")
	pristine_files=$(patched_files "$tree")

	check "$source: detect tells the layout" says "^layout: $layout\$" detect "$tree"
	check "$source: detect tells the line" says "^line: $line\$" detect "$tree"
	check "$source: detect tells that the feature is $feature" says "^feature: $feature\$" detect "$tree"
	check "$source: detect tells what it rests on" \
		says '^ops: .*\(kernel/sched/ext[a-z_/]*\.[ch]:[0-9]+: ' detect "$tree"
	check "$source: verify says that it applies" says "\($series patches.*would apply\.\$" verify "$tree"
	check "$source: detect and verify change nothing" as_before "$pristine" snapshot "$tree"
	check "$source: unapply of a pristine tree is refused" \
		refuses "$tree" 'has none of this kit.s patches|but not from apply' unapply "$tree"

	check "$source: apply" says "$series patches .* are applied to" apply "$tree"
	check "$source: apply leaves no temporary file" nothing_left_in_tmpdir
	check "$source: the feature is defined" feature_is_defined "$tree"
	check "$source: detect sees that the kit did it" says '^feature: applied by this kit$' detect "$tree"
	check "$source: detect still tells the layout" says "^layout: $layout\$" detect "$tree"
	twin=$(sapling "$source")
	check "$source: plain quilt on the kit's series" by_plain_quilt "$twin" "$line"
	check "$source: gives the same sources" as_before "$(patched_files "$twin")" patched_files "$tree"
	check "$source: detect sees that it is there" says "^feature: complete\$" detect "$twin"
	# Only ext_custody.h tells whose it is.
	whose='.*put in by other means'
	grep -qx feature=absent "$root/compat/layouts/$layout" || whose=''
	check "$source: apply of what plain quilt has applied is refused" refuses "$twin" \
		"has the feature already $whose" apply "$twin"
	check "$source: quilt knows what is applied" \
		[ "$(cd "$tree" && quilt applied | wc -l)" -eq "$series" ]
	check "$source: quilt pops and pushes them by hand" \
		quilt_goes_back_and_forth "$tree" "$pristine_files"
	for verb in apply verify; do
		check "$source: $verb of an applied tree is refused" \
			refuses "$tree" 'has this kit.s patches already' "$verb" "$tree"
	done
	check "$source: unapply restores everything" restores "$tree" "$pristine"
	check "$source: and it can be applied again" says 'are applied' apply "$tree"
	check "$source: and restored again" restores "$tree" "$pristine"
	rm -rf "$tree" "$twin"
done

# --- what is not a tree for it ---------------------------------------------------

tree=$(sapling 6.18)
mkdir "$tmp/empty"
touch "$tmp/file"
for verb in detect verify apply unapply; do
	check "$verb: no tree" refuses "$tree" 'no kernel tree is given; .*KSRC=' "$verb"
	check "$verb: an empty name" refuses "$tree" 'no kernel tree is given' "$verb" ''
	check "$verb: two trees" refuses "$tree" 'one directory is enough' "$verb" "$tree" "$tree"
	check "$verb: no such directory" refuses "$tree" "$tmp/none does not exist" "$verb" "$tmp/none"
	check "$verb: a file" refuses "$tree" 'is not a directory' "$verb" "$tmp/file"
	check "$verb: an empty directory" refuses "$tmp/empty" 'is not a Linux source tree: .*Makefile' "$verb" "$tmp/empty"
done

mv "$tree/kernel/sched/core.c" "$tmp/core.c"
for verb in detect verify apply unapply; do
	check "$verb: a tree of headers only" \
		refuses "$tree" 'is not a Linux source tree: .*kernel/sched/core\.c' "$verb" "$tree"
done
mv "$tmp/core.c" "$tree/kernel/sched/core.c"

rm -r "$tree/include/linux/sched/ext.h" "$tree"/kernel/sched/ext*
for verb in detect verify apply unapply; do
	check "$verb: a tree without sched_ext" refuses "$tree" 'has no sched_ext' "$verb" "$tree"
done
rm -rf "$tree"

# As if it were a native tree: both enumerators, nothing of the kit, in a known
# layout or not. sched_ext's own faults are those of 6.18.
tree=$(sapling 6.18)
sed -i 's/^\(\s*\)SCX_TASK_QUEUED\s.*/&\n\1SCX_TASK_IN_CUSTODY = 1 << 1,/' "$tree/include/linux/sched/ext.h"
for verb in verify apply unapply; do
	check "$verb: only SCX_TASK_IN_CUSTODY" \
		refuses "$tree" 'half applied: it has SCX_TASK_IN_CUSTODY but not SCX_DEQ_SCHED_CHANGE' "$verb" "$tree"
done
check "detect: only SCX_TASK_IN_CUSTODY" says '^feature: half applied$' detect "$tree"
sed -i 's/^\(\s*\)SCX_DEQ_CORE_SCHED_EXEC\s.*/&\n\1SCX_DEQ_SCHED_CHANGE = 1LLU << 33,/' "$tree/kernel/sched/ext_internal.h"
for verb in verify apply; do
	check "$verb: the feature is native" \
		refuses "$tree" 'has the feature already, with hazards 10 11 12 13 .* is for trees without it' "$verb" "$tree"
done
check "unapply: the feature is native" refuses "$tree" 'but not from apply' unapply "$tree"
check "detect: the feature is native" says '^feature: incomplete$' detect "$tree"
sed -i 's/scx_locked_rq_state/some_other_name/' "$tree"/kernel/sched/ext*.[ch]
check "detect: native in an unknown layout" says '^layout: unknown$' detect "$tree"
check "detect: native in an unknown layout is still incomplete" says '^feature: incomplete$' detect "$tree"
check "apply: native in an unknown layout" refuses "$tree" \
	'has the feature already, with hazards 10 11 12 13 .*does not know' apply "$tree"
sed -i '/^\s*SCX_TASK_IN_CUSTODY = /d' "$tree/include/linux/sched/ext.h"
check "apply: only SCX_DEQ_SCHED_CHANGE" \
	refuses "$tree" 'half applied: it has SCX_DEQ_SCHED_CHANGE but not SCX_TASK_IN_CUSTODY' apply "$tree"
rm -rf "$tree"

# A mention is not the feature.
tree=$(sapling 6.12)
sed -i '1i /* SCX_TASK_IN_CUSTODY = 1 and SCX_DEQ_SCHED_CHANGE = 1 came later */' \
	"$tree/include/linux/sched/ext.h" "$tree/kernel/sched/ext.c"
check "detect: enumerators in a comment do not count" says '^feature: absent$' detect "$tree"
# Nor does the version count.
sed -i 's/^VERSION = .*/VERSION = 7/; s/^PATCHLEVEL = .*/PATCHLEVEL = 4/' "$tree/Makefile"
check "detect: the Makefile's version does not count" says '^line: 6\.12$' detect "$tree"
rm -rf "$tree"

for probe in 's/^DEFINE_PER_CPU\(struct rq \*, scx_locked_rq_state\)/&[2]/;s/scx_locked_rq_state/scx_rq_note/
		locked_rq is .scx_locked_rq_state., but here it is .none.' \
	's/find_global_dsq\(struct scx_sched \*sch,/find_global_dsq(int drift, struct scx_sched *sch,/
		global_dsq is .struct scx_sched \*, struct task_struct \*., but here it is .int, struct scx_sched \*, .*ext\.c:[0-9]+: find_global_dsq'; do
	tree=$(sapling 6.18)
	sed -Ei "${probe%%$'\n'*}" "$tree/kernel/sched/ext.c"
	for verb in detect verify apply; do
		check "$verb: an unknown layout" \
			refuses "$tree" "does not know: nearest is .instance-dsqs., where ${probe##*$'\t'}" "$verb" "$tree"
	done
	rm -rf "$tree"
done

# Every layout answers every probe, and nothing else.
check "layouts and probes agree" bash -c '
	. "$1/compat/probes.sh"
	for layout in "$1"/compat/layouts/*; do
		diff <(printf "%s\n" line feature "${probes[@]}" | sort) \
			<(sed -n "s/=.*//; /^#/!p" "$layout" | sort) || exit 1
	done' - "$root"

# --- what is in the way ----------------------------------------------------------

tree=$(sapling 6.18)
gone=$(grep -hm1 '^-[^-]' "$root"/patches/6.18/0001-*)
grep -qxF -- "${gone:1}" "$tree/kernel/sched/ext.c" || exit
sed -i "s|^${gone:1}\$|& /* vendor */|" "$tree/kernel/sched/ext.c"
check "apply: a hunk that does not fit is named" \
	refuses "$tree" 'does not fit .*: [0-9]{4}-[^ ]*\.patch: hunk [0-9]+ of kernel/sched/ext\.c fails near line [0-9]+; .make verify' apply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
rm "$tree/Documentation/scheduler/sched-ext.rst"
check "apply: a file that is missing is named" \
	refuses "$tree" 'patch: Documentation/scheduler/sched-ext\.rst is missing' apply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
patch -s -d "$tree" -p1 <"$root/patches/6.18/$(sed -n '/\.patch/{p;q}' "$root/patches/6.18/series")"
check "apply: the first patch is there without a record" \
	refuses "$tree" '0001-.* is in it already, and nothing tells why' apply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
mv "$tree/kernel/sched/ext.c" "$tree/kernel/sched/real.c"
ln -s real.c "$tree/kernel/sched/ext.c"
for verb in verify apply; do
	check "$verb: a symbolic link" refuses "$tree" 'ext\.c is a symbolic link' "$verb" "$tree"
done
rm -rf "$tree"

tree=$(sapling 6.18)
mkdir "$tree/.pc"
echo debian/patches >"$tree/.pc/.quilt_patches"
for verb in verify apply; do
	check "$verb: Debian's quilt patches" \
		refuses "$tree" 'quilt patches of its own \(\.pc, from debian/patches\).*make debian-source KSRC=' "$verb" "$tree"
done
echo my-patches >"$tree/.pc/.quilt_patches"
for verb in verify apply; do
	check "$verb: quilt patches of its own" \
		refuses "$tree" 'quilt patches of its own \(\.pc, from my-patches\).*quilt import.*patches/6\.18' "$verb" "$tree"
done
check "unapply: quilt patches of its own" refuses "$tree" 'has none of' unapply "$tree"
check "detect: quilt patches of its own" says '^feature: absent$' detect "$tree"
rm -rf "$tree"

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

mkdir "$tmp/bin"
ln -s /usr/bin/* /bin/* "$tmp/bin" 2>/dev/null
rm "$tmp/bin/quilt"
for verb in verify apply unapply; do
	check "$verb: quilt is missing" \
		refuses "$tree" 'quilt is not installed; run .make setup. as root' env PATH="$tmp/bin" "$verbs/$verb" "$tree"
done

# --- settings and names that must not matter -------------------------------------

mkdir "$tmp/home"
cat >"$tmp/home/.quiltrc" <<'END'
QUILT_PATCHES=debian/patches
QUILT_PATCH_OPTS=--reverse
QUILT_PUSH_ARGS=--fuzz=3
QUILT_NO_DIFF_INDEX=1
END
check "apply minds no settings of the user's" says 'are applied' \
	env HOME="$tmp/home" XDG_CACHE_HOME="$tmp" QUILT_PATCHES=elsewhere QUILT_SERIES=other QUILT_PC=.qc \
	POSIXLY_CORRECT=1 PATCH_VERSION_CONTROL=numbered GIT_DIR=/nonexistent CDPATH=/ \
	"$verbs/apply" "$tree"
check "nor does quilt by hand" \
	[ "$(cd "$tree" && HOME=$tmp/home quilt applied | wc -l)" -eq "$(detect --patches "${pristine_tree[6.12]}" | wc -l)" ]
check "unapply minds no settings of the user's" \
	env HOME="$tmp/home" XDG_CACHE_HOME="$tmp" QUILT_PATCHES=elsewhere QUILT_SERIES=other QUILT_PC=.qc \
	POSIXLY_CORRECT=1 GIT_DIR=/nonexistent CDPATH=/ "$verbs/unapply" "$tree"
check "it is as it was" as_before "$pristine" snapshot "$tree"

odd="$tmp/it's a \"tree\" \$HOME"
mv "$tree" "$odd"
ln -s "$odd" "$tmp/link"
check "apply: a name that needs quoting" says 'are applied' apply "$odd"
check "unapply: a name that needs quoting" restores "$odd" "$pristine"
check "apply: a relative name through a link" eval 'cd "$tmp" && says "are applied" apply link/'
check "unapply: a relative name through a link" eval 'cd "$tmp" && restores ./link "$pristine"'
rm -rf "$odd" "$tmp/link"

# --- half applied, and changes since ----------------------------------------------

tree=$(sapling 6.18)
pristine=$(snapshot "$tree")
series=$(grep -c '\.patch' "$root/patches/6.18/series")
for pops in 1 "$((series - 1))" "$series"; do
	apply "$tree" >/dev/null
	(cd "$tree" && quilt pop "$pops") >/dev/null
	check "detect: $pops of $series patches popped" says '^feature: half applied$' detect "$tree"
	for verb in verify apply; do
		check "$verb: $pops of $series patches popped" refuses "$tree" \
			"half applied: quilt has $((series - pops)) of $series patches applied; .quilt push -a. .*make unapply" "$verb" "$tree"
	done
	check "unapply: $pops of $series patches popped" restores "$tree" "$pristine"
done

apply "$tree" >/dev/null
applied=$(snapshot "$tree")

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

commit_all() {
	git -C "$1" add -A && git -C "$1" -c user.name=t -c user.email=t@example.com commit -qm "$2"
}

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
	check "git: $verb: a local change" refuses "$tree" 'kernel/sched/ext\.c in .* has local changes' "$verb" "$tree"
done
git -C "$tree" add -A
check "git: apply: a staged change" refuses "$tree" 'kernel/sched/ext\.c in .* has local changes' apply "$tree"
git -C "$tree" reset -q --hard

apply "$tree" >/dev/null
git -C "$tree" add -A
check "git: unapply: staged since" refuses "$tree" "is staged in git; .git restore --staged. it" unapply "$tree"
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

# --- failures in the middle -----------------------------------------------------------

tree=$(sapling 6.18)
pristine=$(snapshot "$tree")
for signal in HUP:129 INT:130 TERM:143; do
	check "apply: SIG${signal%:*} while quilt is at work" gives_up "${signal#*:}" "$tree" \
		interrupting quilt '*' "${signal%:*}" 1 "$verbs/apply" "$tree"
	check "verify: SIG${signal%:*} while quilt is at work" gives_up "${signal#*:}" "$tree" \
		interrupting quilt '*' "${signal%:*}" 1 "$verbs/verify" "$tree"
	check "apply: SIG${signal%:*} while renaming comes too late" says 'are applied' \
		interrupting mv '-*T' "${signal%:*}" 3 "$verbs/apply" "$tree"
	check "unapply: SIG${signal%:*} while quilt is at work" gives_up "${signal#*:}" "$tree" \
		interrupting quilt '*' "${signal%:*}" 1 "$verbs/unapply" "$tree"
	check "unapply: SIG${signal%:*} while renaming comes too late" says 'are as they were' \
		interrupting mv '-*T' "${signal%:*}" 2 "$verbs/unapply" "$tree"
	check "unapply: and all is as it was" as_before "$pristine" snapshot "$tree"
done

apply "$tree" >/dev/null
renames=$(($(cd "$tree" && quilt files -a | sort -u | wc -l) + 2))
unapply "$tree" >/dev/null
for ((n = 1; n <= renames; n++)); do
	check "apply killed after rename $n of $renames" killed "$n" "$verbs/apply" "$tree"
	rm -rf "${verb_tmp:?}"/*
	check "detect: half applied" says '^feature: half applied$' detect "$tree"
	check "apply: refused" refuses "$tree" 'half applied: .*make unapply' apply "$tree"
	check "unapply: goes back" restores "$tree" "$pristine"
	apply "$tree" >/dev/null
	check "unapply killed after rename $n of $renames" killed "$n" "$verbs/unapply" "$tree"
	rm -rf "${verb_tmp:?}"/*
	check "unapply: goes on" restores "$tree" "$pristine"
done
rm -rf "$tree"

if unshare --mount true 2>/dev/null; then
	tree=$(sapling 6.18)
	pristine=$(snapshot "$tree")
	for file in kernel/sched/ext_internal.h kernel/sched/ext.c; do
		check "apply: a file that cannot be renamed: $file" in_namespace '
			mount --bind "$1/$2" "$1/$2" &&
			refuses "$1" "cannot change .*$2: .*; all is as it was" apply "$1"' "$tree" "$file"
	done
	apply "$tree" >/dev/null
	for file in kernel/sched/ext_internal.h kernel/sched/ext.c .pc; do
		check "unapply: what cannot be renamed: $file" in_namespace '
			mount --bind "$1/$2" "$1/$2" &&
			refuses "$1" "cannot change .*$2: .*; all is as it was" unapply "$1"' "$tree" "$file"
	done
	check "unapply: read-only" in_namespace '
		mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
		refuses "$1" "cannot be written to; nothing was changed" unapply "$1"' "$tree"
	check "unapply: and when nothing is in the way" restores "$tree" "$pristine"
	check "apply: read-only" in_namespace '
		mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
		refuses "$1" "cannot be written to; nothing was changed" apply "$1"' "$tree"
	check "verify: read-only is good enough" in_namespace '
		mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
		says "would apply" verify "$1"' "$tree"

	mkdir "$tmp/small"
	for room in 0 100 1000; do
		check "apply: the disk is full with $room kB free" in_namespace '
			mount -t tmpfs -o size=$(($(du -sk "$1" | cut -f1) + 1000 + $3))k small "$2" &&
			cp -a "$1" "$2/linux" &&
			{ head -c 100M /dev/zero >"$2/filler" || :; } 2>/dev/null &&
			truncate -s -$(($3 * 1024)) "$2/filler" &&
			refuses "$2/linux" "cannot .*No space left on device; nothing was changed" apply "$2/linux"' \
			"$tree" "$tmp/small" "$room"
	done
	check "apply: no room for temporary files" in_namespace '
		mount -t tmpfs -o size=500k small "$verb_tmp" &&
		refuses "$1" "quilt failed on a copy of .*No space left on device" apply "$1"' "$tree"
	rm -rf "$tree"
else
	skip "apply and unapply with things that cannot be renamed, full disks, read-only trees" \
		"mounting is not permitted"
fi

if [ "$(id -u)" -eq 0 ]; then
	tree=$(sapling 6.18)
	chmod 755 "$tmp"
	chmod 1777 "$verb_tmp"
	nobody() {
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent "$@"
	}
	check "apply: a source that cannot be read" \
		refuses "$tree" 'kernel/sched/ext\.c cannot be read' nobody "$verbs/apply" "$tree"
	chmod a+r "$tree/kernel/sched/ext.c"
	check "apply: a tree of somebody else's" \
		refuses "$tree" 'cannot be written to; nothing was changed' nobody "$verbs/apply" "$tree"
	chown 1:1 "$tree/kernel/sched/ext.c"
	pristine=$(snapshot "$tree")
	check "root: applies to what belongs to several" says 'are applied' apply "$tree"
	check "root: keeps the owners" [ "$(stat -c %u "$tree/kernel/sched/ext.c")" = 1 ]
	check "root: also on the way back" restores "$tree" "$pristine"
	chown -R 65534:65534 "$tree"
	git -C "$tree" init -q
	chown -R 65534:65534 "$tree"
	pristine=$(snapshot "$tree")
	check "root: applies to somebody's tree" says 'are applied' apply "$tree"
	check "root: who still owns all of it" [ -z "$(find "$tree" ! -user 65534)" ]
	check "root: and can unapply it" says 'are as they were' nobody "$verbs/unapply" "$tree"
	check "root: with nothing changed" as_before "$pristine" snapshot "$tree"
	check "somebody: applies to his tree" says 'are applied' nobody "$verbs/apply" "$tree"
	check "somebody: root takes it out" restores "$tree" "$pristine"
	rm -rf "$tree"
else
	skip "trees of other users" "not root"
fi

# --- two at once ------------------------------------------------------------------------

tree=$(sapling 6.18)
pristine=$(snapshot "$tree")
for verb in verify apply unapply detect; do
	check "$verb: another one is at work" refuses "$tree" 'another apply or unapply is at work' \
		flock -x "$tree" "$verbs/$verb" "$tree"
done
for i in 1 2 3; do
	apply "$tree" >"$tmp/out.$i" 2>&1 &
done
wait
check "three applies at once: one does it" [ "$(cat "$tmp"/out.? | grep -c 'are applied')" -eq 1 ]
check "three applies at once: two are refused" \
	[ "$(cat "$tmp"/out.? | grep -cE 'at work|has this kit.s patches already')" -eq 2 ]
check "three applies at once: it can be taken out" restores "$tree" "$pristine"

done_testing
