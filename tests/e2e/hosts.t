#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kit on other machines than this, from nothing to the end of 'make demo'. See
# lab/e2e --help.

# shellcheck source-path=SCRIPTDIR source=../tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source-path=SCRIPTDIR source=common.sh
. "${root:?}/tests/e2e/common.sh" hosts deb
# shellcheck source-path=SCRIPTDIR source=../hosts.sh
. "$root/tests/hosts.sh"

need_roots "other machines are roots"
for suite in $SCX_CUSTODY_HOSTS; do
	step "$suite: a bare root is made" make_host "$suite"
	put_kit "$suite"
	step "$suite: make setup" in_host "$suite" make setup
	for name in lint 'there-and-back refused recognised composed cut-short' packages; do
		# shellcheck disable=SC2086 # several names
		step "$suite: lab/check $name" in_host "$suite" lab/check $name
	done
	step "$suite: make demo" in_host "$suite" make demo
done

finish
