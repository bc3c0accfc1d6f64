// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was decided on a task before it changed, or before it was off its CPU, and what
 * the kernel makes of that later.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define ROUNDS	5
#define NEAR	500	/* entries that can be made while a task is parked */

/*
 * Held tasks are taken by whichever CPU asks: some sleep, some are still being switched
 * out, some have their migration disabled. While a task is being switched out, BPF runs
 * in it (ops.running() of the next), which disables its migration for as long.
 */
static enum result eligibility_run(void)
{
	double end;

	knobs->take = true;
	/* If the kernel ends the scheduler, that is what is wrong. */
	knobs->closing = true;
	/* So few that the latest to come is among those that a CPU takes at once. */
	if (!spawn(NAP, 2) || !spawn(YIELD, nr_cpus + 1) || !spawn(STAY, 2))
		return said;
	knobs->linger = 300000;
	knobs->enqueue = PLACES_HELD;
	end = now() + options.duration;
	while (now() < end && !over())
		nap(0.01);
	if (!wait_until(books->crossed >= 50 && books->bound >= 5))
		return too_few(books->crossed && books->bound,
			       "%llu tasks were taken by another CPU, %llu had to stay on theirs",
			       books->crossed, books->bound);
	/* It takes the kernel a while from deciding that to saying so. */
	knobs->enqueue = PLACE_GLOBAL;
	knobs->linger = 0;
	nap(0.5);
	return over() ? said : PASS;
}

TEST(eligibility, .rows = ROW(5) | ROW(8) | ROW(16), .cpus = 2, .hazards = HAZARD(12),
     .must = "Any CPU may take a held task that is allowed there, even one being switched out.");

static unsigned long long distance(unsigned long long a, unsigned long long b)
{
	return a > b ? a - b : b - a;
}

/*
 * Does each run queue number the stays that begin there? Up to 7.0 it does, unless that is
 * fixed. Both tasks are on that CPU, and what another does tells on the task's number.
 */
static bool numbered_by_cpu(pid_t pid, pid_t other, int cpu)
{
	unsigned long long before, after, next;
	int i;

	if (!entry_numbers(pid, cpu, &before, &next))
		return false;
	for (i = 0; i < 8; i++)
		change_nice(other);
	change_nice(pid);
	return entry_numbers(pid, cpu, &after, &next) && after - before > 8;
}

/*
 * Two CPUs whose run queues have numbered almost as many entries, the one behind second.
 * The third is any other. Returns how far it is behind. Four to choose from are enough.
 */
static unsigned long long choose_cpus(pid_t pid, int *chosen)
{
	unsigned long long next[4], entry, best = ~0ull;
	int i, j, n = nr_cpus < 4 ? nr_cpus : 4;

	for (i = 0; i < n; i++)
		if (!entry_numbers(pid, cpus[i], &entry, &next[i]))
			next[i] = 0;
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			if (i == j || next[i] < next[j] || distance(next[i], next[j]) >= best)
				continue;
			best = distance(next[i], next[j]);
			chosen[0] = cpus[i];
			chosen[1] = cpus[j];
		}
	for (i = n - 1; cpus[i] == chosen[0] || cpus[i] == chosen[1]; i--)
		;
	chosen[2] = cpus[i];
	return best;
}

/*
 * Have a run queue that is far behind another number entries until it no longer is: two
 * processes that are nobody's take turns there, which takes less time than to change a
 * task, and nothing that is parked has to wait for it.
 */
static bool catch_up(pid_t any, int ahead, int behind)
{
	unsigned long long entry, target, next = 0;
	double end = now() + 6 * PATIENCE;
	pid_t pids[2];
	int i;

	if (!entry_numbers(any, ahead, &entry, &target))
		return skip("the entries of CPU %d cannot be read", ahead), false;
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pin(0, behind);
			set_policy(0, SCHED_EXT);
			for (;;)
				sched_yield();
		}
	}
	while (now() < end && !over() && entry_numbers(any, behind, &entry, &next) &&
	       next + NEAR / 2 < target)
		nap(0.001);
	for (i = 0; i < 2; i++)
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	if (next + NEAR / 2 >= target)
		return true;
	return skip("CPU %d is too far behind CPU %d", behind, ahead), false;
}

/*
 * See to it that the task's next stay gets the number of this one if it begins on that
 * CPU: another task takes the numbers before. Others may take some, too, so it may be
 * too many; then the task gets a higher number first.
 */
static bool line_up(pid_t pid, pid_t other, int cpu)
{
	unsigned long long entry, next;

	while (!over() && entry_numbers(pid, cpu, &entry, &next)) {
		if (entry == next)
			return true;
		knobs->enqueue = entry < next ? PLACE_MAP : PLACE_FIFO;
		if (!change_nice(entry < next ? pid : other))
			return skip("setpriority() does not work: %m"), false;
	}
	return !over();
}

/*
 * A CPU's ops.dispatch() decides on a held task and takes its time. Meanwhile the task
 * goes to the run queue of another CPU and is held again.
 */
static enum result decide_too_late(pid_t pid, pid_t other, const int *chosen, bool by_cpu,
				    bool *expired)
{
	unsigned long long changed = nr_left(PLACE_MAP, LEFT_CHANGED);
	double start = now(), kick = 0;

	if (by_cpu && !line_up(pid, other, chosen[1]))
		return said;
	knobs->enqueue = PLACE_MAP;
	held_back->pid = pid;
	held_back->cpu = chosen[2];
	held_back->limit = 1000000000;
	__sync_synchronize();
	*(volatile unsigned int *)&held_back->stage = HELD_BACK_ASKED;
	/*
	 * Not to be slept through, others would be enqueued. A kick waits for the run queue,
	 * which is locked during ops.dispatch(), so it should not come when that has begun.
	 */
	while (*(volatile unsigned int *)&held_back->stage == HELD_BACK_ASKED) {
		if (now() > kick) {
			kick_cpu(chosen[2]);
			kick = now() + 0.1;
		}
		if (over() || now() > start + PATIENCE)
			return skip("CPU %d does not call ops.dispatch()", chosen[2]);
	}
	if (!pin(pid, chosen[1]))
		return said;
	__sync_bool_compare_and_swap(&held_back->stage, HELD_BACK_DECIDED, HELD_BACK_CHANGED);
	if (!wait_until(held_back->stage >= HELD_BACK_LET_GO))
		return skip("CPU %d does not come back from ops.dispatch()", chosen[2]);
	*expired = held_back->stage == HELD_BACK_EXPIRED;
	nap(0.1);
	if (over())
		return said;
	held_back->pid = 0;
	if (*expired)
		return PASS;
	if (nr_left(PLACE_MAP, LEFT_CHANGED) <= changed)
		return fail("no dequeue came for the change of affinity");
	return PASS;
}

static enum result stale_dispatch_run(void)
{
	int chosen[3], done, tries = 0;
	bool by_cpu;

	if (!spawn(OBEY, 2))
		return said;
	if (!pin(workers[0].pid, cpus[0]) || !pin(workers[1].pid, cpus[0]))
		return said;
	if (!park(PLACE_MAP))
		return said;
	by_cpu = numbered_by_cpu(workers[0].pid, workers[1].pid, cpus[0]);
	if (!unpark())
		return said;
	for (done = 0; done < ROUNDS; ) {
		pid_t pid = workers[0].pid, other = workers[1].pid;
		enum result result;
		bool expired = true;

		if (tries++ == 3 * ROUNDS)
			return skip("only %d changes in %d were made in time", done, tries);
		if (choose_cpus(pid, chosen) > NEAR && by_cpu) {
			if (!catch_up(pid, chosen[0], chosen[1]))
				return said;
			choose_cpus(pid, chosen);
		}
		/* To the CPU that must not wait, and away from the one that makes us wait. */
		if (!pin(pid, chosen[0]) || !pin(other, chosen[1]) || !pin(getpid(), chosen[0]))
			return said;
		if (!park(PLACE_MAP))
			return said;
		result = decide_too_late(pid, other, chosen, by_cpu, &expired);
		if (result != PASS)
			return result;
		done += !expired;
		if (!expired && nr_in_custody() != 2)
			return fail("%ld of 2 tasks are in custody", nr_in_custody());
		if (!unpark())
			return said;
	}
	return PASS;
}

static void unpin_ourselves(void)
{
	pin(getpid(), -1);
}

TEST(stale_dispatch, .rows = ROW(5) | ROW(10), .cpus = 3, .hazards = HAZARD(10),
     .cleanup = unpin_ourselves,
     .must = "What was decided on a held task has no effect once it has left and come back.");

/*
 * A change of affinity has the scheduler asked twice, before the task changes its CPU and
 * after that. What it says at first, to insert the task on another CPU, is not carried out
 * before the task is off again, and must not be said and done the second time.
 */
static enum result left_over_verdict_run(void)
{
	int i;

	if (!spawn(OBEY, 1) || !pin(workers[0].pid, cpus[0]))
		return said;
	knobs->to_mover = PLACE_LOCAL_ON;
	if (!park(PLACE_MAP))
		return said;
	for (i = 1; i <= 2 * ROUNDS; i++) {
		unsigned long long before = nr_entered(PLACE_MAP);

		if (!pin(workers[0].pid, cpus[i % 2]))
			return said;
		if (!wait_until(nr_left(PLACE_MAP, LEFT_CHANGED) >= (unsigned int)i))
			return fail("no dequeue came for the change of affinity");
		if (!wait_until_for(nr_entered(PLACE_MAP) > before, 1))
			return fail("the task got to its new CPU without the scheduler being asked");
	}
	if (!books->movers)
		return skip("this kernel does not ask before the task changes its CPU");
	return unpark() ? PASS : said;
}

TEST(left_over_verdict, .rows = ROW(10), .cpus = 2, .hazards = HAZARD(13),
     .must = "What the scheduler said of a task that then left is not done at its next entry.");
