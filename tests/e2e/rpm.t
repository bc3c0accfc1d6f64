#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPM packages, from building them to a verdict of what dnf has installed, and on
# to their removal. See lab/e2e --help.

# What the guest is to expand, and rpm, is in single quotes.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=../tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "${root:?}/tests/e2e/common.sh" rpm rpm

system=$work/root
kit=(scx-custody-patches scx-custody-selftests)
base=scx-custody-test-base

# dnf COMMAND...: into the root, from nothing but the repository.
dnf() {
	mkdir -p "$work/repos"
	cp "$repository/scx-custody.repo" "$work/repos"
	cat >"$work/dnf.conf" <<-END
		[main]
		cachedir=/var/cache/dnf
		logdir=/var/log
		persistdir=/var/lib/dnf
		reposdir=$work/repos
		varsdir=/dev/null
		plugins=0
	END
	command dnf --config "$work/dnf.conf" --installroot "$system" --releasever 1 \
		--refresh --assumeyes "$@"
}

# dnf_afresh COMMAND...: as one that has not seen the repository yet.
dnf_afresh() {
	rm -rf "$system/var/cache/dnf"
	dnf "$@"
}

# refuses_without_base: dnf does not install the kit where there is nothing that it
# needs, and says what there is not.
refuses_without_base() {
	local status=0 name

	dnf install "${kit[@]}" >"$work/refusal" 2>&1 || status=$?
	cat "$work/refusal"
	[ "$status" -ne 0 ] || return
	for name in quilt 'libelf.so.1.*'; do
		grep -q "nothing provides $name needed by scx-custody-" "$work/refusal" || return
	done
	[ ! -e "$system/usr" ]
}

in_rpm() {
	rpm --root "$system" "$@"
}

# installed: the versions of the kit's packages, or nothing.
installed() {
	in_rpm -qa --queryformat '%{VERSION}\n' 'scx-custody-[ps]*' | sort -u
}

# as_packaged PACKAGE...: nothing differs from what is in them. What a kernel makes of
# its own when it is installed (g, for ghost) is only named there.
as_packaged() {
	! in_rpm -V "$@" | grep -v '^[^ ]*  *g '
}

# Files of the root, without what dnf and rpm note down of their own work, and
# without folders: those that packages share are another package's in Fedora.
list_files() {
	(cd "$system" && find . -path ./var/lib/dnf -prune -o -path ./var/cache -prune -o \
		-path ./var/log -prune -o -path ./root/.rpmdb -prune -o ! -type d -print | sort)
}

# boot NAME COMMAND: boot the installed kernel with the root as it is, in memory, and
# run the command where it is unpacked.
boot() {
	tar -C "$system" -cf "$work/installed.tar" . || return
	"$root/lab/vm/run" --kernel "$system/lib/modules/$release/vmlinuz" --mem 2048 \
		--file "$work/installed.tar" --timeout 3600 --out "$logs/$1" -- \
		"mkdir /installed; cd /installed; tar xf /installed.tar; rm /installed.tar
		for dir in proc sys dev; do
			mount -o rbind /\$dir \$dir
		done
		chmod 1777 tmp
		echo 'user:x:1000:1000::/tmp:/bin/sh' >etc/passwd
		$2"
}

look='echo "release: $(uname -r)"
	chroot . modprobe ext4
	echo "module: $(grep -o "ext4$" /proc/filesystems)"
	chroot . /usr/libexec/scx-custody/record-verdict
	echo "exit status of record-verdict: $?"
	said=$(chroot . su user -c "scx-custody status")
	echo "exit status of status: $?"
	echo "custody: $(echo "$said" | sed -n "s/^custody *\([a-z]*\).*/\1/p")"
	verdict=var/lib/scx-custody/verdict-$(uname -r).json
	echo "verdict: $(sed -n "s/^  \"verdict\": \"\(.*\)\",/\1/p" "$verdict")"
	echo "== scx-custody status, as $(chroot . su user -c id)"
	echo "$said"
	echo "== $verdict"
	cat "$verdict"'

# --- the kit and a kernel with custody --------------------------------------------

step "the kit's packages build" build_kit "$work/kit"
step "the packages of a newer kit build" build_kit "$work/newer" "$newer"
step "the kernel's packages build" build_kernel "$work/kernel"
step "the package that stands in for Fedora's base builds" \
	"$root/tests/e2e/build-base" "$work"
mkdir "$work/base"
mv "$work/$base"-*.rpm "$work/base"
release=$(rpm -qpl "$work"/kernel/kernel-[0-9]*.rpm | sed -n 's,^/lib/modules/\(.*\)/vmlinuz$,\1,p')

step "a repository without the base is made" publish "$work/kit" "$work/kernel"
check "dnf refuses, and names what is missing" refuses_without_base
step "a repository with the base is made" publish "$work/base"
step "dnf installs the base" dnf install "$base"
list_files >"$work/before"
for fault in $(faults rpm); do
	check "dnf refuses: $fault" refuses_fault "$fault" rpm "$repository" \
		"$(cd "$work/kernel" && echo kernel-[0-9]*.rpm)" dnf_afresh install kernel-scxcustody
done
step "dnf installs the kernel and the kit" dnf install kernel-scxcustody "${kit[@]}"
expect "installed: version" "$version" "$(installed)"
check "installed: nothing differs from the packages" as_packaged kernel "${kit[@]}"

step "the kernel boots with what is installed" boot first "$look"
expect "kernel" "$release" "$(fact first release)"
expect "its modules load" ext4 "$(fact first module)"
expect "custody, as a user sees it" backported "$(fact first custody)"
expect "exit status of status" 0 "$(fact first 'exit status of status')"
expect "exit status of record-verdict" 0 "$(fact first 'exit status of record-verdict')"
expect "verdict" pass "$(fact first verdict)"
check "the verdict is JSON" take_verdict first

# --- a newer kit, and away with it --------------------------------------------------

# What the guest had in memory is on a disk elsewhere.
verdict=$system/var/lib/scx-custody/verdict-$release.json
mkdir -p "${verdict%/*}"
cp "$logs/first/verdict.json" "$verdict"
step "the repository gets a newer kit" publish "$work/newer"
step "dnf upgrades" dnf upgrade
expect "upgrade: version" "$newer" "$(installed)"
check "upgrade: the verdict is kept" cmp "$logs/first/verdict.json" "$verdict"
check "upgrade: nothing differs from the packages" as_packaged kernel "${kit[@]}"

step "dnf removes the kit" dnf remove "${kit[@]}"
expect "removed: version" '' "$(installed)"
check "removed: the verdict is kept" cmp "$logs/first/verdict.json" "$verdict"
check "removed: nothing of the kernel is missing" as_packaged kernel
step "removed: the kernel boots" boot last 'echo "release: $(uname -r)"'
expect "removed: kernel" "$release" "$(fact last release)"
rm -r "${verdict%/*}"
step "dnf removes the kernel" dnf remove kernel-scxcustody kernel
list_files >"$work/after"
check "removed: no stray files, and nothing else is missing" diff "$work/before" "$work/after"
check "removed: none of the kit's folders is left" \
	[ -z "$(find "$system" -name '*scx-custody*' ! -path "$system/var/lib/*" ! -path "$system/var/cache/*")" ]

finish
