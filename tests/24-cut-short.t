#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# apply and unapply when they are interrupted or killed, cannot write, have no room, or
# are called twice at once: all of the series is in the tree, or nothing, or unapply
# restores all.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# --- signals ------------------------------------------------------------------------

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

# --- what cannot be written -----------------------------------------------------------

# refuses_when_full TREE FOLDER KB: apply, to a copy of TREE on a disk that is mounted on
# FOLDER and has so much free.
refuses_when_full() {
	mount -t tmpfs -o size=$(($(du -sk "$1" | cut -f1) + 1000 + $3))k small "$2" &&
		cp -a "$1" "$2/linux" &&
		{ head -c 100M /dev/zero >"$2/filler" || :; } 2>/dev/null &&
		truncate -s -$(($3 * 1024)) "$2/filler" &&
		refuses "$2/linux" 'cannot .*No space left on device; nothing was changed' apply "$2/linux"
}

# with_little_room COMMAND...: for temporary files.
with_little_room() {
	mount -t tmpfs -o size=500k small "$verb_tmp" && "$@"
}

if unshare --mount true 2>/dev/null; then
	tree=$(sapling 6.18)
	pristine=$(snapshot "$tree")
	for file in kernel/sched/ext_internal.h kernel/sched/ext.c; do
		check "apply: a file that cannot be renamed: $file" in_namespace pinned "$tree/$file" \
			refuses "$tree" "cannot change .*$file: .*; all is as it was" apply "$tree"
	done
	apply "$tree" >/dev/null
	for file in kernel/sched/ext_internal.h kernel/sched/ext.c .pc; do
		check "unapply: what cannot be renamed: $file" in_namespace pinned "$tree/$file" \
			refuses "$tree" "cannot change .*$file: .*; all is as it was" unapply "$tree"
	done
	check "unapply: read-only" in_namespace read_only "$tree" \
		refuses "$tree" 'cannot be written to; nothing was changed' unapply "$tree"
	check "unapply: and when nothing is in the way" restores "$tree" "$pristine"
	check "apply: read-only" in_namespace read_only "$tree" \
		refuses "$tree" 'cannot be written to; nothing was changed' apply "$tree"
	check "verify: read-only is good enough" in_namespace read_only "$tree" \
		says 'would apply' verify "$tree"

	mkdir "$tmp/small"
	for room in 0 100 1000; do
		check "apply: the disk is full with $room kB free" \
			in_namespace refuses_when_full "$tree" "$tmp/small" "$room"
	done
	check "apply: no room for temporary files" in_namespace with_little_room \
		refuses "$tree" 'quilt failed on a copy of .*No space left on device' apply "$tree"
	rm -rf "$tree"
else
	skip "apply and unapply with things that cannot be renamed, full disks, read-only trees" \
		"mounting is not permitted"
fi

# --- trees of other users ---------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
	tree=$(sapling 6.18)
	chmod 755 "$tmp"
	chmod 1777 "$verb_tmp"
	public=''
	public_kit public
	nobody() {
		"${as_nobody[@]}" env HOME=/nonexistent "$@"
	}
	check "apply: a source that cannot be read" \
		refuses "$tree" 'kernel/sched/ext\.c cannot be read' nobody "$public/command/verbs/apply" "$tree"
	chmod a+r "$tree/kernel/sched/ext.c"
	check "apply: a tree of somebody else's" \
		refuses "$tree" 'cannot be written to; nothing was changed' nobody "$public/command/verbs/apply" "$tree"
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
	check "root: and can unapply it" says 'are as they were' nobody "$public/command/verbs/unapply" "$tree"
	check "root: with nothing changed" as_before "$pristine" snapshot "$tree"
	check "somebody: applies to his tree" says 'are applied' nobody "$public/command/verbs/apply" "$tree"
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
