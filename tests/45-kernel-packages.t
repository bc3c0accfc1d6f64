#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-deb and kernel-rpm, as far as it goes without compiling a kernel: what
# they refuse, what they tell of a configuration, and that interrupted, they leave
# the tree as it was. 'make e2e-deb' and 'make e2e-rpm' build with them.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"
# shellcheck source-path=SCRIPTDIR source=../command/lib/toolchain.sh
. "$root/command/lib/toolchain.sh"

stock='' unfit=''
command=$root/command/scx-custody

# What is built goes here, away from what a user has in the cache.
mkdir -p "$tmp/cache"
cache_of_user=$cache
export XDG_CACHE_HOME=$tmp/cache
mkdir "$tmp/cache/scx-custody" "$tmp/out"
for name in src dl apt build; do
	[ ! -e "$cache_of_user/$name" ] || ln -s "$cache_of_user/$name" "$tmp/cache/scx-custody/"
done

config=$tmp/config
capture stock "$root/lab/fetch" stock-6.18.15
cp "$stock/config" "$config"
tree=$(sapling 6.18)

# --- refusals before anything is looked at closely ---------------------------------

for verb in kernel-deb kernel-rpm; do
	check "$verb: no tree" refuses "$tree" 'no kernel tree is given' \
		"$command" $verb CONFIG="$config"
	check "$verb: no configuration" refuses "$tree" 'name one with CONFIG=file' \
		"$command" $verb KSRC="$tree"
done
check "not a tree" refuses "$tree" 'is not a Linux source tree' \
	"$command" kernel-deb KSRC="$tmp/out" CONFIG="$config"
check "a configuration that is not there" refuses "$tree" 'there is no configuration' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$tmp/none"
check "a configuration that is none" refuses "$tree" 'is no kernel configuration' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$root/README.md"
check "a place that is not there" refuses "$tree" 'packages cannot go to' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config" OUT="$tmp/none"
check "something else" refuses "$tree" "'FOO=1' is not an argument" \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config" FOO=1
check "a blank in the tree's name" refuses "$tree" 'no blanks and colons' \
	"$command" kernel-deb KSRC="$(cp -a "$tree" "$tmp/a tree" && echo "$tmp/a tree")" CONFIG="$config"

touch "$tree/.config"
check "a tree that was built in" refuses "$tree" "'make mrproper' there" \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config"
rm "$tree/.config"

check "JOBS that are no number" refuses "$tree" "JOBS is a number of jobs from 1, not 'many'" \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config" JOBS=many

path_without "$tmp/path" pahole
check "no pahole" refuses "$tree" 'pahole is not installed; run .make setup. as root' \
	env PATH="$tmp/path" "$command" kernel-deb KSRC="$tree" CONFIG="$config"
path_without "$tmp/path" rpmbuild
check "no rpmbuild" refuses "$tree" 'rpmbuild is not installed' \
	env PATH="$tmp/path" "$command" kernel-rpm KSRC="$tree" CONFIG="$config"

find_unfit "${pristine_tree[7.1]}"
if [ -n "$unfit" ]; then
	newest=$(sapling 7.1)
	cp "${pristine_tree[7.1]}/include/linux/btf.h" "$newest/include/linux/"
	mkdir -p "$newest/tools/bpf/resolve_btfids"
	cp "${pristine_tree[7.1]}/tools/bpf/resolve_btfids/main.c" "$newest/tools/bpf/resolve_btfids/"
	check "a pahole too old for the tree" refuses "$newest" 'does not mark all kfuncs' \
		"$command" kernel-deb KSRC="$newest" CONFIG="$config"
else
	skip "a pahole too old for the tree" "this machine's is new enough"
fi

# --- keys that cannot sign ------------------------------------------------------------

# make_key NAME OPTION...: a key and its certificate.
make_key() {
	openssl req -new -x509 -newkey rsa:2048 -days 2 -subj /CN=test/ -keyout "$tmp/$1.key" \
		-out "$tmp/$1.pem" "${@:2}" 2>/dev/null
}

make_key mine -nodes
make_key other -nodes
make_key locked -passout pass:word
# signing SENTENCE KEY CERTIFICATE: with these it is refused, and says so.
signing() {
	refuses "$tree" "$1" "$command" kernel-deb KSRC="$tree" CONFIG="$config" \
		${2:+"SIGN_KEY=$2"} ${3:+"SIGN_CERT=$3"}
}
check "a key without certificate" signing 'give SIGN_CERT=file, too' "$tmp/mine.key" ''
check "a certificate without key" signing 'give SIGN_KEY=file, too' '' "$tmp/mine.pem"
check "a key that is not there" signing "no file '.*none' that can be read" \
	"$tmp/none" "$tmp/mine.pem"
check "a key that is none" signing 'is no private key in PEM' "$tmp/mine.pem" "$tmp/mine.pem"
check "a key with a passphrase" signing 'takes a passphrase off' "$tmp/locked.key" "$tmp/locked.pem"
check "a certificate that is none" signing 'is no X.509 certificate' "$tmp/mine.key" "$tmp/mine.key"
check "the certificate of another key" signing 'is not that of the key' \
	"$tmp/mine.key" "$tmp/other.pem"

# --- trees that are not pristine ----------------------------------------------------

apply "$tree" >/dev/null
check "PATCHED=no of a patched tree" refuses "$tree" 'PATCHED=no is asked for; .make unapply' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config" PATCHED=no
(cd "$tree" && quilt pop -q >/dev/null)
check "a half applied tree" refuses "$tree" 'is half applied' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config"
rm -rf "$tree"
tree=$(sapling 6.18)
sed -i "s/scx\.ops_state/scx.state_of_ops/" "$tree/kernel/sched/ext.c"
check "a tree that the series does not fit" refuses "$tree" 'does not fit|does not know' \
	"$command" kernel-deb KSRC="$tree" CONFIG="$config"

# --- the configuration --------------------------------------------------------------

# A whole tree, since its own configuration program runs; its files are links, and
# what is put in their place is not.
whole=$tmp/whole
cp -al "${pristine_tree[6.18]}" "$whole" 2>/dev/null || {
	rm -rf "$whole"
	cp -a "${pristine_tree[6.18]}" "$whole"
}

# tells PATTERN COMMAND...: it is refused, and says this among other things.
tells() {
	local out status=0

	# If it is not refused, it compiles a kernel.
	out=$(timeout 120 "${@:2}" 2>&1) || status=$?
	echo "exit status $status: $out"
	[ "$status" -eq 1 ] && grep -qE -- "$1" <<<"$out"
}

# A pahole from before BTF could be made with it: no option for schedulers is left.
path_without "$tmp/path" pahole
printf '#!/bin/sh\necho v1.10\n' >"$tmp/path/pahole"
chmod +x "$tmp/path/pahole"
check "options that sched_ext needs, and that cannot be had" \
	tells 'cannot be had in .* CONFIG_SCHED_CLASS_EXT=y .*CONFIG_DEBUG_INFO_BTF=y\.$' \
	env PATH="$tmp/path" "$command" kernel-deb KSRC="$whole" CONFIG="$config"

# with_options OPTION...: the configuration and these.
with_options() {
	cat "$config"
	printf '%s\n' "$@"
}
with_options CONFIG_SYSTEM_TRUSTED_KEYRING=y 'CONFIG_SYSTEM_TRUSTED_KEYS="vendor/key.pem"' \
	CONFIG_NO_SUCH_OPTION=y >"$tmp/vendor"
check "a vendor's key that is not there" \
	tells 'names vendor/key.pem in CONFIG_SYSTEM_TRUSTED_KEYS' \
	"$command" kernel-deb KSRC="$whole" CONFIG="$tmp/vendor"
check "an option that the kernel does not have is named" \
	tells 'CONFIG_NO_SUCH_OPTION: asked for y, is n' \
	"$command" kernel-deb KSRC="$whole" CONFIG="$tmp/vendor"

# A version that no package's name can have, before anything is compiled. What stops it is
# named, and so is a real-time kernel.
with_options CONFIG_EXPERT=y CONFIG_PREEMPT_RT=y '# CONFIG_FUNCTION_TRACER is not set' \
	'CONFIG_LOCALVERSION="-My_Co"' >"$tmp/named"
check "a local version that apt's packages cannot have" \
	tells 'called 6\.18\.15-My_Co\+scxcustody1, and .* small letters; change CONFIG_LOCALVERSION in ' \
	"$command" kernel-deb KSRC="$whole" CONFIG="$tmp/named"
check "a real-time kernel is told about" tells 'CONFIG_PREEMPT_RT is on: .* docs/kernels\.md' \
	"$command" kernel-deb KSRC="$whole" CONFIG="$tmp/named"
with_options 'CONFIG_LOCALVERSION="-My@Co"' >"$tmp/named"
check "a local version that dnf's packages cannot have" \
	tells 'called 6\.18\.15-My@Co\+scxcustody1, and .* digits and letters; change CONFIG_LOCALVERSION in ' \
	"$command" kernel-rpm KSRC="$whole" CONFIG="$tmp/named"
with_options "CONFIG_LOCALVERSION=\"-$(printf 'x%.0s' {1..60})\"" >"$tmp/named"
check "a local version that is too long" tells 'longer than the 64 characters' \
	"$command" kernel-rpm KSRC="$whole" CONFIG="$tmp/named"

# What the tools themselves say of names: as refuse_release has it.
deb_takes() {
	mkdir -p "$tmp/name/debian/tmp/DEBIAN"
	printf '%s\n' 'Source: linux-upstream' 'Maintainer: t <t@example.org>' '' \
		"Package: linux-image-$1" 'Architecture: all' 'Description: t' >"$tmp/name/debian/control"
	printf '%s\n' 'linux-upstream (1-1) unstable; urgency=low' '' '  * t' '' \
		' -- t <t@example.org>  Fri, 27 Nov 2026 00:00:00 +0000' >"$tmp/name/debian/changelog"
	(cd "$tmp/name" && dpkg-gencontrol -p"linux-image-$1" -Pdebian/tmp 2>&1)
}
rpm_takes() {
	printf '%s\n' 'Name: kernel' "Version: ${1//-/_}" 'Release: 1' 'Summary: t' 'License: t' \
		'%description' >"$tmp/name.spec"
	rpmspec -q "$tmp/name.spec" 2>&1
}
check "dpkg takes 6.18.15-a+b.c" deb_takes 6.18.15-a+b.c
check "dpkg does not take _" eval "! deb_takes 6.18.15_a"
check "dpkg does not take capital letters" eval "! deb_takes 6.18.15-A"
check "rpm takes 6.18.15-A_b+c~d^e" rpm_takes 6.18.15-A_b+c~d^e
check "rpm does not take @" eval "! rpm_takes 6.18.15@a"

# jobs_are N COMMAND...: so many jobs at once would be run by what a make of ours calls.
jobs_are() {
	local jobs

	# shellcheck disable=SC2016 # for make and the inner shell
	printf "all:\n\t@bash -c '. %s/command/lib/base.sh; %s'\n" "$root" 'echo $$JOBS' >"$tmp/jobs.mk"
	jobs=$("${@:2}" make -s -f "$tmp/jobs.mk" "${make_options[@]}" 2>"$tmp/stderr") || :
	echo "jobs: $jobs, $(cat "$tmp/stderr")"
	[ "$jobs" = "$1" ]
}
make_options=()
check "as many jobs as CPUs" jobs_are "$(nproc)" env -u JOBS -u MAKEFLAGS
check "as many jobs as JOBS says" jobs_are 3 env -u MAKEFLAGS JOBS=3
make_options=(-j5)
check "as many jobs as make was told" jobs_are 5 env -u JOBS -u MAKEFLAGS
make_options+=(JOBS=7)
check "JOBS has the last word" jobs_are 7 env -u JOBS -u MAKEFLAGS

check "the tree is still pristine" diff -r "${pristine_tree[6.18]}/kernel/sched" "$whole/kernel/sched"

if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=100M none "$tmp/small" 2>/dev/null; then
	at_exit "umount ${tmp@Q}/small"
	mkdir "$tmp/small/scx-custody"
	ln -s "$tmp/cache/scx-custody"/{src,dl,apt,build} "$tmp/small/scx-custody/"
	check "a disk without room" tells 'MB free, and this takes about [0-9]+ MB' \
		env XDG_CACHE_HOME="$tmp/small" "$command" kernel-deb \
		KSRC="$whole" CONFIG="$config"
else
	skip "a disk without room" "needs root, to mount a small one"
fi

# --- interrupted --------------------------------------------------------------------

# interrupted VERB: begin to build, and press Ctrl-C as soon as it compiles.
interrupted() {
	local log=$tmp/interrupted.log pid status=0

	: >"$log"
	spawn "$command" "$1" KSRC="$whole" CONFIG="$config" OUT="$tmp/out" >"$log" 2>&1
	pid=$!
	while kill -0 "$pid" 2>/dev/null && ! grep -q 'patches for Linux' "$log"; do
		sleep 0.2
	done
	sleep 5
	kill -INT -- "-$pid"
	wait "$pid" || status=$?
	cat "$log"
	[ "$status" -eq 130 ] && grep -q 'patches for Linux' "$log"
}

# As many MB as kernel-package asks for.
modules=$(grep -c '=m$' "$config")
for verb in kernel-deb kernel-rpm; do
	if room=$(need_space "$tmp" $((3500 + 10 * modules)) 2>&1); [ -n "$room" ]; then
		skip "$verb: interrupted" "$room"
		continue
	fi
	check "$verb: interrupted" interrupted "$verb"
	check "$verb: the tree is as it was" \
		diff -r "${pristine_tree[6.18]}" "$whole"
	check "$verb: there are no packages" [ -z "$(ls -A "$tmp/out")" ]
done

# What merge_config.sh of Linux 7.0 and later says; 6.18's is above.
merge_config_says='WARNING: Value requested for CONFIG_A not in final .config
Requested value: CONFIG_A=y
Actual value:
WARNING: CONFIG_B not in merged config but added in final .config:
Requested value:
Actual value:    CONFIG_B=y
WARNING: CONFIG_C differs:
Requested value: CONFIG_C=m
Actual value:    CONFIG_C=y'
# shellcheck source-path=SCRIPTDIR source=../command/lib/kbuild.sh
. "$root/command/lib/kbuild.sh"
check "7.0 tells in other words which options are not as asked for" \
	diff <(not_stuck <(echo "$merge_config_says")) <(printf 'CONFIG_%s\n' $'A\ty\tn' $'C\tm\ty')

done_testing
