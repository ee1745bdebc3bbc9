/*
 * The process: goes into the background, gives up root, and limits its own
 * system calls.
 *
 * Main thread, before any other is started.
 */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_ERROR_SIZE 512

/*
 * Blocks the signals that the daemon handles. SIGTERM, SIGINT and SIGHUP ask
 * for a stop, which must not end a thread in the middle of a write; libmilter's
 * signal thread waits for them. SIGUSR1 and SIGUSR2 are the reloader's, and
 * must not end the process before it is there. SIGPIPE is blocked for good.
 */
void process_block_signals(void);
/* True if a stop signal is pending. */
bool process_stop_asked(void);

/*
 * Forks and returns in the child. The parent exits with 0 when the child calls
 * process_ready. If the child ends before, the parent removes the child's PID
 * file (NULL: none) and exits with the child's exit code. A signal that asks
 * for a stop ends the parent alone. *pipe_fd is the child's to hand to
 * process_ready. 0 or ERR_IO.
 */
int process_daemonize(const char *pid_file, int *pipe_fd,
    char error[PROCESS_ERROR_SIZE]);

/*
 * Lets the parent go and closes the terminal. pipe_fd < 0: there is none.
 *
 * Also marks all open descriptors, those of libraries included, to be closed in
 * a program that this process starts, where the system can. It starts none:
 * this is against an attacker who makes it do so.
 */
void process_ready(int *pipe_fd, bool keep_stderr);

/* The file belongs to root, so that no other user can choose the process that a
 * script stops. 0 or ERR_IO. */
int process_write_pid(const char *path, char error[PROCESS_ERROR_SIZE]);
/* Removes the file if it names this process. Without root it may not be allowed
 * to. */
void process_remove_pid(const char *path, pid_t pid);

/* Checks that the user exists. "" is fine. 0 or ERR_CONFIG. */
int process_check_user(const char *user, char error[PROCESS_ERROR_SIZE]);

/*
 * Becomes user, for good, when started as root; "" stays. 0, ERR_CONFIG (no
 * such user) or ERR_IO with *error filled in.
 */
int process_drop_privileges(const char *user, char error[PROCESS_ERROR_SIZE]);

/*
 * Call it after process_drop_privileges() and before other threads start. From
 * then on no program that this process runs can gain privileges, no other
 * process of the user may inspect this one, and no core file is written. cores:
 * leaves the last two as the init system set them, for debugging. 0 or ERR_IO.
 */
int process_lock(bool cores, char error[PROCESS_ERROR_SIZE]);

/* Makes user the owner of an open file, so that the user can reopen it later.
 * Does nothing without root or user, nor to another kind of file. 0 or
 * ERR_IO. */
int process_give_file(int fd, const char *user, char error[PROCESS_ERROR_SIZE]);

/*
 * The system calls that the process may make once it accepts connections: a
 * filter made with libseccomp. An attacker who takes over a parser of DNS
 * answers, certificates or policies can start no program and gets no privilege,
 * no mount, no other process's memory, no memory that is both written to and
 * run, and no socket but those of the network and AF_UNIX.
 *
 * A call that is not on the list fails with ENOSYS, and the kernel's log names
 * it. The process is not killed: a newer libc may prefer a call that is not on
 * the list, and falls back to an older call on ENOSYS.
 *
 * The filter stays in force for this thread and all that it starts, and sets
 * no_new_privs. 0; ERR_IO with *error when the kernel refuses it, or this
 * program was built without libseccomp.
 */
int sandbox_enter(char error[PROCESS_ERROR_SIZE]);

#ifdef HAVE_LIBSECCOMP
#define SANDBOX_IS_BUILT_IN true
#else
#define SANDBOX_IS_BUILT_IN false
#endif

#endif
