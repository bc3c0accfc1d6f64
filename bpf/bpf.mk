# SPDX-License-Identifier: GPL-2.0-only
#
# How one program with BPF schedulers in it is built, for any kernel from 6.12 on
# and without the network. A Makefile sets these and includes this file:
#
# PROGRAM      its name
# SOURCES      its .c files
# SCHEDULERS   NAME for each NAME.bpf.c; C code finds it as "NAME.skel.h"
# HEADERS      its own headers
#
# and is called as 'make [VARIABLE=VALUE]...' with
#
# O               where everything built goes; default: ./build. Programs may
#                 share it, and with it libbpf and bpftool.
# LIBBPF_SRC      tools/lib/bpf of a kernel source tree, which stays untouched:
#                 link its libbpf into the program, and use the tree's bpftool.
#                 That takes python3, libelf and zlib; from 6.18 on libcrypto, too.
# LIBBPF_TARBALL  or the same of a kernel source tree that is still packed
# BPFTOOL         bpftool to use
# CLANG           for the BPF part; default: the newest that is installed
# CC CFLAGS CPPFLAGS LDFLAGS
#                 for the C part, libbpf included if it is built, not for BPF;
#                 LDFLAGS=-static makes a program that needs no library
# CROSS_COMPILE   what the names of a cross compiler's programs begin with; default:
#                 what CC has before gcc, if that machine's ld is there, too
# WERROR          if not empty, warnings are errors
#
# By default, the program is linked to the system's libbpf. Where that or the
# system's bpftool is older than LIBBPF_MIN, LIBBPF_TARBALL is by default the
# newest that a linux-source package has put into /usr/src.

# The first where an op that is unset before loading may be one the kernel lacks.
LIBBPF_MIN := 1.5

# What programs share is next to this file.
shared := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
VPATH := $(shared)

# The machine that the program is for: libbpf takes its ld as well as its compiler, and the
# BPF programs are in its byte order.
ifneq ($(CROSS_COMPILE),)
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
else
prefix := $(patsubst %gcc,%,$(filter %-gcc,$(firstword $(CC))))
CROSS_COMPILE := $(if $(shell command -v $(prefix)ld),$(prefix))
endif
byte_order := $(shell $(CC) -dM -E - </dev/null | sed -n 's/.* __BYTE_ORDER__ //p')
bpf_target := $(if $(findstring BIG,$(byte_order)),bpfeb,bpfel)

O ?= build
out := $(abspath $(O))
objects := $(out)/$(PROGRAM).obj

PKG_CONFIG ?= pkg-config
# The newest clang there is: old ones cannot say all that BPF can do by now.
CLANG ?= $(shell printf '%s\n' clang $$(compgen -c clang- 2>/dev/null) | \
	   grep -xE 'clang(-[0-9]+)?' | sort -t- -k2 -n | tail -n 1)
SHELL := /bin/bash

# Which libbpf: the system's, or one whose source is in libbpf_src.

new_enough = $(if $(1),$(filter $(LIBBPF_MIN),$(shell \
	       printf '%s\n' $(LIBBPF_MIN) $(1) | sort -V | head -n 1)))

ifeq ($(LIBBPF_SRC)$(LIBBPF_TARBALL),)
# Ubuntu's bpftool in PATH only looks for that of the running kernel. The program itself is
# in a folder of each kernel that has one, and does for any kernel.
system_bpftool := $(or $(BPFTOOL),$(shell for bpftool in \
		    "$$(PATH=$$PATH:/usr/sbin command -v bpftool)" \
		    $$(ls -vdr /usr/lib/linux-tools*/bpftool /usr/lib/linux-tools/*/bpftool 2>/dev/null); \
		    do "$$bpftool" version >/dev/null 2>&1 && echo "$$bpftool" && break; done))
has_libbpf := $(shell $(PKG_CONFIG) --modversion libbpf 2>/dev/null)
has_bpftool := $(if $(system_bpftool),$(shell $(system_bpftool) version 2>/dev/null | \
		 sed -n 's/^using libbpf v//p'))
system := $(and $(call new_enough,$(has_libbpf)),$(call new_enough,$(has_bpftool)))
ifeq ($(system),)
LIBBPF_TARBALL ?= $(lastword $(shell ls -v /usr/src/linux-source-*.tar.* 2>/dev/null))
endif
endif

static := $(if $(filter -static%,$(LDFLAGS)),--static)
ifneq ($(system),)
BPFTOOL ?= $(system_bpftool)
libbpf_include := $(shell $(PKG_CONFIG) --cflags libbpf)
LIBS := $(shell $(PKG_CONFIG) $(static) --libs libbpf)
else
libbpf := $(out)/libbpf/libbpf.a
bpftool := $(out)/bpftool/bootstrap/bpftool
unpacked := $(if $(LIBBPF_SRC),,$(LIBBPF_TARBALL:%=$(out)/linux/unpacked))
libbpf_src := $(or $(LIBBPF_SRC),$(unpacked:%/unpacked=%/tools/lib/bpf))
BPFTOOL ?= $(bpftool)
libbpf_include := -isystem $(out)/libbpf/include
LIBS := $(or $(shell $(PKG_CONFIG) $(static) --libs libelf zlib 2>/dev/null),-lelf -lz)
endif

includes := -I$(shared) -isystem $(objects) $(libbpf_include)
warnings := -Wall -Wextra $(if $(WERROR),-Werror)

CFLAGS ?= -O2 -g
ALL_CFLAGS := $(CPPFLAGS) $(CFLAGS) -std=gnu11 $(warnings) $(includes)
BPF_CFLAGS := -O2 -g -ffile-prefix-map=$(CURDIR)=. -target $(bpf_target) -mcpu=v3 $(warnings) \
	      -Wno-unused-parameter $(includes)

# The programs' flags are nothing to the makes of a kernel tree.
MAKEOVERRIDES :=
unexport CFLAGS CPPFLAGS LDFLAGS

all: $(out)/$(PROGRAM)

$(out)/$(PROGRAM): $(SOURCES:%.c=$(objects)/%.o) $(libbpf)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(objects)/%.o: %.c bpf.mk common.h $(HEADERS) $(SCHEDULERS:%=$(objects)/%.skel.h)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Linked by bpftool, an object has BTF and no DWARF.
$(objects)/%.skel.h: $(objects)/%.bpf.o $(filter $(BPFTOOL),$(bpftool))
	$(BPFTOOL) gen object $(objects)/$*.linked.o $<
	$(BPFTOOL) gen skeleton $(objects)/$*.linked.o name $* >$@.new
	mv $@.new $@

$(objects)/%.bpf.o: %.bpf.c bpf.mk kernel.bpf.h compat.bpf.h scx_custody.bpf.h $(HEADERS) \
			$(libbpf) | needs
	mkdir -p $(objects)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(libbpf): $(unpacked) | needs
	mkdir -p $(@D)
	$(MAKE) -s -C $(libbpf_src) OUTPUT=$(@D)/ DESTDIR=$(@D) prefix= \
		CROSS_COMPILE='$(CROSS_COMPILE)' \
		EXTRA_CFLAGS='$(CPPFLAGS) $(filter-out -flto%,$(CFLAGS))' install_headers $@

$(bpftool): $(unpacked) | needs
	mkdir -p $(out)/bpftool
	$(MAKE) -s -C $(libbpf_src)/../../bpf/bpftool OUTPUT=$(out)/bpftool/ bootstrap

$(unpacked): $(wildcard $(LIBBPF_TARBALL))
	@test -r '$(LIBBPF_TARBALL)' || $(call refuse,$(no_tarball))
	rm -rf $(@D)
	mkdir -p $(@D)
	tar -C $(@D) --strip-components=1 --wildcards --no-wildcards-match-slash \
		-xf '$(LIBBPF_TARBALL)' '*/tools' '*/kernel/bpf' '*/scripts/bpf_doc.py'
	touch $@

# What is missing, if something is.
needs: $(unpacked)
	@test -n '$(CLANG)' || $(call refuse,clang is not installed)
ifeq ($(system),)
	@test -n '$(libbpf_src)' || $(call refuse,$(too_old))
	@version=$$(sed -nE 's/^LIBBPF_([0-9.]+) .*/\1/p' '$(libbpf_src)/libbpf.map' 2>&- | \
		sort -V | tail -n 1); \
	test -n "$$version" || $(call refuse,$(no_libbpf)); \
	printf '%s\n' $(LIBBPF_MIN) "$$version" | sort -VC || $(call refuse,$(old_libbpf))
endif

refuse = { echo "$(PROGRAM): $(1)." >&2; exit 1; }
too_old = this takes libbpf $(LIBBPF_MIN) or newer, and a bpftool with that; here there is \
	$(if $(has_libbpf),libbpf $(has_libbpf),no libbpf that $(PKG_CONFIG) finds) and \
	$(if $(has_bpftool),a bpftool with $(has_bpftool),no bpftool); install them or \
	linux-source-6.12, or give LIBBPF_SRC=TREE/tools/lib/bpf of a kernel source tree
no_tarball = there is no kernel source tree '$(LIBBPF_TARBALL)'
no_libbpf = there is no libbpf in '$(libbpf_src)'; give tools/lib/bpf of a kernel source tree
old_libbpf = this takes libbpf $(LIBBPF_MIN) or newer, but that in '$(libbpf_src)' is $$version

clean:
	rm -rf $(out)

.PHONY: all clean needs
.SECONDARY:
.DELETE_ON_ERROR:
