# SPDX-License-Identifier: GPL-2.0-only
#
# What the variables that the patches name are called in a tree, function by function.

package Names;

use strict;
use warnings;
use Exporter 'import';
use Grades qw(refuse);
use Source qw(without_comments is_variable variables);
use Tree qw(sched_ext_files);

our @EXPORT_OK = qw(%types %renamed may_be learn_names learn_locked_rq variables_of translated
	translated_tokens renaming);

# Of what type the variables are that the patches name. A variable has another name in a
# tree only if this name has the same type there, and the old name is gone.
our %types = (
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

# {SCOPE}{NAME}: what a variable of the patches is called in a function; a scope is a file
# and a function with a colon between, or nothing for files that patches add.
our %renamed;

# learn_locked_rq: what the global is called.
sub learn_locked_rq {
	join("\n", map { @{$_->{code}} } sched_ext_files()) =~ $tells_locked_rq or return;
	$renamed{''} = { map { $_ => $1 } grep { $_ ne $1 } @locked_rq };
}

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

				my $is_variable = is_variable($tokens, $i);

				next if $x eq $y &&
					!($is_variable && $types{$x} && !$type_of->{$x});
				$same = $is_variable && may_be($x, $y, $type_of) &&
					($here{$x} //= $y) eq $y;
				last if !$same;
			}
			next if !$same;
			$votes{$_}{$here{$_}} += @$tokens for keys %here;
		}
	}
	for my $x (sort keys %votes) {
		my $votes = $votes{$x};
		my @best = sort { $votes->{$b} <=> $votes->{$a} || $a cmp $b } keys %$votes;

		next if @best > 1 && $votes->{$best[0]} == $votes->{$best[1]};
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

# renaming KEY: which names these are.
sub renaming {
	my ($key) = @_;
	my $names = $renamed{$key} || {};

	return join ', ', map { "$_ is called $names->{$_}" } sort keys %$names;
}

1;
