/* Asks the verdict cache and the loops, without waiting. */
#include "autoconf.h"

#include "engine/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "engine/cache.h"
#include "engine/engine_impl.h"
#include "log/metrics.h"

/* The longest time that a renewal ahead of expiry may take. */
#define RENEWAL_MS 30000

void
ask_loop(struct engine *engine, const struct ask_options *options)
{
	uint64_t hash = map_hash(options->target->domain);
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		if (options->done != NULL)
			options->done(options->arg, NULL, false);
		return;
	}
	w->worker = &engine->workers[hash % engine->n_workers];
	w->target = *options->target;
	w->deadline_ms = options->deadline_ms;
	w->refresh = options->what == ASK_REFRESH;
	w->delivery =
	    options->what == ASK_DELIVERY || options->what == ASK_EVIDENCE;
	w->done = options->done;
	w->arg = options->arg;
	w->task.run = lookup_join;
	loop_post(w->worker->loop, &w->task);
}

const struct answer *
ask_cache(struct engine *engine, const struct target *target)
{
	uint64_t now_ms = clock_mono_ms();
	const struct answer *answer;
	atomic_bool *renewed;
	char key[TARGET_TEXT_SIZE];

	target_text(target, key);
	answer = cache_get(engine->cache, key,
	    atomic_load_explicit(&engine->generation, memory_order_relaxed),
	    now_ms);
	metrics_count(engine->metrics, METRICS_VERDICT_CACHE, answer != NULL,
	    0);
	if (answer == NULL)
		return NULL;
	/* A verdict in use is looked up anew before it expires, so that a busy
	 * domain never waits. Only one asker starts that lookup. It reads the
	 * flag before it writes it, so that threads do not contend for the
	 * answer of a busy domain. */
	renewed = &((struct answer *)(uintptr_t)answer)->renewed;
	if (now_ms >= answer->renew_ms &&
	    !atomic_load_explicit(renewed, memory_order_relaxed) &&
	    !atomic_exchange(renewed, true))
		ask_loop(engine,
		    &(struct ask_options){
			.what = answer->delivery ? ASK_DELIVERY : ASK_VERDICT,
			.target = target,
			.deadline_ms = now_ms + RENEWAL_MS,
		    });
	return answer;
}

void
ask(struct engine *engine, const struct ask_options *options)
{
	const struct answer *answer = NULL;

	if (options->what == ASK_VERDICT || options->what == ASK_DELIVERY)
		answer = ask_cache(engine, options->target);
	if (answer == NULL ||
	    (options->what == ASK_DELIVERY && !answer->delivery))
		ask_loop(engine, options);
	else if (options->done != NULL)
		options->done(options->arg, answer, true);
	answer_unref(&answer);
}
