// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict on a kernel, kept in a file: what scx-custody-verify.service leaves behind.
 * Before the first test the file says that the tests have begun. Where they stop the
 * machine, this is what stays, and they are not begun again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

/* These are lines of their own, so that find_verdict() finds them without reading JSON. */
static void print_member(FILE *out, const char *name, const char *value)
{
	fprintf(out, "  \"%s\": ", name);
	print_json_string(out, value);
	fprintf(out, ",\n");
}

static bool is_member(const char *line, const char *name, const char *value)
{
	char *wanted = NULL;
	size_t size;
	FILE *memory = open_memstream(&wanted, &size);
	bool is;

	if (!memory)
		return false;
	print_member(memory, name, value);
	fclose(memory);
	is = wanted && !strcmp(line, wanted);
	free(wanted);
	return is;
}

enum verdict find_verdict(const char *path)
{
	bool whole = false, ours = false, given = false, begun = false;
	FILE *file = fopen(path, "re");
	struct utsname uts;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return NO_VERDICT;
	uname(&uts);
	while (getline(&line, &size, file) >= 0) {
		ours |= is_member(line, "version", uts.version);
		given |= is_member(line, "verdict", "pass") || is_member(line, "verdict", "fail");
		begun |= is_member(line, "verdict", "begun");
		/* as the last one */
		whole = !strcmp(line, "}\n");
	}
	fclose(file);
	free(line);
	if (!whole)
		return DAMAGED_VERDICT;
	if (!ours)
		return NO_VERDICT;
	return given ? VERDICT : begun ? BEGUN_VERDICT : NO_VERDICT;
}

/* A time that differs from boot to boot. */
static void print_boot(FILE *out)
{
	char boot[64];

	if (read_file("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)))
		print_member(out, "boot", boot);
}

static void print_verdict(FILE *out, const struct summary *summary)
{
	time_t seconds = time(NULL);
	struct utsname uts;
	char date[32];

	uname(&uts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	fprintf(out, "{\n");
	print_member(out, "release", uts.release);
	print_member(out, "version", uts.version);
	print_boot(out);
	print_member(out, "time", date);
	print_member(out, "verdict", summary->verdict);
	print_member(out, "says", summary->sentence);
	fprintf(out, "  \"passed\": %d,\n  \"failed\": %d,\n  \"skipped\": %d,\n"
		"  \"selftest\": ", summary->numbers[PASS], summary->numbers[FAIL],
		summary->numbers[SKIP]);
	print_report(out, summary, "  ");
	fprintf(out, "\n}\n");
}

/* A file that has a new name may have lost it again after a crash, without this. */
static bool keep_names(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool kept = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	free(copy);
	return kept;
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
		/* A kernel that is being tested may die soon. */
		written = !fflush(file) && !fsync(fileno(file));
		written = !fclose(file) && written && !rename(path_new, path) &&
			  keep_names(path);
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
