# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the verbs
#
# The one way to apply patches, to users' trees and to the kernels that the kit tests:
# quilt works on a copy of the few files that the patches touch, in a temporary folder.
# Source state.sh first.

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

# copy_touched FROM TO PATCH...: the files that the patches touch, as far as they are
# there, and not in TO yet.
copy_touched() {
	local from=$1 to=$2 file

	shift 2
	touched_files "$@" | while read -r file; do
		[ ! -e "$from/$file" ] || [ -e "$to/$file" ] ||
			(cd "$from" && cp -p --parents -- "$file" "$to") || return
	done
}

# write_series FOLDER PATCH...: the patches, and a file series that names them. What is
# on stdin comes first.
write_series() {
	local folder=$1

	shift
	mkdir -p "$folder" && cp -- "$@" "$folder" &&
		{ cat && printf '%s\n' "${@##*/}"; } >"$folder/series"
}

# copy_series FOLDER: what is to be applied, with what unapply and detect want to know
# of it later.
copy_series() {
	local sums

	write_series "$1" "${patches[@]}" < <(grep '^#' "$series_folder/series") &&
		printf 'layout=%s\nline=%s\n' "$layout" "$line" >"$1/layout" || return
	sums=$(cd "$1" && sha256sum -- *) && echo "$sums" >"$1/SHA256SUMS"
}

# strictly FOLDER COMMAND...: run it there, on copies. Nothing of the caller's settings
# may change what patches mean.
strictly() {
	(
		cd "$1" && shift &&
			exec env -i PATH="$PATH" HOME="${HOME:-/}" TMPDIR="${PWD%/*}" LC_ALL=C \
				QUILT_PATCHES="$kit" "$@"
	)
}

# push FOLDER ARGUMENT...: have quilt push the series that is in FOLDER/$kit.
push() {
	strictly "$1" quilt --quiltrc - push --fuzz=0 "${@:2}"
}

# push_alone FOLDER <PATCH: a patch that is in no series. What fits is done all the same.
push_alone() {
	strictly "$1" patch -p1 --fuzz=0 --force --remove-empty-files --no-backup-if-mismatch \
		--reject-file=-
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

# in_words <HUNKS: what failed_hunks said, as part of a sentence.
in_words() {
	awk -F '\t' '
		$3 == "applied" {
			text = $1 " is in it already, and nothing tells why; start again from the unpatched source"
			exit
		}
		{
			text = text (text ? ", " : $1 ": ") ($4 ? "hunk " $3 " of " $2 " fails near line " $4 : \
				$3 == "exists" ? $2 " exists already" : $2 " is missing")
		}
		END { print text }'
}

# why_not LOG WHAT: why quilt could not push: WHAT, if a hunk does not fit.
why_not() {
	local hunks

	hunks=$(failed_hunks "$1")
	if [ -n "$hunks" ]; then
		echo "$2: $(in_words <<<"$hunks")"
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

# series_option ARGUMENT...: does the command line go on with an option that says which
# series is taken? Sets ported, with_doubts, and taken to the number of arguments.
ported='' with_doubts=''
series_option() {
	case $1 in
	--series)
		[ -n "${2:-}" ] || usage_error "--series needs a folder"
		ported=$2 taken=2 ;;
	--with-doubts) with_doubts=yes taken=1 ;;
	*) return 1 ;;
	esac
}

# choose_series: the series that the tree takes: what port has written for it, if that is
# asked for, or else the kit's. Refuse a tree that takes none. Sets layout, line and
# series_folder.
choose_series() {
	local file name doubts

	if [ -z "$ported" ]; then
		[ -z "$with_doubts" ] || usage_error "--with-doubts goes with --series"
		refuse_unless_pristine
		return
	fi
	refuse_patched
	[ -f "$ported/ported" ] ||
		die "$ported is no series that port has written: it has no file 'ported'."
	series_folder=$(CDPATH='' cd -P -- "$ported" && pwd)
	layout=ported
	line=$(sed -n 's/^line=//p' "$series_folder/ported")
	doubts=$(sed -n 's/^doubts=//p' "$series_folder/ported")
	while read -r name; do
		[ -f "$series_folder/$name" ] ||
			die "$series_folder/$name is missing, which $series_folder/series names."
	done < <(patch_names "$series_folder/series")
	file=$(cd "$tree" && sha256sum --check --quiet "$series_folder/tree.sha256" 2>/dev/null | head -n1)
	[ -z "$file" ] ||
		die "${file%%: *} in $tree is not what it was when port wrote $series_folder; run port again."
	[ "$doubts" = 0 ] || [ -n "$with_doubts" ] ||
		die "port has $doubts doubts about $series_folder, which its file 'report' names; look at them, and say --with-doubts (for make, DOUBTS=yes) to take it all the same."
}

# copy_files: what the series in series_folder changes, and the series. Sets
#	work		a temporary folder, with room for quilt's words in log
#	copy		in it, the copies
#	patches[]	the series, without the fixes that the tree has
copy_files() {
	local file
	local -a needed

	scratch work
	copy=$work/tree
	probe_fixes "$tree"
	attempt "copy the series to $work" copy_series "$copy/$kit"
	mapfile -t needed < <(touched_files "${patches[@]}")
	refuse_local_changes "${needed[@]}"
	refuse_crlf "${needed[@]}"
	for file in "${needed[@]}"; do
		[ ! -L "$tree/$file" ] ||
			die "$tree/$file is a symbolic link, which patches must not follow; give a tree with the file itself."
	done
	attempt "copy the tree's files to $work" copy_touched "$tree" "$copy" "${patches[@]}"
}

# has_code PATCH: does it change more than documentation and tools?
has_code() {
	touched_files "$1" | grep -qv -e '^Documentation/' -e '^tools/'
}

# start_again: make the copies as they were before push_series, with the series of now.
start_again() {
	strictly "$copy" quilt --quiltrc - pop -a
	[ ! -s "$copy/.pc/applied-patches" ] && rm -rf "$copy/.pc" "${copy:?}/$kit" &&
		copy_series "$copy/$kit"
}

# push_series: push the series onto the copies: all of it, but for documentation and
# tools that do not fit, since the kernel is the same without them. Sets
#	misfit		what does not fit, a sentence, or empty
#	hint		for the end of this sentence, where verify shows more, or empty
#	left_out[]	a sentence for each patch that was left out
#	files[]		the files that it changes, adds or removes
push_series() {
	local hunks name i

	misfit='' hint='' left_out=()
	until push "$copy" -a >"$work/log" 2>&1; do
		misfit=$(why_not "$work/log" "the series for Linux $line does not fit $tree")
		hunks=$(failed_hunks "$work/log")
		[ -n "$hunks" ] || die "$misfit."
		name=${hunks%%$'\t'*}
		if has_code "$copy/$kit/$name" || cut -f 3 <<<"$hunks" | grep -qx applied; then
			# of a hunk, its place is known
			[ -z "$(cut -sf 4 <<<"$hunks")" ] ||
				hint="; '$(verb verify "$tree")' shows both sides"
			return 0
		fi
		left_out+=("$(in_words <<<"$hunks"); it is left out, since it changes no code of the kernel")
		for i in "${!patches[@]}"; do
			[ "${patches[i]##*/}" != "$name" ] || unset "patches[i]"
		done
		patches=("${patches[@]}")
		attempt "go on without $name" start_again
		misfit=''
	done
	mapfile -t files < <(cd "$copy/.pc" && find . -mindepth 2 -type f ! -name .timestamp |
		cut -d/ -f3- | sort -u)
}

# fit: would the tree take the series? After it, copy is what apply puts into it.
fit() {
	copy_files
	push_series
}

# tell_fit: what is to be known of a series that fits.
tell_fit() {
	offsets "$work/log"
	[ ${#left_out[@]} -eq 0 ] || printf '%s.\n' "${left_out[@]}"
}

# series_sum PATCH...: what a series is recognised by once it is somewhere else.
series_sum() {
	cat -- "$@" | sha256sum | cut -d' ' -f1
}
