/* engine/cache.h: bounds, expiry, generations. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdio.h>

#include "engine/cache.h"

/* When put() is called. */
static uint64_t put_ms = 1;

/* Of a lookup that began in that epoch of the verdicts that do not bind. */
static const struct answer *
answer_since(unsigned generation, uint64_t expires_ms, bool bound,
    unsigned unbound_epoch)
{
	struct fact_policy policy = {.id = "1",
	    .max_age_s = 86400,
	    .mode = POLICY_MODE_ENFORCE,
	    .dnssec = true};
	struct facts facts = {.txt_state = TXT_NONE,
	    .stored = bound ? &policy : NULL};
	struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	struct answer *a;
	bool settled;

	facts.recipient.class = ADDRESS_DOMAIN;
	facts.recipient.domain = "example.org";
	a = answer_new(&facts, &rules, DECIDE_FINAL, &settled);
	cr_assert_not_null(a);
	a->generation = generation;
	a->expires_ms = expires_ms;
	a->unbound_epoch = unbound_epoch;
	return a;
}

static const struct answer *
answer(unsigned generation, uint64_t expires_ms, bool bound)
{
	return answer_since(generation, expires_ms, bound, 0);
}

static void
put(struct cache *cache, const char *key, uint64_t expires_ms)
{
	const struct answer *a = answer(1, expires_ms, false);

	cache_put(cache, key, a, put_ms);
	answer_unref(&a);
}

static void
put_bound(struct cache *cache, const char *key)
{
	const struct answer *a = answer(1, 100, true);

	cr_assert(a->verdict.policy != NULL && a->verdict.policy->dnssec);
	cache_put(cache, key, a, put_ms);
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
	cr_expect_eq(cache_size(cache).entries, 0,
	    "an expired entry goes at once");
	cache_free(&cache);
}

/* Nobody asks for them again: strangers. */
Test(cache, S_05_what_is_over_leaves_unasked)
{
	struct cache *cache = cache_new(200000, 256 << 20);
	char key[32];

	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
	}
	cr_assert_eq(cache_size(cache).entries, 100000U);
	put_ms = 100;
	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(key, sizeof(key), "e%u.example", i);
		put(cache, key, 1000);
	}
	cr_expect_eq(cache_size(cache).entries, 10000U);
	cache_free(&cache);
}

/* A lookup of before a reload ends late: what is newer stays. */
Test(cache, a_late_answer_sweeps_nothing_newer)
{
	struct cache *cache = cache_new(10000, 16 << 20);
	const struct answer *newer = answer(2, 100, false);
	char key[32];

	cache_put(cache, "newer.example", newer, put_ms);
	answer_unref(&newer);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
	}
	cr_expect(has(cache, "newer.example", 2, 1));
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
	cr_expect_eq(cache_size(cache).entries, 1);
	cache_free(&cache);
}

static const char *const names[] = {"example.org", "[example.org]",
    "example.org:587", "[example.org]:587"};
#define N_DOMAINS (sizeof(names) / sizeof(names[0]))

Test(cache, C_07_a_domain_is_forgotten_under_every_key)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	for (size_t i = 0; i < N_DOMAINS; i++)
		put(cache, names[i], 100);
	put(cache, "[sub.example.org]", 100);
	put(cache, "example.or", 100);
	cr_expect_eq(cache_forget(cache, "example.org"), 1U);
	for (size_t i = 0; i < N_DOMAINS; i++) {
		cr_expect_not(has(cache, names[i], 1, 1), "%s", names[i]);
		cr_expect_eq(cache_epoch(cache, names[i]), 1U, "%s", names[i]);
	}
	cr_expect(has(cache, "[sub.example.org]", 1, 1));
	cr_expect(has(cache, "example.or", 1, 1));
	cache_free(&cache);
}

/* put() has the epoch of a lookup that began before. */
Test(cache, C_07_a_verdict_that_was_under_way_is_not_kept)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	(void)cache_forget(cache, "example.org");
	for (size_t i = 0; i < N_DOMAINS; i++) {
		put(cache, names[i], 100);
		cr_expect_not(has(cache, names[i], 1, 1), "%s", names[i]);
	}
	cr_expect_eq(cache_size(cache).octets, 0U);
	cache_free(&cache);
}

/* --- any domain may have a policy that binds ------------------------------ */

Test(cache, C_01_all_verdicts_that_do_not_bind_are_forgotten)
{
	struct cache *cache = cache_new(1000, 1 << 20);

	put(cache, "example.org", 100);
	put(cache, "[example.net]:587", 100);
	put_bound(cache, "bound.example");
	(void)cache_forget(cache, NULL);
	cr_expect_not(has(cache, "example.org", 1, 1));
	cr_expect_not(has(cache, "[example.net]:587", 1, 1));
	cr_expect(has(cache, "bound.example", 1, 1), "it still protects");
	cache_free(&cache);
}

/* put() and put_bound() have the epoch of a lookup that began before. */
Test(cache, C_01_no_verdict_that_was_under_way_is_kept_unless_it_binds)
{
	struct cache *cache = cache_new(1000, 1 << 20);
	const struct answer *a;

	(void)cache_forget(cache, NULL);
	put(cache, "example.org", 100);
	put_bound(cache, "bound.example");
	cr_expect_not(has(cache, "example.org", 1, 1));
	cr_expect(has(cache, "bound.example", 1, 1));
	cr_expect_eq(cache_size(cache).entries, 1U);
	a = answer_since(1, 100, false, cache_epoch(cache, NULL));
	cache_put(cache, "example.org", a, put_ms);
	answer_unref(&a);
	cr_expect(has(cache, "example.org", 1, 1), "it began after that");
	cache_free(&cache);
}

Test(cache, entries_are_bounded)
{
	struct cache *cache = cache_new(640, 1 << 30);
	char key[32];

	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
		cr_assert_leq(cache_size(cache).entries, 640);
	}
	cr_expect_gt(cache_size(cache).entries, 500, "and well used");
	cache_free(&cache);
}

Test(cache, octets_are_bounded)
{
	struct cache *cache = cache_new(1000000, 128 << 10);
	char key[32];

	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(key, sizeof(key), "d%u.example", i);
		put(cache, key, 100);
		cr_assert_leq(cache_size(cache).octets, 128 << 10);
	}
	cr_expect_gt(cache_size(cache).entries, 64);
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

/* The key of number i; static memory. */
static const char *
key_of(const char *word, unsigned i)
{
	static char key[32];

	(void)snprintf(key, sizeof(key), "%s%u.example", word, i);
	return key;
}

static unsigned
count(struct cache *cache, const char *word, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += has(cache, key_of(word, i), 1, 1);
	return found;
}

/* What protects is not driven out by those who have nothing to protect. */
Test(cache, strangers_drive_out_no_verdict_that_a_policy_binds)
{
	struct cache *cache = cache_new(6400, 1 << 30);

	for (unsigned i = 0; i < 1000; i++)
		put_bound(cache, key_of("bound", i));
	for (unsigned i = 0; i < 100000; i++)
		put(cache, key_of("stranger", i), 100);
	cr_expect_eq(count(cache, "bound", 1000), 1000);
	cr_expect_leq(cache_size(cache).entries, 6400);
	cr_expect_gt(cache_size(cache).entries, 6000,
	    "strangers have the rest");
	cache_free(&cache);
}

Test(cache, strangers_drive_out_no_bound_verdict_by_their_size)
{
	struct cache *cache = cache_new(1000000, 4 << 20);

	for (unsigned i = 0; i < 1000; i++)
		put_bound(cache, key_of("bound", i));
	for (unsigned i = 0; i < 100000; i++)
		put(cache, key_of("stranger", i), 100);
	cr_expect_eq(count(cache, "bound", 1000), 1000);
	cr_expect_leq(cache_size(cache).octets, 4 << 20);
	cache_free(&cache);
}

/* Nor may those who have policies that bind have it all. */
Test(cache, verdicts_that_bind_leave_room)
{
	struct cache *cache = cache_new(6400, 1 << 30);

	for (unsigned i = 0; i < 20000; i++)
		put_bound(cache, key_of("bound", i));
	cr_expect_leq(cache_size(cache).entries, 6400, "bounded all the same");
	for (unsigned i = 0; i < 20000; i++)
		put(cache, key_of("stranger", i), 100);
	cr_expect_gt(count(cache, "stranger", 20000), 1200);
	cr_expect_gt(count(cache, "bound", 20000), 4400);
	/* The newest are those that stay. */
	cr_expect(has(cache, key_of("bound", 19999), 1, 1));
	cache_free(&cache);
}

/* A domain that withdrew its policy is like any other. */
Test(cache, a_verdict_changes_its_kind)
{
	struct cache *cache = cache_new(640, 1 << 30);

	put_bound(cache, "example.org");
	put(cache, "example.org", 100);
	cr_expect_eq(cache_size(cache).entries, 1);
	for (unsigned i = 0; i < 10000; i++)
		put(cache, key_of("stranger", i), 100);
	cr_expect_not(has(cache, "example.org", 1, 1));
	cache_free(&cache);
}
