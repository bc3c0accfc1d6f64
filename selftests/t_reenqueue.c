// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that the scheduler takes back from a local DSQ. */
#define _GNU_SOURCE
#include <sched.h>

#include "harness.h"

#define ENOUGH	10

static enum result reenqueue_run(void)
{
	const unsigned int again = PLACE_VTIME | PLACES_HELD;

	if (!spawn(SPIN, 2 * nr_cpus))
		return FAIL;
	/* A real-time task takes the CPU away; ops.cpu_release() reacts to that. */
	if (!spawn_as(NAP, nr_cpus, SCHED_FIFO))
		return FAIL;
	knobs->reenqueue = again;
	/* Not to local DSQs alone: what is in custody would starve. */
	knobs->enqueue = PLACE_LOCAL | PLACE_FIFO;
	if (!wait_until(nr_entered(again) >= ENOUGH && nr_left(again, LEFT_DISPATCHED) >= ENOUGH))
		return fail("%llu tasks were re-enqueued to custody, %llu were dispatched",
			    nr_entered(again), nr_left(again, LEFT_DISPATCHED));
	return PASS;
}

TEST(reenqueue, .rows = ROW(15),
     .must = "A task re-enqueued from a local DSQ into custody begins a cycle of its own.");
