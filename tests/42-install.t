#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kit's packages in throw-away roots: installed, upgraded, removed and purged,
# with nothing left behind but what should be. 'make e2e-deb' and 'make e2e-rpm'
# also boot what is installed. Takes root, for chroot.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../lab/debian.sh
. "$root/lab/debian.sh"
# shellcheck source-path=SCRIPTDIR source=../lab/root.sh
. "$root/lab/root.sh"

if [ "$(id -u)" != 0 ]; then
	skip "the packages install, upgrade and go" "takes root"
	done_testing
	exit
fi

tmp=''
scratch tmp
mkdir "$tmp/packages"
version=$(kit_version)
newer=$version+test
kit=(scx-custody-patches scx-custody-selftests scx-custody-dkms)
verdict=/var/lib/scx-custody/verdict-6.18.15.json

# files: all that is in the root, but for what the package manager keeps for itself,
# and systemd's folders of what is enabled, which are there with or without something.
files() {
	(cd "$tmp/root" && find . \( -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ./var/cache \
		-o -path ./var/log -o -path ./var/lib/apt -o -path ./proc -o -path ./dev \
		-o -path ".$tmp" -o -path ./tmp \) -prune -o -printf '%y %m %p %l\n' |
		grep -v '^d .*\.wants $' | sort)
}

in_root() {
	spawn_in_root "$tmp/root" "$tmp/packages" -- env DEBIAN_FRONTEND=noninteractive "$@"
	wait $!
}

has() {
	[ -e "$tmp/root$1" ] || [ -L "$tmp/root$1" ]
}

has_not() {
	! has "$1"
}

# works: what is installed runs.
works() {
	in_root scx-custody --version && in_root scx-custody-selftest --list &&
		in_root scx-custody detect --help
}

# keeps_verdict COMMAND...: it is done, and a verdict stays as it is.
keeps_verdict() {
	"$@" && [ "$(cat "$tmp/root$verdict")" = '{ "verdict": "pass" }' ]
}

# without_headers COMMAND...: it is done, though dkms finds no kernel's headers, and
# says so.
without_headers() {
	"$@" >"$tmp/said" 2>&1 && cat "$tmp/said" &&
		grep -Eiq '(no kernel headers were found|kernel headers .* cannot be found)' "$tmp/said"
}

# has_source [VERSION]: that of the module is there, says so itself, and dkms knows of
# it; there is no other, or none at all if no VERSION is given.
has_source() {
	local known there

	known=$(in_root dkms status)
	there=$(cd "$tmp/root/usr/src" && grep -r '^PACKAGE_VERSION=' .)
	echo "dkms status: $known"
	echo "/usr/src: $there"
	[ "$known" = "${1:+scx-custody/$1: added}" ] &&
		[ "$there" = "${1:+./scx-custody-$1/dkms.conf:PACKAGE_VERSION=\"$1\"}" ]
}

put_verdict() {
	mkdir -p "$tmp/root${verdict%/*}" && echo '{ "verdict": "pass" }' >"$tmp/root$verdict"
}

# --- apt ------------------------------------------------------------------------

suite=trixie
archive=$cache/roots/$suite-packages.tar
contents=bash,patch,perl,quilt,init-system-helpers,dkms,libelf1t64

make_archive() {
	[ "$(cat "$archive.contents" 2>/dev/null)" != "$contents" ] || [ ! -e "$archive" ] || return 0
	mkdir -p "${archive%/*}"
	rm -f "$archive"
	spawn_mmdebstrap "$suite" "$archive.new.tar" "$contents"
	wait $! && mv "$archive.new.tar" "$archive" && echo "$contents" >"$archive.contents"
}

unpack_archive() {
	mkdir "$tmp/root" && tar -C "$tmp/root" -xf "$archive" --exclude './dev/*'
}

apt_install() {
	in_root apt-get -y --no-install-recommends -o Acquire::Languages=none install "$@"
}

old='' new=''
check "a root of $suite can be made" make_archive
check "it unpacks" unpack_archive
capture old "$root/lab/build-packages" deb
capture new "$root/lab/build-packages" deb "$newer"
for package in "${kit[@]}"; do
	cp "$old/$package"_*.deb "$new/$package"_*.deb "$tmp/packages"
done
before=$(files)

check "apt installs them, without any kernel's headers" \
	without_headers apt_install "$tmp/packages"/*_"$version"_*.deb
check "what is installed works" works
check "dkms has the module's source" has_source "$version"
check "the service is not enabled" \
	has_not /etc/systemd/system/multi-user.target.wants/scx-custody-verify.service
# What systemctl would do, where there is no systemd.
check "it can be" in_root env DPKG_MAINTSCRIPT_PACKAGE=scx-custody-selftests \
	deb-systemd-helper enable scx-custody-verify.service
put_verdict
check "a newer version is installed over it, and the verdict stays" \
	keeps_verdict apt_install "$tmp/packages"/*+test_*.deb
check "it works, too" works
check "it is the newer one" [ "$(in_root scx-custody --version)" = "$newer" ]
check "dkms has the newer source, and not the old one" has_source "$newer"
check "the service is still enabled" \
	has /etc/systemd/system/multi-user.target.wants/scx-custody-verify.service
check "they are removed, and the verdict stays" \
	keeps_verdict in_root apt-get -y remove "${kit[@]}"
check "the command is gone" has_not /usr/bin/scx-custody
check "the service is gone" has_not /usr/lib/systemd/system/scx-custody-verify.service
check "the module's source is gone" has_source
# apt does not know packages any more that have nothing to purge.
check "they are purged" in_root dpkg --purge "${kit[@]}"
check "nothing is left of them" diff <(echo "$before") <(files)
rm -rf "$tmp/root" "$tmp/packages"/*

# --- rpm ------------------------------------------------------------------------

# in_rpm COMMAND...: the machine's rpm, with a database in the root, and what packages'
# scripts need there, once there is a base. Debian's rpm says first that it is not the
# way to install packages.
in_rpm() {
	# shellcheck disable=SC2016 # for the inner shell
	spawn unshare --mount sh -euc '
		for dir in proc dev; do
			[ ! -d "$0/$dir" ] || mount --rbind "/$dir" "$0/$dir"
		done
		exec rpm --root "$0" --dbpath /var/lib/rpm "$@"
	' "$tmp/root" "$@" 2> >(grep -v '^rpm: ' >&2)
	wait $!
}

rpm_works() {
	in_root /usr/bin/scx-custody-selftest --list &&
		in_root /bin/sh /usr/libexec/scx-custody/record-verdict
}

capture old "$root/lab/build-packages" rpm
capture new "$root/lab/build-packages" rpm "$newer"
check "the package that stands in for Fedora's base builds" \
	"$root/tests/e2e/build-base" "$tmp/packages"
mkdir -p "$tmp/root/var/lib/rpm"
check "rpm installs that" in_rpm -U "$tmp/packages"/scx-custody-test-base-*.rpm
before=$(files)
check "rpm installs the kit's packages, without any kernel's headers" \
	without_headers in_rpm -U "$old"/scx-custody-{patches,selftests,dkms}-[0-9]*.rpm
check "the command is there" has /usr/bin/scx-custody
check "dkms has the module's source" has_source "$version"
put_verdict
check "a newer version is installed over it, and the verdict stays" \
	keeps_verdict in_rpm -U "$new"/scx-custody-{patches,selftests,dkms}-[0-9]*.rpm
check "it is the newer one" [ "$(in_rpm -q --queryformat '%{VERSION}' scx-custody-patches)" = "$newer" ]
check "dkms has the newer source, and not the old one" has_source "$newer"
check "the same version is installed over it" \
	in_rpm -U --replacepkgs "$new"/scx-custody-dkms-[0-9]*.rpm
check "dkms still has the source" has_source "$newer"
check "they are removed, and the verdict stays" \
	keeps_verdict in_rpm -e "${kit[@]}"
check "the module's source is gone" has_source
rm "$tmp/root$verdict"
rmdir "$tmp/root${verdict%/*}"
# Folders that packages share are another package's in Fedora (filesystem).
check "none of their folders is left" [ -z "$(find "$tmp/root/usr" -name '*scx-custody*')" ]
check "no file is left of them" diff <(grep -v '^d ' <<<"$before") <(files | grep -v '^d ')

done_testing
