// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scheduler that puts tasks wherever its knobs say and keeps its own account
 * of who is in custody: from what it did itself and which ops were called,
 * never from what the kernel believes.
 */
#include "account.bpf.h"
#include "checks.bpf.h"
#include "held.bpf.h"
#include "traces.bpf.h"

#define ENOMEM		12
#define PF_EXITING	0x4

char _license[] SEC("license") = "GPL";

#define CLOCK_MONOTONIC	1
#define MOVER_PERIOD	200000		/* ns */

#define MAX_STALE	256	/* to be gone through in one ops.dispatch() */

/* How many programs hand tasks on, in ops.dispatch() or with nothing locked. */
unsigned int dispatching;

/*
 * Is that allowed? park() forbids it, and then looks whether somebody still does. Verified by
 * itself, as index_of() is: the verifier would go twice through all that comes after it.
 */
__noinline int begin_dispatching(void)
{
	__sync_fetch_and_add(&dispatching, 1);
	smp_mb();
	begin_taking();
	return !knobs.parked;
}

__noinline int end_dispatching(void)
{
	end_taking();
	smp_mb();
	__sync_fetch_and_sub(&dispatching, 1);
	return 0;
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

/*
 * Has the task itself disabled its migration? To be asked when it comes to us: one that
 * is not running cannot change this. While BPF runs in a task, as it does here in one that
 * is being switched out, that is no work of the task's.
 */
static bool is_bound(struct task_struct *p)
{
	return p->migration_disabled > (bpf_get_current_task_btf() == p);
}

/* A CPU that the task may use (or may not), another than this one if possible. */
__noinline s32 pick_cpu(struct task_struct *p __arg_trusted, bool allowed)
{
	s32 found = scx_bpf_task_cpu(p), this_cpu = bpf_get_smp_processor_id();
	u32 i, start = draw(&knobs.random);

	bpf_for(i, 0, nr_cpus) {
		u32 n = (start + i) % nr_cpus;
		s32 *cpu = bpf_map_lookup_elem(&cpus, &n);

		if (!cpu || may_run_on(p, *cpu) != allowed)
			continue;
		found = *cpu;
		if (found != this_cpu)
			break;
	}
	return found;
}

/* One of the CPUs. Verified by itself, too. */
__noinline s32 random_cpu(void)
{
	u32 n = draw(&knobs.random) % nr_cpus;
	s32 *cpu = bpf_map_lookup_elem(&cpus, &n);

	return cpu ? *cpu : 0;
}

/*
 * A CPU that the task may use. For programs that are no ops: a function verified by itself,
 * as the one above, does not know of the RCU read lock that they hold, and a loop amid
 * theirs is too much for 6.12.8.
 */
static s32 any_cpu(struct task_struct *p)
{
	s32 cpu = random_cpu();

	return may_run_on(p, cpu) ? cpu : scx_bpf_task_cpu(p);
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

/*
 * A task taken back from a user DSQ was ours and is ours again, without a dequeue. Only
 * where the test says so: one from a local DSQ must have left before.
 */
static bool stays_in_custody(struct account *a, u32 place, u64 enq_flags)
{
	return knobs.from_dsq && enq_flags & SCX_ENQ_REENQ && a->state == STATE_CUSTODY &&
	       place & PLACES_CUSTODY;
}

/* Put the task there, and into the books. */
static void put(struct task_struct *p, struct account *a, u32 entry, u32 place,
		u64 enq_flags)
{
	s32 other_cpu = pick_cpu(p, true);
	struct held held = {};
	bool stays;
	u32 i;

	/* One that ends may have lost its pid already. */
	if (place & PLACES_HELD && p->flags & PF_EXITING)
		place = PLACE_FIFO;

	i = index_of(place);
	if (entry >= NR_ENTRIES || i >= NR_PLACES)
		return;

	stays = stays_in_custody(a, place, enq_flags);
	if (!stays) {
		expect_out(p, a, place & PLACES_CUSTODY ? AT_ENTRY_OUT : AT_TERMINAL_OUT);
		check_mark(p, a);
	}
	a->bound = is_bound(p);
	trace(a, (entry == BY_ENQUEUE ? TRACE_ENQUEUE : TRACE_SELECT) + trace_place(place));
	a->changed = false;

	if (place & PLACES_CUSTODY) {
		a->place = place;
		a->cpu = scx_bpf_task_cpu(p);
		a->entry++;
		held.pid = p->pid;
		held.entry = a->entry;
		smp_mb();	/* for still_held() */
		a->state = STATE_CUSTODY;
		count(stays ? &books.returned : &books.entered[entry][i]);
	} else {
		a->state = STATE_TERMINAL;
		count(&books.terminal[entry][i]);
	}

	if (place == PLACE_MAP)
		hold_in_map(held);
	else if (place == PLACE_TREE)
		hold_in_tree(held);
	else if (place == PLACE_LIST)
		hold_in_list(held);
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

	/*
	 * Bypass overrules what is said here, and it can begin before the task is enqueued.
	 * Then the task never was in custody.
	 */
	if (knobs.closing)
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
	if (knobs.to_mover && !bpf_cpumask_test_cpu(scx_bpf_task_cpu(p), p->cpus_ptr)) {
		count(&books.movers);
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.to_mover), enq_flags);
	} else if (enq_flags & SCX_ENQ_REENQ && knobs.reenqueue)
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.reenqueue), enq_flags);
	else
		put(p, a, BY_ENQUEUE, choose(&a->random, knobs.enqueue), enq_flags);
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
	struct here *here = look_here();
	u32 leave = LEFT_DISPATCHED, i;

	if (!a)
		return;

	if (deq_flags & SCX_DEQ_SCHED_CHANGE)
		leave = LEFT_CHANGED;
	else if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC)
		leave = LEFT_CORE_PICKED;

	trace(a, TRACE_DEQUEUE + trace_flags(deq_flags));
	if (deq_flags & SCX_DEQ_CORE_SCHED_EXEC && !has_core_cookie(p))
		violate(p, a, WRONG_FLAG, WANT_COOKIE, deq_flags);
	switch (a->state) {
	case STATE_CUSTODY:
		i = index_of(a->place);
		if (i < NR_PLACES)
			count(&books.left[i][leave]);
		if (a->cpu != (s32)bpf_get_smp_processor_id() && leave == LEFT_DISPATCHED)
			count(&books.crossed);
		if (here && leave == LEFT_DISPATCHED)
			here->dequeued = true;
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
	check_context(p, a, deq_flags, leave);
	a->state = STATE_LEFT;
	smp_mb();	/* for still_held(): the kernel numbers the next entry before it is put */
	a->changed = leave == LEFT_CHANGED;

	if (knobs.iterate && a->place & PLACES_DSQ)
		iterate_dsq(dsq_of(a->place, 0));
}

/*
 * Is the task still in custody by that very entry? And was it, therefore, when what comes
 * before was done?
 */
static bool still_held(struct account *a, struct held held)
{
	smp_mb();
	if (*(volatile u32 *)&a->state != STATE_CUSTODY)
		return false;
	smp_mb();
	return *(volatile u32 *)&a->entry == held.entry;
}

/*
 * Hand a held task on, if it still is as we know it. Whether that is still so when
 * the dispatch is done, the kernel finds out; that we did not dispatch a later entry,
 * without knowing, we do: the kernel notes during the insertion which one it is for.
 */
static bool dispatch_held(struct held held, s32 this_cpu)
{
	bool dispatched = false;
	struct task_struct *p;
	struct account *a;
	s32 cpu;
	u32 to;

	p = bpf_task_from_pid(held.pid);
	if (!p)
		return false;

	a = account_of(p);
	if (!a || !still_held(a, held)) {
		bpf_task_release(p);
		return false;
	}
	to = choose(&a->random, knobs.held_to);
	cpu = pick_cpu(p, to != PLACE_FORBIDDEN);
	if (to == PLACE_LOCAL && !may_run_on(p, this_cpu))
		to = PLACE_LOCAL_ON;
	if (to == PLACE_VTIME)
		dsq_insert_vtime(p, VTIME_DSQ, knobs.slice, p->scx.dsq_vtime, 0);
	else
		dsq_insert(p, dsq_of(to, cpu), knobs.slice, 0);

	if (to == PLACE_LOCAL)
		cpu = this_cpu;
	if (!still_held(a, held)) {
		/* By another entry, of which this CPU knows nothing. */
		scx_bpf_dispatch_cancel();
	} else if ((to == PLACE_LOCAL || to == PLACE_LOCAL_ON) && !may_run_on(p, cpu)) {
		/* Its affinity changed after we looked. */
		scx_bpf_dispatch_cancel();
		hold_in_map(held);
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), SCX_KICK_IDLE);
	} else {
		u32 i = index_of(to), here_cpu = bpf_get_smp_processor_id();
		struct here *here = look_here();

		note_dispatch(a, held.entry, to, here_cpu);
		if (here && scx_bpf_task_cpu(p) != (s32)here_cpu)
			here->latest = (u64)p;
		if (to == PLACE_GLOBAL)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (i < NR_PLACES)
			count(&books.held_to[i]);
		dispatched = true;
	}
	bpf_task_release(p);
	return dispatched;
}

/*
 * The same in the way of a scheduler whose CPUs take what there is: it looks at what the
 * task is bound to, and leaves it to the kernel whether the task is off its CPU yet.
 */
static bool take_over(struct held held, s32 this_cpu)
{
	struct task_struct *p = bpf_task_from_pid(held.pid);
	struct account *a;
	bool taken = false;
	s32 cpu;

	if (!p)
		return false;
	a = account_of(p);
	if (!a || !still_held(a, held))
		goto out;
	cpu = scx_bpf_task_cpu(p);
	if (a->bound)
		count(&books.bound);
	else if (cpu != this_cpu && bpf_cpumask_test_cpu(this_cpu, p->cpus_ptr)) {
		cpu = this_cpu;
		count(&books.taken);
	}
	dsq_insert(p, SCX_DSQ_LOCAL_ON | (u32)cpu, knobs.slice, 0);
	taken = still_held(a, held);
	if (!taken) {
		/* By another entry, as above. */
		scx_bpf_dispatch_cancel();
		goto out;
	}
	note_dispatch(a, held.entry, PLACE_LOCAL_ON, bpf_get_smp_processor_id());
	if (cpu != this_cpu)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
out:
	bpf_task_release(p);
	return taken;
}

#define NR_TURNS	(1 << 23)	/* more than there is time for */

/*
 * Keep the CPU busy for so long, or until the stage is reached. Says whether it was.
 * Interrupts may be off, so it must not be long.
 */
static bool keep_busy(u64 ns, u32 stage)
{
	u64 until = bpf_ktime_get_ns() + ns;
	s32 i;

	bpf_for(i, 0, NR_TURNS) {
		if (stage && *(volatile u32 *)&held_back.stage == stage)
			return true;
		if (bpf_ktime_get_ns() >= until)
			break;
	}
	return false;
}

/*
 * Decide on a task and keep that to ourselves: the kernel acts on it when ops.dispatch()
 * returns, and until then the task may change.
 */
__noinline int hold_back(s32 this_cpu)
{
	struct task_struct *p;

	if (*(volatile u32 *)&held_back.stage != HELD_BACK_ASKED)
		return 0;
	smp_mb();	/* the question comes before the stage */
	if (held_back.cpu != this_cpu)
		return 0;
	p = bpf_task_from_pid(held_back.pid);
	if (!p)
		return 0;
	dsq_insert(p, SCX_DSQ_GLOBAL, knobs.slice, 0);
	bpf_task_release(p);
	smp_mb();
	held_back.stage = HELD_BACK_DECIDED;
	held_back.stage = keep_busy(held_back.limit, HELD_BACK_CHANGED) ? HELD_BACK_LET_GO :
									 HELD_BACK_EXPIRED;
	return 0;
}

__noinline int move_from(u64 dsq_id)
{
	u32 to = choose(&knobs.random, knobs.dsq_to), i = index_of(to), moved = 0;
	struct task_struct *p;

	if (!to || i >= NR_PLACES)
		return 0;

	if (to == PLACE_LOCAL) {
		if (dsq_move_to_local(dsq_id))
			count(&books.dsq_to[i]);
		return 0;
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
	return 0;
}

/* If ops.dequeue() ran inside this op: does the op still know its run queue? */
static void use_locked_rq(u32 cpu, struct task_struct *prev)
{
	struct here *here = look_here();

	if (!here || !here->dequeued)
		return;
	if (bpf_ksym_exists(scx_bpf_locked_rq) && !scx_bpf_locked_rq()) {
		struct account none = {};

		violate(prev, &none, OUTER_OP, WANT_LOCKED_RQ, 0);
		return;
	}
	cpuperf_set(cpu, SCX_CPUPERF_ONE);
	count(&books.locked_rq_used);
}

enum handed { NONE_LEFT, STALE, HANDED_ON };

/*
 * Hand on one of the held tasks, if there is one that is still as we know it. Verified by
 * itself, as index_of() is.
 */
__noinline int hand_on(u32 turn, s32 cpu)
{
	struct held held;

	if (!take_held(turn, &held))
		return NONE_LEFT;
	return (knobs.take ? take_over(held, cpu) : dispatch_held(held, cpu)) ? HANDED_ON : STALE;
}


static void dispatch(u32 cpu, struct task_struct *prev)
{
	struct here *here = look_here();
	u32 i, dispatched = 0;

	if (here)
		here->dequeued = false;

	/* In a storm of changes most are out of date. */
	bpf_for(i, 0, MAX_STALE) {
		int handed = hand_on(i, cpu);

		if (handed == NONE_LEFT || (handed == HANDED_ON && ++dispatched == 4))
			break;
	}
	move_from(FIFO_DSQ);
	move_from(VTIME_DSQ);
	dsq_move_to_local(SECOND_DSQ);

	if (knobs.use_locked_rq && prev)
		use_locked_rq(cpu, prev);
}

static u32 probed_ops_state(struct task_struct *p)
{
	return BPF_CORE_READ(p, scx.ops_state.counter) & OPSS_STATE_MASK;
}

SEC("struct_ops")
void BPF_PROG(custody_dispatch, s32 cpu, struct task_struct *prev)
{
	/* Core scheduling has a CPU dispatch for its sibling: "here" is not always that. */
	struct here *here;
	bool allowed = begin_dispatching();

	hold_back(cpu);
	if (allowed)
		dispatch(cpu, prev);
	here = look_here();
	if (here)
		here->latest = 0;
	end_dispatching();
}

/*
 * Some kernels let go of a task that they put on a user DSQ only after they have unlocked
 * that. It is a matter of a few instructions, but this program runs amid them. Give other
 * CPUs the time to find the task there, if it is on a DSQ and its dispatch under way, and
 * to bring it back to us.
 */
SEC("?fexit/_raw_spin_unlock")
int BPF_PROG(delay_release)
{
	struct here *here = knobs.delay ? look_here() : NULL;
	struct task_struct *p;
	u64 until;
	s32 i;

	if (!here || !here->latest)
		return 0;
	p = (struct task_struct *)here->latest;
	if (probed_ops_state(p) != SCX_OPSS_DISPATCHING || !BPF_CORE_READ(p, scx.dsq))
		return 0;

	here->latest = 0;
	count(&books.delayed);
	until = bpf_ktime_get_ns() + knobs.delay;
	bpf_for(i, 0, NR_TURNS)
		if (probed_ops_state(p) == SCX_OPSS_QUEUED || bpf_ktime_get_ns() >= until)
			break;
	return 0;
}

/* Move some tasks of that DSQ, from where no run queue is locked. */
static void move_unlocked_from(u64 dsq_id)
{
	s32 this_cpu = bpf_get_smp_processor_id();
	struct task_struct *p;
	u32 moved = 0;

	bpf_for_each(scx_dsq, p, dsq_id, 0) {
		u32 to = choose(&knobs.random, knobs.unlocked_to), i;
		s32 cpu = any_cpu(p);

		if (to == PLACE_LOCAL && !may_run_on(p, this_cpu))
			to = PLACE_LOCAL_ON;
		if (dsq_of(to, cpu) == dsq_id)
			continue;
		if (!(to == PLACE_VTIME ? dsq_move_vtime(&___it, p, VTIME_DSQ) :
					  dsq_move(&___it, p, dsq_of(to, cpu))))
			continue;
		i = index_of(to);
		if (i < NR_PLACES)
			count(&books.unlocked_to[i]);
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		if (++moved == 2)
			break;
	}
}

static void move_unlocked(void)
{
	if (begin_dispatching() && knobs.unlocked_to) {
		bpf_rcu_read_lock();
		move_unlocked_from(FIFO_DSQ);
		move_unlocked_from(VTIME_DSQ);
		move_unlocked_from(SECOND_DSQ);
		bpf_rcu_read_unlock();
	}
	end_dispatching();
}

/*
 * The task that this one takes over from is ours already, and this very program, which
 * runs in it, has its migration disabled. Give other CPUs the time to look at it.
 */
static void linger(void)
{
	struct account *a = account_of(bpf_get_current_task_btf());

	if (a && a->mine && a->state == STATE_CUSTODY)
		keep_busy(knobs.linger, 0);
}

SEC("struct_ops")
void BPF_PROG(custody_running, struct task_struct *p)
{
	struct account *a = account_of(p);

	if (!a)
		return;

	count(&books.running);
	trace(a, TRACE_RUNNING);
	if (a->changed && !knobs.closing) {
		violate(p, a, WRONG_FLAG, WANT_NO_CHANGE, SCX_DEQ_SCHED_CHANGE);
		count(&books.unenqueued);
	}
	a->changed = false;

	expect_out(p, a, AT_RUNNING_OUT);
	check_mark(p, a);
	if (a->state != STATE_OVERDUE)
		a->state = STATE_RUNNING;
	if (knobs.from_dsq)
		a->ran = bpf_ktime_get_ns();
	if (knobs.linger)
		linger();
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
	if (!ending.message[0])
		bpf_probe_read_kernel_str(ending.message, sizeof(ending.message), info->reason);
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
	/* Tests look for lost tasks themselves, and sooner: this is for slow machines. */
	.timeout_ms		= 25000,
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

/*
 * Name the test tasks that are in custody, which should have been dispatched; if there is
 * a duration, those that have not been run for so long.
 */
SEC("syscall")
int find_stuck(struct errand *errand)
{
	u64 now = bpf_ktime_get_ns();
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_for_each(task, p, NULL, BPF_TASK_ITER_ALL_THREADS) {
		struct account *a = account_of(p);

		if (!a || !a->mine || a->state != STATE_CUSTODY)
			continue;
		if (errand->duration && (!a->ran || a->ran + errand->duration > now))
			continue;
		violate(p, a, STUCK, WANT_RUN, 0);
	}
	bpf_rcu_read_unlock();
	return 0;
}

/*
 * These two are loaded if the kernel takes them: not every kernel lets a program
 * that is not an op move tasks.
 */
SEC("?syscall")
int move_now(struct errand *errand)
{
	move_unlocked();
	return 0;
}

struct mover {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* one for each number of a CPU, before loading */
	__type(key, u32);
	__type(value, struct mover);
} movers SEC(".maps");

static int move_on_timer(void *map, u32 *cpu, struct mover *mover)
{
	move_unlocked();
	if (knobs.unlocked_to)
		bpf_timer_start(&mover->timer, MOVER_PERIOD, BPF_F_TIMER_CPU_PIN);
	return 0;
}

/* From now on this CPU moves tasks by itself, as long as there is somewhere to. */
SEC("?syscall")
int start_mover(struct errand *errand)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct mover *mover = bpf_map_lookup_elem(&movers, &cpu);

	if (!mover)
		return 1;
	/* From the second time on it says that this is done. */
	bpf_timer_init(&mover->timer, &movers, CLOCK_MONOTONIC);
	return bpf_timer_set_callback(&mover->timer, move_on_timer) ||
	       bpf_timer_start(&mover->timer, MOVER_PERIOD, BPF_F_TIMER_CPU_PIN);
}

/*
 * Have tasks taken back from user DSQs for so long, and have a CPU that is idle dispatch
 * them again meanwhile. The answer is whether the kernel can do that.
 */
SEC("syscall")
int reenqueue(struct errand *errand)
{
	u64 until = bpf_ktime_get_ns() + errand->duration;
	s32 i;

	errand->answer = !!bpf_ksym_exists(scx_bpf_dsq_reenq);
	if (!errand->answer)
		return 0;
	bpf_for(i, 0, NR_TURNS) {
		if (bpf_ktime_get_ns() >= until)
			break;
		scx_bpf_dsq_reenq(FIFO_DSQ, 0);
		scx_bpf_dsq_reenq(VTIME_DSQ, 0);
		scx_bpf_kick_cpu(errand->cpu, SCX_KICK_IDLE);
	}
	return 0;
}

SEC("syscall")
int kick(struct errand *errand)
{
	scx_bpf_kick_cpu(errand->cpu, SCX_KICK_IDLE);
	return 0;
}

/*
 * What the next entry into custody on a CPU would be numbered if the CPU did that, and
 * what the task's is.
 */
SEC("syscall")
int read_entry_numbers(struct errand *errand)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, errand->cpu);
	struct task_struct *p = bpf_task_from_pid(errand->pid);
	int err = 1;

	if (!p)
		return 1;
	if (rq && bpf_core_field_exists(rq->scx.ops_qseq)) {
		errand->entry = entry_number(p);
		errand->next_entry = rq->scx.ops_qseq;
		err = 0;
	}
	bpf_task_release(p);
	return err;
}

/* A task that runs BPF for so long cannot change its CPU meanwhile, nor if preempted. */
SEC("syscall")
int stay(struct errand *errand)
{
	keep_busy(errand->duration, 0);
	return 0;
}
