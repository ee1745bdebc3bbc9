/* Asking without waiting. */
#include "autoconf.h"

#include "engine/ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/cache.h"
#include "engine/clock.h"
#include "engine/engine_impl.h"
#include "engine/lookup.h"
#include "engine/map.h"

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
