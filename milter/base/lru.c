#include "autoconf.h"

#include "base/lru.h"

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
lru_clear(struct lru *lru, void (*free_node)(struct lru_node *node))
{
	for (size_t i = 0; i < LRU_LISTS; i++) {
		struct lru_node *node;

		while ((node = lru->list[i].oldest) != NULL) {
			lru_remove(lru, node);
			free_node(node);
		}
	}
	map_clear(&lru->map);
}

struct lru_node *
lru_find(const struct lru *lru, const char *key)
{
	return (struct lru_node *)map_find(&lru->map, key);
}

void
lru_use(struct lru *lru, struct lru_node *node, unsigned list)
{
	unlink_node(lru, node);
	node->list = list;
	append(lru, node);
}

size_t
lru_octets(const struct lru *lru)
{
	size_t octets = 0;

	for (size_t i = 0; i < LRU_LISTS; i++)
		octets += lru->list[i].octets;
	return octets;
}
