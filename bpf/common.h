/* SPDX-License-Identifier: GPL-2.0-only */
/* What every program of the kit that loads a BPF scheduler needs. */
#ifndef COMMON_H
#define COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#ifndef SCHED_EXT
#define SCHED_EXT	7
#endif

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define EXIT_USAGE		2

/* The command line is wrong: one sentence, without its full stop. */
__attribute__((noreturn, format(printf, 1, 2)))
void refuse(const char *format, ...);

/* What getopt_long() made of the arguments: refuse this one, or what it left. */
__attribute__((noreturn))
void refuse_option(int option, char **argv);
void refuse_operands(int argc, char **argv);

/* The option's value, above 0 and below 10^6, or refuse it. */
double parse_seconds(const char *option, const char *value);

/* Why no BPF scheduler can be loaded here, or NULL. */
const char *obstacle(void);

double now(void);
void nap(double seconds);
void burn(long loops);

bool set_policy(pid_t pid, int policy);
bool write_file(const char *path, const char *text);
bool read_file(const char *path, char *text, size_t size);	/* its first line */

/* What the kernel's BTF says of itself. */
unsigned long long kernel_flag(const char *enum_name, const char *name);	/* 0: none */
bool custody_is_live(void);	/* are the semantics those of the module scx_custody? */
bool has_member(const char *struct_name, const char *name);
bool has_function(const char *name);

void listen_to_libbpf(void);
void print_complaint(void);	/* what libbpf said since */
const char *not_taken(void);	/* a BPF scheduler by the kernel, and why, if that is known */

void print_json_string(FILE *out, const char *text);

#endif
