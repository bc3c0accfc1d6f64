# SPDX-License-Identifier: GPL-2.0-only
#
# The verbs of the kit. 'make help' lists them: what follows '##' is the help.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Which kernel to work on: a name in lab/kernels/sources.tsv.
LINE ?= 6.12

# For which architecture: ARCH, and CROSS_COMPILE, reach the programs in the environment.
# Default: the machine's own.

# Quotes for the shell whatever a user's variable holds.
quote = '$(subst ','\'',$(1))'

# What is given of these, as the command takes it.
kernel_arguments = $(foreach name,KSRC CONFIG OUT DEBUG PATCHED SIGN_KEY SIGN_CERT,$(if $($(name)),\
	$(call quote,$(name)=$($(name)))))

# A series that port has written, for the verbs that take one.
series_arguments = $(if $(SERIES),--series $(call quote,$(SERIES))) $(if $(DOUBTS),--with-doubts)

## Everything at once, for this machine's architecture or for ARCH=arm64

demo: ##- build LINE or KSRC=dir pristine and patched, boot; CONFIG=file SERIES=dir
	@lab/demo $(if $(CONFIG),--config $(call quote,$(CONFIG))) $(series_arguments) \
		$(call quote,$(or $(KSRC),$(LINE)))

check: ##- all tests; ends in 'N passed, N failed'
	@lab/check

check-mutations: ##- put each hazard back and see that its test catches it
	@lab/check mutations

check-lockdep: ##- run the selftests under lockdep on 6.12, 6.18 and 7.1
	@lab/check lockdep

check-machines: ##- run the selftests on one CPU, on 24 and 64, and where some are missing
	@lab/check machines

check-overhead: ##- count instructions, unpatched and patched, on 6.12, 6.18 and 7.1
	@lab/check overhead

check-series: ##- build each patch of every line, with sparse and W=1
	@lab/check series

check-releases: ##- see that the series apply to all releases of their lines
	@lab/check releases

check-port: ##- let port write a series for many changed trees, and compile what it makes
	@lab/check port

oracle: ##- compare what tasks see on LINE, patched, and on mainline
	@lab/oracle $(call quote,$(LINE))

matrix: ##- every line and stock kernel against every row; ONLY='KERNEL...'
	@lab/matrix/matrix $(if $(ONLY),--only $(ONLY))

e2e-deb: ##- build the packages, install with apt, boot, read the verdict; ARCH=arm64
	@lab/e2e deb

e2e-rpm: ##- the same with dnf
	@lab/e2e rpm

e2e-dkms: ##- build the module with dkms, boot, load, unload, see what it refuses
	@lab/e2e dkms

e2e-secure-boot: ##- sign a kernel and the module, boot them under Secure Boot
	@lab/e2e secure-boot

e2e-hosts: ##- the kit's own work in bare roots of Debian trixie and sid; ONLY=trixie
	@lab/e2e hosts $(call quote,$(ONLY))

## A kernel source tree: KSRC=dir

detect: ##- say what a tree is and what that rests on; JSON=1 for a program
	@command/verbs/detect $(if $(JSON),--json) $(call quote,$(KSRC))

patches: ##- print the patches that apply would put in, in order
	@command/verbs/detect --patches $(call quote,$(KSRC))

verify: ##- would the series apply, and if not, why? changes nothing; JSON=1
	@command/verbs/verify $(if $(JSON),--json) $(call quote,$(KSRC))

apply: ##- apply the series that fits, all of it or nothing; SERIES=dir DOUBTS=yes
	@command/verbs/apply $(series_arguments) $(call quote,$(KSRC))

unapply: ##- undo apply, to the byte
	@command/verbs/unapply $(call quote,$(KSRC))

port: ##- where no series fits: write one for the tree to OUT=dir; CONFIG=file, JSON=1
	@command/scx-custody port $(if $(JSON),--json) $(kernel_arguments)

## Packages of a kernel: KSRC=dir CONFIG=file; OUT= DEBUG=no PATCHED=no JOBS=n SIGN_KEY= SIGN_CERT= ARCH=

kernel-deb: ##- apply, configure and build for apt, print where the packages are
	@command/scx-custody kernel-deb $(kernel_arguments)

kernel-rpm: ##- the same for dnf
	@command/scx-custody kernel-rpm $(kernel_arguments)

## A signed repository

publish: ##- put PACKAGES='FILE...' into OUT=dir for apt or dnf, signed with KEY=id; URL=url
	@command/scx-custody publish $(foreach name,OUT KEY URL,$(if $($(name)),\
		$(call quote,$(name)=$($(name))))) $(PACKAGES)

## Packages of the kit, for this machine's architecture or for ARCH=arm64

deb: ##- build for apt, print where the packages are
	@lab/build-packages deb

rpm: ##- build for dnf, print where the packages are
	@lab/build-packages rpm

dist: ##- make the source tarball, from which both build without git
	@lab/build-packages dist

install: install-patches install-selftests install-dkms install-unit ##- into DESTDIR=, prefix=/usr/local

status: ##- does the running kernel have the semantics? JSON=1
	@command/scx-custody status $(if $(JSON),--json)

## The packaging of a distribution

debian-source: ##- add the series to a Debian source package KSRC=dir; SERIES=dir UNDO=1
	@command/verbs/debian-source $(if $(UNDO),--undo) $(series_arguments) $(call quote,$(KSRC))

fedora-spec: ##- put it beside Fedora's kernel.spec, SPEC=dir KSRC=dir; SERIES=dir UNDO=1
	@command/verbs/fedora-spec $(if $(UNDO),--undo) $(series_arguments) \
		$(if $(KSRC),--ksrc $(call quote,$(KSRC))) $(call quote,$(SPEC))

export: ##- write it to OUT=dir for FOR=ubuntu, opensuse, arch, nix or gentoo; SERIES=dir
	@command/verbs/export $(series_arguments) \
		$(foreach name,FOR OUT,$(call quote,$(name)=$($(name)))) $(call quote,$(KSRC))

## Step by step

setup: ##- install what is missing through apt (as root)
	@lab/setup

fetch: ##- get the pristine source or stock image LINE, print where it is
	@lab/fetch $(call quote,$(LINE))

copies: ##- make the series of the lines what compat/ yields
	@lab/copy-patches

kernel: ##- build LINE for the VM, VARIANT=patched, or see its --help
	@lab/build-kernel $(call quote,$(LINE)) $(call quote,$(or $(VARIANT),patched))

selftests: ##- build scx-custody-selftest, print where it is
	@lab/build-selftests

example: ##- build scx_ledger, an example BPF scheduler, print where it is
	@lab/build-program examples

vm: ##- boot KERNEL=image and run CMD='...' in it; VM='--cpus 4 ...' for more
	@lab/vm/run --kernel $(call quote,$(KERNEL)) $(VM) -- $(call quote,$(CMD))

help: ##- this list
	@awk -f lab/help.awk Makefile

include install.mk

.PHONY: demo check check-lockdep check-machines check-mutations check-overhead check-port \
	check-releases check-series oracle matrix e2e-deb e2e-rpm e2e-dkms e2e-secure-boot \
	e2e-hosts detect patches verify apply unapply port kernel-deb kernel-rpm publish deb rpm \
	dist install status debian-source fedora-spec export copies setup fetch kernel selftests \
	example vm help
