// SPDX-License-Identifier: GPL-2.0-only
/* Changes that come from the machine's side: cgroups, NUMA, CPU hotplug. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define NR_PARKED	4

/* A cgroup hierarchy of our own view, with two groups in it. */
static char cgroup_root[] = "/tmp/scx-custody.XXXXXX";
static const char *controller_enabled;
static bool mounted;

static const char *in_cgroup(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", cgroup_root, file);
	return path;
}

static const char *group_of(char which, const char *file)
{
	char name[64];

	snprintf(name, sizeof(name), "scx-custody-%d%c/%s", getpid(), which, file);
	return in_cgroup(name);
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; (text = strstr(text, word)); text += length)
		if (!text[length] || text[length] == ' ')
			return true;
	return false;
}

/* Says what is missing, or NULL. */
static const char *make_groups(const char *controller)
{
	char controllers[256], enable[16];

	strcpy(strrchr(cgroup_root, '.'), ".XXXXXX");
	mkdir("/tmp", 01777);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "there is no mount namespace to be had";
	if (!mkdtemp(cgroup_root))
		return "there is no temporary directory to be had";
	mounted = !mount("none", cgroup_root, "cgroup2", 0, NULL);
	if (!mounted)
		return "this kernel has no cgroup2";
	if (!read_file(in_cgroup("cgroup.subtree_control"), controllers, sizeof(controllers)))
		return "cgroup2 cannot be read";
	if (!has_word(controllers, controller)) {
		snprintf(enable, sizeof(enable), "+%s", controller);
		if (!write_file(in_cgroup("cgroup.subtree_control"), enable))
			return "the controller is not to be had in cgroup2";
		controller_enabled = controller;
	}
	if (mkdir(group_of('a', ""), 0755) || mkdir(group_of('b', ""), 0755))
		return "no cgroup can be made";
	return NULL;
}

static void remove_groups(void)
{
	rmdir(group_of('a', ""));
	rmdir(group_of('b', ""));
	if (controller_enabled) {
		char disable[16];

		snprintf(disable, sizeof(disable), "-%s", controller_enabled);
		write_file(in_cgroup("cgroup.subtree_control"), disable);
	}
	if (mounted)
		umount(cgroup_root);
	rmdir(cgroup_root);
	controller_enabled = NULL;
	mounted = false;
}

static bool join(pid_t pid, char which)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_file(group_of(which, "cgroup.procs"), text);
}

/* Workers in custody, all of them in the first group. */
static bool park_in_group(void)
{
	int i;

	if (!spawn(OBEY, NR_PARKED))
		return false;
	for (i = 0; i < nr_workers; i++)
		if (!join(workers[i].pid, 'a'))
			return skip("a task cannot be moved to a cgroup: %m"), false;
	return park(PLACES_CUSTODY);
}

/* Into the one group all of them, the next time into the other. */
static bool change_group(pid_t pid)
{
	static int moves;

	return join(pid, "ab"[moves++ / nr_workers % 2]);
}

static enum result cgroup_move_run(void)
{
	const char *problem = make_groups("cpu");

	if (problem)
		return skip("%s: %s", problem, strerror(errno));
	return at_each_place(change_group, "a move to another cgroup", true);
}

TEST(cgroup_move, .rows = ROW(10), .cleanup = remove_groups,
     .must = "A move to another cgroup in custody gives one dequeue, marked as a change.");

/* Whether a weight takes a waiting task off its queue is the kernel's choice. */
static enum result cgroup_weight_run(void)
{
	const char *problem = make_groups("cpu");
	char weight[16];
	int i;

	if (problem)
		return skip("%s: %s", problem, strerror(errno));
	if (!park_in_group())
		return said;
	for (i = 0; i < 5; i++) {
		snprintf(weight, sizeof(weight), "%d", 50 + 100 * i);
		if (!write_file(group_of('a', "cpu.weight"), weight))
			return skip("the weight of a cgroup cannot be changed: %m");
	}
	if (!wait_until(books->cgroup_weight >= 5))
		return fail("ops.cgroup_set_weight() was called %llu times, not 5",
			    books->cgroup_weight);
	if (!wait_until(nr_in_custody() == NR_PARKED) || !unpark())
		return said;
	return PASS;
}

TEST(cgroup_weight, .rows = ROW(10), .cleanup = remove_groups,
     .must = "A change of a cgroup's weight neither loses nor adds a dequeue in custody.");

/* How many NUMA hinting faults there have been; -1 where none are counted. */
static long nr_hint_faults(void)
{
	FILE *vmstat = fopen("/proc/vmstat", "r");
	char name[64];
	long number;

	if (!vmstat)
		return -1;
	while (fscanf(vmstat, "%63s %ld", name, &number) == 2)
		if (!strcmp(name, "numa_hint_faults"))
			break;
		else
			number = -1;
	fclose(vmstat);
	return number;
}

/* A CPU of the node; -1 where there is none that we may use. */
static int cpu_of_node(int node)
{
	char path[64];
	int i;

	for (i = 0; i < nr_cpus; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d", node,
			 cpus[i]);
		if (!access(path, F_OK))
			return cpus[i];
	}
	return -1;
}

/* Pages that move leave the task where it is; the task that moves leaves custody. */
static enum result numa_parked(void)
{
	const unsigned long nodes[2] = { 1, 2 };
	unsigned long long before;
	int i, node;

	if (!park(PLACES_CUSTODY))
		return said;
	for (i = 0; i < 2 * NR_PARKED; i++) {
		pid_t pid = workers[i % NR_PARKED].pid;

		node = i >= NR_PARKED;
		before = nr_left_any();
		if (syscall(SYS_migrate_pages, pid, 64, &nodes[node], &nodes[!node]) < 0)
			return skip("migrate_pages() does not work: %m");
		if (nr_left_any() != before)
			return fail("a dequeue came for pages that moved");

		before = nr_left(~0, LEFT_CHANGED);
		if (!pin(pid, cpu_of_node(node)))
			return said;
		if (!wait_until(nr_left(~0, LEFT_CHANGED) > before &&
				nr_in_custody() == NR_PARKED))
			return fail("a task was put on node %d and no dequeue came", node);
	}
	return unpark() ? PASS : said;
}

static enum result numa_run(void)
{
	unsigned long long before;
	char balancing[8];
	long faults;

	if (cpu_of_node(0) < 0 || cpu_of_node(1) < 0)
		return skip("there are no two NUMA nodes with CPUs to use");
	if (!spawn(OBEY, NR_PARKED) || numa_parked() != PASS)
		return said;

	/* NUMA balancing, if it is on, takes tasks of the fair class to scan for. */
	if (options.all_tasks ||
	    !read_file("/proc/sys/kernel/numa_balancing", balancing, sizeof(balancing)) ||
	    balancing[0] == '0')
		return PASS;
	faults = nr_hint_faults();
	if (!spawn(TOUCH, 2))
		return said;
	before = nr_left_any();
	knobs->enqueue = PLACES_CUSTODY;
	if (!wait_until(nr_hint_faults() >= faults + 50))
		return skip("NUMA balancing made only %ld hinting faults",
			    nr_hint_faults() - faults);
	if (!wait_until(nr_left_any() >= before + 20))
		return too_few(nr_left_any() - before, "only %llu tasks left custody meanwhile",
			       nr_left_any() - before);
	return PASS;
}

TEST(numa, .rows = ROW(10),
     .must = "A task in custody gets one dequeue if it changes its node, none if its pages do.");

static int last_cpu;

/*
 * How long a CPU may take to go, in seconds: it takes some 0.1 on a machine, and up to 1
 * where it is emulated. One that hangs does so for ever, or until the watchdog's 10.
 */
#define GOING	5.0

/*
 * Tasks whose CPU is gone may be run, there or on another, without our being asked. So
 * the tests of this set knobs->closing.
 */

static bool set_online(bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", last_cpu);
	return write_file(path, online ? "1" : "0");
}

/*
 * By another process: it does not return as long as a task must not leave the
 * CPU, and we are the one who lets tasks go.
 */
static pid_t start_taking_away(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(set_online(false) ? 0 : errno);
	return pid;
}

/*
 * A CPU that goes away waits for its last task to be pushed off, which is nobody's
 * business but the kernel's. If it does not go by itself, that is a failure, and for the
 * tests to come the machine has to be got out of it: let go of all tasks and make the
 * CPUs look again, until the CPU is gone, if need be because the kernel's watchdog has
 * ended the scheduler. If that doesn't help, the kernel's log is to have what everybody
 * waits for; that takes a non-maskable interrupt.
 */
static bool taken_away(pid_t pid)
{
	struct patience patience = patience_for(GOING);
	bool rescued = false, told = false;
	double start = now();
	int status = -1;

	if (pid < 0)
		return skip("no process to take CPU %d away: %m", last_cpu), false;
	while (!waitpid(pid, &status, WNOHANG)) {
		nap(0.001);
		if (!rescued && !out_of_patience(&patience))
			continue;
		if (!rescued) {
			fail("CPU %d does not go within %.0f s by itself", last_cpu, GOING);
			rescued = true;
			knobs->enqueue = PLACE_GLOBAL;
			knobs->parked = false;
		}
		kick_cpus();
		nap(0.01);
		if (!told && now() > start + GOING + 30) {
			told = true;
			write_file("/proc/sysrq-trigger", "w");
			write_file("/proc/sysrq-trigger", "l");
		}
	}
	if (rescued)
		return false;
	if (WIFEXITED(status))
		errno = WEXITSTATUS(status);
	if (status)
		skip("CPU %d cannot be taken away: %m", last_cpu);
	return !status;
}

static void restore_machine(void)
{
	set_online(true);
	remove_groups();
}

/* The CPU goes, and with it the cpuset's last: its tasks get the parent's CPUs. */
static enum result hotplug_run(void)
{
	const char *problem;
	char cpu[16];
	pid_t pid;

	last_cpu = cpus[nr_cpus - 1];
	problem = make_groups("cpuset");
	if (problem)
		return skip("%s: %s", problem, strerror(errno));

	snprintf(cpu, sizeof(cpu), "%d", last_cpu);
	if (!write_file(group_of('a', "cpuset.cpus"), cpu))
		return skip("the CPUs of a cpuset cannot be set: %m");
	knobs->closing = true;
	if (!park_in_group())
		return said;

	pid = start_taking_away();
	wait_until(nr_left(~0, LEFT_CHANGED) >= NR_PARKED && nr_in_custody() == NR_PARKED);
	if (nr_left(~0, LEFT_CHANGED) < NR_PARKED)
		fail("%llu of %d tasks got a dequeue", nr_left(~0, LEFT_CHANGED), NR_PARKED);
	if (!taken_away(pid) || !unpark())
		return said;
	return *reason ? said : PASS;
}

TEST(hotplug, .rows = ROW(10), .cpus = 2, .disturbs_all = true, .cleanup = restore_machine,
     .must = "Tasks in custody whose last CPU goes away get one dequeue each, marked as a change.");

/* The CPU that a task counts on; -1 if there is no such task. */
static int cpu_of(pid_t pid)
{
	char path[32], stat[512], *field;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_file(path, stat, sizeof(stat)))
		return -1;
	field = strrchr(stat, ')');
	/* the 39th, and this is the 2nd */
	for (i = 2; field && i < 39; i++)
		field = strchr(field + 1, ' ');
	return field ? atoi(field) : -1;
}

/* They could run anywhere: only their run queue is the CPU's, and nobody hands them on. */
static enum result dying_cpu_run(void)
{
	unsigned long long before[NR_PLACES];
	unsigned int place;
	double start;
	int i;

	last_cpu = cpus[nr_cpus - 1];
	knobs->closing = true;
	if (!spawn(OBEY, 2 * NR_PARKED))
		return said;
	for (i = 0; i < nr_workers; i++)
		if (!pin(workers[i].pid, last_cpu))
			return said;
	if (!park(PLACES_CUSTODY))
		return said;

	place = PLACE_FIFO;
	for (i = 0; i < nr_workers; i++) {
		knobs->enqueue = place;
		if (!pin(workers[i].pid, -1))
			return said;
		if (!wait_until(nr_in_custody() == nr_workers))
			return fail("a task does not come back with all CPUs allowed");
		if (cpu_of(workers[i].pid) != last_cpu)
			return skip("a task left CPU %d when it was allowed to", last_cpu);
		place = place < PLACE_TREE ? place << 1 : PLACE_FIFO;
	}
	for (i = 0; i < NR_PLACES; i++)
		before[i] = nr_left(1u << i, LEFT_CHANGED);

	start = now();
	if (!taken_away(start_taking_away()))
		return said;
	if (!options.json)
		printf("# CPU %d took %.2f s to go\n", last_cpu, now() - start);
	for (place = PLACE_FIFO; place <= PLACE_TREE; place <<= 1) {
		i = __builtin_ctz(place);
		if (nr_left(place, LEFT_CHANGED) < before[i] + nr_workers / 4)
			return fail("%s: %llu of %d tasks got a dequeue", place_name(place),
				    nr_left(place, LEFT_CHANGED) - before[i], nr_workers / 4);
	}
	return unpark() ? PASS : said;
}

TEST(dying_cpu, .rows = ROW_10A, .cpus = 2, .hazards = HAZARD(11), .disturbs_all = true,
     .cleanup = restore_machine,
     .must = "A CPU can go though tasks in custody count on it; each gets one dequeue.");

/* A task that finds its CPU gone is put on a local DSQ without asking us. */
static enum result hotplug_storm_run(void)
{
	int i;

	last_cpu = cpus[nr_cpus - 1];
	knobs->closing = true;
	if (!spawn(NAP, 4) || !spawn(SPIN, nr_cpus + 1))
		return said;
	knobs->enqueue = PLACES_CUSTODY;
	for (i = 0; i < 5 && !over(); i++) {
		unsigned long long before = nr_left_any();

		if (!taken_away(start_taking_away()))
			return said;
		if (!wait_until(nr_left_any() > before))
			return fail("nothing runs without CPU %d", last_cpu);
		if (!set_online(true))
			return skip("CPU %d does not come back: %m", last_cpu);
	}
	return PASS;
}

TEST(hotplug_storm, .rows = ROW(8) | ROW(16), .cpus = 2, .disturbs_all = true,
     .cleanup = restore_machine,
     .must = "A CPU that goes and comes back under load leaves nothing open in the books.");
