/*
 * A hash table from text to objects that embed its node. The hash is keyed
 * (SipHash-2-4) with random octets from the kernel, so that strangers, who
 * choose the names, cannot put all of them into one bucket.
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

/* The hash of a key, also to choose among loops and shards. */
uint64_t map_hash(const char *key);

/* Zeroed memory is an empty map. The caller frees the nodes. */
void map_clear(struct map *map);
/* hash: map_hash(key). */
struct map_node *
map_find(const struct map *map, const char *key, uint64_t hash);
/* key must not be in the map. 0 or ERR_NOMEM. */
int map_insert(struct map *map, struct map_node *node);
/* node must be in the map. */
void map_remove(struct map *map, struct map_node *node);

/* --- lists by use ---------------------------------------------------------
 *
 * A map whose entries also stand in lists, least recently used first. An entry
 * stands in one list at a time; several lists let one kind of entries be
 * evicted before another.
 */

#define LRU_LISTS 4

/* First member of the caller's objects, so that a node's address is that of
 * its object. Set node.key, size and list before lru_add(). */
struct lru_node {
	struct map_node node;
	struct lru_node *older;
	struct lru_node *newer;
	size_t size;   /* octets that the list counts for it */
	unsigned list; /* less than LRU_LISTS; lru_use() changes it */
};

struct lru_list {
	struct lru_node *oldest;
	struct lru_node *newest;
	size_t n;
	size_t octets;
};

/* Zeroed memory is empty; map.n is the number of entries. */
struct lru {
	struct map map;
	struct lru_list list[LRU_LISTS];
};

/* Adds the most recently used entry of a list. The key must not be in the map.
 * 0 or ERR_NOMEM; either way the caller owns the object. */
int lru_add(struct lru *lru, struct lru_node *node);
/* Takes it out; the caller frees it. */
void lru_remove(struct lru *lru, struct lru_node *node);
/* Removes all entries and hands each object to free_object. */
void lru_clear(struct lru *lru, void (*free_object)(void *object));

/* NULL: not there. Finding does not count as a use. */
struct lru_node *lru_find(const struct lru *lru, const char *key);
/* Makes it the most recently used entry of a list, the same or another. */
void lru_use(struct lru *lru, struct lru_node *node, unsigned list);

#endif
