/*
 * The daemon: what it is started with, read and checked before anything is
 * opened; its parts, and the order in which they are started and stopped.
 *
 * Main thread.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <limits.h>
#include <stdbool.h>

struct config;
struct snapshot;

/* The command line of dane-sts-milter(8). */
struct arguments {
	const char *file;     /* NULL: the default one */
	const char *pid_file; /* NULL: none */
	bool background;
	bool check;
	bool verbose;
};

struct startup {
	struct arguments arguments;
	const char *file;    /* NULL: there is none, all is default */
	char path[PATH_MAX]; /* of the two, should they be made absolute */
	char pid_path[PATH_MAX];
	struct snapshot *snapshot;
	const struct config *config; /* which the snapshot holds */
};

/* --- startup.c. Errors are printed on stderr. --- */

/* arguments are copied, their strings borrowed. The exit status. */
int startup_load(struct startup *startup, const struct arguments *arguments);
void startup_free(struct startup *startup);

/* Checks the configuration without starting anything. The exit status. */
int startup_check(const struct startup *startup);
/* Prints that it is good; with -v the whole configuration. */
void startup_show(const struct startup *startup);

/* --- daemon.c --- */

/*
 * From a configuration that was checked to SIGTERM. SIGUSR1 and SIGUSR2 must be
 * blocked (reload.h). The exit status; what went wrong was printed and logged.
 */
int daemon_run(const struct startup *startup);

#endif
