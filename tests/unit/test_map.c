/* base/map.h, base/thread.h */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"

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

	cr_expect_null(map_find(&map, "k0", map_hash("k0")));
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_insert(&map, &item[i].node), 0);
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_find(&map, item[i].key, map_hash(item[i].key)),
		    &item[i].node);
	cr_expect_null(map_find(&map, "k", map_hash("k")));
	cr_expect_null(map_find(&map, "", map_hash("")));
	for (unsigned i = 0; i < N; i += 2)
		map_remove(&map, &item[i].node);
	for (unsigned i = 0; i < N; i++)
		cr_assert_eq(map_find(&map, item[i].key, map_hash(item[i].key)),
		    i % 2 == 0 ? NULL : &item[i].node);
	for (unsigned i = 1; i < N; i += 2)
		map_remove(&map, &item[i].node);
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

/* --- the LRU lists of base/map.h --- */

struct used {
	struct lru_node lru;
	char key[16];
};

static unsigned n_freed;

static void
free_used(void *node)
{
	n_freed++;
	free(node);
}

static struct used *
put(struct lru *lru, const char *key, unsigned list, size_t size)
{
	struct used *used = calloc(1, sizeof(*used));

	(void)snprintf(used->key, sizeof(used->key), "%s", key);
	used->lru.node.key = used->key;
	used->lru.list = list;
	used->lru.size = size;
	cr_assert_eq(lru_add(lru, &used->lru), 0);
	return used;
}

/* The keys of a list, least recently used first. */
static const char *
order(const struct lru *lru, unsigned list)
{
	static char text[64];
	const struct lru_node *last = NULL;
	size_t n = 0, octets = 0;

	text[0] = '\0';
	for (const struct lru_node *at = lru->list[list].oldest; at != NULL;
	     at = at->newer) {
		cr_assert_eq(at->older, last);
		last = at;
		(void)strcat(text, at->node.key);
		n++;
		octets += at->size;
	}
	cr_assert_eq(lru->list[list].newest, last);
	cr_assert_eq(lru->list[list].n, n);
	cr_assert_eq(lru->list[list].octets, octets);
	return text;
}

Test(lru, oldest_is_the_one_not_used_for_longest)
{
	struct lru lru = {0};
	struct used *a, *b;

	cr_expect_str_eq(order(&lru, 0), "");
	a = put(&lru, "a", 0, 1);
	b = put(&lru, "b", 0, 10);
	(void)put(&lru, "c", 0, 100);
	cr_expect_str_eq(order(&lru, 0), "abc");
	cr_expect_eq(lru_find(&lru, "b"), &b->lru);
	cr_expect_str_eq(order(&lru, 0), "abc", "finding is no use");
	lru_use(&lru, &a->lru, 0);
	cr_expect_str_eq(order(&lru, 0), "bca");
	lru_use(&lru, &a->lru, 0);
	cr_expect_str_eq(order(&lru, 0), "bca");
	lru_use(&lru, lru_find(&lru, "c"), 0);
	cr_expect_str_eq(order(&lru, 0), "bac");
	lru_remove(&lru, &a->lru);
	free(a);
	cr_expect_str_eq(order(&lru, 0), "bc");
	cr_expect_null(lru_find(&lru, "a"));
	cr_expect_eq(lru.list[0].octets, 110);
	lru_clear(&lru, free_used);
	cr_expect_eq(n_freed, 2);
	cr_expect_eq(lru.map.n, 0);
	cr_expect_str_eq(order(&lru, 0), "");
}

Test(lru, an_entry_changes_its_list)
{
	struct lru lru = {0};
	struct used *a = put(&lru, "a", 1, 1);

	(void)put(&lru, "b", 1, 10);
	(void)put(&lru, "c", LRU_LISTS - 1, 100);
	cr_expect_str_eq(order(&lru, 1), "ab");
	lru_use(&lru, &a->lru, LRU_LISTS - 1);
	cr_expect_str_eq(order(&lru, 1), "b");
	cr_expect_str_eq(order(&lru, LRU_LISTS - 1), "ca");
	cr_expect_eq(a->lru.list, LRU_LISTS - 1);
	cr_expect_eq(lru.list[1].octets, 10);
	cr_expect_eq(lru.list[LRU_LISTS - 1].octets, 101);
	cr_expect_eq(lru.map.n, 3);
	lru_clear(&lru, free_used);
	cr_expect_eq(n_freed, 3);
	cr_expect_eq(lru.list[1].octets, 0);
	cr_expect_eq(lru.list[LRU_LISTS - 1].octets, 0);
}

/* --- base/thread.h --- */

static void *
note_mask(void *arg)
{
	(void)pthread_sigmask(SIG_SETMASK, NULL, arg);
	return arg;
}

Test(thread, starts_with_all_signals_blocked)
{
	sigset_t before, inside, after;
	pthread_t thread;

	(void)sigemptyset(&inside);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &before);
	cr_assert_eq(thread_start(&thread, NULL, "name", note_mask, &inside),
	    0);
	(void)pthread_join(thread, NULL);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &after);
	cr_expect(sigismember(&inside, SIGTERM) == 1);
	cr_expect(sigismember(&inside, SIGHUP) == 1);
	cr_expect_eq(sigismember(&before, SIGTERM),
	    sigismember(&after, SIGTERM));
}

/* A test's timeout would end a wait that took the deadline for one of another
 * clock: the wall clock is decades ahead of the monotonic one. */
Test(thread, waits_by_the_monotonic_clock, .timeout = 60)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	uint64_t until_ms = clock_mono_ms() + 20;

	thread_cond_init(&cond);
	(void)pthread_mutex_lock(&lock);
	cr_expect_not(thread_wait_until(&cond, &lock, 0));
	while (thread_wait_until(&cond, &lock, until_ms))
		continue;
	cr_expect_geq(clock_mono_ms(), until_ms);
	(void)pthread_mutex_unlock(&lock);
	(void)pthread_cond_destroy(&cond);
}
