/*
 * The verdict cache: memory only, bounded in entries and octets. Verdicts live
 * no longer than answer.expires_ms, only under the configuration that made
 * them, and only until cache_forget() is called for their domain.
 *
 * A domain may have several keys: "example.org", "[example.org]",
 * "example.org:587", "[example.org]:587". All share an epoch, a counter that
 * cache_forget() raises. A lookup notes the epoch when it begins; its verdict
 * is used only while the epoch is the same.
 *
 * Least recently used go first, those without a policy that binds before the
 * others: a stranger has any number of domains without a policy, and must not
 * drive out what protects. Policies of his own get him no further than three
 * quarters of the cache, and there the least recently used go again.
 *
 * A verdict whose time is over leaves when it is asked for, and otherwise bit
 * by bit: each cache_put() looks at some more entries.
 *
 * Any thread: the table is cut into shards with a lock each.
 */
#ifndef ENGINE_CACHE_H
#define ENGINE_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct answer;
struct cache;

#define CACHE_ENTRIES_MAX 200000
#define CACHE_OCTETS_MAX  ((size_t)256 << 20)

/* NULL: no memory. */
struct cache *cache_new(size_t entries_max, size_t octets_max);
void cache_free(struct cache **cache);

/* A reference for the caller; NULL: none that is still good at now_ms. */
const struct answer *cache_get(struct cache *cache, const char *key,
    unsigned generation, uint64_t now_ms);
/* Takes a reference of its own. Replaces what is there. An answer that does
 * not fit is not kept, nor one whose epoch is over. */
void cache_put(struct cache *cache, const char *key,
    const struct answer *answer, uint64_t now_ms);

/* For answer.epoch: of the key's domain. Note it before the facts are
 * gathered. */
unsigned cache_epoch(struct cache *cache, const char *key);
/* No verdict on this domain that was made so far is used any more, nor one of
 * a lookup under way. The new epoch. */
unsigned cache_forget(struct cache *cache, const char *domain);

size_t cache_entries(struct cache *cache);
size_t cache_octets(struct cache *cache);

#endif
