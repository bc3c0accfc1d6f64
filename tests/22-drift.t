#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# verify on trees that are changed as vendors change them: the series still applies, or
# verify shows both sides of the first hunk that does not fit.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# --- changes -----------------------------------------------------------------------
# A change is a function change_NAME TREE. It is to $ext, the source's file, and must
# change something.

# in_function NAME SCRIPT FILE: sed, inside of a function's body.
in_function() {
	sed -i "/^static .*[ *]$1(/,/^}/{
		$2
		}" "$3"
}

change_counter_at_the_top() {
	in_function dispatch_enqueue '/bool is_local = /a\	this_cpu_inc(vendor_enqueues);' "$1/$ext"
}

change_counter_at_the_end() {
	in_function dispatch_enqueue '/p->scx\.dsq = dsq;/a\	this_cpu_inc(vendor_enqueues);' "$1/$ext"
}

change_renamed_local() {
	in_function ops_dequeue 's/\bopss\b/state/g' "$1/$ext"
}

# to the end of the file
change_moved_helper() {
	sed -n '/^static void touch_core_sched_dispatch(/,/^}/p' "$1/$ext" >"$tmp/helper"
	sed -i '/^static void touch_core_sched_dispatch(/,/^}/d' "$1/$ext"
	cat "$tmp/helper" >>"$1/$ext"
	[ -s "$tmp/helper" ]
}

# one more argument for each of its callers, too
change_argument_of() {
	sed -i -E "/^static/s/([ *]$1\()/\1void *vendor, /; /^static/!s/(\b$1\()/\1NULL, /" "$2/$ext"
}

change_argument_of_dispatch_enqueue() { change_argument_of dispatch_enqueue "$1"; }
change_argument_of_ops_dequeue() { change_argument_of ops_dequeue "$1"; }
change_argument_of_find_global_dsq() { change_argument_of find_global_dsq "$1"; }

# --- what verify says ----------------------------------------------------------------

# fails PATCH HUNK: what a refusal has of it, a regular expression.
fails() {
	echo "${1}[^:]*: hunk $2 of $ext fails near line [0-9]+"
}

applies_with_offset() {
	verify "$1" | awk '
		/patch: hunk [0-9]+ of .*\/ext\.c fits at line [0-9]+, offset -?[0-9]+ lines?$/ { offset = 1 }
		{ print }
		END { exit !(offset && /would apply\.$/) }'
}

# shows_both_sides TREE PATCH HUNK EXPECTED FOUND: verify refuses, naming just this
# hunk first, shows a line that the patch expects (if EXPECTED is one) and one that
# the tree has, with its number there, and tells the same in JSON. Nothing changes.
shows_both_sides() {
	local tree=$1 patch=$2 hunk=$3 expected=$4 there=$5 before numbers

	before=$(snapshot "$tree")
	! TMPDIR=$verb_tmp verify "$tree" >"$tmp/out" 2>"$tmp/err" &&
		! TMPDIR=$verb_tmp verify --json "$tree" >"$tmp/json" 2>"$tmp/err.json" || return
	cat "$tmp/out" "$tmp/err"
	as_before "$before" snapshot "$tree" && nothing_left_in_tmpdir || return
	if ! cmp "$tmp/err" "$tmp/err.json" || [ "$(wc -l <"$tmp/err")" -ne 1 ] ||
		! grep -qE "^verify: .* does not fit $tree: $(fails "$patch" "$hunk")[^:]*\.\$" "$tmp/err"; then
		echo "the refusal is something else"
		return 1
	fi
	head -n1 "$tmp/out" | grep -qE "^$patch.*: hunk $hunk of $ext does not fit" || {
		echo "does not begin with that hunk"
		return 1
	}
	if [ -n "$expected" ]; then
		grep -E '^- +[0-9]+ ' "$tmp/out" | grep -qF -- "$expected"
	else
		grep -qE '^ +[0-9]+ +[0-9]+  ' "$tmp/out"
	fi || {
		echo "does not show what is expected"
		return 1
	}
	numbers=$(grep -nxF -- "$there" "$tree/$ext" | cut -d: -f1 | paste -sd '|')
	grep -E "^\+ +($numbers)  " "$tmp/out" | grep -qF -- "$there" || {
		echo "does not show what is there, at line $numbers"
		return 1
	}
	perl -MJSON::PP -e '
		local $/;
		my $told = decode_json(<STDIN>);
		my $first = $told->{misfits}[0];
		my ($patch, $hunk, $expected, $found, $numbers) = @ARGV;

		exit !(!$told->{fits} && $first->{patch} =~ /^$patch/ && $first->{hunk} == $hunk &&
			(!$expected || grep { $_->{text} eq $expected && $_->{line} > 0 } @{$first->{expected}}) &&
			(grep { $_->{text} eq $found && ($_->{line} // 0) =~ /^($numbers)$/ } @{$first->{found}}));' \
		"$patch" "$hunk" "$expected" "$there" "$numbers" <"$tmp/json" || {
		echo "JSON tells something else:"
		cat "$tmp/json"
		return 1
	}
}

# renamed PATCH HUNK LINE, given ARGUMENT PATCH HUNK LINE: both sides of a line in which
# the local variable was renamed, or which was given one more argument.
renamed() {
	echo "$1|$2|$3|${3/opss/state}"
}

given() {
	echo "$2|$3|$4|${4/(/($1, }"
}

# What is to be said of which change to which source: applies, offset (which other
# hunks may have as well), unknown, or PATCH|HUNK and both sides.
verdict() {
	case $1:${is[$2]} in
	counter_at_the_top:*incomplete) echo offset ;;
	counter_at_the_top:*) echo '0003|1||	this_cpu_inc(vendor_enqueues);' ;;
	counter_at_the_end:*) echo offset ;;
	renamed_local:*incomplete) echo applies ;;
	renamed_local:global-ops*)
		renamed 0006 3 '		if (atomic_long_try_cmpxchg(&p->scx.ops_state, &opss,' ;;
	renamed_local:*) renamed 0002 2 '	unsigned long opss;' ;;
	moved_helper:*) echo offset ;;
	argument_of_dispatch_enqueue:global-ops*)
		given NULL 0013 1 '		dispatch_enqueue(find_global_dsq(p), p,' ;;
	argument_of_dispatch_enqueue:'sched-instance|'*)
		given NULL 0013 1 '		dispatch_enqueue(sch, find_global_dsq(p), p,' ;;
	argument_of_dispatch_enqueue:*absent)
		given NULL 0013 1 '		dispatch_enqueue(sch, find_global_dsq(sch, p), p,' ;;
	argument_of_dispatch_enqueue:'sub-scheds|'*)
		given NULL 0004 3 '		dispatch_enqueue(sch, rq, find_global_dsq(sch, task_cpu(p)), p,' ;;
	argument_of_dispatch_enqueue:*) echo applies ;;
	argument_of_ops_dequeue:*incomplete) echo applies ;;
	argument_of_ops_dequeue:global-ops*) echo applies ;;
	argument_of_ops_dequeue:*)
		given 'void *vendor' 0002 2 \
			'static void ops_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)' ;;
	argument_of_find_global_dsq:*) echo unknown ;;
	esac
}

for source in "${source_names[@]}"; do
	ext=$(ext_of "$source")
	now="'void \\*, .*$ext:[0-9]+: find_global_dsq\\(\\)\\)"
	for change in counter_at_the_top counter_at_the_end renamed_local moved_helper \
		argument_of_dispatch_enqueue argument_of_ops_dequeue argument_of_find_global_dsq; do
		tree=$(sapling "$source")
		"change_$change" "$tree"
		! cmp -s "$tree/$ext" "${pristine_tree[$source]}/$ext" || {
			result 1 "$source: $change changes something"
			continue
		}
		IFS='|' read -r patch hunk expected found <<<"$(verdict "$change" "$source")"
		case $patch in
		applies)
			check "$source: $change: applies" says 'would apply\.$' verify "$tree" ;;
		offset)
			check "$source: $change: applies with an offset" applies_with_offset "$tree" ;;
		unknown)
			check "$source: $change: is another layout" refuses "$tree" \
				"global_dsq is $now, and not '" \
				verify "$tree" ;;
		*)
			check "$source: $change: verify shows both sides of hunk $hunk of $patch" \
				shows_both_sides "$tree" "$patch" "$hunk" "$expected" "$found"
			[ "$change" != renamed_local ] || check "$source: $change: apply refuses" \
				refuses "$tree" "$(fails "$patch" "$hunk").*; 'make verify KSRC=$tree' shows both sides" \
				apply "$tree" ;;
		esac
		rm -rf "$tree"
	done
done

# What follows from a hunk that does not fit, and what has reasons of its own.
ext=$(ext_of 6.18)
tree=$(sapling 6.18)
in_function ops_dequeue 's/SCX_HAS_OP(sch, dequeue)/& \&\& vendor()/' "$tree/$ext"
sed -i 's/SCX_DEQ_CORE_SCHED_EXEC.*,/& \/* vendor *\//' "$tree/kernel/sched/ext_internal.h"
verify "$tree" >"$tmp/out" 2>/dev/null
check "verify: a later hunk that follows from an earlier one" grep -qE \
	"^0006-.*: hunk 3 of $ext, which follows from hunk 3 of 0002-" "$tmp/out"
check "verify: a later hunk that does not" grep -qE \
	'^0007-.*: hunk 1 of kernel/sched/ext_internal\.h$' "$tmp/out"
check "verify: and no other" [ "$(sed '1,/^Patches after that/d' "$tmp/out" | wc -l)" -eq 2 ]
rm -rf "$tree"

# Lines that an earlier patch has added have no number in the tree.
tree=$(sapling 6.12)
change_renamed_local "$tree"
verify "$tree" >"$tmp/out" 2>/dev/null
check "verify: what an earlier patch added is new" grep -qE \
	'^ +[0-9]+ +new  		if \(scx_has_dequeue\(p\)\)$' "$tmp/out"
rm -rf "$tree"

# Documentation and tools keep nobody from the kernel's part.
tree=$(sapling 6.18)
rm "$tree/Documentation/scheduler/sched-ext.rst"
sed -i '/SCX_ENUM/d; /__COMPAT_/d' "$tree"/tools/sched_ext/include/scx/*.h
before=$(snapshot "$tree")
reason='left out, since it changes no code of the kernel\.$'
for verb in verify apply; do
	"$verb" "$tree" >"$tmp/out" 2>&1
	check "$verb: documentation that is missing is left out" grep -qE \
		"^0008-.*: Documentation/scheduler/sched-ext\.rst is missing; it is $reason" "$tmp/out"
	check "$verb: tools that do not fit are left out" grep -qE \
		"^0009-.*: hunk [0-9]+ of tools/sched_ext/.* fails near line [0-9]+; it is $reason" "$tmp/out"
	check "$verb: and the other 13 patches are applied" grep -qE '\b13 patches' "$tmp/out"
	[ "$verb" = apply ] || check "verify --json: names both" [ "$(verify --json "$tree" |
		perl -MJSON::PP -e 'local $/; print scalar(@{decode_json(<STDIN>)->{left_out}})')" = 2 ]
done
check "apply: what was left out is not in the tree's series" \
	[ "$(grep -c '\.patch$' "$tree/.scx-custody/series")" -eq 13 ]
check "apply: without documentation and tools, the tree is applied" \
	says '^feature: applied by this kit$' detect "$tree"
unapply "$tree" >/dev/null
check "unapply: restores every byte" as_before "$before" snapshot "$tree"
rm -rf "$tree"

done_testing
