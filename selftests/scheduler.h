/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded scheduler itself, for what the harness does with it and tests do not. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "harness.h"
#include "custody.skel.h"

/* The one that the test wants. */
extern struct custody *scheduler;

/* Has one of its programs run. */
int errand(struct bpf_program *program, struct errand *errand);

#endif
