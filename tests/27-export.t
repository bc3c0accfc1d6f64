#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# export writes the series as a distribution takes it, and what the distribution takes
# arrives at what plain quilt makes, without fuzz.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"

# makepkg does not run as root, and asks for pacman, which has nothing to do here.
chmod 755 "$tmp"

known=$root/command/lib/mainline-commits
mkdir "$tmp/out"
out=$tmp/out/new

# exported DISTRIBUTION TREE: write it to $out, which nothing is left beside.
exported() {
	rm -rf "$out"
	says "as $1 takes them; README.txt there has the commands" \
		export_series --for "$1" --out "$out" "$2" && nothing_left_in_tmpdir &&
		[ "$(ls -A "$tmp/out")" = new ] && [ "$(wc -l <"$out/README.txt")" -eq 3 ]
}

# strictly_patched TREE PATCH... : each as the distributions' programs do, with no fuzz.
strictly_patched() {
	local tree=$1 patch

	for patch in "${@:2}"; do
		patch -d "$tree" -p1 -f -g0 -E -F0 --no-backup-if-mismatch <"$patch" || return
	done
}

# arrived TREE: are its sources those that plain quilt makes? Arch's patch leaves copies
# where it finds hunks at another line.
arrived() {
	find "$1" -name '*.orig' -delete
	as_before "$(sources_of "$twin")" sources_of "$1"
}

# field NAME PATCH: of the header; nothing if there is none, two lines if there are two.
field() {
	sed -n "s/^$1: //p; /^\$/q" "$2"
}

# --- Ubuntu ---------------------------------------------------------------------------

# Debian's .gitignore is for a repository that has debian/ only.
git_am() {
	git -C "$1" init -q && git -C "$1" add -f . && git -C "$1" commit -qm source && git -C "$1" am -s "${@:2}" &&
		[ -z "$(git -C "$1" status --porcelain)" ]
}

# message_ends COMMIT PATTERN: do the last lines of its message match, joined by '|'?
message_ends() {
	git -C "$1" log -1 --format=%B "$2" | sed '/^$/d' | tail -n "$3" | paste -sd '|' |
		grep -E "$4\$"
}

# ubuntu_rules TREE COUNT: SAUCE is what no commit is named for. The commit is in the block
# of provenance, with a note in brackets, and who takes the patch signs last.
ubuntu_rules() {
	local commit subject by='Signed-off-by: [^|]*'

	[ "$(git -C "$1" rev-list --count HEAD~"$2"..HEAD)" -eq "$2" ] || return
	while read -r commit subject; do
		echo "$subject"
		if [[ $subject = 'UBUNTU: SAUCE: '* ]]; then
			! git -C "$1" log -1 --format=%B "$commit" | grep 'backported from' &&
				message_ends "$1" "$commit" 2 "$by\|Signed-off-by: t <t@example.org>"
		else
			message_ends "$1" "$commit" 4 \
				"$by\|\(backported from commit [0-9a-f]{40}\)\|\[scx-custody: [^|]*\]\|Signed-off-by: t <t@example.org>"
		fi || return
	done < <(git -C "$1" log --format='%H %s' HEAD~"$2"..HEAD)
}

# --- openSUSE -------------------------------------------------------------------------

# in_series_conf FOLDER: what scripts/sequence-patch.sh would apply, in its order.
in_series_conf() {
	sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$1/series.conf"
}

sequence_patch() {
	local -a named

	mapfile -t named < <(in_series_conf "$2")
	diff <(printf '%s\n' "${named[@]}" | sort) <(cd "$2" && find patches.suse -type f | sort) &&
		strictly_patched "$1" "${named[@]/#/$2/}"
}

# opensuse_rules FOLDER: the tags that kernel-source's README.md and header.py want, and
# the order of mainline among the patches that are backports.
opensuse_rules() {
	local name patch mainline commit rank last=0

	while read -r name; do
		patch=$1/$name
		[[ $name =~ ^patches\.suse/[A-Za-z0-9.-]+\.patch$ ]] || return
		mainline=$(field Patch-mainline "$patch") commit=$(field Git-commit "$patch")
		echo "$name: $mainline: $commit"
		[ -n "$(field From "$patch")" ] && [ -n "$(field References "$patch")" ] &&
			[[ $(field Subject "$patch") != *'[PATCH]'* ]] || return
		if [[ $mainline = Never,* ]]; then
			[ -z "$commit" ] || return
			rank=9999
		else
			[[ $commit =~ ^[0-9a-f]{40}(' (partial)')?$ ]] || return
			rank=$(grep -nFx "${commit%% *}	$mainline" "$known" | cut -d: -f1)
		fi
		[ "${rank:-0}" -ge "$last" ] || return
		last=$rank
	done < <(in_series_conf "$1")
}

# --- Arch ------------------------------------------------------------------------------

# package_build FOLDER TREE SUMS...: a PKGBUILD that has these checksums, and the export's
# lines. Its prepare() applies what is a patch in source.
package_build() {
	local sums

	mkdir "$1"
	tar -c -C "$2" --transform 's,^\.,linux,' . >"$1/linux.tar"
	cp "$out"/*.patch "$1"
	{
		printf "%s\n" pkgname=linux-test pkgver=1 pkgrel=1 "arch=(any)" "noextract=(linux.tar)" \
			"source=(linux.tar)"
		for sums in "${@:3}"; do
			echo "${sums}sums=('$("${sums}sum" "$1/linux.tar" | cut -d ' ' -f 1)')"
		done
		cat <<'PREPARE'
prepare() {
	local file

	tar -xf linux.tar && cd linux
	for file in "${source[@]##*/}"; do
		[[ $file != *.patch ]] || patch -Np1 -i "../$file"
	done
}
package() { :; }
PREPARE
		cat "$out/PKGBUILD.append"
	} >"$1/PKGBUILD"
	[ "$(id -u)" != 0 ] || chown -R nobody "$1"
}

make_package() {
	(cd "$1" && HOME=$1 PACMAN=true "${as_nobody[@]}" makepkg --nobuild --nodeps 2>&1) | tee "$tmp/makepkg.log"
	[ "${PIPESTATUS[0]}" -eq 0 ] && ! grep -E 'with fuzz|FAILED' "$tmp/makepkg.log"
}

# without_makepkg FOLDER: prepare() as makepkg runs it.
without_makepkg() {
	mkdir "$1/src" && cp "$1"/linux.tar "$1"/*.patch "$1/src" &&
		(cd "$1/src" && bash -ec '. ../PKGBUILD && prepare')
}

# damaged FOLDER: a patch that is another than the checksum says is refused.
damaged() {
	echo >>"$1/$(cd "$1" && echo 0002-*.patch)"
	! make_package "$1" && grep 'did not pass the validity check' "$tmp/makepkg.log"
}

# --- Nix and Gentoo ----------------------------------------------------------------------

# nix_order FOLDER: the patches of boot.kernelPatches, as Nix evaluates the module.
nix_order() {
	NIX_STATE_DIR=$tmp/nix NIX_LOG_DIR=$tmp/nix nix-instantiate --eval --strict --readonly-mode \
		-E "builtins.concatStringsSep \"\n\"
			(map (p: toString p.patch) (import $1).boot.kernelPatches)" 2>/dev/null |
		perl -ne 's/\\n/\n/g; s/^"|"$//g; print'
}

nix_patched() {
	local -a named

	mapfile -t named < <(nix_order "$2")
	diff <(printf '%s\n' "${named[@]}") <(ls "$2"/*.patch) && strictly_patched "$1" "${named[@]}"
}

# eapply_user TREE PACKAGE: what Portage would apply, in POSIX order.
eapply_user() {
	local -a named

	mapfile -t named < <(find "$out/sys-kernel/$2" -name '*.patch' | LC_ALL=C sort)
	[ ${#named[@]} -gt 0 ] && strictly_patched "$1" "${named[@]}"
}

# kernel_version TREE
kernel_version() {
	sed -nE 's/^(VERSION|PATCHLEVEL|SUBLEVEL) = //p' "$1/Makefile" | paste -sd .
}

# --- what is written, and that it is taken -------------------------------------------------

# What has the patches' own headers is tried on 6.12-early and 7.1, too, which have patches
# of our own. 6.12 needs some of the fixes only.
for source in 6.12-early 6.12 6.18 7.1; do
	IFS='|' read -r _ line _ <<<"${is[$source]}"
	tree=$(sapling "$source")
	before=$(snapshot "$tree")
	count=$(detect --patches "$tree" | wc -l)
	twin=$(sapling "$source")
	by_plain_quilt "$twin" "$line" >/dev/null

	check "$source: for Ubuntu" exported ubuntu "$tree"
	taker=$(copy_of "$tree")
	check "$source: git am takes it" git_am "$taker" "$out"/*.patch
	check "$source: in commits as Ubuntu wants them" ubuntu_rules "$taker" "$count"
	check "$source: and arrives there" arrived "$taker"

	check "$source: for openSUSE" exported opensuse "$tree"
	taker=$(copy_of "$tree")
	check "$source: with kernel-source's tags" opensuse_rules "$out"
	check "$source: the lines of series.conf apply" sequence_patch "$taker" "$out"
	check "$source: and arrive there" arrived "$taker"

	check "$source: the tree is as it was" as_before "$before" snapshot "$tree"
	[ "$source" = 6.12 ] || [ "$source" = 6.18 ] || continue

	check "$source: for Gentoo" exported gentoo "$tree"
	for package in gentoo-sources gentoo-kernel; do
		taker=$(copy_of "$tree")
		check "$source: $package takes it" eapply_user "$taker" "$package-$(kernel_version "$tree")"
		check "$source: and arrives there" arrived "$taker"
	done

	check "$source: for Arch" exported arch "$tree"
	for sums in 'sha256 b2' b2; do
		folder=$tmp/package-$source-${sums// /-}
		# shellcheck disable=SC2086
		package_build "$folder" "$tree" $sums
		if command -v makepkg >/dev/null; then
			check "$source: makepkg takes it, with $sums" make_package "$folder"
		else
			check "$source: prepare() takes it, with $sums" without_makepkg "$folder"
		fi
		check "$source: and arrives there" arrived "$folder/src/linux"
	done
	if command -v makepkg >/dev/null; then
		check "$source: makepkg sees that a patch is another" damaged "$folder"
	else
		skip "$source: makepkg sees that a patch is another" "there is no makepkg"
	fi

	check "$source: for Nix" exported nix "$tree"
	if command -v nix-instantiate >/dev/null; then
		taker=$(copy_of "$tree")
		check "$source: Nix reads the module, and patch takes it" nix_patched "$taker" "$out"
		check "$source: and arrives there" arrived "$taker"
	else
		skip "$source: Nix reads the module" "there is no nix-instantiate"
	fi
	check "$source: the tree is still as it was" as_before "$before" snapshot "$tree"
	rm -rf "$tmp"/tree-* "$tmp"/copy.* "$tmp"/package-*
done

# Each commit that a patch names is known, once.
known_commits() {
	diff <(sed -n 's/^Origin: backport, commit:\([0-9a-f]*\) .*/\1/p' "$root"/patches/*/*.patch | sort -u) \
		<(grep -v '^#' "$known" | cut -c 1-12 | sort)
}
check "the commits that patches answer to are known" known_commits

# A tree of no line's layout: the series that is composed for it.
tree=$(sapling 6.18)
sed -Ei 's/^DEFINE_PER_CPU\(struct rq \*, scx_locked_rq_state\)/static &/; s/scx_locked_rq_state/locked_rq/g' \
	"$tree"/kernel/sched/ext*
twin=$(copy_of "$tree")
apply "$twin" >/dev/null
check "composed: for Ubuntu" exported ubuntu "$tree"
taker=$(copy_of "$tree")
check "composed: git am takes it" git_am "$taker" "$out"/*.patch
check "composed: and arrives at what apply makes" arrived "$taker"

# Ubuntu's own configuration.
mkdir -p "$tree/debian.master/config"
annotations=$tree/debian.master/config/annotations
annotated() {
	echo "CONFIG_SCHED_CLASS_EXT                          policy<{'amd64': '$1', 'arm64': 'y'}>" \
		>"$annotations"
	exported ubuntu "$tree"
}
check "Ubuntu: sched_ext is turned on in the tree" annotated y
check "Ubuntu: and no line is written" [ ! -e "$out/annotations" ]
check "Ubuntu: sched_ext is turned off in the tree" annotated n
check "Ubuntu: and the line that turns it on is written" \
	grep -E "^CONFIG_SCHED_CLASS_EXT +policy<\{'amd64': 'y'\}>\$" "$out/annotations"

# --- what is refused -------------------------------------------------------------------------

rm -rf "$tmp/out" "$tree" "$twin" "$taker"
tree=$(sapling 6.18)
mkdir "$tmp/out" "$tmp/full"
touch "$tmp/full/file"

# no NAME PATTERN ARGUMENT...: refused, and nothing is written.
no() {
	check "export: $1" refuses "$tree" "$2" export_series "${@:3}"
	check "export: $1: nothing is written" [ -z "$(ls -A "$tmp/out")" ]
}
no "no distribution" 'no distribution is given; .*FOR=ubuntu' --out "$out" "$tree"
no "an unknown distribution" "'hurd' is not one of ubuntu, .*--help" --for hurd --out "$out" "$tree"
no "an unknown option" "'--force' is not an option" --force --for arch --out "$out" "$tree"
no "an option without its value" '--for needs a value' --out "$out" --for
no "no tree" 'no kernel tree is given' --for arch --out "$out"
no "two trees" 'one directory is enough' --for arch --out "$out" "$tree" "$tree"
no "no such tree" 'does not exist' FOR=arch OUT="$out" "$tmp/none"
no "no folder to write" 'no folder to write is given; .*OUT=' --for arch "$tree"
no "a folder that is not empty" 'is not empty; name another' --for arch --out "$tmp/full" "$tree"
no "a file" 'is not a folder; name another' --for arch --out "$tmp/full/file" "$tree"
no "a folder in no folder" 'no folder .*/none to write' --for arch --out "$tmp/none/new" "$tree"
sed -i 's/set_task_cpu(p, cpu_of(dst_rq));/& vendor();/' "$tree/kernel/sched/ext.c"
no "a hunk that does not fit" 'hunk 2 of kernel/sched/ext\.c fails .*make verify' \
	--for arch --out "$out" "$tree"
sed -i 's/scx_locked_rq_state/some_other_name/' "$tree"/kernel/sched/ext.c
no "an unknown layout" 'a layout of ext\.c that the kit does not know' --for nix --out "$out" "$tree"
rm -rf "$tree"
tree=$(sapling 6.18)
if unshare --mount true 2>/dev/null; then
	check "export: read-only" in_namespace read_only "$tmp/out" \
		refuses "$tree" 'cannot be written to; name another' export_series FOR=nix OUT="$out" "$tree"
else
	skip "export: read-only" "mounting is not permitted"
fi

# An empty folder may be there.
mkdir "$out"
check "export: into an empty folder" says 'as nix takes' export_series FOR=nix OUT="$out" "$tree"
rm -rf "$out"

for signal in INT:130 TERM:143 HUP:129; do
	# the first one copies the series
	check "export: SIG${signal%:*}" gives_up "${signal#*:}" "$tree" \
		interrupting cp -- "${signal%:*}" 2 "$verbs/export" --for nix --out "$out" "$tree"
	check "export: SIG${signal%:*} leaves nothing" [ -z "$(ls -A "$tmp/out")" ]
done
apply "$tree" >/dev/null
no "a tree that has it" 'has this kit.s patches already' --for nix --out "$out" "$tree"

done_testing
