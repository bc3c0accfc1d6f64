// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the test guest.
 *
 * Sets the machine up, runs the command in /command with /bin/sh, sends what
 * it prints and how it ended to the host, and turns the machine off.
 *
 * Three virtio serial ports lead to the host, apart from the console:
 *	scx-custody.output	what the command prints, as it prints it
 *	scx-custody.results	what the command writes to it itself, as
 *				/dev/virtio-ports/scx-custody.results
 *	scx-custody.status	"init" once this program runs, then
 *				"exit CODE" or "error WHAT"
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIRTIO_PORTS	"/sys/class/virtio-ports"
/* Where udev has links to the ports by their names. */
#define PORT_LINKS	"/dev/virtio-ports"

static int status_fd = -1;

static void turn_off(void)
{
	sync();
	/* QEMU is told not to reboot, so this ends it, even without ACPI. */
	reboot(RB_AUTOBOOT);
	/* Not reached; should it be, the host's time limit tells. */
	for (;;)
		pause();
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data += n;
		len -= n;
	}
	return 0;
}

__attribute__((format(printf, 1, 2)))
static void report(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	write_all(status_fd < 0 ? STDERR_FILENO : status_fd, line, strlen(line));
}

__attribute__((noreturn))
static void give_up(const char *what)
{
	report("error %s: %s", what, strerror(errno));
	turn_off();
	abort();
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) < 0)
		ret = -1;
	close(fd);
	return ret;
}

static const struct {
	const char *type, *dir, *data;
	int needed;
} mounts[] = {
	{ "proc",	"/proc",			NULL,		1 },
	{ "sysfs",	"/sys",				NULL,		1 },
	{ "devtmpfs",	"/dev",				NULL,		1 },
	{ "tmpfs",	"/tmp",				"mode=1777",	1 },
	{ "tmpfs",	"/run",				"mode=755",	1 },
	/* A kernel may be built without these; a test that needs one says so. */
	{ "devpts",	"/dev/pts",			NULL,		0 },
	{ "tmpfs",	"/dev/shm",			"mode=1777",	0 },
	{ "cgroup2",	"/sys/fs/cgroup",		NULL,		0 },
	{ "bpf",	"/sys/fs/bpf",			NULL,		0 },
	{ "debugfs",	"/sys/kernel/debug",		NULL,		0 },
	{ "tracefs",	"/sys/kernel/tracing",		NULL,		0 },
};

static void mount_all(void)
{
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		/* Fails where it exists already, or is the kernel's to make. */
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
			  mounts[i].data) && mounts[i].needed)
			give_up(mounts[i].dir);
	}
}

/* Scripts expect these, and devtmpfs does not make them. */
static void link_fds(void)
{
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

/*
 * Without a console the kernel starts this program without stdin, stdout and stderr.
 * A pipe or port that is opened then must not become one of them: of those the
 * command is to have, dup2() leaves one that is already in its place to be closed.
 */
static void open_missing_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* Find the device of the virtio serial port that QEMU gave this name. */
static int find_port(const char *name, char *device, size_t size)
{
	DIR *dir = opendir(VIRTIO_PORTS);
	struct dirent *entry;
	int there = 0;

	if (!dir)
		return 0;
	while (!there && (entry = readdir(dir))) {
		char path[512], found[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), VIRTIO_PORTS "/%s/name",
			 entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		there = fscanf(file, "%63s", found) == 1 && !strcmp(found, name);
		fclose(file);
		if (there)
			snprintf(device, size, "/dev/%s", entry->d_name);
	}
	closedir(dir);
	return there;
}

/* The host announces its ports only after the driver has come up. */
static void wait_for_port(const char *name, char *device, size_t size)
{
	int tries;

	for (tries = 0; tries < 500; tries++) {
		if (find_port(name, device, size))
			return;
		usleep(10 * 1000);
	}
	give_up(name);
}

static int open_port(const char *name)
{
	char device[512];
	int fd;

	wait_for_port(name, device, sizeof(device));
	fd = open(device, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		give_up(device);
	return fd;
}

static void link_port(const char *name)
{
	char device[512], link[512];

	wait_for_port(name, device, sizeof(device));
	snprintf(link, sizeof(link), PORT_LINKS "/%s", name);
	mkdir(PORT_LINKS, 0755);
	symlink(device, link);
}

static void prepare_environment(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	sethostname("guest", 5);
	/* Apart, because one that the kernel lacks must not stop the other. */
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpu");
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset");
	write_file("/proc/sys/kernel/sysrq", "1");

	clearenv();
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "dumb", 1);
}

/* The CPUs that /offline names, a line each. There is no such file if they all stay. */
static void take_cpus_offline(void)
{
	FILE *file = fopen("/offline", "re");
	char path[64];
	int cpu;

	while (file && fscanf(file, "%d", &cpu) == 1) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (write_file(path, "0"))
			give_up(path);
	}
	if (file)
		fclose(file);
}

static char *read_command(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen("/command", "re");

	if (!file || getdelim(&text, &size, '\0', file) < 0)
		give_up("/command");
	fclose(file);
	return text;
}

/* Run a program, and return its process id; give up if it cannot start. */
static pid_t start(char *const argv[], int output)
{
	sigset_t none;
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid)
		return pid;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (output >= 0) {
		int null = open("/dev/null", O_RDONLY);

		if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
		    dup2(output, STDERR_FILENO) < 0)
			_exit(126);
		if (null > STDERR_FILENO)
			close(null);
	}
	execv(argv[0], argv);
	_exit(127);
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void run_to_end(char *const argv[])
{
	int status;
	pid_t pid = start(argv, -1);

	while (waitpid(pid, &status, 0) != pid)
		;
	if (status)
		give_up(argv[0]);
}

/* Send on what is in the pipe now. A command whose output is lost has no outcome. */
static void forward(int from, int to)
{
	static char data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (write_all(to, data, n))
			give_up("the output");
}

static void on_child(int signal)
{
	(void)signal;		/* It only has to interrupt ppoll(). */
}

/*
 * Run the command and return its exit code. Its output goes through a pipe: a
 * port can be opened only once, and /dev/stdout has to work for scripts.
 */
static int run_command(int output)
{
	char *const argv[] = { "/bin/sh", "-c", read_command(), NULL };
	struct sigaction action = { .sa_handler = on_child };
	sigset_t blocked, unblocked;
	int pipe_fds[2], status = 0;
	pid_t command, pid = 0;

	sigemptyset(&unblocked);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGCHLD, &action, NULL);

	if (pipe2(pipe_fds, O_CLOEXEC))
		give_up("pipe");
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	command = start(argv, pipe_fds[1]);

	while (pid != command) {
		struct pollfd readable = { .fd = pipe_fds[0], .events = POLLIN };
		int child_status;

		ppoll(&readable, 1, NULL, &unblocked);
		forward(pipe_fds[0], output);
		/* Orphans come to PID 1 too. */
		while (pid != command &&
		       (pid = waitpid(-1, &child_status, WNOHANG)) > 0)
			if (pid == command)
				status = child_status;
	}
	forward(pipe_fds[0], output);
	return exit_code(status);
}

int main(void)
{
	char *const install_busybox[] = {
		"/bin/busybox", "--install", "-s", "/bin", NULL
	};
	int output;

	mount_all();
	open_missing_stdio();
	link_fds();
	status_fd = open_port("scx-custody.status");
	output = open_port("scx-custody.output");
	link_port("scx-custody.results");
	report("init");

	run_to_end(install_busybox);
	prepare_environment();
	take_cpus_offline();
	report("exit %d", run_command(output));
	turn_off();
}
