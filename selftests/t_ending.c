// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler ends, or fails, while tasks are in its custody. Each time the core
 * goes into bypass first, and that is what takes the tasks out of custody. It does
 * so for suspend as well, and then the scheduler stays.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "harness.h"

#define NR_KINDS	5	/* of custody */
#define NR_PARKED	(2 * NR_KINDS)

/* With all gone, two tasks of each place must have left by a change. */
static enum result all_changed(const char *event)
{
	unsigned int place;

	for_each_place(place, PLACES_CUSTODY)
		if (nr_left(place, LEFT_CHANGED) < NR_PARKED / NR_KINDS)
			return fail("%s, %s: %llu of %d tasks got a dequeue for a change", event,
				    place_name(place), nr_left(place, LEFT_CHANGED),
				    NR_PARKED / NR_KINDS);
	return PASS;
}

static enum result unload_run(void)
{
	if (!spawn(OBEY, NR_PARKED) || !park(PLACES_CUSTODY))
		return said;
	stop_scheduler();
	return all_changed("unload");
}

TEST(unload, .rows = ROW(13), .ends_scheduler = true,
     .must = "Unloading the scheduler gives each task in custody one dequeue, marked as a change.");

static enum result error_exit_run(void)
{
	if (!spawn(OBEY, NR_PARKED) || !park(PLACES_CUSTODY))
		return said;
	knobs->fail = true;
	if (!spawn(NAP, 1) && !scheduler_gone())
		return said;
	if (!wait_until(scheduler_gone()))
		return fail("scx_bpf_error() did not end the scheduler");
	stop_scheduler();
	return all_changed("error exit");
}

TEST(error_exit, .rows = ROW(13), .ends_scheduler = true,
     .must = "A scheduler that fails leaves each task in custody one dequeue, marked as a change.");

static enum result sysrq_run(void)
{
	if (access("/proc/sysrq-trigger", W_OK))
		return skip("this kernel has no /proc/sysrq-trigger");
	if (!spawn(OBEY, NR_PARKED) || !park(PLACES_CUSTODY))
		return said;
	knobs->closing = true;
	if (!write_file("/proc/sysrq-trigger", "S"))
		return skip("cannot write to /proc/sysrq-trigger: %m");
	if (!wait_until(scheduler_gone()))
		return fail("SysRq-S did not end the scheduler");
	stop_scheduler();
	return all_changed("SysRq-S");
}

TEST(sysrq, .rows = ROW(13), .ends_scheduler = true,
     .must = "SysRq-S gives each task in custody one dequeue, marked as a change.");

#define SNAPSHOT	"/dev/snapshot"
#define PM_TEST		"/sys/power/pm_test"
#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

/*
 * Prepare for suspend and come back, as far as sched_ext is concerned. Who opens the
 * device for hibernation has the kernel get ready for that. A kernel for debugging has
 * a rehearsal of suspend, which freezes user space for some seconds.
 */
static enum result rehearse_suspend(void)
{
	int fd = open(SNAPSHOT, O_RDONLY | O_CLOEXEC);
	enum result result = PASS;
	char delay[16];

	if (fd >= 0) {
		if (!wait_until(nr_in_custody() <= 0))
			result = fail("tasks stay in custody before hibernation");
		close(fd);
		return result;
	}
	if (access(PM_TEST, W_OK))
		return skip("this kernel has neither " SNAPSHOT " nor " PM_TEST);
	if (!read_file(PM_TEST_DELAY, delay, sizeof(delay)))
		*delay = 0;
	write_file(PM_TEST_DELAY, "1");
	if (!write_file(PM_TEST, "freezer") || !write_file("/sys/power/state", "freeze"))
		result = skip("suspend cannot be rehearsed: %m");
	write_file(PM_TEST, "none");
	if (*delay)
		write_file(PM_TEST_DELAY, delay);
	return result;
}

static enum result suspend_run(void)
{
	enum result result;
	int round;

	/* Tasks that the bypass takes from us run without being enqueued. */
	knobs->closing = true;
	if (!spawn(OBEY, NR_PARKED))
		return said;
	for (round = 1; round <= 2; round++) {
		if (!park(PLACES_CUSTODY))
			return said;
		result = rehearse_suspend();
		if (result == PASS)
			result = all_changed("suspend");
		if (result != PASS)
			return result;
		if (nr_left(~0, LEFT_CHANGED) != (unsigned int)round * NR_PARKED)
			return fail("%llu dequeues for a change, in place of %d",
				    nr_left(~0, LEFT_CHANGED), round * NR_PARKED);
		if (!unpark())
			return said;
	}
	/* The scheduler is in charge again. */
	if (!park(PLACES_CUSTODY) || !unpark())
		return said;
	if (nr_left(~0, LEFT_DISPATCHED) < NR_PARKED)
		return fail("only %llu tasks were dispatched after it",
			    nr_left(~0, LEFT_DISPATCHED));
	return PASS;
}

TEST(suspend, .rows = ROW(13), .disturbs_all = true,
     .must = "Suspend gives each task in custody one dequeue, marked as a change, and only one.");

/* A dispatch that the kernel refuses, which ends the scheduler as well. */
static enum result refused(unsigned int to, const char *what)
{
	if (!spawn(OBEY, 1) || !pin(workers[0].pid, cpus[0]) || !park(PLACE_MAP))
		return said;
	knobs->held_to = to;
	knobs->closing = true;
	if (!unpark())
		return said;
	if (!wait_until(scheduler_gone()))
		return fail("%s: the kernel did not refuse it", what);
	stop_scheduler();
	if (nr_left(PLACE_MAP, LEFT_DISPATCHED) != 1 || nr_left(PLACE_MAP, LEFT_CHANGED))
		return fail("%s: %llu dequeues without a flag, %llu for a change", what,
			    nr_left(PLACE_MAP, LEFT_DISPATCHED), nr_left(PLACE_MAP, LEFT_CHANGED));
	return PASS;
}

static enum result forbidden_cpu_run(void)
{
	return refused(PLACE_FORBIDDEN, "dispatch to a CPU that the task may not use");
}

TEST(forbidden_cpu, .rows = ROW(14), .cpus = 2, .ends_scheduler = true,
     .must = "A task whose LOCAL_ON target is rejected gets one dequeue, without a flag.");

static enum result destroyed_dsq_run(void)
{
	return refused(PLACE_MISSING, "dispatch to a destroyed DSQ");
}

TEST(destroyed_dsq, .rows = ROW(14), .ends_scheduler = true,
     .must = "A task dispatched to a destroyed DSQ gets one dequeue, without a flag.");
