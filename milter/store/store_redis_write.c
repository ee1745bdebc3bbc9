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
    const struct redis_change *change, int64_t now_s)
{
	const struct store_entry *entry = &change->record->entry;
	struct record *mine;
	int64_t ends_ms = 0;

	if (entry->expendable && atomic_load(&r->crowded))
		return redis_delete(link, entry->domain, 0);
	if (!change->record->deleted)
		return redis_put(link, change->how, entry, now_s);
	mine = copy_get(r->copy, entry->domain, NULL);
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
		copy_remove(r->copy, winner->domain);
	} else if (record_new(winner, &record) == 0) {
		(void)copy_put(r->copy, record, false);
		record_unref(&record);
	}
}

static int
take_reply(struct store_redis *r, const struct redis_change *change,
    const struct redisReply *reply)
{
	const char *domain = change->record->entry.domain;
	struct store_entry winner;
	enum redis_value value;
	int err = redis_value(reply, domain, &value, &winner);

	redis_tell_refusal(r, REDIS_NO_WRITES, reply);
	/* Of a newer program: not for us to replace, but ours binds here. */
	if (err == ERR_VERSION && change->how == REDIS_PUT_NEW &&
	    !change->record->deleted)
		(void)copy_put(r->copy, change->record, false);
	if (err != 0)
		return err;
	if (value != REDIS_VALUE_NONE)
		take_winner(r, value, &winner);
	else if (change->record->deleted)
		copy_remove(r->copy, domain);
	else if (!change->from_copy)
		(void)copy_put(r->copy, change->record, false);
	return 0;
}

/* --- several -------------------------------------------------------------- */

/*
 * One round trip. 0, or what became of the link; *failed is the first error of
 * a change, the others being carried out all the same.
 */
static int
exchange(struct store_redis *r, struct redis_link *link,
    const struct redis_change *changes, size_t n, int *failed)
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
		result = take_reply(r, &changes[i], reply);
		if (*failed == 0)
			*failed = result;
		freeReplyObject(reply);
	}
	return err;
}

/* Octets of those that are expendable, or of the others. */
static size_t
sum_octets(const struct redis_change *changes, size_t n, bool expendable)
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
exchange_with_room(struct store_redis *r, struct redis_link *link,
    const struct redis_change *changes, size_t n, int *failed)
{
	uint64_t deadline_ms = redis_now_ms() + REDIS_WRITE_MS;
	size_t expendable = sum_octets(changes, n, true);
	size_t evicted = 0;
	int err = 0;

	if (expendable > 0)
		err = redis_look_at_memory(r, link, expendable, deadline_ms);
	if (err == 0)
		err = exchange(r, link, changes, n, failed);
	if (err != 0 || *failed != ERR_FULL)
		return err;
	redis_is_full(r);
	if (sum_octets(changes, n, false) > 0)
		err = redis_evict(r, link, deadline_ms, &evicted);
	if (err != 0 || (evicted == 0 && expendable == 0))
		return err;
	return exchange(r, link, changes, n, failed);
}

/* A link that broke, as idle ones do, gets a second chance: to make a change
 * twice does no harm. */
static int
write_changes(struct store_redis *r, enum redis_lane lane, uint64_t wait_ms,
    const struct redis_change *changes, size_t n)
{
	struct redis_link *link;
	int failed = ERR_DOWN;
	int err = ERR_IO;

	for (int i = 0; i < 2 && err != 0 && err != ERR_BUSY; i++) {
		link = redis_keeper_borrow(r->keeper, lane, wait_ms);
		if (link == NULL)
			break;
		err = exchange_with_room(r, link, changes, n, &failed);
		redis_keeper_return(r->keeper, lane, link, err);
	}
	return err != 0 ? ERR_DOWN : failed;
}

/* --- staging -------------------------------------------------------------- */

int
redis_begin(void *backend)
{
	(void)backend;
	return 0;
}

/* Takes over the reference, also on failure. */
static int
stage(struct store_redis *r, struct record *record, enum redis_put how)
{
	size_t room = r->room_staged < 64 ? 64 : r->room_staged * 2;
	struct redis_change *more;

	if (r->n_staged == r->room_staged) {
		more = reallocarray(r->staged, room, sizeof(*more));
		if (more == NULL) {
			record_unref(&record);
			return ERR_NOMEM;
		}
		r->staged = more;
		r->room_staged = room;
	}
	r->staged[r->n_staged++] = (struct redis_change){
	    .record = record,
	    .how = how,
	};
	return 0;
}

static int
stage_entry(struct store_redis *r, const struct store_entry *entry,
    enum redis_put how)
{
	struct record *record;
	int err = record_new(entry, &record);

	return err != 0 ? err : stage(r, record, how);
}

int
redis_stage_put(void *backend, const struct store_entry *entry)
{
	return stage_entry(backend, entry, REDIS_PUT_NEW);
}

int
redis_stage_note(void *backend, const struct store_entry *entry)
{
	return stage_entry(backend, entry, REDIS_PUT_COPY);
}

int
redis_stage_remove(void *backend, const char *domain)
{
	struct record *record;
	int err = record_new_deleted(domain, &record);

	return err != 0 ? err : stage(backend, record, REDIS_PUT_NEW);
}

void
redis_abort(void *backend)
{
	struct store_redis *r = backend;

	for (size_t i = 0; i < r->n_staged; i++)
		record_unref(&r->staged[i].record);
	r->n_staged = 0;
}

/* --- committing ----------------------------------------------------------- */

/* What lies there is nothing that we may replace. */
static bool
is_hopeless(int err)
{
	return err == ERR_VERSION || err == ERR_CORRUPT;
}

/* A change that the server did not take. One that it did take is kept as well,
 * if others failed beside it: to write it twice does no harm. */
static void
keep(struct store_redis *r, const struct redis_change *change)
{
	if (!change->record->deleted)
		(void)copy_put(r->copy, change->record, true);
}

/* How many go into the next round trip. */
static size_t
batch_size(const struct store_redis *r, size_t at)
{
	size_t octets = 0;
	size_t n = 0;

	while (at + n < r->n_staged && n < REDIS_BATCH_MAX &&
	    octets < BATCH_OCTETS_MAX)
		octets += r->staged[at + n++].record->size;
	return n;
}

/*
 * Each change counts by itself: after an error some are made. The front then
 * makes each anew, to learn which of them cannot be made.
 */
int
redis_commit(void *backend)
{
	struct store_redis *r = backend;
	int err = 0;

	for (size_t at = 0, n; err == 0 && at < r->n_staged; at += n) {
		n = batch_size(r, at);
		err = write_changes(r, REDIS_WRITE, REDIS_MEND_MS,
		    r->staged + at, n);
	}
	if (err != 0 && !is_hopeless(err)) {
		for (size_t i = 0; i < r->n_staged; i++)
			keep(r, &r->staged[i]);
		redis_keeper_wake(r->keeper);
	}
	redis_abort(r);
	return err;
}

int
redis_write_spare(struct store_redis *r, const struct redis_change *changes,
    size_t n)
{
	return write_changes(r, REDIS_SPARE, 0, changes, n);
}

/* --- what is pending ------------------------------------------------------ */

/* Whether there is nothing more to be done about it. */
static bool
push_one(struct store_redis *r, struct record *record)
{
	const struct redis_change change = {
	    .record = record,
	    .how = REDIS_PUT_COPY,
	    .from_copy = true,
	};
	int err = write_changes(r, REDIS_SPARE, 0, &change, 1);

	if (err != 0 && !is_hopeless(err))
		return false;
	copy_settle(r->copy, record);
	return true;
}

int
redis_push(void *backend)
{
	struct store_redis *r = backend;
	struct record *rows[REDIS_BATCH_MAX];
	bool going = true;
	size_t n;

	while (
	    going && (n = copy_pending(r->copy, rows, REDIS_BATCH_MAX)) > 0) {
		for (size_t i = 0; i < n; i++) {
			going = going && push_one(r, rows[i]);
			record_unref(&rows[i]);
		}
	}
	return going ? 0 : ERR_DOWN;
}
