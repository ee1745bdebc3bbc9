/*
 * One loop with all that the lookups on it need. Everything in here belongs to
 * the loop's thread, but for what is marked.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "core/scope.h"
#include "dns/dns.h"
#include "engine/ask.h"
#include "engine/loop.h"
#include "engine/pulse.h"
#include "engine/setup.h"

struct backoff;
struct cache;
struct flap;
struct lookup;
struct metrics;
struct probe;
struct tlsrpt;

/*
 * Limits of one loop. Lookups under way: WORKER_LOOKUPS_MAX, and beyond them
 * WORKER_RESERVED_MAX of domains that are known to bind; further ones are shed
 * (lookup.h). DNS questions under way, by lane (setup.h): further ones wait.
 *
 * One lookup has LOOKUP_QUESTIONS_MAX questions of a lane under way, those of
 * eight hosts. While a quarter of the lane is taken, it has
 * LOOKUP_QUESTIONS_BUSY and one more for each answer so far, so that domains
 * with silent servers do not fill the lane.
 */
#define WORKER_LOOKUPS_MAX    4096
#define WORKER_RESERVED_MAX   1024
#define WORKER_QUESTIONS_MAX  (DNS_PENDING_MAX - DNS_PENDING_MAX / 4)
#define WORKER_BOUND_MAX      480 /* a resolver has 512 sockets */
#define WORKER_QUESTIONS_BUSY 128 /* then the bound ones use the reserve */
#define LOOKUP_QUESTIONS_MAX  24
#define LOOKUP_QUESTIONS_BUSY 3
/* Questions past every cache. Each is a resolver of its own for as long
 * as it takes: some 2 MB, and 2 ms in which the loop does nothing else. So
 * refreshes and second fetches (T-13) take fewer of them, and otherwise the
 * resolver whose cache is young. */
#define WORKER_FRESH_MAX     32
#define WORKER_FRESH_FETCHES 8

/* Limits whose first hit in a minute is logged. The first ones are those of the
 * lanes, in their order. */
enum limit {
	LIMIT_SHARE = LANES,
	LIMIT_LOOKUPS,
	LIMIT_RESERVED,
	LIMITS
};

struct worker {
	struct engine *engine;
	struct loop *loop;
	struct setup *setup;
	struct setup_list setups;
	struct setup *next_setup; /* while a reload is prepared */
	struct dns *next_probe_dns;
	struct map lookups; /* those that askers may join, by target key */
	TAILQ_HEAD(, lookup) all; /* those, and those that only end */
	atomic_size_t n_lookups; /* all that are not freed yet; read anywhere */
	atomic_size_t n_waiters; /* the same */
	size_t n_reserved;       /* of the lookups: beyond WORKER_LOOKUPS_MAX */
	struct backoff *backoff;
	struct flap *flap;
	struct backoff *reported; /* results that were told, by domain */
	bool tlsrpt_failed;       /* the last report was not taken */
	struct pulse pulse;
	bool running; /* the loop was started */
	bool stopping;
	uint64_t limit_told_ms[LIMITS]; /* clock_mono_ms(); 0: never */
	/* Shared by all workers; of any thread. */
	struct cache *cache;
	struct store *store;
	struct log *log;
	struct probe *probe;
	struct tlsrpt *tlsrpt; /* NULL: no reports */
	struct metrics *metrics;
};

/* One who asks. Posted to the loop, then in a lookup's list till done. */
struct waiter {
	struct loop_task task;
	struct loop_timer timer;
	TAILQ_ENTRY(waiter) link;
	struct worker *worker;
	struct lookup *lookup;
	struct target target;
	uint64_t deadline_ms;
	bool refresh;  /* wants the policy fetched anew, and no verdict */
	bool delivery; /* waits for all that a delivery needs */
	ask_done_fn *done;
	void *arg;
};

/* Called on the loop each time a lookup begins. */
void worker_look_at_clock(struct worker *worker);
/* Called on the loop each time a lookup was freed. */
void worker_lookup_freed(struct worker *worker);

/* "example.org", "[relay.example.org]", "relay.example.org:587" */
#define TARGET_KEY_SIZE (NAME_SIZE + 10)
void target_key(const struct target *target, char key[TARGET_KEY_SIZE]);

#endif
