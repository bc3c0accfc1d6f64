# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For the guests of dkms.t, after tests/live-guest.sh. It calls one of the functions
# prove and refuse, as root. They print a line for each fact, NAME: VALUE. What those
# rest on is between.

fact() {
	printf '%s: %s\n' "$1" "$2"
}

# is NAME COMMAND...: the fact is yes if that succeeds, else no.
is() {
	name=$1
	shift
	if "$@"; then fact "$name" yes; else fact "$name" no; fi
}

not() {
	! "$@"
}

# status NAME COMMAND...: the fact is its exit status.
status() {
	name=$1 value=0
	shift
	"$@" || value=$?
	fact "$name" $value
}

custody() {
	su - user -c 'scx-custody status' | sed -n 's/^custody *\([a-z]*\).*/\1/p'
}

# All tasks, lest those that aren't the BPF scheduler's keep the CPUs from its own.
selftest() {
	scx-custody-selftest --duration 5 --all-tasks "$@"
}

nr_redirected() {
	[ -e /sys/kernel/tracing/README ] || mount -t tracefs tracefs /sys/kernel/tracing
	grep -c . /sys/kernel/tracing/enabled_functions
}

# tell_refusal COMMAND...: of what should have loaded the module.
tell_refusal() {
	is refused not "$@"
	fact said "$(dmesg | sed -n 's/.*scx_custody: not loaded: //p')"
	is loaded [ -d /sys/module/scx_custody ]
	fact redirected "$(nr_redirected)"
	is 'live patched' live_patched
}

refuse() {
	fact release "$(uname -r)"
	fact custody "$(custody)"
	tell_refusal modprobe scx_custody
	dmesg | tail
}

# start_scheduler COMMAND...: in the background, and wait until it has loaded a BPF
# scheduler.
start_scheduler() {
	"$@" &
	await_scheduler
}

# The module and BPF schedulers come and go one after the other, under load.
in_turn() {
	rounds=0 failed=0 passed=0
	until [ "$(date +%s)" -ge "$1" ]; do
		rounds=$((rounds + 1))
		modprobe scx_custody || failed=$((failed + 1))
		selftest --run hammer || failed=$((failed + 1))
		selftest --run hammer || failed=$((failed + 1))
		modprobe -r scx_custody || failed=$((failed + 1))
		! selftest --run fifo || passed=$((passed + 1))
	done
	fact 'in turn: rounds' $rounds
	fact 'in turn: failed with it' $failed
	fact 'in turn: passed without it' $passed
}

# Whichever is faster: nothing but refusals may come of it.
at_once() {
	passed=0 failed=0
	{
		refused=0
		until [ "$(date +%s)" -ge "$1" ]; do
			modprobe scx_custody
			sleep "0.$((rounds = (rounds * 7 + 3) % 10))"
			modprobe -r scx_custody || refused=$((refused + 1))
		done
		is 'at once: some refused' [ $refused -gt 0 ]
	} 2>&1 &
	until [ "$(date +%s)" -ge "$1" ]; do
		if selftest --run hammer --duration 1; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	done
	wait $!
	is 'at once: some passed' [ $passed -gt 0 ]
	is 'at once: some failed' [ $failed -gt 0 ]
}

prove() {
	fact release "$(uname -r)"
	fact 'before: custody' "$(custody)"
	status 'before: fifo' selftest --run fifo
	start_scheduler scx-custody-selftest --bench-pipe 1000000000
	tell_refusal modprobe scx_custody
	kill $!
	wait $!

	status 'with: modprobe' modprobe scx_custody
	fact 'with: custody' "$(custody)"
	status 'with: selftests' selftest
	start_scheduler selftest --run hammer
	status 'with: modprobe -r' modprobe -r scx_custody
	status 'with: hammer' wait $!
	is 'with: balanced' balanced
	fact 'with: missed' "$(cat $counters/missed)"
	is 'with: live patched' live_patched
	su - user -c 'scx-custody status' | tee /tmp/status
	is 'with: status tells which hazards are open' \
		grep -F "open are still hazards, $(cat $counters/open_hazards)" /tmp/status
	modprobe -r scx_custody

	# tasks that wake each other all the time, under each BPF scheduler that comes
	scx-custody-selftest --bench-pipe 1000000000 --no-scheduler &
	load=$!
	in_turn $(($(date +%s) + minutes * 45))
	at_once $(($(date +%s) + minutes * 15))
	kill $load
	wait $load

	modprobe scx_custody
	status 'with again: fifo' selftest --run fifo
	grep . $counters/*
	fact 'with again: missed' "$(cat $counters/missed)"
	status 'after: modprobe -r' modprobe -r scx_custody
	fact 'after: custody' "$(custody)"
	status 'after: fifo' selftest --run fifo
	fact 'after: redirected' "$(nr_redirected)"
	dmesg | tail -n 200
}
