/* The verdict cache. */
#include "autoconf.h"

#include "engine/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/map.h"
#include "base/name.h"
#include "engine/ask.h"

#define SHARDS 64
/* Domains that share an epoch lose their verdicts together. With so many, a
 * stranger who makes us fetch 100 new policies a second takes ten minutes to
 * hit all others once. */
#define EPOCHS 65536
/* Buckets of the table, about as many entries, that a cache_put() looks at. */
#define SWEEP 32

/* What protects and what does not, see cache.h. */
enum kind {
	KIND_FREE,
	KIND_BOUND,
	KINDS
};

struct entry {
	struct map_node node; /* first: a node is its entry */
	TAILQ_ENTRY(entry) age;
	enum kind kind;
	const struct answer *answer;
	size_t size;
	char key[];
};

struct pool {
	TAILQ_HEAD(, entry) ages; /* least recently used first */
	size_t n;
	size_t octets;
};

struct shard {
	pthread_mutex_t lock;
	struct map map;
	struct pool pool[KINDS];
	size_t sweep; /* the bucket to look at next */
	size_t entries_max;
	size_t octets_max;
};

struct cache {
	struct shard shard[SHARDS];
	atomic_uint epochs[EPOCHS];
};

static struct shard *
shard_of(struct cache *cache, uint64_t hash)
{
	/* The top bits: the map inside uses the low ones. */
	return &cache->shard[(hash >> 32) % SHARDS];
}

/* hash: map_hash(key). */
static atomic_uint *
epoch_of(struct cache *cache, const char *key, uint64_t hash)
{
	const char *domain = key + (key[0] == '[');
	size_t len = strcspn(domain, "]:");
	char copy[NAME_SIZE];

	if ((domain != key || domain[len] != '\0') && len < sizeof(copy)) {
		memcpy(copy, domain, len);
		copy[len] = '\0';
		hash = map_hash(copy);
	}
	return &cache->epochs[hash / SHARDS % EPOCHS];
}

/* Another policy is in the store than the one it was made by. */
static bool
is_stale(struct cache *cache, const char *key, uint64_t hash,
    const struct answer *answer)
{
	return atomic_load_explicit(epoch_of(cache, key, hash),
		   memory_order_acquire) != answer->epoch;
}

static bool
is_good(struct cache *cache, const struct entry *e, unsigned generation,
    uint64_t now_ms)
{
	return e->answer->generation == generation &&
	    now_ms < e->answer->expires_ms &&
	    !is_stale(cache, e->key, e->node.hash, e->answer);
}

unsigned
cache_epoch(struct cache *cache, const char *key)
{
	return atomic_load(epoch_of(cache, key, map_hash(key)));
}

unsigned
cache_forget(struct cache *cache, const char *domain)
{
	return atomic_fetch_add(epoch_of(cache, domain, map_hash(domain)), 1) +
	    1;
}

static void
drop(struct shard *s, struct entry *e)
{
	struct pool *pool = &s->pool[e->kind];

	map_remove(&s->map, &e->node);
	TAILQ_REMOVE(&pool->ages, e, age);
	pool->n--;
	pool->octets -= e->size;
	answer_unref(&e->answer);
	free(e);
}

static enum kind
kind_of(const struct answer *answer)
{
	return verdict_is_bound(&answer->verdict) ? KIND_BOUND : KIND_FREE;
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
	e->kind = kind_of(answer);
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
		for (size_t k = 0; k < KINDS; k++)
			TAILQ_INIT(&s->pool[k].ages);
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

		for (size_t k = 0; k < KINDS; k++)
			while (!TAILQ_EMPTY(&s->pool[k].ages))
				drop(s, TAILQ_FIRST(&s->pool[k].ages));
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
	const uint64_t hash = map_hash(key);
	struct shard *s = shard_of(cache, hash);
	const struct answer *answer = NULL;
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = (struct entry *)map_find_hashed(&s->map, key, hash);
	if (e != NULL && !is_good(cache, e, generation, now_ms)) {
		drop(s, e);
	} else if (e != NULL) {
		TAILQ_REMOVE(&s->pool[e->kind].ages, e, age);
		TAILQ_INSERT_TAIL(&s->pool[e->kind].ages, e, age);
		answer = answer_ref(e->answer);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return answer;
}

static size_t
shard_octets(const struct shard *s)
{
	return s->pool[KIND_FREE].octets + s->pool[KIND_BOUND].octets;
}

/* Three quarters: the rest is for those that no policy binds. */
static size_t
share(size_t max)
{
	return max - max / 4;
}

/* Of a shard that holds something. */
static struct entry *
next_to_go(const struct shard *s)
{
	const struct pool *unbound = &s->pool[KIND_FREE];
	const struct pool *bound = &s->pool[KIND_BOUND];

	if (TAILQ_EMPTY(&unbound->ages) || bound->n > share(s->entries_max) ||
	    bound->octets > share(s->octets_max))
		return TAILQ_FIRST(&bound->ages);
	return TAILQ_FIRST(&unbound->ages);
}

static void
keep(struct shard *s, struct entry *e)
{
	struct pool *pool = &s->pool[e->kind];

	TAILQ_INSERT_TAIL(&pool->ages, e, age);
	pool->n++;
	pool->octets += e->size;
}

/* Drops what is over in the next few buckets. generation: of a new answer; what
 * a reload has left behind is older. */
static void
sweep(struct cache *cache, struct shard *s, unsigned generation,
    uint64_t now_ms)
{
	for (size_t i = 0; i < SWEEP && i < s->map.n_buckets; i++) {
		struct map_node *node =
		    s->map.buckets[s->sweep++ % s->map.n_buckets];

		while (node != NULL) {
			struct entry *e = (struct entry *)node;

			node = node->next;
			if (e->answer->generation <= generation &&
			    !is_good(cache, e, generation, now_ms))
				drop(s, e);
		}
	}
}

void
cache_put(struct cache *cache, const char *key, const struct answer *answer,
    uint64_t now_ms)
{
	const uint64_t hash = map_hash(key);
	struct shard *s = shard_of(cache, hash);
	struct entry *e = entry_new(key, answer), *old;

	(void)pthread_mutex_lock(&s->lock);
	sweep(cache, s, answer->generation, now_ms);
	old = (struct entry *)map_find_hashed(&s->map, key, hash);
	if (old != NULL)
		drop(s, old);
	if (e != NULL && e->size <= s->octets_max &&
	    !is_stale(cache, key, hash, answer) &&
	    map_insert(&s->map, &e->node) == 0) {
		keep(s, e);
		e = NULL;
	}
	while (s->map.n > s->entries_max || shard_octets(s) > s->octets_max)
		drop(s, next_to_go(s));
	(void)pthread_mutex_unlock(&s->lock);
	if (e != NULL) {
		answer_unref(&e->answer);
		free(e);
	}
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
