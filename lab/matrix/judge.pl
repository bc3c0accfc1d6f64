#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# What the results that lab/matrix/matrix keeps say of each kernel and each row.
#
# Usage: judge.pl SEMANTICS TESTS KERNELS
#		prints matrix.json, from which text.pl and page.pl make the rest; exit
#		status 0 if each kernel that is wanted does what it must, 1 if not
#	 judge.pl --agree SEMANTICS TESTS
#		does the page name the very tests that claim a row or a hazard?
#
# SEMANTICS	docs/semantics.md: what the rows and hazards are
# TESTS		what 'scx-custody-selftest --list --json' printed: which test is for what
# KERNELS	a line a kernel: name, variant (pristine, patched, stock), version,
#		what it must do (pass, or as sources.tsv has it of unpatched ones),
#		wanted (yes or no), folder of the result, why there is none, the tests,
#		separated by commas, that a patched one may skip
use strict;
use warnings;
use utf8;
use open ':std', ':encoding(UTF-8)';
use FindBin;
use JSON::PP;
use POSIX 'strftime';

# How a row can have come out.
my @states = (
	{ state => 'pass', means => 'passes' },
	{ state => 'part', means => 'passes, with some of its tests skipped' },
	{ state => 'skip', means => 'skipped' },
	{ state => 'fail', means => 'fails' },
	{ state => 'hang', means => 'the kernel hung' },
	{ state => 'panic', means => 'the kernel panicked' },
	{ state => 'crash', means => 'the test program crashed' },
	{ state => 'unrun', means => 'not run' },
);
my @broken = qw(fail panic hang crash);

# The hazards that are open in 7.1 as it came out, which patches/7.1 closes: those that it
# must show, and those that it may, as it takes the right machine or a race to be won.
my %open_in_7_1 = (h4 => 1, h5 => 1, h8 => 1);
my %may_show_in_7_1 = (h10 => 1, h11 => 1, h12 => 1);
my $open_in_7_1 = 'hazards 4, 5 and 8';

# The violations by which they show in any test: hazard 4 has the dequeue of any task that
# another CPU takes come late, as a core-sched pick, hazard 8 leaves its mark set.
my @symptoms_in_7_1 = ('missed', 'wrong flag', 'late', "kernel's mark");

# What a kernel must do.
my %must = (
	pass => 'pass',
	defect => 'show the defect',
	gaps => "fail on $open_in_7_1 only",
);
my @rules = (
	'Patched kernels and those with the fixes must pass.',
	"7.1 and 7.2 without them must $must{gaps}.",
	"What is older must $must{defect}.",
);

# --- reading ------------------------------------------------------------------

sub slurp {
	my ($file) = @_;

	open(my $handle, '<', $file) or die "judge.pl: cannot read $file: $!.\n";
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

# Tests, in order: name, and the ids of its rows and hazards.
sub read_tests {
	my $list = JSON::PP->new->decode(join('', slurp($_[0])));

	return map {
		my %ids = map { $_ => 1 } @{$_->{rows}}, map { "h$_" } @{$_->{hazards}};
		{ name => $_->{name}, ids => \%ids };
	} @{$list->{tests}};
}

# What came of a run, as lab/results tells it.
sub read_results {
	my ($folder) = @_;

	open(my $from, '-|', "$FindBin::Bin/../results", '--json', $folder) or
		die "judge.pl: lab/results does not run: $!.\n";
	my $text = join('', <$from>);
	close($from) or die "judge.pl: lab/results cannot read $folder.\n";
	return JSON::PP->new->decode($text);
}

# --- the page and the tests -----------------------------------------------------

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
			my $named = $named{$test->{name}};
			my $claims = $test->{ids}{$subject->{id}};

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

# Add to a kernel what came of it, from the folder of its result.
sub read_result {
	my ($kernel, @tests) = @_;
	my $results = read_results($kernel->{folder});

	$kernel->{$_} = word("$kernel->{folder}/$_")
		for qw(outcome reason seconds date sha256 accel);
	$kernel->{release} = $results->{kernel};
	$kernel->{said} = $results->{verdict};
	for my $test (@{$results->{tests}}) {
		# The one in which the run ended with the kernel alive.
		if ($test->{result} eq 'ended') {
			$test->{result} = $kernel->{outcome} eq 'skip' ? 'unrun' : 'crash';
			$test->{reason} = $kernel->{reason};
		}
		$kernel->{tests}{$test->{name}} = $test;
	}
	$kernel->{tests}{$_->{name}} //= { result => 'unrun', reason => '' } for @tests;
}

# How one row came out: by the worst of its tests.
sub cell {
	my ($kernel, $subject, @tests) = @_;
	my %seen;

	$seen{$kernel->{tests}{$_->{name}}{result}}++ for grep { $_->{ids}{$subject->{id}} } @tests;
	for (@broken, 'unrun') {
		return $_ if $seen{$_};
	}
	return 'unrun' unless %seen;
	return $seen{skip} ? $seen{pass} ? 'part' : 'skip' : 'pass';
}

# "3-5, 8" for 3, 4, 5, 8.
sub ranges {
	my @runs;

	for (@_) {
		if (@runs && !(grep { /a/ } $_, $runs[-1][1]) && $runs[-1][1] == $_ - 1) {
			$runs[-1][1] = $_;
		} else {
			push(@runs, [$_, $_]);
		}
	}
	return join(', ', map { $_->[0] eq $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @runs);
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

sub is_broken {
	my ($state) = @_;

	return grep { $_ eq $state } @broken;
}

# A test is broken on this kernel: is that just what is expected there?
sub is_known {
	my ($kernel, $test) = @_;

	return $kernel->{expected} eq 'defect' if $kernel->{expected} ne 'gaps';
	my $violations = $kernel->{tests}{$test->{name}}{violations} // {};
	return 1 if grep { $violations->{$_} } @symptoms_in_7_1;
	return 1 if grep { $open_in_7_1{$_} || $may_show_in_7_1{$_} } keys %{$test->{ids}};
	return 0;
}

# Set whether the kernel does what it must, and a sentence about it.
sub judge {
	my ($kernel, $subjects, @tests) = @_;
	my $expected = $kernel->{expected};
	my $outcome = $kernel->{outcome};
	my $bad = subjects_in($kernel, $subjects, @broken);
	my $skipped = subjects_in($kernel, $subjects, 'skip', 'part');
	my $unrun = subjects_in($kernel, $subjects, 'unrun');
	my $found = join('; ', $bad ? "fails: $bad" : (), $skipped ? "skipped: $skipped" : (),
		$unrun ? "not run: $unrun" : (),
		$outcome !~ /^(pass|fail)$/ ? "outcome $outcome: $kernel->{reason}" : ());

	if ($expected eq 'gaps' && $outcome eq 'skip' && $kernel->{variant} eq 'stock') {
		# Debian's was built with a pahole that left kfuncs as no program finds them.
		$kernel->{ok} = 1;
		$kernel->{verdict} = 'takes no BPF scheduler, so nothing can be told of it';
	} elsif ($expected eq 'pass') {
		# The kit's own kernels are configured so that nothing else is skipped.
		my %may_skip = map { $_ => 1 } split(/,/, $kernel->{skips} // '');
		my @lost = grep {
			$kernel->{tests}{$_->{name}}{result} eq 'skip' && !$may_skip{$_->{name}}
		} @tests;

		$kernel->{ok} = $outcome eq 'pass' && !$bad && !$unrun &&
			(!@lost || $kernel->{variant} eq 'stock');
		$kernel->{verdict} = $kernel->{ok} ? 'passes' : 'must pass';
	} elsif ($expected eq 'defect') {
		# Of the semantics it is this row that no kernel before 7.1 has.
		$kernel->{ok} = $kernel->{cells}{8} eq 'fail';
		$kernel->{verdict} = $kernel->{ok} ? 'shows the defect' : 'must fail on row 8';
	} else {
		my @strays = grep {
			is_broken($kernel->{tests}{$_->{name}}{result}) && !is_known($kernel, $_)
		} @tests;

		$kernel->{ok} = !@strays &&
			!grep { !is_broken($kernel->{cells}{$_}) } keys %open_in_7_1;
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
		@kernel{qw(name variant version expected wanted folder why skips)} = split(/\t/, $_, -1);
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

# --- telling --------------------------------------------------------------------

sub yes_or_no {
	return $_[0] ? JSON::PP::true : JSON::PP::false;
}

sub summary {
	my @wanted = grep { $_->{wanted} } @_;
	my $good = grep { $_->{ok} } @wanted;

	return "$good of " . @wanted . (@wanted < @_ ? ' kernels asked for' : ' kernels') .
		' do what they must.';
}

sub tell_test {
	my ($kernel, $test) = @_;
	my $came = $kernel->{tests}{$test->{name}};
	my %entry = (name => $test->{name}, result => $came->{result}, why => $came->{reason},
		seconds => $came->{seconds});

	$entry{known} = yes_or_no(is_known($kernel, $test)) if is_broken($came->{result});
	return \%entry;
}

sub tell_kernel {
	my ($kernel, $subjects, @tests) = @_;
	my %entry = (
		(map { $_ => $kernel->{$_} } qw(name variant version verdict)),
		must => $must{$kernel->{expected}},
		wanted => yes_or_no($kernel->{wanted}),
		ok => yes_or_no($kernel->{ok}),
	);

	if ($kernel->{folder}) {
		$entry{$_} = $kernel->{$_} for qw(release said outcome reason date accel);
		$entry{seconds} = $kernel->{seconds} + 0;
		$entry{image_sha256} = $kernel->{sha256};
		$entry{logs} = $kernel->{folder};
		$entry{$_->{kind} . 's'}{$_->{number}} = $kernel->{cells}{$_->{id}} for @$subjects;
		$entry{tests} = [map { tell_test($kernel, $_) } @tests];
	} else {
		$entry{why_not} = $kernel->{why};
	}
	return \%entry;
}

# --- all of it ----------------------------------------------------------------

if (@ARGV == 3 && $ARGV[0] eq '--agree') {
	exit(!agree([read_semantics($ARGV[1])], [read_tests($ARGV[2])]));
}
if (@ARGV != 3) {
	print STDERR "judge.pl: give SEMANTICS TESTS KERNELS, or --agree SEMANTICS TESTS.\n";
	exit(2);
}
my ($page, $list, $table) = @ARGV;
my @subjects = read_semantics($page);
my @tests = read_tests($list);
my @kernels = read_kernels($table, \@subjects, @tests);
my $good = !grep { $_->{wanted} && !$_->{ok} } @kernels;
my %matrix = (
	generated => strftime('%Y-%m-%d %H:%M UTC', gmtime),
	summary => summary(@kernels),
	ok => yes_or_no($good),
	rules => \@rules,
	states => \@states,
	kernels => [map { tell_kernel($_, \@subjects, @tests) } @kernels],
);
for my $subject (@subjects) {
	push(@{$matrix{$subject->{kind} . 's'}}, {
		number => $subject->{number} =~ /a/ ? $subject->{number} : $subject->{number} + 0,
		what => $subject->{what},
		more => $subject->{more},
		tests => [map { $_->{name} } grep { $_->{ids}{$subject->{id}} } @tests],
	});
}
print JSON::PP->new->pretty->canonical->encode(\%matrix);
exit(!$good);
