#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# detect, verify, apply, unapply and port refuse what is no tree for them, and say what is
# in the way. A refusal is one sentence, and changes nothing.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# port takes its tree by name, and a place for the series.
port_to_out() { port OUT="$tmp/out" "${@/#/KSRC=}"; }

# --- what is not a tree for it ---------------------------------------------------

tree=$(sapling 6.18)
mkdir "$tmp/empty"
touch "$tmp/file"
for verb in detect verify apply unapply port_to_out; do
	check "$verb: no tree" refuses "$tree" 'no kernel tree is given; .*KSRC=' "$verb"
	check "$verb: an empty name" refuses "$tree" 'no kernel tree is given' "$verb" ''
	[ "$verb" = port_to_out ] || check "$verb: two trees" \
		refuses "$tree" 'one directory is enough' "$verb" "$tree" "$tree"
	check "$verb: no such directory" refuses "$tree" "$tmp/none does not exist" "$verb" "$tmp/none"
	check "$verb: a file" refuses "$tree" 'is not a directory' "$verb" "$tmp/file"
	check "$verb: an empty directory" \
		refuses "$tmp/empty" 'is not a Linux source tree: .*Makefile' "$verb" "$tmp/empty"
done

mv "$tree/kernel/sched/core.c" "$tmp/core.c"
for verb in detect verify apply unapply port_to_out; do
	check "$verb: a tree of headers only" \
		refuses "$tree" 'is not a Linux source tree: .*kernel/sched/core\.c' "$verb" "$tree"
done
mv "$tmp/core.c" "$tree/kernel/sched/core.c"

rm -r "$tree/include/linux/sched/ext.h" "$tree"/kernel/sched/ext*
for verb in detect verify apply unapply port_to_out; do
	check "$verb: a tree without sched_ext" refuses "$tree" 'has no sched_ext' "$verb" "$tree"
done
rm -rf "$tree"

# As if it were a native tree: both enumerators, nothing of the kit, in a known
# layout or not. sched_ext's own faults are those of 6.18.
tree=$(sapling 6.18)
sed -i 's/^\(\s*\)SCX_TASK_QUEUED\s.*/&\n\1SCX_TASK_IN_CUSTODY = 1 << 1,/' \
	"$tree/include/linux/sched/ext.h"
for verb in verify apply unapply port_to_out; do
	check "$verb: only SCX_TASK_IN_CUSTODY" \
		refuses "$tree" 'half applied: it has SCX_TASK_IN_CUSTODY but not SCX_DEQ_SCHED_CHANGE' \
		"$verb" "$tree"
done
check "detect: only SCX_TASK_IN_CUSTODY" says '^feature: half applied$' detect "$tree"
sed -i 's/^\(\s*\)SCX_DEQ_CORE_SCHED_EXEC\s.*/&\n\1SCX_DEQ_SCHED_CHANGE = 1LLU << 33,/' \
	"$tree/kernel/sched/ext_internal.h"
for verb in verify apply port_to_out; do
	check "$verb: the feature is native" \
		refuses "$tree" 'has the feature already, with hazards 10 11 12 13 .* is for trees without it' \
		"$verb" "$tree"
done
check "unapply: the feature is native" refuses "$tree" 'but not from apply' unapply "$tree"
check "detect: the feature is native" says '^feature: incomplete$' detect "$tree"
sed -i 's/scx_locked_rq_state/some_other_name/' "$tree"/kernel/sched/ext*.[ch]
check "detect: native in an unknown layout" says '^layout: unknown$' detect "$tree"
check "detect: native in an unknown layout is still incomplete" \
	says '^feature: incomplete$' detect "$tree"
check "apply: native in an unknown layout" refuses "$tree" \
	'has the feature already, with hazards 10 11 12 13 .*no corrections for: .*locked_rq is .none.' apply "$tree"
sed -i '/^\s*SCX_TASK_IN_CUSTODY = /d' "$tree/include/linux/sched/ext.h"
check "apply: only SCX_DEQ_SCHED_CHANGE" \
	refuses "$tree" 'half applied: it has SCX_DEQ_SCHED_CHANGE but not SCX_TASK_IN_CUSTODY' \
	apply "$tree"
rm -rf "$tree"

# A mention is not the feature.
tree=$(sapling 6.12)
sed -i '1i /* SCX_TASK_IN_CUSTODY = 1 and SCX_DEQ_SCHED_CHANGE = 1 came later */' \
	"$tree/include/linux/sched/ext.h" "$tree/kernel/sched/ext.c"
check "detect: enumerators in a comment do not count" says '^feature: absent$' detect "$tree"
# Nor does the version count.
sed -i 's/^VERSION = .*/VERSION = 7/; s/^PATCHLEVEL = .*/PATCHLEVEL = 4/' "$tree/Makefile"
check "detect: the Makefile's version does not count" says '^line: 6\.12$' detect "$tree"
rm -rf "$tree"

# The probes that layouts answer.
asked() {
	compgen -A function probe_ | sed 's/^probe_//' | grep -vE '^(fix_.*|fixes|hazards)$'
}

# unknown_layout SED WHERE: refused, once ext.c is changed, with what differs.
unknown_layout() {
	tree=$(sapling 6.18)
	sed -Ei "$1" "$tree/kernel/sched/ext.c"
	for verb in detect verify apply; do
		check "$verb: an unknown layout" refuses "$tree" \
			"does not know: $2" "$verb" "$tree"
	done
	rm -rf "$tree"
}
unknown_layout \
	's/^DEFINE_PER_CPU\(.*, scx_locked_rq_state\)/&[2]/; s/scx_locked_rq_state/scx_rq_note/' \
	'add-custody-helpers has no variant for .* with locked_rq .none. \(.*\) with op_call .sch, mask, '
types='struct scx_sched \*, struct task_struct \*'
unknown_layout \
	's/find_global_dsq\(struct scx_sched \*sch,/find_global_dsq(int drift, struct scx_sched *sch,/' \
	"global_dsq is .int, $types. \(.*ext\.c:[0-9]+: find_global_dsq\(\)\), and not .$types. or .struct task_struct \*."

# Every layout answers every probe, and nothing else.
layouts_and_probes_agree() {
	local layout

	for layout in "$root"/compat/layouts/*; do
		diff <({ printf '%s\n' line feature; asked; } | sort) \
			<(sed -n 's/=.*//; /^#/!p' "$layout" | sort) || return
	done
}
check "layouts and probes agree" layouts_and_probes_agree

# --- what is in the way ----------------------------------------------------------

tree=$(sapling 6.18)
gone=$(grep -hm1 '^-[^-]' "$root"/patches/6.18/0001-*)
grep -qxF -- "${gone:1}" "$tree/kernel/sched/ext.c" || exit
sed -i "s|^${gone:1}\$|& /* vendor */|" "$tree/kernel/sched/ext.c"
hunk='[0-9]{4}-[^ ]*\.patch: hunk [0-9]+ of kernel/sched/ext\.c'
check "apply: a hunk that does not fit is named" refuses "$tree" \
	"does not fit .*: $hunk fails near line [0-9]+; .make verify" apply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
patch -s -d "$tree" -p1 <"$root/patches/6.18/$(sed -n '/\.patch/{p;q}' "$root/patches/6.18/series")"
check "apply: the first patch is there without a record" \
	refuses "$tree" '0001-.* is in it already, and nothing tells why' apply "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
mv "$tree/kernel/sched/ext.c" "$tree/kernel/sched/real.c"
ln -s real.c "$tree/kernel/sched/ext.c"
for verb in verify apply; do
	check "$verb: a symbolic link" refuses "$tree" 'ext\.c is a symbolic link' "$verb" "$tree"
done
rm -rf "$tree"

tree=$(sapling 6.18)
mkdir "$tree/.pc"
echo debian/patches >"$tree/.pc/.quilt_patches"
for verb in verify apply; do
	check "$verb: Debian's quilt patches" refuses "$tree" \
		'quilt patches of its own \(\.pc, from debian/patches\).*make debian-source KSRC=' \
		"$verb" "$tree"
done
echo my-patches >"$tree/.pc/.quilt_patches"
for verb in verify apply; do
	check "$verb: quilt patches of its own" refuses "$tree" \
		'quilt patches of its own \(\.pc, from my-patches\).*quilt import.*patches/6\.18' \
		"$verb" "$tree"
done
check "unapply: quilt patches of its own" refuses "$tree" 'has none of' unapply "$tree"
check "detect: quilt patches of its own" says '^feature: absent$' detect "$tree"
rm -rf "$tree"

tree=$(sapling 6.18)
path_without "$tmp/bin" quilt
for verb in verify apply unapply; do
	check "$verb: quilt is missing" \
		refuses "$tree" 'quilt is not installed; run .make setup. as root' \
		env PATH="$tmp/bin" "$verbs/$verb" "$tree"
done

# --- port, and what it has written ------------------------------------------------

check "port: no place for the series" refuses "$tree" 'no folder to write is given; .*OUT=' port KSRC="$tree"
check "port: its place is a file" refuses "$tree" 'is not a folder; name another' \
	port KSRC="$tree" OUT="$tmp/file"
check "port: its place is not empty" refuses "$tree" 'is not empty; name another' \
	port KSRC="$tree" OUT="$tree"
check "port: no configuration" refuses "$tree" "there is no configuration '$tmp/none'" \
	port KSRC="$tree" OUT="$tmp/out" CONFIG="$tmp/none"
check "port: no argument" refuses "$tree" "'LINE=6.18' is not an argument" port LINE=6.18
check "apply: no series of port's" refuses "$tree" "has no file 'ported'" \
	apply --series "$root/patches/6.18" "$tree"
check "apply: doubts about what?" refuses "$tree" 'goes with --series' apply --with-doubts "$tree"

check "port: a tree that a series fits" says 'apply without fuzz' \
	port KSRC="$tree" OUT="$tmp/ported"
mv "$tmp/ported/0001-sched_ext-mark-internal-migrations.patch" "$tmp/0001"
check "apply: a patch is missing" refuses "$tree" '0001-.* is missing, which .*/series names' \
	apply --series "$tmp/ported" "$tree"
mv "$tmp/0001" "$tmp/ported/0001-sched_ext-mark-internal-migrations.patch"
echo >>"$tree/kernel/sched/ext.c"
check "apply: a tree that is not what it was then" \
	refuses "$tree" 'ext\.c in .* is not what it was when port wrote .*; run port again' \
	apply --series "$tmp/ported" "$tree"
apply "$tree" >/dev/null
check "port: the series is in it" refuses "$tree" 'patches already; .*unapply' port_to_out "$tree"
check "apply: the kit's series is in it" refuses "$tree" 'patches already; .*unapply' \
	apply --series "$tmp/ported" "$tree"

done_testing
