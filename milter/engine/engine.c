/* The engine's life: start, reload, watch, stop. */
#include "autoconf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "dns/dns.h"
#include "engine/cache.h"
#include "engine/engine_impl.h"
#include "engine/probe.h"
#include "engine/recent.h"
#include "log/metrics.h"
#include "log/tlsrpt.h"

/* --- all workers at once ------------------------------------------------ */

typedef void worker_fn(struct worker *worker, void *arg);

/* A call that every worker makes on its own loop. */
struct call {
	pthread_mutex_t lock;
	pthread_cond_t made;
	size_t left;
	worker_fn *fn;
	void *arg;
};

static void
call_make(struct loop_task *task)
{
	struct worker *w = LOOP_OWNER(task, struct worker, call_task);
	struct call *call = w->call;

	call->fn(w, call->arg);
	(void)pthread_mutex_lock(&call->lock);
	if (--call->left == 0)
		(void)pthread_cond_signal(&call->made);
	(void)pthread_mutex_unlock(&call->lock);
}

/* Not on a loop, one call at a time. Returns when every running worker has made
 * the call. */
static void
call_workers(struct engine *engine, worker_fn *fn, void *arg)
{
	struct call call = {
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .made = PTHREAD_COND_INITIALIZER,
	    .fn = fn,
	    .arg = arg,
	};

	for (size_t i = 0; i < engine->n_workers; i++)
		call.left += engine->workers[i].running;
	for (size_t i = 0; i < engine->n_workers; i++) {
		struct worker *w = &engine->workers[i];

		w->call_task.run = call_make;
		w->call = &call;
		if (w->running)
			loop_post(w->loop, &w->call_task);
	}
	(void)pthread_mutex_lock(&call.lock);
	while (call.left > 0)
		(void)pthread_cond_wait(&call.made, &call.lock);
	(void)pthread_mutex_unlock(&call.lock);
}

/* --- start -------------------------------------------------------------- */

static int
worker_init(struct worker *w, struct engine *engine,
    const struct config *config, char error[ENGINE_ERROR_SIZE])
{
	w->engine = engine;
	w->cache = engine->cache;
	w->store = engine->store;
	w->log = engine->log;
	w->probe = engine->probe;
	w->tlsrpt = engine->tlsrpt;
	w->metrics = engine->metrics;
	TAILQ_INIT(&w->all);
	TAILQ_INIT(&w->parked);
	LIST_INIT(&w->setups);
	w->loop = loop_new();
	if (w->loop == NULL)
		return ERR_NOMEM;
	w->setup = setup_new(config, engine->generation, w, error);
	return w->setup != NULL ? 0 : ERR_CONFIG;
}

static int
engine_init(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE])
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = config->loops > 0 ? (size_t)config->loops
	    : processors > 0         ? (size_t)processors
				     : 1;
	const char *tlsrpt = config->tlsrpt_socket;
	struct dns *dns;
	int err = 0;

	engine->cache = cache_new(CACHE_ENTRIES_MAX, CACHE_OCTETS_MAX);
	engine->probe = probe_new(engine->log);
	engine->metrics = metrics_new();
	engine->workers = calloc(n, sizeof(*engine->workers));
	if (engine->cache == NULL || engine->probe == NULL ||
	    engine->metrics == NULL || engine->workers == NULL)
		return ERR_NOMEM;
	if (tlsrpt != NULL && tlsrpt[0] != '\0') {
		engine->tlsrpt = tlsrpt_open(tlsrpt);
		if (engine->tlsrpt == NULL) {
			(void)snprintf(error, ENGINE_ERROR_SIZE,
			    "tlsrpt_socket %.256s: no such socket can be",
			    tlsrpt);
			return ERR_CONFIG;
		}
	}
	for (size_t i = 0; err == 0 && i < n; i++) {
		engine->n_workers++;
		err = worker_init(&engine->workers[i], engine, config, error);
	}
	if (err != 0)
		return err;

	/* The first loop has the probe. No loop runs yet. */
	dns = setup_dns(config, SETUP_DNS_PROBE, engine->workers[0].loop,
	    engine->metrics, error);
	if (dns == NULL)
		return ERR_CONFIG;
	probe_start(engine->probe, engine->workers[0].loop, dns);
	for (size_t i = 0; i < n; i++) {
		err = loop_start(engine->workers[i].loop);
		if (err != 0) {
			(void)snprintf(error, ENGINE_ERROR_SIZE,
			    "cannot start a thread: %s", strerror(errno));
			return err;
		}
		engine->workers[i].running = true;
	}
	return 0;
}

struct engine *
engine_new(const struct config *config, struct store *store, struct log *log,
    char error[ENGINE_ERROR_SIZE])
{
	struct engine *engine = calloc(1, sizeof(*engine));

	(void)snprintf(error, ENGINE_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
	if (engine == NULL)
		return NULL;
	engine->store = store;
	engine->log = log;
	engine->rules = config->rules;
	engine->pins = config->pins;
	(void)pthread_mutex_init(&engine->lock, NULL);
	(void)pthread_cond_init(&engine->idle, NULL);
	atomic_init(&engine->generation, 1);
	wall_init(&engine->wall, clock_mono_ms(), clock_wall_s());
	if (engine_init(engine, config, error) != 0)
		engine_free(&engine);
	return engine;
}

/* --- reload ------------------------------------------------------------- */

struct reload {
	const struct config *config;
	unsigned generation;
	pthread_mutex_t lock; /* guards the members below */
	bool failed;
	char *error;
};

/* First each worker makes its new setup; the setup in use does not change. */
static void
reload_prepare(struct worker *w, void *arg)
{
	struct reload *reload = arg;
	char error[ENGINE_ERROR_SIZE];
	bool ok;

	w->next_setup = setup_new(reload->config, reload->generation, w, error);
	ok = w->next_setup != NULL;
	if (ok && w == &w->engine->workers[0]) {
		w->next_probe_dns = setup_dns(reload->config, SETUP_DNS_PROBE,
		    w->loop, w->metrics, error);
		ok = w->next_probe_dns != NULL;
	}
	if (ok)
		return;
	(void)pthread_mutex_lock(&reload->lock);
	reload->failed = true;
	(void)snprintf(reload->error, ENGINE_ERROR_SIZE, "%s", error);
	(void)pthread_mutex_unlock(&reload->lock);
}

/* Then all take the new setup, or all stay with the old one. */
static void
reload_take(struct worker *w, void *arg)
{
	struct reload *reload = arg;

	if (reload->failed) {
		setup_free(&w->next_setup);
		if (w->next_probe_dns != NULL)
			dns_free(&w->next_probe_dns);
		return;
	}
	setup_unref(&w->setup);
	w->setup = w->next_setup;
	w->next_setup = NULL;
	if (w->next_probe_dns != NULL) {
		probe_stop(w->probe);
		probe_start(w->probe, w->loop, w->next_probe_dns);
		w->next_probe_dns = NULL;
	}
	lookup_detach_all(w);
}

int
engine_reload(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE])
{
	struct reload reload = {
	    .config = config,
	    .generation = atomic_load(&engine->generation) + 1,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .error = error,
	};

	call_workers(engine, reload_prepare, &reload);
	if (!reload.failed) {
		(void)pthread_mutex_lock(&engine->lock);
		engine->rules = config->rules;
		engine->pins = config->pins;
		(void)pthread_mutex_unlock(&engine->lock);
	}
	call_workers(engine, reload_take, &reload);
	if (!reload.failed)
		atomic_store(&engine->generation, reload.generation);
	return reload.failed ? ERR_CONFIG : 0;
}

bool
engine_pins(struct engine *engine, const char *domain)
{
	bool pinned;

	(void)pthread_mutex_lock(&engine->lock);
	pinned =
	    domain_list_find(&engine->pins, domain, clock_wall_s()) != NULL;
	(void)pthread_mutex_unlock(&engine->lock);
	return pinned;
}

/* --- the wall clock ----------------------------------------------------- */

void
engine_on_set_back(struct engine *engine, engine_set_back_fn *fn, void *arg)
{
	(void)pthread_mutex_lock(&engine->lock);
	engine->set_back = fn;
	engine->set_back_arg = arg;
	(void)pthread_mutex_unlock(&engine->lock);
}

void
worker_look_at_clock(struct worker *w)
{
	struct engine *engine = w->engine;

	if (!wall_set_back(&engine->wall, clock_mono_ms(), clock_wall_s()))
		return;
	(void)pthread_mutex_lock(&engine->lock);
	if (engine->set_back != NULL)
		engine->set_back(engine->set_back_arg);
	(void)pthread_mutex_unlock(&engine->lock);
}

/* --- watch -------------------------------------------------------------- */

bool
engine_alive(struct engine *engine)
{
	bool alive = true;

	for (size_t i = 0; i < engine->n_workers; i++)
		alive &= loop_turns(engine->workers[i].loop);
	return alive;
}

void
engine_status(struct engine *engine, struct engine_status *out)
{
	struct cache_size verdicts = cache_size(engine->cache);

	*out = (struct engine_status){
	    .generation = atomic_load(&engine->generation),
	    .loops = engine->n_workers,
	    .verdicts = verdicts.entries,
	    .verdict_octets = verdicts.octets,
	};
	out->resolver = probe_state(engine->probe, &out->resolver_since_s,
	    out->resolver_why);
	out->root_key_missing = probe_key_missing(engine->probe);
	for (size_t i = 0; i < engine->n_workers; i++) {
		out->lookups += atomic_load(&engine->workers[i].n_lookups);
		out->askers += atomic_load(&engine->workers[i].n_waiters);
	}
}

struct metrics *
engine_metrics(struct engine *engine)
{
	return engine->metrics;
}

enum probe_state
engine_await_probe(struct engine *engine, uint64_t deadline_ms)
{
	return probe_await(engine->probe, deadline_ms);
}

void
engine_forget(struct engine *engine, const char *domain)
{
	(void)cache_forget(engine->cache, domain);
}

/* --- stop --------------------------------------------------------------- */

void
worker_report_idle(struct worker *w)
{
	struct engine *engine = w->engine;

	if (!w->stopping || w->n_lookups > 0)
		return;
	(void)pthread_mutex_lock(&engine->lock);
	engine->n_busy--;
	(void)pthread_cond_signal(&engine->idle);
	(void)pthread_mutex_unlock(&engine->lock);
}

/* Nothing new begins; lookups under way are cancelled, which ends them. */
static void
worker_stop(struct worker *w, void *arg)
{
	struct setup *setup;

	(void)arg;
	if (w == &w->engine->workers[0])
		probe_stop(w->probe);
	w->stopping = true;
	w->n_lookups++; /* so that no lookup counts as the last one yet */
	lookup_break_off(w);
	LIST_FOREACH(setup, &w->setups, link)
	setup_close(setup);
	w->n_lookups--;
	worker_report_idle(w);
}

void
engine_free(struct engine **enginep)
{
	struct engine *engine = *enginep;

	if (engine == NULL)
		return;
	*enginep = NULL;

	/* Each running worker breaks off its lookups and reports when the last
	 * one is freed. Then no loop has anything to do. */
	for (size_t i = 0; i < engine->n_workers; i++)
		engine->n_busy += engine->workers[i].running;
	call_workers(engine, worker_stop, NULL);
	(void)pthread_mutex_lock(&engine->lock);
	while (engine->n_busy > 0)
		(void)pthread_cond_wait(&engine->idle, &engine->lock);
	(void)pthread_mutex_unlock(&engine->lock);
	for (size_t i = 0; i < engine->n_workers; i++)
		if (engine->workers[i].running)
			loop_stop(engine->workers[i].loop);

	if (engine->probe != NULL)
		probe_stop(engine->probe); /* of a start that failed */
	for (size_t i = 0; i < engine->n_workers; i++) {
		struct worker *w = &engine->workers[i];
		struct setup *setup;

		while ((setup = LIST_FIRST(&w->setups)) != NULL)
			setup_free(&setup);
		map_clear(&w->lookups);
		lru_clear(&w->flaps, free);
		lru_clear(&w->backoff, free);
		lru_clear(&w->reported, free);
		loop_free(&w->loop);
	}
	free(engine->workers);
	probe_free(&engine->probe);
	tlsrpt_close(&engine->tlsrpt);
	cache_free(&engine->cache);
	metrics_free(&engine->metrics);
	(void)pthread_cond_destroy(&engine->idle);
	(void)pthread_mutex_destroy(&engine->lock);
	free(engine);
}
