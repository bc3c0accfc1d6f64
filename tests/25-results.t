#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/results: what it makes of what the selftests wrote before a run ended, however
# the run ended.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp=''
scratch tmp

# boot FOLDER OUTCOME REASON: a boot that ended so, and wrote what comes from stdin.
boot() {
	mkdir -p "$tmp/$1"
	echo "$2" >"$tmp/$1/outcome"
	echo "$3" >"$tmp/$1/reason"
	cat >"$tmp/$1/results.jsonl"
}

# ended TEST [RESULT [REASON]]: the two lines of a test.
ended() {
	printf '{"begin": "%s"}\n{"name": "%s", "result": "%s", "seconds": 1.0, "rows": [8], ' \
		"$1" "$1" "${2:-pass}"
	printf '"hazards": [], "reason": "%s", "violations": {}}\n' "${3:-}"
}

begun() {
	printf '{"begin": "%s"}\n' "$1"
}

# told FOLDER LINE...: these are the lines that lab/results prints, ',' for tab.
told() {
	diff <(printf '%s\n' "${@:2}" | tr , '\t') <("$root/lab/results" "$tmp/$1")
}

# refused REGEX ARGUMENT...: with status 2 and one sentence that matches.
refused() {
	local said status=0

	said=$("$root/lab/results" "${@:2}" 2>&1 >/dev/null) || status=$?
	echo "exit status $status: $said"
	[ "$status" = 2 ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -qE "$1" <<<"$said"
}

{
	echo '{"kernel": "1.2.3", "seed": 1}'
	ended fifo
	ended numa skip 'no\tnodes \"here\"'
	ended hammer fail '3 violations; late: x'
	echo '{"passed": 1, "failed": 1, "skipped": 1, "verdict": "so so"}'
} | boot whole fail 'the command exited with 1'
check "a run to its end" told whole fifo,pass,1.0, 'numa,skip,1.0,no nodes "here"' \
	'hammer,fail,1.0,3 violations; late: x'
# shellcheck disable=SC2016 # perl's variables
check "--json has the same, with the kernel and the verdict" eval '
	"$root/lab/results" --json "$tmp/whole" | perl -MJSON::PP -0777 -ne "
		my \$run = decode_json(\$_);
		exit(!(\$run->{kernel} eq q(1.2.3) && \$run->{verdict} eq q(so so) &&
			@{\$run->{tests}} == 3 && \$run->{tests}[0]{rows}[0] == 8 &&
			\$run->{tests}[1]{reason} eq qq(no\\tnodes \"here\")))"'

for outcome in hang panic; do
	{ ended fifo; begun iterate; } | boot "$outcome" "$outcome" 'for a reason'
	check "a $outcome is told of the test in which it was" \
		told "$outcome" fifo,pass,1.0, "iterate,$outcome,,for a reason"
done
for outcome in fail skip splat harness; do
	{ ended fifo; begun iterate; } | boot "$outcome" "$outcome" 'for a reason'
	check "an outcome of $outcome in the midst of a test is told as the end of the run" \
		told "$outcome" fifo,pass,1.0, iterate,ended,,
done
{ ended fifo; ended vtime; } | boot between panic 'for a reason'
check "a panic after the last test is of no test" told between fifo,pass,1.0, vtime,pass,1.0,

{ ended fifo; ended vtime | head -c 60; } | boot cut panic 'for a reason'
check "a line that the end of the kernel has cut counts for nothing" \
	told cut fifo,pass,1.0, 'vtime,panic,,for a reason'
{ echo '{"begin": "fifo"'; ended vtime; } | boot broken pass ''
check "but a line that is no JSON is refused" refused 'is not JSON' "$tmp/broken"

{ ended fifo; begun iterate; } | boot on hang first
{ ended vtime; begun nested; } | boot on/after-iterate panic second
ended hammer | boot on/after-nested pass third
ended numa | boot on/after-numa pass 'of an earlier run'
check "boots after a test in which the kernel died follow that test" told on fifo,pass,1.0, \
	iterate,hang,,first vtime,pass,1.0, nested,panic,,second hammer,pass,1.0,

mkdir "$tmp/nothing"
check "where nothing was written there is no test" test -z "$("$root/lab/results" "$tmp/nothing")"
check "refuses a folder that is not there" refused 'there is no' "$tmp/none"
check "refuses no folder" refused 'give one DIR'
check "refuses an unknown option" refused 'give one DIR' --frobnicate

done_testing
