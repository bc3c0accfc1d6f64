#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/matrix/matrix: which test is for which row is said in one place only, the
# tables say what the results do, and what has a result is not run again. The
# tables are made here from results that were recorded from real runs, in
# tests/matrix/, with what the page said then; one kernel is booted.

# Names of tests are in backquotes on the page, and perl's variables in scripts.
# shellcheck disable=SC2016
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$(dirname "$0")/tap.sh"

selftest='' tmp=''
scratch tmp
capture selftest "$root/lab/build-selftests" || {
	echo "Bail out! the selftests do not build"
	exit 1
}
page=$root/docs/semantics.md
recorded=$root/tests/matrix

agree() {
	perl "$root/lab/matrix/judge.pl" --agree "$1" "$tmp/tests.json"
}

# --- one place for which test is for what ---------------------------------------

"$selftest" --list --json >"$tmp/tests.json"
check "docs/semantics.md names for each row and hazard just the tests that are for it" \
	agree "$page"
check "each row and each hazard there has a test" \
	test "$(grep -cE '^\| [0-9]+a? \|.*`[a-z_*]+`[^|]* \|$' "$page")" = \
		"$(grep -cE '^\| [0-9]+a? \|' "$page")"

# disagrees REGEX: is what the two do not agree in found?
disagrees() {
	local said

	said=$(agree "$tmp/page") && return 1
	echo "$said"
	grep -qE "$1" <<<"$said"
}

sed '/^| 15 |/s/`reenqueue`/`mark`/' "$page" >"$tmp/page"
check "a test that the page forgets is found" \
	disagrees '^row 15: reenqueue is for it, but the page does not name it'
check "a test that the page makes up is found" \
	disagrees '^row 15: mark is named, but the test is not for it'
sed '/^| 9 | `ops/s/`parked_\*`/`perked_*`/' "$page" >"$tmp/page"
check "a pattern that matches no test is found" disagrees "^hazard 9: there is no test 'perked"
sed '/^| 17 |/d' "$page" >"$tmp/page"
check "a row that the page does not have is found" disagrees '^no_dequeue_op is for 17'

# --- the tables -----------------------------------------------------------------

# kernel NAME VARIANT VERSION FOLDER [WHY [SKIPS]]: a line of what judge.pl reads.
kernel() {
	local must=pass

	[ "$2" = patched ] || must=$(source_column "${1%-pristine}" unpatched)
	printf '%s\t%s\t%s\t%s\tyes\t%s\t%s\t%s\n' "$1" "$2" "$3" "$must" "$4" "${5:-}" "${6:-}"
}

# tables: make them of the kernels on stdin; sets exited. What was recorded goes with the
# tests, and the tables of docs/semantics.md, of that time.
tables() {
	cat >"$tmp/kernels"
	exited=0
	"$root/lab/matrix/tables" "$recorded/semantics.md" "$recorded/tests.json" "$tmp/kernels" \
		"$tmp" || exited=$?
}

# shows KERNEL CELLS VERDICT: does the text have that line?
shows() {
	cat "$tmp/matrix.txt"
	grep -qxE "$1 +$2  $3" "$tmp/matrix.txt"
}

# alter FOLDER TEST MEMBERS: in that result the test, which ended, has these instead.
alter() {
	TEST=$2 MEMBERS=$3 perl -MJSON::PP -i -ne '
		my $line = decode_json($_);
		if (($line->{name} // "") eq $ENV{TEST}) {
			$line = { %$line, %{decode_json($ENV{MEMBERS})} };
			$altered = 1;
		}
		print encode_json($line), "\n";
		END { exit(!$altered) }' "$1/results.jsonl" || die "no $2 ended there."
}

# altered NAME TEST MEMBERS: a recorded result with another result of the test.
altered() {
	rm -rf "${tmp:?}/altered"
	cp -r "$recorded/$1" "$tmp/altered"
	alter "$tmp/altered" "$2" "$3"
}

pass_all='\+( \+){16}   \+( \+){8}'

tables < <(
	kernel stock-6.16.12 stock 6.16.12 "$recorded/stock-6.16.12"
	kernel 6.18-patched patched 6.18.15 "$recorded/6.18-patched"
	kernel stock-7.3.4 stock 7.3.4 "$recorded/stock-7.3.4"
)
check "a stock 6.16 that shows the defect does what it must" shows '6.16.12  stock' \
	'\+ \+ F F F F F F s F \+ \+ F F F F F   F F F F F F F F F' ok
check "a patched kernel that passes does what it must" shows '6.18.15  patched' "$pass_all" ok
check "a stock 7.3 may skip what it is not configured for" \
	shows '7.3.4    stock' '\+( \+){7} s( \+){8}   \+( \+){8}' ok
check "then the exit status is 0" test "$exited" = 0

# json PERL: is it true of $t, the table?
json() {
	perl -MJSON::PP -e 'local $/; open(F, "<", shift) or die; my $t = decode_json(<F>);
		my %k = map { $_->{name} => $_ } @{$t->{kernels}}; exit(!eval(shift)); ' \
		"$tmp/matrix.json" "$1"
}
check "the JSON is JSON, and says the same" json '$t->{ok} && @{$t->{rows}} == 17 &&
	@{$t->{hazards}} == 9 && $k{"stock-6.16.12"}{rows}{9} eq "skip" &&
	$k{"stock-6.16.12"}{hazards}{5} eq "fail" && $k{"6.18-patched"}{outcome} eq "pass" &&
	$k{"6.18-patched"}{release} eq "6.18.15" && $k{"stock-7.3.4"}{must} eq "pass" &&
	(grep { $_->{name} eq "core_sched" && $_->{why} =~ /core scheduling|SMT/ }
		@{$k{"stock-7.3.4"}{tests}}) == 1'

# sound: does each link and button of the page lead somewhere in it, and nothing
# out of it?
sound() {
	perl -e 'local $/; my $page = <>; my %ids = map { $_ => 1 } $page =~ /\bid="?([\w.-]+)/g;
		my @targets = $page =~ /(?:href="#|popovertarget=)([\w.-]+)/g;
		my @lost = grep { !$ids{$_} } @targets; print "nowhere: @lost\n" if @lost;
		my @outside = $page =~ /((?:https?:|src=|<link|\@import|url\()[^\n]{0,40})/g;
		print "outside: @outside\n" if @outside;
		for my $tag (qw(table tbody tr td th div details dl ul li button p span style script)) {
			my $open = () = $page =~ /<$tag[ >]/g; my $close = () = $page =~ /<\/$tag>/g;
			next if $open == $close; print "$open <$tag>, $close </$tag>\n"; @lost = 1;
		}
		exit(@lost || @outside || @targets < 80);' "$tmp/matrix.html"
}
check "the page stands for itself, and what it refers to is in it" sound
check "the page tells which test failed, and why" \
	grep -q 'title="fails: fifo ([0-9]* violations; missed: custody:' "$tmp/matrix.html"

altered 6.18-patched fifo '{"result": "fail", "reason": "a <b>&amp;\"bad\"</b>"}'
tables < <(kernel 6.18-patched patched 6.18.15 "$tmp/altered")
check "one failed test fails its rows and hazards, and no other" shows '6.18.15  patched' \
	'\+ \+ \+ F \+ \+ \+ F( \+){9}   \+( \+){6} F F' 'NOT OK'
check "and the exit status is 1" test "$exited" = 1
check "what a kernel says is no markup" \
	bash -c 'grep -q "a &lt;b&gt;&amp;amp;&quot;bad&quot;" "$1" && ! grep -q "<b>&amp;" "$1"' \
	_ "$tmp/matrix.html"

altered 6.18-patched core_sched '{"result": "skip"}'
tables < <(kernel 6.18-patched patched 6.18.15 "$tmp/altered")
check "a patched kernel may not skip" \
	shows '6.18.15  patched' '\+( \+){7} s( \+){8}   .*' 'NOT OK'

for version in 7.1.13 7.3.4; do
	tables < <(kernel "stock-$version" stock "$version" "$recorded/stock-7.1.13")
	must='NOT OK'
	[ "$version" != 7.1.13 ] || must=ok
	check "a stock $version that takes no BPF scheduler is $must" \
		shows "${version%.*}[.0-9]+ +stock" '\.( \.){16}   \.( \.){8}' "$must"
done

altered 6.18-patched numa '{"result": "skip"}'
tables < <(kernel 6.18-patched patched 6.18.15 "$tmp/altered")
check "not even one of several tests of a row" \
	shows '6.18.15  patched' '\+( \+){8} ~( \+){7}   .*' 'NOT OK'
tables < <(kernel 6.18-patched patched 6.18.15 "$tmp/altered" '' hotplug,numa)
check "but one for which it lacks something" \
	shows '6.18.15  patched' '\+( \+){8} ~( \+){7}   .*' ok

tables < <(kernel 6.18-pristine pristine 6.18.15 "$recorded/6.18-patched")
check "a pristine kernel that passes does not do what it must" \
	shows '6.18.15  pristine' "$pass_all" 'NOT OK'
tables < <(kernel stock-7.2.13 stock 7.2.13 "$recorded/stock-6.16.12")
check "a stock 7.2 that fails does not do what it must" \
	shows '7.2.13   stock' '.* F .*' 'NOT OK'

tables < <(
	kernel 6.18-h5 patched 6.18.15 "$recorded/6.18-h5"
	kernel 6.18-patched patched 6.18.15 "$recorded/6.18-patched"
)
check "a hang is in the rows of the test that hung, and what comes after was not run" \
	shows '6.18.15  patched' \
	'\+ \+ \. \. \. \. \. H \. H \+ \+ \. \. \+ \. \+   \. \. \. \. H \. \+ \+ \+' 'NOT OK'
check "and is told on the page" grep -q 'iterate (still running after' "$tmp/matrix.html"

tables < <(kernel 7.1-pristine pristine 7.1.13 "$recorded/6.18-h5")
check "a 7.1 in which hazard 5 alone shows does not do what it must" \
	grep -q '7.1.13 pristine: must fail on hazards 4, 5 and 8, and on nothing else' "$tmp/matrix.txt"
cp -r "$recorded/6.18-h5" "$tmp/7.1"
alter "$tmp/7.1" other_cpu '{"result": "fail"}'
alter "$tmp/7.1" mark '{"result": "fail"}'
tables < <(kernel 7.1-pristine pristine 7.1.13 "$tmp/7.1")
check "one with hazards 4, 5 and 8 does" test "$exited" = 0
alter "$tmp/7.1" no_dequeue_op '{"result": "fail"}'
tables < <(kernel 7.1-pristine pristine 7.1.13 "$tmp/7.1")
check "one with something else does not" test "$exited" = 1
for kind in missed late "kernel's mark"; do
	alter "$tmp/7.1" no_dequeue_op "{\"violations\": {\"duplicate\": 1, \"$kind\": 2}}"
	tables < <(kernel 7.1-pristine pristine 7.1.13 "$tmp/7.1")
	check "one with violations of these hazards in another test does: $kind" test "$exited" = 0
done
alter "$tmp/7.1" no_dequeue_op '{"violations": {"duplicate": 1}, "reason": "1 violations; late: x"}'
tables < <(kernel 7.1-pristine pristine 7.1.13 "$tmp/7.1")
check "one with other violations does not, whatever its reason says" test "$exited" = 1

echo splat >"$tmp/altered/outcome"
cp "$recorded/6.18-patched/results.jsonl" "$tmp/altered"
tables < <(kernel 6.18-patched patched 6.18.15 "$tmp/altered")
check "a kernel that warned does not do what it must, though all tests pass" \
	shows '6.18.15  patched' "$pass_all" 'NOT OK'

tables < <(
	kernel stock-6.17.13 stock 6.17.13 '' 'it is no longer served'
	kernel 6.18-patched patched 6.18.15 "$recorded/6.18-patched"
)
check "a kernel that cannot be had does not keep the others from the table" \
	shows '6.18.15  patched' "$pass_all" ok
check "its reason is in the text, the JSON and the page" bash -c '
	grep -q "6.17.13 stock: has no result: it is no longer served" "$1/matrix.txt" &&
	grep -q "\"why_not\" : \"it is no longer served\"" "$1/matrix.json" &&
	grep -q "title=\"it is no longer served\"" "$1/matrix.html"' _ "$tmp"
check "and the exit status is 1" test "$exited" = 1

# --- what a run leaves ------------------------------------------------------------

image=''
capture image "$root/lab/fetch" stock-6.16.12 || {
	echo "Bail out! there is no stock kernel to boot"
	exit 1
}
# Everything of the cache but results. No kernel is built there: what one is built
# from includes where it is.
export XDG_CACHE_HOME=$tmp/cache TMPDIR=$tmp/tmpdir
mkdir -p "$XDG_CACHE_HOME/scx-custody/src" "$TMPDIR"
for folder in "$cache"/*; do
	[[ $folder == */matrix || $folder == */src ]] || ln -s "$folder" "$XDG_CACHE_HOME/scx-custody"
done
for folder in "$cache"/src/*; do
	ln -s "$folder" "$XDG_CACHE_HOME/scx-custody/src"
done
home=$XDG_CACHE_HOME/scx-custody/matrix

# matrix STATUS ARGUMENT...: does it end with this status? What it says is kept.
matrix() {
	local expected=$1 status=0

	shift
	"$root/lab/matrix/matrix" "$@" >"$tmp/stdout" 2>"$tmp/stderr" || status=$?
	cat "$tmp/stdout" "$tmp/stderr"
	[ "$status" = "$expected" ]
}

# says REGEX: did it, in what is kept?
says() {
	cat "$tmp/stdout" "$tmp/stderr"
	cat "$tmp/stdout" "$tmp/stderr" | grep -qE -- "$1"
}

refused() {
	matrix 2 "${@:2}" && [ "$(wc -l <"$tmp/stderr")" = 1 ] && says "$1" && [ ! -e "$home" ]
}

check "refuses an unknown option" refused "'--frobnicate' is not an option" --frobnicate
check "refuses a kernel without --only" refused 'goes after --only' 6.18
check "refuses --only without a kernel" refused '--only needs a kernel' --only
check "refuses a kernel that there is not" refused "no kernel '5.4'.*6.18-patched" --only 5.4

check "--list shows what is to be done" matrix 0 --list --only 'stock-7.*'
check "and that is all that was asked for" \
	diff <(sed -n 's/^\([^ ]*\) .* to .*boot, .*/\1/p' "$tmp/stdout") \
		<(sources image | grep '^stock-7')
check "and does nothing" test -z "$(ls -A "$home/results")"

# interrupted: SIGINT when the first test is done; returns its exit status.
interrupted() {
	local pid tries=0

	spawn "$root/lab/matrix/matrix" --only stock-6.16.12 >"$tmp/stdout" 2>"$tmp/stderr"
	pid=$!
	until grep -qs '^ok 1' "$home"/results/*/output.log; do
		[ $((tries += 1)) -lt 2400 ] || break
		sleep 0.1
	done
	kill -INT "$pid"
	wait "$pid"
}
interrupted
check "an interrupted run ends with 130" test $? = 130
# On a busy machine, what ends takes a moment. Looked at before check makes files of its own.
sleep 2
left=$(find "$home/results" "$TMPDIR" -mindepth 1)$(pgrep -f "$home")
check "and leaves no half result, no process and no temporary file" test -z "$left"

check "a run to the end: a stock 6.16 shows the defect, as it must" matrix 0 --only stock-6.16.12
check "it says where the tables are" says "^ *$home/matrix.html\$"
check "and shows the text" \
	diff <(head -n "$(wc -l <"$home/matrix.txt")" "$tmp/stdout") "$home/matrix.txt"
check "what was not asked for has no result" says '^7.3.4 +stock +no result$'
check "--list shows the result" matrix 0 --list --only stock-6.16.12
check "and nothing to do" says 'There is nothing to do'
check "--again would run it again" matrix 0 --list --again --only stock-6.16.12
check "and says how long that takes" says 'To do: '
kept=$(ls --full-time -d "$home"/results/*)
check "a second run does not boot it again" matrix 0 --only stock-6.16.12
check "and shows the same result" \
	test "$kept" = "$(ls --full-time -d "$home"/results/*)"

exec 8>"$home/lock"
flock 8
check "two at once: the second refuses" matrix 1 --only stock-6.16.12
check "and says why" says 'another lab/matrix/matrix is running'
exec 8>&-

# Another image is another kernel: this one does not boot, being no image.
rm "$XDG_CACHE_HOME/scx-custody/src/${image##*/}"
mkdir "$XDG_CACHE_HOME/scx-custody/src/${image##*/}"
echo 'not a kernel' >"$XDG_CACHE_HOME/scx-custody/src/${image##*/}/vmlinuz"
check "another image has no result" matrix 0 --list --only stock-6.16.12
check "and is to be booted" says '^stock-6.16.12 .*to boot, '
check "if it cannot be booted, that is no result" matrix 1 --only stock-6.16.12
check "and the table says why" says '6.16.12 stock: has no result: .*not an x86 kernel image'

done_testing
