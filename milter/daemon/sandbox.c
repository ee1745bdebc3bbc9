#include "autoconf.h"

#include "daemon/sandbox.h"

#include <stdio.h>

#include "base/err.h"

#ifdef HAVE_LIBSECCOMP

#include <asm/termbits.h>
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <asm/ioctls.h>

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
    /* time, chance, who we are */
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

/* Only when argument & mask == value. clone3 has its flags in memory, where
 * they cannot be seen: libc takes clone when there is none. */
static const struct {
	const char *name;
	unsigned argument;
	scmp_datum_t mask;
	scmp_datum_t value;
} conditions[] = {
    {"clone",      0, NEW_NAMESPACES, 0              },
 /* Libraries may be loaded, but nothing is written to and then run. */
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

bool
sandbox_is_built_in(void)
{
	return true;
}

int
sandbox_enter(char error[SANDBOX_ERROR_SIZE])
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = -ENOMEM;

	if (filter != NULL)
		rc = fill(filter);
	/* A kernel that cannot log what was refused refuses it all the same. */
	if (rc == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (rc == 0)
		return 0;
	(void)snprintf(error, SANDBOX_ERROR_SIZE, "seccomp: %s", strerror(-rc));
	return ERR_IO;
}

#else

bool
sandbox_is_built_in(void)
{
	return false;
}

int
sandbox_enter(char error[SANDBOX_ERROR_SIZE])
{
	(void)snprintf(error, SANDBOX_ERROR_SIZE, "built without libseccomp");
	return ERR_IO;
}

#endif
