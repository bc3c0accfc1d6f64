# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the VM boot: the kernel image in KERNEL or in the first argument, else
# a stock one. Sets kernel. Source tap.sh first.

kernel=${1:-${KERNEL:-}}
if [ -z "$kernel" ]; then
	capture kernel "${root:?}/lab/fetch" stock-7.3.4 || exit
	kernel+=/vmlinuz
fi
