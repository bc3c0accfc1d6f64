# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller sets what is said below
#
# What build-kernel and kernel-package share: to run the kernel's own build, with
# the objects apart from the source; sourced after base.sh. The caller sets
#
#	tree		the kernel's source tree, as the user knows it
#	work		where it is built from: this tree, or a copy
#	objects		where all that is built goes
#	log		where make's words go
#	toolchain[]	what to run make with, nothing for the machine's own tools
#	tmp		a scratch directory

# tree_name TREE: what folders for it in the cache are called.
tree_name() {
	echo "$(basename "$1")-$(sha256sum <<<"$1" | cut -c1-8)"
}

# refuse_built_in: make builds elsewhere only from a clean tree.
refuse_built_in() {
	[ ! -e "$tree/.config" ] && [ ! -e "$tree/include/config" ] ||
		die "$tree has been built in; 'make mrproper' there (which removes its .config, too), or give another."
}

# spawn_make ARGUMENT...: make in the kernel's tree.
spawn_make() {
	spawn "${toolchain[@]}" make -C "$work" O="$objects" "$@" >"$log" 2>&1
}

# How many steps make has done; for progress.
steps_done() {
	grep -cE '^  [A-Z]' "$log" || :
}

# tell_error: what in make's words is worth seeing at once.
tell_error() {
	grep -E -m 5 '(error|Error|undefined reference|No space)' "$log" >&2 ||
		tail -n 5 "$log" >&2
}

# not_as FRAGMENT CONFIG: the options of the one that are not so in the other. An
# option that is not there is off.
not_as() {
	local option

	while read -r option; do
		case $option in
		*=n) ! grep -Eq "^${option%=n}=" "$2" || echo "$option" ;;
		CONFIG_*) grep -Fqx -- "$option" "$2" || echo "$option" ;;
		esac
	done <"$1"
}

# configure_small NAME FRAGMENT...: nothing but what the fragments turn on. What a later one
# says of an option counts.
configure_small() {
	local name=$1 fragment missing

	shift
	fragment=$objects/fragment.scx-custody
	cat "$@" | tac | awk -F = '!/^CONFIG_/ || !seen[$1]++' | tac >"$fragment"
	spawn_make -s KCONFIG_ALLCONFIG="$fragment" allnoconfig
	await $! "configuring" || die "cannot configure $name; $log has the messages."
	missing=$(not_as "$fragment" "$objects/.config" | paste -sd ' ')
	[ -z "$missing" ] ||
		die "$name cannot be configured as asked for; these did not come out: $missing."
}

# not_stuck: from what merge_config.sh said, a line for each option that is not as
# asked for: NAME, what was asked for, what came out. Off, and not known at all,
# is the same.
not_stuck() {
	awk -v OFS='\t' '
		function value(text) {
			sub(/^[^:]*: */, "", text)
			if (text == "" || text ~ /is not set$/)
				return "n"
			sub(/^[^=]*=/, "", text)
			return text
		}
		# From 7.0 on, it begins with WARNING, and names what nobody asked for, too.
		/Value requested for / || / differs:$/ || / not in merged config / {
			name = ""
			if (!/ not in merged config / && match($0, /CONFIG_[A-Za-z0-9_]+/))
				name = substr($0, RSTART, RLENGTH)
		}
		/^Requested value:/ { asked = value($0) }
		/^Actual value:/ && name && asked != value($0) { print name, asked, value($0) }' "$1"
}

# key_files: the files of keys and certificates that the configuration names.
key_files() {
	sed -nE 's/^CONFIG_(SYSTEM_TRUSTED_KEYS|SYSTEM_REVOCATION_KEYS|MODULE_SIG_KEY)="(.+)"$/\1 \2/p' \
		"$objects/.config" | grep -v ' certs/signing_key.pem$' | grep -v ' pkcs11:' || :
}

# configure_from CONFIG WHO FRAGMENT...: what CONFIG asks for, and the fragments, which WHO
# need. Options of CONFIG that came out otherwise are told.
configure_from() {
	local config=$1 who=$2 missing option file

	shift 2
	spawn_make -s outputmakefile
	await $! "making $objects" || die "$tree cannot be built from: $(tail -n 1 "$log")."
	cp "$config" "$tmp/config"
	cat "$@" >"$tmp/fragment"
	# It makes its own files where it is called, and the tree is not ours.
	spawn env -C "$objects" -u KCONFIG_CONFIG "$work/scripts/kconfig/merge_config.sh" -Q \
		"$tmp/config" "$tmp/fragment" >"$log" 2>&1
	await $! "configuring" || die "$config is no configuration for $tree; $log has the messages."

	missing=$(not_as "$tmp/fragment" "$objects/.config" | paste -sd ' ')
	[ -z "$missing" ] ||
		die "with $config, these cannot be had in $tree, which $who need: $missing."
	not_stuck "$log" >"$tmp/not-stuck"
	if [ -s "$tmp/not-stuck" ]; then
		say "$(wc -l <"$tmp/not-stuck") options are not as $config asks for:"
		awk -F '\t' '{ printf "          %s: asked for %s, is %s\n", $1, $2, $3 }' "$tmp/not-stuck" >&2
	fi
	while read -r option file; do
		[ -e "$work/$file" ] || [ -e "$objects/$file" ] ||
			die "$config names $file in CONFIG_$option, which is not in $tree; set it to \"\", or put the file there."
	done < <(key_files)
}
