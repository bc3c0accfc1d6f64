# SPDX-License-Identifier: GPL-2.0-only
#
# How one static program with BPF schedulers in it is built, for any kernel from
# 6.12 on. A Makefile sets these and includes this file:
#
# PROGRAM      its name
# SOURCES      its .c files
# SCHEDULERS   NAME for each NAME.bpf.c; C code finds it as "NAME.skel.h"
# HEADERS      its own headers
#
# and is called as
#
#   make LIBBPF_SRC=TREE/tools/lib/bpf VMLINUX_BTF=FILE [O=DIR] [BPFTOOL=PROGRAM]
#
# LIBBPF_SRC   libbpf in a kernel source tree, which stays untouched
# VMLINUX_BTF  raw BTF of the newest kernel known; it says what the types are
# O            where everything built goes; default: ./build. Programs may share
#              it, and with it libbpf, bpftool and the types.
# BPFTOOL      bpftool to use; default: built from the same kernel source tree

# What programs share is next to this file.
shared := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
VPATH := $(shared)

O ?= build
out := $(abspath $(O))
objects := $(out)/$(PROGRAM).obj
libbpf := $(out)/libbpf
include := $(libbpf)/include
BPFTOOL ?= $(out)/bpftool/bootstrap/bpftool

# The newest clang there is: old ones cannot say all that BPF can do by now.
CLANG ?= $(shell printf '%s\n' clang $$(compgen -c clang- 2>/dev/null) | \
	   grep -xE 'clang(-[0-9]+)?' | sort -t- -k2 -n | tail -n 1)
SHELL := /bin/bash

includes := -I$(shared) -isystem $(objects) -isystem $(out) -isystem $(include)

CFLAGS ?= -O2 -g
ALL_CFLAGS := $(CFLAGS) -std=gnu11 -Wall -Wextra -Werror $(includes)
# What the kernel's own headers, as one file, need: unnamed members of a type.
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror \
	      -Wno-unused-parameter -fms-extensions $(includes)

all: $(out)/$(PROGRAM)

$(out)/$(PROGRAM): $(SOURCES:%.c=$(objects)/%.o) $(libbpf)/libbpf.a
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ -lelf -lz

$(objects)/%.o: %.c common.h $(HEADERS) $(SCHEDULERS:%=$(objects)/%.skel.h)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Linked by bpftool, an object has BTF and no DWARF.
$(objects)/%.skel.h: $(objects)/%.bpf.o $(BPFTOOL)
	$(BPFTOOL) gen object $(objects)/$*.linked.o $<
	$(BPFTOOL) gen skeleton $(objects)/$*.linked.o name $* >$@.new
	mv $@.new $@

$(objects)/%.bpf.o: %.bpf.c compat.bpf.h $(HEADERS) $(out)/vmlinux.h $(libbpf)/libbpf.a
	mkdir -p $(objects)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(out)/vmlinux.h: $(wildcard $(VMLINUX_BTF)) $(BPFTOOL) | needs
	$(BPFTOOL) btf dump file $(VMLINUX_BTF) format c >$@.new
	mv $@.new $@

$(libbpf)/libbpf.a: | needs
	mkdir -p $(libbpf)
	$(MAKE) -s -C $(LIBBPF_SRC) OUTPUT=$(libbpf)/ DESTDIR=$(libbpf) prefix= \
		install_headers $@

$(out)/bpftool/bootstrap/bpftool: | needs
	mkdir -p $(out)/bpftool
	$(MAKE) -s -C $(LIBBPF_SRC)/../../bpf/bpftool OUTPUT=$(out)/bpftool/ bootstrap

needs:
	@test -r '$(LIBBPF_SRC)/libbpf.c' || { echo "$(PROGRAM): LIBBPF_SRC must be" \
		"tools/lib/bpf of a kernel source tree, not '$(LIBBPF_SRC)'." >&2; exit 1; }
	@test -r '$(VMLINUX_BTF)' || { echo "$(PROGRAM): VMLINUX_BTF must be a file of" \
		"raw BTF, not '$(VMLINUX_BTF)'." >&2; exit 1; }

clean:
	rm -rf $(out)

.PHONY: all clean needs
.SECONDARY:
.DELETE_ON_ERROR:
