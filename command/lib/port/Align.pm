# SPDX-License-Identifier: GPL-2.0-only
#
# How statements of a hunk are found among those of a function.

package Align;

use strict;
use warnings;
use Exporter 'import';
use Calls qw(%calls learn_calls with_arguments);
use Names qw(translated translated_tokens);
use Source qw(is_variable units);
use Tree qw(body_of sched_ext_files);

our @EXPORT_OK = qw(align common is_neutral is_only_whole likeness);

# weight UNIT: how much it says that a unit is there.
sub weight {
	my ($unit) = @_;

	return 0.4 if defined $unit->{comment};
	return 0.25 if "@{$unit->{tokens}}" =~ /^[{}; ]+$/;
	my $weight = 0.4 + 0.15 * @{$unit->{tokens}};
	return $weight < 3 ? $weight : 3;
}

# common A B: the length of the longest common subsequence.
sub common {
	my ($a, $b) = @_;
	my @row = (0) x (@$b + 1);

	for my $x (@$a) {
		my $diagonal = 0;

		for my $j (0 .. $#$b) {
			my $above = $row[$j + 1];

			$row[$j + 1] = $x eq $b->[$j] ? $diagonal + 1 :
				$above > $row[$j] ? $above : $row[$j];
			$diagonal = $above;
		}
	}
	return $row[-1];
}

# likeness OURS THEIRS KEY: [HOW, SCORE]. How is
#	same		nothing but blanks differs
#	renamed		so it is once variables have their names
#	arguments	and once calls have their arguments
#	similar
# or nothing.
sub likeness {
	my ($o, $t, $key) = @_;
	my $weight = weight($o);

	if (defined $o->{comment} || defined $t->{comment}) {
		return undef unless defined $o->{comment} && defined $t->{comment};
		return [ 'same', $weight ] if $o->{comment} eq $t->{comment};
		return [ 'renamed', $weight ] if translated($o->{comment}, $key) eq $t->{comment};
		return;
	}
	my ($ours, $theirs) = ($o->{tokens}, $t->{tokens});
	if ($o->{cut} && @$theirs > @$ours) {
		my $from = $o->{cut} eq 'begin' ? @$theirs - @$ours : 0;

		$theirs = [ @$theirs[$from .. $from + $#$ours] ];
	}
	my $text = "@$theirs";
	return [ 'same', $weight ] if "@$ours" eq $text;
	my $named = $o->{named} //= translated_tokens($ours, $key);
	return [ 'renamed', $weight ] if "@$named" eq $text;
	return if $ours->[0] =~ /^[{}]$/ || @$ours < 3 || @$theirs < 3;

	my %count;
	$count{$_}++ for @$theirs;
	my $shared = grep { ($count{$_} // 0) > 0 && $count{$_}-- } @$named;
	my $most = @$named > @$theirs ? @$named : @$theirs;
	# more arguments leave all of ours there
	return if $shared / $most < 0.55 && $shared < @$named;
	my $part = common($named, $theirs) / $most;

	learn_calls($key, $named, $theirs) if @$theirs > @$named;
	return [ 'arguments', 0.95 * $weight ]
		if $calls{$key} && join(' ', with_arguments($key, $named)) eq $text;
	return $part < 0.6 ? undef : [ 'similar', $part * $weight - 0.3 ];
}

# align OURS THEIRS LIKENESS FORBIDDEN: the best way to find all of ours in theirs, in
# this order: its score, and for each of ours the index of what was found, or undef.
sub align {
	my ($ours, $theirs, $like, $forbidden) = @_;
	my (@score, @step);

	$score[0] = [ (0) x (@$theirs + 1) ];
	for my $i (1 .. @$ours) {
		my $lost = 0.7 * weight($ours->[$i - 1]);

		$lost /= 2 if defined $ours->[$i - 1]{comment};
		$score[$i][0] = $score[$i - 1][0] - $lost;
		$step[$i][0] = 'up';
		for my $j (1 .. @$theirs) {
			my $best = $score[$i - 1][$j] - $lost;
			my $step = 'up';
			my $aside = $score[$i][$j - 1] - ($i == @$ours ? 0 :
				defined $theirs->[$j - 1]{comment} ? 0.02 : 0.08);
			my $pair = $like->[$i - 1][$j - 1];

			if ($aside > $best) {
				$best = $aside;
				$step = 'left';
			}
			if ($pair && !$forbidden->{$i - 1 . ',' . ($j - 1)} &&
			    $score[$i - 1][$j - 1] + $pair->[1] >= $best) {
				$best = $score[$i - 1][$j - 1] + $pair->[1];
				$step = 'pair';
			}
			$score[$i][$j] = $best;
			$step[$i][$j] = $step;
		}
	}
	my ($i, $j, @found) = (scalar @$ours, scalar @$theirs);
	my $total = $score[$i][$j];
	while ($i > 0) {
		my $step = $step[$i][$j];

		if ($step eq 'pair') {
			$found[--$i] = --$j;
		} elsif ($step eq 'up') {
			$found[--$i] = undef;
		} else {
			$j--;
		}
	}
	return ($total, \@found);
}

# is_only_whole OURS THEIRS LIKENESS FOUND: is what was found the only place at which all
# statements of ours are there, with nothing but comments and statements that make no
# difference between?
sub is_only_whole {
	my ($ours, $theirs, $like, $found) = @_;
	my @code = grep { $ours->[$_]{tokens} } 0 .. $#$ours;
	my $is = sub { my $pair = $like->[$_[0]][$_[1]]; $pair && $pair->[0] ne 'similar' };
	my @starts;

	return 0 if !@code;
	START: for my $start (grep { $is->($code[0], $_) } 0 .. $#$theirs) {
		my $at = $start;

		for my $i (@code[1 .. $#code]) {
			$at++;
			$at++ while $at < @$theirs && !$is->($i, $at) &&
				is_neutral($theirs->[$at], {}, 1);
			next START if $at > $#$theirs || !$is->($i, $at);
		}
		push @starts, $start;
	}
	return @starts == 1 && $starts[0] == ($found->[$code[0]] // -1);
}

# A vendor's statement may stand between ours and its neighbour if it makes no
# difference on which side of it ours is. Android's trace points may do anything.
my $counts = qr/^(?:
	(?:__)?this_cpu_(?:inc|dec|add|sub) | (?:__)?schedstat_\w+ | count_vm_events? |
	trace_(?!android_)\w+ | pr_\w+ | printk\w* | WARN\w* | BUG_ON |
	(?:un)?likely | READ_ONCE | task_cpu | cpu_of | (?:raw_)?smp_processor_id | sizeof
)$/x;

# Words of statements that jump, and of what others may see.
my $jumps = join '|', qw(return goto break continue case default if else for while do switch
	fallthrough asm);
my $shared = join '|', qw(lock rcu irq preempt mutex barrier smp_mb rmb wmb atomic ops_state xchg);

# is_neutral UNIT NAMES DEPTH: is it such a statement? NAMES are the variables of ours.
sub is_neutral {
	my ($unit, $names, $depth) = @_;

	return 1 if defined $unit->{comment};
	my @tokens = @{$unit->{tokens}};
	my $text = "@tokens";

	return 0 if $text =~ /[{}#]|^\w+ :$|\b(?:$jumps)\b/;
	return 0 if $text =~ /(?:->|\.) scx\b|(?:$shared)/i;
	for my $i (0 .. $#tokens) {
		my ($token, $next) = ($tokens[$i], $tokens[$i + 1] // '');

		if ($next eq '(' && $token =~ /^\w+$/ && $token !~ $counts) {
			return 0 if $depth < 1 || !harmless_function($token);
		}
		# ours must not see another value of a variable
		return 0 if $names->{$token} && is_variable(\@tokens, $i) &&
			($next =~ /^(?:[-+*\/%&|^]?=|<<=|>>=|\+\+|--)$/ ||
			 $i && $tokens[$i - 1] =~ /^(?:&|\+\+|--)$/);
	}
	return 1;
}

# harmless_function NAME: has it a body here in which every statement is neutral?
sub harmless_function {
	my ($name) = @_;

	for my $file (sched_ext_files()) {
		my $scope = ($file->{scopes}{$name} || [])->[0] or next;
		my $open = body_of($file, $scope) // return 0;

		return !grep { !is_neutral($_, {}, 0) }
			units($file->{raw}, $file->{code}, $open + 1, $scope->{last} - 1);
	}
	return 0;
}

1;
