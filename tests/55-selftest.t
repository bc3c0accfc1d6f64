#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How scx-custody-selftest, demo and check behave besides running tests: bad
# input, kernels on which nothing can be done, other schedulers, signals.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

selftest='' kernel='' tmp=''
scratch tmp
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}
capture kernel "$root/lab/build-kernel" 6.18 patched || {
	echo "Bail out! the kernel does not build"
	exit 1
}

# refused STATUS REGEX COMMAND...: ends with it and one sentence that matches.
refused() {
	local expected=$1 sentence=$2 status=0

	shift 2
	"$@" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null || status=$?
	echo "exit status $status: $(cat "$tmp/stderr")"
	[ "$status" -eq "$expected" ] && [ "$(wc -l <"$tmp/stderr")" -eq 1 ] &&
		grep -qE -- "$sentence" "$tmp/stderr"
}

# in_guest COMMAND: a line for the shell of a guest that has the selftests.
in_guest() {
	"$root/lab/vm/run" --kernel "$kernel/$image_name" --file "$selftest" --timeout 120 -- "$1"
}

check "demo refuses no line" refused 2 'give one LINE' "$root/lab/demo"
check "demo refuses a line that it cannot build" \
	refused 2 "no whole source tree '5.4'" "$root/lab/demo" 5.4
check "run-selftests refuses no folder for the results" \
	refused 2 'give IMAGE and DIR' "$root/lab/run-selftests" "$tmp/none"
check "run-selftests says why there was nothing to boot" \
	refused 2 "no kernel image '$tmp/none'" "$root/lab/run-selftests" "$tmp/none" "$tmp/results"
check "check refuses a test that is not there" \
	refused 2 "no test like 'frobnicate'" "$root/lab/check" frobnicate

check "refuses an unknown option" refused 2 "'--frobnicate' is not an option" "$selftest" --frobnicate
check "refuses an argument" refused 2 "'x' is not an option" "$selftest" x
for value in 0 -1 x ''; do
	check "refuses --duration '$value'" refused 2 'number of seconds above 0' \
		"$selftest" --duration "$value"
done
for value in -1 x ''; do
	check "refuses --seed '$value'" refused 2 '--seed takes a number' "$selftest" --seed "$value"
done
check "refuses --traces in JSON" refused 2 'not with --json' "$selftest" --traces --json
check "refuses --traces beside a verdict" \
	refused 2 'not with .*--verdict' "$selftest" --traces --verdict "$tmp/verdict"
check "refuses a file for results that cannot be written" \
	refused 2 "cannot write '$tmp/none/results'" "$selftest" --results "$tmp/none/results"
check "oracle refuses no line" refused 2 'give one LINE' "$root/lab/oracle"
check "oracle refuses a line without a series" \
	refused 2 "no series for '5.4'" "$root/lab/oracle" 5.4
check "oracle refuses to run it never" refused 2 "number above 0" "$root/lab/oracle" --runs 0 6.18
check "lists its tests without root or sched_ext" \
	grep -q '^hammer .*hazards' <("$selftest" --list)
# shellcheck disable=SC2016 # perl's variables
check "lists as JSON those that match, with their rows and hazards" eval '
	"$selftest" --list --json --run "@(dying_cpu|mark)" | perl -MJSON::PP -0777 -ne "
		my @tests = @{decode_json(\$_)->{tests}};
		my (\$mark, \$cpu) = sort { \$b->{name} cmp \$a->{name} } @tests;
		exit(!(@tests == 2 && \$cpu->{rows}[0] eq q(10a) && \$cpu->{hazards}[0] == 11 &&
			!@{\$mark->{rows}} && \$mark->{must} =~ /SCX_TASK_IN_CUSTODY/))"'

if [ -e /sys/kernel/sched_ext ]; then
	skip "says so where there is no sched_ext" "this machine's kernel has it"
else
	check "says so where there is no sched_ext" \
		refused 4 'has no sched_ext' "$selftest"
fi

# shellcheck disable=SC2016 # for the guest's shell
check "refuses while another BPF scheduler is loaded" in_guest '
	/scx-custody-selftest --bench-pipe 100000000 >/dev/null 2>&1 &
	until grep -q enabled /sys/kernel/sched_ext/state; do sleep 0.1; done
	said=$(/scx-custody-selftest --run fifo 2>&1); status=$?
	kill $!; wait
	echo "$status: $said"
	[ $status = 4 ] && echo "$said" | grep -q "another BPF scheduler is loaded"'

chmod 755 "$tmp"
cp "$selftest" "$tmp/selftest"
check "refuses a user who is not root" refused 4 'must be run as root' \
	"${as_nobody[@]}" "$tmp/selftest"

for signal in INT TERM HUP; do
	# shellcheck disable=SC2016
	check "SIG$signal leaves no scheduler and no task behind" in_guest '
		/scx-custody-selftest --all-tasks --run hammer --duration 60 >/dev/null 2>&1 & pid=$!
		until grep -q enabled /sys/kernel/sched_ext/state; do sleep 0.1; done
		sleep 2
		kill -'$signal' $pid; wait $pid
		state=$(cat /sys/kernel/sched_ext/state)
		tasks=$(grep -l custody /proc/[0-9]*/comm 2>/dev/null | wc -l)
		echo "state: $state, tasks left: $tasks"
		[ "$state" = disabled ] && [ "$tasks" = 0 ]'
done

# What fails to be set up, or is in the way, is no finding. The process that has a core
# cookie is started by this, as there is no other program for it.
cat >"$tmp/cookie.c" <<'END'
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	(void)argc;
	return prctl(62, 1, 0, 0, 0) ? 1 : execvp(argv[1], argv + 1);
}
END
gcc -static -o "$tmp/cookie" "$tmp/cookie.c"

# ends_in STATUS REGEX OPTION...: a line for the guest's shell. The selftest ends with that
# status and prints a line that matches.
ends_in() {
	echo "/scx-custody-selftest ${*:3} >/tmp/said 2>&1; status=\$?
		echo \"status \$status\"; cat /tmp/said
		[ \$status = $1 ] && grep -qE '$2' /tmp/said"
}

check "takes the descriptors that its workers need" \
	in_guest "ulimit -n 24; $(ends_in 0 '^ok 1 storm_held$' --run storm_held --duration 0.2)"
# shellcheck disable=SC2016
check "a worker that there is no process for is a skip" in_guest '
	there=$(cut -d" " -f4 /proc/loadavg)
	echo $((${there#*/} + 6)) >/proc/sys/kernel/threads-max
	'"$(ends_in 4 'SKIP no process for worker [0-9]+: ' --run storm_held)"
# shellcheck disable=SC2016
check "a scheduler that somebody ends is a skip" in_guest '
	(sleep 2; until grep -q enabled /sys/kernel/sched_ext/state; do sleep 0.1; done
		sleep 1; echo S >/proc/sysrq-trigger) &
	'"$(ends_in 4 'SKIP the scheduler was ended: ' --run fork_exit --duration 100)"
# The other one is smaller and so is loaded sooner.
# shellcheck disable=SC2016
check "another scheduler that comes in between ends the tests without a verdict" in_guest '
	/scx-custody-selftest --verdict /tmp/verdict >/tmp/said 2>&1 & pid=$!
	until [ -e /tmp/verdict ]; do sleep 0.01; done
	cat /tmp/verdict
	grep -q "\"verdict\": \"begun\"" /tmp/verdict || exit 1
	/scx-custody-selftest --bench-pipe 100000000 >/dev/null 2>&1 & other=$!
	wait $pid; status=$?
	grep -q enabled /sys/kernel/sched_ext/state || exit 1
	kill $other
	echo "status $status"; cat /tmp/said /tmp/verdict
	[ $status = 1 ] && grep -q "\"verdict\": \"none\"" /tmp/verdict &&
		grep -q "another BPF scheduler has been loaded meanwhile" /tmp/verdict'
# shellcheck disable=SC2016
check "begins nothing while there are core cookies" eval '"$root/lab/vm/run" \
	--kernel "$kernel/$image_name" --file "$selftest" --file "$tmp/cookie" --topology smt-numa \
	--timeout 120 -- "/cookie sleep 100 & sleep 1; cd /sys/kernel/sched_ext
		$(ends_in 4 "core scheduling is in use: task [0-9]+" --run fifo) &&
		[ \$(cat enable_seq) = 0 ]"'
# shellcheck disable=SC2016
check "a machine that has no time to spare is no finding" in_guest '
	for i in 1 2 3 4; do while :; do :; done & done
	'"$(ends_in 4 'SKIP there was not enough CPU time: ' --run fifo)"

# shellcheck disable=SC2016 # for the guest's shell
check "a test that does not come to its end has begun in the results, and there is no verdict" \
	in_guest '
		/scx-custody-selftest --all-tasks --run "@(fifo|hammer)" --duration 60 \
			--results /tmp/results --verdict /tmp/verdict >/dev/null 2>&1 & pid=$!
		until grep -q hammer /tmp/results; do sleep 0.1; done
		sleep 1
		kill -TERM $pid; wait $pid
		cat /tmp/results; ls /tmp
		[ "$(tail -n 1 /tmp/results)" = "{\"begin\": \"hammer\"}" ] &&
			[ "$(wc -l </tmp/results)" = 4 ] && [ -z "$(ls /tmp | grep verdict)" ]'

"$root/lab/vm/run" --kernel "$kernel/$image_name" --file "$selftest" --out "$tmp/out" -- \
	/scx-custody-selftest --json --run fifo --results /dev/virtio-ports/scx-custody.results \
	>"$tmp/json" 2>/dev/null
check "--json is JSON, with each test and a verdict" python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
assert [test["name"] for test in report["tests"]] == ["fifo"], report
assert report["tests"][0]["result"] == "pass", report
assert "has the semantics" in report["verdict"], report
assert [report["passed"], report["failed"], report["skipped"]] == [1, 0, 0], report
' "$tmp/json"
check "--results has each test as it begins and ends, and the verdict" python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
first, begin, end, last = [json.loads(line) for line in open(sys.argv[2])]
assert first == {key: report[key] for key in ("kernel", "seed")}, first
assert begin == {"begin": "fifo"}, begin
assert end == report["tests"][0], end
assert end["violations"] == {} and 8 in end["rows"] and 9 in end["hazards"], end
assert last == {key: report[key] for key in ("passed", "failed", "skipped", "verdict")}, last
' "$tmp/json" "$tmp/out/results.jsonl"

done_testing
