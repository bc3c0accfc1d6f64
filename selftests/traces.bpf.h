/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens to test tasks, recorded in phases: see enum traced. */
#ifndef TRACES_BPF_H
#define TRACES_BPF_H

#include "account.bpf.h"

/* Are traces kept? Where not, the verifier removes all that is for them. */
const volatile bool tracing;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PHASES);
	__type(key, struct phase);
	__type(value, u64);
} phases SEC(".maps");

static void count_phase(struct phase *phase, s64 number)
{
	u64 *counter = bpf_map_lookup_elem(&phases, phase), zero = 0;

	if (!counter) {
		bpf_map_update_elem(&phases, phase, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&phases, phase);
	}
	if (counter)
		__sync_fetch_and_add(counter, number);
}

/*
 * The task has got so far. What it is so far is what is counted, so that nothing
 * needs to be completed.
 */
static void trace_to(struct account *a, u64 events)
{
	a->phase.events = events;
	count_phase(&a->phase, 1);
}

/*
 * A task is put somewhere and waits there until it runs or is put somewhere else;
 * when it runs, that is its turn, until it is put somewhere again. These phases are
 * recorded apart, for how a wait ends says nothing about how the turn will.
 */
static void trace(struct account *a, u32 event)
{
	u64 events = a->phase.events;

	if (!tracing || !a->mine)
		return;

	if (event < TRACE_DEQUEUE) {
		/* That it is runnable is worth telling only of one not put anywhere. */
		if (event == TRACE_RUNNABLE && events && events < TRACE_RUNNABLE)
			return;
		if (events == TRACE_RUNNABLE)
			count_phase(&a->phase, -1);
		a->turn = false;
		trace_to(a, event);
		return;
	}

	/* It became a test task amid all this. */
	if (!events)
		return;
	/* As of one that sleeps and visits another class. */
	if (event == TRACE_DISABLE && TRACE_LATEST(events) == TRACE_DISABLE)
		return;

	count_phase(&a->phase, -1);
	/* That it goes off the CPU and on again is nothing to custody. */
	if (event == TRACE_RUNNING && a->turn && TRACE_LATEST(events) == TRACE_STOPPING)
		events >>= TRACE_EVENT_BITS;
	else if (!(events >> (TRACE_EVENTS - 1) * TRACE_EVENT_BITS))
		events = events << TRACE_EVENT_BITS | event;
	else
		events = events >> TRACE_EVENT_BITS << TRACE_EVENT_BITS | TRACE_MORE;
	trace_to(a, events);

	if (event == TRACE_RUNNING && !a->turn) {
		a->turn = true;
		trace_to(a, event);
	}
}

static u32 trace_place(u32 place)
{
	if (place & PLACES_HELD)
		return TRACE_HELD;
	return place & PLACES_DSQ ? TRACE_DSQ : TRACE_TERMINAL;
}

static u32 trace_flags(u64 deq_flags)
{
	u32 flags = 0;

	if (deq_flags & SCX_DEQ_SLEEP)
		flags |= TRACE_SLEEP;
	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		flags |= TRACE_CHANGE;
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		flags |= TRACE_CORE_PICK;
	return flags;
}

#endif
