// SPDX-License-Identifier: GPL-2.0-only
/* What the tests share: loading the scheduler, reading its books, workers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "custody.skel.h"

struct options options = { .duration = 3, .seed = 1 };

struct knobs *knobs;
struct books *books;
struct ending *ending;
struct held_back *held_back;

int nr_cpus;
volatile sig_atomic_t stopped;
char reason[256];

static struct custody *schedulers[2];	/* with ops.dequeue(), and without */
static struct custody *scheduler;	/* the one that the test wants */
static struct bpf_link *attached;
static bool may_fail;
static bool cannot_move;	/* no program but an op may move tasks */

static void say(const char *format, va_list arguments)
{
	vsnprintf(reason, sizeof(reason), format, arguments);
}

enum result fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return FAIL;
}

enum result skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return SKIP;
}

/* The scheduler. */

/*
 * A scheduler is kept until the end once it is loaded. Loading takes seconds where
 * the kernel is emulated, and unloading can have a test hang that takes a CPU away:
 * who frees the maps is bound to his CPU, waits for RCU, and that for the CPU to
 * be gone (Linux 6.18).
 */
static bool load(void)
{
	bpf_program__set_autoload(scheduler->progs.move_now, !cannot_move);
	bpf_program__set_autoload(scheduler->progs.start_mover, !cannot_move);
	bpf_program__set_autoload(scheduler->progs.delay_release,
				  has_function("scx_bpf_dsq_reenq") &&
				  has_function("_raw_spin_unlock"));
	return !custody__load(scheduler);
}

static const char *load_scheduler(bool without_dequeue);

/* The kernel did not take it: once more without what not every kernel takes. */
static const char *load_less(bool without_dequeue)
{
	custody__destroy(scheduler);
	scheduler = NULL;
	if (cannot_move)
		return "the kernel does not take the BPF scheduler";
	cannot_move = true;
	return load_scheduler(without_dequeue);
}

static const char *load_scheduler(bool without_dequeue)
{
	struct custody__custody_ops__sched_ext_ops *ops;

	if (scheduler != schedulers[without_dequeue])
		stop_scheduler();
	scheduler = schedulers[without_dequeue];
	if (scheduler)
		return NULL;

	listen_to_libbpf();
	scheduler = custody__open();
	if (!scheduler)
		return "the BPF scheduler cannot be opened";

	ops = scheduler->struct_ops.custody_ops;
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
	scheduler->rodata->tracing = options.traces;
	if (!options.traces)
		ops->runnable = NULL;

	if (!load())
		return load_less(without_dequeue);
	schedulers[without_dequeue] = scheduler;
	return NULL;
}

/* One that still runs and has done nothing wrong is kept for the next test. */
const char *start_scheduler(const struct test *test)
{
	static unsigned int number;
	const struct knobs defaults = {
		.enqueue = PLACE_GLOBAL,
		.marks = !!(test->hazards & HAZARD(8)),
		.held_to = PLACE_LOCAL,
		.dsq_to = PLACE_LOCAL,
		.nr_cpus = nr_cpus,
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
	may_fail = test->ends_scheduler;
	srandom(options.seed);

	if (!attached)
		attached = bpf_map__attach_struct_ops(scheduler->maps.custody_ops);
	return attached ? NULL : "the BPF scheduler cannot be attached";
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

static int errand(struct bpf_program *program, struct errand *errand)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = errand, .ctx_size_in = sizeof(*errand));
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &run);

	return err ?: (int)run.retval;
}

void kick_cpus(void)
{
	struct errand kick = {};

	if (!attached || scheduler_gone())
		return;
	for (kick.cpu = 0; kick.cpu < nr_cpus; kick.cpu++)
		errand(scheduler->progs.kick, &kick);
}

void find_stuck(double seconds)
{
	struct errand look = { .duration = seconds * 1e9 };

	if (attached && !scheduler_gone())
		errand(scheduler->progs.find_stuck, &look);
}

bool can_move_unlocked(void)
{
	return !cannot_move;
}

bool move_unlocked(void)
{
	struct errand none = {};

	return !errand(scheduler->progs.move_now, &none);
}

/* On each CPU; they end when there is nowhere to move tasks to. */
bool start_movers(void)
{
	struct errand none = {};
	cpu_set_t set, before;
	bool started = true;
	int cpu;

	if (sched_getaffinity(0, sizeof(before), &before))
		return false;
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		started &= !sched_setaffinity(0, sizeof(set), &set) &&
			   !errand(scheduler->progs.start_mover, &none);
	}
	return !sched_setaffinity(0, sizeof(before), &before) && started;
}

bool can_reenqueue(void)
{
	struct errand look = {};

	return !errand(scheduler->progs.reenqueue, &look) && look.answer;
}

bool reenqueue(double seconds, int dispatcher)
{
	struct errand take_back = { .cpu = dispatcher, .duration = seconds * 1e9 };

	return !errand(scheduler->progs.reenqueue, &take_back);
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

	return !errand(scheduler->progs.read_mark, &look) && look.answer;
}

bool core_scheduling(void)
{
	struct errand look = {};

	for (look.cpu = 0; look.cpu < nr_cpus; look.cpu++)
		if (!errand(scheduler->progs.read_core_scheduling, &look) && look.answer)
			return true;
	return false;
}

bool entry_numbers(pid_t pid, int cpu, unsigned long long *entry, unsigned long long *next)
{
	struct errand look = { .pid = pid, .cpu = cpu };

	if (errand(scheduler->progs.read_entry_numbers, &look))
		return false;
	*entry = look.entry;
	*next = look.next_entry;
	return true;
}

void kick_cpu(int cpu)
{
	struct errand kick = { .cpu = cpu };

	if (attached && !scheduler_gone())
		errand(scheduler->progs.kick, &kick);
}

/* The books. */

/* Of counters that there is one of for each place, the sum of those. */
static unsigned long long sum_at(const unsigned long long *counters, unsigned int places)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < NR_PLACES; i++)
		if (places & 1u << i)
			sum += counters[i];
	return sum;
}

unsigned long long nr_entered_by(enum entry entry, unsigned int places)
{
	return sum_at(books->entered[entry], places);
}

unsigned long long nr_entered(unsigned int places)
{
	return nr_entered_by(BY_SELECT_CPU, places) + nr_entered_by(BY_ENQUEUE, places);
}

unsigned long long nr_terminal(enum entry entry, unsigned int places)
{
	return sum_at(books->terminal[entry], places);
}

unsigned long long nr_left(unsigned int places, enum leave leave)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < NR_PLACES; i++)
		if (places & 1u << i)
			sum += books->left[i][leave];
	return sum;
}

unsigned long long nr_left_any(void)
{
	return nr_left(~0, LEFT_DISPATCHED) + nr_left(~0, LEFT_CHANGED) +
	       nr_left(~0, LEFT_CORE_PICKED);
}

unsigned long long nr_held_to(unsigned int places)
{
	return sum_at(books->held_to, places);
}

unsigned long long nr_unlocked_to(unsigned int places)
{
	return sum_at(books->unlocked_to, places);
}

unsigned long long nr_dsq_to(unsigned int places)
{
	return sum_at(books->dsq_to, places);
}

long nr_in_custody(void)
{
	/* What left is read first: read the other way round, it could exceed. */
	long left = nr_left_any();

	return nr_entered(~0) - left;
}

unsigned long long nr_violations(void)
{
	return scheduler->bss->nr_violations;
}

bool over(void)
{
	return stopped || nr_violations() || (ending->kind && !may_fail);
}

static const char *const place_names[NR_PLACES] = {
	"local DSQ", "local DSQ of another CPU", "global DSQ", "FIFO DSQ", "vtime DSQ",
	"held in a map", "held in a tree", "second DSQ", "forbidden CPU",
	"destroyed DSQ", "passed on", "held in a list",
};

const char *place_name(unsigned int place)
{
	int i;

	for (i = 0; i < NR_PLACES; i++)
		if (place == 1u << i)
			return place_names[i];
	return "never in custody";
}

static const char *const kind_names[NR_VIOLATIONS] = {
	[MISSED] = "missed",
	[DUPLICATE] = "duplicate",
	[BYPASS] = "bypass",
	[WRONG_FLAG] = "wrong flag",
	[LATE] = "late",
	[KERNEL_MARK] = "kernel's mark",
	[OUTER_OP] = "outer op",
	[LET_GO] = "let go",
	[STUCK] = "stuck",
	[OWN_CONTEXT] = "own context",
	[OUTDATED] = "outdated",
};

static const char *const stage_names[NR_STATES] = {
	[STATE_OUT] = "out of custody",
	[STATE_CUSTODY] = "in custody",
	[STATE_LEFT] = "left custody",
	[STATE_TERMINAL] = "on a terminal DSQ",
	[STATE_RUNNING] = "running",
	[STATE_OVERDUE] = "moved on while in custody",
};

static const char *const expectation_texts[NR_EXPECTATIONS] = {
	[AT_ENTRY_OUT] = "a dequeue before it enters custody again",
	[AT_TERMINAL_OUT] = "a dequeue before it is enqueued to a terminal DSQ",
	[AT_RUNNING_OUT] = "a dequeue before ops.running()",
	[AT_STOPPING_OUT] = "a dequeue before ops.stopping()",
	[AT_QUIESCENT_OUT] = "a dequeue before ops.quiescent()",
	[AT_DISABLE_OUT] = "a dequeue before it leaves the scheduler",
	[AT_DEQUEUE_IN] = "no dequeue: it is not in custody",
	[AT_DEQUEUE_SOONER] = "this dequeue before the task moved on",
	[WANT_CHANGE] = "SCX_DEQ_SCHED_CHANGE: nothing is being dispatched",
	[WANT_NO_CHANGE] = "no SCX_DEQ_SCHED_CHANGE: it ran without being enqueued again",
	[WANT_DISPATCH] = "a special flag: it was held and not dispatched",
	[WANT_ONE_FLAG] = "one special flag at most",
	[WANT_AWAKE] = "no SCX_DEQ_SLEEP: it was not running",
	[WANT_KNOWN_FLAGS] = "no unknown flags above bit 31",
	[WANT_MARK_CLEAR] = "SCX_TASK_IN_CUSTODY clear",
	[WANT_OPS_STATE] = "ops_state not to be SCX_OPSS_NONE yet",
	[WANT_LOCKED_RQ] = "ops.dispatch() to know its locked run queue after a dequeue in it",
	[WANT_RUN] = "a dequeue, and to be run, by now",
	[WANT_COOKIE] = "no SCX_DEQ_CORE_SCHED_EXEC: the task has no core cookie",
	[WANT_DISPATCHER] = "a special flag: this CPU is not dispatching the task",
	[WANT_NOTED_RQ] = "scx_bpf_locked_rq() in ops.dequeue() to name a run queue",
	[WANT_NOTED_LOCKED] = "the run queue noted in ops.dequeue() to be locked",
	[WANT_NOTED_TASKS] = "the run queue noted in ops.dequeue() to be the task's",
	[WANT_NOTED_OURS] = "the run queue noted to be the task's or this CPU's",
	[WANT_CPUPERF] = "scx_bpf_cpuperf_set() in ops.dequeue() to work on the noted CPU",
	[WANT_OWN_CGROUP] = "scx_bpf_task_cgroup() in ops.dequeue() to know the task's cgroup",
	[WANT_STAY] = "to stay: the decision to dispatch it was on an earlier stay",
};

void print_violations(void)
{
	unsigned long long i, total = nr_violations();

	for (i = 0; i < total && i < MAX_VIOLATIONS; i++) {
		struct violation *v = &scheduler->bss->violations[i];

		printf("# %s: %s[%d] cpu %u, %s, %s, flags 0x%llx; expected %s\n",
		       kind_names[v->kind], v->comm, v->pid, v->cpu,
		       stage_names[v->state], place_name(v->place), v->deq_flags,
		       expectation_texts[v->expectation]);
		if (i == 4 && total > 6) {
			printf("# ... %llu more\n", total - 5);
			break;
		}
	}
	for (i = 0; i < NR_VIOLATIONS; i++)
		if (books->violations[i])
			printf("# %s: %llu times\n", kind_names[i], books->violations[i]);
}

/* Traces. */

static const char *event_name(unsigned int event)
{
	static const char *const places[] = { "terminal", "dsq", "held" };
	static const char *const flags[] = { "SLEEP", "SCHED_CHANGE", "CORE_SCHED_EXEC" };
	static const char *const names[1 << TRACE_EVENT_BITS] = {
		[TRACE_RUNNABLE] = "runnable",
		[TRACE_RUNNING] = "running",
		[TRACE_STOPPING] = "stopping",
		[TRACE_DISABLE] = "disable",
		[TRACE_REENQUEUED] = "reenqueued",
		[TRACE_MORE] = "...",
	};
	static char text[80];
	const char *separator = "[";
	size_t i;

	if (names[event])
		return names[event];
	if (event < TRACE_RUNNABLE) {
		snprintf(text, sizeof(text), "select_cpu(%s)", places[event - TRACE_SELECT]);
		return text;
	}
	if (event < TRACE_DEQUEUE) {
		snprintf(text, sizeof(text), "enqueue(%s)", places[event - TRACE_ENQUEUE]);
		return text;
	}
	strcpy(text, event < TRACE_QUIESCENT ? "dequeue" : "quiescent");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!(event & 1u << i))
			continue;
		strcat(strcat(text, separator), flags[i]);
		separator = "|";
	}
	if (separator[0] == '|')
		strcat(text, "]");
	return text;
}

/* The phases of this test that there were, one by one, in no order. */
static bool next_phase(struct phase *phase, unsigned long long *number)
{
	static bool begun;

	do {
		if (bpf_map__get_next_key(scheduler->maps.phases, begun ? phase : NULL, phase,
					  sizeof(*phase))) {
			begun = false;
			return false;
		}
		begun = true;
	} while (phase->test != knobs->test ||
		 bpf_map__lookup_elem(scheduler->maps.phases, phase, sizeof(*phase), number,
				      sizeof(*number), 0) || !*number);
	return true;
}

/* A task that ends is reaped while it still runs its last. */
static bool traces_complete(void)
{
	unsigned long long number;
	struct phase phase;
	bool complete = true;

	while (next_phase(&phase, &number))
		complete &= TRACE_LATEST(phase.events) != TRACE_RUNNING;
	return complete;
}

void print_traces(void)
{
	double deadline = now() + 0.5;
	unsigned long long number;
	struct phase phase;
	int i;

	while (!traces_complete() && now() < deadline)
		nap(0.001);
	while (next_phase(&phase, &number)) {
		printf("# trace %llu", number);
		for (i = TRACE_EVENTS - 1; i >= 0; i--) {
			unsigned int event = TRACE_LATEST(phase.events >> i * TRACE_EVENT_BITS);

			if (event)
				printf(" %s", event_name(event));
		}
		printf("\n");
	}
}

/* Workers. */

struct worker workers[MAX_WORKERS];
int nr_workers;

static const char *const life_names[NR_LIVES] = {
	"custody:obey", "custody:spin", "custody:yield", "custody:nap", "custody:ping",
	"custody:fork", "custody:touch", "custody:stay",
};

/*
 * Nothing else of the test program's may stay open in a worker: with a
 * descriptor of the attached scheduler it would keep that attached.
 */
static void keep_open(int *fds, int number)
{
	const int high = 256;
	int i;

	for (i = 0; i < number; i++)
		if (fds[i] >= 0)
			fds[i] = fcntl(fds[i], F_DUPFD, high);
	close_range(3, high - 1, 0);
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

/* The kernel scans for tasks of the fair class alone; their threads fault too. */
static void *touch_in_fair_class(void *unused)
{
	set_policy(0, SCHED_OTHER);
	for (;;) {
		touch_memory();
		nap(0.0005);
	}
	return unused;
}

/* For some ticks, so that it is often preempted meanwhile. */
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
 * A worker's whole life. It says one byte when it is ready, and an obedient
 * one another for each that it gets.
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

	/* Not before it is known as a test task. */
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

static bool tell(struct worker *worker)
{
	return write(worker->orders, "", 1) == 1;
}

/* One worker, with pipes to us and, if it plays ping-pong, to its peer. */
static bool spawn_one(enum life life, int policy, int from_peer, int to_peer)
{
	struct worker *worker = &workers[nr_workers];
	int orders[2], reports[2];
	struct errand adopt = {};

	if (nr_workers == MAX_WORKERS || pipe2(orders, O_CLOEXEC) ||
	    pipe2(reports, O_CLOEXEC | O_NONBLOCK))
		return fail("no pipe for a worker: %m"), false;

	fflush(NULL);
	worker->pid = fork();
	if (worker->pid < 0)
		return fail("no process for a worker: %m"), false;
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
	if (policy == SCHED_EXT && errand(scheduler->progs.adopt, &adopt))
		return fail("a worker cannot be entered into the books"), false;
	if (!tell(worker))
		return fail("a worker does not listen: %m"), false;
	return true;
}

static bool spawn_pair(int policy)
{
	int there[2], back[2], i;
	bool spawned;

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		return fail("no pipe between two workers: %m"), false;
	spawned = spawn_one(PING, policy, back[0], there[1]) &&
		  spawn_one(PING, policy, there[0], back[1]);
	for (i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	return spawned;
}

bool spawn_as(enum life life, int number, int policy)
{
	int i;

	for (i = nr_workers + number; nr_workers < i;)
		if (!(life == PING ? spawn_pair(policy) : spawn_one(life, policy, -1, -1)))
			return false;

	for (i -= number; i < nr_workers; i++)
		if (!wait_until(ready(&workers[i]))) {
			if (!nr_violations())
				fail("a worker is never run");
			return false;
		}
	return true;
}

bool spawn(enum life life, int number)
{
	return spawn_as(life, number, SCHED_EXT);
}

/* It may take the scheduler for them to die, so this does not wait. */
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

bool workers_done(void)
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

/* One that was told before it slept has done its step without being enqueued. */
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
		if (!nr_violations())
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
			if (!nr_violations())
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
	if (!nr_violations())
		fail("%d workers were not run after they had been let go", nr_due);
	return false;
}

/* Changes. */

bool pin(pid_t pid, int cpu)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < nr_cpus; i++)
		if (cpu < 0 || cpu == i)
			CPU_SET(i, &set);
	return !sched_setaffinity(pid, sizeof(set), &set);
}

/* With all tasks in the scheduler's hands, SCHED_OTHER is no other class. */
bool visit_other_class(pid_t pid)
{
	return set_policy(pid, options.all_tasks ? SCHED_FIFO : SCHED_OTHER) &&
	       set_policy(pid, SCHED_EXT);
}
