# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # kernel-package and kbuild.sh set what is not set here
#
# What kernel-package does to a kernel for Secure Boot; sourced after kbuild.sh. Without
# sign_key and sign_cert, the user's SIGN_KEY and SIGN_CERT, nothing is signed.

# What the kernel's build signs modules with, relative to the objects.
module_key=certs/scx-custody.pem

# check_signing: refuse a key and certificate that cannot sign, before anything is built.
check_signing() {
	local file public

	[ -n "$sign_key$sign_cert" ] || return 0
	[ -n "$sign_key" ] || die "there is a certificate and no key; give SIGN_KEY=file, too."
	[ -n "$sign_cert" ] || die "there is a key and no certificate; give SIGN_CERT=file, too."
	need sbsign sbverify openssl
	for file in "$sign_key" "$sign_cert"; do
		if [ ! -f "$file" ] || [ ! -r "$file" ]; then
			die "there is no file '$file' that can be read, to sign with."
		fi
	done
	public=$(openssl pkey -in "$sign_key" -passin pass: -pubout 2>/dev/null) ||
		die "$sign_key is no private key in PEM without passphrase; 'openssl pkey -in $sign_key -out FILE' takes a passphrase off."
	openssl x509 -in "$sign_cert" -out "$tmp/certificate.pem" 2>/dev/null ||
		openssl x509 -inform DER -in "$sign_cert" -out "$tmp/certificate.pem" 2>/dev/null ||
		die "$sign_cert is no X.509 certificate in PEM or DER."
	[ "$(openssl x509 -in "$tmp/certificate.pem" -noout -pubkey)" = "$public" ] ||
		die "the certificate $sign_cert is not that of the key $sign_key."
	who+=" and Secure Boot"
	fragments+=("$root/command/lib/secure-boot.config")
}

# bring_module_key: put the key and the certificate where the build finds them, until it ends.
bring_module_key() {
	[ -n "$sign_key" ] || return 0
	mkdir -p "$objects/certs"
	at_exit "rm -f ${objects@Q}/$module_key"
	(umask 077 && cat "$sign_key" "$tmp/certificate.pem" >"$objects/$module_key")
}

# sign_image OPTION...: build with these options of make, and sign the image in place. The
# packages are then made of the image as it is, for it is newer than its parts: the number
# of the build, which is a part, is the one that the packages will have.
sign_image() {
	local image number=0

	image=$objects/$(make -s -C "$work" O="$objects" image_name)
	# One that was signed before is not to be taken for a new one.
	rm -f "$image"
	[ -n "$sign_key" ] || return 0
	[[ $image != *.gz ]] ||
		die "this kernel is booted as ${image##*/}, which firmware cannot check; turn on CONFIG_EFI_ZBOOT in $config."
	[ ! -e "$objects/.version" ] || number=$(cat "$objects/.version")
	run_make "$@" "KBUILD_BUILD_VERSION=$((number + 1))" all
	sbsign --key "$sign_key" --cert "$tmp/certificate.pem" --output "$image.signed" "$image" \
		>"$tmp/sbsign.log" 2>&1 ||
		die "sbsign cannot sign $image: $(tail -n 1 "$tmp/sbsign.log")."
	mv "$image.signed" "$image"
}

# check_signed: is the image in the packages the signed one?
check_signed() {
	local package

	[ -n "$sign_key" ] || return 0
	case $format in
	deb)
		package=$(packages | grep -E '/linux-image-[^/]*\.deb$' | grep -v -- '-dbg_')
		dpkg-deb --fsys-tarfile "$package" | tar -x --to-stdout --wildcards '*/vmlinuz-*' ;;
	rpm)
		package=$(packages | grep -E '/kernel-[0-9][^/]*\.rpm$')
		rpm2cpio "$package" | cpio -i --quiet --to-stdout '*/vmlinuz' ;;
	esac >"$tmp/vmlinuz"
	sbverify --cert "$tmp/certificate.pem" "$tmp/vmlinuz" >/dev/null 2>&1 ||
		die "the image in ${package##*/} is not the signed one, so there are no packages; $log has it all."
	say "image and modules are signed by $(openssl x509 -in "$tmp/certificate.pem" -noout -subject | sed 's/^subject=//')"
}
