# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Roots of other Debian suites: to make one and to run commands in it, without
# mounting anything that could stay mounted; sourced after lab.sh and debian.sh.

# need_roots: refuse unless roots can be used, saying why they are needed.
need_roots() {
	need unshare chroot
	[ "$(id -u)" = 0 ] ||
		die "$1; only root can make and use a root of another Debian suite."
	unshare --mount true 2>/dev/null ||
		die "$1; a root of another Debian suite takes a mount namespace (unshare --mount), which is not allowed here."
}

# spawn_mmdebstrap [--extract] SUITE TARGET PACKAGES [MIRROR]...: make a root as a directory
# or, if TARGET ends in .tar, as an archive. PACKAGES are separated by commas; a
# MIRROR is a line for apt's list of sources. With --extract, the PACKAGES and what they
# depend on are unpacked, for ARCH, and no more.
spawn_mmdebstrap() {
	local how=(--variant=minbase) suite target packages

	if [ "$1" = --extract ]; then
		how=(--variant=extract "--architectures=$debian")
		shift
	fi
	suite=$1 target=$2 packages=$3
	shift 3
	[ $# -gt 0 ] || set -- "$(mirror_of "$suite")"
	# The Release file of a mirror that is a snapshot may be past its date. dpkg, also that
	# in the root, need not wait for the disk: nobody keeps a root that a crash has damaged.
	spawn unshare --mount mmdebstrap --mode=root "${how[@]}" --dpkgopt=force-unsafe-io \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Sandbox::User "root"' \
		--include="$packages" "$suite" "$target" "$@"
}

# spawn_in_root ROOT DIR[:INSIDE]... -- COMMAND...: run it in there, in a mount namespace
# of its own, with each of the machine's DIRs, or files, under the same name, or as INSIDE.
spawn_in_root() {
	# shellcheck disable=SC2016 # for the inner shell
	spawn unshare --mount sh -euc '
		root=$1
		shift
		# Who is in there can make a mount namespace only if its / is a mount.
		mount --bind "$root" "$root"
		mount --rbind /proc "$root/proc"
		mount --rbind /dev "$root/dev"
		while [ "$1" != -- ]; do
			from=${1%%:*} to=$root${1#*:}
			shift
			if [ -d "$from" ]; then
				mkdir -p "$to"
			else
				mkdir -p "${to%/*}"
				: >>"$to"
			fi
			mount --rbind "$from" "$to"
		done
		shift
		exec chroot "$root" env -i HOME=/root LC_ALL=C \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
	' sh "$@"
}
