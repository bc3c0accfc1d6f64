# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of debian-source share: trees with a debian/, and what dpkg and quilt
# make of them. Source tap.sh first.
#
# One Debian package is real, 6.12.8-1. For the other lines the archive has lost
# debian/: they are Debian's upstream trees with a small debian/ from here.

# shellcheck source-path=SCRIPTDIR source=trees.sh
. "${root:?}/tests/trees.sh"

need dpkg-source dpkg-parsechangelog xz tar

unset DEBFULLNAME DEBEMAIL NAME EMAIL
export QUILTRC=/dev/null

# debian_patch TREE NAME FILE SED: a patch of Debian's.
debian_patch() {
	local patch=$1/debian/patches/$2

	mkdir -p "$(dirname "$patch")"
	printf 'From: Debian\nSubject: %s\n\n' "$2" >"$patch"
	diff -u --label "a/$3" --label "b/$3" "$1/$3" <(sed "$4" "$1/$3") >>"$patch"
	echo "$2" >>"$1/debian/patches/series"
}

# package SOURCE: a tree with a small debian/; one of its patches is to ext.c.
package() {
	local tree

	tree=$(sapling "$1")
	mkdir -p "$tree/debian/source" "$tree/debian/patches"
	echo '3.0 (quilt)' >"$tree/debian/source/format"
	printf '%s\n' 'Source: linux' 'Maintainer: Debian <debian@example.org>' '' 'Package: linux' \
		'Architecture: all' >"$tree/debian/control"
	cat >"$tree/debian/changelog" <<-END
		linux ($1-1~bpo13+1) trixie-backports; urgency=high

		  * Rebuild for trixie-backports:
		    - Change ABI number to 0.deb13.1

		 -- Bea Before <bea@example.org>  Sat, 29 Aug 2026 06:19:09 +0200
	END
	echo '# Changes to the build' >"$tree/debian/patches/series"
	debian_patch "$tree" debian/version.patch Makefile '1s/^/# /'
	echo >>"$tree/debian/patches/series"
	debian_patch "$tree" bugfix/all/ext.patch "$(ext_of "$1")" '1i /* Debian was here */'
	echo "$tree"
}

# unpack TREE: with Debian's patches, as apt-get source leaves it.
unpack() {
	dpkg-source --before-build "$1" >/dev/null 2>&1
	rm "$1/.pc/.dpkg-source-unapply"
}

# unpacked SOURCE: a package, unpacked.
unpacked() {
	local tree

	tree=$(package "$1")
	unpack "$tree"
	echo "$tree"
}

# push_all TREE: all patches of its debian/, without fuzz.
push_all() {
	(cd "$1" && QUILT_PATCHES=debian/patches quilt push -a --fuzz=0) >"$tmp/push.log" 2>&1 ||
		[ $? -eq 2 ] || {
		cat "$tmp/push.log"
		return 1
	}
	! grep -i fuzz "$tmp/push.log"
}

# popped TREE COMMAND: without the empty folders that quilt leaves.
popped() {
	(cd "$1" && eval "$2") && find "$1/.pc" -type d -empty -delete
}

# first_entry TREE FIELD VALUE: as dpkg reads it.
first_entry() {
	local value

	value=$(dpkg-parsechangelog -l "$1/debian/changelog" -S "$2" 2>&1)
	[ "$value" = "$3" ] || {
		echo "$2 is $value"
		return 1
	}
}
