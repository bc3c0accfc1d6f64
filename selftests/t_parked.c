// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties that change while a task is parked in custody. Nothing is being
 * dispatched then, so exactly one dequeue must come for each change that takes
 * the task out, with SCX_DEQ_SCHED_CHANGE.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "harness.h"

static enum result parked_nice_run(void)
{
	return at_each_place(change_nice, "setpriority()", true);
}

TEST(parked_nice, .rows = ROW(3) | ROW(4) | ROW(5) | ROW(10), .hazards = HAZARD(7) | HAZARD(9),
     .must = "A change of nice in custody gives one dequeue, marked as a change.");

/* To one CPU all of them, the next time to all again. */
static bool change_affinity(pid_t pid)
{
	static int changes;

	return pin(pid, changes++ / nr_workers % 2 ? -1 : sched_getcpu());
}

static enum result parked_affinity_run(void)
{
	return at_each_place(change_affinity, "sched_setaffinity()", true);
}

TEST(parked_affinity, .rows = ROW(3) | ROW(4) | ROW(5) | ROW(10), .cpus = 2,
     .hazards = HAZARD(7) | HAZARD(9),
     .must = "A change of affinity in custody gives one dequeue, marked as a change.");

/* In the other class nothing holds the task: it does its step and sleeps. */
static enum result parked_class_run(void)
{
	return at_each_place(visit_other_class, "sched_setscheduler()", false);
}

TEST(parked_class, .rows = ROW(3) | ROW(4) | ROW(5) | ROW(10), .hazards = HAZARD(7) | HAZARD(9),
     .must = "A change of class in custody gives one dequeue, marked as a change.");
