/*
 * Answers, and the verdict cache that keeps them.
 *
 * Any thread.
 */
#ifndef ENGINE_CACHE_H
#define ENGINE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/ask.h"

/*
 * An answer is immutable and shared by reference between the cache, lookups and
 * askers. struct answer itself is public, see engine/ask.h.
 */

/*
 * Judges a copy of the facts. NULL with *settled false: an answer that is
 * still missing could change the verdict (DECIDE_PARTIAL). NULL with *settled
 * true: no memory. The one reference is the caller's.
 */
struct answer *answer_new(const struct facts *facts, const struct rules *rules,
    enum decide_when when, bool *settled);

/* The longest time that a renewal ahead of expiry may take. */
#define ANSWER_RENEWAL_MS 30000

/* True once, to one caller, in the last tenth of the answer's life: that caller
 * starts the lookup that replaces it. */
bool answer_take_renewal(const struct answer *answer, uint64_t now_ms);

/*
 * The cache: memory only, bounded in entries and octets. Verdicts live no
 * longer than answer.expires_ms, only under the configuration that made them,
 * and only until cache_forget() is called for their domain.
 *
 * A domain may have several keys: "example.org", "[example.org]",
 * "example.org:587", "[example.org]:587". All share an epoch, a counter that
 * cache_forget() raises. A lookup notes the epoch when it begins; its verdict
 * is used only while the epoch is the same.
 *
 * The least recently used verdicts go first, those without a policy that
 * requires DNSSEC before the others: a stranger has any number of domains
 * without a policy and must not evict what protects. A stranger's own policies
 * fill three quarters of the cache at most, and there the least recently used
 * go again.
 *
 * An expired verdict leaves when it is asked for; each cache_put() also looks
 * for expired ones among some more entries.
 *
 * The table is cut into shards with a lock each.
 */
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

struct cache_size {
	size_t entries;
	size_t octets;
};
struct cache_size cache_size(struct cache *cache);

#endif
