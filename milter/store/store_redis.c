/*
 * "redis:", "rediss:" and "redis+unix:": policies that many hosts share. What
 * one has learned binds on all; what a host has used it holds in a copy, which
 * answers when the server does not, and from which the server gets back what
 * it has lost.
 */
#include "autoconf.h"

#include "store/store_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "log/log.h"

/* --- what the parts need -------------------------------------------------- */

bool
redis_cache_wins(const struct record *mine, bool pending,
    const struct store_entry *theirs, int64_t now_s)
{
	const struct store_entry *ours = &mine->entry;

	if (theirs == NULL)
		return redis_expiry_ms(ours, now_s) > now_s * 1000;
	if (ours->fetched_s > now_s + REDIS_SLACK_S)
		return false;
	if (ours->fetched_s != theirs->fetched_s)
		return ours->fetched_s > theirs->fetched_s ||
		    theirs->fetched_s > now_s + REDIS_SLACK_S;
	return pending && theirs->id != NULL &&
	    strcmp(ours->id, theirs->id) == 0;
}

static const struct {
	const char *begins;
	const char *ends;
} refusals[REDIS_REFUSALS] = {
    [REDIS_NO_READS] = {"no-reads",  "reads" },
    [REDIS_NO_WRITES] = {"no-writes", "writes"},
};

void
redis_tell_refusal(struct store_redis *r, enum redis_refusal refusal,
    const struct redisReply *reply)
{
	int err = redis_reply_error(reply);
	/* These are about one policy, the others about all of them. */
	bool begins = err != 0 && err != ERR_CORRUPT && err != ERR_VERSION;
	struct log_event e;

	if (atomic_exchange(&r->refused[refusal], begins) == begins)
		return;
	log_begin(&e, r->log, begins ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
	    "store");
	log_str(&e, "state",
	    begins ? refusals[refusal].begins : refusals[refusal].ends);
	log_str(&e, "store", r->spec);
	if (begins)
		log_octets(&e, "why", reply->str, (size_t)reply->len);
	log_end(&e);
}

/* --- life ----------------------------------------------------------------- */

static void
redis_free(struct store_redis *r)
{
	if (r == NULL)
		return;
	redis_keeper_stop(&r->keeper);
	overlay_free(&r->cache);
	(void)pthread_mutex_destroy(&r->hand_lock);
	free(r->spec);
	free(r->auth_file);
	free(r->ca);
	free(r);
}

static struct store_redis *
redis_new(const struct store_options *options)
{
	struct store_redis *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	(void)pthread_mutex_init(&r->hand_lock, NULL);
	atomic_init(&r->listed, SIZE_MAX);
	r->spec = strdup(options->spec);
	r->auth_file =
	    strdup(options->auth_file != NULL ? options->auth_file : "");
	r->ca = strdup(options->tls_ca != NULL ? options->tls_ca : "");
	r->cache = overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	r->log = options->log;
	r->login.auth_file = r->auth_file;
	r->login.ca = r->ca;
	r->login.read_only = options->access == STORE_READ_ONLY;
	r->login.must_be_up =
	    options->access == STORE_READ_ONLY && !options->may_be_down;
	if (r->spec != NULL && r->auth_file != NULL && r->ca != NULL &&
	    r->cache != NULL)
		return r;
	redis_free(r);
	return NULL;
}

static void *
redis_open(enum redis_transport transport, const char *rest,
    const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	struct store_redis *r = redis_new(options);
	struct redis_keeping keeping;

	if (r == NULL) {
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	keeping = (struct redis_keeping){
	    .login = &r->login,
	    .spec = r->spec,
	    .log = r->log,
	    .push = redis_push,
	    .watch = redis_watch,
	    .arg = r,
	};
	if (redis_address_parse(transport, rest, &r->login.address, error) == 0)
		r->keeper = redis_keeper_new(&keeping, error);
	if (r->keeper != NULL && redis_keeper_start(r->keeper) == 0)
		return r;
	if (r->keeper != NULL)
		snprintf(error, STORE_ERROR_SIZE,
		    "store: cannot start a thread");
	redis_free(r);
	return NULL;
}

static void
redis_close(void *backend)
{
	struct store_redis *r = backend;
	size_t lost;

	redis_keeper_stop(&r->keeper);
	lost = overlay_size(r->cache).pending;
	if (lost > 0)
		log_msg(r->log, LOG_LEVEL_ERROR, "store",
		    "%zu policies could not be written to %s and are lost",
		    lost, r->spec);
	redis_free(r);
}

static bool
redis_is_down(void *backend)
{
	struct store_redis *r = backend;

	return redis_keeper_is_down(r->keeper);
}

/* --- the three kinds ------------------------------------------------------ */

static int
check(enum redis_transport transport, const char *rest,
    char error[STORE_ERROR_SIZE])
{
	struct redis_address address;

	return redis_address_parse(transport, rest, &address, error);
}

static int
check_tcp(const char *rest, char error[STORE_ERROR_SIZE])
{
	return check(REDIS_TCP, rest, error);
}

static int
check_tls(const char *rest, char error[STORE_ERROR_SIZE])
{
	return check(REDIS_TLS, rest, error);
}

static int
check_unix(const char *rest, char error[STORE_ERROR_SIZE])
{
	return check(REDIS_UNIX, rest, error);
}

static void *
open_tcp(const char *rest, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	return redis_open(REDIS_TCP, rest, options, error);
}

static void *
open_tls(const char *rest, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	return redis_open(REDIS_TLS, rest, options, error);
}

static void *
open_unix(const char *rest, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	return redis_open(REDIS_UNIX, rest, options, error);
}

#define REDIS_BACKEND(name, check_fn, open_fn)                            \
	{                                                                 \
		.scheme = (name), .check = (check_fn), .open = (open_fn), \
		.close = redis_close, .get = redis_get,                   \
		.get_many = redis_get_many, .each = redis_each,           \
		.write = redis_write, .count = redis_count,               \
		.ends_entries = true,                                     \
		.count_unwritten = redis_count_unwritten,                 \
		.is_down = redis_is_down,                                 \
	}

const struct store_backend store_redis =
    REDIS_BACKEND("redis", check_tcp, open_tcp);
const struct store_backend store_rediss =
    REDIS_BACKEND("rediss", check_tls, open_tls);
const struct store_backend store_redis_unix =
    REDIS_BACKEND("redis+unix", check_unix, open_unix);
