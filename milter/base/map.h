/*
 * A hash table from text to objects that embed its node. The hash is keyed
 * (SipHash-2-4) with octets from the kernel: strangers choose the names and
 * must not be able to choose the chains.
 *
 * Not locked: the caller's thread or lock.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_node {
	struct map_node *next;
	uint64_t hash;
	const char *key; /* the object's own; must not change while in a map */
};

struct map {
	size_t n;
	size_t n_buckets; /* a power of 2, or 0 */
	struct map_node **buckets;
};

/* Zeroed memory is an empty map. Nodes are the caller's to free. */
void map_clear(struct map *map);
struct map_node *map_find(const struct map *map, const char *key);
/* The same where map_hash(key) is known. */
struct map_node *
map_find_hashed(const struct map *map, const char *key, uint64_t hash);
/* key must not be in the map. 0 or ERR_NOMEM. */
int map_insert(struct map *map, struct map_node *node);
/* node must be in the map. */
void map_remove(struct map *map, struct map_node *node);
/* Some node, NULL when empty: to empty a map. */
struct map_node *map_first(const struct map *map);

/* The hash alone, to choose among loops and shards. */
uint64_t map_hash(const char *key);

#endif
