#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How lab/compare-traces judges. That kernels differ, or not, is for
# 60-boots.t to see.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp=''
scratch tmp

# run FILE TEST RESULT [TRACE]...: write what a run of one test prints.
run() {
	local file=$1 test=$2 result=$3 trace

	shift 3
	mkdir -p "$(dirname "$tmp/$file")"
	{
		printf '%s\r\n' 'KTAP version 1' '1..1' '# kernel 1.2.3' '# seed 1'
		for trace; do
			printf '# trace %s\r\n' "$trace"
		done
		printf '%s\r\n' "$result 1 $test"
	} >"$tmp/$file"
}

# judged STATUS REGEX OPERAND...: compare-traces ends with it, and a line matches.
judged() {
	local expected=$1 regex=$2 status=0

	shift 2
	"$root/lab/compare-traces" --known "$tmp/known" "$@" >"$tmp/said" 2>&1 || status=$?
	echo "exit status $status"
	cat "$tmp/said"
	[ "$status" -eq "$expected" ] && grep -qE -- "$regex" "$tmp/said"
}

cd "$tmp" || exit
turn='1000 running stopping quiescent[SLEEP]'
stay='1000 enqueue(dsq) dequeue running'
run oracle fifo ok "$turn" "$stay"
: >known

run same fifo ok "$turn" '7 enqueue(dsq) dequeue running'
check "the same sequences are alike, however often" judged 0 '1 show the same' same oracle

run more fifo ok "$turn" "$stay" '1000 enqueue(dsq) dequeue[SCHED_CHANGE]'
check "what only the kernel shows, and often, differs" \
	judged 1 '^DIFFERS +fifo +kernel +1000 .*SCHED_CHANGE' more oracle
check "and so does what only the oracle shows" \
	judged 1 '^DIFFERS +fifo +oracle +1000 .*SCHED_CHANGE' oracle more

run rare fifo ok "$turn" "$stay" '29 enqueue(dsq) dequeue[SCHED_CHANGE]'
check "what is seldom is rare" judged 0 '^rare +fifo +kernel +29 ' rare oracle
run seldom fifo ok "$turn" "$stay" '31 enqueue(dsq) dequeue[SCHED_CHANGE]'
check "but not if some would be expected on the other side" \
	judged 1 '^DIFFERS +fifo +kernel +31 ' seldom oracle

{ cat rare; sed 's/fifo/vtime/' rare; } >rarely
{ cat oracle; sed 's/fifo/vtime/' oracle; } >oracles
check "nor if they would be in all tests together" \
	judged 1 '^DIFFERS +vtime +kernel +29 ' rarely oracles

for trace in 'enqueue(dsq) running' 'enqueue(held)' 'enqueue(held) dequeue dequeue running' \
	'enqueue(dsq) dequeue[SCHED_CHANGE] running' 'enqueue(terminal) dequeue running' \
	'running stopping dequeue' 'enqueue(dsq) quiescent[SCHED_CHANGE] dequeue[SCHED_CHANGE]' \
	'enqueue(dsq) dequeue[SLEEP] running' 'enqueue(dsq) running dequeue' \
	'enqueue(held) dequeue[SCHED_CHANGE|CORE_SCHED_EXEC]' 'runnable dequeue running'; do
	run unlawful fifo ok "$turn" "$stay" "1 $trace"
	check "differs, once is enough: $trace" judged 1 '^DIFFERS +fifo +kernel +1 ' unlawful oracle
done
for trace in 'enqueue(held) dequeue[CORE_SCHED_EXEC] running' 'enqueue(dsq) dequeue' \
	'select_cpu(dsq) dequeue quiescent[SCHED_CHANGE]' 'enqueue(terminal) reenqueued' \
	'enqueue(dsq) dequeue[SCHED_CHANGE] quiescent[SCHED_CHANGE] disable' \
	'enqueue(held) dequeue reenqueued' 'runnable quiescent[SCHED_CHANGE] disable'; do
	run lawful fifo ok "$turn" "$stay" "1 $trace"
	check "may be rare: $trace" judged 0 '^rare +fifo +kernel +1 ' lawful oracle
done

echo '*fo other | kernel | enqueue(dsq) dequeue[SCHED* | 1.2.* | because it is so' >known
check "what is listed is known, with its reason" judged 0 '- because it is so' more oracle
check "but not of the other side" judged 1 '^DIFFERS' oracle more
for line in 'fif | kernel | enqueue(dsq) dequeue[SCHED* | * | so' \
	'* | kernel | enqueue(dsq) dequeue | * | so' \
	'* | kernel | * | 1.3 | so'; do
	echo "$line" >known
	check "is not about it: $line" judged 1 '^DIFFERS' more oracle
done
echo '* | nobody | * | * | so' >known
check "refuses a list that is none" judged 2 'like the others' more oracle
: >known

run failed fifo 'not ok' "$turn" "$stay"
check "a result that differs does" judged 1 '^DIFFERS +fifo .*fail on the kernel, pass' failed oracle
run other vtime ok "$turn"
check "refuses where no test ran on both" judged 2 'no test ran on both' other oracle
run runs/1/output.log fifo ok "$turn" "$stay"
run runs/2/output.log fifo ok "$turn" '1000 enqueue(dsq) dequeue[SCHED_CHANGE]'
check "a directory is all runs in it" judged 0 '^oracle: .*, 2 runs' more runs
sed '/trace/d' oracle >without
check "refuses what has no traces" judged 2 "no traces in 'without'" without oracle
check "refuses what is not there" judged 2 "there is no 'nothing'" nothing oracle
check "refuses one operand" judged 2 'give the traces' oracle
check "refuses an unknown option" judged 2 "'--x' is not an option" --x oracle oracle
check "--json says the same" judged 1 '"differ" : 1' --json more oracle

done_testing
