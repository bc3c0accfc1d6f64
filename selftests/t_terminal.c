// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that go straight to terminal DSQs: no ops.dequeue(), whatever happens. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "harness.h"

#define ENOUGH	20

/* The kernel does not ask where a task should run that may use one CPU only. */
static enum result terminal_select_cpu_run(void)
{
	unsigned int place;

	knobs->enqueue = PLACE_GLOBAL;
	knobs->select = PLACES_TERMINAL;
	if (!spawn(NAP, 4))
		return said;

	for_each_place(place, PLACES_TERMINAL)
		if (!wait_until(nr_terminal(BY_SELECT_CPU, place) >= ENOUGH))
			return too_few(nr_terminal(BY_SELECT_CPU, place),
				       "ops.select_cpu() inserted %llu into the %s",
				       nr_terminal(BY_SELECT_CPU, place), place_name(place));
	return PASS;
}

TEST(terminal_select_cpu, .rows = ROW(1) | ROW(12), .cpus = 2,
     .must = "A task that ops.select_cpu() inserts into a terminal DSQ gets no dequeue.");

static enum result terminal_enqueue_run(void)
{
	unsigned int place;

	knobs->enqueue = PLACES_TERMINAL;
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;

	for_each_place(place, PLACES_TERMINAL)
		if (!wait_until(nr_terminal(BY_ENQUEUE, place) >= ENOUGH))
			return too_few(nr_terminal(BY_ENQUEUE, place),
				       "ops.enqueue() inserted %llu into the %s",
				       nr_terminal(BY_ENQUEUE, place), place_name(place));
	return PASS;
}

TEST(terminal_enqueue, .rows = ROW(2) | ROW(12),
     .must = "A task that ops.enqueue() inserts into a terminal DSQ gets no dequeue.");

static bool change(pid_t pid, int kind)
{
	switch (kind) {
	case 0:
		return !setpriority(PRIO_PROCESS, pid, random() % 10);
	case 1:
		return pin(pid, cpus[random() % nr_cpus]) && pin(pid, -1);
	default:
		return visit_other_class(pid);
	}
}

/* With more spinners than CPUs, each is running at times and waiting at times. */
static enum result terminal_changes_run(void)
{
	struct patience patience = patience_for(PATIENCE);
	int i;

	knobs->enqueue = PLACE_LOCAL | PLACE_GLOBAL;
	if (!spawn(SPIN, 2 * nr_cpus) || !spawn(NAP, 2))
		return said;

	for (i = 0; !over() && !out_of_patience(&patience); i++) {
		if (!change(workers[random() % nr_workers].pid, i % 3))
			return skip("a change does not work: %m");
		nap(0.001);
		if (i >= 3 * ENOUGH && books->slept >= ENOUGH &&
		    books->changed_running >= ENOUGH && books->changed_waiting >= ENOUGH)
			return PASS;
	}
	return too_few(books->changed_running && books->changed_waiting && books->slept,
		       "in %d changes %llu running and %llu waiting tasks were met, %llu slept", i,
		       books->changed_running, books->changed_waiting, books->slept);
}

TEST(terminal_changes, .rows = ROW(11) | ROW(12), .cpus = 2,
     .must = "A change to a running task, or to one on a terminal DSQ, gives no dequeue.");
