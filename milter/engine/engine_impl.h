/*
 * Inside of the engine: what its parts share. The contract is engine/ask.h.
 */
#ifndef ENGINE_ENGINE_IMPL_H
#define ENGINE_ENGINE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/decide.h"
#include "core/domain_list.h"
#include "engine/ask.h"
#include "engine/clock_step.h"
#include "engine/worker.h"

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

	pthread_mutex_t lock;    /* of what follows */
	struct rules rules;      /* for askers whose loop does not answer */
	struct domain_list pins; /* borrowed from the configuration */
	size_t n_busy; /* workers that still have lookups, at the end */
	pthread_cond_t idle;
	engine_set_back_fn *set_back; /* NULL: nobody wants to know */
	void *set_back_arg;
};

/* Any thread. Whether the configuration in force pins the domain (T-14). */
bool engine_pins(struct engine *engine, const char *domain);

/* Any thread. A reference out of the verdict cache, or NULL. */
const struct answer *
ask_cache(struct engine *engine, const struct target *target);

/* Any thread. Past the cache. done: as ask_start has it. */
void ask_loop(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg);

#endif
