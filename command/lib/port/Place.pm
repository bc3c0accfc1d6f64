# SPDX-License-Identifier: GPL-2.0-only
#
# Places in a function, an enum or a structure: which lines of it go, and at which line
# something new comes.

package Place;

use strict;
use warnings;
use Exporter 'import';
use Align qw(align common is_neutral is_only_whole likeness);
use Calls qw(%calls spaced text_with_arguments);
use Grades qw(grade refuse);
use Known qw(learn_known_names);
use Names qw(learn_names renaming translated translated_tokens variables_of);
use Source qw($token is_one_statement quoted tabs tokens trimmed units whole_units
	without_comments);

our @EXPORT_OK = qw(place_in_scope);

# What is known of a hunk's part in a scope, while it is placed:
#	placement, file
#	name, key, where	of the scope, and how it is told
#	old, sign, added, ours	see whole_units()
#	theirs			the units of the scope
#	like, score, found	see likeness() and align()

# place_in_scope PLACEMENT SEGMENT FILE SCOPE: find the statements around what changes, and
# say what is to be done: lines to delete, and lines to add before a line.
sub place_in_scope {
	my ($placement, $segment, $file, $scope) = @_;
	my $name = $placement->{function};
	my $key = "$file->{path}:$name";
	my ($old, $sign, $added, $ours) = whole_units($segment->{lines});
	my @theirs = units($file->{raw}, $file->{code}, $scope->{first}, $scope->{last});

	learn_known_names($file, $name);
	learn_names($key, $ours, \@theirs, variables_of($file, $scope));
	my $like = likenesses($ours, \@theirs, $key);
	# a call may be known by now that was not when it was looked at
	$like = likenesses($ours, \@theirs, $key) if $calls{$key};
	my ($score, $found) = align($ours, \@theirs, $like, {});
	my $at = {
		placement => $placement, file => $file,
		name => $name, key => $key, where => $name =~ / / ? $name : "$name()",
		old => $old, sign => $sign, added => $added, ours => $ours,
		theirs => \@theirs, like => $like, score => $score, found => $found,
	};

	check_context($at);
	my $delete = deletions($at);
	delete_blank_lines($at, $delete);
	return ($delete, insertions($at));
}

# likenesses OURS THEIRS KEY: of each to each.
sub likenesses {
	my ($ours, $theirs, $key) = @_;

	return [ map { my $o = $_; [ map { scalar likeness($o, $_, $key) } @$theirs ] } @$ours ];
}

# how AT I: the I-th unit of ours was found, see likeness(), or nothing.
sub how {
	my ($at, $i) = @_;

	return defined $at->{found}[$i] ? $at->{like}[$i][$at->{found}[$i]][0] : undef;
}

# matched AT I: what was found for it.
sub matched {
	my ($at, $i) = @_;

	return $at->{theirs}[$at->{found}[$i]];
}

# our_text AT I, their_text AT UNIT: to be told.
sub our_text {
	my ($at, $i) = @_;

	return unit_text($at->{old}, $at->{ours}[$i]);
}

sub their_text {
	my ($at, $unit) = @_;

	return unit_text($at->{file}{raw}, $unit);
}

sub unit_text {
	my ($raw, $unit) = @_;

	return quoted(join ' ', @$raw[$unit->{first} .. $unit->{last}]);
}

# check_context AT: is all code around it there, and as it is in the patch?
sub check_context {
	my ($at) = @_;
	my ($placement, $old, $ours, $raw) = (@$at{qw(placement old ours)}, $at->{file}{raw});
	my @texts = map { matched($at, $_) } grep { defined $at->{found}[$_] } 0 .. $#$ours;
	# of a statement that begins before the hunk, the end is there
	my $end = @texts && $ours->[0]{cut} ? 'last' : 'first';
	my $first = @texts ? $texts[0]{$end} - $ours->[0]{$end} : 0;
	my $verbatim = @texts == @$ours &&
		join("\n", @$old) eq join("\n", @$raw[$first .. $first + $#$old]);

	grade($placement, $verbatim ? 'exact' : 'moved');
	for my $i (grep { $ours->[$_]{tokens} && !$ours->[$_]{deleted} } 0 .. $#$ours) {
		my $what = our_text($at, $i);

		if (!defined $at->{found}[$i]) {
			grade($placement, 'doubtful', "$what is not there");
		} elsif (how($at, $i) eq 'similar') {
			grade($placement, 'doubtful',
				"$what reads " . their_text($at, matched($at, $i)) . ' here');
		}
	}
}

# --- what goes ----------------------------------------------------------------------------

# deletions AT: {LINE} of what the hunk deletes. A statement that says more here than in the
# patch is merged with what comes in its place.
sub deletions {
	my ($at) = @_;
	my ($placement, $ours) = @$at{qw(placement ours)};
	my %delete;

	for my $i (grep { $ours->[$_]{deleted} } 0 .. $#$ours) {
		my $what = our_text($at, $i);

		refuse("$placement->{patch}: $what, which it replaces, is not in $at->{where} of " .
			$at->{file}{path}) if !defined $at->{found}[$i];
		my $how = how($at, $i);
		my $theirs = matched($at, $i);
		if ($how =~ /^(?:arguments|similar)$/) {
			my $reads = "reads " . their_text($at, $theirs);

			if ($how eq 'similar' && defined(my $same = merge($at, $i))) {
				grade($placement, $same ? 'adapted' : 'doubtful',
					"$what $reads here");
			} elsif ($how eq 'arguments') {
				grade($placement, 'adapted', "$what $reads here");
			} else {
				refuse("$placement->{patch}: $what, which it replaces, $reads " .
					"in $at->{where} of $at->{file}{path}");
			}
		}
		grade($placement, 'adapted', renaming($at->{key})) if $how eq 'renamed';
		$delete{$_} = 1 for $theirs->{first} .. $theirs->{last};
		check_unique($at, $i);
	}
	return \%delete;
}

# merge AT I: have what comes in the place of a statement say what the statement says more
# here; whether all that the patch expects is in it, or nothing if it cannot be merged.
sub merge {
	my ($at, $i) = @_;
	my $unit = $at->{ours}[$i];
	my $theirs = matched($at, $i);
	my $new = $at->{added}{$unit->{last} + 1} or return;

	return if grep { $at->{ours}[$_]{deleted} && $_ != $i } 0 .. $#{$at->{ours}};
	return if !is_one_statement($new);
	my @new = tokens(join "\n", without_comments(@$new)) or return;
	my $text = join "\n", @{$at->{file}{raw}}[$theirs->{first} .. $theirs->{last}];
	my $merged = merged($unit->{named}, translated_tokens(\@new, $at->{key}), $text) // return;

	$at->{added}{$unit->{last} + 1} = [ { done => [ split /\n/, $merged ] } ];
	return common($unit->{named}, $theirs->{tokens}) == @{$unit->{named}} ? 1 : 0;
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
	while ($code =~ /$token/g) {
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

# delete_blank_lines AT DELETE: those that the hunk deletes, too.
sub delete_blank_lines {
	my ($at, $delete) = @_;
	my ($ours, $sign, $raw) = (@$at{qw(ours sign)}, $at->{file}{raw});

	for my $i (grep { defined $at->{found}[$_] } 0 .. $#$ours) {
		my $end = $i < $#$ours ? $ours->[$i + 1]{first} : @{$at->{old}};
		my @gap = $ours->[$i]{last} + 1 .. $end - 1;
		my $next = matched($at, $i)->{last} + 1;

		for my $n (grep { $sign->[$gap[$_]] eq '-' } 0 .. $#gap) {
			$delete->{$next + $n} = 1 if $raw->[$next + $n] !~ /\S/;
		}
	}
}

# --- what comes ---------------------------------------------------------------------------

# insertions AT: {LINE} = what the hunk adds before it.
sub insertions {
	my ($at) = @_;
	my %insert;

	for my $place (sort { $a <=> $b } keys %{$at->{added}}) {
		my ($before, $after) = neighbours($at, $place);
		my @anchors = grep { defined && defined $at->{found}[$_] } $before, $after;

		if (!@anchors) {
			my ($lost) = grep { defined } $before, $after;

			refuse("$at->{placement}{patch}: cannot find the place in $at->{where} " .
				"of $at->{file}{path}" . (defined $lost ?
				', where ' . our_text($at, $lost) . ' should be' : ''));
		}
		check_unique($at, @anchors);
		my $line = line_between($at, $place, $before, $after);
		tell_anchors($at, @anchors);
		push @{$insert{$line}}, as_said_here($at, $place, @anchors);
	}
	return \%insert;
}

# neighbours AT PLACE: the units of ours before and after it. Comments may have gone.
sub neighbours {
	my ($at, $place) = @_;
	my ($ours, $found) = @$at{qw(ours found)};
	my $is_gone = sub { !defined $found->[$_[0]] && defined $ours->[$_[0]]{comment} };
	my ($before) = grep { $ours->[$_]{last} < $place && !$is_gone->($_) } reverse 0 .. $#$ours;
	my ($after) = grep { $ours->[$_]{first} >= $place && !$is_gone->($_) } 0 .. $#$ours;

	return ($before, $after);
}

# blank_lines AT FROM MOST: how many there are from a line on, at most so many.
sub blank_lines {
	my ($at, $from, $most) = @_;
	my $count = 0;

	$count++ while $count < $most && ($at->{file}{raw}[$from + $count] // 'x') !~ /\S/;
	return $count;
}

# line_between AT PLACE BEFORE AFTER: the line before which it goes.
sub line_between {
	my ($at, $place, $before, $after) = @_;
	my ($from, $to);

	if (defined $before && defined $at->{found}[$before]) {
		my $gap = $place - 1 - $at->{ours}[$before]{last};

		$from = matched($at, $before)->{last} + 1;
		$from += blank_lines($at, $from, $gap);
	}
	$to = matched($at, $after)->{first} if defined $after && defined $at->{found}[$after];
	return $from // $to if !defined $from || !defined $to;

	my $end = matched($at, $before)->{last};
	refuse("$at->{placement}{patch}: " . our_text($at, $before) . ' and ' .
		our_text($at, $after) . " are not in this order in $at->{where} of " .
		$at->{file}{path}) if $end >= $to;
	my @between = grep { $_->{first} > $end && $_->{last} < $to } @{$at->{theirs}};
	tell_between($at, $place, @between);
	return !@between || beside_before($at, $before, $place) ? $from : $to;
}

# tell_between AT PLACE UNIT...: what a vendor has put between it and its neighbour.
sub tell_between {
	my ($at, $place, @between) = @_;
	my ($placement, $added) = ($at->{placement}, $at->{added}{$place});
	my %names = map { $_ => 1 } tokens(join "\n",
		map { ref $_ ? @{$_->{done}} : translated($_, $at->{key}) } @$added);

	for my $unit (grep { !defined $_->{comment} } @between) {
		my $what = their_text($at, $unit);

		# a vendor's flag or member may be where ours is to be
		if ($at->{name} !~ / / && is_neutral($unit, \%names, 1)) {
			grade($placement, 'adapted',
				"$what is between it and its neighbour, to no effect");
		} else {
			grade($placement, 'doubtful', "$what is between it and its neighbour");
		}
	}
}

# beside_before AT BEFORE PLACE: does what is added belong to the statement before it, rather
# than to the one after it? So says compat/call-sites; else no blank line is between them.
sub beside_before {
	my ($at, $before, $place) = @_;
	my $text = trimmed($at->{old}[$at->{ours}[$before]{first}]);

	return 1 if grep { $_->[4] eq $text } @{$at->{placement}{sites}};
	return $place == $at->{ours}[$before]{last} + 1;
}

# tell_anchors AT I...: what is different about the neighbours.
sub tell_anchors {
	my ($at, @anchors) = @_;

	for my $i (@anchors) {
		my $how = how($at, $i);

		grade($at->{placement}, 'adapted', renaming($at->{key})) if $how eq 'renamed';
		grade($at->{placement}, 'adapted', our_text($at, $i) . ' reads ' .
			their_text($at, matched($at, $i)) . ' here') if $how eq 'arguments';
	}
}

# as_said_here AT PLACE I...: the lines that are added, as deep as their neighbours are, with
# names and arguments as they are here.
sub as_said_here {
	my ($at, $place, @anchors) = @_;
	my ($placement, $key) = @$at{qw(placement key)};
	my @shift = map {
		tabs($at->{file}{raw}[matched($at, $_)->{first}]) -
			tabs($at->{old}[$at->{ours}[$_]{first}])
	} grep { !$at->{ours}[$_]{cut} } @anchors;
	my $shift = $shift[0] // 0;
	my @new;

	grade($placement, 'doubtful', 'the statements around it are in another block')
		if grep { $_ } @shift;
	for (@{$at->{added}{$place}}) {
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
	my $text = text_with_arguments($key, $plain);
	if ($text ne $plain) {
		my $why = 'calls have more arguments here';
		my @variables = grep { /^[a-z_]\w*$/ } map { tokens($_->[1]) } map { @$_ }
			map { values %$_ } values %{$calls{$key}};

		grade($placement, 'adapted', $why) if !@variables;
		grade($placement, 'doubtful', "$why, $variables[0] among them") if @variables;
	}
	return split /\n/, $text, -1;
}

# check_unique AT I...: is there another place that is almost as like it, where these units
# of ours are something else?
sub check_unique {
	my ($at, @units) = @_;
	my ($ours, $theirs, $like, $found) = @$at{qw(ours theirs like found)};

	return if is_only_whole($ours, $theirs, $like, $found);
	my %forbidden = map { ("$_,$found->[$_]" => 1) } @units;
	my ($other) = align($ours, $theirs, $like, \%forbidden);
	my $weight = 0;

	$weight += $like->[$_][$found->[$_]][1] for @units;
	grade($at->{placement}, 'doubtful', "there is another place like it in $at->{where}")
		if $other > $at->{score} - 0.5 * $weight;
}

1;
