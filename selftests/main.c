// SPDX-License-Identifier: GPL-2.0-only
/* Runs the tests and says in the end what they mean for this kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

struct options options = { .duration = 3, .seed = 1, .ktap = true };

volatile sig_atomic_t stopped;
char reason[REASON_SIZE];
enum result said;

static bool cut_short;		/* no further test can be run; reason says why */

static enum result say(enum result result, const char *format, va_list arguments)
{
	vsnprintf(reason, sizeof(reason), format, arguments);
	return said = result;
}

enum result fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(FAIL, format, arguments);
	va_end(arguments);
	return FAIL;
}

enum result skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(SKIP, format, arguments);
	va_end(arguments);
	return SKIP;
}

#define ENOUGH_TURNS	20	/* a second */
#define SLOWEST		6	/* times as long */

/* All the waiting that the test did, in seconds and in turns. */
static double waited;
static unsigned int turns;

struct patience patience_for(double seconds)
{
	return (struct patience){ .begin = now(), .latest = now(), .seconds = seconds };
}

bool out_of_patience(struct patience *patience)
{
	double time = now();

	waited += time - patience->latest;
	patience->latest = time;
	turns++;
	patience->turns++;
	time -= patience->begin;
	return time >= patience->seconds &&
	       (patience->turns >= patience->seconds * ENOUGH_TURNS ||
		time >= SLOWEST * patience->seconds);
}

static void usage(FILE *out)
{
	fprintf(out,
"Usage: scx-custody-selftest [OPTION]...\n"
"\n"
"Test whether this kernel calls ops.dequeue() of a sched_ext scheduler exactly\n"
"once each time that a task leaves the scheduler's custody. Each test loads a\n"
"scheduler of its own. The program needs root, no other scheduler loaded, no task\n"
"with a core cookie, and CPU time to spare. It uses the CPUs that it may use itself,\n"
"and takes as many descriptors as it needs. A task that is not run for 10 s fails its\n"
"test. What could not be set up, or not often enough, is a skip with its reason.\n"
"\n"
"  --list              name the tests and what must hold; run nothing\n"
"  --run PATTERN       run the tests whose names match the shell pattern\n"
"  --duration SECONDS  let each storm last this long; default 3\n"
"  --all-tasks         schedule every task of the machine, and also run the tests\n"
"                      that disturb it (CPU hotplug); meant for virtual machines\n"
"  --json              print one JSON object instead of KTAP; with --list, too\n"
"  --results FILE      write a JSON object to FILE, in a line of its own, each time\n"
"                      that a test begins or ends\n"
"  --verdict FILE      write the verdict on this kernel to FILE, as one JSON object,\n"
"                      and print it instead of KTAP. If FILE has a verdict on this\n"
"                      build of the kernel, or tests that were begun before did not\n"
"                      end, run nothing\n"
"  --seed N            let the tests' random choices depend on this; default 1\n"
"  --traces            before each result, print what happened to the test tasks:\n"
"                      the ops that were called with their flags, from one enqueue\n"
"                      of a task to its next, and how often\n"
"  --bench-pipe N      run no test: measure N round trips of two tasks on a pipe\n"
"  --no-scheduler      with --bench-pipe: measure without loading a scheduler\n"
"  --help              show this text\n"
"\n"
"Exit status: 0 all passed, 1 a test failed, 4 no test could run or the tests were\n"
"cut short by another BPF scheduler, 2 wrong usage.\n"
"With --verdict: 0 FILE has a verdict on this kernel, whatever it is, or none because\n"
"the tests did not end; 1 it has none.\n");
}

static void stop(int signal)
{
	stopped = signal;
}

static bool selected(const struct test *test)
{
	return !options.pattern || !fnmatch(options.pattern, test->name, FNM_EXTMATCH);
}

static int nr_selected(void)
{
	const struct test *const *entry;
	int number = 0;

	for (entry = __start_tests; entry < __stop_tests; entry++)
		number += selected(*entry);
	return number;
}

static void print_books(void)
{
	printf("# entered custody %llu, left %llu: dispatched %llu, changed %llu, core-picked %llu\n",
	       nr_entered(~0), nr_left_any(), nr_left(~0, LEFT_DISPATCHED),
	       nr_left(~0, LEFT_CHANGED), nr_left(~0, LEFT_CORE_PICKED));
}

/*
 * Do the books have more against the kernel than what comes of ending the scheduler? Bypass,
 * which comes first, takes tasks out of custody and runs them without enqueueing them.
 */
static bool has_findings(void)
{
	return nr_violations() > (scheduler_gone() ? books->unenqueued : 0);
}

/*
 * Has the scheduler been ended for what is no finding? Somebody wanted it to end, which takes
 * tasks out of custody when no test expects it. Or the kernel's own watchdog was not run in
 * time, which is no task's stall.
 */
static bool ended_from_outside(void)
{
	if ((unsigned int)ending->kind < kernel_flag("scx_exit_kind", "SCX_EXIT_ERROR"))
		return true;
	return !has_findings() && strstr(ending->message, "watchdog failed to check in");
}

/* An end that is under way has effects before it is announced. */
static void await_end(void)
{
	struct patience patience = patience_for(PATIENCE);
	char state[16];

	nap(0.1);
	while (!scheduler_gone() && !out_of_patience(&patience) &&
	       read_file("/sys/kernel/sched_ext/state", state, sizeof(state)) &&
	       !strcmp(state, "disabling"))
		nap(0.001);
}

/*
 * Was what went wrong about time alone? We had few turns ourselves, or tasks of the fair
 * class, which come before test tasks, had it all.
 */
static bool lacked_time(void)
{
	bool stalled = (unsigned int)ending->kind ==
		       kernel_flag("scx_exit_kind", "SCX_EXIT_ERROR_STALL");

	if (scheduler_gone() && !stalled)
		return false;
	return turns < waited * ENOUGH_TURNS || (!options.all_tasks && cpus_are_busy());
}

/* What holds for every test, once it has run and all its tasks are gone. */
static enum result audit(const struct test *test, enum result result, bool died)
{
	bool gone = scheduler_gone() && !test->ends_scheduler;

	if (nr_violations() && !gone)
		return fail("%llu violations; %s", nr_violations(), violation_text(0));
	if (gone && ended_from_outside())
		return skip("the scheduler was ended: %s", ending->message);
	if (gone)
		result = fail("the kernel ended the scheduler: %s", ending->message);
	else if (result != FAIL && !died)
		result = fail("tasks were never run again");
	else if (result != FAIL && nr_in_custody())
		return fail("the books do not balance: %ld did not leave", nr_in_custody());
	if (result == FAIL && !has_findings() && lacked_time())
		return skip("there was not enough CPU time: %.200s", strdupa(reason));
	return result;
}

/*
 * All workers are dead and, since their children end by themselves, custody is empty.
 * With all tasks of the machine in it, it never is. They have to stay: put on the
 * global DSQ, the busy ones would keep their CPUs from ops.dispatch(), and with that
 * from the workers.
 */
static bool workers_ended(void)
{
	return workers_dead() && (!nr_in_custody() || knobs->everyone || nr_violations());
}

static bool await_workers_end(void)
{
	struct patience patience = patience_for(PATIENCE);

	kill_workers();
	while (!workers_ended() && !out_of_patience(&patience))
		nap(0.001);
	return workers_ended();
}

/*
 * Does the module scx_custody itself say that it leaves open what the test is about? Its
 * file has each hazard's number before a comma.
 */
static bool open_with_module(const struct test *test)
{
	char open[256], number[8];
	int n;

	if (!test->hazards ||
	    !read_file("/sys/module/scx_custody/custody/open_hazards", open, sizeof(open)))
		return false;
	for (n = 0; n < 32; n++) {
		snprintf(number, sizeof(number), " %d,", n);
		if (test->hazards & HAZARD(n) && !strstr(open, number))
			return false;
	}
	return true;
}

/* Also counts the violations, by kind. */
static enum result run_test(const struct test *test, unsigned long long *violations)
{
	enum result result;
	const char *problem;
	bool died;

	reason[0] = 0;
	said = FAIL;
	waited = turns = 0;
	if (test->disturbs_all && !options.all_tasks)
		return skip("disturbs the whole machine; run with --all-tasks");
	if (nr_cpus < test->cpus)
		return skip("it takes %d CPUs, and we may use %d", test->cpus, nr_cpus);
	if (open_with_module(test))
		return skip("the module leaves this open, %s", covered(0, test->hazards));

	problem = start_scheduler(test);
	if (problem) {
		if (options.ktap)
			print_complaint();
		cut_short = true;
		return skip("%s", problem);
	}

	result = test->run();
	knobs->parked = false;
	kick_cpus();
	died = await_workers_end();
	if (!died && result == PASS)
		find_stuck(0);
	if (test->cleanup)
		test->cleanup();
	if (nr_violations() && !scheduler_gone())
		await_end();
	result = audit(test, result, died);
	if (result == PASS)
		reason[0] = 0;
	memcpy(violations, books->violations, sizeof(books->violations));
	if (options.ktap) {
		print_violations();
		print_books();
		if (options.traces)
			print_traces();
	}
	if (!died) {
		stop_scheduler();
		await_workers_end();
	}
	return result;
}

static void run_tests(void)
{
	const struct test *const *entry;

	for (entry = __start_tests; entry < __stop_tests && !stopped; entry++) {
		struct outcome outcome = { .test = *entry };
		double start = now();

		if (!selected(*entry))
			continue;
		report_begin(*entry);
		outcome.result = run_test(*entry, outcome.violations);
		outcome.seconds = now() - start;
		strcpy(outcome.reason, reason);
		if (stopped || cut_short)
			return;
		report_end(&outcome);
	}
}

enum verb {
	RUN,
	LIST,
	BENCH,
};

static enum verb parse_arguments(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "run", required_argument, NULL, 'r' },
		{ "duration", required_argument, NULL, 'd' },
		{ "all-tasks", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "results", required_argument, NULL, 'e' },
		{ "verdict", required_argument, NULL, 'v' },
		{ "seed", required_argument, NULL, 's' },
		{ "traces", no_argument, NULL, 't' },
		{ "bench-pipe", required_argument, NULL, 'b' },
		{ "no-scheduler", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool bench_only = false;
	enum verb verb = RUN;
	int option;
	char *end;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		switch (option) {
		case 'l':
			verb = LIST;
			break;
		case 'r':
			options.pattern = optarg;
			break;
		case 'd':
			options.duration = parse_seconds("--duration", optarg);
			break;
		case 'a':
			options.all_tasks = true;
			break;
		case 'j':
			options.json = true;
			options.ktap = false;
			break;
		case 'e':
			options.results = optarg;
			break;
		case 'v':
			options.verdict = optarg;
			options.ktap = false;
			break;
		case 's':
			options.seed = strtoull(optarg, &end, 10);
			if (*end || *optarg < '0' || *optarg > '9')
				refuse("--seed takes a number, not '%s'", optarg);
			break;
		case 't':
			options.traces = true;
			break;
		case 'b':
			verb = BENCH;
			options.rounds = strtol(optarg, &end, 10);
			if (*end || options.rounds <= 0)
				refuse("--bench-pipe takes a number of rounds above 0, not '%s'",
				       optarg);
			break;
		case 'n':
			options.no_scheduler = bench_only = true;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			refuse_option(option, argv);
		}
	}
	refuse_operands(argc, argv);
	if (!nr_selected())
		refuse("no test has a name like '%s'; see --list", options.pattern);
	if (options.traces && !options.ktap)
		refuse("--traces goes with KTAP, not with --json or --verdict");
	if (bench_only && verb != BENCH)
		refuse("--no-scheduler goes with --bench-pipe only");
	return verb;
}

/* Is there a verdict, or a reason not to try once more? */
static bool nothing_to_do(void)
{
	switch (find_verdict(options.verdict)) {
	case VERDICT:
		printf("There is a verdict on this kernel already: %s.\n", options.verdict);
		return true;
	case BEGUN_VERDICT:
		printf("The tests were begun on this kernel before and did not end, so they are not "
		       "run again. To run them, remove %s.\n", options.verdict);
		return true;
	case DAMAGED_VERDICT:
		printf("What is in %s is no whole verdict. The tests are run again.\n",
		       options.verdict);
		fflush(stdout);
		return false;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop };
	enum verb verb = parse_arguments(argc, argv);
	const char *problem;

	if (verb == LIST) {
		list_tests(selected);
		return EXIT_SUCCESS;
	}
	if (options.verdict && nothing_to_do())
		return EXIT_SUCCESS;

	open_results();
	problem = obstacle() ?: set_up();
	if (problem)
		return report_obstacle(problem);

	if (verb == BENCH) {
		problem = bench_pipe(options.rounds, !options.no_scheduler);
		if (problem)
			fprintf(stderr, "scx-custody-selftest: %s.\n", problem);
		return problem ? EXIT_FAILURE : EXIT_SUCCESS;
	}

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);

	if (!report_start(nr_selected()))
		return EXIT_FAILURE;

	/*
	 * With all tasks in its hands, what we do must not depend on the scheduler
	 * under test. Workers do not inherit this.
	 */
	if (options.all_tasks) {
		set_fair_servers(false);
		sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
				   &(struct sched_param){ .sched_priority = 50 });
	}

	run_tests();
	unload_schedulers();
	if (options.all_tasks)
		set_fair_servers(true);
	if (stopped) {
		/* It was ended, and may be begun again. */
		if (options.verdict)
			unlink(options.verdict);
		signal(stopped, SIG_DFL);
		raise(stopped);
	}
	return report_conclusion(cut_short ? reason : NULL);
}
