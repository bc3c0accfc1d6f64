# SPDX-License-Identifier: GPL-2.0-only
#
# What is installed where: the one place that debian/ and rpm/ and 'make install'
# have it from.
#
#   make install-PACKAGE DESTDIR=root-to-be prefix=/usr

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/scx-custody-patches
unitdir ?= $(prefix)/lib/systemd/system
# Where dkms looks, whatever the prefix.
srcdir ?= /usr/src

INSTALL ?= install
# in DIR: where that goes, whatever is in the names.
in = $(call quote,$(DESTDIR)$(1))
kit = $(call in,$(datadir)/scx-custody)
module = $(call in,$(srcdir)/scx-custody-$(version))
version = $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

# The command is what is in command/, and runs nothing but what is in these folders.
# The header for BPF schedulers is found without asking the compiler for it. Everybody can
# read it all, also from a checkout of somebody who keeps his files to himself.
install-patches:
	$(INSTALL) -d $(kit) $(call in,$(bindir)) $(call in,$(mandir)/man1) \
		$(call in,$(includedir)) $(call in,$(datadir)/bash-completion/completions) \
		$(call in,$(docdir)/docs)
	set -o pipefail; tar -c --mode=a+rX,go-w --exclude=README.md patches compat command | \
		tar -xp --no-same-owner -C $(kit)
	echo $(version) >$(kit)/VERSION
	chmod 644 $(kit)/VERSION
	ln -sfr $(kit)/command/scx-custody $(call in,$(bindir)/scx-custody)
	ln -sfr $(kit)/command/completion.bash \
		$(call in,$(datadir)/bash-completion/completions/scx-custody)
	$(INSTALL) -m 644 bpf/scx_custody.bpf.h $(call in,$(includedir))
	$(INSTALL) -m 644 docs/man/scx-custody.1 $(call in,$(mandir)/man1)
	$(INSTALL) -m 644 README.md $(call in,$(docdir))
	$(INSTALL) -m 644 docs/*.md $(call in,$(docdir)/docs)

install-selftests:
	$(MAKE) -C selftests
	$(INSTALL) -d $(call in,$(bindir)) $(call in,$(libexecdir)/scx-custody) \
		$(call in,$(mandir)/man1) $(call in,$(mandir)/man8)
	$(INSTALL) selftests/build/scx-custody-selftest $(call in,$(bindir))
	$(INSTALL) selftests/record-verdict $(call in,$(libexecdir)/scx-custody)
	$(INSTALL) -m 644 docs/man/scx-custody-selftest.1 $(call in,$(mandir)/man1)
	$(INSTALL) -m 644 docs/man/scx-custody-verify.8 $(call in,$(mandir)/man8)

# The module's source, laid out as it is here, for dkms to build.
install-dkms:
	$(INSTALL) -d $(module)/live $(module)/compat $(call in,$(mandir)/man4)
	sed 's/^\(PACKAGE_VERSION=\).*/\1"$(version)"/' dkms.conf >$(module)/dkms.conf
	chmod 644 $(module)/dkms.conf
	$(INSTALL) -m 644 live/Kbuild live/*.[ch] $(module)/live
	$(INSTALL) -m 644 compat/custody.h $(module)/compat
	$(INSTALL) -m 644 docs/man/scx_custody.4 $(call in,$(mandir)/man4)

# Apart, since debhelper has a place of its own for units.
unit = $(call in,$(unitdir)/scx-custody-verify.service)
install-unit:
	$(INSTALL) -d $(call in,$(unitdir))
	sed 's,/usr/libexec,$(libexecdir),' selftests/scx-custody-verify.service >$(unit)
	chmod 644 $(unit)

.PHONY: install-patches install-selftests install-dkms install-unit
