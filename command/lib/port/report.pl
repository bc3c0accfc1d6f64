#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# For command/verbs/port: tell what was put where, and how sure this is.
#
# Usage: report.pl [--json|--doubts] REPORT HAZARDS TREE OUT LINE START COMPILED
#
# REPORT is port.pl's, HAZARDS what hazards.pl said of the patched tree. --doubts prints
# how many doubts there are.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/..";
use Hunks qw(lines_of);

my $form = @ARGV && $ARGV[0] =~ /^--(json|doubts)$/ ? substr shift, 2 : 'text';
my ($report, $hazards, $tree, $out, $line, $start, $compiled) = @ARGV;

my $told = decode_json(join "\n", lines_of($report));
my @hazards = map { my ($number, $state, $because) = split /\t/;
	{ hazard => 0 + $number, state => $state, because => $because } } lines_of($hazards);
my @doubts = @{$told->{doubts}};

for my $placement (grep { $_->{grade} eq 'doubtful' } @{$told->{placements}}) {
	push @doubts, { (map { $_ => $placement->{$_} } qw(file function line patch)),
		why => join '; ', @{$placement->{why}} };
}
for (grep { $_->{state} ne 'closed' } @hazards) {
	push @doubts, {
		why => "hazard $_->{hazard} of docs/semantics.md is $_->{state}: $_->{because}",
	};
}

if ($form eq 'doubts') {
	print scalar @doubts, "\n";
	exit;
}
if ($form eq 'json') {
	# what is not UTF-8 is Latin-1
	my $text = sub { my ($text) = @_; utf8::decode($text); return $text };

	print JSON::PP->new->utf8->canonical->pretty->encode({
		tree => $text->($tree), out => $text->($out), line => $line,
		start => $text->($start),
		compiled => $compiled eq 'yes' ? JSON::PP::true : JSON::PP::false,
		placements => $told->{placements}, left_out => $told->{left_out},
		doubts => \@doubts, hazards => \@hazards,
	});
	exit;
}

my $last = '';
for (@{$told->{placements}}) {
	print "$_->{patch}\n" if $_->{patch} ne $last;
	$last = $_->{patch};
	my $name = $_->{function} eq '' ? '-' : $_->{function} =~ s/^(\w+)$/$1()/r;
	my $what = join ', ',
		map { $_->{what} . ($_->{rows} eq '-' ? '' : " (rows $_->{rows})") } @{$_->{sites}};

	printf "  %-9s %s:%d %s%s\n", $_->{grade}, $_->{file}, $_->{line}, $name,
		$what ? ", custody: $what" : '';
	print map { "            $_\n" } @{$_->{why}};
}
print "\n";
print map { "left out: $_\n" } @{$told->{left_out}};
for (@doubts) {
	print 'doubt: ', $_->{file} ? "$_->{file}:$_->{line}: " : '', "$_->{why}\n";
}
print "start: $start\n";
printf "hazards: %s closed%s\n",
	join(' ', map { $_->{hazard} } grep { $_->{state} eq 'closed' } @hazards),
	join '', map { "; $_->{hazard} $_->{state}" } grep { $_->{state} ne 'closed' } @hazards;
print 'compiled: ', $compiled eq 'yes' ? 'yes, after each patch' :
	'no, as no CONFIG= was given', "\n";
printf "%s: %d patches for %s, %s.\n", $out, scalar @{$told->{patches}}, $tree,
	!@doubts ? 'which apply without fuzz and leave no hazard open' :
	@doubts == 1 ? 'with 1 doubt' : 'with ' . @doubts . ' doubts';
