# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What several scripts need to know of Debian; sourced after lab.sh.

# To compile a kernel, with its objtool and the types of its BTF.
# shellcheck disable=SC2034 # read by the scripts that source this file
kernel_packages=(
	gcc libc6-dev make binutils flex bison bc perl python3 xz-utils cpio kmod
	libelf-dev dwarves
)

# mirror_of SUITE: the mirror that the machine's own apt uses for its archive,
# or for its security updates if the suite is a security suite. Another suite
# of the same archive is on the same mirror.
mirror_of() {
	local pattern mirror codename

	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	case $1 in
	*-security) pattern="^($codename|stable)(-security|/updates)\$" ;;
	*) pattern="^($codename|stable)\$" ;;
	esac
	# shellcheck disable=SC2016 # apt expands these
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' |
		awk -v pattern="$pattern" '$2 ~ pattern && $3 == "main" { print $1; exit }')
	[ -n "$mirror" ] ||
		die "the machine's apt configuration names no mirror that could serve $1; add Debian's '${1%%-*}' sources to /etc/apt."
	echo "$mirror"
}
