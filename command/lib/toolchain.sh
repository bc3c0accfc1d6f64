# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # base.sh sets root and cache, the caller reads unfit
#
# What a kernel tree needs of the tools that it is built with, beyond what its
# own configuration checks; sourced after base.sh.
#
# From 7.0 on, kfuncs can have arguments that the verifier supplies. Their types
# in vmlinux must be without those, or no BPF program that calls them loads
# ("func_proto incompatible with vmlinux"), and the build says nothing. The
# tree's resolve_btfids takes them out, of the functions that pahole has marked
# as kfuncs in the BTF. pahole 1.24 marks none. 1.30 leaves out some of those
# that the compiler has split, into NAME and NAME.cold: which, is chance.

# relies_on_marks TREE: does it need pahole to mark all kfuncs?
relies_on_marks() {
	grep -qsw KF_IMPLICIT_ARGS "$1/include/linux/btf.h" &&
		grep -qsF '"bpf_kfunc"' "$1/tools/bpf/resolve_btfids/main.c"
}

# marks_kfuncs [COMMAND...]: does pahole, run by COMMAND..., mark all kfuncs, so
# that its BTF is the same whether they are split or not?
marks_kfuncs() {
	local dir='' status=0

	# Where a COMMAND with another root sees it.
	mkdir -p "$cache"
	TMPDIR=$cache scratch dir
	cp "$root/command/lib/kfuncs.c" "$dir"
	# shellcheck disable=SC2016 # for the inner shell
	spawn "$@" sh -euc '
		cd "$1"
		for how in WHOLE SPLIT; do
			${CROSS_COMPILE:-}gcc -g -O2 -D$how -nostdlib -static -Wl,-e,kfunc1 -o program kfuncs.c
			pahole -J --btf_features=decl_tag,decl_tag_kfuncs,consistent_func,optimized_func \
				--btf_encode_detached=$how program || : >$how
		done >log 2>&1
		grep -q bpf_kfunc WHOLE && cmp -s WHOLE SPLIT' sh "$dir"
	wait $! || status=$?
	rm -rf "$dir"
	return "$status"
}

# find_unfit TREE [COMMAND...]: set unfit to what speaks against building it with
# the tools that COMMAND... runs, the machine's own by default, or to nothing.
find_unfit() {
	local tree=$1 version=''

	shift
	unfit=''
	if relies_on_marks "$tree" && ! marks_kfuncs "$@"; then
		capture version "$@" pahole --version
		unfit="pahole $version does not mark all kfuncs in the BTF, which $tree needs for BPF schedulers to load (pahole v1.32 does)"
	fi
}
