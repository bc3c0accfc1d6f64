# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the verbs share: copies of the parts of real trees that the
# verbs look at, and what must hold of whatever is refused. Source tap.sh first.
# shellcheck disable=SC2154 # root comes from lab.sh

# shellcheck source-path=SCRIPTDIR source=series.sh
. "${root:?}/tests/series.sh"

need quilt patch flock git perl

tmp=''
scratch tmp

# The verbs keep their temporary files here, where it shows if they leave any.
verb_tmp=$tmp/tmpdir
mkdir "$verb_tmp"

unset "${!QUILT@}" "${!GIT@}"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

# --- trees ----------------------------------------------------------------------

# The pristine tree of each source, and what it is: LAYOUT|LINE|FEATURE.
mapfile -t source_names < <(sources 'tree|source')
declare -A pristine_tree is
declare -A feature_of=([defect]=absent [gaps]=incomplete [pass]=complete)
for name in "${source_names[@]}"; do
	pristine=''
	capture pristine "$root/lab/fetch" "$name" || {
		echo "Bail out! there is no source of Linux $name"
		exit 1
	}
	pristine_tree["$name"]=$pristine
	is["$name"]="$(source_column "$name" layout)|$name"
	is["$name"]+="|${feature_of[$(source_column "$name" unpatched)]}"
done

# The hazards that are open in the sources which have the feature.
# shellcheck disable=SC2034 # for the tests
declare -A open_in=([7.1]=4,5,8,10,11,12,14 [7.2]=4,5,8,10,11,14)

# ext_of SOURCE: where most of its sched_ext is.
ext_of() {
	(cd "${pristine_tree[$1]}" && ext_c)
}

# sapling SOURCE: a new copy of what matters of a pristine tree; prints its path.
sapling() {
	local copy

	copy=$(mktemp -d "$tmp/tree-$1.XXXX")
	chmod 755 "$copy"
	(cd "${pristine_tree[$1]}" && cp -a --parents Makefile Kbuild .gitignore kernel/sched \
		include/linux/sched Documentation/scheduler tools/sched_ext "$copy")
	# a mode of its own, to be kept
	chmod 640 "$copy/$(ext_of "$1")"
	echo "$copy"
}

# snapshot DIRECTORY: all that can be told of it, times apart.
snapshot() {
	(
		cd "$1" || exit
		find . -printf '%y %m %U:%G %p -> %l\n' | sort
		find . -type f -print0 | sort -z | xargs -0 sha256sum
	)
}

# --- verbs ----------------------------------------------------------------------

verbs=$root/command/verbs
detect() { "$verbs/detect" "$@"; }
verify() { "$verbs/verify" "$@"; }
apply() { "$verbs/apply" "$@"; }
unapply() { "$verbs/unapply" "$@"; }
debian_source() { "$verbs/debian-source" "$@"; }
fedora_spec() { "$verbs/fedora-spec" "$@"; }

# by_plain_quilt TREE LINE: with the lines deleted of what the tree has of itself.
by_plain_quilt() {
	detect --patches "$1" | sed 's/.*\///' >"$tmp/series"
	(cd "$1" && QUILT_PATCHES=$root/patches/$2 QUILT_SERIES=$tmp/series \
		quilt --quiltrc - push -a --fuzz=0)
}

# as_before TEXT COMMAND...: is what the command prints that text?
as_before() {
	diff <(echo "$1") <("${@:2}")
}

nothing_left_in_tmpdir() {
	[ -z "$(ls -A "$verb_tmp")" ] || {
		ls -A "$verb_tmp"
		return 1
	}
}

# says PATTERN COMMAND...: it succeeds, says this, and nothing on stderr.
says() {
	local pattern=$1 out

	shift
	if ! out=$(TMPDIR=$verb_tmp "$@" 2>"$tmp/stderr") || [ -s "$tmp/stderr" ] ||
		! grep -qE -- "$pattern" <<<"$out"; then
		printf '%s\n' "$out"
		cat "$tmp/stderr"
		return 1
	fi
}

# refuses TREE PATTERN COMMAND...: it fails, changes nothing in TREE, leaves
# nothing behind, and says why in one sentence, which matches the pattern.
refuses() {
	local before out

	before=$(snapshot "$1")
	if out=$(TMPDIR=$verb_tmp "${@:3}" 2>"$tmp/stderr"); then
		echo "it was done"
		return 1
	fi
	cat "$tmp/stderr"
	[ -z "$out" ] || {
		echo "but stdout is: $out"
		return 1
	}
	if [ "$(wc -l <"$tmp/stderr")" -ne 1 ] || grep -qE '[a-z)]\. [A-Z]' "$tmp/stderr" ||
		! grep -qE '^(detect|verify|apply|unapply|debian-source|fedora-spec|scx-custody [a-z-]+): .*[^.]\.$' "$tmp/stderr"; then
		echo "is not one sentence"
		return 1
	fi
	grep -qE -- "$2" "$tmp/stderr" || {
		echo "does not match: $2"
		return 1
	}
	as_before "$before" snapshot "$1" && nothing_left_in_tmpdir
}

# --- failures in the middle -----------------------------------------------------

# A stand-in for PROGRAM, first in PATH, that does what it does and, the N-th time that it is
# called with a first argument that matches, sends SIGNAL to the verb.
mkdir "$tmp/signal"
interrupting() {
	local program=$1 argument=$2 signal=$3 n=$4

	rm -f "$tmp"/signal/*
	cat >"$tmp/signal/$program" <<END
#!/bin/bash
if [[ \$1 = $argument ]]; then
	calls=\$((\$(cat '$tmp/calls') + 1))
	echo \$calls >'$tmp/calls'
	if [ \$calls -eq $n ]; then
		[ $signal = KILL ] && $(command -v "$program") "\$@"
		kill -$signal \$(cat '$tmp/victim')
		[ $signal = KILL ] && exit
	fi
fi
exec $(command -v "$program") "\$@"
END
	chmod +x "$tmp/signal/$program"
	echo 0 >"$tmp/calls"
	shift 4
	# What a shell starts in the background ignores SIGINT.
	# shellcheck disable=SC2016 # for the inner shell
	env --default-signal=INT bash -c 'echo $$ >"$1/victim"; PATH=$1/signal:$PATH; shift; exec "$@"' - "$tmp" "$@"
}

# gives_up STATUS TREE COMMAND...: it ends with that status, TREE as it was.
gives_up() {
	local before status=0

	before=$(snapshot "$2")
	TMPDIR=$verb_tmp "${@:3}" || status=$?
	[ "$status" -eq "$1" ] || {
		echo "exit status $status"
		return 1
	}
	as_before "$before" snapshot "$2" && nothing_left_in_tmpdir
}

# killed N COMMAND...: it is, after its N-th rename of a file or folder in a tree.
killed() {
	! { TMPDIR=$verb_tmp interrupting mv '-*T' KILL "$1" "${@:2}"; } 2>/dev/null &&
		[ "$(cat "$tmp/calls")" -eq "$1" ]
}

# in_namespace SCRIPT ARGUMENT...: with mounts of its own, which end with it.
in_namespace() {
	declare -f >"$tmp/functions"
	declare -p root tmp verb_tmp verbs >>"$tmp/functions"
	unshare --mount bash -c '. "$0"; '"$1" "$tmp/functions" "${@:2}"
}
