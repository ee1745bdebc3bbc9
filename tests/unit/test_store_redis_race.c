/*
 * The local cache of a Redis store while both threads of the store change it:
 * the reader and the writer look into the cache, compare what they found with
 * the server's policy, and change the cache. Here another change comes in
 * between, at the same place each time. C-01: the policy that was fetched
 * latest has to be in the cache, as it counts when the server fails.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "redis_host.h"
#include "store/overlay.h"
#include "store/store_redis.h"
#include "store_sync.h"

static struct store *there; /* another host's */

/* --- what comes in between ------------------------------------------------ */

struct race {
	void (*change)(void);
	bool before; /* the look into the cache; otherwise after it */
};

static struct race race;
static atomic_bool armed; /* the next look into the cache is the one */

struct record *
__real_overlay_get(struct overlay *o, const char *domain, bool *pending);
struct record *
__wrap_overlay_get(struct overlay *o, const char *domain, bool *pending);

struct record *
__wrap_overlay_get(struct overlay *o, const char *domain, bool *pending)
{
	bool here_it_is = atomic_exchange(&armed, false);
	struct record *record;

	if (here_it_is && race.before)
		race.change();
	record = __real_overlay_get(o, domain, pending);
	if (here_it_is && !race.before)
		race.change();
	return record;
}

static void
arm(struct race next)
{
	race = next;
	atomic_store(&armed, true);
}

/* What the host would go by without the server. */
static void
expect_in_cache(const char *id)
{
	cr_assert_not(atomic_load(&armed), "nothing came in between");
	redis_server_kill(&server);
	expect_id("example.org", id, "from the cache");
}

/* The other thread of this host. */
static void
put_first(void)
{
	struct store_entry first = entry_of("example.org", "1", 0);

	cr_expect_eq(sync_put(here, &first), 0);
}

static void
put_second(void)
{
	struct store_entry second = entry_of("example.org", "2", 10);

	cr_expect_eq(sync_put(here, &second), 0);
}

static void
learn_third(void)
{
	struct store_entry third = entry_of("example.org", "3", 20);

	cr_expect_eq(sync_put(there, &third), 0);
	expect_id("example.org", "3", "learned from the server");
}

/* The reader finds that the server has an older policy than the cache, and the
 * server takes no writes for now. */
static void
find_third_pending(void)
{
	redis_server_tell(&server, "CONFIG SET min-replicas-to-write 1");
	expect_id("example.org", "3", "it counts here");
}

static void
drop_on_server(void)
{
	redis_server_tell(&server, "DEL %sexample.org", REDIS_KEY_PREFIX);
}

/* --- around each test ----------------------------------------------------- */

static void
setup(void)
{
	redis_host_setup();
	if (server.dir != NULL)
		there = redis_server_open(&server);
}

static void
teardown(void)
{
	if (there != NULL)
		store_close(&there);
	redis_host_teardown();
}

TestSuite(store_redis_race, .init = setup, .fini = teardown, .timeout = 60);

/* --- the reader ----------------------------------------------------------- */

Test(store_redis_race, C_01_policy_read_replaces_none_that_was_put_meanwhile)
{
	struct store_entry first = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(there, &first), 0);
	arm((struct race){.change = put_second});
	cr_expect_eq(sync_find(here, "example.org"), 0);
	expect_in_cache("2");
}

Test(store_redis_race, C_01_none_found_removes_none_that_was_put_meanwhile)
{
	NEEDS_SERVER();
	arm((struct race){.change = put_first});
	cr_expect_eq(sync_find(here, "example.org"), ERR_NOTFOUND,
	    "the server had none when it was asked");
	expect_in_cache("1");
}

/* What the server has lost is to be written again from the cache. */
Test(store_redis_race, C_01_policy_put_back_replaces_none_put_meanwhile)
{
	NEEDS_SERVER();
	put_first();
	drop_on_server();
	arm((struct race){.change = put_second});
	cr_expect_eq(sync_find(here, "example.org"), 0);
	expect_in_cache("2");
}

/* --- the writer ----------------------------------------------------------- */

/* Another host's policy wins over ours on the server, and is itself replaced
 * before it gets into the cache. */
Test(store_redis_race, C_01_winner_replaces_none_that_was_learned_meanwhile)
{
	struct store_entry second = entry_of("example.org", "2", 10);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(there, &second), 0);
	arm((struct race){.change = learn_third});
	put_first();
	expect_in_cache("3");
}

Test(store_redis_race, C_01_winner_replaces_no_later_one_that_became_pending)
{
	struct store_entry second = entry_of("example.org", "2", 10);
	struct store_entry third = entry_of("example.org", "3", 20);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &third), 0);
	drop_on_server();
	cr_assert_eq(sync_put(there, &second), 0);
	arm((struct race){.change = find_third_pending, .before = true});
	put_first();
	expect_in_cache("3");
}
