// SPDX-License-Identifier: GPL-2.0-only
/* What came of the tests: as KTAP, as one JSON object, and in the lines of --results. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "report.h"

#define EXIT_NOTHING_RAN	4

static struct outcome outcomes[64];
static int nr_outcomes;
static FILE *results;		/* NULL without --results */

static const char *const result_names[NR_RESULTS] = {
	[PASS] = "pass",
	[FAIL] = "fail",
	[SKIP] = "skip",
};

static const char *kernel_release(void)
{
	static struct utsname uts;

	uname(&uts);
	return uts.release;
}

/* A row or hazard as docs/semantics.md names it. */
static const char *id_of(int n)
{
	static char id[8];

	if (1u << n == ROW_10A)
		return "10a";
	snprintf(id, sizeof(id), "%d", n);
	return id;
}

const char *covered(unsigned int rows, unsigned int hazards)
{
	static char text[256];
	const struct {
		const char *name;
		unsigned int set;
	} kinds[] = { { "row", rows }, { "hazard", hazards } };
	size_t length = 0, i;
	int n;

	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *separator = "";

		if (!kinds[i].set)
			continue;
		length += snprintf(text + length, sizeof(text) - length, "%s%s%s ",
				   length ? "; " : "", kinds[i].name,
				   kinds[i].set & (kinds[i].set - 1) ? "s" : "");
		for (n = 0; n < 32; n++) {
			if (!(kinds[i].set & 1u << n))
				continue;
			length += snprintf(text + length, sizeof(text) - length, "%s%s",
					   separator, id_of(n));
			separator = ", ";
		}
	}
	return text;
}

/* --- JSON --------------------------------------------------------------------- */

static void print_string(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": ", name);
	print_json_string(out, value);
}

static void print_set(FILE *out, const char *name, unsigned int set)
{
	const char *separator = "";
	int n;

	fprintf(out, "\"%s\": [", name);
	for (n = 0; n < 32; n++) {
		if (!(set & 1u << n))
			continue;
		fprintf(out, 1u << n == ROW_10A ? "%s\"%s\"" : "%s%s", separator, id_of(n));
		separator = ", ";
	}
	fprintf(out, "]");
}

static void print_sets(FILE *out, const struct test *test)
{
	print_set(out, "rows", test->rows);
	fprintf(out, ", ");
	print_set(out, "hazards", test->hazards);
}

static void print_outcome(FILE *out, const struct outcome *outcome)
{
	const char *separator = "";
	int i;

	fprintf(out, "{\"name\": \"%s\", \"result\": \"%s\", \"seconds\": %.1f, ",
		outcome->test->name, result_names[outcome->result], outcome->seconds);
	print_sets(out, outcome->test);
	fprintf(out, ", ");
	print_string(out, "reason", outcome->reason);
	fprintf(out, ", \"violations\": {");
	for (i = 0; i < NR_VIOLATIONS; i++) {
		if (!outcome->violations[i])
			continue;
		fprintf(out, "%s\"%s\": %llu", separator, violation_name(i),
			outcome->violations[i]);
		separator = ", ";
	}
	fprintf(out, "}}");
}

void print_report(FILE *out, const struct summary *summary, const char *margin)
{
	int i;

	fprintf(out, "{\n%s  ", margin);
	print_string(out, "kernel", kernel_release());
	fprintf(out, ",\n%s  \"seed\": %llu,\n%s  \"tests\": [\n", margin, options.seed, margin);
	for (i = 0; i < nr_outcomes; i++) {
		fprintf(out, "%s    ", margin);
		print_outcome(out, &outcomes[i]);
		fprintf(out, "%s\n", i < nr_outcomes - 1 ? "," : "");
	}
	fprintf(out, "%s  ],\n%s  \"passed\": %d,\n%s  \"failed\": %d,\n%s  \"skipped\": %d,\n%s  ",
		margin, margin, summary->numbers[PASS], margin, summary->numbers[FAIL], margin,
		summary->numbers[SKIP], margin);
	print_string(out, "verdict", summary->sentence);
	fprintf(out, "\n%s}", margin);
}

void list_tests(bool (*wanted)(const struct test *test))
{
	const struct test *const *entry;
	const char *separator = "";

	if (options.json)
		printf("{\n  \"tests\": [");
	for (entry = __start_tests; entry < __stop_tests; entry++) {
		const struct test *test = *entry;

		if (!wanted(test))
			continue;
		if (!options.json) {
			printf("%-20s %s [%s]\n", test->name, test->must,
			       covered(test->rows, test->hazards));
			continue;
		}
		printf("%s\n    {\"name\": \"%s\", ", separator, test->name);
		print_string(stdout, "must", test->must);
		printf(", ");
		print_sets(stdout, test);
		printf("}");
		separator = ",";
	}
	if (options.json)
		printf("\n  ]\n}\n");
}

/* --- as the tests come ---------------------------------------------------------- */

/* A reader must have each line of --results at once: the kernel may hang in the next test. */
static void end_line(void)
{
	fprintf(results, "\n");
	fflush(results);
}

void open_results(void)
{
	if (!options.results)
		return;
	results = fopen(options.results, "we");
	if (!results)
		refuse("cannot write '%s': %s", options.results, strerror(errno));
	fprintf(results, "{");
	print_string(results, "kernel", kernel_release());
	fprintf(results, ", \"seed\": %llu}", options.seed);
	end_line();
}

bool report_start(int nr_tests)
{
	struct summary begun = { .verdict = "begun" };

	if (options.ktap)
		printf("KTAP version 1\n1..%d\n# kernel %s\n# seed %llu\n", nr_tests,
		       kernel_release(), options.seed);
	snprintf(begun.sentence, sizeof(begun.sentence),
		 "The tests have begun on this kernel (%s), and not ended.", kernel_release());
	return !options.verdict || write_verdict(options.verdict, &begun);
}

void report_begin(const struct test *test)
{
	if (options.ktap) {
		printf("# %s: %s\n", test->name, test->must);
		fflush(stdout);
	}
	if (results) {
		fprintf(results, "{\"begin\": \"%s\"}", test->name);
		end_line();
	}
}

void report_end(const struct outcome *outcome)
{
	const char *name = outcome->test->name;

	outcomes[nr_outcomes++] = *outcome;
	if (results) {
		print_outcome(results, outcome);
		end_line();
	}
	if (!options.ktap)
		return;
	if (outcome->result == FAIL)
		printf("# %s\n", outcome->reason);
	printf("# %.1f s\n", outcome->seconds);
	if (outcome->result == SKIP)
		printf("ok %d %s # SKIP %s\n", nr_outcomes, name, outcome->reason);
	else
		printf("%s %d %s\n", outcome->result == FAIL ? "not ok" : "ok", nr_outcomes, name);
	fflush(stdout);
}

/* --- in the end ----------------------------------------------------------------- */

/* The obstacle, if there is one, is why not all tests were run: that takes a failure to judge. */
static void sum_up(struct summary *summary, const char *obstacle)
{
	unsigned int rows = 0, hazards = 0;
	int i;

	memset(summary, 0, sizeof(*summary));
	for (i = 0; i < nr_outcomes; i++) {
		summary->numbers[outcomes[i].result]++;
		if (outcomes[i].result == FAIL) {
			rows |= outcomes[i].test->rows;
			hazards |= outcomes[i].test->hazards;
		}
	}

	if (summary->numbers[FAIL]) {
		summary->verdict = "fail";
		snprintf(summary->sentence, sizeof(summary->sentence),
			 "This kernel (%s) lacks the semantics of ops.dequeue(): %s.",
			 kernel_release(), covered(rows, hazards));
	} else if (summary->numbers[PASS] && obstacle) {
		summary->verdict = "none";
		snprintf(summary->sentence, sizeof(summary->sentence),
			 "The tests on this kernel (%s) were cut short: %s.", kernel_release(),
			 obstacle);
	} else if (summary->numbers[PASS]) {
		summary->verdict = "pass";
		snprintf(summary->sentence, sizeof(summary->sentence),
			 "This kernel (%s) has the semantics of ops.dequeue(), as far as was tested.",
			 kernel_release());
	} else {
		summary->verdict = "none";
		snprintf(summary->sentence, sizeof(summary->sentence),
			 "Nothing could be tested on this kernel (%s)%s%s.", kernel_release(),
			 obstacle ? ": " : "", obstacle ?: "");
	}
}

/* False if a line of --results is lost, which is said. */
static bool end_results(const struct summary *summary)
{
	bool lost;

	if (!results)
		return true;
	fprintf(results, "{\"passed\": %d, \"failed\": %d, \"skipped\": %d, ",
		summary->numbers[PASS], summary->numbers[FAIL], summary->numbers[SKIP]);
	print_string(results, "verdict", summary->sentence);
	fprintf(results, "}\n");
	lost = ferror(results);
	lost |= fclose(results);
	if (lost)
		fprintf(stderr, "scx-custody-selftest: cannot write '%s'.\n", options.results);
	return !lost;
}

int report_obstacle(const char *obstacle)
{
	struct summary summary;

	fprintf(stderr, "scx-custody-selftest: %s.\n", obstacle);
	sum_up(&summary, obstacle);
	end_results(&summary);
	if (!options.verdict)
		return EXIT_NOTHING_RAN;
	/* Only root has a place for it. */
	if (!geteuid())
		write_verdict(options.verdict, &summary);
	return EXIT_FAILURE;
}

/* For the journal: what failed, then the verdict. */
static void print_verdict(const struct summary *summary)
{
	int i;

	for (i = 0; i < nr_outcomes; i++)
		if (outcomes[i].result == FAIL)
			printf("%s: %s\n", outcomes[i].test->name, outcomes[i].reason);
	printf("%s: %d passed, %d failed, %d skipped. \"%s\"\n", summary->verdict,
	       summary->numbers[PASS], summary->numbers[FAIL], summary->numbers[SKIP],
	       summary->sentence);
}

int report_conclusion(const char *obstacle)
{
	struct summary summary;
	bool complete;

	sum_up(&summary, obstacle);
	if (options.json) {
		print_report(stdout, &summary, "");
		printf("\n");
	}
	if (options.ktap)
		printf("# Totals: pass:%d fail:%d skip:%d\n# %s\n", summary.numbers[PASS],
		       summary.numbers[FAIL], summary.numbers[SKIP], summary.sentence);
	complete = end_results(&summary);
	if (options.verdict) {
		complete &= write_verdict(options.verdict, &summary);
		if (!options.json)
			print_verdict(&summary);
		return complete && strcmp(summary.verdict, "none") ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (summary.numbers[FAIL] || !complete)
		return EXIT_FAILURE;
	return summary.numbers[PASS] ? EXIT_SUCCESS : EXIT_NOTHING_RAN;
}
