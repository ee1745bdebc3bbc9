/* Answers, and the verdict cache. */
#include "autoconf.h"

#include "engine/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/name.h"

/* --- answers ---------------------------------------------------------------
 */

struct answer *
answer_new(const struct facts *facts, const struct rules *rules,
    enum decide_when when, bool *settled)
{
	struct answer *answer = NULL;
	struct facts *copy = NULL;
	struct verdict verdict;
	size_t size = 0;

	/* Judging first is cheaper than a copy that is thrown away. */
	*settled = decide(facts, rules, when, &verdict);
	if (!*settled)
		goto out;
	copy = facts_copy(facts, &size);
	if (copy == NULL)
		goto out;
	answer = calloc(1, sizeof(*answer));
	if (answer == NULL)
		goto out;
	atomic_init(&answer->refs, 1);
	(void)decide(copy, rules, when, &answer->verdict);
	answer->facts = copy;
	answer->size = size + sizeof(*answer);
	copy = NULL;
out:
	free(copy);
	return answer;
}

const struct answer *
answer_ref(const struct answer *answer)
{
	/* Only the reference count of an answer changes. */
	struct answer *counted = (struct answer *)(uintptr_t)answer;

	(void)atomic_fetch_add_explicit(&counted->refs, 1,
	    memory_order_relaxed);
	return answer;
}

void
answer_unref(const struct answer **answer)
{
	struct answer *counted = (struct answer *)(uintptr_t)*answer;

	*answer = NULL;
	if (counted == NULL ||
	    atomic_fetch_sub_explicit(&counted->refs, 1,
		memory_order_acq_rel) != 1)
		return;
	free(counted->facts);
	free(counted);
}

/* --- the cache -------------------------------------------------------------
 */

/* The shard is chosen by bits of the upper half of the hash, as the map inside
 * uses the low ones. */
#define SHARDS 64
/* Domains that share an epoch lose their verdicts together. With so many, a
 * stranger who makes us fetch 100 new policies a second takes ten minutes to
 * hit all others once. */
#define EPOCHS 65536
/* A cache_put() looks at so many buckets, which hold about as many entries. */
#define SWEEP 32

/* Lists of a shard. */
enum {
	UNBOUND, /* no policy requires DNSSEC */
	BOUND
};

struct entry {
	struct lru_node node; /* first: a node is its entry */
	const struct answer *answer;
	char key[];
};

struct shard {
	pthread_mutex_t lock;
	struct lru entries;
	size_t sweep; /* the bucket to look at next */
	size_t entries_max;
	size_t octets_max;
};

struct cache {
	struct shard shard[SHARDS];
	atomic_uint epochs[EPOCHS];
	atomic_uint unbound_epoch;
};

struct cache *
cache_new(size_t entries_max, size_t octets_max)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shard[i];

		(void)pthread_mutex_init(&s->lock, NULL);
		s->entries_max = (entries_max + SHARDS - 1) / SHARDS;
		s->octets_max = (octets_max + SHARDS - 1) / SHARDS;
	}
	return cache;
}

static void
entry_free(void *node)
{
	struct entry *e = node;

	answer_unref(&e->answer);
	free(e);
}

void
cache_free(struct cache **cache)
{
	if (*cache == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		lru_clear(&(*cache)->shard[i].entries, entry_free);
		(void)pthread_mutex_destroy(&(*cache)->shard[i].lock);
	}
	free(*cache);
	*cache = NULL;
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

unsigned
cache_epoch(struct cache *cache, const char *key)
{
	return atomic_load(key != NULL ? epoch_of(cache, key, map_hash(key))
				       : &cache->unbound_epoch);
}

unsigned
cache_forget(struct cache *cache, const char *domain)
{
	atomic_uint *epoch = domain != NULL
	    ? epoch_of(cache, domain, map_hash(domain))
	    : &cache->unbound_epoch;

	return atomic_fetch_add(epoch, 1) + 1;
}

/* hash: map_hash(key). True if nothing that was forgotten since the lookup
 * began concerns the answer. */
static bool
is_of_now(struct cache *cache, const char *key, uint64_t hash,
    const struct answer *answer)
{
	return atomic_load(epoch_of(cache, key, hash)) == answer->epoch &&
	    (verdict_is_bound(&answer->verdict) ||
		cache_epoch(cache, NULL) == answer->unbound_epoch);
}

/* True if the entry has not expired, is of this configuration, and the store
 * still has the policy that the verdict was made by. */
static bool
is_good(struct cache *cache, const struct entry *e, unsigned generation,
    uint64_t now_ms)
{
	return e->answer->generation == generation &&
	    now_ms < e->answer->expires_ms &&
	    is_of_now(cache, e->key, e->node.node.hash, e->answer);
}

static void
drop(struct shard *s, struct lru_node *node)
{
	lru_remove(&s->entries, node);
	entry_free(node);
}

const struct answer *
cache_get(struct cache *cache, const char *key, unsigned generation,
    uint64_t now_ms)
{
	const uint64_t hash = map_hash(key);
	struct shard *s = &cache->shard[(hash >> 32) % SHARDS];
	const struct answer *answer = NULL;
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = (struct entry *)map_find(&s->entries.map, key, hash);
	if (e != NULL && !is_good(cache, e, generation, now_ms)) {
		drop(s, &e->node);
	} else if (e != NULL) {
		lru_use(&s->entries, &e->node, e->node.list);
		answer = answer_ref(e->answer);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return answer;
}

/* Drops the expired entries in the next few buckets. generation: that of a new
 * answer; answers from before a reload have a lower one. */
static void
sweep(struct cache *cache, struct shard *s, unsigned generation,
    uint64_t now_ms)
{
	const struct map *map = &s->entries.map;

	for (size_t i = 0; i < SWEEP && i < map->n_buckets; i++) {
		struct map_node *node =
		    map->buckets[s->sweep++ % map->n_buckets];

		while (node != NULL) {
			struct entry *e = (struct entry *)node;

			node = node->next;
			if (e->answer->generation <= generation &&
			    !is_good(cache, e, generation, now_ms))
				drop(s, &e->node);
		}
	}
}

/* Evicts until the shard is within its bounds. */
static void
evict(struct shard *s)
{
	const struct lru_list *unbound = &s->entries.list[UNBOUND];
	const struct lru_list *bound = &s->entries.list[BOUND];

	while (s->entries.map.n > s->entries_max ||
	    unbound->octets + bound->octets > s->octets_max) {
		/* A quarter of the entries is reserved for verdicts without a
		 * policy that requires DNSSEC. */
		bool too_many_bound =
		    bound->n > s->entries_max - s->entries_max / 4 ||
		    bound->octets > s->octets_max - s->octets_max / 4;

		drop(s,
		    unbound->oldest == NULL || too_many_bound
			? bound->oldest
			: unbound->oldest);
	}
}

void
cache_put(struct cache *cache, const char *key, const struct answer *answer,
    uint64_t now_ms)
{
	const uint64_t hash = map_hash(key);
	struct shard *s = &cache->shard[(hash >> 32) % SHARDS];
	size_t key_size = strlen(key) + 1;
	struct entry *e = malloc(sizeof(*e) + key_size);
	struct lru_node *old;

	/* Without memory for the new answer the old one is still removed. */
	if (e != NULL) {
		memcpy(e->key, key, key_size);
		e->node.node.key = e->key;
		e->node.list =
		    verdict_is_bound(&answer->verdict) ? BOUND : UNBOUND;
		e->node.size = sizeof(*e) + key_size + answer->size;
		e->answer = answer_ref(answer);
	}
	(void)pthread_mutex_lock(&s->lock);
	sweep(cache, s, answer->generation, now_ms);
	old = (struct lru_node *)map_find(&s->entries.map, key, hash);
	if (old != NULL)
		drop(s, old);
	if (e != NULL && e->node.size <= s->octets_max &&
	    is_of_now(cache, key, hash, answer) &&
	    lru_add(&s->entries, &e->node) == 0)
		e = NULL;
	evict(s);
	(void)pthread_mutex_unlock(&s->lock);
	if (e != NULL)
		entry_free(e);
}

struct cache_size
cache_size(struct cache *cache)
{
	struct cache_size size = {0};

	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shard[i];

		(void)pthread_mutex_lock(&s->lock);
		size.entries += s->entries.map.n;
		size.octets += s->entries.list[UNBOUND].octets +
		    s->entries.list[BOUND].octets;
		(void)pthread_mutex_unlock(&s->lock);
	}
	return size;
}
