#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian packages, from building them to a verdict after a reboot, and on to
# their removal. See lab/e2e --help.

# What the guest is to expand, and dpkg, is in single quotes.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=../tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "${root:?}/tests/e2e/common.sh" deb deb
# shellcheck source-path=SCRIPTDIR source=system.sh
. "$root/tests/e2e/system.sh"

kit=(scx-custody-patches scx-custody-selftests)
# The newest without custody of which the suite still serves all packages that it needs.
stock=$(source_column stock-6.17.13 package)
stock_release=$(stock_release stock-6.17.13)

# Files of the system, without what apt and dpkg note down of their own work.
list_files() {
	(cd "$system" && find . -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o \
		-path ./var/backups -prune -o -path ./var/cache -prune -o \
		-path ./var/log -prune -o -path ./run -prune -o -print | sort)
}

# take_back: what the system has done since make_disk to /etc and /var.
take_back() {
	rm -rf "${system:?}/etc" "${system:?}/var"
	debugfs -R "rdump /etc /var $system" "$disk" 2>&1 | tail -n +2 | tee "$work/rdump"
	[ ! -s "$work/rdump" ]
}

look=$(cat "$root/tests/e2e/look.sh")

# installed: the versions of the kit's packages, or nothing.
installed() {
	in_system dpkg-query --show --showformat '${db:Status-Status} ${Version}\n' \
		"${kit[@]}" 2>/dev/null | sed -n 's/^installed //p' | sort -u
}

# verdicts: which there are in the root, and what is in them.
verdicts() {
	(cd "$system/var/lib/scx-custody" && sha256sum verdict-*)
}

# enabled: is the service, in the root?
enabled() {
	in_system systemctl is-enabled scx-custody-verify.service 2>/dev/null
}

# strays: what there was not before the kit came, and did not come of running.
strays() {
	list_files >"$work/after"
	# But for the links to a kernel, which Debian's own brings.
	comm -13 "$work/before" "$work/after" |
		comm -23 - <(comm -13 "$work/installed" "$work/ran") |
		grep -vxE '\./(vmlinuz|initrd\.img)(\.old)?'
	# Whatever it came of.
	grep -i custody "$work/after" | grep -vF "$patched"
}

# --- the kit and a kernel with custody --------------------------------------------

step "the kit's packages build" build_kit "$work/kit"
step "the packages of a newer kit build" build_kit "$work/newer" "$newer"
step "the kernel's packages build" build_kernel "$work/kernel"
patched=$(release_of "$work"/kernel/linux-image-*.deb)
step "a repository is made" publish "$work/kit" "$work/kernel"
step "a system is made" make_system
step "apt installs the kernel" apt install linux-image-scxcustody
for fault in $(faults deb); do
	check "apt refuses: $fault" refuses_fault "$fault" deb "$repository" \
		"$(cd "$work/kernel" && echo linux-image-*.deb)" fetch "linux-image-$patched"
done
check "apt does not, when the repository is restored" fetch "linux-image-$patched"
list_files >"$work/before"
step "apt installs the kit" apt install "${kit[@]}"
list_files >"$work/installed"
expect "installed: version" "$version" "$(installed)"

step "a disk is made of it" make_disk
step "it boots with its own kernel and initramfs" \
	boot first "$patched" "$look"$'\nsystemctl enable $service' --end reboot
expect "first boot: kernel" "$patched" "$(fact first release)"
expect "first boot: system" running "$(fact first system)"
expect "first boot: service" disabled "$(fact first enabled)"
expect "first boot: custody, as a user sees it" backported "$(fact first custody)"
expect "first boot: verdict" '' "$(fact first verdict)"
check "the file system is clean" is_clean

step "it boots again, with the service enabled" boot second "$patched" "$look"
expect "second boot: kernel" "$patched" "$(fact second release)"
expect "second boot: system" running "$(fact second system)"
expect "second boot: service" enabled "$(fact second enabled)"
expect "second boot: the boot waited for the service" no "$(fact second 'the boot waited for it')"
expect "second boot: result of the service" success "$(fact second result)"
expect "second boot: custody, as a user sees it" backported "$(fact second custody)"
expect "second boot: exit status of status" 0 "$(fact second 'exit status of status')"
expect "second boot: verdict" pass "$(fact second verdict)"
expect "second boot: it is of this build" yes "$(fact second 'verdict is of this build')"
check "second boot: the verdict is JSON" take_verdict second
check "the file system is clean" is_clean

# --- a machine that is stopped hard amid the service's tests ------------------------

# stop_hard: the disk keeps what the service wrote, and nobody has unmounted it.
stop_hard() {
	# shellcheck disable=SC2016 # for the guest's shell
	! boot stopped "$patched" '
		verdict=/var/lib/scx-custody/verdict-$(uname -r).json
		cp $verdict /root
		rm $verdict; sync
		systemctl start scx-custody-verify
		until grep -q begun $verdict; do sleep 0.1; done
		until grep enabled /sys/kernel/sched_ext/state; do sleep 0.1; done; sleep 1
		echo b >/proc/sysrq-trigger; sleep 60' || return
	[ "$(tail -n 1 "$logs/stopped/output.log")" = enabled ]
}
step "it is stopped hard while the service's tests run" stop_hard
step "it boots after that" boot after "$patched" "$look"'
mv /root/verdict-* /var/lib/scx-custody'
expect "after a hard stop: result of the service" success "$(fact after result)"
expect "after a hard stop: verdict" begun "$(fact after verdict)"
expect "after a hard stop: the tests were run again" '' \
	"$(grep 'passed, .* failed' "$logs/after/output.log")"
check "after a hard stop: status says so" \
	grep -q 'The machine stopped before the tests ended' "$logs/after/output.log"
check "the file system is clean" is_clean

# --- a newer kit, and Debian's own kernel beside the other --------------------------

step "what the system changed is taken over" take_back
list_files >"$work/ran"
before=$(verdicts)
step "the repository gets a newer kit" publish "$work/newer"
step "apt sees it" apt update
step "apt installs the newer kit" apt install "${kit[@]}"
expect "upgrade: version" "$newer" "$(installed)"
expect "upgrade: service" enabled "$(enabled)"
check "upgrade: the verdict is kept" diff <(echo "$before") <(verdicts)
step "apt installs $stock" apt install "$stock"

step "a disk is made of it, again" make_disk
step "it boots with Debian's own kernel" boot stock "$stock_release" "$look"
expect "stock: kernel" "$stock_release" "$(fact stock release)"
expect "stock: system" running "$(fact stock system)"
expect "stock: the boot waited for the service" no "$(fact stock 'the boot waited for it')"
expect "stock: result of the service" success "$(fact stock result)"
expect "stock: custody, as a user sees it" missing "$(fact stock custody)"
expect "stock: exit status of status" 1 "$(fact stock 'exit status of status')"
expect "stock: verdict" fail "$(fact stock verdict)"
expect "stock: verdicts there are" 2 "$(fact stock verdicts)"
check "stock: the verdict is JSON" take_verdict stock
check "the file system is clean" is_clean

# --- and away with it ---------------------------------------------------------------

step "what the system changed is taken over, again" take_back
before=$(verdicts)
step "apt removes the kit" apt remove "${kit[@]}"
expect "removed: version" '' "$(installed)"
check "removed: the verdicts are kept" diff <(echo "$before") <(verdicts)
step "apt purges the kit" apt --autoremove purge "${kit[@]}" "$stock"
check "purged: no stray files" diff <(strays) /dev/null
check "purged: nothing of the system is missing" \
	diff <(comm -23 "$work/before" "$work/after") /dev/null

step "a disk is made of what is left" make_disk
step "it still boots" boot last "$patched" 'echo "release: $(uname -r)"
	echo "system: $(systemctl is-system-running --wait)"
	echo "units: $(systemctl list-unit-files --no-legend "scx-custody-verify*")"
	systemctl --no-pager --failed'
expect "purged: kernel" "$patched" "$(fact last release)"
expect "purged: system" running "$(fact last system)"
expect "purged: the kit's units" '' "$(fact last units)"
check "the file system is clean" is_clean

finish
