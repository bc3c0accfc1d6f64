# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # lab.sh sets what is not set here
#
# Other machines to work on the kit on: bare roots of Debian suites. Sourced after tap.sh.

# shellcheck source-path=SCRIPTDIR source=../lab/debian.sh
. "$root/lab/debian.sh"
# shellcheck source-path=SCRIPTDIR source=../lab/root.sh
. "$root/lab/root.sh"

# host SUITE: where its root is.
host() {
	echo "$cache/roots/host-$1"
}

# in_host SUITE COMMAND...: in the kit's folder there. Sources that were fetched here need
# not be fetched again.
in_host() {
	local host name shared=()

	host=$(host "$1")
	mkdir -p "$cache/src" "$cache/dl"
	: >>"$cache/fetch.lock"
	for name in src dl fetch.lock; do
		shared+=("$(realpath "$cache/$name"):/root/.cache/scx-custody/$name")
	done
	spawn_in_root "$host" /sys "${shared[@]}" -- env -C /root/kit "${@:2}"
	wait $!
}

# put_kit SUITE: the kit as it is here, committed or not, as a clone in root's own folder.
put_kit() {
	local kit

	kit=$(host "$1")/root/kit
	rm -rf "$kit"
	mkdir -p "$kit"
	(cd "$root" && kit_files |
		tar -c --null --ignore-failed-read -T -) | tar -x --no-same-owner -C "$kit" &&
		git -C "$kit" init -q && git -C "$kit" add -A &&
		git -C "$kit" -c user.name=check -c user.email=check@localhost commit -qm all
}

# make_host SUITE: a new one, with nothing but git and make. A machine with sid has no
# source of security updates.
make_host() {
	local host mirror mirrors

	host=$(host "$1")
	mirror=$(mirror_of "$1") || return
	mirrors=("deb $mirror $1 main")
	if [ "$1" != sid ]; then
		mirror=$(mirror_of "$1-security") || return
		mirrors+=("deb $mirror $1-security main")
	fi
	rm -rf "$host" "$host.part"
	mkdir -p "${host%/*}"
	spawn_mmdebstrap "$1" "$host.part" git,make "${mirrors[@]}"
	wait $! && mv "$host.part" "$host"
}
