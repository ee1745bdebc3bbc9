/*
 * What the log says at start: the facts that a report needs, and what should
 * not stay unnoticed.
 *
 * Main thread.
 */
#ifndef DAEMON_START_LOG_H
#define DAEMON_START_LOG_H

#include <stdbool.h>

struct config;
struct log;

/* file NULL: there is none, all options have their defaults. */
void start_log_write(struct log *log, const struct config *config,
    const char *file, bool sandboxed);

#endif
