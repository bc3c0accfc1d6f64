# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of 'scx-custody' for bash.

# _scx_custody_paths TYPE: directories or files that complete the word.
_scx_custody_paths() {
	local word=$cur

	# bash ends a word at '=', so what is left of the value is a word of its own.
	[[ $word != '=' ]] || word=
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -A "$1" -- "$word")
}

_scx_custody() {
	local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} name=''
	local verbs='status detect verify apply unapply port kernel-deb kernel-rpm publish'
	local words='' distributions='ubuntu opensuse arch nix gentoo'

	verbs+=' debian-source fedora-spec export'

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs --help --version" -- "$cur")
		return
	fi
	[[ $before != '=' ]] || name=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $cur != '=' ]] || name=$before
	case $before in
	--for) name=FOR ;;
	--out | --series) name=OUT ;;
	esac
	case $name in
	KSRC | OUT) _scx_custody_paths directory; return ;;
	FOR)
		mapfile -t COMPREPLY < <(compgen -W "$distributions" -- "${cur#=}")
		return ;;
	CONFIG | SIGN_KEY | SIGN_CERT) _scx_custody_paths file; return ;;
	KEY)
		mapfile -t COMPREPLY < <(compgen -W "$(gpg --batch --with-colons --list-secret-keys \
			2>/dev/null | awk -F : '$1 == "fpr" { print $10 }')" -- "${cur#=}")
		return ;;
	URL) return ;;
	DEBUG | PATCHED)
		mapfile -t COMPREPLY < <(compgen -W no -- "${cur#=}")
		return ;;
	esac
	case ${COMP_WORDS[1]} in
	status) words='--json --help' ;;
	detect) words='--json --patches --help' ;;
	verify) words='--json --help' ;;
	apply | debian-source | fedora-spec)
		words='--series --with-doubts --help'
		[ "${COMP_WORDS[1]}" = apply ] || words+=' --undo' ;;
	unapply) words=--help ;;
	export) words='--for --out --series --with-doubts --help' ;;
	publish)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W 'OUT= KEY= URL=' -- "$cur"
			compgen -A file -X '!*.@(deb|rpm)' -- "$cur"; compgen -A directory -- "$cur")
		[[ ${COMPREPLY[*]} = *.@(deb|rpm)* ]] || compopt -o nospace
		return ;;
	port)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W 'KSRC= OUT= CONFIG= --json --help' -- "$cur")
		return ;;
	kernel-deb | kernel-rpm)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W \
			'KSRC= CONFIG= OUT= DEBUG= PATCHED= JOBS= SIGN_KEY= SIGN_CERT= ARCH= CROSS_COMPILE=' \
			-- "$cur")
		return ;;
	esac
	if [[ $cur = -* ]] || [ "${COMP_WORDS[1]}" = status ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		_scx_custody_paths directory
	fi
}

complete -F _scx_custody scx-custody
