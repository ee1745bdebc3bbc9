/* Asking without waiting. */
#include "autoconf.h"

#include "engine/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "engine/answer.h"
#include "engine/cache.h"
#include "engine/engine_impl.h"
#include "engine/lookup.h"
#include "log/metrics.h"

void
target_key(const struct target *target, char key[TARGET_KEY_SIZE])
{
	const char *open = target->no_mx ? "[" : "";
	const char *close = target->no_mx ? "]" : "";
	const bool usual = target->port == 0 || target->port == SCOPE_PORT_SMTP;

	/* Nearly all; printf takes as long as the lookup itself. */
	if (usual && !target->no_mx)
		memcpy(key, target->domain, strlen(target->domain) + 1);
	else if (usual)
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

static void
waiter_arrived(struct loop_task *task)
{
	/* task is the first member */
	struct waiter *w = (struct waiter *)task;

	if (w->refresh)
		lookup_refresh(w->worker, w);
	else
		lookup_join(w->worker, w);
}

/* NULL: no memory, and done was told so. */
static struct waiter *
waiter_new(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		done(arg, NULL, false);
		return NULL;
	}
	w->worker = worker_of(engine, target);
	w->target = *target;
	w->deadline_ms = deadline_ms;
	w->done = done;
	w->arg = arg;
	w->task.run = waiter_arrived;
	return w;
}

void
ask_loop(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	struct waiter *w = waiter_new(engine, target, deadline_ms, done, arg);

	if (w != NULL)
		loop_post(w->worker->loop, &w->task);
}

static void
nobody_waits(void *arg, const struct answer *answer, bool cached)
{
	(void)arg;
	(void)answer;
	(void)cached;
}

/* A verdict in use is looked up anew before it expires, so that a busy domain
 * never waits. */
static void
renew(struct engine *engine, const struct target *target, bool delivery)
{
	uint64_t deadline_ms = clock_mono_ms() + ANSWER_RENEWAL_MS;
	struct waiter *w =
	    waiter_new(engine, target, deadline_ms, nobody_waits, NULL);

	if (w == NULL)
		return;
	w->delivery = delivery;
	loop_post(w->worker->loop, &w->task);
}

const struct answer *
ask_cache(struct engine *engine, const struct target *target)
{
	uint64_t now_ms = clock_mono_ms();
	const struct answer *answer;
	char key[TARGET_KEY_SIZE];

	target_key(target, key);
	answer = cache_get(engine->cache, key,
	    atomic_load_explicit(&engine->generation, memory_order_relaxed),
	    now_ms);
	metrics_count(engine->metrics, METRICS_VERDICT_CACHE, answer != NULL,
	    0);
	if (answer != NULL && answer_take_renewal(answer, now_ms))
		renew(engine, target, answer->delivery);
	return answer;
}

void
ask_start(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	const struct answer *answer = ask_cache(engine, target);

	if (answer == NULL) {
		ask_loop(engine, target, deadline_ms, done, arg);
		return;
	}
	done(arg, answer, true);
	answer_unref(&answer);
}

void
ask_evidence(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	struct waiter *w = waiter_new(engine, target, deadline_ms, done, arg);

	if (w == NULL)
		return;
	w->delivery = true;
	loop_post(w->worker->loop, &w->task);
}

void
ask_delivery(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg)
{
	const struct answer *answer = ask_cache(engine, target);
	struct waiter *w;

	if (answer != NULL && answer->delivery) {
		done(arg, answer, true);
		answer_unref(&answer);
		return;
	}
	answer_unref(&answer);
	w = waiter_new(engine, target, deadline_ms, done, arg);
	if (w == NULL)
		return;
	w->delivery = true;
	loop_post(w->worker->loop, &w->task);
}

void
ask_refresh(struct engine *engine, const char *domain, ask_done_fn *done,
    void *arg)
{
	struct target target = {.port = SCOPE_PORT_SMTP};
	struct waiter *w;

	(void)snprintf(target.domain, sizeof(target.domain), "%s", domain);
	w = waiter_new(engine, &target, UINT64_MAX, done, arg);
	if (w == NULL)
		return;
	w->refresh = true;
	loop_post(w->worker->loop, &w->task);
}
