/*
 * The one line that every answer at delivery leaves: fixed keys, fixed order.
 *
 * Any thread.
 */
#ifndef FRONT_TLS_LOG_H
#define FRONT_TLS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/scope.h"
#include "core/tls_policy.h"
#include "log/log.h"

struct tls_log {
	const struct target *target;
	/* The key as the MTA wrote it, when no target can be read from it;
	 * NULL: target is written. */
	const uint8_t *key;
	size_t key_len;
	enum tls_dialect dialect;
	enum tls_policy_kind kind; /* what was (monitor: would be) said */
	enum reason reason;
	bool monitor;
	bool cached;
	uint64_t ms;
	const struct tls_policy *policy;      /* NULL: no lookup was needed */
	const struct domain_entry *exemption; /* of REASON_EXEMPT, or NULL */
};

/* Info, or warning for what is deferred. */
enum log_level tls_log_level(const struct tls_log *line);
void tls_log(struct log *log, const struct tls_log *line);

#endif
