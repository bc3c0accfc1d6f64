// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that burn, sleep and yield, change one another's nice value, affinity
 * and class, and end after having made a successor.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "load.h"

struct changes changes;

/* Who changes a thread holds its lock, so that it cannot end meanwhile. */
static struct worker {
	pthread_mutex_t lock;
	pid_t tid;		/* 0: between two threads */
	bool begun;
	unsigned int random;
} workers[MAX_WORKERS];

static int nr_workers;
static int nr_alive;
static unsigned int halted;	/* a futex */
static bool ending;

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static unsigned int below(struct worker *self, unsigned int limit)
{
	return rand_r(&self->random) % limit;
}

static cpu_set_t random_cpus(struct worker *self)
{
	int cpu, nr_cpus = sysconf(_SC_NPROCESSORS_CONF), all = !below(self, 3);
	cpu_set_t set;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < nr_cpus; cpu++)
		if (all || below(self, 2))
			CPU_SET(cpu, &set);
	return set;
}

static void change(struct worker *self, struct worker *other)
{
	cpu_set_t set;

	if (pthread_mutex_trylock(&other->lock))
		return;
	if (other->tid) {
		switch (below(self, 5)) {
		case 0:
		case 1:
			if (!setpriority(PRIO_PROCESS, other->tid, (int)below(self, 40) - 20))
				count(&changes.nice);
			break;
		case 2:
		case 3:
			set = random_cpus(self);
			if (!sched_setaffinity(other->tid, sizeof(set), &set))
				count(&changes.affinity);
			break;
		default:
			if (set_policy(other->tid, SCHED_OTHER) &&
			    set_policy(other->tid, SCHED_EXT))
				count(&changes.class);
		}
	}
	pthread_mutex_unlock(&other->lock);
}

static bool make_thread(struct worker *worker);

static bool leave_to_successor(struct worker *self)
{
	pthread_mutex_lock(&self->lock);
	self->tid = 0;
	pthread_mutex_unlock(&self->lock);
	return make_thread(self);
}

static void *work(void *argument)
{
	struct worker *self = argument;

	/* A successor is in the class already. */
	if (!self->begun)
		set_policy(0, SCHED_EXT);
	self->begun = true;
	pthread_mutex_lock(&self->lock);
	self->tid = gettid();
	pthread_mutex_unlock(&self->lock);

	for (;;) {
		while (__atomic_load_n(&halted, __ATOMIC_ACQUIRE))
			syscall(SYS_futex, &halted, FUTEX_WAIT_PRIVATE, 1, NULL);
		if (__atomic_load_n(&ending, __ATOMIC_ACQUIRE))
			break;

		switch (below(self, 32)) {
		default:
			burn(below(self, 100000));
			break;
		case 0 ... 5:
			sched_yield();
			break;
		case 6 ... 11:
			nap(below(self, 500) * 1e-6);
			break;
		case 12 ... 17:
			change(self, &workers[below(self, nr_workers)]);
			break;
		case 18:
			if (leave_to_successor(self)) {
				count(&changes.successors);
				return NULL;
			}
		}
	}

	pthread_mutex_lock(&self->lock);
	self->tid = 0;
	pthread_mutex_unlock(&self->lock);
	__atomic_fetch_sub(&nr_alive, 1, __ATOMIC_RELEASE);
	return NULL;
}

static bool make_thread(struct worker *worker)
{
	pthread_attr_t attributes;
	pthread_t thread;
	bool made;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	made = !pthread_create(&thread, &attributes, work, worker);
	pthread_attr_destroy(&attributes);
	return made;
}

const char *start_load(int number)
{
	for (nr_workers = number; nr_alive < number; ) {
		struct worker *worker = &workers[nr_alive];

		pthread_mutex_init(&worker->lock, NULL);
		worker->random = nr_alive + 1;
		if (!make_thread(worker))
			return "there are not as many threads to be had";
		__atomic_fetch_add(&nr_alive, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

void halt_load(void)
{
	__atomic_store_n(&halted, 1, __ATOMIC_RELEASE);
}

void resume_load(void)
{
	__atomic_store_n(&halted, 0, __ATOMIC_RELEASE);
	syscall(SYS_futex, &halted, FUTEX_WAKE_PRIVATE, MAX_WORKERS);
}

void end_load(void)
{
	__atomic_store_n(&ending, true, __ATOMIC_RELEASE);
	resume_load();
}

bool load_ended(void)
{
	return !__atomic_load_n(&nr_alive, __ATOMIC_ACQUIRE);
}
