# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the verbs share: copies of the parts of real trees that the
# verbs look at, and what must hold of all that they do. Source tap.sh first.
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
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org

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

# copy_of TREE: prints its path.
copy_of() {
	local copy

	copy=$(mktemp -d "$tmp/copy.XXXX")
	cp -a "$1/." "$copy"
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

# sources_of TREE: the checksums of what the series are about.
sources_of() {
	(cd "$1" && find kernel include Documentation tools -type f ! -name '*~' -print0 | sort -z |
		xargs -0 sha256sum)
}

# commit_all TREE MESSAGE: in git.
commit_all() {
	git -C "$1" add -A && git -C "$1" commit -qm "$2"
}

# in_folder FOLDER COMMAND...
in_folder() {
	(cd "$1" && "${@:2}")
}

# --- verbs ----------------------------------------------------------------------

verbs=$root/command/verbs
detect() { "$verbs/detect" "$@"; }
verify() { "$verbs/verify" "$@"; }
apply() { "$verbs/apply" "$@"; }
unapply() { "$verbs/unapply" "$@"; }
port() { SCX_CUSTODY_SELF='scx-custody port' "$verbs/port" "$@"; }
debian_source() { "$verbs/debian-source" "$@"; }
fedora_spec() { "$verbs/fedora-spec" "$@"; }
export_series() { "$verbs/export" "$@"; }

# What a vendor might add, as sed does it to ext.c: after it, no series of the kit fits.
# shellcheck disable=SC2034 # read by the tests
counter='/bool is_local = /a\	this_cpu_inc(vendor_enqueues);'

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

# restores TREE SNAPSHOT: unapply succeeds and the tree is as it was then.
restores() {
	says 'are as they were before\.$' unapply "$1" &&
		as_before "$2" snapshot "$1" && nothing_left_in_tmpdir
}

# there_and_back VERB TREE SNAPSHOT: the verb takes out what it put in, then all is as it
# was; and once more.
there_and_back() {
	says 'is taken out of' "$1" --undo "$2" && as_before "$3" snapshot "$2" &&
		says 'there is nothing to take out' "$1" --undo "$2" &&
		as_before "$3" snapshot "$2" && nothing_left_in_tmpdir
}

# is_there VERB TREE [OPTION]...: the verb changes nothing a second time.
is_there() {
	local before

	before=$(snapshot "$2")
	says 'already.*UNDO=1 .* takes it out' "$1" "${@:3}" "$2" && as_before "$before" snapshot "$2"
}

# refuses TREE PATTERN COMMAND...: it fails, changes nothing in TREE, leaves
# nothing behind, and says why in one sentence, which matches the pattern.
refuses() {
	local before out names='detect|verify|apply|unapply|debian-source|fedora-spec|export'

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
		! grep -qE "^($names|scx-custody [a-z-]+): .*[^.]\.$" "$tmp/stderr"; then
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
	cat >"$tmp/victim.sh" <<END
echo \$\$ >'$tmp/victim'
PATH='$tmp/signal':\$PATH
exec $(printf '%q ' "$@")
END
	# What a shell starts in the background ignores SIGINT.
	env --default-signal=INT bash "$tmp/victim.sh"
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

# in_namespace COMMAND...: with mounts of its own, which end with it.
in_namespace() {
	{
		declare -f
		declare -p root tmp verb_tmp verbs
		printf '%q ' "$@"
	} >"$tmp/in_namespace"
	unshare --mount bash "$tmp/in_namespace"
}

# pinned FILE COMMAND...: a file that is mounted cannot be renamed. In a namespace.
pinned() {
	mount --bind "$1" "$1" && "${@:2}"
}

# read_only FOLDER COMMAND...: while nobody can write there. In a namespace.
read_only() {
	mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && "${@:2}"
}
