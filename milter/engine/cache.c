/* The verdict cache. */
#include "autoconf.h"

#include "engine/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "engine/ask.h"
#include "engine/map.h"

#define SHARDS 64

struct entry {
	struct map_node node; /* first: a node is its entry */
	TAILQ_ENTRY(entry) age;
	const struct answer *answer;
	size_t size;
	char key[];
};

struct shard {
	pthread_mutex_t lock;
	struct map map;
	TAILQ_HEAD(, entry) ages; /* least recently used first */
	size_t octets;
	size_t entries_max;
	size_t octets_max;
};

struct cache {
	struct shard shard[SHARDS];
};

static struct shard *
shard_of(struct cache *cache, const char *key)
{
	/* The top bits: the map inside uses the low ones. */
	return &cache->shard[(map_hash(key) >> 32) % SHARDS];
}

static void
drop(struct shard *s, struct entry *e)
{
	map_remove(&s->map, &e->node);
	TAILQ_REMOVE(&s->ages, e, age);
	s->octets -= e->size;
	answer_unref(&e->answer);
	free(e);
}

static struct entry *
entry_new(const char *key, const struct answer *answer)
{
	size_t len = strlen(key) + 1;
	struct entry *e = malloc(sizeof(*e) + len);

	if (e == NULL)
		return NULL;
	memcpy(e->key, key, len);
	e->node.key = e->key;
	e->answer = answer_ref(answer);
	e->size = sizeof(*e) + len + answer->size;
	return e;
}

struct cache *
cache_new(size_t entries_max, size_t octets_max)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shard[i];

		(void)pthread_mutex_init(&s->lock, NULL);
		TAILQ_INIT(&s->ages);
		s->entries_max = (entries_max + SHARDS - 1) / SHARDS;
		s->octets_max = (octets_max + SHARDS - 1) / SHARDS;
	}
	return cache;
}

void
cache_free(struct cache **cache)
{
	if (*cache == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &(*cache)->shard[i];

		while (!TAILQ_EMPTY(&s->ages))
			drop(s, TAILQ_FIRST(&s->ages));
		map_clear(&s->map);
		(void)pthread_mutex_destroy(&s->lock);
	}
	free(*cache);
	*cache = NULL;
}

const struct answer *
cache_get(struct cache *cache, const char *key, unsigned generation,
    uint64_t now_ms)
{
	struct shard *s = shard_of(cache, key);
	const struct answer *answer = NULL;
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = (struct entry *)map_find(&s->map, key);
	if (e != NULL &&
	    (e->answer->generation != generation ||
		now_ms >= e->answer->expires_ms)) {
		drop(s, e);
	} else if (e != NULL) {
		TAILQ_REMOVE(&s->ages, e, age);
		TAILQ_INSERT_TAIL(&s->ages, e, age);
		answer = answer_ref(e->answer);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return answer;
}

void
cache_put(struct cache *cache, const char *key, const struct answer *answer)
{
	struct shard *s = shard_of(cache, key);
	struct entry *e = entry_new(key, answer), *old;

	(void)pthread_mutex_lock(&s->lock);
	old = (struct entry *)map_find(&s->map, key);
	if (old != NULL)
		drop(s, old);
	if (e != NULL && e->size <= s->octets_max &&
	    map_insert(&s->map, &e->node) == 0) {
		TAILQ_INSERT_TAIL(&s->ages, e, age);
		s->octets += e->size;
		e = NULL;
	}
	while (s->map.n > s->entries_max || s->octets > s->octets_max)
		drop(s, TAILQ_FIRST(&s->ages));
	(void)pthread_mutex_unlock(&s->lock);
	if (e != NULL) {
		answer_unref(&e->answer);
		free(e);
	}
}

void
cache_remove(struct cache *cache, const char *key)
{
	struct shard *s = shard_of(cache, key);
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = (struct entry *)map_find(&s->map, key);
	if (e != NULL)
		drop(s, e);
	(void)pthread_mutex_unlock(&s->lock);
}

static size_t
sum(struct cache *cache, size_t (*of)(const struct shard *))
{
	size_t n = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shard[i];

		(void)pthread_mutex_lock(&s->lock);
		n += of(s);
		(void)pthread_mutex_unlock(&s->lock);
	}
	return n;
}

static size_t
shard_entries(const struct shard *s)
{
	return s->map.n;
}

static size_t
shard_octets(const struct shard *s)
{
	return s->octets;
}

size_t
cache_entries(struct cache *cache)
{
	return sum(cache, shard_entries);
}

size_t
cache_octets(struct cache *cache)
{
	return sum(cache, shard_octets);
}
