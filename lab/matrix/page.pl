#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# The table as a page that stands for itself, from what judge.pl printed.
#
# Usage: page.pl <matrix.json >matrix.html
use strict;
use warnings;
use utf8;
use FindBin;
use JSON::PP;

my %signs = (pass => '✓', part => '◐', skip => '○', fail => '✗', hang => 'H', panic => 'P',
	crash => 'C', unrun => '·');

binmode(STDOUT, ':encoding(UTF-8)');
my $matrix = decode_json(join('', <STDIN>));
my %means = map { $_->{state} => $_->{means} } @{$matrix->{states}};
my @kernels = @{$matrix->{kernels}};

sub html {
	my ($text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/>/&gt;/g;
	$text =~ s/"/&quot;/g;
	return $text;
}

# Text of the page, with `code`.
sub marked_up {
	my $text = html($_[0]);

	$text =~ s/`([^`]+)`/<code>$1<\/code>/g;
	return $text;
}

# What is broken as the kernel must be is pale.
sub class {
	my ($state, $known) = @_;

	return $known ? "$state known" : $state;
}

sub sign {
	my ($state, $known) = @_;

	return '<span class="sign ' . class($state, $known) . qq(">$signs{$state}</span>);
}

# The tests with their results, as a list; only those that did not pass have more to say.
sub test_list {
	my $text = "<ul class=tests>\n";

	for my $test (@_) {
		my $time = defined($test->{seconds}) ?
			sprintf(' <small>%.1f s</small>', $test->{seconds}) : '';
		$text .= '<li>' . sign($test->{result}, $test->{known}) .
			" <b>$test->{name}</b>$time";
		$text .= '<br>' . html($test->{why}) if $test->{why};
		$text .= "</li>\n";
	}
	return "$text</ul>\n";
}

my $next_popover = 0;

# One cell: its sign, which opens what is behind it.
sub cell {
	my ($kernel, $kind, $subject) = @_;

	return qq(<td class="none$kernel->{edge}" title=") . html($kernel->{why_not}) .
		qq("></td>\n) unless $kernel->{tests};

	my $state = $kernel->{"${kind}s"}{$subject->{number}};
	my %mine = map { $_ => 1 } @{$subject->{tests}};
	my @mine = grep { $mine{$_->{name}} } @{$kernel->{tests}};
	my @told = grep { $_->{result} ne 'pass' } @mine;
	my @broken = grep { exists($_->{known}) } @mine;
	my $known = @broken && !grep { !$_->{known} } @broken;
	my $title = $means{$state};
	my $id = 'p' . $next_popover++;

	$title .= ': ' . join('; ', map { $_->{name} . ($_->{why} ? " ($_->{why})" : '') }
		@told[0 .. ($#told > 2 ? 2 : $#told)]) if @told;
	$title .= ' and ' . (@told - 3) . ' more' if @told > 3;
	return '<td class="' . class($state, $known) . qq($kernel->{edge}">) .
		qq(<button popovertarget=$id title=") . html($title) .
		qq(">$signs{$state}</button>) .
		qq(<div popover id=$id><h3>$kernel->{version} $kernel->{variant}, ) .
		"$kind $subject->{number}</h3>" .
		'<p>' . marked_up($subject->{what}) . ': ' . sign($state, $known) .
		" $means{$state}.</p>\n" .
		test_list(@mine) . "</div></td>\n";
}

# Rows or hazards: a heading, and a line for each.
sub section {
	my ($kind, $heading) = @_;

	print '<tr class="section"><th colspan="', @kernels + 1,
		qq("><span>$heading</span></th></tr>\n);
	for my $subject (@{$matrix->{"${kind}s"}}) {
		print '<tr><th scope="row"><div class="label"><span class="number">',
			$subject->{number}, '</span><div>',
			marked_up($subject->{what}),
			$subject->{more} ? ('<small>', marked_up($subject->{more}), '</small>') : (),
			"</div></div></th>\n";
		print cell($_, $kind, $subject) for @kernels;
		print "</tr>\n";
	}
}

# One of the facts about a kernel, if there is any.
sub fact {
	my ($name, $value) = @_;

	return '' unless defined($value) && length($value);
	return "<dt>$name</dt><dd>$value</dd>\n";
}

my %counted = (pass => 'passed', fail => 'failed', skip => 'skipped', unrun => 'not run',
	hang => 'hung', panic => 'panicked', crash => 'crashed');

# "3 failed, 2 passed"
sub counts {
	my %counts;

	$counts{$_->{result}}++ for @_;
	return join(', ', map { "$counts{$_} $counted{$_}" } sort keys %counts);
}

sub details {
	my ($kernel) = @_;
	my $mark = !$kernel->{tests} ? '<span class="sign unrun">–</span>' :
		sign($kernel->{ok} ? 'pass' : 'fail', 0);
	my $text = qq(<details id="$kernel->{name}"><summary>$mark ) .
		"<b>$kernel->{version} $kernel->{variant}</b> <span>" . html($kernel->{verdict}) .
		"</span></summary>\n<dl>\n";

	$text .= fact('must', $kernel->{must});
	if ($kernel->{tests}) {
		$text .= fact('kernel', html($kernel->{release} // ''));
		$text .= fact('outcome', html("$kernel->{outcome}: $kernel->{reason}"));
		$text .= fact('it said', html($kernel->{said} // ''));
		$text .= fact('tests', counts(@{$kernel->{tests}}));
		$text .= fact('run', html("$kernel->{date}, $kernel->{seconds} s, " .
			"with $kernel->{accel}"));
		$text .= fact('image', "<code>$kernel->{image_sha256}</code> (SHA-256)");
		$text .= fact('logs', '<code>' . html($kernel->{logs}) . '</code>');
		$text .= "</dl>\n" . test_list(@{$kernel->{tests}});
	} else {
		$text .= "</dl>\n";
	}
	return "$text</details>\n";
}

# A line between kernels of one release and those of the next.
my $version = '';
for my $kernel (@kernels) {
	my ($release) = $kernel->{version} =~ /^(\d+\.\d+)/;
	$kernel->{edge} = $release ne $version ? ' edge' : '';
	$version = $release;
}

open(my $css, '<:encoding(UTF-8)', "$FindBin::Bin/page.css") or
	die "page.pl: cannot read page.css: $!.\n";
my $style = join('', <$css>);

print <<"END";
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>scx-custody: kernels against the contract</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>Kernels against the contract</h1>
<p>Each time a task enters the custody of a BPF scheduler, exactly one <code>ops.dequeue()</code>
must follow when it leaves. The rows below are what that means, as <code>docs/semantics.md</code>
spells it out, and the known ways to get it wrong; the columns are kernels, on each of which
<code>scx-custody-selftest</code> was run in a virtual machine.
@{[html(join(' ', @{$matrix->{rules}}))]}</p>
<p class="summary">@{[sign($matrix->{ok} ? 'pass' : 'fail', 0)]} <b>$matrix->{summary}</b>
<small>Generated $matrix->{generated}.</small></p>
<ul class="legend">
END
print '<li>', sign($_->{state}, 0), " $_->{means}</li>\n" for @{$matrix->{states}};
print '<li>', sign('fail', 1), " pale: as this kernel must</li>\n",
	qq(<li><span class="sign none">&nbsp;</span> no result</li>\n);
print <<"END";
</ul>
<p><small>A sign opens the tests behind it; a kernel's name leads to what is known of its
run.</small></p>
</header>
<div class="scroll">
<table>
<thead>
<tr><th class="corner">kernel</th>
END
for my $kernel (@kernels) {
	print qq(<th class="$kernel->{variant}$kernel->{edge}" scope="col">),
		qq(<a href="#$kernel->{name}"><b>$kernel->{version}</b> ),
		"$kernel->{variant}</a></th>\n";
}
print qq(</tr>\n</thead>\n<tbody>\n<tr class="verdict"><th scope="row">does what it must</th>\n);
for my $kernel (@kernels) {
	my $state = !$kernel->{tests} ? 'none' : $kernel->{ok} ? 'pass' : 'fail';
	print qq(<td class="$state$kernel->{edge}" title="), html($kernel->{verdict}), '">',
		qq(<a href="#$kernel->{name}">), $state eq 'none' ? '–' : $signs{$state},
		"</a></td>\n";
}
print "</tr>\n";
section('row', 'Rows: what happens');
section('hazard', 'Hazards: what must not happen');
print "</tbody>\n</table>\n</div>\n<section>\n<h2>Each kernel</h2>\n";
print details($_) for @kernels;
print <<'END';
</section>
<script>
function show() {
	let kernel = document.getElementById(decodeURIComponent(location.hash.slice(1)));
	if (kernel) kernel.open = true;
}
addEventListener("hashchange", show); show();
</script>
</body>
</html>
END
