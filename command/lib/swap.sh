# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How a tree is changed, all of it or nothing. What it is to have is put into its own
# file system, to .scx-custody.tmp, and from there renamed into place (see commit). The
# order of the renames is such that a tree whose apply or unapply was killed between
# two of them can be unapplied. Source state.sh first.

# stage: make room in the tree's own file system, where $staged/PATH is to be what
# the tree will have at PATH. To finish takes no longer than to go back from here
# on, and whoever asks for the latter can do so with the other verb.
stage() {
	trap '' INT TERM HUP

	# What was there when we began was left by somebody who was killed. The
	# originals are in quilt's state, nothing in here is needed.
	[ ! -e "$tree/$incoming" ] ||
		attempt "write to $tree" rm -rf "$tree/$incoming"

	attempt "write to $tree" mkdir "$tree/$incoming"
	at_exit "rm -rf ${tree@Q}/$incoming"
	staged=$tree/$incoming/new
	attempt "write to $tree" mkdir "$staged" "$tree/$incoming/old"
}

# give_owners: when root works on somebody's tree, it stays his.
give_owners() {
	local path

	[ "$(id -u)" -eq 0 ] || return 0
	chown -R "$(stat -c %u:%g "$tree")" "$staged" || return
	(cd "$staged" && find . -type f) | while read -r path; do
		[ ! -e "$tree/$path" ] || chown "$(stat -c %u:%g "$tree/$path")" "$staged/$path"
	done
}

# swap PATH: make the tree's PATH, a file or a folder, what is staged, and keep
# what was there. It is one rename that changes the tree.
swap() {
	local now=$tree/$1 new=$staged/$1 old=$tree/$incoming/old/$1

	mkdir -p "$(dirname "$old")"
	if [ ! -e "$new" ]; then
		mv -T "$now" "$old"
		return
	fi
	if [ -e "$now" ]; then
		ln "$now" "$old" 2>/dev/null || cp -p "$now" "$old" || return
	else
		mkdir -p "$(dirname "$now")" || return
	fi
	mv -fT "$new" "$now"
}

# swap_back PATH: undo it.
swap_back() {
	local now=$tree/$1 new=$staged/$1 old=$tree/$incoming/old/$1

	if [ -e "$old" ]; then
		mv -fT "$old" "$now"
	else
		mv -T "$now" "$new"
		remove_empty_folders "$1"
	fi
}

# remove_empty_folders PATH: those that are left above a file which went away. No
# source has empty ones of its own: neither git nor diff can tell of them.
remove_empty_folders() {
	(cd "$tree" && rmdir -p --ignore-fail-on-non-empty -- "$(dirname "$1")" 2>/dev/null) || :
}

# commit PATH...: swap them all, in this order, or none.
commit() {
	local path said i
	local -a swapped=()

	for path; do
		if said=$(swap "$path" 2>&1); then
			swapped+=("$path")
			continue
		fi
		for ((i = ${#swapped[@]} - 1; i >= 0; i--)); do
			swap_back "${swapped[i]}" ||
				die "cannot put back $tree/${swapped[i]} after another error ($(tail -n1 <<<"$said")); '$way_back' goes on."
		done
		[ -e "$tree/$path" ] || remove_empty_folders "$path"
		die "cannot change $tree/$path: $(tail -n1 <<<"$said"); all is as it was."
	done
	for path; do
		[ -e "$tree/$path" ] || remove_empty_folders "$path"
	done
}
