# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the verbs
#
# What a kernel tree is, what was done to it, and what of that is refused; for the
# verbs on one. Source base.sh first.
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

# shellcheck source-path=SCRIPTDIR source=../../compat/probes.sh
. "${root:?}/compat/probes.sh"
# shellcheck source-path=SCRIPTDIR source=../../compat/compose.sh
. "$root/compat/compose.sh"

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
	refuse_crlf include/linux/sched/ext.h 'kernel/sched/*.[ch]' 'kernel/sched/ext/*.[ch]'
}

# refuse_crlf PATTERN...: no patch fits lines that end as on other systems.
refuse_crlf() {
	local -a endings

	# shellcheck disable=SC2068 # the patterns are those of files in the tree
	mapfile -t endings < <(cd "$tree" && grep -ls $'\r$' -- $@)
	[ ${#endings[@]} -eq 0 ] ||
		die "${endings[0]}$(and_more $((${#endings[@]} - 1))) in $tree: the lines end in CR LF, which no patch fits; give the source as it was released (git makes it so with core.autocrlf=false)."
}

# and_more COUNT: of files.
and_more() {
	[ "$1" -eq 0 ] || echo " and $1 more"
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
	local file task_flag deq_flag at present='' missing='' hazard

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
	elif [ -z "$file" ] && at=$(cd "$tree" && in_ext '^#include "ext_custody\.h"'); then
		feature='half applied'
		because="kernel/sched/ext_custody.h is gone ($at), and so is the record of an apply, as 'git clean' leaves a tree; start again from the unpatched source"
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

# refuse_patched: a tree that was patched before takes no series.
refuse_patched() {
	judge_tree
	case $feature in
	'applied by this kit')
		die "$tree has this kit's patches already; '$(verb unapply "$tree")' takes them out." ;;
	complete)
		die "$tree has the feature already ($because): there is nothing to apply." ;;
	'half applied')
		die "$tree is half applied: $because." ;;
	esac
}

# refuse_unless_pristine: what is wanted of a tree before any patch is tried. Sets what
# recognise and find_series do.
refuse_unless_pristine() {
	refuse_patched
	recognise "$tree" "$feature"
	refuse_without_series
	find_series
}

# refuse_without_series: the kit has to have a series for the layout that recognise has set.
refuse_without_series() {
	if [ -z "$layout" ] && [ "$feature" = incomplete ]; then
		die "$tree has the feature already, with hazards ${open_hazards[*]} of $(page semantics.md) open (${hazard_evidence[${open_hazards[0]}]}), but a layout of ext.c that the kit has no corrections for: $unknown."
	fi
	[ -n "$layout" ] ||
		die "$tree has a layout of ext.c that the kit does not know: $unknown$(port_hint "$tree")."
	[ "$layout" != mixed ] || return 0
	case $(layout_value "$layout" feature):$feature in
	absent:incomplete)
		die "$tree has the feature already, with hazards ${open_hazards[*]} of $(page semantics.md) open (${hazard_evidence[${open_hazards[0]}]}), and the kit's series for Linux $line is for trees without it." ;;
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
		die "$tree has quilt patches of its own (.pc, from $foreign), those of a Debian source package; '$(verb debian-source "$tree")' adds the series to them." ;;
	*)
		die "$tree has quilt patches of its own (.pc, from $foreign); there, 'quilt import' the patches of $root/patches/$line and 'quilt push -a', or give a tree without .pc." ;;
	esac
}

# tree_git COMMAND...: git on the tree, which may belong to somebody else, with
# the index left alone.
tree_git() {
	git --no-optional-locks -c safe.directory='*' -c core.fsmonitor=false -C "$tree" "$@"
}

# is_checkout: is it a git checkout, rather than just inside of one? A git that fails has
# not said no.
is_checkout() {
	local said status=0

	if ! command -v git >/dev/null; then
		[ ! -e "$tree/.git" ] || need git
		return 1
	fi
	said=$(LC_ALL=C tree_git ls-files --error-unmatch "$(cd "$tree" && ext_c)" 2>&1 >/dev/null) ||
		status=$?
	[ $status -gt 1 ] || return $status
	[ -e "$tree/.git" ] || [[ $said != 'fatal: not a git repository (or any'* ]] || return 1
	die "git cannot tell whether $tree has local changes (${said//$'\n'/; }); mend its repository, or move $tree/.git away."
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
