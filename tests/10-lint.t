#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kit's own sources: what the linters say, and what every file must have.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

cd "$root" || exit

# The kit's files, also those not committed yet.
files() {
	git ls-files --cached --others --exclude-standard
}

shell_scripts() {
	files | while read -r file; do
		head -n1 "$file" | grep -qE '^#!/bin/(ba)?sh' && echo "$file"
	done
}

lacks_licence() {
	files | grep -vE '^(LICENSE|README\.md|docs/.*|(compat|examples|tests)/README\.md|.*\.expected|patches/.*|debian/(changelog|copyright|README\.source|source/format|.*\.docs)|tests/mutations/.*|tests/matrix/.*|compat/shims/.*|compat/custody\.h)$' |
		xargs grep -L 'SPDX-License-Identifier: GPL-2.0'
}

names_hosts_or_paths() {
	files | grep -v '^tests/10-lint.t$' |
		xargs grep -nE '(deb|security|snapshot|ftp)[.a-z]*\.debian\.org|registry\.npmjs|/tmp/k/|/work/(main|shared)'
}

# whole_in_clone: a clone is the same to the byte where git is set to change the ends of
# lines and to make no symbolic links: there are none.
whole_in_clone() {
	local scratch
	local -a git=(env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git)

	scratch scratch
	mkdir "$scratch/kit"
	files | tar -c -T - | tar -x -C "$scratch/kit" &&
		"${git[@]}" init -q "$scratch/kit" && "${git[@]}" -C "$scratch/kit" add -A &&
		"${git[@]}" -C "$scratch/kit" -c user.name=check -c user.email=check@localhost \
			commit -qm all &&
		"${git[@]}" clone -q -c core.autocrlf=true -c core.symlinks=false "$scratch/kit" \
			"$scratch/clone" &&
		diff -r --no-dereference --exclude=.git "$scratch/kit" "$scratch/clone" &&
		diff <("${git[@]}" -C "$scratch/clone" ls-files -s | grep '^120000') /dev/null
}

# cells FILE HEADING...: the cells under these, of all rows of the tables that have them.
cells() {
	awk -F ' *[|] *' -v headings="$(printf '%s|' "${@:2}")" '
		BEGIN { wanted = split(headings, heading, "|") - 1 }
		!/^[|]/ { above = 0; next }
		!above++ {
			split("", at)
			for (i = 2; i < NF; i++)
				at[$i] = i
			next
		}
		/^[|] *-/ { next }
		{
			row = ""
			for (i = 1; i <= wanted; i++) {
				if (!(heading[i] in at))
					next
				row = row (i > 1 ? "\t" : "") $at[heading[i]]
			}
			gsub(/`/, "", row)
			print row
		}' "$1"
}

# series: the folders in patches/ that are whole series.
series() {
	(cd patches && ls -- */series) | sed 's,/.*,,' | sort
}

# made_on [LAYOUT]: each series, the layout if that is asked for, and the version that it
# was made on, as lab/kernels/sources.tsv has it; - if there is no source.
made_on() {
	local line layout version

	for line in $(series); do
		version=$(source_column "$line" version)
		version=${version%%[-~]*}
		layout=$(grep -lx "line=$line" compat/layouts/*)
		printf 'patches/%s\t%s%s\n' "$line" "${1:+${layout##*/}	}" "${version:--}"
	done | sort
}

# releases: line and version of each that a series was tried on.
releases() {
	awk -F '\t' -v OFS='\t' '
		FILENAME != "-" {
			if (sub(/^line=/, ""))
				line[substr(FILENAME, index(FILENAME, "layouts/") + 8)] = $0
			next
		}
		$2 ~ /^(tree|source|release)$/ && $8 != "pass" {
			sub(/[-~].*/, "", $5)
			print line[$7], $5
		}' compat/layouts/* - <lab/kernels/sources.tsv | sort
}

# releases_named: the same, of docs/kernels.md, which writes 6.12.43 as .43 after 6.12.38.
releases_named() {
	cells docs/kernels.md line releases | while IFS=$'\t ,' read -r line first more; do
		printf '%s\t%s\n' "$line" "$first"
		for version in ${more//,/ }; do
			printf '%s\t%s\n' "$line" "${first%.*}$version"
		done
	done | sort
}

mapfile -t scripts < <(shell_scripts)
check "shellcheck finds nothing" shellcheck -x "${scripts[@]}"
check "every source says its licence" diff <(lacks_licence) /dev/null
check "no registry's host and no path of a machine is named" \
	diff <(names_hosts_or_paths) /dev/null
check "patches and scripts are whole in a clone that git was to change" whole_in_clone
check "README.md has each series, and what it was made on" \
	diff <(made_on) <(cells README.md series 'made on' | sed 's/ (.*//' | sort)
check "docs/kernels.md has each series, its layout, and what it was made on" \
	diff <(made_on layout) <(cells docs/kernels.md series layout 'made on' | sort)
check "docs/kernels.md has each release that a series is tried on" \
	diff <(releases) <(releases_named)
check "docs/quilt.md says of each series which tree it is for" \
	diff <(series) \
		<(cells docs/quilt.md 'what is there' series | cut -f 2 | sed 's/,.*//' | sort)
check "every verb of the Makefile is in its help" diff \
	<(sed -nE 's/^([a-z0-9-]+):.*/\1/p' Makefile | sort) \
	<(make -s help | sed -nE 's/^  ([a-z0-9-]+) .*/\1/p' | sort)
check "the selftests build, with warnings as errors" lab/build-selftests
for program in lab/vm/*.c; do
	check "$program builds, with warnings as errors" \
		gcc -std=gnu11 -Wall -Wextra -Werror -O2 -o /dev/null "$program"
done

done_testing
