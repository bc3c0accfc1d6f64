// SPDX-License-Identifier: GPL-2.0-only
/* What every program of the kit that loads a BPF scheduler needs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "common.h"

void refuse(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ".\n");
	exit(EXIT_USAGE);
}

void refuse_option(int option, char **argv)
{
	if (option == ':')
		refuse("%s needs a value", argv[optind - 1]);
	refuse("'%s' is not an option; see --help", argv[optind - 1]);
}

void refuse_operands(int argc, char **argv)
{
	if (optind < argc)
		refuse("'%s' is not an option; see --help", argv[optind]);
}

double parse_seconds(const char *option, const char *value)
{
	char *end;
	double result = strtod(value, &end);

	if (*end || !(result > 0 && result < 1e6))
		refuse("%s takes a number of seconds above 0, not '%s'", option, value);
	return result;
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void nap(double seconds)
{
	struct timespec t = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	nanosleep(&t, NULL);
}

void burn(long loops)
{
	while (loops-- > 0)
		asm volatile("" ::: "memory");
}

bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return false;
	text[length] = 0;
	text[strcspn(text, "\n")] = 0;
	return true;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

bool set_policy(pid_t pid, int policy)
{
	struct sched_param param = {
		.sched_priority = policy == SCHED_FIFO || policy == SCHED_RR,
	};

	return !sched_setscheduler(pid, policy, &param);
}

/* What the kernel has, as its BTF tells. */

static struct btf *kernel_btf(void)
{
	static struct btf *btf;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	return btf;
}

unsigned long long kernel_flag(const char *enum_name, const char *name)
{
	struct btf *btf = kernel_btf();
	int id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM64);
	const struct btf_type *type;
	int i;

	if (id < 0)
		id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM);
	if (id < 0)
		return 0;

	type = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum64 *wide = btf_enum64(type) + i;
		const struct btf_enum *narrow = btf_enum(type) + i;

		if (btf_is_enum64(type)) {
			if (!strcmp(btf__name_by_offset(btf, wide->name_off), name))
				return btf_enum64_value(wide);
		} else if (!strcmp(btf__name_by_offset(btf, narrow->name_off), name)) {
			return (__u32)narrow->val;
		}
	}
	return 0;
}

/* Such a kernel's types don't tell. */
bool custody_is_live(void)
{
	return !access("/sys/module/scx_custody/custody", F_OK);
}

bool has_member(const char *struct_name, const char *name)
{
	struct btf *btf = kernel_btf();
	int id = btf__find_by_name_kind(btf, struct_name, BTF_KIND_STRUCT);
	const struct btf_type *type;
	int i;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return true;
	return false;
}

bool has_function(const char *name)
{
	return btf__find_by_name_kind(kernel_btf(), name, BTF_KIND_FUNC) >= 0;
}

/* The end of what libbpf says matters: the verifier's verdict is there. */
static char complaint[2048];

static int keep_complaint(enum libbpf_print_level level, const char *format,
			  va_list arguments)
{
	size_t length = strlen(complaint), room = sizeof(complaint) - length;
	char *text;
	int added;

	if (level != LIBBPF_WARN)
		return 0;
	added = vasprintf(&text, format, arguments);
	if (added < 0)
		return 0;
	if ((size_t)added >= sizeof(complaint)) {
		strcpy(complaint, text + added - sizeof(complaint) + 1);
	} else {
		if ((size_t)added >= room)
			memmove(complaint, complaint + added - room + 1,
				length - (added - room + 1) + 1);
		strcat(complaint, text);
	}
	free(text);
	return added;
}

void listen_to_libbpf(void)
{
	complaint[0] = 0;
	libbpf_set_print(keep_complaint);
}

void print_complaint(void)
{
	char *line, *rest = complaint;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			printf("# %s\n", line);
}

const char *not_taken(void)
{
	char enabled[8];

	/* A program that calls kernel functions, as schedulers do, must be compiled. */
	if (read_file("/proc/sys/net/core/bpf_jit_enable", enabled, sizeof(enabled)) &&
	    enabled[0] == '0')
		return "the kernel does not take the BPF scheduler: "
		       "its JIT is off, net.core.bpf_jit_enable is 0";
	return "the kernel does not take the BPF scheduler";
}

const char *obstacle(void)
{
	char state[64];

	if (geteuid())
		return "it must be run as root, to load BPF schedulers";
	if (!read_file("/sys/kernel/sched_ext/state", state, sizeof(state)))
		return access("/sys/kernel", F_OK) ? "/sys is not mounted" :
		       "this kernel has no sched_ext";
	if (strcmp(state, "disabled"))
		return "another BPF scheduler is loaded; end it first";
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "this kernel has no BTF (/sys/kernel/btf/vmlinux)";
	return NULL;
}

void print_json_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text < ' ' || *text > '~')
			/* Not in ASCII: the name of a task may end in half a character. */
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			putc(*text, out);
	}
	putc('"', out);
}
