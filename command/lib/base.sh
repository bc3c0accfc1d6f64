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

# shellcheck disable=SC2034 # read by the programs that source this file
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?is not set, and neither is XDG_CACHE_HOME}/.cache}/scx-custody
self=${SCX_CUSTODY_SELF:-$(basename "$0")}
# Whatever this script calls has a name of its own.
unset SCX_CUSTODY_SELF

# Programs called by programs go on counting where their caller started.
export SCX_CUSTODY_START=${SCX_CUSTODY_START:-$(date +%s)}

# What the make above us was called with is nothing to the makes that a program
# runs, the kernel's among them: they have variables of the same names.
unset MAKEFLAGS MFLAGS MAKELEVEL

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
