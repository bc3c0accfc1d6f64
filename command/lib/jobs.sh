# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What runs in the background, and that a program that ends, however it ends, leaves no
# process and no temporary file behind. Sourced by base.sh.

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
	at_exit "rm -rf ${scratch_path@Q}"
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
	at_exit "rm -f ${capture_file@Q}"
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
