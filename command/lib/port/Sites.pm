# SPDX-License-Identifier: GPL-2.0-only
#
# What a hunk of a patch is about: the function, and the rows of compat/call-sites.

package Sites;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use Hunks qw(lines_of);
use Source qw(trimmed);

our @EXPORT_OK = qw($compat @rows rows_here series_for name_of is_row_of same_place is_known_here
	other_names segments rows_of);

our $compat = "$FindBin::RealBin/../../../compat";
our @rows = map { [ split /\t/ ] } grep { !/^#/ } lines_of("$compat/call-sites");
my @rows_here;

# series_for LAYOUT PATCH...: which rows count: those for this layout, or, for a mixed one,
# those of any layout without custody that these patches bring.
sub series_for {
	my ($layout, @patches) = @_;

	if ($layout ne 'mixed') {
		@rows_here = grep { is_on($_, $layout) } @rows;
		return;
	}
	my @layouts = map { s{.*/}{}r } grep { grep { $_ eq 'feature=absent' } lines_of($_) }
		glob "\"$compat\"/layouts/*";
	my %adds = map { (name_of($_) // '') => join "\n", grep { /^\+/ } lines_of($_) } @patches;

	@rows_here = grep {
		my $row = $_;
		index($adds{$row->[5]} // '', $row->[3]) >= 0 && grep { is_on($row, $_) } @layouts;
	} @rows;
}

# is_on ROW LAYOUT: is it so there?
sub is_on {
	my ($row, $layout) = @_;

	return $row->[6] =~ /(?:^| )\Q$layout\E(?: |$)/;
}

# same_place ROW: what is equal of rows for the same place on several layouts.
sub same_place {
	my ($row) = @_;

	return "@$row[1, 3, 4, 5]";
}

# rows_here: those that count.
sub rows_here {
	return @rows_here;
}

# name_of PATCH: NAME of NNNN-sched_ext-NAME.patch, or nothing.
sub name_of {
	return $_[0] =~ m{(?:^|/)\d+-(?:tools-)?sched_ext-([^/]*)\.patch$} ? $1 : undef;
}

# is_row_of ROW FUNCTION: is it about this function? It may have several names.
sub is_row_of {
	my ($row, $name) = @_;

	return grep { $_ eq $name } split /\|/, $row->[0];
}

# is_known_here FUNCTION: is one of these about it?
sub is_known_here {
	my ($name) = @_;

	return grep { is_row_of($_, $name) } @rows_here;
}

# other_names FUNCTION: what it is called where a place in it is the same on another layout.
sub other_names {
	my ($name) = @_;
	my %same = map { same_place($_) => 1 } grep { is_row_of($_, $name) } @rows;
	my %names = map { $_ => 1 } map { split /\|/, $_->[0] }
		grep { $same{same_place($_)} } @rows;

	delete $names{$name};
	return sort keys %names;
}

# slide LINES: an addition that begins with the rest of a comment, as diff has it, begins
# with the whole one.
sub slide {
	my ($lines) = @_;

	for my $i (1 .. $#$lines) {
		next if $lines->[$i][0] ne '+' || $lines->[$i - 1][0] ne ' ' ||
			$lines->[$i - 1][1] !~ m{^\s*/\*\s*$};
		my $last = $i;

		$last++ while $last < $#$lines && $lines->[$last + 1][0] eq '+';
		next if $lines->[$last][1] ne $lines->[$i - 1][1];
		splice @$lines, $last, 1, [ ' ', $lines->[$last][1] ];
		splice @$lines, $i - 1, 1, [ '+', $lines->[$i - 1][1] ];
	}
}

# segments HUNK: the parts of it that change something, by scope: a function's name,
# 'enum ...', 'struct ...', 'top' for what is between these, which has the names before
# and after it, or nothing if the hunk does not tell.
sub segments {
	my ($hunk) = @_;
	my ($scope, @all) = ('');

	if ($hunk->{heading} =~ /^(struct|enum|union) (\w+) \{/) {
		$scope = "$1 $2";
	} elsif ($hunk->{heading} =~ /(\w+)\(/) {
		$scope = $1;
	}
	# what it has of the tree first, but blank lines, may begin between functions
	my ($first) = grep { $_ =~ /\S/ } @{$hunk->{expects}};
	$scope = 'top' if defined $first && $first =~ m{^(?:/\*| \*|#|[a-z_].*\((?!.*;\s*$))};
	slide($hunk->{lines});
	for my $line (@{$hunk->{lines}}) {
		my ($sign, $text) = @$line;

		if ($sign ne '+') {
			if ($text =~ /^(struct|enum|union) (\w+) \{/) {
				$scope = "$1 $2";
			} elsif ($text =~ /^[a-z_].*?\b(\w+)\((?!.*;\s*$)/ &&
				 $text !~ /^(?:DEFINE|DECLARE)_/) {
				$scope = $1;
			} elsif ($text =~ m{^(?: \*|/\*)}) {
				$scope = 'top';
			}
		}
		push @all, { scope => $scope, lines => [] } if !@all || $all[-1]{scope} ne $scope;
		push @{$all[-1]{lines}}, $line;
		$scope = 'top' if $sign ne '+' && $text =~ /^\}/;
	}
	for my $i (0 .. $#all) {
		$all[$i]{before} = $all[$i - 1]{scope} if $i;
		$all[$i]{after} = $all[$i + 1]{scope} if $i < $#all;
	}
	return grep { grep { $_->[0] ne ' ' } @{$_->{lines}} } @all;
}

# rows_of SEGMENT PATCH: the rows of compat/call-sites that are about its additions, as
# { row, line }. The function in the heading of a hunk does not decide: a patch that
# serves several layouts has the heading of one.
sub rows_of {
	my ($segment, $name) = @_;
	my @texts = map { trimmed($_->[1]) } @{$segment->{lines}};
	my @found;

	for my $i (0 .. $#texts) {
		next if $segment->{lines}[$i][0] ne '+';
		my @fitting = grep {
			$_->[5] eq $name && index($texts[$i], $_->[3]) >= 0
		} @rows_here;
		my @here = grep { my $row = $_; is_row_of($row, $segment->{scope}) &&
			grep { $_ eq $row->[4] } @texts[0 .. $i] } @fitting;

		@here = grep { my $row = $_; grep { $_ eq $row->[4] } @texts[0 .. $i] } @fitting
			if !@here;
		@here = grep { is_row_of($_, $segment->{scope}) } @fitting if !@here;
		push @found, { row => $here[0], line => $i } if @here;
	}
	return @found;
}

1;
