#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# publish: repositories of small packages, which apt and dnf take with signatures checked:
# that the next kernel comes by an upgrade, what they refuse, what publish refuses, and that
# a repository is whole at any moment. 'make e2e-deb' and 'make e2e-rpm' install whole kernels
# from such a repository, and boot them.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=trees.sh
. "$root/tests/trees.sh"
# shellcheck source-path=SCRIPTDIR source=repository.sh
. "$root/tests/repository.sh"

if [ "$(id -u)" != 0 ]; then
	skip "packages are installed from a repository" "takes root"
	done_testing
	exit
fi

key='' other_key=''
make_keys "$tmp/gnupg"
# A key of somebody else's, who gave his public half.
(make_keys "$tmp/elsewhere" && gpg --export "$key" >"$tmp/public" && gpgconf --kill gpg-agent)
gpg --batch --quiet --import "$tmp/public"
public_key=$(gpg --batch --with-colons --show-keys "$tmp/public" |
	awk -F : '$1 == "fpr" { print $10 }')
old=6.18.15+scxcustody1 new=6.18.16+scxcustody1
packages=$tmp/packages
mkdir "$packages"

publish() {
	"$root/command/scx-custody" publish "$@"
}

# --- packages: empty but for a file that says which they are --------------------------

# deb NAME VERSION [TEXT]: makes NAME_VERSION_amd64.deb.
deb() {
	local folder=$tmp/deb/$1

	rm -rf "$folder"
	mkdir -p "$folder/DEBIAN" "$folder/usr/share/$1"
	echo "${3:-$2}" >"$folder/usr/share/$1/version"
	printf '%s\n' "Package: $1" "Version: $2" 'Architecture: amd64' 'Section: kernel' \
		'Maintainer: t <t@example.org>' 'Description: test' >"$folder/DEBIAN/control"
	dpkg-deb --root-owner-group --build "$folder" "$packages"
}

# rpm_package NAME VERSION [TEXT]: makes NAME-VERSION-1.x86_64.rpm.
rpm_package() {
	printf '%s\n' "Name: $1" "Version: $2" 'Release: 1' 'Summary: test' 'License: GPL-2.0-only' \
		%description test %install 'mkdir -p %{buildroot}/usr/share/%{name}-%{version}' \
		"echo '${3:-$2}' >%{buildroot}/usr/share/%{name}-%{version}/version" \
		%files '/usr/share/%{name}-%{version}' >"$tmp/spec"
	rpmbuild -bb --quiet --target x86_64 --define "_topdir $tmp/rpmbuild" "$tmp/spec" &&
		mv "$tmp"/rpmbuild/RPMS/*/*.rpm "$packages"
}

make_packages() {
	deb linux-image-$old 6.18.15-1 && deb linux-image-$new 6.18.16-1 &&
		deb linux-image-6.19.1 6.19.1-1 && deb linux-image-$new-dbg 6.18.16-1 &&
		deb linux-headers-$old 6.18.15-1 && deb scx-custody-patches 1.0 &&
		deb scx-custody-patches 1.1 && deb with-epoch 1:2-1 &&
		rpm_package kernel $old && rpm_package kernel $new && rpm_package kernel 6.19.1 &&
		rpm_package kernel-devel $old && rpm_package scx-custody-patches 1.0 &&
		rpm_package scx-custody-patches 1.1
}

# --- clients --------------------------------------------------------------------------
# Systems that have nothing but the drop-in file, and what they install.

system=$tmp/system repository=$tmp/the\ repository

# fresh_system: with the drop-in file as it is.
fresh_system() {
	rm -rf "$system"
	mkdir -p "$system"/etc/{apt/{apt.conf,preferences,sources.list}.d,repos} "$system/var/log/apt" \
		"$system"/var/lib/{apt/lists/partial,dpkg/info} "$system/var/cache/apt/archives/partial"
	touch "$system/var/lib/dpkg/status"
	case $format in
	deb) cp "$repository/scx-custody.sources" "$system/etc/apt/sources.list.d" ;;
	rpm) cp "$repository/scx-custody.repo" "$system/etc/repos" ;;
	esac
}

apt() {
	echo "Dir \"$system\"; Dir::State::status \"$system/var/lib/dpkg/status\";" >"$tmp/apt.conf"
	APT_CONFIG=$tmp/apt.conf apt-get -q -y -o APT::Sandbox::User=root -o APT::Architecture=amd64 \
		-o Acquire::Languages=none -o DPkg::Options::="--root=$system" \
		-o DPkg::Options::=--force-script-chrootless "$@"
}

dnf() {
	command dnf --installroot "$system" --releasever 1 --setopt reposdir="$system/etc/repos" \
		--setopt plugins=0 --setopt varsdir=/dev/null --refresh --assumeyes "$@" 2>&1
}

# update, install NAME..., upgrade: as a user of either would.
update() {
	case $format in
	# apt fails only if asked to.
	deb) apt -o APT::Update::Error-Mode=any update ;;
	rpm) dnf makecache ;;
	esac
}

install_packages() {
	case $format in
	deb) update && apt install "$@" ;;
	rpm) dnf install "$@" ;;
	esac
}

upgrade() {
	case $format in
	# 'apt upgrade' has this option of itself.
	deb) update && apt upgrade --with-new-pkgs ;;
	rpm) dnf upgrade ;;
	esac
}

# installed: what is.
installed() {
	case $format in
	deb) dpkg-query --root="$system" --show --showformat '${Package} ${Version}\n' ;;
	rpm) rpm --root "$system" --dbpath "$(rpm --eval %_dbpath)" -qa \
		--queryformat '%{NAME} %{VERSION}-%{RELEASE}\n' | grep -v ^gpg-pubkey ;;
	esac | sort
}

# has_installed LINE...
has_installed() {
	diff <(printf '%s\n' "$@" | sort) <(installed)
}

# --- what both kinds have ------------------------------------------------------------

# refused FAULT COMMAND...: with this done to the repository it fails, and nothing is installed.
refused() {
	installed >"$tmp/before"
	refuses_fault "$1" "$format" "$repository" "$newest" "${@:2}" && diff "$tmp/before" <(installed)
}

# of_former_index: what it names is there still.
of_former_index() {
	local path

	case $format in
	deb) sed -nE 's,^ ([0-9a-f]{128}) .*,by-hash/SHA512/\1,p' "$tmp/former" ;;
	rpm) sed -nE 's/.*<location href="([^"]*)".*/\1/p' "$tmp/former" ;;
	esac >"$tmp/named"
	[ -s "$tmp/named" ] || return
	while read -r path; do
		[ -s "$repository/$path" ] || return
	done <"$tmp/named"
}

# only_ours: all can be read by all, and nothing is left of the making.
only_ours() {
	diff <(find "$repository" ! -type l ! -perm -o+r) /dev/null &&
		[ ! -e "$repository/.scx-custody.tmp" ] && nothing_left_in_tmpdir
}

# killed_anywhere PACKAGE: a publish that is killed after any of its renames leaves a repository
# that serves the old or the new, and the next one succeeds.
killed_anywhere() {
	local n=0 seen

	cp -a "$repository" "$tmp/kept"
	while killed $((++n)) "$root/command/verbs/publish" OUT="$repository" KEY="$key" "$1"; do
		rm -rf "${verb_tmp:?}"/*
		# Nor does the client know of the newer index, after which apt takes no older one.
		fresh_system
		update || return
		seen=$(has_newest && echo new || echo old)
		echo "killed after rename $n: $seen"
		echo "$seen" >>"$tmp/seen"
		publish OUT="$repository" KEY="$key" "$1" && update && has_newest && only_ours || return
		rm -rf "$repository"
		cp -a "$tmp/kept" "$repository"
	done
	echo "renames: $n"
	rm -rf "$tmp/kept" "${verb_tmp:?}"/*
	# Both were seen, the old one first.
	[ "$n" -gt 4 ] && [ "$(uniq "$tmp/seen" | paste -sd ' ')" = 'old new' ] && rm "$tmp/seen"
}

# has_newest: does the client see the newest kernel?
has_newest() {
	case $format in
	deb) apt install --print-uris linux-image-$new ;;
	rpm) dnf repoquery kernel-$new | grep -F "$new" ;;
	esac >/dev/null 2>&1
}

# published_and_installed: the first package is published once more, and all is installed.
published_and_installed() {
	publish "${to[@]}" "${first[0]}" && install_packages "$meta"
}

# not_in_index TEXT
not_in_index() {
	case $format in
	deb) cat "$repository/Packages" ;;
	rpm) zcat "$repository"/repodata/"$(grep -o '[0-9a-f]*-primary' "$repository/$index")".xml.gz ;;
	esac >"$tmp/index"
	[ -s "$tmp/index" ] && ! grep -F "$1" "$tmp/index"
}

# with_umask MASK COMMAND...
with_umask() {
	(umask "$1" && "${@:2}")
}

# serve: by a web server. Sets url.
serve() {
	spawn python3 -u -m http.server --bind 127.0.0.1 --directory "$repository" 0 >"$tmp/http" 2>&1
	server=$!
	for _ in {1..100}; do
		url=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\).*/http:\/\/127.0.0.1:\1/p' "$tmp/http")
		[ -z "$url" ] || return 0
		sleep 0.1
	done
	return 1
}

check "small packages are made" make_packages
# shellcheck disable=SC2034 # url: set by serve
server='' url=''
for format in deb rpm; do
	case $format in
	deb)
		first=("$packages"/linux-{image,headers}-"$old"_*.deb "$packages"/scx-custody-patches_1.0_*.deb
			"$packages"/with-epoch_*.deb)
		second=("$packages"/linux-image-{"$new",6.19.1,"$new"-dbg}_*.deb
			"$packages"/scx-custody-patches_1.1_*.deb)
		other=$packages/kernel-$old-1.x86_64.rpm
		newest=linux-image-${new}_6.18.16-1_amd64.deb
		index=InRelease meta=linux-image-scxcustody
		at_first=("linux-image-$old 6.18.15-1" "linux-image-scxcustody $old-1" "with-epoch 1:2-1"
			"scx-custody-patches 1.0" "linux-headers-scxcustody $old-1" "linux-headers-$old 6.18.15-1")
		later=("${at_first[@]/scx-custody-patches 1.0/scx-custody-patches 1.1}"
			"linux-image-$new 6.18.16-1")
		later=("${later[@]/linux-image-scxcustody $old/linux-image-scxcustody $new}")
		wanted=(linux-image-scxcustody linux-headers-scxcustody with-epoch scx-custody-patches) ;;
	rpm)
		first=("$packages"/kernel{,-devel}-"$old"-1.x86_64.rpm "$packages"/scx-custody-patches-1.0-*.rpm)
		second=("$packages"/kernel-{"$new",6.19.1}-1.x86_64.rpm "$packages"/scx-custody-patches-1.1-*.rpm)
		other=$packages/scx-custody-patches_1.0_amd64.deb
		newest=kernel-$new-1.x86_64.rpm
		index=repodata/repomd.xml meta=kernel-scxcustody
		at_first=("kernel $old-1" "kernel-scxcustody $old-1" "kernel-devel $old-1"
			"kernel-devel-scxcustody $old-1" "scx-custody-patches 1.0-1")
		# What is newer and without custody is a user's own to choose, or to exclude.
		later=("${at_first[@]/scx-custody-patches 1.0/scx-custody-patches 1.1}"
			"kernel $new-1" "kernel 6.19.1-1")
		later=("${later[@]/kernel-scxcustody $old/kernel-scxcustody $new}")
		wanted=(kernel-scxcustody kernel-devel-scxcustody scx-custody-patches) ;;
	esac
	rm -rf "$repository"
	before=$(snapshot "$packages")

	# --- a repository, and a client of it ---

	check "$format: a repository is made" says '[5-6] packages added, 0 were there' \
		publish OUT="$repository" KEY="$key" "${first[@]}"
	check "$format: all can read it" only_ours
	fresh_system
	check "$format: $meta and the kit are installed" install_packages "${wanted[@]}"
	check "$format: so the kernel is there" has_installed "${at_first[@]}"
	cp "$repository/$index" "$tmp/former"
	serve
	check "$format: a newer kernel is added, by a user whose files nobody else can read" says \
		'/the repository: [45] packages added, [0-9]* were there' in_folder "$repository" \
		with_umask 077 publish KEY=Publisher OUT=. URL="$url/" "${second[@]}" "${first[0]}"
	check "$format: all can read it still" only_ours
	check "$format: a client that has read the former index finds all of it" of_former_index
	check "$format: the given packages are as they were" as_before "$before" snapshot "$packages"
	for dropin in "$system"/etc/{apt/sources.list.d,repos}/scx-custody.*; do
		[ ! -e "$dropin" ] || cp "$repository/${dropin##*/}" "$dropin"
	done
	check "$format: an upgrade brings it, by HTTP" upgrade
	check "$format: so both kernels are there" has_installed "${later[@]}"
	stop_job "$server"

	# --- what a client refuses ---

	# The URL that it has stays, so it is given anew.
	check "$format: nothing is added by what is there" says ': 0 packages added' \
		publish "${first[@]}" OUT="$repository" KEY="$key" URL="file://${repository// /%20}"
	for fault in $(faults $format); do
		fresh_system
		check "$format: refused: $fault" refused "$fault" install_packages "$meta"
	done
	fresh_system
	check "$format: not refused, when it is restored" install_packages "$meta"

	# --- what publish refuses ---

	no() {
		check "$format: $1" refuses "$repository" "$2" publish "${@:3}"
	}
	to=(OUT="$repository" KEY="$key")
	no "no packages" 'no packages are given' "${to[@]}"
	no "no key" 'no key to sign with is given' OUT="$repository" "${first[0]}"
	no "an unknown key" "gpg has no key 'nobody'" OUT="$repository" KEY=nobody "${first[0]}"
	no "a key of which there is the public half" 'only the public half of' \
		OUT="$repository" KEY="$public_key" "${first[0]}"
	no "several keys" "several secret keys for 'localhost'" \
		OUT="$repository" KEY=localhost "${first[0]}"
	no "another key" 'is signed with another key' OUT="$repository" KEY="$other_key" "${first[0]}"
	no "no folder" 'no folder for the repository is given' KEY="$key" "${first[0]}"
	no "a folder in no folder" 'there is no folder .*/none to make' \
		OUT="$tmp/none/here" KEY="$key" "${first[0]}"
	no "a file for a folder" 'is not a folder' OUT="$tmp/spec" KEY="$key" "${first[0]}"
	no "no such package" 'there is no file .*none' "${to[@]}" "$tmp/none"
	no "no package" 'is neither a .deb nor an .rpm package' "${to[@]}" "$tmp/spec"
	no "a package of the other kind" 'is a repository for (apt|dnf), and the packages are' \
		"${to[@]}" "$other"
	no "packages of both kinds" 'publish each kind in a folder of its own' \
		"${to[@]}" "${first[0]}" "$other"
	no "an unknown option" "'--force' is not an option" "${to[@]}" --force "${first[0]}"
	no "no URL" "'example.org' is no URL" "${to[@]}" URL=example.org "${first[0]}"
	head -c -20 "${second[0]}" >"$tmp/short"
	no "a package cut short" 'is damaged or cut short' "${to[@]}" "$tmp/short"
	check "$format: a folder of other things" refuses "$packages" 'is not empty, and no repository' \
		publish OUT="$packages" KEY="$key" "${first[0]}"
	mv "${first[0]}" "$tmp/kept"
	case $format in
	deb) deb linux-image-$old 6.18.15-1 other >/dev/null ;;
	rpm) rpm_package kernel $old other >/dev/null 2>&1 ;;
	esac
	no "another package of the same name and version" 'same name and version as .*higher version' \
		"${to[@]}" "${second[@]}" "${first[0]}"
	no "two of them at once" 'same name and version as .*higher version' \
		"${to[@]}" "$tmp/kept" "${first[0]}"
	mv "$tmp/kept" "${first[0]}"
	for fault in changed-list changed-index; do
		cp -a "$repository" "$tmp/kept"
		spoil "$fault" "$format" "$repository" "$newest"
		no "an index that somebody changed: $fault" 'is not as it was signed' "${to[@]}" "${first[0]}"
		rm -rf "$repository"
		mv "$tmp/kept" "$repository"
	done
	fresh_system
	check "$format: a package that somebody changed is not taken by who trusts the key" \
		refused changed-package published_and_installed

	# --- all or nothing ---

	for signal in INT:130 TERM:143 HUP:129; do
		case $format in
		deb) at=(apt-ftparchive packages) ;;
		rpm) at=(createrepo_c --quiet) ;;
		esac
		check "$format: SIG${signal%:*}" gives_up "${signal#*:}" "$repository" interrupting "${at[@]}" \
			"${signal%:*}" 1 "$root/command/verbs/publish" "${to[@]}" "${second[@]}"
	done
	check "$format: SIGINT leaves a new folder empty" gives_up 130 "$packages" interrupting \
		"${at[@]}" INT 1 "$root/command/verbs/publish" OUT="$tmp/new" KEY="$key" "${first[@]}"
	check "$format: and away" [ ! -e "$tmp/new" ]
	if unshare --mount true 2>/dev/null; then
		check "$format: read-only" in_namespace read_only "$repository" refuses "$repository" \
			'cannot be written to; name another' "$root/command/scx-custody" publish "${to[@]}" "${first[0]}"
	else
		skip "$format: read-only" "mounting is not permitted"
	fi
	rm -rf "$repository"
	publish "${to[@]}" "${first[@]}" >/dev/null
	fresh_system
	check "$format: killed at any moment, it serves the old or the new" killed_anywhere "${second[0]}"
	check "$format: it is killed when it makes one" killed 1 "$root/command/verbs/publish" \
		OUT="$tmp/new" KEY="$key" "${first[@]}"
	rm -rf "${verb_tmp:?}"/*
	check "$format: and made again" says 'packages added, 0 were there' \
		publish OUT="$tmp/new" KEY="$key" "${first[@]}"
	rm -rf "$tmp/new"

	# --- what goes ---

	rm "$repository"/pool/*"$old"*
	publish "${to[@]}" "${second[@]}" >/dev/null
	fresh_system
	check "$format: $meta is installed where older kernels are deleted" install_packages "$meta"
	check "$format: which are not in the index any more" not_in_index "$old"
done

done_testing
