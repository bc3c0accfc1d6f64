# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # lab.sh sets root, the lab's programs read what is set here
#
# The architecture that kernels and programs are built for, and that is booted: ARCH and
# CROSS_COMPILE in the environment, as the kernel's own Makefile takes them. The default is
# the machine's own. Sourced by lab.sh.
#
# All that differs between architectures is in lab/arch/ARCH: vm.config, boot.config,
# e2e.config and where-known.config, which are added to those of lab/kernels, and arch.sh,
# which sets
#
#	debian		Debian's name for it
#	triplet		GNU's name for it: that of its compiler and of its libraries' folder
#	sysroot_suite	Debian's suite to take these libraries from
#	image_path	where make leaves what is booted, and image_name, its name
#	image_magic	what is at which offset of such an image: TEXT@OFFSET
#	qemu		QEMU's program, qemu_packages, which have it, and qemu_options, for
#			any guest
#	tcg_cpu		the CPU to emulate
#	old_tcg		how QEMU before 8.1 emulates: tcg-single where guests were seen not to
#			survive several host threads, see choose_tcg; else tcg
#	virtio		what QEMU's virtio devices are on: pci or ccw
#	many_cpus	the options of lab/vm/run for as many of CPUs, siblings and nodes as
#			the selftests take
#	machine_skips	the selftests, separated by commas, for which QEMU's machine lacks
#			something
#	boot_arguments	for the kernel's command line: the console's name and more
#
# and may define
#
#	extract_btf IMAGE FILE	write the types in a stock kernel's image to FILE
#	adjust_guest		add to arguments[] and cmdline what depends on the guest

# kernel_arch NAME: what the kernel's Makefile calls the architecture that 'uname -m' or it
# calls so.
kernel_arch() {
	case $1 in
	x86_64) echo x86 ;;
	aarch64) echo arm64 ;;
	s390x) echo s390 ;;
	riscv64) echo riscv ;;
	ppc64le) echo powerpc ;;
	*) echo "$1" ;;
	esac
}

own_arch=$(kernel_arch "$(uname -m)")
ARCH=$(kernel_arch "${ARCH:-$own_arch}")
export ARCH
arch_folder=$root/lab/arch/$ARCH
[ -f "$arch_folder/arch.sh" ] ||
	usage_error "ARCH is one of $(cd "$root/lab/arch" && echo *), not '$ARCH'"

sysroot_suite=bookworm old_tcg=tcg qemu_options=() many_cpus=(--topology smt-numa) machine_skips=''
adjust_guest() { :; }
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/.. source=../lab/arch/arm64/arch.sh
. "$arch_folder/arch.sh"
image_name=${image_path##*/}

# For names in the cache; x86, which was there before the others, has none.
of_arch=-$ARCH
[ "$ARCH" != x86 ] || of_arch=''

# What it takes beyond what the machine has for itself.
cross_packages=()
if [ "$ARCH" = "$own_arch" ]; then
	export CROSS_COMPILE=${CROSS_COMPILE:-}
else
	export CROSS_COMPILE=${CROSS_COMPILE:-$triplet-}
	cross_packages=("gcc-${triplet//_/-}" "libc6-dev-$debian-cross")
	how_to_install() { echo "run 'make setup ARCH=$ARCH' as root"; }
fi
