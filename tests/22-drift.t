#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What detect and verify say of trees that are not quite those which the kit was
# made on: with another version in the Makefile, patched by hand or with a hazard
# in them, or changed as vendors change them.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# recognised TREE: LAYOUT|LINE|FEATURE|OPEN HAZARDS, from the JSON, which must be
# what the text says.
recognised() {
	detect --json "$1" >"$tmp/json" && detect "$1" >"$tmp/text" &&
		perl -MJSON::PP -e '
			local $/;
			open(my $file, "<", $ARGV[0]) or die;
			my $told = decode_json(<$file>);
			open($file, "<", $ARGV[1]) or die;
			my $text = <$file>;

			die "keys: @{[sort keys %$told]}\n" unless "@{[sort keys %$told]}" eq
				"because feature layout line open_hazards probes tree";
			my $expected = sprintf "layout: %s\nline: %s\nfeature: %s\nbecause: %s\n",
				$told->{layout} // "unknown", $told->{line} // "none", @$told{qw(feature because)};
			die "text differs\n" unless index($text, $expected) == 0;
			for (keys %{$told->{probes}}) {
				my $probe = $told->{probes}{$_};

				s/_/ / if /^(?:hazard|fix)_/;
				die "$_ differs\n" unless index($text,
					"\n$_: $probe->{answer} ($probe->{evidence})\n") > 0;
			}
			for (@{$told->{open_hazards}}) {
				my $probe = $told->{probes}{"hazard_$_->{hazard}"};

				die "hazard $_->{hazard}\n" unless $probe->{answer} eq "open" &&
					$probe->{evidence} eq $_->{because} &&
					$_->{because} =~ /^kernel\/sched\/ext[\w\/]*\.[ch]:\d+: \w+/;
			}
			print join("|", $told->{layout} // "", $told->{line} // "", $told->{feature},
				join(",", map { $_->{hazard} } @{$told->{open_hazards}})), "\n";' \
			"$tmp/json" "$tmp/text"
}

# is TREE ANSWER: is it recognised as that?
is() {
	as_before "$2" recognised "$1"
}

# claim_version TREE VERSION: in its Makefile.
claim_version() {
	sed -i "s/^VERSION = .*/VERSION = ${2%.*}/; s/^PATCHLEVEL = .*/PATCHLEVEL = ${2#*.}/" "$1/Makefile"
	grep -q "^PATCHLEVEL = ${2#*.}\$" "$1/Makefile"
}

# by_hand TREE LINE: the series, without a trace of it.
by_hand() {
	local name

	for name in $(detect --patches "$1"); do
		patch -s -d "$1" -p1 --fuzz=0 --no-backup-if-mismatch <"$name" || return
	done
}

# --- recognition ------------------------------------------------------------------

for source in "${source_names[@]}"; do
	answer=${is[$source]}
	IFS='|' read -r layout line _ <<<"$answer"
	open=${open_in[$source]:-}
	tree=$(sapling "$source")

	check "$source: is recognised" is "$tree" "$answer|$open"
	claim_version "$tree" 6.1
	check "$source: whose Makefile says 6.1" is "$tree" "$answer|$open"
	claim_version "$tree" 7.4
	# what no patch cares for
	sed -i -E 's/\bs32 cpu\b/s32 on_cpu/; s/\blocked_rq\b/the_rq/g; s/^static (s32|u64|bool) /&__cold /' \
		"$tree/$(ext_of "$source")"
	check "$source: whose Makefile says 7.4, with other names for parameters" is "$tree" "$answer|$open"
	rm -rf "$tree"

	tree=$(sapling "$source")
	check "$source: is patched by hand" by_hand "$tree" "$line"
	check "$source: then, it is complete" is "$tree" "$layout|$line|complete|"
	check "$source: and all hazards that are looked for are closed" \
		as_before "$(printf 'hazard %s closed\n' 1 4 5 {7..15} | paste -sd ' ')" \
		eval "sed -nE 's/^(hazard [0-9]+): ([^(]*) \(.*/\1 \2/p' '$tmp/text' | paste -sd ' '"
	for mark in SCX_TASK_IN_CUSTODY SCX_DEQ_SCHED_CHANGE; do
		half=$(mktemp -d "$tmp/half.XXXX")
		cp -a "$tree/." "$half"
		grep -rlE "^\s*$mark\s*=" "$half/include/linux/sched/ext.h" "$half"/kernel/sched/ext* |
			xargs sed -i -E "/^\s*$mark\s*=/d"
		check "$source: without $mark it is half applied" is "$half" "$layout|$line|half applied|"
		rm -rf "$half"
	done
	rm -rf "$tree"
done

# An older kernel with a newer sched_ext, and the other way round.
for pair in 6.12:6.18 7.1:6.17 7.2:6.17 6.18:7.2; do
	tree=$(sapling "${pair%:*}")
	newer=$(sapling "${pair#*:}")
	rm -rf "$tree"/kernel/sched/ext* "$tree/include/linux/sched/ext.h"
	cp -a "$newer"/kernel/sched/ext* "$tree/kernel/sched/"
	cp -a "$newer/include/linux/sched/ext.h" "$tree/include/linux/sched/"
	check "${pair%:*} with the sched_ext of ${pair#*:}" is "$tree" \
		"${is[${pair#*:}]}|${open_in[${pair#*:}]:-}"
	rm -rf "$tree" "$newer"
done

# goes_in TREE MUTATION: put it into a patched tree: its diff, or that a fix is not there.
goes_in() {
	local without options=(-s -d "$1" -p1 --fuzz=0 --no-backup-if-mismatch)

	without=$(sed -n '/^--- /q; s/^Without: *//p' "$2")
	if [ -n "$without" ]; then
		patch "${options[@]}" --reverse -i "$(ls "$root"/patches/6.18/*-fix-"$without".patch)"
	else
		patch "${options[@]}" -i "$2"
	fi
}

# Which hazards a mutation puts back that shows in the source.
patched=$(sapling 6.18)
by_hand "$patched" 6.18
for mutation in "$root"/tests/mutations/*.patch; do
	# Those of other lines put back what is here, too.
	! grep -q '^Line: ' "$mutation" || continue
	name=$(basename "$mutation" .patch)
	hazard=${name%%-*}
	hazard=${hazard#h}
	tree=$(mktemp -d "$tmp/mutant.XXXX")
	cp -a "$patched/." "$tree"
	check "$name: goes in" goes_in "$tree" "$mutation"
	case $name in
	h[236]-* | h7-flag-lost-* | h15-*)
		check "$name: does not show in the source" is "$tree" 'instance-dsqs|6.18|complete|' ;;
	*)
		check "$name: hazard $hazard is open" is "$tree" "instance-dsqs|6.18|incomplete|$hazard"
		check "$name: apply has nothing for it" refuses "$tree" \
			"has the feature already, with hazards? $hazard .* open \(kernel/sched/ext.*for trees without it" apply "$tree" ;;
	esac
	rm -rf "$tree"
done
rm -rf "$patched"

# The corrections to 7.1 are of no use without the feature.
tree=$(sapling 7.1)
sed -i -E '/^\s*(SCX_TASK_IN_CUSTODY|SCX_DEQ_SCHED_CHANGE)\s*=/d' "$tree/include/linux/sched/ext.h" "$tree"/kernel/sched/ext*.[ch]
check "7.1 without the feature" is "$tree" 'sub-scheds|7.1|absent|'
check "apply: 7.1 without the feature" refuses "$tree" 'does not have the feature, .*only corrects' apply "$tree"
rm -rf "$tree"

# --- what must be escaped in JSON ----------------------------------------------------

odd=$tmp/$'a "tree"\\\twith\n\x01 \xc3\xa9'
tree=$(sapling 6.18)
mv "$tree" "$odd"
tree_of() {
	"$@" | perl -MJSON::PP -e 'local $/; print decode_json(<STDIN>)->{tree}' | LC_ALL=C od -c
}
for verb in detect verify; do
	check "$verb: a tree whose name must be escaped" diff <(perl -e '
		utf8::decode($ARGV[0]); print $ARGV[0]' "$odd" | LC_ALL=C od -c) <(tree_of "$verb" --json "$odd")
done
rm -rf "$odd"

# --- drift ------------------------------------------------------------------------
# A change is a function change_NAME TREE. Each must change something.

# In $ext, the source's file.

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

applies_with_offset() {
	verify "$1" | awk '
		/patch: hunk [0-9]+ of kernel\/sched\/(ext\/)?ext\.c fits at line [0-9]+, offset -?[0-9]+ lines?$/ { offset = 1 }
		{ print }
		END { exit !(offset && /would apply\.$/) }'
}

# shows_both_sides TREE PATCH HUNK EXPECTED FOUND: verify refuses, naming just this
# hunk first, shows a line that the patch expects (if EXPECTED is one) and one that
# the tree has, with its number there, and tells the same in JSON. Nothing changes.
shows_both_sides() {
	local tree=$1 patch=$2 hunk=$3 expected=$4 found=$5 before numbers

	before=$(snapshot "$tree")
	! TMPDIR=$verb_tmp verify "$tree" >"$tmp/out" 2>"$tmp/err" &&
		! TMPDIR=$verb_tmp verify --json "$tree" >"$tmp/json" 2>"$tmp/err.json" || return
	cat "$tmp/out" "$tmp/err"
	as_before "$before" snapshot "$tree" && nothing_left_in_tmpdir || return
	if ! cmp "$tmp/err" "$tmp/err.json" || [ "$(wc -l <"$tmp/err")" -ne 1 ] ||
		! grep -qE "^verify: .* does not fit $tree: ${patch}[^:]*: hunk $hunk of $ext fails near line [0-9]+[^:]*\.\$" "$tmp/err"; then
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
	numbers=$(grep -nxF -- "$found" "$tree/$ext" | cut -d: -f1 | paste -sd '|')
	grep -E "^\+ +($numbers)  " "$tmp/out" | grep -qF -- "$found" || {
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
		"$patch" "$hunk" "$expected" "$found" "$numbers" <"$tmp/json" || {
		echo "JSON tells something else:"
		cat "$tmp/json"
		return 1
	}
}

# What is to be said of which change to which source: applies, offset (which other
# hunks may have as well), unknown, or PATCH|HUNK and both sides.
opss='	unsigned long opss;|	unsigned long state;'
cmpxchg='		if (atomic_long_try_cmpxchg(&p->scx.ops_state, &opss,|		if (atomic_long_try_cmpxchg(&p->scx.ops_state, &state,'
definition='static void ops_dequeue(struct rq *rq, struct task_struct *p, u64 deq_flags)'
definition="$definition|${definition/(/(void *vendor, }"
verdict() {
	case $1:${is[$2]} in
	counter_at_the_top:*incomplete) echo offset ;;
	counter_at_the_top:*) echo '0003|1||	this_cpu_inc(vendor_enqueues);' ;;
	counter_at_the_end:*) echo offset ;;
	renamed_local:*incomplete) echo applies ;;
	renamed_local:global-ops*) echo "0002|2|$cmpxchg" ;;
	renamed_local:*) echo "0002|2|$opss" ;;
	moved_helper:*) echo offset ;;
	argument_of_dispatch_enqueue:global-ops*)
		echo '0013|1|		dispatch_enqueue(find_global_dsq(p), p,|		dispatch_enqueue(NULL, find_global_dsq(p), p,' ;;
	argument_of_dispatch_enqueue:'sched-instance|'*)
		echo '0013|1|		dispatch_enqueue(sch, find_global_dsq(p), p,|		dispatch_enqueue(NULL, sch, find_global_dsq(p), p,' ;;
	argument_of_dispatch_enqueue:*absent)
		echo '0013|1|		dispatch_enqueue(sch, find_global_dsq(sch, p), p,|		dispatch_enqueue(NULL, sch, find_global_dsq(sch, p), p,' ;;
	argument_of_dispatch_enqueue:'sub-scheds|'*)
		echo '0004|3|		dispatch_enqueue(sch, rq, find_global_dsq(sch, task_cpu(p)), p,|		dispatch_enqueue(NULL, sch, rq, find_global_dsq(sch, task_cpu(p)), p,' ;;
	argument_of_dispatch_enqueue:*) echo applies ;;
	argument_of_ops_dequeue:*incomplete) echo applies ;;
	argument_of_ops_dequeue:global-ops*)
		echo '0007|2|	ops_dequeue(p, deq_flags);|	ops_dequeue(NULL, p, deq_flags);' ;;
	argument_of_ops_dequeue:*) echo "0002|2|$definition" ;;
	argument_of_find_global_dsq:*) echo unknown ;;
	esac
}

for source in "${source_names[@]}"; do
	ext=$(ext_of "$source")
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
				"nearest is .*, where global_dsq is '(struct scx_sched \*, )?[^,']*', but here it is 'void \*, .*$ext:[0-9]+: find_global_dsq\(\)" \
				verify "$tree" ;;
		*)
			check "$source: $change: verify shows both sides of hunk $hunk of $patch" \
				shows_both_sides "$tree" "$patch" "$hunk" "$expected" "$found"
			[ "$change" != renamed_local ] || check "$source: $change: apply refuses" refuses "$tree" \
				"${patch}[^:]*: hunk $hunk of $ext fails near line [0-9]+.*; 'make verify KSRC=$tree' shows both sides" \
				apply "$tree" ;;
		esac
		rm -rf "$tree"
	done
done

# What follows from a hunk that does not fit, and what has reasons of its own.
ext=$(ext_of 6.18)
tree=$(sapling 6.18)
change_renamed_local "$tree"
sed -i 's/^enum scx_pick_idle_cpu_flags {/enum vendor { VENDOR };\n\n&/' "$tree/kernel/sched/ext_internal.h"
verify "$tree" >"$tmp/out" 2>/dev/null
check "verify: a later hunk that follows from an earlier one" grep -qE \
	"^0006-.*: hunk 3 of $ext, which follows from hunk 3 of 0002-" "$tmp/out"
check "verify: a later hunk that does not" grep -qE \
	'^0007-.*: hunk 1 of kernel/sched/ext_internal\.h$' "$tmp/out"
check "verify: and no other" [ "$(sed '1,/^Patches after that/d' "$tmp/out" | wc -l)" -eq 2 ]
rm -rf "$tree"

# Lines that an earlier patch has added have no number in the tree.
tree=$(sapling 6.12)
in_function dequeue_task_scx 's/ops_dequeue(p, deq_flags);/& vendor();/' "$tree/$ext"
verify "$tree" >"$tmp/out" 2>/dev/null
check "verify: what an earlier patch added is new" grep -qE \
	'^ +[0-9]+ +new  	scx_custody_end_on_dequeue\(p, deq_flags\);' "$tmp/out"
rm -rf "$tree"

# Documentation and tools keep nobody from the kernel's part.
tree=$(sapling 6.18)
rm "$tree/Documentation/scheduler/sched-ext.rst"
sed -i '/SCX_ENUM/d; /__COMPAT_/d' "$tree"/tools/sched_ext/include/scx/*.h
before=$(snapshot "$tree")
left_out='left out, since it changes no code of the kernel\.$'
for verb in verify apply; do
	"$verb" "$tree" >"$tmp/out" 2>&1
	check "$verb: documentation that is missing is left out" grep -qE \
		"^0008-.*: Documentation/scheduler/sched-ext\.rst is missing; it is $left_out" "$tmp/out"
	check "$verb: tools that do not fit are left out" grep -qE \
		"^0009-.*: hunk [0-9]+ of tools/sched_ext/.* fails near line [0-9]+; it is $left_out" "$tmp/out"
	check "$verb: and the other 12 patches are applied" grep -qE ' 12 patches' "$tmp/out"
	[ "$verb" = apply ] || check "verify --json: names both" [ "$(verify --json "$tree" |
		perl -MJSON::PP -e 'local $/; print scalar(@{decode_json(<STDIN>)->{left_out}})')" = 2 ]
done
check "apply: what was left out is not in the tree's series" \
	[ "$(grep -c '\.patch$' "$tree/.scx-custody/series")" -eq 12 ]
check "apply: without documentation and tools, the tree is applied" \
	says '^feature: applied by this kit$' detect "$tree"
unapply "$tree" >/dev/null
check "unapply: restores every byte" as_before "$before" snapshot "$tree"
rm -rf "$tree"

done_testing
