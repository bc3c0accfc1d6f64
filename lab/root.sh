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

# spawn_mmdebstrap [--OPTION]... SUITE TARGET PACKAGES [MIRROR]...: make a root as a directory
# or, if TARGET ends in .tar, as an archive, of the machine's architecture if none of
# mmdebstrap's OPTIONs says otherwise. PACKAGES are separated by commas; a MIRROR is a line
# for apt's list of sources.
spawn_mmdebstrap() {
	local how=(--variant=minbase) suite target packages

	while [[ $1 = --* ]]; do
		how+=("$1")
		shift
	done
	suite=$1 target=$2 packages=$3
	shift 3
	[ $# -gt 0 ] || set -- "$(mirror_of "$suite")"
	# The Release file of a mirror that is a snapshot may be past its date. dpkg, also that
	# in the root, need not wait for the disk: nobody keeps a root that a crash has damaged.
	spawn unshare --mount mmdebstrap --mode=root "${how[@]}" --dpkgopt=force-unsafe-io \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Sandbox::User "root"' \
		--include="$packages" "$suite" "$target" "$@"
}

# keep_root [--OPTION]... NAME SUITE PACKAGES BECAUSE: set kept to a root in the cache with
# these PACKAGES, that spawn_mmdebstrap makes. If there is none, make it: the whole of it or
# nothing. Nobody replaces it while this script runs. BECAUSE begins the sentence of a refusal.
keep_root() {
	local options=() lock

	while [[ $1 = --* ]]; do
		options+=("$1")
		shift
	done
	kept=$cache/roots/$1
	mkdir -p "$cache/roots" "$cache/logs"
	exec {lock}>"$kept.lock"
	# Shared by those who use it; alone, who makes it.
	spawn flock --shared "$lock"
	await $! "waiting for the root $1"
	while ! has_packages "$3"; do
		need_roots "$4"
		command -v mmdebstrap >/dev/null ||
			die "$4; to make a root of Debian $2, mmdebstrap is not installed: run 'make setup' as root."
		spawn flock "$lock"
		await $! "waiting until nobody uses the old root $1"
		has_packages "$3" || make_kept "$@"
		spawn flock --shared "$lock"
		await $! "waiting for the root $1"
	done
}

# has_packages PACKAGES: is there the root kept, with these?
has_packages() {
	[ "$(cat "$kept/packages.scx-custody" 2>/dev/null)" = "$1" ]
}

# make_kept NAME SUITE PACKAGES BECAUSE: for keep_root, which has set options.
make_kept() {
	local part=$kept.part log=$cache/logs/root-$1.log mirror

	mirror=$(mirror_of "$2")
	at_exit "rm -rf ${part@Q}"
	rm -rf "$part"
	spawn_mmdebstrap ${options[@]+"${options[@]}"} "$2" "$part" "$3" "$mirror" >"$log" 2>&1
	await $! "making the root $1 of Debian $2" ||
		die "$4; mmdebstrap cannot make a root of Debian $2 from $mirror: $(grep -m1 '^E:' "$log" || tail -n 1 "$log"); $log has it all."
	echo "$3" >"$part/packages.scx-custody"
	rm -rf "$kept"
	mv "$part" "$kept"
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
