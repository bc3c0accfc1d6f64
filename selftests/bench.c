// SPDX-License-Identifier: GPL-2.0-only
/* Two tasks on one CPU play ping-pong over a pipe: how long does a round take? */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "harness.h"
#include "bench.skel.h"

#define WARM_UP	1000

/*
 * Time is taken of so many rounds at once, and the median is what counts: a round
 * that the kernel's own housekeeping falls into costs more, and it falls where it
 * likes.
 */
#define BATCH	10

static bool play(int from, int to, long rounds, bool serve)
{
	char byte = 0;

	while (rounds-- > 0) {
		if (serve && write(to, &byte, 1) != 1)
			return false;
		if (read(from, &byte, 1) != 1)
			return false;
		if (!serve && write(to, &byte, 1) != 1)
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How many seconds does a round take? Below 0: it failed. */
static double play_batches(int from, int to, long rounds)
{
	long nr = (rounds + BATCH - 1) / BATCH, i;
	double *took = calloc(nr, sizeof(*took));
	double median, begin;

	if (!took)
		return -1;
	for (i = 0; i < nr; i++) {
		begin = now();
		if (!play(from, to, BATCH, true)) {
			free(took);
			return -1;
		}
		took[i] = (now() - begin) / BATCH;
	}
	qsort(took, nr, sizeof(*took), compare);
	median = took[nr / 2];
	free(took);
	return median;
}

/* Two tasks of the policy; the one reports how long a round took. */
static double measure(long rounds, int policy)
{
	int there[2], back[2], report[2], i;
	double seconds = -1;
	pid_t pids[2];

	if (pipe(there) || pipe(back) || pipe(report))
		return -1;
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!pin(0, cpus[0]) || !set_policy(0, policy))
			_exit(1);
		if (i)	/* for as long as it is asked */
			_exit(!play(there[0], back[1], LONG_MAX, false));
		if (!play(back[0], there[1], WARM_UP, true))
			_exit(1);
		seconds = play_batches(back[0], there[1], rounds);
		_exit(write(report[1], &seconds, sizeof(seconds)) != sizeof(seconds));
	}
	for (i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	close(report[1]);
	if (read(report[0], &seconds, sizeof(seconds)) != sizeof(seconds))
		seconds = -1;
	close(report[0]);
	for (i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return seconds;
}

const char *bench_pipe(long rounds, bool with_scheduler)
{
	const char *problem = NULL;
	struct bench *bench = NULL;
	struct bpf_link *attached = NULL;
	double seconds;

	if (with_scheduler) {
		listen_to_libbpf();
		bench = bench__open_and_load();
		if (bench)
			attached = bpf_map__attach_struct_ops(bench->maps.bench_ops);
		if (!attached) {
			print_complaint();
			problem = not_taken();
		}
	}
	if (!problem) {
		seconds = measure(rounds, with_scheduler ? SCHED_EXT : SCHED_OTHER);
		if (seconds < 0)
			problem = "the two tasks did not play to the end";
		else
			printf("%.0f ns per round trip\n", seconds * 1e9);
	}
	bpf_link__destroy(attached);
	bench__destroy(bench);
	return problem;
}
