# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the verbs
#
# What the verbs on a source tree share. Source base.sh first.
#
# An applied tree looks as if its maintainer had used quilt on a series of his
# own, and plain quilt works in it:
#
#	.scx-custody/	a copy of the series, with SHA256SUMS of it and a note of
#			the layout that it was chosen for
#	.pc/		quilt's state; .pc/.quilt_patches names the folder above
#
# The copy keeps the tree independent of where the kit is and of its version.
# It is not in patches/, quilt's default, because that name may be the tree's
# own. The kernel's .gitignore ignores both names.
#
# All or nothing: quilt works on a copy of the few files that the series touches,
# in a temporary folder. Only when it is done are the results copied into the
# tree's own file system, to .scx-custody.tmp, and from there renamed into place
# (see commit). The order of the renames is such that a tree whose apply or
# unapply was killed between two of them can be unapplied.

# shellcheck source-path=SCRIPTDIR source=../../compat/probes.sh
. "${root:?}/compat/probes.sh"

kit=.scx-custody
incoming=.scx-custody.tmp

# The tree is what is asked about, wherever this is called from.
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE

# --- which tree ---------------------------------------------------------------

# open_tree ARGUMENT...: check that the one argument is a kernel tree with
# sched_ext and set tree to its absolute path. way_back is the command that undoes
# what was interrupted, for messages.
open_tree() {
	local file

	[ $# -le 1 ] || usage_error "one directory is enough, not $#"
	[ -n "${1:-}" ] || die "no kernel tree is given; name one with KSRC=directory."
	[ -e "$1" ] || die "$1 does not exist."
	[ -d "$1" ] || die "$1 is not a directory."
	tree=$(CDPATH='' cd -P -- "$1" 2>/dev/null && [ -r . ] && pwd) ||
		die "$1 cannot be read."
	way_back=$(verb unapply "$tree")

	for file in Makefile Kbuild kernel/sched/core.c; do
		[ -f "$tree/$file" ] ||
			die "$tree is not a Linux source tree: it has no $file."
	done
	[ -f "$tree/include/linux/sched/ext.h" ] ||
		die "$tree has no sched_ext: there is no include/linux/sched/ext.h, which came with Linux 6.12."
	for file in "$tree"/include/linux/sched/ext.h "$tree"/kernel/sched/ext* \
		"$tree"/kernel/sched/ext/*; do
		[ -r "$file" ] || [ ! -e "$file" ] || die "$file cannot be read."
	done
}

# lock_tree -s|-x: shared to look, exclusive to change. The lock is on the
# directory itself, so it leaves nothing behind. Where directories cannot be
# locked (NFS), stage still lets only one pass.
lock_tree() {
	local lock status=0

	exec {lock}<"$tree"
	flock -n -E 75 "$1" "$lock" 2>/dev/null || status=$?
	[ "$status" -ne 75 ] ||
		die "another apply or unapply is at work in $tree; wait for it to end."
}

# --- what was done to it --------------------------------------------------------

# patch_names FILE: the patches that a series file names.
patch_names() {
	sed -E 's/(^|[[:space:]]+)#.*//; s/^[[:space:]]+//; s/[[:space:]].*//; /^$/d' "$1"
}

# read_quilt: what quilt's state and ours say.
#	recorded[]	patches of the series in the tree
#	applied[]	patches that are applied, from quilt's state if it is ours
#	own		how many of recorded[] are applied
#	foreign		whose patches quilt's state is about, if not ours
#	traces[]	what of ours is there: the series, quilt's state, left-overs
read_quilt() {
	local source name

	recorded=() applied=() own=0 foreign='' traces=()

	for name in "$kit" "$incoming"; do
		[ ! -e "$tree/$name" ] || traces+=("$name")
	done
	[ ! -f "$tree/$kit/series" ] ||
		mapfile -t recorded < <(patch_names "$tree/$kit/series")

	[ -e "$tree/.pc" ] || return 0
	source=$(cat "$tree/.pc/.quilt_patches" 2>/dev/null) || source=patches
	if [ "$source" != "$kit" ]; then
		foreign=$source
		return 0
	fi
	traces+=(.pc)
	[ ! -f "$tree/.pc/applied-patches" ] ||
		mapfile -t applied <"$tree/.pc/applied-patches"
	while [ "$own" -lt "${#recorded[@]}" ] &&
		[ "${recorded[own]}" = "${applied[own]:-}" ]; do
		own=$((own + 1))
	done
}

# adds_file: does the series in the tree bring in ext_custody.h? Those for kernels
# that have the feature do not.
adds_file() {
	grep -qsx '+++ b/kernel/sched/ext_custody\.h' "${recorded[@]/#/$tree/$kit/}"
}

# judge_tree: set feature to
#	absent			nothing of it is there
#	complete		it is there, natively or put in by other means
#	incomplete		so it is, but with the hazards in open_hazards[]
#	applied by this kit
#	half applied
# and because to what that rests on; for a half applied tree, with the way out,
# which is unapply if undoable is not empty.
judge_tree() {
	local file task_flag deq_flag present='' missing='' hazard

	read_quilt
	hazards=() open_hazards=()
	file=$(cd "$tree" && mark_file) || file=
	task_flag=$(cd "$tree" && mark_task_flag) || task_flag=
	deq_flag=$(cd "$tree" && mark_deq_flag) || deq_flag=

	undoable=
	if [ "${traces[*]}" = .pc ]; then
		feature='half applied'
		because="quilt's state in .pc is about $kit, which is gone; start again from the unpatched source"
	elif [ "${#traces[@]}" -gt 0 ]; then
		feature='half applied'
		undoable=yes
		if [ "${traces[*]}" != "$kit .pc" ]; then
			because="an apply or unapply was interrupted and left ${traces[*]}; '$(verb unapply "$tree")' takes everything out"
		elif [ "$own" -lt "${#recorded[@]}" ]; then
			because="quilt has $own of ${#recorded[@]} patches applied; 'quilt push -a' there puts in the rest, '$(verb unapply "$tree")' takes everything out"
		elif [ -z "$task_flag" ] || [ -z "$deq_flag" ] ||
			{ [ -z "$file" ] && adds_file; }; then
			because="quilt has all $own patches applied, but not all that they add is there; '$(verb unapply "$tree")' takes everything out or names what is in the way"
		else
			feature='applied by this kit'
			because="quilt has all $own patches of $kit applied; $task_flag; $deq_flag"
		fi
	elif [ -n "$task_flag" ] && [ -n "$deq_flag" ]; then
		feature=complete
		because="$task_flag; $deq_flag"
		[ -z "$file" ] ||
			because="$because; $file is this kit's, put in by other means than its apply"
		probe_hazards "$tree"
		for hazard in "${hazards[@]}"; do
			[ "${hazard_state[$hazard]}" != open ] || open_hazards+=("$hazard")
		done
		[ "${#open_hazards[@]}" -eq 0 ] || feature=incomplete
	elif [ -z "$file$task_flag$deq_flag" ]; then
		feature=absent
		because="no SCX_TASK_IN_CUSTODY in include/linux/sched/ext.h, no SCX_DEQ_SCHED_CHANGE in kernel/sched/ext*"
	else
		feature='half applied'
		if [ -n "$task_flag" ]; then present=SCX_TASK_IN_CUSTODY; else missing=SCX_TASK_IN_CUSTODY; fi
		if [ -n "$deq_flag" ]; then present=SCX_DEQ_SCHED_CHANGE; else missing=SCX_DEQ_SCHED_CHANGE; fi
		because="it has ${present:-$file} but not $missing, and quilt has no record of why; start again from the unpatched source"
	fi
}

# --- refusals -------------------------------------------------------------------

# refuse_unless_pristine: what is wanted of a tree before any patch is tried. Sets
# layout and line.
refuse_unless_pristine() {
	judge_tree
	case $feature in
	'applied by this kit')
		die "$tree has this kit's patches already; '$(verb unapply "$tree")' takes them out." ;;
	complete)
		die "$tree has the feature already ($because): there is nothing to apply." ;;
	'half applied')
		die "$tree is half applied: $because." ;;
	esac

	recognise "$tree"
	[ -n "$layout" ] || [ "$feature" != incomplete ] ||
		die "$tree has the feature already, with hazards ${open_hazards[*]} of docs/semantics.md open (${hazard_evidence[${open_hazards[0]}]}), but a layout of ext.c that the kit does not know: $first_difference."
	[ -n "$layout" ] ||
		die "$tree has a layout of ext.c that the kit does not know: $first_difference."
	line=$(layout_value "$layout" line)
	case $(layout_value "$layout" feature):$feature in
	absent:incomplete)
		die "$tree has the feature already, with hazards ${open_hazards[*]} of docs/semantics.md open (${hazard_evidence[${open_hazards[0]}]}), and the kit's series for Linux $line is for trees without it." ;;
	incomplete:absent)
		die "$tree does not have the feature, which the kit's series for Linux $line takes for granted and only corrects." ;;
	esac
	[ -f "$root/patches/$line/series" ] ||
		die "the kit has no series for Linux $line, the line of $tree; see patches/ for those it has."
}

# refuse_foreign: pushing onto somebody's stack would mean to write into his
# series, and to take out patches from below his next ones.
refuse_foreign() {
	case $foreign in
	'') ;;
	debian/patches | */debian/patches)
		die "$tree has quilt patches of its own (.pc, from $foreign), those of a Debian source package; 'make debian-source KSRC=$tree' adds the series to them." ;;
	*)
		die "$tree has quilt patches of its own (.pc, from $foreign); there, 'quilt import' the patches of $root/patches/$line and 'quilt push -a', or give a tree without .pc." ;;
	esac
}

# tree_git COMMAND...: git on the tree, which may belong to somebody else, with
# the index left alone.
tree_git() {
	git --no-optional-locks -c safe.directory='*' -c core.fsmonitor=false -C "$tree" "$@"
}

# is_checkout: is it a git checkout, rather than just inside of one?
is_checkout() {
	if ! command -v git >/dev/null; then
		[ ! -e "$tree/.git" ] || need git
		return 1
	fi
	tree_git ls-files --error-unmatch "$(cd "$tree" && ext_c)" >/dev/null 2>&1
}

# refuse_local_changes FILE...: nothing but what is committed may be patched, so
# that git can tell the patches from the maintainer's own work.
refuse_local_changes() {
	local changed

	is_checkout || return 0
	changed=$(tree_git status --porcelain --untracked-files=all -- "$@" | head -n1)
	[ -z "$changed" ] ||
		die "${changed:3} in $tree has local changes, which git has not committed; commit or stash them first."
}

# refuse_staged FILE...: what is in git's index stays there when the files are
# restored, so it must not be ours.
refuse_staged() {
	local staged

	is_checkout || return 0
	staged=$(tree_git diff --cached --name-only -- "$@" | head -n1)
	[ -z "$staged" ] ||
		die "$staged in $tree is staged in git; 'git restore --staged' it first."
}

# refuse_unwritable PATH...: can the folders that hold these be written to?
refuse_unwritable() {
	local folder path

	for path; do
		folder=$(dirname "$tree/$path")
		while [ ! -e "$folder" ]; do
			folder=$(dirname "$folder")
		done
		[ -w "$folder" ] || die "$folder cannot be written to; nothing was changed."
	done
}

# attempt WHAT COMMAND...: run it; if it fails, give up with what it said last.
attempt() {
	local what=$1 said

	shift
	said=$("$@" 2>&1 >/dev/null) ||
		die "cannot $what: $(tail -n1 <<<"$said"); nothing was changed."
}

# --- quilt, on copies -----------------------------------------------------------

# touched_files PATCH...: the files that they change, add or remove.
touched_files() {
	awk '
		/^@@ -/ && !old && !new {
			split($2, range, ","); old = 2 in range ? range[2] : 1
			split($3, span, ","); new = 2 in span ? span[2] : 1
			next
		}
		old || new {	# a line of a hunk, whatever it looks like
			sign = substr($0, 1, 1)
			old -= sign != "+" && sign != "\\"
			new -= sign != "-" && sign != "\\"
			next
		}
		/^--- / { from = $2 }
		/^\+\+\+ / {
			file = $2 == "/dev/null" ? from : $2
			sub(/^[^\/]*\//, "", file)
			print file
		}' "$@" | sort -u
}

# copy_series FROM TO: what is to be applied of a series, patches[], with what
# unapply and detect want to know of them later.
copy_series() {
	local name sums

	mkdir -p "$2" || return
	{
		grep '^#' "$1/series"
		printf '%s\n' "${patches[@]}"
	} >"$2/series" || return
	for name in "${patches[@]}"; do
		cp "$1/$name" "$2/$name" || return
	done
	printf 'layout=%s\nline=%s\n' "$layout" "$line" >"$2/layout" || return
	sums=$(cd "$2" && sha256sum -- *) && echo "$sums" >"$2/SHA256SUMS"
}

# push FOLDER ARGUMENT...: have quilt push there. Nothing of the caller's
# settings may change what the patches mean.
push() {
	(
		cd "$1" && shift &&
			exec env -i PATH="$PATH" HOME="${HOME:-/}" TMPDIR="${work:?}" LC_ALL=C \
				QUILT_PATCHES="$kit" quilt --quiltrc - push --fuzz=0 "$@"
	)
}

# failed_hunks LOG: from what quilt or patch said, what does not fit. A line each:
#
#	PATCH <tab> FILE <tab> HUNK <tab> LINE	the hunk fails near that line
#	PATCH <tab> FILE <tab> missing|exists	the file is not there, or is
#	PATCH <tab> <tab> applied		all of it is in the tree already
failed_hunks() {
	awk -v OFS='\t' '
		/^Applying patch / { patch = $3 }
		/^patching file / { file = $3 }
		/^The next patch would create the file / {
			file = $NF
			sub(/,$/, "", file)
			print patch, file, "exists"
			exists[file] = 1
		}
		/^Hunk #[0-9]+ FAILED at / && !exists[file] {
			number = $2
			place = $NF
			sub(/^#/, "", number)
			sub(/\.$/, "", place)
			print patch, file, number, place
		}
		/^can.t find file to patch/ { search = 1 }
		/^\|\+\+\+ / && search {
			search = 0
			sub(/^[^\/]*\//, "", $2)
			print patch, $2, "missing"
		}
		/can be reverse-applied$/ { print patch, "", "applied" }' "$1"
}

# why_not LOG WHAT: why quilt could not push: WHAT, if a hunk does not fit.
why_not() {
	local hunks

	hunks=$(failed_hunks "$1" | awk -F '\t' '
		$3 == "applied" {
			text = $1 " is in it already, and nothing tells why; start again from the unpatched source"
			exit
		}
		{
			text = text (text ? ", " : $1 ": ") ($4 ? "hunk " $3 " of " $2 " fails near line " $4 : \
				$3 == "exists" ? $2 " exists already" : $2 " is missing")
		}
		END { print text }')
	if [ -n "$hunks" ]; then
		echo "$2: $hunks"
	else
		echo "quilt failed on a copy of $tree: $(grep -m1 '^patch: ' "$1" || tail -n1 "$1")"
	fi
}

# offsets LOG: the hunks that quilt found at another line than theirs.
offsets() {
	awk '
		/^Applying patch / { patch = $3 }
		/^patching file / { file = $3 }
		/^Hunk #[0-9]+ succeeded at .* \(offset / {
			number = $2
			offset = $0
			sub(/^#/, "", number)
			sub(/^.*\(/, "", offset)
			sub(/\)\.?$/, "", offset)
			print patch ": hunk " number " of " file " fits at line " $5 ", " offset
		}' "$1"
}

# copy_files: what the series for the tree changes, and the series. Sets
#	work		a temporary folder, with room for quilt's words in log
#	copy		in it, the copies
#	patches[]	the series, without the fixes that the tree has
copy_files() {
	local series=$root/patches/$line file
	local -a touched

	scratch work
	copy=$work/tree
	probe_fixes "$tree" "$line"
	attempt "copy the series to $work" copy_series "$series" "$copy/$kit"
	mapfile -t touched < <(cd "$series" && touched_files "${patches[@]}")
	refuse_local_changes "${touched[@]}"
	for file in "${touched[@]}"; do
		[ ! -L "$tree/$file" ] ||
			die "$tree/$file is a symbolic link, which patches must not follow; give a tree with the file itself."
		[ ! -e "$tree/$file" ] ||
			(cd "$tree" && attempt "copy $file to $work" cp -p --parents -- "$file" "$copy")
	done
}

# push_series: push the whole series onto the copies. Sets
#	misfit		what does not fit, a sentence, or empty
#	files[]		the files that it changes, adds or removes
push_series() {
	misfit=
	if ! push "$copy" -a >"$work/log" 2>&1; then
		misfit=$(why_not "$work/log" "the series for Linux $line does not fit $tree")
		[ -n "$(failed_hunks "$work/log")" ] || die "$misfit."
		return 0
	fi
	mapfile -t files < <(cd "$copy/.pc" && find . -mindepth 2 -type f ! -name .timestamp |
		cut -d/ -f3- | sort -u)
}

# fit: would the tree take the series? After it, copy is what apply puts into it.
fit() {
	copy_files
	push_series
}

# series_sum PATCH...: what a series is recognised by once it is somewhere else.
series_sum() {
	cat -- "$@" | sha256sum | cut -d' ' -f1
}

# --- changing the tree ----------------------------------------------------------

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
	chown -R --reference="$tree" "$staged" || return
	(cd "$staged" && find . -type f) | while read -r path; do
		[ ! -e "$tree/$path" ] || chown --reference="$tree/$path" "$staged/$path"
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
