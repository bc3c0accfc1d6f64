#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# For command/verbs/verify: show both sides of hunks that do not fit a tree.
#
# Usage: drift.pl [--json] TREE COPY PATCHES LAYOUT LINE OFFSETS LEFT_OUT <misfits
#
# COPY has the tree's files with all patches up to the one that does not fit,
# PATCHES is the folder in it that holds them. The misfits are in the format of
# failed_hunks() in command/lib/series.sh, those of the first patch first.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use Hunks qw(lines_of hunks_of);

my $json = @ARGV && $ARGV[0] eq '--json' && shift;
my ($tree, $copy, $patches, $layout, $line, $offsets, $left_out) = @ARGV;

# hunks PATCH: those of a patch of the series, as hunks_of() has them.
my %patch_hunks;
sub hunks {
	my ($patch) = @_;

	return $patch_hunks{$patch} //= hunks_of(lines_of("$copy/$patches/$patch"));
}

# numbers FILE: for each line of the copy the tree's line number; none for what
# the patches before have added.
my %file_numbers;
sub numbers {
	my ($file) = @_;

	return $file_numbers{$file} if $file_numbers{$file};
	open(my $diff, '-|', 'diff', '--old-line-format=', "--new-line-format=+\n",
	     "--unchanged-line-format=%dn\n", "$tree/$file", "$copy/$file")
		or die "drift.pl: cannot run diff: $!\n";
	chomp(my @numbers = <$diff>);
	return $file_numbers{$file} = [ map { $_ eq '+' ? undef : 0 + $_ } @numbers ];
}

# nearest EXPECTED LINES NEAR: the first and the last of the lines that are most
# like what is expected. A line counts the more the rarer it is; between places
# that are equally like it, the one closer to NEAR is taken. Nothing if no line
# is the same.
sub nearest {
	my ($expected, $lines, $near) = @_;
	my (%frequency, %wanted, $best, $best_first, $best_last);
	my $room = @$expected + 4;

	$frequency{$_}++ for @$lines;
	for (@$expected) {
		$wanted{$_} = 1 / $frequency{$_} if /\w/ && $frequency{$_};
	}
	for my $from (grep { $wanted{$lines->[$_]} } 0 .. $#$lines) {
		my (%seen, $score, $last);

		for my $i ($from .. $from + $room - 1) {
			last if $i > $#$lines;
			next if !$wanted{$lines->[$i]} || $seen{$lines->[$i]}++;
			$score += $wanted{$lines->[$i]};
			$last = $i;
		}
		next if defined $best && ($score < $best ||
			$score == $best && abs($from - $near) >= abs($best_first - $near));
		($best, $best_first, $best_last) = ($score, $from, $last);
	}
	return unless defined $best;

	# as far to both sides as the hunk goes
	my ($before) = grep { $expected->[$_] eq $lines->[$best_first] } 0 .. $#$expected;
	my ($after) = grep { $expected->[$#$expected - $_] eq $lines->[$best_last] } 0 .. $#$expected;
	my ($first, $last) = ($best_first - $before, $best_last + $after);

	return ($first < 0 ? 0 : $first, $last > $#$lines ? $#$lines : $last);
}

# compare A B: pairs of indexes, one undefined where the other side has no equal.
sub compare {
	my ($a, $b) = @_;
	my (@common, @pairs);
	my ($i, $j) = (0, 0);

	for my $x (reverse 0 .. $#$a) {
		for my $y (reverse 0 .. $#$b) {
			my ($skip_a, $skip_b) = ($common[$x + 1][$y] // 0, $common[$x][$y + 1] // 0);

			$common[$x][$y] = $a->[$x] eq $b->[$y] ? 1 + ($common[$x + 1][$y + 1] // 0) :
				$skip_a > $skip_b ? $skip_a : $skip_b;
		}
	}
	while ($i < @$a || $j < @$b) {
		if ($i < @$a && $j < @$b && $a->[$i] eq $b->[$j]) {
			push @pairs, [ $i++, $j++ ];
		} elsif ($j >= @$b || $i < @$a && ($common[$i + 1][$j] // 0) >= ($common[$i][$j + 1] // 0)) {
			push @pairs, [ $i++, undef ];
		} else {
			push @pairs, [ undef, $j++ ];
		}
	}
	return @pairs;
}

# follows HUNK FILE FAILED...: the first failed hunk that would have added a line
# which this one expects.
sub follows {
	my ($hunk, $file, @failed) = @_;
	my %expects = map { $_ => 1 } grep { /\w/ } @{$hunk->{expects}};

	for my $cause (grep { $_->{file} eq $file } @failed) {
		return $cause if grep { $expects{$_} } @{$cause->{adds}};
	}
	return;
}

# look_at MISFIT: add what is expected and what is found, as [NUMBER, TEXT].
sub look_at {
	my ($misfit) = @_;
	my $hunk = hunks($misfit->{patch})->{$misfit->{file}}[$misfit->{hunk}];
	my @lines = lines_of("$copy/$misfit->{file}");
	my $numbers = numbers($misfit->{file});
	my ($first, $last) = nearest($hunk->{expects}, \@lines, $misfit->{near});
	my $number = 0 + $hunk->{start};

	($misfit->{function}) = $hunk->{heading} =~ /(\w+)\(/;
	$misfit->{expected} = [ map { [ $number++, $_ ] } @{$hunk->{expects}} ];
	$misfit->{found} = [ defined $first ? map { [ $numbers->[$_], $lines[$_] ] } $first .. $last : () ];
}

sub show {
	my ($misfit) = @_;
	my ($expected, $found) = @$misfit{qw(expected found)};

	printf "%s: hunk %d of %s does not fit%s\n", @$misfit{qw(patch hunk file)},
		$misfit->{function} ? " (in $misfit->{function}() or after it)" : '';
	print "--- what the patch expects\n";
	print @$found ? "+++ what $misfit->{file} has\n" : "+++ $misfit->{file} has nothing like it\n";
	for (compare([ map { $_->[1] } @$expected ], [ map { $_->[1] } @$found ])) {
		my ($left, $right) = @$_;

		printf "%s%6s %6s  %s\n", !defined $right ? '-' : !defined $left ? '+' : ' ',
			defined $left ? $expected->[$left][0] : '',
			defined $right ? $found->[$right][0] // 'new' : '',
			defined $left ? $expected->[$left][1] : $found->[$right][1];
	}
	print "\n";
}

# --- what is there to tell --------------------------------------------------------

my (@misfits, @later, @failed);
while (<STDIN>) {
	chomp;
	my ($patch, $file, $what, $near) = split /\t/;
	my $misfit = { patch => $patch, file => $file };

	if (defined $near) {
		my $hunk = hunks($patch)->{$file}[$what];
		my $cause = follows($hunk, $file, @failed);

		$misfit->{hunk} = 0 + $what;
		$misfit->{near} = 0 + $near;
		$misfit->{follows} = "hunk $cause->{hunk} of $cause->{patch}" if $cause;
		push @failed, { %$misfit, adds => $hunk->{adds} };
	} else {
		$misfit->{problem} = $what;
	}
	if (@misfits && $misfits[0]{patch} ne $patch) {
		push @later, $misfit;
	} else {
		look_at($misfit) if $misfit->{hunk};
		push @misfits, $misfit;
	}
}

if ($json) {
	# what is not UTF-8 is Latin-1
	my $text = sub { my ($text) = @_; utf8::decode($text); return $text };
	my $lines = sub {
		return [ map { { line => $_->[0], text => $text->($_->[1]) } } @{$_[0]} ];
	};

	for (@misfits, @later) {
		delete $_->{near};
		next unless $_->{expected};
		$_->{expected} = $lines->($_->{expected});
		$_->{found} = $lines->($_->{found});
	}
	print JSON::PP->new->utf8->canonical->pretty->encode({
		tree => $text->($tree), layout => $layout, line => $line,
		fits => @misfits ? JSON::PP::false : JSON::PP::true,
		offsets => [ split /\n/, $text->($offsets) ],
		left_out => [ split /\n/, $text->($left_out) ],
		misfits => \@misfits, later => \@later,
	});
	exit;
}

for (@misfits) {
	if ($_->{hunk}) {
		show($_);
	} elsif ($_->{problem} eq 'applied') {
		print "$_->{patch} is in it already.\n";
	} else {
		printf "%s: %s %s\n\n", $_->{patch}, $_->{file},
			$_->{problem} eq 'missing' ? 'is missing' : 'exists already, but is for the patch to add';
	}
}
print "Patches after that which do not fit either:\n" if @later;
for (@later) {
	printf "%s: %s\n", $_->{patch}, !$_->{hunk} ? "$_->{file}: $_->{problem}" :
		"hunk $_->{hunk} of $_->{file}" . ($_->{follows} ? ", which follows from $_->{follows}" : '');
}
