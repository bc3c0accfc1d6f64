// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that the scheduler takes back, from a local DSQ and from user DSQs. */
#define _GNU_SOURCE
#include <sched.h>

#include "harness.h"

#define ENOUGH	10

static enum result reenqueue_run(void)
{
	const unsigned int again = PLACE_VTIME | PLACES_HELD;

	if (!spawn(SPIN, 2 * nr_cpus))
		return said;
	/* A real-time task takes the CPU away; ops.cpu_release() reacts to that. */
	if (!spawn_as(NAP, nr_cpus, SCHED_FIFO))
		return said;
	knobs->reenqueue = again;
	/* Not to local DSQs alone: what is in custody would starve. */
	knobs->enqueue = PLACE_LOCAL | PLACE_FIFO;
	if (!wait_until(nr_entered(again) >= ENOUGH && nr_left(again, LEFT_DISPATCHED) >= ENOUGH))
		return too_few(nr_left(again, LEFT_DISPATCHED),
			       "%llu tasks were re-enqueued to custody, %llu were dispatched",
			       nr_entered(again), nr_left(again, LEFT_DISPATCHED));
	return PASS;
}

TEST(reenqueue, .rows = ROW(15),
     .must = "A task re-enqueued from a local DSQ into custody begins a cycle of its own.");

/* So that most of them are held at any time. */
#define NR_TAKEN_BACK	24

/* In seconds; another CPU needs a few microseconds, if the host lets it run. */
#define DELAY		0.001

/*
 * The first CPU has no task of ours to run and does nothing but dispatch; from the last
 * one they are taken back. While a dispatch is under way, its CPU's run queue is locked, and
 * so is the task's when it is taken back: tasks must count on other CPUs. Those are few.
 */
static bool divide_cpus(void)
{
	int others = nr_cpus - 2, i;

	if (nr_cpus < 2)
		return true;
	others = others < 1 ? 1 : others > NR_TAKEN_BACK / 8 ? NR_TAKEN_BACK / 8 : others;
	for (i = 0; i < nr_workers; i++)
		if (!allow_cpus(workers[i].pid, &cpus[1], others))
			return false;
	return pin(0, cpus[nr_cpus - 1]);
}

/*
 * A dispatch that ends late, after its task has been taken back, must not make the
 * kernel forget that we hold it: whatever is dispatched then is ignored, for ever.
 */
static enum result take_back(void)
{
	double end = now() + options.duration;
	struct patience patience = patience_for(PATIENCE);
	bool delays = delay_releases(DELAY), enough;

	patience.begin = patience.latest = end;
	do {
		if (!reenqueue(0.003, cpus[0])) {
			end_delays();
			return skip("the program that re-enqueues tasks cannot be run");
		}
		/* Where CPUs are few, tasks get to run now. */
		nap(0.0005);
		/* Before the kernel's own watchdog finds it, which tells less. */
		find_stuck(PATIENCE);
		enough = books->returned >= ENOUGH && nr_left(~0, LEFT_DISPATCHED) >= ENOUGH &&
			 (!delays || nr_cpus < 2 || books->delayed >= ENOUGH);
	} while (!over() && (now() < end || (!enough && !out_of_patience(&patience))));
	end_delays();
	if (over()) {
		/* The kernel, too, ends a scheduler with a task that is not run. */
		knobs->closing = true;
		return said;
	}
	if (!books->returned)
		return fail("no task was re-enqueued in custody");
	if (!enough)
		return skip("only %llu were re-enqueued in custody, %llu dispatched, %llu delayed",
			    books->returned, nr_left(~0, LEFT_DISPATCHED), books->delayed);
	return PASS;
}

static enum result reenqueue_dsq_run(void)
{
	enum result result;

	if (!can_reenqueue())
		return skip("this kernel has nothing that re-enqueues the tasks of a user DSQ");

	knobs->enqueue = PLACE_MAP;
	knobs->held_to = PLACES_DSQ;
	knobs->from_dsq = true;
	if (!spawn(YIELD, NR_TAKEN_BACK))
		return said;
	if (!divide_cpus())
		return said;
	result = take_back();
	return pin(0, -1) ? result : said;
}

TEST(reenqueue_dsq, .rows = ROW(15), .hazards = HAZARD(14),
     .must = "Tasks re-enqueued from a user DSQ, at whatever time, are dispatched and run again.");
