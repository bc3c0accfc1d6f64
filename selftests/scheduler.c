// SPDX-License-Identifier: GPL-2.0-only
/* The BPF scheduler: loading it, starting it for a test, and what it does when asked. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "scheduler.h"

struct knobs *knobs;
struct books *books;
struct ending *ending;
struct held_back *held_back;

#define MAX_MOVERS	8

static struct custody *schedulers[2];	/* with ops.dequeue(), and without */
struct custody *scheduler;
static struct bpf_link *attached;
static bool may_end;		/* the kernel may end it: the test is about that */
static bool cannot_move;	/* no program but an op may move tasks */

/* Made for this test and this kernel, and not loaded yet. */
static struct custody *open_scheduler(bool without_dequeue)
{
	struct custody *opened = custody__open();
	struct custody__custody_ops__sched_ext_ops *ops;

	if (!opened)
		return NULL;

	ops = opened->struct_ops.custody_ops;
	ops->flags = kernel_flag("scx_ops_flags", "SCX_OPS_ENQ_EXITING") |
		     kernel_flag("scx_ops_flags", "SCX_OPS_ENQ_MIGRATION_DISABLED");
	if (!options.all_tasks)
		ops->flags |= kernel_flag("scx_ops_flags", "SCX_OPS_SWITCH_PARTIAL");
	if (!has_member("sched_ext_ops", "cgroup_set_weight"))
		ops->cgroup_set_weight = NULL;
	if (!has_member("sched_ext_ops", "cpu_release"))
		ops->cpu_release = NULL;
	if (without_dequeue)
		ops->dequeue = NULL;
	opened->rodata->tracing = options.traces;
	if (!options.traces)
		ops->runnable = NULL;

	opened->rodata->nr_cpus = nr_cpus;
	bpf_map__set_max_entries(opened->maps.cpus, nr_cpus);
	bpf_map__set_max_entries(opened->maps.movers, cpus[nr_cpus - 1] + 1);

	bpf_program__set_autoload(opened->progs.move_now, !cannot_move);
	bpf_program__set_autoload(opened->progs.start_mover, !cannot_move);
	bpf_program__set_autoload(opened->progs.delay_release,
				  has_function("scx_bpf_dsq_reenq") &&
				  has_function("_raw_spin_unlock"));
	return opened;
}

static void tell_cpus(struct custody *loaded)
{
	int fd = bpf_map__fd(loaded->maps.cpus), i;

	for (i = 0; i < nr_cpus; i++)
		bpf_map_update_elem(fd, &i, &cpus[i], BPF_ANY);
}

/*
 * A scheduler that has been loaded is kept until the end. Loading takes seconds where
 * the kernel is emulated, and unloading can hang a test that takes a CPU away: the task
 * that frees the maps is bound to its CPU and waits for RCU, and RCU waits for the CPU
 * to be gone (Linux 6.18).
 */
static const char *load_scheduler(bool without_dequeue)
{
	if (scheduler != schedulers[without_dequeue])
		stop_scheduler();
	scheduler = schedulers[without_dequeue];

	while (!scheduler) {
		listen_to_libbpf();
		scheduler = open_scheduler(without_dequeue);
		if (!scheduler)
			return "the BPF scheduler cannot be opened";
		if (!custody__load(scheduler)) {
			tell_cpus(scheduler);
			break;
		}

		custody__destroy(scheduler);
		scheduler = NULL;
		if (cannot_move)
			return not_taken();
		/* Not every kernel takes the programs that move tasks. Try without them. */
		cannot_move = true;
	}
	schedulers[without_dequeue] = scheduler;
	return NULL;
}

/* A scheduler that still runs and has done nothing wrong is kept for the next test. */
const char *start_scheduler(const struct test *test)
{
	static unsigned int number;
	const struct knobs defaults = {
		.enqueue = PLACE_GLOBAL,
		.marks = !!(test->hazards & HAZARD(8)),
		.held_to = PLACE_LOCAL,
		.dsq_to = PLACE_LOCAL,
		.test = ++number,
		.slice = 1000000,
		.random = options.seed,
	};
	const char *problem;

	if (attached && (scheduler_gone() || nr_violations() || nr_in_custody()))
		stop_scheduler();
	problem = load_scheduler(test->without_dequeue);
	if (problem)
		return problem;

	knobs = &scheduler->bss->knobs;
	books = &scheduler->bss->books;
	ending = &scheduler->bss->ending;
	held_back = &scheduler->bss->held_back;
	memset(books, 0, sizeof(*books));
	memset(ending, 0, sizeof(*ending));
	memset(held_back, 0, sizeof(*held_back));
	scheduler->bss->nr_violations = 0;
	*knobs = defaults;
	may_end = test->ends_scheduler;
	srandom(options.seed);

	if (!attached)
		attached = bpf_map__attach_struct_ops(scheduler->maps.custody_ops);
	if (attached)
		return NULL;
	return errno == EBUSY ? "another BPF scheduler has been loaded meanwhile" :
				"the BPF scheduler cannot be attached";
}

void stop_scheduler(void)
{
	if (attached) {
		knobs->unlocked_to = 0;
		knobs->closing = true;
	}
	bpf_link__destroy(attached);
	attached = NULL;
}

void unload_schedulers(void)
{
	stop_scheduler();
	custody__destroy(schedulers[0]);
	custody__destroy(schedulers[1]);
}

bool scheduler_gone(void)
{
	return ending->kind;
}

bool over(void)
{
	return stopped || nr_violations() || (ending->kind && !may_end);
}

int run_errand(struct bpf_program *program, struct errand *errand)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = errand, .ctx_size_in = sizeof(*errand));
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &run);

	return err ?: (int)run.retval;
}

void kick_cpu(int cpu)
{
	struct errand kick = { .cpu = cpu };

	if (attached && !scheduler_gone())
		run_errand(scheduler->progs.kick, &kick);
}

void kick_cpus(void)
{
	int i;

	for (i = 0; i < nr_cpus; i++)
		kick_cpu(cpus[i]);
}

void find_stuck(double seconds)
{
	struct errand look = { .duration = seconds * 1e9 };

	if (attached && !scheduler_gone())
		run_errand(scheduler->progs.find_stuck, &look);
}

bool can_move_unlocked(void)
{
	return !cannot_move;
}

bool move_unlocked(void)
{
	struct errand none = {};

	return !run_errand(scheduler->progs.move_now, &none);
}

/*
 * They end when there is nowhere to move tasks to. All of them want the locks of the same
 * few DSQs, so there is not one on each of many CPUs: these would do nothing but wait.
 */
bool start_movers(void)
{
	struct errand none = {};
	bool started = true;
	int i;

	for (i = 0; i < nr_cpus && i < MAX_MOVERS; i++)
		started &= pin(0, cpus[i]) && !run_errand(scheduler->progs.start_mover, &none);
	return pin(0, -1) && started;
}

bool can_reenqueue(void)
{
	struct errand look = {};

	return !run_errand(scheduler->progs.reenqueue, &look) && look.answer;
}

bool reenqueue(double seconds, int dispatcher)
{
	struct errand take_back = { .cpu = dispatcher, .duration = seconds * 1e9 };

	return !run_errand(scheduler->progs.reenqueue, &take_back);
}

static struct bpf_link *delays;

bool delay_releases(double seconds)
{
	struct bpf_program *program = scheduler->progs.delay_release;

	knobs->delay = seconds * 1e9;
	delays = bpf_program__autoload(program) ? bpf_program__attach(program) : NULL;
	return delays;
}

void end_delays(void)
{
	bpf_link__destroy(delays);
	delays = NULL;
}

bool kernel_marks(pid_t pid)
{
	struct errand look = { .pid = pid };

	return !run_errand(scheduler->progs.read_mark, &look) && look.answer;
}

bool core_scheduling(void)
{
	struct errand look = {};
	int i;

	for (i = 0; i < nr_cpus; i++) {
		look.cpu = cpus[i];
		if (!run_errand(scheduler->progs.read_core_scheduling, &look) && look.answer)
			return true;
	}
	return false;
}

bool entry_numbers(pid_t pid, int cpu, unsigned long long *entry, unsigned long long *next)
{
	struct errand look = { .pid = pid, .cpu = cpu };

	if (run_errand(scheduler->progs.read_entry_numbers, &look))
		return false;
	*entry = look.entry;
	*next = look.next_entry;
	return true;
}
