#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kit on another machine than this, Debian trixie: what must work before anything
# else does. 'make e2e-hosts' does the rest, lint among it, and sid. Takes root, for chroot.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=hosts.sh
. "${root:?}/tests/hosts.sh"

if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
	skip "the kit works on Debian trixie" "takes root and a mount namespace"
	done_testing
	exit
fi

suite=trixie image=''

# set_up: a machine that 'make setup' has made ready, once for each version of it.
set_up() {
	local key

	key=$(cat "$root/lab/setup" "$root/lab/debian.sh" | sha256sum)
	[ "$(cat "$(host $suite)/key" 2>/dev/null)" != "$key" ] || return 0
	make_host $suite && put_kit $suite && in_host $suite make setup &&
		echo "$key" >"$(host $suite)/key"
}

if check "$suite: 'make setup' of a bare machine" set_up && put_kit $suite; then
	check "$suite: nothing is missing then" in_host $suite lab/setup
	capture image "$root/lab/fetch" stock-7.3.4
	# shellcheck disable=SC2016 # for the inner shell
	check "$suite: the selftests run in a guest, with the libraries that they take" \
		in_host $suite sh -c 'lab/vm/run --kernel "$1" --file "$(lab/build-selftests)" -- \
			/scx-custody-selftest --list' sh "/root/.cache/scx-custody/src/${image##*/}/vmlinuz"
fi

done_testing
