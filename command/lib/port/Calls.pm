# SPDX-License-Identifier: GPL-2.0-only
#
# Calls that have more arguments in a tree than in the patches, function by function.

package Calls;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Source qw(tokens arguments);

our @EXPORT_OK = qw(%calls learn_calls with_arguments text_with_arguments spaced);

# {SCOPE}{FUNCTION}{NUMBER}: to a call with so many arguments, [PLACE, TEXT] of each that is
# more.
our %calls;

# added_arguments OURS THEIRS: where theirs has more, [PLACE, TEXT] of each; nothing if
# it is not ours with more.
sub added_arguments {
	my ($ours, $theirs) = @_;
	my ($i, @added) = (0);

	for my $k (0 .. $#$theirs) {
		if ($i < @$ours && "@{$ours->[$i]}" eq "@{$theirs->[$k]}") {
			$i++;
		} else {
			push @added, [ $k, join '', spaced(@{$theirs->[$k]}) ];
		}
	}
	return $i == @$ours && @added ? \@added : undef;
}

# spaced TOKENS...: as one writes them.
sub spaced {
	my $text = '';

	for (@_) {
		$text .= ' ' if $text =~ /[\w*]$/ && /^\w/ && $text !~ /(?:^|[^\w\s])\*$/;
		$text .= ' ' if $text =~ /\w$/ && $_ eq '*';
		$text .= $_;
	}
	return $text;
}

# learn_calls KEY OURS THEIRS: which calls have more arguments in this function.
sub learn_calls {
	my ($key, $ours, $theirs) = @_;

	for my $i (0 .. $#$ours - 1) {
		next if $ours->[$i + 1] ne '(' || $ours->[$i] !~ /^\w+$/;
		my ($mine) = arguments($ours, $i) or next;

		for my $k (grep { $theirs->[$_] eq $ours->[$i] && $theirs->[$_ + 1] eq '(' }
			   0 .. $#$theirs - 1) {
			my ($other) = arguments($theirs, $k) or next;
			# arguments that are calls themselves may have more, too
			my $inner = [ map { [ with_arguments($key, $_) ] } @$mine ];
			my $added = added_arguments($inner, $other) or next;
			my $known = $calls{$key}{$ours->[$i]}{@$mine + 0};

			$calls{$key}{$ours->[$i]}{@$mine + 0} = $known &&
				encode_json($known) ne encode_json($added) ? [] : $added;
		}
	}
}

# with_arguments KEY TOKENS: the same with the arguments that calls have here.
sub with_arguments {
	my ($key, $tokens) = @_;
	my @result = @$tokens;

	for (my $i = 0; $i < $#result; $i++) {
		next if $result[$i + 1] ne '(' || !$calls{$key}{$result[$i]};
		my ($list, $end) = arguments(\@result, $i) or next;
		my $added = $calls{$key}{$result[$i]}{@$list + 0} or next;
		my @list = map { [ @$_ ] } @$list;

		splice @list, $_->[0], 0, [ tokens($_->[1]) ] for @$added;
		splice @result, $i + 2, $end - $i - 2,
			map { ($_ ? ',' : (), @{$list[$_]}) } 0 .. $#list;
	}
	return @result;
}

# text_with_arguments KEY TEXT: the same for text.
sub text_with_arguments {
	my ($key, $text) = @_;

	for my $name (sort keys %{$calls{$key} || {}}) {
		my $from = 0;

		while (substr($text, $from) =~ /\b\Q$name\E\(/) {
			my $open = $from + $+[0];
			my ($depth, $at, @commas) = (1, $open);

			for (; $at < length $text && $depth; $at++) {
				my $char = substr $text, $at, 1;

				$depth++ if $char eq '(';
				$depth-- if $char eq ')';
				push @commas, $at if $char eq ',' && $depth == 1;
			}
			$from = $open;
			next if $depth;
			my $is_empty = substr($text, $open, $at - 1 - $open) !~ /\S/;
			my $added = $calls{$key}{$name}{$is_empty ? 0 : @commas + 1} or next;
			my @begins = ($open, map { $_ + 1 } @commas);

			# the last first, so that places stay
			for my $more (reverse @$added) {
				my ($place, $argument) = @$more;

				if ($place < @begins) {
					my $where = $begins[$place];

					$where++ while substr($text, $where, 1) =~ /\s/;
					substr($text, $where, 0) = "$argument, ";
				} else {
					substr($text, $at - 1, 0) = ", $argument";
				}
			}
		}
	}
	return $text;
}

1;
