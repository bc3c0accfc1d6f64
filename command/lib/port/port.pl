#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# For command/verbs/port: write a series for a tree that the kit's own do not fit.
#
# Usage: port.pl TREE OUT LAYOUT PATCH...
#	 port.pl --known TREE
#
# Each PATCH of the series for LAYOUT, which may be mixed, is taken hunk by hunk. What a
# hunk changes is looked for by meaning: in which function it is, which statements are
# around it, and what the variables of this function are called here. OUT gets the patches
# for this tree, in OUT/report.json what was put where and how sure this is, and in OUT/plain/ the
# files of sched_ext as hazards.pl is to see them.
#
# Nothing is guessed. What cannot be found ends the program with one sentence, and
# what is found but may not mean the same is a doubt.
#
# --known prints what compat/known-code has of a tree, see there.

use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin, "$FindBin::RealBin/..";
use Between qw(place_at_top);
use Checks qw(check_names check_rows check_sites check_values);
use Grades qw(@placements @doubts grade worst refuse);
use Hunks qw(lines_of hunks_of);
use Known qw(learn_doers check_known tell_known);
use Names qw(%renamed learn_locked_rq renaming translated);
use Place qw(place_in_scope);
use Sites qw($compat series_for name_of is_row_of is_known_here other_names segments rows_of);
use Source qw(is_prose);
use Tree qw(open_tree file files_there add_file new_text sched_ext_files scope_in change line_of
	write_file);

my ($out, @left_out, @written);

# --- hunk by hunk ---------------------------------------------------------------------------

# new_placement PATCH FILE HUNK FUNCTION SITE...
sub new_placement {
	my ($patch, $file, $hunk, $function, @sites) = @_;

	return { patch => $patch, file => $file, hunk => $hunk, function => $function,
		sites => \@sites, grade => 'exact', why => [] };
}

# find_scope PLACEMENT SCOPE WHAT: the file and the lines of the function that WHAT is for.
sub find_scope {
	my ($placement, $name, $what) = @_;
	my $path = $placement->{file};
	my ($file, $scope) = scope_in($path, $name);
	my $told = $name =~ / / ? $name : "$name()";

	if (!$file && $name =~ /^\w+$/) {
		for (other_names($name)) {
			($file, $scope) = scope_in($path, $_) or next;
			$placement->{function} = $_;
			grade($placement, 'adapted', "$told is called $_() here")
				if !is_known_here($_);
			last;
		}
	}
	refuse("$placement->{patch}: $told, which $what, is not in $path, or there more than once")
		if !$file;
	if ($file->{path} ne $path) {
		$placement->{file} = $file->{path};
		grade($placement, 'adapted', "$told is in $file->{path} here");
	}
	return ($file, $scope);
}

# port_segment PATCH PATH NUMBER SEGMENT: put it where it belongs.
sub port_segment {
	my ($patch, $path, $number, $segment) = @_;
	my @sites = rows_of($segment, name_of($patch) // '');
	my $name = !@sites || is_row_of($sites[0]{row}, $segment->{scope}) ? $segment->{scope} :
		$sites[0]{row}[0] =~ s/\|.*//r;
	my $placement = new_placement($patch, $path, $number, $name, map { $_->{row} } @sites);
	my ($file, $scope, $delete, $insert);

	if ($segment->{scope} eq 'top') {
		$file = file($path) or refuse("$patch: there is no $path");
		$placement->{function} = '';
		($delete, $insert) = place_at_top($placement, $segment, $file);
	} else {
		($file, $scope) = find_scope($placement, $name,
			@sites ? "'$sites[0]{row}[3]' is for" : 'is to be changed');
		($delete, $insert) = place_in_scope($placement, $segment, $file, $scope);
	}
	my @came = change($file, $delete, $insert);
	my ($at) = (sort { $a <=> $b } keys %$delete, keys %$insert);

	$placement->{came} = \@came;
	$placement->{ids} = [ (map { $_->[0] } @came), reverse @{$file->{ids}}[0 .. $at - 1] ];
	push @placements, $placement;
	return $placement;
}

# --- patch by patch -------------------------------------------------------------------------

# new_file PATCH PATH HUNK: one that the patch adds.
sub new_file {
	my ($patch, $path, $hunk) = @_;
	my @raw = @{$hunk->{adds}};
	my $placement = new_placement($patch, $path, 1, '');

	refuse("$patch: $path exists already, but is for the patch to add") if file($path);
	@raw = map { scalar translated($_, '') } @raw if $path =~ /\.[ch]$/;
	grade($placement, 'adapted', renaming('')) if "@raw" ne "@{$hunk->{adds}}";
	my $file = add_file($path, @raw);
	$placement->{ids} = [ $file->{ids}[0] ];
	$placement->{came} = [ map { [ $file->{ids}[$_], $raw[$_] ] } 0 .. $#raw ];
	push @placements, $placement;
}

# exact_text PATH HUNKS: documentation and tools, which have to fit as they are; the file's
# new lines, or nothing.
sub exact_text {
	my ($path, $hunks) = @_;
	my $file = file($path) or return;
	my @lines = @{$file->{raw}};

	for my $hunk (@$hunks) {
		my $expects = join "\n", @{$hunk->{expects}};
		my $size = @{$hunk->{expects}};
		my ($at) = sort { abs($a - $hunk->{start}) <=> abs($b - $hunk->{start}) }
			grep { join("\n", @lines[$_ .. $_ + $size - 1]) eq $expects }
			0 .. @lines - $size;

		return if !defined $at;
		splice @lines, $at, $size,
			map { $_->[1] } grep { $_->[0] ne '-' } @{$hunk->{lines}};
	}
	return \@lines;
}

# port_patch PATH: write it to OUT, for this tree.
sub port_patch {
	my ($path) = @_;
	my ($patch) = $path =~ /([^\/]+)$/;
	my @lines = lines_of($path);
	my $hunks = hunks_of(@lines);
	my %before;
	my $is_new = sub { $hunks->{$_[0]}[1]{start} ? 0 : 1 };

	# files that it adds first: others include them
	for my $name (sort { $is_new->($b) <=> $is_new->($a) || $a cmp $b } keys %$hunks) {
		my (undef, @hunks) = @{$hunks->{$name}};

		if ($is_new->($name)) {
			new_file($patch, $name, $hunks[0]);
			$before{$name} = undef;
		} elsif ($name =~ m{^(?:kernel|include)/}) {
			port_hunks($patch, $name, \@hunks, \%before);
		} elsif (my $new = exact_text($name, \@hunks)) {
			$before{$name} = [ @{file($name)->{raw}} ];
			new_text(file($name), @$new);
		} else {
			push @left_out, "$patch: $name does not fit; it is left out, since it is " .
				'no code of the kernel';
		}
	}
	write_patch($patch, \@lines, \%before);
}

# port_hunks PATCH PATH HUNKS BEFORE: of one file; BEFORE gets the files that they change, as
# they were before the patch.
sub port_hunks {
	my ($patch, $path, $hunks, $before) = @_;

	for my $number (1 .. @$hunks) {
		for my $segment (segments($hunks->[$number - 1])) {
			my %kept = map { $_->{path} => [ @{$_->{raw}} ] } files_there();
			my $placement = eval { port_segment($patch, $path, $number, $segment) };
			my @changed = map { $_->[1] } grep { $_->[0] ne ' ' } @{$segment->{lines}};

			if ($placement) {
				my $file = file($placement->{file});

				$before->{$file->{path}} //=
					$kept{$file->{path}} || $file->{pristine}{raw};
			} elsif (is_prose(@changed)) {
				push @left_out, "$patch: hunk $number of $path does not fit; " .
					'it is left out, since it is a comment';
			} else {
				die $@;
			}
		}
	}
}

# write_patch PATCH LINES BEFORE: with the patch's own words, and a note of what it is.
sub write_patch {
	my ($patch, $lines, $before) = @_;
	my ($end) = grep { $lines->[$_] eq '---' || $lines->[$_] =~ /^--- / } 0 .. $#$lines;
	my @head = @$lines[0 .. $end - 1];
	my ($blank) = grep { $head[$_] eq '' } 0 .. $#head;
	my @diff;

	splice @head, $blank, 0, "X-Ported-By: scx-custody port, for this very tree",
		"X-Ported-From: $patch of $ENV{SCX_CUSTODY_FROM}",
		"X-Ported-To: $ENV{SCX_CUSTODY_VERSION}",
		'X-Ported-Grade: ' . worst(grep { $_->{patch} eq $patch } @placements);
	mkdir "$out/.diff";
	for my $path (sort keys %$before) {
		my ($old, $new) = ($before->{$path}, file($path)->{raw});

		write_file("$out/.diff/old", $old ? @$old : ());
		write_file("$out/.diff/new", @$new);
		next if $old && "@$old" eq "@$new";
		open(my $handle, '-|', 'diff', '-U3', '-p',
			'--label', $old ? "a/$path" : '/dev/null', '--label', "b/$path",
			"$out/.diff/old", "$out/.diff/new")
			or die "cannot run diff: $!\n";
		chomp(my @these = <$handle>);
		push @diff, @these;
	}
	unlink "$out/.diff/old", "$out/.diff/new";
	rmdir "$out/.diff";
	return if !@diff;
	write_file("$out/$patch", @head, '---', '', @diff);
	push @written, $patch;
}

# --- the whole ------------------------------------------------------------------------------

# port_series LAYOUT PATCH...
sub port_series {
	my ($layout, @patches) = @_;
	# of kernels that have the feature, nothing is known
	my $native = grep { $_ eq 'feature=incomplete' } lines_of("$compat/layouts/$layout");

	learn_locked_rq();
	learn_doers();
	port_patch($_) for @patches;
	if ($native) {
		grade($_, 'doubtful') for grep { $_->{grade} eq 'adapted' } @placements;
	} else {
		check_known();
	}
	check_names();
	check_sites();
	check_rows(@patches);
	check_values();
}

# write_plain: for hazards.pl, which knows some variables by their names: the files with the
# names that the patches have.
sub write_plain {
	for my $file (sched_ext_files()) {
		my @lines = @{$file->{raw}};

		for my $key (grep { index($_, "$file->{path}:") == 0 } sort keys %renamed) {
			my $scope = ($file->{scopes}{$key =~ s/.*://r} || [])->[0] or next;

			$renamed{plain} = { reverse %{$renamed{$key}} };
			$_ = translated($_, 'plain') for @lines[$scope->{first} .. $scope->{last}];
		}
		delete $renamed{plain};
		make_path("$out/plain/" . $file->{path} =~ s{/[^/]*$}{}r);
		write_file("$out/plain/$file->{path}", @lines);
	}
}

# write_report: what was put where.
sub write_report {
	my @told = map {
		my $placement = $_;
		+{
			(map { $_ => $placement->{$_} } qw(patch file function hunk grade why)),
			line => line_of(file($_->{file}), @{$_->{ids}}),
			sites => [ map {
				{ what => $_->[1], rows => $_->[2], statement => $_->[3] }
			} @{$_->{sites}} ],
		}
	} @placements;

	write_file("$out/report.json", JSON::PP->new->canonical->pretty->encode({
		placements => \@told, doubts => \@doubts, left_out => \@left_out,
		patches => \@written,
	}));
}

if (@ARGV && $ARGV[0] eq '--known') {
	open_tree($ARGV[1]);
	tell_known();
	exit;
}
open_tree(shift);
($out, my ($layout, @patches)) = @ARGV;
series_for($layout, @patches);
if (!eval { port_series($layout, @patches); 1 }) {
	print STDERR $@;
	exit 1;
}
write_plain();
write_report();
