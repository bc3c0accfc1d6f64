#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module scx_custody, from its package to a kernel that has the semantics while
# it is loaded, and the kernels that it refuses. See lab/e2e --help.

# shellcheck source-path=SCRIPTDIR source=../tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "${root:?}/tests/e2e/common.sh" dkms deb
# shellcheck source-path=SCRIPTDIR source=system.sh
. "$root/tests/e2e/system.sh"

kit=(scx-custody-patches scx-custody-selftests scx-custody-dkms)
minutes=${SCX_CUSTODY_MINUTES:-4}
selftest=''

# --- kernels --------------------------------------------------------------------

# build_renamed IMAGE: the pristine kernel again, of the same release, but a function has
# another name, as a vendor's patch may have it.
build_renamed() {
	local aside=$work/pristine.key tree=$cache/e2e/pristine-$line pristine objects built
	local source=kernel/sched/ext.c image=arch/x86/boot/bzImage
	local work=$tree log=$logs/renamed.log toolchain=()

	pristine=$("$root/lab/fetch" "$line") || return
	objects=$(echo "$cache/packages/${tree##*/}"-*-unpatched/objects)
	built=$(echo "$cache/e2e/pristine"-*-"$format")
	built=${built/pristine-/renamed-}
	exec 8>"$cache/e2e/kernel.lock"
	flock 8
	if [ ! -e "$built" ]; then
		rm -f "$cache"/e2e/renamed-*
		# If this is interrupted, build_kernel begins anew.
		mv "$tree.key" "$aside"
		sed -i 's/\<ops_dequeue\>/ops_dequeue_of_vendor/g' "$tree/$source"
		spawn_make -j"$JOBS" bzImage
		wait $! || {
			tell_error
			return 1
		}
		cp "$objects/$image" "$built"
		# Nobody is to find what is not the kernel that the packages were made of. To make,
		# the object looks newer than its source, which has its old time again.
		cp -l --remove-destination "$pristine/$source" "$tree/$source" &&
			rm "$objects"/{vmlinux,$image,kernel/sched/build_policy.o} &&
			mv "$aside" "$tree.key" || return
	fi
	cp "$built" "$1"
}

# --- what happens in the guest ----------------------------------------------------

live=$(cat "$root"/tests/{live-guest,e2e/live}.sh)

# refuses NAME WORDS: in that boot, the module did nothing but to say why.
refuses() {
	local name=$1 words=$2

	expect "$name: the module is refused" yes "$(fact "$name" refused)"
	expect "$name: what the log says" "$words" "$(fact "$name" said)"
	expect "$name: the module is there" no "$(fact "$name" loaded)"
	expect "$name: functions that are redirected" 0 "$(fact "$name" redirected)"
	expect "$name: marked as live patched" no "$(fact "$name" 'live patched')"
}

# dkms_says RELEASE: of the module for that kernel, in a word.
dkms_says() {
	in_system dkms status -m scx-custody -k "$1" | sed -n 's/.*: \([a-z]*\).*/\1/p'
}

# --- the packages, and dkms -------------------------------------------------------

step "the kit's packages build" build_kit "$work/kit"
step "the packages of a pristine kernel build" build_kernel "$work/pristine" PATCHED=no
step "the packages of a patched kernel build" build_kernel "$work/patched"
step "the pristine kernel builds with a function renamed" build_renamed "$work/renamed"
release=$(release_of "$work"/pristine/linux-image-*.deb)
module=$system/lib/modules/$release/updates/dkms/scx_custody.ko
patched=$(release_of "$work"/patched/linux-image-*.deb)
step "a repository is made" publish "$work/kit" "$work/pristine" "$work/patched"
step "a system is made" make_system
# Debian's own headers would bring the compiler.
step "apt installs the pristine kernel and its headers" \
	apt install "linux-image-$release" "linux-headers-$release" gcc
step "apt installs the kit" apt install "${kit[@]}"
expect "dkms: pristine $line" installed "$(dkms_says "$release")"
step "dkms removes the module" in_system dkms uninstall "scx-custody/$version" -k "$release"
expect "dkms: pristine $line" built "$(dkms_says "$release")"
step "dkms installs it" in_system dkms install "scx-custody/$version" -k "$release"
expect "dkms: pristine $line" installed "$(dkms_says "$release")"
step "apt installs the patched kernel and its headers" \
	apt install "linux-image-$patched" "linux-headers-$patched"
expect "dkms: patched $line, which only modprobe can tell" installed "$(dkms_says "$patched")"
step "apt installs the headers of Debian's own 6.12" apt install linux-headers-cloud-amd64
debian=$(in_system sh -c 'ls /lib/modules' | grep '^6\.12')
expect "dkms: Debian's 6.12, which dkms.conf excludes" added "$(dkms_says "$debian")"

# --- the running kernel ------------------------------------------------------------

step "a disk is made of it" make_disk
step "the module is loaded, tested and unloaded, $minutes minutes long" \
	boot live "$release" "minutes=$minutes"$'\n'"$live"$'\nprove' --mem 2048
expect "before: kernel" "$release" "$(fact live release)"
expect "before: custody, as a user sees it" missing "$(fact live 'before: custody')"
expect "before: a selftest" 1 "$(fact live 'before: fifo')"
refuses live "a BPF scheduler is loaded; unload it first"
expect "with the module: exit status of modprobe" 0 "$(fact live 'with: modprobe')"
expect "with the module: custody, as a user sees it" live "$(fact live 'with: custody')"
expect "with the module: all selftests" 0 "$(fact live 'with: selftests')"
expect "with the module: exit status of modprobe -r beside a BPF scheduler" 1 \
	"$(fact live 'with: modprobe -r')"
expect "with the module: the selftest at that" 0 "$(fact live 'with: hammer')"
expect "with the module: all that entered custody has left" yes "$(fact live 'with: balanced')"
expect "with the module: missed" 0 "$(fact live 'with: missed')"
expect "with the module: a user sees which hazards are open" yes \
	"$(fact live 'with: status tells which hazards are open')"
expect "with the module: marked as live patched" yes "$(fact live 'with: live patched')"
check "in turn: several rounds" [ "$(fact live 'in turn: rounds')" -ge "$minutes" ]
expect "in turn: failed with the module" 0 "$(fact live 'in turn: failed with it')"
expect "in turn: passed without it" 0 "$(fact live 'in turn: passed without it')"
expect "all at once: a BPF scheduler got the semantics" yes "$(fact live 'at once: some passed')"
expect "all at once: a BPF scheduler didn't" yes "$(fact live 'at once: some failed')"
expect "all at once: the module could not be unloaded" yes "$(fact live 'at once: some refused')"
expect "after that: a selftest" 0 "$(fact live 'with again: fifo')"
expect "after that: missed" 0 "$(fact live 'with again: missed')"
expect "unloaded: exit status of modprobe -r" 0 "$(fact live 'after: modprobe -r')"
expect "unloaded: custody, as a user sees it" missing "$(fact live 'after: custody')"
expect "unloaded: a selftest" 1 "$(fact live 'after: fifo')"
expect "unloaded: functions that are redirected" 0 "$(fact live 'after: redirected')"
check "the file system is clean" is_clean

# What is skipped elsewhere. There are no libraries there, so that it takes another build.
capture selftest "$root/lab/build-selftests"
step "all selftests pass with it on 4 CPUs with SMT and NUMA" \
	"$root/lab/vm/run" --kernel "$system/boot/vmlinuz-$release" --topology smt-numa --mem 2048 \
	--file "$module" --file "$selftest" --out "$logs/smt-numa" \
	-- 'insmod /scx_custody.ko && /scx-custody-selftest --all-tasks && rmmod scx_custody'
expect "with SMT and NUMA: what takes them" "core_sched numa" \
	"$(sed -nE 's/^ok [0-9]+ (core_sched|numa)$/\1/p' "$logs/smt-numa/output.log" | sort | xargs)"

# --- kernels that it must not be loaded into -----------------------------------------

step "the patched kernel boots" boot patched "$patched" "$live"$'\nrefuse'
expect "patched: custody, as a user sees it" backported "$(fact patched custody)"
refuses patched "this kernel has the custody semantics of its own"

# Its own modules don't fit it any more either, so that there is no disk.
step "the kernel in which a function has another name boots" \
	"$root/lab/vm/run" --kernel "$work/renamed" --file "$module" --out "$logs/renamed" \
	-- "$live"$'\ntell_refusal insmod /scx_custody.ko'
refuses renamed "this kernel has 0 symbols 'ops_dequeue', not 1"

# --- and away with it ----------------------------------------------------------------

step "apt purges the kit" apt purge "${kit[@]}"
expect "purged: what is left of the module" '' "$(cd "$system" &&
	find usr/lib/modules usr/src var/lib/dkms -name '*scx[-_]custody*')"

finish
