/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded scheduler itself, for what the harness does with it and tests do not. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "harness.h"
#include "custody.skel.h"

/* The one that the test wants. */
extern struct custody *scheduler;

/* Runs one of its programs, which may answer. Returns 0 if it worked. */
int run_errand(struct bpf_program *program, struct errand *errand);

#endif
