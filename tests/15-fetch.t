#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/fetch, lab/build-kernel and lab/setup: what they do beyond
# what every other test relies on, and what they refuse. Needs the network.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

# Where the cache is: a work tree's files are links to the pristine tree's.
tmp=''
mkdir -p "$cache"
TMPDIR=$cache scratch tmp

# A kit whose tables can be changed, with a cache of its own.
cp -r "$root/command" "$root/lab" "$root/patches" "$root/compat" "$tmp"
real_cache=$(dirname "$cache")
export XDG_CACHE_HOME=$tmp/cache
downloads=$XDG_CACHE_HOME/scx-custody/dl
# The smallest there is.
line=stock-7.2.13

# run COMMAND...: one of the kit's scripts; sets exited.
run() {
	exited=0
	spawn "$tmp/$1" "${@:2}" >"$tmp/stdout" 2>"$tmp/stderr"
	wait $! || exited=$?
}

# refused STATUS REGEX COMMAND...: ends with this status and a sentence that
# matches, and prints no path.
refused() {
	local expected=$1 sentence=$2

	shift 2
	run "$@"
	cat "$tmp/stderr"
	[ "$exited" -eq "$expected" ] && grep -Eq "^${1##*/}: .*$sentence" "$tmp/stderr" &&
		[ ! -s "$tmp/stdout" ]
}

# fetched: is what was printed the directory of a stock kernel, and complete?
fetched() {
	local dir

	cat "$tmp/stderr"
	dir=$(cat "$tmp/stdout")
	[ "$exited" -eq 0 ] && [ "$(od -An -tx1 -N2 "$dir/vmlinux.btf")" = ' 9f eb' ] &&
		[ -s "$dir/vmlinuz" ]
}

# forget: as if it had never been unpacked.
forget() {
	rm -rf "$XDG_CACHE_HOME/scx-custody/src"
}

# --- fetch --------------------------------------------------------------------

run lab/fetch "$line"
check "fetch gets a stock kernel and its types" fetched
file=$(echo "$downloads"/*)
cp "$file" "$tmp/original"

echo 'mark' >"$(cat "$tmp/stdout")/mark"
run lab/fetch "$line"
check "does nothing the second time" test -e "$(cat "$tmp/stdout")/mark" -a ! -s "$tmp/stderr"

forget
head -c 3000000 "$tmp/original" >"$file.part"
rm "$file"
run lab/fetch "$line"
check "goes on with a download that was cut short" fetched

forget
head -c 3000000 /dev/urandom >"$file.part"
rm "$file"
run lab/fetch "$line"
[ "$exited" -eq 0 ] || run lab/fetch "$line"
check "recovers from a part that is wrong" fetched
check "and ends with the right file" cmp "$file" "$tmp/original"

forget
rm "$file"
sed -i "/^$line\t/s/[0-9a-f]\{64\}/$(printf '%064d' 0)/" "$tmp/lab/kernels/sources.tsv"
check "refuses a file with another checksum than the table's" \
	refused 1 'another checksum' lab/fetch "$line"
check "and does not keep it" test ! -e "$file"
cp "$root/lab/kernels/sources.tsv" "$tmp/lab/kernels"

VERSION=1.0-1 check "names what is served when a version is not" \
	refused 1 'no longer serves linux-source-6.12 1.0-1 but: .*6\.12\.[0-9]+.*VERSION=6\.12\.' \
	lab/fetch 6.12
check "refuses an unknown line and names those it knows" \
	refused 1 'the lines are: 6.12-early 6.12 6.17 ' lab/fetch 5.10
ARCH=arm check "refuses an architecture that the lab does not have" \
	refused 2 "ARCH is one of arm64 .* x86, not 'arm'" lab/fetch 6.18
check "refuses no line" refused 2 'no line' lab/fetch
check "refuses two lines" refused 2 'one line' lab/fetch 6.12 6.18
check "refuses an option" refused 2 'not an option' lab/fetch --quick

# --- build-kernel -------------------------------------------------------------

check "build-kernel refuses no variant" refused 2 'LINE and a VARIANT' lab/build-kernel 6.18
check "refuses an unknown variant" refused 2 'VARIANT is' lab/build-kernel 6.18 better
check "refuses a line that has no source tree, and names those that have" \
	refused 2 "no whole source tree 'stock-7.3.4', but: 6.12-early 6.12 " \
	lab/build-kernel stock-7.3.4 patched
check "refuses a mutation that is not there" \
	refused 2 'no patch' lab/build-kernel --mutation "$tmp/none" 6.18 patched
check "refuses a mutation of the pristine kernel" \
	refused 2 'patched kernel' lab/build-kernel --mutation "$0" 6.18 pristine

# From here on with the source that the real cache has; nothing is compiled.
for name in dl src apt; do
	rm -rf "$XDG_CACHE_HOME/scx-custody/$name"
	mkdir -p "$real_cache/scx-custody/$name"
	ln -s "$real_cache/scx-custody/$name" "$XDG_CACHE_HOME/scx-custody/$name"
done
cat >"$tmp/misfit.patch" <<'END'
--- a/kernel/sched/ext.c
+++ b/kernel/sched/ext.c
@@ -1,1 +1,1 @@
-nothing like this is in there
+nor this
END
check "says so when a mutation does not apply" refused 1 \
	'do not fit 6\.18: misfit\.patch: hunk 1 of kernel/sched/ext\.c fails near line 1\.' \
	lab/build-kernel --mutation "$tmp/misfit.patch" 6.18 patched
echo CONFIG_NO_SUCH_OPTION=y >>"$tmp/lab/kernels/boot.config"
check "names the options that did not come out" \
	refused 1 'did not come out: CONFIG_NO_SUCH_OPTION=y\.' lab/build-kernel 6.18 patched

# --- mirrors ------------------------------------------------------------------

# shellcheck source-path=SCRIPTDIR source=../lab/debian.sh
. "$root/lab/debian.sh"
mkdir -p "$tmp/apt/lists/partial"

# with_source SUITE LABEL ORIGIN COMMAND...: where apt's only source is that of a mirror.
with_source() {
	local list=$tmp/apt/lists/mirror.test_debian_dists_$1

	rm -f "$tmp/apt/lists"/mirror*
	echo "deb http://mirror.test/debian $1 main" >"$tmp/apt/sources.list"
	printf '%s\n' "Origin: $3" "Label: $2" "Suite: $1" "Codename: $1" 'Components: main' \
		'Architectures: amd64' 'SHA256:' \
		" $(sha256sum </dev/null | cut -d ' ' -f 1) 0 main/binary-amd64/Packages" >"${list}_InRelease"
	: >"${list}_main_binary-amd64_Packages"
	printf '%s "%s";\n' Dir::Etc::sourcelist "$tmp/apt/sources.list" \
		Dir::Etc::sourceparts /dev/null Dir::State::lists "$tmp/apt/lists" >"$tmp/apt/conf"
	(export APT_CONFIG=$tmp/apt/conf && "${@:4}")
}

# serves SUITE MIRROR
serves() {
	local mirror

	mirror=$(mirror_of "$1") && echo "$mirror" && [ "$mirror" = "$2" ]
}

check "where apt has sid alone, its mirror serves the other suites" \
	with_source sid Debian Debian serves trixie-backports http://mirror.test/debian/
check "and the security suites from beside it" \
	with_source sid Debian Debian serves bookworm-security http://mirror.test/debian-security/
check "where apt has no source of Debian's, a sentence says what to add" eval \
	"with_source stable Other Other mirror_of trixie 2>&1 | grep 'knows no mirror .* trixie .* add one to'"

# --- setup --------------------------------------------------------------------

check "setup refuses an argument" refused 2 'not an argument' lab/setup now
public=''
public_kit public
sed -i 's/^packages=(/&no-such-package/' "$public/lab/setup"
# names_missing COMMAND...
names_missing() {
	local said

	cd / && ! said=$("$@" 2>&1) && grep 'missing: no-such-package;.* as root' <<<"$said"
}
check "setup without root names what is missing" names_missing \
	"${as_nobody[@]}" env HOME="$public" "$public/lab/setup"

done_testing
