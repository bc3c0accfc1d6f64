# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # see lab/arch.sh
#
# s390x: big-endian.

debian=s390x
triplet=s390x-linux-gnu
image_path=arch/s390/boot/bzImage
image_magic=S390EP@65544
qemu=qemu-system-s390x
qemu_packages=(qemu-system-misc)
qemu_options=(-machine s390-ccw-virtio)
tcg_cpu=max
virtio=ccw
# The machine has no threads and no nodes, and cannot suspend.
many_cpus=(--cpus 4)
machine_skips=core_sched,numa,suspend
boot_arguments=console=ttysclp0
