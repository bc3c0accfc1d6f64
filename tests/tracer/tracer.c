// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the tests of scx_custody: runs a command while BPF programs are on the
 * functions that the module redirects, as current BPF schedulers have one on
 * bpf_scx_reg(), and prints how often each function was entered and left.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "common.h"
#include "traced.h"
#include "tracer.skel.h"

#define FUNCTION_NAME(name) #name,
static const char *const names[] = { FUNCTIONS(FUNCTION_NAME) };

static int run(char **command)
{
	int status;
	pid_t child = fork();

	if (!child) {
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int main(int argc, char **argv)
{
	struct tracer *tracer;
	int i, status;

	if (argc < 2)
		refuse("give a COMMAND");
	listen_to_libbpf();
	tracer = tracer__open_and_load();
	if (!tracer || tracer__attach(tracer)) {
		print_complaint();
		fprintf(stderr, "tracer: the kernel does not take the BPF programs\n");
		return 125;
	}
	status = run(argv + 1);
	for (i = 0; i < NR_FUNCTIONS; i++)
		printf("traced %s: %llu %llu\n", names[i], tracer->bss->entered[i],
		       tracer->bss->left[i]);
	tracer__destroy(tracer);
	return status;
}
