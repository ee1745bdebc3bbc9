/*
 * What has been done since the start, for status and metrics.
 *
 * Any thread, without a lock: numbers read together may be a moment apart.
 */
#ifndef FRONT_COUNTERS_H
#define FRONT_COUNTERS_H

#include <stdatomic.h>

#include "core/verdict.h"
#include "front/recipient.h"

#define X(member, name, reply, tlsrpt) +1
enum {
	COUNTERS_REASONS = 0 REASON_TABLE(X)
};
#undef X

/* Zeroed memory has counted nothing. */
struct counters {
	atomic_ullong reasons[COUNTERS_REASONS];
	atomic_ullong refused; /* recipients; REJECT counts as well */
	atomic_ullong held;    /* recipients of messages to be held */
};

void
counters_add(struct counters *counters, const struct recipient_result *result);

#endif
