# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Run by deb.t in the installed system: wait until the service has done what it
# does, and print a line for each fact, NAME: VALUE. What they rest on follows.

service=scx-custody-verify.service

# property NAME: of the service.
property() {
	systemctl show --property "$1" --value $service
}

fact() {
	printf '%s: %s\n' "$1" "$2"
}

fact release "$(uname -r)"
fact system "$(systemctl is-system-running --wait)"
# If it is started at boot, it is by now.
while [ "$(property ActiveState)" = active ]; do
	sleep 1
done
fact enabled "$(systemctl is-enabled $service 2>&1)"
fact result "$(property Result)"
finished=$(systemctl show --property FinishTimestampMonotonic --value)
started=$(property ExecMainStartTimestampMonotonic)
ended=$(property ExecMainExitTimestampMonotonic)
if [ "${ended:-0}" -gt 0 ]; then
	fact 'service ran for' "$(((ended - started) / 1000000)) s"
	# The boot has finished when all jobs that were started for it have.
	if [ "$finished" -lt "$ended" ]; then
		fact 'the boot waited for it' no
	else
		fact 'the boot waited for it' yes
	fi
fi
said=$(su - user -c 'scx-custody status' 2>&1)
fact 'exit status of status' $?
fact custody "$(echo "$said" | sed -n 's/^custody *\([a-z]*\).*/\1/p')"
verdict_file=/var/lib/scx-custody/verdict-$(uname -r).json
fact verdict "$(sed -n 's/^  "verdict": "\(.*\)",/\1/p' "$verdict_file" 2>/dev/null)"
fact verdicts "$(find /var/lib/scx-custody -name 'verdict-*.json' 2>/dev/null | wc -l)"
if grep -Fqs "\"version\": \"$(uname -v)\"" "$verdict_file"; then
	fact 'verdict is of this build' yes
fi

echo "== scx-custody status, as $(su - user -c 'id')"
echo "$said"
echo "== the journal of $service"
journalctl --no-pager --boot --unit $service
echo "== how the system came up"
systemd-analyze
systemd-analyze blame --no-pager | head -n 15
systemctl --no-pager --failed
echo "== $verdict_file"
cat "$verdict_file" 2>&1
