#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# status and the verbs wherever they are called: without HOME, without room, with a shell's
# options and names that programs stumble over, with other tools, in trees that git has
# changed, as installed. And make check where there is not enough of a machine.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

command=$root/command/scx-custody
verb_tmp="$tmp/a tmpdir's"
mkdir "$verb_tmp" "$tmp/small"

may_mount=''
! unshare --mount true 2>/dev/null || may_mount=yes

# mounting NAME COMMAND...: check it where it can mount.
mounting() {
	if [ "$may_mount" ]; then
		check "$1" in_namespace "${@:2}"
	else
		skip "$1" "mounting is not permitted"
	fi
}

# --- status -----------------------------------------------------------------------

# status_is PATTERN COMMAND...: it prints its four lines and nothing else, and that of
# custody matches.
status_is() {
	local out status=0

	out=$("${@:2}" "$root/command/scx-custody" status 2>&1) || status=$?
	printf '%s\nexit status %d\n' "$out" $status
	[ "$(wc -l <<<"$out")" -ge 4 ] && [ $status -le 1 ] &&
		[ "$(cut -d ' ' -f 1 <<<"$out" | grep . | paste -sd ' ')" = 'kernel custody verdict scheduler' ] &&
		grep -qE "^custody    $1" <<<"$out"
}

# without_room COMMAND...: no temporary file can be made.
without_room() {
	mount -t tmpfs -o size=4k,nr_inodes=2 small "$tmp/small" && : >"$tmp/small/file" &&
		TMPDIR=$tmp/small "$@"
}

without_sys() {
	umount --lazy /sys && "$@"
}

without_btf() {
	mount -t tmpfs none /sys/kernel/btf && "$@"
}

known='(native|early|backported|live|missing): '
[ -r /sys/kernel/btf/vmlinux ] || known='unknown: .*/sys/kernel/btf/vmlinux'
check "status: no HOME" status_is "$known" env -u HOME -u XDG_CACHE_HOME
mounting "status: no room for temporary files" without_room status_is "$known"
mounting "status: /sys is not mounted" without_sys status_is 'unknown: /sys is not mounted here'
if [ -d /sys/kernel/btf ]; then
	mounting "status: the types are hidden" without_btf \
		status_is 'unknown: the kernel has /sys/kernel/btf/vmlinux, but it is hidden here'
else
	skip "status: the types are hidden" "this kernel has none"
fi

# --- the shell and its tools ----------------------------------------------------------

tree=$(sapling 6.18)
pristine=$(snapshot "$tree")
detected=$(detect "$tree")

# with_option HOW OPTION COMMAND...: called from a bash that exports its options.
with_option() {
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'case $1 in shopt) shopt -s "$2" ;; set) set -o "$2" ;; esac
		export BASHOPTS SHELLOPTS
		shift 2
		"$@"' bash "$@"
}

for option in 'shopt nullglob' 'shopt failglob' 'set noglob'; do
	# shellcheck disable=SC2086 # two words
	check "detect: a caller's shell with $option" \
		as_before "$detected" with_option $option "$verbs/detect" "$tree"
done

# applies COMMAND...: apply and unapply, with a TMPDIR that has a blank and a quote.
applies() {
	says 'are applied' "$@" "$verbs/apply" "$tree" && nothing_left_in_tmpdir &&
		says 'are as they were before' "$@" "$verbs/unapply" "$tree" &&
		as_before "$pristine" snapshot "$tree" && nothing_left_in_tmpdir
}
check "apply, unapply: a TMPDIR with a blank and a quote" applies env
check "apply, unapply: no HOME" applies env -u HOME -u XDG_CACHE_HOME

# Others can read what was made by somebody who keeps his files to himself.
readable_by_all() {
	local unreadable

	# The tree's own ext.c has a mode of its own.
	unreadable=$(find "$1" ! -type l ! -perm -044 ! -path '*/kernel/sched/ext.c')
	echo "$unreadable"
	[ -z "$unreadable" ]
}
(umask 077 && apply "$tree" >/dev/null)
check "apply: umask 077" readable_by_all "$tree"
unapply "$tree" >/dev/null

# What is not busybox's is what packages of their own bring along.
if busybox=$(command -v busybox); then
	mkdir "$tmp/busybox"
	"$busybox" --list | while read -r applet; do
		ln -sf "$busybox" "$tmp/busybox/$applet"
	done
	for program in bash perl quilt patch diff git flock; do
		ln -sf "$(command -v $program)" "$tmp/busybox/$program"
	done
	check "detect: with busybox's tools" \
		as_before "$detected" env PATH="$tmp/busybox" "$verbs/detect" "$tree"
	check "apply, unapply: with busybox's tools" applies env PATH="$tmp/busybox"
	check "status: with busybox's tools" status_is "$known" env PATH="$tmp/busybox"
	apply "$tree" >/dev/null
	echo '# mine' >>"$tree/.scx-custody/series"
	check "unapply: with busybox's tools, a changed series" refuses "$tree" \
		'series was changed since apply' env PATH="$tmp/busybox" "$verbs/unapply" "$tree"
else
	skip "the verbs with busybox's tools" "busybox is not installed"
fi
rm -rf "$tree"

# --- lines that end otherwise ---------------------------------------------------------

# crlf NAME FILE...: these files of a tree of 6.18 get other ends of lines.
crlf() {
	tree=$(sapling 6.18)
	(cd "$tree" && sed -i 's/$/\r/' "${@:2}")
	for verb in detect verify apply; do
		# detect looks at no documentation
		[ "$verb:$2" != detect:Documentation/scheduler/sched-ext.rst ] || continue
		check "$verb: CR LF in $1" refuses "$tree" "$2.* in $tree: the lines end in CR LF" \
			"$verb" "$tree"
	done
	rm -rf "$tree"
}
crlf ext.c kernel/sched/ext.c
crlf "the documentation" Documentation/scheduler/sched-ext.rst
mapfile -t all < <(cd "${pristine_tree[6.18]}" && find kernel/sched -name '*.[ch]')
crlf "all files" include/linux/sched/ext.h "${all[@]}"

# --- git ------------------------------------------------------------------------------

# checkout: prints the path of one that has a local change to what the series changes.
checkout() {
	local tree

	tree=$(sapling 6.18)
	git -C "$tree" init -q
	commit_all "$tree" import
	echo '/* mine */' >>"$tree/kernel/sched/ext.c"
	echo "$tree"
}

# git_fails NAME REASON FILE TEXT: where that is what is in a file of git's.
git_fails() {
	tree=$(checkout)
	echo "$4" >"$tree/.git/$3"
	for verb in verify apply; do
		check "$verb: $1" refuses "$tree" \
			"git cannot tell whether $tree has local changes \\(.*$2.*\\); mend" "$verb" "$tree"
	done
	rm -rf "$tree"
}
git_fails "a .git without HEAD" 'not a git repository' HEAD ''
git_fails "git's configuration is damaged" 'bad config line 1' config '[broken'
git_fails "git's index is damaged" 'index file smaller' index junk

tree=$(checkout)
git -C "$tree" checkout -q .
apply "$tree" >/dev/null
git -C "$tree" clean -fdxq
check "detect: after git clean" says '^feature: half applied$' detect "$tree"
for verb in verify apply unapply; do
	check "$verb: after git clean" \
		refuses "$tree" 'half applied: kernel/sched/ext_custody\.h is gone' "$verb" "$tree"
done
rm -rf "$tree"

# --- as installed ---------------------------------------------------------------------

# installs DESTDIR: from a checkout of somebody who keeps his files to himself.
installs() {
	mkdir "$tmp/private" &&
		(cd "$root" && kit_files |
			xargs -0 cp -a --parents -t "$tmp/private") &&
		chmod -R go= "$tmp/private" &&
		(umask 077 && make -C "$tmp/private" install-patches install-dkms install-unit \
			DESTDIR="$1" prefix=/usr) && readable_by_all "$1"
}
installed="$tmp/a root's"
check "make install: a DESTDIR with a blank and a quote, umask 077" installs "$installed"
command=$installed/usr/bin/scx-custody
tree=$(sapling 6.18)
check "as installed: it works" says 'would apply' "$command" verify "$tree"
mkdir "$tree/.pc"
echo debian/patches >"$tree/.pc/.quilt_patches"
check "as installed: it names its own verbs" refuses "$tree" \
	"'scx-custody debian-source $tree' adds" "$command" verify "$tree"
rm -rf "$tree"

page_is_there() {
	local page

	page=$("$command" detect --help | sed -n 's/.*a hazard of \(.*\) is open\..*/\1/p')
	echo "$page"
	[[ $page = "$installed"/* ]] && [ -s "$page" ]
}
check "as installed: the page that it names is there" page_is_there

# names_no_make: what it says to whoever has no Makefile.
names_no_make() {
	! grep -rnE "'make (setup|detect|verify|apply|unapply|debian-source|fedora-spec|kernel|deb|rpm)" \
		"$installed/usr/share/scx-custody/command" | grep -v 'in_source'
}
check "as installed: no message sends anybody to make" names_no_make

# --- make check where there is not enough ---------------------------------------------

# Where it does not refuse, it would run all tests.
lab_check() {
	timeout 60 "$@" "$root/lab/check"
}

# little_memory COMMAND...: as /proc tells it.
little_memory() {
	sed -E 's/^((MemAvailable|SwapFree): *)[0-9]+/\11000000/' /proc/meminfo >"$tmp/meminfo" &&
		mount --bind "$tmp/meminfo" /proc/meminfo && "$@"
}

# refuses_check PATTERN COMMAND...: at once, with a sentence.
refuses_check() {
	local out status=0

	out=$(lab_check "${@:2}" 2>&1) || status=$?
	echo "exit status $status: $out"
	[ $status -eq 1 ] && grep -qE "^check: $1" <<<"$out"
}

small_disk() {
	mount -t tmpfs -o size=10M small "$tmp/small" &&
		XDG_CACHE_HOME=$tmp/small "$@"
}
mounting "make check: no room" small_disk \
	refuses_check "$tmp/small/scx-custody has [0-9]+ MB free, and this takes about [0-9]+ MB; "
mounting "make check: no memory" little_memory \
	refuses_check '[0-9]+ MB of memory are available, and this takes about [0-9]+ MB; '

one_cpu() {
	small_disk lab_check taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" >"$tmp/said" 2>&1
	cat "$tmp/said"
	grep -q 'there is one CPU: ' "$tmp/said"
}
mounting "make check: one CPU is said" one_cpu

done_testing
