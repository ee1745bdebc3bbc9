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

/*
 * The cache: memory only, bounded in entries and octets. Verdicts live no
 * longer than answer.expires_ms, only under the configuration that made them,
 * and only until cache_forget() is called for their domain, or for NULL if they
 * have no policy that requires DNSSEC.
 *
 * A domain may have several keys: "example.org", "[example.org]",
 * "example.org:587", "[example.org]:587". All share an epoch, a counter that
 * cache_forget() raises. A lookup notes the epoch when it begins; its verdict
 * is used only while the epoch is the same. NULL stands for another epoch,
 * which all domains share and which counts only for verdicts without a policy
 * that requires DNSSEC.
 *
 * The least recently used verdicts are evicted first, and verdicts without a
 * policy that requires DNSSEC before the others: a stranger has any number of
 * domains without a policy and must not evict the verdicts that protect. The
 * verdicts of policies that require DNSSEC, which may be a stranger's too, fill
 * at most three quarters of the cache; beyond that the least recently used of
 * them are evicted.
 *
 * An expired verdict is removed when it is asked for; each cache_put() also
 * removes expired ones among some more entries.
 *
 * The table is cut into shards with a lock each.
 */
struct cache;

#define CACHE_ENTRIES_MAX 200000
#define CACHE_OCTETS_MAX  ((size_t)256 << 20)

/* NULL: no memory. */
struct cache *cache_new(size_t entries_max, size_t octets_max);
void cache_free(struct cache **cache);

/* A reference for the caller; NULL: there is none that is valid at now_ms. */
const struct answer *cache_get(struct cache *cache, const char *key,
    unsigned generation, uint64_t now_ms);
/* Takes a reference of its own. Replaces the answer that is there. Does not
 * keep an answer that does not fit, nor one whose epoch is over. */
void cache_put(struct cache *cache, const char *key,
    const struct answer *answer, uint64_t now_ms);

/* The epoch of the key's domain, for answer.epoch; key NULL: that of
 * answer.unbound_epoch. Note both before the facts are gathered. */
unsigned cache_epoch(struct cache *cache, const char *key);
/* Discards all verdicts on this domain, also those of lookups under way; NULL:
 * on all domains that have no policy that requires DNSSEC. Returns the new
 * epoch. */
unsigned cache_forget(struct cache *cache, const char *domain);

struct cache_size {
	size_t entries;
	size_t octets;
};
struct cache_size cache_size(struct cache *cache);

#endif
