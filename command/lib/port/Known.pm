# SPDX-License-Identifier: GPL-2.0-only
#
# What is known of the code: a function that matters to custody does the same, step by step,
# as on a kernel in compat/known-code, or it is a doubt. known-code is made here, too.

package Known;

use strict;
use warnings;
use Exporter 'import';
use Align qw(common is_neutral);
use Grades qw(@placements @doubts);
use Hunks qw(lines_of hunks_of);
use Names qw(%types %renamed may_be);
use Sites qw($compat @rows is_row_of segments);
use Source qw(is_variable quoted tabs units variables);
use Tree qw(body_of sched_ext_files);

our @EXPORT_OK = qw(learn_doers learn_known_names check_known tell_known);

# Where these are done, custody may begin or end.
my %deeds = (
	'writes ops_state' => qr/\batomic_long_(?!read)\w+\(&\w+->scx\.ops_state/,
	'writes holding_cpu' => qr/->scx\.holding_cpu\s*=(?!=)/,
	'writes sticky_cpu' => qr/->scx\.sticky_cpu\s*=(?!=)/,
	'writes dsq' => qr/->scx\.dsq\s*=(?!=)/,
	'writes SCX_TASK_QUEUED' => qr/->scx\.flags\s*[|&]=[^;]*\bSCX_TASK_QUEUED\b/,
	'links a task to a DSQ' => qr/\b(?:list_add(?:_tail)?|rb_add(?:_cached)?)\(&\w+->scx\.dsq_/,
	'takes a task from a DSQ' => qr/\blist_del(?:_init)?\(&\w+->scx\.dsq_/,
	map { ("calls $_()" => qr/\b$_\(/) } qw(task_unlink_from_dsq dispatch_dequeue
		dispatch_enqueue ops_dequeue move_local_task_to_local_dsq
		move_remote_task_to_local_dsq consume_remote_task),
);

# {DEED}{FUNCTION} = FILE, of the tree as it is before any patch.
my %doers;

# bodies FILE: {FUNCTION} = its code.
sub bodies {
	my ($file) = @_;
	my %text;

	for my $name (grep { !/ / } keys %{$file->{scopes}}) {
		my $scope = $file->{scopes}{$name}[0];
		my $open = body_of($file, $scope) // next;

		$text{$name} = join "\n", @{$file->{code}}[$open .. $scope->{last}];
	}
	return \%text;
}

# learn_doers: of the tree as it is before any patch.
sub learn_doers {
	for my $file (sched_ext_files()) {
		my $text = bodies($file);

		for my $deed (keys %deeds) {
			$doers{$deed}{$_} = $file
				for grep { $text->{$_} =~ $deeds{$deed} } keys %$text;
		}
	}
}

# matters NAME: is this a function whose steps are compared?
sub matters {
	my ($name) = @_;

	return (grep { is_row_of($_, $name) } @rows) || grep { $doers{$_}{$name} } keys %doers;
}

# The types of the variables of the patches, and words that do nothing.
my %their_types = map { $_ => 1 } map { @$_ } values %types;
my %says_nothing = map { $_ => 1 }
	qw(NULL struct likely unlikely u64 s32 int unsigned long bool);

# steps FILE SCOPE: what a function does that matters to custody, one text a step, and the
# line of each. Left out are statements that are neutral, and variables of types that no
# variable of the patches has; a $ is before the others.
sub steps {
	my ($file, $scope) = @_;
	my $type_of = variables($file->{code}, $scope->{first}, $scope->{last});
	my $open = body_of($file, $scope);
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
				push @said, $tokens[$i] if !$says_nothing{$tokens[$i]};
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
				return if ($there{$a[$k]} //= $b[$k]) ne $b[$k];
				return if ($back{$b[$k]} //= $a[$k]) ne $a[$k];
			} elsif ($a[$k] ne $b[$k]) {
				return;
			}
		}
	}
	return { map { substr($_, 1) => substr($there{$_}, 1) } keys %there };
}

my %patched;

# is_patched NAME: does a patch of the kit change this function?
sub is_patched {
	my ($name) = @_;

	if (!%patched) {
		%patched = (top => 1, '' => 1);
		for my $path (glob "\"$compat\"/../patches/*/*.patch") {
			my $hunks = hunks_of(lines_of($path));

			$patched{$_->{scope}} = 1 for map { segments($_) }
				grep { $_ && $_->{start} } map { @$_ } values %$hunks;
		}
	}
	return $patched{$name};
}

# tell_known: for compat/known-code.
sub tell_known {
	learn_doers();
	for my $deed (sort keys %doers) {
		print "$deed\t$_\n" for sort keys %{$doers{$deed}};
	}
	for my $file (sched_ext_files()) {
		for my $name (sort grep { !/ / } keys %{$file->{scopes}}) {
			for my $scope (@{$file->{scopes}{$name}}) {
				my ($steps) = steps($file, $scope);

				print "$name\t", join('; ', @$steps), "\n"
					if matters($name) || is_patched($name);
			}
		}
	}
}

my %known_code;

# known_code NAME: what compat/known-code has of a function or a deed, a list of steps each.
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
		my %new = map { $_ => $names->{$_} }
			grep { $types{$_} && $names->{$_} ne $_ } keys %$names;

		return if !%new || grep { !may_be($_, $new{$_}, $type_of) } keys %new;
		$all{$_}{$new{$_}} = 1 for keys %new;
	}
	$renamed{$key}{$_} = (keys %{$all{$_}})[0] for grep { keys %{$all{$_}} == 1 } keys %all;
}

# check_known: was each function that matters what it is on a kernel that is known, and was
# there no other that did what only these do?
sub check_known {
	my %mine;

	for my $deed (sort keys %doers) {
		my %doer = map { $_->[0] => 1 } known_code($deed);

		for my $name (sort grep { !$doer{$_} } keys %{$doers{$deed}}) {
			my $file = $doers{$deed}{$name};

			push @doubts, { file => $file->{path}, function => $name,
				line => 1 + $file->{pristine}{scopes}{$name}[0]{first},
				why => "$name() $deed, and on no kernel that is known it does" };
		}
	}
	$mine{$_->{function}} = 1 for @placements;
	for my $file (map { $_->{pristine} || () } sched_ext_files()) {
		for my $name (sort keys %{$file->{scopes}}) {
			next if !known_code($name) || !$mine{$name} && !matters($name);
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
		my @others_here = grep {
			$types{$_} && ($renamed->{$_} ? $names->{$_} ne $renamed->{$_} :
				$names->{$_} ne $_ && $there{$_})
		} sort keys %$names;

		return if !$named || !@others_here;
		@others = @others_here;
	}
	if (@others) {
		push @doubts, { file => $file->{path}, function => $name,
			line => 1 + $file->{scopes}{$name}[0]{first},
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
		why => $more ? quoted($file->{raw}[$lines->[$i]]) .
			" in $name() is in no kernel that is known" :
			@$nearest > $i ?
			"$name() does not go on with " . quoted($nearest->[$i] =~ s/^\d+ //r) .
			', as it does on kernels that are known' :
			"$name() does more than on kernels that are known" };
}

1;
