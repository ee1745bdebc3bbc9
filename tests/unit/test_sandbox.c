/*
 * The filter of system calls, each time in a child: it is for good. What the
 * daemon does under it is shown by all that starts the daemon.
 */
#include "autoconf.h"

#include "daemon/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

TestSuite(sandbox, .timeout = 60);

/* 0, or the errno. */
typedef int attempt_fn(void);

static int
outcome(long rc)
{
	return rc < 0 ? errno : 0;
}

/* What attempt returns behind the filter. */
static int
behind(attempt_fn *attempt)
{
	char error[PROCESS_ERROR_SIZE];
	int status = 0;
	pid_t child;

	if (!SANDBOX_IS_BUILT_IN)
		cr_skip_test("built without libseccomp");
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(sandbox_enter(error) == 0 ? attempt() : 255);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	cr_assert_neq(WEXITSTATUS(status), 255, "no filter");
	return WEXITSTATUS(status);
}

/* --- what somebody who takes the process over would want --- */

static int
start_a_program(void)
{
	char *argv[] = {(char[]){"true"}, NULL};

	return outcome(execv("/bin/true", argv));
}

static int
start_a_program_by_descriptor(void)
{
	char *argv[] = {(char[]){"true"}, NULL};
	char *envp[] = {NULL};

	return outcome(
	    fexecve(open("/bin/true", O_PATH | O_CLOEXEC), argv, envp));
}

static int
become_root(void)
{
	return outcome(syscall(SYS_setuid, 0));
}

static int
look_into_the_parent(void)
{
	return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int
leave_for_a_namespace(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int
fork_into_a_namespace(void)
{
	return outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int
mount_something(void)
{
	return outcome(mount("none", "/tmp", "tmpfs", 0, ""));
}

static int
end_the_parent(void)
{
	return outcome(kill(getppid(), 0));
}

static int
map_to_write_and_run(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
	    ? errno
	    : 0;
}

static int
run_what_was_written(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 0;
	return outcome(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
}

static int
talk_to_the_kernel(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
sniff(void)
{
	return outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static const struct {
	const char *what;
	attempt_fn *attempt;
} refused[] = {
    {"execve",		     start_a_program              },
    {"execveat",		   start_a_program_by_descriptor},
    {"setuid",		     become_root                  },
    {"ptrace",		     look_into_the_parent         },
    {"unshare",		    leave_for_a_namespace        },
    {"clone with a new namespace", fork_into_a_namespace        },
    {"mount",		      mount_something              },
    {"kill",		       end_the_parent               },
    {"mmap, writable and run",     map_to_write_and_run         },
    {"mprotect to run",            run_what_was_written         },
    {"socket of netlink",          talk_to_the_kernel           },
    {"socket for packets",         sniff                        },
};

/* ENOSYS: told apart from what the kernel forbids anyway. */
Test(sandbox, what_the_filter_does_not_need_is_refused)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		cr_expect_eq(behind(refused[i].attempt), ENOSYS, "%s",
		    refused[i].what);
}

/* --- what it does need --- */

static void *
answer(void *arg)
{
	*(int *)arg = 42;
	return NULL;
}

static int
start_a_thread(void)
{
	pthread_t thread;
	int result = 0;

	if (pthread_create(&thread, NULL, answer, &result) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return EAGAIN;
	return result == 42 ? 0 : EINVAL;
}

static int
fork_to_look_at_the_store(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(7);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : EINVAL;
}

/* NSS, which may load a library here. */
static int
resolve_a_name(void)
{
	const struct addrinfo hints = {.ai_family = AF_INET,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int rc = getaddrinfo("localhost", "25", &hints, &list);

	if (rc == 0)
		freeaddrinfo(list);
	return rc == 0 ? 0 : EINVAL;
}

Test(sandbox, threads_children_and_names_are_there)
{
	cr_expect_eq(behind(start_a_thread), 0);
	cr_expect_eq(behind(fork_to_look_at_the_store), 0);
	cr_expect_eq(behind(resolve_a_name), 0);
}

Test(sandbox, who_built_without_it_is_told)
{
	char error[PROCESS_ERROR_SIZE] = "";

	if (SANDBOX_IS_BUILT_IN)
		cr_skip_test("built with libseccomp");
	cr_expect_lt(sandbox_enter(error), 0);
	cr_expect(strstr(error, "libseccomp") != NULL, "%s", error);
}
