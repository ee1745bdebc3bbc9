/*
 * Room on a Redis server for policies that bind (C-16): while its memory is
 * nearly full, none that do not are written, and when it is full, some of them
 * are evicted.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "log/log.h"
#include "store/redis_wait.h"
#include "store/store_redis.h"

/* What INFO says counts for so long, and for so much that is written. */
#define MEMORY_MS     1000
#define MEMORY_OCTETS (256 * 1024)
/* Keys to look at together; how often at most; entries to evict at least. */
#define SCAN_KEYS   "256"
#define SCANS_MAX   64
#define EVICT_AIM   32
#define CURSOR_SIZE 24

/* --- nearly full ---------------------------------------------------------- */

/* "\r\nNAME:123\r\n" in the answer to INFO. 0: it is not there. */
static uint64_t
number_of(const struct redisReply *info, const char *name)
{
	const char *at =
	    memmem(info->str, (size_t)info->len, name, strlen(name));

	return at != NULL ? strtoumax(at + strlen(name), NULL, 10) : 0;
}

static void
set_crowded(struct store_redis *r, bool crowded)
{
	atomic_store(&r->memory_octets, 0);
	atomic_store(&r->memory_ms, redis_now_ms() + MEMORY_MS);
	if (atomic_exchange(&r->crowded, crowded) != crowded && crowded)
		log_msg(r->log, LOG_LEVEL_WARNING, "limit",
		    "the memory of %s is three quarters full: to keep room for "
		    "policies that require DNSSEC, no others are written",
		    r->spec);
}

void
redis_is_full(struct store_redis *r)
{
	set_crowded(r, true);
}

/* Without a limit, or without permission for INFO, it is never nearly full. */
int
redis_look_at_memory(struct store_redis *r, struct redis_link *link,
    size_t octets, uint64_t deadline_ms)
{
	const struct redis_word words[] = {REDIS_WORD("INFO"),
	    REDIS_WORD("memory")};
	struct redisReply *reply;
	uint64_t max;
	bool crowded = false;
	int err;

	if (atomic_fetch_add(&r->memory_octets, octets) < MEMORY_OCTETS &&
	    redis_now_ms() < atomic_load(&r->memory_ms))
		return 0;
	err = redis_link_command(link, 2, words);
	if (err == 0)
		err = redis_link_reply(link, deadline_ms, &reply);
	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_STRING) {
		max = number_of(reply, "\nmaxmemory:");
		crowded = max > 0 &&
		    number_of(reply, "\nused_memory:") > max - max / 4;
	}
	freeReplyObject(reply);
	set_crowded(r, crowded);
	return 0;
}

/* --- full ----------------------------------------------------------------- */

/*
 * ARGV: a cursor, a pattern, how many keys. Of the entries found that are
 * expendable (offsets are those of store_format.h, from 1) the half that was
 * used least recently goes. Returns the next cursor and how many went.
 */
static const char evict_script[] =
    "local r = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', "
    "ARGV[3])\n"
    "local found = {}\n"
    "for _, key in ipairs(r[2]) do\n"
    "  local head = redis.pcall('GETRANGE', key, 0, 43)\n"
    "  if type(head) == 'string' and #head == 44 and\n"
    "      head:sub(1, 4) == 'DSTS' and\n"
    "      struct.unpack('<I2', head, 5) <= 1 and\n"
    "      struct.unpack('<I2', head, 11) % 2 == 1 then\n"
    "    found[#found + 1] = {struct.unpack('<i8', head, 33), key}\n"
    "  end\n"
    "end\n"
    "table.sort(found, function(a, b) return a[1] < b[1] end)\n"
    "local n = math.ceil(#found / 2)\n"
    "for i = 1, n do redis.call('DEL', found[i][2]) end\n"
    "return {r[1], n}\n";

static int
evict_some(struct redis_link *link, char cursor[CURSOR_SIZE], size_t *n,
    uint64_t deadline_ms)
{
	const struct redis_word words[] = {REDIS_WORD("EVAL"),
	    REDIS_WORD(evict_script), REDIS_WORD("0"), REDIS_WORD(cursor),
	    REDIS_WORD(REDIS_KEY_PREFIX "*"), REDIS_WORD(SCAN_KEYS)};
	const struct redisReply *next;
	struct redisReply *reply;
	int err = redis_link_command(link, 6, words);

	*n = 0;
	if (err == 0)
		err = redis_link_reply(link, deadline_ms, &reply);
	if (err != 0)
		return err;
	next = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
	    ? reply->element[0]
	    : NULL;
	(void)snprintf(cursor, CURSOR_SIZE, "0");
	if (next != NULL && next->type == REDIS_REPLY_STRING) {
		(void)snprintf(cursor, CURSOR_SIZE, "%.*s", (int)next->len,
		    next->str);
		*n = (size_t)reply->element[1]->integer;
	}
	freeReplyObject(reply);
	return 0;
}

int
redis_evict(struct store_redis *r, struct redis_link *link,
    uint64_t deadline_ms, size_t *evicted)
{
	char cursor[CURSOR_SIZE];
	size_t n;
	int err = 0;

	*evicted = 0;
	(void)pthread_mutex_lock(&r->hand_lock);
	(void)snprintf(cursor, sizeof(cursor), "%s",
	    r->hand[0] != '\0' ? r->hand : "0");
	for (int i = 0; err == 0 && i < SCANS_MAX && *evicted < EVICT_AIM;
	     i++) {
		err = evict_some(link, cursor, &n, deadline_ms);
		*evicted += n;
	}
	(void)snprintf(r->hand, sizeof(r->hand), "%s", cursor);
	(void)pthread_mutex_unlock(&r->hand_lock);
	return err;
}
