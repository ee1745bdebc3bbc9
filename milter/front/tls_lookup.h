/*
 * Looks up a next hop for the MTA at delivery: makes the answer of the map and
 * writes the line in the log. Knows nothing of sockets.
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

/* The parts that a lookup uses. All borrowed. */
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

#endif
