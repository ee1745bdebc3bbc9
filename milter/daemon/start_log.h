/*
 * Log lines at startup: the facts that a bug report needs, and warnings about
 * risky settings. At startup and later, also the exemptions and pins that
 * lapse: each day for a week, so that the postmaster can renew them, and once
 * when they have lapsed.
 *
 * Any thread. Times are wall clock.
 */
#ifndef DAEMON_START_LOG_H
#define DAEMON_START_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct log;

#define START_LOG_LIBRARIES_SIZE 512

/* Main thread. file NULL: there is none, all options have their defaults. */
void start_log_write(struct log *log, const struct config *config,
    const char *file, bool sandboxed);

/* The libraries that the program runs with, and their versions, which a bug
 * report needs first. "getdns 1.6.0, libunbound 1.17.1, ..." */
void start_log_libraries(char out[START_LOG_LIBRARIES_SIZE]);

/* Logs the entries that lapse within DOMAIN_ENTRY_NOTICE_S, and those that
 * lapsed after since_s, the time of the last call; 0: all. */
void exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s);
/* Warns of pins that an exemption overrides. */
void exemption_log_conflicts(struct log *log, const struct config *config,
    int64_t now_s);
/* Entries end at midnight, UTC. True if a midnight lies between the two
 * times. */
bool exemption_log_is_due(int64_t before_s, int64_t now_s);

#endif
