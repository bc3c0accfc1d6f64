// SPDX-License-Identifier: GPL-2.0-only
/* Core scheduling takes tasks out of custody by itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define ENOUGH	5
#define GROUP	6

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE		62
#define PR_SCHED_CORE_CREATE	1
#define PR_SCHED_CORE_SHARE_TO	2
#endif

/*
 * A cookie comes from one's own, so another process gives it. It stops then, and keeps
 * core scheduling on until it is killed.
 */
static pid_t givers[2];

/* Returns an errno. */
static int share_cookie(struct worker *group, int number, pid_t *giver)
{
	int status, i;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* the scheduler's would keep that attached */
		close_range(3, ~0U, 0);
		if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0))
			_exit(errno);
		for (i = 0; i < number; i++)
			if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_SHARE_TO, group[i].pid, 0, 0))
				_exit(errno);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		return WEXITSTATUS(status);
	*giver = pid;
	return 0;
}

/*
 * Two groups that may not share a core: when one sibling picks a task of a
 * group, the other takes one of the same wherever it is.
 */
static enum result core_sched_run(void)
{
	int group, error;
	char smt[8];
	struct patience patience;

	if (!read_file("/sys/devices/system/cpu/smt/active", smt, sizeof(smt)) || smt[0] != '1')
		return skip("there are no SMT siblings");
	/*
	 * Long slices, since a kernel warns when core scheduling forces a CPU to
	 * idle whose task has used up its own.
	 */
	knobs->slice = 1000000000;
	if (!spawn(NAP, 2 * GROUP))
		return said;
	for (group = 0; group < 2; group++) {
		error = share_cookie(&workers[group * GROUP], GROUP, &givers[group]);
		if (error)
			return skip("no core cookie can be had: %s", strerror(error));
	}
	knobs->enqueue = PLACES_CUSTODY;
	for (patience = patience_for(PATIENCE); !over() && !out_of_patience(&patience);) {
		/* Seldom: see disturbs_all. */
		nap(0.05);
		if (nr_left(~0, LEFT_CORE_PICKED) >= ENOUGH)
			return PASS;
	}
	return too_few(nr_left(~0, LEFT_CORE_PICKED), "%llu tasks were picked by core scheduling",
		       nr_left(~0, LEFT_CORE_PICKED));
}

/*
 * Core scheduling must not end while there is a BPF scheduler: when that dispatches for a
 * sibling, the kernel lets go of the run queue, and takes another lock than before if core
 * scheduling has ended meanwhile. The CPU whose lock that is hangs (Linux 6.18). Nor must
 * the BPF scheduler end while there are tasks with a cookie, of which the kernel warns;
 * the workers are dead by now.
 */
static void end_core_scheduling(void)
{
	size_t i;

	stop_scheduler();
	for (i = 0; i < ARRAY_SIZE(givers); i++) {
		if (!givers[i])
			continue;
		kill(givers[i], SIGKILL);
		waitpid(givers[i], NULL, 0);
		givers[i] = 0;
	}
	wait_until(!core_scheduling());
}

/*
 * Kernels up to 6.18 warn (pick_task_scx) when core scheduling meets tasks of
 * other classes, so this is not for a machine in use.
 */
TEST(core_sched, .rows = ROW(9), .disturbs_all = true, .cleanup = end_core_scheduling,
     .must = "A task that core scheduling picks out of custody gets one dequeue, marked as that.");
