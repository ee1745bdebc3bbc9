/* Policies whose fetch failed. */
#include "autoconf.h"

#include "engine/backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/map.h"
#include "base/name.h"
#include "core/txt.h"

struct entry {
	struct map_node node; /* first: a node is its entry */
	TAILQ_ENTRY(entry) age;
	uint64_t until_ms;
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	char error[BACKOFF_ERROR_SIZE];
};

struct backoff {
	struct map map;
	TAILQ_HEAD(, entry) ages; /* oldest failure first */
};

static void
drop(struct backoff *backoff, struct entry *e)
{
	map_remove(&backoff->map, &e->node);
	TAILQ_REMOVE(&backoff->ages, e, age);
	free(e);
}

struct backoff *
backoff_new(void)
{
	struct backoff *backoff = calloc(1, sizeof(*backoff));

	if (backoff != NULL)
		TAILQ_INIT(&backoff->ages);
	return backoff;
}

void
backoff_free(struct backoff **backoff)
{
	if (*backoff == NULL)
		return;
	while (!TAILQ_EMPTY(&(*backoff)->ages))
		drop(*backoff, TAILQ_FIRST(&(*backoff)->ages));
	map_clear(&(*backoff)->map);
	free(*backoff);
	*backoff = NULL;
}

const char *
backoff_error(struct backoff *backoff, const char *domain, const char *id,
    uint64_t now_ms)
{
	struct entry *e = (struct entry *)map_find(&backoff->map, domain);

	if (e == NULL || now_ms >= e->until_ms ||
	    (id[0] != '\0' && strcmp(e->id, id) != 0))
		return NULL;
	return e->error;
}

bool
backoff_knows(struct backoff *backoff, const char *domain)
{
	return map_find(&backoff->map, domain) != NULL;
}

bool
backoff_add(struct backoff *backoff, const char *domain, const char *id,
    uint64_t until_ms, const char *error)
{
	struct entry *e = (struct entry *)map_find(&backoff->map, domain);
	bool first = e == NULL || strcmp(e->id, id) != 0;

	if (e == NULL) {
		if (backoff->map.n >= BACKOFF_ENTRIES_MAX)
			drop(backoff, TAILQ_FIRST(&backoff->ages));
		e = calloc(1, sizeof(*e));
		if (e == NULL)
			return first;
		(void)snprintf(e->domain, sizeof(e->domain), "%s", domain);
		e->node.key = e->domain;
		if (map_insert(&backoff->map, &e->node) != 0) {
			free(e);
			return first;
		}
	} else {
		TAILQ_REMOVE(&backoff->ages, e, age);
	}
	TAILQ_INSERT_TAIL(&backoff->ages, e, age);
	e->until_ms = until_ms;
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	(void)snprintf(e->error, sizeof(e->error), "%s", error);
	return first;
}

void
backoff_remove(struct backoff *backoff, const char *domain)
{
	struct entry *e = (struct entry *)map_find(&backoff->map, domain);

	if (e != NULL)
		drop(backoff, e);
}
