/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF scheduler shares with the test program, and its account of each task. */
#ifndef ACCOUNT_BPF_H
#define ACCOUNT_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "shared.h"

#define FIFO_DSQ	1
#define VTIME_DSQ	2
#define SECOND_DSQ	3
#define MISSING_DSQ	4

struct knobs knobs;
struct books books;
struct ending ending;
struct held_back held_back;
struct violation violations[MAX_VIOLATIONS];
unsigned int nr_violations;

/* One task's account. Written by the ops of that task alone, which the kernel serialises. */
struct account {
	u32 state;		/* enum stage */
	u32 place;		/* where it entered custody */
	s32 cpu;		/* its CPU then */
	bool mine;		/* a test task, to be put where the knobs say */
	u32 entry;		/* how many times it has entered custody */
	u64 dispatch;		/* the latest of it when held: see note_dispatch() */
	u64 ran;		/* when it last began to, where that is asked for */
	bool changed;		/* left for a change: must be enqueued before it runs */
	bool bound;		/* its migration was disabled when it came to us */
	bool turn;		/* its trace: is it having its turn, or waiting for it? */
	struct phase phase;	/* how far it is in that */
	u64 random;		/* state of the choices made for it */
	u64 random_checks;	/* and of those that checks make, which change nothing */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct account);
} accounts SEC(".maps");

/* The CPUs that test tasks may use. */
const volatile unsigned int nr_cpus = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* nr_cpus, before loading */
	__type(key, u32);
	__type(value, s32);
} cpus SEC(".maps");

/* What the CPU is doing that this runs on. */
struct here {
	u64 latest;		/* task that it dispatched, by address, if on another CPU */
	u32 taking;		/* how many programs take tasks off user DSQs */
	bool dequeued;		/* a dispatched task's ops.dequeue() ran in the current op */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct here);
} on_cpus SEC(".maps");

static struct here *look_here(void)
{
	u32 only = 0;

	return bpf_map_lookup_elem(&on_cpus, &only);
}

static struct account *account_of(struct task_struct *p)
{
	return bpf_task_storage_get(&accounts, p, NULL, 0);
}

static void count(u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/*
 * Functions with a loop that are not static are verified by themselves and once, not
 * again on each way to them: 6.12.8 does not get through with it otherwise.
 */

/* The index of a place, which is a single bit. */
__noinline u32 index_of(u32 place)
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

/* The first place of the mask from that one on, around. */
__noinline u32 place_from(u32 start, u32 places)
{
	u32 i;

	bpf_for(i, 0, NR_PLACES) {
		u32 place = 1U << ((start + i) % NR_PLACES);

		if (places & place)
			return place;
	}
	return 0;
}

/* One of the places in the mask, at random. */
static u32 choose(u64 *stream, u32 places)
{
	if (!(places & (places - 1)))
		return places;
	return place_from(draw(stream), places);
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

#endif
