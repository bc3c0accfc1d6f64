#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Secure Boot, as docs/secure-boot.md says it: a kernel that kernel-deb has signed, and the
# module, on firmware with Microsoft's keys, by Debian's shim and GRUB. See lab/e2e --help.

# What the guest is to expand is in single quotes.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=../tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "${root:?}/tests/e2e/common.sh" secure-boot deb
# shellcheck source-path=SCRIPTDIR source=../../lab/debian.sh
. "$root/lab/debian.sh"
# shellcheck source-path=SCRIPTDIR source=../../lab/root.sh
. "$root/lab/root.sh"

# Of Debian's source, which turns lockdown on by itself where Secure Boot is on.
line=6.12
e2e_config+=("$root/lab/kernels/secure-boot.config")
# The kernels that it has signed stay good for the next time.
mok=$cache/e2e/mok
sign_file=$cache/obj/6.18-module-stock-6.18.15/scripts/sign-file
enrolled=$work/enrolled strange=$work/strange
selftest='' stock=''

# make_mok: the machine owner's key, as the documentation makes it.
make_mok() {
	[ ! -e "$mok.pem" ] || return 0
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=scx-custody test/' \
		-keyout "$mok.key" -outform DER -out "$mok.der" &&
		openssl x509 -inform DER -in "$mok.der" -out "$mok.pem"
}

# make_firmware: what machines have: firmware with Microsoft's keys, shim and GRUB. In one
# of two, the key is enrolled, as by 'mokutil --import'.
make_firmware() {
	local packages=shim-signed,grub-efi-amd64-signed,ovmf,python3-virt-firmware mirror system

	mirror=$(mirror_of trixie) || return
	system=$cache/e2e/firmware-$(sha256sum <<<"$packages $mirror" | cut -c1-16)
	if [ ! -d "$system" ]; then
		rm -rf "$cache/e2e"/firmware-*
		spawn_mmdebstrap trixie "$system.part" "$packages"
		wait $! || return
		mv "$system.part" "$system"
	fi
	mkdir "$strange"
	cp "$system/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" "$strange/OVMF_CODE.fd" &&
		cp "$system/usr/share/OVMF/OVMF_VARS_4M.ms.fd" "$strange/OVMF_VARS.fd" &&
		cp "$system/usr/lib/shim/shimx64.efi.signed" "$strange/shimx64.efi" &&
		cp "$system/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$strange/grubx64.efi" &&
		cp -r "$strange" "$enrolled" && cp "$mok.pem" "$enrolled/mok.pem" || return
	spawn_in_root "$system" "$enrolled:/mnt" -- \
		virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.ms.fd --output /mnt/OVMF_VARS.fd \
		--add-mok "$(cat /proc/sys/kernel/random/uuid)" /mnt/mok.pem
	wait $!
}

# unpack: what is in the packages of both kinds, and the image and a module unsigned.
unpack() {
	local package

	mkdir "$work/image" "$work/image-rpm"
	for package in "$work"/deb/*.deb; do
		dpkg-deb -x "$package" "$work/image" || return
	done
	cd "$work/image-rpm" || return
	for package in "$work"/rpm/*.rpm; do
		rpm2cpio "$package" | cpio -idu --quiet || return
	done
	cp "$work"/image/boot/vmlinuz-* "$work/signed" &&
		cp "$work/signed" "$work/unsigned" && sbattach --remove "$work/unsigned" &&
		find "$work/image" -name virtio_blk.ko -exec cp {} "$work/signed.ko" \; &&
		objcopy --strip-debug "$work/signed.ko" "$work/unsigned.ko"
}

# signer MODULE: who has signed it.
signer() {
	modinfo -F signer "$1"
}

make_module() {
	local module=''

	capture module "$root/lab/build-module" 6.18 stock-6.18.15 || return
	cp "$module" "$work/scx_custody.ko" && cp "$module" "$work/scx_custody-signed.ko" &&
		"$sign_file" sha256 "$mok.key" "$mok.der" "$work/scx_custody-signed.ko"
}

# boot NAME FIRMWARE KERNEL COMMAND [OPTION]...: by the firmware.
boot() {
	"$root/lab/vm/run" --kernel "$3" --firmware "$2" --mem 2048 --timeout 1800 \
		--out "$logs/$1" "${@:5}" -- "$look$4"
}

# refused NAME FIRMWARE KERNEL: shim does not let it start.
refused() {
	local status=0

	boot "$1" "$2" "$3" '' || status=$?
	cat "$logs/$1/console.log"
	[ "$status" -eq 3 ] && grep -q 'bad shim signature' "$logs/$1/console.log"
}

look='mount -t securityfs none /sys/kernel/security
	echo "release: $(uname -r)"
	echo "lockdown: $(sed "s/.*\[\(.*\)\].*/\1/" /sys/kernel/security/lockdown)"
	dmesg | grep -qi "secure boot enabled" && echo "secure boot: yes"
	# load NAME FILE: a module, and say whether it was.
	load() {
		insmod "$2" && echo "$1: loaded" || echo "$1: refused"
	}
	'

# --- a signed kernel ---------------------------------------------------------------

step "a key is made" make_mok
step "firmware is set up, and the key enrolled" make_firmware
step "apt's packages build, signed" \
	build_kernel "$work/deb" "SIGN_KEY=$mok.key" "SIGN_CERT=$mok.der"
format=rpm
step "dnf's packages build, signed" \
	build_kernel "$work/rpm" "SIGN_KEY=$mok.key" "SIGN_CERT=$mok.der"
step "they unpack" unpack
check "apt's image has the key's signature" sbverify --cert "$mok.pem" "$work/signed"
check "dnf's image has the key's signature" \
	sbverify --cert "$mok.pem" "$work"/image-rpm/lib/modules/*/vmlinuz
expect "apt: who has signed a module" "scx-custody test" "$(signer "$work/signed.ko")"
expect "dnf: who has signed a module" "scx-custody test" \
	"$(signer "$(find "$work/image-rpm" -name virtio_blk.ko)")"
check "no package has the key" eval \
	"! grep -rqF \"\$(sed -n 2p '$mok.key')\" '$work/image' '$work/image-rpm'"

# Under lockdown nobody turns the deadline servers off, and 6.12 may warn then when a CPU goes
# offline, which is no fault of what is tested.
online='!(hotplug*|dying_cpu|suspend)'
capture selftest "$root/lab/build-selftests"
step "shim lets the signed kernel start, and the selftests pass" \
	boot signed "$enrolled" "$work/signed" 'load "unsigned module" /unsigned.ko
	load "signed module" /signed.ko
	/scx-custody-selftest --all-tasks --run "'"$online"'"' --file "$selftest" \
	--file "$work/signed.ko" --file "$work/unsigned.ko"
expect "signed kernel: release" "$(basename "$work"/image/lib/modules/*)" "$(fact signed release)"
expect "signed kernel: Secure Boot" yes "$(fact signed 'secure boot')"
expect "signed kernel: lockdown" integrity "$(fact signed lockdown)"
expect "signed kernel: its own module" loaded "$(fact signed 'signed module')"
expect "signed kernel: the module without signature" refused "$(fact signed 'unsigned module')"
check "shim refuses the unsigned kernel" refused unsigned "$enrolled" "$work/unsigned"
check "shim refuses the signed kernel where the key is not enrolled" \
	refused strange "$strange" "$work/signed"

# --- the module on Debian's own kernel -----------------------------------------------

capture stock "$root/lab/fetch" stock-6.18.15
step "the module builds for Debian's 6.18" make_module
step "Debian's 6.18 starts" boot stock "$enrolled" "$stock/vmlinuz" \
	'load "unsigned module" /scx_custody.ko
	load "signed module" /scx_custody-signed.ko
	dmesg | grep scx_custody' --file "$work/scx_custody.ko" --file "$work/scx_custody-signed.ko"
expect "Debian's kernel: Secure Boot" yes "$(fact stock 'secure boot')"
expect "Debian's kernel: lockdown" integrity "$(fact stock lockdown)"
expect "Debian's kernel: scx_custody, unsigned" refused "$(fact stock 'unsigned module')"
expect "Debian's kernel: scx_custody, signed with the key" loaded "$(fact stock 'signed module')"

finish
