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

#include "core/err.h"
#include "io/redis_wait.h"
#include "io/store_redis.h"
#include "io/store_table.h"

/* Names that a listing holds at most. */
#define NAMES_MAX (1U << 20)

/* --- one answer ----------------------------------------------------------- */

struct batch {
	struct store_redis *r;
	const char *const *domain;
	size_t n;
	size_t done; /* answered: each gets one answer */
	store_many_fn *got;
	void *arg;
	bool list; /* everything is read: nothing to remember */
};

static void
answer(struct batch *b, int err, const struct store_entry *entry)
{
	b->got(b->arg, b->done++, err, entry);
}

/* The server lacks what we hold. */
static void
answer_and_heal(struct batch *b, struct record *mine)
{
	struct store_redis *r = b->r;

	if (!r->login.read_only && copy_put(r->copy, mine, true))
		redis_keeper_wake(r->keeper);
	answer(b, 0, &mine->entry);
}

static void
answer_and_learn(struct batch *b, const struct store_entry *theirs)
{
	struct record *record;

	if (!b->list && record_new(theirs, &record) == 0) {
		(void)copy_put(b->r->copy, record, false);
		record_unref(&record);
	}
	answer(b, 0, theirs);
}

/* The server has no answer, or one that is of no use. */
static void
answer_from_copy(struct batch *b, int err)
{
	struct record *mine = copy_get(b->r->copy, b->domain[b->done], NULL);

	if (mine == NULL)
		answer(b, err, NULL);
	else if (err == ERR_CORRUPT)
		answer_and_heal(b, mine);
	else
		answer(b, 0, &mine->entry);
	record_unref(&mine);
}

/* The server has answered, and what it says can be read. */
static void
weigh(struct batch *b, enum redis_value value, const struct store_entry *theirs)
{
	const char *domain = b->domain[b->done];
	bool pending = false;
	struct record *mine = copy_get(b->r->copy, domain, &pending);

	if (mine != NULL &&
	    redis_copy_wins(mine, pending,
		value == REDIS_VALUE_NONE ? NULL : theirs, time(NULL))) {
		answer_and_heal(b, mine);
	} else if (value == REDIS_VALUE_RECORD) {
		answer_and_learn(b, theirs);
	} else {
		copy_remove(b->r->copy, domain);
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
	else if (err == ERR_VERSION) /* what we hold is older */
		answer(b, err, NULL);
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

/* --- names ---------------------------------------------------------------- */

struct names {
	char **name;
	size_t n;
	size_t room;
};

static void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
}

static int
names_add(struct names *names, const char *domain)
{
	char **more;

	if (names->n == names->room) {
		size_t room = names->room < 64 ? 64 : names->room * 2;

		more = room > NAMES_MAX
		    ? NULL
		    : reallocarray(names->name, room, sizeof(char *));
		if (more == NULL)
			return ERR_NOMEM;
		names->name = more;
		names->room = room;
	}
	names->name[names->n] = strdup(domain);
	if (names->name[names->n] == NULL)
		return ERR_NOMEM;
	names->n++;
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	char *const *x = a;
	char *const *y = b;

	return strcmp(*x, *y);
}

/* A scan may name a key more than once, and the copy has some as well. */
static void
names_sort(struct names *names)
{
	size_t n = 0;

	if (names->n == 0)
		return;
	qsort(names->name, names->n, sizeof(char *), compare_names);
	for (size_t i = 1; i < names->n; i++) {
		if (strcmp(names->name[n], names->name[i]) == 0)
			free(names->name[i]);
		else
			names->name[++n] = names->name[i];
	}
	names->n = n + 1;
}

/* Keys that are none of ours are left alone. */
static int
add_key(struct names *names, const struct redisReply *key)
{
	const size_t prefix = strlen(REDIS_KEY_PREFIX);
	char domain[NAME_SIZE];
	size_t len;

	if (key->type != REDIS_REPLY_STRING || (size_t)key->len <= prefix ||
	    memcmp(key->str, REDIS_KEY_PREFIX, prefix) != 0)
		return 0;
	len = (size_t)key->len - prefix;
	if (len > NAME_LEN_MAX || memchr(key->str, '\0', (size_t)key->len))
		return 0;
	memcpy(domain, key->str + prefix, len);
	domain[len] = '\0';
	return record_check_domain(domain) == 0 ? names_add(names, domain) : 0;
}

/* Adds the keys of one answer to SCAN and sets the cursor for the next. */
static int
take_scan(struct names *names, const struct redisReply *reply, char cursor[24])
{
	const struct redisReply *next;
	const struct redisReply *keys;
	int err = redis_reply_error(reply);

	if (err != 0)
		return err;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return ERR_IO;
	next = reply->element[0];
	keys = reply->element[1];
	if (next->type != REDIS_REPLY_STRING || (size_t)next->len >= 24 ||
	    keys->type != REDIS_REPLY_ARRAY)
		return ERR_IO;
	memcpy(cursor, next->str, (size_t)next->len);
	cursor[next->len] = '\0';
	for (size_t i = 0; err == 0 && i < keys->elements; i++)
		err = add_key(names, keys->element[i]);
	return err;
}

static int
scan(struct redis_link *link, struct names *names)
{
	struct redisReply *reply;
	char cursor[24] = "0";
	int err;

	do {
		const struct redis_word words[] = {REDIS_WORD("SCAN"),
		    REDIS_WORD(cursor), REDIS_WORD("MATCH"),
		    REDIS_WORD(REDIS_KEY_PREFIX "*"), REDIS_WORD("COUNT"),
		    REDIS_WORD("512")};

		err = redis_link_command(link, 6, words);
		if (err == 0)
			err = redis_link_reply(link,
			    redis_now_ms() + REDIS_WRITE_MS, &reply);
		if (err == 0) {
			err = take_scan(names, reply, cursor);
			freeReplyObject(reply);
		}
	} while (err == 0 && strcmp(cursor, "0") != 0);
	return err;
}

/* --- each ----------------------------------------------------------------- */

struct listing {
	store_each_fn *each;
	void *arg;
	bool begun;
	bool stopped;
	bool damaged;
};

static void
show(void *arg, size_t i, int err, const struct store_entry *entry)
{
	struct listing *listing = arg;

	(void)i;
	if (listing->stopped)
		return;
	if (err == 0) {
		listing->begun = true;
		listing->stopped = !listing->each(listing->arg, entry);
	} else if (err != ERR_NOTFOUND) {
		listing->damaged = true;
	}
}

static int
add_copy(struct store_redis *r, struct names *names)
{
	struct record **rows;
	size_t n;
	int err = copy_snapshot(r->copy, &rows, &n);

	for (size_t i = 0; err == 0 && i < n; i++)
		err = names_add(names, rows[i]->entry.domain);
	if (rows != NULL)
		table_snapshot_free(rows, n);
	return err;
}

static int
show_names(struct store_redis *r, struct redis_link *link,
    const struct names *names, struct listing *listing)
{
	int err = 0;

	for (size_t at = 0; err == 0 && at < names->n && !listing->stopped;
	     at += REDIS_BATCH_MAX) {
		size_t left = names->n - at;
		struct batch b = {.r = r,
		    .domain = (const char *const *)(names->name + at),
		    .n = left < REDIS_BATCH_MAX ? left : REDIS_BATCH_MAX,
		    .got = show,
		    .arg = listing,
		    .list = true};

		err = ask(&b, link, redis_now_ms() + REDIS_WRITE_MS);
	}
	return err;
}

/* On a link of its own: it may take long. */
static int
list_server(struct store_redis *r, struct listing *listing)
{
	struct redis_resolver resolver = {.running = NULL};
	struct names names = {.n = 0};
	struct redis_link *link;
	char why[REDIS_WHY_SIZE];
	int err = redis_login(&r->login, &resolver,
	    redis_now_ms() + REDIS_CONNECT_MS, &link, why);

	if (err == 0)
		err = scan(link, &names);
	if (err == 0)
		err = add_copy(r, &names);
	names_sort(&names);
	if (err == 0)
		err = show_names(r, link, &names, listing);
	names_free(&names);
	redis_link_free(&link);
	redis_resolver_clear(&resolver);
	return err;
}

static int
list_copy(struct store_redis *r, struct listing *listing)
{
	struct record **rows;
	size_t n;
	int err = copy_snapshot(r->copy, &rows, &n);

	for (size_t i = 0; err == 0 && i < n; i++)
		show(listing, i, 0, &rows[i]->entry);
	if (rows != NULL)
		table_snapshot_free(rows, n);
	return err;
}

/* Without the server, what it is known to hold: the filter goes on. */
int
redis_each(void *backend, store_each_fn *each, void *arg)
{
	struct store_redis *r = backend;
	struct listing listing = {.each = each, .arg = arg};
	int err = list_server(r, &listing);

	if (err != 0 && !listing.begun && !r->login.read_only)
		err = list_copy(r, &listing);
	return err == 0 && listing.damaged ? ERR_CORRUPT : err;
}

/* --- count ---------------------------------------------------------------- */

static int
ask_size(struct redis_link *link, size_t *n)
{
	const struct redis_word words[] = {REDIS_WORD("DBSIZE")};
	struct redisReply *reply;
	int err = redis_link_command(link, 1, words);

	if (err == 0)
		err = redis_link_reply(link, redis_now_ms() + REDIS_READ_MS,
		    &reply);
	if (err != 0)
		return err;
	/* All but the one that holds the format. */
	if (reply->type == REDIS_REPLY_INTEGER)
		*n = reply->integer > 0 ? (size_t)reply->integer - 1 : 0;
	freeReplyObject(reply);
	return 0;
}

size_t
redis_count(void *backend)
{
	struct store_redis *r = backend;
	size_t n = copy_count(r->copy);
	struct redis_link *link =
	    redis_keeper_borrow(r->keeper, REDIS_SPARE, REDIS_MEND_MS);

	if (link != NULL)
		redis_keeper_return(r->keeper, REDIS_SPARE, link,
		    ask_size(link, &n));
	return n;
}
