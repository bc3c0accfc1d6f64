# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # see lab/arch.sh
#
# arm64, little-endian.

debian=arm64
triplet=aarch64-linux-gnu
image_path=arch/arm64/boot/Image
image_magic=ARMd@56
qemu=qemu-system-aarch64
qemu_packages=(qemu-system-arm)
qemu_options=(-machine virt,gic-version=3)
# To emulate pointer authentication as the architecture defines it takes half of the time.
tcg_cpu=max,pauth-impdef=on
old_tcg=tcg-single
virtio=pci
boot_arguments=console=ttyAMA0

# The image is not compressed. BTF is where its header is: magic, version 1, no flags, 24
# bytes of header, the types right after it; then how long these are, where the strings begin
# and how long they are (Documentation/bpf/btf.rst of the kernel's source).
extract_btf() {
	perl -0777 -ne '
		my $head = pack("vCCVV", 0xeb9f, 1, 0, 24, 0);
		for (my $at = 0; ($at = index($_, $head, $at)) >= 0; $at++) {
			my ($types, $strings, $length) = unpack("VVV", substr($_, $at + 12, 12));
			next if $types != $strings || $types < 65536;
			print substr($_, $at, 24 + $types + $length);
			exit;
		}
		exit 1;' "$1" >"$2"
}
