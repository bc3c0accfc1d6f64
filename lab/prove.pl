#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Run TAP tests and end in 'N passed, N failed'; prove's own summary counts
# skipped tests as passed.
#
# Usage: prove.pl DIR [NAME]...		runs DIR/*NAME*.t
#
# Tests run in two lanes beside each other. Those whose name begins with 1 to 4 mostly
# keep one CPU busy, the others build and boot kernels. The output of a file is
# printed as it comes if it runs alone, else in one piece when the file has ended.
use strict;
use warnings;
use Fcntl ':flock';
use File::Basename;
use JSON::PP;
use List::Util 'sum0';
use TAP::Harness;

my ($dir, @names) = @ARGV;
my %wanted = map { $_ => 1 } map { glob "$dir/*$_*.t" } @names ? @names : ('');
my @tests = sort keys %wanted;
if (!@tests) {
	print STDERR "check: there is no test like '@names' in $dir.\n";
	exit(2);
}
my (@light, @heavy);
push @{basename($_) =~ /^[1-4]/ ? \@light : \@heavy}, $_ for @tests;
my @lanes = grep { @$_ } \@light, \@heavy;

$| = 1;
open(my $output, '>&', \*STDOUT) or die "prove.pl: no output: $!\n";
$output->autoflush;

# Each lane is a process of its own: a TAP::Harness that runs two files waits for the one
# that says nothing, and does not begin the next file after the other.
my @pipes = map {
	my $pid = open(my $pipe, '-|') // die "prove.pl: cannot fork: $!\n";

	if (!$pid) {
		print encode_json(run(@$_));
		exit;
	}
	$pipe;
} @lanes;
my @outcomes = sort { $a->{name} cmp $b->{name} } map {
	my $told = join('', readline($_));

	$told ? @{decode_json($told)} : die "prove.pl: the tests were ended.\n";
} @pipes;

printf "\n%-24s %7s %7s %7s %8s\n", qw(file passed failed skipped seconds);
printf "%-24s %7d %7d %7d %8d%s\n", @$_{qw(name passed failed skipped seconds)},
	$_->{broken} ? '  did not run as planned' : '' for @outcomes;
print "\n", map { my $file = $_; map { "failed: $file->{name}: $_\n" } @{$file->{names}} } @outcomes;

my $skipped = sum0(map { $_->{skipped} } @outcomes);
my $failed = sum0(map { $_->{failed} + $_->{broken} } @outcomes);

print "$skipped skipped\n" if $skipped;
printf "%d passed, %d failed\n", sum0(map { $_->{passed} } @outcomes), $failed;
exit($failed ? 1 : 0);

# run FILE...: one after the other. What came of each.
sub run {
	my @files = @_;
	my $formatter = By_File->new(output => $output, live => @lanes == 1);
	my $results = TAP::Harness->new({ formatter => $formatter })->runtests(@files);

	return [ map {
		my ($parser) = $results->parsers($_);
		my $name = basename($_);

		# A test file that died, or didn't run what it planned, is a failure too, even
		# if each result it got round to was fine.
		{
			name => $name, passed => $parser->passed - $parser->skipped,
			failed => scalar $parser->failed, skipped => scalar $parser->skipped,
			seconds => $parser->end_time - $parser->start_time,
			broken => !$parser->failed &&
				($parser->exit || $parser->wait || $parser->parse_errors) ? 1 : 0,
			names => $formatter->{failed}{$name} // [],
		}
	} grep { $results->parsers($_) } @files ];
}

# What TAP::Harness calls a formatter, and the session of each file.
package By_File;

sub new {
	my ($class, %self) = @_;
	return bless { %self, failed => {} }, $class;
}

sub prepare { }
sub summary { }
sub verbosity { return 1 }

sub open_test {
	my ($self, $test) = @_;
	my $name = File::Basename::basename($test);
	my $session = bless { name => $name, all => $self, text => '' }, 'By_File::Session';

	printf STDERR "%s begins\n", $name;
	$session->add("$name\n");
	return $session;
}

package By_File::Session;

sub add {
	my ($self, $text) = @_;

	if ($self->{all}{live}) {
		print { $self->{all}{output} } $text;
	} else {
		$self->{text} .= $text;
	}
}

sub result {
	my ($self, $result) = @_;

	$self->add($result->as_string . "\n");
	push @{$self->{all}{failed}{$self->{name}}}, $result->description =~ s/^- //r
		if $result->is_test && !$result->is_ok;
}

sub close_test {
	my ($self) = @_;

	# The lanes have the output in common, and one file to lock.
	open(my $lock, '<', $0) or die "prove.pl: cannot open $0: $!\n";
	flock($lock, Fcntl::LOCK_EX());
	print { $self->{all}{output} } $self->{text}, "\n";
}
