/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that keep a scheduler busy, and that can be brought to rest. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>

#define MAX_WORKERS	1024

/* What they did to one another. */
struct changes {
	unsigned long nice;
	unsigned long affinity;
	unsigned long class;
	unsigned long successors;	/* threads that ended and left their work to a new one */
};

extern struct changes changes;

/* Make that many threads of SCHED_EXT. What is wrong, or NULL. */
const char *start_load(int number);

/* Have them go to sleep when they next run, and wake them again. */
void halt_load(void);
void resume_load(void);

/* Have them end when they next run; true once all have. */
void end_load(void);
bool load_ended(void);

#endif
