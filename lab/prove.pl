#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Run TAP tests and end in 'N passed, N failed'; prove's own summary counts
# skipped tests as passed.
#
# Usage: prove.pl DIR [NAME]...		runs DIR/*NAME*.t
#
# Tests run in two lanes beside each other. Those whose name begins with 1 to 4 mostly
# keep one CPU busy, the others build and boot kernels. The output of a file is
# printed as it comes if it runs alone, else in one piece when the file has ended.
use strict;
use warnings;
use File::Basename;
use TAP::Harness;

my ($dir, @names) = @ARGV;
my %wanted = map { $_ => 1 } map { glob "$dir/*$_*.t" } @names ? @names : ('');
my @tests = sort keys %wanted;
if (!@tests) {
	print STDERR "check: there is no test like '@names' in $dir.\n";
	exit(2);
}
my (@light, @heavy);
push @{basename($_) =~ /^[1-4]/ ? \@light : \@heavy}, $_ for @tests;
my @lanes = map { { seq => $_ } } grep { @$_ } \@light, \@heavy;

$| = 1;
my $formatter = By_File->new(live => @lanes == 1);
my $results = TAP::Harness->new({
	jobs => scalar @lanes, rules => { par => \@lanes }, formatter => $formatter,
})->runtests(@tests);

# A test file that died, or didn't run what it planned, is a failure too, even
# if each result it got round to was fine.
my %broken = map { $_ => 1 } grep {
	my ($parser) = $results->parsers($_);
	!$parser->failed && ($parser->exit || $parser->wait || $parser->parse_errors)
} $results->descriptions;

printf "\n%-24s %7s %7s %7s %8s\n", qw(file passed failed skipped seconds);
for my $test (@tests) {
	my ($parser) = $results->parsers($test) or next;
	my $skipped = $parser->skipped;
	printf "%-24s %7d %7d %7d %8d%s\n", basename($test), $parser->passed - $skipped,
		scalar $parser->failed, $skipped, $parser->end_time - $parser->start_time,
		$broken{$test} ? '  did not run as planned' : '';
}
print "\n", map { "failed: $_\n" } @{$formatter->{failed}};

my $skipped = $results->skipped;
my $passed = $results->passed - $skipped;
my $failed = $results->failed + keys %broken;

print "$skipped skipped\n" if $skipped;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);

# What TAP::Harness calls a formatter, and the session of each file.
package By_File;

sub new {
	my ($class, %self) = @_;
	return bless { %self, failed => [] }, $class;
}

sub prepare { }
sub summary { }
sub verbosity { return 1 }

sub open_test {
	my ($self, $test) = @_;
	my $name = File::Basename::basename($test);
	my $session = bless { name => $name, all => $self, text => '' }, 'By_File::Session';

	printf STDERR "%s begins\n", $name;
	$session->add("$name\n");
	return $session;
}

package By_File::Session;

sub add {
	my ($self, $text) = @_;

	if ($self->{all}{live}) {
		print $text;
	} else {
		$self->{text} .= $text;
	}
}

sub result {
	my ($self, $result) = @_;

	$self->add($result->as_string . "\n");
	push @{$self->{all}{failed}}, "$self->{name}: " . ($result->description =~ s/^- //r)
		if $result->is_test && !$result->is_ok;
}

sub close_test {
	my ($self) = @_;

	print $self->{text}, "\n";
}
