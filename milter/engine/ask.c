/* The engine: loops, what they share, and those who ask. */
#include "autoconf.h"

#include "engine/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/err.h"
#include "engine/ask_impl.h"
#include "engine/backoff.h"
#include "engine/cache.h"
#include "engine/clock.h"
#include "engine/lookup.h"
#include "engine/probe.h"
#include "engine/setup.h"
#include "engine/worker.h"
#include "io/log.h"
#include "io/store.h"

struct engine {
	struct store *store;
	struct log *log;
	struct cache *cache;
	struct probe *probe;
	struct rules rules; /* for askers whose loop does not answer */
	unsigned generation;
	size_t n_workers;
	struct worker *workers;
	/* For engine_free, which waits for the workers. */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	size_t n_busy;
};

/* --- start and stop ----------------------------------------------------- */

static size_t
loops_wanted(const struct config *config)
{
	long processors;

	if (config->loops > 0)
		return (size_t)config->loops;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	return processors > 0 ? (size_t)processors : 1;
}

static int
worker_init(struct worker *w, struct engine *engine,
    const struct config *config, char error[ENGINE_ERROR_SIZE])
{
	w->engine = engine;
	w->cache = engine->cache;
	w->store = engine->store;
	w->log = engine->log;
	w->probe = engine->probe;
	w->loop = loop_new();
	w->backoff = backoff_new();
	if (w->loop == NULL || w->backoff == NULL)
		return ERR_NOMEM;
	w->setup = setup_new(config, engine->generation, w->loop, error);
	return w->setup != NULL ? 0 : ERR_CONFIG;
}

static int
probe_init(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE])
{
	struct loop *loop = engine->workers[0].loop;
	struct dns *dns = setup_probe_dns(config, loop, error);

	if (dns == NULL)
		return ERR_CONFIG;
	probe_start(engine->probe, loop, dns);
	return 0;
}

static int
parts_init(struct engine *engine, const struct config *config)
{
	(void)pthread_mutex_init(&engine->lock, NULL);
	(void)pthread_cond_init(&engine->idle, NULL);
	engine->rules = config->rules;
	engine->generation = 1;
	engine->cache = cache_new(CACHE_ENTRIES_MAX, CACHE_OCTETS_MAX);
	engine->probe = probe_new(engine->log);
	engine->workers =
	    calloc(loops_wanted(config), sizeof(*engine->workers));
	if (engine->cache == NULL || engine->probe == NULL ||
	    engine->workers == NULL)
		return ERR_NOMEM;
	return 0;
}

static int
workers_start(struct engine *engine, char error[ENGINE_ERROR_SIZE])
{
	for (size_t i = 0; i < engine->n_workers; i++) {
		int err = loop_start(engine->workers[i].loop);

		if (err != 0) {
			(void)snprintf(error, ENGINE_ERROR_SIZE,
			    "cannot start a thread: %s", strerror(errno));
			return err;
		}
		engine->workers[i].running = true;
	}
	return 0;
}

static int
engine_init(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE])
{
	size_t n = loops_wanted(config);
	int err = parts_init(engine, config);

	for (size_t i = 0; err == 0 && i < n; i++) {
		engine->n_workers++;
		err = worker_init(&engine->workers[i], engine, config, error);
	}
	if (err == 0)
		err = probe_init(engine, config, error);
	if (err == 0)
		err = workers_start(engine, error);
	return err;
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
	if (engine_init(engine, config, error) != 0)
		engine_free(&engine);
	return engine;
}

static void
report_idle(struct worker *w)
{
	struct engine *engine = w->engine;

	if (!w->stopping || w->n_lookups > 0)
		return;
	(void)pthread_mutex_lock(&engine->lock);
	engine->n_busy--;
	(void)pthread_cond_signal(&engine->idle);
	(void)pthread_mutex_unlock(&engine->lock);
}

void
worker_lookup_freed(struct worker *w)
{
	report_idle(w);
}

/* Nothing new begins; what is under way is cancelled and so ends. */
static void
worker_stop(struct loop_task *task)
{
	struct worker *w = (struct worker *)((char *)task -
	    offsetof(struct worker, stop_task));

	if (w == &w->engine->workers[0])
		probe_stop(w->probe);
	w->stopping = true;
	w->n_lookups++; /* one more than there are: none is the last yet */
	lookup_break_off(w);
	setup_close(w->setup);
	w->n_lookups--;
	report_idle(w);
}

static void
workers_stop(struct engine *engine)
{
	for (size_t i = 0; i < engine->n_workers; i++)
		if (engine->workers[i].running)
			engine->n_busy++;
	for (size_t i = 0; i < engine->n_workers; i++) {
		struct worker *w = &engine->workers[i];

		w->stop_task.run = worker_stop;
		if (w->running)
			loop_post(w->loop, &w->stop_task);
	}
	(void)pthread_mutex_lock(&engine->lock);
	while (engine->n_busy > 0)
		(void)pthread_cond_wait(&engine->idle, &engine->lock);
	(void)pthread_mutex_unlock(&engine->lock);
	for (size_t i = 0; i < engine->n_workers; i++)
		if (engine->workers[i].running)
			loop_stop(engine->workers[i].loop);
}

static void
worker_free(struct worker *w)
{
	setup_free(&w->setup);
	map_clear(&w->lookups);
	backoff_free(&w->backoff);
	loop_free(&w->loop);
}

void
engine_free(struct engine **enginep)
{
	struct engine *engine = *enginep;

	if (engine == NULL)
		return;
	*enginep = NULL;
	workers_stop(engine);
	if (engine->probe != NULL)
		probe_stop(engine->probe);
	for (size_t i = 0; i < engine->n_workers; i++)
		worker_free(&engine->workers[i]);
	free(engine->workers);
	probe_free(&engine->probe);
	cache_free(&engine->cache);
	(void)pthread_cond_destroy(&engine->idle);
	(void)pthread_mutex_destroy(&engine->lock);
	free(engine);
}

/* --- asking ------------------------------------------------------------- */

void
target_key(const struct target *target, char key[TARGET_KEY_SIZE])
{
	const char *open = target->no_mx ? "[" : "";
	const char *close = target->no_mx ? "]" : "";

	if (target->port == 0 || target->port == SCOPE_PORT_SMTP)
		(void)snprintf(key, TARGET_KEY_SIZE, "%s%s%s", open,
		    target->domain, close);
	else
		(void)snprintf(key, TARGET_KEY_SIZE, "%s%s%s:%u", open,
		    target->domain, close, target->port);
}

static struct worker *
worker_of(struct engine *engine, const struct target *target)
{
	return &engine->workers[map_hash(target->domain) % engine->n_workers];
}

struct store *
engine_store(struct engine *engine)
{
	return engine->store;
}

struct log *
engine_log(struct engine *engine)
{
	return engine->log;
}

const struct rules *
engine_rules(struct engine *engine)
{
	return &engine->rules;
}

const struct answer *
ask_cache(struct engine *engine, const struct target *target)
{
	char key[TARGET_KEY_SIZE];

	target_key(target, key);
	return cache_get(engine->cache, key, engine->generation,
	    clock_mono_ms());
}

static void
waiter_arrived(struct loop_task *task)
{
	/* task is the first member */
	struct waiter *w = (struct waiter *)task;

	lookup_join(w->worker, w);
}

static void
enqueue(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, bool evidence, ask_done_fn *done, void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		done(arg, NULL, false);
		return;
	}
	w->worker = worker_of(engine, target);
	w->target = *target;
	w->deadline_ms = deadline_ms;
	w->evidence = evidence;
	w->done = done;
	w->arg = arg;
	w->task.run = waiter_arrived;
	loop_post(w->worker->loop, &w->task);
}

void
ask_loop(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	enqueue(engine, target, deadline_ms, false, done, arg);
}

void
ask_start(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	const struct answer *answer = ask_cache(engine, target);

	if (answer == NULL) {
		enqueue(engine, target, deadline_ms, false, done, arg);
		return;
	}
	done(arg, answer, true);
	answer_unref(&answer);
}

void
ask_evidence(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	enqueue(engine, target, deadline_ms, true, done, arg);
}
