# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the lab's programs share. They source it first, in place of base.sh, which it
# brings along.

# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/.. source=../command/lib/base.sh
. "$(dirname "${BASH_SOURCE[0]}")/../command/lib/base.sh"
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/.. source=../lab/arch.sh
. "$root/lab/arch.sh"

# The line whose source has the libbpf and bpftool that programs are built with.
# shellcheck disable=SC2034
libbpf_line=6.18

# The options that lab/vm/run asks of a kernel, and those of a kernel that is for lab/vm/run
# and the selftests alone.
# shellcheck disable=SC2034
vm_config=("$root/lab/kernels/vm.config" "$arch_folder/vm.config")
# shellcheck disable=SC2034
small_config=("${vm_config[@]}" "$root/lab/kernels/boot.config" "$arch_folder/boot.config")

# The options of a kernel that is packaged and boots an installed system, or takes modules.
# shellcheck disable=SC2034
installed_config=("${small_config[@]}" "$root/lab/kernels/e2e.config")
[ ! -f "$arch_folder/e2e.config" ] || installed_config+=("$arch_folder/e2e.config")

# source_rows: the rows of lab/kernels/sources.tsv, without those of other architectures.
source_rows() {
	awk -F '\t' -v arch="$ARCH" '!/^#/ && ($9 == "" || $9 == arch)' \
		"$root/lab/kernels/sources.tsv"
}

# sources KIND: what the table has of these, a regular expression.
sources() {
	source_rows | awk -F '\t' -v kind="^($1)\$" '$2 ~ kind { print $1 }'
}

# source_column NAME COLUMN: what the table has of it there.
source_column() {
	{ grep -P '^# line\t' "$root/lab/kernels/sources.tsv"; source_rows; } |
		awk -F '\t' -v name="$1" -v column="$2" '
			sub(/^# line\t/, "line\t") {
				for (i = 1; i <= NF; i++)
					at[$i] = i
			}
			$1 == name { print $at[column] }'
}

# stock_release NAME: the release of a stock kernel, which Debian names the package after.
stock_release() {
	local package

	package=$(source_column "$1" package)
	echo "${package#linux-*-}"
}

# kit_files: the names of the kit's files, committed or not, each with a NUL after it. A tarball
# has no others, but for what is built in it.
kit_files() {
	if [ -e "$root/.git" ]; then
		git -C "$root" ls-files -z --cached --others --exclude-standard
	else
		find "$root" -name build -prune -o ! -type d -printf '%P\0'
	fi
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

# choose_compiler: set compiler to the C compiler for ARCH and its options; it, and
# pkg-config, then find the libraries of that architecture.
choose_compiler() {
	local sysroot=''

	compiler=("${CROSS_COMPILE}gcc")
	capture sysroot "$root/lab/sysroot"
	[ -n "$sysroot" ] || return 0
	# -B: else Debian's cross compiler takes crt1.o from its own libc, the rest from ours.
	compiler+=("--sysroot=$sysroot" "-B$sysroot/usr/lib/$triplet/")
	export PKG_CONFIG_SYSROOT_DIR=$sysroot
	export PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triplet/pkgconfig
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
