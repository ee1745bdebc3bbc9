/*
 * The policy store on a Redis server: what several hosts have of it. Each store
 * handle is a host. REQUIREMENTS C-01, C-05, C-07, C-08.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "redis_server.h"
#include "store/store_redis.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";
static const char withdrawn[] = "version: STSv1\nmode: none\nmax_age: 0\n";

static struct redis_server server;
static struct store *here;
static struct store *there;

static void
setup(void)
{
	if (!redis_server_is_installed())
		return;
	redis_server_start(&server, 0, NULL);
	here = redis_server_open(&server);
	there = redis_server_open(&server);
}

static void
teardown(void)
{
	store_close(&here);
	store_close(&there);
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(store_redis, .init = setup, .fini = teardown);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (here == NULL)                                      \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* The policy of example.org, fetched so many seconds after the usual one. */
static struct store_entry
entry_of(const char *id, int later_s)
{
	struct store_entry entry = sync_entry("example.org", id, policy);

	entry.fetched_s += later_s;
	return entry;
}

static void
expect_id(struct store *store, const char *id, const char *what)
{
	struct got got;

	sync_get(store, "example.org", &got);
	cr_expect_eq(got.err, 0, "%s: %d", what, got.err);
	cr_expect_str_eq(got.id, id, "%s: %s", what, got.id);
}

/* --- a fleet -------------------------------------------------------------- */

Test(store_redis, C_01_policy_of_one_host_binds_on_all)
{
	struct store_entry entry = entry_of("1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_find(there, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id(there, "1", "learned");
	cr_expect_eq(sync_list(there, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.org ");
	cr_expect_eq(store_count(there), 1);
	entry = entry_of("2", 10);
	cr_expect_eq(sync_put(there, &entry), 0);
	expect_id(here, "2", "C-07: replaced at once");
}

/* --- news ------------------------------------------------------------------
 */

struct news {
	pthread_mutex_t lock;
	char domains[256]; /* in order, with a blank after each */
	unsigned missed;   /* how often some may have been */
};

static void
learned(void *arg, const char *domain)
{
	struct news *news = arg;
	size_t len;

	pthread_mutex_lock(&news->lock);
	len = strlen(news->domains);
	if (domain != NULL)
		snprintf(news->domains + len, sizeof(news->domains) - len,
		    "%s ", domain);
	else
		news->missed++;
	pthread_mutex_unlock(&news->lock);
}

static bool
has_learned(struct news *news, const char *domain)
{
	bool has;

	pthread_mutex_lock(&news->lock);
	has = strstr(news->domains, domain) != NULL;
	pthread_mutex_unlock(&news->lock);
	return has;
}

static unsigned
count_missed(struct news *news)
{
	unsigned missed;

	pthread_mutex_lock(&news->lock);
	missed = news->missed;
	pthread_mutex_unlock(&news->lock);
	return missed;
}

static void
await_subscribers(unsigned n)
{
	const struct timespec nap = {0, 5000000};
	struct redisReply *reply;
	long long found = 0;

	while (found < n) {
		reply = redis_server_ask(&server, "PUBSUB NUMSUB %s",
		    REDIS_LEARNED_CHANNEL);
		found = reply->element[1]->integer;
		freeReplyObject(reply);
		nanosleep(&nap, NULL);
	}
}

static void
await_news(struct news *news, const char *domain)
{
	const struct timespec nap = {0, 5000000};

	while (!has_learned(news, domain))
		nanosleep(&nap, NULL);
}

static void
put_policy(struct store *store, const char *domain, const char *id,
    const char *body, int later_s)
{
	struct store_entry entry = sync_entry(domain, id, body);

	entry.fetched_s += later_s;
	cr_expect_eq(sync_put(store, &entry), 0);
}

/* The last one is awaited, so that the others would have come before it. */
Test(store_redis, C_01_policy_that_one_host_learns_is_news_to_the_others,
    .timeout = 60)
{
	struct news mine = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct news theirs = {.lock = PTHREAD_MUTEX_INITIALIZER};

	NEEDS_SERVER();
	store_on_learned(here, learned, &mine);
	store_on_learned(there, learned, &theirs);
	await_subscribers(2);
	put_policy(here, "new.example", "1", policy, 0);
	put_policy(here, "weak.example", "1",
	    "version: STSv1\nmode: none\nmax_age: 86400\n", 0);
	put_policy(here, "new.example", "1", policy, 10);
	put_policy(here, "changed.example", "1", policy, 0);
	put_policy(here, "changed.example", "2", policy, 10);
	put_policy(here, "last.example", "1", policy, 0);
	await_news(&theirs, "last.example");
	cr_expect_str_eq(theirs.domains,
	    "new.example changed.example changed.example last.example ",
	    "neither one that does not bind nor the same once more: %s",
	    theirs.domains);
	put_policy(there, "back.example", "1", policy, 0);
	await_news(&mine, "back.example");
	cr_expect_str_eq(mine.domains, "back.example ",
	    "what it has published itself is no news");
	store_on_learned(there, NULL, NULL);
}

Test(store_redis, C_01_news_come_after_a_restart_of_the_server_as_well,
    .timeout = 60)
{
	struct news theirs = {.lock = PTHREAD_MUTEX_INITIALIZER};

	NEEDS_SERVER();
	store_on_learned(there, learned, &theirs);
	await_subscribers(2);
	redis_server_kill(&server);
	redis_server_restart(&server);
	await_subscribers(2);
	put_policy(here, "new.example", "1", policy, 0);
	await_news(&theirs, "new.example");
}

/* The server keeps no news for a host whose link is broken. */
Test(store_redis, C_01_host_that_may_have_missed_news_is_told, .timeout = 60)
{
	const struct timespec nap = {0, 5000000};
	struct news theirs = {.lock = PTHREAD_MUTEX_INITIALIZER};
	unsigned missed;

	NEEDS_SERVER();
	store_on_learned(there, learned, &theirs);
	await_subscribers(2);
	/* Comes after the answer to the first subscription. */
	put_policy(here, "first.example", "1", policy, 0);
	await_news(&theirs, "first.example");
	missed = count_missed(&theirs);
	redis_server_tell(&server, "ACL SETUSER default -subscribe");
	redis_server_tell(&server, "CLIENT KILL TYPE pubsub");
	put_policy(here, "new.example", "1", policy, 0);
	redis_server_tell(&server, "ACL SETUSER default +subscribe");
	redis_server_tell(&server, "CLIENT KILL TYPE pubsub");
	redis_server_tell(&server, "CLIENT KILL TYPE normal");
	while (count_missed(&theirs) == missed)
		nanosleep(&nap, NULL);
	cr_expect_not(has_learned(&theirs, "new.example"));
	put_policy(here, "last.example", "1", policy, 0);
	await_news(&theirs, "last.example");
}

/* What others publish there is not trusted more than any octets. */
Test(store_redis, C_01_nonsense_is_no_news, .timeout = 60)
{
	struct news theirs = {.lock = PTHREAD_MUTEX_INITIALIZER};

	NEEDS_SERVER();
	store_on_learned(there, learned, &theirs);
	await_subscribers(2);
	redis_server_tell(&server, "PUBLISH %s x", REDIS_LEARNED_CHANNEL);
	redis_server_tell(&server, "PUBLISH %s %s", REDIS_LEARNED_CHANNEL,
	    "0123456789abcdef");
	redis_server_tell(&server, "PUBLISH %s %b", REDIS_LEARNED_CHANNEL,
	    "0123456789abcdef a\0b.example", (size_t)28);
	redis_server_tell(&server, "PUBLISH %s %s", REDIS_LEARNED_CHANNEL,
	    "0123456789abcdef UPPER.EXAMPLE");
	put_policy(here, "new.example", "1", policy, 0);
	await_news(&theirs, "new.example");
	cr_expect_str_eq(theirs.domains, "new.example ");
}

/* --- a fleet, once more ----------------------------------------------------
 */

/* A host whose clock is behind, or that was slow. */
Test(store_redis, C_07_older_fetch_does_not_replace_a_newer_one)
{
	struct store_entry new = entry_of("2", 10);
	struct store_entry old = entry_of("1", 0);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &new), 0);
	cr_expect_eq(sync_put(there, &old), 0);
	expect_id(here, "2", "here");
	expect_id(there, "2", "there");
}

Test(store_redis, C_05_mark_reaches_all_hosts)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry entry = entry_of("1", 0);
	struct got got;

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	cr_expect_eq(sync_mark(there, "example.org", &tried), 0);
	sync_get(here, "example.org", &got);
	cr_expect_eq(got.tried_s, 500);
	cr_expect_str_eq(got.failure, "no");
	cr_expect_eq(got.fetched_s, entry.fetched_s);
}

/* --- what a host holds does not come back --------------------------------- */

Test(store_redis, deleted_policy_stays_away_though_another_host_holds_it)
{
	struct store_entry entry = entry_of("1", 0);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id(there, "1", "in the copy");
	cr_expect_eq(sync_delete(here, "example.org"), 0);
	cr_expect_eq(sync_find(there, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(sync_find(here, "example.org"), ERR_NOTFOUND);
	redis_server_kill(&server);
	cr_expect_eq(sync_find(there, "example.org"), ERR_DOWN,
	    "nor is it in the copy");
}

Test(store_redis, C_08_withdrawal_reaches_hosts_that_hold_the_old_policy)
{
	struct store_entry entry = entry_of("1", 0);
	struct store_entry none = sync_entry("example.org", "2", withdrawn);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id(there, "1", "in the copy");
	none.fetched_s += 10;
	cr_expect_eq(sync_put(here, &none), 0);
	expect_id(there, "2", "and not the old one");
}

/* --- what the server loses ------------------------------------------------ */

Test(store_redis, flushed_server_gets_back_what_was_used)
{
	struct store_entry entry = entry_of("1", 0);
	struct store *third;

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	redis_server_tell(&server, "FLUSHALL");
	cr_expect_eq(sync_find(there, "example.org"), ERR_NOTFOUND,
	    "who never used it does not know");
	expect_id(here, "1", "from the copy");
	store_close(&here); /* what is under way is carried out */
	third = redis_server_open(&server);
	expect_id(third, "1", "pushed back");
	store_close(&third);
}

/* It came back with data of yesterday. */
Test(store_redis, older_data_does_not_bring_back_an_old_policy)
{
	struct store_entry old = entry_of("1", 0);
	struct store_entry new = entry_of("2", 10);
	struct redisReply *yesterday;

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &old), 0);
	yesterday =
	    redis_server_ask(&server, "GET %sexample.org", REDIS_KEY_PREFIX);
	cr_expect_eq(sync_put(here, &new), 0);
	redis_server_tell(&server, "SET %sexample.org %b", REDIS_KEY_PREFIX,
	    yesterday->str, (size_t)yesterday->len);
	freeReplyObject(yesterday);
	expect_id(here, "2", "here");
	store_close(&here);
	expect_id(there, "2", "pushed back");
}

Test(store_redis, listing_heals_as_well)
{
	struct store_entry entry = entry_of("1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	redis_server_tell(&server, "FLUSHALL");
	cr_expect_eq(sync_list(here, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.org ");
	store_close(&here);
	expect_id(there, "1", "pushed back");
}

/* --- damage --------------------------------------------------------------- */

Test(store_redis, damaged_record_is_healed_by_who_holds_it)
{
	struct store_entry entry = entry_of("1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	redis_server_tell(&server, "SETRANGE %sexample.org 50 XXXX",
	    REDIS_KEY_PREFIX);
	cr_expect_eq(sync_find(there, "example.org"), ERR_CORRUPT);
	cr_expect_eq(sync_list(there, list, sizeof(list)), ERR_CORRUPT);
	cr_expect_str_eq(list, "");
	expect_id(here, "1", "from the copy");
	store_close(&here);
	expect_id(there, "1", "healed");
}

/* As a daemon that is newer would leave it, while the fleet is updated. */
static void
make_newer(void)
{
	redis_server_tell(&server, "SETRANGE %sexample.org 4 %b",
	    REDIS_KEY_PREFIX, "\x02", (size_t)1);
}

static void
expect_newer(const char *what)
{
	struct redisReply *reply = redis_server_ask(&server,
	    "GETRANGE %sexample.org 4 4", REDIS_KEY_PREFIX);

	cr_expect_eq(reply->len, 1, "%s", what);
	cr_expect_eq(reply->str[0], 2, "%s", what);
	freeReplyObject(reply);
}

Test(store_redis, C_01_newer_record_is_neither_read_nor_touched)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry entry = entry_of("1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	make_newer();
	cr_expect_eq(sync_find(there, "example.org"), ERR_VERSION);
	cr_expect_eq(sync_mark(there, "example.org", &tried), ERR_VERSION);
	cr_expect_eq(sync_list(there, list, sizeof(list)), ERR_VERSION,
	    "what is not listed is not removed when it expires");
	cr_expect_str_eq(list, "");
	entry = entry_of("2", 10);
	cr_expect_eq(sync_put(there, &entry), ERR_VERSION);
	expect_newer("as it was");
}

/* Our own age must not make a domain look unbound that we know to be bound. */
Test(store_redis, C_01_what_a_host_fetched_binds_on_it_beside_a_newer_record)
{
	struct store_entry entry = entry_of("1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	make_newer();
	expect_id(here, "1", "what it holds");
	cr_expect_eq(sync_list(here, list, sizeof(list)), ERR_VERSION,
	    "its refreshes are the newer ones' business");
	cr_expect_str_eq(list, "");
	entry = entry_of("2", 10);
	cr_expect_eq(sync_put(here, &entry), ERR_VERSION);
	expect_id(here, "2", "what it has fetched since");
	expect_newer("as it was");
	cr_expect_eq(sync_find(there, "example.org"), ERR_VERSION,
	    "a host that has fetched none");
	entry = entry_of("3", 20);
	cr_expect_eq(sync_put(there, &entry), ERR_VERSION);
	expect_id(there, "3", "once it has");
	store_close(&here);
	store_close(&there);
	expect_newer("nor is anything pushed back");
}

/* Beyond its life it binds nobody. */
Test(store_redis, C_02_expired_copy_does_not_bind_beside_a_newer_record)
{
	struct store_entry entry = entry_of("1", -100000);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	entry = entry_of("2", 0);
	cr_expect_eq(sync_put(there, &entry), 0);
	make_newer();
	cr_expect_eq(sync_find(here, "example.org"), ERR_VERSION);
}

Test(store_redis, foreign_keys_are_left_alone)
{
	char list[64];

	NEEDS_SERVER();
	redis_server_tell(&server, "SET other x");
	redis_server_tell(&server, "SET %sNo-Name x", REDIS_KEY_PREFIX);
	redis_server_tell(&server, "LPUSH %sexample.org x", REDIS_KEY_PREFIX);
	cr_expect_eq(sync_find(here, "example.org"), ERR_CORRUPT);
	cr_expect_eq(sync_list(here, list, sizeof(list)), ERR_CORRUPT);
	cr_expect_str_eq(list, "");
	cr_expect_eq(redis_server_ask_integer(&server,
			 "EXISTS other %sNo-Name %sexample.org",
			 REDIS_KEY_PREFIX, REDIS_KEY_PREFIX),
	    3);
	/* Nor are they counted, but for the name that is one. */
	cr_expect_eq(store_count(here), 1);
}

/* --- tools ---------------------------------------------------------------- */

Test(store_redis, reader_changes_nothing)
{
	struct store_entry entry = entry_of("1", 0);
	struct store_entry own = sync_entry("own.example", "1", policy);
	char error[STORE_ERROR_SIZE] = "";
	char spec[256];
	char list[64];
	struct store *reader;

	NEEDS_SERVER();
	/* An open store would notice the loss and write its format key. */
	store_close(&here);
	store_close(&there);
	redis_server_tell(&server, "FLUSHALL");
	snprintf(spec, sizeof(spec), "redis+unix:%s", server.unix_path);
	reader = store_open(&(struct store_options){.spec = spec,
				.access = STORE_READ_ONLY},
	    error);
	cr_assert_not_null(reader, "%s", error);
	cr_expect_eq(redis_server_ask_integer(&server, "DBSIZE"), 0);
	here = redis_server_open(&server);
	there = redis_server_open(&server);
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id(reader, "1", "read");
	cr_expect_eq(sync_put(reader, &own), 0);
	cr_expect_eq(sync_find(reader, "own.example"), 0);
	cr_expect_eq(sync_list(reader, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.org own.example ");
	cr_expect_eq(sync_find(there, "own.example"), ERR_NOTFOUND);
	store_close(&reader);
	cr_expect_eq(sync_find(there, "own.example"), ERR_NOTFOUND);
}

/* More than one answer to SCAN, more than one batch of reads. */
Test(store_redis, many_are_listed_in_order)
{
	struct store_entry entry = entry_of("1", 0);
	char domain[32];
	const char *last = "";
	static char list[1 << 16];
	unsigned n = 0;

	NEEDS_SERVER();
	for (int i = 0; i < 2000; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		entry.domain = domain;
		cr_assert_eq(store_put(here, &entry, NULL, NULL), 0);
	}
	cr_expect_eq(sync_delete(here, "other.example"), 0);
	cr_expect_eq(sync_list(there, list, sizeof(list)), 0);
	for (char *at = list, *end; (end = strchr(at, ' ')) != NULL;
	     at = end + 1) {
		*end = '\0';
		cr_assert(strcmp(last, at) < 0, "%s before %s", last, at);
		last = at;
		n++;
	}
	cr_expect_eq(n, 2000);
}
