// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start QEMU, and watch its guest to the end.
 *
 *	watch-guest DIR RESULT LIMIT SILENCE QEMU [ARGUMENT]...
 *
 * QEMU must write the guest's console to DIR/console.log and the output of the
 * command in the guest to DIR/output.log. This program empties both first, and
 * shows on stdout what comes into output.log. DIR/qemu.log gets what QEMU itself
 * prints. QEMU's file descriptor 9 is a socket for a monitor that speaks QMP.
 *
 * QEMU is killed after LIMIT seconds, or once neither log has grown for SILENCE
 * seconds; DIR/registers then shows where its CPUs were. RESULT gets one line:
 *
 *	ended<TAB>STATUS	QEMU's exit status, or 128 and the signal it died of
 *	late<TAB>limit		or "silence": which of the two passed
 *
 * The logs are files that QEMU writes, not sockets that this program reads: when the
 * guest turns itself off, QEMU drops what a socket has not taken yet, and the command
 * would pass without its output. A file takes all at once, however slow this program
 * and the reader of its stdout are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MONITOR_FD	9
/* The console grows byte by byte; this program does not wake up for each of them. */
#define LOOK_MS		20
/* A QEMU whose main loop hangs does not answer. */
#define ANSWER_MS	5000
#define NEVER		LLONG_MAX

static const char *dir;
static pid_t qemu;
static int signals, logs, output, monitor;

__attribute__((noreturn))
static void die(const char *what)
{
	fprintf(stderr, "watch-guest: %s: %s\n", what, strerror(errno));
	exit(1);		/* which kills QEMU, see start_qemu() */
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static long long earlier(long long a, long long b)
{
	return a < b ? a : b;
}

static int open_in_dir(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0666);
	if (fd < 0)
		die(path);
	return fd;
}

/* Empty a log, and have inotify report when it grows. */
static void watch_log(const char *name)
{
	char path[PATH_MAX];

	close(open_in_dir(name, O_WRONLY | O_CREAT | O_TRUNC));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (inotify_add_watch(logs, path, IN_MODIFY) < 0)
		die(path);
}

/* Has a log grown since the last call? */
static int logs_grew(void)
{
	char events[4096];
	int grew = 0;

	while (read(logs, events, sizeof(events)) > 0)
		grew = 1;
	return grew;
}

/* Start QEMU with these signals blocked, and return a pidfd. */
static int start_qemu(char *const argv[], const sigset_t *mask)
{
	pid_t parent = getpid();
	int pair[2], log, pidfd;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	qemu = fork();
	if (qemu < 0)
		die("fork");
	if (qemu) {
		close(pair[1]);
		monitor = pair[0];
		pidfd = syscall(SYS_pidfd_open, qemu, 0);
		if (pidfd < 0)
			die("pidfd_open");
		return pidfd;
	}

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	log = open_in_dir("qemu.log", O_WRONLY | O_CREAT | O_TRUNC);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	dup2(pair[1], MONITOR_FD);
	fcntl(MONITOR_FD, F_SETFD, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Wait for QEMU, and return its exit status as a shell has it. */
static int reap(void)
{
	int status;

	while (waitpid(qemu, &status, 0) != qemu)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Is there more in the output log than has been shown? */
static int is_behind(off_t shown)
{
	struct stat st;

	return !fstat(output, &st) && st.st_size > shown;
}

/*
 * Show some more of the output: as much as a pipe that takes anything takes without
 * blocking, since nothing is watched while stdout blocks. Returns -1 if stdout takes
 * nothing any more.
 */
static int show(off_t *shown)
{
	char data[PIPE_BUF];
	ssize_t n = pread(output, data, sizeof(data), *shown);

	if (n > 0)
		n = write(STDOUT_FILENO, data, n);
	if (n >= 0) {
		*shown += n;
		return 0;
	}
	if (errno == EAGAIN)
		return 0;
	if (errno != EPIPE)
		perror("watch-guest: the output is not shown");
	return -1;
}

/* Ask where the CPUs are. A kernel that hangs may have no other way to tell. */
static void ask_for_registers(void)
{
	static const char questions[] =
		"{ \"execute\": \"qmp_capabilities\" }\n"
		"{ \"execute\": \"human-monitor-command\", \"arguments\":"
		" { \"command-line\": \"info registers -a\" } }\n";

	close(open_in_dir("registers", O_WRONLY | O_CREAT | O_TRUNC));
	/* If QEMU does not take them, the time for its answer passes. */
	if (send(monitor, questions, strlen(questions), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		perror("watch-guest: QEMU's monitor");
}

/* Write the text of a JSON string, from its first CPU on, without "\r". */
static void write_registers(const char *json)
{
	FILE *file = fdopen(open_in_dir("registers", O_WRONLY), "w");

	if (!file)
		die("registers");
	json = strstr(json, "CPU#") ?: json;
	for (; *json && *json != '"'; json++) {
		if (*json != '\\')
			putc(*json, file);
		else if (*++json == 'n')
			putc('\n', file);
		else if (*json == 't')
			putc('\t', file);
		else if (*json != 'r')
			putc(*json, file);
	}
	if (fclose(file))
		die("registers");
}

/*
 * Read from the monitor. Returns 1 once there is nothing more to wait for: QEMU has
 * closed it, or answered the second question. Only that answer is a string.
 */
static int registers_are_there(void)
{
	static const char begin[] = "{\"return\": \"";
	static char said[1 << 20];
	static size_t len;
	ssize_t n = recv(monitor, said + len, sizeof(said) - 1 - len, MSG_DONTWAIT);
	char *answer;

	if (n <= 0)
		return n == 0 || errno != EAGAIN;
	len += n;
	answer = strstr(said, begin);
	if (!answer || !strchr(answer, '\n'))
		return 0;
	write_registers(answer + strlen(begin));
	return 1;
}

static void write_result(const char *path, const char *late, int status)
{
	FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	if (late)
		fprintf(file, "late\t%s\n", late);
	else
		fprintf(file, "ended\t%d\n", status);
	if (fclose(file))
		die(path);
}

/* Prepare what is watched apart from QEMU, and return the signals blocked before. */
static sigset_t prepare(void)
{
	sigset_t ends, mask;
	int fd;

	/* What is opened below must not become a stdout that was closed. */
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);

	/* Nobody wants this guest if the parent is gone, even if by SIGKILL. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &mask);
	signals = signalfd(-1, &ends, SFD_CLOEXEC);
	if (signals < 0)
		die("signalfd");

	logs = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (logs < 0)
		die("inotify");
	watch_log("console.log");
	watch_log("output.log");
	output = open_in_dir("output.log", O_RDONLY);
	return mask;
}

/* Kill QEMU, if it is still running, and exit, as a signal demands. */
__attribute__((noreturn))
static void obey(int running)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		die("signalfd");
	if (running) {
		kill(qemu, SIGKILL);
		reap();
	}
	exit(128 + info.ssi_signo);
}

/*
 * Watch QEMU until it has ended and all output has been shown. Sets late to the limit
 * that passed, if one did; else returns QEMU's exit status. All times are milliseconds.
 */
static int watch(int pidfd, long long limit, long long silence, const char **late)
{
	enum { SIGNALS, QEMU, LOGS, MONITOR, STDOUT, SOURCES };
	long long now = now_ms(), printed = now, end = now + limit, kill_at = NEVER, next;
	int running = 1, has_reader = 1, status = 0;
	off_t shown = 0;

	for (;;) {
		int behind = has_reader && is_behind(shown);
		struct pollfd sources[SOURCES] = {
			[SIGNALS] = { signals, POLLIN },
			[QEMU] = { running ? pidfd : -1, POLLIN },
			[LOGS] = { now >= printed + LOOK_MS ? logs : -1, POLLIN },
			[MONITOR] = { kill_at != NEVER ? monitor : -1, POLLIN },
			[STDOUT] = { behind ? STDOUT_FILENO : -1, POLLOUT },
		};

		if (!running && !behind)
			return status;
		next = *late ? kill_at : earlier(end, printed + silence);
		if (now < printed + LOOK_MS)
			next = earlier(next, printed + LOOK_MS);
		if (!running)
			next = NEVER;
		if (poll(sources, SOURCES, next == NEVER ? -1 : (int)(next - now)) < 0)
			die("poll");

		if (sources[SIGNALS].revents)
			obey(running);
		if (sources[STDOUT].revents)
			has_reader = !show(&shown);
		if (sources[QEMU].revents) {
			status = reap();
			running = 0;
			kill_at = NEVER;
		}

		/* The clock first counts what has been printed meanwhile: the host is busy. */
		now = now_ms();
		if (logs_grew())
			printed = now;
		if (!running)
			continue;
		if (!*late && (now >= end || now >= printed + silence)) {
			*late = now >= end ? "limit" : "silence";
			kill_at = now + ANSWER_MS;
			ask_for_registers();
		} else if (now >= kill_at || (sources[MONITOR].revents && registers_are_there())) {
			kill_at = NEVER;
			kill(qemu, SIGKILL);
		}
	}
}

int main(int argc, char *argv[])
{
	const char *late = NULL;
	sigset_t mask;
	int pidfd, status;

	if (argc < 6) {
		fputs("Usage: watch-guest DIR RESULT LIMIT SILENCE QEMU [ARGUMENT]...\n", stderr);
		return 2;
	}
	dir = argv[1];
	mask = prepare();
	pidfd = start_qemu(argv + 5, &mask);
	signal(SIGPIPE, SIG_IGN);
	status = watch(pidfd, atoll(argv[3]) * 1000, atoll(argv[4]) * 1000, &late);
	write_result(argv[2], late, status);
	return 0;
}
