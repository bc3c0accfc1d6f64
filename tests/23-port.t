#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# port: on trees that a series fits, it puts the same code in, byte for byte. On trees that
# were changed by script, it ends as the table below has it; where it is sure, the series
# must be right: without the change, the patched tree is what the kit's own series makes.
#
# 'make check' makes each change to one source. 'make check-port' makes it to all sources
# that the table names, and compiles what port is sure of.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"
# shellcheck source-path=SCRIPTDIR source=drifts.sh
. "$root/tests/drifts.sh"

# by_patch TREE FOLDER: the patches that its series names, as patch does it.
by_patch() {
	local name

	for name in $(patch_names "$2/series"); do
		push_alone "$1" <"$2/$name" || return
	done
}

# reference SOURCE: a tree with the kit's own series in it; prints its path.
reference() {
	local tree=$tmp/reference-$1 name

	if [ ! -d "$tree" ]; then
		mv "$(sapling "$1")" "$tree"
		for name in $(detect --patches "$tree"); do
			push_alone "$tree" <"$name" >/dev/null || return
		done
	fi
	echo "$tree"
}

# outcome_of STATUS: how port has ended.
outcome_of() {
	case $1 in
	0) echo sure ;;
	3) echo doubts ;;
	1) echo refused ;;
	*) echo "exit status $1" ;;
	esac
}

# same_trees A B: all files, but for what port and quilt leave.
same_trees() {
	diff -r -x .pc -x .scx-custody "$1" "$2"
}

# What is compiled has to be in this time, in seconds.
compile_time=2400

# compiles SOURCE TREE: does its sched_ext, in a copy of the whole source that takes no room?
compiles() {
	local whole=$tmp/whole-$1 objects=$tmp/objects-$1 file

	if [ ! -d "$whole" ]; then
		cp -rs "${pristine_tree[$1]}" "$whole"
		make -C "$whole" O="$objects" KCONFIG_ALLCONFIG="$root/lab/kernels/boot.config" allnoconfig &&
			make -C "$whole" O="$objects" -j"$JOBS" prepare || return
	fi
	for file in include/linux/sched/ext.h $(cd "$2" && ls kernel/sched/ext*.[ch]); do
		cmp -s "$2/$file" "$whole/$file" ||
			cp -f --remove-destination "$2/$file" "$whole/$file" || return
	done
	# what the changes call
	rm -f "$whole/kernel/sched/sched.h"
	sed '$i\
DECLARE_PER_CPU(unsigned long, vendor_enqueues);\
static inline void trace_vendor_enqueue(struct task_struct *p) {}' \
		"${pristine_tree[$1]}/kernel/sched/sched.h" >"$whole/kernel/sched/sched.h"
	make -C "$whole" O="$objects" -j"$JOBS" kernel/sched/build_policy.o
}

# try_to_compile NAME SOURCE TREE: as long as there is time.
try_to_compile() {
	if [ "$SECONDS" -gt "$compile_time" ]; then
		skip "$1: it compiles" "the $((compile_time / 60)) minutes for this are over"
	elif check "$1: it compiles" compiles "$2" "$3"; then
		compiled=$((compiled + 1))
	fi
}

# is_right CHANGE TREE SOURCE: without the change, is the patched tree what the kit's series
# makes of the source?
is_right() {
	local change=$1 tree=$2 source=$3

	if declare -F "undo_$change" >/dev/null; then
		"undo_$change" "$tree" && same_trees "$(reference "$source")" "$tree"
	else
		has_what_the_series_adds "$tree" "$source"
	fi
}

# code_by_function FILE: its statements, each with its function. How they are indented and
# wrapped does not matter.
code_by_function() {
	awk '
		/^[a-z_].*[(]/ && !/;$/ && match($0, /[a-z_0-9]+[(]/) { name = substr($0, RSTART, RLENGTH) }
		{ gsub(/[ \t]+/, "") }
		$0 != "" && !/^[*\/]/ { text = text $0 }
		text ~ /[;{}:]$/ { print name "\t" text; text = "" }
		/^[}]/ { name = "" }' "$1"
}

# added_lines BEFORE AFTER: what went and what came.
added_lines() {
	diff <(code_by_function "$1") <(code_by_function "$2") | sed -n 's/^[<>]/&/p' | sort
}

# has_what_the_series_adds TREE SOURCE: where a change cannot be undone by script, the same
# lines are new in the same functions.
has_what_the_series_adds() {
	diff <(added_lines "${pristine_tree[$2]}/$ext" "$(reference "$2")/$ext") \
		<(added_lines "$tmp/unpatched/$ext" "$1/$ext")
}

# is_known_code SOURCE: as lab/known-code would write it.
is_known_code() {
	! perl "$root/command/lib/port/port.pl" --known "${pristine_tree[$1]}" |
		grep -vFx -f "$root/compat/known-code"
}

# --- trees that a series fits ------------------------------------------------------------

# A series that applies by itself is put together from its places all the same.
for source in "${source_names[@]}"; do
	# by hand: only the changes that are named
	[ $# -eq 0 ] || break
	ext=$(ext_of "$source")
	out=$tmp/out-$source
	tree=$(sapling "$source")
	before=$(snapshot "$tree")
	[ "$(source_column "$source" unpatched)" != defect ] ||
		check "$source: compat/known-code has what its functions do" is_known_code "$source"
	check "$source: port is sure" says 'which apply without fuzz and leave no hazard open\.$' \
		port KSRC="$tree" OUT="$out"
	check "$source: port changes nothing in the tree" as_before "$before" snapshot "$tree"
	check "$source: every place is exact" \
		eval "! grep -E '^  (moved|adapted|doubtful) ' '$out/report'"
	if [ "$source" != 6.18 ]; then
		check "$source: the series applies" by_patch "$tree" "$out"
		check "$source: and the code is that of the kit's series, byte for byte" \
			same_trees "$(reference "$source")" "$tree"
		rm -rf "$tree"
		continue
	fi
	check "$source: apply takes the series" says 'patches for Linux' apply --series "$out" "$tree"
	check "$source: and the code is that of the kit's series, byte for byte" \
		same_trees "$(reference "$source")" "$tree"
	check "$source: unapply restores every byte" says 'are as they were' unapply "$tree"
	check "$source: indeed" as_before "$before" snapshot "$tree"
	rm -rf "$tree"
done

# --- trees that drift ----------------------------------------------------------------------

# change, outcome, sources, what port says
outcomes='
renamed_task             sure     6.12-early 6.12 6.17 6.18 6.19
renamed_local            sure     6.12 6.18
renamed_rqs              sure     6.12-early 6.17 6.19
renamed_sch              sure     6.17 6.18 6.19
renamed_dsq              sure     6.12 6.18
swapped_names            refused  6.12 6.18
renamed_function         refused  6.12 6.18
renamed_member           refused  6.18
counter_at_the_top       sure     6.12 6.18
counter_at_the_end       sure     6.17
counters_at_unlocks      sure     6.12 6.19
trace                    sure     6.12-early 6.18
renamed_and_counted      sure     6.18 6.17
retargeted               doubts   6.12 6.18
unlock_helper            refused  6.18 6.12
inverted                 doubts   6.19 6.12-early
vendor_call              doubts   6.12 6.18
android_hook             doubts   6.18
taken_bit                refused  6.12 6.18
conditional_code         doubts   6.18
early_return             doubts   6.12 6.17
wrapped                  doubts   6.18
new_mover                doubts   6.19
twin_places              doubts   6.18
reordered                doubts   6.18
release_first            refused  6.12 6.18
moved_helper             sure     6.12 6.18
moved_neighbour          sure     6.17
moved_function           sure     6.19
argument_of_dispatch_enqueue  sure  6.12 6.17 6.18 6.19
argument_of_ops_dequeue  sure     6.12 6.18
argument_of_find_global_dsq  sure 6.12 6.18
argument_that_varies     doubts   6.18
attribute                sure     6.12 6.18
split_enqueue            doubts   6.12 6.18
split_release            refused  6.18
no_comments              sure     6.12 6.18
rewrapped                sure     6.18 6.19
flags_in_ext_c           sure     6.17
noted_as_6_16            sure     6.18 6.19
requeued_by_guard        sure     6.17
like_6.16                sure     6.17
mixed_with_6.19          sure     6.17
'
table='' compiled=0
declare -A count=([sure]=0 [doubts]=0 [refused]=0)
while read -r change expected sources; do
	[ -n "$change" ] || continue
	[ $# -eq 0 ] || [[ " $* " = *" $change "* ]] || continue
	[ "${SCX_CUSTODY_PORT:-}" = all ] || sources=${sources%% *}
	for source in $sources; do
		ext=$(ext_of "$source")
		tree=$(sapling "$source")
		out=$tmp/out
		rm -rf "$out" "$tmp/unpatched"
		"change_$change" "$tree"
		if { same_trees "$tree/kernel/sched" "${pristine_tree[$source]}/kernel/sched" &&
			same_trees "$tree/include/linux/sched" \
				"${pristine_tree[$source]}/include/linux/sched"; } >/dev/null; then
			result 1 "$source, $change: something is changed"
			continue
		fi
		cp -a "$tree" "$tmp/unpatched"
		status=0
		TMPDIR=$verb_tmp port KSRC="$tree" OUT="$out" >"$tmp/stdout" 2>"$tmp/stderr" || status=$?
		ended=$(outcome_of "$status")
		check "$source, $change: ends as expected: $expected" [ "$ended" = "$expected" ] ||
			diag "$ended: $(grep -h -e '^doubt: ' "$tmp/stdout"; cat "$tmp/stderr")"
		case $ended in
		sure)
			check "$source, $change: the series applies" by_patch "$tree" "$out"
			[ "${SCX_CUSTODY_PORT:-}" != all ] || try_to_compile "$source, $change" "$source" "$tree"
			check "$source, $change: the series is right" is_right "$change" "$tree" "$source" ;;
		doubts)
			check "$source, $change: apply asks for --with-doubts" refuses "$tree" \
				'--with-doubts .* to take it all the same' apply --series "$out" "$tree" ;;
		*)	check "$source, $change: is refused in one sentence" \
				grep -qE '^scx-custody port: .*[^.]\.$' "$tmp/stderr" ;;
		esac
		count["$ended"]=$((${count[$ended]:-0} + 1))
		table+=$(printf '%-30s %-10s %-8s %s' "$change" "$source" "$ended" \
			"$(grep -h -m1 -e '^doubt: ' "$tmp/stdout" || cat "$tmp/stderr")")$'\n'
		rm -rf "$tree"
	done
done <<<"$outcomes"
diag "$table"
diag "port was sure of ${count[sure]} changed trees, of which $compiled were compiled; had doubts about ${count[doubts]}; refused ${count[refused]}"

done_testing
