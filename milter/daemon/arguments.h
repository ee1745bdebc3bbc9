/*
 * The command line of dane-sts-milter(8).
 *
 * Main thread.
 */
#ifndef DAEMON_ARGUMENTS_H
#define DAEMON_ARGUMENTS_H

#include <stdbool.h>

struct arguments {
	const char *file;     /* NULL: the default one */
	const char *pid_file; /* NULL: none */
	bool background;
	bool check;
	bool verbose;
};

/* False: leave with *code; what had to be said was printed. */
bool
arguments_parse(int argc, char **argv, struct arguments *arguments, int *code);

#endif
