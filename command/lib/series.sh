# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the verbs
#
# The series that is for a tree, and whether it fits: quilt works on a copy of the few
# files that the series touches, in a temporary folder. Source state.sh first.

# touched_files PATCH...: the files that they change, add or remove.
touched_files() {
	awk '
		/^@@ -/ && !old && !new {
			split($2, range, ","); old = 2 in range ? range[2] : 1
			split($3, span, ","); new = 2 in span ? span[2] : 1
			next
		}
		old || new {	# a line of a hunk, whatever it looks like
			sign = substr($0, 1, 1)
			old -= sign != "+" && sign != "\\"
			new -= sign != "-" && sign != "\\"
			next
		}
		/^--- / { from = $2 }
		/^\+\+\+ / {
			file = $2 == "/dev/null" ? from : $2
			sub(/^[^\/]*\//, "", file)
			print file
		}' "$@" | sort -u
}

# copy_series FROM TO: what is to be applied of a series, patches[], with what
# unapply and detect want to know of them later.
copy_series() {
	local name sums

	mkdir -p "$2" || return
	{
		grep '^#' "$1/series"
		printf '%s\n' "${patches[@]}"
	} >"$2/series" || return
	for name in "${patches[@]}"; do
		cp "$1/$name" "$2/$name" || return
	done
	printf 'layout=%s\nline=%s\n' "$layout" "$line" >"$2/layout" || return
	sums=$(cd "$2" && sha256sum -- *) && echo "$sums" >"$2/SHA256SUMS"
}

# push FOLDER ARGUMENT...: have quilt push there. Nothing of the caller's
# settings may change what the patches mean.
push() {
	(
		cd "$1" && shift &&
			exec env -i PATH="$PATH" HOME="${HOME:-/}" TMPDIR="${work:?}" LC_ALL=C \
				QUILT_PATCHES="$kit" quilt --quiltrc - push --fuzz=0 "$@"
	)
}

# failed_hunks LOG: from what quilt or patch said, what does not fit. A line each:
#
#	PATCH <tab> FILE <tab> HUNK <tab> LINE	the hunk fails near that line
#	PATCH <tab> FILE <tab> missing|exists	the file is not there, or is
#	PATCH <tab> <tab> applied		all of it is in the tree already
failed_hunks() {
	awk -v OFS='\t' '
		/^Applying patch / { patch = $3 }
		/^patching file / { file = $3 }
		/^The next patch would create the file / {
			file = $NF
			sub(/,$/, "", file)
			print patch, file, "exists"
			exists[file] = 1
		}
		/^Hunk #[0-9]+ FAILED at / && !exists[file] {
			number = $2
			place = $NF
			sub(/^#/, "", number)
			sub(/\.$/, "", place)
			print patch, file, number, place
		}
		/^can.t find file to patch/ { search = 1 }
		/^\|\+\+\+ / && search {
			search = 0
			sub(/^[^\/]*\//, "", $2)
			print patch, $2, "missing"
		}
		/can be reverse-applied$/ { print patch, "", "applied" }' "$1"
}

# why_not LOG WHAT: why quilt could not push: WHAT, if a hunk does not fit.
why_not() {
	local hunks

	hunks=$(failed_hunks "$1" | awk -F '\t' '
		$3 == "applied" {
			text = $1 " is in it already, and nothing tells why; start again from the unpatched source"
			exit
		}
		{
			text = text (text ? ", " : $1 ": ") ($4 ? "hunk " $3 " of " $2 " fails near line " $4 : \
				$3 == "exists" ? $2 " exists already" : $2 " is missing")
		}
		END { print text }')
	if [ -n "$hunks" ]; then
		echo "$2: $hunks"
	else
		echo "quilt failed on a copy of $tree: $(grep -m1 '^patch: ' "$1" || tail -n1 "$1")"
	fi
}

# offsets LOG: the hunks that quilt found at another line than theirs.
offsets() {
	awk '
		/^Applying patch / { patch = $3 }
		/^patching file / { file = $3 }
		/^Hunk #[0-9]+ succeeded at .* \(offset / {
			number = $2
			offset = $0
			sub(/^#/, "", number)
			sub(/^.*\(/, "", offset)
			sub(/\)\.?$/, "", offset)
			print patch ": hunk " number " of " file " fits at line " $5 ", " offset
		}' "$1"
}

# copy_files: what the series for the tree changes, and the series. Sets
#	work		a temporary folder, with room for quilt's words in log
#	copy		in it, the copies
#	patches[]	the series, without the fixes that the tree has
copy_files() {
	local series=$root/patches/$line file
	local -a touched

	scratch work
	copy=$work/tree
	probe_fixes "$tree" "$line"
	attempt "copy the series to $work" copy_series "$series" "$copy/$kit"
	mapfile -t touched < <(cd "$series" && touched_files "${patches[@]}")
	refuse_local_changes "${touched[@]}"
	for file in "${touched[@]}"; do
		[ ! -L "$tree/$file" ] ||
			die "$tree/$file is a symbolic link, which patches must not follow; give a tree with the file itself."
		[ ! -e "$tree/$file" ] ||
			(cd "$tree" && attempt "copy $file to $work" cp -p --parents -- "$file" "$copy")
	done
}

# push_series: push the whole series onto the copies. Sets
#	misfit		what does not fit, a sentence, or empty
#	files[]		the files that it changes, adds or removes
push_series() {
	misfit=
	if ! push "$copy" -a >"$work/log" 2>&1; then
		misfit=$(why_not "$work/log" "the series for Linux $line does not fit $tree")
		[ -n "$(failed_hunks "$work/log")" ] || die "$misfit."
		return 0
	fi
	mapfile -t files < <(cd "$copy/.pc" && find . -mindepth 2 -type f ! -name .timestamp |
		cut -d/ -f3- | sort -u)
}

# fit: would the tree take the series? After it, copy is what apply puts into it.
fit() {
	copy_files
	push_series
}

# series_sum PATCH...: what a series is recognised by once it is somewhere else.
series_sum() {
	cat -- "$@" | sha256sum | cut -d' ' -f1
}
