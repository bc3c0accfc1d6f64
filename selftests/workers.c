// SPDX-License-Identifier: GPL-2.0-only
/* Workers: how they live, die, and are parked in custody. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "scheduler.h"

struct worker *workers;
int nr_workers;

static const char *const life_names[NR_LIVES] = {
	[OBEY] = "custody:obey",
	[SPIN] = "custody:spin",
	[YIELD] = "custody:yield",
	[NAP] = "custody:nap",
	[PING] = "custody:ping",
	[FORK] = "custody:fork",
	[TOUCH] = "custody:touch",
	[STAY] = "custody:stay",
};

/*
 * A worker keeps open nothing else of the test program's: a descriptor of the attached
 * scheduler would keep the scheduler attached.
 */
static void keep_open(const int *fds, int number)
{
	unsigned int first = STDERR_FILENO + 1, kept;
	int i;

	/* What lies between two that are kept, the lowest first. */
	do {
		kept = ~0u;
		for (i = 0; i < number; i++)
			if (fds[i] >= (int)first && (unsigned int)fds[i] < kept)
				kept = fds[i];
		if (kept > first)
			close_range(first, kept - 1, 0);
		first = kept + 1;
	} while (kept != ~0u);
}

static void spawn_child(int step)
{
	pid_t pid = fork();

	if (!pid) {
		burn(10000 * (step % 4));
		_exit(0);
	}
	if (pid > 0 && step % 3)
		waitpid(pid, NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Memory enough for NUMA balancing to look at. */
static volatile char shared_memory[16 << 20];

static void touch_memory(void)
{
	size_t i;

	for (i = 0; i < sizeof(shared_memory); i += 4096)
		shared_memory[i]++;
}

/* NUMA balancing scans for tasks of the fair class alone; their threads fault too. */
static void *touch_in_fair_class(void *unused)
{
	set_policy(0, SCHED_OTHER);
	for (;;) {
		touch_memory();
		nap(0.0005);
	}
	return unused;
}

/* Some ticks long, so that the worker is often preempted meanwhile. */
static void stay_here(int program)
{
	struct errand stay = { .duration = 3000000 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &stay, .ctx_size_in = sizeof(stay));

	if (bpf_prog_test_run_opts(program, &run))
		_exit(1);
}

/* A worker's descriptors, as it sees them. */
enum {
	ORDERS,
	REPORTS,
	FROM_PEER,
	TO_PEER,
	PROGRAM,	/* to be run by itself */
	NR_FDS,
};

/*
 * A worker's whole life. It writes one byte when it is ready. An obedient one writes
 * another for each byte that it reads.
 */
static void __attribute__((noreturn)) live(enum life life, int *fds, int policy)
{
	pthread_t thread;
	char byte = 0;
	int step;

	keep_open(fds, NR_FDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, life_names[life]);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);

	/* The order comes once it is known as a test task. */
	if (read(fds[ORDERS], &byte, 1) != 1 || !set_policy(0, policy) ||
	    write(fds[REPORTS], &byte, 1) != 1)
		_exit(1);

	if (life == TOUCH && pthread_create(&thread, NULL, touch_in_fair_class, NULL))
		_exit(1);

	for (step = 0; ; step++) {
		switch (life) {
		case OBEY:
			if (read(fds[ORDERS], &byte, 1) != 1 ||
			    write(fds[REPORTS], &byte, 1) != 1)
				_exit(1);
			break;
		case SPIN:
			burn(100000);
			break;
		case YIELD:
			burn(1000);
			sched_yield();
			break;
		case NAP:
			burn(20000);
			nap(0.0002);
			break;
		case PING:
			if (write(fds[TO_PEER], &byte, 1) != 1 ||
			    read(fds[FROM_PEER], &byte, 1) != 1)
				_exit(1);
			break;
		case FORK:
			spawn_child(step);
			break;
		case STAY:
			stay_here(fds[PROGRAM]);
			break;
		default:
			touch_memory();
			nap(0.0005);
		}
	}
}

static bool ready(struct worker *worker)
{
	char byte;

	return read(worker->reports, &byte, 1) == 1;
}

/*
 * Is it the kernel's doing that workers do not do as they are told? Not if one has ended: it
 * does so where it cannot be set up, and somebody may have killed it.
 */
static bool is_finding(void)
{
	int i;

	for (i = 0; i < nr_workers; i++) {
		siginfo_t info = {};

		if (!waitid(P_PID, workers[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
		    info.si_pid) {
			skip("worker %d has ended", i + 1);
			return false;
		}
	}
	return !nr_violations();
}

static bool tell(struct worker *worker)
{
	return write(worker->orders, "", 1) == 1;
}

/* Room for one more. */
static struct worker *new_worker(void)
{
	static int room;
	struct worker *moved;

	if (nr_workers < room)
		return &workers[nr_workers];
	moved = realloc(workers, (2 * room + 64) * sizeof(*workers));
	if (!moved)
		return NULL;
	room = 2 * room + 64;
	workers = moved;
	return &workers[nr_workers];
}

/* One pipe, or none and a reason. */
static bool open_pipe(int *ends, int flags)
{
	if (!pipe2(ends, O_CLOEXEC | flags))
		return true;
	skip("no pipe for worker %d: %m", nr_workers + 1);
	return false;
}

static void close_pipe(const int *ends)
{
	close(ends[0]);
	close(ends[1]);
}

/* One worker, with pipes to us and, if it plays ping-pong, to its peer. */
static bool spawn_one(enum life life, int policy, int from_peer, int to_peer)
{
	struct worker *worker = new_worker();
	int orders[2], reports[2];
	struct errand adopt = {};

	if (!worker)
		return skip("no memory for worker %d", nr_workers + 1), false;
	if (!open_pipe(orders, 0))
		return false;
	if (!open_pipe(reports, O_NONBLOCK)) {
		close_pipe(orders);
		return false;
	}

	fflush(NULL);
	worker->pid = fork();
	if (worker->pid < 0) {
		skip("no process for worker %d: %m", nr_workers + 1);
		close_pipe(orders);
		close_pipe(reports);
		return false;
	}
	if (!worker->pid)
		live(life, (int[NR_FDS]){
			orders[0], reports[1], from_peer, to_peer,
			life == STAY ? bpf_program__fd(scheduler->progs.stay) : -1,
		     }, policy);
	close(orders[0]);
	close(reports[1]);
	worker->orders = orders[1];
	worker->reports = reports[0];
	worker->life = life;
	nr_workers++;

	adopt.pid = worker->pid;
	/* Far from one another: the streams' steps are small against this. */
	adopt.seed = options.seed + ((unsigned long long)nr_workers << 32);
	if (policy == SCHED_EXT && run_errand(scheduler->progs.adopt, &adopt))
		return skip("worker %d cannot be entered into the books", nr_workers), false;
	if (!tell(worker))
		return skip("worker %d has ended: %m", nr_workers), false;
	return true;
}

static bool spawn_pair(int policy)
{
	int there[2], back[2];
	bool spawned = false;

	if (!open_pipe(there, 0))
		return false;
	if (open_pipe(back, 0)) {
		spawned = spawn_one(PING, policy, back[0], there[1]) &&
			  spawn_one(PING, policy, there[0], back[1]);
		close_pipe(back);
	}
	close_pipe(there);
	return spawned;
}

bool spawn_as(enum life life, int number, int policy)
{
	int first = nr_workers, i;

	while (nr_workers < first + number)
		if (!(life == PING ? spawn_pair(policy) : spawn_one(life, policy, -1, -1)))
			return false;

	for (i = first; i < nr_workers; i++)
		if (!wait_until(ready(&workers[i]))) {
			if (is_finding())
				fail("a worker is never run");
			return false;
		}
	return true;
}

bool spawn(enum life life, int number)
{
	return spawn_as(life, number, SCHED_EXT);
}

/* Workers may need the scheduler to die, so this does not wait. */
void kill_workers(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (workers[i].pid > 0)
			kill(workers[i].pid, SIGKILL);
}

bool workers_dead(void)
{
	for (; nr_workers; nr_workers--) {
		struct worker *worker = &workers[nr_workers - 1];

		if (worker->pid > 0 && !waitpid(worker->pid, NULL, WNOHANG))
			return false;
		close(worker->orders);
		close(worker->reports);
	}
	return true;
}

static int nr_due;

static bool workers_done(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (workers[i].life == OBEY && ready(&workers[i]))
			nr_due--;
	return nr_due <= 0;
}

static bool all_asleep(void)
{
	char path[32], stat[64], *state;
	int i;

	for (i = 0; i < nr_workers; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", workers[i].pid);
		if (workers[i].life != OBEY || !read_file(path, stat, sizeof(stat)))
			continue;
		state = strrchr(stat, ')');
		if (!state || state[2] != 'S')
			return false;
	}
	return true;
}

/*
 * A worker that was told before it slept has done its step without being enqueued, and
 * is told again.
 */
static bool parked(struct worker *worker)
{
	if (ready(worker) && !tell(worker))
		return false;
	return nr_in_custody() == nr_due;
}

bool park(unsigned int places)
{
	unsigned int place = 1;
	int i;

	if (!wait_until(all_asleep())) {
		if (is_finding())
			fail("the workers do not go to sleep");
		return false;
	}

	knobs->parked = true;
	__sync_synchronize();
	if (!wait_until(!scheduler->bss->dispatching))
		return fail("a CPU does not leave ops.dispatch()"), false;

	nr_due = 0;
	for (i = 0; i < nr_workers; i++) {
		if (workers[i].life != OBEY)
			continue;
		do
			place = place < places ? place << 1 : 1;
		while (!(place & places));

		knobs->enqueue = place;
		nr_due++;
		if (!tell(&workers[i]) || !wait_until(parked(&workers[i]))) {
			if (is_finding())
				fail("a worker did not come into custody (%s)", place_name(place));
			return false;
		}
	}
	return true;
}

bool unpark(void)
{
	knobs->enqueue = PLACE_GLOBAL;
	knobs->parked = false;
	kick_cpus();
	if (wait_until(workers_done()))
		return true;
	if (is_finding())
		fail("%d workers were not run after they had been let go", nr_due);
	return false;
}
