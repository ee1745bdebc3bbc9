/* A hash table from text to objects that embed its node. */
#include "autoconf.h"

#include "base/map.h"

#include <endian.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

#define MAP_BUCKETS_MIN 16

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void
seed_fill(void)
{
	/* 16 octets are never read in part (getrandom(2)). Where the kernel
	 * lacks the call, the addresses of this process are the only random
	 * numbers. */
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		seed[0] = (uint64_t)(uintptr_t)&seed;
		seed[1] = (uint64_t)(uintptr_t)malloc;
	}
}

#define ROTL(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

uint64_t
map_hash(const char *key)
{
	size_t len = strlen(key), i;
	uint64_t v[4];

	(void)pthread_once(&seed_once, seed_fill);
	v[0] = seed[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = seed[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = seed[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = seed[1] ^ UINT64_C(0x7465646279746573);
	/* The last word holds the rest, less than 8 octets, and the length. */
	for (i = 0; i <= len; i += 8) {
		uint64_t word = 0;

		memcpy(&word, key + i, len - i >= 8 ? 8 : len - i);
		word = le64toh(word);
		if (len - i < 8)
			word |= (uint64_t)len << 56;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_node **
bucket(const struct map *map, uint64_t hash)
{
	return &map->buckets[hash & (map->n_buckets - 1)];
}

static int
grow(struct map *map)
{
	struct map larger = {0};

	larger.n_buckets =
	    map->n_buckets == 0 ? MAP_BUCKETS_MIN : map->n_buckets * 2;
	larger.buckets = calloc(larger.n_buckets, sizeof(struct map_node *));
	if (larger.buckets == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < map->n_buckets; i++) {
		struct map_node *node = map->buckets[i];

		while (node != NULL) {
			struct map_node *next = node->next;
			struct map_node **to = bucket(&larger, node->hash);

			node->next = *to;
			*to = node;
			node = next;
		}
	}
	free(map->buckets);
	map->buckets = larger.buckets;
	map->n_buckets = larger.n_buckets;
	return 0;
}

void
map_clear(struct map *map)
{
	free(map->buckets);
	memset(map, 0, sizeof(*map));
}

struct map_node *
map_find(const struct map *map, const char *key, uint64_t hash)
{
	struct map_node *node;

	if (map->n == 0)
		return NULL;
	for (node = *bucket(map, hash); node != NULL; node = node->next)
		if (node->hash == hash && strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

int
map_insert(struct map *map, struct map_node *node)
{
	struct map_node **head;

	/* A table that could not grow still works, only slower. */
	if (map->n >= map->n_buckets && grow(map) != 0 && map->n_buckets == 0)
		return ERR_NOMEM;
	node->hash = map_hash(node->key);
	head = bucket(map, node->hash);
	node->next = *head;
	*head = node;
	map->n++;
	return 0;
}

void
map_remove(struct map *map, struct map_node *node)
{
	struct map_node **at = bucket(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	map->n--;
}

/* --- lists by use --------------------------------------------------------- */

static void
append(struct lru *lru, struct lru_node *node)
{
	struct lru_list *list = &lru->list[node->list];

	node->older = list->newest;
	node->newer = NULL;
	if (list->newest != NULL)
		list->newest->newer = node;
	else
		list->oldest = node;
	list->newest = node;
	list->n++;
	list->octets += node->size;
}

static void
unlink_node(struct lru *lru, struct lru_node *node)
{
	struct lru_list *list = &lru->list[node->list];

	if (node->older != NULL)
		node->older->newer = node->newer;
	else
		list->oldest = node->newer;
	if (node->newer != NULL)
		node->newer->older = node->older;
	else
		list->newest = node->older;
	list->n--;
	list->octets -= node->size;
}

int
lru_add(struct lru *lru, struct lru_node *node)
{
	int err = map_insert(&lru->map, &node->node);

	if (err == 0)
		append(lru, node);
	return err;
}

void
lru_remove(struct lru *lru, struct lru_node *node)
{
	map_remove(&lru->map, &node->node);
	unlink_node(lru, node);
}

void
lru_clear(struct lru *lru, void (*free_object)(void *object))
{
	for (size_t i = 0; i < LRU_LISTS; i++) {
		struct lru_node *node;

		while ((node = lru->list[i].oldest) != NULL) {
			lru_remove(lru, node);
			free_object(node);
		}
	}
	map_clear(&lru->map);
}

struct lru_node *
lru_find(const struct lru *lru, const char *key)
{
	return (struct lru_node *)map_find(&lru->map, key, map_hash(key));
}

void
lru_use(struct lru *lru, struct lru_node *node, unsigned list)
{
	unlink_node(lru, node);
	node->list = list;
	append(lru, node);
}
