/*
 * Inside of the engine: what its parts share. The contract is engine/ask.h.
 *
 *	engine    shared by all threads
 *	worker    one loop with its lookups, see loop.h
 *	setup     what the configuration gives a worker; a reload replaces it
 *	waiter    one that asks; posted to the worker's loop
 *	lookup    see lookup_impl.h
 */
#ifndef ENGINE_ENGINE_IMPL_H
#define ENGINE_ENGINE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "core/decide.h"
#include "core/domain_list.h"
#include "core/scope.h"
#include "dns/dns.h"
#include "engine/ask.h"
#include "engine/loop.h"
#include "engine/recent.h"
#include "log/log.h"

struct cache;
struct config;
struct fetcher;
struct lookup;
struct probe;
struct tlsrpt;

/* --- setup ---------------------------------------------------------------- */

/*
 * A worker's resolvers, fetcher and rules. A reload replaces it as a whole:
 * lookups that began under the old one end under it. On the loop, or before it
 * starts and after it has stopped.
 */

/* All setups of one worker, also those that only old lookups use. */
LIST_HEAD(setup_list, setup);

/*
 * DNS questions wait for their turn in lanes; each lane has a limit of
 * questions under way. A domain is known to bind, that is, to require DNSSEC,
 * by a pin or a stored policy.
 */
enum lane_kind {
	LANE_COMMON,    /* validating */
	LANE_BOUND,     /* the same, of lookups known to bind */
	LANE_DISCOVERY, /* not validating */
	LANE_DISCOVERY_BOUND,
	LANE_FRESH, /* past every cache */
	LANES
};

struct turn;
struct worker;
TAILQ_HEAD(turns, turn);
struct lane {
	size_t n_sent;      /* questions under way */
	struct turns turns; /* see lookup_limit.c */
};

struct setup {
	LIST_ENTRY(setup) link;
	unsigned refs;
	unsigned generation;
	struct loop *loop;
	struct rules rules;
	bool dane_for_all; /* option */
	unsigned enforced; /* percent, see share_has() */
	uint64_t ttl_min_ms;
	uint64_t ttl_max_ms;
	uint64_t backoff_ms;
	uint64_t discovery_ttl_max_ms;
	struct dns *dns;
	struct dns *reserve; /* for domains known to bind, while dns is busy */
	struct dns *discovery; /* does not validate (T-11) */
	struct dns *fresh;     /* the same, past every cache */
	struct lane lanes[LANES];
	struct fetcher *fetcher;
	struct loop_task release;
};

/* With one reference, put into the worker's list. NULL with error (of
 * ENGINE_ERROR_SIZE) filled in. */
struct setup *setup_new(const struct config *config, unsigned generation,
    struct worker *worker, char *error);
/* The last reference frees it, a moment later: this may be called from
 * callbacks of the resolvers that are freed. */
void setup_unref(struct setup **setup);
/* Cancels what is under way; the rest of *setup stays. */
void setup_close(struct setup *setup);
/* Frees it at once, whatever still refers to it. */
void setup_free(struct setup **setup);

enum setup_dns {
	SETUP_DNS_VALIDATING,
	SETUP_DNS_DISCOVERY, /* does not validate */
	SETUP_DNS_FRESH,     /* does not validate, has no cache */
	SETUP_DNS_PROBE      /* validates, has no cache */
};
/* A resolver. NULL with error filled in. */
struct dns *setup_dns(const struct config *config, enum setup_dns kind,
    struct loop *loop, struct metrics *metrics, char *error);

/* --- worker --------------------------------------------------------------- */

/*
 * Limits of one loop. Lookups under way: WORKER_LOOKUPS_MAX, and beyond them
 * WORKER_RESERVED_MAX of domains that are known to bind; further ones of these
 * wait, and others are shed (lookup_join). DNS questions under way, by lane:
 * further ones wait.
 *
 * One lookup has LOOKUP_QUESTIONS_MAX questions of a lane under way, those of
 * ten hosts: ten MX hosts cost no extra round trip. While a quarter of the lane
 * is taken, it has LOOKUP_QUESTIONS_BUSY and one more for each answer so far,
 * so that domains with silent servers do not fill the lane.
 */
#define WORKER_LOOKUPS_MAX    4096
#define WORKER_RESERVED_MAX   1024
#define WORKER_QUESTIONS_MAX  (DNS_PENDING_MAX - DNS_PENDING_MAX / 4)
#define WORKER_BOUND_MAX      480 /* a resolver has 512 sockets */
#define WORKER_QUESTIONS_BUSY 128 /* then the bound ones use the reserve */
#define LOOKUP_QUESTIONS_MAX  30
#define LOOKUP_QUESTIONS_BUSY 3
/* Questions past every cache. Each opens a resolver of its own until the
 * answer comes: some 2 MB, and 2 ms in which the loop does nothing else. So
 * refreshes and second fetches (T-13) use at most WORKER_FRESH_FETCHES of them,
 * and beyond that the resolver whose cache is young. */
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
	struct call *call;          /* that all workers make, see engine.c */
	struct loop_task call_task; /* posts it */
	struct setup *next_setup;   /* while a reload is prepared */
	struct dns *next_probe_dns;
	struct map lookups;       /* that waiters may join, by target key */
	TAILQ_HEAD(, lookup) all; /* the same, and those that only end */
	atomic_size_t n_lookups; /* all that are not freed yet; read anywhere */
	atomic_size_t n_waiters; /* the same */
	size_t n_reserved;       /* of the lookups: beyond WORKER_LOOKUPS_MAX */
	size_t n_parked;         /* likewise: in parked */
	TAILQ_HEAD(, lookup) parked; /* wait for room, see lookup_limit.c */
	struct loop_task parked_task;
	bool parked_posted;
	struct lru backoff;  /* see recent.h */
	struct lru flaps;    /* likewise */
	struct lru reported; /* a back-off: results that were reported */
	bool tlsrpt_failed;  /* the last report was not taken */
	bool running;        /* the loop was started */
	bool stopping;
	log_limit_time limit_told[LIMITS];
	log_limit_time hosts_told; /* FACTS_HOSTS_MAX */
	/* Shared by all workers; of any thread. */
	struct cache *cache;
	struct store *store;
	struct log *log;
	struct probe *probe;
	struct tlsrpt *tlsrpt; /* NULL: no reports */
	struct metrics *metrics;
};

/* A caller that waits. It is posted to the loop, and then stands in a lookup's
 * list until it is completed. */
struct waiter {
	struct loop_task task;
	struct loop_timer timer;
	TAILQ_ENTRY(waiter) link;
	struct worker *worker;
	struct lookup *lookup;
	struct target target;
	uint64_t deadline_ms;
	bool refresh;  /* of ASK_REFRESH */
	bool delivery; /* of ASK_DELIVERY, ASK_EVIDENCE */
	ask_done_fn *done;
	void *arg;
};

/* Called on the loop each time a lookup begins. */
void worker_look_at_clock(struct worker *worker);
/* Called on the loop each time a lookup was freed, and at the stop. */
void worker_report_idle(struct worker *worker);

/* --- lookups, on the loop --------------------------------------------------
 */

/*
 * Takes over the waiter whose task this is. The waiter is completed exactly
 * once, by the running lookup of its target or by a new one, no later than its
 * deadline, and freed.
 *
 * If too many lookups are under way, the new one only reads the store. A domain
 * that is then known to require DNSSEC is looked up all the same, out of a
 * reserve; when the reserve is used up, the lookup waits until another one
 * ends, and at the deadline the recipient is deferred. Any other domain is shed
 * and passes. Both with the reason internal-error.
 *
 * A refresh gets a lookup of its own, which fetches the stored policy of the
 * domain anew and completes the waiter without an answer.
 */
void lookup_join(struct loop_task *task);

/* After a reload: the next waiters begin new lookups. */
void lookup_detach_all(struct worker *worker);

/* Completes every waiter of every lookup with internal-error; lookups under way
 * end by themselves. */
void lookup_break_off(struct worker *worker);

/* --- engine --------------------------------------------------------------- */

struct engine {
	struct store *store;
	struct log *log;
	struct cache *cache;
	struct probe *probe;
	struct tlsrpt *tlsrpt; /* NULL: no reports */
	struct metrics *metrics;
	atomic_uint generation; /* of the configuration; 1 at first */
	struct wall wall;
	size_t n_workers;
	struct worker *workers;

	pthread_mutex_t lock;    /* guards the members below */
	struct rules rules;      /* for askers whose loop does not answer */
	struct domain_list pins; /* borrowed from the configuration */
	size_t n_busy; /* workers that still have lookups, at the end */
	pthread_cond_t idle;
	engine_set_back_fn *set_back; /* NULL: no callback */
	void *set_back_arg;
};

/* Any thread. True if the configuration in force pins the domain (T-14). */
bool engine_pins(struct engine *engine, const char *domain);

/* Any thread. A reference out of the verdict cache, or NULL. */
const struct answer *
ask_cache(struct engine *engine, const struct target *target);

/* Any thread. ask() past the cache. */
void ask_loop(struct engine *engine, const struct ask_options *options);

#endif
