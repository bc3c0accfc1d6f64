/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test is made of. A test says in one sentence what must hold, sets the
 * scheduler's knobs, makes things happen with workers, and waits until they
 * really have happened. The scheduler's books are balanced for it afterwards.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <signal.h>
#include <sys/types.h>

#include "common.h"
#include "shared.h"

/* Rows and hazards of docs/semantics.md, as bits. */
#define ROW(n)		(1u << (n))
#define HAZARD(n)	(1u << (n))
#define ROW_10A		ROW(31)

enum result {
	PASS,
	FAIL,
	SKIP,
	NR_RESULTS,
};

struct test {
	const char *name;
	const char *must;		/* what must hold, in one sentence */
	unsigned int rows;
	unsigned int hazards;
	int cpus;			/* how many it takes; default: one */
	bool disturbs_all;		/* changes the machine: only with --all-tasks */
	bool without_dequeue;		/* load a scheduler that has no ops.dequeue() */
	bool ends_scheduler;		/* unloads it or makes it fail, by design */
	enum result (*run)(void);	/* at first, tasks go to the global DSQ */
	void (*cleanup)(void);		/* undo what run() did to the machine; no worker lives */
};

/* Tests run in the order in which they are linked. */
#define TEST(id, ...)							\
	static const struct test id##_test = {				\
		.name = #id, .run = id##_run, __VA_ARGS__		\
	};								\
	static const struct test *const id##_entry			\
		__attribute__((used, no_reorder, section("tests"))) = &id##_test

extern const struct test *const __start_tests[];
extern const struct test *const __stop_tests[];

struct options {
	const char *pattern;
	double duration;		/* of each storm, in seconds */
	bool all_tasks;
	bool ktap;
	bool json;
	bool traces;
	const char *results;		/* these two: files to write */
	const char *verdict;
	unsigned long long seed;
	bool no_scheduler;		/* these two: with --bench-pipe */
	long rounds;
};

extern struct options options;
extern volatile sig_atomic_t stopped;	/* by which signal */

/*
 * Results with their reason. What a task saw is a failure; what could not be set up for it,
 * or not often enough because the machine is slow, is a skip.
 */
__attribute__((format(printf, 1, 2))) enum result fail(const char *format, ...);
__attribute__((format(printf, 1, 2))) enum result skip(const char *format, ...);
#define REASON_SIZE	256
extern char reason[REASON_SIZE];
extern enum result said;	/* by the latest of these; FAIL if there was none */

/* Of what a task was to see, it saw only so many: few are a slow machine's, none is a finding. */
#define too_few(number, ...)	((number) ? skip(__VA_ARGS__) : fail(__VA_ARGS__))

/* What the machine has for the tests: setup.c */

/* Says why no test can be run here, or NULL. */
const char *set_up(void);

/* The CPUs that we may use, in ascending order: there may be others in between. */
extern int nr_cpus;
extern int *cpus;

/* These return false, with the reason said, if it did not work. */
bool allow_cpus(pid_t pid, const int *list, int number);
bool pin(pid_t pid, int cpu);		/* cpu < 0: to all CPUs */

/* Are our CPUs idle for less than a twentieth of their time? */
bool cpus_are_busy(void);

/* The loaded scheduler: scheduler.c */

extern struct knobs *knobs;
extern struct books *books;
extern struct ending *ending;
extern struct held_back *held_back;

/* Says what is wrong, or NULL; print_complaint() says more. */
const char *start_scheduler(const struct test *test);
void stop_scheduler(void);
void unload_schedulers(void);
bool scheduler_gone(void);

/* True once the test cannot go on: a signal, a violation, the scheduler gone. */
bool over(void);

/* How long something may take that ought to happen at once, in seconds. */
#define PATIENCE	10.0

/*
 * Waiting for so long, in turns of about a millisecond. A machine that is so slow that we
 * have had few turns gets more time. If that does not help, either, failures are none.
 */
struct patience {
	double begin;
	double latest;		/* turn */
	double seconds;
	unsigned int turns;
};

struct patience patience_for(double seconds);
bool out_of_patience(struct patience *patience);	/* to be asked once a turn */

#define wait_until_for(condition, seconds)				\
({									\
	struct patience patience_ = patience_for(seconds);		\
	bool met_;							\
									\
	while (!(met_ = (condition)) && !over() && !out_of_patience(&patience_)) \
		nap(0.001);						\
	met_;								\
})

#define wait_until(condition)	wait_until_for(condition, PATIENCE)

void kick_cpu(int cpu);
void kick_cpus(void);
/* Moves between DSQs by programs that are no ops, where the kernel has them. */
bool can_move_unlocked(void);
bool move_unlocked(void);		/* once, by a program run by us */
bool start_movers(void);		/* again and again, by timers on CPUs */
/* Re-enqueueing of user DSQs, where the kernel has that. */
bool can_reenqueue(void);
/* Dispatches to user DSQs take that many seconds longer, where a program can do that. */
bool delay_releases(double seconds);
void end_delays(void);
/* From this CPU, for so many seconds, while that CPU, which should be idle, dispatches. */
bool reenqueue(double seconds, int dispatcher);
/*
 * Test tasks in custody are violations: all of them, or those that have not been run for
 * so many seconds, which from_dsq has to be set for.
 */
void find_stuck(double seconds);
bool kernel_marks(pid_t pid);
bool core_scheduling(void);
/*
 * The number of a task's present stay with us, and of the next that begins on that CPU,
 * if it is the CPU that counts. False where that does not count.
 */
bool entry_numbers(pid_t pid, int cpu, unsigned long long *entry, unsigned long long *next);

/* Sums over the books, and what is wrong in them: books.c */

unsigned long long nr_entered(unsigned int places);
unsigned long long nr_entered_by(enum entry entry, unsigned int places);
unsigned long long nr_terminal(enum entry entry, unsigned int places);
unsigned long long nr_left(unsigned int places, enum leave leave);
unsigned long long nr_left_any(void);
unsigned long long nr_held_to(unsigned int places);
unsigned long long nr_dsq_to(unsigned int places);
unsigned long long nr_unlocked_to(unsigned int places);
long nr_in_custody(void);
unsigned long long nr_violations(void);
void print_violations(void);
const char *violation_name(enum violation_kind kind);
const char *violation_text(int n);	/* of the nth there was */
const char *place_name(unsigned int place);

/* From one kind of custody to the next: each place, as a single bit. */
#define for_each_place(place, places)					\
	for ((place) = 1; (place) < 1u << NR_PLACES; (place) <<= 1)	\
		if (!((place) & (places)))				\
			;						\
		else

/* What happened to test tasks: traces.c */

void print_traces(void);

/*
 * Workers are processes in the scheduler's hands, each with its way of life. An obedient
 * one sleeps until it is told to do one step: workers.c
 */
enum life {
	OBEY,
	SPIN,
	YIELD,			/* like SPIN, but gives the CPU away all the time */
	NAP,			/* runs and sleeps in turns */
	PING,			/* plays ping-pong with another of its kind */
	FORK,			/* makes children that end at once */
	TOUCH,			/* shares memory with a thread of the fair class */
	STAY,			/* runs BPF, which disables its migration */
	NR_LIVES,
};

struct worker {
	pid_t pid;
	int orders;		/* to it, a byte a step */
	int reports;		/* from it, a byte a step */
	enum life life;
};

extern struct worker *workers;		/* moves when there are more of them */
extern int nr_workers;

/* These return false, with the reason said, if it did not work. */
bool spawn(enum life life, int number);
bool spawn_as(enum life life, int number, int policy);
void kill_workers(void);
bool workers_dead(void);

/* Put all obedient workers in custody, at these places in turn, and keep them there. */
bool park(unsigned int places);
/* Let go of them and wait until each has done its step. */
bool unpark(void);

/* Changes to tasks and to the machine, true if they worked: changes.c */

bool change_nice(pid_t pid);
bool visit_other_class(pid_t pid);	/* and come back */

/* What a storm changes besides nice. */
enum change {
	AFFINITY	= 1 << 0,
	CLASS		= 1 << 1,
};

/* One change of one worker. */
void change_at_random(unsigned int changes);

/* Park workers at each place in turn, change each, and let them go again. */
enum result at_each_place(bool (*change)(pid_t pid), const char *what, bool comes_back);

void set_fair_servers(bool on);

/* Prints nanoseconds a round trip. Says what is wrong, or NULL. */
const char *bench_pipe(long rounds, bool with_scheduler);

#endif
