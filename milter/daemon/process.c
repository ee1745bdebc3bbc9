/* What the daemon does to its own process: signals, background, PID file, user
 * and groups, limits, and the filter of system calls (calls[], conditions[]).
 * daemon.c has the order. The sandbox of the systemd unit is in the unit. */
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
#ifdef HAVE_LIBSECCOMP
#include <asm/termbits.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <asm/ioctls.h>
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

void
process_block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		sigaddset(&set, stop_signals[i]);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
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

static _Noreturn void
wait_for_child(int fd, pid_t child, const char *pid_file)
{
	uint8_t octet;
	int status;
	ssize_t n;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		sigaddset(&set, stop_signals[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	do
		n = read(fd, &octet, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(70);
	}
	/* The child may have given up root, so that it could not remove the
	 * file itself. */
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

void
process_ready(int *pipe_fd, bool keep_stderr)
{
	ssize_t n;
	int null;

#if defined(HAVE_CLOSE_RANGE) && defined(CLOSE_RANGE_CLOEXEC)
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
#endif
	if (*pipe_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!keep_stderr)
			dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
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

int
process_drop_privileges(const char *user, char error[PROCESS_ERROR_SIZE])
{
	const struct passwd *entry;
	uid_t uid;
	gid_t gid;

	if (user[0] == '\0' || geteuid() != 0)
		return 0;
	if (process_check_user(user, error) < 0)
		return ERR_CONFIG;
	entry = getpwnam(user);
	if (entry == NULL)
		return fail(error, user);
	uid = entry->pw_uid;
	gid = entry->pw_gid;
	if (initgroups(user, gid) < 0)
		return fail(error, "initgroups");
	if (setgid(gid) < 0)
		return fail(error, "setgid");
	if (setuid(uid) < 0)
		return fail(error, "setuid");
	/* No call may lead back to root. */
	if (getuid() == uid && geteuid() == uid && getgid() == gid &&
	    getegid() == gid && setuid(0) < 0 && seteuid(0) < 0)
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
	/* setuid has cleared the flag. Without it the kernel writes no core
	 * file, whatever the limit, and closes /proc/PID. */
	if (prctl(PR_SET_DUMPABLE, cores ? 1 : 0, 0, 0, 0) < 0)
		return fail(error, "dumpable");
#endif
	if (!cores && setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(error, "core limit");
	return 0;
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

/* --- the filter of system calls --- */

#ifdef HAVE_LIBSECCOMP

/* Allowed with any arguments. Names that an architecture does not have are
 * ignored: several of them do the work of one on others. */
static const char *const calls[] = {
    /* descriptors */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev",
    "pwrite64", "pwritev", "pwritev2", "close", "close_range", "lseek",
    "_llseek", "dup", "dup2", "dup3", "fcntl", "fcntl64", "pipe", "pipe2",
    "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_settime64",
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6",
    "pselect6_time64", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_ctl_old", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    /* files: the log, the store, the configuration and what it names */
    "open", "openat", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
    "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs",
    "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "getdents", "getdents64", "getcwd", "mkdir", "mkdirat", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "rmdir", "chmod", "fchmod",
    "fchmodat", "ftruncate", "ftruncate64", "fsync", "fdatasync", "msync",
    "sync_file_range", "flock", "fallocate", "fadvise64", "fadvise64_64",
    "umask",
    /* memory; mmap and mprotect are below */
    "brk", "munmap", "mremap", "madvise", "mincore", "membarrier",
    /* threads, and the child in which the store is read first */
    "set_robust_list", "get_robust_list", "set_tid_address", "rseq", "futex",
    "futex_time64", "gettid", "getpid", "getppid", "tgkill", "sched_yield",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "exit",
    "exit_group", "wait4", "waitid", "waitpid", "getrlimit", "ugetrlimit",
    "setrlimit",
    /* signals */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn",
    "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigpending",
    "rt_sigsuspend", "sigaltstack", "restart_syscall", "pause",
    /* time, random numbers, user and group ids */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
    "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday",
    "time", "times", "getrusage", "sysinfo", "getcpu", "getrandom", "uname",
    "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32",
    "getegid", "getegid32", "getgroups", "getgroups32", "getresuid",
    "getresuid32", "getresgid", "getresgid32",
    /* network; socket is below */
    "bind", "connect", "listen", "accept", "accept4", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "shutdown", "send", "sendto",
    "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
    "recvmmsg_time64"};

#define NEW_NAMESPACES                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define WRITE_EXEC (PROT_WRITE | PROT_EXEC)

/* Allowed only when argument & mask == value. The filter cannot see the flags
 * of clone3, which are in memory: clone3 fails with ENOSYS, and libc falls back
 * to clone. */
static const struct {
	const char *name;
	unsigned argument;
	scmp_datum_t mask;
	scmp_datum_t value;
} conditions[] = {
    {"clone",      0, NEW_NAMESPACES, 0              },
 /* Permits loading libraries, but no writable and executable memory. */
    {"mmap",       2, WRITE_EXEC,     0              },
    {"mmap",       2, WRITE_EXEC,     PROT_WRITE     },
    {"mmap",       2, WRITE_EXEC,     PROT_EXEC      },
    {"mmap2",      2, WRITE_EXEC,     0              },
    {"mmap2",      2, WRITE_EXEC,     PROT_WRITE     },
    {"mmap2",      2, WRITE_EXEC,     PROT_EXEC      },
    {"mprotect",   2, PROT_EXEC,      0              },
    {"socket",     0, UINT32_MAX,     AF_UNIX        },
    {"socket",     0, UINT32_MAX,     AF_INET        },
    {"socket",     0, UINT32_MAX,     AF_INET6       },
    {"socketpair", 0, UINT32_MAX,     AF_UNIX        },
    {"ioctl",      1, UINT32_MAX,     FIONREAD       },
    {"ioctl",      1, UINT32_MAX,     FIONBIO        },
    {"ioctl",      1, UINT32_MAX,     TCGETS         },
    {"prctl",      0, UINT32_MAX,     PR_SET_NAME    },
    {"prctl",      0, UINT32_MAX,     PR_GET_DUMPABLE},
 /* This process's limits, nobody else's. */
    {"prlimit64",  0, UINT32_MAX,     0              },
};

#define N_CALLS      (sizeof(calls) / sizeof(calls[0]))
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

static int
fill(scmp_filter_ctx filter)
{
	int number;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < N_CALLS; i++) {
		number = seccomp_syscall_resolve_name(calls[i]);
		if (number != __NR_SCMP_ERROR)
			rc =
			    seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	for (size_t i = 0; rc == 0 && i < N_CONDITIONS; i++) {
		const struct scmp_arg_cmp argument =
		    SCMP_CMP(conditions[i].argument, SCMP_CMP_MASKED_EQ,
			conditions[i].mask, conditions[i].value);

		number = seccomp_syscall_resolve_name(conditions[i].name);
		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
			    argument);
	}
	return rc;
}

#endif

int
sandbox_enter(char error[PROCESS_ERROR_SIZE])
{
#ifdef HAVE_LIBSECCOMP
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = -ENOMEM;

	if (filter != NULL)
		rc = fill(filter);
	/* A kernel that cannot log refused calls still refuses them. */
	if (rc == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (rc == 0)
		return 0;
	(void)snprintf(error, PROCESS_ERROR_SIZE, "seccomp: %s", strerror(-rc));
#else
	(void)snprintf(error, PROCESS_ERROR_SIZE, "built without libseccomp");
#endif
	return ERR_IO;
}
