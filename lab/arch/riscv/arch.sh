# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # see lab/arch.sh
#
# riscv64. Debian has it from 13 (trixie) on.

debian=riscv64
triplet=riscv64-linux-gnu
sysroot_suite=trixie
image_path=arch/riscv/boot/Image
image_magic=$'RSC\005@56'
qemu=qemu-system-riscv64
qemu_packages=(qemu-system-misc)
qemu_options=(-machine virt)
tcg_cpu=rv64
virtio=pci
# What goes wrong before there is a console is told, too.
boot_arguments='earlycon console=ttyS0'
