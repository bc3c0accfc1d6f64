#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# examples/scx_ledger: its ledger drifts on a kernel without the semantics of
# ops.dequeue(), more and more, and never on one that has them.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

logs=$cache/logs/check-example
rm -rf "$logs"
mkdir -p "$logs"

example='' image='' stock=''

# run_example NAME IMAGE: in a VM; prints its exit status.
run_example() {
	"$root/lab/vm/run" --kernel "$2" --file "$example" --timeout 180 --out "$logs/$1" -- \
		/scx_ledger --duration 15 --json >/dev/null 2>"$logs/$1.log"
	cat "$logs/$1/reason"
	# A kernel that warns or dies is no answer, whatever the program said.
	grep -qxE 'pass|fail' "$logs/$1/outcome" || return
	cp "$logs/$1/output.log" "$logs/$1.json"
}

# is_json FILE...: one object in each.
is_json() {
	perl -MJSON::PP -0777 -ne 'decode_json($_)->{samples}[0]{dsqs}[1] or die "no samples\n"' "$@"
}

# column NAME KEY: the values of a number in the samples, one a line.
column() {
	grep -oE "\"$2\": -?[0-9]+" "$logs/$1.json" | sed 's/.*: //'
}

# ended NAME STATUS REGEX: the program did, with a verdict like that.
ended() {
	grep -E '"verdict"' "$logs/$1.json"
	[ "$(cat "$logs/$1/status")" = "$2" ] && grep -qE "\"verdict\": \"$3" "$logs/$1.json"
}

# busy NAME: it was a load worth the name, and looked at as it ought to be.
busy() {
	tail -n 8 "$logs/$1.json"
	awk -F '[:,}]' '
		/"enqueues"/ { enqueues = $2 }
		/"changes"/ { nice = $3; affinity = $5; class = $7; thread = $9 }
		/"time"/ { looks++ }
		END { exit !(enqueues > 500 && nice > 50 && affinity > 50 && class > 20 &&
			thread > 20 && looks >= 10) }' "$logs/$1.json" &&
		[ "$(column "$1" true_tasks | sort -n | tail -n1)" -ge 2 ]
}

# exact NAME: no drift in any sample, and as many dequeued as enqueued.
exact() {
	ended "$1" 0 'No drift' || return
	column "$1" 'drift_(tasks|runtime)' >"$logs/$1.drift"
	[ -s "$logs/$1.drift" ] && ! grep -vx 0 "$logs/$1.drift" &&
		[ "$(column "$1" enqueues)" = "$(column "$1" dequeues)" ]
}

# drifts NAME: in tasks and in runtime, more and more; between two looks of which
# one is the last, nothing need have been queued.
drifts() {
	local key

	ended "$1" 1 'Drift' || return
	for key in drift_tasks drift_runtime; do
		column "$1" "$key" | awk '$1 < last { exit 1 } { grown += $1 > last; last = $1 }
			END { print last; if (grown < 10 || grown < NR - 1) exit 1 }' || return
	done
}

# right_on NAME IMAGE VERDICT-FUNCTION
right_on() {
	check "$1: it runs" run_example "$1" "$2" || return
	check "$1: it prints JSON" is_json "$logs/$1.json"
	check "$1: tasks were queued, changed and replaced" busy "$1"
	check "$1: the ledger is as it should be ($3)" "$3" "$1"
}

# refused STATUS REGEX COMMAND...: ends with it and one sentence that matches.
refused() {
	local expected=$1 sentence=$2 status=0 said

	shift 2
	said=$("$@" 2>&1 >/dev/null) || status=$?
	echo "exit status $status: $said"
	[ "$status" -eq "$expected" ] && [ "$(wc -l <<<"$said")" -eq 1 ] && grep -qE "$sentence" <<<"$said"
}

check "the example builds" "$root/lab/build-program" examples || { done_testing; exit; }
capture example "$root/lab/build-program" examples 2>/dev/null

check "build-program refuses another folder" \
	refused 2 'no program in' "$root/lab/build-program" docs
check "refuses an unknown option" refused 2 "'--frobnicate' is not an option" "$example" --frobnicate
for value in 0 -1 x ''; do
	check "refuses --duration '$value'" refused 2 'number of seconds above 0' \
		"$example" --duration "$value"
	check "refuses --workers '$value'" refused 2 'number from 2 to' "$example" --workers "$value"
done
if [ -e /sys/kernel/sched_ext ]; then
	skip "says so where there is no sched_ext" "this machine's kernel has it"
else
	check "says so where there is no sched_ext" refused 3 'has no sched_ext' "$example"
fi

# stock_is NAME VERDICT-FUNCTION: on a kernel of Debian's.
stock_is() {
	check "$1 can be had" "$root/lab/fetch" "$1" || return
	capture stock "$root/lab/fetch" "$1" 2>/dev/null
	right_on "$1" "$stock/vmlinuz" "$2"
}

stock_is stock-6.18.15 drifts
stock_is stock-7.3.4 exact
check "6.18 patched: the kernel builds" "$root/lab/build-kernel" 6.18 patched && {
	capture image "$root/lab/build-kernel" 6.18 patched 2>/dev/null
	image+=/$image_name
	right_on 6.18-patched "$image" exact
}

# What it leaves behind, and what it says where another scheduler is.
# shellcheck disable=SC2016 # for the guest's shell
check "refuses while another BPF scheduler is loaded, and SIGINT leaves nothing behind" \
	"$root/lab/vm/run" --kernel "$image" --file "$example" --timeout 120 -- '
	/scx_ledger >/dev/null 2>&1 & pid=$!
	until grep -q enabled /sys/kernel/sched_ext/state; do sleep 0.1; done
	said=$(/scx_ledger 2>&1); status=$?
	echo "$status: $said"
	[ $status = 3 ] && echo "$said" | grep -q "another BPF scheduler is loaded" || exit 1
	sleep 3
	kill -INT $pid; wait $pid
	state=$(cat /sys/kernel/sched_ext/state)
	tasks=$(grep -l ledger /proc/[0-9]*/comm 2>/dev/null | wc -l)
	echo "state: $state, tasks left: $tasks"
	[ "$state" = disabled ] && [ "$tasks" = 0 ]'

done_testing
