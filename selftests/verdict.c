// SPDX-License-Identifier: GPL-2.0-only
/* The verdict on a kernel, kept in a file: what scx-custody-verify.service leaves behind. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

/* A line of its own, so that has_verdict() finds it without reading JSON. */
static void print_version(FILE *out)
{
	struct utsname uts;

	uname(&uts);
	fprintf(out, "  \"version\": ");
	print_json_string(out, uts.version);
	fprintf(out, ",\n");
}

bool has_verdict(const char *path)
{
	FILE *file = fopen(path, "re"), *memory;
	char *wanted = NULL, *line = NULL;
	size_t wanted_size, line_size = 0;
	bool found = false;

	if (!file)
		return false;
	memory = open_memstream(&wanted, &wanted_size);
	if (memory) {
		print_version(memory);
		fclose(memory);
		while (!found && getline(&line, &line_size, file) >= 0)
			found = !strcmp(line, wanted);
	}
	fclose(file);
	free(wanted);
	free(line);
	return found;
}

static void print_verdict(FILE *out, const struct summary *summary)
{
	time_t seconds = time(NULL);
	struct utsname uts;
	char date[32];

	uname(&uts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	fprintf(out, "{\n  \"release\": ");
	print_json_string(out, uts.release);
	fprintf(out, ",\n");
	print_version(out);
	fprintf(out, "  \"time\": \"%s\",\n  \"verdict\": \"%s\",\n  \"says\": ", date,
		summary->verdict);
	print_json_string(out, summary->sentence);
	fprintf(out, ",\n  \"passed\": %d,\n  \"failed\": %d,\n  \"skipped\": %d,\n"
		"  \"selftest\": ", summary->numbers[PASS], summary->numbers[FAIL],
		summary->numbers[SKIP]);
	print_report(out, summary, "  ");
	fprintf(out, "\n}\n");
}

/* The file has another name until all of it is written. */
bool write_verdict(const char *path, const struct summary *summary)
{
	bool written = false;
	char *path_new;
	FILE *file;

	if (asprintf(&path_new, "%s.new", path) < 0)
		return false;
	file = fopen(path_new, "we");
	if (file) {
		print_verdict(file, summary);
		/* A kernel that has just been tested may die soon. */
		written = !fflush(file) && !fsync(fileno(file));
		written = !fclose(file) && written && !rename(path_new, path);
	}
	if (!written) {
		fprintf(stderr, "scx-custody-selftest: cannot write '%s': %s.\n", path,
			strerror(errno));
		if (file)
			unlink(path_new);
	}
	free(path_new);
	return written;
}
