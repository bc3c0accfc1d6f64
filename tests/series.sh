# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of the series share. Source tap.sh first.

# shellcheck source-path=SCRIPTDIR source=../command/lib/state.sh
. "${root:?}/command/lib/state.sh"
# shellcheck source-path=SCRIPTDIR source=../command/lib/series.sh
. "$root/command/lib/series.sh"

# What a line that is about custody has, and compat/call-sites must list.
custody='scx_custody_[a-z_]+\(|scx_call_dequeue\(|call_task_dequeue\(|SCX_TASK_IN_CUSTODY'
custody="$custody|CALL_OP_TASK\(.*[ ]dequeue,|(\|=|,) SCX_DEQ_|p->scx\.sticky_cpu = "

# sites_listed TREE LAYOUT: what compat/call-sites has of it, as sites_found prints it.
# Of a function with several names, it is the first one that the tree has.
sites_listed() {
	awk -F '\t' -v layout="$2" '
		!/^#/ && index(" " $7 " ", " " layout " ") { print $1 "\t" $4 "\t" $5 }' \
		"$root/compat/call-sites" | while IFS=$'\t' read -r name rest; do
		while [[ $name = *'|'* ]] &&
			! (cd "$1" && ext_sources | xargs grep -qE "^[a-z].*[ *]${name%%|*}\(" --); do
			name=${name#*|}
		done
		printf '%s\t%s\n' "${name%%|*}" "$rest"
	done | sort
}

# sites_found TREE LAYOUT: FUNCTION, STATEMENT and AFTER, as in compat/call-sites, of
# all lines of sched_ext that are about custody or that the list has. What the kit
# itself brings, ext_custody.h, is compared with compat/ elsewhere.
sites_found() {
	local -a files

	mapfile -t files < <(cd "$1" && ext_sources | grep -v '/ext_custody\.h$')
	(cd "$1" && awk -v words="${custody//\\/\\\\}" '
		# the last line that is indented no deeper; labels are half a step deeper
		function before(depth) {
			while (depth && !(depth in line))
				depth--
			return line[depth]
		}

		FNR == NR {
			split($0, site, "\t")
			statements[site[1], ++listed[site[1]]] = site[2]
			next
		}
		FNR == 1 {
			function_name = ""
			comment = 0
		}
		{
			text = $0
			if (comment && !sub(/^.*\*\//, "", text))
				next
			gsub(/\/\*[^*]*\*\//, "", text)
			comment = sub(/\/\*.*/, "", text)
			match(text, /^\t*/)
			depth = 2 * RLENGTH
			gsub(/^[ \t]+|[ \t]+$/, "", text)
			if (text == "")
				next
		}
		!depth {
			# an enumerator or a member is no place
			definition = text ~ /^(enum|struct|union)[^(]*[{]$/
			if (match(text, /^[a-z_][^(]*[(]/)) {
				function_name = substr(text, 1, RLENGTH - 1)
				sub(/.*[ *]/, "", function_name)
			} else if (text ~ /^[}]/)
				function_name = ""
		}
		depth && !definition {
			for (i = listed[function_name]; i; i--)
				if (index(text, statements[function_name, i]))
					break
			if (i || text ~ words)
				print function_name "\t" \
					(i ? statements[function_name, i] : text) "\t" before(depth)
		}
		{
			depth += text ~ /^(case .*|default|[a-z_]+):$/
			for (i in line)
				if (i + 0 > depth)
					delete line[i]
			if (text !~ /^[}];?$/)
				line[depth] = text
		}' <(sites_listed . "$2") "${files[@]}") | sort
}

# A hunk that is found at an offset may be found at a place that merely looks
# alike.
# in_the_right_functions TREE
in_the_right_functions() {
	local layout

	layout=$("$root/command/verbs/detect" "$1" | sed -n 's/^layout: *//p')
	diff <(sites_listed "$1" "$layout") <(sites_found "$1" "$layout")
}

# from_the_right_patches LAYOUT LINE: does each patch add what the list says that it
# adds, as often, and no other?
from_the_right_patches() {
	awk -F '\t' -v layout="$1" '
		FNR == 1 && NR > 1 {
			patch = FILENAME
			sub(/.*\/[0-9]*-sched_ext-/, "", patch)
			sub(/\.patch$/, "", patch)
		}
		!patch {
			if (!/^#/ && index(" " $7 " ", " " layout " ")) {
				statements[$4]
				count[$6, $4] += $6 != "-"
			}
			next
		}
		/^\+\+\+ / { skip = /ext_custody\.h$/ }
		/^\+\t/ && !skip {
			for (text in statements)
				if (index($0, text))
					count[patch, text]--
		}
		END {
			for (i in count)
				if (count[i]) {
					split(i, site, SUBSEP)
					printf "%s: %s: %d missing\n", site[1], site[2], count[i]
					status = 1
				}
			exit status
		}' "$root/compat/call-sites" "$root/patches/$2"/*.patch
}
