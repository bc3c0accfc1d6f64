#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# detect tells what a tree is by its code: with another version in the Makefile, patched
# by hand or with a hazard put back. What it says as JSON is what it says as text.

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

# The hazards that are open in the sources which have the feature.
declare -A open_in=([7.1]='4,5,8,10,11,12,14' [7.2]='4,5,8,10,11,14')

for source in "${source_names[@]}"; do
	answer=${is[$source]}
	IFS='|' read -r layout line _ <<<"$answer"
	open=${open_in[$source]:-}
	tree=$(sapling "$source")

	check "$source: is recognised" as_before "$answer|$open" recognised "$tree"
	claim_version "$tree" 6.1
	check "$source: whose Makefile says 6.1" as_before "$answer|$open" recognised "$tree"
	claim_version "$tree" 7.4
	# what no patch cares for
	sed -i -E 's/\bs32 cpu\b/s32 on_cpu/; s/\blocked_rq\b/the_rq/g
		s/^static (s32|u64|bool) /&__cold /' "$tree/$(ext_of "$source")"
	check "$source: whose Makefile says 7.4, with other names for parameters" \
		as_before "$answer|$open" recognised "$tree"
	rm -rf "$tree"

	tree=$(sapling "$source")
	check "$source: is patched by hand" by_hand "$tree" "$line"
	# With its fix own-rq, this tree answers as no line does.
	[ "$source" != 6.12-early ] || layout='' line=''
	check "$source: then, it is complete" as_before "$layout|$line|complete|" recognised "$tree"
	check "$source: and all hazards that are looked for are closed" \
		as_before "$(printf 'hazard %s closed\n' 1 4 5 {7..15} | paste -sd ' ')" \
		eval "sed -nE 's/^(hazard [0-9]+): ([^(]*) \(.*/\1 \2/p' '$tmp/text' | paste -sd ' '"
	for mark in SCX_TASK_IN_CUSTODY SCX_DEQ_SCHED_CHANGE; do
		half=$(copy_of "$tree")
		grep -rlE "^\s*$mark\s*=" "$half/include/linux/sched/ext.h" "$half"/kernel/sched/ext* |
			xargs sed -i -E "/^\s*$mark\s*=/d"
		check "$source: without $mark it is half applied" \
			as_before "$layout|$line|half applied|" recognised "$half"
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
	check "${pair%:*} with the sched_ext of ${pair#*:}" \
		as_before "${is[${pair#*:}]}|${open_in[${pair#*:}]:-}" recognised "$tree"
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
	tree=$(copy_of "$patched")
	check "$name: goes in" goes_in "$tree" "$mutation"
	case $name in
	h[236]-* | h7-flag-lost-* | h15-*)
		check "$name: does not show in the source" \
			as_before 'instance-dsqs|6.18|complete|' recognised "$tree" ;;
	*)
		check "$name: hazard $hazard is open" \
			as_before "instance-dsqs|6.18|incomplete|$hazard" recognised "$tree"
		check "$name: apply has nothing for it" refuses "$tree" \
			"already, with hazards? $hazard .* open \(kernel/sched/ext.*for trees without it" \
			apply "$tree" ;;
	esac
	rm -rf "$tree"
done
rm -rf "$patched"

# The corrections to 7.1 are of no use without the feature.
tree=$(sapling 7.1)
sed -i -E '/^\s*(SCX_TASK_IN_CUSTODY|SCX_DEQ_SCHED_CHANGE)\s*=/d' \
	"$tree/include/linux/sched/ext.h" "$tree"/kernel/sched/ext*.[ch]
check "7.1 without the feature" as_before 'sub-scheds|7.1|absent|' recognised "$tree"
check "apply: 7.1 without the feature" \
	refuses "$tree" 'does not have the feature, .*only corrects' apply "$tree"
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

done_testing
