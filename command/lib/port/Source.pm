# SPDX-License-Identifier: GPL-2.0-only
#
# C source as port.pl looks at it: which lines belong to which function, what a line
# says whatever its blanks are, and which variables a function has.

package Source;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw($token without_comments is_prose tokens units is_one_statement whole_units
	scopes variables arguments is_variable trimmed quoted tabs);

# blank TEXT: only its line breaks.
sub blank {
	my ($text) = @_;

	$text =~ s/[^\n]/ /g;
	return $text;
}

# without_comments LINE...: the same lines, with blanks in the place of comments. The
# first line may be in the middle of a comment, and so may the last.
sub without_comments {
	my ($first) = grep { /\S/ } @_;
	my $begun = defined $first && $first =~ m{^\s*\*(?:\s|/|$)};
	my $text = ($begun ? '/*' : '') . join "\n", @_;

	$text =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|(/\*.*?(?:\*/|\z)|//[^\n]*)}
		{$1 // blank($2)}gse;
	$text = substr $text, 2 if $begun;
	return $text eq '' ? ('') x @_ : split /\n/, $text, -1;
}

# One word or operator of code.
our $token = qr/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'|\w+|->|<<=|>>=|[-+*\/%&|^=!<>]=|
	&&|\|\||<<|>>|\+\+|--|\S/x;

# tokens TEXT: the words and operators of code. What a string says does not matter.
sub tokens {
	return map { /^"/ ? '""' : $_ } $_[0] =~ /$token/g;
}

# is_variable TOKENS I: may the I-th token be the name of a variable, rather than of a
# function, a member, a type or a macro?
my %reserved = map { $_ => 1 } qw(auto bool break case char const continue default do double
	else enum extern false for goto if inline int long register return s32 s64 short signed
	sizeof static struct switch true u16 u32 u64 u8 union unsigned void volatile while NULL);
sub is_variable {
	my ($tokens, $i) = @_;

	return 0 if $tokens->[$i] !~ /^[a-z_]\w*$/ || $reserved{$tokens->[$i]};
	return 0 if $i && $tokens->[$i - 1] =~ /^(?:->|\.|struct|enum|union|goto)$/;
	return ($tokens->[$i + 1] // '') ne '(';
}

# units RAW CODE FROM TO: what these lines consist of: statements, which may go over
# several lines, and single lines of comments. CODE is RAW without comments. Each has
#	first, last	its lines
#	tokens		of a statement
#	comment		the text of a comment
#	cut		whether it begins before FROM or ends after TO
sub units {
	my ($raw, $code, $from, $to) = @_;
	my (@units, $open);
	my $depth = 0;

	for my $i ($from .. $to) {
		if ($code->[$i] !~ /\S/) {
			(my $text = $raw->[$i]) =~ s/^\s+|\s+$//g;
			push @units, { first => $i, last => $i, comment => $text }
				if $text ne '' && !$open;
			next;
		}
		my @tokens = tokens($code->[$i]);

		$open ||= { first => $i, tokens => [] };
		$open->{last} = $i;
		push @{$open->{tokens}}, @tokens;
		$depth += (grep { /^[(\[]$/ } @tokens) - (grep { /^[)\]]$/ } @tokens);
		if ($depth < 0) {
			$open->{cut} = 'begin';
			$depth = 0;
		}
		if ($open->{tokens}[0] eq '#') {
			next if $tokens[-1] eq '\\';
			$depth = 0;
		}
		next if $depth ||
			$tokens[-1] =~ /^(?:[-+*\/%|^=?.]|[-+*\/%&|^=!<>]=|&&|\|\||<<|>>|->)$/;
		push @units, $open;
		$open = undef;
	}
	push @units, { %$open, cut => 'end' } if $open;
	return @units;
}

# scopes CODE: {NAME} = [ { first, last } ] of the functions, and of enums and
# structures, whose names begin with that word. CODE has no comments.
sub scopes {
	my ($code) = @_;
	my (%scopes, $scope);

	for my $i (0 .. $#$code) {
		my $line = $code->[$i];

		if ($scope) {
			next if $line !~ /^\}/;
			push @{$scopes{$scope->{name}}}, { %$scope, last => $i };
			$scope = undef;
		} elsif ($line =~ /^(?:typedef\s+)?(struct|enum|union)\s+(\w+)\s*\{\s*$/) {
			$scope = { name => "$1 $2", first => $i };
		} elsif ($line =~ /^\{/ && $i) {
			my $first = $i;

			$first-- while $first && $code->[$first - 1] =~ /\S/ &&
				$code->[$first - 1] !~ /^#|^\}|;\s*$/;
			my $name = name_of(join ' ', @$code[$first .. $i - 1]) // next;
			$scope = { name => $name, first => $first };
		}
	}
	return \%scopes;
}

# name_of SIGNATURE: the function's: the last one with parentheses.
sub name_of {
	my ($text) = @_;

	1 while $text =~ s/\([^()]*\)/\x01/g;
	my @names = $text =~ /(\w+)\s*(?:\x01|\()/g;
	return $names[-1];
}

# split_list TEXT: what commas separate, but for those in parentheses.
sub split_list {
	my ($text) = @_;
	my ($depth, @parts) = (0, '');

	for (split /([(),\[\]{}])/, $text) {
		$depth++ if /[(\[{]/;
		$depth-- if /[)\]}]/;
		if ($_ eq ',' && !$depth) {
			push @parts, '';
		} else {
			$parts[-1] .= $_;
		}
	}
	s/^\s+|\s+$//g for @parts;
	return @parts == 1 && $parts[0] eq '' ? () : @parts;
}

# type_of TEXT: a declaration without its name and what does not matter.
sub type_of {
	my ($text) = @_;

	$text =~ s/\b(?:const|static|register|volatile|__maybe_unused|__percpu|__rcu)\b//g;
	$text =~ s/\s*\*\s*/ * /g;
	$text =~ s/\s+/ /g;
	$text =~ s/^ | $//g;
	return $text;
}

# A word of a type.
my $type_word = qr/const|static|unsigned|signed|long|short|int|bool|char|void|
	[us](?:8|16|32|64)|\w+_t|(?:struct|enum|union)\s+\w+/x;

# variables CODE FIRST LAST: {NAME} = TYPE of a function's parameters and variables.
sub variables {
	my ($code, $first, $last) = @_;
	my $text = join "\n", @$code[$first .. $last];
	my ($signature, $body) = $text =~ /^(.*?)\n\{(.*)/s or return {};
	my %type;

	if ($signature =~ /\w\s*\((.*)\)/s) {
		for (split_list($1)) {
			$type{$2} = type_of($1) if /^(.*?)(\w+)(?:\[\w*\])?$/s;
		}
	}
	while ($body =~ /^\s+((?:(?:$type_word)\b\s*)+)([*\w][^;(]*(?:=[^;]*)?);/gm) {
		my $type = $1;

		for (split_list($2)) {
			$type{$2} = type_of("$type$1") if /^(\**\s*)(\w+)/;
		}
	}
	while ($body =~ /\bfor \(\s*((?:struct\s+)?\w+\s*\**)\s*(\w+)\s*=/g) {
		$type{$2} = type_of($1);
	}
	return \%type;
}

# arguments TOKENS I: the arguments of the call whose name is the I-th token, each as a
# list of tokens, and the place of the closing parenthesis; nothing if it is not there.
sub arguments {
	my ($tokens, $i) = @_;
	my ($depth, @list) = (0, []);

	for my $k ($i + 1 .. $#$tokens) {
		my $token = $tokens->[$k];

		if ($token =~ /^[)\]}]$/ && !--$depth) {
			return (@list == 1 && !@{$list[0]} ? [] : \@list, $k);
		}
		if ($token eq ',' && $depth == 1) {
			push @list, [];
		} elsif ($k > $i + 1) {
			push @{$list[-1]}, $token;
		}
		$depth++ if $token =~ /^[(\[{]$/;
	}
	return;
}

# trimmed TEXT: without blanks around it.
sub trimmed {
	my ($text) = @_;

	$text =~ s/^\s+|\s+$//g;
	return $text;
}

# quoted TEXT: as much of it as one needs to recognise it.
sub quoted {
	my ($text) = @_;

	$text = trimmed($text =~ s/\s+/ /gr);
	return "'" . (length $text > 60 ? substr($text, 0, 57) . '...' : $text) . "'";
}

# tabs TEXT: how many it begins with.
sub tabs {
	return $_[0] =~ /^(\t*)/ ? length $1 : 0;
}

# is_prose TEXT...: is none of these lines code?
sub is_prose {
	return !grep { /\S/ } without_comments(@_);
}

# is_one_statement LINES: are they?
sub is_one_statement {
	my ($lines) = @_;

	return 1 == grep { $_->{tokens} } units($lines, [ without_comments(@$lines) ], 0, $#$lines);
}

# whole_units LINES: the old side of a segment as texts with signs, what is added at
# which place in it, and its units. A statement of which only a part changes is replaced
# as a whole.
sub whole_units {
	my ($lines) = @_;
	my (@old, @sign, %added);

	for (@$lines) {
		if ($_->[0] eq '+') {
			push @{$added{@old + 0}}, $_->[1];
		} else {
			push @old, $_->[1];
			push @sign, $_->[0];
		}
	}
	my @units = units(\@old, [ without_comments(@old) ], 0, $#old);
	for my $unit (grep { $_->{tokens} } @units) {
		my @inside = $unit->{first} + 1 .. $unit->{last};
		my %signs = map { $sign[$_] => 1 } $unit->{first}, @inside;

		next unless keys %signs > 1 || grep { $added{$_} } @inside;
		my @text;
		for my $i ($unit->{first}, @inside) {
			push @text, @{delete $added{$i} || []} if $i > $unit->{first};
			push @text, $old[$i] if $sign[$i] eq ' ';
			$sign[$i] = '-';
		}
		unshift @{$added{$unit->{last} + 1}}, @text;
	}
	$_->{deleted} = $sign[$_->{first}] eq '-' for @units;
	return (\@old, \@sign, \%added, \@units);
}

1;
