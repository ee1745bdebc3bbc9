/*
 * What a Redis server makes of a put and a delete: which policy wins, and how
 * long it stays. REQUIREMENTS C-02, C-07, C-08, S-06.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/err.h"
#include "redis_server.h"
#include "store/store_record.h"
#include "store/store_redis.h"
#include "store_sync.h"

#define KEY REDIS_KEY_PREFIX "example.org"

static struct redis_server server;
static struct redis_link *link_;
static int64_t now_s;

static void
setup(void)
{
	struct redis_login login = {.must_be_up = true};
	struct redis_resolver resolver = {.running = NULL};
	char why[REDIS_WHY_SIZE];

	if (!redis_server_is_installed())
		return;
	now_s = time(NULL);
	redis_server_start(&server, 0, NULL);
	snprintf(login.address.path, sizeof(login.address.path), "%s",
	    server.unix_path);
	cr_assert_eq(redis_login(&login, &resolver, clock_mono_ms() + 10000,
			 &link_, why),
	    0, "%s", why);
}

static void
teardown(void)
{
	redis_link_free(&link_);
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(redis_script, .init = setup, .fini = teardown);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (link_ == NULL)                                     \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* --- asking --------------------------------------------------------------- */

static struct store_entry
entry_of(const char *id, int64_t fetched_s, const char *max_age)
{
	static char body[256];
	struct store_entry entry = sync_entry("example.org", id, "");

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: none\nmax_age: %s\n", max_age);
	entry.fetched_s = fetched_s;
	entry.body = (const uint8_t *)body;
	entry.len = strlen(body);
	return entry;
}

/* What redis_value makes of the next reply; its id into id. */
static int
reply_id(enum redis_value *value, char id[TXT_ID_SIZE])
{
	struct store_entry entry;
	struct redisReply *reply;
	int err;

	id[0] = '\0';
	cr_assert_eq(redis_link_reply(link_, clock_mono_ms() + 10000, &reply),
	    0);
	err = redis_value(reply, "example.org", value, &entry);
	if (err == 0 && *value == REDIS_VALUE_RECORD)
		snprintf(id, TXT_ID_SIZE, "%s", entry.id);
	freeReplyObject(reply);
	return err;
}

static int
put(enum redis_put how, const struct store_entry *entry,
    enum redis_value *winner, char id[TXT_ID_SIZE])
{
	cr_assert_eq(redis_put(link_, how, entry, now_s, "here"), 0);
	return reply_id(winner, id);
}

static void
put_first(const struct store_entry *entry)
{
	enum redis_value value;
	char id[TXT_ID_SIZE];

	cr_assert_eq(put(REDIS_PUT_NEW, entry, &value, id), 0);
	cr_assert_eq(value, REDIS_VALUE_NONE);
}

static enum redis_value
get(char id[TXT_ID_SIZE])
{
	const struct redis_word words[] = {REDIS_WORD("GET"), REDIS_WORD(KEY)};
	enum redis_value value;

	cr_assert_eq(redis_link_command(link_, 2, words), 0);
	cr_assert_eq(reply_id(&value, id), 0);
	return value;
}

static void
delete_(int64_t ends_ms)
{
	enum redis_value value;
	char id[TXT_ID_SIZE];

	cr_assert_eq(redis_delete(link_, "example.org", ends_ms,
			 REDIS_DELETE_ANY),
	    0);
	cr_assert_eq(reply_id(&value, id), 0);
	cr_assert_eq(value, REDIS_VALUE_NONE);
}

/* --- which one wins ------------------------------------------------------- */

/* Times in seconds from now. */
static const struct {
	int there;
	const char *there_id;
	int comes;
	const char *comes_id;
	enum redis_put how;
	bool wins;
} rows[] = {
    {-100, "1", -50,  "2", REDIS_PUT_NEW,  true },
    {-100, "1", -100, "2", REDIS_PUT_NEW,  true },
    {-50,  "1", -100, "2", REDIS_PUT_NEW,  false},
    {-100, "1", -50,  "2", REDIS_PUT_COPY, true },
    {-50,  "1", -100, "1", REDIS_PUT_COPY, false},
    {-100, "1", -100, "1", REDIS_PUT_COPY, true }, /* notes */
    {-100, "1", -100, "2", REDIS_PUT_COPY, false},
    {100,  "1", -50,  "2", REDIS_PUT_NEW,  false}, /* clocks differ a bit */
    {9000, "1", -50,  "2", REDIS_PUT_NEW,  true }, /* S-06: a wrong clock */
    {9000, "1", -50,  "2", REDIS_PUT_COPY, true },
    {-50,  "1", 9000, "2", REDIS_PUT_COPY, false},
    {-50,  "1", 9000, "2", REDIS_PUT_NEW,  true },
};

Test(redis_script, C_07_policy_that_was_fetched_last_wins)
{
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_entry entry =
		    entry_of(rows[i].there_id, now_s + rows[i].there, "86400");

		redis_server_tell(&server, "DEL %s", KEY);
		put_first(&entry);
		entry =
		    entry_of(rows[i].comes_id, now_s + rows[i].comes, "86400");
		entry.failure = "comes";
		cr_expect_eq(put(rows[i].how, &entry, &winner, id), 0);
		cr_expect_eq(winner,
		    rows[i].wins ? REDIS_VALUE_NONE : REDIS_VALUE_RECORD,
		    "row %zu", i);
		cr_expect_str_eq(id, rows[i].wins ? "" : rows[i].there_id);
		cr_expect_eq(get(id), REDIS_VALUE_RECORD);
		cr_expect_str_eq(id,
		    rows[i].wins ? rows[i].comes_id : rows[i].there_id,
		    "row %zu", i);
	}
}

/* A program that is newer may know something that we would destroy. */
Test(redis_script, newer_record_is_not_overwritten)
{
	struct store_entry entry = entry_of("1", now_s, "86400");
	uint8_t record[512];
	size_t size = format_size(&entry);
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	cr_assert_leq(size, sizeof(record));
	format_write(&entry, record);
	record[4] = 2;
	redis_server_tell(&server, "SET %s %b", KEY, record, size);
	entry.id = "2";
	cr_expect_eq(put(REDIS_PUT_NEW, &entry, &winner, id), ERR_VERSION);
	cr_expect_eq(put(REDIS_PUT_COPY, &entry, &winner, id), ERR_VERSION);
	cr_expect_eq(redis_delete(link_, "example.org", 0, now_s), 0);
	cr_expect_eq(reply_id(&winner, id), ERR_VERSION);
	/* nor one that has become shorter than ours can be */
	redis_server_tell(&server, "SET %s %b", KEY, record, (size_t)6);
	cr_expect_eq(put(REDIS_PUT_NEW, &entry, &winner, id), ERR_VERSION);
	cr_expect_eq(put(REDIS_PUT_COPY, &entry, &winner, id), ERR_VERSION);
	cr_expect_eq(redis_server_ask_integer(&server, "STRLEN %s", KEY), 6);
}

Test(redis_script, rubbish_is_replaced)
{
	struct store_entry entry = entry_of("1", now_s, "86400");
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	redis_server_tell(&server, "SET %s DSTS", KEY);
	put_first(&entry);
	cr_expect_eq(get(id), REDIS_VALUE_RECORD);
	cr_expect_str_eq(id, "1");
}

Test(redis_script, other_types_of_key_are_left_alone)
{
	struct store_entry entry = entry_of("1", now_s, "86400");
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	redis_server_tell(&server, "LPUSH %s x", KEY);
	cr_expect_eq(put(REDIS_PUT_NEW, &entry, &winner, id), ERR_CORRUPT);
	cr_expect_eq(redis_server_ask_integer(&server, "LLEN %s", KEY), 1);
}

/* --- how long ------------------------------------------------------------- */

/* Seconds that are left of the key; -2: it is not there. */
static long long
left_s(void)
{
	long long ms = redis_server_ask_integer(&server, "PTTL %s", KEY);

	return ms < 0 ? ms : (ms + 999) / 1000;
}

/* The clock goes on while the test runs. */
static void
expect_left(long long want_s, const char *what)
{
	long long s = left_s();

	cr_expect(s <= want_s && s > want_s - 60, "%s: %lld, not %lld", what, s,
	    want_s);
}

static const struct {
	int fetched;
	const char *max_age;
	long long left; /* -2: not kept */
} lives[] = {
    {0,      "86400",      86400   },
    {-600,   "86400",      85800   },
    {-600,   "600",        -2      },
    {0,      "0",          -2      }, /* C-08 */
    {9000,   "86400",      86400   }, /* S-06 */
    {0,      "9999999999", 31557600}, /* P-13 */
    {0,      "x",          86400   }, /* no policy: for people to look at */
    {-90000, "x",          86400   },
};

/* C-02: the server forgets a policy when its life is over. */
Test(redis_script, C_02_key_ends_with_its_policy)
{
	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct store_entry entry =
		    entry_of("1", now_s + lives[i].fetched, lives[i].max_age);

		redis_server_tell(&server, "DEL %s", KEY);
		put_first(&entry);
		if (lives[i].left == -2)
			cr_expect_eq(left_s(), -2, "row %zu", i);
		else
			expect_left(lives[i].left, lives[i].max_age);
	}
}

/*
 * A host that was cut off holds the first policy for a day: it must find the
 * withdrawal until then, not nothing.
 */
Test(redis_script, C_07_shorter_policy_stays_as_long_as_the_one_it_replaced)
{
	struct store_entry entry = entry_of("1", now_s - 100, "86400");
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	put_first(&entry);
	entry = entry_of("2", now_s - 10, "0");
	put_first(&entry);
	expect_left(86300, "replaced");
	cr_expect_eq(get(id), REDIS_VALUE_RECORD);
	cr_expect_str_eq(id, "2");
	entry = entry_of("3", now_s, "200000");
	put_first(&entry);
	expect_left(200000, "longer again");
}

/* --- deleting ------------------------------------------------------------- */

Test(redis_script, deleted_policy_leaves_word_for_those_who_hold_it)
{
	struct store_entry entry = entry_of("1", now_s - 100, "86400");
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	put_first(&entry);
	delete_(0);
	cr_expect_eq(get(id), REDIS_VALUE_GONE);
	expect_left(86300, "as long as the policy");
	cr_expect_eq(put(REDIS_PUT_COPY, &entry, &winner, id), 0);
	cr_expect_eq(winner, REDIS_VALUE_GONE, "a copy loses");
	entry = entry_of("2", now_s - 50, "86400");
	put_first(&entry); /* a fetch wins */
	cr_expect_eq(get(id), REDIS_VALUE_RECORD);
}

Test(redis_script, delete_of_what_is_lost_leaves_word_as_well)
{
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	delete_(0);
	cr_expect_eq(get(id), REDIS_VALUE_NONE);
	delete_((now_s + 500) * 1000);
	cr_expect_eq(get(id), REDIS_VALUE_GONE);
	expect_left(500, "as long as the deleter's copy");
}

/* Times in seconds from now: of the policy that is there, and of the one that
 * does not bind and replaces it. */
static const struct {
	int there;
	int comes;
	bool deletes;
} replacements[] = {
    {-100, -50,  true },
    {-100, -100, true },
    {-50,  -100, false},
    {100,  -50,  false}, /* clocks differ a bit */
    {9000, -50,  true }, /* S-06: a wrong clock */
};

Test(redis_script, C_07_only_what_is_not_later_is_deleted_for_another_policy)
{
	enum redis_value value;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]);
	     i++) {
		bool deletes = replacements[i].deletes;
		struct store_entry entry =
		    entry_of("1", now_s + replacements[i].there, "86400");

		redis_server_tell(&server, "DEL %s", KEY);
		put_first(&entry);
		cr_expect_eq(redis_delete(link_, "example.org", 0,
				 now_s + replacements[i].comes),
		    0);
		cr_expect_eq(reply_id(&value, id), 0);
		cr_expect_eq(value,
		    deletes ? REDIS_VALUE_NONE : REDIS_VALUE_RECORD, "row %zu",
		    i);
		cr_expect_eq(get(id),
		    deletes ? REDIS_VALUE_GONE : REDIS_VALUE_RECORD, "row %zu",
		    i);
	}
}

/* GONE says since when, and a host that was cut off may hold a later policy
 * that is not written yet. */
Test(redis_script, C_07_deleted_for_another_policy_is_as_old_as_that_one)
{
	struct store_entry entry = entry_of("1", now_s - 100, "86400");
	enum redis_value value;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	put_first(&entry);
	cr_expect_eq(redis_delete(link_, "example.org", 0, now_s - 50), 0);
	cr_expect_eq(reply_id(&value, id), 0);
	cr_expect_eq(redis_delete(link_, "example.org", 0, now_s - 80), 0);
	cr_expect_eq(reply_id(&value, id), 0);
	entry = entry_of("2", now_s - 60, "86400");
	cr_expect_eq(put(REDIS_PUT_COPY, &entry, &value, id), 0);
	cr_expect_eq(value, REDIS_VALUE_GONE, "fetched before");
	entry = entry_of("3", now_s - 40, "86400");
	cr_expect_eq(put(REDIS_PUT_COPY, &entry, &value, id), 0);
	cr_expect_eq(value, REDIS_VALUE_NONE, "fetched after");
}

Test(redis_script, C_16_note_changes_what_is_there_and_adds_nothing)
{
	struct store_entry entry = entry_of("1", now_s - 100, "86400");
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	cr_expect_eq(put(REDIS_PUT_NOTE, &entry, &winner, id), 0);
	cr_expect_eq(winner, REDIS_VALUE_NONE);
	cr_expect_eq(get(id), REDIS_VALUE_NONE, "not added");
	put_first(&entry);
	entry.failure = "a note";
	cr_expect_eq(put(REDIS_PUT_NOTE, &entry, &winner, id), 0);
	cr_expect_eq(winner, REDIS_VALUE_NONE);
	cr_expect_eq(redis_server_ask_integer(&server, "STRLEN %s", KEY),
	    (long long)format_size(&entry));
	entry = entry_of("2", now_s - 200, "86400");
	cr_expect_eq(put(REDIS_PUT_NOTE, &entry, &winner, id), 0);
	cr_expect_eq(winner, REDIS_VALUE_RECORD, "as a copy");
}

Test(redis_script, full_server_can_still_delete)
{
	struct store_entry entry = entry_of("1", now_s, "86400");
	enum redis_value winner;
	char id[TXT_ID_SIZE];

	NEEDS_SERVER();
	put_first(&entry);
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	entry = entry_of("2", now_s, "86400");
	cr_expect_eq(put(REDIS_PUT_NEW, &entry, &winner, id), ERR_FULL);
	cr_expect_eq(get(id), REDIS_VALUE_RECORD);
	cr_expect_str_eq(id, "1", "the old value is intact");
	delete_(0);
	cr_expect_neq(get(id), REDIS_VALUE_RECORD);
}

Test(redis_script, format_is_said_again_after_a_flush)
{
	struct store_entry entry = entry_of("1", now_s, "86400");
	struct redisReply *reply;

	NEEDS_SERVER();
	redis_server_tell(&server, "FLUSHALL");
	put_first(&entry);
	reply = redis_server_ask(&server, "GET %s", REDIS_FORMAT_KEY);
	cr_assert_eq(reply->type, REDIS_REPLY_STRING);
	cr_expect_str_eq(reply->str, REDIS_FORMAT);
	freeReplyObject(reply);
}
