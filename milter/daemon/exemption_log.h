/*
 * What the log says of exemptions and pins that end: each day for a week, so
 * that the postmaster can renew them, and once when they have.
 *
 * Any thread. Times are wall clock.
 */
#ifndef DAEMON_EXEMPTION_LOG_H
#define DAEMON_EXEMPTION_LOG_H

#include <stdint.h>

struct config;
struct log;

/* Those that will lapse within DOMAIN_ENTRY_NOTICE_S, and those that lapsed
 * after since_s, when it was told last; 0: all. */
void exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s);

/* Warns of pins that an exemption overrides. */
void exemption_log_conflicts(struct log *log, const struct config *config,
    int64_t now_s);

/* Seconds until it should be told again: they end at midnight, UTC. */
int64_t exemption_log_pause(int64_t now_s);

#endif
