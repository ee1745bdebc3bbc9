/*
 * What the daemon is started with: its command line and its configuration,
 * read and checked before anything is opened.
 *
 * Main thread. What is wrong is printed on stderr.
 */
#ifndef DAEMON_STARTUP_H
#define DAEMON_STARTUP_H

#include <limits.h>

#include "daemon/arguments.h"

struct config;
struct snapshot;

struct startup {
	struct arguments arguments;
	const char *file;    /* NULL: there is none, all is default */
	char path[PATH_MAX]; /* of the two, should they be made absolute */
	char pid_path[PATH_MAX];
	struct snapshot *snapshot;
	const struct config *config; /* which the snapshot holds */
};

/* arguments are copied, their strings borrowed. The exit status. */
int startup_load(struct startup *startup, const struct arguments *arguments);
void startup_free(struct startup *startup);

/* What can be said against it without starting anything. The exit status. */
int startup_check(const struct startup *startup);
/* Says that it is good, with -v what it is. */
void startup_show(const struct startup *startup);

#endif
