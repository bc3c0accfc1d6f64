#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What cannot be tested by running it: all interleavings of what two CPUs do to two
# tasks, as a model that spin searches, and the order of memory accesses, as litmus
# tests for herd7 under the kernel's own memory model. See "The model" in
# docs/semantics.md. With SCX_CUSTODY_MUTATIONS=all also three CPUs and one task, which
# takes minutes.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp='' tree=''
# Where the root of Debian sid sees it.
mkdir -p "$cache"
TMPDIR=$cache scratch tmp
jobs=$(nproc)

# --- the model ------------------------------------------------------------------

# search DIR MODE OPTION...: compile the model with these options and search it, depth
# first where all of it is searched, breadth first to find the shortest way to a fault.
search() {
	local dir=$1 mode=$2

	shift 2
	mkdir "$dir" && cd "$dir" && spin -a "$@" "$root/tests/model/custody.pml" || return
	case $mode in
	all)
		gcc -w -O1 -DSAFETY -DVECTORSZ=128 -o pan pan.c && ./pan -m3000000 -w24 ;;
	first)
		gcc -w -O0 -DSAFETY -DBFS -DVECTORSZ=128 -o pan pan.c && ./pan ;;
	esac
}

names=() modes=() options=() expected=()

# form NAME OPTION...: this must be right in every state.
form() {
	names+=("$1")
	modes+=(all)
	options+=("${*:2}")
	expected+=('')
}

# switch NAME REGEX OPTION...: this must be found to be wrong, and by this assertion. One
# task is enough for that.
switch() {
	names+=("$1")
	modes+=(first)
	options+=("-DTASKS=1 ${*:3}")
	expected+=("$2")
}

# search_all: as many at a time as there are CPUs.
search_all() {
	local i

	for i in "${!names[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n
		done
		# shellcheck disable=SC2086 # options are words
		spawn search "$tmp/$i" "${modes[i]}" ${options[i]} >"$tmp/$i.log" 2>&1
	done
	wait
}

# never_taken LOG: the steps of a CPU that the search never took.
never_taken() {
	sed -n '/^unreached in proctype cpu/,/^unreached in init/s/^\t.*, state [0-9]*, //p' "$1"
}

# summary LOG: how many states, how long, and what was found.
summary() {
	sed -nE 's/^ *([0-9]+) states, stored/\1 states/p; s/^pan:1: (.*)/\1/p
		s/^pan: elapsed time ([0-9.]+) seconds/in \1 s/p' "$1" | paste -sd ' '
}

# is_right LOG: was all of it searched, and nothing found? Steps of a CPU that are never
# taken would mean that something is not in the search.
is_right() {
	grep -v '^$' "$1"
	grep -Eq '^State-vector .* errors: 0$' "$1" &&
		! grep -Eiq 'error:|not completed|too small|out of memory|truncated|exceeded' "$1" &&
		[ "$(never_taken "$1")" = '"-end-"' ]
}

# is_found LOG REGEX: is this what the search ended with?
is_found() {
	grep -v '^$' "$1"
	grep -Eq "^pan:1: ($2) \(at depth" "$1"
}

form "Linux 6.12 to 6.19" -DFORM=6
form "Linux 7.1" -DFORM=7
if [ "${SCX_CUSTODY_MUTATIONS:-}" = all ]; then
	form "Linux 6.12 to 6.19, three CPUs, one task" -DFORM=6 -DCPUS=3 -DTASKS=1
	form "Linux 7.1, three CPUs, one task" -DFORM=7 -DCPUS=3 -DTASKS=1
	form "Linux 7.1, ops_state released before the DSQ is unlocked" -DFORM=7 -DEARLY_RELEASE
fi

lost='assertion violated +!\(in_custody\[t\]\)'
race='assertion violated +!\(modifying\[t\]\)'
wrong_flag='assertion violated \(why==reason\)'
wrong_rq='assertion violated \(rq_lock\[noted\]==\(me\+1\)\)'
own_lock='assertion violated \(dsq_lock\[1\]!=\(me\+1\)\)'
stale='assertion violated decision_ok\[me\]'
overwritten='assertion violated \(\(state\[t\]==1\)\|\|\(state\[t\]==3\)\)'

for form in 6 7; do
	switch "form $form, hazard 1: custody ends after ops_state is released" \
		"$race|$wrong_rq" -DFORM=$form -DHAZARD_1
	switch "form $form, hazard 2: QUEUED is taken to imply custody" \
		'assertion violated \(flags\[t\]&1\)' -DFORM=$form -DHAZARD_2
	switch "form $form, hazard 2: what is QUEUED is reported before it is owned" \
		"$race" -DFORM=$form -DHAZARD_2B
	switch "form $form, hazard 3: NONE on the way to a remote local DSQ is not reported" \
		"$lost" -DFORM=$form -DHAZARD_3
	switch "form $form, hazard 4: an internal migration is marked too late" \
		"$wrong_flag" -DFORM=$form -DHAZARD_4A
	switch "form $form, hazard 4: it is still marked on arrival" \
		"$wrong_flag" -DFORM=$form -DHAZARD_4B
	switch "form $form, hazard 5: ops.dequeue() is called with the DSQ locked" \
		"$own_lock" -DFORM=$form -DHAZARD_5
	switch "form $form, hazard 8: call, then clear" \
		'assertion violated +!\(\(flags\[t\]&1\)\)' -DFORM=$form -DHAZARD_8
	switch "form $form, hazard 10: sequence numbers of the run queue" \
		"$stale" -DFORM=$form -DHAZARD_10
	switch "form $form, hazard 10: a sequence number of 0" \
		"$stale" -DFORM=$form -DHAZARD_10A
	switch "form $form: DISPATCHING is kept while the run queue is locked" \
		'invalid end state' -DFORM=$form -DHOLD_DISPATCHING
done
switch "form 7, hazard 14: the run queue is told by a late DISPATCHING" \
	"$wrong_rq" -DFORM=7 -DHAZARD_14A -DCPUS=3
switch "form 7, hazard 14: a re-enqueue is overwritten by a late NONE" \
	"$overwritten" -DFORM=7 -DHAZARD_14B

if ! command -v spin >/dev/null || ! command -v gcc >/dev/null; then
	skip "the model" "spin or gcc is not installed"
else
	search_all
	for i in "${!names[@]}"; do
		if [ "${modes[i]}" = all ]; then
			check "${names[i]}: in no state is anything wrong" is_right "$tmp/$i.log"
		else
			check "${names[i]}: is found" is_found "$tmp/$i.log" "${expected[i]}"
		fi
		diag "$(summary "$tmp/$i.log")"
	done
fi

# --- the litmus tests -----------------------------------------------------------

# herd OPTION...: herd7 with the kernel's memory model.
herd() {
	local in=("$root/lab/in-sid-root" --only herdtools7
		--because "the litmus tests take herd7")

	! command -v herd7 >/dev/null || in=()
	${in[@]+"${in[@]}"} env --chdir="$tree/tools/memory-model" herd7 "$@"
}

herd_all() {
	herd -conf linux-kernel.cfg "$tmp"/*.litmus >"$tmp/herd"
}

# has_result NAME: is it what the test's own header says?
has_result() {
	local result said

	result=$(sed -n 's/^ \* Result: //p' "$tmp/$1.litmus")
	said=$(sed -n "/^Test $1 /,/^Time $1 /p" "$tmp/herd")
	echo "$said"
	grep -q "^Observation $1 $result " <<<"$said" || return
	# What never happens must be so without a data race.
	[ "$result" != Never ] || ! grep -q '^Flag data-race' <<<"$said"
}

cp "$root"/tests/model/*.litmus "$tmp"
if ! capture tree "$root/lab/fetch" 6.18; then
	skip "the litmus tests" "the kernel's memory model cannot be had"
elif ! herd -version >/dev/null 2>"$tmp/herd.said"; then
	skip "the litmus tests" "$(tail -n 1 "$tmp/herd.said")"
else
	check "herd7 gets through the litmus tests" herd_all
	for litmus in "$tmp"/*.litmus; do
		name=$(basename "$litmus" .litmus)
		check "$name: $(sed -n 's/^ \* Result: //p' "$litmus" |
			sed 's/Never/never goes wrong/; s/Sometimes/goes wrong/')" has_result "$name"
	done
	for litmus in "$tmp"/*.litmus; do
		name=$(basename "$litmus" .litmus)
		[ "$name" = "${name%.*}" ] || continue
		check "$name: has a twin that goes wrong" \
			grep -q '^ \* Result: Sometimes' "$tmp/$name".*.litmus
	done
fi

done_testing
