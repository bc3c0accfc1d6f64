#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Tell which hazards of docs/semantics.md are open in the source of a tree that
# has the feature, its own or this kit's. Prints for each
#
#	NUMBER <tab> open | closed | not told <tab> EVIDENCE
#
# usage: hazards.pl FILE...	(kernel/sched/ext*.[ch], named from the tree's top)
#
# Functions are found by what they do with custody rather than by their name, so
# that it does not matter whose implementation it is. What can only be seen by
# running (2, 3, 6) isn't guessed at here.

use strict;
use warnings;

my (@functions, %by_name);

# --- the source as functions --------------------------------------------------

# blank TEXT: what is no code becomes blanks, line by line, so that offsets stay.
sub blank {
	my ($text) = @_;

	$text =~ s/[^\n]/ /g;
	return $text;
}

sub read_functions {
	my ($file) = @_;
	local $/;

	open(my $handle, '<', $file) or die "hazards.pl: $file: $!\n";
	my $text = <$handle>;
	$text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*")}{blank($1)}gse;
	$text =~ s{^(\h*#(?:[^\n]*\\\n)*[^\n]*)}{blank($1)}gme;

	while ($text =~ /^[A-Za-z_][^\n;{}=]*?\b(\w+)\(([^;{}]*)\)[^;{}()]*\n\{(.*?)\n\}/gms) {
		my $function = {
			name => $1, parameters => $2, body => $3, file => $file,
			line => 1 + (substr($text, 0, $-[3]) =~ tr/\n//),
		};
		push @functions, $function;
		$by_name{$1} = $function;
	}
}

# at FUNCTION OFFSET: "FILE:LINE" of a place in its body.
sub at {
	my ($function, $offset) = @_;

	return "$function->{file}:" .
		($function->{line} + (substr($function->{body}, 0, $offset) =~ tr/\n//));
}

# offset FUNCTION REGEX: where in its body that first is, or -1.
sub offset {
	my ($function, $regex) = @_;

	return $function && $function->{body} =~ $regex ? $-[0] : -1;
}

sub negation {
	my ($condition) = @_;

	return $condition =~ /^!(\w+)$/ ? $1 : "!$condition";
}

my $dsq_lock = qr/(?=\s*\(\s*&[^;]*?dsq[^;]*?->lock)/;

# read_calls FUNCTION: note the calls in it, each with where it is and, if one is
# held there, where a DSQ's lock was taken. It follows blocks and jumps as far as
# it takes to tell which branch a lock is held in.
sub read_calls {
	my ($function) = @_;
	my (@blocks, @calls, $held, $pending, $closed, $jumps, $jumped);
	my $depth = 0;
	my $branches = sub {
		return grep { defined } (map { $_->{condition} } @blocks), $pending && $pending->{condition};
	};

	for ($function->{body}) {
		pos = 0;
		while (pos() < length) {
			if (/\Graw_spin_(?:try)?lock(?!_init)\w*$dsq_lock/gc ||
			    /\Gguard\(raw_spinlock\w*\)$dsq_lock/gc) {
				$held = { at => at($function, $-[0]), branches => [ $branches->() ] };
				$function->{locks} = 1;
			} elsif (/\Glockdep_assert_held$dsq_lock/gc) {
				$held = { at => at($function, $-[0]), branches => [] };
			} elsif (/\Graw_spin_unlock\w*$dsq_lock/gc) {
				$held = undef;
				$function->{locks} = 1;
			} elsif (/\Gif\s*(?=(\((?:[^()]++|(?1))*\)))/gc) {
				my $condition = $1 =~ s/^\(|\)$|\s//gr;
				$pending = { condition => $condition, held => $held };
			} elsif (/\Gelse\b/gc) {
				$pending = { condition => negation($closed->{condition}),
					     held => $closed->{held},
					     other => $closed->{jumped} ? undef : $closed };
				$held = $closed->{held};
			} elsif (/\G(?:return|goto|break|continue)\b/gc) {
				$jumps = 1;
			} elsif (/\G(\w+)\s*(?=\()/gc) {
				my @branches = $branches->();

				push @calls, { name => $1, offset => $-[0], held => $held && !(grep {
					my $lock = $_;
					grep { $_ eq negation($lock) } @branches;
				} @{$held->{branches}}) ? $held->{at} : undef };
			} elsif (/\G\{/gc) {
				push @blocks, $pending || { held => $held };
				$pending = $jumps = undef;
			} elsif (/\G\}/gc) {
				my $block = pop @blocks or last;

				# nobody gets from a jump to what follows the block
				$block->{after} = $held;
				$block->{jumped} = $jumped;
				$held = $block->{other} ? $block->{other}{after} : $block->{held} if $jumped;
				$closed = $block;
				$jumped = undef;
			} elsif (/\G;/gc) {
				next if $depth;
				$jumped = $jumps && !$pending;
				if ($pending) {
					$closed = { %$pending, after => $held, jumped => $jumps };
					$held = $pending->{held} if $jumps;
				}
				$pending = $jumps = undef;
			} elsif (/\G([()])/gc) {
				$depth += $1 eq '(' ? 1 : -1;
			} else {
				/\G(?:\w+|.)/gcs;
			}
		}
	}
	$function->{calls} = \@calls;
}

# --- what they do with custody --------------------------------------------------

my $calls_dequeue = qr/\bSCX_CALL_OP\w*\([^;]*[(,\s]dequeue\s*[,)]/;
my $clears = qr/&=\s*~\(?[^;]*\bSCX_TASK_IN_CUSTODY\b/;
my $sets = qr/\|=\s*\(?[^;]*\bSCX_TASK_IN_CUSTODY\b/;
my $mark = qr/->scx\.sticky_cpu\b/;

# reports{NAME}: calls ops.dequeue(), by itself or through another such function,
# and has no say in whether.
# ends{NAME}: ends custody and calls ops.dequeue(), by itself or through another
# such function, under whatever DSQ locks its caller holds.
my (@enders, %reports, %ends);

# close_over SET WHICH: add to the set the functions for which WHICH is true and
# that call one of the set, until there are no more.
sub close_over {
	my ($set, $which) = @_;
	my $more = 1;

	while ($more) {
		$more = 0;
		for my $function (@functions) {
			next if $set->{$function->{name}} || !$which->($function);
			next unless grep { $set->{$_->{name}} } @{$function->{calls}};
			$more = $set->{$function->{name}} = 1;
		}
	}
}

sub find_enders {
	my $clears_it = sub { offset($_[0], $clears) >= 0 };

	for my $function (@functions) {
		$reports{$function->{name}} = 1
			if offset($function, $calls_dequeue) >= 0 && !$clears_it->($function);
	}
	close_over(\%reports, sub { !$clears_it->($_[0]) });
	@enders = grep { $clears_it->($_) && dequeue_call($_) >= 0 } @functions;
	$ends{$_->{name}} = 1 for @enders;
	close_over(\%ends, sub { !$_[0]{locks} });
}

# dequeue_call FUNCTION: where it calls ops.dequeue(), maybe through others.
sub dequeue_call {
	my ($function) = @_;
	my ($call) = grep { $reports{$_->{name}} } @{$function->{calls}};
	my $offset = offset($function, $calls_dequeue);

	return $offset >= 0 || !$call ? $offset : $call->{offset};
}

# ending_calls FUNCTION: the calls in it that end custody.
sub ending_calls {
	my ($function) = @_;

	return $function ? grep { $ends{$_->{name}} } @{$function->{calls}} : ();
}

# minds_mark NAME: does it look whether the task is in an internal migration?
sub minds_mark {
	my ($name, %seen) = @_;
	my $function = $by_name{$name};

	return 0 if !$function || $seen{$name}++;
	return 1 if offset($function, $mark) >= 0;
	return grep {
		my $called = $by_name{$_->{name}};
		$ends{$_->{name}} ? minds_mark($_->{name}, %seen) :
			$called && $called->{body} =~ /^\s*return\b[^;]*$mark/;
	} @{$function->{calls}};
}

# verdict OPEN CLOSED: from what speaks for it and what against it.
sub verdict {
	my ($open, $closed) = @_;

	return ('open', join '; ', @$open) if @$open;
	return ('closed', join '; ', @$closed) if @$closed;
	return ('not told', 'the code that it would show in is not there');
}

# --- the hazards ----------------------------------------------------------------

my %hazards = (
	# Release order: custody begins and ends before ops_state is released.
	1 => sub {
		my (@open, @closed);

		for my $name (qw(dispatch_enqueue do_enqueue_task)) {
			my $function = $by_name{$name} or next;
			my @custody = grep { $ends{$_->{name}} ||
				offset($by_name{$_->{name}}, $sets) >= 0 && !$by_name{$_->{name}}{locks} }
				@{$function->{calls}};
			my $body = $function->{body};

			push @custody, { offset => $-[0], name => 'SCX_TASK_IN_CUSTODY' }
				while $body =~ /$sets/g;
			next unless @custody && $body =~ /\batomic_long_set_release\(&p->scx\.ops_state\b/;
			my $release = $-[0];
			pos($body) = $release;
			my $end = $body =~ /\breturn\b|\n\w+:[ \t]*\n/g ? $-[0] : length $body;

			my ($late) = grep { $_->{offset} > $release && $_->{offset} < $end } @custody;
			if ($late) {
				push @open, at($function, $late->{offset}) . ": " . ($ends{$late->{name}} || $by_name{$late->{name}} ? "$late->{name}()" : $late->{name}) . " in $name(), after ops_state is released (" . at($function, $release) . ")";
			} else {
				push @closed, at($function, $release) . ": $name() releases ops_state when it's done with custody";
			}
		}
		return verdict(\@open, \@closed);
	},

	# Internal migration: recognised from the first step on, and not on arrival.
	4 => sub {
		my (@open, @closed);
		my $enqueue = $by_name{enqueue_task_scx};
		my $unmark = offset($enqueue, qr/$mark\s*=\s*-1\b/);
		my $arrive = offset($enqueue, qr/\bdo_enqueue_task\(/);

		return verdict([], []) unless grep { minds_mark($_) } keys %ends;
		for my $function (@functions) {
			my $marks = offset($function, qr/$mark\s*=\s*(?!-1\b|=)/);
			my $leaves = offset($function, qr/\bdeactivate_task\(/);

			next if $marks < 0 || $leaves < 0;
			if ($marks < $leaves) {
				push @closed, at($function, $marks) . ": $function->{name}() marks it before deactivate_task()";
			} else {
				push @open, at($function, $marks) . ": $function->{name}() marks it after deactivate_task()";
			}
		}
		for my $call (ending_calls($by_name{dispatch_enqueue})) {
			next unless minds_mark($call->{name}) && $unmark > $arrive && $arrive >= 0;
			push @open, at($by_name{dispatch_enqueue}, $call->{offset}) .
				": $call->{name}() in dispatch_enqueue() minds the mark, which enqueue_task_scx() takes off later (" .
				at($enqueue, $unmark) . ")";
			last;
		}
		return verdict(\@open, \@closed);
	},

	# Locks: ops.dequeue() isn't called with a DSQ's lock held.
	5 => sub {
		my (@open, @closed);

		for my $function (@functions) {
			for my $call (ending_calls($function)) {
				next unless $call->{held};
				push @open, at($function, $call->{offset}) .
					": $call->{name}() in $function->{name}(), with the DSQ's lock held ($call->{held})";
			}
		}
		@closed = map { at($_, dequeue_call($_)) . ": $_->{name}() is called with no DSQ's lock held" } @enders;
		return verdict(\@open, \@closed);
	},

	# Width: deq_flags stay 64 bits wide on their way to ops.dequeue().
	7 => sub {
		my (@open, @closed);

		for my $function (@functions) {
			my ($body, $parameters) = ($function->{body}, $function->{parameters});
			my %carries;

			$carries{$1} = $-[0] while $body =~ /\b(\w+)\s*\|=\s*[^;]*\bSCX_DEQ_SCHED_CHANGE\b/g;
			if ($ends{$function->{name}}) {
				$carries{$2} //= $-[0] while $body =~ /\b(\w+)\((?:[^;()]*,\s*)?(\w*deq_flags)\s*\)/g;
			}
			for my $variable (sort keys %carries) {
				my $where = at($function, $carries{$variable}) . ": $variable in $function->{name}()";
				my $declared = qr/\b([us]64|[us]32|int|unsigned(?:\s+int|\s+long)*|long(?:\s+long)*)\s+$variable\b/;
				my ($type) = "$parameters;$body" =~ $declared or next;

				if ($type =~ /64|long/) {
					push @closed, "$where is $type";
				} else {
					push @open, "$where is $type";
				}
			}
		}
		return verdict(\@open, \@closed);
	},

	# Clear, then call.
	8 => sub {
		my (@open, @closed);

		for my $ender (@enders) {
			my $clear = at($ender, offset($ender, $clears));

			if (offset($ender, $clears) > dequeue_call($ender)) {
				push @open, "$clear: $ender->{name}() clears SCX_TASK_IN_CUSTODY after it calls ops.dequeue()";
			} else {
				push @closed, "$clear: $ender->{name}() clears SCX_TASK_IN_CUSTODY first";
			}
		}
		return verdict(\@open, \@closed);
	},

	# Order towards other ops.
	9 => sub {
		my (@open, @closed);

		for (['dequeue_task_scx', 'stopping|quiescent'], ['set_next_task_scx', 'running']) {
			my ($function, $ops) = ($by_name{$_->[0]}, $_->[1]);
			my $op = offset($function, qr/\bSCX_CALL_OP\w*\([^;]*[(,\s](?:$ops)\s*[,)]/);

			next if $op < 0;
			for my $call (ending_calls($function)) {
				my $where = at($function, $call->{offset}) . ": $call->{name}() in $_->[0]()";

				if ($call->{offset} > $op) {
					push @open, "$where comes after another op (" . at($function, $op) . ")";
				} else {
					push @closed, "$where comes before another op";
				}
			}
		}
		return verdict(\@open, \@closed);
	},
);

read_functions($_) for @ARGV;
read_calls($_) for @functions;
find_enders();

for my $number (sort keys %hazards) {
	print join("\t", $number, $hazards{$number}->()), "\n";
}
