/*
 * A store whose master is found by three sentinels, and a failover under load:
 * nothing is lost, and nobody waits. REQUIREMENTS C-01, S-03.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "redis_server.h"
#include "store/store_redis.h"
#include "store_sync.h"

#define SENTINELS 3

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 864000\n"
			     "dnssec: yes\n";

static struct redis_server master;
static struct redis_server replica;
static struct redis_server sentinel[SENTINELS];
static char spec[256];

static const struct timespec nap = {0, 10000000};

/* A command to the server on port; NULL: it does not answer, as while it takes
 * another role. */
static struct redisReply *
try(unsigned port, const char *format, const char *arg)
{
	const struct timeval wait = {5, 0};
	struct redisContext *c =
	    redisConnectWithTimeout("127.0.0.1", (int)port, wait);
	struct redisReply *reply = NULL;

	if (c != NULL && c->err == 0)
		reply = redisCommand(c, format, arg);
	redisFree(c);
	return reply;
}

/* Whether both texts are in the answer. */
static bool
says(unsigned port, const char *format, const char *arg, const char *a,
    const char *b)
{
	struct redisReply *reply = try(port, format, arg);
	bool is = reply != NULL && reply->str != NULL &&
	    strstr(reply->str, a) != NULL && strstr(reply->str, b) != NULL;

	freeReplyObject(reply);
	return is;
}

static bool
replication_is(const struct redis_server *server, const char *text)
{
	return says(server->port, "INFO %s", "replication", text, "");
}

/* Each sentinel knows the replica and both others, so that a failover can be
 * agreed upon. */
static bool
is_ready(const struct redis_server *server)
{
	return says(server->port, "INFO %s", "sentinel",
	    "status=ok,address=127.0.0.1", "slaves=1,sentinels=3");
}

static bool
has_key(const struct redis_server *server, unsigned i)
{
	char key[128];
	struct redisReply *reply;
	bool has;

	snprintf(key, sizeof(key), "%sd%u.example", REDIS_KEY_PREFIX, i);
	reply = try(server->port, "EXISTS %s", key);
	has = reply != NULL && reply->type == REDIS_REPLY_INTEGER &&
	    reply->integer == 1;
	freeReplyObject(reply);
	return has;
}

static void
setup(void)
{
	static char port[16];
	const char *of_replica[] = {"--replicaof", "127.0.0.1", port, NULL};

	if (!redis_server_is_installed())
		return;
	redis_server_start(&master, redis_server_free_port(), NULL);
	snprintf(port, sizeof(port), "%u", master.port);
	redis_server_start(&replica, redis_server_free_port(), of_replica);
	while (!replication_is(&replica, "master_link_status:up"))
		nanosleep(&nap, NULL);
	for (size_t i = 0; i < SENTINELS; i++)
		redis_server_start_sentinel(&sentinel[i],
		    redis_server_free_port(), master.port);
	for (size_t i = 0; i < SENTINELS; i++) {
		while (!is_ready(&sentinel[i]))
			nanosleep(&nap, NULL);
	}
	snprintf(spec, sizeof(spec),
	    "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/mail/0",
	    sentinel[0].port, sentinel[1].port, sentinel[2].port);
}

static void
teardown(void)
{
	for (size_t i = 0; i < SENTINELS; i++) {
		if (sentinel[i].dir != NULL)
			redis_server_end(&sentinel[i]);
	}
	if (replica.dir != NULL)
		redis_server_end(&replica);
	if (master.dir != NULL)
		redis_server_end(&master);
}

TestSuite(store_sentinel, .init = setup, .fini = teardown, .timeout = 120);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (master.dir == NULL)                                \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

static struct store *
open_host(const char *of)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store =
	    store_open(&(struct store_options){.spec = of}, error);

	cr_assert_not_null(store, "%s", error);
	return store;
}

static int
put(struct store *store, unsigned i)
{
	char domain[64];
	struct store_entry entry;

	snprintf(domain, sizeof(domain), "d%u.example", i);
	entry = sync_entry(domain, "1", policy);
	entry.fetched_s = time(NULL);
	return sync_put(store, &entry);
}

static int
find(struct store *store, unsigned i)
{
	char domain[64];

	snprintf(domain, sizeof(domain), "d%u.example", i);
	return sync_find(store, domain);
}

Test(store_sentinel, master_is_found)
{
	struct store *store;
	char one[128];

	NEEDS_SERVER();
	store = open_host(spec);
	cr_expect_eq(put(store, 1), 0);
	cr_expect(has_key(&master, 1));
	store_close(&store);
	/* One of them is enough; the first two do not answer. */
	redis_server_pause(&sentinel[0]);
	redis_server_kill(&sentinel[1]);
	store = open_host(spec);
	cr_expect_eq(find(store, 1), 0);
	store_close(&store);
	redis_server_resume(&sentinel[0]);
	snprintf(one, sizeof(one), "redis+sentinel://127.0.0.1:%u/web",
	    sentinel[2].port);
	store = open_host(one);
	cr_expect(store_status(store).unreachable, "they know no such master");
	store_close(&store);
}

/* --- failover ------------------------------------------------------------- */

struct load {
	struct store *store;
	pthread_t thread;
	atomic_uint n; /* put so far */
	atomic_bool stop;
	unsigned wrong; /* neither written nor waiting */
};

static void *
put_all(void *arg)
{
	struct load *load = arg;

	while (!atomic_load(&load->stop)) {
		int err = put(load->store, atomic_load(&load->n));

		load->wrong +=
		    err != 0 && err != ERR_DOWN && err != ERR_READONLY;
		atomic_fetch_add(&load->n, 1);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	return NULL;
}

/* What was put last is found at once, with the server or without. */
static void
find_last(struct load *load, unsigned *missed)
{
	unsigned n = atomic_load(&load->n);

	if (n > 0)
		*missed += find(load->store, n - 1) != 0;
}

static void
fail_over(void (*strike)(void))
{
	struct load load = {.store = open_host(spec)};
	unsigned missed = 0;
	unsigned n;

	cr_assert_eq(pthread_create(&load.thread, NULL, put_all, &load), 0);
	while (atomic_load(&load.n) < 200)
		find_last(&load, &missed);
	strike();
	while (!replication_is(&replica, "role:master"))
		find_last(&load, &missed);
	n = atomic_load(&load.n);
	while (atomic_load(&load.n) < n + 200)
		find_last(&load, &missed);
	atomic_store(&load.stop, true);
	pthread_join(load.thread, NULL);
	while (store_status(load.store).unreachable ||
	    store_status(load.store).unwritten > 0)
		nanosleep(&nap, NULL);
	cr_expect_eq(load.wrong, 0);
	cr_expect_eq(missed, 0, "%u of the policies just put", missed);
	/* Those that the replica had not received are put back; those that a
	 * demoted master still took, when it is a replica. */
	n = atomic_load(&load.n);
	for (unsigned i = 0; i < n; i++) {
		while (!has_key(&replica, i))
			nanosleep(&nap, NULL);
	}
	store_close(&load.store);
}

static void
kill_master(void)
{
	redis_server_kill(&master);
}

static void
hang_master(void)
{
	redis_server_pause(&master);
}

/* Told so by a person; the old master becomes a replica and goes on. */
static void
demote_master(void)
{
	cr_assert(
	    says(sentinel[0].port, "SENTINEL FAILOVER %s", "mail", "OK", ""));
}

Test(store_sentinel, C_01_nothing_is_lost_when_the_master_dies)
{
	NEEDS_SERVER();
	fail_over(kill_master);
}

Test(store_sentinel, S_03_nobody_waits_for_a_master_that_hangs)
{
	NEEDS_SERVER();
	fail_over(hang_master);
	redis_server_resume(&master);
}

Test(store_sentinel, C_01_nothing_is_lost_when_the_master_is_demoted)
{
	NEEDS_SERVER();
	fail_over(demote_master);
}
