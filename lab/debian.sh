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

# mirror_labelled LABEL: the mirror of Debian's archive of that label which the machine's
# own apt uses, if any.
mirror_labelled() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(ORIGIN)/$(LABEL)' \
		'Created-By: Packages' |
		awk -v label="Debian/$1" '$2 == "main" && $3 == label && NF == 3 { print $1; exit }'
}

# mirror_of SUITE: the mirror of Debian's archive that the machine's own apt uses, or that
# of the security updates if the suite is a security suite. All suites of an archive are
# on the same mirror. A machine with sid has no security suite: the mirror is then taken
# to have both archives side by side, debian-security beside debian, as Debian's own does.
mirror_of() {
	local mirror

	case $1 in
	*-security)
		mirror=$(mirror_labelled Debian-Security)
		if [ -z "$mirror" ]; then
			mirror=$(mirror_labelled Debian)
			mirror=${mirror:+${mirror%/}-security/}
		fi ;;
	*) mirror=$(mirror_labelled Debian) ;;
	esac
	[ -n "$mirror" ] ||
		die "the machine's apt knows no mirror of Debian's archive to get $1 from; add one to /etc/apt/sources.list (the line 'deb URL SUITE main', with the mirror and the suite of this machine), and run 'apt-get update'."
	echo "$mirror"
}
