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
# and sees to it that a program that ends, however it ends, leaves no process
# and no temporary file behind.

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

# --- leaving nothing behind -------------------------------------------------

exit_commands=()

# at_exit COMMAND: run this when the script ends; last in, first out.
at_exit() {
	exit_commands=("$1" ${exit_commands[@]+"${exit_commands[@]}"})
}

# stop_job PID: end a background job, and all that it started if it comes from
# spawn or capture, and wait until it is gone.
stop_job() {
	kill -TERM -- "-$1" 2>/dev/null || kill -TERM "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || :
}

leave() {
	local status=$? command pid

	trap '' INT TERM HUP
	trap - EXIT
	set +e
	# A child that is signalled before it got round to forgetting our traps.
	[ "$BASHPID" = $$ ] || exit "$status"
	for pid in $(jobs -p); do
		stop_job "$pid"
	done
	for command in ${exit_commands[@]+"${exit_commands[@]}"}; do
		eval "$command"
	done
	exit "$status"
}

trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# temporary [-d]: make a temporary file, or directory, and print its path.
temporary() {
	mktemp "$@" "${TMPDIR:-/tmp}/scx-custody.XXXXXXXX" 2>/dev/null ||
		die "temporary files cannot be made in ${TMPDIR:-/tmp}; set TMPDIR to a directory that can be written to."
}

# scratch NAME: make a temporary directory, gone when the script ends, and put
# its path into the variable NAME.
scratch() {
	local -n scratch_path=$1

	scratch_path=$(temporary -d) || exit
	at_exit "rm -rf '$scratch_path'"
}

# --- waiting ----------------------------------------------------------------
# Bash acts on a signal only when the command in the foreground has ended.
# Whatever takes long therefore runs in the background and is waited for.

# spawn COMMAND...: start a program or function in the background, as a process
# group of its own, so that all it starts can be ended with it; its id is $!.
# Its stdin is empty: in the background it may not read from the terminal.
spawn() {
	set -m
	"$@" </dev/null &
	set +m
}

# capture NAME COMMAND...: NAME=$(COMMAND...), and its exit status.
capture() {
	local -n capture_result=$1
	local capture_file capture_status=0

	shift
	capture_file=$(temporary) || exit
	at_exit "rm -f '$capture_file'"
	spawn "$@" >"$capture_file"
	wait $! || capture_status=$?
	capture_result=$(cat "$capture_file")
	rm -f "$capture_file"
	return "$capture_status"
}

# await PID TEXT [STATE-COMMAND]: wait for a background job and return its exit
# status, telling what is being waited for, how long already, and what
# STATE-COMMAND prints: on a terminal on one line that changes, else in a line
# every 20 seconds.
await() {
	local pid=$1 text=$2 state=${3:-:} begin=$SECONDS told=$SECONDS
	local status ticker ended

	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r\033[K[%5s] %s: %d s %s' "$(clock)" "$text" \
				$((SECONDS - begin)) "$($state)" >&2
		elif [ $((SECONDS - told)) -ge 20 ]; then
			told=$SECONDS
			say "$text: $((SECONDS - begin)) s $($state)"
		fi
		sleep 0.5 &
		ticker=$!
		status=0
		wait -n -p ended "$pid" "$ticker" || status=$?
		[ "${ended:-}" != "$pid" ] || break
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "${ended:-}" = "$pid" ]; then
		kill "$ticker" 2>/dev/null || :
	else
		# It had ended before there was anything to wait for.
		status=0
		wait "$pid" || status=$?
	fi
	return "$status"
}
