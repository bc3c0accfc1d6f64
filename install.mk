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
unitdir ?= $(prefix)/lib/systemd/system
# Where dkms looks, whatever the prefix.
srcdir ?= /usr/src

INSTALL ?= install
kit = $(DESTDIR)$(datadir)/scx-custody
module = $(DESTDIR)$(srcdir)/scx-custody-$(version)
version = $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

# The command is what is in command/, and runs nothing but what is in these folders.
# The header for BPF schedulers is found without asking the compiler for it.
install-patches:
	$(INSTALL) -d $(kit) $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 \
		$(DESTDIR)$(includedir) $(DESTDIR)$(datadir)/bash-completion/completions
	set -o pipefail; tar -c --exclude=README.md patches compat command | \
		tar -xp --no-same-owner -C $(kit)
	echo $(version) >$(kit)/VERSION
	ln -sfr $(kit)/command/scx-custody $(DESTDIR)$(bindir)/scx-custody
	ln -sfr $(kit)/command/completion.bash \
		$(DESTDIR)$(datadir)/bash-completion/completions/scx-custody
	$(INSTALL) -m 644 bpf/scx_custody.bpf.h $(DESTDIR)$(includedir)
	$(INSTALL) -m 644 docs/man/scx-custody.1 $(DESTDIR)$(mandir)/man1

install-selftests:
	$(MAKE) -C selftests
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir)/scx-custody \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man8
	$(INSTALL) selftests/build/scx-custody-selftest $(DESTDIR)$(bindir)
	$(INSTALL) selftests/record-verdict $(DESTDIR)$(libexecdir)/scx-custody
	$(INSTALL) -m 644 docs/man/scx-custody-selftest.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 docs/man/scx-custody-verify.8 $(DESTDIR)$(mandir)/man8

# The module's source, laid out as it is here, for dkms to build.
install-dkms:
	$(INSTALL) -d $(module)/live $(module)/compat $(DESTDIR)$(mandir)/man4
	sed 's/^\(PACKAGE_VERSION=\).*/\1"$(version)"/' dkms.conf >$(module)/dkms.conf
	chmod 644 $(module)/dkms.conf
	$(INSTALL) -m 644 live/Kbuild live/*.[ch] $(module)/live
	$(INSTALL) -m 644 compat/custody.h $(module)/compat
	$(INSTALL) -m 644 docs/man/scx_custody.4 $(DESTDIR)$(mandir)/man4

# Apart, since debhelper has a place of its own for units.
install-unit:
	$(INSTALL) -d $(DESTDIR)$(unitdir)
	sed 's,/usr/libexec,$(libexecdir),' selftests/scx-custody-verify.service \
		>$(DESTDIR)$(unitdir)/scx-custody-verify.service
	chmod 644 $(DESTDIR)$(unitdir)/scx-custody-verify.service

.PHONY: install-patches install-selftests install-dkms install-unit
