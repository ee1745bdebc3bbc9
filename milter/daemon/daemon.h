/*
 * The daemon: main.c reads and checks its configuration before anything is
 * opened; daemon.c starts and stops its parts in order.
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
	char path[PATH_MAX]; /* room for absolute names of the two files */
	char pid_path[PATH_MAX];
	struct snapshot *snapshot;
	const struct config *config; /* held by the snapshot */
};

/*
 * Runs the daemon with a configuration that was checked, until SIGTERM. SIGUSR1
 * and SIGUSR2 must be blocked (reload.h). The exit status; errors are printed
 * and logged.
 */
int daemon_run(const struct startup *startup);

/*
 * `dane-sts-milter -n` as root: finds permissions that the service's user
 * lacks, before the service is started (preflight.c).
 *
 * A child becomes the service's user and tries, with access(2), the files and
 * directories that the configuration names. Where systemd runs, the unit's
 * restrictions are compared as well: preflight.c has them in a table, and a
 * drop-in that lifts one silences its row.
 *
 * Prints each finding on stderr with the command or drop-in that mends it. The
 * exit status: EX_CONFIG if the user lacks access to something. Restrictions of
 * the unit are warnings, as the service may be started without systemd. Does
 * nothing unless started as root. Before any other thread is started.
 */
int preflight_check(const struct startup *startup);

#endif
