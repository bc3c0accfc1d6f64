#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The types that a kernel shows to BPF schedulers. Needs the network.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp='' image=''
scratch tmp

# said STATUS REGEX COMMAND...: it ends so, and one line of what it says matches.
said() {
	local expected=$1 line=$2 output status=0

	shift 2
	output=$("$@" 2>&1) || status=$?
	echo "exit status $status: $output"
	[ "$status" -eq "$expected" ] && grep -Eqx -- "$line" <<<"$output"
}

# --- check-btf ------------------------------------------------------------------

check_btf=$root/scripts/check-btf
check "bpftool builds" "$root/scripts/build-program" bpftool

# stock NAME STATUS KFUNCS ENUMERATORS [OPTION]: what is said of a stock kernel.
stock() {
	check "$1: can be had" "$root/scripts/fetch" "$1" || return
	capture image "$root/scripts/fetch" "$1"
	check "$1: kfuncs loadable: ${3:0:3}" \
		said "$2" "kfuncs loadable: $3" "$check_btf" "$image/vmlinux.btf"
	check "$1: enumerators: $4" \
		said "$2" "enumerators: $4" "$check_btf" "$image/vmlinux.btf"
}

stock stock-6.18.15 0 'yes .*' none
check "stock-6.18.15: is not taken for a patched one" \
	said 1 'enumerators: none' "$check_btf" --patched "$image/vmlinux.btf"
stock stock-7.1.13 1 'no .* of .* scx_bpf_create_dsq .*' both
stock stock-7.2.13 0 'yes .*' both
stock stock-7.3.4 0 'yes .*' both
check "stock-7.3.4: has what a patched one must have" \
	"$check_btf" --patched "$image/vmlinux.btf"

check "a file without BTF is refused" \
	said 1 'check-btf: .* has no BTF that can be read: .*' "$check_btf" "$root/README.md"
check "no file is refused" said 2 'check-btf: there is no file .*' "$check_btf" "$tmp/none"

done_testing
