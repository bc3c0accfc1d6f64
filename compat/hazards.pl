#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Tell which hazards of docs/semantics.md are open in the source of a tree. Prints
# for each
#
#	NUMBER <tab> open | closed | not told <tab> EVIDENCE
#
# Usage: hazards.pl FILE...	(all of sched_ext's, named from the tree's top)
#
# Hazards 10 to 13 are sched_ext's own and told with or without the feature, the
# others only where it is, the tree's own or this kit's. Functions are found by what
# they do rather than by their name, so that it does not matter whose implementation
# it is. What can only be seen by running (2, 3, 6) isn't guessed at here.

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

	while ($text =~ /^(?=[A-Za-z_])[^\n;{}=]*?\b(\w+)\(([^;{}]*)\)[^;{}()]*\n\{(.*?)\n\}/gms) {
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
my $releases = qr/\batomic_long_set_release\(&\w+->scx\.ops_state,\s*SCX_OPSS_NONE\)/;
my $queueing = qr/\batomic_long_set\w*\(&\w+->scx\.ops_state,\s*SCX_OPSS_QUEUEING\s*\|\s*(\w+)/;

# clears{NAME}: ends custody, but leaves it to its caller to call ops.dequeue().
# reports{NAME}: calls ops.dequeue(), by itself or through another such function,
# and has no say in whether.
# ends{NAME}: ends custody and calls ops.dequeue(), by itself or through another
# such function, under whatever DSQ locks its caller holds.
# enders: those that do both themselves.
my (@enders, %clears, %reports, %ends);

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

# clear_offset FUNCTION: where it ends custody, maybe through another.
sub clear_offset {
	my ($function) = @_;
	my ($call) = grep { $clears{$_->{name}} } @{$function->{calls}};
	my $offset = offset($function, $clears);

	return $offset >= 0 || !$call ? $offset : $call->{offset};
}

sub find_enders {
	my $clears_it = sub { clear_offset($_[0]) >= 0 };

	# where the call is another function's, so is the flag's clearing
	for my $function (@functions) {
		$clears{$function->{name}} = 1
			if offset($function, $clears) >= 0 && offset($function, $calls_dequeue) < 0;
	}
	for my $function (@functions) {
		$reports{$function->{name}} = 1
			if offset($function, $calls_dequeue) >= 0 && !$clears_it->($function);
	}
	close_over(\%reports, sub { !$clears_it->($_[0]) });
	for my $function (@functions) {
		delete $clears{$function->{name}} if dequeue_call($function) >= 0;
	}
	@enders = grep { $clears_it->($_) && dequeue_call($_) >= 0 } @functions;
	$ends{$_->{name}} = 1 for grep { !$_->{locks} } @enders;
	close_over(\%ends, sub { !$_[0]{locks} });
}

# dequeue_call FUNCTION: where it calls ops.dequeue(), maybe through others.
sub dequeue_call {
	my ($function) = @_;
	my ($call) = grep { $reports{$_->{name}} } @{$function->{calls}};
	my $offset = offset($function, $calls_dequeue);

	return $offset >= 0 || !$call ? $offset : $call->{offset};
}

# calls_op FUNCTION CALL: is this the call of ops.dequeue() itself, or of what does
# nothing else?
sub calls_op {
	my ($function, $call) = @_;

	return $reports{$call->{name}} ||
		substr($function->{body}, $call->{offset}) =~ /^$calls_dequeue/;
}

# ending_calls FUNCTION: the calls in it that end custody, or that tell of it where
# it does so itself.
sub ending_calls {
	my ($function) = @_;

	return unless $function;
	my $itself = clear_offset($function) >= 0;
	return grep { $ends{$_->{name}} || $itself && calls_op($function, $_) }
		@{$function->{calls}};
}

# minds_mark NAME: does it look whether the task is in an internal migration?
sub minds_mark {
	my ($name, %seen) = @_;
	my $function = $by_name{$name};

	return 0 if !$function || $seen{$name}++;
	return 1 if offset($function, $mark) >= 0;
	return grep {
		my $called = $by_name{$_->{name}};
		$ends{$_->{name}} || $clears{$_->{name}} ? minds_mark($_->{name}, %seen) :
			$called && $called->{body} =~ /^\s*return\b[^;]*$mark/;
	} @{$function->{calls}};
}

# inserter: what puts a task on a DSQ and then lets go of it, dispatch_enqueue().
sub inserter {
	return (grep { $_->{body} =~ /\bSCX_ENQ_CLEAR_OPSS\b/ && $_->{body} =~ $releases } @functions)[0];
}

# enqueuer: what asks ops.enqueue(), do_enqueue_task().
sub enqueuer {
	return (grep { $_->{body} =~ $queueing } @functions)[0];
}

# reached FUNCTION DEPTH: it and what it calls, through so many calls.
sub reached {
	my ($function, $depth) = @_;
	my @all = ($function);

	return @all if $depth < 1;
	for my $call (@{$function->{calls}}) {
		push @all, reached($by_name{$call->{name}}, $depth - 1) if $by_name{$call->{name}};
	}
	return @all;
}

# waits_for_dispatch FUNCTION CALL: does this call wait until ops_state is no longer
# DISPATCHING?
sub waits_for_dispatch {
	my ($function, $call) = @_;
	my $text = substr $function->{body}, $call->{offset};
	my $called = $by_name{$call->{name}} or return 0;
	my $waits = qr/\bcpu_relax\(/;

	return 1 if offset($called, $waits) >= 0 && $text =~ /^\w+\([^;]*\bSCX_OPSS_DISPATCHING\b/;
	return grep { offset($by_name{$_->{name}}, $waits) >= 0 &&
		substr($called->{body}, $_->{offset}) =~ /^\w+\([^;]*\bSCX_OPSS_DISPATCHING\b/ }
		@{$called->{calls}};
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

		for my $function (grep { $_ } inserter(), enqueuer()) {
			my $name = $function->{name};
			my @custody = grep { $clears{$_->{name}} ||
				offset($by_name{$_->{name}}, $sets) >= 0 && !$by_name{$_->{name}}{locks} }
				@{$function->{calls}};
			push @custody, ending_calls($function);
			@custody = sort { $a->{offset} <=> $b->{offset} } @custody;
			my $body = $function->{body};

			push @custody, { offset => $-[0], name => 'SCX_TASK_IN_CUSTODY' }
				while $body =~ /$sets/g;
			next unless @custody && $body =~ /\batomic_long_set_release\(&\w+->scx\.ops_state\b/;
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
		my $inserter = inserter();
		my ($arrive) = map { $_->{offset} } grep { enqueuer() && $_->{name} eq enqueuer()->{name} }
			$enqueue ? @{$enqueue->{calls}} : ();

		return verdict([], []) unless grep { minds_mark($_) } keys %ends, keys %clears;
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
		for my $call (ending_calls($inserter)) {
			next unless minds_mark($ends{$call->{name}} ? $call->{name} : $inserter->{name});
			next unless defined $arrive && $unmark > $arrive;
			push @open, at($inserter, $call->{offset}) .
				": $call->{name}() in $inserter->{name}() minds the mark, which enqueue_task_scx() takes off later (" .
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
		@closed = map { at($_, dequeue_call($_)) . ": ops.dequeue() in $_->{name}(), with no DSQ's lock held" } @enders;
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
			my $clear = at($ender, clear_offset($ender));

			if (clear_offset($ender) > dequeue_call($ender)) {
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

	# Stale dispatch: whose counter does the sequence number come from?
	10 => sub {
		my (@open, @closed);

		for my $function (@functions) {
			next unless $function->{body} =~ $queueing;
			my ($variable, $use, $place) = ($1, $-[0], -1);
			my ($source, $text) = ('', '');
			my $body = $function->{body};

			while ($body =~ /\b$variable\s*=\s*([^;=][^;]*);/g) {
				last if $-[0] > $use;
				($source, $place) = ($1, $-[0]);
			}
			next if $place < 0;
			# what is read there, or by the function which is asked there
			$text = join ' ', $source, map { $by_name{$_} ? $by_name{$_}{body} : '' } $source =~ /\b(\w+)\s*\(/g;
			if ($text =~ /\b\w*rq->scx\.(\w+)/) {
				push @open, at($function, $place) . ": $variable in $function->{name}() comes from the run queue's $1";
			} elsif ($text =~ /\b\w+->scx\.(?!ops_state\b)(\w+)/) {
				push @closed, at($function, $place) . ": $variable in $function->{name}() comes from the task's $1";
			}
		}
		return verdict(\@open, \@closed);
	},

	# Dying CPU: its run queue is emptied, and dispatched for until it is offline.
	11 => sub {
		my (@open, @closed);
		my $cycles = qr/\b(?:sched_change\b|sched_change_begin\(|sched_deq_and_put_task\(|do_enqueue_task\()/;

		for my $function (@functions) {
			my $offline = offset($function, qr/&=\s*~\(?[^;]*\bSCX_RQ_ONLINE\b/);

			if ($offline >= 0) {
				my $text = join ' ', map { $_->{body} } reached($function, 2);

				if ($text =~ /\brunnable_list\b/ && $text =~ $cycles) {
					push @closed, at($function, $offline) . ": $function->{name}() re-enqueues what is left";
				} else {
					push @open, at($function, $offline) . ": $function->{name}() leaves the run queue's tasks where they are";
				}
			}

			my $dispatch = offset($function, qr/\bSCX_CALL_OP\w*\([^;]*[(,\s]dispatch\s*[,)]/);

			next if $dispatch < 0;
			for my $call (@{$function->{calls}}) {
				next if offset($by_name{$call->{name}}, qr/\bcpu_active\(/) < 0 ||
					$call->{offset} > $dispatch;
				push @open, at($function, $call->{offset}) . ": $function->{name}() calls ops.dispatch() only as long as the CPU is active ($call->{name}())";
			}
		}
		return verdict(\@open, \@closed);
	},

	# Eligibility: looked at under the lock of the task's run queue.
	12 => sub {
		my (@open, @closed);
		my %looks = map { $_->{name} => 1 } grep {
			$_->{body} =~ /\bis_migration_disabled\(/ && $_->{body} =~ /\breturn false;/
		} @functions;

		for my $function (@functions) {
			my $leaves = offset($function, qr/->scx\.holding_cpu\s*=\s*raw_smp_processor_id\(\)/);
			my $release = offset($function, $releases);

			next if $leaves < 0 || $release < 0;
			for my $call (grep { $looks{$_->{name}} } @{$function->{calls}}) {
				if ($call->{offset} < $release) {
					push @open, at($function, $call->{offset}) . ": $call->{name}() in $function->{name}(), before the task's run queue is locked";
				} else {
					push @closed, at($function, $call->{offset}) . ": $call->{name}() in $function->{name}(), with the task's run queue locked";
				}
			}
		}
		return verdict(\@open, \@closed);
	},

	# Left-over verdict: dropped when the task is dequeued.
	13 => sub {
		my (@open, @closed);
		my $drops = qr/->scx\.ddsp_dsq_id\s*=\s*SCX_DSQ_INVALID\b/;

		for my $function (@functions) {
			my $dequeued = offset($function, qr/&=\s*~\(?[^;]*\bSCX_TASK_QUEUED\b/);

			next if $dequeued < 0;
			if (grep { offset($_, $drops) >= 0 } reached($function, 2)) {
				push @closed, at($function, $dequeued) . ": $function->{name}() drops ddsp_dsq_id";
			} else {
				push @open, at($function, $dequeued) . ": $function->{name}() leaves ddsp_dsq_id as it is";
			}
		}
		return verdict(\@open, \@closed);
	},

	# DISPATCHING on a DSQ: nobody finds a task there before ops_state is released,
	# or who re-enqueues it waits; and nobody takes DISPATCHING for his own.
	14 => sub {
		my (@open, @closed);
		my $function = inserter();
		my $release = offset($function, $releases);
		my $unlock = -1;

		return verdict([], []) if $release < 0 || !%ends && !@enders;
		my $body = $function->{body};
		while ($body =~ /\braw_spin_unlock\w*$dsq_lock/g) {
			$unlock = $-[0];
		}
		if ($unlock > $release) {
			return verdict([], [ at($function, $release) . ": $function->{name}() releases ops_state before it unlocks the DSQ" ]);
		}

		for my $reporter (grep { $reports{$_->{name}} } @functions) {
			my $concludes = offset($reporter, qr/\bops_state\b/);

			push @open, at($reporter, $concludes) . ": $reporter->{name}() concludes from ops_state what is locked"
				if $concludes >= 0 && $reporter->{body} =~ /\bSCX_OPSS_DISPATCHING\b/;
		}
		for my $again (@functions) {
			my $enqueue = offset($again, qr/\b\w+\([^;]*\bSCX_ENQ_REENQ\b/);

			# who takes it off a DSQ, rather than from the CPU
			next if $enqueue < 0 || !grep { $_->{name} =~ /^(?:dispatch_dequeue\w*|task_unlink_from_dsq)$/ && $_->{offset} < $enqueue } @{$again->{calls}};
			my $text = substr $again->{body}, 0, $enqueue;
			my ($enqueuer) = substr($again->{body}, $enqueue) =~ /^(\w+)/;
			my @waits = grep { $_->{offset} < $enqueue && waits_for_dispatch($again, $_) } @{$again->{calls}};

			if (@waits) {
				push @closed, at($again, $waits[0]{offset}) . ": $again->{name}() waits for the end of a dispatch before it re-enqueues";
			} elsif ($by_name{$enqueuer} && grep { waits_for_dispatch($by_name{$enqueuer}, $_) } @{$by_name{$enqueuer}{calls}}) {
				push @closed, at($again, $enqueue) . ": $enqueuer() waits for the end of a dispatch";
			} else {
				push @open, at($again, $enqueue) . ": $again->{name}() re-enqueues what may still be DISPATCHING, as ops_state is released after the DSQ is unlocked (" . at($function, $release) . ")";
			}
		}
		@closed = at($function, $release) . ": ops_state is released after the DSQ is unlocked, but nothing re-enqueues from a DSQ" unless @open || @closed;
		return verdict(\@open, \@closed);
	},

	# Leak: a mark that outlives the BPF scheduler is noticed.
	15 => sub {
		my (@open, @closed);

		return verdict([], []) unless @enders;
		for my $op (qw(enable disable)) {
			my @calling = grep { offset($_, qr/\bSCX_CALL_OP\w*\([^;]*[(,\s]$op\s*[,)]/) >= 0 } @functions;
			my $warns = qr/\bWARN\w*\([^;]*\bSCX_TASK_IN_CUSTODY\b/;
			my ($warning) = grep { offset($_, $warns) >= 0 } map { reached($_, 1) } @calling;

			if ($warning) {
				push @closed, at($warning, offset($warning, $warns)) . ": $warning->{name}() warns of a task in custody";
			} elsif (@calling) {
				push @open, "$calling[0]{file}:$calling[0]{line}: $calling[0]{name}() calls ops.$op() whether the task is in custody or not";
			}
		}
		return verdict(\@open, \@closed);
	},
);

read_functions($_) for @ARGV;
read_calls($_) for @functions;
find_enders();

for my $number (sort { $a <=> $b } keys %hazards) {
	print join("\t", $number, $hazards{$number}->()), "\n";
}
