# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # common.sh sets what is not set here, or reads it
#
# A Debian system for the proofs from end to end: to make it, install into it with
# apt from a repository of its own, and boot it. Sourced after common.sh. It sets
#
#	system		the system's root directory
#	disk		the image that is made of it and booted

# shellcheck source-path=SCRIPTDIR source=../../lab/debian.sh
. "$root/lab/debian.sh"
# shellcheck source-path=SCRIPTDIR source=../../lab/root.sh
. "$root/lab/root.sh"

system=$work/root disk=$work/disk url=file:///mnt

# in_system COMMAND...: run it in the root, with the repository as /mnt.
in_system() {
	spawn_in_root "$system" "$repository:/mnt" -- "$@"
	wait $!
}

# apt COMMAND...: with no more than what is needed, so that it all goes again.
apt() {
	in_system env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
		-o APT::Install-Recommends=0 -o APT::AutoRemove::RecommendsImportant=0 \
		-o APT::AutoRemove::SuggestsImportant=0 "$@"
}

# make_system: a Debian trixie with an initramfs and systemd, as small as it gets. One of
# another architecture than the machine's takes qemu-user, registered with the kernel
# (binfmt_misc), to run its programs here.
make_system() {
	local packages=systemd-sysv,initramfs-tools,e2fsprogs,zstd mirror archive

	mirror=$(mirror_of trixie) || return
	archive=$cache/e2e/$debian-trixie-$(sha256sum <<<"$packages $mirror" | cut -c1-16).tar
	if [ ! -e "$archive" ]; then
		rm -f "$cache/e2e/$debian-trixie"-*.tar
		spawn_mmdebstrap "--architectures=$debian" trixie "$archive.part.tar" "$packages"
		wait $! || return
		mv "$archive.part.tar" "$archive"
	fi
	mkdir "$system"
	tar -C "$system" -xf "$archive"
	echo "/dev/vda / ext4 errors=remount-ro 0 1" >"$system/etc/fstab"
	echo guest >"$system/etc/hostname"
	cat >"$system/etc/apt/sources.list" <<-END
		deb $mirror trixie main
		deb $mirror trixie-backports main
	END
	cp "$repository/scx-custody.sources" "$system/etc/apt/sources.list.d/e2e.sources"
	in_system useradd --create-home user && apt update
}

# fetch PACKAGE: as a system that knows nothing of the repository yet, which has all that the
# package depends on.
fetch() {
	local lists=/tmp/lists
	local -a alone=(-o "Dir::State::Lists=$lists" -o Dir::Etc::SourceList=/dev/null
		-o APT::Update::Error-Mode=any -o APT::Sandbox::User=root)

	mkdir -p "$system$lists/partial"
	apt "${alone[@]}" update && apt "${alone[@]}" --reinstall --download-only install "$1"
	set -- $?
	rm -rf "${system:?}$lists"
	return "$1"
}

make_disk() {
	rm -f "$disk"
	truncate --size 3G "$disk"
	mke2fs -q -t ext4 -d "$system" "$disk"
}

# is_clean: has the file system been unmounted, and is it sound?
is_clean() {
	dumpe2fs -h "$disk" 2>&1 | grep -E '^Filesystem (features|state):' | tee "$work/state"
	! grep -q needs_recovery "$work/state" && grep -q ' clean$' "$work/state" && e2fsck -fn "$disk" 2>&1
}

# boot NAME RELEASE COMMAND [OPTION]...: boot it with that kernel and run a command.
boot() {
	local name=$1 release=$2 command=$3

	shift 3
	"$root/lab/vm/run-root" --disk "$disk" --kernel "$system/boot/vmlinuz-$release" \
		--initrd "$system/boot/initrd.img-$release" --timeout 3600 --out "$logs/$name" \
		"$@" -- "$command"
}

# release_of PACKAGE-FILE: the kernel that is in it.
release_of() {
	dpkg-deb --field "$1" Package | sed 's/^linux-image-//'
}
