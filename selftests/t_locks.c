// SPDX-License-Identifier: GPL-2.0-only
/* What ops.dequeue() may do, and what it must not undo. */
#include <sys/resource.h>

#include "harness.h"

#define ENOUGH	100

static enum result iterate_run(void)
{
	int i;

	knobs->iterate = true;
	if (!spawn(OBEY, 6))
		return said;
	for (i = 0; i < 2; i++) {
		if (!park(i ? PLACE_VTIME : PLACE_FIFO))
			return said;
		if (setpriority(PRIO_PROCESS, workers[i].pid, 3 + i))
			return skip("setpriority() does not work: %m");
		if (!unpark())
			return said;
	}
	if (!books->iterated)
		return fail("ops.dequeue() saw no task on the DSQ");

	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus + 1))
		return said;
	knobs->enqueue = PLACES_DSQ;
	if (!wait_until(books->iterated >= ENOUGH && books->crossed >= ENOUGH / 2))
		return too_few(books->crossed,
			       "ops.dequeue() saw %llu tasks, %llu were taken by another CPU",
			       books->iterated, books->crossed);
	return PASS;
}

TEST(iterate, .rows = ROW(8) | ROW(10), .cpus = 2, .hazards = HAZARD(5),
     .must = "ops.dequeue() may iterate the very DSQ that the task leaves.");

static enum result nested_run(void)
{
	knobs->use_locked_rq = true;
	knobs->held_to = PLACES_TERMINAL;
	knobs->dsq_to = PLACE_LOCAL | PLACE_LOCAL_ON | PLACE_SECOND;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus + 1))
		return said;
	knobs->enqueue = PLACES_CUSTODY;
	if (!wait_until(books->locked_rq_used >= ENOUGH))
		return too_few(books->locked_rq_used,
			       "ops.dispatch() used its run queue %llu times after a dequeue in it",
			       books->locked_rq_used);
	return PASS;
}

TEST(nested, .rows = ROW(8), .hazards = HAZARD(6),
     .must = "ops.dispatch() still knows its locked run queue after an ops.dequeue() inside it.");

/* Each path out of custody: changes while parked, and dispatches to everywhere. */
static enum result own_context_run(void)
{
	unsigned int place;
	int i;

	if (!spawn(OBEY, 2))
		return said;
	for_each_place(place, PLACES_CUSTODY) {
		if (!park(place))
			return said;
		for (i = 0; i < 2 * nr_cpus; i++) {
			unsigned long long before = books->in_context[LEFT_CHANGED];

			if (!pin(workers[0].pid, cpus[i % nr_cpus]))
				return said;
			if (setpriority(PRIO_PROCESS, workers[1].pid, i % 20))
				return skip("setpriority() does not work: %m");
			if (!wait_until(books->in_context[LEFT_CHANGED] > before))
				return fail("%s: no dequeue came", place_name(place));
		}
		if (!unpark() || !pin(workers[0].pid, -1))
			return said;
	}

	knobs->held_to = PLACES_TERMINAL | PLACES_DSQ;
	knobs->dsq_to = PLACES_TERMINAL | PLACE_SECOND;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus + 1))
		return said;
	knobs->enqueue = PLACES_CUSTODY;
	if (!wait_until(books->in_context[LEFT_DISPATCHED] >= 5 * ENOUGH))
		return too_few(books->in_context[LEFT_DISPATCHED], "%llu dequeues for a dispatch",
			       books->in_context[LEFT_DISPATCHED]);
	return PASS;
}

TEST(own_context, .rows = ROW(8) | ROW(10), .cpus = 2, .hazards = HAZARD(6) | HAZARD(14),
     .must = "kfuncs in ops.dequeue() know its task and a run queue that really is locked.");
