/*
 * Lists all policies of a Redis server in order of domain. The server gives the
 * names in no order, so the list reads and sorts all names first, and then
 * reads the entries a batch at a time. It never holds all entries in memory.
 */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store_redis.h"

#define NAMES_MAX (1U << 20)

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

/* SCAN may return a key more than once, and the cache adds names. */
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

/* Ignores keys that are not ours. */
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
take_scan(struct names *names, const struct redisReply *reply,
    char cursor[REDIS_CURSOR_SIZE])
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
	if (next->type != REDIS_REPLY_STRING ||
	    (size_t)next->len >= REDIS_CURSOR_SIZE ||
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
	char cursor[REDIS_CURSOR_SIZE] = "0";
	int err;

	do {
		const struct redis_word words[] = {REDIS_WORD("SCAN"),
		    REDIS_WORD(cursor), REDIS_WORD("MATCH"),
		    REDIS_WORD(REDIS_KEY_PREFIX "*"), REDIS_WORD("COUNT"),
		    REDIS_WORD("512")};

		err = redis_link_ask(link, clock_mono_ms() + REDIS_WRITE_MS, 6,
		    words, &reply);
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
	int damage; /* of the entries that could not be shown */
};

static void
show(void *arg, int err, const struct store_entry *entry)
{
	struct listing *listing = arg;

	if (listing->stopped)
		return;
	if (err == 0) {
		listing->begun = true;
		listing->stopped = !listing->each(listing->arg, entry);
	} else if (err != ERR_NOTFOUND && listing->damage != ERR_CORRUPT) {
		listing->damage = err == ERR_VERSION ? err : ERR_CORRUPT;
	}
}

static int
add_copy(struct store_redis *r, struct names *names)
{
	struct record **rows;
	size_t n;
	int err = overlay_snapshot(r->cache, &rows, &n);

	for (size_t i = 0; err == 0 && i < n; i++)
		err = names_add(names, rows[i]->entry.domain);
	overlay_snapshot_free(rows, n);
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

		err = redis_list_many(r, link,
		    left < REDIS_BATCH_MAX ? left : REDIS_BATCH_MAX,
		    (const char *const *)(names->name + at), show, listing);
	}
	return err;
}

/* Uses a link of its own, as it may take long. */
static int
list_server(struct store_redis *r, struct listing *listing)
{
	struct redis_resolver resolver = {.running = NULL};
	struct names names = {.n = 0};
	struct redis_link *link;
	char why[REDIS_WHY_SIZE];
	int err = redis_login(&r->login, &resolver,
	    clock_mono_ms() + REDIS_CONNECT_MS, &link, why);

	if (err == 0)
		err = scan(link, &names);
	if (err == 0)
		err = add_copy(r, &names);
	names_sort(&names);
	if (err == 0)
		err = show_names(r, link, &names, listing);
	if (err == 0 && !listing->stopped)
		atomic_store(&r->listed, names.n);
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
	int err = overlay_snapshot(r->cache, &rows, &n);

	for (size_t i = 0; err == 0 && i < n; i++) {
		struct store_entry ours =
		    redis_shift(&rows[i]->entry, -redis_offset_s(r));

		show(listing, 0, &ours);
	}
	overlay_snapshot_free(rows, n);
	return err;
}

/*
 * If the server cannot be listed, shows the local cache, so that the refresher
 * goes on. Unless the server is down, which the keeper logs, that is an error:
 * it refuses, or has more names than fit. A server of another format is
 * ERR_CONFIG: the other two errors mean that the rest was shown.
 */
int
redis_each(void *backend, store_each_fn *each, void *arg)
{
	struct store_redis *r = backend;
	struct listing listing = {.each = each, .arg = arg};
	int err = list_server(r, &listing);

	if (err != 0 && !listing.begun && !r->login.read_only) {
		int copied = list_copy(r, &listing);

		if (redis_keeper_is_down(r->keeper))
			err = copied;
		else if (err == ERR_VERSION || err == ERR_CORRUPT)
			err = ERR_CONFIG;
	}
	return err == 0 ? listing.damage : err;
}

/* --- count ---------------------------------------------------------------- */

/* In a database of more keys, ours are not counted one by one. */
#define COUNT_MAX 10000

/* Counts our keys; in a large database takes the number of the last listing,
 * which is a minute old at most (refresh.c). */
static int
count_keys(struct store_redis *r, struct redis_link *link, size_t *n)
{
	const struct redis_word words[] = {REDIS_WORD("DBSIZE")};
	struct names names = {.n = 0};
	struct redisReply *reply;
	size_t listed = atomic_load(&r->listed);
	size_t size = 0;
	int err = redis_link_ask(link, clock_mono_ms() + REDIS_READ_MS, 1,
	    words, &reply);

	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
		size = (size_t)reply->integer;
	freeReplyObject(reply);
	*n = listed < size ? listed : size;
	if (size > COUNT_MAX)
		return 0;
	err = scan(link, &names);
	names_sort(&names);
	*n = names.n;
	names_free(&names);
	return err;
}

size_t
redis_count(void *backend)
{
	struct store_redis *r = backend;
	size_t n = overlay_size(r->cache).n;
	struct redis_link *link =
	    redis_keeper_borrow(r->keeper, REDIS_SPARE, REDIS_MEND_MS);

	if (link != NULL)
		redis_keeper_return(r->keeper, REDIS_SPARE, link,
		    count_keys(r, link, &n));
	return n;
}
