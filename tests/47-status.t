#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What runs beside the selftests on an administrator's machine: what the service
# does and when it does nothing, on a patched kernel, a stock one and one with
# a BPF scheduler loaded; and 'status', as far as it goes without a guest that has
# bash. 'make e2e-deb' sees all of it under systemd.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp='' selftest='' kernel='' example=''
scratch tmp
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}

# --- the service ----------------------------------------------------------------

# in_guest VARIANT COMMAND [OPTION]...: with the selftests and what the service runs, which
# finds them though they are in no PATH.
in_guest() {
	case $1 in
	patched)
		capture kernel "$root/lab/build-kernel" 6.18 patched || return
		kernel+=/bzImage ;;
	stock)
		capture kernel "$root/lab/fetch" stock-6.18.15 || return
		kernel+=/vmlinuz ;;
	esac
	"$root/lab/vm/run" --kernel "$kernel" --timeout 600 --out "$tmp/$1" \
		--file "$selftest:/opt/bin/scx-custody-selftest" \
		--file "$root/selftests/record-verdict:/opt/libexec/scx-custody/record-verdict" \
		--file "$example:/usr/bin/scx_ledger" "${@:3}" -- \
		"record_verdict() { sh /opt/libexec/scx-custody/record-verdict; }; $2"
}
capture example "$root/lab/build-program" examples

# What is run twice, and then once with a scheduler loaded and no verdict there.
# shellcheck disable=SC2016 # for the guest's shell
steps='
verdict=/var/lib/scx-custody/verdict-$(uname -r).json
record_verdict; echo "first: $?"
cat $verdict
stat -c "mode: %a" $verdict
record_verdict; echo "second: $?"
sed -i "s/\"version\": .*/\"version\": \"another\",/" $verdict
scx_ledger --duration 60 >/dev/null 2>&1 &
while [ "$(cat /sys/kernel/sched_ext/state)" != enabled ]; do sleep 0.1; done
record_verdict; echo "third: $?"
kill %1; wait
printf "#!/bin/sh\nsleep 60\n" >/tmp/scx_slow; chmod +x /tmp/scx_slow
/tmp/scx_slow & sleep 1
before=$(cat /sys/kernel/sched_ext/enable_seq)
record_verdict; echo "fourth: $?"
[ "$(cat /sys/kernel/sched_ext/enable_seq)" = "$before" ] || echo "fourth: it loaded one"
ls /var/lib/scx-custody -A | grep -v "^verdict-.*[.]json$" ; echo "end"'

# told VARIANT PATTERN: one line of what was printed there matches.
told() {
	grep -Eqx -- "$2" "$tmp/$1/output.log" || {
		cat "$tmp/$1/output.log"
		return 1
	}
}

# is_json VARIANT: what is between the braces of the verdict.
is_json() {
	sed -n '/^{$/,/^}$/p' "$tmp/$1/output.log" | perl -MJSON::PP -e '
		local $/; my $v = decode_json(<STDIN>);
		my %n = (pass => 0, fail => 0, skip => 0);
		$n{$_->{result}}++ for @{$v->{selftest}{tests}};
		die "counts differ\n" if $n{pass} != $v->{passed} || $n{fail} != $v->{failed} || $n{skip} != $v->{skipped};
		die "says differs\n" if $v->{says} ne $v->{selftest}{verdict}'
}

for variant in patched stock; do
	check "$variant: it boots and ends" in_guest "$variant" "$steps"
	case $variant in
	patched) verdict=pass failed=0 ;;
	stock) verdict=fail failed='[1-9][0-9]*' ;;
	esac
	check "$variant: the verdict is $verdict" told "$variant" "  \"verdict\": \"$verdict\","
	check "$variant: tests that failed" told "$variant" "  \"failed\": $failed,"
	check "$variant: it is told in a line, too" \
		told "$variant" "$verdict: [0-9]+ passed, $failed failed, [0-9]+ skipped\\. \"This kernel .*\""
	check "$variant: the verdict is JSON, and its numbers are right" is_json "$variant"
	check "$variant: anyone may read it" told "$variant" 'mode: 644'
	check "$variant: that there is one, is no failure" told "$variant" 'first: 0'
	check "$variant: it is not done twice" told "$variant" 'There is a verdict on this kernel already: .*'
	check "$variant: which is no failure" told "$variant" 'second: 0'
	check "$variant: nothing is run beside another scheduler" \
		told "$variant" 'A BPF scheduler is loaded \(.*\): no test is run beside it\.'
	check "$variant: which is no failure, either" told "$variant" 'third: 0'
	check "$variant: nothing is run where a scheduler is about to be loaded" told "$variant" \
		'scx_slow \(process [0-9]+\) runs and may load .* Another try comes later\.'
	check "$variant: and another try is to come" told "$variant" 'fourth: 1'
	check "$variant: and none was loaded" eval "! told $variant 'fourth: it .*' >/dev/null"
	check "$variant: no file is left of it" told "$variant" end
	check "$variant: the test that may hang is left out" \
		eval "! told $variant '.*\"name\": \"iterate\".*' >/dev/null"
done

# stop_hard: what the service has left when the machine is stopped amid the tests.
stop_hard() {
	# shellcheck disable=SC2016 # for the guest's shell
	! in_guest patched '
		verdict=/var/lib/scx-custody/verdict-$(uname -r).json
		record_verdict & until [ -e $verdict ]; do sleep 0.1; done
		cat $verdict
		until grep enabled /sys/kernel/sched_ext/state; do sleep 0.1; done; sleep 1
		echo b >/proc/sysrq-trigger; sleep 60' || return
	sed -n '/^{$/,/^}$/p' "$tmp/patched/output.log" >"$tmp/begun"
	[ ! -e "$tmp/patched/status" ] && [ "$(tail -n 1 "$tmp/patched/output.log")" = enabled ]
}
check "a machine is stopped hard while the service's tests run" stop_hard
# shellcheck disable=SC2016 # for the guest's shell
check "it boots again" in_guest patched '
	mkdir -p /var/lib/scx-custody
	cp /begun /var/lib/scx-custody/verdict-$(uname -r).json
	record_verdict; echo "status: $?"; cat /sys/kernel/sched_ext/enable_seq
	head -c 400 /begun >/tmp/damaged
	/opt/bin/scx-custody-selftest --run fifo --verdict /tmp/damaged; echo "again: $?"' \
	--file "$tmp/begun"
check "the tests that did not end are not run again" told patched \
	'The tests were begun on this kernel before and did not end, so they are not run again\. .*'
check "nor is that a failure" told patched 'status: 0'
check "and no scheduler was loaded" told patched 0
check "a damaged verdict is said to be, and replaced" \
	told patched 'What is in /tmp/damaged is no whole verdict\. The tests are run again\.'
check "as if there were none" told patched 'again: 0'

# --- status ---------------------------------------------------------------------

# Of the machine that this runs on, whatever it is.
says_of_kernel() {
	local out

	out=$("$root/command/scx-custody" status) || :
	echo "$out"
	grep -qx "kernel     $(uname -r) .*" <<<"$out" &&
		grep -Eq '^custody    (native|early|backported|missing|unknown): ' <<<"$out" &&
		grep -q '^verdict    ' <<<"$out" && grep -q '^scheduler  ' <<<"$out"
}
check "status has four lines" says_of_kernel
check "status --json is JSON" eval "{ '$root/command/scx-custody' status --json || :; } |
	perl -MJSON::PP -e 'local \$/; exists decode_json(<STDIN>)->{custody} or die'"
if [ ! -e /sys/kernel/sched_ext ]; then
	check "status fails on a kernel without sched_ext" \
		eval "! '$root/command/scx-custody' status >/dev/null"
fi
# downloads_nothing: not even on a machine that has nothing, as any user.
downloads_nothing() {
	local status=0

	mkdir -p "$tmp/cache"
	XDG_CACHE_HOME=$tmp/cache "${offline[@]}" "$root/command/scx-custody" status || status=$?
	[ "$status" -le 1 ] && [ -z "$(ls -A "$tmp/cache")" ]
}

# with_verdict COMMAND...: run it where the verdict on this kernel is what comes from stdin.
with_verdict() {
	cat >"$tmp/verdict"
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -euc '
		mount -t tmpfs none /var/lib
		mkdir /var/lib/scx-custody
		cp "$0" "/var/lib/scx-custody/verdict-$(uname -r).json"
		exec "$@"' "$tmp/verdict" "$@"
}

# verdict [VERSION]: as the service wrote it before the selftest did, with marks in it.
verdict() {
	cat <<END
{
  "release": "$(uname -r)",
  "version": "${1:-$(uname -v)}",
  "time": "2026-11-23T01:02:03Z",
  "verdict": "fail",
  "says": "This \"kernel\" (back\\\\slash) lacks it.",
  "passed": 7,
  "failed": 2,
  "skipped": 1,
  "selftest":
  {
    "kernel": "$(uname -r)",
    "tests": [],
    "verdict": "nothing that counts"
  }
}
END
}

# tells PATTERN [VERSION]: status has just this line.
tells() {
	local out

	out=$(verdict "${@:2}" | with_verdict "$root/command/scx-custody" status) || :
	echo "$out"
	grep -Fqx -- "$1" <<<"$out"
}

# tells_json PERL [VERSION]: it is true of $v, the verdict in --json.
tells_json() {
	verdict "${@:2}" | { with_verdict "$root/command/scx-custody" status --json || :; } |
		perl -MJSON::PP -0777 -ne 'BEGIN { $test = shift }
			my $v = decode_json($_)->{verdict}; print; exit(!eval($test))' "$1"
}

if [ "$(id -u)" -eq 0 ]; then
	told='verdict    fail: 7 passed, 2 failed, 1 skipped, 2026-11-23T01:02:03Z'
	check "status tells the verdict" tells "$told"
	check "and what it says, as it is" tells '           This "kernel" (back\slash) lacks it.'
	check "and that it is of another build" \
		tells "$told, of another build of this release" '#1 another'
	# shellcheck disable=SC2016 # perl's variables
	{
		check "status --json has the verdict, too" tells_json '$v->{verdict} eq "fail" &&
			$v->{passed} == 7 && $v->{failed} == 2 && $v->{skipped} == 1 &&
			$v->{current} && $v->{says} eq "This \"kernel\" (back\\slash) lacks it."'
		check "and that it is of another build" tells_json '!$v->{current}' '#1 another'
	}
	check "what is no JSON is said to be damaged" eval "echo '{ \"verdict\": \"pass\", }' | {
		with_verdict '$root/command/scx-custody' status || :; } | grep '^verdict    damaged'"
	check "so is an empty file" eval ": | {
		with_verdict '$root/command/scx-custody' status || :; } | grep '^verdict    damaged'"
	check "status says that the tests did not end, in the boot before" eval "
		sed -e 's/\"version\": .*/\"version\": \"\$(uname -v)\",/' '$tmp/begun' | {
		with_verdict '$root/command/scx-custody' status || :; } |
		grep -A 1 '^verdict    begun: 20' | grep 'The machine stopped before'"
fi

offline=()
[ "$(id -u)" -ne 0 ] || offline=(unshare --net)
check "status downloads and builds nothing" downloads_nothing
check "status refuses an argument" eval "! '$root/command/scx-custody' status x 2>/dev/null"

done_testing
