/*
 * Changes policies in Redis. A policy that the server does not take now stays
 * pending in the local cache: it binds on this host, and is written when the
 * server is back.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "store/store_redis.h"

/* Octets of one round trip: 2 s are enough for them. */
#define BATCH_OCTETS_MAX ((size_t)1 << 20)

/* How long the figures of INFO are used, and how many octets may be written
 * meanwhile. */
#define MEMORY_MS     1000
#define MEMORY_OCTETS (256 * 1024)
/* Keys to look at together; how often at most; how often for records alone.
 * Entries to evict at least; a mark takes some 100 octets. */
#define SCAN_KEYS     "256"
#define SCANS_MAX     64
#define RECORDS_SCANS 8
#define RECORDS_AIM   32
#define MARKS_AIM     4096

/* --- room ----------------------------------------------------------------- */

/*
 * C-16: while the server's memory is nearly full, no policies are written that
 * do not bind, and when it is full, some of them are evicted. If there are
 * hardly any, marks of deleted policies go, as a stranger can have any number
 * of them. Then a host that was cut off may write an old policy back, which the
 * next lookup replaces: better than to lose a policy that binds.
 */

static void
set_crowded(struct store_redis *r, bool crowded)
{
	atomic_store(&r->memory_octets, 0);
	atomic_store(&r->memory_ms, clock_mono_ms() + MEMORY_MS);
	if (atomic_exchange(&r->crowded, crowded) != crowded && crowded)
		log_msg(r->log, LOG_LEVEL_WARNING, "limit",
		    "the memory of %s is three quarters full: to keep room for "
		    "policies that require DNSSEC, no others are written",
		    r->spec);
}

/* Without a limit, or without permission for INFO, it is never nearly full. */
static int
look_at_memory(struct store_redis *r, struct redis_link *link, size_t octets,
    uint64_t deadline_ms)
{
	const struct redis_word words[] = {REDIS_WORD("INFO"),
	    REDIS_WORD("memory")};
	struct redisReply *reply;
	uint64_t max;
	bool crowded = false;
	int err;

	if (atomic_fetch_add(&r->memory_octets, octets) < MEMORY_OCTETS &&
	    clock_mono_ms() < atomic_load(&r->memory_ms))
		return 0;
	err = redis_link_ask(link, deadline_ms, 2, words, &reply);
	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_STRING) {
		max = redis_info_number(reply, "\nmaxmemory:");
		crowded = max > 0 &&
		    redis_info_number(reply, "\nused_memory:") > max - max / 4;
	}
	freeReplyObject(reply);
	set_crowded(r, crowded);
	return 0;
}

/*
 * ARGV: a cursor, a pattern, how many keys, "records" or "marks". Of the
 * records found that are expendable (offsets are those of store_record.h, from
 * 1) the half that was used least recently goes; all marks that are found go.
 * Returns the next cursor and how many went.
 */
static const char evict_script[] =
    "local r = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', "
    "ARGV[3])\n"
    "local found, n = {}, 0\n"
    "for _, key in ipairs(r[2]) do\n"
    "  local head = redis.pcall('GETRANGE', key, 0, 43)\n"
    "  if type(head) ~= 'string' then\n"
    "  elseif ARGV[4] == 'marks' then\n"
    "    if #head == 12 and head:sub(1, 4) == 'GONE' then\n"
    "      n = n + redis.call('DEL', key)\n"
    "    end\n"
    "  elseif #head == 44 and\n"
    "      head:sub(1, 4) == 'DSTS' and\n"
    "      struct.unpack('<I2', head, 5) <= 1 and\n"
    "      struct.unpack('<I2', head, 11) % 2 == 1 then\n"
    "    found[#found + 1] = {struct.unpack('<i8', head, 33), key}\n"
    "  end\n"
    "end\n"
    "table.sort(found, function(a, b) return a[1] < b[1] end)\n"
    "for i = 1, math.ceil(#found / 2) do\n"
    "  n = n + redis.call('DEL', found[i][2])\n"
    "end\n"
    "return {r[1], n}\n";

static int
evict_some(struct redis_link *link, bool marks, char cursor[REDIS_CURSOR_SIZE],
    size_t *n, uint64_t deadline_ms)
{
	const struct redis_word words[] = {REDIS_WORD("EVAL"),
	    REDIS_WORD(evict_script), REDIS_WORD("0"), REDIS_WORD(cursor),
	    REDIS_WORD(REDIS_KEY_PREFIX "*"), REDIS_WORD(SCAN_KEYS),
	    REDIS_WORD(marks ? "marks" : "records")};
	const struct redisReply *next;
	struct redisReply *reply;
	int err = redis_link_ask(link, deadline_ms, 7, words, &reply);

	*n = 0;
	if (err != 0)
		return err;
	next = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
	    ? reply->element[0]
	    : NULL;
	(void)snprintf(cursor, REDIS_CURSOR_SIZE, "0");
	if (next != NULL && next->type == REDIS_REPLY_STRING) {
		(void)snprintf(cursor, REDIS_CURSOR_SIZE, "%.*s",
		    (int)next->len, next->str);
		*n = (size_t)reply->element[1]->integer;
	}
	freeReplyObject(reply);
	return 0;
}

static int
evict(struct store_redis *r, struct redis_link *link, uint64_t deadline_ms,
    size_t *evicted)
{
	bool marks = false;
	char cursor[REDIS_CURSOR_SIZE];
	size_t n;
	int err = 0;

	*evicted = 0;
	(void)pthread_mutex_lock(&r->lock);
	(void)snprintf(cursor, sizeof(cursor), "%s",
	    r->hand[0] != '\0' ? r->hand : "0");
	for (int i = 0; err == 0 && i < SCANS_MAX &&
	     *evicted < (marks ? MARKS_AIM : RECORDS_AIM);
	     i++) {
		marks = marks || (i >= RECORDS_SCANS && *evicted == 0);
		err = evict_some(link, marks, cursor, &n, deadline_ms);
		*evicted += n;
	}
	(void)snprintf(r->hand, sizeof(r->hand), "%s", cursor);
	(void)pthread_mutex_unlock(&r->lock);
	return err;
}

/* --- one change ----------------------------------------------------------- */

/*
 * C-16: while the server has no room for a policy that does not bind, a new one
 * deletes the older one that it would replace (C-07). A note on one, or a copy
 * of one, deletes nothing: it may be older than a policy of another host.
 */
static int
send_change(struct store_redis *r, struct redis_link *link,
    const struct store_change *change, int64_t now_s)
{
	const struct store_entry *entry = &change->record->entry;
	bool left_out = entry->expendable && !change->record->deleted &&
	    atomic_load(&r->crowded);
	enum redis_put how = REDIS_PUT_NEW;
	int64_t fetched_s = REDIS_DELETE_ANY;
	int64_t ends_ms = 0;
	struct record *mine;

	if (left_out && !change->note)
		return redis_delete(link, entry->domain, 0, entry->fetched_s);
	if (change->note)
		how = left_out ? REDIS_PUT_NOTE : REDIS_PUT_COPY;
	if (!change->record->deleted)
		return redis_put(link, how, entry, now_s, r->host);
	mine = overlay_get(r->cache, entry->domain, NULL);
	if (mine != NULL)
		ends_ms = redis_expiry_ms(&mine->entry, now_s);
	record_unref(&mine);
	/* A policy that is too large to be kept. */
	if (entry->fetched_s != 0)
		fetched_s = entry->fetched_s + redis_offset_s(r);
	return redis_delete(link, entry->domain, ends_ms, fetched_s);
}

/* Another record has won over our change; it takes the place of what is in the
 * cache, unless that has become pending since and wins over it. */
static void
take_winner(struct store_redis *r, const struct record *change,
    enum redis_value value, const struct store_entry *winner)
{
	int64_t now_s = (int64_t)time(NULL) + redis_offset_s(r);
	bool pending = false;
	struct record *mine = overlay_get(r->cache, winner->domain, &pending);
	struct record *record = NULL;

	if (mine != NULL && mine != change && pending &&
	    redis_cache_wins(mine, pending, winner, now_s))
		goto out;
	if (value == REDIS_VALUE_GONE || record_new(winner, &record) == 0)
		(void)overlay_replace(r->cache, winner->domain, mine, record,
		    false);
out:
	record_unref(&record);
	record_unref(&mine);
}

/* last: the change is not sent once more. */
static int
take_reply(struct store_redis *r, enum redis_lane lane, bool last,
    const struct store_change *change, const struct redisReply *reply)
{
	const char *domain = change->record->entry.domain;
	struct store_entry winner;
	enum redis_value value;
	int err = redis_value(reply, domain, &value, &winner);

	redis_tell_refusal(r, REDIS_NO_WRITES, reply);
	/* We do not replace the record of a newer program, but ours binds here.
	 */
	if (err == ERR_VERSION && !change->note && !change->record->deleted)
		(void)overlay_put(r->cache, change->record, false);
	/* C-16: a full server need not have it. */
	if (err == ERR_FULL && last && change->note &&
	    change->record->entry.expendable)
		return 0;
	if (err != 0)
		return err;
	if (value != REDIS_VALUE_NONE)
		take_winner(r, change->record, value, &winner);
	else if (change->record->deleted)
		overlay_remove(r->cache, domain);
	else if (lane == REDIS_WRITE)
		(void)overlay_put(r->cache, change->record, false);
	return 0;
}

/* --- several -------------------------------------------------------------- */

/*
 * Makes the changes in one round trip. Returns 0 or the error of the link;
 * *failed is the error of a change as redis_write_changes() returns it.
 */
static int
exchange(struct store_redis *r, enum redis_lane lane, bool last,
    struct redis_link *link, const struct store_change *changes, size_t n,
    int *failed)
{
	static const char demoted[] = "READONLY ";
	bool sentinels = r->login.address.master[0] != '\0';
	uint64_t deadline_ms = clock_mono_ms() + REDIS_WRITE_MS;
	struct redisReply *reply;
	int err = 0;

	*failed = 0;
	for (size_t i = 0; err == 0 && i < n; i++)
		err = send_change(r, link, &changes[i],
		    (int64_t)time(NULL) + redis_offset_s(r));
	for (size_t i = 0; err == 0 && i < n; i++) {
		int result;

		err = redis_link_reply(link, deadline_ms, &reply);
		if (err != 0)
			break;
		result = take_reply(r, lane, last, &changes[i], reply);
		if (*failed == 0 ||
		    (redis_never_replaced(*failed) && result != 0))
			*failed = result;
		/* The server is a replica by now: ask the sentinels. */
		if (result == ERR_READONLY && sentinels &&
		    memmem(reply->str, (size_t)reply->len, demoted,
			strlen(demoted)) != NULL)
			err = ERR_IO;
		freeReplyObject(reply);
	}
	return err;
}

/* Octets of the changes that are expendable, or of the others. */
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

/*
 * Makes one round trip, and a second one if it can make room for policies that
 * bind. The writer makes room for notes, too: without them the refresher would
 * ask a policy host that fails in every round. Returns what exchange() does.
 */
static int
exchange_with_room(struct store_redis *r, enum redis_lane lane,
    struct redis_link *link, const struct store_change *changes, size_t n,
    int *failed)
{
	uint64_t deadline_ms = clock_mono_ms() + REDIS_WRITE_MS;
	size_t expendable = sum_octets(changes, n, true);
	bool needs_room = sum_octets(changes, n, false) > 0;
	size_t evicted = 0;
	int err = 0;

	for (size_t i = 0; i < n && lane == REDIS_WRITE; i++)
		needs_room |= changes[i].note;
	if (expendable > 0)
		err = look_at_memory(r, link, expendable, deadline_ms);
	if (err == 0)
		err = exchange(r, lane, false, link, changes, n, failed);
	if (err != 0 || *failed != ERR_FULL)
		return err;
	set_crowded(r, true);
	if (needs_room)
		err = evict(r, link, deadline_ms, &evicted);
	if (err != 0 || (evicted == 0 && expendable == 0))
		return err;
	return exchange(r, lane, true, link, changes, n, failed);
}

/* A link that broke, as idle ones do, gets a second chance: to make a change
 * twice does no harm. */
int
redis_write_changes(struct store_redis *r, enum redis_lane lane,
    uint64_t wait_ms, const struct store_change *changes, size_t n)
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

/* The changes that go into the next round trip, with times as the server counts
 * them, and with references of the batch's own. */
static int
fill_batch(const struct store_change *changes, size_t n, int64_t offset_s,
    struct store_change batch[REDIS_BATCH_MAX], size_t *taken)
{
	size_t octets = 0;
	int err = 0;

	*taken = 0;
	for (size_t i = 0; err == 0 && i < n && i < REDIS_BATCH_MAX &&
	     octets < BATCH_OCTETS_MAX;
	     i++) {
		struct record *record = changes[i].record;

		octets += record->size;
		if (offset_s == 0 || record->deleted) {
			(void)record_ref(record);
		} else {
			struct store_entry theirs =
			    redis_shift(&record->entry, offset_s);

			err = record_new(&theirs, &record);
		}
		if (err == 0) {
			batch[i].record = record;
			batch[i].note = changes[i].note;
			*taken = i + 1;
		}
	}
	return err;
}

/*
 * Each change counts by itself: after an error some are made. store_queue.c
 * then repeats each of them alone, to learn which ones fail. All of them stay
 * pending in the cache, also those that the server took beside others that
 * failed: writing them twice does no harm.
 */
int
redis_write(void *backend, const struct store_change *changes, size_t n)
{
	struct store_redis *r = backend;
	struct store_change batch[REDIS_BATCH_MAX];
	int64_t offset_s = redis_offset_s(r);
	int err = 0;

	for (size_t at = 0, taken; at < n; at += taken) {
		int failed =
		    fill_batch(changes + at, n - at, offset_s, batch, &taken);
		bool pending;

		if (failed == 0 && err == 0)
			err = redis_write_changes(r, REDIS_WRITE, REDIS_MEND_MS,
			    batch, taken);
		pending = err != 0 && !redis_never_replaced(err);
		for (size_t i = 0; i < taken; i++) {
			if (pending && !batch[i].record->deleted)
				(void)overlay_put(r->cache, batch[i].record,
				    true);
			record_unref(&batch[i].record);
		}
		if (failed != 0)
			return failed;
		if (pending)
			redis_keeper_wake(r->keeper);
	}
	return err;
}

/* --- pending records ------------------------------------------------------ */

/* Writes one pending record. False: it stays pending. */
static bool
push_one(struct store_redis *r, struct record *record)
{
	const struct store_change change = {.record = record, .note = true};
	int err = redis_write_changes(r, REDIS_SPARE, 0, &change, 1);

	if (err != 0 && !redis_never_replaced(err))
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
