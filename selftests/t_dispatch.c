// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that come into custody and are dispatched from there. Nothing changes
 * them meanwhile, so a dequeue for a change is wrong here.
 */
#include "harness.h"

#define ENOUGH	20

static enum result verdict(void)
{
	if (nr_left(~0, LEFT_CHANGED))
		return fail("%llu dequeues for a change, where nothing changed",
			    nr_left(~0, LEFT_CHANGED));
	return PASS;
}

static enum result too_few_dequeues(unsigned int places)
{
	unsigned long long number = nr_left(places, LEFT_DISPATCHED);

	return too_few(number, "%llu dequeues came for what was dispatched", number);
}

static enum result through(unsigned int place)
{
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;
	knobs->enqueue = place;
	if (!wait_until(nr_entered_by(BY_ENQUEUE, place) >= ENOUGH))
		return too_few(nr_entered_by(BY_ENQUEUE, place), "%s: ops.enqueue() put %llu there",
			       place_name(place), nr_entered_by(BY_ENQUEUE, place));
	if (!wait_until(nr_left(place, LEFT_DISPATCHED) >= ENOUGH))
		return too_few_dequeues(place);
	return verdict();
}

static enum result fifo_run(void)
{
	return through(PLACE_FIFO);
}

TEST(fifo, .rows = ROW(4) | ROW(8), .hazards = HAZARD(9),
     .must = "A task on a FIFO user DSQ gets one dequeue, without a flag, before it runs.");

static enum result vtime_run(void)
{
	return through(PLACE_VTIME);
}

TEST(vtime, .rows = ROW(4) | ROW(8), .hazards = HAZARD(9),
     .must = "A task on a vtime user DSQ gets one dequeue, without a flag, before it runs.");

static enum result select_cpu_dsq_run(void)
{
	unsigned int place;

	if (!spawn(NAP, 4))
		return said;
	knobs->select = PLACES_DSQ;
	for_each_place(place, PLACES_DSQ)
		if (!wait_until(nr_entered_by(BY_SELECT_CPU, place) >= ENOUGH &&
				nr_left(place, LEFT_DISPATCHED) >= ENOUGH))
			return too_few(nr_left(place, LEFT_DISPATCHED),
				       "ops.select_cpu(), %s: %llu entered, %llu were dispatched",
				       place_name(place), nr_entered_by(BY_SELECT_CPU, place),
				       nr_left(place, LEFT_DISPATCHED));
	return verdict();
}

TEST(select_cpu_dsq, .rows = ROW(3) | ROW(8), .cpus = 2, .hazards = HAZARD(9),
     .must = "A task that ops.select_cpu() puts on a user DSQ gets one dequeue before it runs.");

/* Tasks held there must get to each of these DSQs. */
static enum result held(unsigned int places, unsigned int destinations)
{
	unsigned int to;

	knobs->held_to = destinations;
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;
	knobs->enqueue = places;
	for_each_place(to, destinations)
		if (!wait_until(nr_held_to(to) >= ENOUGH))
			return too_few(nr_held_to(to), "%llu held tasks were dispatched to the %s",
				       nr_held_to(to), place_name(to));
	if (!wait_until(nr_left(places, LEFT_DISPATCHED) >= ENOUGH))
		return too_few_dequeues(places);
	return verdict();
}

static enum result held_map_run(void)
{
	return held(PLACE_MAP, PLACES_TERMINAL);
}

TEST(held_map, .rows = ROW(5) | ROW(8), .hazards = HAZARD(9),
     .must = "A task held in a BPF map gets one dequeue when it goes to a terminal DSQ.");

static enum result held_tree_run(void)
{
	return held(PLACE_TREE, PLACES_TERMINAL);
}

TEST(held_tree, .rows = ROW(5) | ROW(8), .hazards = HAZARD(9),
     .must = "A task held in a BPF rbtree gets one dequeue when it goes to a terminal DSQ.");

static enum result held_list_run(void)
{
	return held(PLACE_LIST, PLACES_TERMINAL);
}

TEST(held_list, .rows = ROW(5) | ROW(8), .hazards = HAZARD(9),
     .must = "A task held in a BPF list gets one dequeue when it goes to a terminal DSQ.");

static enum result release_order_run(void)
{
	knobs->held_to = PLACE_GLOBAL;
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;
	knobs->enqueue = PLACES_HELD;
	if (!wait_until(nr_left(PLACES_HELD, LEFT_DISPATCHED) >= 5 * ENOUGH))
		return too_few_dequeues(PLACES_HELD);
	return verdict();
}

TEST(release_order, .rows = ROW(8), .hazards = HAZARD(1),
     .must = "The dequeue for a held task comes before its ops_state is released to other CPUs.");

static enum result held_to_dsq_run(void)
{
	return held(PLACES_HELD, PLACES_DSQ | PLACE_SECOND);
}

TEST(held_to_dsq, .rows = ROW(6) | ROW(8),
     .must = "A held task that goes to a user DSQ stays in custody until it leaves that.");

static enum result dsq_to_dsq_run(void)
{
	knobs->dsq_to = PLACE_SECOND;
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;
	knobs->enqueue = PLACES_DSQ;
	if (!wait_until(nr_dsq_to(PLACE_SECOND) >= 2 * ENOUGH))
		return too_few(nr_dsq_to(PLACE_SECOND),
			       "%llu tasks were moved from one user DSQ to another",
			       nr_dsq_to(PLACE_SECOND));
	if (!wait_until(nr_left(PLACES_DSQ, LEFT_DISPATCHED) >= 2 * ENOUGH))
		return too_few_dequeues(PLACES_DSQ);
	return verdict();
}

TEST(dsq_to_dsq, .rows = ROW(7) | ROW(8),
     .must = "A task moved from one user DSQ to another stays in custody.");

static enum result dsq_move_run(void)
{
	unsigned int to;

	knobs->dsq_to = PLACE_LOCAL_ON | PLACE_GLOBAL;
	if (!spawn(NAP, 4) || !spawn(SPIN, 2))
		return said;
	knobs->enqueue = PLACES_DSQ;
	for_each_place(to, knobs->dsq_to)
		if (!wait_until(nr_dsq_to(to) >= ENOUGH))
			return too_few(nr_dsq_to(to), "%llu tasks were moved to the %s",
				       nr_dsq_to(to), place_name(to));
	if (!wait_until(nr_left(PLACES_DSQ, LEFT_DISPATCHED) >= 2 * ENOUGH))
		return too_few_dequeues(PLACES_DSQ);
	return verdict();
}

TEST(dsq_move, .rows = ROW(8),
     .must = "A task that scx_bpf_dsq_move() takes to a terminal DSQ gets one dequeue.");

static enum result other_cpu_run(void)
{
	knobs->held_to = PLACE_LOCAL | PLACE_LOCAL_ON;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus + 1))
		return said;
	knobs->enqueue = PLACES_CUSTODY;
	if (!wait_until(books->crossed >= 10 * ENOUGH))
		return too_few(books->crossed, "%llu tasks were taken by another CPU",
			       books->crossed);
	return verdict();
}

TEST(other_cpu, .rows = ROW(8) | ROW(16), .cpus = 2, .hazards = HAZARD(4),
     .must = "A task taken by another CPU gets one dequeue, none for the change of run queue.");
