// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own mark of custody, SCX_TASK_IN_CUSTODY. */
#include <sys/resource.h>

#include "harness.h"

#define NR_PARKED	4

static enum result marks_parked(unsigned int place)
{
	int i;

	if (!park(place))
		return said;
	for (i = 0; i < NR_PARKED; i++) {
		if (!kernel_marks(workers[i].pid))
			return fail("%s: a task in custody is not marked", place_name(place));
		if (setpriority(PRIO_PROCESS, workers[i].pid, i + 1) ||
		    !wait_until(kernel_marks(workers[i].pid)))
			return fail("%s: not marked again after a change", place_name(place));
	}
	if (!unpark())
		return said;
	for (i = 0; i < NR_PARKED; i++)
		if (!wait_until(!kernel_marks(workers[i].pid)))
			return fail("%s: a task is still marked after it left", place_name(place));
	return PASS;
}

static enum result marks(void)
{
	unsigned int place;

	if (!custody_is_live() && kernel_flag("scx_ent_flags", "SCX_TASK_IN_CUSTODY") != 1 << 1)
		return fail("the kernel's BTF has no SCX_TASK_IN_CUSTODY of 1 << 1");
	if (!custody_is_live() &&
	    kernel_flag("scx_deq_flags", "SCX_DEQ_SCHED_CHANGE") != 1ULL << 33)
		return fail("the kernel's BTF has no SCX_DEQ_SCHED_CHANGE of 1 << 33");

	if (!spawn(OBEY, NR_PARKED))
		return said;
	for_each_place(place, PLACES_CUSTODY)
		if (marks_parked(place) != PASS)
			return said;
	return PASS;
}

static enum result mark_run(void)
{
	return marks();
}

TEST(mark, .hazards = HAZARD(8),
     .must = "A task is marked SCX_TASK_IN_CUSTODY exactly while it is in custody.");

static enum result no_dequeue_op_run(void)
{
	knobs->silent = true;
	return marks();
}

TEST(no_dequeue_op, .rows = ROW(17), .hazards = HAZARD(15), .without_dequeue = true,
     .must = "Custody is tracked just the same for a scheduler without ops.dequeue().");
