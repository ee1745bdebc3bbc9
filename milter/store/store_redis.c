/*
 * "redis:", "rediss:", "redis+unix:" and those with sentinels: policies that
 * many hosts share. A policy that one host has fetched applies on all. Each
 * host keeps the policies that it has used in a local cache. The cache answers
 * when the server does not, and gives back to the server the policies that it
 * has lost.
 */
#include "autoconf.h"

#include "store/store_redis.h"

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

/* --- the server's clock --------------------------------------------------- */

/* A smaller change of the offset is ignored, as both clocks tick: with the same
 * offset, a time converted to the server's clock and back stays the same. */
#define SAME_S 2
/* A larger difference is logged. */
#define WARN_S 60

int64_t
redis_offset_s(struct store_redis *r)
{
	int64_t ahead_ms = atomic_load(&r->ahead_ms);
	int64_t before_s = atomic_load(&r->offset_s);
	int64_t offset_s;
	bool differs;

	if (ahead_ms == REDIS_TIME_UNKNOWN)
		return 0;
	offset_s =
	    (ahead_ms + (int64_t)clock_mono_ms()) / 1000 - (int64_t)time(NULL);
	if (llabs(offset_s - before_s) <= SAME_S)
		return before_s;
	if (llabs(offset_s) <= SAME_S)
		offset_s = 0;
	atomic_store(&r->offset_s, offset_s);
	differs = llabs(offset_s) > WARN_S;
	if (atomic_exchange(&r->clock_told, differs) == differs)
		return offset_s;
	if (differs)
		log_msg(r->log, LOG_LEVEL_WARNING, "clock",
		    "the clock of this host is %" PRId64
		    " s %s that of %s: the age of policies is counted by the "
		    "latter, but signatures are checked by this one",
		    (int64_t)llabs(offset_s),
		    offset_s < 0 ? "ahead of" : "behind", r->spec);
	else
		log_msg(r->log, LOG_LEVEL_INFO, "clock",
		    "the clock of this host agrees with that of %s", r->spec);
	return offset_s;
}

struct store_entry
redis_shift(const struct store_entry *entry, int64_t by_s)
{
	struct store_entry shifted = *entry;

	shifted.fetched_s += by_s;
	/* 0 is no time. */
	if (shifted.tried_s != 0)
		shifted.tried_s += by_s;
	if (shifted.used_s != 0)
		shifted.used_s += by_s;
	return shifted;
}

/* --- what the parts need -------------------------------------------------- */

bool
redis_cache_wins(const struct record *mine, bool pending,
    const struct store_entry *theirs, int64_t server_now_s)
{
	const struct store_entry *ours = &mine->entry;

	if (theirs == NULL)
		return redis_expiry_ms(ours, server_now_s) >
		    server_now_s * 1000;
	if (ours->fetched_s > server_now_s + REDIS_SLACK_S)
		return false;
	if (ours->fetched_s != theirs->fetched_s)
		return ours->fetched_s > theirs->fetched_s ||
		    theirs->fetched_s > server_now_s + REDIS_SLACK_S;
	return pending && theirs->id != NULL &&
	    strcmp(ours->id, theirs->id) == 0;
}

bool
redis_never_replaced(int err)
{
	return err == ERR_VERSION || err == ERR_CORRUPT;
}

static const struct {
	const char *begins;
	const char *ends;
} refusals[REDIS_REFUSALS] = {
    [REDIS_NO_READS] = {"no-reads",  "reads" },
    [REDIS_NO_WRITES] = {"no-writes", "writes"},
    [REDIS_NO_NEWS] = {"no-news",   "news"  },
};

void
redis_tell_refusal(struct store_redis *r, enum redis_refusal refusal,
    const struct redisReply *reply)
{
	int err = redis_reply_error(reply);
	/* Such an error concerns one policy, the others all of them. */
	bool begins = err != 0 && !redis_never_replaced(err);
	char why[REDIS_WHY_SIZE];
	struct log_event e;

	if (atomic_exchange(&r->refused[refusal], begins) == begins)
		return;
	log_begin(&e, r->log,
	    begins && refusal != REDIS_NO_NEWS ? LOG_LEVEL_ERROR
					       : LOG_LEVEL_WARNING,
	    "store");
	log_str(&e, "state",
	    begins ? refusals[refusal].begins : refusals[refusal].ends);
	log_str(&e, "store", r->spec);
	if (begins) {
		redis_reply_words(reply, why);
		log_str(&e, "why", why);
	}
	log_end(&e);
}

void
redis_info_text(const struct redisReply *info, const char *name, char *out,
    size_t size)
{
	const char *at =
	    memmem(info->str, (size_t)info->len, name, strlen(name));
	size_t n = 0;

	if (at != NULL) {
		at += strlen(name);
		while (at + n < info->str + info->len && at[n] != '\r' &&
		    n + 1 < size)
			n++;
		memcpy(out, at, n);
	}
	out[n] = '\0';
}

uint64_t
redis_info_number(const struct redisReply *info, const char *name)
{
	char text[24];

	redis_info_text(info, name, text, sizeof(text));
	return strtoumax(text, NULL, 10);
}

/* --- one answer ----------------------------------------------------------- */

/* Reads that are waited for together. */
#define READS_MAX 128

struct batch {
	struct store_redis *r;
	int64_t offset_s; /* of the server's clock */
	const char *const *domain;
	size_t n;
	size_t done; /* answered: each gets one answer */
	store_got_fn *got;
	void *arg;
	bool list; /* a listing: nothing goes into the cache */
};

static void
answer(struct batch *b, int err, const struct store_entry *entry)
{
	struct store_entry ours;

	if (entry != NULL)
		ours = redis_shift(entry, -b->offset_s);
	b->done++;
	b->got(b->arg, err, entry != NULL ? &ours : NULL);
}

/* The server lacks this policy, or has no room for it. */
static void
answer_and_heal(struct batch *b, struct record *mine)
{
	struct store_redis *r = b->r;
	bool left_out = mine->entry.expendable && atomic_load(&r->crowded);

	if (!r->login.read_only && !left_out &&
	    overlay_replace(r->cache, mine->entry.domain, mine, mine, true))
		redis_keeper_wake(r->keeper);
	answer(b, 0, &mine->entry);
}

/* The server gave no answer, or one that cannot be used. */
static void
answer_from_cache(struct batch *b, int err)
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

/*
 * A newer program of the fleet has written the record, which this one leaves
 * alone. A policy that this host has fetched itself still binds here until it
 * ends.
 */
static void
answer_beside_newer(struct batch *b)
{
	struct record *mine =
	    overlay_get(b->r->cache, b->domain[b->done], NULL);
	struct log_event e;

	if (!atomic_exchange(&b->r->newer, true)) {
		log_begin(&e, b->r->log, LOG_LEVEL_WARNING, "store");
		log_str(&e, "state", "newer");
		log_str(&e, "store", b->r->spec);
		log_str(&e, "msg",
		    "a newer version of this program has written policies "
		    "there: here counts what this host has fetched itself; "
		    "update it");
		log_end(&e);
	}
	if (mine != NULL && !b->list &&
	    redis_cache_wins(mine, false, NULL,
		(int64_t)time(NULL) + b->offset_s))
		answer(b, 0, &mine->entry);
	else
		answer(b, ERR_VERSION, NULL);
	record_unref(&mine);
}

/* Compares the server's record, which could be read, with that in the cache. If
 * another thread has changed the latter meanwhile, leaves it alone. */
static void
weigh(struct batch *b, enum redis_value value, const struct store_entry *theirs)
{
	const char *domain = b->domain[b->done];
	bool pending = false;
	struct record *learned = NULL;
	struct record *mine = overlay_get(b->r->cache, domain, &pending);

	if (mine != NULL &&
	    redis_cache_wins(mine, pending,
		value == REDIS_VALUE_NONE ? NULL : theirs,
		(int64_t)time(NULL) + b->offset_s)) {
		answer_and_heal(b, mine);
	} else if (value == REDIS_VALUE_RECORD) {
		if (!b->list && record_new(theirs, &learned) == 0)
			(void)overlay_replace(b->r->cache, domain, mine,
			    learned, false);
		record_unref(&learned);
		answer(b, 0, theirs);
	} else {
		(void)overlay_replace(b->r->cache, domain, mine, NULL, false);
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
		answer_from_cache(b, err);
}

/* --- a batch -------------------------------------------------------------- */

/* Asks for the domains that are left, in one round trip. 0 or the error of the
 * link. */
static int
ask(struct batch *b, struct redis_link *link, uint64_t deadline_ms)
{
	struct redisReply *reply;
	char key[REDIS_KEY_SIZE];
	int err = 0;

	b->offset_s = redis_offset_s(b->r);
	for (size_t i = b->done; err == 0 && i < b->n; i++) {
		snprintf(key, sizeof(key), REDIS_KEY_PREFIX "%s", b->domain[i]);
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
    const char *const *domain, store_got_fn *got, void *arg)
{
	struct batch b = {.r = r,
	    .domain = domain,
	    .n = n,
	    .got = got,
	    .arg = arg,
	    .list = true};

	return ask(&b, link, clock_mono_ms() + REDIS_WRITE_MS);
}

/* Tries once more over a new link, as a server may close idle ones. */
static void
read_over(struct store_redis *r, enum redis_lane lane, size_t n,
    const char *const *domain, store_got_fn *got, void *arg)
{
	struct batch b = {.r = r,
	    .offset_s = redis_offset_s(r),
	    .domain = domain,
	    .got = got,
	    .arg = arg};

	while (b.done < n) {
		uint64_t deadline_ms = clock_mono_ms() + REDIS_READ_MS;
		int err = ERR_IO;

		b.n = b.done + READS_MAX < n ? b.done + READS_MAX : n;
		for (int i = 0; i < 2 && err != 0 && err != ERR_BUSY; i++) {
			struct redis_link *link =
			    redis_keeper_borrow(r->keeper, lane, REDIS_MEND_MS);

			if (link == NULL)
				break;
			err = ask(&b, link, deadline_ms);
			redis_keeper_return(r->keeper, lane, link, err);
		}
		while (b.done < b.n)
			answer_from_cache(&b, ERR_DOWN);
	}
}

static void
redis_get(void *backend, size_t n, const char *const *domain, store_got_fn *got,
    void *arg)
{
	read_over(backend, REDIS_READ, n, domain, got, arg);
}

static void
redis_get_to_write(void *backend, size_t n, const char *const *domain,
    store_got_fn *got, void *arg)
{
	read_over(backend, REDIS_WRITE, n, domain, got, arg);
}

/* --- life ----------------------------------------------------------------- */

static void
redis_free(struct store_redis *r)
{
	if (r == NULL)
		return;
	redis_keeper_stop(&r->keeper);
	overlay_free(&r->cache);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->spec);
	free(r->auth_file);
	free(r->ca);
	free(r);
}

static struct store_redis *
redis_new(const struct store_options *options)
{
	struct store_redis *r = calloc(1, sizeof(*r));
	uint64_t chance = 0;

	if (r == NULL)
		return NULL;
	(void)pthread_mutex_init(&r->lock, NULL);
	atomic_init(&r->listed, SIZE_MAX);
	r->spec = strdup(options->spec);
	r->auth_file =
	    strdup(options->auth_file != NULL ? options->auth_file : "");
	r->ca = strdup(options->tls_ca != NULL ? options->tls_ca : "");
	r->cache = overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	r->log = options->log;
	atomic_init(&r->ahead_ms, REDIS_TIME_UNKNOWN);
	r->login.ahead_ms = &r->ahead_ms;
	(void)!getrandom(&chance, sizeof(chance), 0);
	(void)snprintf(r->host, sizeof(r->host), "%016" PRIx64, chance);
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

static int
redis_check(const char *spec, char error[STORE_ERROR_SIZE])
{
	struct redis_address address;

	return redis_address_parse(spec, &address, error);
}

static void *
redis_open(const struct store_options *options, char error[STORE_ERROR_SIZE])
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
	    .listen = redis_listen,
	    .arg = r,
	};
	if (redis_address_parse(r->spec, &r->login.address, error) == 0 &&
	    redis_keeper_start(&keeping, &r->keeper, error) == 0)
		return r;
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

static void
redis_status(void *backend, size_t *unwritten, bool *down)
{
	struct store_redis *r = backend;

	*unwritten = overlay_size(r->cache).pending;
	*down = redis_keeper_is_down(r->keeper);
}

static int
redis_check_auth(const char *path, char error[STORE_ERROR_SIZE])
{
	struct redis_auth auth;
	int err = redis_auth_read(path, &auth, error);
	_Static_assert(REDIS_WHY_SIZE <= STORE_ERROR_SIZE, "error has room");

	explicit_bzero(&auth, sizeof(auth));
	return err;
}

static const struct store_form forms[] = {
    {"redis",           "redis://HOST:PORT/DB"                     },
    {"rediss",          "rediss://HOST:PORT/DB"                    },
    {"redis+unix",      "redis+unix:PATH"                          },
    {"redis+sentinel",  "redis+sentinel://HOST:PORT,.../MASTER/DB" },
    {"rediss+sentinel", "rediss+sentinel://HOST:PORT,.../MASTER/DB"},
    {NULL,	      NULL				       },
};

const struct store_backend store_redis = {
    .forms = forms,
    .place = STORE_ON_SERVER,
    .check = redis_check,
    .check_auth = redis_check_auth,
    .open = redis_open,
    .close = redis_close,
    .get = redis_get,
    .get_to_write = redis_get_to_write,
    .each = redis_each,
    .write = redis_write,
    .count = redis_count,
    .status = redis_status,
    .holds_unwritten = true,
    .on_learned = redis_on_learned,
    .ends_entries = true,
};
