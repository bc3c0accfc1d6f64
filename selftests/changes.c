// SPDX-License-Identifier: GPL-2.0-only
/* Changes that tests make to tasks. */
#define _GNU_SOURCE
#include <sched.h>

#include "harness.h"

bool pin(pid_t pid, int cpu)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < nr_cpus; i++)
		if (cpu < 0 || cpu == i)
			CPU_SET(i, &set);
	return !sched_setaffinity(pid, sizeof(set), &set);
}

/* With all tasks in the scheduler's hands, SCHED_OTHER is no other class. */
bool visit_other_class(pid_t pid)
{
	return set_policy(pid, options.all_tasks ? SCHED_FIFO : SCHED_OTHER) &&
	       set_policy(pid, SCHED_EXT);
}
