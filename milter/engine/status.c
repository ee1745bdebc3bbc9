#include "autoconf.h"

#include "engine/status.h"

#include "engine/cache.h"
#include "engine/engine_impl.h"

void
engine_status(struct engine *engine, struct engine_status *out)
{
	*out = (struct engine_status){
	    .generation = atomic_load(&engine->generation),
	    .loops = engine->n_workers,
	    .verdicts = cache_entries(engine->cache),
	    .verdict_octets = cache_octets(engine->cache),
	};
	out->resolver = probe_state(engine->probe, &out->resolver_since_s);
	probe_why(engine->probe, out->resolver_why);
	for (size_t i = 0; i < engine->n_workers; i++) {
		out->lookups += atomic_load(&engine->workers[i].n_lookups);
		out->askers += atomic_load(&engine->workers[i].n_waiters);
	}
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
