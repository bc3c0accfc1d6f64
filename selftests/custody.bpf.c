// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scheduler that puts tasks wherever its knobs say and keeps its own account
 * of who is in custody: from what it did itself and which ops were called,
 * never from what the kernel believes.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "shared.h"

#define ENOMEM		12
#define PF_EXITING	0x4
#define OPSS_STATE_MASK	3		/* the rest of ops_state is a sequence number */

char _license[] SEC("license") = "GPL";

#define FIFO_DSQ	1
#define VTIME_DSQ	2
#define SECOND_DSQ	3
#define MISSING_DSQ	4

#define MAX_CPUS	64
#define MAX_HELD	262144	/* with those that are stale: each change adds one */

struct knobs knobs;
struct books books;
struct ending ending;
struct violation violations[MAX_VIOLATIONS];
unsigned int nr_violations;

/* One task's account. Written by the ops of that task alone, which the kernel serialises. */
struct account {
	u32 state;		/* enum stage */
	u32 place;		/* where it entered custody */
	s32 cpu;		/* its CPU then */
	bool mine;		/* a test task, to be put where the knobs say */
	bool dispatched;	/* held, and since then dispatched by us */
	bool changed;		/* left for a change: must be enqueued before it runs */
	bool turn;		/* its trace: is it having its turn, or waiting for it? */
	struct phase phase;	/* how far it is in that */
	u64 random;		/* state of the choices made for it */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct account);
} accounts SEC(".maps");

/* Tasks held by us: their pids, in a map or in a tree. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_HELD);
	__type(value, s32);
} held_pids SEC(".maps");

struct held_node {
	struct bpf_rb_node node;
	u64 since;
	s32 pid;
};

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))

private(held) struct bpf_spin_lock held_lock;
private(held) struct bpf_rb_root held_tree
	__attribute__((btf_decl_tag("contains:held_node:node")));

/* Are traces kept? Where not, the verifier removes all that is for them. */
const volatile bool tracing;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PHASES);
	__type(key, struct phase);
	__type(value, u64);
} phases SEC(".maps");

/* How many CPUs are in ops.dispatch(). */
unsigned int dispatching;

/* Did a dispatched task's ops.dequeue() run in this CPU's current op? */
static bool dequeued_here[MAX_CPUS];

static struct account *account_of(struct task_struct *p)
{
	return bpf_task_storage_get(&accounts, p, NULL, 0);
}

static void count(u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* The index of a place, which is a single bit. */
static u32 index_of(u32 place)
{
	u32 i;

	bpf_for(i, 0, NR_PLACES)
		if (place == 1U << i)
			return i;
	return 0;
}

/* The next number of a stream that depends on nothing but its seed. */
static u32 draw(u64 *stream)
{
	u64 z = *stream += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z >> 32;
}

/* One of the places in the mask, at random. */
static u32 choose(u64 *stream, u32 places)
{
	u32 i, start;

	if (!(places & (places - 1)))
		return places;

	start = draw(stream);
	bpf_for(i, 0, NR_PLACES) {
		u32 place = 1U << ((start + i) % NR_PLACES);

		if (places & place)
			return place;
	}
	return 0;
}

static void count_phase(struct phase *phase, s64 number)
{
	u64 *counter = bpf_map_lookup_elem(&phases, phase), zero = 0;

	if (!counter) {
		bpf_map_update_elem(&phases, phase, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&phases, phase);
	}
	if (counter)
		__sync_fetch_and_add(counter, number);
}

/*
 * The task has got so far. What it is so far is what is counted, so that nothing
 * needs to be completed.
 */
static void trace_to(struct account *a, u64 events)
{
	a->phase.events = events;
	count_phase(&a->phase, 1);
}

/*
 * A task is put somewhere and waits there until it runs or is put somewhere else;
 * when it runs, that is its turn, until it is put somewhere again. These phases are
 * recorded apart, for how a wait ends says nothing about how the turn will.
 */
static void trace(struct account *a, u32 event)
{
	u64 events = a->phase.events;

	if (!tracing || !a->mine)
		return;

	if (event < TRACE_DEQUEUE) {
		/* That it is runnable is worth telling only of one not put anywhere. */
		if (event == TRACE_RUNNABLE && events && events < TRACE_RUNNABLE)
			return;
		if (events == TRACE_RUNNABLE)
			count_phase(&a->phase, -1);
		a->turn = false;
		trace_to(a, event);
		return;
	}

	/* It became a test task amid all this. */
	if (!events)
		return;
	/* As of one that sleeps and visits another class. */
	if (event == TRACE_DISABLE && TRACE_LATEST(events) == TRACE_DISABLE)
		return;

	count_phase(&a->phase, -1);
	/* That it goes off the CPU and on again is nothing to custody. */
	if (event == TRACE_RUNNING && a->turn && TRACE_LATEST(events) == TRACE_STOPPING)
		events >>= TRACE_EVENT_BITS;
	else if (!(events >> (TRACE_EVENTS - 1) * TRACE_EVENT_BITS))
		events = events << TRACE_EVENT_BITS | event;
	else
		events = events >> TRACE_EVENT_BITS << TRACE_EVENT_BITS | TRACE_MORE;
	trace_to(a, events);

	if (event == TRACE_RUNNING && !a->turn) {
		a->turn = true;
		trace_to(a, event);
	}
}

static u32 trace_place(u32 place)
{
	if (place & PLACES_HELD)
		return TRACE_HELD;
	return place & PLACES_DSQ ? TRACE_DSQ : TRACE_TERMINAL;
}

static u32 trace_flags(u64 deq_flags)
{
	u32 flags = 0;

	if (deq_flags & SCX_DEQ_SLEEP)
		flags |= TRACE_SLEEP;
	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		flags |= TRACE_CHANGE;
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		flags |= TRACE_CORE_PICK;
	return flags;
}

static void violate(struct task_struct *p, struct account *a, u32 kind,
		    u32 expectation, u64 deq_flags)
{
	struct violation *v;
	u32 i;

	if (kind < NR_VIOLATIONS)
		count(&books.violations[kind]);

	i = __sync_fetch_and_add(&nr_violations, 1);
	if (i >= MAX_VIOLATIONS)
		return;

	v = &violations[i];
	v->kind = kind;
	v->expectation = expectation;
	v->deq_flags = deq_flags;
	v->cpu = kind == STUCK ? scx_bpf_task_cpu(p) : bpf_get_smp_processor_id();
	v->state = a->state;
	v->place = a->place;
	v->pid = p->pid;
	bpf_probe_read_kernel_str(v->comm, sizeof(v->comm), p->comm);
}

/*
 * The kernel must not consider a task in custody that is out of it. For the tests
 * that are about this: with a kernel that is wrong about it, all would fail.
 */
static void check_mark(struct task_struct *p, struct account *a)
{
	if (knobs.marks && p->scx.flags & task_in_custody_flag())
		violate(p, a, KERNEL_MARK, WANT_MARK_CLEAR, 0);
}

/* A task comes to where it must not be in custody any more. */
static void expect_out(struct task_struct *p, struct account *a, u32 expectation)
{
	u32 i = index_of(a->place);

	if (a->state != STATE_CUSTODY)
		return;
	if (!knobs.silent) {
		violate(p, a, MISSED, expectation, 0);
		a->state = STATE_OVERDUE;
	} else if (i < NR_PLACES) {
		count(&books.left[i][LEFT_DISPATCHED]);
		a->state = STATE_LEFT;
	}
}

/*
 * One that is being switched out cannot be moved: it is still current on its CPU,
 * and while BPF runs there its migration is disabled.
 */
static bool may_run_on(struct task_struct *p, s32 cpu)
{
	if ((p->migration_disabled || scx_bpf_task_running(p)) && cpu != scx_bpf_task_cpu(p))
		return false;
	return bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/* A CPU that the task may use (or may not), another than this one if possible. */
static s32 pick_cpu(struct task_struct *p, bool allowed)
{
	u32 i, start = draw(&knobs.random), this_cpu = bpf_get_smp_processor_id();
	s32 found = scx_bpf_task_cpu(p);

	bpf_for(i, 0, MAX_CPUS) {
		u32 cpu = (start + i) % knobs.nr_cpus;

		if (i >= knobs.nr_cpus)
			break;
		if (may_run_on(p, cpu) != allowed)
			continue;
		found = cpu;
		if (cpu != this_cpu)
			break;
	}
	return found;
}

/* The kernel takes no constant for the message. */
#define give_up(why)							\
({									\
	static char message_[] = why;					\
	unsigned long long none_[1] = {};				\
									\
	knobs.closing = 1;						\
	scx_bpf_error_bstr(message_, none_, 0);				\
})

static bool sooner(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct held_node, node)->since <
	       container_of(b, struct held_node, node)->since;
}

static void hold_in_map(s32 pid)
{
	if (bpf_map_push_elem(&held_pids, &pid, 0))
		give_up("no room to hold a task");
}

static void hold_in_tree(s32 pid)
{
	struct held_node *held;

	held = bpf_obj_new_impl(bpf_core_type_id_local(struct held_node), NULL);
	if (!held) {
		/* No memory at hand, with interrupts off. Held it is all the same. */
		hold_in_map(pid);
		return;
	}
	held->pid = pid;
	held->since = bpf_ktime_get_ns();

	bpf_spin_lock(&held_lock);
	bpf_rbtree_add_impl(&held_tree, &held->node, (void *)sooner, NULL, 0);
	bpf_spin_unlock(&held_lock);
}

static s32 take_from_map(void)
{
	s32 pid;

	return bpf_map_pop_elem(&held_pids, &pid) ? 0 : pid;
}

static s32 take_from_tree(void)
{
	struct held_node *held;
	struct bpf_rb_node *node;
	s32 pid;

	bpf_spin_lock(&held_lock);
	node = bpf_rbtree_first(&held_tree);
	if (node)
		node = bpf_rbtree_remove(&held_tree, node);
	bpf_spin_unlock(&held_lock);
	if (!node)
		return 0;

	held = container_of(node, struct held_node, node);
	pid = held->pid;
	bpf_obj_drop_impl(held, NULL);
	return pid;
}

/*
 * The pid of a task that we hold, or 0. It may be out of date. In turns from either
 * place: they need not ever be empty.
 */
static s32 take_held(u32 turn)
{
	return turn & 1 ? take_from_tree() ?: take_from_map() :
			  take_from_map() ?: take_from_tree();
}

static u64 dsq_of(u32 place, s32 cpu)
{
	switch (place) {
	case PLACE_LOCAL:
		return SCX_DSQ_LOCAL;
	case PLACE_LOCAL_ON:
	case PLACE_FORBIDDEN:
		return SCX_DSQ_LOCAL_ON | (u32)cpu;
	case PLACE_FIFO:
		return FIFO_DSQ;
	case PLACE_VTIME:
		return VTIME_DSQ;
	case PLACE_SECOND:
		return SECOND_DSQ;
	case PLACE_MISSING:
		return MISSING_DSQ;
	default:
		return SCX_DSQ_GLOBAL;
	}
}

/* Put the task there, and into the books. */
static void put(struct task_struct *p, struct account *a, u32 entry, u32 place,
		u64 enq_flags)
{
	s32 other_cpu = pick_cpu(p, true);
	u32 i;

	/* One that ends may have lost its pid already. */
	if (place & PLACES_HELD && p->flags & PF_EXITING)
		place = PLACE_FIFO;

	i = index_of(place);
	if (entry >= NR_ENTRIES || i >= NR_PLACES)
		return;

	expect_out(p, a, place & PLACES_CUSTODY ? AT_ENTRY_OUT : AT_TERMINAL_OUT);
	check_mark(p, a);
	trace(a, (entry == BY_ENQUEUE ? TRACE_ENQUEUE : TRACE_SELECT) + trace_place(place));
	a->changed = false;

	if (place & PLACES_CUSTODY) {
		a->place = place;
		a->cpu = scx_bpf_task_cpu(p);
		a->state = STATE_CUSTODY;
		count(&books.entered[entry][i]);
	} else {
		a->state = STATE_TERMINAL;
		count(&books.terminal[entry][i]);
	}

	if (place == PLACE_MAP)
		hold_in_map(p->pid);
	else if (place == PLACE_TREE)
		hold_in_tree(p->pid);
	else if (place == PLACE_VTIME)
		dsq_insert_vtime(p, VTIME_DSQ, knobs.slice, p->scx.dsq_vtime, enq_flags);
	else
		dsq_insert(p, dsq_of(place, other_cpu), knobs.slice, enq_flags);

	/* Nobody looks at these by himself. */
	if (place & PLACES_CUSTODY) {
		scx_bpf_kick_cpu(other_cpu, SCX_KICK_IDLE);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	}
}

SEC("struct_ops")
s32 BPF_PROG(custody_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct account *a = account_of(p);
	bool idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);
	u32 place;

	if (!knobs.select || !a || (!a->mine && !knobs.everyone))
		return cpu;

	place = choose(&a->random, knobs.select);
	if (place != PLACE_PASS)
		put(p, a, BY_SELECT_CPU, place, 0);
	return cpu;
}

/* Attached only where traces are kept. */
SEC("struct_ops")
void BPF_PROG(custody_runnable, struct task_struct *p, u64 enq_flags)
{
	struct account *a = account_of(p);

	if (a)
		trace(a, TRACE_RUNNABLE);
}

SEC("struct_ops")
void BPF_PROG(custody_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct account *a = account_of(p);

	if (!a || (!a->mine && !knobs.everyone)) {
		dsq_insert(p, SCX_DSQ_GLOBAL, knobs.slice, enq_flags);
		return;
	}

	if (knobs.fail)
		give_up("asked to fail");

	if (enq_flags & SCX_ENQ_REENQ)
		trace(a, TRACE_REENQUEUED);
	if (enq_flags & SCX_ENQ_REENQ && knobs.reenqueue)
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.reenqueue), enq_flags);
	else
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.enqueue), enq_flags);
}

static void check_dequeue(struct task_struct *p, struct account *a, u64 deq_flags,
			  u32 leave)
{
	const u64 special = SCX_DEQ_SCHED_CHANGE | SCX_DEQ_CORE_SCHED_EXEC;

	if (deq_flags >> 32 & ~(special >> 32))
		violate(p, a, WRONG_FLAG, WANT_KNOWN_FLAGS, deq_flags);
	if ((deq_flags & special) == special)
		violate(p, a, WRONG_FLAG, WANT_ONE_FLAG, deq_flags);
	if (deq_flags & SCX_DEQ_SLEEP)
		violate(p, a, WRONG_FLAG, WANT_AWAKE, deq_flags);

	if (leave != LEFT_CHANGED && knobs.parked)
		violate(p, a, WRONG_FLAG, WANT_CHANGE, deq_flags);
	else if (leave == LEFT_DISPATCHED && a->place & PLACES_HELD && !a->dispatched &&
		 entries_are_unique(p))
		violate(p, a, WRONG_FLAG, WANT_DISPATCH, deq_flags);

	/*
	 * On its way from us to the global DSQ, a task is kept from the dequeues
	 * of other CPUs by its ops_state alone. (To a local DSQ it is by the lock
	 * of the run queue as well.)
	 */
	if (knobs.held_to == PLACE_GLOBAL && a->place & PLACES_HELD &&
	    leave == LEFT_DISPATCHED &&
	    (p->scx.ops_state.counter & OPSS_STATE_MASK) == SCX_OPSS_NONE)
		violate(p, a, LET_GO, WANT_OPS_STATE, deq_flags);
}

static void iterate_dsq(u64 dsq_id)
{
	struct task_struct *p;

	bpf_for_each(scx_dsq, p, dsq_id, 0)
		count(&books.iterated);
}

SEC("struct_ops")
void BPF_PROG(custody_dequeue, struct task_struct *p, u64 deq_flags)
{
	struct account *a = account_of(p);
	u32 leave = LEFT_DISPATCHED, i, cpu = bpf_get_smp_processor_id();

	if (!a)
		return;

	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		leave = LEFT_CHANGED;
	else if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		leave = LEFT_CORE_PICKED;

	trace(a, TRACE_DEQUEUE + trace_flags(deq_flags));
	switch (a->state) {
	case STATE_CUSTODY:
		i = index_of(a->place);
		if (i < NR_PLACES)
			count(&books.left[i][leave]);
		if (a->cpu != (s32)cpu && leave == LEFT_DISPATCHED)
			count(&books.crossed);
		if (cpu < MAX_CPUS && leave == LEFT_DISPATCHED)
			dequeued_here[cpu] = true;
		check_dequeue(p, a, deq_flags, leave);
		break;
	case STATE_OVERDUE:
		violate(p, a, LATE, AT_DEQUEUE_SOONER, deq_flags);
		break;
	case STATE_LEFT:
		violate(p, a, DUPLICATE, AT_DEQUEUE_IN, deq_flags);
		break;
	default:
		violate(p, a, BYPASS, AT_DEQUEUE_IN, deq_flags);
	}
	check_mark(p, a);
	/*
	 * Cleared here and not at the next entry: a CPU with an old pid at hand
	 * may dispatch that entry while ops.enqueue() is still at it.
	 */
	a->dispatched = false;
	a->state = STATE_LEFT;
	a->changed = leave == LEFT_CHANGED;

	if (knobs.iterate && a->place & PLACES_DSQ)
		iterate_dsq(dsq_of(a->place, 0));
}

/* Hand a held task on, if it still is as we know it; the kernel finds out. */
static void dispatch_held(s32 pid, s32 this_cpu)
{
	struct task_struct *p;
	struct account *a;
	s32 cpu;
	u32 to;

	p = bpf_task_from_pid(pid);
	if (!p)
		return;

	a = account_of(p);
	to = choose(a ? &a->random : &knobs.random, knobs.held_to);
	cpu = pick_cpu(p, to != PLACE_FORBIDDEN);
	if (to == PLACE_LOCAL && !may_run_on(p, this_cpu))
		to = PLACE_LOCAL_ON;
	if (to == PLACE_VTIME)
		dsq_insert_vtime(p, VTIME_DSQ, knobs.slice, p->scx.dsq_vtime, 0);
	else
		dsq_insert(p, dsq_of(to, cpu), knobs.slice, 0);

	if (to == PLACE_LOCAL)
		cpu = this_cpu;
	if ((to == PLACE_LOCAL || to == PLACE_LOCAL_ON) && !may_run_on(p, cpu)) {
		/* Its affinity changed after we looked. */
		scx_bpf_dispatch_cancel();
		hold_in_map(pid);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	} else {
		u32 i = index_of(to);

		/* Only now: the insertion is for the entry that this is true of. */
		if (a)
			a->dispatched = true;
		if (to == PLACE_GLOBAL)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (i < NR_PLACES)
			count(&books.held_to[i]);
	}
	bpf_task_release(p);
}

static void move_from(u64 dsq_id)
{
	u32 to = choose(&knobs.random, knobs.dsq_to), i = index_of(to), moved = 0;
	struct task_struct *p;

	if (!to || i >= NR_PLACES)
		return;

	if (to == PLACE_LOCAL) {
		if (dsq_move_to_local(dsq_id))
			count(&books.dsq_to[i]);
		return;
	}

	bpf_for_each(scx_dsq, p, dsq_id, 0) {
		s32 cpu = pick_cpu(p, true);

		if (!dsq_move(&___it, p, dsq_of(to, cpu)))
			continue;
		count(&books.dsq_to[i]);
		/* Nobody looks at the global DSQ by himself either. */
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (++moved == 4)
			break;
	}
}

/* If ops.dequeue() ran inside this op: does the op still know its run queue? */
static void use_locked_rq(u32 cpu, struct task_struct *prev)
{
	if (cpu >= MAX_CPUS || !dequeued_here[cpu])
		return;
	if (bpf_ksym_exists(scx_bpf_locked_rq) && !scx_bpf_locked_rq()) {
		struct account none = {};

		violate(prev, &none, OUTER_OP, WANT_LOCKED_RQ, 0);
		return;
	}
	scx_bpf_cpuperf_set(cpu, SCX_CPUPERF_ONE);
	count(&books.locked_rq_used);
}

static void dispatch(u32 cpu, struct task_struct *prev)
{
	s32 i, pid;

	if (cpu < MAX_CPUS)
		dequeued_here[cpu] = false;

	bpf_for(i, 0, 4) {
		pid = take_held(i);
		if (pid <= 0)
			break;
		dispatch_held(pid, cpu);
	}
	move_from(FIFO_DSQ);
	move_from(VTIME_DSQ);
	dsq_move_to_local(SECOND_DSQ);

	if (knobs.use_locked_rq && prev)
		use_locked_rq(cpu, prev);
}

SEC("struct_ops")
void BPF_PROG(custody_dispatch, s32 cpu, struct task_struct *prev)
{
	__sync_fetch_and_add(&dispatching, 1);
	if (!knobs.parked)
		dispatch(cpu, prev);
	__sync_fetch_and_sub(&dispatching, 1);
}

SEC("struct_ops")
void BPF_PROG(custody_running, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	count(&books.running);
	trace(a, TRACE_RUNNING);
	if (a->changed && !knobs.closing)
		violate(p, a, WRONG_FLAG, WANT_NO_CHANGE, SCX_DEQ_SCHED_CHANGE);
	a->changed = false;

	expect_out(p, a, AT_RUNNING_OUT);
	check_mark(p, a);
	if (a->state != STATE_OVERDUE)
		a->state = STATE_RUNNING;
}

SEC("struct_ops")
void BPF_PROG(custody_stopping, struct task_struct *p, bool runnable)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	trace(a, TRACE_STOPPING);
	expect_out(p, a, AT_STOPPING_OUT);
}

SEC("struct_ops")
void BPF_PROG(custody_quiescent, struct task_struct *p, u64 deq_flags)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	trace(a, TRACE_QUIESCENT + trace_flags(deq_flags));
	if (deq_flags & SCX_DEQ_SLEEP)
		count(&books.slept);
	else if (a->state == STATE_RUNNING)
		count(&books.changed_running);
	else if (a->state == STATE_TERMINAL)
		count(&books.changed_waiting);

	expect_out(p, a, AT_QUIESCENT_OUT);
	if (a->state != STATE_OVERDUE)
		a->state = STATE_OUT;
}

SEC("struct_ops")
void BPF_PROG(custody_cpu_release, s32 cpu, struct scx_cpu_release_args *args)
{
	scx_bpf_reenqueue_local();
}

SEC("struct_ops")
void BPF_PROG(custody_enable, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (a) {
		a->state = STATE_OUT;
		a->changed = false;
		a->dispatched = false;
	}
}

SEC("struct_ops")
void BPF_PROG(custody_disable, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	/* When a task that has ended gets here is no matter of its scheduling. */
	if (!(p->flags & PF_EXITING))
		trace(a, TRACE_DISABLE);
	expect_out(p, a, AT_DISABLE_OUT);
	a->state = STATE_OUT;
}

SEC("struct_ops.s")
s32 BPF_PROG(custody_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct account *a, *parents = NULL;

	a = bpf_task_storage_get(&accounts, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!a)
		return -ENOMEM;

	if (args->fork)
		parents = account_of(bpf_get_current_task_btf());
	a->random = p->pid;
	if (parents) {
		a->mine = parents->mine;
		a->random = draw(&parents->random);
		a->phase.test = parents->phase.test;
	}
	return 0;
}

SEC("struct_ops")
void BPF_PROG(custody_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	struct account *a = account_of(p);

	if (a) {
		expect_out(p, a, AT_DISABLE_OUT);
		count(&books.exited);
	}
}

/* With these two the scheduler stays when a CPU comes or goes. */
SEC("struct_ops")
void BPF_PROG(custody_cpu_online, s32 cpu)
{
}

SEC("struct_ops")
void BPF_PROG(custody_cpu_offline, s32 cpu)
{
}

SEC("struct_ops")
void BPF_PROG(custody_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	count(&books.cgroup_weight);
}

SEC("struct_ops.s")
s32 BPF_PROG(custody_init)
{
	s32 err = scx_bpf_create_dsq(FIFO_DSQ, -1);

	if (!err)
		err = scx_bpf_create_dsq(VTIME_DSQ, -1);
	if (!err)
		err = scx_bpf_create_dsq(SECOND_DSQ, -1);
	if (!err)
		err = scx_bpf_create_dsq(MISSING_DSQ, -1);
	if (!err)
		scx_bpf_destroy_dsq(MISSING_DSQ);
	return err;
}

SEC("struct_ops")
void BPF_PROG(custody_exit, struct scx_exit_info *info)
{
	/* That is our doing. */
	if (info->kind == SCX_EXIT_UNREG)
		return;
	bpf_probe_read_kernel_str(ending.message, sizeof(ending.message), info->msg);
	ending.kind = info->kind;
}

SEC(".struct_ops.link")
struct sched_ext_ops custody_ops = {
	.select_cpu		= (void *)custody_select_cpu,
	.runnable		= (void *)custody_runnable,
	.enqueue		= (void *)custody_enqueue,
	.dequeue		= (void *)custody_dequeue,
	.dispatch		= (void *)custody_dispatch,
	.running		= (void *)custody_running,
	.stopping		= (void *)custody_stopping,
	.quiescent		= (void *)custody_quiescent,
	.cpu_release		= (void *)custody_cpu_release,
	.enable			= (void *)custody_enable,
	.disable		= (void *)custody_disable,
	.init_task		= (void *)custody_init_task,
	.exit_task		= (void *)custody_exit_task,
	.cpu_online		= (void *)custody_cpu_online,
	.cpu_offline		= (void *)custody_cpu_offline,
	.cgroup_set_weight	= (void *)custody_cgroup_set_weight,
	.init			= (void *)custody_init,
	.exit			= (void *)custody_exit,
	.timeout_ms		= 10000,
	.name			= "custody",
};

/* What the test program asks for itself. */

/* From now on the task and its children to come are test tasks. */
SEC("syscall")
int adopt(struct errand *errand)
{
	struct task_struct *p = bpf_task_from_pid(errand->pid);
	struct account *a;

	if (!p)
		return 1;
	a = bpf_task_storage_get(&accounts, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (a) {
		a->mine = true;
		a->random = errand->seed;
		a->phase.test = knobs.test;
	}
	bpf_task_release(p);
	return !a;
}

/* Does the kernel mark the task as in custody? */
SEC("syscall")
int read_mark(struct errand *errand)
{
	struct task_struct *p = bpf_task_from_pid(errand->pid);

	if (!p)
		return 1;
	errand->answer = !!(p->scx.flags & task_in_custody_flag());
	bpf_task_release(p);
	return 0;
}

/* Is core scheduling on, for that CPU? */
SEC("syscall")
int read_core_scheduling(struct errand *errand)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, errand->cpu);

	errand->answer = rq && bpf_core_field_exists(rq->core_enabled) && rq->core_enabled;
	return 0;
}

/* Name the test tasks that are in custody, which should have been dispatched. */
SEC("syscall")
int find_stuck(struct errand *errand)
{
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_for_each(task, p, NULL, BPF_TASK_ITER_ALL_THREADS) {
		struct account *a = account_of(p);

		if (a && a->mine && a->state == STATE_CUSTODY)
			violate(p, a, STUCK, WANT_RUN, 0);
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int kick(struct errand *errand)
{
	scx_bpf_kick_cpu(errand->cpu, SCX_KICK_IDLE);
	return 0;
}
