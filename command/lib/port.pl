#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# For command/verbs/port: write a series for a tree that the kit's own do not fit.
#
# Usage: port.pl TREE OUT LAYOUT COMPAT PATCH...
#	 port.pl --known TREE COMPAT
#
# Each PATCH of the series for LAYOUT is taken hunk by hunk. What a hunk changes is
# looked for by meaning: in which function it is, which statements are around it, and
# what the variables of this function are called here. OUT gets the patches for this
# tree, in OUT/report.json what was put where and how sure this is, and in OUT/plain/ the
# files of sched_ext as hazards.pl is to see them. COMPAT is the folder compat/ of the kit.
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
use lib $FindBin::RealBin;
use Hunks qw(lines_of hunks_of);
use Source qw(without_comments tokens units scopes variables arguments is_variable);

my $known_only = @ARGV && $ARGV[0] eq '--known' && shift;
my ($tree, $out, $layout, $compat, @patches) = $known_only ? ($ARGV[0], undef, '', $ARGV[1]) : @ARGV;

# Of what type the variables are that the patches name. A variable has another name in a
# tree only if this name has the same type there, and the old name is gone.
my %types = (
	p => [ 'struct task_struct *' ],
	rq => [ 'struct rq *' ],
	src_rq => [ 'struct rq *' ],
	dst_rq => [ 'struct rq *' ],
	locked_rq => [ 'struct rq *' ],
	dsq => [ 'struct scx_dispatch_q *' ],
	src_dsq => [ 'struct scx_dispatch_q *' ],
	dst_dsq => [ 'struct scx_dispatch_q *' ],
	sch => [ 'struct scx_sched *' ],
	dspc => [ 'struct scx_dsp_ctx *' ],
	opss => [ 'unsigned long' ],
	qseq => [ 'unsigned long' ],
	deq_flags => [ 'u64', 'int' ],
	enq_flags => [ 'u64', 'int' ],
	cpu => [ 's32', 'int' ],
	is_local => [ 'bool' ],
);

# The global in which the locked run queue is noted: its names in the series, and the code
# that tells its name in a tree.
my @locked_rq = qw(locked_rq scx_locked_rq_state);
my $tells_locked_rq = qr/\bscx_locked_rq\(void\)\s*\{\s*return\s+__this_cpu_read\((\w+)\)/;

sub refuse {
	die "$_[0]\n";
}

# --- the tree -----------------------------------------------------------------------

# file PATH: {raw} and {code}, the lines with and without comments, {ids}, a number for
# each line that stays the same while lines come and go, and {scopes}. Nothing if there
# is no such file.
my (%files, $next_id);
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

# sources: the paths of kernel/sched/ that there are now, as the patches leave it.
my @on_disk;
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
	return map { file($_) // () } grep { m{^kernel/sched/ext(?:[^/]*|/[^/]*)\.[ch]$} } sources();
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

# --- what a hunk changes ------------------------------------------------------------

# the rows of compat/call-sites, and those for LAYOUT
my @rows = map { [ split /\t/ ] } grep { !/^#/ } lines_of("$compat/call-sites");
my @rows_here = grep { $_->[6] =~ /(?:^| )\Q$layout\E(?: |$)/ } @rows;

# is_row_of ROW FUNCTION: is it about this function? It may have several names.
sub is_row_of {
	my ($row, $name) = @_;

	return grep { $_ eq $name } split /\|/, $row->[0];
}

sub trimmed {
	my ($text) = @_;

	$text =~ s/^\s+|\s+$//g;
	return $text;
}

# is_prose TEXT...: is none of these lines code?
sub is_prose {
	return !grep { /\S/ } without_comments(@_);
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
			} elsif ($text =~ /^[a-z_].*?\b(\w+)\((?!.*;\s*$)/ && $text !~ /^(?:DEFINE|DECLARE)_/) {
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

		@here = grep { my $row = $_; grep { $_ eq $row->[4] } @texts[0 .. $i] } @fitting if !@here;
		@here = grep { is_row_of($_, $segment->{scope}) } @fitting if !@here;
		push @found, { row => $here[0], line => $i } if @here;
	}
	return @found;
}

# is_known_here FUNCTION: has LAYOUT a row for it?
sub is_known_here {
	my ($name) = @_;

	return grep { is_row_of($_, $name) } @rows_here;
}

# other_names FUNCTION: what it is called where a place in it is the same on another layout.
sub other_names {
	my ($name) = @_;
	my %same = map { ("@$_[1, 3, 4, 5]" => 1) } grep { is_row_of($_, $name) } @rows;
	my %names = map { $_ => 1 } map { split /\|/, $_->[0] } grep { $same{"@$_[1, 3, 4, 5]"} } @rows;

	delete $names{$name};
	return sort keys %names;
}

# --- names --------------------------------------------------------------------------

# of a scope of a file: what variables are called, and what calls have more; of '': what
# globals are called in files that patches add
my (%renamed, %calls);

# variables_of FILE SCOPE: as they are now.
sub variables_of {
	my ($file, $scope) = @_;

	return $file->{variables}{$scope->{first}} //=
		variables($file->{code}, $scope->{first}, $scope->{last});
}

# may_be X Y TYPES: can variable X of the patches be Y here?
sub may_be {
	my ($x, $y, $type_of) = @_;

	return 0 if !$types{$x} || $type_of->{$x} || !$type_of->{$y} || $types{$y};
	return grep { $_ eq $type_of->{$y} } @{$types{$x}};
}

# learn_names SEGMENT KEY UNITS FOUND TYPES: from statements that differ in nothing but
# the names of variables.
sub learn_names {
	my ($key, $ours, $theirs, $type_of) = @_;
	my %votes;

	for my $o (grep { $_->{tokens} && !$_->{cut} } @$ours) {
		my $tokens = $o->{tokens};
		my @free = grep { is_variable($tokens, $_) && $types{$tokens->[$_]} &&
			!$type_of->{$tokens->[$_]} } 0 .. $#$tokens;
		next if !@free;

		for my $t (grep { $_->{tokens} && @{$_->{tokens}} == @$tokens } @$theirs) {
			my ($same, %here) = (1);

			for my $i (0 .. $#$tokens) {
				my ($x, $y) = ($tokens->[$i], $t->{tokens}[$i]);

				next if $x eq $y && !(is_variable($tokens, $i) && $types{$x} && !$type_of->{$x});
				$same = is_variable($tokens, $i) && may_be($x, $y, $type_of) && ($here{$x} //= $y) eq $y;
				last if !$same;
			}
			next if !$same;
			$votes{$_}{$here{$_}} += @$tokens for keys %here;
		}
	}
	for my $x (sort keys %votes) {
		my @best = sort { $votes{$x}{$b} <=> $votes{$x}{$a} || $a cmp $b } keys %{$votes{$x}};

		next if @best > 1 && $votes{$x}{$best[0]} == $votes{$x}{$best[1]};
		$renamed{$key}{$x} //= $best[0];
	}
	my %back;
	for my $x (sort keys %{$renamed{$key} || {}}) {
		my $y = $renamed{$key}{$x};

		refuse("both $back{$y} and $x seem to be called $y in " . ($key =~ s/.*://r) . '()')
			if $back{$y};
		$back{$y} = $x;
	}
}

# translated TEXT KEY: with the names that variables have here, in comments, too.
sub translated {
	my ($text, $key) = @_;
	my $names = $renamed{$key} || {};

	return $text if !%$names;
	my ($code) = without_comments($text);
	my $result = '';
	my $done = 0;

	while ($code =~ /"(?:\\.|[^"\\])*"|(->\s*|\.\s*)?\b([A-Za-z_]\w*)\b(?!\s*\()/g) {
		next if !defined $2;
		my $name = $1 ? undef : $names->{$2};

		next if !defined $name;
		$result .= substr($text, $done, $-[2] - $done) . $name;
		$done = $+[2];
	}
	$result .= substr $text, $done;
	$result =~ s/\@(\w+)\b/'@' . ($names->{$1} \/\/ $1)/ge if $text =~ m{^\s*(?:/\*|\*)|/\*};
	return $result;
}

# translated_tokens TOKENS KEY
sub translated_tokens {
	my ($tokens, $key) = @_;
	my $names = $renamed{$key} || {};

	return [ map {
		(is_variable($tokens, $_) ? $names->{$tokens->[$_]} : undef) // $tokens->[$_]
	} 0 .. $#$tokens ];
}

# --- calls with more arguments --------------------------------------------------------

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

		for my $k (grep { $theirs->[$_] eq $ours->[$i] && $theirs->[$_ + 1] eq '(' } 0 .. $#$theirs - 1) {
			my ($other) = arguments($theirs, $k) or next;
			# arguments that are calls themselves may have more, too
			my $inner = [ map { [ with_arguments($key, $_) ] } @$mine ];
			my $added = added_arguments($inner, $other) or next;
			my $known = $calls{$key}{$ours->[$i]}{@$mine + 0};

			$calls{$key}{$ours->[$i]}{@$mine + 0} = $known &&
				JSON::PP->new->encode($known) ne JSON::PP->new->encode($added) ? [] : $added;
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
		splice @result, $i + 2, $end - $i - 2, map { ($_ ? ',' : (), @{$list[$_]}) } 0 .. $#list;
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
			my $added = $calls{$key}{$name}{substr($text, $open, $at - 1 - $open) =~ /\S/ ? @commas + 1 : 0} or next;
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

# --- alignment ------------------------------------------------------------------------

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

# --- what may come in between ---------------------------------------------------------

# A vendor's statement may stand between ours and its neighbour if it makes no
# difference on which side of it ours is. Android's trace points may do anything.
my $counts = qr/^(?:(?:__)?this_cpu_(?:inc|dec|add|sub)|(?:__)?schedstat_\w+|trace_(?!android_)\w+|pr_\w+|printk\w*|WARN\w*|BUG_ON|(?:un)?likely|READ_ONCE|task_cpu|cpu_of|(?:raw_)?smp_processor_id|count_vm_events?|sizeof)$/;

# is_neutral UNIT NAMES DEPTH: is it such a statement? NAMES are the variables of ours.
sub is_neutral {
	my ($unit, $names, $depth) = @_;

	return 1 if defined $unit->{comment};
	my @tokens = @{$unit->{tokens}};
	my $text = "@tokens";

	return 0 if $text =~ /[{}#]|^\w+ :$|\b(?:return|goto|break|continue|case|default|if|else|for|while|do|switch|fallthrough|asm)\b/;
	return 0 if $text =~ /(?:->|\.) scx\b|\w*(?:lock|rcu|irq|preempt|mutex|barrier|smp_mb|rmb|wmb|atomic|ops_state|xchg)\w*/i;
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
		my ($open) = grep { $file->{code}[$_] =~ /^\{/ } $scope->{first} .. $scope->{last} or return 0;

		return !grep { !is_neutral($_, {}, 0) }
			units($file->{raw}, $file->{code}, $open + 1, $scope->{last} - 1);
	}
	return 0;
}

# --- placing ----------------------------------------------------------------------------

# placements: what was put where; their grades, from the best to the worst.
my @placements;
my %worse = (exact => 0, moved => 1, adapted => 2, doubtful => 3);

# grade PLACEMENT GRADE WHY: it is no better than that.
sub grade {
	my ($placement, $grade, $why) = @_;

	$placement->{grade} = $grade if $worse{$grade} > $worse{$placement->{grade}};
	push @{$placement->{why}}, $why if defined $why && !grep { $_ eq $why } @{$placement->{why}};
}

# quoted TEXT: as much of it as one needs to recognise it.
sub quoted {
	my ($text) = @_;

	$text = trimmed($text =~ s/\s+/ /gr);
	return "'" . (length $text > 60 ? substr($text, 0, 57) . '...' : $text) . "'";
}

sub unit_text {
	my ($raw, $unit) = @_;

	return quoted(join ' ', @$raw[$unit->{first} .. $unit->{last}]);
}

sub tabs {
	return $_[0] =~ /^(\t*)/ ? length $1 : 0;
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

# merged OURS NEW TEXT: TEXT, which says more than ours, with what is new put in: one
# group of tokens that are together in TEXT as well. Nothing if they are not.
sub merged {
	my ($ours, $new, $text) = @_;
	my ($head, $tail) = (0, 0);

	$head++ while $head < @$ours && $head < @$new && $ours->[$head] eq $new->[$head];
	$tail++ while $tail < @$ours - $head && $tail < @$new - $head &&
		$ours->[-1 - $tail] eq $new->[-1 - $tail];
	my ($code) = join "\n", without_comments(split /\n/, $text, -1);
	my (@theirs, @places);
	while ($code =~ /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'|\w+|->|<<=|>>=|[-+*\/%&|^=!<>]=|&&|\|\||<<|>>|\+\+|--|\S/g) {
		push @theirs, tokens($&);
		push @places, [ $-[0], $+[0] ];
	}
	my @changed = @$ours[$head .. $#$ours - $tail];
	return if !@changed;
	my @at = grep { "@theirs[$_ .. $_ + $#changed]" eq "@changed" } 0 .. $#theirs - $#changed;
	# with the neighbours, if alone they are not unique
	@at = grep {
		(!$head || $_ && $theirs[$_ - 1] eq $ours->[$head - 1]) ||
		(!$tail || ($theirs[$_ + @changed] // '') eq $ours->[@$ours - $tail])
	} @at if @at > 1;
	return if @at != 1;
	substr($text, $places[$at[0]][0], $places[$at[0] + $#changed][1] - $places[$at[0]][0]) =
		join '', spaced(@$new[$head .. $#$new - $tail]);
	return $text;
}

# place_in_scope PLACEMENT SEGMENT FILE SCOPE: find the statements around what changes, and
# say what is to be done: lines to delete, and lines to add before a line.
sub place_in_scope {
	my ($placement, $segment, $file, $scope) = @_;
	my $name = $placement->{function};
	my $key = "$file->{path}:$name";
	my ($old, $sign, $added, $ours) = whole_units($segment->{lines});
	my @theirs = units($file->{raw}, $file->{code}, $scope->{first}, $scope->{last});
	my $type_of = variables_of($file, $scope);
	my (%delete, %insert);
	my $where = $name =~ / / ? $name : "$name()";

	learn_known_names($file, $name);
	learn_names($key, $ours, \@theirs, $type_of);
	my @like = map { my $o = $_; [ map { scalar likeness($o, $_, $key) } @theirs ] } @$ours;
	# a call may be known by now that was not when it was looked at
	@like = map { my $o = $_; [ map { scalar likeness($o, $_, $key) } @theirs ] } @$ours if $calls{$key};
	my ($score, $found) = align($ours, \@theirs, \@like, {});
	my $how = sub {
		my ($i) = @_;
		return defined $found->[$i] ? $like[$i][$found->[$i]][0] : undef;
	};
	my $matched = sub { $theirs[$found->[$_[0]]] };

	# as it is, at one place
	my @texts = map { $matched->($_) } grep { defined $found->[$_] } 0 .. $#$ours;
	# of a statement that begins before the hunk, the end is there
	my $end = @texts && $ours->[0]{cut} ? 'last' : 'first';
	my $first = @texts ? $texts[0]{$end} - $ours->[0]{$end} : 0;
	my $verbatim = @texts == @$ours && join("\n", @$old) eq
		join("\n", @{$file->{raw}}[$first .. $first + $#$old]);

	grade($placement, $verbatim ? 'exact' : 'moved');

	# all code around it has to be there
	for my $i (grep { $ours->[$_]{tokens} && !$ours->[$_]{deleted} } 0 .. $#$ours) {
		my $what = unit_text($old, $ours->[$i]);

		if (!defined $found->[$i]) {
			grade($placement, 'doubtful', "$what is not there");
		} elsif ($how->($i) eq 'similar') {
			grade($placement, 'doubtful', "$what reads " . unit_text($file->{raw}, $matched->($i)) . ' here');
		}
	}

	# what is deleted
	for my $i (grep { $ours->[$_]{deleted} } 0 .. $#$ours) {
		my $unit = $ours->[$i];
		my $what = unit_text($old, $unit);

		if (!defined $found->[$i]) {
			refuse("$placement->{patch}: $what, which it replaces, is not in $where of $file->{path}");
		}
		my $theirs = $matched->($i);
		if ($how->($i) =~ /^(?:arguments|similar)$/) {
			my @others = grep { $ours->[$_]{deleted} && $_ != $i } 0 .. $#$ours;
			my $new = $added->{$unit->{last} + 1};
			my @new = $new ? tokens(join "\n", without_comments(@$new)) : ();
			my $text = join "\n", @{$file->{raw}}[$theirs->{first} .. $theirs->{last}];
			my $merged = $how->($i) eq 'similar' && $new && !@others && @new && is_one_statement($new) ?
				merged($unit->{named}, translated_tokens(\@new, $key), $text) : undef;

			if (defined $merged) {
				$added->{$unit->{last} + 1} = [ { done => [ split /\n/, $merged ] } ];
				grade($placement, common($unit->{named}, $theirs->{tokens}) == @{$unit->{named}} ?
					'adapted' : 'doubtful', "$what reads " . unit_text($file->{raw}, $theirs) . ' here');
			} elsif ($how->($i) eq 'arguments') {
				grade($placement, 'adapted', "$what reads " . unit_text($file->{raw}, $theirs) . ' here');
			} else {
				refuse("$placement->{patch}: $what, which it replaces, reads " .
					unit_text($file->{raw}, $theirs) . " in $where of $file->{path}");
			}
		}
		grade($placement, 'adapted', renaming($key)) if $how->($i) eq 'renamed';
		$delete{$_} = 1 for $theirs->{first} .. $theirs->{last};
		check_unique($placement, $ours, \@theirs, \@like, $score, $found, [ $i ], $where);
	}

	# blank lines that are deleted
	for my $i (0 .. $#$ours) {
		my @gap = $ours->[$i]{last} + 1 .. ($i < $#$ours ? $ours->[$i + 1]{first} : @$old) - 1;

		next if !grep { $sign->[$_] eq '-' } @gap;
		next if !defined $found->[$i];
		my $after = $matched->($i)->{last};
		for my $n (0 .. $#gap) {
			$delete{$after + 1 + $n} = 1
				if $sign->[$gap[$n]] eq '-' && $file->{raw}[$after + 1 + $n] !~ /\S/;
		}
	}

	# what is added
	for my $at (sort { $a <=> $b } keys %$added) {
		my ($before) = grep { $ours->[$_]{last} < $at } reverse 0 .. $#$ours;
		my ($after) = grep { $ours->[$_]{first} >= $at } 0 .. $#$ours;
		my $text = $added->{$at};

		# comments may have gone
		$before-- while defined $before && $before >= 0 && !defined $found->[$before] &&
			defined $ours->[$before]{comment};
		$before = undef if defined $before && $before < 0;
		$after++ while defined $after && $after < @$ours && !defined $found->[$after] &&
			defined $ours->[$after]{comment};
		$after = undef if defined $after && $after > $#$ours;
		my @anchors = grep { defined && defined $found->[$_] } $before, $after;

		if (!@anchors) {
			my ($lost) = grep { defined } $before, $after;
			refuse("$placement->{patch}: cannot find the place in $where of $file->{path}" .
				(defined $lost ? ', where ' . unit_text($old, $ours->[$lost]) . ' should be' : ''));
		}
		check_unique($placement, $ours, \@theirs, \@like, $score, $found, \@anchors, $where);

		my $line;
		my %names = map { $_ => 1 } tokens(join "\n", map { ref $_ ? @{$_->{done}} : translated($_, $key) } @$text);
		my @gap_before = defined $before ? grep { $sign->[$_] } $ours->[$before]{last} + 1 .. $at - 1 : ();
		my $keeps = sub {	# blank lines that follow line $_[0], at most $_[1]
			my ($from, $most) = @_;
			my $count = 0;

			$count++ while $count < $most && ($file->{raw}[$from + $count] // 'x') !~ /\S/;
			return $count;
		};
		if (@anchors == 2) {
			my ($from, $to) = ($matched->($before)->{last} + 1, $matched->($after)->{first});
			my @between = grep { $_->{first} >= $from && $_->{last} < $to } @theirs;

			refuse("$placement->{patch}: " . unit_text($old, $ours->[$before]) . ' and ' .
				unit_text($old, $ours->[$after]) . " are not in this order in $where of $file->{path}")
				if $from > $to;
			if (!@between || beside_before($placement, $ours, $old, $before, $at)) {
				$line = $from + $keeps->($from, @gap_before + 0);
			} else {
				$line = $to;
			}
			for (@between) {
				my $what = unit_text($file->{raw}, $_);

				# a vendor's flag or member may be where ours is to be
				if ($name !~ / / && is_neutral($_, \%names, 1) || defined $_->{comment}) {
					grade($placement, 'adapted', "$what is between it and its neighbour, to no effect")
						if !defined $_->{comment};
				} else {
					grade($placement, 'doubtful', "$what is between it and its neighbour");
				}
			}
		} elsif (defined $before && defined $found->[$before]) {
			my $from = $matched->($before)->{last} + 1;

			$line = $from + $keeps->($from, @gap_before + 0);
		} else {
			$line = $matched->($after)->{first};
		}
		my @shift = map { tabs($file->{raw}[$matched->($_)->{first}]) - tabs($old->[$ours->[$_]{first}]) }
			grep { !$ours->[$_]{cut} } @anchors;
		for (@anchors) {
			my $was = $how->($_);

			grade($placement, 'adapted', renaming($key)) if $was eq 'renamed';
			grade($placement, 'adapted', unit_text($old, $ours->[$_]) . ' reads ' .
				unit_text($file->{raw}, $matched->($_)) . ' here') if $was eq 'arguments';
		}
		my $shift = $shift[0] // 0;
		grade($placement, 'doubtful', 'the statements around it are in another block') if grep { $_ } @shift;
		my @new;
		for (@$text) {
			if (ref $_) {
				push @new, @{$_->{done}};
				next;
			}
			my $new = translated($_, $key);

			grade($placement, 'adapted', renaming($key)) if $new ne $_;
			$new = "\t" x $shift . $new if $shift > 0 && $new =~ /\S/;
			$new =~ s/^\t{0,@{[-$shift]}}// if $shift < 0;
			push @new, $new;
		}
		my $plain = join "\n", @new;
		my $more = text_with_arguments($key, $plain);
		if ($more ne $plain) {
			my @variables = grep { /^[a-z_]\w*$/ } map { tokens($_->[1]) } map { @$_ }
				map { values %$_ } values %{$calls{$key}};

			grade($placement, @variables ? 'doubtful' : 'adapted', @variables ?
				"calls have more arguments here, $variables[0] among them" :
				'calls have more arguments here');
		}
		push @{$insert{$line}}, split /\n/, $more, -1;
	}
	return (\%delete, \%insert);
}

# renaming KEY: which names these are.
sub renaming {
	my ($key) = @_;
	my $names = $renamed{$key} || {};

	return join ', ', map { "$_ is called $names->{$_}" } sort keys %$names;
}

sub is_one_statement {
	my ($lines) = @_;

	return 1 == grep { $_->{tokens} } units($lines, [ without_comments(@$lines) ], 0, $#$lines);
}

# beside_before: does what is added belong to the statement before it, rather than to the
# one after it? So says compat/call-sites; else no blank line is between them.
sub beside_before {
	my ($placement, $ours, $old, $before, $at) = @_;
	my $text = trimmed($old->[$ours->[$before]{first}]);

	return 1 if grep { $_->[4] eq $text } @{$placement->{sites}};
	return $at == $ours->[$before]{last} + 1;
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
			$at++ while $at < @$theirs && !$is->($i, $at) && is_neutral($theirs->[$at], {}, 1);
			next START if $at > $#$theirs || !$is->($i, $at);
		}
		push @starts, $start;
	}
	return @starts == 1 && $starts[0] == ($found->[$code[0]] // -1);
}

# check_unique: is there another place that is almost as like it, where these units of ours
# are something else?
sub check_unique {
	my ($placement, $ours, $theirs, $like, $score, $found, $units, $where) = @_;

	return if is_only_whole($ours, $theirs, $like, $found);
	my %forbidden = map { ("$_,$found->[$_]" => 1) } @$units;
	my ($other) = align($ours, $theirs, $like, \%forbidden);
	my $weight = 0;

	$weight += $like->[$_][$found->[$_]][1] for @$units;
	grade($placement, 'doubtful', "there is another place like it in $where")
		if $other > $score - 0.5 * $weight;
}

# --- between functions -----------------------------------------------------------------

# place_at_top PLACEMENT SEGMENT FILE: before the function that follows it in the patch, or
# else after the one that precedes it.
sub place_at_top {
	my ($placement, $segment, $file) = @_;
	my ($old, $sign, $added) = whole_units($segment->{lines});
	my ($before) = map { $_ && @$_ == 1 ? $_->[0] : () } $file->{scopes}{$segment->{before} // ''};
	my ($after) = map { $_ && @$_ == 1 ? $_->[0] : () } $file->{scopes}{$segment->{after} // ''};
	my @all = map { @{$added->{$_}} } sort { $a <=> $b } keys %$added;
	my $line;

	if (grep { $_ eq '-' } @$sign) {
		my @at = grep { join("\n", @{$file->{raw}}[$_ .. $_ + $#$old]) eq join("\n", @$old) }
			0 .. @{$file->{raw}} - @$old;

		refuse("$placement->{patch}: " . quoted(join ' ', @$old) . " is not at one place in $file->{path}")
			if @at != 1;
		return ({ map { $at[0] + $_ => 1 } grep { $sign->[$_] eq '-' } 0 .. $#$sign },
			{ map { $at[0] + $_ => $added->{$_} } keys %$added });
	}
	# as it is, beside one of them
	for my $first (($after ? $after->{first} - @$old : ()), ($before ? $before->{last} + 1 : ())) {
		my ($at) = keys %$added;

		return ({}, { $first + $at => [ @all ] }) if keys %$added == 1 && $first >= 0 &&
			join("\n", @$old) eq join("\n", @{$file->{raw}}[$first .. $first + $#$old]) &&
			in_order($file, $first + $at, \@all);
	}
	if ($after) {
		$line = $after->{first};
		$line-- while $line && $file->{raw}[$line - 1] =~ /\S/ && $file->{code}[$line - 1] !~ /\S/;
		pop @all while @all && $all[-1] !~ /\S/;
		shift @all while @all && $all[0] !~ /\S/;
		push @all, '';
		grade($placement, 'adapted', "it is put before $segment->{after}()");
		return ({}, { $line => [ @all ] }) if in_order($file, $line, \@all);
	}
	if ($before) {
		$line = $before->{last} + 1;
		pop @all while @all && $all[-1] !~ /\S/;
		shift @all while @all && $all[0] !~ /\S/;
		unshift @all, '';
		grade($placement, 'adapted', "it is put after $segment->{before}()");
		return ({}, { $line => [ @all ] }) if in_order($file, $line, \@all);
	}
	refuse("$placement->{patch}: there is no place in $file->{path} that is after all that " .
		quoted((grep { /\S/ } @all)[-1]) . ' needs and before all that needs it');
}

# definitions FILE: {NAME} = the first line of a file at which it is defined or declared.
sub definitions {
	my ($file) = @_;
	my %at;

	for my $i (0 .. $#{$file->{code}}) {
		for ($file->{code}[$i]) {
			next if !/^[#A-Za-z_]/;
			my $name;

			if (/^#\s*define\s+(\w+)/ || /^(?:static\s+)?DEFINE_\w+\((?:[^,()]*,\s*)?(\w+)\)/) {
				$name = $1;
			} elsif (/^(?:static|extern)\s[^=;{]*?(\w+)(?:\[\w*\])?\s*(?:=.*|;)$/ || /^(?:typedef\s+)?(?:struct|enum|union)\s+(\w+)\s*\{/) {
				$name = $1;
			} elsif (/^[a-z_].*?\b(\w+)\((?![^()]*\)\s*\w+\()/ && !/^(?:if|else|for|while|return)\b/) {
				$name = $1;
			}
			$at{$name} //= $i if defined $name;
		}
	}
	return \%at;
}

# in_order FILE LINE TEXTS: would what is added there come after what it needs, and before
# what needs it?
sub in_order {
	my ($file, $line, $texts) = @_;
	my @code = without_comments(map { /^#include "(\w+\.h)"/ ? included($file, $1) : $_ } @$texts);
	my $defined = definitions($file);
	my %mine = %{definitions({ code => \@code })};

	for my $word (map { /\w+/g } grep { !/^#include/ } @code) {
		return 0 if !$mine{$word} && ($defined->{$word} // -1) >= $line;
	}
	my @names = grep { !/^(?:if|for|while)$/ } keys %mine;
	return 1 if !@names;
	my $used = join '|', map { quotemeta } @names;
	for my $i (0 .. $line - 1) {
		return 0 if $file->{code}[$i] =~ /\b(?:$used)\b/;
	}
	return 1;
}

# included FILE NAME: the lines of a file beside it that a patch has brought.
sub included {
	my ($file, $name) = @_;
	my $path = $file->{path} =~ s{[^/]*$}{$name}r;

	return $files{$path} ? @{$files{$path}{raw}} : ();
}

# --- patch by patch ---------------------------------------------------------------------

# whole_comments FILE DELETE INSERT: do a change's lines neither begin nor end in the middle
# of a comment?
sub whole_comments {
	my ($file, $delete, $insert) = @_;

	for my $i (keys %$insert) {
		my $before = $i ? $file->{raw}[$i - 1] : '';
		my $text = join "\n", @{$insert->{$i}};

		return 0 if $before =~ /\S/ && $file->{code}[$i - 1] !~ /\S/ && $before !~ m{\*/\s*$};
		return 0 if $text =~ m{^\s*\*} || (() = $text =~ m{/\*}g) != (() = $text =~ m{\*/}g);
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

# port_segment PATCH PATH NUMBER SEGMENT START: put it where it belongs.
sub port_segment {
	my ($patch, $path, $number, $segment, $start) = @_;
	my ($name) = $patch =~ /^\d+-(?:tools-)?sched_ext-(.*)\.patch$/;
	my @sites = rows_of($segment, $name // '');
	my $scope_name = !@sites || is_row_of($sites[0]{row}, $segment->{scope}) ? $segment->{scope} :
		$sites[0]{row}[0] =~ s/\|.*//r;
	my $placement = { patch => $patch, file => $path, hunk => $number, grade => 'exact', why => [],
		function => $scope_name, sites => [ map { $_->{row} } @sites ] };
	my ($file, $scope, $delete, $insert);

	if ($segment->{scope} eq 'top') {
		$file = file($path) or refuse("$patch: there is no $path");
		$placement->{function} = '';
		($delete, $insert) = place_at_top($placement, $segment, $file);
	} else {
		($file, $scope) = scope_in($path, $scope_name);
		if (!$file && $scope_name =~ /^\w+$/) {
			for (other_names($scope_name)) {
				($file, $scope) = scope_in($path, $_) or next;
				$placement->{function} = $_;
				grade($placement, 'adapted', "$scope_name() is called $_() here")
					if !is_known_here($_);
				last;
			}
		}
		my $what = $scope_name =~ / / ? $scope_name : "$scope_name()";
		if (!$file) {
			my ($inner) = @sites ? "'$sites[0]{row}[3]' is for" : 'is to be changed';
			refuse("$patch: $what, which $inner, is not in $path, or there more than once");
		}
		if ($file->{path} ne $path) {
			$placement->{file} = $file->{path};
			grade($placement, 'adapted', "$what is in $file->{path} here");
		}
		($delete, $insert) = place_in_scope($placement, $segment, $file, $scope);
	}
	my @came = change($file, $delete, $insert);
	my ($at) = (sort { $a <=> $b } keys %$delete, keys %$insert);

	$placement->{came} = \@came;
	$placement->{ids} = [ (map { $_->[0] } @came), reverse @{$file->{ids}}[0 .. $at - 1] ];
	push @placements, $placement;
	return $placement;
}

# write_file PATH LINES
sub write_file {
	my ($path, @lines) = @_;

	open(my $handle, '>', $path) or die "cannot write $path: $!\n";
	print $handle map { "$_\n" } @lines;
	close $handle or die "cannot write $path: $!\n";
}

# exact_text PATCH PATH HUNKS: documentation and tools, which have to fit as they are;
# the file's new lines, or nothing.
sub exact_text {
	my ($path, $hunks) = @_;
	my $file = file($path) or return;
	my @lines = @{$file->{raw}};
	my $offset = 0;

	for my $hunk (grep { $_ } @$hunks) {
		my $expects = join "\n", @{$hunk->{expects}};
		my $size = @{$hunk->{expects}};
		my ($at) = sort { abs($a - $hunk->{start}) <=> abs($b - $hunk->{start}) }
			grep { join("\n", @lines[$_ .. $_ + $size - 1]) eq $expects } 0 .. @lines - $size;

		return if !defined $at;
		splice @lines, $at, $size, map { $_->[1] } grep { $_->[0] ne '-' } @{$hunk->{lines}};
	}
	return \@lines;
}

my (@left_out, @written);

# port_patch PATH: write it to OUT, for this tree.
sub port_patch {
	my ($path) = @_;
	my ($patch) = $path =~ /([^\/]+)$/;
	my @lines = lines_of($path);
	my $hunks = hunks_of(@lines);
	my (%before, @done);
	my @order = sort { ($hunks->{$a}[1]{start} ? 1 : 0) <=> ($hunks->{$b}[1]{start} ? 1 : 0) || $a cmp $b } keys %$hunks;

	for my $name (@order) {
		my @hunks = @{$hunks->{$name}};

		if (!$hunks[1]{start}) {
			refuse("$patch: $name exists already, but is for the patch to add") if file($name);
			my @raw = map { my $text = $_; $text = translated($text, '') if $name =~ /\.[ch]$/; $text } @{$hunks[1]{adds}};
			$before{$name} = undef;
			$files{$name} = { path => $name, raw => \@raw, ids => [ map { ++$next_id } @raw ] };
			parse($files{$name});
			my @came = map { [ $files{$name}{ids}[$_], $raw[$_] ] } 0 .. $#raw;
			my $placement = { patch => $patch, file => $name, hunk => 1, grade => 'exact', why => [],
				function => '', sites => [], ids => [ $came[0][0] ], came => \@came };
			grade($placement, 'adapted', renaming('')) if "@raw" ne "@{$hunks[1]{adds}}";
			push @placements, $placement;
			next;
		}
		if ($name !~ m{^(?:kernel|include)/}) {
			my $new = exact_text($name, \@hunks);

			if (!$new) {
				push @left_out, "$patch: $name does not fit; it is left out, since it is no code of the kernel";
				next;
			}
			$before{$name} = [ @{file($name)->{raw}} ];
			$files{$name}{raw} = $new;
			$files{$name}{ids} = [ map { ++$next_id } @$new ];
			next;
		}
		for my $number (1 .. $#hunks) {
			my @segments = segments($hunks[$number]);

			for my $segment (@segments) {
				my $prose = is_prose(map { $_->[1] } grep { $_->[0] ne ' ' } @{$segment->{lines}});
				my %kept = map { $_ => $files{$_} && [ @{$files{$_}{raw}} ] } keys %files;
				my $placement = eval { port_segment($patch, $name, $number, $segment, $hunks[$number]{start}) };

				if (!$placement) {
					die $@ if !$prose;
					push @left_out, "$patch: hunk $number of $name does not fit; it is left out, since it is a comment";
					next;
				}
				my $file = $placement->{file};
				$before{$file} //= $kept{$file} || [ lines_of("$tree/$file") ];
			}
		}
	}
	write_patch($patch, \@lines, \%before);
}

# write_patch PATCH LINES BEFORE: with the patch's own words, and a note of what it is.
sub write_patch {
	my ($patch, $lines, $before) = @_;
	my ($end) = grep { $lines->[$_] eq '---' || $lines->[$_] =~ /^--- / } 0 .. $#$lines;
	my @head = @$lines[0 .. $end - 1];
	my ($blank) = grep { $head[$_] eq '' } 0 .. $#head;
	my @mine = grep { $_->{patch} eq $patch } @placements;
	my ($worst) = sort { $worse{$b} <=> $worse{$a} } map { $_->{grade} } @mine, { grade => 'exact' };
	my @diff;

	splice @head, $blank, 0, "X-Ported-By: scx-custody port, for this very tree",
		"X-Ported-From: $patch of $ENV{SCX_CUSTODY_FROM}",
		"X-Ported-To: $ENV{SCX_CUSTODY_VERSION}", "X-Ported-Grade: $worst";
	mkdir "$out/.diff";
	for my $path (sort keys %$before) {
		my $old = $before->{$path};

		write_file("$out/.diff/old", $old ? @$old : ());
		write_file("$out/.diff/new", @{$files{$path}{raw}});
		next if $old && "@$old" eq "@{$files{$path}{raw}}";
		open(my $handle, '-|', 'diff', '-U3', '-p', '--label', $old ? "a/$path" : '/dev/null',
			'--label', "b/$path", "$out/.diff/old", "$out/.diff/new") or die "cannot run diff: $!\n";
		chomp(my @these = <$handle>);
		push @diff, @these;
	}
	unlink "$out/.diff/old", "$out/.diff/new";
	rmdir "$out/.diff";
	return if !@diff;
	write_file("$out/$patch", @head, '---', '', @diff);
	push @written, $patch;
}

# --- afterwards ---------------------------------------------------------------------------

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
			my ($statement, $after) = map { join ' ', with_arguments($key, translated_tokens([ tokens($_) ], $key)) } @$row[3, 4];
			my ($came) = grep { index(join(' ', tokens($_->[1])), $statement) >= 0 } @{$placement->{came}};
			my $line = $came && line_of($file, $came->[0]);

			if (!$line) {
				refuse("$placement->{patch}: '$row->[3]' did not get into $placement->{function}()");
			}
			unshift @{$placement->{ids}}, $came->[0];
			my %names = map { $_ => 1 } split / /, $statement;
			my ($before, @between) = line_before($file, $line - 1, $after, \%names);
			grade($placement, 'adapted', quoted($_) . ' is between it and its neighbour, to no effect')
				for @between;
			grade($placement, 'doubtful', "before it is " . quoted($before) . ", not '$row->[4]'")
				if join(' ', tokens($before)) ne $after && $placement->{grade} ne 'adapted';
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
			refuse("$placement->{patch}: in $placement->{function} of $file->{path}, $name has " .
				"the value that $mine is to have, $text");
		}
	}
}

# check_rows: has each row for the patches of the series been placed?
sub check_rows {
	my %names = map { /^\d+-(?:tools-)?sched_ext-(.*)\.patch$/ ? ($1 => 1) : () } map { s{.*/}{}r } @patches;
	my %placed = map { ("@$_" => 1) } map { @{$_->{sites}} } @placements;

	for my $row (grep { $names{$_->[5]} } @rows_here) {
		refuse("the call site '$row->[3]' of $row->[0]() has got no place") if !$placed{"@$row"};
	}
}

# --- what is known of the code --------------------------------------------------------------

# Where these are done, custody may begin or end.
my %deeds = (
	'writes ops_state' => qr/\batomic_long_(?!read)\w+\(&\w+->scx\.ops_state/,
	'writes holding_cpu' => qr/->scx\.holding_cpu\s*=(?!=)/,
	'writes sticky_cpu' => qr/->scx\.sticky_cpu\s*=(?!=)/,
	'writes dsq' => qr/->scx\.dsq\s*=(?!=)/,
	'writes SCX_TASK_QUEUED' => qr/->scx\.flags\s*[|&]=[^;]*\bSCX_TASK_QUEUED\b/,
	'links a task to a DSQ' => qr/\b(?:list_add(?:_tail)?|rb_add(?:_cached)?)\(&\w+->scx\.dsq_/,
	'takes a task from a DSQ' => qr/\blist_del(?:_init)?\(&\w+->scx\.dsq_/,
	map { ("calls $_()" => qr/\b$_\(/) } qw(task_unlink_from_dsq dispatch_dequeue dispatch_enqueue
		ops_dequeue move_local_task_to_local_dsq move_remote_task_to_local_dsq consume_remote_task),
);

# texts_of FILE: {FUNCTION} = its code.
sub bodies {
	my ($file) = @_;
	my %text;

	for my $name (grep { !/ / } keys %{$file->{scopes}}) {
		my $scope = $file->{scopes}{$name}[0];
		my ($open) = grep { $file->{code}[$_] =~ /^\{/ } $scope->{first} .. $scope->{last};

		$text{$name} = join "\n", @{$file->{code}}[$open .. $scope->{last}] if defined $open;
	}
	return \%text;
}

# doers: {DEED}{FUNCTION} = FILE
sub doers {
	my %doers;

	for my $file (sched_ext_files()) {
		my $text = bodies($file);

		for my $deed (keys %deeds) {
			$doers{$deed}{$_} = $file for grep { $text->{$_} =~ $deeds{$deed} } keys %$text;
		}
	}
	return \%doers;
}

# steps FILE SCOPE: what a function does that matters to custody, one text a step, and the
# line of each. Left out are statements that are neutral, and variables of types that no
# variable of the patches has; a $ is before the others.
my %their_types = map { $_ => 1 } map { @$_ } values %types;
sub steps {
	my ($file, $scope) = @_;
	my $type_of = variables($file->{code}, $scope->{first}, $scope->{last});
	my ($open) = grep { $file->{code}[$_] =~ /^\{/ } $scope->{first} .. $scope->{last};
	my %names = map { $_ => 1 } grep { $their_types{$type_of->{$_}} } keys %$type_of;
	my (@steps, @lines);

	return ([], []) if !defined $open;
	for my $unit (units($file->{raw}, $file->{code}, $open + 1, $scope->{last} - 1)) {
		next if is_neutral($unit, \%names, 1);
		my @tokens = @{$unit->{tokens}};
		my @said;

		for my $i (0 .. $#tokens) {
			if (is_variable(\@tokens, $i)) {
				push @said, "\$$tokens[$i]" if $names{$tokens[$i]};
			} elsif ($tokens[$i] =~ /^(?:\w+|[!{}?]|[-+|&^]?=|[=!<>]=|[<>])$/) {
				push @said, $tokens[$i]
					if $tokens[$i] !~ /^(?:NULL|struct|likely|unlikely|u64|s32|int|unsigned|long|bool)$/;
			}
		}
		next if "@said" =~ /^[{}]?$/;
		push @steps, tabs($file->{raw}[$unit->{first}]) . ' ' . join ' ', @said;
		push @lines, $unit->{first};
	}
	return (\@steps, \@lines);
}

# names_for KNOWN STEPS: what the variables of one are in the other, if they differ in
# nothing else; or nothing.
sub names_for {
	my ($known, $steps) = @_;
	my (%there, %back);

	return if @$known != @$steps;
	for my $i (0 .. $#$known) {
		my @a = split / /, $known->[$i];
		my @b = split / /, $steps->[$i];

		return if @a != @b;
		for my $k (0 .. $#a) {
			if ($a[$k] =~ /^\$/ && $b[$k] =~ /^\$/) {
				return if ($there{$a[$k]} //= $b[$k]) ne $b[$k] || ($back{$b[$k]} //= $a[$k]) ne $a[$k];
			} elsif ($a[$k] ne $b[$k]) {
				return;
			}
		}
	}
	return { map { substr($_, 1) => substr($there{$_}, 1) } keys %there };
}

# matters NAME: is this a function whose steps are compared?
my $doers;
sub matters {
	my ($name) = @_;

	$doers ||= doers();
	return (grep { is_row_of($_, $name) } @rows) || grep { $doers->{$_}{$name} } keys %$doers;
}

# tell_known: for compat/known-code.
sub tell_known {
	$doers = doers();
	for my $deed (sort keys %$doers) {
		print "$deed\t$_\n" for sort keys %{$doers->{$deed}};
	}
	for my $file (sched_ext_files()) {
		for my $name (sort grep { !/ / } keys %{$file->{scopes}}) {
			for my $scope (@{$file->{scopes}{$name}}) {
				my ($steps) = steps($file, $scope);

				print "$name\t", join('; ', @$steps), "\n" if matters($name) || is_patched($name);
			}
		}
	}
}

# is_patched NAME: does a patch of the kit change this function?
my %patched;
sub is_patched {
	my ($name) = @_;

	if (!%patched) {
		%patched = (top => 1, '' => 1);
		for my $path (glob "\"$compat\"/../patches/*/*.patch") {
			my $hunks = hunks_of(lines_of($path));

			for (map { segments($_) } grep { $_ && $_->{start} } map { @$_ } values %$hunks) {
				$patched{$_->{scope}} = 1;
			}
		}
	}
	return $patched{$name};
}

# doubts: what is not sure of the series as a whole, {function, line, why}.
my @doubts;

# known_code NAME: what compat/known-code has of a function or a deed, a list of steps each.
my %known_code;
sub known_code {
	my ($name) = @_;

	if (!%known_code) {
		for (grep { !/^#/ } lines_of("$compat/known-code")) {
			my ($name, $steps) = split /\t/, $_, 2;

			push @{$known_code{$name}}, [ split /; /, $steps ];
		}
	}
	return @{$known_code{$name} || []};
}

# learn_known_names FILE NAME: what variables of a function are called, if all else is as on
# a kernel that is known.
sub learn_known_names {
	my ($file, $name) = @_;
	my $key = "$file->{path}:$name";
	my $pristine = $file->{pristine} or return;
	my $scope = ($pristine->{scopes}{$name} || [])->[0] or return;

	return if $name =~ / / || exists $renamed{$key};
	my ($steps) = steps($pristine, $scope);
	my $type_of = variables($pristine->{code}, $scope->{first}, $scope->{last});
	my %all;
	for my $names (map { names_for($_, $steps) // () } known_code($name)) {
		my %new = map { $_ => $names->{$_} } grep { $types{$_} && $names->{$_} ne $_ } keys %$names;

		return if !%new || grep { !may_be($_, $new{$_}, $type_of) } keys %new;
		$all{$_}{$new{$_}} = 1 for keys %new;
	}
	$renamed{$key}{$_} = (keys %{$all{$_}})[0] for grep { keys %{$all{$_}} == 1 } keys %all;
}

# check_known: was each function that matters what it is on a kernel that is known, and was
# there no other that did what only these do?
sub check_known {
	my %mine;

	for my $deed (sort keys %$doers) {
		my %doer = map { $_->[0] => 1 } known_code($deed);

		for my $name (sort grep { !$doer{$_} } keys %{$doers->{$deed}}) {
			my $file = $doers->{$deed}{$name};

			push @doubts, { file => $file->{path}, function => $name,
				line => 1 + $file->{pristine}{scopes}{$name}[0]{first},
				why => "$name() $deed, and on no kernel that is known it does" };
		}
	}
	$mine{$_->{function}} = 1 for @placements;
	for my $file (map { $_->{pristine} || () } sched_ext_files()) {
		for my $name (sort grep { known_code($_) && ($mine{$_} || matters($_)) } keys %{$file->{scopes}}) {
			check_steps($file, $name, [ known_code($name) ], $mine{$name})
				if @{$file->{scopes}{$name}} == 1;
		}
	}
}

# check_steps FILE NAME KNOWN NAMED: and are variables what they seem? The patches have
# NAMED functions in them.
sub check_steps {
	my ($file, $name, $known, $named) = @_;
	my ($steps, $lines) = steps($file, $file->{scopes}{$name}[0]);
	my $renamed = $renamed{"$file->{path}:$name"} || {};
	my (@others, $nearest);
	my $most = -1e9;

	for (@$known) {
		my $names = names_for($_, $steps) or next;
		# a name that is not there cannot be in the patches, either
		my %there = map { $_ => 1 } values %$names;
		my @others_here = grep { $types{$_} && ($renamed->{$_} ? $names->{$_} ne $renamed->{$_} :
			$names->{$_} ne $_ && $there{$_}) } sort keys %$names;

		return if !$named || !@others_here;
		@others = @others_here;
	}
	if (@others) {
		push @doubts, { file => $file->{path}, function => $name, line => 1 + $file->{scopes}{$name}[0]{first},
			why => "in $name(), other variables are called " . join(' and ', @others) };
		return;
	}
	$known = [ map { [ map { s/\$\w+/\$/gr } @$_ ] } @$known ];
	$steps = [ map { s/\$\w+/\$/gr } @$steps ];
	for (@$known) {
		my $like = 2 * common($_, $steps) - @$_;

		($nearest, $most) = ($_, $like) if $like > $most;
	}
	# the first that differs, from either end
	my $i = 0;
	$i++ while $i < @$steps && $i < @$nearest && $steps->[$i] eq $nearest->[$i];
	my $more = @$steps > $i && !grep { $_ eq $steps->[$i] } @$nearest;
	push @doubts, { file => $file->{path}, function => $name,
		line => 1 + ($lines->[$i] // $file->{scopes}{$name}[0]{last}),
		why => $more ? quoted($file->{raw}[$lines->[$i]]) . " in $name() is in no kernel that is known" :
			@$nearest > $i ? "$name() does not go on with " . quoted($nearest->[$i] =~ s/^\d+ //r) .
			', as it does on kernels that are known' :
			"$name() does more than on kernels that are known" };
}

# --- names and arguments that must be there --------------------------------------------------

# parameters_of NAME: how many the function or macro has, and whether it takes more.
my ($all_code, %parameters);
sub parameters_of {
	my ($name) = @_;

	return @{$parameters{$name} ||= [ count_parameters($name) ]};
}

sub count_parameters {
	my ($name) = @_;

	$all_code //= join "\n", map { @{$_->{code}} } sched_ext_files(), grep { $_ } file('kernel/sched/sched.h');
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
	my @paths = sort { !$files{$a} <=> !$files{$b} } sources(), 'include/linux/sched/ext.h';
	my %words;

	for my $placement (@placements) {
		my $file = file($placement->{file});
		# what came and has not been replaced by a later patch
		my @code = map { $file->{code}[$_ - 1] } grep { $_ }
			map { line_of($file, $_->[0]) } @{$placement->{came}};
		my @tokens = tokens(join "\n", @code);
		my $scope = ($file->{scopes}{$placement->{function}} || [])->[0];
		my $type_of = $scope && $placement->{function} !~ / / ? variables_of($file, $scope) : undef;

		for my $i (0 .. $#tokens) {
			my $token = $tokens[$i];

			next if $token !~ /^[A-Za-z_]\w*$/;
			while (!$words{$token}) {
				my $path = shift @paths //
					refuse("$placement->{patch}: $token, which it uses, is nowhere in kernel/sched/");

				$words{$_} = 1 for map { /\b[A-Za-z_]\w*/g } $files{$path} ? @{$files{$path}{code}} :
					lines_of("$tree/$path");
			}
			if ($type_of && $types{$token} && is_variable(\@tokens, $i)) {
				my $type = $type_of->{$token};

				refuse("$placement->{patch}: $placement->{function}() has no variable $token, which it uses")
					if !defined $type;
				grade($placement, 'doubtful', "$token is a $type here") if !grep { $_ eq $type } @{$types{$token}};
			}
			next if ($tokens[$i + 1] // '') ne '(';
			my ($list) = arguments(\@tokens, $i) or next;
			my ($wanted, $more) = parameters_of($token);
			refuse("$placement->{patch}: $token() takes $wanted arguments here, and not " . @$list)
				if defined $wanted && (@$list < $wanted || @$list > $wanted && !$more);
		}
	}
}

if ($known_only) {
	tell_known();
	exit;
}
if (join("\n", map { @{$_->{code}} } sched_ext_files()) =~ $tells_locked_rq) {
	$renamed{''} = { map { $_ => $1 } grep { $_ ne $1 } @locked_rq };
}
my $done = eval {
	# of kernels that have the feature, nothing is known
	my $native = grep { $_ eq 'feature=incomplete' } lines_of("$compat/layouts/$layout");

	$doers = doers();
	port_patch($_) for @patches;
	if ($native) {
		grade($_, 'doubtful') for grep { $_->{grade} eq 'adapted' } @placements;
	} else {
		check_known();
	}
	check_names();
	check_sites();
	check_rows();
	check_values();
	1;
};
if (!$done) {
	print STDERR $@;
	exit 1;
}

# For hazards.pl, which knows some variables by their names: the files as the patches name
# them.
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

my @told = map {
	my $placement = $_;
	{
		patch => $_->{patch}, file => $_->{file}, line => line_of(file($_->{file}), @{$_->{ids}}),
		function => $_->{function}, hunk => $_->{hunk}, grade => $_->{grade}, why => $_->{why},
		sites => [ map { { what => $_->[1], rows => $_->[2], statement => $_->[3] } } @{$_->{sites}} ],
	}
} @placements;
write_file("$out/report.json", JSON::PP->new->canonical->pretty->encode({
	placements => \@told, doubts => \@doubts, left_out => \@left_out, patches => \@written,
}));
