/*
 * What a configuration makes of a worker: its resolver, its fetcher and its
 * rules. Replaced as a whole by a reload: lookups that began under the old one
 * end under it.
 *
 * On the loop, or before it starts and after it has stopped.
 */
#ifndef ENGINE_SETUP_H
#define ENGINE_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/decide.h"
#include "engine/loop.h"

struct config;
struct dns;
struct event_base;
struct fetcher;
struct metrics;

/* All of one worker, those that only old lookups use included. */
LIST_HEAD(setup_list, setup);

/*
 * Where DNS questions wait for their turn: each lane has a limit of questions
 * under way. Known to bind: a pin or a stored policy says so.
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
	unsigned enforced; /* percent, share.h */
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

/* With one reference, put into list. NULL with error (of ENGINE_ERROR_SIZE)
 * filled in. */
struct setup *
setup_new(const struct config *config, unsigned generation, struct loop *loop,
    struct setup_list *list, struct metrics *metrics, char *error);
/* The last one to let go frees it, a moment later: it may be called from
 * callbacks of what is freed. */
void setup_unref(struct setup **setup);
/* Cancels what is under way; the rest of *setup stays. */
void setup_close(struct setup *setup);
/* At once, whoever still refers to it. */
void setup_free(struct setup **setup);

/* An uncached resolver for the probe. */
struct dns *setup_probe_dns(const struct config *config, struct loop *loop,
    struct metrics *metrics, char *error);

#endif
