/*
 * Questions to the engine: many under way at once, each waited for by the one
 * thread of the tool.
 */
#ifndef TOOL_QUERY_H
#define TOOL_QUERY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "engine/ask.h"

struct query_set {
	struct engine *engine;
	uint64_t patience_ms; /* of each query, from its start */
	pthread_mutex_t lock; /* for what completions write */
	pthread_cond_t some_done;
};

struct query {
	struct query_set *set;
	const char *name; /* as given */
	bool wrong;       /* it has no @, and is no domain either */
	bool asked;       /* there is a target to ask about */
	struct address address;
	struct target target;
	uint64_t started_ms;
	/* Written on completion. */
	uint64_t ms;
	bool done;
	const struct answer *answer; /* NULL: no memory */
};

void query_set_init(struct query_set *set);
/* All queries that were started have been waited for. */
void query_set_clear(struct query_set *set);

/* A name with an @ is an address, else a domain. It is borrowed. */
void query_read(struct query *query, struct query_set *set, const char *name);

/* Without a target, start and wait do nothing. */
void query_start(struct query *query);
void query_wait(struct query *query);
/* Lets go of the answer. */
void query_clear(struct query *query);

#endif
