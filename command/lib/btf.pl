#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# The types in a file, the section .BTF of an ELF file or raw BTF, as 'bpftool btf
# dump file' prints them, so far as check-btf reads that: of each its number, kind,
# name and type, and of a prototype, a structure and an enumeration what is in it.
# Values of enumerations are printed without a sign.
#
# Usage: btf.pl FILE
use strict;
use warnings;

my @kinds = qw(VOID INT PTR ARRAY STRUCT UNION ENUM FWD TYPEDEF VOLATILE CONST RESTRICT
	FUNC FUNC_PROTO VAR DATASEC FLOAT DECL_TAG TYPE_TAG ENUM64);
# How many words follow a type: for itself, and for each of what is in it.
my %words = (INT => 1, ARRAY => 3, VAR => 1, DECL_TAG => 1);
my %words_each = (STRUCT => 3, UNION => 3, ENUM => 2, FUNC_PROTO => 2, DATASEC => 3,
	ENUM64 => 3);
# The byte order, as unpack() takes it.
my $order;
my $file;

# part OFFSET LENGTH: of the file.
sub part {
	my ($offset, $length) = @_;

	seek($file, $offset, 0) && read($file, my $data, $length) == $length or
		die "it is cut off\n";
	return $data;
}

# section NAME: of a 64-bit ELF file.
sub section {
	my ($offset, $size, $count, $names) = unpack("x40Q$order x10(S3)$order", part(0, 64));
	my @sections = map { [unpack("L$order x20(Q2)$order", part($offset + $_ * $size, 40))] }
		0 .. $count - 1;
	my $strings = part(@{$sections[$names]}[1, 2]);

	for (@sections) {
		return part(@$_[1, 2]) if unpack("x$_->[0]Z*", $strings) eq $_[0];
	}
	die "it has no section $_[0]\n";
}

open($file, '<:raw', $ARGV[0]) or die "$!\n";
my $btf;
if (part(0, 4) eq "\x7fELF") {
	$order = { "\x02\x01" => '<', "\x02\x02" => '>' }->{part(4, 2)} or
		die "it is no 64-bit ELF file\n";
	$btf = section('.BTF');
} else {
	# sysfs may not tell how long it is
	seek($file, 0, 0);
	local $/;
	$btf = <$file>;
}
($order) = grep { length($btf) >= 24 && unpack("S$_", $btf) == 0xeb9f } '<', '>' or
	die "it is no BTF\n";

my ($header, $types, $length, $strings) = unpack("x4(L4)$order", $btf);
my ($at, $end) = ($header + $types, $header + $types + $length);
my $name_at = sub { unpack('Z*', substr($btf, $header + $strings + $_[0], 256)) || '(anon)' };

for (my $id = 1; $at < $end; $id++) {
	my ($name, $info, $type) = unpack("x${at}(L3)$order", $btf);
	my $kind = $kinds[$info >> 24 & 0x1f] // die "type $id is of a kind that is not known\n";
	my $words = $words_each{$kind} // 0;
	$at += 12 + 4 * ($words{$kind} // 0);
	my @inside = unpack("x${at}(L" . $words * ($info & 0xffff) . ")$order", $btf);

	$at += 4 * @inside;
	print "[$id] $kind '", $name_at->($name), "'",
		$kind =~ /^(PTR|TYPEDEF|VOLATILE|CONST|RESTRICT|FUNC|TYPE_TAG)$/ ?
		" type_id=$type" : '', "\n";
	while (my ($name, $value, $more) = splice(@inside, 0, $words)) {
		print "\t'", $name_at->($name), "' ",
			$kind eq 'ENUM64' ? 'val=' . ($more << 32 | $value) :
			$kind eq 'ENUM' ? "val=$value" : "type_id=$value", "\n";
	}
}
