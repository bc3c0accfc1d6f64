# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller sets what is said below
#
# What build-kernel and kernel-package share: to run the kernel's own build, with
# the objects apart from the source; sourced after base.sh. The caller sets
#
#	work		the kernel's source tree
#	objects		where all that is built goes
#	log		where make's words go
#	toolchain[]	what to run make with, nothing for the machine's own tools

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

# configure_small NAME FRAGMENT...: nothing but what the fragments turn on.
configure_small() {
	local name=$1 fragment missing

	shift
	fragment=$objects/fragment.scx-custody
	cat "$@" >"$fragment"
	spawn_make -s KCONFIG_ALLCONFIG="$fragment" allnoconfig
	await $! "configuring" || die "cannot configure $name; $log has the messages."
	missing=$(not_as "$fragment" "$objects/.config" | paste -sd ' ')
	[ -z "$missing" ] ||
		die "$name cannot be configured as asked for; these did not come out: $missing."
}
