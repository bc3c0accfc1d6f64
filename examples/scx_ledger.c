// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the scheduler of ledger.bpf.c, puts it under load, and compares its
 * ledger with what is really queued.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common.h"
#include "ledger.h"
#include "ledger.skel.h"
#include "load.h"

#define EXIT_DRIFT	1
#define EXIT_REFUSED	3

/* How long the load may take to come to rest, or to end, in seconds. */
#define PATIENCE	10.0

static double duration = 60, interval = 1;
static int nr_workers;		/* 0: so many for each CPU */
static bool json;

static struct ledger *scheduler;
static struct bpf_link *attached;
static struct utsname uts;
static volatile sig_atomic_t stopped;

/* What all looks together came to. */
static struct {
	int looks;
	int missed;		/* the load did not come to rest */
	bool queued;		/* tasks were queued in one at least */
	bool drifted;
	long long tasks;	/* the last drift */
	long long runtime;
} found;

static void usage(void)
{
	printf(
"Usage: scx_ledger [OPTION]...\n"
"\n"
"Load a BPF scheduler that keeps a ledger of what is queued on each of its %d DSQs.\n"
"ops.enqueue() adds to the ledger, ops.dequeue() subtracts. Put the scheduler under\n"
"load, and print how far the ledger drifts from what is really queued. If each task\n"
"that leaves a DSQ gets exactly one ops.dequeue(), the ledger never drifts.\n"
"Schedules only threads of its own. Needs root and no other BPF scheduler loaded.\n"
"\n"
"  --duration SECONDS  let the load last this long; default 60\n"
"  --interval SECONDS  time between two looks at the ledger; default 1\n"
"  --workers N         threads of load, 2 to %d; default 4 for each CPU\n"
"  --json              print one JSON object, times in s and runtimes in ns\n"
"  --help              show this text\n"
"\n"
"Exit status: 0 no drift, 1 drift, 2 wrong usage, 3 the drift could not be found\n"
"out, for instance on a kernel without sched_ext.\n", NR_DSQS, MAX_WORKERS);
}

static void on_signal(int signal)
{
	stopped = signal;
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "duration", required_argument, NULL, 'd' },
		{ "interval", required_argument, NULL, 'i' },
		{ "workers", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;
	long value;
	char *end;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		switch (option) {
		case 'd':
			duration = parse_seconds("--duration", optarg);
			break;
		case 'i':
			interval = parse_seconds("--interval", optarg);
			break;
		case 'w':
			value = strtol(optarg, &end, 10);
			if (*end || value < 2 || value > MAX_WORKERS)
				refuse("--workers takes a number from 2 to %d, not '%s'",
				       MAX_WORKERS, optarg);
			nr_workers = value;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			usage();
			exit(EXIT_SUCCESS);
		default:
			refuse_option(option, argv);
		}
	}
	refuse_operands(argc, argv);
}

/* The scheduler. */

static const char *load_scheduler(void)
{
	listen_to_libbpf();
	scheduler = ledger__open();
	if (!scheduler)
		return "the BPF scheduler cannot be opened";
	scheduler->rodata->our_tgid = getpid();
	if (!ledger__load(scheduler))
		attached = bpf_map__attach_struct_ops(scheduler->maps.ledger_ops);
	if (!attached) {
		if (!json)
			print_complaint();
		return not_taken();
	}
	return NULL;
}

static void unload_scheduler(void)
{
	bpf_link__destroy(attached);
	ledger__destroy(scheduler);
}

/* Over before its time: a signal, or the kernel has ended the scheduler. */
static bool over(void)
{
	return stopped || scheduler->bss->exit_kind;
}

static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

static void shut_gate(void)
{
	__atomic_fetch_or(&scheduler->bss->gate, GATE_SHUT, __ATOMIC_SEQ_CST);
}

static void open_gate(void)
{
	__atomic_fetch_and(&scheduler->bss->gate, ~GATE_SHUT, __ATOMIC_SEQ_CST);
	run(scheduler->progs.kick_cpus);
}

/*
 * Bring everything to a stop, look, and let it go on. A thread that sleeps for a
 * lock of the kernel wakes up only if the one that holds it gets off its DSQ: so
 * open the gate now and then. At worst all threads come to sleep.
 */
static bool look(struct ledger_sample *sample)
{
	double deadline = now() + PATIENCE;
	bool still = false;
	int tries;

	halt_load();
	while (!still && now() < deadline && !over()) {
		shut_gate();
		for (tries = 0; !still && tries < 50 && !over(); tries++) {
			nap(0.0005);
			still = !run(scheduler->progs.take_sample) &&
				scheduler->bss->sample.still;
		}
		open_gate();
		if (!still)
			nap(0.002);
	}
	*sample = scheduler->bss->sample;
	resume_load();
	return still;
}

/* What was found. */

static void print_heading(bool has_semantics, int nr_cpus)
{
	int i;

	if (json) {
		printf("{\n  \"kernel\": ");
		print_json_string(stdout, uts.release);
		printf(",\n  \"dequeue_on_leaving\": %s,\n  \"cpus\": %d,\n  \"workers\": %d,\n"
		       "  \"samples\": [", has_semantics ? "true" : "false", nr_cpus, nr_workers);
		return;
	}
	printf("Linux %s; SCX_DEQ_SCHED_CHANGE in its BTF: %s.\n", uts.release,
	       has_semantics ? "yes, so it has the semantics of ops.dequeue(), native or backported" :
			       "no, so it lacks the semantics of ops.dequeue()");
	printf("%d threads on %d CPUs. Queued on each DSQ, and milliseconds that will take:\n\n",
	       nr_workers, nr_cpus);
	printf("       ");
	for (i = 0; i < NR_DSQS; i++)
		printf(" |  DSQ %d: ledger     truth           ", i);
	printf(" |  drift\n   time");
	for (i = 0; i < NR_DSQS; i++)
		printf(" |  tasks          ms tasks         ms");
	printf(" |  tasks             ms\n");
}

static void print_sample(double time, const struct ledger_sample *sample, long long tasks,
			 long long runtime)
{
	int i;

	if (json) {
		printf("%s\n    {\"time\": %.1f, \"dsqs\": [", found.looks > 1 ? "," : "", time);
		for (i = 0; i < NR_DSQS; i++)
			printf("%s{\"ledger_tasks\": %lld, \"ledger_runtime\": %lld, "
			       "\"true_tasks\": %lld, \"true_runtime\": %lld}", i ? ", " : "",
			       sample->ledger[i].tasks, sample->ledger[i].runtime,
			       sample->truth[i].tasks, sample->truth[i].runtime);
		printf("], \"drift_tasks\": %lld, \"drift_runtime\": %lld}", tasks, runtime);
	} else {
		printf("%7.1f", time);
		for (i = 0; i < NR_DSQS; i++)
			printf(" | %6lld %11.3f %5lld %10.3f", sample->ledger[i].tasks,
			       sample->ledger[i].runtime / 1e6, sample->truth[i].tasks,
			       sample->truth[i].runtime / 1e6);
		printf(" | %6lld %14.6f\n", tasks, runtime / 1e6);
	}
	fflush(stdout);
}

/* Signs don't cancel out: what one DSQ has too much, another may have too little. */
static void account_for(double time, const struct ledger_sample *sample)
{
	int i;

	found.looks++;
	found.tasks = found.runtime = 0;
	for (i = 0; i < NR_DSQS; i++) {
		found.tasks += llabs(sample->ledger[i].tasks - sample->truth[i].tasks);
		found.runtime += llabs(sample->ledger[i].runtime - sample->truth[i].runtime);
		found.queued |= sample->truth[i].tasks > 0;
	}
	found.drifted |= found.tasks || found.runtime;
	print_sample(time, sample, found.tasks, found.runtime);
}

static void watch(void)
{
	double start = now(), next;
	struct ledger_sample sample;

	for (next = start + interval; next <= start + duration && !over(); next += interval) {
		while (now() < next && !over())
			nap(next - now());
		if (over())
			return;
		if (look(&sample))
			account_for(now() - start, &sample);
		else if (!over())
			found.missed++;
	}
	while (now() < start + duration && !over())
		nap(start + duration - now());

	/* Without a thread left the ledger must be empty. */
	end_load();
	next = now() + PATIENCE;
	do
		nap(0.001);
	while (!over() && now() < next && (!load_ended() || !look(&sample) || sample.threads));
	if (over())
		return;
	if (load_ended() && !sample.threads)
		account_for(now() - start, &sample);
	else
		found.missed++;
}

/* The last sentence, and the exit status. */
static int conclude(void)
{
	char verdict[512];
	int status = EXIT_REFUSED;

	if (scheduler->bss->exit_kind)
		snprintf(verdict, sizeof(verdict), "The kernel ended the scheduler: %s.",
			 scheduler->bss->exit_message);
	else if (found.drifted) {
		snprintf(verdict, sizeof(verdict),
			 "Drift: the ledger ended %lld tasks and %.3f ms away from what is queued.",
			 found.tasks, found.runtime / 1e6);
		status = EXIT_DRIFT;
	} else if (found.missed)
		snprintf(verdict, sizeof(verdict), "Unknown: the load did not come to rest %d times.",
			 found.missed);
	else if (!found.queued)
		snprintf(verdict, sizeof(verdict), "Unknown: no task was ever found on a DSQ.");
	else {
		snprintf(verdict, sizeof(verdict), "No drift: the ledger was exact all %d times.",
			 found.looks);
		status = EXIT_SUCCESS;
	}

	if (json) {
		printf("\n  ],\n  \"enqueues\": %llu,\n  \"dequeues\": %llu,\n"
		       "  \"changes\": {\"nice\": %lu, \"affinity\": %lu, \"class\": %lu, \"thread\": %lu},\n"
		       "  \"missed\": %d,\n  \"drift\": %s,\n  \"verdict\": ",
		       scheduler->bss->nr_enqueues, scheduler->bss->nr_dequeues, changes.nice,
		       changes.affinity, changes.class, changes.successors, found.missed,
		       status == EXIT_REFUSED ? "null" : found.drifted ? "true" : "false");
		print_json_string(stdout, verdict);
		printf("\n}\n");
	} else {
		printf("\n%llu times enqueued, %llu times dequeued. Changes: %lu of nice, %lu of affinity,\n"
		       "%lu of class and back, %lu threads replaced.\n%s\n",
		       scheduler->bss->nr_enqueues, scheduler->bss->nr_dequeues, changes.nice,
		       changes.affinity, changes.class, changes.successors, verdict);
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	int status, nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *problem;

	parse_arguments(argc, argv);
	uname(&uts);
	if (!nr_workers)
		nr_workers = 4 * nr_cpus < MAX_WORKERS ? 4 * nr_cpus : MAX_WORKERS;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);

	problem = obstacle() ?: load_scheduler();
	if (!problem) {
		print_heading(kernel_flag("scx_deq_flags", "SCX_DEQ_SCHED_CHANGE"), nr_cpus);
		problem = start_load(nr_workers);
	}
	if (problem) {
		fprintf(stderr, "%s: %s.\n", program_invocation_short_name, problem);
		return EXIT_REFUSED;
	}

	watch();
	status = stopped ? 0 : conclude();
	/* Threads that are still there go to the kernel's own class, and end with us. */
	unload_scheduler();
	if (stopped) {
		signal(stopped, SIG_DFL);
		raise(stopped);
	}
	return status;
}
