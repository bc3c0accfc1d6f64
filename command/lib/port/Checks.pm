# SPDX-License-Identifier: GPL-2.0-only
#
# What must hold of a series once all of it has been placed.

package Checks;

use strict;
use warnings;
use Exporter 'import';
use Align qw(is_neutral);
use Calls qw(with_arguments);
use Grades qw(@placements grade refuse);
use Names qw(%types translated_tokens variables_of);
use Sites qw(name_of rows_here same_place);
use Source qw(arguments is_variable quoted tabs tokens trimmed units without_comments);
use Tree qw(code_of file line_of sched_ext_files sources);

our @EXPORT_OK = qw(check_names check_rows check_sites check_values);

# depth_of TEXT: as compat/call-sites counts it.
sub depth_of {
	my ($text) = @_;

	return 2 * tabs($text) + (trimmed($text) =~ /^(?:case .*|default|[a-z_]+):$/ ? 1 : 0);
}

# line_before FILE LINE WANTED NAMES: the line before it that is indented no deeper, and what
# makes no difference between these two, if the line is WANTED. NAMES are the variables of LINE.
sub line_before {
	my ($file, $line, $wanted, $names) = @_;
	my $depth = 2 * tabs($file->{code}[$line]);
	my ($nearest, @between);

	for my $i (reverse 0 .. $line - 1) {
		my $text = trimmed($file->{code}[$i]);

		next if $text eq '' || $text =~ /^[};]+$/ || depth_of($file->{code}[$i]) > $depth;
		$nearest //= $text;
		return ($text, @between) if join(' ', tokens($text)) eq $wanted;
		my ($unit) = units($file->{raw}, $file->{code}, $i, $i);
		last if $unit->{cut} || !is_neutral($unit, $names, 1);
		push @between, $text;
	}
	return $nearest // '';
}

# check_sites: is each row of compat/call-sites that the series brings where it belongs?
sub check_sites {
	for my $placement (@placements) {
		my $file = file($placement->{file});
		my $key = "$file->{path}:$placement->{function}";

		for my $row (@{$placement->{sites}}) {
			my ($statement, $after) = map {
				my @tokens = @{translated_tokens([ tokens($_) ], $key)};
				join ' ', with_arguments($key, \@tokens);
			} @$row[3, 4];
			my ($came) = grep { index(join(' ', tokens($_->[1])), $statement) >= 0 }
				@{$placement->{came}};
			my $line = $came && line_of($file, $came->[0]);

			refuse("$placement->{patch}: '$row->[3]' did not get into " .
				"$placement->{function}()") if !$line;
			unshift @{$placement->{ids}}, $came->[0];
			my %names = map { $_ => 1 } split / /, $statement;
			my ($before, @between) = line_before($file, $line - 1, $after, \%names);
			grade($placement, 'adapted', quoted($_) .
				' is between it and its neighbour, to no effect') for @between;
			grade($placement, 'doubtful',
				"before it is " . quoted($before) . ", not '$row->[4]'")
				if join(' ', tokens($before)) ne $after &&
				$placement->{grade} ne 'adapted';
		}
	}
}

# value_of TEXT: of an enumerator, as far as it is a number or a bit.
sub value_of {
	my ($text) = @_;

	$text =~ s/[()\s]//g;
	return "bit $2" if $text =~ /^(1[UL]*<<|BIT(?:_ULL)?)(\d+)$/;
	return if $text !~ /^(?:0x([0-9a-f]+)|(\d+))[UL]*$/i;
	my $number = defined $1 ? hex $1 : $2;

	for my $bit (0 .. 63) {
		return "bit $bit" if $number == 2 ** $bit;
	}
	return $number;
}

# check_values: is the bit of a new flag free?
sub check_values {
	for my $placement (grep { $_->{function} =~ /^enum / } @placements) {
		my $file = file($placement->{file});
		my $scope = $file->{scopes}{$placement->{function}}[0];
		my $enumerator = qr/^\s*(\w+)\s*=\s*(.*?),?\s*$/;
		my %mine = map { /$enumerator/ ? (value_of($2) // '' => $1) : () }
			without_comments(map { $_->[1] } @{$placement->{came}});

		for (@{$file->{code}}[$scope->{first} .. $scope->{last}]) {
			my ($name, $text) = /$enumerator/ or next;
			my $mine = $mine{value_of($text) // next} // next;

			# these two are no flags
			next if $name eq $mine || $name =~ /_(?:SHIFT|BITS)$/;
			refuse("$placement->{patch}: in $placement->{function} of $file->{path}, " .
				"$name has the value that $mine is to have, $text");
		}
	}
}

# check_rows PATCH...: has each row for these patches been placed, under whatever name of
# the function?
sub check_rows {
	my %names = map { (name_of($_) // '') => 1 } @_;
	my %placed = map { same_place($_) => 1 } map { @{$_->{sites}} } @placements;

	for my $row (grep { $names{$_->[5]} } rows_here()) {
		refuse("the call site '$row->[3]' of $row->[0]() has got no place")
			if !$placed{same_place($row)};
	}
}

my ($all_code, %parameters);

# parameters_of NAME: how many the function or macro has, and whether it takes more.
sub parameters_of {
	my ($name) = @_;

	return @{$parameters{$name} ||= [ count_parameters($name) ]};
}

sub count_parameters {
	my ($name) = @_;

	$all_code //= join "\n", map { @{$_->{code}} }
		sched_ext_files(), grep { $_ } file('kernel/sched/sched.h');
	if ($all_code =~ /^#\s*define\s+\Q$name\E\(([^()]*)\)/m) {
		my @names = split /\s*,\s*/, $1;
		my $more = @names && $names[-1] =~ /\.\.\.$/;

		return (scalar(@names) - ($more ? 1 : 0), $more);
	}
	if ($all_code =~ /^[A-Za-z_][^\n;={}()]*[ *]\Q$name\E(\((?:[^()]++|(?1))*\))\s*[{;]/m) {
		my $list = substr $1, 1, -1;

		return (scalar(grep { !/^\s*void\s*$/ } Source::split_list($list)), 0);
	}
	return;
}

# check_names: does the tree have what the patches name?
sub check_names {
	# those of sched_ext first, which are known already
	my @known = map { $_->{path} } sched_ext_files();
	my %known = map { $_ => 1 } @known;
	my @paths = (@known, 'include/linux/sched/ext.h', grep { !$known{$_} } sources());
	my %words;

	for my $placement (@placements) {
		my $file = file($placement->{file});
		# what came and has not been replaced by a later patch
		my @code = map { $file->{code}[$_ - 1] } grep { $_ }
			map { line_of($file, $_->[0]) } @{$placement->{came}};
		my @tokens = tokens(join "\n", @code);
		my $scope = ($file->{scopes}{$placement->{function}} || [])->[0];
		my $is_function = $scope && $placement->{function} !~ / /;
		my $type_of = $is_function ? variables_of($file, $scope) : undef;

		for my $i (0 .. $#tokens) {
			my $token = $tokens[$i];

			next if $token !~ /^[A-Za-z_]\w*$/;
			while (!$words{$token}) {
				my $path = shift @paths // refuse("$placement->{patch}: $token, " .
					"which it uses, is nowhere in kernel/sched/");

				$words{$_} = 1 for map { /\b[A-Za-z_]\w*/g } code_of($path);
			}
			if ($type_of && $types{$token} && is_variable(\@tokens, $i)) {
				my $type = $type_of->{$token};

				refuse("$placement->{patch}: $placement->{function}() has no " .
					"variable $token, which it uses") if !defined $type;
				grade($placement, 'doubtful', "$token is a $type here")
					if !grep { $_ eq $type } @{$types{$token}};
			}
			next if ($tokens[$i + 1] // '') ne '(';
			my ($list) = arguments(\@tokens, $i) or next;
			my ($wanted, $more) = parameters_of($token);
			next if !defined $wanted || @$list == $wanted || @$list > $wanted && $more;
			refuse("$placement->{patch}: $token() takes $wanted arguments here, " .
				'and not ' . @$list);
		}
	}
}

1;
