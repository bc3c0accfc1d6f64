#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# The tables of lab/matrix/matrix, from the results that it keeps.
#
# usage: matrix.pl SEMANTICS TESTS KERNELS DIR
#		writes DIR/matrix.txt, .json and .html; exit status 0 if each kernel
#		that is wanted does what it must, 1 if not
#	 matrix.pl --agree SEMANTICS TESTS
#		does the page name the very tests that claim a row or a hazard?
#
# SEMANTICS	docs/semantics.md: what the rows and hazards are
# TESTS		what 'scx-custody-selftest --list' printed: which test is for what
# KERNELS	a line a kernel: name, variant (pristine, patched, stock), version,
#		what it must do (pass, or as sources.tsv has it of unpatched ones),
#		wanted (yes or no), folder of the result, why there is none
use strict;
use warnings;
use utf8;
use open ':std', ':encoding(UTF-8)';
use JSON::PP;
use POSIX 'strftime';

# How a row can have come out: letter for the text, sign for the page, words.
my %states = (
	pass  => ['+', '✓', 'passes'],
	part  => ['~', '◐', 'passes, with some of its tests skipped'],
	skip  => ['s', '○', 'skipped'],
	fail  => ['F', '✗', 'fails'],
	hang  => ['H', 'H', 'the kernel hung'],
	panic => ['P', 'P', 'the kernel panicked'],
	crash => ['C', 'C', 'the test program crashed'],
	unrun => ['.', '·', 'not run'],
);
my @states = qw(pass part skip fail hang panic crash unrun);

# The hazards that are open in 7.1 as it came out, which patches/7.1 closes: those that it
# must show, and those that it may, as it takes the right machine or a race to be won.
my %open_in_7_1 = (h4 => 1, h5 => 1, h8 => 1);
my %may_show_in_7_1 = (h10 => 1, h11 => 1, h12 => 1);
my $open_in_7_1 = 'hazards 4, 5 and 8';

# Why a test failed there, whatever the test is about: hazard 4 has the dequeue of any task
# that another CPU takes come late, as a core-sched pick, hazard 8 leaves its mark set.
my $symptom_in_7_1 = qr/; (missed|wrong flag|late|kernel's mark): /;

# --- reading ------------------------------------------------------------------

sub slurp {
	my ($file) = @_;

	open(my $handle, '<:encoding(UTF-8)', $file) or die "matrix.pl: cannot read $file: $!.\n";
	return <$handle>;
}

# The one line that a small file has.
sub word {
	my ($file) = @_;

	return '' unless -e $file;
	my ($line) = slurp($file);
	chomp($line //= '');
	return $line;
}

# Rows and hazards, in order: id, what, and the tests that the page names.
sub read_semantics {
	my @subjects;
	my $kind = '';

	for (slurp($_[0])) {
		$kind = $1 eq 'hazard' ? 'hazard' : 'row' if /^\| # \| (hazard|what happens) /;
		next unless /^\| (\d+a?) \| (.*) \|$/;
		my ($number, @cells) = ($1, split(/\s*\|\s*/, $2));
		push(@subjects, {
			id => ($kind eq 'hazard' ? 'h' : '') . $number,
			kind => $kind, number => $number, what => $cells[0],
			more => $kind eq 'hazard' ? '' :
				'custody: ' . $cells[1] . ($cells[2] ? "; dequeue: $cells[2]" : ''),
			named => [$cells[-1] =~ /`([^`]+)`/g],
		});
	}
	return @subjects;
}

# Tests, in order: name, what must hold, the ids of its rows and hazards.
sub read_tests {
	my @tests;

	for (slurp($_[0])) {
		next unless /^(\S+)\s+(.*) \[(.*)\]$/;
		my ($name, $must, $for) = ($1, $2, $3);
		my %ids;
		for (split(/; /, $for)) {
			my ($kind, $numbers) = /^(row|hazard)s? (.*)$/ or next;
			$ids{($kind eq 'hazard' ? 'h' : '') . $_} = 1 for split(/, /, $numbers);
		}
		push(@tests, { name => $name, must => $must, ids => \%ids });
	}
	return @tests;
}

# The names that a shell pattern with nothing but stars matches.
sub matching {
	my ($pattern, @names) = @_;
	my $regex = join('.*', map { quotemeta } split(/\*/, $pattern, -1));

	return grep { /^$regex$/ } @names;
}

# Does what the page says agree with what the tests claim?
sub agree {
	my ($subjects, $tests) = @_;
	my $agreed = 1;

	for my $subject (@$subjects) {
		my %named = map { $_ => 1 } map { matching($_, map { $_->{name} } @$tests) }
			@{$subject->{named}};
		for my $pattern (@{$subject->{named}}) {
			next if matching($pattern, map { $_->{name} } @$tests);
			print "$subject->{kind} $subject->{number}: there is no test '$pattern'.\n";
			$agreed = 0;
		}
		for my $test (@$tests) {
			my ($named, $claims) = ($named{$test->{name}}, $test->{ids}{$subject->{id}});
			next if !$named == !$claims;
			print "$subject->{kind} $subject->{number}: $test->{name} ",
				$claims ? "is for it, but the page does not name it.\n" :
				"is named, but the test is not for it.\n";
			$agreed = 0;
		}
	}
	my %known = map { $_->{id} => 1 } @$subjects;
	for my $test (@$tests) {
		for (sort keys %{$test->{ids}}) {
			next if $known{$_};
			print "$test->{name} is for $_, which the page does not have.\n";
			$agreed = 0;
		}
	}
	return $agreed;
}

# --- judging ------------------------------------------------------------------

# What a kernel must do.
my %must = (
	pass => 'pass',
	defect => 'show the defect',
	gaps => "fail on $open_in_7_1 only",
);

# Add to a kernel what came of it, from the folder of its result.
sub read_result {
	my ($kernel, @tests) = @_;
	my $folder = $kernel->{folder};

	$kernel->{$_} = word("$folder/$_") for qw(outcome reason seconds date sha256 accel);
	for (slurp("$folder/results")) {
		chomp;
		my ($name, $result, $seconds, $why) = split(/\t/, $_, -1);
		# The one in which the run ended with the kernel alive.
		if ($result eq 'ended') {
			$result = $kernel->{outcome} eq 'skip' ? 'unrun' : 'crash';
			$why = $kernel->{reason};
		}
		$kernel->{tests}{$name} = { result => $result, seconds => $seconds, why => $why };
	}
	$kernel->{tests}{$_->{name}} //= { result => 'unrun', seconds => '', why => '' } for @tests;
	$kernel->{counts}{$_->{result}}++ for values %{$kernel->{tests}};

	for (slurp("$folder/console.log")) {
		next unless /Linux version (\S+)/;
		$kernel->{release} = $1;
		last;
	}
	for (slurp("$folder/output.log")) {
		s/\r?\n//;
		$kernel->{said} = $1 if /^# ((?:This kernel|Nothing could) .*)/ ||
			/^scx-custody-selftest: (.*)/;
	}
}

# How one row came out: by the worst of its tests.
sub cell {
	my ($kernel, $subject, @tests) = @_;
	my %seen;

	$seen{$kernel->{tests}{$_->{name}}{result}}++ for grep { $_->{ids}{$subject->{id}} } @tests;
	for (qw(fail panic hang crash unrun)) {
		return $_ if $seen{$_};
	}
	return 'unrun' unless %seen;
	return $seen{skip} ? $seen{pass} ? 'part' : 'skip' : 'pass';
}

# "3-5, 8" for 3, 4, 5, 8.
sub ranges {
	my @runs;

	for (@_) {
		if (@runs && !grep { /a/ } ($_, $runs[-1][1]) and $runs[-1][1] == $_ - 1) {
			$runs[-1][1] = $_;
		} else {
			push(@runs, [$_, $_]);
		}
	}
	return join(', ', map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @runs);
}

# "rows 3-5, 8; hazard 4": those whose state is one of these.
sub subjects_in {
	my ($kernel, $subjects, @wanted) = @_;
	my @parts;

	for my $kind (qw(row hazard)) {
		my @numbers = map { $_->{number} } grep {
			my $state = $kernel->{cells}{$_->{id}};
			$_->{kind} eq $kind && grep { $_ eq $state } @wanted
		} @$subjects;
		push(@parts, $kind . (@numbers > 1 ? 's ' : ' ') . ranges(@numbers)) if @numbers;
	}
	return join('; ', @parts);
}

my @broken = qw(fail panic hang crash);

# Is a test broken for another reason than what is open in 7.1?
sub is_stray {
	my ($kernel, $test) = @_;
	my $came_of = $kernel->{tests}{$test->{name}};

	return 0 unless grep { $_ eq $came_of->{result} } @broken;
	return $came_of->{why} !~ $symptom_in_7_1 &&
		!grep { $open_in_7_1{$_} || $may_show_in_7_1{$_} } keys %{$test->{ids}};
}

# Set whether the kernel does what it must, and a sentence about it.
sub judge {
	my ($kernel, $subjects, @tests) = @_;
	my $expected = $kernel->{expected};
	my $outcome = $kernel->{outcome};
	my $bad = subjects_in($kernel, $subjects, @broken);
	my $skipped = subjects_in($kernel, $subjects, 'skip', 'part');
	my $unrun = subjects_in($kernel, $subjects, 'unrun');
	my @strays = grep { is_stray($kernel, $_) } @tests;
	my $found = join('; ', $bad ? "fails: $bad" : (), $skipped ? "skipped: $skipped" : (),
		$unrun ? "not run: $unrun" : (),
		$outcome !~ /^(pass|fail)$/ ? "outcome $outcome: $kernel->{reason}" : ());

	if ($expected eq 'gaps' && $outcome eq 'skip' && $kernel->{variant} eq 'stock') {
		# Debian's was built with a pahole that left kfuncs as no program finds them.
		$kernel->{ok} = 1;
		$kernel->{verdict} = 'takes no BPF scheduler, so nothing can be told of it';
	} elsif ($expected eq 'pass') {
		# The kit's own kernels are configured so that nothing is skipped.
		$kernel->{ok} = $outcome eq 'pass' && !$bad && !$unrun &&
			(!$skipped || $kernel->{variant} eq 'stock');
		$kernel->{verdict} = $kernel->{ok} ? 'passes' : 'must pass';
	} elsif ($expected eq 'defect') {
		# Of the semantics it is this row that no kernel before 7.1 has.
		$kernel->{ok} = $kernel->{cells}{8} eq 'fail';
		$kernel->{verdict} = $kernel->{ok} ? 'shows the defect' : 'must fail on row 8';
	} else {
		$kernel->{ok} = !@strays &&
			!grep { my $id = $_; !grep { $kernel->{cells}{$id} eq $_ } @broken } keys %open_in_7_1;
		$kernel->{verdict} = $kernel->{ok} ? "fails on $open_in_7_1 only" :
			"must fail on $open_in_7_1, and on nothing else";
	}
	$kernel->{verdict} .= " ($found)" if $found;
}

sub read_kernels {
	my ($file, $subjects, @tests) = @_;
	my @kernels;

	for (slurp($file)) {
		chomp;
		my %kernel;
		@kernel{qw(name variant version expected wanted folder why)} = split(/\t/, $_, -1);
		$kernel{wanted} = $kernel{wanted} eq 'yes';
		if ($kernel{folder}) {
			read_result(\%kernel, @tests);
			$kernel{cells}{$_->{id}} = cell(\%kernel, $_, @tests) for @$subjects;
			judge(\%kernel, $subjects, @tests);
		} else {
			$kernel{ok} = 0;
			$kernel{verdict} = "has no result: $kernel{why}";
		}
		push(@kernels, \%kernel);
	}
	return @kernels;
}

# Is what is broken in a row just what is expected of the kernel?
sub is_known {
	my ($kernel, $subject, @tests) = @_;

	return 1 if $kernel->{expected} eq 'defect';
	return 0 if $kernel->{expected} eq 'pass';
	return !grep { $_->{ids}{$subject->{id}} && is_stray($kernel, $_) } @tests;
}

sub summary {
	my @wanted = grep { $_->{wanted} } @_;
	my $good = grep { $_->{ok} } @wanted;

	return "$good of " . @wanted . (@wanted < @_ ? ' kernels asked for' : ' kernels') .
		' do what they must.';
}

# --- text ---------------------------------------------------------------------

sub write_text {
	my ($out, $date, $subjects, @kernels) = @_;
	my $left = '%-9s%-9s%s';
	# 10a is a 1 above an a.
	my @tens = map { $_->{number} =~ /^(\d)\d/ ? $1 : ' ' } @$subjects;
	my @ones = map { substr($_->{number}, -1) } @$subjects;
	my $line = sub {
		my $text = '';
		for my $i (0 .. $#$subjects) {
			$text .= '  ' if $subjects->[$i]{id} eq 'h1';
			$text .= " $_[$i]";
		}
		$text =~ s/ +$// unless $_[-1] =~ /\S/;
		return $text;
	};
	my $rows = grep { $_->{kind} eq 'row' } @$subjects;

	print $out "Kernels against the rows of docs/semantics.md, $date\n\n";
	printf $out "$left\n", '', '', ' rows' . ' ' x (2 * $rows - 3) . 'hazards';
	printf $out "$left\n", '', '', $line->(@tens) if grep { $_ ne ' ' } @tens;
	printf $out "$left\n", 'kernel', '', $line->(@ones);
	for my $kernel (@kernels) {
		my $cells = $kernel->{cells};
		printf $out "$left%s\n", $kernel->{version}, $kernel->{variant},
			$cells ? $line->(map { $states{$cells->{$_->{id}}}[0] } @$subjects) :
				'  ' . ' ' x (2 * @$subjects),
			!$cells ? '  no result' : $kernel->{ok} ? '  ok' : '  NOT OK';
	}
	print $out "\n";
	printf $out "  %s  %s\n", @{$states{$_}}[0, 2] for @states;
	print $out "  ok a kernel does what it must: patched ones and those with the fixes pass; 7.1 and 7.2\n",
		"     without them fail on $open_in_7_1 only; what is older shows the defect\n\n";
	for my $kernel (grep { $_->{wanted} } @kernels) {
		print $out "  $kernel->{version} $kernel->{variant}: $kernel->{verdict}\n";
	}
	print $out "\n  ", summary(@kernels), "\n";
}

# --- JSON ---------------------------------------------------------------------

sub write_json {
	my ($out, $date, $subjects, $tests, @kernels) = @_;
	my $yes_or_no = sub { $_[0] ? JSON::PP::true : JSON::PP::false };
	my %table = (
		generated => $date,
		summary => summary(@kernels),
		ok => $yes_or_no->(!grep { $_->{wanted} && !$_->{ok} } @kernels),
	);

	for my $subject (@$subjects) {
		push(@{$table{$subject->{kind} . 's'}}, {
			number => $subject->{number} =~ /a/ ? $subject->{number} : $subject->{number} + 0,
			what => $subject->{what},
			tests => [map { $_->{name} } grep { $_->{ids}{$subject->{id}} } @$tests],
		});
	}
	for my $kernel (@kernels) {
		my %entry = (
			(map { $_ => $kernel->{$_} } qw(name variant version verdict)),
			must => $must{$kernel->{expected}},
			wanted => $yes_or_no->($kernel->{wanted}),
			ok => $yes_or_no->($kernel->{ok}),
		);
		if ($kernel->{folder}) {
			$entry{$_} = $kernel->{$_} for qw(release outcome reason date accel);
			$entry{seconds} = $kernel->{seconds} + 0;
			$entry{image_sha256} = $kernel->{sha256};
			$entry{logs} = $kernel->{folder};
			$entry{$_->{kind} . 's'}{$_->{number}} = $kernel->{cells}{$_->{id}} for @$subjects;
			$entry{tests} = [map {
				my $test = $kernel->{tests}{$_->{name}};
				{ name => $_->{name}, result => $test->{result}, why => $test->{why},
				  seconds => length($test->{seconds}) ? $test->{seconds} + 0 : undef }
			} @$tests];
		} else {
			$entry{why_not} = $kernel->{why};
		}
		push(@{$table{kernels}}, \%entry);
	}
	print $out JSON::PP->new->pretty->canonical->encode(\%table);
}

# --- HTML ---------------------------------------------------------------------

sub html {
	my ($text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/>/&gt;/g;
	$text =~ s/"/&quot;/g;
	return $text;
}

# Text of the page, with `code`.
sub marked_up {
	my $text = html($_[0]);

	$text =~ s/`([^`]+)`/<code>$1<\/code>/g;
	return $text;
}

sub sign {
	my ($state, $known) = @_;

	return qq(<span class="sign $state) . ($known ? ' known' : '') . qq(">$states{$state}[1]</span>);
}

# The tests with their results, as a list; only those that did not pass have more to say.
sub test_list {
	my ($kernel, $known, @tests) = @_;
	my $text = "<ul class=tests>\n";

	for my $test (@tests) {
		my $came = $kernel->{tests}{$test->{name}};
		my $time = length($came->{seconds}) ? " <small>$came->{seconds} s</small>" : '';
		$text .= '<li>' . sign($came->{result}, $known) . " <b>$test->{name}</b>$time";
		$text .= '<br>' . html($came->{why}) if $came->{why};
		$text .= "</li>\n";
	}
	return "$text</ul>\n";
}

my $next_popover = 0;

# One cell: its sign, which opens what is behind it.
sub html_cell {
	my ($kernel, $subject, $edge, @tests) = @_;

	return qq(<td class="none$edge" title=") . html($kernel->{why}) . qq("></td>\n)
		unless $kernel->{cells};

	my $state = $kernel->{cells}{$subject->{id}};
	my $known = is_known($kernel, $subject, @tests);
	my @mine = grep { $_->{ids}{$subject->{id}} } @tests;
	my @told = grep { $kernel->{tests}{$_->{name}}{result} ne 'pass' } @mine;
	my $title = $states{$state}[2];
	my $id = 'p' . $next_popover++;

	$title .= ': ' . join('; ', map {
		my $why = $kernel->{tests}{$_->{name}}{why};
		$_->{name} . ($why ? " ($why)" : '')
	} @told[0 .. ($#told > 2 ? 2 : $#told)]) if @told;
	$title .= ' and ' . (@told - 3) . ' more' if @told > 3;
	return qq(<td class="$state) . ($known ? ' known' : '') . qq($edge">) .
		qq(<button popovertarget=$id title=") . html($title) . qq(">$states{$state}[1]</button>) .
		qq(<div popover id=$id><h3>$kernel->{version} $kernel->{variant}, $subject->{kind} $subject->{number}</h3>) .
		'<p>' . marked_up($subject->{what}) . ': ' . sign($state, $known) . " $states{$state}[2].</p>\n" .
		test_list($kernel, $known, @mine) . "</div></td>\n";
}

# One of the facts about a kernel, if there is any.
sub fact {
	my ($name, $value) = @_;

	return '' unless defined($value) && length($value);
	return "<dt>$name</dt><dd>$value</dd>\n";
}

my %counted = (pass => 'passed', fail => 'failed', skip => 'skipped', unrun => 'not run',
	hang => 'hung', panic => 'panicked', crash => 'crashed');

sub html_kernel {
	my ($kernel, @tests) = @_;
	my $mark = !$kernel->{folder} ? '<span class="sign unrun">–</span>' :
		sign($kernel->{ok} ? 'pass' : 'fail', 0);
	my $text = qq(<details id="$kernel->{name}"><summary>$mark ) .
		"<b>$kernel->{version} $kernel->{variant}</b> <span>" . html($kernel->{verdict}) .
		"</span></summary>\n<dl>\n";

	$text .= fact('must', $must{$kernel->{expected}});
	if ($kernel->{folder}) {
		my $counts = $kernel->{counts};
		$text .= fact('kernel', html($kernel->{release} // ''));
		$text .= fact('outcome', html("$kernel->{outcome}: $kernel->{reason}"));
		$text .= fact('it said', html($kernel->{said} // ''));
		$text .= fact('tests', join(', ', map { "$counts->{$_} $counted{$_}" }
			grep { $counts->{$_} } sort keys %counted));
		$text .= fact('run', html("$kernel->{date}, $kernel->{seconds} s, with $kernel->{accel}"));
		$text .= fact('image', "<code>$kernel->{sha256}</code> (SHA-256)");
		$text .= fact('logs', '<code>' . html($kernel->{folder}) . '</code>');
		$text .= "</dl>\n" . test_list($kernel, $kernel->{expected} ne 'pass', @tests);
	} else {
		$text .= "</dl>\n";
	}
	return "$text</details>\n";
}

sub write_html {
	my ($out, $date, $subjects, $tests, @kernels) = @_;
	my $style = join('', <DATA>);
	my $version = '';
	my $kind = '';
	my $good = !grep { $_->{wanted} && !$_->{ok} } @kernels;

	# A line between kernels of one release and those of the next.
	for my $kernel (@kernels) {
		my ($release) = $kernel->{version} =~ /^(\d+\.\d+)/;
		$kernel->{edge} = $release ne $version ? ' edge' : '';
		$version = $release;
	}

	print $out <<"END";
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>scx-custody: kernels against the contract</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>Kernels against the contract</h1>
<p>Each time a task enters the custody of a BPF scheduler, exactly one <code>ops.dequeue()</code> must
follow when it leaves. The rows below are what that means, as <code>docs/semantics.md</code> spells it
out, and the known ways to get it wrong; the columns are kernels, on each of which
<code>scx-custody-selftest</code> was run in a virtual machine. Patched kernels and those with the fixes
must pass. 7.1 and 7.2 without them must fail on $open_in_7_1 only. What is older must show the defect.</p>
<p class="summary">@{[sign($good ? 'pass' : 'fail', 0)]} <b>@{[summary(@kernels)]}</b>
<small>Generated $date.</small></p>
<ul class="legend">
END
	print $out '<li>', sign($_, 0), " $states{$_}[2]</li>\n" for @states;
	print $out '<li>', sign('fail', 1), " pale: as this kernel must</li>\n",
		qq(<li><span class="sign none">&nbsp;</span> no result</li>\n);
	print $out <<"END";
</ul>
<p><small>A sign opens the tests behind it; a kernel's name leads to what is known of its run.</small></p>
</header>
<div class="scroll">
<table>
<thead>
<tr><th class="corner">kernel</th>
END
	for my $kernel (@kernels) {
		print $out qq(<th class="$kernel->{variant}$kernel->{edge}" scope="col"><a href="#$kernel->{name}">),
			"<b>$kernel->{version}</b> $kernel->{variant}</a></th>\n";
	}
	print $out qq(</tr>\n</thead>\n<tbody>\n<tr class="verdict"><th scope="row">does what it must</th>\n);
	for my $kernel (@kernels) {
		my $state = !$kernel->{folder} ? 'none' : $kernel->{ok} ? 'pass' : 'fail';
		print $out qq(<td class="$state$kernel->{edge}" title="), html($kernel->{verdict}), '">',
			qq(<a href="#$kernel->{name}">), $state eq 'none' ? '–' : $states{$state}[1],
			"</a></td>\n";
	}
	print $out "</tr>\n";
	for my $subject (@$subjects) {
		if ($subject->{kind} ne $kind) {
			$kind = $subject->{kind};
			print $out '<tr class="section"><th colspan="', @kernels + 1, '"><span>',
				$kind eq 'row' ? 'Rows: what happens' : 'Hazards: what must not happen',
				"</span></th></tr>\n";
		}
		print $out '<tr><th scope="row"><div class="label"><span class="number">',
			$subject->{number}, '</span><div>',
			marked_up($subject->{what}),
			$subject->{more} ? '<small>' . marked_up($subject->{more}) . '</small>' : '',
			"</div></div></th>\n";
		print $out html_cell($_, $subject, $_->{edge}, @$tests) for @kernels;
		print $out "</tr>\n";
	}
	print $out "</tbody>\n</table>\n</div>\n<section>\n<h2>Each kernel</h2>\n";
	print $out html_kernel($_, @$tests) for @kernels;
	print $out <<'END';
</section>
<script>
function show() { let k = document.getElementById(decodeURIComponent(location.hash.slice(1))); if (k) k.open = true; }
addEventListener("hashchange", show); show();
</script>
</body>
</html>
END
}

# --- all of it ----------------------------------------------------------------

if (@ARGV == 3 && $ARGV[0] eq '--agree') {
	exit(!agree([read_semantics($ARGV[1])], [read_tests($ARGV[2])]));
}
if (@ARGV != 4) {
	print STDERR "matrix.pl: give SEMANTICS TESTS KERNELS DIR, or --agree SEMANTICS TESTS.\n";
	exit(2);
}
my ($page, $list, $table, $folder) = @ARGV;
my @subjects = read_semantics($page);
my @tests = read_tests($list);
my @kernels = read_kernels($table, \@subjects, @tests);
my $date = strftime('%Y-%m-%d %H:%M UTC', gmtime);

sub write_to {
	my ($name, $writer, @arguments) = @_;

	open(my $out, '>', "$folder/$name") or die "matrix.pl: cannot write $folder/$name: $!.\n";
	binmode($out, $name =~ /json$/ ? ':raw:encoding(UTF-8)' : ':encoding(UTF-8)');
	$writer->($out, @arguments);
	close($out) or die "matrix.pl: cannot write $folder/$name: $!.\n";
}

write_to('matrix.txt', \&write_text, $date, \@subjects, @kernels);
write_to('matrix.json', \&write_json, $date, \@subjects, \@tests, @kernels);
write_to('matrix.html', \&write_html, $date, \@subjects, \@tests, @kernels);
exit((grep { $_->{wanted} && !$_->{ok} } @kernels) ? 1 : 0);

__DATA__
:root {
	color-scheme: light dark;
	--page: #fbfbfa; --text: #1d2126; --soft: #5c6570; --line: #d9dde2; --card: #fff;
	--good: #0b6e8a; --good-bg: #e1f1f5;
	--bad: #fff; --bad-bg: #b5390a;
	--known: #8a3c10; --known-bg: #fdeadc;
	--dim: #6b7480; --dim-bg: #eceef0;
}
@media (prefers-color-scheme: dark) {
	:root {
		--page: #15181c; --text: #e6e9ec; --soft: #9aa4af; --line: #333a42; --card: #1c2025;
		--good: #7fd0e6; --good-bg: #14323b;
		--bad: #1a0d06; --bad-bg: #ff8c5a;
		--known: #f0b48f; --known-bg: #3a2417;
		--dim: #97a1ac; --dim-bg: #262b31;
	}
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(.75rem, 3vw, 2.5rem) 4rem; max-width: 100rem;
	background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
header p { max-width: 62rem; margin: .5rem 0; }
small { color: var(--soft); font-size: .8em; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
a { color: inherit; }
.summary .sign { font-size: 1rem; }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; margin: .75rem 0; padding: 0;
	list-style: none; font-size: .85rem; }
.sign { display: inline-block; min-width: 1.5em; padding: 0 .3em; border-radius: .25em;
	text-align: center; text-indent: 0; font-weight: 700; font-size: .9em; line-height: 1.5; }
.pass, .part { background: var(--good-bg); color: var(--good); }
.skip, .unrun { background: var(--dim-bg); color: var(--dim); }
.fail, .hang, .panic, .crash { background: var(--bad-bg); color: var(--bad); }
.fail.known, .hang.known, .panic.known, .crash.known { background: var(--known-bg); color: var(--known); }

.scroll { overflow: auto; max-height: 92vh; margin-top: 1rem; border: 1px solid var(--line);
	border-radius: .5rem; background: var(--card); }
table { border-collapse: separate; border-spacing: 0; font-size: .875rem; min-width: 100%; }
th { font-weight: 400; text-align: left; }
thead th { position: sticky; top: 0; z-index: 2; height: 9.5rem; padding: .6rem .2rem;
	vertical-align: bottom; background: var(--card); border-bottom: 2px solid var(--line); }
thead a { display: block; margin: 0 auto; writing-mode: vertical-rl; transform: rotate(180deg);
	text-decoration: none; white-space: nowrap; }
thead a:hover { text-decoration: underline; }
thead .patched a { color: var(--good); }
thead .stock a { font-style: italic; }
tbody th { position: sticky; left: 0; z-index: 1; width: 24rem; min-width: 15rem; padding: .3rem .75rem;
	background: var(--card); border-bottom: 1px solid var(--line); border-right: 1px solid var(--line); }
th.corner { left: 0; z-index: 3; padding-left: .75rem; border-right: 1px solid var(--line); color: var(--soft); }
.label { display: flex; gap: .6rem; line-height: 1.35; }
tbody th small { display: block; }
.number { flex: none; min-width: 1.4em; text-align: right; font-weight: 700; color: var(--soft); }
.section th { padding-top: 1rem; font-weight: 700; border-right: 0; }
.section span { position: sticky; left: .75rem; }
td { min-width: 2.3rem; height: 2.3rem; padding: 0; text-align: center; border: 1px solid var(--card);
	font-weight: 700; font-size: 1rem; }
td.edge, th.edge { border-left: 2px solid var(--line); }
td.none, .sign.none { background: repeating-linear-gradient(135deg, var(--dim-bg) 0 4px, transparent 4px 8px); color: var(--dim); }
td a { display: block; text-decoration: none; }
td button { display: block; width: 100%; height: 100%; min-height: 2.3rem; padding: 0; border: 0;
	background: none; color: inherit; font: inherit; cursor: pointer; }
td button:hover, td button:focus-visible, summary:focus-visible { outline: 2px solid currentColor; outline-offset: -3px; }
tr:hover > th[scope=row] { background: var(--dim-bg); }
.verdict th { font-weight: 700; }

[popover] { display: none; }
[popover]:popover-open { display: block; }
[popover] { width: min(40rem, 92vw); max-height: 80vh; overflow: auto; padding: 1rem 1.25rem; margin: auto;
	border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--text);
	text-align: left; font-weight: 400; box-shadow: 0 1rem 3rem #0005; }
[popover] h3 { margin: 0; font-size: 1rem; }
[popover] p { margin: .4rem 0; }
.tests { margin: .75rem 0 0; padding: 0; list-style: none; font-size: .85rem; }
.tests li { padding: .25rem 0 .25rem 2.1rem; text-indent: -2.1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }

details { margin: .4rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
details:target { border-color: var(--good); }
summary { padding: .5rem .9rem; cursor: pointer; }
summary span:last-child { color: var(--soft); font-size: .875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; padding: .25rem .9rem .5rem;
	font-size: .875rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details .tests { columns: 26rem; column-gap: 2rem; padding: 0 .9rem .75rem; }
.tests li { break-inside: avoid; }

@media (max-width: 45rem) {
	body { font-size: 15px; }
	table { font-size: .75rem; }
	tbody th { width: 9.5rem; min-width: 9.5rem; padding: .25rem .4rem; }
	.label { gap: .35rem; }
	tbody th small { display: none; }
	dl { grid-template-columns: 1fr; }
	dt { margin-top: .3rem; }
}
@media print {
	.scroll { overflow: visible; max-height: none; }
}
