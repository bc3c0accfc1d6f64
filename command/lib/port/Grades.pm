# SPDX-License-Identifier: GPL-2.0-only
#
# What port.pl has put where, and how sure it is.

package Grades;

use strict;
use warnings;
use Exporter 'import';


our @EXPORT_OK = qw(@placements @doubts grade worst refuse);

# What was put where: {patch, file, hunk, function, sites[], grade, why[], came[], ids[]}.
our @placements;

# What is not sure of the series as a whole: {file, function, line, why}.
our @doubts;

# From the best to the worst.
my %worse = (exact => 0, moved => 1, adapted => 2, doubtful => 3);

# refuse SENTENCE: there is no series.
sub refuse {
	die "$_[0]\n";
}

# grade PLACEMENT GRADE WHY: it is no better than that.
sub grade {
	my ($placement, $grade, $why) = @_;

	$placement->{grade} = $grade if $worse{$grade} > $worse{$placement->{grade}};
	push @{$placement->{why}}, $why
		if defined $why && !grep { $_ eq $why } @{$placement->{why}};
}

# worst PLACEMENT...: the grade of them all.
sub worst {
	my ($worst) = sort { $worse{$b} <=> $worse{$a} } 'exact', map { $_->{grade} } @_;

	return $worst;
}

1;
