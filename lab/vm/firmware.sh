# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # lab/vm/run and qemu.sh set and read what is not here
#
# A guest whose firmware loads the kernel, as on a machine with Secure Boot: UEFI starts
# shim, shim starts GRUB, and GRUB loads the kernel if shim finds its signature good. QEMU's
# own -kernel passes all of them by. Sourced after qemu.sh; the caller sets
#
#	firmware	the directory with OVMF_CODE.fd, OVMF_VARS.fd, shimx64.efi, grubx64.efi

check_firmware() {
	local file

	[ "$ARCH" = x86 ] || usage_error "--firmware is for x86, not $ARCH"
	for file in OVMF_CODE.fd OVMF_VARS.fd shimx64.efi grubx64.efi; do
		[ -r "$firmware/$file" ] || usage_error "--firmware: there is no '$firmware/$file'"
	done
}

# load_by_firmware CMDLINE: make the EFI system partition, the whole of a disk, with the
# kernel and the initramfs in it; set loader to QEMU's options for it.
load_by_firmware() {
	local esp=$tmp/esp.img

	# GRUB reads grub.cfg in the directory that it was built for, which is Debian's. If the
	# kernel is refused, the machine is turned off.
	cat >"$tmp/grub.cfg" <<-END
		if linux /vmlinuz $1; then
			initrd /initrd
			boot
		fi
		halt
	END
	rm -f "$esp"
	truncate --size "$(($(du -cm "$kernel" "$initrd" | tail -n 1 | cut -f 1) + 40))M" "$esp"
	if ! { mformat -i "$esp" -F :: && mmd -i "$esp" ::/EFI ::/EFI/BOOT ::/EFI/debian &&
		mcopy -i "$esp" "$firmware/shimx64.efi" ::/EFI/BOOT/BOOTX64.EFI &&
		mcopy -i "$esp" "$firmware/grubx64.efi" ::/EFI/BOOT/grubx64.efi &&
		mcopy -i "$esp" "$tmp/grub.cfg" ::/EFI/debian/grub.cfg &&
		mcopy -i "$esp" "$kernel" ::/vmlinuz && mcopy -i "$esp" "$initrd" ::/initrd; }; then
		die "cannot make an EFI system partition."
	fi
	cp "$firmware/OVMF_VARS.fd" "$tmp/vars.fd"
	# shellcheck disable=SC2054 # the commas are QEMU's
	loader=(
		# Only firmware in SMM writes to the variables.
		-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=${firmware//,/,,}/OVMF_CODE.fd"
		-drive "if=pflash,unit=1,format=raw,file=${tmp//,/,,}/vars.fd"
		-drive "if=none,id=esp,format=raw,readonly=on,file=${tmp//,/,,}/esp.img"
		-device virtio-blk-pci,drive=esp,bootindex=0
	)
}
