/*
 * Reading policies from Redis. The server is asked each time, as another host
 * may know better; the copy answers when the server does not, and where it
 * holds what the server has lost (it was flushed, or came back with old data).
 */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "log/log.h"
#include "store/redis_wait.h"
#include "store/store_redis.h"

/* --- one answer ----------------------------------------------------------- */

struct batch {
	struct store_redis *r;
	const char *const *domain;
	size_t n;
	size_t done; /* answered: each gets one answer */
	store_many_fn *got;
	void *arg;
	bool list; /* of everything: nothing to remember */
};

static void
answer(struct batch *b, int err, const struct store_entry *entry)
{
	b->got(b->arg, b->done++, err, entry);
}

/* The server lacks what we hold; or has no room for it. */
static void
answer_and_heal(struct batch *b, struct record *mine)
{
	struct store_redis *r = b->r;
	bool left_out = mine->entry.expendable && atomic_load(&r->crowded);

	if (!r->login.read_only && !left_out &&
	    overlay_put(r->cache, mine, true))
		redis_keeper_wake(r->keeper);
	answer(b, 0, &mine->entry);
}

static void
answer_and_learn(struct batch *b, const struct store_entry *theirs)
{
	struct record *record;

	if (!b->list && record_new(theirs, &record) == 0) {
		(void)overlay_put(b->r->cache, record, false);
		record_unref(&record);
	}
	answer(b, 0, theirs);
}

/* The server has no answer, or one that is of no use. */
static void
answer_from_copy(struct batch *b, int err)
{
	struct record *mine =
	    overlay_get(b->r->cache, b->domain[b->done], NULL);

	if (mine == NULL)
		answer(b, err, NULL);
	else if (err == ERR_CORRUPT)
		answer_and_heal(b, mine);
	else
		answer(b, 0, &mine->entry);
	record_unref(&mine);
}

static void
tell_newer(struct store_redis *r)
{
	struct log_event e;

	if (atomic_exchange(&r->newer, true))
		return;
	log_begin(&e, r->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "newer");
	log_str(&e, "store", r->spec);
	log_str(&e, "msg",
	    "a newer version of this program has written policies there: "
	    "here counts what this host has fetched itself; update it");
	log_end(&e);
}

/*
 * A newer program of the fleet has written it. What this host has fetched
 * itself still binds on it, until it ends; the newer record is none of its
 * business.
 */
static void
answer_beside_newer(struct batch *b)
{
	struct record *mine =
	    overlay_get(b->r->cache, b->domain[b->done], NULL);

	tell_newer(b->r);
	if (mine != NULL && !b->list &&
	    redis_cache_wins(mine, false, NULL, time(NULL)))
		answer(b, 0, &mine->entry);
	else
		answer(b, ERR_VERSION, NULL);
	record_unref(&mine);
}

/* The server has answered, and what it says can be read. */
static void
weigh(struct batch *b, enum redis_value value, const struct store_entry *theirs)
{
	const char *domain = b->domain[b->done];
	bool pending = false;
	struct record *mine = overlay_get(b->r->cache, domain, &pending);

	if (mine != NULL &&
	    redis_cache_wins(mine, pending,
		value == REDIS_VALUE_NONE ? NULL : theirs, time(NULL))) {
		answer_and_heal(b, mine);
	} else if (value == REDIS_VALUE_RECORD) {
		answer_and_learn(b, theirs);
	} else {
		overlay_remove(b->r->cache, domain);
		answer(b, ERR_NOTFOUND, NULL);
	}
	record_unref(&mine);
}

static void
take_reply(struct batch *b, const struct redisReply *reply)
{
	struct store_entry theirs;
	enum redis_value value;
	int err = redis_value(reply, b->domain[b->done], &value, &theirs);

	redis_tell_refusal(b->r, REDIS_NO_READS, reply);
	if (err == 0)
		weigh(b, value, &theirs);
	else if (err == ERR_VERSION)
		answer_beside_newer(b);
	else
		answer_from_copy(b, err);
}

/* --- a batch -------------------------------------------------------------- */

/* One round trip for what is left. 0, or what became of the link. */
static int
ask(struct batch *b, struct redis_link *link, uint64_t deadline_ms)
{
	struct redisReply *reply;
	char key[REDIS_KEY_SIZE];
	int err = 0;

	for (size_t i = b->done; err == 0 && i < b->n; i++) {
		redis_key(b->domain[i], key);
		const struct redis_word words[] = {REDIS_WORD("GET"),
		    REDIS_WORD(key)};

		err = redis_link_command(link, 2, words);
	}
	while (err == 0 && b->done < b->n) {
		err = redis_link_reply(link, deadline_ms, &reply);
		if (err != 0)
			break;
		take_reply(b, reply);
		freeReplyObject(reply);
	}
	return err;
}

int
redis_list_many(struct store_redis *r, struct redis_link *link, size_t n,
    const char *const *domain, store_many_fn *got, void *arg)
{
	struct batch b = {.r = r,
	    .domain = domain,
	    .n = n,
	    .got = got,
	    .arg = arg,
	    .list = true};

	return ask(&b, link, redis_now_ms() + REDIS_WRITE_MS);
}

/* A link that broke, as idle ones do, gets a second chance. */
void
redis_get_many(void *backend, size_t n, const char *const *domain,
    store_many_fn *got, void *arg)
{
	struct store_redis *r = backend;
	struct batch b = {.r = r,
	    .domain = domain,
	    .n = n,
	    .got = got,
	    .arg = arg};
	uint64_t deadline_ms = redis_now_ms() + REDIS_READ_MS;
	struct redis_link *link;
	int err = ERR_IO;

	for (int i = 0; i < 2 && err != 0 && err != ERR_BUSY; i++) {
		link =
		    redis_keeper_borrow(r->keeper, REDIS_READ, REDIS_MEND_MS);
		if (link == NULL)
			break;
		err = ask(&b, link, deadline_ms);
		redis_keeper_return(r->keeper, REDIS_READ, link, err);
	}
	while (b.done < n)
		answer_from_copy(&b, ERR_DOWN);
}

/* --- one ------------------------------------------------------------------ */

struct single {
	store_each_fn *got;
	void *arg;
	int err;
};

static void
hand_on(void *arg, size_t i, int err, const struct store_entry *entry)
{
	struct single *single = arg;

	(void)i;
	single->err = err;
	if (err == 0)
		(void)single->got(single->arg, entry);
}

int
redis_get(void *backend, const char *domain, store_each_fn *got, void *arg)
{
	struct single single = {.got = got, .arg = arg};

	redis_get_many(backend, 1, &domain, hand_on, &single);
	return single.err;
}

/* --- count ---------------------------------------------------------------- */

/* So many keys can be looked through for a number. */
#define COUNT_MAX 10000

static int
ask_size(struct redis_link *link, size_t *n)
{
	const struct redis_word words[] = {REDIS_WORD("DBSIZE")};
	struct redisReply *reply;
	int err = redis_link_command(link, 1, words);

	*n = 0;
	if (err == 0)
		err = redis_link_reply(link, redis_now_ms() + REDIS_READ_MS,
		    &reply);
	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
		*n = (size_t)reply->integer;
	freeReplyObject(reply);
	return 0;
}

/* Ours among the keys of the database; of a large one as many as the last
 * listing found, which is a minute old at most (refresh.c). */
static int
count_keys(struct store_redis *r, struct redis_link *link, size_t *n)
{
	size_t size;
	size_t listed = atomic_load(&r->listed);
	int err = ask_size(link, &size);

	if (err == 0 && size <= COUNT_MAX)
		return redis_list_count(link, n);
	if (err == 0)
		*n = listed < size ? listed : size;
	return err;
}

size_t
redis_count(void *backend)
{
	struct store_redis *r = backend;
	size_t n = overlay_size(r->cache).n;
	struct redis_link *link =
	    redis_keeper_borrow(r->keeper, REDIS_SPARE, REDIS_MEND_MS);

	if (link != NULL)
		redis_keeper_return(r->keeper, REDIS_SPARE, link,
		    count_keys(r, link, &n));
	return n;
}

size_t
redis_count_unwritten(void *backend)
{
	struct store_redis *r = backend;

	return overlay_size(r->cache).pending;
}
