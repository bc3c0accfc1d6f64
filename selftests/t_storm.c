// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races: many changes against many dispatches, on all CPUs, for some time. Then
 * the books must balance.
 */
#include "harness.h"

#define ENOUGH	20

static bool enough(void)
{
	return nr_left(~0, LEFT_CHANGED) >= ENOUGH && nr_left(~0, LEFT_DISPATCHED) >= ENOUGH &&
	       (nr_cpus < 2 || books->crossed);
}

static enum result storm(unsigned int changes)
{
	struct patience patience = patience_for(PATIENCE);
	double end = now() + options.duration, pause = now();

	/* For as long as it takes where all is slow. */
	patience.begin = patience.latest = end;
	while (!over() && (now() < end || (!enough() && !out_of_patience(&patience)))) {
		change_at_random(changes);
		/* Let the tasks run as well where CPUs are few. */
		if (now() - pause > 0.002) {
			nap(0.001);
			pause = now();
		}
	}
	if (over())
		return said;
	if (!enough())
		return skip("in %.0f s only %llu dequeues for a change, %llu for a dispatch, "
			    "%llu of these by another CPU", now() - end + options.duration,
			    nr_left(~0, LEFT_CHANGED), nr_left(~0, LEFT_DISPATCHED),
			    books->crossed);
	return PASS;
}

/*
 * With changes of affinity, a dispatch that is too late and yet hits a later entry goes
 * to a CPU which the task may not use any more, and ends the scheduler. In the hammer
 * so does a LOCAL_ON that the kernel remembers over such a change.
 */
static enum result storm_held_run(void)
{
	knobs->enqueue = PLACES_HELD;
	knobs->held_to = PLACES_TERMINAL;
	if (!spawn(NAP, 4) || !spawn(YIELD, 3 * nr_cpus))
		return said;
	return storm(AFFINITY);
}

TEST(storm_held, .rows = ROW(5) | ROW(8) | ROW(10) | ROW(16),
     .hazards = HAZARD(1) | HAZARD(2) | HAZARD(3) | HAZARD(4) | HAZARD(7) | HAZARD(8) | HAZARD(10),
     .must = "Changes racing with dispatches of held tasks neither lose nor add a dequeue.");

static enum result storm_dsq_run(void)
{
	knobs->enqueue = PLACES_DSQ;
	knobs->dsq_to = PLACE_LOCAL | PLACE_LOCAL_ON | PLACE_SECOND;
	if (!spawn(NAP, 4) || !spawn(YIELD, 3 * nr_cpus))
		return said;
	return storm(AFFINITY);
}

TEST(storm_dsq, .rows = ROW(4) | ROW(7) | ROW(8) | ROW(10) | ROW(16),
     .hazards = HAZARD(1) | HAZARD(4),
     .must = "Changes racing with moves out of user DSQs neither lose nor add a dequeue.");

static enum result fork_exit_run(void)
{
	double end = now() + options.duration / 2;

	knobs->select = PLACES_DSQ | PLACE_PASS;
	knobs->enqueue = PLACES_CUSTODY;
	if (!spawn(FORK, 4))
		return said;
	if (!wait_until(books->exited >= ENOUGH))
		return too_few(books->exited, "only %llu tasks ended", books->exited);
	while (now() < end && !over())
		nap(0.01);
	return over() ? said : PASS;
}

TEST(fork_exit, .rows = ROW(3) | ROW(4) | ROW(5) | ROW(8),
     .must = "Tasks that are born and end in numbers leave nothing open in the books.");

/*
 * Nothing is inserted into LOCAL_ON here: Linux 6.12 carries that out by a callback which
 * it may queue while ops.dispatch() has the run queue unlocked, and then warns of it.
 */
static enum result hammer_run(void)
{
	knobs->select = PLACE_LOCAL | PLACE_GLOBAL | PLACES_DSQ | PLACE_PASS;
	knobs->enqueue = PLACE_LOCAL | PLACE_GLOBAL | PLACES_CUSTODY;
	knobs->held_to = PLACES_TERMINAL | PLACES_DSQ | PLACE_SECOND;
	knobs->dsq_to = PLACE_LOCAL | PLACE_LOCAL_ON | PLACE_GLOBAL | PLACE_SECOND;
	knobs->everyone = options.all_tasks;
	knobs->iterate = true;
	knobs->use_locked_rq = true;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus) || !spawn(PING, 4) || !spawn(FORK, 2))
		return said;
	return storm(AFFINITY | CLASS);
}

/* The end of the scheduler takes the machine's own tasks out of custody for good. */
TEST(hammer, .cleanup = stop_scheduler, .rows = ROW(3) | ROW(4) | ROW(5) | ROW(6) | ROW(7) | ROW(8) | ROW(10) |
		     ROW(16),
     .hazards = HAZARD(1) | HAZARD(2) | HAZARD(3) | HAZARD(4) | HAZARD(5) | HAZARD(6) |
		HAZARD(8) | HAZARD(10) | HAZARD(13),
     .must = "Everything at once: what entered custody has left it, each time exactly once.");
