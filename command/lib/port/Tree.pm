# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel tree that port.pl looks at and changes, in memory: its files, where their
# functions are, and which line is which while lines come and go.

package Tree;

use strict;
use warnings;
use Exporter 'import';
use Hunks qw(lines_of);
use Source qw(without_comments scopes);

our @EXPORT_OK = qw(open_tree file code_of files_there add_file new_text sources
	sched_ext_files scope_in body_of change line_of write_file);

my ($tree, %files, $next_id, @on_disk);

# open_tree DIRECTORY
sub open_tree {
	($tree) = @_;
}

# file PATH: {raw} and {code}, the lines with and without comments, {ids}, a number for
# each line that stays the same while lines come and go, and {scopes}. Nothing if there
# is no such file.
sub file {
	my ($path) = @_;

	return $files{$path} if exists $files{$path};
	return $files{$path} = undef if !-f "$tree/$path";
	my @raw = lines_of("$tree/$path");
	my $file = { path => $path, raw => \@raw, ids => [ map { ++$next_id } @raw ] };

	parse($file);
	$file->{pristine} = { %$file };
	return $files{$path} = $file;
}

sub parse {
	my ($file, $code) = @_;

	$file->{code} = $code || [ without_comments(@{$file->{raw}}) ];
	$file->{scopes} = scopes($file->{code});
	delete @$file{qw(variables at)};
}

# code_of PATH: its lines; not kept, as this is for one look at many files.
sub code_of {
	my ($path) = @_;

	return $files{$path} ? @{$files{$path}{code}} : lines_of("$tree/$path");
}

# files_there: those that have been looked at and are there.
sub files_there {
	return map { $_ // () } values %files;
}

# add_file PATH LINES: a file that a patch brings.
sub add_file {
	my ($path, @lines) = @_;

	$files{$path} = { path => $path };
	new_text($files{$path}, @lines);
	parse($files{$path});
	return $files{$path};
}

# new_text FILE LINES: it has these lines now, and none of the old ones.
sub new_text {
	my ($file, @lines) = @_;

	$file->{raw} = [ @lines ];
	$file->{ids} = [ map { ++$next_id } @lines ];
}

# sources: the paths of kernel/sched/ that there are now, as the patches leave it.
sub sources {
	if (!@on_disk) {
		for my $folder ('kernel/sched', 'kernel/sched/ext') {
			opendir(my $handle, "$tree/$folder") or next;
			push @on_disk, map { "$folder/$_" } sort grep { /\.[ch]$/ } readdir $handle;
		}
	}
	my %there = map { $_ => 1 } @on_disk;
	return @on_disk, grep { !$there{$_} && $files{$_} && m{^kernel/sched/} } sort keys %files;
}

# sched_ext_files: its own sources, as they are now.
sub sched_ext_files {
	return map { file($_) // () }
		grep { m{^kernel/sched/ext(?:[^/]*|/[^/]*)\.[ch]$} } sources();
}

# scope_in PATH NAME: where a function is: the file and its lines. If it is not in this
# file, but in one other of sched_ext's, it is taken there.
sub scope_in {
	my ($path, $name) = @_;
	my $file = file($path);
	my @found = $file && $file->{scopes}{$name} ? ($file) :
		grep { $_->{scopes}{$name} } sched_ext_files();

	return if @found != 1;
	# of two with one name, #ifdef takes one
	return if @{$found[0]{scopes}{$name}} != 1;
	return ($found[0], $found[0]{scopes}{$name}[0]);
}

# body_of FILE SCOPE: the line of a function's opening brace, or nothing.
sub body_of {
	my ($file, $scope) = @_;
	my ($open) = grep { $file->{code}[$_] =~ /^\{/ } $scope->{first} .. $scope->{last};

	return $open;
}

# whole_comments FILE DELETE INSERT: do a change's lines neither begin nor end in the middle
# of a comment?
sub whole_comments {
	my ($file, $delete, $insert) = @_;

	for my $i (keys %$insert) {
		my $before = $i ? $file->{raw}[$i - 1] : '';
		my $text = join "\n", @{$insert->{$i}};

		return 0 if $before =~ /\S/ && $file->{code}[$i - 1] !~ /\S/ &&
			$before !~ m{\*/\s*$};
		return 0 if $text =~ m{^\s*\*} ||
			(() = $text =~ m{/\*}g) != (() = $text =~ m{\*/}g);
	}
	return !grep { $file->{raw}[$_] =~ /\S/ && $file->{code}[$_] !~ /\S/ } keys %$delete;
}

# change FILE DELETE INSERT: do it; returns the lines that came, [ID, TEXT].
sub change {
	my ($file, $delete, $insert) = @_;
	my $whole = whole_comments($file, $delete, $insert);
	my (@raw, @code, @ids, @new);

	for my $i (0 .. @{$file->{raw}}) {
		if (my $texts = $insert->{$i}) {
			my @these = map { [ ++$next_id, $_ ] } @$texts;

			push @raw, @$texts;
			push @code, without_comments(@$texts) if $whole;
			push @ids, map { $_->[0] } @these;
			push @new, @these;
		}
		next if $i == @{$file->{raw}} || $delete->{$i};
		push @raw, $file->{raw}[$i];
		push @code, $file->{code}[$i];
		push @ids, $file->{ids}[$i];
	}
	@$file{qw(raw ids)} = (\@raw, \@ids);
	# to look for all comments again takes time
	parse($file, $whole ? \@code : undef);
	return @new;
}

# line_of FILE ID...: the number, counted from 1, of the first of these lines that is there
# now, or 0.
sub line_of {
	my ($file, @ids) = @_;
	my $at = $file->{at} ||= { map { $file->{ids}[$_] => $_ + 1 } 0 .. $#{$file->{ids}} };

	for (@ids) {
		return $at->{$_} if $at->{$_};
	}
	return 0;
}

# write_file PATH LINES
sub write_file {
	my ($path, @lines) = @_;

	open(my $handle, '>', $path) or die "cannot write $path: $!\n";
	print $handle map { "$_\n" } @lines;
	close $handle or die "cannot write $path: $!\n";
}

1;
