/*
 * Inside of the engine: what ask.c lends to ask_wait.c.
 *
 * Any thread.
 */
#ifndef ENGINE_ASK_IMPL_H
#define ENGINE_ASK_IMPL_H

#include "engine/ask.h"

/* A reference out of the verdict cache, or NULL. */
const struct answer *
ask_cache(struct engine *engine, const struct target *target);

/* Past the cache. done: as ask_start has it. */
void ask_loop(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, ask_done_fn *done, void *arg);

struct store *engine_store(struct engine *engine);
struct log *engine_log(struct engine *engine);
const struct rules *engine_rules(struct engine *engine);

#endif
