#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/vm/run-root, as far as it goes without an installed system: bad input is refused, a
# disk with no system on it is told from one that works, and one that is interrupted
# stays as it was. 'make e2e-deb' boots systems with it.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=vm-kernel.sh
. "$root/tests/vm-kernel.sh"

tmp=''
scratch tmp
mkdir "$tmp/empty"
(cd "$tmp/empty" && find . | cpio --create --format=newc --quiet) >"$tmp/initrd"
disk=$tmp/disk,image
echo nothing >"$disk"
truncate --size 1M "$disk"
good=(--disk "$disk" --kernel "$kernel" --initrd "$tmp/initrd")

# refused REGEX ARGUMENT...: exits with 2 and one line that matches, and boots nothing.
refused() {
	local expected=$1 status=0

	shift
	rm -rf "$tmp/out"
	"$root/lab/vm/run-root" "$@" --out "$tmp/out" -- true \
		>"$tmp/stdout" 2>"$tmp/stderr" || status=$?
	cat "$tmp/stderr"
	[ "$status" -eq 2 ] && [ "$(wc -l <"$tmp/stderr")" -eq 1 ] &&
		grep -Eq -- "$expected" "$tmp/stderr" && [ ! -e "$tmp/out" ] && [ ! -s "$tmp/stdout" ]
}

check "refuses no kernel" refused 'kernel is missing' --disk "$disk" --initrd "$tmp/initrd"
check "refuses no disk" refused 'disk is missing' --kernel "$kernel" --initrd "$tmp/initrd"
check "refuses no initramfs" refused 'initrd is missing' --kernel "$kernel" --disk "$disk"
check "refuses a disk that is not there" refused 'no disk image' "${good[@]}" --disk "$tmp/none"
check "refuses a directory as disk" refused 'no disk image' "${good[@]}" --disk "$tmp"
check "refuses an initramfs that is not there" refused 'no initramfs' \
	"${good[@]}" --initrd "$tmp/none"
check "refuses a file that is not a kernel" refused 'not an x86 kernel' "${good[@]}" --kernel "$0"
check "refuses another --end" refused 'poweroff or reboot' "${good[@]}" --end halt
check "refuses an option of lab/vm/run that has no sense here" refused 'not an option' \
	"${good[@]}" --file "$0"
check "refuses a bad number" refused 'number from 1 to 256' "${good[@]}" --cpus 0
"$root/lab/vm/run-root" "${good[@]}" >"$tmp/stdout" 2>"$tmp/stderr"
check "refuses no command" test $? -eq 2
check "--help shows the unit" grep -q scx-custody-step.service <("$root/lab/vm/run-root" --help)

# told WORD STATUS: did it say so, in each of the ways that it has?
told() {
	cat "$tmp/stderr" "$tmp/out/reason"
	[ "$(tail -n 1 "$tmp/stderr")" = "$1" ] && [ "$(cat "$tmp/out/outcome")" = "$1" ] &&
		[ "$exited" -eq "$2" ]
}

exited=0
"$root/lab/vm/run-root" "${good[@]}" --timeout 300 --out "$tmp/out" -- true \
	2>"$tmp/stderr" || exited=$?
check "a kernel that finds no root: panic" told panic 5

# interrupted: while it runs.
interrupted() {
	local pid tries=0

	rm -rf "$tmp/out"
	spawn "$root/lab/vm/run-root" "${good[@]}" --append break=premount \
		--out "$tmp/out" -- true \
		>/dev/null 2>&1
	pid=$!
	until [ -s "$tmp/out/console.log" ]; do
		[ $((tries += 1)) -lt 600 ] || return
		sleep 0.1
	done
	kill -INT "$pid"
	wait "$pid"
}
before=$(stat -c '%i %y' "$disk"; sha256sum <"$disk")
interrupted
check "SIGINT ends it with 130" test $? -eq 130
check "and the disk is as it was" diff <(echo "$before") <(stat -c '%i %y' "$disk"; sha256sum <"$disk")
check "and there is nothing beside it" test ! -e "$disk.running"

done_testing
