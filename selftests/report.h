/* SPDX-License-Identifier: GPL-2.0-only */
/* What came of the tests, told to people and to programs. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "harness.h"

struct outcome {
	const struct test *test;
	enum result result;
	double seconds;
	char reason[REASON_SIZE];
	unsigned long long violations[NR_VIOLATIONS];
};

/* What all outcomes together mean for this kernel. */
struct summary {
	int numbers[NR_RESULTS];	/* of tests with that result */
	const char *verdict;		/* pass, fail, none or begun */
	char sentence[512];
};

/* "rows 3, 4, 8; hazards 1, 2", as many as there are. */
const char *covered(unsigned int rows, unsigned int hazards);

void list_tests(bool (*wanted)(const struct test *test));

/* The file that --results names, if it does. Refuses if that cannot be written. */
void open_results(void);
/* False if there is nowhere to leave the verdict, which is said. */
bool report_start(int nr_tests);
void report_begin(const struct test *test);
void report_end(const struct outcome *outcome);
/*
 * The end of the report: there may be an obstacle, NULL if not, why no scheduler could be
 * loaded. Returns the exit status.
 */
int report_conclusion(const char *obstacle);
/* Instead of these, if no test can be begun. Returns the exit status. */
int report_obstacle(const char *obstacle);

/* One JSON object, as --json prints it. Each line of it but the first has the margin. */
void print_report(FILE *out, const struct summary *summary, const char *margin);

/* The file that --verdict names: verdict.c */

/* What it has on this build of the kernel. */
enum verdict {
	NO_VERDICT,		/* or none that counts: nothing could be tested */
	VERDICT,
	BEGUN_VERDICT,		/* the tests were begun and have not come to their end */
	DAMAGED_VERDICT,	/* whatever it is on */
};

enum verdict find_verdict(const char *path);
/* Writes all of the file or, if that fails, changes nothing and says why. */
bool write_verdict(const char *path, const struct summary *summary);

#endif
