# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the kit's own tests share: TAP on stdout, lab/lab.sh for the rest.
# Source it first; end with 'done_testing'.

set -u
# shellcheck source-path=SCRIPTDIR source=../lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lab.sh"

tests_run=0
tests_failed=0

# diag TEXT: explain, a TAP comment a line.
diag() {
	local text=$*

	echo "# ${text//$'\n'/$'\n'# }"
}

# result STATUS NAME: report one test; STATUS 0 is a pass.
result() {
	local word=ok

	tests_run=$((tests_run + 1))
	if [ "$1" -ne 0 ]; then
		word='not ok'
		tests_failed=$((tests_failed + 1))
	fi
	echo "$word $tests_run - $2"
}

# check NAME COMMAND...: passes if the command does; its output explains a
# failure.
check() {
	local name=$1 output status=0

	shift
	capture output "$@" 2>&1 || status=$?
	result "$status" "$name"
	if [ "$status" -ne 0 ]; then
		diag "exit status $status"
		diag "$(tail -n "${SCX_CUSTODY_DIAG_LINES:-40}" <<<"$output")"
	fi
	return "$status"
}

# skip NAME REASON: a test that could not be run here.
skip() {
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

# What runs a command as a user without rights, where this is root.
# shellcheck disable=SC2034 # tests read it
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
[ "$(id -u)" -eq 0 ] || unset 'as_nobody[@]'

# public_kit VARIABLE: set it to a copy of the kit that another user can run. That user may
# have no way into the kit itself, where it is in somebody's home directory.
public_kit() {
	scratch "$1"
	cp -r "$root"/{command,lab,patches,compat} "${!1}"
	chmod -R a+rX "${!1}"
}

# path_without FOLDER PROGRAM...: make FOLDER a PATH in which they are not.
path_without() {
	local program

	rm -rf "$1"
	mkdir "$1"
	for program in /usr/local/bin/* /usr/bin/* /bin/* /usr/sbin/* /sbin/*; do
		ln -sf "$program" "$1/"
	done
	for program in "${@:2}"; do
		rm "$1/$program"
	done
}

# is_late SECONDS: are the tests as a whole at it for longer than that? What there
# is no time left for is skipped, so that a full run takes about an hour.
is_late() {
	[ $(($(date +%s) - SCX_CUSTODY_START)) -gt "$1" ]
}

# done_testing: the plan, and the exit status that prove expects.
done_testing() {
	echo "1..$tests_run"
	[ "$tests_failed" -eq 0 ]
}
