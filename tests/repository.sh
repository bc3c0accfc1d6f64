# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What is done to a repository that 'publish' has made, which apt and dnf must then refuse.
# Source it after tap.sh, and call 'make_keys'.

# make_keys FOLDER: gpg has its keys there from now on. Sets key and other_key, the fingerprints
# of two secret ones.
make_keys() {
	export GNUPGHOME=$1

	mkdir -m 700 "$1"
	echo trust-model always >"$1/gpg.conf"
	at_exit "GNUPGHOME=${1@Q} gpgconf --kill gpg-agent"
	key=$(make_key 'Publisher <publisher@localhost>')
	other_key=$(make_key 'Other <other@localhost>')
}

# make_key USER: prints its fingerprint.
make_key() {
	gpg --batch --quiet --passphrase '' --quick-generate-key "$1" rsa3072 sign never &&
		gpg --batch --with-colons --list-secret-keys "=$1" |
		awk -F : '$1 == "fpr" { print $10; exit }'
}

# faults FORMAT: what can be done to a repository. Packages for apt have no signatures.
faults() {
	echo changed-list changed-index other-key unsigned-index changed-package
	[ "$1" = deb ] || echo unsigned-package
}

# spoil FAULT FORMAT REPOSITORY PACKAGE: the package is a name in pool/.
spoil() {
	(cd "$3" && "spoil_$2" "$1" "pool/$4")
}

# change_byte FILE: the last one, in a file of the same size and time.
change_byte() {
	local time

	time=$(stat -c @%Y "$1")
	perl -0777 -pi -e 's/(.)\z/chr(ord($1) ^ 1)/se' "$1" && touch -d "$time" "$1"
}

# sign_with KEY FILE OPTION...
sign_with() {
	gpg --batch --yes --quiet --local-user "$1" "${@:3}" "$2"
}

spoil_deb() {
	case $1 in
	changed-list)
		find Packages by-hash -type f -exec sed -i 's/^Section: kernel/Section: Kernel/' {} + ;;
	changed-index) sed -i 's/^Label: scx-/Label: SCX-/' InRelease ;;
	other-key)
		gpg --batch --quiet --decrypt InRelease >Release 2>/dev/null
		sign_with "$other_key" Release --output InRelease --clearsign ;;
	unsigned-index) gpg --batch --quiet --decrypt InRelease >Release 2>/dev/null && rm InRelease ;;
	changed-package) change_byte "$2" ;;
	esac
}

spoil_rpm() {
	case $1 in
	changed-list) for list in repodata/*-primary.xml.gz; do change_byte "$list"; done ;;
	changed-index) sed -i 's/<revision>/&1/' repodata/repomd.xml ;;
	other-key) sign_with "$other_key" repodata/repomd.xml --armor --detach-sign ;;
	unsigned-index) rm repodata/repomd.xml.asc ;;
	changed-package) change_byte "$2" ;;
	unsigned-package)
		rpmsign --delsign "$2" && rm -r repodata* && createrepo_c --quiet . &&
			sign_with "$key" repodata/repomd.xml --armor --detach-sign ;;
	esac
}

# refuses_fault FAULT FORMAT REPOSITORY PACKAGE COMMAND...: with this done to the repository, the
# command fails and names a signature or a checksum. Then the repository is as it was.
refuses_fault() {
	local whole status=0 said

	whole=$(mktemp -d "${3%/*}/whole.XXXX")
	cp -a "$3/." "$whole"
	spoil "${@:1:4}" && ! diff -r "$whole" "$3" >/dev/null || return
	said=$("${@:5}" 2>&1) || status=$?
	find "$3" -mindepth 1 -delete
	cp -a "$whole/." "$3"
	rm -rf "$whole"
	printf '%s\nexit status %s\n' "$said" "$status"
	[ "$status" -ne 0 ] && grep -Eiq 'signature|signed|checksum|hash sum' <<<"$said"
}
