# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # lab.sh sets what is not set here, tests read it
#
# What the proofs from end to end share. Sourced after tap.sh, with the proof's name
# and the kind of its packages, deb or rpm. It sets
#
#	format	the kind
#	logs	where the logs of this run go
#	work	a directory in the cache, gone when the script ends
#	repository	where packages are published, signed with $key

# shellcheck source-path=SCRIPTDIR source=../../command/lib/kbuild.sh
. "$root/command/lib/kbuild.sh"
# shellcheck source-path=SCRIPTDIR source=../repository.sh
. "$root/tests/repository.sh"

format=$2
line=6.18
e2e_config=("${installed_config[@]}")
logs=$cache/logs/e2e-$1
rm -rf "$logs"
mkdir -p "$logs" "$cache/e2e"
work=''
TMPDIR=$cache/e2e scratch work
repository=$work/repository url=file://$work/repository
make_keys "$work/gnupg"

# --- results --------------------------------------------------------------------

# last_said: the last line of the step's log; for await.
last_said() {
	printf '(%s)' "$(tail -n 1 "$step_log" | tr -d '\r' | cut -c1-100)"
}

# step NAME COMMAND...: as check, for what takes long: tells how it goes. A step
# that fails ends the test, for what comes after relies on it.
step() {
	local name=$1 status=0

	shift
	step_log=$logs/$((tests_run + 1)).log
	spawn "$@" >"$step_log" 2>&1
	await $! "$name" last_said || status=$?
	result "$status" "$name"
	[ "$status" -ne 0 ] || return 0
	diag "exit status $status; $step_log ends in"
	diag "$(tail -n 30 "$step_log")"
	finish
	exit 1
}

# expect WHAT EXPECTED SEEN: passes if they are the same; a row of the table.
expect() {
	local word=ok

	[ "$2" = "$3" ] || word='NOT OK'
	[ "$word" = ok ]
	result $? "$1: ${2:-none}"
	printf '%s\t%s\t%s\t%s\n' "$1" "${2:-none}" "${3:-none}" "$word" >>"$logs/table"
}

# finish: the table, and the plan.
finish() {
	[ ! -e "$logs/table" ] || diag "$(
		awk -F '\t' '
			BEGIN { width[1] = width[2] = width[3] = 8 }
			{
				for (i = 1; i <= 4; i++) {
					cell[NR, i] = $i
					if (length($i) > width[i])
						width[i] = length($i)
				}
			}
			function row(a, b, c, d) {
				printf "%-*s  %-*s  %-*s  %s\n", width[1], a, width[2], b, width[3], c, d
			}
			END {
				row("what", "expected", "seen", "")
				for (i = 1; i <= NR; i++)
					row(cell[i, 1], cell[i, 2], cell[i, 3], cell[i, 4])
			}' "$logs/table"
	)"
	diag "logs: $logs"
	done_testing
}

# --- packages -------------------------------------------------------------------

# build_kit DIR [VERSION]: the kit's packages, as that version, into DIR.
build_kit() {
	local built

	built=$("$root/lab/build-packages" "$format" ${2:+"$2"}) || return
	mkdir -p "$1"
	cp "$built"/*."$format" "$1"
}

# build_kernel DIR [ARGUMENT]...: packages of the patched kernel, or with PATCHED=no of one
# that is not, with a small configuration, into DIR. The arguments are those of kernel-deb;
# the files that they name count. Those of both formats come from the same source, and so
# from the same objects.
build_kernel() {
	local kind=kernel$of_arch-$line tree=$cache/e2e/linux-$line pristine source_key key result
	local argument series=("$root/patches/$line"/*)

	if [[ " ${*:2} " = *' PATCHED=no '* ]]; then
		kind=pristine$of_arch
		tree=$cache/e2e/pristine-$line
		series=()
	fi
	pristine=$("$root/lab/fetch" "$line") || return
	source_key=$({
		echo "$pristine"
		cat /dev/null "${series[@]}"
	} | sha256sum)
	key=$({
		echo "$source_key"
		"${CROSS_COMPILE}gcc" --version
		pahole --version
		cat "${e2e_config[@]}" "$root/command/verbs/kernel-package" \
			"$root"/command/lib/{sched-ext.config,secure-boot.config,kbuild.sh,signing.sh}
		for argument in "${@:2}"; do
			if [ -f "${argument#*=}" ]; then cat "${argument#*=}"; else echo "$argument"; fi
		done
	} | sha256sum | cut -c1-16)
	result=$cache/e2e/$kind-$key-$format
	exec 8>"$cache/e2e/kernel.lock"
	flock 8
	if [ ! -e "$result" ]; then
		rm -rf "$cache/e2e/$kind"-*-"$format"*
		# The series stays applied to it, so that what is compiled stays so.
		if [ "$(cat "$tree.key" 2>/dev/null)" != "$source_key" ]; then
			echo "copying the source"
			# Nor do its objects stay: files that are as of old would look older.
			rm -rf "$tree" "$cache/packages/${tree##*/}"-*
			cp -al "$pristine" "$tree"
			echo "$source_key" >"$tree.key"
		fi
		rm -rf "$result.part"
		mkdir "$result.part"
		small_config "$pristine" >"$result.part/config" &&
			"$root/command/verbs/kernel-package" "$format" "KSRC=$tree" \
				"CONFIG=$result.part/config" "OUT=$result.part" DEBUG=no "${@:2}" || return
		mv "$result.part" "$result"
	fi
	mkdir -p "$1"
	cp "$result"/*."$format" "$1"
}

# publish DIR...: put the packages in these into $repository, signed; it is at $url for who
# installs from it.
publish() {
	local dir
	local -a files=()

	for dir; do
		files+=("$dir"/*."$format")
	done
	"$root/command/scx-custody" publish OUT="$repository" KEY="$key" URL="$url" "${files[@]}"
}

# small_config TREE: print a whole configuration for it, of little.
small_config() {
	local work=$1 objects=$cache/e2e/config log=$cache/logs/e2e-config.log toolchain=()

	mkdir -p "$objects"
	configure_small "$line" "${e2e_config[@]}" >&2
	cat "$objects/.config"
	rm -rf "$objects"
}

# The kit's version, and one to be its successor, as in tests/42-install.t.
version=$(kit_version)
newer=$version+test

# --- what a guest has said --------------------------------------------------------

# fact NAME FACT: what was found of it in the boot of that name.
fact() {
	sed -n "s/^$2: //p" "$logs/$1/output.log"
}

# take_verdict NAME: put the verdict that was printed in that boot, as the last thing,
# into verdict.json beside it; and is it JSON?
take_verdict() {
	sed '1,/^== .*verdict-/d' "$logs/$1/output.log" >"$logs/$1/verdict.json"
	perl -MJSON::PP -0777 -ne 'decode_json($_)->{version} or die "no version\n"' "$logs/$1/verdict.json"
}
