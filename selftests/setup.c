// SPDX-License-Identifier: GPL-2.0-only
/* What the machine has for the tests: its CPUs, and room for workers. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "harness.h"

int nr_cpus;
int *cpus;

/* As many as the set has: CPUs that are offline, isolated or not in our cpuset are not in it. */
static void list_cpus(const cpu_set_t *set, size_t size)
{
	int cpu, count = CPU_COUNT_S(size, set);

	cpus = calloc(count, sizeof(*cpus));
	if (!cpus)
		return;
	for (cpu = 0; nr_cpus < count; cpu++)
		if (CPU_ISSET_S(cpu, size, set))
			cpus[nr_cpus++] = cpu;
}

/* The kernel refuses a set that is smaller than its own, and does not say how large that is. */
static bool find_cpus(void)
{
	int room;

	for (room = 1024; room <= 1 << 20 && !cpus; room *= 2) {
		size_t size = CPU_ALLOC_SIZE(room);
		cpu_set_t *set = CPU_ALLOC(room);

		if (!set)
			return false;
		CPU_ZERO_S(size, set);
		if (!sched_getaffinity(0, size, set))
			list_cpus(set, size);
		else if (errno != EINVAL)
			room = 1 << 20;
		CPU_FREE(set);
	}
	return nr_cpus > 0;
}

bool allow_cpus(pid_t pid, const int *list, int number)
{
	int room = cpus[nr_cpus - 1] + 1, i;
	size_t size = CPU_ALLOC_SIZE(room);
	cpu_set_t *set = CPU_ALLOC(room);
	bool allowed;

	if (!set)
		return skip("no memory for a set of CPUs"), false;
	CPU_ZERO_S(size, set);
	for (i = 0; i < number; i++)
		CPU_SET_S(list[i], size, set);
	allowed = !sched_setaffinity(pid, size, set);
	if (!allowed)
		skip("sched_setaffinity() does not work: %m");
	CPU_FREE(set);
	return allowed;
}

bool pin(pid_t pid, int cpu)
{
	return cpu < 0 ? allow_cpus(pid, cpus, nr_cpus) : allow_cpus(pid, &cpu, 1);
}

/* The time that our CPUs have had, in ticks, and how much of that they were idle. */
static void add_up_ticks(unsigned long long *all, unsigned long long *idle)
{
	FILE *stat = fopen("/proc/stat", "re");
	unsigned long long ticks[8];
	char line[512];
	int i = 0, cpu, n;

	*all = *idle = 0;
	while (stat && i < nr_cpus && fgets(line, sizeof(line), stat)) {
		/* user, nice, system, idle, waiting, interrupts of two kinds, stolen */
		if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &ticks[0],
			   &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
			   &ticks[7]) != 9 || cpu != cpus[i])
			continue;
		for (n = 0; n < 8; n++)
			*all += ticks[n];
		*idle += ticks[3] + ticks[4];
		i++;
	}
	if (stat)
		fclose(stat);
}

bool cpus_are_busy(void)
{
	unsigned long long all[2], idle[2];

	add_up_ticks(&all[0], &idle[0]);
	nap(0.5);
	add_up_ticks(&all[1], &idle[1]);
	return (idle[1] - idle[0]) * 20 < all[1] - all[0];
}

/* Two descriptors a worker, and there are several workers a CPU. Root may have as many. */
static void raise_limits(void)
{
	struct rlimit limit;
	char most[32];

	if (read_file("/proc/sys/fs/nr_open", most, sizeof(most))) {
		limit.rlim_cur = limit.rlim_max = strtoul(most, NULL, 10);
		if (!setrlimit(RLIMIT_NOFILE, &limit))
			return;
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE		62
#endif
#ifndef PR_SCHED_CORE_GET
#define PR_SCHED_CORE_GET	0
#endif

static bool has_cookie(pid_t pid)
{
	unsigned long long cookie = 0;

	return !prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, 0, &cookie) && cookie;
}

/* A thread that has a core cookie; 0 if there is none. */
static pid_t find_cookie(void)
{
	DIR *processes = opendir("/proc"), *threads;
	struct dirent *process, *thread;
	char path[300];
	pid_t found = 0;

	while (processes && !found && (process = readdir(processes))) {
		if (atoi(process->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", process->d_name);
		threads = opendir(path);
		while (threads && !found && (thread = readdir(threads)))
			if (atoi(thread->d_name) > 0 && has_cookie(atoi(thread->d_name)))
				found = atoi(thread->d_name);
		if (threads)
			closedir(threads);
	}
	if (processes)
		closedir(processes);
	return found;
}

const char *set_up(void)
{
	static char problem[80];
	pid_t pid = find_cookie();

	if (pid) {
		snprintf(problem, sizeof(problem),
			 "core scheduling is in use: task %d has a core cookie", pid);
		return problem;
	}
	if (!find_cpus())
		return "which CPUs it may use cannot be read";
	raise_limits();
	return NULL;
}
