#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The quilt series, on every source that can be had: fit without fuzz, read well
# to the kernel's own tools, build at each step without a new warning, and agree
# with compat/.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=series.sh
. "$root/tests/series.sh"

# What compilers and sparse say, without the line numbers, which differ from
# patch to patch.
warnings() {
	grep -E ': (warning|error): ' "$1" |
		sed -E 's/^[^ ]*kernel\/sched\//kernel\/sched\//; s/:[0-9]+(:[0-9]+)?:/:/'
}

# no_new_warning BEFORE AFTER: nothing is said that was not, and not more often.
# How often counts for ext.c and its headers only: they are compiled once, but a
# header of all of kernel/sched/ as often as make finds that it has to.
no_new_warning() {
	awk '
		NR == FNR { before[$0]++; next }
		{ after[$0]++ }
		END {
			for (text in after)
				if (!before[text] ||
				    (text ~ /^kernel\/sched\/ext/ && after[text] > before[text])) {
					print after[text] " times, before " before[text] + 0 ": " text
					status = 1
				}
			exit status
		}' <(warnings "$1") <(warnings "$2")
}

# build TREE OBJECTS LOG: kernel/sched/ with the warnings of W=1 and sparse.
build() {
	make -C "$1" O="$2" -j"$JOBS" W=1 C=1 \
		CF=-fmax-warnings=unlimited kernel/sched/ >"$3" 2>&1 || {
		tail -n 30 "$3"
		return 1
	}
}

# configure TREE OBJECTS: the kernel that the kit boots.
configure() {
	rm -rf "$2"
	mkdir -p "$2"
	cat "${small_config[@]}" >"$2/small.config"
	make -C "$1" O="$2" KCONFIG_ALLCONFIG="$2/small.config" allnoconfig &&
		make -C "$1" O="$2" -j"$JOBS" prepare
}

push_all() {
	quilt push -a --fuzz=0 >"$scratch/push.log" 2>&1 || {
		cat "$scratch/push.log"
		return 1
	}
}

# Each line of compat/call-sites has all columns, and rows and layouts that there are:
# those of the first table in docs/semantics.md, and compat/layouts/.
names_what_there_is() {
	awk '/^\| [0-9]/ { print $2; seen = 1; next } seen { exit }' "$root/docs/semantics.md" |
		awk -F '\t' -v layouts="$(cd "$root/compat/layouts" && echo *)" '
			FILENAME == "-" { row[$0]; next }
			FNR == 1 {
				for (i = split(layouts, names, " "); i; i--)
					layout[names[i]]
				row["-"]
			}
			/^#/ { next }
			{
				bad = NF != 7 || /\t\t/
				for (i = split($3, names, " "); i; i--)
					bad += !(names[i] in row)
				for (i = split($7, names, " "); i; i--)
					bad += !(names[i] in layout)
			}
			bad {
				print FNR ": " $0
				status = 1
			}
			END { exit status }' - "$root/compat/call-sites"
}

quiet_checkpatch() {
	# The commits are mainline's, which isn't here.
	(cd "$1" && perl scripts/checkpatch.pl --strict --show-types --quiet \
		--ignore UNKNOWN_COMMIT_ID "$2") >"$scratch/checkpatch.log" 2>&1
	cat "$scratch/checkpatch.log"
	[ ! -s "$scratch/checkpatch.log" ]
}

# left_out PATCH: does the tree have this fix by itself?
left_out() {
	! printf '%s\n' "${names[@]}" | grep -Fqx -- "$1"
}

# any_subset TREE: a maintainer may delete the line of any fix from the series. What is
# left still applies without fuzz, whichever lines these are.
any_subset() {
	local -a fixes needed
	local subset i name bad=0

	mapfile -t fixes < <(printf '%s\n' "${names[@]}" | grep -e '-fix-')
	mapfile -t needed < <(printf '%s\n' "${names[@]}" | grep -v -e '-fix-')
	for ((subset = 0; subset < 1 << ${#fixes[@]}; subset++)); do
		rm -rf "$scratch/subset"
		mkdir "$scratch/subset"
		copy_touched "$1" "$scratch/subset" "$folder"/*.patch
		for name in ${needed[@]+"${needed[@]}"} ${fixes[@]+"${fixes[@]}"}; do
			for ((i = 0; i < ${#fixes[@]}; i++)); do
				[ "$name" != "${fixes[i]}" ] || ((subset >> i & 1)) || continue 2
			done
			push_alone "$scratch/subset" <"$folder/$name" >"$scratch/patch.log" || {
				cat "$scratch/patch.log"
				echo "$name, of subset $subset of ${fixes[*]}"
				bad=1
				break
			}
		done
	done
	[ $bad -eq 0 ]
}

# git am takes the series as it is, on just the files which it touches.
git_am() {
	local git=$scratch/git-$1 file

	rm -rf "$git"
	mkdir "$git"
	copy_touched "$2" "$git" "$3"/*.patch
	cd "$git" || return
	git init -q . && git config user.name check && git config user.email check@localhost &&
		git add -A && git commit -qm base &&
		git am -q "${names[@]/#/$3/}" || return
	for file in $(touched_files "$3"/*.patch); do
		cmp "$file" "$4/$file" || return
	done
}

# state DIR: what is in a tree's files that the series touches, modes included.
state() {
	(
		cd "$1" || exit
		touched_files "$2"/*.patch | xargs stat -c '%n %a %s' 2>&1
		touched_files "$2"/*.patch | xargs sha256sum 2>&1
		find kernel/sched include/linux/sched tools/sched_ext Documentation/scheduler | sort
	)
}

# The structures whose layout distributions promise to keep, from the objects'
# debugging information.
structures() {
	pahole -C task_struct,sched_ext_entity,rq,scx_rq,scx_dispatch_q \
		"$1/kernel/sched/core.o" &&
		pahole -C sched_ext_ops "$1/kernel/sched/build_policy.o"
}

# layouts FILE: of what pahole said, the structures' sizes and where each member is.
layouts() {
	sed -nE 's/[[:space:]]+/ /g
		/^struct /p
		/\/\* +[0-9]+(: ?[0-9]+)? +[0-9]+ \*\/$/p
		s/.*\/\* (size: [0-9]+),.*/\1/p' "$1"
}

# none_has_changed BEFORE AFTER: every member is where it was, and no size differs. A
# new member may sit in a hole: it is in nobody's way.
none_has_changed() {
	diff <(layouts "$1") <(layouts "$2") | grep '^<' && return 1
	[ -s "$1" ] && [ -s "$2" ]
}

scratch='' src=''
scratch scratch
export QUILT_PUSH_ARGS='' QUILTRC=/dev/null

check "every patch is what compat/ yields for its line" "$root/lab/copy-patches" --check
check "patches/ is nothing but files" diff <(find "$root/patches" ! -type d ! -type f) /dev/null
check "compat/call-sites is about what there is" names_what_there_is
for layout in "$root"/compat/layouts/*; do
	series=$(layout_value "${layout##*/}" line)
	check "$series: its call sites are from the patches that compat/call-sites names" \
		from_the_right_patches "${layout##*/}" "$series"
done

# Of these lines each patch is built, as far as an hour goes; 'lab/check series' builds
# those of all lines. The others have most of their patches from 6.12.
built_lines=(6.12 7.1)
[ "${SCX_CUSTODY_SERIES:-}" != all ] || mapfile -t built_lines < <(sources 'tree|source')
mapfile -t lines < <(sources 'tree|source')
# By hand: only those that are named.
[ $# -eq 0 ] || lines=("$@") built_lines=("$@")
for line in "${lines[@]}"; do
	capture src "$root/lab/fetch" "$line" || {
		result 1 "$line: fetch the source"
		continue
	}
	detected=$("$root/command/verbs/detect" "$src")
	layout=$(sed -n 's/^layout: *//p' <<<"$detected")
	series=$(sed -n 's/^line: *//p' <<<"$detected")
	folder=$root/patches/$series
	tree=$cache/work/$line-series
	objects=$cache/obj/$line-series
	rm -rf "$tree"
	mkdir -p "$cache/work"
	cp -al "$src" "$tree"
	# quilt touches what it restores. Were that a link, the pristine file would be
	# newer than all that was built from it.
	(cd "$tree" && touched_files "$folder"/*.patch | xargs rm -f)
	copy_touched "$src" "$tree" "$folder"/*.patch
	at_exit "rm -rf ${tree@Q}"
	cd "$tree" || exit
	# What of the series is for this very tree.
	mapfile -t names < <("$root/command/verbs/detect" --patches "$src" | sed 's/.*\///')
	printf '%s\n' "${names[@]}" >"$scratch/series"
	export QUILT_SERIES=$scratch/series
	# Copies are dealt with where the original is.
	mapfile -t own < <([ "$line" != "$series" ] || "$root/lab/copy-patches" --own "$series")

	check "$line: each patch is in the series, and the other way round" \
		diff <(grep -v '^#' "$folder/series" | sort) <(cd "$folder" && ls -- *.patch)

	before=$(state "$tree" "$folder")
	export QUILT_PATCHES=$folder
	check "$line: the series $series applies with no fuzz" push_all
	check "$line: and so it does without any of the fixes in it" any_subset "$src"
	check "$line: custody begins and ends where compat/call-sites has it" \
		in_the_right_functions .
	if grep -qx feature=absent "$root/compat/layouts/$layout"; then
		check "$line: ext_custody.h is what compat/ generates for $layout" \
			diff <("$root/compat/gen-header" "$layout") kernel/sched/ext_custody.h
	else
		check "$line: nothing is generated for $layout" \
			eval "! '$root/compat/gen-header' '$layout' && [ ! -e kernel/sched/ext_custody.h ]"
	fi
	check "$line: git am takes the series and arrives at the same" \
		git_am "$line" "$src" "$folder" "$tree"
	cd "$tree" || exit
	check "$line: comes off again" quilt pop -a
	rm -rf .pc
	check "$line: and every byte is back" \
		diff <(echo "$before") <(state "$tree" "$folder")

	for patch in ${own[@]+"${own[@]}"}; do
		check "$line: checkpatch --strict is silent on $patch" \
			quiet_checkpatch "$src" "$folder/$patch"
	done

	[[ " ${built_lines[*]} " = *" $line "* ]] || continue
	check "$line: configures" configure "$tree" "$objects" || continue
	check "$line: pristine kernel/sched/ builds" \
		build "$tree" "$objects" "$scratch/pristine.log" || continue
	name="$line: sparse has had a look"
	if grep -q 'is not available or not up to date' "$scratch/pristine.log"; then
		skip "$name" "the source refuses $(sparse --version 2>&1) as too old"
	else
		check "$name" grep -q '^  CHECK .*kernel/sched/build_policy\.c' "$scratch/pristine.log"
	fi
	structures "$objects" >"$scratch/pristine.structures"
	check "$line: pahole knows the structures" \
		grep -q '^struct sched_ext_ops {' "$scratch/pristine.structures"
	# Up to each patch of its own, and up to the last.
	mapfile -t steps < <(printf '%s\n' ${own[@]+"${own[@]}"} "${names[-1]}" | sort -u)
	for patch in "${steps[@]}"; do
		! left_out "$patch" || continue
		quilt push --fuzz=0 "$patch" >/dev/null
		check "$line: builds up to $patch" \
			build "$tree" "$objects" "$scratch/patch.log" &&
			check "$line: with no new warning of W=1 or sparse" \
				no_new_warning "$scratch/pristine.log" "$scratch/patch.log"
	done
	structures "$objects" >"$scratch/patched.structures"
	check "$line: no structure has changed" \
		none_has_changed "$scratch/pristine.structures" "$scratch/patched.structures"
done

for patch in "$root"/patches/mixed/*; do
	check "checkpatch --strict is silent on mixed/${patch##*/}" quiet_checkpatch "$src" "$patch"
done

done_testing
