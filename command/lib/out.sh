# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The folder OUT, which a verb writes as a whole; sourced after state.sh.

# open_out FOLDER: refuse what cannot be written as a whole. Sets out.
open_out() {
	local another="name another one with OUT=folder"

	[ -n "$1" ] || die "no folder to write is given; name one with OUT=folder."
	out=$(realpath -m -- "$1")
	if [ -d "$out" ]; then
		[ -z "$(ls -A "$out")" ] || die "$out is not empty; $another."
	elif [ -e "$out" ]; then
		die "$out is not a folder; $another."
	fi
	[ -d "${out%/*}/" ] || die "there is no folder ${out%/*} to write $out in; make it, or $another."
	[ -w "${out%/*}/" ] || die "${out%/*} cannot be written to; $another."
}

# write_out COMMAND...: out becomes the folder made, which the command fills.
write_out() {
	local staged

	staged=$(mktemp -d "${out%/*}/.scx-custody.XXXXXXXX") || die "${out%/*} cannot be written to."
	at_exit "rm -rf ${staged@Q}"
	made=$staged/made
	mkdir "$made"
	attempt "write $out" "$@"
	attempt "write $out" mv -T "$made" "$out"
}
