# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # see lab/arch.sh
#
# x86-64.

debian=amd64
triplet=x86_64-linux-gnu
image_path=arch/x86/boot/bzImage
image_magic=HdrS@514
qemu=qemu-system-x86_64
qemu_packages=(qemu-system-x86)
tcg_cpu=max
virtio=pci
# On a busy host the kernel's check of the timer can fail without reason.
boot_arguments='console=ttyS0 no_timer_check reboot=t'

adjust_guest() {
	local tsc_khz

	# More CPUs than an APIC has numbers for take x2APIC, and a machine that has it.
	if [ "$cpus" -gt 255 ]; then
		if [ "$accel" != kvm ] && qemu_is_before 9; then
			die "QEMU before 9.0 emulates 255 CPUs at most: $cpus take KVM or a newer QEMU."
		fi
		arguments+=(-machine "q35$([ "$accel" != kvm ] || echo ,kernel-irqchip=split)")
	fi
	if [ -z "$icount" ] && [ "$accel" != kvm ]; then
		# Else a busy host makes the guest's time run too fast.
		tsc_khz=$(program tsc-khz)
		tsc_khz=$("$tsc_khz")
		cmdline+=" tsc_early_khz=$tsc_khz"
	fi
}

# The boot protocol's header tells where the compressed vmlinux begins and how long it is.
extract_vmlinux() {
	local image=$1 setup_sectors offset length begin

	field() { od -An -v -j "$1" -N "$2" -t "u$2" "$image" | tr -d ' '; }
	setup_sectors=$(field $((0x1f1)) 1)
	offset=$(field $((0x248)) 4)
	length=$(field $((0x24c)) 4)
	begin=$(((setup_sectors + 1) * 512 + offset))

	# After the compressed data follow 4 bytes with the size, except for gzip,
	# which ends in its size anyway.
	case $(od -An -j "$begin" -N 4 -t x1 "$image" | tr -d ' ') in
	1f8b*) set -- 0 gzip -dc ;;
	fd377a58) set -- 4 xz -dc ;;
	28b52ffd) set -- 4 zstd -qdc ;;
	02214c18) set -- 4 lz4 -dc ;;
	*) die "the kernel in ${image##*/} is compressed in a way unknown to lab/fetch." ;;
	esac
	length=$((length - $1))
	shift
	need "$1"
	dd if="$image" bs=1M iflag=skip_bytes,count_bytes skip="$begin" count="$length" \
		status=none | "$@"
}

extract_btf() {
	extract_vmlinux "$1" >"$tmp/vmlinux" || die_not_unpacked
	objcopy --dump-section ".BTF=$2" "$tmp/vmlinux" /dev/null
}
