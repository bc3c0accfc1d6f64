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

# known_answers PROBE: those that rows ask for, as part of a sentence.
known_answers() {
	rows | cut -f 2 | sed 's/; /\n/g' | sed -n "s/^$1=//p" | sort -u |
		sed "s/.*/'&'/" | paste -sd '|' | sed 's/|/ or /g'
}

# differences: in which answers the tree differs from the nearest row of each patch that
# is lacking.
differences() {
	local patch name needs need probe fewest
	local -A named=()
	local -a unmet nearest

	for patch in "${lacking[@]}"; do
		fewest=99
		while IFS=$'\t' read -r name needs _; do
			[ "$name" = "$patch" ] || continue
			unmet=()
			while IFS= read -r need; do
				meets "$need" || unmet+=("${need%%=*}")
			done <<<"${needs//; /$'\n'}"
			[ ${#unmet[@]} -lt "$fewest" ] || continue
			fewest=${#unmet[@]} nearest=("${unmet[@]}")
		done < <(rows)
		for probe in "${nearest[@]}"; do
			[ -z "${named[$probe]:-}" ] || continue
			named["$probe"]=yes
			echo "$probe is '${answers[$probe]}' (${evidence[$probe]}), and not $(known_answers "$probe")"
		done
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
