/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF scheduler and its loader tell each other. */
#ifndef LEDGER_H
#define LEDGER_H

#define NR_DSQS		2

/* What is queued on a DSQ: how many tasks, and how long they will run, in ns. */
struct account {
	long long tasks;
	long long runtime;
};

/*
 * How many CPUs are in ops.dispatch(), and whether the gate is shut: then
 * nothing is dispatched. In one word, so that who finds it shut and empty knows
 * that nobody is on his way through.
 */
#define GATE_SHUT	(1u << 31)

/* One look at the ledger and at the DSQs themselves. */
struct ledger_sample {
	struct account ledger[NR_DSQS];
	struct account truth[NR_DSQS];
	unsigned int threads;		/* of the load */
	unsigned int still;		/* nothing moved meanwhile: the look counts */
};

#endif
