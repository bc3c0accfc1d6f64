#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kit's own packages, for apt and for dnf: that they build, that the linters
# have nothing to say, and that both have the same in them. Whether they install,
# upgrade and go again is told by 42-install.t.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

tmp='' deb='' rpm='' dist=''
version=$(kit_version)
scratch tmp

check "Debian's packages build" "$root/lab/build-packages" deb
check "RPM's packages build" "$root/lab/build-packages" rpm
capture deb "$root/lab/build-packages" deb
capture rpm "$root/lab/build-packages" rpm

# quiet COMMAND...: it succeeds and says nothing.
quiet() {
	local out status=0

	out=$("$@" 2>&1) || status=$?
	echo "exit status $status: $out"
	[ "$status" -eq 0 ] && [ -z "$out" ]
}

# lints_rpm FILE...: rpmlint's exit status knows errors only.
lints_rpm() {
	local out

	out=$(rpmlint -c "$root/rpm/rpmlint.toml" "$@" 2>&1)
	echo "$out"
	grep -q ' 0 errors, 0 warnings' <<<"$out"
}

# A stable release's lintian knows no newer policy than its own.
check "lintian has nothing to say" quiet lintian --allow-root --fail-on error,warning \
	--suppress-tags newer-standards-version "$deb"/*.changes
check "rpmlint has nothing to say" lints_rpm "$rpm"/*.rpm

# That the linters look: each says something of packages made worse.
worsen() {
	mkdir "$tmp/worse"
	dpkg-deb --raw-extract "$deb"/scx-custody-patches_*_all.deb "$tmp/worse" &&
		rm -r "$tmp/worse/usr/share/doc" &&
		dpkg-deb --root-owner-group --build "$tmp/worse" "$tmp/worse.deb" >/dev/null
}
worsen
check "lintian does when the documentation is missing" eval \
	"! quiet lintian --allow-root --fail-on error,warning '$tmp/worse.deb'"
check "rpmlint does without our configuration" eval \
	"! rpmlint '$rpm'/*.rpm | grep -q ' 0 errors, 0 warnings'"

# contents_deb, contents_rpm NAME: paths of a package's files. Each kind has its
# own idea of documentation, licences and debug information.
common() {
	grep -Ev '/(doc|licenses|lintian|\.build-id)(/|$)|/$|^/var/' | sed 's/\.gz$//' | sort
}
contents_deb() {
	dpkg-deb --fsys-tarfile "$deb/$1"_*.deb | tar -t | sed 's,^\.,,; s,^/lib/,/usr/lib/,' | common
}
contents_rpm() {
	rpm -qp --queryformat '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm/$1"-[0-9]*.rpm |
		sed -n 's/^[^d][^ ]* //p' | common
}
for package in scx-custody-patches scx-custody-selftests scx-custody-dkms; do
	contents_deb "$package" >"$tmp/deb"
	contents_rpm "$package" >"$tmp/rpm"
	check "$package: there is something in it" [ "$(wc -l <"$tmp/deb")" -ge 4 ]
	check "$package: both kinds have the same in them" diff "$tmp/deb" "$tmp/rpm"
done

# --- the source tarball -----------------------------------------------------------------

check "the source tarball can be made" "$root/lab/build-packages" dist
capture dist "$root/lab/build-packages" dist
tarball=$dist/scx-custody-$version.tar.gz
tar -xf "$tarball" -C "$tmp"
unpacked=$tmp/scx-custody-$version
path_without "$tmp/path" git

# builds_the_same KIND: without git, what is unpacked of it has what these packages were
# built from, so there is nothing to build.
builds_the_same() {
	local said

	said=$(PATH=$tmp/path "$unpacked/lab/build-packages" "$1" 2>&1)
	echo "$said"
	[ "$said" = "${!1}" ]
}
for kind in deb rpm dist; do
	check "the tarball has what $kind is built from" builds_the_same $kind
done
in_unpacked() {
	(cd "$unpacked" && PATH=$tmp/path "$@")
}
check "dpkg-buildpackage builds from the tarball, without git" in_unpacked dpkg-buildpackage \
	--build=all --unsigned-changes --no-check-builddeps --no-pre-clean
check "rpmbuild takes the tarball, without git" env PATH="$tmp/path" \
	rpmbuild -ts --nodeps --define "_topdir $tmp/rpmbuild" "$tarball"

# --- what distributions ask for ---------------------------------------------------------

check "the RPM package of the command asks for perl's JSON" eval \
	"rpm -qp --requires '$rpm'/scx-custody-patches-[0-9]*.rpm | grep -qx 'perl(JSON::PP)'"
# tells_systemd WHAT: with systemd's own macros, or what they came to before.
tells_systemd() {
	rpm -qp --scripts "$rpm"/scx-custody-selftests-[0-9]*.rpm | tee "$tmp/scripts"
	grep -Eq "systemctl .*$1|systemd-update-helper" "$tmp/scripts"
}
for what in preset disable daemon-reload; do
	check "the RPM package of the service has its unit: $what" tells_systemd $what
done
check "dkms.conf has no command to clean with, which dkms from 3.1.8 on calls deprecated" \
	grep -qx 'CLEAN="true"' "$root/dkms.conf"

# --- as installed -----------------------------------------------------------------------

# The command as it is installed, which has no make: every verb answers.
dpkg-deb -x "$deb"/scx-custody-patches_*_all.deb "$tmp/root"
command=$tmp/root/usr/bin/scx-custody
for verb in detect verify apply unapply port status kernel-deb kernel-rpm debian-source \
	fedora-spec export publish; do
	check "$verb: is there, and has a help" "$command" "$verb" --help
	check "$verb: is in the manual" grep -Fq -- "${verb/-/\\-}" "$root/docs/man/scx-custody.1"
done

# as_installed: applied and taken out again, and how to undo it told as for the command.
as_installed() {
	local tree out

	tree=$("$root/lab/fetch" 6.18) || return
	mkdir "$tmp/tree"
	(cd "$tree" && cp -a --parents Makefile Kbuild kernel/sched include/linux/sched \
		Documentation/scheduler tools/sched_ext "$tmp/tree") || return
	out=$("$command" apply KSRC="$tmp/tree" 2>&1) || return
	echo "$out"
	grep -q "'scx-custody unapply $tmp/tree' takes them out" <<<"$out" &&
		"$command" unapply "$tmp/tree" && diff -r "$tree/kernel/sched" "$tmp/tree/kernel/sched"
}
check "apply and unapply work as installed" as_installed

# What distributions run of debian/tests, with the command as installed.
autopkgtest() {
	PATH=$tmp/root/usr/bin:$PATH LINUX_SOURCE=$tmp/linux.tar \
		"$root/debian/tests/$1"
}
# linux_source NAME: as in the package linux-source, as far as the test unpacks it.
linux_source() {
	local tree

	tree=$("$root/lab/fetch" "$1") || return
	tar -cf "$tmp/linux.tar" --transform 's,^,linux-source/,' -C "$tree" Makefile Kbuild \
		kernel/sched include/linux/sched Documentation/scheduler tools/sched_ext
}
check "debian/tests: status" autopkgtest status
for name in 6.18 7.3.4; do
	check "debian/tests: verify, of $name" eval "linux_source $name && autopkgtest verify"
done
check "--version says what the changelog does" [ "$("$command" --version)" = "$version" ]

# The module, built by dkms where nothing but headers is: from what is packaged, and
# from a checkout. Its records and its sources are ours, so that none of the machine's
# are touched. Its modpost is told that there is no Module.symvers.
check "there are headers of Debian's 6.18" "$root/lab/build-module" 6.18 stock-6.18.15
headers=$cache/obj/6.18-module-stock-6.18.15
release=$(cat "$headers/include/config/kernel.release")

# dkms_build NAME RELEASE: build the version that dkms knows under that name.
dkms_build() {
	KBUILD_MODPOST_WARN=1 dkms build --dkmstree "$tmp/$1/dkms" --sourcetree "$tmp/$1/usr/src" \
		--kernelsourcedir "$headers" -k "$2" "scx-custody/$version"
}

# dkms_builds NAME WHAT...: dkms adds what it is told to, and builds that version.
dkms_builds() {
	mkdir -p "$tmp/$1/dkms" "$tmp/$1/usr/src"
	dkms add --dkmstree "$tmp/$1/dkms" --sourcetree "$tmp/$1/usr/src" "${@:2}" &&
		dkms_build "$1" "$release" &&
		modinfo -F vermagic "$tmp/$1/dkms/scx-custody/$version/$release/x86_64/module/scx_custody.ko" |
		grep "^$release "
}

# leaves_out RELEASE: dkms does not build it for that kernel, and says why.
leaves_out() {
	local out status=0

	out=$(dkms_build from-deb "$1" 2>&1) || status=$?
	echo "$out"
	[ "$status" -ne 0 ] && grep -q BUILD_EXCLUSIVE <<<"$out"
}

mkdir "$tmp/checkout" "$tmp/from-deb" "$tmp/from-rpm"
(cd "$root" && kit_files |
	xargs -0 cp -a --parents -t "$tmp/checkout")
check "dkms builds the module from a checkout" dkms_builds from-checkout "$tmp/checkout"
dpkg-deb -x "$deb"/scx-custody-dkms_*_all.deb "$tmp/from-deb"
(cd "$tmp/from-rpm" && rpm2cpio "$rpm"/scx-custody-dkms-[0-9]*.rpm | cpio -id --quiet)
check "dkms builds the module from what is packaged" dkms_builds from-deb "scx-custody/$version"
for other in 6.1.8-amd64 6.12.117+deb13-amd64 6.15.9 7.1.13 7.10.0; do
	check "dkms builds none for $other" leaves_out "$other"
done
check "both kinds have the same source of it" diff -r "$tmp"/from-{deb,rpm}/usr/src

done_testing
