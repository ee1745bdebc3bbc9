/* How policies are stored in a Redis database, and the scripts that change
 * them. */
#include "autoconf.h"

#include "store/store_redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "core/policy.h"
#include "store/store_record.h"

#define GONE      "GONE"
#define GONE_SIZE 12
#define DAY_S     86400

/* --- scripts -------------------------------------------------------------- */

/* Functions for what is read. A fetch time beyond now + SLACK is a mistake.
 * Offsets are those of store_record.h, from 1. */
#define READING                                                          \
	"local SLACK = 300\n"                                            \
	"local t = redis.call('TIME')\n"                                 \
	"local now = tonumber(t[1])\n"                                   \
	"local now_ms = t[1] * 1000 + math.floor(t[2] / 1000)\n"         \
	"local function read(v)\n"                                       \
	"  if #v == 12 and v:sub(1, 4) == 'GONE' then\n"                 \
	"    return {gone = true, at = struct.unpack('<i8', v, 5)}\n"    \
	"  elseif #v >= 44 and v:sub(1, 4) == 'DSTS' then\n"             \
	"    return {id = v:sub(45, 44 + struct.unpack('<I2', v, 7)),\n" \
	"      at = struct.unpack('<i8', v, 17)}\n"                      \
	"  end\n"                                                        \
	"end\n"                                                          \
	"local function version(v)\n"                                    \
	"  if #v >= 6 and v:sub(1, 4) == 'DSTS' then\n"                  \
	"    return struct.unpack('<I2', v, 5)\n"                        \
	"  end\n"                                                        \
	"  return 0\n"                                                   \
	"end\n"

/*
 * KEYS: the policy's, the format's, the changes'. ARGV: the record, "new",
 * "copy" or "note", when it ends in ms, the format, the channel and the news.
 */
static const char put_script[] = READING
    "local key, record, how = KEYS[1], ARGV[1], ARGV[2]\n"
    "local function binds(v)\n"
    "  return #v >= 44 and v:sub(1, 4) == 'DSTS' and\n"
    "    struct.unpack('<I2', v, 11) % 2 == 0\n"
    "end\n"
    "local function wins(new, old)\n"
    "  if old.at > now + SLACK then return true end\n"
    "  if how == 'new' then return old.gone or new.at >= old.at end\n"
    "  if new.at > now + SLACK then return false end\n"
    "  return new.at > old.at or\n"
    "    new.at == old.at and not old.gone and new.id == old.id\n"
    "end\n"
    "local new = read(record)\n"
    "local there = redis.call('GET', key)\n"
    "if there and version(there) > version(record) then\n"
    "  return redis.error_reply('ERR NEWERVERSION')\n"
    "end\n"
    "local old = there and read(there)\n"
    "if old and not wins(new, old) then return there end\n"
    "if how == 'note' and (not there or old and old.gone) then\n"
    "  return false\n"
    "end\n"
    "local ends = tonumber(ARGV[3])\n"
    "local left = redis.call('PTTL', key)\n"
    "if left > 0 then ends = math.max(ends, now_ms + left) end\n"
    "redis.call('SET', KEYS[2], ARGV[4], 'NX')\n"
    "redis.call('SET', key, record)\n"
    "redis.call('PEXPIREAT', key, string.format('%.0f', ends))\n"
    "redis.pcall('INCR', KEYS[3])\n"
    "if binds(record) and\n"
    "    not (there and binds(there) and old and old.id == new.id) then\n"
    "  redis.pcall('PUBLISH', ARGV[5], ARGV[6])\n"
    "end\n"
    "return false\n";

/*
 * KEYS: the policy's, the changes'. ARGV: when the deleter's own copy would
 * end, in ms; when the policy was fetched that replaces it, or "". A server
 * that is full has no room for GONE, but can still delete.
 */
static const char delete_script[] = READING
    "local key, ends, fetched = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local at = now\n"
    "if fetched then\n"
    "  local there = redis.call('GET', key)\n"
    "  local old = there and read(there)\n"
    "  if there and version(there) > 1 then\n"
    "    return redis.error_reply('ERR NEWERVERSION')\n"
    "  end\n"
    "  at = math.min(now, fetched)\n"
    "  if old and old.gone then\n"
    "    at = math.max(at, old.at)\n"
    "  elseif old and old.at > fetched and old.at <= now + SLACK then\n"
    "    return there\n"
    "  end\n"
    "end\n"
    "local left = redis.call('PTTL', key)\n"
    "if left > 0 then ends = math.max(ends, now_ms + left) end\n"
    "redis.call('DEL', key)\n"
    "redis.pcall('INCR', KEYS[2])\n"
    "if ends > now_ms then\n"
    "  local word = 'GONE' .. struct.pack('<i8', at)\n"
    "  local set = redis.pcall('SET', key, word)\n"
    "  if not set.err then\n"
    "    redis.call('PEXPIREAT', key, string.format('%.0f', ends))\n"
    "  end\n"
    "end\n"
    "return false\n";

/* --- changes -------------------------------------------------------------- */

int64_t
redis_expiry_ms(const struct store_entry *entry, int64_t now_s)
{
	struct policy *policy = NULL;
	/* S-06: a fetch time in the future counts as now. */
	int64_t from_s = entry->fetched_s < now_s ? entry->fetched_s : now_s;
	int64_t life_s = DAY_S;

	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) == 0)
		life_s = policy->max_age_s;
	else
		from_s = now_s;
	policy_free(&policy);
	return from_s > 0 ? (from_s + life_s) * 1000 : 0;
}

int
redis_put(struct redis_link *link, enum redis_put how,
    const struct store_entry *entry, int64_t now_s, const char *host)
{
	static const char *const words_of_how[] = {
	    [REDIS_PUT_NEW] = "new",
	    [REDIS_PUT_COPY] = "copy",
	    [REDIS_PUT_NOTE] = "note",
	};
	size_t size = format_size(entry);
	uint8_t *record = malloc(size);
	char key[REDIS_KEY_SIZE];
	char news[REDIS_HOST_SIZE + NAME_SIZE];
	char ends[24];
	int err;

	if (record == NULL)
		return ERR_NOMEM;
	format_write(entry, record);
	snprintf(key, sizeof(key), REDIS_KEY_PREFIX "%s", entry->domain);
	snprintf(ends, sizeof(ends), "%" PRId64, redis_expiry_ms(entry, now_s));
	snprintf(news, sizeof(news), "%s %s", host, entry->domain);
	const struct redis_word words[] = {
	    REDIS_WORD("EVAL"),
	    REDIS_WORD(put_script),
	    REDIS_WORD("3"),
	    REDIS_WORD(key),
	    REDIS_WORD(REDIS_FORMAT_KEY),
	    REDIS_WORD(REDIS_CHANGES_KEY),
	    {record, size},
	    REDIS_WORD(words_of_how[how]),
	    REDIS_WORD(ends),
	    REDIS_WORD(REDIS_FORMAT),
	    REDIS_WORD(REDIS_LEARNED_CHANNEL),
	    REDIS_WORD(news),
	};
	err = redis_link_command(link, sizeof(words) / sizeof(words[0]), words);
	free(record);
	return err;
}

int
redis_delete(struct redis_link *link, const char *domain, int64_t ends_ms,
    int64_t fetched_s)
{
	char key[REDIS_KEY_SIZE];
	char ends[24];
	char fetched[24] = "";

	snprintf(key, sizeof(key), REDIS_KEY_PREFIX "%s", domain);
	snprintf(ends, sizeof(ends), "%" PRId64, ends_ms);
	if (fetched_s != REDIS_DELETE_ANY)
		snprintf(fetched, sizeof(fetched), "%" PRId64, fetched_s);
	const struct redis_word words[] = {
	    REDIS_WORD("EVAL"),
	    REDIS_WORD(delete_script),
	    REDIS_WORD("2"),
	    REDIS_WORD(key),
	    REDIS_WORD(REDIS_CHANGES_KEY),
	    REDIS_WORD(ends),
	    REDIS_WORD(fetched),
	};
	return redis_link_command(link, sizeof(words) / sizeof(words[0]),
	    words);
}

/* --- what lies there ------------------------------------------------------ */

int
redis_value(const struct redisReply *reply, const char *domain,
    enum redis_value *value, struct store_entry *out)
{
	size_t len = (size_t)reply->len;
	int err = redis_reply_error(reply);

	*value = REDIS_VALUE_NONE;
	if (err != 0 || reply->type == REDIS_REPLY_NIL)
		return err;
	if (reply->type != REDIS_REPLY_STRING)
		return ERR_CORRUPT;
	if (len == GONE_SIZE && memcmp(reply->str, GONE, strlen(GONE)) == 0) {
		uint64_t since_s = 0;

		for (size_t i = GONE_SIZE - 1; i >= strlen(GONE); i--)
			since_s = since_s << 8 | (uint8_t)reply->str[i];
		*value = REDIS_VALUE_GONE;
		*out = (struct store_entry){
		    .domain = domain,
		    .fetched_s = (int64_t)since_s,
		};
		return 0;
	}
	*value = REDIS_VALUE_RECORD;
	return format_read(domain, (const uint8_t *)reply->str, len, out);
}
