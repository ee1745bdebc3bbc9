/*
 * One question of the MTA at delivery: a next hop in, the answer of the map
 * out, and the line in the log. Knows nothing of sockets.
 */
#ifndef FRONT_TLS_LOOKUP_H
#define FRONT_TLS_LOOKUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/scope.h"
#include "core/tls_policy.h"
#include "log/log.h"

struct engine;
struct snapshot;
struct snapshots;

/* Zeroed memory has counted nothing. Any thread. */
struct tls_counters {
	atomic_ullong answers[TLS_POLICY_KINDS];
	atomic_ullong malformed; /* requests */
};

/* What is needed for it. All borrowed. */
struct tls_parts {
	struct snapshots *snapshots;
	struct engine *engine;
	struct tls_counters *counters;
	struct log *log;
};

struct tls_lookup;
/* answer is on the heap and the receiver's; NULL: no memory. */
typedef void tls_lookup_fn(struct tls_lookup *lookup, char *answer);

/* Embedded in the caller's; must stay until done. */
struct tls_lookup {
	const struct tls_parts *parts;
	tls_lookup_fn *done;
	const struct tls_map *map; /* never NULL */
	/* its own */
	struct snapshot *snapshot;
	struct target target;
	uint64_t start_ms;
};

/*
 * Any thread. parts, done and map are set. key: any octets. done is called
 * exactly once, from inside the call or on an engine's loop, within the time
 * that the option deadline allows.
 */
void
tls_lookup_start(struct tls_lookup *lookup, const uint8_t *key, size_t len);

/*
 * The one line that every answer at delivery leaves: fixed keys, fixed order.
 * Any thread.
 */
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
