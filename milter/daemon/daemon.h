/*
 * The daemon's parts, and the order in which they are started and stopped.
 *
 * Main thread.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

struct startup;

/*
 * From a configuration that was checked to SIGTERM. SIGUSR1 must be blocked
 * (reload.h). The exit status; what went wrong was printed and logged.
 */
int daemon_run(const struct startup *startup);

#endif
