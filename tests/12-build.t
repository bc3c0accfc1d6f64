#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How a distribution's own build system builds the programs: without the network
# and with flags of its own. What is missing is said in a sentence.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp='' tree='' bpftool='' program=''
scratch tmp
objects=$tmp/build
offline=()
[ "$(id -u)" -ne 0 ] || offline=(unshare --net)

# build FOLDER VARIABLE=VALUE...: nothing that is set around us counts.
build() {
	env -u LIBBPF_SRC -u LIBBPF_TARBALL -u BPFTOOL -u CFLAGS -u CPPFLAGS -u LDFLAGS \
		"${offline[@]}" make -C "$root/$1" O="$objects" "${@:2}" </dev/null
}

# refused REGEX VARIABLE=VALUE...: with one sentence, and nothing is left.
refused() {
	local sentence=$1 status=0 said

	shift
	said=$(build selftests "$@" 2>&1 >/dev/null) || status=$?
	echo "exit status $status: $said"
	[ "$status" -eq 2 ] && [ ! -e "$objects" ] &&
		[ "$(grep -cv '^make' <<<"$said")" -eq 1 ] &&
		grep -Eq -- "^scx-custody-selftest: $sentence" <<<"$said"
}

check "refuses a system that has no libbpf, nor the kernel's" \
	refused 'this takes libbpf .* no libbpf that false finds .* linux-source' \
	PKG_CONFIG=false LIBBPF_TARBALL=
check "refuses what is no libbpf" \
	refused "there is no libbpf in '$root'" LIBBPF_SRC="$root"
check "refuses a tarball that is not there" \
	refused "there is no kernel source tree '$tmp/none'" LIBBPF_TARBALL="$tmp/none"
check "refuses to go without clang" refused 'clang is not installed' CLANG= LIBBPF_SRC="$root"
mkdir "$tmp/old"
echo 'LIBBPF_1.4.0 {' >"$tmp/old/libbpf.map"
check "refuses a libbpf that is too old" \
	refused "this takes libbpf 1.5 or newer, but that in '$tmp/old' is 1.4.0" LIBBPF_SRC="$tmp/old"

# A tree's libbpf, for no machine need have one of its own, but the bpftool that is
# there already.
flags=(CPPFLAGS=-D_FORTIFY_SOURCE=2 LDFLAGS='-Wl,-z,relro -Wl,-z,now'
	CFLAGS='-O2 -fstack-protector-strong -fcf-protection')
capture bpftool "$root/lab/build-program" bpftool
capture tree "$root/lab/fetch" 6.18

# finds_ubuntus: as Ubuntu has it, the bpftool in PATH refuses, and another is a kernel's.
finds_ubuntus() {
	mkdir -p "$tmp"/ubuntu/{bin,lib/linux-tools/6.14.0-29-generic,work}
	cp "$bpftool" "$tmp/ubuntu/lib/linux-tools/6.14.0-29-generic/bpftool"
	printf '#!/bin/sh\necho "WARNING: bpftool not found for kernel" >&2\nexit 2\n' \
		>"$tmp/ubuntu/bin/bpftool"
	chmod +x "$tmp/ubuntu/bin/bpftool"
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -euc '
		mount -t overlay -o "lowerdir=/usr/lib,upperdir=$1/lib,workdir=$1/work" none /usr/lib
		PATH=$1/bin:$PATH make -C "$2" O="$3" PKG_CONFIG=false LIBBPF_TARBALL= needs' \
		sh "$tmp/ubuntu" "$root/selftests" "$objects" 2>&1 | tee "$tmp/said"
	grep -q 'no libbpf that false finds and a bpftool with [1-9]' "$tmp/said"
}
if unshare --mount true 2>/dev/null; then
	check "finds Ubuntu's bpftool where the one in PATH refuses" finds_ubuntus
else
	skip "finds Ubuntu's bpftool where the one in PATH refuses" "mounting is not permitted"
fi

# hardened: have the flags come all the way into libbpf?
hardened() {
	readelf -dhW "$program"
	readelf -dW "$program" | grep -q BIND_NOW &&
		readelf -hW "$program" | grep -q 'Type: *DYN' &&
		nm "$objects/libbpf/libbpf.a" | grep -q __stack_chk_fail
}

# names_no_path: nothing in it tells where it was built.
names_no_path() {
	grep -aoF -e "$root/" -e "$objects/" "$program" | sort | uniq -c
	! grep -aqF -e "$root/" -e "$objects/" "$program"
}

for folder in selftests examples; do
	check "$folder: can be built with a distribution's flags, of which BPF takes none" \
		build "$folder" LIBBPF_SRC="$tree/tools/lib/bpf" BPFTOOL="$bpftool" WERROR=1 \
		"${flags[@]}" || continue
	program=$objects/$(sed -n 's/^PROGRAM := //p' "$root/$folder/Makefile")
	check "$folder: is hardened, and so is libbpf" hardened
	check "$folder: runs" "$program" --help
	check "$folder: does not tell where it was built" names_no_path
done

# big_endian: a compiler for a big-endian machine, as clang is on any, gets BPF programs in that
# byte order, and a compiler for this one gets them in this one's.
big_endian() {
	local program=$objects/scx-custody-selftest.obj/bench.bpf.o

	readelf -h "$program" | grep 'Data: .*little endian' && rm "$program" &&
		build selftests LIBBPF_SRC="$tree/tools/lib/bpf" BPFTOOL="$bpftool" WERROR=1 \
			CC='clang-19 --target=s390x-linux-gnu' "$program" &&
		readelf -h "$program" | grep 'Data: .*big endian'
}
check "BPF programs have the byte order of the machine that the program is for" big_endian

done_testing
