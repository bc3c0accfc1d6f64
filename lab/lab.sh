# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the lab's programs share. They source it first, in place of base.sh, which it
# brings along.

# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/.. source=../command/lib/base.sh
. "$(dirname "${BASH_SOURCE[0]}")/../command/lib/base.sh"

# The line whose source has the libbpf and bpftool that programs are built with.
# shellcheck disable=SC2034
libbpf_line=6.18

# The options of a kernel that is for lab/vm/run and the selftests alone.
# shellcheck disable=SC2034
small_config=("$root/lab/kernels/vm.config" "$root/lab/kernels/boot.config")

# sources KIND: what lab/kernels/sources.tsv has of these, a regular expression.
sources() {
	awk -F '\t' -v kind="^($1)\$" '!/^#/ && $2 ~ kind { print $1 }' \
		"$root/lab/kernels/sources.tsv"
}

# source_column NAME COLUMN: what lab/kernels/sources.tsv has of it there.
source_column() {
	awk -F '\t' -v name="$1" -v column="$2" '
		sub(/^# line\t/, "line\t") {
			for (i = 1; i <= NF; i++)
				at[$i] = i
		}
		$1 == name { print $at[column] }' "$root/lab/kernels/sources.tsv"
}

# is_source_tree LINE: is there a whole tree of it to build?
is_source_tree() {
	sources 'tree|source' | grep -Fqx -- "$1"
}

# need_source_tree NAME: refuse anything but such a line and a directory.
need_source_tree() {
	is_source_tree "$1" || [ -d "$1" ] ||
		usage_error "there is no whole source tree '$1', but: $(sources 'tree|source' | paste -sd ' ')"
}

# is_count TEXT: is it a decimal number above zero?
is_count() {
	[[ $1 =~ ^[1-9][0-9]{0,8}$ ]]
}

# boot_selftests DIR IMAGE TEXT [OPTION]...: boot a kernel and run all selftests in
# it, with the options, and say how it ended under the name TEXT. What came of it
# is in DIR. Returns lab/vm/run's status.
boot_selftests() {
	local logs=$1 image=$2 text=$3 status=0

	shift 3
	spawn "$root/lab/run-selftests" "$image" "$logs" -- "$@"
	wait $! || status=$?
	say "$text: $(cat "$logs/outcome" 2>/dev/null || echo harness)"
	return "$status"
}

# tests_done DIR: how far the selftests are whose output is kept there; for await.
tests_done() {
	[ ! -f "$1/output.log" ] ||
		printf '(%s tests done)' "$(grep -cE '^(not )?ok ' "$1/output.log")"
}
