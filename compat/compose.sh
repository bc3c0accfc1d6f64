# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # probes.sh sets answers and evidence
#
# Puts a series together for a tree, patch by patch: each answer of the probes chooses
# what depends on it. No tree with the same combination of answers has to be known.
# Source probes.sh first.

# in_patches PATCH HOME: the file that is the variant of this line.
in_patches() {
	printf '%s' "${root:?}/patches/$2"/[0-9]*sched_ext-"$1".patch
}

# meets ANSWERS: do the tree's answers agree with those of a row?
meets() {
	local need

	while [ "$1" != - ] && IFS= read -r need; do
		[ "${answers[${need%%=*}]:-}" = "${need#*=}" ] || return
	done <<<"${1//; /$'\n'}"
}

# rows: those of compat/variants.
rows() {
	grep -v '^#' "$root/compat/variants"
}

# choose_variants: the first row of each patch that answers[] meet. Sets
#	variants[]	their files, in order
#	lacking[]	the patches that have rows, but none for these answers
choose_variants() {
	local patch needs home
	local -a order=()
	local -A chosen=()

	while IFS=$'\t' read -r patch needs home; do
		[ -n "${chosen[$patch]:-}" ] || order+=("$patch") chosen["$patch"]=none
		[ "${chosen[$patch]}" != none ] || ! meets "$needs" || chosen["$patch"]=$home
	done < <(rows)
	variants=() lacking=()
	for patch in "${order[@]}"; do
		case ${chosen[$patch]} in
		-) ;; # it has no need of it
		none) lacking+=("$patch") ;;
		*) variants+=("$(in_patches "$patch" "${chosen[$patch]}")") ;;
		esac
	done
}

# known_answers PROBE: those that rows ask for, each in quotes and on a line of its own.
known_answers() {
	rows | cut -f 2 | sed 's/; /\n/g' | sed -n "s/^$1=\(.*\)/'\1'/p" | sort -u
}

# answer PROBE: the tree's, with what it rests on.
answer() {
	echo "'${answers[$1]}' (${evidence[$1]})"
}

# differences: what of a tree's answers leaves it without a patch: answers that are in no
# row, else the combination that a patch has no row for.
differences() {
	local patch probe known combination new
	local -A named=()

	for patch in "${lacking[@]}"; do
		combination='' new=''
		while read -r probe; do
			combination+="${combination:+ with }$probe $(answer "$probe")"
			known=$(known_answers "$probe")
			! grep -Fqx -- "'${answers[$probe]}'" <<<"$known" || continue
			new=yes
			[ -z "${named[$probe]:-}" ] || continue
			named["$probe"]=yes
			echo "$probe is $(answer "$probe"), and not $(paste -sd '|' <<<"$known" | sed 's/|/ or /g')"
		done < <(rows | awk -F '\t' -v patch="$patch" '$1 == patch { print $2 }' |
			sed 's/; /\n/g' | sed 's/=.*//' | sort -u)
		[ -n "$new" ] || echo "$patch has no variant for $combination"
	done | paste -sd ';' | sed 's/;/; /g'
}

# with_header PATCH FILE: the patch, which brings FILE for its ext_custody.h.
with_header() {
	awk -v header="$2" '
		/^@@ -0,0 \+1/ && custody {
			while ((getline text <header) > 0)
				lines = lines "+" text "\n" substr("", ++count)
			printf "@@ -0,0 +1,%d @@\n%s", count, lines
			custody = 0
			skip = 1
			next
		}
		skip && /^\+/ { next }
		{
			skip = 0
			custody = $0 == "+++ b/kernel/sched/ext_custody.h"
			print
		}' "$1"
}

# compose FOLDER: write the series of variants[] there.
compose() {
	local patch number=0 probe
	local -a given=()

	mkdir -p "$1" || return
	for probe in "${!answers[@]}"; do
		given+=("$probe=${answers[$probe]}")
	done
	"$root/compat/gen-header" "${given[@]}" >"$1/header" || return
	for patch in "${variants[@]}"; do
		number=$((number + 1))
		with_header "$patch" "$1/header" \
			>"$1/$(printf '%04d' "$number")-$(basename "$patch" | cut -d- -f2-)" || return
	done
	rm "$1/header"
	{
		echo "# sched_ext custody, composed by scx-custody for a tree of no line's layout."
		(cd "$1" && printf '%s\n' ./*.patch | cut -c3-)
	} >"$1/series"
}
