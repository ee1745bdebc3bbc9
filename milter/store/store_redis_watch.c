/*
 * Looks after a Redis server that may lose what it holds: it is emptied, comes
 * back with old data, a replica takes over before it has all, or keys are
 * evicted. The hosts put back at once the policies in their copies, because a
 * host without a copy treats a missing domain as one without policy.
 *
 *	dane-sts:1:incarnation	a random word; another one, or none: emptied
 *	dane-sts:1:changes	counts changes; a smaller number: old data
 *
 * On the keeper's thread.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "store/store_redis.h"

/* --- putting policies back ------------------------------------------------ */

/* Writes a batch of the cache; the server keeps newer records. */
static int
write_back(struct store_redis *r, struct record *const *rows, size_t n,
    size_t *written)
{
	struct store_change changes[REDIS_BATCH_MAX];
	int64_t now_s = (int64_t)time(NULL) + redis_offset_s(r);
	size_t live = 0;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rows[i]->deleted &&
		    redis_cache_wins(rows[i], false, NULL, now_s))
			changes[live++] = (struct store_change){
			    .record = rows[i],
			    .note = true,
			};
	}
	if (live > 0)
		err = redis_write_changes(r, REDIS_SPARE, 0, changes, live);
	if (redis_never_replaced(err))
		err = 0;
	*written += err == 0 ? live : 0;
	return err;
}

static void
put_back(struct store_redis *r)
{
	struct record **rows = NULL;
	struct log_event e;
	size_t written = 0;
	size_t n = 0;
	int err = overlay_snapshot(r->cache, &rows, &n);

	for (size_t at = 0; err == 0 && at < n; at += REDIS_BATCH_MAX)
		err = write_back(r, rows + at,
		    n - at < REDIS_BATCH_MAX ? n - at : REDIS_BATCH_MAX,
		    &written);
	overlay_snapshot_free(rows, n);
	/* If the server is down or takes no writes: all of it once more at the
	 * next look. */
	r->watched.put_back = err != 0;
	if (err != 0 || written == 0 || !r->watched.told)
		return;
	r->watched.told = false;
	log_begin(&e, r->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "put-back");
	log_str(&e, "store", r->spec);
	log_int(&e, "policies", (int64_t)written);
	log_end(&e);
}

/* --- losses --------------------------------------------------------- */

static void
tell_lost(struct store_redis *r, const char *how)
{
	struct log_event e;

	r->watched.told = true;
	log_begin(&e, r->log, LOG_LEVEL_ERROR, "store");
	log_str(&e, "state", "lost");
	log_str(&e, "store", r->spec);
	log_str(&e, "why", how);
	log_str(&e, "msg",
	    "THE SERVER HAS LOST POLICIES: a host that holds none of its own "
	    "takes their domains for domains without policy; what this host "
	    "holds is put back now");
	log_end(&e);
}

/* KEYS: incarnation, changes. ARGV: a word, should there be none. */
static const char watch_script[] =
    "local was = redis.call('GET', KEYS[1])\n"
    "if not was then redis.pcall('SET', KEYS[1], ARGV[1]) end\n"
    "return {was or '', redis.call('GET', KEYS[1]) or '',\n"
    "  tonumber(redis.call('GET', KEYS[2]) or '0') or 0,\n"
    "  redis.call('TIME')}\n";

static int
ask(struct redis_link *link, struct redisReply **reply)
{
	uint64_t chance[2] = {0};
	char word[2 * sizeof(chance) + 1];

	(void)!getrandom(chance, sizeof(chance), 0);
	(void)snprintf(word, sizeof(word), "%016" PRIx64 "%016" PRIx64,
	    chance[0], chance[1]);
	const struct redis_word words[] = {REDIS_WORD("EVAL"),
	    REDIS_WORD(watch_script), REDIS_WORD("2"),
	    REDIS_WORD(REDIS_INCARNATION_KEY), REDIS_WORD(REDIS_CHANGES_KEY),
	    REDIS_WORD(word)};

	return redis_link_ask(link, clock_mono_ms() + REDIS_WRITE_MS, 6, words,
	    reply);
}

static void
take_reply(struct store_redis *r, const struct redisReply *reply)
{
	struct redis_watched *w = &r->watched;
	const struct redisReply *was;
	const struct redisReply *is;
	const char *lost = NULL; /* as far as can be seen */
	int64_t changes;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return;
	redis_take_time(reply->element[3], &r->ahead_ms);
	(void)redis_offset_s(r); /* logs a difference of the clocks */
	is = reply->element[1];
	changes = reply->element[2]->integer;
	was = reply->element[0];
	if (w->incarnation[0] == '\0')
		; /* the first look */
	else if ((size_t)was->len != strlen(w->incarnation) ||
	    memcmp(was->str, w->incarnation, (size_t)was->len) != 0)
		lost = "it was emptied, or is another one";
	else if (changes < w->changes)
		lost = "it came back with old data";
	if (lost != NULL && w->changes > 0)
		tell_lost(r, lost);
	if (lost != NULL)
		w->put_back = true;
	(void)snprintf(w->incarnation, sizeof(w->incarnation), "%.*s",
	    (int)is->len, is->str);
	w->changes = changes;
}

/* --- the server's settings ------------------------------------------------ */

/* Each is logged once. With any policy other than noeviction, a full server
 * silently drops the policies of partners; without a limit, nothing bounds the
 * policies that strangers make us store (C-16). */
static void
look_at_policy(struct store_redis *r, const struct redisReply *info)
{
	struct redis_watched *w = &r->watched;
	char policy[32];
	char max[24];
	bool unbounded;
	bool drops;

	redis_info_text(info, "\nmaxmemory_policy:", policy, sizeof(policy));
	redis_info_text(info, "\nmaxmemory:", max, sizeof(max));
	unbounded = strcmp(max, "0") == 0;
	drops = !unbounded && policy[0] != '\0' &&
	    strcmp(policy, "noeviction") != 0;
	if (drops && !w->told_policy)
		log_msg(r->log, LOG_LEVEL_WARNING, "store",
		    "%s has maxmemory-policy %s: when it is full it drops "
		    "policies, and with them the protection of their domains; "
		    "set noeviction",
		    r->spec, policy);
	if (unbounded && !w->told_unbounded)
		log_msg(r->log, LOG_LEVEL_WARNING, "store",
		    "%s has no maxmemory: policies that do not require DNSSEC "
		    "can fill the memory of its host; set maxmemory, and "
		    "maxmemory-policy noeviction",
		    r->spec);
	w->told_policy = drops;
	w->told_unbounded = unbounded;
}

/* Keys that the server dropped since the last look; some may be ours. */
static void
look_at_evictions(struct store_redis *r, const struct redisReply *info)
{
	struct redis_watched *w = &r->watched;
	uint64_t n = redis_info_number(info, "\nevicted_keys:");

	if (n > w->evicted && w->looked) {
		if (!w->told_evictions && !w->told)
			tell_lost(r, "it is full and drops keys");
		w->told_evictions = true;
		w->put_back = true;
	}
	w->evicted = n;
}

/*
 * Another process than at the last look: it was started anew, or another server
 * has taken over. The last writes may not have reached its disk, or not that
 * replica, and the count of changes shows it only until others have made as
 * many. So all is written once more, which changes nothing if nothing is lost.
 */
static void
look_at_process(struct store_redis *r, const struct redisReply *info)
{
	struct redis_watched *w = &r->watched;
	char run_id[sizeof(w->run_id)];

	redis_info_text(info, "\nrun_id:", run_id, sizeof(run_id));
	if (w->run_id[0] != '\0' && strcmp(run_id, w->run_id) != 0)
		w->put_back = true;
	memcpy(w->run_id, run_id, sizeof(run_id));
}

static int
look_at_info(struct store_redis *r, struct redis_link *link,
    const char *section,
    void (*look)(struct store_redis *r, const struct redisReply *info))
{
	const struct redis_word words[] = {REDIS_WORD("INFO"),
	    REDIS_WORD(section)};
	struct redisReply *reply;
	int err = redis_link_ask(link, clock_mono_ms() + REDIS_WRITE_MS, 2,
	    words, &reply);

	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_STRING)
		look(r, reply);
	freeReplyObject(reply);
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

void
redis_watch(void *backend)
{
	struct store_redis *r = backend;
	struct redisReply *reply = NULL;
	struct redis_link *link;
	int err;

	if (r->login.read_only)
		return;
	link = redis_keeper_borrow(r->keeper, REDIS_SPARE, 0);
	if (link == NULL)
		return;
	err = ask(link, &reply);
	if (err == 0) {
		take_reply(r, reply);
		freeReplyObject(reply);
		err = look_at_info(r, link, "memory", look_at_policy);
	}
	if (err == 0)
		err = look_at_info(r, link, "stats", look_at_evictions);
	if (err == 0)
		err = look_at_info(r, link, "server", look_at_process);
	r->watched.looked = r->watched.looked || err == 0;
	redis_keeper_return(r->keeper, REDIS_SPARE, link, err);
	if (r->watched.put_back)
		put_back(r);
}

/* --- news ----------------------------------------------------------------- */

void
redis_on_learned(void *backend, store_learned_fn *learned, void *arg)
{
	struct store_redis *r = backend;

	(void)pthread_mutex_lock(&r->lock);
	r->learned = learned;
	r->learned_arg = arg;
	(void)pthread_mutex_unlock(&r->lock);
}

/* domain NULL: any. */
static void
tell_learned(struct store_redis *r, const char *domain)
{
	(void)pthread_mutex_lock(&r->lock);
	if (r->learned != NULL)
		r->learned(r->learned_arg, domain);
	(void)pthread_mutex_unlock(&r->lock);
}

/* ["message", CHANNEL, "HOST DOMAIN"]. A host ignores its own messages. */
static void
take_news(struct store_redis *r, const struct redisReply *reply)
{
	const struct redisReply *text;
	size_t host = strlen(r->host);
	char domain[NAME_SIZE];
	size_t len;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
	    reply->element[2]->type != REDIS_REPLY_STRING)
		return;
	text = reply->element[2];
	len = (size_t)text->len;
	if (len <= host + 1 || len - host - 1 >= sizeof(domain) ||
	    text->str[host] != ' ' || memcmp(text->str, r->host, host) == 0)
		return;
	memcpy(domain, text->str + host + 1, len - host - 1);
	domain[len - host - 1] = '\0';
	if (memchr(domain, '\0', len - host - 1) != NULL ||
	    record_check_domain(domain) != 0)
		return;
	tell_learned(r, domain);
}

/* The answer to SUBSCRIBE, which gives the number of subscriptions, or an
 * error. Redis keeps no messages for a host that is not subscribed, so that it
 * has missed those that were published before. */
static void
take_subscription(struct store_redis *r, const struct redisReply *reply)
{
	bool subscribed = reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == 3 &&
	    reply->element[2]->type == REDIS_REPLY_INTEGER;

	if (subscribed || reply->type == REDIS_REPLY_ERROR)
		redis_tell_refusal(r, REDIS_NO_NEWS, reply);
	if (subscribed)
		tell_learned(r, NULL);
}

/* Handles the messages that came since the last call. Never waits. */
void
redis_listen(void *backend)
{
	struct store_redis *r = backend;
	const struct redis_word words[] = {REDIS_WORD("SUBSCRIBE"),
	    REDIS_WORD(REDIS_LEARNED_CHANNEL)};
	struct redis_link *link;
	struct redisReply *reply;
	int err = 0;

	if (r->login.read_only)
		return;
	link = redis_keeper_borrow(r->keeper, REDIS_NEWS, 0);
	if (link == NULL)
		return;
	if (!link->subscribed)
		err = redis_link_command(link, 2, words);
	link->subscribed = true;
	while (err == 0) {
		err = redis_link_reply(link, clock_mono_ms(), &reply);
		if (err != 0)
			break;
		take_subscription(r, reply);
		take_news(r, reply);
		freeReplyObject(reply);
	}
	redis_keeper_return(r->keeper, REDIS_NEWS, link,
	    err == ERR_BUSY ? 0 : err);
}
