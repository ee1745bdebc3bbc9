/* base/map.h */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

#define N 5000

struct item {
	struct map_node node;
	char key[16];
};

static struct item *
items(void)
{
	struct item *item = calloc(N, sizeof(*item));

	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(item[i].key, sizeof(item[i].key), "k%u", i);
		item[i].node.key = item[i].key;
	}
	return item;
}

Test(map, finds_what_was_put_in)
{
	struct item *item = items();
	struct map map = {0};

	cr_expect_null(map_find(&map, "k0"));
	cr_expect_null(map_first(&map));
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_insert(&map, &item[i].node), 0);
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_find(&map, item[i].key), &item[i].node);
	cr_expect_null(map_find(&map, "k"));
	cr_expect_null(map_find(&map, ""));
	for (unsigned i = 0; i < N; i += 2)
		map_remove(&map, &item[i].node);
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_find(&map, item[i].key),
		    i % 2 == 0 ? NULL : &item[i].node);
	while (map_first(&map) != NULL)
		map_remove(&map, map_first(&map));
	cr_expect_eq(map.n, 0);
	map_clear(&map);
	free(item);
}

/* SipHash must use every octet of a key, whatever its length. */
Test(map, every_octet_counts)
{
	char key[64] = "", other[64];

	for (size_t len = 1; len < sizeof(key); len++) {
		key[len - 1] = 'a';
		for (size_t i = 0; i < len; i++) {
			memcpy(other, key, sizeof(key));
			other[i] = 'b';
			cr_assert_neq(map_hash(key), map_hash(other));
		}
	}
	cr_expect_eq(map_hash("example.org"), map_hash("example.org"));
}
