#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# For command/verbs/debian-source: put a line into the first entry of a debian/changelog
# and take it out again. What is not ours keeps every byte.
#
# Usage: debian-changelog.pl add BULLET NAME EMAIL DATE <changelog >new
#        debian-changelog.pl remove BULLET <changelog >new
#        debian-changelog.pl state BULLET <changelog
#
# In an entry that is UNRELEASED, add is what 'dch --mainttrailer' is: the line
# becomes its last, under the maintainer's name if that is not the one above. Else
# there is a new entry for it, of the same version with +scxcustody1, or the next
# number.
#
# State prints "STATE SOURCE VERSION NAME <EMAIL>" of the first entry, STATE being
#	entry		it is ours as a whole
#	changed		it was, but there is more in it now, or less
#	line		it has our line
#	none		it has nothing of ours

use strict;
use warnings;

my ($verb, $bullet, $name, $email, $date) = @ARGV;
my $suffix = qr/\+scxcustody(\d+)/;
my $log = do { local $/; <STDIN> };

my ($header, $body, $trailer, $rest) =
	$log =~ /\A(\S+ \([^()\s]+\) [^\n]*\n)(.*?)^( -- [^\n]*\n)(.*)\z/ms
	or die "its first entry cannot be read\n";
my ($source, $version, $suite) = $header =~ /^(\S+) \((\S+)\) ([^;]+); urgency=/
	or die "its first line is not that of an entry\n";
my ($by, $address) = $trailer =~ /^ -- (.*) <(.*)>  /
	or die "the last line of its first entry names no maintainer\n";
my $unreleased = $suite eq 'UNRELEASED';

sub state_of {
	return 'none' unless $unreleased;
	return $body eq "\n$bullet\n\n" ? 'entry' : 'changed' if $version =~ /$suffix$/;
	return $body =~ /^\Q$bullet\E\n/m ? 'line' : 'none';
}

# The entry's lines end in an empty one or two. What is inserted before them is
# such that remove can tell what that was.
sub add_line {
	my ($lines, $blank) = $body =~ /\A(.*?)(\n*)\z/s;
	my ($heading) = $lines =~ /.*^  \[ ([^\n]*) \]$/ms;

	# nothing in it yet
	return "\n$bullet\n$body" if $lines eq '';
	$blank =~ s/^\n//;
	return "$lines\n$bullet\n$blank"
		if $name eq ($heading // $by) && $lines !~ /^  \[ [^\n]* \]\z/m;
	return "$lines\n\n  [ $name ]\n$bullet\n$blank";
}

sub remove_line {
	my $new = $body;

	# Ours alone is under that name, or in the entry.
	$new =~ s/\n  \[ [^\n]* \]\n\Q$bullet\E\n(?=\n|\z)// or
		$new =~ s/\A\n\Q$bullet\E\n(?=\n|\z)// or
		$new =~ s/^\Q$bullet\E\n//m;
	return $new;
}

if ($verb eq 'state') {
	printf "%s %s %s %s <%s>\n", state_of(), $source, $version, $by, $address;
} elsif ($verb eq 'add' && $unreleased) {
	print $header, add_line(), $trailer, $rest;
} elsif ($verb eq 'add') {
	$version =~ s/$suffix$// and my $number = $1;
	$version .= '+scxcustody' . (($number // 0) + 1);
	print "$source ($version) UNRELEASED; urgency=medium\n\n$bullet\n\n",
		" -- $name <$email>  $date\n\n", $log;
} elsif ($verb eq 'remove') {
	if (state_of() eq 'entry') {
		print $rest =~ s/\A\n//r;
	} else {
		print $header, remove_line(), $trailer, $rest;
	}
}
