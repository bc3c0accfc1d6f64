// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that are moved from user DSQs with no run queue locked, by programs that
 * are no ops: while they are still being dispatched to there, while other CPUs take
 * them from there, and while they change.
 */
#include "harness.h"

#define ENOUGH	20
#define MOVES_PER_CHANGE	4

/* Where tasks get to from wherever on a user DSQ they are, each with the right call. */
#define DESTINATIONS	(PLACES_TERMINAL | PLACE_FIFO | PLACE_VTIME | PLACE_SECOND)

static enum result moved_everywhere(void)
{
	unsigned int to;

	for_each_place(to, DESTINATIONS) {
		if (to == PLACE_LOCAL_ON && nr_cpus < 2)
			continue;
		if (!nr_unlocked_to(to))
			return fail("no task was moved to the %s", place_name(to));
		/* A machine that is too slow says nothing about its kernel. */
		if (nr_unlocked_to(to) < ENOUGH)
			return skip("in %.0f s only %llu tasks were moved to the %s",
				    PATIENCE, nr_unlocked_to(to), place_name(to));
	}
	if (nr_left(~0, LEFT_CHANGED) < ENOUGH || nr_left(~0, LEFT_DISPATCHED) < ENOUGH)
		return skip("in %.0f s only %llu dequeues for a change and %llu for a dispatch",
			    PATIENCE, nr_left(~0, LEFT_CHANGED), nr_left(~0, LEFT_DISPATCHED));
	return PASS;
}

static enum result move(bool by_timer)
{
	double end = now() + options.duration;
	struct patience patience = patience_for(PATIENCE);
	enum result result;
	int i;

	if (!can_move_unlocked())
		return skip("this kernel does not take the programs that move tasks outside of ops");

	/* Held tasks come to user DSQs by a dispatch, which can be met under way. */
	knobs->enqueue = PLACES_CUSTODY;
	knobs->held_to = PLACES_DSQ | PLACE_SECOND;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus) || !spawn(YIELD, 2 * nr_cpus))
		return said;
	knobs->unlocked_to = DESTINATIONS;
	if (by_timer && !start_movers())
		return skip("the timers cannot be started; from Linux 6.18 on, they take a "
			    "double-word compare-and-exchange");

	patience.begin = patience.latest = end;
	do {
		/* It may wait for a CPU to let go of the task. */
		change_at_random(AFFINITY);
		for (i = 0; i < (by_timer ? 0 : MOVES_PER_CHANGE); i++)
			if (!move_unlocked())
				return skip("the program that moves tasks cannot be run");
		/* For the tasks, where CPUs are few. */
		nap(0.0005);
		result = now() < end ? FAIL : moved_everywhere();
	} while (!over() &&
		 (now() < end || (result != PASS && !out_of_patience(&patience))));
	return over() ? said : result;
}

static enum result move_timer_run(void)
{
	return move(true);
}

TEST(move_timer, .rows = ROW(4) | ROW(5) | ROW(6) | ROW(7) | ROW(8) | ROW(10) | ROW(16),
     .hazards = HAZARD(1) | HAZARD(4) | HAZARD(14),
     .must = "Tasks that a BPF timer moves, nothing locked, keep their custody or end it once.");

static enum result move_syscall_run(void)
{
	return move(false);
}

TEST(move_syscall, .rows = ROW(4) | ROW(5) | ROW(6) | ROW(7) | ROW(8) | ROW(10) | ROW(16),
     .hazards = HAZARD(1) | HAZARD(4) | HAZARD(14),
     .must = "Tasks that a syscall program moves, nothing locked, keep it or end it once.");
