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
/* Whether a stop was asked for and nobody has taken the signal yet. */
bool process_stop_asked(void);

/*
 * Forks; the child goes on here. The parent waits for process_ready and
 * leaves with 0, or with the child's exit code when the child ends without;
 * then it removes the child's PID file (NULL: none). A signal that asks for a
 * stop ends the parent alone. *pipe_fd is the child's to hand to process_ready.
 * 0 or ERR_IO.
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

/* Root's own, so that no user can make a script stop another process. 0 or
 * ERR_IO. */
int process_write_pid(const char *path, char error[PROCESS_ERROR_SIZE]);
/* Removes the file if it names this process. After root was given up it may
 * have to stay. */
void process_remove_pid(const char *path, pid_t pid);

/* Whether the user exists. "" is fine. 0 or ERR_CONFIG. */
int process_check_user(const char *user, char error[PROCESS_ERROR_SIZE]);

/*
 * Becomes user, for good, when started as root; "" stays. 0, ERR_CONFIG (no
 * such user) or ERR_IO with *error filled in.
 */
int process_drop_privileges(const char *user, char error[PROCESS_ERROR_SIZE]);

/*
 * After that, and before other threads: no program that is run can gain
 * privileges any more, no other process of the user may look into this one, and
 * no core file is written. cores: the last two stay as the init system has
 * them, for somebody who looks for a fault. 0 or ERR_IO.
 */
int process_lock(bool cores, char error[PROCESS_ERROR_SIZE]);

/* Makes user the owner of an open file, so that it can be opened anew later.
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
 * it. The process does not end: mail would wait for as long as a newer libc
 * prefers a call that this list does not know, while that libc falls back on
 * an older call when it is told ENOSYS.
 *
 * The filter stays in force for this thread and all that it starts, and takes
 * the process's way to new privileges with it. 0; ERR_IO with *error when the
 * kernel refuses it, or this program was built without libseccomp.
 */
int sandbox_enter(char error[PROCESS_ERROR_SIZE]);

#ifdef HAVE_LIBSECCOMP
#define SANDBOX_IS_BUILT_IN true
#else
#define SANDBOX_IS_BUILT_IN false
#endif

#endif
