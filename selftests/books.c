// SPDX-License-Identifier: GPL-2.0-only
/* What the BPF scheduler has counted, and the violations that it has noticed. */
#include <stdio.h>

#include "scheduler.h"

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

const char *violation_name(enum violation_kind kind)
{
	return kind_names[kind];
}

const char *violation_text(int n)
{
	const struct violation *v = &scheduler->bss->violations[n];
	static char text[REASON_SIZE];

	snprintf(text, sizeof(text), "%s: %s[%d] cpu %u, %s, %s, flags 0x%llx; expected %s",
		 kind_names[v->kind], v->comm, v->pid, v->cpu, stage_names[v->state],
		 place_name(v->place), v->deq_flags, expectation_texts[v->expectation]);
	return text;
}

void print_violations(void)
{
	unsigned long long i, total = nr_violations();

	for (i = 0; i < total && i < MAX_VIOLATIONS; i++) {
		printf("# %s\n", violation_text(i));
		if (i == 4 && total > 6) {
			printf("# ... %llu more\n", total - 5);
			break;
		}
	}
	for (i = 0; i < NR_VIOLATIONS; i++)
		if (books->violations[i])
			printf("# %s: %llu times\n", kind_names[i], books->violations[i]);
}
