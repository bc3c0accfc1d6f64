#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# detect, verify, apply and unapply on every line: apply does what plain quilt does,
# and unapply restores every byte, mode and owner.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# patched_files DIRECTORY: a snapshot without what apply adds at the top.
patched_files() {
	snapshot "$1" | grep -Ev ' \./\.(pc|scx-custody)(/| |$)|:[0-9]+ \. ->'
}

# applied_files DIRECTORY: a snapshot without the list that quilt writes anew each time.
applied_files() {
	snapshot "$1" | grep -v '/applied-patches$'
}

quilt_goes_back_and_forth() {
	local pristine=$2 applied

	applied=$(applied_files "$1")
	(cd "$1" && quilt pop -a) && as_before "$pristine" patched_files "$1" &&
		(cd "$1" && quilt push -a) && as_before "$applied" applied_files "$1"
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
	check "$source: detect tells that the feature is $feature" \
		says "^feature: $feature\$" detect "$tree"
	check "$source: detect tells what it rests on" \
		says '^ops: .*\(kernel/sched/ext[a-z_/]*\.[ch]:[0-9]+: ' detect "$tree"
	check "$source: verify says that it applies" \
		says "\($series patches.*would apply\.\$" verify "$tree"
	check "$source: detect and verify change nothing" as_before "$pristine" snapshot "$tree"
	check "$source: unapply of a pristine tree is refused" \
		refuses "$tree" 'has none of this kit.s patches|but not from apply' unapply "$tree"

	check "$source: apply" says "$series patches .* are applied to" apply "$tree"
	check "$source: apply leaves no temporary file" nothing_left_in_tmpdir
	check "$source: the feature is defined" feature_is_defined "$tree"
	check "$source: detect sees that the kit did it" \
		says '^feature: applied by this kit$' detect "$tree"
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

done_testing
