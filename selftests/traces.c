// SPDX-License-Identifier: GPL-2.0-only
/* What happened to test tasks, as the BPF scheduler has recorded it. */
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "scheduler.h"

static const char *event_name(unsigned int event)
{
	static const char *const places[] = { "terminal", "dsq", "held" };
	static const char *const flags[] = { "SLEEP", "SCHED_CHANGE", "CORE_SCHED_EXEC" };
	static const char *const names[1 << TRACE_EVENT_BITS] = {
		[TRACE_RUNNABLE] = "runnable",
		[TRACE_RUNNING] = "running",
		[TRACE_STOPPING] = "stopping",
		[TRACE_DISABLE] = "disable",
		[TRACE_REENQUEUED] = "reenqueued",
		[TRACE_MORE] = "...",
	};
	static char text[80];
	const char *separator = "[";
	size_t i;

	if (names[event])
		return names[event];
	if (event < TRACE_RUNNABLE) {
		snprintf(text, sizeof(text), "select_cpu(%s)", places[event - TRACE_SELECT]);
		return text;
	}
	if (event < TRACE_DEQUEUE) {
		snprintf(text, sizeof(text), "enqueue(%s)", places[event - TRACE_ENQUEUE]);
		return text;
	}
	strcpy(text, event < TRACE_QUIESCENT ? "dequeue" : "quiescent");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!(event & 1u << i))
			continue;
		strcat(strcat(text, separator), flags[i]);
		separator = "|";
	}
	if (separator[0] == '|')
		strcat(text, "]");
	return text;
}

/* The phases of this test that there were, one by one, in no order. */
static bool next_phase(struct phase *phase, unsigned long long *number)
{
	static bool begun;

	do {
		if (bpf_map__get_next_key(scheduler->maps.phases, begun ? phase : NULL, phase,
					  sizeof(*phase))) {
			begun = false;
			return false;
		}
		begun = true;
	} while (phase->test != knobs->test ||
		 bpf_map__lookup_elem(scheduler->maps.phases, phase, sizeof(*phase), number,
				      sizeof(*number), 0) || !*number);
	return true;
}

/* A task that ends is reaped while it still runs its last. */
static bool traces_complete(void)
{
	unsigned long long number;
	struct phase phase;
	bool complete = true;

	while (next_phase(&phase, &number))
		complete &= TRACE_LATEST(phase.events) != TRACE_RUNNING;
	return complete;
}

void print_traces(void)
{
	double deadline = now() + 0.5;
	unsigned long long number;
	struct phase phase;
	int i;

	while (!traces_complete() && now() < deadline)
		nap(0.001);
	while (next_phase(&phase, &number)) {
		printf("# trace %llu", number);
		for (i = TRACE_EVENTS - 1; i >= 0; i--) {
			unsigned int event = TRACE_LATEST(phase.events >> i * TRACE_EVENT_BITS);

			if (event)
				printf(" %s", event_name(event));
		}
		printf("\n");
	}
}
