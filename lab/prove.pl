#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Run TAP tests and end in 'N passed, N failed'; prove's own summary counts
# skipped tests as passed.
#
# usage: prove.pl DIR [NAME]...		runs DIR/*NAME*.t
use strict;
use warnings;
use TAP::Harness;

my ($dir, @names) = @ARGV;
my %wanted = map { $_ => 1 } map { glob "$dir/*$_*.t" } @names ? @names : ('');
my @tests = sort keys %wanted;
if (!@tests) {
	print STDERR "check: there is no test like '@names' in $dir.\n";
	exit(2);
}

$| = 1;
# The console's formatter shows each result as it comes, also in a file.
my $results = TAP::Harness->new({
	verbosity => 1, timer => 1, formatter_class => 'TAP::Formatter::Console',
})->runtests(@tests);

# A test file that died, or didn't run what it planned, is a failure too, even
# if each result it got round to was fine.
my $broken = grep {
	my ($parser) = $results->parsers($_);
	!$parser->failed && ($parser->exit || $parser->wait || $parser->parse_errors)
} $results->descriptions;

my $skipped = $results->skipped;
my $passed = $results->passed - $skipped;
my $failed = $results->failed + $broken;

print "$skipped skipped\n" if $skipped;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
