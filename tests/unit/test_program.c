/*
 * The program's options and exit codes, its start and its stop. The daemons
 * that are started here keep their policies in memory and ask nobody but the
 * loopback address.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"
#include "tool_run.h"

#define OUTPUT_MAX 65536
/* At the descriptors, 10 ms from each other. */
#define LOOKS_MAX 500

static char directory[] = "/tmp/test_program.XXXXXX";
/* No other run's: each test is a process of its own. */
static char own_host[24];
static char conf[sizeof(directory) + 16];
static char milter_path[sizeof(directory) + 16];
static char control_path[sizeof(directory) + 16];
static char log_path[sizeof(directory) + 16];
static char notify_path[sizeof(directory) + 16];
static char pid_path[sizeof(directory) + 16];
static char output[OUTPUT_MAX];
static pid_t daemon_pid;

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(own_host, sizeof(own_host), "127.%u.%u.1",
	    32 + (unsigned)getpid() / 256 % 200, (unsigned)getpid() % 256);
	snprintf(conf, sizeof(conf), "%s/conf", directory);
	snprintf(milter_path, sizeof(milter_path), "%s/milter", directory);
	snprintf(control_path, sizeof(control_path), "%s/control", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", directory);
	snprintf(notify_path, sizeof(notify_path), "%s/notify", directory);
}

static void
tear_down(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	unlink(conf);
	unlink(milter_path);
	unlink(control_path);
	unlink(log_path);
	unlink(notify_path);
	unlink(pid_path);
	rmdir(directory);
}

TestSuite(program, .init = set_up, .fini = tear_down, .timeout = 120);

/* Options without which the daemon would look at the machine it runs on. */
static void
write_conf(const char *more)
{
	FILE *file = fopen(conf, "we");

	cr_assert(file != NULL);
	fprintf(file,
	    "socket = \"unix:%s\"\ncontrol_socket = \"%s\"\n"
	    "log = \"file:%s\"\ntrust_anchor = \"%s\"\n"
	    "resolvers = {\"127.0.0.1@9\"}\n%s",
	    milter_path, control_path, log_path, ROOT_KEY, more);
	fclose(file);
}

static void
become_daemon(const void *arg)
{
	const char *const *args = arg;
	char *argv[ARGS_MAX + 2] = {NULL};
	size_t n = 0;

	argv[n++] = strdup(DAEMON_PROGRAM);
	for (; args[n - 1] != NULL && n <= ARGS_MAX; n++)
		argv[n] = strdup(args[n - 1]);
	execv(DAEMON_PROGRAM, argv);
}

/* The exit status; what was printed is in output. */
static int
run(const char *const *args)
{
	return program_run(become_daemon, args, output, OUTPUT_MAX);
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* --- options --- */

Test(program, wrong_use_is_64)
{
	cr_assert_eq(RUN("-x"), 64);
	cr_assert(strstr(output, "usage: dane-sts-milter") != NULL);
	cr_assert_eq(RUN("-c"), 64);
	cr_assert_eq(RUN("--nonsense"), 64);
	cr_assert_eq(RUN("-n", "left-over"), 64);
	cr_assert(strstr(output, "unexpected argument \"left-over\"") != NULL);
}

Test(program, version_names_the_libraries)
{
	static const char *const names[] = {"dane-sts-milter " PACKAGE_VERSION,
	    "getdns ", "libunbound ", "libevent ", "libcurl ", "OpenSSL ",
	    "ICU ", "LMDB ", "libmicrohttpd ", "libmilter "};

	cr_assert_eq(RUN("-V"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert(strstr(output, names[i]) != NULL, "%s", names[i]);
	cr_assert_eq(RUN("--version"), 0);
}

Test(program, a_full_disk_is_74)
{
	static const char *const options[] = {"-V", "-h", "--sample-config",
	    "-n"};

	write_conf("user = \"\"\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char command[256];
		int status;

		snprintf(command, sizeof(command),
		    "'" DAEMON_PROGRAM "' %s -c %s >/dev/full 2>&1", options[i],
		    conf);
		status = system(command);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 74,
		    "%s: %d", options[i], status);
	}
}

Test(program, help_names_every_option)
{
	static const char *const names[] = {"--config", "--foreground",
	    "--daemon", "--pid-file", "--check", "--verbose", "--version",
	    "--help", "--sample-config"};

	cr_assert_eq(RUN("--help"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert(strstr(output, names[i]) != NULL, "%s", names[i]);
}

/* --- -n --- */

Test(program, check_says_that_a_configuration_is_good)
{
	char want[128];

	write_conf("user = \"\"\n");
	cr_assert_eq(RUN("-n", "-c", conf), 0, "%s", output);
	snprintf(want, sizeof(want), "%s: configuration is good\n", conf);
	cr_assert_str_eq(output, want);
	cr_assert_lt(access(milter_path, F_OK), 0);
	cr_assert_lt(access(log_path, F_OK), 0);
}

Test(program, check_prints_the_configuration_when_verbose)
{
	write_conf("user = \"\"\nmode = monitor\n");
	cr_assert_eq(RUN("-nv", "-c", conf), 0, "%s", output);
	cr_assert(strstr(output, "\nmode = \"monitor\"\n") != NULL);
	cr_assert(strstr(output, "\ndeadline = \"4s\"\n") != NULL);
}

static const struct {
	const char *more;
	const char *error;
} bad[] = {
    {"user = \"\"\nmode = x\n",                          "/conf:7: mode: \"x\": must be one of"                 },
    {"user = \"\"\nmoed = x\n",                          "/conf:7: there is no option \"moed\""                 },
    {"user = \"\"\nca_file = \"/nonexistent/ca\"\n",     "/nonexistent/ca"                                      },
    {"user = \"\"\nsocket_group = no-such-group\n",
     "/conf:7: socket_group: there is no group \"no-such-group\""                                               },
    {"user = \"\"\nstore = \"redis://127.0.0.1:1/0\"\n"
     "store_auth_file = \"/nonexistent/s\"\n",      "/conf:8: store_auth_file /nonexistent/s: No such file"},
    {"user = \"\"\nunbound_conf = \"/nonexistent/u\"\n", "/nonexistent/u"                                       },
};

Test(program, check_and_start_tell_what_is_wrong_with_78)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_conf(bad[i].more);
		cr_assert_eq(RUN("-n", "-c", conf), 78);
		cr_assert(strstr(output, bad[i].error) != NULL, "%s", output);
		cr_assert(strstr(output, conf) != NULL, "%s", output);
		cr_assert_eq(RUN("-c", conf), 78);
		cr_assert(strstr(output, bad[i].error) != NULL, "%s", output);
		cr_assert_eq(RUN("-d", "-c", conf), 78);
	}
	cr_assert_eq(RUN("-c", "/nonexistent/conf"), 78);
}

/* D-20: no start without a usable root anchor. */
Test(program, without_a_trust_anchor_it_does_not_start_D20)
{
	FILE *file = fopen(conf, "we");

	cr_assert(file != NULL);
	fprintf(file,
	    "socket = \"unix:%s\"\nuser = \"\"\nstore = \"memory:\"\n"
	    "trust_anchor = \"/dev/null\"\n",
	    milter_path);
	fclose(file);
	cr_assert_eq(RUN("-c", conf), 78);
	cr_assert(strstr(output, "/dev/null") != NULL, "%s", output);
	cr_assert_lt(access(milter_path, F_OK), 0);
}

Test(program, a_missing_user_is_told_with_what_to_do)
{
	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	write_conf("user = \"no-such-user\"\n");
	cr_assert_eq(RUN("-n", "-c", conf), 78);
	cr_assert(strstr(output,
		      "/conf:6: user \"no-such-user\" does not "
		      "exist: create it (useradd ") != NULL,
	    "%s", output);
	write_conf("user = \"root\"\n");
	cr_assert_eq(RUN("-n", "-c", conf), 78);
	cr_assert(strstr(output, "/conf:6: user \"root\" is root; ") != NULL,
	    "%s", output);
}

/* --- start --- */

Test(program, a_socket_that_cannot_be_bound_is_69)
{
	for (int daemon = 0; daemon < 2; daemon++) {
		FILE *file = fopen(conf, "we");

		cr_assert(file != NULL);
		fprintf(file,
		    "socket = \"unix:/nonexistent/socket\"\nuser = \"\"\n"
		    "log = \"file:%s\"\nstore = \"memory:\"\n"
		    "trust_anchor = \"%s\"\n",
		    log_path, ROOT_KEY);
		fclose(file);
		cr_assert_eq(RUN(daemon ? "-d" : "-f", "-c", conf), 69);
		cr_assert(strstr(output, "/nonexistent/socket") != NULL, "%s",
		    output);
	}
}

Test(program, a_store_that_cannot_be_opened_is_70)
{
	write_conf("user = \"\"\nstore = \"lmdb:/dev/null/store\"\n");
	cr_assert_eq(RUN("-c", conf), 70);
	cr_assert(strstr(output, "/dev/null/store") != NULL, "%s", output);
}

static bool
log_holds(const char *text)
{
	static char octets[OUTPUT_MAX];
	FILE *file = fopen(log_path, "re");
	size_t n;

	cr_assert(file != NULL);
	n = fread(octets, 1, sizeof(octets) - 1, file);
	octets[n] = '\0';
	fclose(file);
	return strstr(octets, text) != NULL;
}

/* The socket that plays systemd. */
static int
open_notify(void)
{
	const struct timeval patience = {.tv_sec = 60};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience)),
	    0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", notify_path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(chmod(notify_path, 0666), 0);
	cr_assert_eq(setenv("NOTIFY_SOCKET", notify_path, 1), 0);
	return fd;
}

static bool
next_state_is(int fd, const char *want)
{
	char state[64];
	ssize_t n = recv(fd, state, sizeof(state) - 1, 0);

	cr_assert_geq(n, 0, "the daemon says nothing: %s", want);
	state[n] = '\0';
	return strcmp(state, want) == 0;
}

static void
expect_state(int fd, const char *want)
{
	cr_assert(next_state_is(fd, want), "%s", want);
}

static void
run_daemon(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	daemon_pid = fork();
	cr_assert_geq(daemon_pid, 0);
	if (daemon_pid == 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		become_daemon((const char *const[]){"-c", conf, NULL});
		_exit(127);
	}
	close(null);
}

static int
start_daemon(void)
{
	int fd = open_notify();

	run_daemon();
	expect_state(fd, "READY=1");
	return fd;
}

static void
stop_daemon(int fd)
{
	int status;

	cr_assert_eq(kill(daemon_pid, SIGTERM), 0);
	cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
	expect_state(fd, "STOPPING=1");
	close(fd);
}

Test(program, it_tells_the_init_system_and_stops_on_SIGTERM)
{
	char more[128];
	int fd;

	snprintf(more, sizeof(more),
	    "user = \"\"\nstore = \"memory:\"\nmode = monitor\n"
	    "metrics = \"%s:1\"\n",
	    own_host);
	write_conf(more);
	fd = start_daemon();
	cr_assert_eq(access(milter_path, F_OK), 0);
	stop_daemon(fd);
	cr_assert(log_holds("info start version=" PACKAGE_VERSION
			    " mode=monitor socket=unix:"));
	cr_assert(log_holds("MONITOR MODE"));
	cr_assert(log_holds("POLICIES ARE KEPT IN MEMORY"));
	cr_assert(log_holds("info stop "));
	cr_assert_eq(log_holds("RUNNING AS ROOT"), geteuid() == 0);
}

Test(program, a_reload_names_the_file_that_it_has_read)
{
	char line[sizeof(conf) + 64];
	int fd;

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	fd = start_daemon();
	write_conf("user = \"\"\nstore = \"memory:\"\nmode = monitor\n");
	cr_assert_eq(kill(daemon_pid, SIGUSR1), 0);
	while (!next_state_is(fd, "READY=1"))
		continue;
	stop_daemon(fd);
	snprintf(line, sizeof(line), " info reload config=%s mode=monitor ",
	    conf);
	cr_expect(log_holds(line), "%s", line);
}

static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};

/* Blocked and pending when the program begins: so it comes before everything
 * that could be ended by it. */
static int
status_after_early_stop(int signal)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t set;
	int status;

	daemon_pid = fork();
	cr_assert_geq(daemon_pid, 0);
	if (daemon_pid == 0) {
		sigemptyset(&set);
		sigaddset(&set, signal);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(signal);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		become_daemon(
		    (const char *const[]){"-p", pid_path, "-c", conf, NULL});
		_exit(127);
	}
	close(null);
	cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	return status;
}

Test(program, a_stop_before_it_listens_ends_with_0)
{
	write_conf("user = \"\"\nstore = \"memory:\"\n");
	for (size_t i = 0; i < 3; i++) {
		int status = status_after_early_stop(stop_signals[i]);

		cr_expect_eq(status, 0, "signal %d: %x", stop_signals[i],
		    (unsigned)status);
		cr_expect_lt(access(pid_path, F_OK), 0);
		cr_expect_lt(access(milter_path, F_OK), 0);
	}
}

/* Waits for its configuration, a pipe, when the signal comes. */
Test(program, a_stop_while_the_configuration_is_read_ends_with_0)
{
	for (size_t i = 0; i < 3; i++) {
		int status;

		(void)unlink(conf);
		cr_assert_eq(mkfifo(conf, 0600), 0);
		run_daemon();
		/* Returns when the reader is there. */
		FILE *file = fopen(conf, "we");
		cr_assert(file != NULL);
		cr_assert_eq(kill(daemon_pid, stop_signals[i]), 0);
		fprintf(file,
		    "socket = \"unix:%s\"\nlog = \"file:%s\"\n"
		    "trust_anchor = \"%s\"\nuser = \"\"\n"
		    "store = \"memory:\"\n",
		    milter_path, log_path, ROOT_KEY);
		fclose(file);
		cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
		daemon_pid = 0;
		cr_expect_eq(status, 0, "signal %d: %x", stop_signals[i],
		    (unsigned)status);
	}
}

/* Every loop has to answer in between: one that was told of twice came round.
 */
Test(program, the_watchdog_is_told_that_it_lives)
{
	int fd = open_notify();
	unsigned pings = 0;
	bool ready = false;
	int status;

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	setenv("WATCHDOG_USEC", "40000", 1);
	run_daemon();
	while (!ready || pings < 3) {
		if (next_state_is(fd, "WATCHDOG=1"))
			pings++;
		else
			ready = true;
	}
	cr_assert_eq(kill(daemon_pid, SIGTERM), 0);
	while (!next_state_is(fd, "STOPPING=1"))
		continue;
	cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	cr_assert_eq(status, 0);
	close(fd);
}

/* An MTA that goes away does not take the filter along. */
Test(program, SIGPIPE_does_no_harm)
{
	int fd;

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	fd = start_daemon();
	cr_assert_eq(kill(daemon_pid, SIGPIPE), 0);
	stop_daemon(fd);
}

static void
expect_identity(const char *field)
{
	char name[64];
	char line[256];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)daemon_pid);
	file = fopen(name, "re");
	cr_assert(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, field, strlen(field)) != 0)
			continue;
		found = true;
		/* Real, effective, saved, file system or further: none is 0. */
		cr_assert(strstr(line, "\t0") == NULL, "%s", line);
	}
	fclose(file);
	cr_assert(found);
}

Test(program, root_is_given_up_for_good)
{
	struct stat status;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	cr_assert_eq(chmod(directory, 0755), 0);
	write_conf("user = \"nobody\"\nstore = \"memory:\"\n");
	fd = start_daemon();
	expect_identity("Uid:");
	expect_identity("Gid:");
	expect_identity("Groups:");
	stop_daemon(fd);
	/* So that it can be opened anew. */
	cr_assert_eq(stat(log_path, &status), 0);
	cr_assert_neq(status.st_uid, 0U);
	cr_assert_not(log_holds("RUNNING AS ROOT"));
}

/* A link of root's is followed, as /dev/stdout is: then the file that it leads
 * to is the user's, so that it can be opened anew, and not the link. */
Test(program, the_log_that_was_opened_is_given_to_the_user)
{
	char file[sizeof(log_path) + 8];
	struct stat status;

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	cr_assert_eq(chmod(directory, 0755), 0);
	snprintf(file, sizeof(file), "%s.file", log_path);
	cr_assert_eq(symlink(file, log_path), 0);
	write_conf("user = \"nobody\"\nstore = \"memory:\"\n");
	stop_daemon(start_daemon());
	cr_assert_eq(lstat(log_path, &status), 0);
	cr_expect_eq(status.st_uid, 0U);
	cr_assert_eq(lstat(file, &status), 0);
	cr_expect_neq(status.st_uid, 0U);
	unlink(file);
}

/* --- what the process may --- */

/* The line of /proc/PID/status, without the field's name. */
static void
read_status(const char *field, char out[256])
{
	char name[64];
	size_t len = strlen(field);
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)daemon_pid);
	file = fopen(name, "re");
	cr_assert(file != NULL);
	do
		cr_assert(fgets(out, 256, file) != NULL, "%s", field);
	while (strncmp(out, field, len) != 0);
	fclose(file);
	memmove(out, out + len + 1, strlen(out + len + 1) + 1);
	out[strcspn(out, "\n")] = '\0';
}

static void
expect_status(const char *field, const char *want)
{
	char line[256];

	read_status(field, line);
	cr_expect_str_eq(line, want, "%s%s", field, line);
}

/* The hard limit, "unlimited" or octets; of the daemon, or "self". */
static void
read_core_limit(const char *process, char out[32])
{
	static const char title[] = "Max core file size";
	char line[256] = "";
	char name[64];
	const char *at;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%s/limits", process);
	file = fopen(name, "re");
	cr_assert(file != NULL);
	while (strncmp(line, title, strlen(title)) != 0)
		cr_assert(fgets(line, sizeof(line), file) != NULL);
	fclose(file);
	at = line + strlen(title);
	at += strspn(at, " ");
	at += strcspn(at, " "); /* the soft one */
	at += strspn(at, " ");
	snprintf(out, 32, "%.*s", (int)strcspn(at, " "), at);
}

static void
expect_core_limit(const char *want)
{
	char process[32];
	char limit[32];

	snprintf(process, sizeof(process), "%d", (int)daemon_pid);
	read_core_limit(process, limit);
	cr_expect_str_eq(limit, want, "%s", limit);
}

/* Who may look into it, by way of /proc: its own user, or root alone. */
static bool
is_dumpable(void)
{
	struct stat status;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)daemon_pid);
	cr_assert_eq(stat(name, &status), 0);
	return status.st_uid != 0;
}

Test(program, nothing_can_be_gained_from_it)
{
	const char *sandbox = " sandbox=none ";
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	cr_assert_eq(chmod(directory, 0755), 0);
	write_conf("user = \"nobody\"\nstore = \"memory:\"\n");
	fd = start_daemon();
	expect_status("NoNewPrivs:", "1");
	expect_status("CapInh:", "0000000000000000");
	expect_status("CapPrm:", "0000000000000000");
	expect_status("CapEff:", "0000000000000000");
	expect_status("CapAmb:", "0000000000000000");
	expect_core_limit("0");
	cr_expect_not(is_dumpable());
#ifdef HAVE_LIBSECCOMP
	expect_status("Seccomp:", "2");
	sandbox = " sandbox=seccomp ";
#endif
	/* The log may come a little later than READY=1. */
	stop_daemon(fd);
	cr_expect(log_holds(sandbox));
}

Test(program, who_looks_for_a_fault_may)
{
	char before[32];
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	cr_assert_eq(chmod(directory, 0755), 0);
	write_conf("user = \"nobody\"\nstore = \"memory:\"\n"
		   "sandbox = false\ncore_dumps = true\n");
	read_core_limit("self", before);
	fd = start_daemon();
	expect_status("Seccomp:", "0");
	expect_core_limit(before);
	cr_expect(is_dumpable());
	stop_daemon(fd);
	cr_expect(log_holds(" sandbox=none "));
}

/* fdinfo has them octal, as open(2) does. */
static unsigned long
descriptor_flags(const char *number)
{
	char name[300];
	char line[128];
	unsigned long flags = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/fdinfo/%s", (int)daemon_pid,
	    number);
	file = fopen(name, "re");
	if (file == NULL)
		return O_CLOEXEC; /* closed since */
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "flags:", 6) == 0)
			flags = strtoul(line + 6, NULL, 8);
	}
	fclose(file);
	return flags;
}

/* Datagrams of IPv4: libunbound asks the resolver from such a one. */
static bool
is_udp(const char *target)
{
	char line[256];
	char inode[32];
	bool found = false;
	FILE *file = fopen("/proc/net/udp", "re");

	cr_assert(file != NULL);
	snprintf(inode, sizeof(inode), " %.*s ",
	    (int)strcspn(target + strlen("socket:["), "]"),
	    target + strlen("socket:["));
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strstr(line, inode) != NULL;
	fclose(file);
	return found;
}

/*
 * What an exec() leaves open is what libraries open once they serve, and give
 * no hold of: libunbound its queries, libmilter the pipe between its threads
 * (and its connections, of which there are none here). The sandbox, in which
 * there is no exec, is for these.
 */
static bool
is_closed_by_exec(const char *number, unsigned *pipes)
{
	char name[300];
	char target[128] = "";

	snprintf(name, sizeof(name), "/proc/%d/fd/%s", (int)daemon_pid, number);
	if (descriptor_flags(number) & O_CLOEXEC ||
	    readlink(name, target, sizeof(target) - 1) < 0 /* since closed */)
		return true;
	if (strncmp(target, "pipe:[", 6) == 0)
		return ++*pipes <= 2;
	/* The daemon inherits it from the test: Criterion's memory. */
	return strncmp(target, "/dev/shm/bxf_", 13) == 0 ||
	    (strncmp(target, "socket:[", 8) == 0 && is_udp(target));
}

/* The first descriptor that an exec() leaves open, or "". */
static void
find_open_after_exec(char *found, size_t size, unsigned *seen)
{
	const struct dirent *entry;
	unsigned pipes = 0;
	char name[64];
	DIR *open_ones;

	snprintf(name, sizeof(name), "/proc/%d/fdinfo", (int)daemon_pid);
	open_ones = opendir(name);
	cr_assert(open_ones != NULL);
	found[0] = '\0';
	for (*seen = 0; (entry = readdir(open_ones)) != NULL;) {
		if (entry->d_name[0] == '.' ||
		    strtol(entry->d_name, NULL, 10) <= STDERR_FILENO)
			continue;
		++*seen;
		if (!is_closed_by_exec(entry->d_name, &pipes))
			snprintf(found, size, "%s", entry->d_name);
	}
	closedir(open_ones);
}

/*
 * A thread that starts may be between socketpair() and fcntl(), and a query's
 * socket is in the table of UDP between bind() and close() only. What is ours
 * stays open however often we look.
 */
Test(program, no_descriptor_of_ours_outlives_an_exec)
{
	unsigned seen;
	char found[256], more[128];
	int fd;

	snprintf(more, sizeof(more),
	    "user = \"\"\nstore = \"memory:\"\nmetrics = \"%s:1\"\n"
	    "policy_socket = \"inet:2@%s\"\n",
	    own_host, own_host);
	write_conf(more);
	fd = start_daemon();
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		find_open_after_exec(found, sizeof(found), &seen);
		if (found[0] == '\0')
			break;
		poll(NULL, 0, 10);
	}
	cr_expect_str_eq(found, "", "descriptor %s", found);
	/* The log and the listeners at least. */
	cr_expect_geq(seen, 4U);
	stop_daemon(fd);
}

/* Else the milter's socket would be one of them, and be closed when the daemon
 * has gone into the background. */
Test(program, closed_streams_are_nobody_elses)
{
	char name[64];
	char target[128];
	int fd = open_notify();

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	daemon_pid = fork();
	cr_assert_geq(daemon_pid, 0);
	if (daemon_pid == 0) {
		for (int i = 0; i <= STDERR_FILENO; i++)
			close(i);
		execl(DAEMON_PROGRAM, DAEMON_PROGRAM, "-c", conf, NULL);
		_exit(127);
	}
	expect_state(fd, "READY=1");
	for (int i = 0; i <= STDERR_FILENO; i++) {
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)daemon_pid,
		    i);
		n = readlink(name, target, sizeof(target) - 1);
		cr_assert_gt(n, 0);
		target[n] = '\0';
		cr_expect_str_eq(target, "/dev/null");
	}
	stop_daemon(fd);
}

Test(program, a_configuration_that_others_can_change_is_warned_of)
{
	static const struct {
		mode_t mode;
		bool warned;
	} rows[] = {
	    {0600, false},
            {0644, false},
            {0664, true },
            {0646, true }
        };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unlink(log_path);
		unlink(notify_path);
		write_conf("user = \"\"\nstore = \"memory:\"\n");
		cr_assert_eq(chmod(conf, rows[i].mode), 0);
		stop_daemon(start_daemon());
		cr_expect_eq(log_holds("CAN BE CHANGED BY OTHERS"),
		    rows[i].warned, "%o", rows[i].mode);
	}
}

static long
read_pid(void)
{
	char line[32] = "";
	FILE *file = fopen(pid_path, "re");

	cr_assert(file != NULL);
	cr_assert(fgets(line, sizeof(line), file) != NULL);
	fclose(file);
	cr_assert(strchr(line, '\n') != NULL);
	return strtol(line, NULL, 10);
}

Test(program, a_pid_file_that_cannot_be_written_is_70)
{
	write_conf("user = \"\"\nstore = \"memory:\"\n");
	cr_assert_eq(RUN("-p", "/nonexistent/pid", "-c", conf), 70);
	cr_assert(strstr(output, "/nonexistent/pid") != NULL, "%s", output);
	/* Not into what a link points at: the directory may be another's. */
	cr_assert_eq(symlink(log_path, pid_path), 0);
	cr_assert_eq(RUN("-p", pid_path, "-c", conf), 70);
}

/* The store fails after the PID file was written, and after root was given up.
 */
Test(program, a_failed_start_leaves_no_pid_file)
{
	static const char *const users[] = {"", "nobody"};
	char more[512];

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	cr_assert_eq(chmod(directory, 0755), 0);
	for (size_t i = 0; i < 2; i++) {
		snprintf(more, sizeof(more),
		    "user = \"%s\"\nstore = \"lmdb:%s/none/store\"\n", users[i],
		    directory);
		write_conf(more);
		cr_expect_eq(RUN("-d", "-p", pid_path, "-c", conf), 70, "%s",
		    output);
		cr_expect_lt(access(pid_path, F_OK), 0, "user \"%s\"",
		    users[i]);
	}
	/* In the foreground the directory has to be the user's. */
	cr_assert_eq(chmod(directory, 0777), 0);
	cr_expect_eq(RUN("-p", pid_path, "-c", conf), 70, "%s", output);
	cr_expect_lt(access(pid_path, F_OK), 0);
}

/* The other instance keeps its PID file: it is there, and serves. */
Test(program, a_failed_start_leaves_the_pid_file_of_another)
{
	FILE *file;
	int fd;

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	fd = start_daemon();
	file = fopen(pid_path, "we");
	cr_assert(file != NULL);
	fprintf(file, "%d\n", (int)daemon_pid);
	fclose(file);
	cr_expect_eq(RUN("-d", "-p", pid_path, "-c", conf), 69, "%s", output);
	cr_expect_eq(read_pid(), daemon_pid);
	cr_expect_eq(access(milter_path, F_OK), 0);
	stop_daemon(fd);
}

Test(program, it_goes_into_the_background_once_it_serves)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd gone;

	write_conf("user = \"\"\nstore = \"memory:\"\n");
	/* Of the directory that it is started in. */
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(RUN("-d", "-p", "pid", "-c", "conf"), 0, "%s", output);
	cr_assert_str_eq(output, "");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", milter_path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	cr_assert_neq(peer.pid, getpid());
	cr_assert_eq(read_pid(), peer.pid);
	cr_assert_eq(kill(peer.pid, SIGTERM), 0);
	/* Its end closes the connection. */
	gone = (struct pollfd){.fd = fd, .events = POLLIN};
	cr_assert_eq(poll(&gone, 1, 60000), 1);
	close(fd);
}
