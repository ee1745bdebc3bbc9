/* engine/cache.h: bounds, expiry, generations. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdio.h>

#include "engine/answer.h"
#include "engine/cache.h"

static const struct answer *
answer(unsigned generation, uint64_t expires_ms)
{
	struct facts facts = {.txt_state = TXT_NONE};
	struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	struct answer *a;
	bool settled;

	facts.recipient.class = ADDRESS_DOMAIN;
	facts.recipient.domain = "example.org";
	a = answer_new(&facts, &rules, DECIDE_FINAL, &settled);
	cr_assert_not_null(a);
	a->generation = generation;
	a->expires_ms = expires_ms;
	return a;
}

static void
put(struct cache *cache, const char *key, uint64_t expires_ms)
{
	const struct answer *a = answer(1, expires_ms);

	cache_put(cache, key, a);
	answer_unref(&a);
}

static bool
has(struct cache *cache, const char *key, unsigned generation, uint64_t now_ms)
{
	const struct answer *a = cache_get(cache, key, generation, now_ms);
	bool found = a != NULL;

	answer_unref(&a);
	return found;
}

Test(cache, S_05_entry_ends_with_its_time)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	put(cache, "example.org", 100);
	cr_expect(has(cache, "example.org", 1, 99));
	cr_expect_not(has(cache, "example.org", 1, 100));
	cr_expect_eq(cache_entries(cache), 0, "an expired entry goes at once");
	cache_free(&cache);
}

Test(cache, other_configuration_is_a_miss)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	put(cache, "example.org", 100);
	cr_expect_not(has(cache, "example.org", 2, 1));
	cache_free(&cache);
}

Test(cache, newer_answer_replaces)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	put(cache, "example.org", 100);
	put(cache, "example.org", 200);
	cr_expect(has(cache, "example.org", 1, 150));
	cr_expect_eq(cache_entries(cache), 1);
	cache_remove(cache, "example.org");
	cr_expect_eq(cache_entries(cache), 0);
	cr_expect_eq(cache_octets(cache), 0);
	cache_free(&cache);
}

Test(cache, entries_are_bounded)
{
	struct cache *cache = cache_new(640, 1 << 30);
	char key[32];

	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
		cr_assert_leq(cache_entries(cache), 640);
	}
	cr_expect_gt(cache_entries(cache), 500, "and well used");
	cache_free(&cache);
}

Test(cache, octets_are_bounded)
{
	struct cache *cache = cache_new(1000000, 128 << 10);
	char key[32];

	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
		cr_assert_leq(cache_octets(cache), 128 << 10);
	}
	cr_expect_gt(cache_entries(cache), 64);
	cache_free(&cache);
}

Test(cache, what_is_used_stays)
{
	struct cache *cache = cache_new(640, 1 << 30);
	char key[32];

	put(cache, "busy.example", 100);
	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
		cr_assert(has(cache, "busy.example", 1, 1));
	}
	cache_free(&cache);
}

Test(cache, answer_outlives_its_entry)
{
	struct cache *cache = cache_new(1000, 1 << 20);
	const struct answer *a;

	put(cache, "example.org", 100);
	a = cache_get(cache, "example.org", 1, 1);
	cache_free(&cache);
	cr_expect_str_eq(a->facts->recipient.domain, "example.org");
	answer_unref(&a);
}
