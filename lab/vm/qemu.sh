# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # lab.sh and the caller set what is not set here
#
# What lab/vm/run and lab/vm/run-root share: a guest's options, whether it is accelerated,
# running it to its end, and judging how it ended; sourced after lab.sh. The caller
# gives to guest_option what is on its command line, and then calls
#
#	check_guest	refuse what is wrong in the options and in command[]
#	prepare_guest	choose how to run it, and where its logs go: set tmp and out
#	run_guest	boot it and see it to its end
#	tell_outcome	tell how it ended, and exit
#
# In between it sets
#
#	initrd		the initramfs to boot with
#	machine[]	what QEMU is told beyond what all guests have
#	unreached	what to say if the guest never said "init", if that is no fault
#			of what is being looked at; the outcome is then "harness"
#	before_boot	what to do before each boot, if anything
#	load_kernel	who sets loader, QEMU's options that load the kernel, given its
#			command line; by default, QEMU loads it itself
#
# The guest has three virtio serial ports, to say
#
#	scx-custody.output	what the command prints, as it prints it
#	scx-custody.results	what the command writes there, if anything
#	scx-custody.status	"init" once the command is about to be run, then
#				"exit CODE", or "error WHAT" if it could not be

# What goes wrong before there is a guest says nothing about the kernel.
die() {
	printf '%s: %s\nharness\n' "$self" "$*" >&2
	exit 3
}

# What the kernel prints when something is wrong that does not stop it.
splat='(^|[^A-Za-z_])(WARNING|BUG|UBSAN|KASAN|KCSAN|KFENCE): '
splat+='|kernel BUG at |Oops: |general protection fault|list_(add|del) corruption'
splat+='|INFO: task .* blocked for more than |INFO: trying to register non-static key'
splat+='|rcu: INFO: .* (stall|detected)|possible (circular|recursive) locking|soft lockup'

declare -A exit_status=([pass]=0 [fail]=1 [harness]=3 [skip]=4 [panic]=5 [hang]=6 [splat]=7)

kernel='' cpus='' mem=1024 limit=300 silence='' append='' known='' accel=auto out='' icount=''
machine=() before_boot=: unreached='' load_kernel=load_by_qemu loader=()

# within OPTION VALUE LOW HIGH: refuse unless the value is a number in between.
within() {
	if ! is_count "$2" || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		usage_error "$1 takes a number from $3 to $4, not '$2'"
	fi
}

# The options that all guests have, as a pattern.
guest_options='--kernel|--cpus|--mem|--timeout|--silence|--append|--known|--accel|--out'

# guest_option OPTION VALUE: take one of them.
guest_option() {
	case $1 in
	--kernel) kernel=$2 ;;
	--cpus) within "$1" "$2" 1 256; cpus=$2 ;;
	--mem) within "$1" "$2" 128 65536; mem=$2 ;;
	--timeout) within "$1" "$2" 1 86400; limit=$2 ;;
	--silence) within "$1" "$2" 1 86400; silence=$2 ;;
	--append) append+=" $2" ;;
	--known) known=$2 ;;
	--accel) accel=$2 ;;
	--out) out=$2 ;;
	esac
}

# has_magic TEXT@OFFSET: is that in the kernel's image? arm64's own build of packages
# compresses it, and QEMU unpacks it.
has_magic() {
	local text=${1%@*}

	[ "$(gzip -dcf "$kernel" 2>/dev/null |
		dd iflag=skip_bytes,count_bytes,fullblock skip="${1#*@}" count=${#text} status=none |
		tr -d '\0')" = "$text" ]
}

check_guest() {
	[ -n "$kernel" ] || usage_error "--kernel is missing"
	[ ${#command[@]} -gt 0 ] || usage_error "there is no command after --"
	case $accel in
	auto | kvm | tcg | tcg-single) ;;
	*) usage_error "--accel is auto, kvm, tcg or tcg-single, not '$accel'" ;;
	esac
	[ -r "$kernel" ] || usage_error "there is no kernel image '$kernel'"
	[ ! -d "$kernel" ] || usage_error "'$kernel' is a directory, not a kernel image"
	has_magic "$image_magic" || has_magic ELF@1 ||
		usage_error "'$kernel' is not an $ARCH kernel image ($image_name or vmlinux)"
}

# shell_quote WORD...: the words as one line that a shell reads as these words.
shell_quote() {
	local word

	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

# write_command FILE: what the guest's shell is to run.
write_command() {
	if [ ${#command[@]} -eq 1 ]; then
		printf '%s' "${command[0]}"
	else
		shell_quote "${command[@]}"
	fi >"$1"
}

# program NAME [PREFIX]: lab/vm/NAME.c, compiled once for each version of it, by the machine's
# own gcc or by the cross compiler of that prefix.
program() {
	local result gcc=${2:-}gcc

	result=$cache/vm/$1-${2:-}$(sha256sum "$root/lab/vm/$1.c" | cut -c1-16)
	if [ ! -x "$result" ]; then
		need "$gcc"
		mkdir -p "$cache/vm"
		"$gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -static \
			-o "$tmp/$1" "$root/lab/vm/$1.c" >&2 ||
			die "lab/vm/$1.c does not compile."
		mv "$tmp/$1" "$result"
	fi
	echo "$result"
}

# Acceleration. /dev/kvm that opens proves nothing: on some virtual machines a
# guest dies in it. So boot one, and remember the answer until the host boots
# again. A "no" is remembered only once the same kernel has reached init
# without KVM, since the kernel may be what is broken.
verdict_file() {
	echo "$cache/vm/accel-$( (cat /proc/sys/kernel/random/boot_id
		"$qemu" --version) | sha256sum | cut -c1-16)"
}

remember_verdict() {
	mkdir -p "$cache/vm"
	echo "$1" >"$tmp/verdict"
	mv "$tmp/verdict" "$verdict"
}

# qemu_is_before VERSION
qemu_is_before() {
	! printf '%s\n' "$1" "$("$qemu" --version | sed -n '1s/.* version \([0-9.]*\).*/\1/p')" |
		sort -VC
}

# choose_tcg: how to emulate. Before version 8.1, a CPU that translates code while another one
# patches it can go on running the old code. On x86-64, kernels put a breakpoint in its place
# first, and this shows. Elsewhere it does not: on arm64, a static key stayed as it was for a
# CPU. One host thread for all CPUs is no way out for the others: on riscv64 and ppc64le, the
# selftests then take 20 times as long.
choose_tcg() {
	if qemu_is_before 8.1; then echo "$old_tcg"; else echo tcg; fi
}

choose_accel() {
	verdict=$(verdict_file)
	[ "$accel" = auto ] || return 0
	if [ "$ARCH" != "$own_arch" ] || [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		accel=$(choose_tcg)
	elif [ -e "$verdict" ]; then
		accel=$(cat "$verdict")
	else
		say "booting $kernel to see whether KVM works here (20 s at most)"
		spawn "$root/lab/vm/run" --kernel "$kernel" --accel kvm --timeout 20 --cpus "$cpus" \
			--out "$tmp/probe" -- true 2>/dev/null
		if wait $!; then
			accel=kvm
			remember_verdict kvm
		else
			accel=$(choose_tcg)
			probed=yes
		fi
	fi
}

# Set tmp and out, and how to run the guest.
prepare_guest() {
	need "$qemu"
	tmp=''
	scratch tmp
	probed=''
	choose_accel
	if [ "$accel" = kvm ] && [ "$ARCH" != "$own_arch" ]; then
		die "--accel kvm runs guests of this machine's own architecture ($own_arch) only."
	fi
	if [ "$accel" = kvm ] && { [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; }; then
		die "--accel kvm needs a /dev/kvm that can be read and written; there is none."
	fi

	if [ -n "$out" ]; then
		mkdir -p "$out" || die "cannot make the directory '$out'."
		rm -f "$out/outcome" "$out/reason"
	else
		mkdir -p "$cache/logs"
		out=$(mktemp -d "$cache/logs/vm-$(date +%Y%m%d-%H%M%S)-XXXX")
		# shellcheck disable=SC2016 # it is expanded when the script ends
		at_exit '[ "${outcome:-pass}" != pass ] || rm -rf "$out"'
	fi
}

# load_by_qemu CMDLINE: set loader to the options by which QEMU loads the kernel itself.
load_by_qemu() {
	loader=(-kernel "$kernel" -initrd "$initrd" -append "$1")
}

# Boot the guest and watch it to its end: set ended to "ended" and how to QEMU's exit
# status, or set ended to "late" and how to "limit" or "silence", the one that passed.
run_qemu() {
	# In QEMU's options a comma in a file's name is written twice.
	local logs=${out//,/,,} private=${tmp//,/,,}
	# shellcheck disable=SC2054 # the commas are QEMU's
	local arguments=(
		-nodefaults -no-user-config -display none -no-reboot
		"${qemu_options[@]}" -m "$mem"
		-chardev "file,id=console,path=$logs/console.log" -serial chardev:console
		-device "virtio-serial-$virtio"
		-chardev "file,id=output,path=$logs/output.log"
		-device virtserialport,chardev=output,name=scx-custody.output
		-chardev "file,id=results,path=$logs/results.jsonl"
		-device virtserialport,chardev=results,name=scx-custody.results
		-chardev "file,id=status,path=$private/status"
		-device virtserialport,chardev=status,name=scx-custody.status
		-chardev socket,id=monitor,fd=9 -mon chardev=monitor,mode=control
	)
	local watch cmdline="$boot_arguments ignore_loglevel printk.devkmsg=on mitigations=off"

	# Whatever is fatal ends the run at once.
	cmdline+=' panic=-1 oops=panic softlockup_panic=1'

	case $accel in
	kvm) arguments+=(-accel kvm -cpu host) ;;
	tcg) arguments+=(-accel "tcg,thread=multi" -cpu "$tcg_cpu") ;;
	tcg-single) arguments+=(-accel "tcg,thread=single" -cpu "$tcg_cpu") ;;
	esac
	[ -z "$icount" ] || arguments+=(-icount "shift=0,sleep=off")
	adjust_guest

	$load_kernel "$cmdline$append"
	: >"$tmp/status"
	watch=$(program watch-guest)
	"$watch" "$out" "$tmp/ended" "$limit" "${silence:-$limit}" \
		"$qemu" "${arguments[@]}" "${machine[@]}" "${loader[@]}" \
		</dev/null &
	wait $! || die "the guest could not be watched."
	IFS=$'\t' read -r ended how <"$tmp/ended"
}

# console PATTERN [TEXT]: the first line of the console that matches, and does not have TEXT.
console() {
	tr -d '\r' <"$out/console.log" | grep -aE -- "$1" | grep -aFvm1 -- "${2:-$'\r'}"
}

# Set outcome and reason. The worst is said first: what a kernel that died had
# reported before does not count.
judge() {
	local code

	code=$(sed -n 's/^exit //p' "$tmp/status")
	[ -z "$code" ] || echo "$code" >"$out/status"

	if reason=$(console 'Kernel panic - not syncing: (softlockup|hung_task|Hard LOCKUP)'); then
		outcome=hang
	elif reason=$(console 'Kernel panic - not syncing'); then
		outcome=panic
	elif [ -n "$unreached" ] && ! grep -q '^init$' "$tmp/status"; then
		outcome=harness
		reason=$(sed -n 's/^error /init: /p' "$tmp/status")
		[ -n "$reason" ] || reason=$(tail -n 1 "$out/qemu.log")
		[ -n "$reason" ] || reason=$unreached
	elif grep -q '^error ' "$tmp/status"; then
		outcome=harness
		reason=$(sed -n 's/^error /init: /p' "$tmp/status")
	elif [ "$ended" = late ]; then
		outcome=hang
		reason="still running after $limit s"
		[ "$how" = limit ] || reason="nothing was printed for $silence s"
	elif [ "$how" != 0 ]; then
		outcome=harness
		reason="QEMU died (exit status $how): $(tail -n 1 "$out/qemu.log")"
	elif [ -z "$code" ]; then
		outcome=panic
		reason="the guest ended without a word"
	elif reason=$(console "$splat" "$known"); then
		outcome=splat
	elif [ "$code" = 0 ]; then
		outcome=pass
		reason="the command exited with 0"
	elif [ "$code" = 4 ]; then
		outcome=skip
		reason="the command exited with 4"
	else
		outcome=fail
		reason="the command exited with $code"
	fi
}

# Before version 8.1, QEMU with several host threads can go on running the
# breakpoint that a kernel puts in its code while it patches it, such as for a
# static key, after it has been replaced again. No kernel survives that. See choose_tcg.
executed_half_patched_code() {
	console 'Oops: int3' >"$tmp/int3"
}

# Boot the guest and see it to its end.
boot() {
	rm -f "$out/status" "$out/registers" "$out/results.jsonl"
	echo "$accel" >"$out/accel"
	say "booting $kernel ($cpus CPUs, $accel, time limit $limit s)"
	$before_boot
	run_qemu
	judge
}

# Boot the guest, and set outcome and reason.
run_guest() {
	boot
	if [ "$accel" = tcg ] && executed_half_patched_code; then
		say "QEMU ran an instruction that the kernel was still patching; once more, with one host thread"
		accel=tcg-single
		boot
	fi
}

# Tell how it ended, and exit.
tell_outcome() {
	echo "$outcome" >"$out/outcome"
	echo "$reason" >"$out/reason"
	[ -z "$probed" ] || [ "$outcome" = harness ] || remember_verdict "$(choose_tcg)"

	say "$reason"
	if [ "$outcome" != pass ]; then
		say "logs: $out"
	fi
	echo "$outcome" >&2
	exit "${exit_status[$outcome]}"
}

