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
	files | grep -vE '^(LICENSE|README\.md|docs/.*|(compat|examples|tests)/README\.md|.*\.expected|patches/.*|debian/(changelog|copyright|source/format|.*\.docs)|tests/mutations/.*|tests/matrix/.*|compat/shims/.*|compat/custody\.h)$' |
		xargs grep -L 'SPDX-License-Identifier: GPL-2.0'
}

names_hosts_or_paths() {
	files | grep -v '^tests/10-lint.t$' |
		xargs grep -nE '(deb|security|snapshot|ftp)[.a-z]*\.debian\.org|registry\.npmjs|/tmp/k/|/work/(main|shared)'
}

# whole_in_clone: a clone has all of patches/ to the byte, and no file with other ends
# of lines, where git is set to change these and to make no symbolic links.
whole_in_clone() {
	local scratch
	local -a git=(env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git)

	scratch scratch
	files | tar -c -T - | tar -x -C "$scratch" &&
		"${git[@]}" init -q "$scratch" && "${git[@]}" -C "$scratch" add -A &&
		"${git[@]}" -C "$scratch" -c user.name=check -c user.email=check@localhost \
			commit -qm all &&
		"${git[@]}" clone -q -c core.autocrlf=true -c core.symlinks=false "$scratch" \
			"$scratch/clone" &&
		diff -r --no-dereference patches "$scratch/clone/patches" || return
	grep -rlI --exclude-dir=.git $'\r$' "$scratch/clone" && return 1
	return 0
}

# shellcheck disable=SC2046 # file names without blanks
check "shellcheck finds nothing" shellcheck -x $(shell_scripts)
check "every source says its licence" diff <(lacks_licence) /dev/null
check "no registry's host and no path of a machine is named" \
	diff <(names_hosts_or_paths) /dev/null
check "patches and scripts are whole in a clone that git was to change" whole_in_clone
check "every verb of the Makefile is in its help" diff \
	<(sed -nE 's/^([a-z0-9-]+):.*/\1/p' Makefile | sort) \
	<(make -s help | sed -nE 's/^  ([a-z0-9-]+) .*/\1/p' | sort)
check "the selftests build, with warnings as errors" lab/build-selftests
check "the VM's init builds, with warnings as errors" \
	gcc -Wall -Wextra -Werror -O2 -o /dev/null lab/vm/init.c

done_testing
