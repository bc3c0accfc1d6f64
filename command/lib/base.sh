# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Shared by all of the kit's programs, which source it first:
#
#	set -eu
#	. "$(dirname "$0")/../lib/base.sh"
#
# It sets
#	root	the kit's own directory
#	cache	where everything big lives
#	self	what the user called, for messages
# and brings along jobs.sh, for what runs in the background.

# The options of the caller's shell, where they are exported, are nothing to us, nor to what
# we call.
if [[ ${BASHOPTS@a}${SHELLOPTS@a} = *x* ]]; then
	set +o noglob +o noclobber +o posix
	eval "$(env -u BASHOPTS -u SHELLOPTS bash -c 'shopt -p')"
	export -n BASHOPTS SHELLOPTS
fi

# shellcheck disable=SC2034 # read by the programs that source this file
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-~}/.cache}/scx-custody
self=${SCX_CUSTODY_SELF:-$(basename "$0")}
# Whatever this script calls has a name of its own.
unset SCX_CUSTODY_SELF

# Programs called by programs go on counting where their caller started.
export SCX_CUSTODY_START=${SCX_CUSTODY_START:-$(date +%s)}

# How many jobs a make may run that we call: JOBS, else as many as the make above us (its
# -j), else one for each CPU.
[ -n "${JOBS:-}" ] || [[ ! ${MAKEFLAGS:-} =~ (^| )-j([0-9]+) ]] || JOBS=${BASH_REMATCH[2]}
export JOBS=${JOBS:-$(nproc)}
# Nothing else that this was called with is for the makes that a program runs, the kernel's
# among them: they have variables of the same names.
unset MAKEFLAGS MFLAGS MAKELEVEL

# What is made is for others to read, too: sources, packages, verdicts.
umask 022

# die SENTENCE: refuse, or give up.
die() {
	printf '%s: %s\n' "$self" "$*" >&2
	exit 1
}

# usage_error SENTENCE: the command line itself is wrong.
usage_error() {
	printf "%s: %s; '%s --help' shows the usage.\n" "$self" "$*" "$self" >&2
	exit 2
}

[[ $JOBS =~ ^[1-9][0-9]*$ ]] || usage_error "JOBS is a number of jobs from 1, not '$JOBS'"

# clock: minutes:seconds since the outermost script started.
clock() {
	local s=$(($(date +%s) - SCX_CUSTODY_START))

	printf '%d:%02d' $((s / 60)) $((s % 60))
}

# say TEXT: one line of progress, with the time elapsed.
say() {
	printf '[%5s] %s\n' "$(clock)" "$*" >&2
}

# need PROGRAM...: refuse unless all of them are installed.
need() {
	local program

	for program; do
		command -v "$program" >/dev/null ||
			die "$program is not installed; $(how_to_install)."
	done
}

# need_space DIR MB: refuse unless there is room.
need_space() {
	local free

	free=$(df -Pk "$1" | awk 'END { print int($4 / 1024) }')
	[ "$free" -ge "$2" ] ||
		die "$1 has $free MB free, and this takes about $2 MB; free some, or set XDG_CACHE_HOME to where there is room."
}

# Is this the kit's own source, rather than what is installed of it?
in_source() {
	[ -f "$root/Makefile" ]
}

# kit_version: this kit's, which debian/changelog has, and what is installed knows.
kit_version() {
	if in_source; then
		sed -n '1s/.*(\(.*\)).*/\1/p' "$root/debian/changelog"
	else
		cat "$root/VERSION"
	fi
}

# how_to_install: how a user gets what is missing.
how_to_install() {
	if in_source; then echo "run 'make setup' as root"; else echo "install it"; fi
}

# verb NAME TREE: how a user calls one of the verbs on a kernel tree.
verb() {
	if in_source; then echo "make $1 KSRC=$2"; else echo "scx-custody $1 $2"; fi
}

# port_hint TREE: what helps where no series of the kit fits, for the end of a refusal.
port_hint() {
	local port='scx-custody port'

	! in_source || port='make port'
	echo "; '$port KSRC=$1 OUT=directory' writes a series for this tree"
}

# undo_verb NAME VARIABLE DIR: how a user undoes one, where DIR is make's VARIABLE.
undo_verb() {
	if in_source; then echo "make $1 UNDO=1 $2=$3"; else echo "scx-custody $1 --undo $3"; fi
}

# page NAME: where a user finds that page of docs/.
page() {
	if in_source; then echo "docs/$1"; else echo "${root%/*}/doc/scx-custody-patches/docs/$1"; fi
}

# unpack_sched_ext TARBALL FOLDER: of a kernel's source, only what the series are
# about: a whole tree has 1.5 GB.
unpack_sched_ext() {
	tar --extract --xz --strip-components=1 --directory "$2" --file "$1" \
		--wildcards --no-wildcards-match-slash '*/Makefile' '*/Kbuild' \
		'*/kernel/sched' '*/include/linux/sched' '*/tools/sched_ext' \
		'*/Documentation/scheduler'
}

# json_string TEXT: TEXT as a JSON string, quotes included.
json_string() {
	local text=$1 code char escape

	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	if [[ $text = *[[:cntrl:]]* ]]; then
		for code in {1..31}; do
			printf -v char '%03o' "$code"
			printf -v char '%b' "\\0$char"
			printf -v escape '\\u%04x' "$code"
			text=${text//"$char"/$escape}
		done
	fi
	printf '"%s"' "$text"
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$root/command/lib/jobs.sh"
