#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# The table as text, from what judge.pl printed.
#
# Usage: text.pl <matrix.json >matrix.txt
use strict;
use warnings;
use JSON::PP;

my %letters = (pass => '+', part => '~', skip => 's', fail => 'F', hang => 'H', panic => 'P',
	crash => 'C', unrun => '.');

binmode(STDOUT, ':encoding(UTF-8)');
my $matrix = decode_json(join('', <STDIN>));
my ($rows, $hazards) = map { [map { $_->{number} } @$_] } @$matrix{qw(rows hazards)};

# One line: what is under each row and, apart, under each hazard.
sub line {
	my ($under_rows, $under_hazards) = @_;

	return join('', map { " $_" } @$under_rows, ' ', @$under_hazards);
}

# 10a is a 1 above an a.
sub tens {
	return [map { /^(\d)\d/ ? $1 : ' ' } @{$_[0]}];
}

sub ones {
	return [map { substr($_, -1) } @{$_[0]}];
}

# A line of the heading, without blanks at its end.
sub heading {
	my ($word, $line) = @_;

	print sprintf('%-9s%-9s%s', $word, '', $line) =~ s/ +$//r, "\n";
}

print "Kernels against the rows of docs/semantics.md, $matrix->{generated}\n\n";
heading('', sprintf('%-*s hazards', 2 * @$rows + 2, ' rows'));
heading('', line(tens($rows), tens($hazards)));
heading('kernel', line(ones($rows), ones($hazards)));
for my $kernel (@{$matrix->{kernels}}) {
	my $has_result = $kernel->{tests};
	my $line = line([map { $has_result ? $letters{$kernel->{rows}{$_}} : ' ' } @$rows],
		[map { $has_result ? $letters{$kernel->{hazards}{$_}} : ' ' } @$hazards]);

	printf "%-9s%-9s%s  %s\n", $kernel->{version}, $kernel->{variant}, $line,
		!$has_result ? 'no result' : $kernel->{ok} ? 'ok' : 'NOT OK';
}
print "\n";
print "  $letters{$_->{state}}  $_->{means}\n" for @{$matrix->{states}};
print '  ok a kernel does what it must. ', join("\n     ", @{$matrix->{rules}}), "\n\n";
for my $kernel (grep { $_->{wanted} } @{$matrix->{kernels}}) {
	print "  $kernel->{version} $kernel->{variant}: $kernel->{verdict}\n";
}
print "\n  $matrix->{summary}\n";
