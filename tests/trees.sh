# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the verbs share: copies of the parts of real trees that the
# verbs look at, and what must hold of whatever is refused. Source tap.sh first.
# shellcheck disable=SC2154 # root comes from lib.sh

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
declare -A pristine_tree
for name in "${source_names[@]}"; do
	pristine=''
	capture pristine "$root/scripts/fetch" "$name" || {
		echo "Bail out! there is no source of Linux $name"
		exit 1
	}
	pristine_tree["$name"]=$pristine
done
declare -A is=(
	[6.12-early]='global-ops-early|6.12-early|absent'
	[6.12]='global-ops|6.12|absent'
	[6.17]='sched-instance|6.17|absent'
	[6.18]='instance-dsqs|6.18|absent'
	[6.19]='bypass-dsqs|6.19|absent'
	[7.1]='sub-scheds|7.1|incomplete'
)

# sapling SOURCE: a new copy of what matters of a pristine tree; prints its path.
sapling() {
	local copy

	copy=$(mktemp -d "$tmp/tree-$1.XXXX")
	chmod 755 "$copy"
	(cd "${pristine_tree[$1]}" && cp -a --parents Makefile Kbuild .gitignore kernel/sched \
		include/linux/sched Documentation/scheduler tools/sched_ext "$copy")
	# a mode of its own, to be kept
	chmod 640 "$copy/kernel/sched/ext.c"
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

detect() { "$root/compat/detect" "$@"; }
verify() { "$root/scripts/verify" "$@"; }
apply() { "$root/scripts/apply" "$@"; }
unapply() { "$root/scripts/unapply" "$@"; }

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
		! grep -qE '^(detect|verify|apply|unapply|scx-custody [a-z-]+): .*[^.]\.$' "$tmp/stderr"; then
		echo "is not one sentence"
		return 1
	fi
	grep -qE -- "$2" "$tmp/stderr" || {
		echo "does not match: $2"
		return 1
	}
	as_before "$before" snapshot "$1" && nothing_left_in_tmpdir
}
