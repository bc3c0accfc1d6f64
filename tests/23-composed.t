#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Trees whose answers no line has together. Each is a line's tree in which one thing is
# as in another line; its patched source must be the line's patched source, but for that.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"
# shellcheck source-path=SCRIPTDIR source=drifts.sh
. "$root/tests/drifts.sh"

# patched_as LINE TREE: is its sched_ext that of the line's patched tree, blanks and
# the comment about the shim apart?
patched_as() {
	local twin file

	twin=$(sapling "$1")
	apply "$twin" >/dev/null || return
	for file in ext.c ext_internal.h ext_custody.h; do
		diff -bB "$twin/kernel/sched/$file" "$2/kernel/sched/$file" || return
	done
	rm -rf "$twin"
}

for mix in 6.18:noted_as_6_16 6.17:flags_in_ext_c 6.17:requeued_by_guard; do
	line=${mix%:*} mix=${mix#*:}
	ext=$(ext_of "$line")
	tree=$(sapling "$line")
	"change_$mix" "$tree"
	before=$(snapshot "$tree")
	check "$line, $mix: is no line's" says '^layout: mixed$' detect "$tree"
	check "$line, $mix: and nearest to its own" says "^line: $line\$" detect "$tree"
	check "$line, $mix: has no folder of patches" \
		refuses "$tree" 'is composed where it is applied' detect --patches "$tree"
	check "$line, $mix: the series that is composed fits" says '15 patches' verify "$tree"
	check "$line, $mix: and is applied" says "layout 'mixed'.* applied" apply "$tree"
	check "$line, $mix: detect sees that the kit did it" \
		says '^feature: applied by this kit$' detect "$tree"
	cp -a "$tree" "$tree.unmixed"
	"undo_$mix" "$tree.unmixed"
	check "$line, $mix: and arrives at the patched source of $line" \
		patched_as "$line" "$tree.unmixed"
	check "$line, $mix: comes off again" says 'are taken out' unapply "$tree"
	check "$line, $mix: and every byte is back" as_before "$before" snapshot "$tree"
	rm -rf "$tree" "$tree.unmixed"
done

# All that is not known is named, not only the first of it.
tree=$(sapling 6.18)
sed -i 's/find_global_dsq(struct scx_sched \*sch,/find_global_dsq(int node,/' "$tree/kernel/sched/ext.c"
sed -i 's/^static struct scx_dsp_ctx __percpu/static struct scx_dsp_ctx/' "$tree/kernel/sched/ext.c"
for answer in global_dsq dispatch_ctx; do
	check "all that is not known is named: $answer" refuses "$tree" \
		"does not know: .*$answer is '[^']*' \(.*\), and not '" verify "$tree"
done
rm -rf "$tree"

done_testing
