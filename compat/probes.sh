# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the verbs
#
# What a layout of ext.c is recognised by: the code that is there, never the
# version that the Makefile claims. Source command/lib/base.sh first.
#
# A probe is a function probe_NAME, run inside the tree, which prints
#
#	ANSWER <tab> EVIDENCE
#
# ANSWER is compared with the line NAME=ANSWER of each layouts/*. EVIDENCE, where
# the answer was read, is for people only.
#
# Ask for what a patch relies on and for nothing else: the answer has to be the
# same for all point releases of a line, whatever a vendor changes elsewhere.
#
# A new probe is a function here, its name in the list below, a line in each layout, and
# an answer in the rows of variants and pieces that rely on it; a new layout is a file in
# layouts/.

# In the order in which differences are worth telling.
probes=(ops deq_flags ops_struct op_call locked_rq dispatch_ctx error global_dsq bypass_dsq requeue
	lost_race own_rq)

# ext_sources: sched_ext's own files, one a line. From 7.2 on they have a folder.
ext_sources() {
	local file

	for file in kernel/sched/ext*.[ch] kernel/sched/ext/*.[ch]; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# ext_c: the one that has most of it.
ext_c() {
	if [ -f kernel/sched/ext/ext.c ]; then
		echo kernel/sched/ext/ext.c
	else
		echo kernel/sched/ext.c
	fi
}

# first_match REGEX FILE...: "FILE:LINE: TEXT" of the first line that matches.
first_match() {
	local match

	match=$(grep -HnE -m1 -- "$@" 2>/dev/null | head -n1)
	[ -n "$match" ] || return 1
	sed -E 's/^([^:]*:[0-9]+:)/\1 /; s/[[:space:]]+/ /g' <<<"$match"
}

# in_ext REGEX [FILE]...: the first match in these files and sched_ext's own.
in_ext() {
	local regex=$1
	local -a files

	shift
	mapfile -t files < <(ext_sources)
	# with no file, grep would read what isn't for it
	[ $(($# + ${#files[@]})) -gt 0 ] && first_match "$regex" "$@" "${files[@]}"
}

# parameters NAME: "PARAMETERS <tab> FILE:LINE: NAME" of a function or a macro
# of sched_ext where it is defined, or none.
parameters() {
	local -a files

	mapfile -t files < <(ext_sources)
	awk -v name="$1" '
		{
			if (!collect && $0 ~ "^(#define |[a-z][^=;(]*[ *])" name "[(]") {
				at = FILENAME ":" FNR ": " name "()"
				text = substr($0, index($0, name "(") + length(name) + 1)
				collect = 1
			} else if (collect)
				text = text " " $0

			if (collect && (end = index(text, ")"))) {
				collect = 0
				if (substr(text, end + 1) ~ /^[ \t]*;/)
					next		# only declared here
				found = substr(text, 1, end - 1)
				gsub(/[ \t]+/, " ", found)
				found = found "\t" at
				exit
			}
		}
		END {
			print found ? found : "none\tno " name "() in kernel/sched/ext*"
		}' "${files[@]:-/dev/null}"
}

# first_of FINDER [REGEX ANSWER]... ANSWER EVIDENCE: answer for the first REGEX that FINDER
# finds; if it finds none, the last answer.
first_of() {
	local finder=$1 at

	shift
	while [ $# -gt 2 ]; do
		if at=$("$finder" "$1"); then
			printf '%s\t%s\n' "$2" "$at"
			return
		fi
		shift 2
	done
	printf '%s\t%s\n' "$1" "$2"
}

# file_with REGEX WHAT: answer with the file that defines WHAT.
file_with() {
	local at

	if at=$(in_ext "$1"); then
		printf '%s\t%s\n' "${at%%:*}" "$at"
	else
		printf 'none\t%s is not defined in kernel/sched/ext*\n' "$2"
	fi
}

# Is there one BPF scheduler in a global variable, or an instance to pass on?
probe_ops() {
	first_of in_ext '^struct scx_sched \{' instance \
		'^static struct sched_ext_ops scx_ops;' global \
		unknown 'neither struct scx_sched nor scx_ops is defined in kernel/sched/ext*'
}

# Which file defines enum scx_deq_flags?
probe_deq_flags() {
	file_with '^[[:space:]]*SCX_DEQ_CORE_SCHED_EXEC[[:space:]]*=' SCX_DEQ_CORE_SCHED_EXEC
}

# Which file defines struct sched_ext_ops, whose comments describe the ops?
probe_ops_struct() {
	file_with '^struct sched_ext_ops \{' 'struct sched_ext_ops'
}

# What does an op call take, and in which order? Not how the run queue is called.
probe_op_call() {
	parameters SCX_CALL_OP_TASK | sed -E 's/^([^\t]*, )[a-z_]+_rq,/\1rq,/'
}

# Does an op call note which run queue is locked, and in which variable?
probe_locked_rq() {
	local at name

	if at=$(in_ext '^(static )?DEFINE_PER_CPU\(struct rq \*, [a-z_]*locked_rq[a-z_]*\)'); then
		name=${at##*, }
		printf '%s\t%s\n' "${name%%)*}" "$at"
	else
		printf 'none\tno per-CPU locked_rq in kernel/sched/ext*\n'
	fi
}

# Where is what a CPU notes while it dispatches?
probe_dispatch_ctx() {
	first_of in_ext '^static struct scx_dsp_ctx __percpu \*scx_dsp_ctx;' per-cpu \
		'^[[:space:]]+struct scx_dsp_ctx[[:space:]]+dsp_ctx;' per-instance \
		none 'no scx_dsp_ctx in kernel/sched/ext*'
}

# How is a BPF scheduler told off?
probe_error() {
	local name answer

	for name in scx_ops_error scx_error; do
		answer=$(parameters "$name")
		[ "${answer%%$'\t'*}" = none ] || break
	done
	case $answer in
	none$'\t'*) printf 'none\tneither scx_error() nor scx_ops_error() is in kernel/sched/ext*\n' ;;
	*) printf '%s(%s)\t%s\n' "$name" "${answer%%$'\t'*}" "${answer#*$'\t'}" ;;
	esac
}

# Whose are the global DSQs? The types tell, not what the parameters are called.
probe_global_dsq() {
	parameters find_global_dsq | awk -F "\t" '{
		n = split($1, parameter, / *, */)
		for (i = 1; i <= n; i++) {
			sub(/ ?[A-Za-z_0-9]+$/, "", parameter[i])
			types = types (i > 1 ? ", " : "") parameter[i]
		}
		print (types ? types : $1) "\t" $2
	}'
}

# in_dispatch_to_local_dsq REGEX: the first match in that function. awks differ in what a
# backslash is in there.
in_dispatch_to_local_dsq() {
	local file

	file=$(ext_c)
	[ -f "$file" ] || return 1
	awk -v regex="$1" '
		/^static .*dispatch_to_local_dsq\(/ { inside = 1 }
		inside && $0 ~ regex {
			sub(/^[ \t]+/, "")
			print FILENAME ":" FNR ": " $0
			found = 1
			exit
		}
		/^}/ { inside = 0 }
		END { exit !found }' "$file"
}

# When a dequeue wins the race against dispatch_to_local_dsq(), does that know
# which run queue it has locked? It does if a variable begins as the one that is.
probe_lost_race() {
	first_of in_dispatch_to_local_dsq '^[ \t]+struct rq [*][a-z_]+ = [a-z_]+;' tracked \
		untracked "dispatch_to_local_dsq() in $(ext_c) has no variable for it"
}

# Has bypass mode a DSQ of its own?
probe_bypass_dsq() {
	local at

	if at=$(in_ext 'struct scx_dispatch_q[[:space:]]+bypass_dsq' kernel/sched/sched.h); then
		printf 'yes\t%s\n' "$at"
	else
		printf 'none\tno bypass_dsq in kernel/sched/sched.h or kernel/sched/ext*\n'
	fi
}

# How is a task taken off its run queue and put back? By two calls with a context, or
# by a guard.
probe_requeue() {
	first_of in_ext 'guard ?\(sched_change[,)]' guard 'sched_deq_and_put_task\(' context \
		none 'neither sched_change nor sched_deq_and_put_task() in kernel/sched/ext*'
}

# May a task that stays on its run queue be dispatched there in any case, or does
# dispatch_to_local_dsq() ask as for any other?
probe_own_rq() {
	first_of in_dispatch_to_local_dsq 'src_rq != dst_rq' exempt \
		'^[ \t]+if [(]unlikely[(]!task_can_run_on_remote_rq[(]' asked \
		exempt "dispatch_to_local_dsq() in $(ext_c) asks for no task"
}

# layout_value LAYOUT KEY
layout_value() {
	sed -n "s/^$2=//p" "${root:?}/compat/layouts/$1"
}

# recognise DIR FEATURE: fill answers[] and evidence[] and set
#	layout		the name of the layout that gives these answers; mixed if none does,
#			but the kit has a patch for each answer; or empty
#	line		the series of this layout; of a mixed one, that of the nearest
#	nearest		of the layouts for FEATURE, the one that gives most of these answers
#	unknown		if layout is empty: how the tree differs from what the kit knows
# A series is composed only if FEATURE is absent: the patches for trees that have custody
# are corrections of what one line has.
declare -A answers evidence
recognise() {
	local probe name known agree different expected most=-1

	for probe in "${probes[@]}"; do
		IFS=$'\t' read -r answers["$probe"] evidence["$probe"] \
			< <(cd "$1" && "probe_$probe")
	done

	layout='' line='' nearest='' unknown=''
	for known in "$root"/compat/layouts/*; do
		name=$(basename "$known")
		agree=0 different=''
		for probe in "${probes[@]}"; do
			expected=$(layout_value "$name" "$probe")
			if [ "${answers[$probe]}" = "$expected" ]; then
				agree=$((agree + 1))
			else
				different+="${different:+; }$probe is '${answers[$probe]}' (${evidence[$probe]}), and not '$expected'"
			fi
		done
		if [ -z "$different" ]; then
			layout=$name nearest=$name line=$(layout_value "$name" line) unknown=''
			return
		fi
		[ "$(layout_value "$name" feature)" = "$2" ] && [ "$agree" -gt "$most" ] || continue
		most=$agree nearest=$name unknown=$different
	done
	if [ "$2" = absent ]; then
		choose_variants
		unknown=$(differences)
		[ -n "$unknown" ] || layout=mixed line=$(layout_value "$nearest" line)
	fi
}

# find_series: set series_folder to where the series is for a tree that is recognised.
find_series() {
	series_folder=$root/patches/$line
	if [ "$layout" = mixed ]; then
		scratch series_folder
		compose "$series_folder" || die "cannot compose the series in $series_folder."
	fi
}

# The feature's own marks, in the order in which a series brings them in. Only a
# definition counts, not a mention. Each prints where it was found, or fails.

# ours alone, however the series was put in
mark_file() {
	[ -e kernel/sched/ext_custody.h ] && echo kernel/sched/ext_custody.h
}

mark_task_flag() {
	first_match '^[[:space:]]*SCX_TASK_IN_CUSTODY[[:space:]]*=' include/linux/sched/ext.h
}

mark_deq_flag() {
	in_ext '^[[:space:]]*SCX_DEQ_SCHED_CHANGE[[:space:]]*='
}

# probe_hazards DIR: look for the hazards of docs/semantics.md in a tree, as far as
# they show in the source. Sets hazards[] to the numbers of those looked for,
# hazard_state[NUMBER] to open, closed or not told, and hazard_evidence[NUMBER].
declare -A hazard_state hazard_evidence
hazards=()
probe_hazards() {
	local said number state because

	said=$(cd "$1" && ext_sources | xargs perl "$root/compat/hazards.pl") ||
		die "cannot look for hazards in $1."
	hazards=()
	while IFS=$'\t' read -r number state because; do
		hazards+=("$number")
		hazard_state["$number"]=$state
		hazard_evidence["$number"]=$because
	done <<<"$said"
}

# --- fixes ------------------------------------------------------------------------

# A patch NNNN-sched_ext-fix-NAME.patch mends a fault of sched_ext's own, which a
# stable release may have mended by itself. Each is asked for alone: the tree has
# the fix if the hazard of docs/semantics.md is closed that the fix is for, or if
# probe_fix_NAME says so where there is no such hazard.
declare -A hazard_of_fix=(
	[remote-arrival]=4
	[dsq-locked-dequeue]=5
	[late-clear]=8
	[stale-dispatch]=10
	[dying-cpu]=11
	[remote-eligibility]=12
	[left-over-verdict]=13
	[late-release]=14
)

# fix_of PATCH: the NAME of the fix which that is, or nothing.
fix_of() {
	sed -nE 's/^[0-9]+-sched_ext-fix-(.*)\.patch$/\1/p' <<<"$1"
}

# probe_fixes DIR: which fixes of the series in series_folder a tree has. Sets
#	fixes[]			their names
#	fix_state[NAME]		there or missing
#	fix_evidence[NAME]	what that rests on
#	patches[]		what of the series is left to apply, each with its path
declare -A fix_state fix_evidence
probe_fixes() {
	local patch name number

	fixes=() patches=()
	# judge_tree has looked already where the feature is there.
	[ ${#hazards[@]} -gt 0 ] || probe_hazards "$1"
	while read -r patch; do
		name=$(fix_of "$patch")
		if [ -n "$name" ]; then
			fixes+=("$name")
			number=${hazard_of_fix[$name]:-}
			if [ -z "$number" ]; then
				IFS=$'\t' read -r fix_state["$name"] fix_evidence["$name"] \
					< <(cd "$1" && "probe_fix_${name//-/_}")
			elif [ "${hazard_state[$number]:-}" = closed ]; then
				fix_state["$name"]=there
				fix_evidence["$name"]=${hazard_evidence[$number]}
			else
				fix_state["$name"]=missing
				fix_evidence["$name"]=${hazard_evidence[$number]:-nothing tells}
			fi
			[ "${fix_state[$name]}" != there ] || continue
		fi
		patches+=("$series_folder/$patch")
	done < <(patch_names "$series_folder/series")
}

probe_fix_lost_race() {
	probe_lost_race | sed 's/^tracked/there/; s/^untracked/missing/'
}

probe_fix_own_rq() {
	probe_own_rq | sed 's/^exempt/there/; s/^asked/missing/'
}
