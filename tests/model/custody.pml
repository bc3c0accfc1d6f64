/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Custody under all interleavings: two CPUs do to two tasks whatever sched_ext can
 * do to them, in any order and without end, and spin searches all of it. What is
 * asserted is in ops_dequeue_callback() and where a step says why. Searched by
 * tests/28-model.t; "The model" in docs/semantics.md says what it assumes.
 *
 *	spin -a -DFORM=6 custody.pml	Linux 6.12 to 6.19 with the series
 *	spin -a -DFORM=7 custody.pml	Linux 7.1 and 7.2 with the series, where ops_state
 *					is released after the DSQ is unlocked, a
 *					re-enqueue waits for that, and the run queue
 *					that is locked is passed to who reports
 *	... -DEARLY_RELEASE		the same with ops_state released as in 6.12
 *
 * plus -DHAZARD_n to put one of the hazards of docs/semantics.md back. Names are
 * those of ext.c. What is left out, and why that hides nothing:
 *
 * - Memory is sequentially consistent. The litmus tests are about the rest.
 * - Under a lock, what only holders of this lock access is one step with taking or
 *   dropping it: nobody can look in between.
 * - A DSQ is a set, not a queue: any task of it may come next.
 * - A running task and one that sleeps are both "out": in neither case is it on a
 *   DSQ or in custody. It comes back on either CPU; so a migration while out, and a
 *   property change, which takes a task out and puts it back, need no step of their
 *   own for the second half.
 * - ops.dispatch() makes one decision at a time, with the lock of its run queue
 *   dropped before it is carried out or not, as a move or consume of another task in
 *   the same ops.dispatch() does. scx_bpf_dsq_move() is called with nothing locked;
 *   called by ops.dispatch(), it first comes to the same by switching locks.
 * - Whether a task may go to a CPU (hazard 12) is left to chance. CPUs that go offline
 *   (11), verdicts left over (13), bypass and destroyed DSQs are not in the model. Nor is
 *   the deferred insertion into another CPU's local DSQ by ops.enqueue(), where
 *   there never is custody.
 * - The numbers of ops_state are taken to be fresh: one that a CPU still has a
 *   decision for is not given again, which is to say that 62 bits don't wrap while a
 *   decision is carried out.
 */

#ifndef FORM
#error "which form? -DFORM=6 or -DFORM=7"
#endif

#if FORM == 7 && !defined(EARLY_RELEASE)
#define LATE_RELEASE
#endif
/* Before 7.1, ops_state says which run queue ops.dequeue() is to be called with. */
#if FORM == 6 || defined(HAZARD_14A)
#define RQ_FROM_STATE
#endif

#ifndef CPUS
#define CPUS	2
#endif
#ifndef TASKS
#define TASKS	2
#endif
#define NOBODY	0
#define ME	(me + 1)

/* p->scx.ops_state: the state and its sequence number, always written together */
#define NONE		0
#define QUEUEING	1
#define QUEUED		2
#define DISPATCHING	3
byte state[TASKS];
byte qseq[TASKS];

/* p->scx.flags, the two bits of it that matter */
#define F_CUSTODY	1
#define F_QUEUED	2
byte flags[TASKS];

/* p->scx.dsq. A task is linked there unless a CPU holds it, see holding[]. */
#define NO_DSQ	0
#define USER	1
#define GLOBAL	2
#define LOCAL(cpu)	(3 + (cpu))
byte dsq[TASKS];
/* p->scx.holding_cpu, p->scx.sticky_cpu: a CPU + 1, or NOBODY */
byte holding[TASKS];
byte sticky[TASKS];
/* task_cpu(p), and p->on_rq == TASK_ON_RQ_MIGRATING */
byte cpu_of_task[TASKS];
bit migrating[TASKS];

/* Locks of run queues and of the DSQs, by the CPU + 1 that holds them. */
byte rq_lock[CPUS];
byte dsq_lock[3];

/*
 * What the kernel doesn't have: the truth.
 * in_custody	is it, by the contract?
 * modifying	is a CPU between reading and writing the task's flags?
 * out		nothing of sched_ext has the task
 * decision	a CPU's decision: the task + 1
 * decision_seq	and the number that ops_state had
 * decision_ok	and is it for the stay that the task is in?
 */
bit in_custody[TASKS];
bit modifying[TASKS];
bit out[TASKS] = 1;
byte decision[CPUS];
byte decision_seq[CPUS];
bit decision_ok[CPUS];

#ifdef HAZARD_10
byte rq_qseq[CPUS];
#endif

/* Why a CPU does what it does, to know which flags of ops.dequeue() are right. */
#define DISPATCH	0	/* dispatch, consume, move, re-enqueue */
#define CHANGE		1	/* %SCX_DEQ_SCHED_CHANGE */
#define CORE_PICK	2	/* %SCX_DEQ_CORE_SCHED_EXEC */
#define PICK		3	/* of a task on the local DSQ: none at all */

/* --- primitives ---------------------------------------------------------------- */

#define owns_rq(r)	(rq_lock[r] == ME)

/* What can be taken when; to be used inside of an atomic. */
inline lock_rq(r)
{
	assert(!owns_rq(r));		/* nobody can help who waits for himself */
	rq_lock[r] == NOBODY;
	rq_lock[r] = ME
}

inline unlock_rq(r)
{
	assert(owns_rq(r));
	rq_lock[r] = NOBODY
}

inline lock_dsq(d)
{
	assert(dsq_lock[d] != ME);	/* likewise */
	dsq_lock[d] == NOBODY;
	dsq_lock[d] = ME
}

inline unlock_dsq(d)
{
	assert(dsq_lock[d] == ME);
	dsq_lock[d] = NOBODY
}

/*
 * p->scx.flags isn't atomic: it is read, and written a step later. If another CPU gets
 * in between, one of the two changes is lost. Where one step will do, the two of
 * whoever else is at it are enough to see that.
 */
#define begin_modifying	assert(!modifying[t]); modifying[t] = 1
#define end_modifying	modifying[t] = 0
#define mark_queued	assert(!modifying[t]); flags[t] = flags[t] | F_QUEUED
#define clear_queued	assert(!modifying[t]); flags[t] = flags[t] & ~F_QUEUED

/* --- custody -------------------------------------------------------------------- */

/* scx_custody_report(), with @rq for the run queue where that is passed */
inline report(why, rq)
{
	atomic {
#ifdef RQ_FROM_STATE
		if
		:: state[t] == DISPATCHING -> noted = me
		:: else -> noted = cpu_of_task[t]
		fi;
#else
		noted = rq;
#endif
		/* this is the call of ops.dequeue() */
		assert(in_custody[t]);			/* once: not again, and not without */
		in_custody[t] = 0;
		assert(why == reason);			/* the right flag, at the right time */
		assert(owns_rq(noted));			/* what is noted is locked */
		assert(!(flags[t] & F_CUSTODY));	/* clear, then call */
		noted = 0
	}
	/* bpf_for_each(scx_dsq, ...) locks the user DSQ each time round, if it is used */
	if
	:: true
	:: true ->
		atomic {
			assert(dsq_lock[USER] != ME);	/* nobody can help who waits for himself */
			dsq_lock[USER] == NOBODY
		}
	fi
}

/* scx_custody_end() */
inline custody_end(why, rq)
{
	if
	:: atomic { (flags[t] & F_CUSTODY) -> begin_modifying }
#ifdef HAZARD_8
		report(why, rq);
#endif
		atomic {
			flags[t] = flags[t] & ~F_CUSTODY;
			end_modifying
		}
#ifndef HAZARD_8
		report(why, rq)
#endif
	:: atomic { !(flags[t] & F_CUSTODY) -> assert(!modifying[t]) }
	fi
}

/* scx_custody_begin(), in two steps */
#define custody_begin	begin_modifying
#define custody_begun	flags[t] = flags[t] | F_CUSTODY; end_modifying; in_custody[t] = 1

/* --- ops_state ------------------------------------------------------------------- */

/* QUEUEING or DISPATCHING ends. Who ends it has begun it, or something is overwritten. */
inline release_ops_state()
{
	assert(state[t] == QUEUEING || state[t] == DISPATCHING);
	state[t] = NONE;
	qseq[t] = 0
}

/* A decision for an earlier stay is not for this one. */
#define outdate(cpu)	decision_ok[cpu] = decision_ok[cpu] && decision[cpu] != t + 1
/* Does a decision have the number? That of a task in no stay is 0. */
#define has(cpu)	(decision[cpu] == t + 1 && decision_seq[cpu] == qseq[t] && qseq[t] != 0)

/* A new stay with the BPF scheduler begins, with a number of its own. */
inline next_qseq()
{
	outdate(0);
	outdate(1);
#if CPUS > 2
	outdate(2);
#endif
#ifdef HAZARD_10
	/* from a counter of the run queue */
	qseq[t] = rq_qseq[r] + 1;
	rq_qseq[r] = (rq_qseq[r] + 1) % 6
#else
	/* from a counter of the task, see above; never 0 */
#ifndef HAZARD_10A
	qseq[t] = 1;
#endif
	do
#if CPUS > 2
	:: has(0) || has(1) || has(2) -> qseq[t] = qseq[t] + 1
#else
	:: has(0) || has(1) -> qseq[t] = qseq[t] + 1
#endif
	:: else -> break
	od
#endif
}

/* --- the CPUs -------------------------------------------------------------------- */

/* What each action begins with, so that a CPU that can begin none is seen as stuck. */
#define rq_free(r)	(rq_lock[r] == NOBODY)
#define can_enqueue(t)	(rq_free(me) && out[t])
#define can_dispatch(t)	(rq_free(me) && !out[t])
#define can_pick(t)	(rq_free(me) && dsq[t] == LOCAL(me))
#define can_core_pick(t) (rq_free(me) && !out[t] && !migrating[t] && cpu_of_task[t] == me && \
			 dsq[t] != LOCAL(me))
/* task_rq_lock() waits while the task is migrating */
#define can_change(t)	(!out[t] && !migrating[t] && rq_free(cpu_of_task[t]))
#define can_consume(t, d) (rq_free(me) && is_on(t, d))
#define is_on(t, d)	(dsq[t] == (d) && !holding[t])

proctype cpu(byte me)
{
	/* the task, a DSQ, the locked run queue, the one that the task is to go to */
	byte t, d, r, dst;
	/* the state of the task as it was read, the run queue that the callback is told */
	byte seen, noted;
	/* why this CPU does what it does, and the flags that ops_dequeue() has for it */
	byte reason, why;
	/* is ops_state to be released? is the task being moved to another run queue? */
	bit clear, moving;
#ifdef LATE_RELEASE
	/* has it left custody, which is to be reported? */
	bit left;
#endif

	/* What is over is forgotten, so that it makes no two states of one. */
#define forget	t = 0; d = 0; r = 0; dst = 0; seen = 0; reason = DISPATCH; why = 0; clear = 0; \
	moving = 0

again:
	if
	:: atomic { can_enqueue(0) -> t = 0; lock_rq(me); out[t] = 0; cpu_of_task[t] = me; goto enqueue }
	:: atomic { can_dispatch(0) -> t = 0; lock_rq(me); goto dispatch }
	:: atomic { can_consume(0, USER) -> t = 0; lock_rq(me); d = USER; goto consume }
	:: atomic { can_consume(0, GLOBAL) -> t = 0; lock_rq(me); d = GLOBAL; goto consume }
	:: atomic { is_on(0, USER) -> t = 0; r = cpu_of_task[t]; goto move }
	:: atomic { can_pick(0) -> t = 0; lock_rq(me); goto reenqueue }
	:: atomic { can_pick(0) -> t = 0; lock_rq(me); reason = PICK; goto pick }
	:: atomic { can_core_pick(0) -> t = 0; lock_rq(me); reason = CORE_PICK; goto pick }
	:: atomic { can_change(0) -> t = 0; r = cpu_of_task[t]; lock_rq(r); goto change }
#if FORM == 7
	:: atomic { is_on(0, USER) -> t = 0; r = cpu_of_task[t]; goto reenqueue_user }
#endif
#if TASKS > 1
	:: atomic { can_enqueue(1) -> t = 1; lock_rq(me); out[t] = 0; cpu_of_task[t] = me; goto enqueue }
	:: atomic { can_dispatch(1) -> t = 1; lock_rq(me); goto dispatch }
	:: atomic { can_consume(1, USER) -> t = 1; lock_rq(me); d = USER; goto consume }
	:: atomic { can_consume(1, GLOBAL) -> t = 1; lock_rq(me); d = GLOBAL; goto consume }
	:: atomic { is_on(1, USER) -> t = 1; r = cpu_of_task[t]; goto move }
	:: atomic { can_pick(1) -> t = 1; lock_rq(me); goto reenqueue }
	:: atomic { can_pick(1) -> t = 1; lock_rq(me); reason = PICK; goto pick }
	:: atomic { can_core_pick(1) -> t = 1; lock_rq(me); reason = CORE_PICK; goto pick }
	:: atomic { can_change(1) -> t = 1; r = cpu_of_task[t]; lock_rq(r); goto change }
#if FORM == 7
	:: atomic { is_on(1, USER) -> t = 1; r = cpu_of_task[t]; goto reenqueue_user }
#endif
#endif
	fi;

enqueue:	/* a task wakes up, or comes back from a change, or was running */
	atomic {
		r = me;
		mark_queued;
		goto do_enqueue_task
	}

reenqueue:	/* scx_bpf_reenqueue_local() */
	atomic {
		r = me;
#if defined(LATE_RELEASE) && !defined(HAZARD_14B)
		state[t] != DISPATCHING;
#endif
#if !defined(HAZARD_4B) && !defined(HAZARD_14B)
		assert(!in_custody[t]);		/* a report was lost */
#endif
		dsq[t] = NO_DSQ;
		goto do_enqueue_task
	}

#if FORM == 7
reenqueue_user:	/* reenq_user() */
	atomic { lock_rq(r) }
	atomic {
		lock_dsq(USER);
		if
		:: is_on(t, USER) && r == cpu_of_task[t] -> skip
		:: else -> unlock_dsq(USER); goto unlock
		fi;
		dsq[t] = NO_DSQ;
		unlock_dsq(USER);
		goto do_enqueue_task
	}
#endif

do_enqueue_task:	/* with run queue @r locked */
	atomic {
		assert(owns_rq(r));
#ifdef LATE_RELEASE
#ifndef HAZARD_14B
		state[t] != DISPATCHING;
		assert(state[t] == NONE);
#endif
#else
		assert(state[t] == NONE);	/* the kernel warns of it, too */
#endif
		state[t] = QUEUEING;
		next_qseq()
	}
	/* What does ops.enqueue() do? */
	if
	:: atomic { true -> clear = 1; d = USER; goto dispatch_enqueue }
	:: atomic { true -> clear = 1; d = GLOBAL; goto dispatch_enqueue }
	:: atomic { true -> clear = 1; d = LOCAL(r); goto dispatch_enqueue }
	:: atomic { true -> custody_begin }	/* nothing: the BPF scheduler holds it */
	fi;
	atomic { custody_begun }
	atomic {
		assert(state[t] == QUEUEING);
		state[t] = QUEUED;
		goto unlock
	}

dispatch:	/* ops.dispatch() inserts a task that it holds, or thinks that it holds */
	atomic {
		decision[me] = t + 1;
		decision_seq[me] = qseq[t];
		decision_ok[me] = (state[t] == QUEUEING || state[t] == QUEUED)
	}
	if
	:: true
	:: atomic { true -> unlock_rq(me) }
		atomic { lock_rq(me) }
	fi;
	/* finish_dispatch(); it waits for QUEUEING to end */
	atomic {
		state[t] != QUEUEING;
		r = me;
		if
		:: state[t] == QUEUED && qseq[t] == decision_seq[me] ->
			assert(decision_ok[me]);	/* it was made for this stay */
			state[t] = DISPATCHING;
			qseq[t] = 0;
			clear = 1
		:: else
		fi;
		decision[me] = 0; decision_seq[me] = 0; decision_ok[me] = 0;
		if
		:: !clear -> goto unlock
		:: else -> assert(flags[t] & F_QUEUED)
		fi
	}
	if
	:: atomic { true -> d = USER; goto dispatch_enqueue }
	:: atomic { true -> d = GLOBAL; goto dispatch_enqueue }
	:: atomic { true -> dst = 0 }
	:: atomic { true -> dst = 1 }
#if CPUS > 2
	:: atomic { true -> dst = 2 }
#endif
	fi;
	/* dispatch_to_local_dsq() */
	atomic {
		r = cpu_of_task[t];
		if
		:: r == me && dst == me -> d = LOCAL(me); goto dispatch_enqueue
		:: else -> clear = 0; holding[t] = ME
		fi
	}
	/* From here on as if from a DSQ: the lock that a dequeue may wait with is taken. */
#ifndef HOLD_DISPATCHING
	atomic { release_ops_state() }
#endif
	if
	:: r != me ->
		atomic { unlock_rq(me) }
		atomic { lock_rq(r) }
	:: else
	fi;
#ifdef HOLD_DISPATCHING
	atomic { release_ops_state() }
#endif
	atomic {
		if
		:: holding[t] != ME -> goto unlock	/* a dequeue was faster */
		:: else -> assert(r == cpu_of_task[t])
		fi;
		if
		:: r != dst -> goto move_remote_task
		:: r != dst -> d = GLOBAL	/* it may not go there */
		:: else -> d = LOCAL(r)
		fi;
		holding[t] = NOBODY;
		goto dispatch_enqueue
	}

consume:	/* consume_dispatch_q() */
	atomic {
		lock_dsq(d);
		r = me;
		dst = me;
		if
		:: !is_on(t, d) -> unlock_dsq(d); goto unlock
		:: is_on(t, d) && cpu_of_task[t] == me -> goto move_local_task
		:: else
		fi;
		/* consume_remote_task() */
		r = cpu_of_task[t];
		unlock_rq(me);
		holding[t] = ME;
		unlock_dsq(d)
	}
	atomic {
		lock_rq(r);
		if
		:: holding[t] != ME -> goto unlock	/* a dequeue was faster */
		:: else -> assert(r == cpu_of_task[t]); goto move_remote_task
		fi
	}

move:	/* scx_bpf_dsq_move() of a task that iterating has come upon */
	atomic { lock_rq(r) }
	atomic {
		lock_dsq(USER);
		if
		:: is_on(t, USER) && r == cpu_of_task[t] -> skip
		:: else -> unlock_dsq(USER); goto unlock
		fi;
		/* move_task_between_dsqs() */
		if
		:: dst = r; d = USER; goto move_local_task
		:: dst = (r + 1) % CPUS; unlock_dsq(USER); goto move_remote_task
#if CPUS > 2
		:: dst = (r + 2) % CPUS; unlock_dsq(USER); goto move_remote_task
#endif
		:: d = USER
		:: d = GLOBAL
		fi;
		dsq[t] = NO_DSQ;
		unlock_dsq(USER);
		goto dispatch_enqueue
	}

move_local_task:	/* move_local_task_to_local_dsq(), with @d locked */
	atomic {
		assert(owns_rq(r));
		dsq[t] = LOCAL(r);
#ifndef HAZARD_5
		unlock_dsq(d)
#endif
	}
	custody_end(DISPATCH, r);
#ifdef HAZARD_5
	atomic { unlock_dsq(d) }
#endif
	goto unlock;

	/*
	 * dispatch_enqueue() of @t to @d with run queue @r locked, where @clear is
	 * %SCX_ENQ_CLEAR_OPSS
	 */
dispatch_enqueue:
	assert(owns_rq(r));
#ifdef LATE_RELEASE
	/* Custody is decided with the DSQ locked, and reported when it isn't any more. */
	if
	:: d < LOCAL(0) ->
		atomic {
			lock_dsq(d);
			assert(dsq[t] == NO_DSQ && !holding[t]);
#ifndef HAZARD_1
			begin_modifying
#endif
		}
		atomic {
#ifndef HAZARD_1
			if
			:: d == USER -> custody_begun
			:: else ->
				left = flags[t] & F_CUSTODY;
				flags[t] = flags[t] & ~F_CUSTODY;
				end_modifying
			fi;
#endif
			dsq[t] = d;
			unlock_dsq(d)
		}
		if
		:: left -> report(DISPATCH, r)
		:: else
		fi
	:: else ->
		atomic {
			assert(d == LOCAL(r));
			assert(dsq[t] == NO_DSQ && !holding[t]);
			dsq[t] = d
		}
#ifdef HAZARD_4B
		if
		:: !sticky[t] -> custody_end(DISPATCH, r)
		:: else
		fi
#else
#ifndef HAZARD_1
		custody_end(DISPATCH, r)
#endif
#endif
	fi;
	atomic {
		left = 0;
		if
		:: clear -> release_ops_state()
		:: else
		fi
	}
#ifdef HAZARD_1
	if
	:: d == USER ->
		atomic { custody_begin }
		atomic { custody_begun }
	:: else -> custody_end(DISPATCH, r)
	fi;
#endif
#else	/* the form of 6.12 to 6.19 */
#ifndef HAZARD_1
	if
#ifdef HAZARD_4B
	:: d != USER && !sticky[t] -> custody_end(DISPATCH, r)
#else
	:: d != USER -> custody_end(DISPATCH, r)
#endif
	:: else
	fi;
#endif
	atomic {
		if
		:: d == USER -> lock_dsq(d); custody_begin
		:: d == GLOBAL -> lock_dsq(d)
		:: else -> assert(d == LOCAL(r))
		fi;
		assert(dsq[t] == NO_DSQ && !holding[t])
	}
	if
	:: d == USER -> atomic { custody_begun }
	:: else
	fi;
	atomic {
		dsq[t] = d;
		if
		:: clear -> release_ops_state()
		:: else
		fi
	}
	atomic {
		if
		:: d < LOCAL(0) -> unlock_dsq(d)
		:: else
		fi
	}
#ifdef HAZARD_1
	if
	:: d != USER -> custody_end(DISPATCH, r)
	:: else
	fi;
#endif
#endif
	if
	:: moving ->
		atomic {
			sticky[t] = NOBODY;
			migrating[t] = 0
		}
	:: else
	fi;
	goto unlock;

	/* move_remote_task_to_local_dsq() from run queue @r, which is locked, to @dst */
move_remote_task:
	atomic {
		assert(owns_rq(r) && r != dst);
		moving = 1;
		migrating[t] = 1;
#ifndef HAZARD_4A
		sticky[t] = dst + 1;
#endif
		why = CHANGE;
		goto ops_dequeue
	}
move_remote_task_2:
	atomic {
		clear_queued;
		cpu_of_task[t] = dst;
		sticky[t] = dst + 1;
		unlock_rq(r);
		r = dst
	}
	atomic {
		lock_rq(r);
		/* enqueue_task_scx() */
		mark_queued;
#ifndef HAZARD_4B
		sticky[t] = NOBODY;
#endif
		clear = 0;
		d = LOCAL(r);
		goto dispatch_enqueue
	}

pick:	/* set_next_task_scx(): from the local DSQ, or core scheduling takes what it wants */
	atomic {
		r = me;
		why = CORE_PICK;
		goto ops_dequeue
	}

change:	/* dequeue_task_scx() for a property to be changed */
	atomic {
		reason = CHANGE;
		why = CHANGE
	}

ops_dequeue:	/* with run queue @r locked, then dispatch_dequeue() */
	atomic {
		assert(owns_rq(r) && r == cpu_of_task[t]);
		seen = state[t];
		assert(seen != QUEUEING)
	}
#if FORM == 7 && !defined(HAZARD_2)
	/*
	 * QUEUED without custody is what a dispatch on another CPU has left behind that is
	 * about to write its state: read it again, until it changes.
	 */
	if
	:: seen == QUEUED && !(flags[t] & F_CUSTODY) ->
		atomic {
			state[t] != QUEUED || (flags[t] & F_CUSTODY);
			seen = state[t]
		}
	:: else
	fi;
#endif
	if
	:: seen == QUEUED ->
#ifdef HAZARD_2
		assert(flags[t] & F_CUSTODY);	/* QUEUED is taken to imply custody */
#endif
#ifdef HAZARD_2B
		custody_end(why, r);		/* and to be owned already */
#endif
		atomic {
			if
			:: state[t] == QUEUED -> state[t] = NONE; qseq[t] = 0; seen = NONE
			:: else -> seen = DISPATCHING
			fi
		}
	:: else
	fi;
	if
	:: seen == DISPATCHING ->
		atomic {
			state[t] != DISPATCHING;
			assert(state[t] == NONE)
		}
	:: else
	fi;
	/* scx_custody_end_on_dequeue(): not if the task is only changing its run queue */
	if
	:: sticky[t]
#ifdef HAZARD_3
	:: !sticky[t] && seen == NONE && dsq[t] == NO_DSQ && holding[t]
	:: !sticky[t] && !(seen == NONE && dsq[t] == NO_DSQ && holding[t]) ->
		custody_end(why, r)
#else
	:: !sticky[t] -> custody_end(why, r)
#endif
	fi;
	atomic {	/* dispatch_dequeue() */
		seen = 0;
		d = dsq[t];
		if
		:: d == USER || d == GLOBAL -> lock_dsq(d)
		:: else -> assert(d == NO_DSQ || d == LOCAL(r))
		fi
	}
	atomic {
		/* If another CPU holds the task, this tells it that it was slower. */
		holding[t] = NOBODY;
		dsq[t] = NO_DSQ;
		if
		:: d == USER || d == GLOBAL -> unlock_dsq(d)
		:: else
		fi;
		d = 0;
		if
		:: moving -> goto move_remote_task_2
		:: else
		fi
	}
	/* Nobody has the task any more, and all that concerns custody must be over. */
	atomic {
		clear_queued;
		assert(!in_custody[t]);		/* a report was lost */
		assert(!(flags[t] & F_CUSTODY));
		assert(state[t] == NONE && !sticky[t]);
		out[t] = 1
	}

unlock:
	atomic {
		assert(dsq_lock[USER] != ME && dsq_lock[GLOBAL] != ME);
		unlock_rq(r);
		forget;
		goto again
	}
}

init
{
	atomic {
		run cpu(0);
		run cpu(1);
#if CPUS > 2
		run cpu(2)
#endif
	}
}
