# SPDX-License-Identifier: GPL-2.0-only
#
# Places between functions: at which line of a file something new goes.

package Between;

use strict;
use warnings;
use Exporter 'import';
use Grades qw(grade refuse);
use Source qw(quoted whole_units without_comments);
use Tree qw(file);

our @EXPORT_OK = qw(place_at_top);

# place_at_top PLACEMENT SEGMENT FILE: before the function that follows it in the patch, or
# else after the one that precedes it.
sub place_at_top {
	my ($placement, $segment, $file) = @_;
	my ($old, $sign, $added) = whole_units($segment->{lines});
	my ($before, $after) = map {
		my $scopes = $file->{scopes}{$segment->{$_} // ''};
		$scopes && @$scopes == 1 ? $scopes->[0] : undef;
	} qw(before after);
	my $old_text = join "\n", @$old;
	my $is_old = sub { join("\n", @{$file->{raw}}[$_[0] .. $_[0] + $#$old]) eq $old_text };
	my @all = map { @{$added->{$_}} } sort { $a <=> $b } keys %$added;
	my $line;

	if (grep { $_ eq '-' } @$sign) {
		my @at = grep { $is_old->($_) } 0 .. @{$file->{raw}} - @$old;

		refuse("$placement->{patch}: " . quoted(join ' ', @$old) .
			" is not at one place in $file->{path}") if @at != 1;
		return ({ map { $at[0] + $_ => 1 } grep { $sign->[$_] eq '-' } 0 .. $#$sign },
			{ map { $at[0] + $_ => $added->{$_} } keys %$added });
	}
	# as it is, beside one of them
	for my $first ($after ? $after->{first} - @$old : (), $before ? $before->{last} + 1 : ()) {
		my ($at) = keys %$added;

		return ({}, { $first + $at => [ @all ] }) if keys %$added == 1 && $first >= 0 &&
			$is_old->($first) && in_order($file, $first + $at, \@all);
	}
	if ($after) {
		$line = $after->{first};
		# before the comment about it
		$line-- while $line && $file->{raw}[$line - 1] =~ /\S/ &&
			$file->{code}[$line - 1] !~ /\S/;
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

			if (/^#\s*define\s+(\w+)/ ||
			    /^(?:static\s+)?DEFINE_\w+\((?:[^,()]*,\s*)?(\w+)\)/ ||
			    /^(?:static|extern)\s[^=;{]*?(\w+)(?:\[\w*\])?\s*(?:=.*|;)$/ ||
			    /^(?:typedef\s+)?(?:struct|enum|union)\s+(\w+)\s*\{/) {
				$name = $1;
			} elsif (/^[a-z_].*?\b(\w+)\((?![^()]*\)\s*\w+\()/ &&
				 !/^(?:if|else|for|while|return)\b/) {
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
	my @code = without_comments(
		map { /^#include "(\w+\.h)"/ ? included($file, $1) : $_ } @$texts);
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

# included FILE NAME: the lines of a file beside it, which a patch may have brought.
sub included {
	my ($file, $name) = @_;
	my $path = $file->{path} =~ s{[^/]*$}{$name}r;

	my $brought = file($path);

	return $brought ? @{$brought->{raw}} : ();
}

1;
