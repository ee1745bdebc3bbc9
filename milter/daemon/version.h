/*
 * The program's version and those of the libraries it runs with: the first
 * thing to know about a report.
 *
 * Any thread.
 */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

#include <stddef.h>

/* "getdns 1.6.0, libunbound 1.17.1, ..." */
void version_libraries(char *out, size_t size);

#endif
