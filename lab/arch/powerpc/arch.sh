# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # see lab/arch.sh
#
# ppc64le.

debian=ppc64el
triplet=powerpc64le-linux-gnu
image_path=vmlinux
image_magic=ELF@1
qemu=qemu-system-ppc64
qemu_packages=(qemu-system-ppc)
qemu_options=(-machine pseries)
tcg_cpu=power9
virtio=pci
boot_arguments=console=hvc0
