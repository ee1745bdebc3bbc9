/*
 * Changing policies in Redis. What the server does not take now is kept in the
 * copy, where it binds on this host, and is written when the server is back.
 */
#include "autoconf.h"

#include <stdlib.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "store/redis_wait.h"
#include "store/store_redis.h"

/* Octets on their way together: what 2 s are enough for. */
#define BATCH_OCTETS_MAX ((size_t)1 << 20)

/* --- one change ----------------------------------------------------------- */

/* C-16: of a policy for which the server has no room what is there of the
 * domain goes (C-07), if there is anything. */
static int
send_change(struct store_redis *r, struct redis_link *link,
    const struct store_change *change, int64_t now_s)
{
	const struct store_entry *entry = &change->record->entry;
	struct record *mine;
	int64_t ends_ms = 0;

	if (entry->expendable && atomic_load(&r->crowded))
		return redis_delete(link, entry->domain, 0);
	if (!change->record->deleted)
		return redis_put(link,
		    change->note ? REDIS_PUT_COPY : REDIS_PUT_NEW, entry,
		    now_s);
	mine = overlay_get(r->cache, entry->domain, NULL);
	if (mine != NULL)
		ends_ms = redis_expiry_ms(&mine->entry, now_s);
	record_unref(&mine);
	return redis_delete(link, entry->domain, ends_ms);
}

/* What won over the change that we wanted. */
static void
take_winner(struct store_redis *r, enum redis_value value,
    const struct store_entry *winner)
{
	struct record *record;

	if (value == REDIS_VALUE_GONE) {
		overlay_remove(r->cache, winner->domain);
	} else if (record_new(winner, &record) == 0) {
		(void)overlay_put(r->cache, record, false);
		record_unref(&record);
	}
}

static int
take_reply(struct store_redis *r, enum redis_lane lane,
    const struct store_change *change, const struct redisReply *reply)
{
	const char *domain = change->record->entry.domain;
	struct store_entry winner;
	enum redis_value value;
	int err = redis_value(reply, domain, &value, &winner);

	redis_tell_refusal(r, REDIS_NO_WRITES, reply);
	/* Of a newer program: not for us to replace, but ours binds here. */
	if (err == ERR_VERSION && !change->note && !change->record->deleted)
		(void)overlay_put(r->cache, change->record, false);
	if (err != 0)
		return err;
	if (value != REDIS_VALUE_NONE)
		take_winner(r, value, &winner);
	else if (change->record->deleted)
		overlay_remove(r->cache, domain);
	else if (lane == REDIS_WRITE)
		(void)overlay_put(r->cache, change->record, false);
	return 0;
}

/* --- several -------------------------------------------------------------- */

/*
 * One round trip. 0, or what became of the link; *failed is the first error of
 * a change, the others being carried out all the same.
 */
static int
exchange(struct store_redis *r, enum redis_lane lane, struct redis_link *link,
    const struct store_change *changes, size_t n, int *failed)
{
	uint64_t deadline_ms = redis_now_ms() + REDIS_WRITE_MS;
	struct redisReply *reply;
	int err = 0;

	*failed = 0;
	for (size_t i = 0; err == 0 && i < n; i++)
		err = send_change(r, link, &changes[i], time(NULL));
	for (size_t i = 0; err == 0 && i < n; i++) {
		int result;

		err = redis_link_reply(link, deadline_ms, &reply);
		if (err != 0)
			break;
		result = take_reply(r, lane, &changes[i], reply);
		if (*failed == 0)
			*failed = result;
		freeReplyObject(reply);
	}
	return err;
}

/* Octets of those that are expendable, or of the others. */
static size_t
sum_octets(const struct store_change *changes, size_t n, bool expendable)
{
	size_t octets = 0;

	for (size_t i = 0; i < n; i++) {
		if (changes[i].record->entry.expendable == expendable)
			octets += changes[i].record->size;
	}
	return octets;
}

/* The same, with room made for what binds. */
static int
exchange_with_room(struct store_redis *r, enum redis_lane lane,
    struct redis_link *link, const struct store_change *changes, size_t n,
    int *failed)
{
	uint64_t deadline_ms = redis_now_ms() + REDIS_WRITE_MS;
	size_t expendable = sum_octets(changes, n, true);
	size_t evicted = 0;
	int err = 0;

	if (expendable > 0)
		err = redis_look_at_memory(r, link, expendable, deadline_ms);
	if (err == 0)
		err = exchange(r, lane, link, changes, n, failed);
	if (err != 0 || *failed != ERR_FULL)
		return err;
	redis_is_full(r);
	if (sum_octets(changes, n, false) > 0)
		err = redis_evict(r, link, deadline_ms, &evicted);
	if (err != 0 || (evicted == 0 && expendable == 0))
		return err;
	return exchange(r, lane, link, changes, n, failed);
}

/* A link that broke, as idle ones do, gets a second chance: to make a change
 * twice does no harm. */
static int
write_changes(struct store_redis *r, enum redis_lane lane, uint64_t wait_ms,
    const struct store_change *changes, size_t n)
{
	struct redis_link *link;
	int failed = ERR_DOWN;
	int err = ERR_IO;

	for (int i = 0; i < 2 && err != 0 && err != ERR_BUSY; i++) {
		link = redis_keeper_borrow(r->keeper, lane, wait_ms);
		if (link == NULL)
			break;
		err = exchange_with_room(r, lane, link, changes, n, &failed);
		redis_keeper_return(r->keeper, lane, link, err);
	}
	return err != 0 ? ERR_DOWN : failed;
}

/* --- writing ------------------------------------------------------------ */

/* What lies there is nothing that we may replace. */
static bool
is_hopeless(int err)
{
	return err == ERR_VERSION || err == ERR_CORRUPT;
}

/*
 * Each change counts by itself: after an error some are made. The front then
 * makes each anew, to learn which of them cannot be made.
 */
int
redis_write(void *backend, const struct store_change *changes, size_t n)
{
	struct store_redis *r = backend;
	int err = 0;

	for (size_t at = 0, end = 0; err == 0 && at < n; at = end) {
		size_t octets = 0;

		while (end < n && end - at < REDIS_BATCH_MAX &&
		    octets < BATCH_OCTETS_MAX)
			octets += changes[end++].record->size;
		err = write_changes(r, REDIS_WRITE, REDIS_MEND_MS, changes + at,
		    end - at);
	}
	if (err == 0 || is_hopeless(err))
		return err;
	/* One that the server did take is kept as well, if others failed beside
	 * it: to write it twice does no harm. */
	for (size_t i = 0; i < n; i++) {
		if (!changes[i].record->deleted)
			(void)overlay_put(r->cache, changes[i].record, true);
	}
	redis_keeper_wake(r->keeper);
	return err;
}

int
redis_write_back(struct store_redis *r, const struct store_change *changes,
    size_t n)
{
	return write_changes(r, REDIS_SPARE, 0, changes, n);
}

/* --- what is pending ------------------------------------------------------ */

/* Whether there is nothing more to be done about it. */
static bool
push_one(struct store_redis *r, struct record *record)
{
	const struct store_change change = {.record = record, .note = true};
	int err = redis_write_back(r, &change, 1);

	if (err != 0 && !is_hopeless(err))
		return false;
	overlay_settle(r->cache, record);
	return true;
}

int
redis_push(void *backend)
{
	struct store_redis *r = backend;
	struct record *rows[REDIS_BATCH_MAX];
	bool going = true;
	size_t n;

	while (going &&
	    (n = overlay_pending(r->cache, rows, REDIS_BATCH_MAX)) > 0) {
		for (size_t i = 0; i < n; i++) {
			going = going && push_one(r, rows[i]);
			record_unref(&rows[i]);
		}
	}
	return going ? 0 : ERR_DOWN;
}
