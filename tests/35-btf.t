#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The types that a kernel shows to BPF schedulers, and the tools that make them.
# Needs the network; what needs root is skipped without.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../command/lib/toolchain.sh
. "$root/command/lib/toolchain.sh"

tmp='' public='' image='' tree=''
# Where the root of Debian sid sees it.
mkdir -p "$cache"
TMPDIR=$cache scratch tmp

# said STATUS REGEX COMMAND...: it ends so, and one line of what it says matches.
said() {
	local expected=$1 line=$2 output status=0

	shift 2
	output=$("$@" 2>&1) || status=$?
	echo "exit status $status: $output"
	[ "$status" -eq "$expected" ] && grep -Eqx -- "$line" <<<"$output"
}

# --- check-btf ------------------------------------------------------------------

check_btf=$root/command/lib/check-btf

# stock NAME STATUS KFUNCS ENUMERATORS SEMANTICS: what is said of a stock kernel.
stock() {
	check "$1: can be had" "$root/lab/fetch" "$1" || return
	capture image "$root/lab/fetch" "$1"
	check "$1: kfuncs loadable: ${3:0:3}" \
		said "$2" "kfuncs loadable: $3" "$check_btf" "$image/vmlinux.btf"
	check "$1: enumerators: $4" \
		said "$2" "enumerators: $4 \(.*\)" "$check_btf" "$image/vmlinux.btf"
	check "$1: semantics: $5" \
		said "$2" "semantics: $5 \(.*\)" "$check_btf" "$image/vmlinux.btf"
}

stock stock-6.18.15 0 'yes .*' none missing
check "stock-6.18.15: is not taken for a patched one" \
	said 1 'enumerators: none \(.*\)' "$check_btf" --patched "$image/vmlinux.btf"
stock stock-7.1.13 1 'no .* of .* scx_bpf_create_dsq .*' both early
stock stock-7.2.13 0 'yes .*' both native
stock stock-7.3.4 0 'yes .*' both native
check "stock-7.3.4: has what a patched one must have" \
	"$check_btf" --patched "$image/vmlinux.btf"

# A patched kernel, if one is built; 60-boots.t builds them.
for kernel in "$cache"/build/*-patched/vmlinux; do
	[ -e "$kernel" ] || continue
	name=$(basename "${kernel%/*}")
	# On 7.1 and later it is the kernel's own.
	check "$name: has what a patched one must have" \
		said 0 'semantics: (backported|native) \(.*\)' "$check_btf" --patched "$kernel"
done
# types_in ORDER: what is read of a structure and an enumerator, in that byte order.
types_in() {
	perl -e '
		my $strings = "\0task\0flags\0WIDE\0";
		my $types = pack("(L*)$ARGV[0]",
			1, 4 << 24 | 1, 8, 6, 2, 0,		# struct task with flags
			0, 19 << 24 | 1, 8, 12, 7, 3);		# an enumeration with WIDE
		print pack("(SCCL5)$ARGV[0]", 0xeb9f, 1, 0, 24, 0, length($types),
			length($types), length($strings)), $types, $strings' "$1" >"$tmp/types"
	perl "$root/command/lib/btf.pl" "$tmp/types"
}
types="[1] STRUCT 'task'
	'flags' type_id=2
[2] ENUM64 '(anon)'
	'WIDE' val=12884901895"
for order in '<' '>'; do
	check "types are read in byte order $order" diff <(types_in "$order") <(echo "$types")
done
check "a file without BTF is refused" \
	said 1 'check-btf: .* has no BTF that can be read: .*' "$check_btf" "$root/README.md"
check "no file is refused" said 2 'check-btf: there is no file .*' "$check_btf" "$tmp/none"

# --- the tools ------------------------------------------------------------------

check "6.18: can be had" "$root/lab/fetch" 6.18 && {
	capture tree "$root/lab/fetch" 6.18
	# Run by 'false', no pahole marks anything.
	find_unfit "$tree" false
	check "6.18: whatever pahole does will do" test -z "$unfit"
}

# A pahole that does as if it had never heard of kfuncs.
mkdir "$tmp/old"
cat >"$tmp/old/pahole" <<'END'
#!/bin/sh
case $1 in -J) ;; *) echo v0; exit ;; esac
flags=$(echo "$2" | sed s/,decl_tag_kfuncs//)
shift 2
exec /usr/bin/pahole -J "$flags" "$@"
END
chmod +x "$tmp/old/pahole"

in_sid=$root/lab/in-sid-root
public_kit public
chmod -R a+rwX "$public"
check "only root gets a root of Debian sid, and a sentence says what for" \
	said 1 'in-sid-root: pahole is old; only root can .*' \
	"${as_nobody[@]}" env HOME="$public" XDG_CACHE_HOME="$public" \
	"$public/lab/in-sid-root" --because 'pahole is old' true

check "a root for one package takes a package" \
	said 2 "in-sid-root: 'no package' is no package's name.*" "$in_sid" --only 'no package' true

# ended_in_sid SIGNAL: is it and all that it started gone then, and nothing mounted?
ended_in_sid() {
	local pid child

	# shellcheck disable=SC2016 # for the inner shell
	"$in_sid" sh -c 'echo $$ >"$1" && exec sleep 60' sh "$tmp/pid" &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		[ ! -s "$tmp/pid" ] || break
		sleep 0.1
	done
	# There is no other namespace of processes: that id is its id here.
	child=$(cat "$tmp/pid")
	kill -0 "$child" || return
	kill "-$1" "$pid"
	wait "$pid"
	! kill -0 "$child" 2>/dev/null && ! grep -F "$cache/roots" /proc/self/mounts
}

if [ "$(id -u)" -ne 0 ]; then
	skip "the root of Debian sid" "only root can make it"
elif check "a root of Debian sid can be made" "$in_sid" true; then
	check "what runs in it has its exit status" said 7 '' "$in_sid" sh -c 'exit 7'
	check "it sees the cache" "$in_sid" test -x "$tmp/old/pahole"
	check "and not the rest of the machine" said 1 '' "$in_sid" test -e "$root/README.md"
	check "after SIGTERM nothing is left of it" ended_in_sid TERM

	check "7.1: can be had" "$root/lab/fetch" 7.1 && {
		capture tree "$root/lab/fetch" 7.1
		find_unfit "$tree" "$in_sid"
		check "7.1: the pahole of Debian sid is good enough" test -z "$unfit"
		find_unfit "$tree" "$in_sid" env "PATH=$tmp/old:/usr/bin:/bin"
		check "7.1: one that does not know kfuncs is not, and named" \
			test "${unfit#pahole v0 does not mark all kfuncs}" != "$unfit"
	}
fi

done_testing
