#include "autoconf.h"

#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

#include "base/err.h"

static int
fail(char error[PROCESS_ERROR_SIZE], const char *what)
{
	snprintf(error, PROCESS_ERROR_SIZE, "%s: %s", what, strerror(errno));
	return ERR_IO;
}

/* --- stop --- */

static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};
#define STOP_SIGNALS (sizeof(stop_signals) / sizeof(stop_signals[0]))

static void
set_stop_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		sigaddset(&set, stop_signals[i]);
	pthread_sigmask(how, &set, NULL);
}

void
process_block_stop(void)
{
	sigset_t set;

	set_stop_mask(SIG_BLOCK);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool
process_stop_asked(void)
{
	sigset_t set;

	if (sigpending(&set) < 0)
		return false;
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		if (sigismember(&set, stop_signals[i]) == 1)
			return true;
	return false;
}

/* --- into the background --- */

static ssize_t
read_octet(int fd, uint8_t *octet)
{
	ssize_t n;

	do
		n = read(fd, octet, 1);
	while (n < 0 && errno == EINTR);
	return n;
}

static _Noreturn void
wait_for_child(int fd, pid_t child, const char *pid_file)
{
	uint8_t octet;
	int status;

	set_stop_mask(SIG_UNBLOCK);
	if (read_octet(fd, &octet) == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(70);
	}
	/* The child is root no longer. */
	if (pid_file != NULL)
		process_remove_pid(pid_file, child);
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0
		? WEXITSTATUS(status)
		: 70);
}

int
process_daemonize(const char *pid_file, int *pipe_fd,
    char error[PROCESS_ERROR_SIZE])
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(error, "pipe");
	child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return fail(error, "fork");
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(ends[0], child, pid_file);
	}
	close(ends[0]);
	/* The session has no terminal, and nothing here opens one. */
	if (setsid() < 0 || chdir("/") < 0) {
		close(ends[1]);
		return fail(error, "setsid");
	}
	*pipe_fd = ends[1];
	return 0;
}

static void
close_terminal(bool keep_stderr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!keep_stderr)
		dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

void
process_ready(int *pipe_fd, bool keep_stderr)
{
	ssize_t n;

	if (*pipe_fd < 0)
		return;
	close_terminal(keep_stderr);
	do
		n = write(*pipe_fd, "", 1);
	while (n < 0 && errno == EINTR);
	close(*pipe_fd);
	*pipe_fd = -1;
}

int
process_write_pid(const char *path, char error[PROCESS_ERROR_SIZE])
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%jd\n", (intmax_t)getpid());
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	ssize_t n;

	if (fd < 0)
		return fail(error, path);
	n = write(fd, line, (size_t)len);
	if (close(fd) < 0 || n != len)
		return fail(error, path);
	return 0;
}

void
process_remove_pid(const char *path, pid_t pid)
{
	char line[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	/* Another instance may have written its own. */
	if (n > 0 && strtol(line, NULL, 10) == (long)pid)
		(void)unlink(path);
}

/* --- down from root --- */

int
process_check_user(const char *user, char error[PROCESS_ERROR_SIZE])
{
	const struct passwd *entry;

	if (user[0] == '\0')
		return 0;
	entry = getpwnam(user);
	if (entry != NULL && entry->pw_uid != 0)
		return 0;
	if (entry != NULL) {
		snprintf(error, PROCESS_ERROR_SIZE,
		    "user \"%s\" is root; set user = \"\" if that is meant",
		    user);
		return ERR_CONFIG;
	}
	snprintf(error, PROCESS_ERROR_SIZE,
	    "user \"%s\" does not exist: create it (useradd --system "
	    "--no-create-home --shell /usr/sbin/nologin %s), or set user = "
	    "\"\" to stay as you are",
	    user, user);
	return ERR_CONFIG;
}

/* Root must be out of reach, by every way back. */
static bool
is_down(uid_t uid, gid_t gid)
{
	return getuid() == uid && geteuid() == uid && getgid() == gid &&
	    getegid() == gid && setuid(0) < 0 && seteuid(0) < 0;
}

int
process_drop_privileges(const char *user, char error[PROCESS_ERROR_SIZE])
{
	const struct passwd *entry;

	if (user[0] == '\0' || geteuid() != 0)
		return 0;
	if (process_check_user(user, error) < 0)
		return ERR_CONFIG;
	entry = getpwnam(user);
	if (entry == NULL)
		return fail(error, user);
	if (initgroups(user, entry->pw_gid) < 0)
		return fail(error, "initgroups");
	if (setgid(entry->pw_gid) < 0)
		return fail(error, "setgid");
	if (setuid(entry->pw_uid) < 0)
		return fail(error, "setuid");
	if (is_down(entry->pw_uid, entry->pw_gid))
		return 0;
	snprintf(error, PROCESS_ERROR_SIZE,
	    "privileges could not be given up for good");
	return ERR_IO;
}

int
process_lock(bool cores, char error[PROCESS_ERROR_SIZE])
{
	const struct rlimit none = {0, 0};

#ifdef HAVE_SYS_PRCTL_H
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, "no_new_privs");
	/* setuid has cleared it: without it there is no core, whatever the
	 * limit, and no look into /proc/PID. */
	if (prctl(PR_SET_DUMPABLE, cores ? 1 : 0, 0, 0, 0) < 0)
		return fail(error, "dumpable");
#endif
	if (!cores && setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(error, "core limit");
	return 0;
}

void
process_close_on_exec(void)
{
#if defined(HAVE_CLOSE_RANGE) && defined(CLOSE_RANGE_CLOEXEC)
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
#endif
}

int
process_give_file(int fd, const char *user, char error[PROCESS_ERROR_SIZE])
{
	const struct passwd *entry;
	struct stat status;

	if (user[0] == '\0' || geteuid() != 0)
		return 0;
	/* A terminal or a pipe, where /dev/stdout may lead, stays as it is. */
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
		return 0;
	entry = getpwnam(user);
	if (entry != NULL && fchown(fd, entry->pw_uid, (gid_t)-1) == 0)
		return 0;
	return fail(error, user);
}
