# SPDX-License-Identifier: GPL-2.0-only
#
# What a patch consists of, for the programs that look at hunks.

package Hunks;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(lines_of hunks_of);

# lines_of FILE: its lines, or none if it cannot be read.
sub lines_of {
	my ($file) = @_;

	open(my $handle, '<', $file) or return;
	chomp(my @lines = <$handle>);
	return @lines;
}

# hunks_of LINE...: of a patch, {FILE}[NUMBER] with
#	start		the line at which the hunk begins in the old file; 0: it makes the file
#	heading		what follows the second @@: the function that the hunk begins in
#	lines		[SIGN, TEXT], the sign of context is a blank
#	expects		the texts of the old side
#	adds		the texts that are new
sub hunks_of {
	my (%hunks, $file, $hunk);
	my ($old, $new) = (0, 0);

	for (@_) {
		if ($old > 0 || $new > 0) {
			my ($sign, $text) = /^([-+\\ ]?)(.*)/;

			next if $sign eq '\\';
			$sign = ' ' if $sign eq '';
			push @{$hunk->{lines}}, [ $sign, $text ];
			push @{$hunk->{expects}}, $text if $sign ne '+';
			push @{$hunk->{adds}}, $text if $sign eq '+';
			$old-- if $sign ne '+';
			$new-- if $sign ne '-';
		} elsif (/^\+\+\+ [^\/]*\/(\S+)/) {
			$file = $1;
			$hunks{$file} = [ undef ];
		} elsif (/^\@\@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? \@\@ ?(.*)/) {
			$hunk = { start => 0 + $1, heading => $4, lines => [], expects => [], adds => [] };
			($old, $new) = ($2 // 1, $3 // 1);
			push @{$hunks{$file}}, $hunk;
		}
	}
	return \%hunks;
}

1;
