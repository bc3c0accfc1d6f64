// SPDX-License-Identifier: GPL-2.0-only
/* Changes that tests make to tasks and to the machine. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

#define NR_PARKED	4

bool change_nice(pid_t pid)
{
	return !setpriority(PRIO_PROCESS, pid, getpriority(PRIO_PROCESS, pid) == 5 ? 3 : 5);
}

/* With all tasks in the scheduler's hands, SCHED_OTHER is no other class. */
bool visit_other_class(pid_t pid)
{
	return set_policy(pid, options.all_tasks ? SCHED_FIFO : SCHED_OTHER) &&
	       set_policy(pid, SCHED_EXT);
}

void change_at_random(unsigned int changes)
{
	pid_t pid = workers[random() % nr_workers].pid;

	/* The cheapest most often: it races the most in a given time. */
	switch (random() % 8) {
	case 0:
		if (changes & AFFINITY)
			pin(pid, random() % 3 ? cpus[random() % nr_cpus] : -1);
		break;
	case 1:
		if (changes & CLASS)
			visit_other_class(pid);
		break;
	default:
		setpriority(PRIO_PROCESS, pid, random() % 20);
	}
}

enum result at_each_place(bool (*change)(pid_t pid), const char *what, bool comes_back)
{
	unsigned int place;
	int i;

	if (!spawn(OBEY, NR_PARKED))
		return said;

	for_each_place(place, PLACES_CUSTODY) {
		if (!park(place))
			return said;

		for (i = 0; i < NR_PARKED; i++) {
			unsigned long long before = nr_left(place, LEFT_CHANGED);

			if (!change(workers[i].pid))
				return skip("%s does not work: %m", what);
			if (!wait_until(nr_left(place, LEFT_CHANGED) > before))
				return fail("%s, %s: no dequeue came", what, place_name(place));
			if (comes_back && !wait_until(nr_in_custody() == NR_PARKED))
				return fail("%s, %s: it did not come back", what,
					    place_name(place));
		}
		if (!unpark())
			return said;
	}
	return PASS;
}

/*
 * Turn the deadline servers off that guard fair tasks, or on again. Linux 6.12
 * stops the server of a CPU that goes offline even if it isn't running, as where
 * all tasks are in sched_ext, and warns; not if it is off. To turn it off does
 * the same, so a fair task must be running there. Where there are no such files
 * there is nothing to be done.
 */
void set_fair_servers(bool on)
{
	static char (*runtimes)[32];
	char path[80];
	int i;

	if (!runtimes)
		runtimes = calloc(nr_cpus, sizeof(*runtimes));
	for (i = 0; i < nr_cpus && runtimes; i++) {
		double start = now();

		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/sched/fair_server/cpu%d/runtime", cpus[i]);
		if (on) {
			if (*runtimes[i])
				write_file(path, runtimes[i]);
			continue;
		}
		if (!read_file(path, runtimes[i], sizeof(runtimes[i])) || !pin(getpid(), cpus[i]))
			continue;
		while (now() < start + 0.01)
			;
		write_file(path, "0");
	}
	if (!on)
		pin(getpid(), -1);
}
