/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF scheduler and the test program tell each other: knobs one way,
 * the books and the violations the other.
 */
#ifndef SHARED_H
#define SHARED_H

/*
 * Where a task can be put. The values are bits: a knob that holds several lets
 * the scheduler choose one at random each time.
 */
enum place {
	PLACE_LOCAL	= 1 << 0,	/* this CPU's local DSQ */
	PLACE_LOCAL_ON	= 1 << 1,	/* the local DSQ of a CPU chosen by us */
	PLACE_GLOBAL	= 1 << 2,
	PLACE_FIFO	= 1 << 3,	/* a user DSQ, first in first out */
	PLACE_VTIME	= 1 << 4,	/* a user DSQ, ordered by vtime */
	PLACE_MAP	= 1 << 5,	/* nowhere: the pid waits in a BPF queue */
	PLACE_TREE	= 1 << 6,	/* nowhere: the pid waits in a bpf_rbtree */
	PLACE_SECOND	= 1 << 7,	/* another user DSQ, for DSQ to DSQ moves */
	PLACE_FORBIDDEN	= 1 << 8,	/* LOCAL_ON a CPU the task may not use */
	PLACE_MISSING	= 1 << 9,	/* a DSQ that has been destroyed */
	PLACE_PASS	= 1 << 10,	/* ops.select_cpu() leaves it to ops.enqueue() */
	PLACE_LIST	= 1 << 11,	/* nowhere: the pid waits in a bpf_list */
};

#define NR_PLACES	12
#define PLACES_TERMINAL	(PLACE_LOCAL | PLACE_LOCAL_ON | PLACE_GLOBAL)
#define PLACES_DSQ	(PLACE_FIFO | PLACE_VTIME)
#define PLACES_HELD	(PLACE_MAP | PLACE_TREE | PLACE_LIST)
#define PLACES_CUSTODY	(PLACES_DSQ | PLACES_HELD)

/* Which op put the task there. */
enum entry {
	BY_SELECT_CPU,
	BY_ENQUEUE,
	NR_ENTRIES,
};

/* How a task left custody, by the flags of its ops.dequeue(). */
enum leave {
	LEFT_DISPATCHED,	/* no special flag */
	LEFT_CHANGED,		/* SCX_DEQ_SCHED_CHANGE */
	LEFT_CORE_PICKED,	/* SCX_DEQ_CORE_SCHED_EXEC */
	NR_LEAVES,
};

/* A task's place in its cycle, as the scheduler itself knows it. */
enum stage {
	STATE_OUT,		/* not seen yet, or slept: owes nothing */
	STATE_CUSTODY,
	STATE_LEFT,		/* ops.dequeue() came; has not run since */
	STATE_TERMINAL,		/* inserted straight into a terminal DSQ */
	STATE_RUNNING,
	STATE_OVERDUE,		/* moved on while in custody: dequeue is late */
	NR_STATES,
};

enum violation_kind {
	MISSED,			/* moved on, or entered again, without a dequeue */
	DUPLICATE,		/* a second dequeue for one stay in custody */
	BYPASS,			/* a dequeue for a task that was not in custody */
	WRONG_FLAG,
	LATE,			/* the dequeue came after ops.running() or the like */
	KERNEL_MARK,		/* SCX_TASK_IN_CUSTODY says otherwise */
	OUTER_OP,		/* the op around a dequeue lost its context */
	LET_GO,			/* the kernel let go of the task before the dequeue */
	STUCK,			/* in custody, and not run again */
	OWN_CONTEXT,		/* kfuncs inside ops.dequeue() are told the wrong things */
	OUTDATED,		/* what was decided for an earlier stay took effect */
	NR_VIOLATIONS,
};

/* Where a violation was noticed and what was expected there. */
enum expectation {
	AT_ENTRY_OUT,		/* entering: must have left before */
	AT_TERMINAL_OUT,	/* inserted into a terminal DSQ: must have left before */
	AT_RUNNING_OUT,		/* ops.running(): must have left before */
	AT_STOPPING_OUT,
	AT_QUIESCENT_OUT,
	AT_DISABLE_OUT,
	AT_DEQUEUE_IN,		/* ops.dequeue(): must be in custody */
	AT_DEQUEUE_SOONER,	/* ops.dequeue(): should have come before */
	WANT_CHANGE,		/* nothing is dispatched: only a change can dequeue */
	WANT_NO_CHANGE,		/* it was a dispatch: the task ran next, unenqueued */
	WANT_DISPATCH,		/* no flag, but we never dispatched this task */
	WANT_ONE_FLAG,		/* core pick and change exclude one another */
	WANT_AWAKE,		/* a task in custody does not run, so it cannot sleep */
	WANT_KNOWN_FLAGS,
	WANT_MARK_CLEAR,	/* the kernel must have cleared its mark by now */
	WANT_OPS_STATE,		/* the kernel must still keep other CPUs off the task */
	WANT_LOCKED_RQ,		/* kfuncs that need the locked run queue must work */
	WANT_RUN,		/* everything is dispatched */
	WANT_COOKIE,		/* core scheduling picks only tasks that have one */
	WANT_DISPATCHER,	/* no flag, but this CPU is not dispatching the task */
	WANT_NOTED_RQ,		/* scx_bpf_locked_rq() must name a run queue */
	WANT_NOTED_LOCKED,	/* and one that is locked */
	WANT_NOTED_TASKS,	/* and the task's own, as the task is taken from there */
	WANT_NOTED_OURS,	/* and the task's own or that of the dispatching CPU */
	WANT_CPUPERF,		/* scx_bpf_cpuperf_set() must have done it */
	WANT_OWN_CGROUP,	/* scx_bpf_task_cgroup() must know the op's own task */
	WANT_STAY,		/* the decision was on an earlier stay than this */
	NR_EXPECTATIONS,
};

struct violation {
	unsigned long long deq_flags;
	unsigned int kind;
	unsigned int expectation;
	unsigned int state;
	unsigned int place;
	unsigned int cpu;
	int pid;
	char comm[16];
};

#define MAX_VIOLATIONS	32

/* Set by the test program. */
struct knobs {
	unsigned int select;		/* places ops.select_cpu() may use; 0: none */
	unsigned int enqueue;		/* places ops.enqueue() may use */
	unsigned int reenqueue;		/* the same for a re-enqueue; 0: as above */
	unsigned int held_to;		/* where ops.dispatch() puts held tasks */
	unsigned int dsq_to;		/* where ops.dispatch() moves tasks of user DSQs */
	/*
	 * Dispatch nothing: tasks stay parked in custody. To be set only while
	 * no test task is runnable, so that every dequeue seen meanwhile must
	 * be for a property change.
	 */
	unsigned int parked;
	unsigned int closing;		/* bypass is ahead: tasks may run unenqueued */
	unsigned int everyone;		/* treat all tasks as test tasks, until the end */
	unsigned int iterate;		/* ops.dequeue() iterates the task's DSQ */
	unsigned int use_locked_rq;	/* ops.dispatch() uses it after a move */
	unsigned int fail;		/* ops.enqueue() calls scx_bpf_error() */
	unsigned int marks;		/* check the kernel's own mark of custody */
	unsigned int silent;		/* there is no ops.dequeue() to balance the books */
	/*
	 * Held tasks go to the CPU that asks, unless they are not allowed there.
	 * That they are still being switched out is nothing to the scheduler.
	 */
	unsigned int take;
	unsigned int to_mover;		/* places for one that must change its CPU; 0: as others */
	unsigned int test;		/* its number, for its traces */
	unsigned long long slice;	/* ns */
	unsigned long long linger;	/* ns that ops.running() takes while one waits to be off */
	unsigned long long random;	/* for the choices that are no task's; advances */
	/* where tasks of user DSQs are moved with nothing locked; 0: nowhere */
	unsigned int unlocked_to;
	unsigned int from_dsq;		/* user DSQs are re-enqueued: that ends no custody */
	unsigned long long delay;	/* ns at most that delay_release() takes */
};

/* Kept by the BPF scheduler. */
struct books {
	unsigned long long terminal[NR_ENTRIES][NR_PLACES];
	unsigned long long entered[NR_ENTRIES][NR_PLACES];
	unsigned long long left[NR_PLACES][NR_LEAVES];
	unsigned long long held_to[NR_PLACES];	/* dispatched by us, from where held */
	unsigned long long dsq_to[NR_PLACES];	/* moved by us, out of a user DSQ */
	unsigned long long running;
	unsigned long long slept;		/* ops.quiescent() of a running task */
	unsigned long long changed_running;	/* the same, but not for sleep */
	unsigned long long changed_waiting;	/* the same of one on a terminal DSQ */
	unsigned long long crossed;	/* left custody on another CPU than entered */
	unsigned long long iterated;
	unsigned long long locked_rq_used;
	unsigned long long cgroup_weight;
	unsigned long long exited;
	unsigned long long bound;	/* held by us with its migration disabled */
	unsigned long long taken;	/* held, and inserted on a CPU it does not count on */
	unsigned long long movers;	/* put where to_mover says */
	unsigned long long violations[NR_VIOLATIONS];
	unsigned long long unenqueued;	/* of these, WANT_NO_CHANGE */
	unsigned long long unlocked_to[NR_PLACES];	/* moved with nothing locked */
	unsigned long long in_context[NR_LEAVES];	/* ops.dequeue() that used its context */
	unsigned long long noted_other;	/* of these, not with this CPU's run queue noted */
	unsigned long long returned;	/* re-enqueued to us while in custody */
	unsigned long long delayed;	/* dispatches kept from their end for a while */
};

/* How the kernel ended the BPF scheduler; not if it was unloaded. */
struct ending {
	int kind;
	char message[128];
};

/* Argument of the programs that the test program runs itself. */
struct errand {
	int pid;
	int cpu;
	unsigned int answer;
	unsigned long long seed;	/* of the choices made for a task */
	unsigned long long entry;	/* two answers */
	unsigned long long next_entry;
	unsigned long long duration;	/* ns */
};

/* A decision that ops.dispatch() makes and does not let the kernel see yet. */
struct held_back {
	unsigned int stage;		/* enum held_back_stage */
	int pid;			/* on whom */
	int cpu;			/* whose ops.dispatch() */
	unsigned long long limit;	/* ns */
};

enum held_back_stage {
	HELD_BACK_NOTHING,
	HELD_BACK_ASKED,		/* by the test program */
	HELD_BACK_DECIDED,		/* inserted; the task may be changed now */
	HELD_BACK_CHANGED,		/* says the test program */
	HELD_BACK_LET_GO,
	HELD_BACK_EXPIRED,		/* let go of before the change was made */
};

/*
 * What happens to a task is recorded in phases: it waits where it was put, then it
 * has its turn. A phase is one number, the latest event in its lowest bits, so that
 * equal ones are counted together.
 */
enum traced {
	TRACE_NOTHING,
	TRACE_SELECT,			/* ops.select_cpu() inserted it; + enum trace_place */
	TRACE_RUNNABLE = TRACE_SELECT + 3,
	TRACE_ENQUEUE,			/* + enum trace_place */
	TRACE_DEQUEUE = 8,		/* + bits of enum trace_flag, as is the next */
	TRACE_QUIESCENT = 16,
	TRACE_RUNNING = 24,
	TRACE_STOPPING,
	TRACE_DISABLE,
	TRACE_REENQUEUED,		/* taken back from a local DSQ */
	TRACE_MORE,			/* no room for the rest */
};

#define TRACE_EVENT_BITS	5
#define TRACE_EVENTS		12
#define TRACE_LATEST(events)	((events) & ((1 << TRACE_EVENT_BITS) - 1))

enum trace_place {
	TRACE_TERMINAL,
	TRACE_DSQ,
	TRACE_HELD,
};

enum trace_flag {
	TRACE_SLEEP		= 1 << 0,
	TRACE_CHANGE		= 1 << 1,
	TRACE_CORE_PICK		= 1 << 2,
};

/* Key of the map that counts them; the value is how many phases were just so. */
struct phase {
	unsigned long long events;
	unsigned long long test;
};

#define MAX_PHASES	8192

#endif
