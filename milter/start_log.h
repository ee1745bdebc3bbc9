/*
 * What the log says at start: the facts that a report needs, and what should
 * not stay unnoticed.
 *
 * Main thread.
 */
#ifndef START_LOG_H
#define START_LOG_H

#include <stdint.h>

struct config;
struct log;

/* file NULL: there is none, all options have their defaults. */
void
start_log_write(struct log *log, const struct config *config, const char *file);

/* Exemptions that have lapsed, or will within a week. Also at a reload. */
void start_log_exemptions(struct log *log, const struct config *config,
    int64_t now_s);

#endif
