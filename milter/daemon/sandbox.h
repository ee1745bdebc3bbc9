/*
 * The system calls that the process may make once it accepts connections: a
 * filter made with libseccomp. An attacker who takes over a parser of DNS
 * answers, certificates or policies can start no program and gets no privilege,
 * no mount, no other process's memory, no memory that is both written to and
 * run, and no socket but those of the network and AF_UNIX.
 *
 * A call that is not on the list fails with ENOSYS, and the kernel's log names
 * it. Not the end of the process: mail would wait for as long as a newer libc
 * prefers a call that this list does not know, and that libc has an older one
 * to fall back on when it is told ENOSYS.
 *
 * Main thread, before any other is started: threads inherit it.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdbool.h>

#define SANDBOX_ERROR_SIZE 256

/* Whether this program was built with libseccomp. */
bool sandbox_is_built_in(void);

/*
 * For good, for this thread and all that it starts; takes the process's way to
 * new privileges with it. 0; ERR_IO with *error when the kernel does not let
 * us, or there is no libseccomp.
 */
int sandbox_enter(char error[SANDBOX_ERROR_SIZE]);

#endif
