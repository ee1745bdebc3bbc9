/*
 * Hosts that share a server need not agree about the time of day: what lies on
 * the server, and in the copy of each host, is counted by the server's clock.
 * Times are converted when a policy comes from the engine or goes there. So a
 * host whose clock is a day ahead makes no policy live a day too long, and one
 * whose clock was set back takes nothing for older than it is.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "log/log.h"
#include "store/redis_wait.h"
#include "store/store_redis.h"

/* What is no difference: an answer takes time, and both clocks tick. The same
 * offset again and again gives the same times again and again. */
#define SAME_S 2
/* From here on it is told. */
#define WARN_S 60

int
redis_send_time(struct redis_link *link)
{
	const struct redis_word words[] = {REDIS_WORD("TIME")};

	return redis_link_command(link, 1, words);
}

static void
tell(struct store_redis *r, int64_t offset_s)
{
	bool differs = offset_s > WARN_S || offset_s < -WARN_S;

	if (atomic_exchange(&r->clock_told, differs) == differs)
		return;
	if (differs)
		log_msg(r->log, LOG_LEVEL_WARNING, "clock",
		    "the clock of this host is %" PRId64
		    " s %s that of %s: policies are counted by the latter, but "
		    "signatures by this one",
		    offset_s < 0 ? -offset_s : offset_s,
		    offset_s < 0 ? "ahead of" : "behind", r->spec);
	else
		log_msg(r->log, LOG_LEVEL_INFO, "clock",
		    "the clock of this host agrees with that of %s", r->spec);
}

static void
note_time(struct store_redis *r, const struct redisReply *reply)
{
	int64_t offset_s;
	int64_t change_s;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING)
		return;
	offset_s = (int64_t)strtoll(reply->element[0]->str, NULL, 10) -
	    (int64_t)time(NULL);
	change_s = offset_s - atomic_load(&r->offset_s);
	if (change_s >= -SAME_S && change_s <= SAME_S)
		return;
	/* Clocks that agree agree to the second. */
	if (offset_s >= -SAME_S && offset_s <= SAME_S)
		offset_s = 0;
	atomic_store(&r->offset_s, offset_s);
	tell(r, atomic_load(&r->offset_s));
}

int
redis_take_time(struct store_redis *r, struct redis_link *link,
    uint64_t deadline_ms)
{
	struct redisReply *reply;
	int err = redis_link_reply(link, deadline_ms, &reply);

	if (err != 0)
		return err;
	note_time(r, reply);
	freeReplyObject(reply);
	return 0;
}

int64_t
redis_server_now_s(struct store_redis *r)
{
	return (int64_t)time(NULL) + atomic_load(&r->offset_s);
}

/* 0 is no time. */
static void
shift(struct store_entry *entry, int64_t by_s)
{
	int64_t *const times[] = {&entry->fetched_s, &entry->tried_s,
	    &entry->used_s};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (*times[i] != 0)
			*times[i] += by_s;
	}
}

struct store_entry
redis_from_server(struct store_redis *r, const struct store_entry *entry)
{
	struct store_entry ours = *entry;

	shift(&ours, -atomic_load(&r->offset_s));
	return ours;
}

int
redis_to_server(struct store_redis *r, struct record **record)
{
	int64_t offset_s = atomic_load(&r->offset_s);
	struct store_entry theirs = (*record)->entry;
	struct record *shifted;
	int err;

	if (offset_s == 0 || (*record)->deleted)
		return 0;
	shift(&theirs, offset_s);
	err = record_new(&theirs, &shifted);
	if (err != 0)
		return err;
	record_unref(record);
	*record = shifted;
	return 0;
}
