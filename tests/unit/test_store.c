/*
 * The policy store as its users see it: the same tests for every kind of
 * store. REQUIREMENTS C-01, C-04, C-05, C-07, C-13.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "redis_server.h"
#include "store/store.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\r\nmode: enforce\r\n"
			     "mx: mx.example.org\r\nmax_age: 86400\r\n"
			     "dnssec: yes\r\n";

/* --- kinds ---------------------------------------------------------------- */

static const char *const kinds[] = {"memory", "lmdb", "overlay", "redis"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct fixture {
	const char *kind;
	char *dir; /* NULL: none */
	struct redis_server server;
	struct store *store;
};

/* A new, empty store of that kind. */
static void
setup(struct fixture *f, const char *kind)
{
	char error[STORE_ERROR_SIZE] = "";

	*f = (struct fixture){.kind = kind};
	if (strcmp(kind, "memory") == 0) {
		f->store =
		    store_open(&(struct store_options){.spec = "memory:"},
			error);
		cr_assert_not_null(f->store, "%s", error);
		return;
	}
	if (strcmp(kind, "redis") == 0) {
		redis_server_start(&f->server, 0, NULL);
		f->store = redis_server_open(&f->server);
		return;
	}
	f->dir = scratch_new();
	f->store = open_lmdb(f->dir,
	    strcmp(kind, "overlay") == 0 ? STORE_READ_ONLY : STORE_READ_WRITE);
}

static void
teardown(struct fixture *f)
{
	store_close(&f->store);
	cr_expect_null(f->store);
	if (f->dir != NULL)
		scratch_free(&f->dir);
	if (f->server.dir != NULL)
		redis_server_end(&f->server);
}

/* Runs a test for every kind. */
static void
for_each_kind(void (*test)(struct fixture *f))
{
	struct fixture f;

	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i], "redis") == 0 &&
		    !redis_server_is_installed())
			continue;
		setup(&f, kinds[i]);
		test(&f);
		teardown(&f);
	}
}

/* --- one entry ------------------------------------------------------------ */

static void
expect_same(struct fixture *f, const struct store_entry *put,
    const struct got *got)
{
	cr_expect_eq(got->err, 0, "%s", f->kind);
	cr_expect_eq(got->calls, 1);
	cr_expect_str_eq(got->domain, put->domain);
	cr_expect_str_eq(got->id, put->id);
	cr_expect_str_eq(got->failure, put->failure);
	cr_expect_eq(got->fetched_s, put->fetched_s);
	cr_expect_eq(got->tried_s, put->tried_s);
	cr_expect_eq(got->used_s, put->used_s);
	cr_assert_eq(got->len, put->len);
	if (put->len > 0)
		cr_expect_arr_eq(got->body, put->body, put->len);
}

#define ID_32 "0123456789abcdefghijABCDEFGHIJ01"
#define LABEL63 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

/* C-13: the raw body comes back to the octet, as does all beside it. */
/* clang-format off */
static const struct store_entry rows[] = {
    {.domain = "example.org", .id = "1", .failure = ""},
    {.domain = "a", .id = ID_32, .failure = "TLS: the certificate expired"},
    {.domain = LABEL63 "." LABEL63 "." LABEL63
                       ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeff"
                       "fffffff12",
        .id = "x",
        .failure = ""},
    {.domain = "_under.xn--bcher-kva.example",
        .id = "",
        .fetched_s = INT64_MIN,
        .tried_s = -1,
        .failure = "\xc3\xa4 \"quoted\"\n",
        .used_s = INT64_MAX,
        .body = (const uint8_t *)"\0\r\n\xff\0", /* NUL within */
        .len = 5},
    {.domain = "example.org",
        .id = "2",
        .fetched_s = 4000000000,
        .failure = "",
        .body = (const uint8_t *)policy,
        .len = sizeof(policy) - 1},
};
/* clang-format on */

static void
gives_back(struct fixture *f)
{
	struct got got;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(sync_put(f->store, &rows[i]), 0);
		sync_get(f->store, rows[i].domain, &got);
		expect_same(f, &rows[i], &got);
	}
}

Test(store, C_13_entry_comes_back_to_the_octet)
{
	for_each_kind(gives_back);
}

static void
replaces(struct fixture *f)
{
	struct store_entry old = sync_entry("example.org", "1", policy);
	struct store_entry new = sync_entry("example.org", "2", "none");
	struct got got;

	cr_expect_eq(sync_put(f->store, &old), 0);
	cr_expect_eq(sync_put(f->store, &new), 0);
	sync_get(f->store, "example.org", &got);
	expect_same(f, &new, &got);
	cr_expect_eq(store_count(f->store), 1, "%s", f->kind);
}

/* C-07: also by a weaker one. */
/* A policy with a long field that this program does not know, and patterns. */
static struct store_entry
long_entry(char *out, size_t size, size_t padding, size_t patterns, bool binds)
{
	size_t len = (size_t)snprintf(out, size,
	    "version: STSv1\nmode: enforce\nmax_age: 86400\n%sx-note: ",
	    binds ? "dnssec: yes\n" : "");

	memset(out + len, 'x', padding);
	len += padding;
	out[len++] = '\n';
	for (size_t i = 0; i < patterns; i++)
		len += (size_t)snprintf(out + len, size - len,
		    "mx: mx%06zu.example.org\n", i);
	return sync_entry("example.org", "1", out);
}

static void
check_long(struct fixture *f, size_t padding, size_t patterns, bool binds,
    size_t want)
{
	static char body[65536];
	static struct got got;
	struct store_entry entry =
	    long_entry(body, sizeof(body), padding, patterns, binds);

	cr_assert_eq(sync_put(f->store, &entry), 0);
	if (want == 0) {
		cr_expect_eq(sync_find(f->store, "example.org"), ERR_NOTFOUND,
		    "%s", f->kind);
		return;
	}
	sync_get(f->store, "example.org", &got);
	cr_expect_eq(got.err, 0, "%s", f->kind);
	cr_expect_eq(got.len, want, "%s: %zu, want %zu", f->kind, got.len,
	    want);
}

static void
long_bodies(struct fixture *f)
{
	/* "version: STSv1\nmode: enforce\nmax_age: 86400\n", a pattern */
	const size_t head = 44, pattern = 25;
	const size_t note = head + strlen("x-note: \n");

	/* What binds is kept to the octet, however long. */
	check_long(f, 60000, 1, true, note + 60000 + 12 + pattern);
	/* What does not is kept so while it is short... */
	check_long(f, 4000, 1, false, note + 4000 + pattern);
	/* ...then without what is not known... */
	check_long(f, 60000, 1, false, head + pattern);
	check_long(f, 30000, 600, false, head + 600 * pattern);
	/* ...and not at all if that is too long. */
	check_long(f, 1, 700, false, 0);
	/* Nothing is left of what was there before (C-07). */
	check_long(f, 1, 1, true, note + 1 + 12 + pattern);
	check_long(f, 1, 700, false, 0);
}

Test(store, C_16_bodies_that_do_not_bind_are_bounded)
{
	for_each_kind(long_bodies);
}

Test(store, C_07_later_put_replaces)
{
	for_each_kind(replaces);
}

static void
deletes(struct fixture *f)
{
	struct store_entry entry = sync_entry("example.org", "1", policy);

	cr_expect_eq(sync_find(f->store, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(sync_put(f->store, &entry), 0);
	cr_expect_eq(sync_find(f->store, "example.org"), 0);
	cr_expect_eq(sync_delete(f->store, "example.org"), 0);
	cr_expect_eq(sync_find(f->store, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(sync_delete(f->store, "example.org"), 0);
	cr_expect_eq(sync_find(f->store, "org"), ERR_NOTFOUND);
}

Test(store, deleted_entry_is_gone)
{
	for_each_kind(deletes);
}

static void
marks(struct fixture *f)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	const struct store_mark used = {.used_s = 600};
	struct store_entry entry = sync_entry("example.org", "1", policy);
	struct got got;

	cr_expect_eq(sync_mark(f->store, "example.org", &used), ERR_NOTFOUND);
	cr_expect_eq(sync_find(f->store, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(sync_put(f->store, &entry), 0);
	cr_expect_eq(sync_mark(f->store, "example.org", &tried), 0);
	cr_expect_eq(sync_mark(f->store, "example.org", &used), 0);
	sync_get(f->store, "example.org", &got);
	entry.tried_s = 500;
	entry.failure = "no";
	entry.used_s = 600;
	expect_same(f, &entry, &got);
}

/* C-05: a failed refresh changes nothing but what is told about it. */
Test(store, C_05_mark_leaves_policy_and_fetch_time)
{
	for_each_kind(marks);
}

static void
marks_in_a_queue(struct fixture *f)
{
	const struct store_mark used = {.used_s = 600};
	struct store_entry entry = sync_entry("example.org", "1", policy);
	struct got got;

	/* without waiting in between: they may share a batch */
	cr_expect_eq(store_put(f->store, &entry, NULL, NULL), 0);
	cr_expect_eq(store_mark(f->store, "example.org", &used, NULL, NULL), 0);
	entry.id = "2";
	cr_expect_eq(store_put(f->store, &entry, NULL, NULL), 0);
	cr_expect_eq(store_mark(f->store, "example.net", &used, NULL, NULL), 0);
	cr_expect_eq(sync_mark(f->store, "example.org", &used), 0);
	sync_get(f->store, "example.org", &got);
	entry.used_s = 600;
	expect_same(f, &entry, &got);
}

Test(store, marks_keep_their_place_among_changes)
{
	for_each_kind(marks_in_a_queue);
}

static void
refuses(struct fixture *f)
{
	static const char *const bad[] = {"", ".", "Example.org",
	    "example.org.", "a b", "../etc", "!meta", LABEL63 "4"};
	struct store_entry entry = sync_entry("example.org", ID_32 "3", "");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_neq(store_get(f->store, bad[i], NULL, NULL), 0, "%s",
		    bad[i]);
		cr_expect_neq(store_delete(f->store, bad[i], NULL, NULL), 0);
	}
	cr_expect_eq(store_put(f->store, &entry, NULL, NULL), ERR_SYNTAX);
	entry.id = "1";
	entry.len = 16777217;
	cr_expect_eq(store_put(f->store, &entry, NULL, NULL), ERR_TOOLONG);
	cr_expect_eq(store_count(f->store), 0);
}

Test(store, R_14_names_that_are_none_are_refused)
{
	for_each_kind(refuses);
}

static void
cuts_failure(struct fixture *f)
{
	struct store_entry entry = sync_entry("example.org", "1", policy);
	char failure[400];
	struct got got;

	memset(failure, 'f', sizeof(failure));
	failure[sizeof(failure) - 1] = '\0';
	entry.failure = failure;
	cr_expect_eq(sync_put(f->store, &entry), 0);
	sync_get(f->store, "example.org", &got);
	cr_expect_eq(strlen(got.failure), 255);
	cr_expect_eq(got.len, sizeof(policy) - 1);
}

Test(store, long_failure_text_is_cut)
{
	for_each_kind(cuts_failure);
}

/* --- many entries --------------------------------------------------------- */

static bool
stop_at_first(void *arg, const struct store_entry *entry)
{
	unsigned *calls = arg;

	(void)entry;
	++*calls;
	return false;
}

static void
lists(struct fixture *f)
{
	static const char *const domains[] = {"b.example", "a.example", "z",
	    "a-b.example"};
	char list[256];
	unsigned calls = 0;

	cr_expect_eq(sync_list(f->store, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "");
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		struct store_entry e = sync_entry(domains[i], "1", policy);

		cr_expect_eq(sync_put(f->store, &e), 0);
	}
	cr_expect_eq(sync_delete(f->store, "z"), 0);
	cr_expect_eq(sync_list(f->store, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "a-b.example a.example b.example ");
	cr_expect_eq(store_each(f->store, stop_at_first, &calls), 0);
	cr_expect_eq(calls, 1);
}

Test(store, each_goes_in_order_of_domain_and_stops)
{
	for_each_kind(lists);
}

/* --- queue ---------------------------------------------------------------- */

/* Callbacks that hold the writer until the gate opens. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool open;
	bool reached;
	unsigned done;
	unsigned failed;
};

static void
pass_gate(void *arg, int err)
{
	struct gate *gate = arg;

	pthread_mutex_lock(&gate->lock);
	gate->reached = true;
	pthread_cond_broadcast(&gate->turn);
	while (!gate->open)
		pthread_cond_wait(&gate->turn, &gate->lock);
	gate->done++;
	if (err != 0)
		gate->failed++;
	pthread_mutex_unlock(&gate->lock);
}

static void
await_writer(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->turn, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void
open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->turn);
	pthread_mutex_unlock(&gate->lock);
}

/* Puts until the store says no; how many it took. */
static unsigned
fill_queue(struct fixture *f, struct gate *gate)
{
	struct store_entry entry = sync_entry("", "1", policy);
	char domain[64];
	unsigned n;
	int err = 0;

	for (n = 0; n <= STORE_QUEUE_MAX; n++) {
		snprintf(domain, sizeof(domain), "d%u.example", n);
		entry.domain = domain;
		err = store_put(f->store, &entry, pass_gate, gate);
		if (err != 0)
			break;
	}
	cr_expect_eq(err, ERR_BUSY);
	return n;
}

/* The writer stands still: what waits is bounded, and none of it is lost when
 * the store is closed. */
static void
bounds_queue(struct fixture *f)
{
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .turn = PTHREAD_COND_INITIALIZER};
	struct store_entry entry = sync_entry("first.example", "1", policy);
	unsigned n;

	cr_assert_eq(store_put(f->store, &entry, pass_gate, &gate), 0);
	await_writer(&gate);
	n = fill_queue(f, &gate);
	cr_expect_eq(n, STORE_QUEUE_MAX, "%s: %u", f->kind, n);
	/* Reads have a lane of their own. */
	cr_expect_eq(sync_find(f->store, "first.example"), 0);
	open_gate(&gate);
	store_close(&f->store);
	cr_expect_eq(gate.done, n + 1);
	cr_expect_eq(gate.failed, 0);
}

/* C-16: a quarter of the queue, all of which is written. */
static void
expect_room_for_what_binds(struct fixture *f, struct gate *gate)
{
	unsigned n = fill_queue(f, gate);

	cr_expect_eq(n, STORE_QUEUE_MAX / 4, "%s: %u", f->kind, n);
	open_gate(gate);
	store_close(&f->store);
	cr_expect_eq(gate->failed, 0);
}

/* C-16: strangers fill three quarters of it. */
static void
keeps_room_in_queue(struct fixture *f)
{
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .turn = PTHREAD_COND_INITIALIZER};
	struct store_entry first = sync_entry("first.example", "1", policy);
	struct store_entry stranger = sync_entry("stranger.example", "1",
	    "version: STSv1\nmode: none\nmax_age: 86400\n");
	const struct store_mark used = {.used_s = 2000000000};
	unsigned strangers = 0;

	cr_assert_eq(store_put(f->store, &first, pass_gate, &gate), 0);
	await_writer(&gate);
	while (store_put(f->store, &stranger, pass_gate, &gate) == 0)
		strangers++;
	cr_expect_eq(strangers, STORE_QUEUE_MAX - STORE_QUEUE_MAX / 4, "%s: %u",
	    f->kind, strangers);
	cr_expect_eq(store_mark(f->store, "first.example", &used, NULL, NULL),
	    ERR_BUSY);
	expect_room_for_what_binds(f, &gate);
}

Test(store, C_16_strangers_leave_room_in_the_queue)
{
	for_each_kind(keeps_room_in_queue);
}

/* Strangers also cause deletions: their policies expire, or are too large. */
static void
deletions_keep_room_in_queue(struct fixture *f)
{
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .turn = PTHREAD_COND_INITIALIZER};
	struct store_entry first = sync_entry("first.example", "1", policy);
	static char body[65536];
	struct store_entry large =
	    long_entry(body, sizeof(body), 1, 700, false);
	unsigned deletions = 0;

	cr_assert_eq(store_put(f->store, &first, pass_gate, &gate), 0);
	await_writer(&gate);
	while (store_delete_expired(f->store, "stranger.example", 1, pass_gate,
		   &gate) == 0)
		deletions++;
	cr_expect_eq(deletions, STORE_QUEUE_MAX - STORE_QUEUE_MAX / 4, "%s: %u",
	    f->kind, deletions);
	cr_expect_eq(store_put(f->store, &large, NULL, NULL), ERR_BUSY, "%s",
	    f->kind);
	expect_room_for_what_binds(f, &gate);
}

Test(store, C_16_deletions_leave_room_in_the_queue)
{
	for_each_kind(deletions_keep_room_in_queue);
}

Test(store, queue_is_bounded_and_carried_out_at_close)
{
	for_each_kind(bounds_queue);
}

/* Marks of one domain that wait together all leave their trace. */
static void
adds_marks(struct fixture *f)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	const struct store_mark used = {.used_s = 600};
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .turn = PTHREAD_COND_INITIALIZER};
	struct store_entry entry = sync_entry("example.org", "1", policy);
	struct got got;

	cr_assert_eq(store_put(f->store, &entry, pass_gate, &gate), 0);
	await_writer(&gate);
	cr_expect_eq(store_mark(f->store, entry.domain, &tried, NULL, NULL), 0);
	cr_expect_eq(store_mark(f->store, entry.domain, &used, NULL, NULL), 0);
	open_gate(&gate);
	cr_expect_eq(sync_delete(f->store, "other.example"), 0);
	sync_get(f->store, entry.domain, &got);
	entry.tried_s = 500;
	entry.failure = "no";
	entry.used_s = 600;
	expect_same(f, &entry, &got);
}

Test(store, marks_of_one_domain_add_up)
{
	for_each_kind(adds_marks);
}

static void
bounds_octets(struct fixture *f)
{
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .turn = PTHREAD_COND_INITIALIZER};
	struct store_entry entry = sync_entry("first.example", "1", policy);
	uint8_t *body = calloc(1, 16777216);
	unsigned n = 0;

	cr_assert_not_null(body);
	cr_assert_eq(store_put(f->store, &entry, pass_gate, &gate), 0);
	await_writer(&gate);
	entry = sync_entry("big.example", "1", "");
	entry.body = body;
	entry.len = 16777216;
	while (n < 10 && store_put(f->store, &entry, pass_gate, &gate) == 0)
		n++;
	cr_expect_eq(n, 3, "%u times 16 MiB", n);
	open_gate(&gate);
	store_close(&f->store);
	/* A busy machine may be too slow for a server's time limit. */
	if (strcmp(f->kind, "redis") != 0)
		cr_expect_eq(gate.failed, 0, "%s", f->kind);
	free(body);
}

Test(store, queue_is_bounded_in_octets)
{
	for_each_kind(bounds_octets);
}

/* --- specs ---------------------------------------------------------------- */

static const struct {
	const char *spec;
	int err;
	const char *says;
} specs[] = {
    {"memory:",		       0,          ""                  },
    {"lmdb:/var/lib/dane-sts-milter", 0,          ""                  },
    {"memory:x",		      ERR_CONFIG, "nothing may follow"},
    {"memory",			ERR_CONFIG, "must be"           },
    {"lmdb:",			 ERR_CONFIG, "absolute"          },
    {"lmdb:var/lib",                  ERR_CONFIG, "absolute"          },
    {"LMDB:/x",		       ERR_CONFIG, "must be"           },
    {"lmdbx:/x",		      ERR_CONFIG, "must be"           },
    {"/var/lib/x",		    ERR_CONFIG, "must be"           },
    {"",			      ERR_CONFIG, "must be"           },
    {"redis://localhost:6379/0",      0,          ""                  },
    {"rediss://localhost",            0,          ""                  },
    {"redis+unix:/run/redis.sock",    0,          ""                  },
    {"redis:localhost",               ERR_CONFIG, "no host"           },
    {"redis+unix:redis.sock",         ERR_CONFIG, "relative"          },
};

Test(store, specs)
{
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		char error[STORE_ERROR_SIZE] = "";

		cr_expect_eq(store_check(specs[i].spec, NULL, error),
		    specs[i].err, "%s", specs[i].spec);
		cr_expect_not_null(strstr(error, specs[i].says), "%s: %s",
		    specs[i].spec, error);
		if (specs[i].err != 0)
			cr_expect_null(
			    store_open(&(struct store_options){.spec =
								   specs[i]
								       .spec},
				error));
	}
}

Test(store, a_wrong_spec_is_told_all_forms)
{
	char error[STORE_ERROR_SIZE] = "";

	cr_assert_eq(store_check("mysql:x", NULL, error), ERR_CONFIG);
	cr_expect_str_eq(error,
	    "store \"mysql:x\": must be one of \"lmdb:DIRECTORY\", "
	    "\"redis://HOST:PORT/DB\", \"rediss://HOST:PORT/DB\", "
	    "\"redis+unix:PATH\", "
	    "\"redis+sentinel://HOST:PORT,.../MASTER/DB\", "
	    "\"rediss+sentinel://HOST:PORT,.../MASTER/DB\", \"memory:\"");
}

Test(store, a_spec_says_where_policies_are)
{
	const char *directory = NULL;
	char error[STORE_ERROR_SIZE] = "";

	cr_expect_eq(store_place("lmdb:/var/lib/x:y", &directory),
	    STORE_ON_DISK);
	cr_expect_str_eq(directory, "/var/lib/x:y");
	cr_expect_eq(store_place("memory:", &directory), STORE_IN_PROCESS);
	cr_expect_null(directory);
	cr_expect_eq(store_place("rediss://localhost", NULL), STORE_ON_SERVER);
	/* Only a server asks for a password. */
	cr_expect_eq(store_check("lmdb:/x", "/nonexistent", error), 0);
	cr_expect_eq(store_check("redis+unix:/x", "/nonexistent", error),
	    ERR_CONFIG);
	cr_expect_not_null(strstr(error, "/nonexistent: "), "%s", error);
}

/* --- puts that depend on what is there ------------------------------------ */

static void
collect_err(void *arg, int err)
{
	*(int *)arg = err;
}

/* A fetch that is stored while an import is under way, before it or after it in
 * the queue, stays. */
static void
later_put_wins(struct fixture *f)
{
	struct store_entry saved = sync_entry("a.example", "saved", policy);
	struct store_entry fetched = sync_entry("a.example", "new", policy);
	struct got got;
	int first = 1, second = 1, third = 1;

	saved.fetched_s -= 10;
	cr_expect_eq(store_put_later(f->store, &saved, collect_err, &first), 0);
	cr_expect_eq(store_put(f->store, &fetched, NULL, NULL), 0);
	cr_expect_eq(store_put_later(f->store, &saved, collect_err, &second),
	    0);
	cr_expect_eq(store_put_later(f->store, &fetched, collect_err, &third),
	    0);
	cr_expect_eq(sync_put(f->store, &rows[0]), 0); /* all are done */
	sync_get(f->store, "a.example", &got);
	cr_expect_str_eq(got.id, "new", "%s", f->kind);
	cr_expect_eq(first, 0, "%s", f->kind);
	cr_expect_eq(second, ERR_KEPT, "%s", f->kind);
	cr_expect_eq(third, ERR_KEPT, "%s", f->kind);
}

/* What has come since an expired policy was looked at stays. */
static void
newer_one_is_not_deleted(struct fixture *f)
{
	struct store_entry old = sync_entry("a.example", "old", policy);
	struct store_entry fetched = sync_entry("a.example", "new", policy);
	struct got got;
	int first = 1, second = 1, third = 1;

	old.fetched_s -= 10;
	cr_expect_eq(store_put(f->store, &fetched, NULL, NULL), 0);
	cr_expect_eq(store_delete_expired(f->store, "a.example", old.fetched_s,
			 collect_err, &first),
	    0);
	cr_expect_eq(sync_put(f->store, &rows[0]), 0); /* all are done */
	sync_get(f->store, "a.example", &got);
	cr_expect_str_eq(got.id, "new", "%s", f->kind);
	cr_expect_eq(first, ERR_KEPT, "%s", f->kind);
	cr_expect_eq(store_delete_expired(f->store, "a.example",
			 fetched.fetched_s, collect_err, &second),
	    0);
	cr_expect_eq(store_delete_expired(f->store, "a.example",
			 fetched.fetched_s, collect_err, &third),
	    0);
	cr_expect_eq(sync_put(f->store, &rows[0]), 0);
	sync_get(f->store, "a.example", &got);
	/* A server sees to that by its own clock. */
	cr_expect_eq(got.err, strcmp(f->kind, "redis") == 0 ? 0 : ERR_NOTFOUND,
	    "%s", f->kind);
	cr_expect_eq(second, 0, "%s", f->kind);
	cr_expect_eq(third, 0, "to delete what is not there is no error");
}

Test(store, C_07_what_is_newer_than_what_was_seen_is_not_deleted)
{
	for_each_kind(newer_one_is_not_deleted);
}

Test(store, C_07_what_was_saved_does_not_replace_what_was_fetched_later)
{
	for_each_kind(later_put_wins);
}
