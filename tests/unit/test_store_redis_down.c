/*
 * The policy store on a Redis server that is slow, down, restarted, full or
 * mad. REQUIREMENTS C-01, C-09, D-20, S-03.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log.h"
#include "redis_server.h"
#include "store/store_redis.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";

/* --- a host with a log ---------------------------------------------------- */

static struct redis_server server;
static struct store *here;
static struct log *log_;
static char log_path[256];

static struct store *
open_store(const char *path, char error[STORE_ERROR_SIZE])
{
	char spec[4096];

	snprintf(spec, sizeof(spec), "redis+unix:%s", path);
	return store_open(&(struct store_options){.spec = spec, .log = log_},
	    error);
}

static void
setup(void)
{
	char error[STORE_ERROR_SIZE] = "";
	char target[300];

	if (!redis_server_is_installed())
		return;
	redis_server_start(&server, 0, NULL);
	snprintf(log_path, sizeof(log_path), "%s/log", server.dir);
	snprintf(target, sizeof(target), "file:%s", log_path);
	log_ = log_open(&(struct log_config){.target = target,
			    .level = LOG_LEVEL_INFO},
	    "test", error);
	cr_assert_not_null(log_, "%s", error);
	here = open_store(server.unix_path, error);
	cr_assert_not_null(here, "%s", error);
}

static void
teardown(void)
{
	store_close(&here);
	log_close(&log_);
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(store_redis_down, .init = setup, .fini = teardown);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (server.dir == NULL)                                \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* The test's own time limit ends what never comes true. */
static void
await(bool (*is_so)(void))
{
	const struct timespec nap = {0, 5000000};

	while (!is_so())
		nanosleep(&nap, NULL);
}

static bool
is_up_again(void)
{
	return lines_with(log_path, "state=up") > 0;
}

static bool
others_see_it(void)
{
	struct store *there = redis_server_open(&server);
	int err = sync_find(there, "example.org");

	store_close(&there);
	return err == 0;
}

static struct store_entry
entry_of(const char *domain, const char *id, int later_s)
{
	struct store_entry entry = sync_entry(domain, id, policy);

	entry.fetched_s += later_s;
	return entry;
}

static void
expect_id_in(struct store *store, const char *domain, const char *id,
    const char *what)
{
	struct got got;

	sync_get(store, domain, &got);
	cr_expect_eq(got.err, 0, "%s: %d", what, got.err);
	cr_expect_str_eq(got.id, id, "%s: %s", what, got.id);
}

static void
expect_id(const char *domain, const char *id, const char *what)
{
	expect_id_in(here, domain, id, what);
}

/* --- killed and restarted ------------------------------------------------- */

Test(store_redis_down, C_01_killed_server_leaves_the_copy)
{
	struct store_entry entry = entry_of("example.org", "1", 0);
	char list[64];

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	cr_expect_not(store_status(here).unreachable);
	redis_server_kill(&server);
	expect_id("example.org", "1", "from the copy");
	cr_expect(store_status(here).unreachable);
	cr_expect_eq(sync_find(here, "example.net"), ERR_DOWN,
	    "not known here, perhaps elsewhere: a fault of our own (D-20)");
	cr_expect_eq(sync_list(here, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.org ", "what is known is refreshed");
	cr_expect_eq(store_count(here), 1);
	cr_expect_eq(sync_delete(here, "example.org"), ERR_DOWN);
	expect_id("example.org", "1", "nothing was deleted");
}

Test(store_redis_down, what_is_learned_meanwhile_binds_and_is_written_later)
{
	struct store_entry old = entry_of("example.org", "1", 0);
	struct store_entry new = entry_of("example.org", "2", 10);
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &old), 0);
	redis_server_kill(&server);
	cr_expect_eq(sync_put(here, &new), ERR_DOWN, "it is not durable");
	expect_id("example.org", "2", "but it counts here");
	cr_expect_eq(sync_mark(here, "example.org", &tried), ERR_DOWN);
	redis_server_restart(&server); /* empty */
	await(others_see_it);
	store_close(&here);
	here = redis_server_open(&server);
	expect_id("example.org", "2", "written when the server was back");
}

/* Another host was not cut off, and has fetched it later. */
Test(store_redis_down, what_others_learned_later_is_not_replaced_by_what_waits)
{
	struct store_entry mine = entry_of("example.org", "1", 0);
	struct store_entry theirs = entry_of("example.org", "2", 10);
	struct store *there;

	NEEDS_SERVER();
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	cr_expect_eq(sync_put(here, &mine), ERR_FULL, "pending");
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	there = redis_server_open(&server);
	cr_expect_eq(sync_put(there, &theirs), 0);
	store_close(&here); /* pushes */
	expect_id_in(there, "example.org", "2", "theirs");
	store_close(&there);
}

Test(store_redis_down, outage_is_logged_once_and_its_end_as_well)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	redis_server_kill(&server);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(sync_find(here, "example.net"), ERR_DOWN);
		cr_expect_eq(sync_put(here, &entry), ERR_DOWN);
	}
	redis_server_restart(&server);
	await(is_up_again);
	cr_expect_eq(sync_find(here, "example.net"), ERR_NOTFOUND);
	store_close(&here);
	cr_expect_eq(lines_with(log_path, "state=down"), 1);
	cr_expect_eq(lines_with(log_path, "state=up"), 1);
	cr_expect_eq(lines_with(log_path, ""), 2, "and nothing else");
}

/* While a fleet is updated, each host that is behind says so. */
Test(store_redis_down, record_of_a_newer_version_is_told_once)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &entry), 0);
	redis_server_tell(&server, "SETRANGE %sexample.org 4 %b",
	    REDIS_KEY_PREFIX, "\x02", (size_t)1);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(sync_find(here, "example.org"), 0);
	store_close(&here);
	cr_expect_eq(lines_with(log_path, "state=newer"), 1);
	cr_expect_eq(lines_with(log_path, "update it"), 1);
	cr_expect_eq(lines_with(log_path, ""), 1, "and nothing else");
}

Test(store_redis_down, what_is_pending_is_counted)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	cr_expect_eq(store_status(here).unwritten, 0);
	redis_server_kill(&server);
	cr_expect_eq(sync_put(here, &entry), ERR_DOWN);
	cr_expect_eq(store_status(here).unwritten, 1);
}

Test(store_redis_down, what_cannot_be_written_at_the_end_is_said)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	redis_server_kill(&server);
	cr_expect_eq(sync_put(here, &entry), ERR_DOWN);
	store_close(&here);
	cr_expect_eq(lines_with(log_path, "1 policies"), 1);
}

/* A restart between two requests, or an idle connection that the server
 * closes, is no outage: who has no copy must be able to read. Many rounds, so
 * that some connections are closed while they log in. */
Test(store_redis_down, closed_connections_are_mended_unseen)
{
	struct store_entry entry = entry_of("example.org", "1", 0);
	struct store *there;

	NEEDS_SERVER();
	there = redis_server_open(&server);
	for (int round = 0; round < 20; round++) {
		entry = entry_of("example.org", "1", 20 * round);
		cr_expect_eq(sync_put(there, &entry), 0);
		redis_server_tell(&server, "CLIENT KILL TYPE normal");
		expect_id("example.org", "1", "read");
		redis_server_tell(&server, "CLIENT KILL TYPE normal");
		entry = entry_of("example.org", "2", 20 * round + 10);
		cr_expect_eq(sync_put(here, &entry), 0);
		redis_server_tell(&server, "CLIENT KILL TYPE normal");
		cr_expect_eq(sync_find(there, "example.org"), 0);
	}
	store_close(&there);
	store_close(&here);
	cr_expect_eq(lines_with(log_path, ""), 0, "nothing is logged");
}

Test(store_redis_down, server_that_comes_later_is_found)
{
	struct store_entry entry = entry_of("example.org", "1", 0);
	char error[STORE_ERROR_SIZE] = "";

	NEEDS_SERVER();
	store_close(&here);
	redis_server_kill(&server);
	here = open_store(server.unix_path, error);
	cr_assert_not_null(here, "%s", error);
	cr_expect_eq(lines_with(log_path, "state=down"), 1);
	cr_expect_eq(sync_put(here, &entry), ERR_DOWN);
	expect_id("example.org", "1", "in the copy");
	redis_server_restart(&server);
	await(others_see_it);
	cr_expect_eq(lines_with(log_path, "state=up"), 1);
}

Test(store_redis_down, reader_wants_a_server_that_is_there)
{
	char error[STORE_ERROR_SIZE] = "";
	char spec[256];

	NEEDS_SERVER();
	redis_server_kill(&server);
	snprintf(spec, sizeof(spec), "redis+unix:%s", server.unix_path);
	cr_expect_null(store_open(&(struct store_options){.spec = spec,
				      .access = STORE_READ_ONLY},
	    error));
	cr_expect_not_null(strstr(error, "connect: "), "%s", error);
	cr_expect_not_null(strstr(error, spec), "%s", error);
}

/* --- what the server loses ------------------------------------------------ */

static long long
count_looks(void)
{
	return redis_server_ask_integer(&server, "EVAL %s 0",
	    "return tonumber(redis.call('INFO', 'commandstats'):match("
	    "'cmdstat_info:calls=(%d+)') or '0')");
}

/* The host has seen what is there now. Each look is two INFO, our own question
 * another one. */
static void
await_look(void)
{
	const struct timespec nap = {0, 5000000};
	long long first = count_looks();
	long long asked = 1;

	for (; count_looks() < first + asked + 4; asked++)
		nanosleep(&nap, NULL);
}

static bool
is_put_back(void)
{
	return lines_with(log_path, "state=put-back") > 0;
}

/* Nobody asks for it, and a host without a copy would let it pass. */
Test(store_redis_down, C_01_emptied_server_is_told_and_gets_all_back)
{
	char domain[32];

	NEEDS_SERVER();
	for (int i = 0; i < 200; i++) {
		struct store_entry entry;

		snprintf(domain, sizeof(domain), "d%d.example", i);
		entry = entry_of(domain, "1", 0);
		cr_assert_eq(sync_put(here, &entry), 0);
	}
	await_look();
	redis_server_tell(&server, "FLUSHALL");
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "state=lost"), 1);
	cr_expect_eq(lines_with(log_path, "it was emptied"), 1);
	cr_expect_eq(lines_with(log_path, "policies=200"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	for (int i = 0; i < 200; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		cr_expect_eq(sync_find(here, domain), 0, "%s", domain);
	}
}

/* A replica took over that did not have all. */
Test(store_redis_down, C_01_old_data_are_told_and_brought_up_to_date)
{
	struct store_entry old = entry_of("example.org", "1", 0);
	struct store_entry new = entry_of("example.net", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &old), 0);
	cr_assert_eq(sync_put(here, &new), 0);
	await_look();
	redis_server_tell(&server, "DEL %sexample.net", REDIS_KEY_PREFIX);
	redis_server_tell(&server, "SET dane-sts:1:changes 1");
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "state=lost"), 1);
	cr_expect_eq(lines_with(log_path, "old data"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	cr_expect_eq(sync_find(here, "example.net"), 0);
}

/* The server takes no writes: a replica is missing. */
static void
refuse_writes(bool refuse)
{
	redis_server_tell(&server, "CONFIG SET min-replicas-to-write %d",
	    refuse);
}

Test(store_redis_down, C_01_all_is_put_back_once_the_server_takes_writes,
    .timeout = 120)
{
	static const char *const domains[] = {"a.example", "b.example",
	    "c.example"};
	struct store_entry entry;

	NEEDS_SERVER();
	for (size_t i = 0; i < 3; i++) {
		entry = entry_of(domains[i], "1", 0);
		cr_assert_eq(sync_put(here, &entry), 0);
	}
	await_look();
	redis_server_tell(&server, "FLUSHALL");
	refuse_writes(true);
	await_look();
	await_look();
	cr_expect_eq(lines_with(log_path, "state=put-back"), 0);
	refuse_writes(false);
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "policies=3"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(sync_find(here, domains[i]), 0, "%s", domains[i]);
}

/* One that is never written hides no failure of the others. */
Test(store_redis_down, C_01_the_rest_is_put_back_beside_a_newer_record,
    .timeout = 120)
{
	struct store_entry newer = entry_of("a.example", "1", 0);
	struct store_entry lost = entry_of("b.example", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &newer), 0);
	cr_assert_eq(sync_put(here, &lost), 0);
	await_look();
	redis_server_tell(&server, "SETRANGE %sa.example 4 %b",
	    REDIS_KEY_PREFIX, "\x02", (size_t)1);
	redis_server_tell(&server, "DEL %sb.example", REDIS_KEY_PREFIX);
	redis_server_tell(&server, "SET dane-sts:1:changes 0");
	refuse_writes(true);
	await_look();
	await_look();
	refuse_writes(false);
	await(is_put_back);
	store_close(&here);
	here = redis_server_open(&server);
	cr_expect_eq(sync_find(here, "b.example"), 0);
	cr_expect_eq(sync_find(here, "a.example"), ERR_VERSION);
}

/* C-16: three quarters of its memory are in use. */
static void
crowd_server(void)
{
	redis_server_tell(&server, "SETRANGE filler 8388608 x");
	redis_server_tell(&server, "CONFIG SET maxmemory %lld",
	    redis_server_ask_integer(&server, "EVAL %s 0",
		"return math.floor(1.2 * tonumber(redis.call('INFO', "
		"'memory'):match('used_memory:(%d+)')))"));
}

/* A domain that has begun to require DNSSEC since this host has asked. */
Test(store_redis_down, C_01_copy_put_back_deletes_no_policy_of_another_host)
{
	struct store_entry weak = sync_entry("example.org", "1",
	    "version: STSv1\nmode: enforce\nmx: mx.example.org\n"
	    "max_age: 86400\n");
	struct store_entry strong = entry_of("example.org", "2", 10);
	struct store *there;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &weak), 0);
	there = redis_server_open(&server);
	cr_assert_eq(sync_put(there, &strong), 0);
	crowd_server();
	await_look();
	redis_server_tell(&server, "SET dane-sts:1:changes 0");
	await(is_put_back);
	expect_id_in(there, "example.org", "2", "there");
	expect_id("example.org", "2", "here");
	store_close(&there);
}

static bool
is_warned(void)
{
	return lines_with(log_path, "set noeviction") > 0;
}

Test(store_redis_down, C_01_server_that_would_drop_policies_is_warned_of)
{
	NEEDS_SERVER();
	redis_server_tell(&server, "CONFIG SET maxmemory 100mb");
	redis_server_tell(&server, "CONFIG SET maxmemory-policy allkeys-lru");
	await(is_warned);
	await_look();
	cr_expect_eq(lines_with(log_path, "set noeviction"), 1);
}

static bool
is_told_to_be_unbounded(void)
{
	return lines_with(log_path, "has no maxmemory") > 0;
}

Test(store_redis_down, C_16_server_without_a_limit_is_warned_of)
{
	NEEDS_SERVER();
	await_look();
	cr_expect_eq(lines_with(log_path, ""), 0);
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	await(is_told_to_be_unbounded);
	await_look();
	cr_expect_eq(lines_with(log_path, "has no maxmemory"), 1);
	cr_expect_eq(lines_with(log_path, "set noeviction"), 0);
}

static bool
is_lost(void)
{
	return lines_with(log_path, "state=lost") > 0;
}

Test(store_redis_down, C_01_keys_that_a_full_server_drops_are_told)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &entry), 0);
	await_look();
	redis_server_tell(&server, "CONFIG SET maxmemory-policy allkeys-lru");
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	await(is_lost);
	cr_expect_eq(lines_with(log_path, "drops keys") +
		lines_with(log_path, "was emptied"),
	    1);
}

/* --- slow ----------------------------------------------------------------- */

/* S-03: each call comes back while the server stands still. */
Test(store_redis_down, S_03_server_that_does_not_answer_holds_nobody_up)
{
	struct store_entry old = entry_of("example.org", "1", 0);
	struct store_entry new = entry_of("example.org", "2", 10);

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &old), 0);
	redis_server_pause(&server);
	expect_id("example.org", "1", "from the copy");
	cr_expect_eq(sync_find(here, "example.net"), ERR_DOWN);
	cr_expect_eq(sync_put(here, &new), ERR_DOWN);
	expect_id("example.org", "2", "from the copy");
	cr_expect_eq(lines_with(log_path, "no answer in time"), 1);
	redis_server_resume(&server);
	await(is_up_again);
	store_close(&here);
	here = redis_server_open(&server);
	expect_id("example.org", "2", "written");
}

Test(store_redis_down, S_03_server_that_does_not_answer_holds_no_start_up)
{
	char error[STORE_ERROR_SIZE] = "";

	NEEDS_SERVER();
	store_close(&here);
	redis_server_pause(&server);
	here = open_store(server.unix_path, error);
	cr_assert_not_null(here, "%s", error);
	cr_expect_eq(sync_find(here, "example.org"), ERR_DOWN);
	redis_server_resume(&server);
	await(is_up_again);
	cr_expect_eq(sync_find(here, "example.org"), ERR_NOTFOUND);
}

/* --- beside a slow answer ------------------------------------------------- */

/* Between a host and the server; holds up the commands on held.example. */
static struct proxy {
	char path[108];
	int listener;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t turn;
	bool holds;
	bool held; /* one has come */
} proxy = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};

static void
proxy_set(bool *flag, bool value)
{
	pthread_mutex_lock(&proxy.lock);
	*flag = value;
	pthread_cond_broadcast(&proxy.turn);
	pthread_mutex_unlock(&proxy.lock);
}

static void
proxy_wait_for(const bool *flag, bool value)
{
	pthread_mutex_lock(&proxy.lock);
	while (*flag != value)
		pthread_cond_wait(&proxy.turn, &proxy.lock);
	pthread_mutex_unlock(&proxy.lock);
}

static bool
proxy_holds(void)
{
	bool holds;

	pthread_mutex_lock(&proxy.lock);
	holds = proxy.holds;
	pthread_mutex_unlock(&proxy.lock);
	return holds;
}

/* One direction of a connection: from the first to the second. */
static void *
pump(void *arg)
{
	static const char key[] = REDIS_KEY_PREFIX "held.example";
	int *fd = arg;
	char text[4096];
	ssize_t n;

	while ((n = recv(fd[0], text, sizeof(text), 0)) > 0) {
		if (proxy_holds() &&
		    memmem(text, (size_t)n, key, strlen(key)) != NULL) {
			proxy_set(&proxy.held, true);
			proxy_wait_for(&proxy.holds, false);
		}
		if (send(fd[1], text, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	shutdown(fd[1], SHUT_RDWR);
	free(arg);
	return NULL;
}

static void
start_pump(int from, int to)
{
	int *fd = malloc(2 * sizeof(*fd));
	pthread_t thread;

	fd[0] = from;
	fd[1] = to;
	pthread_create(&thread, NULL, pump, fd);
	pthread_detach(thread);
}

static void *
proxy_accept(void *arg)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int from;
	int to;

	(void)arg;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", server.unix_path);
	while ((from = accept(proxy.listener, NULL, NULL)) != -1) {
		to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(to, (struct sockaddr *)&sun, sizeof(sun)) != 0)
			break;
		start_pump(from, to);
		start_pump(to, from);
	}
	return NULL;
}

static int
listen_at(const char *name, char path[108])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", server.dir, name);
	memcpy(path, sun.sun_path, sizeof(sun.sun_path));
	unlink(path);
	cr_assert_neq(listener, -1);
	cr_assert_eq(bind(listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_assert_eq(listen(listener, 64), 0);
	return listener;
}

/* C-01: who asks for a policy that only the server knows gets it while the
 * writer waits for what it is about to mark. */
Test(store_redis_down, C_01_reader_does_not_wait_for_the_reads_of_the_writer)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry held = entry_of("held.example", "1", 0);
	struct store_entry other = entry_of("other.example", "1", 0);
	char error[STORE_ERROR_SIZE] = "";
	pthread_t thread;
	struct store *there;

	NEEDS_SERVER();
	there = redis_server_open(&server);
	cr_assert_eq(sync_put(there, &held), 0);
	cr_assert_eq(sync_put(there, &other), 0);
	store_close(&there);
	store_close(&here);
	proxy.listener = listen_at("proxy", proxy.path);
	cr_assert_eq(pthread_create(&thread, NULL, proxy_accept, NULL), 0);
	here = open_store(proxy.path, error);
	cr_assert_not_null(here, "%s", error);
	proxy_set(&proxy.holds, true);
	cr_assert_eq(store_mark(here, "held.example", &tried, NULL, NULL), 0);
	proxy_wait_for(&proxy.held, true);
	cr_expect_eq(sync_find(here, "other.example"), 0);
	proxy_set(&proxy.holds, false);
}

/* --- full ----------------------------------------------------------------- */

Test(store_redis_down, full_server_is_read_and_written_when_it_has_room)
{
	struct store_entry old = entry_of("example.org", "1", 0);
	struct store_entry new = entry_of("example.org", "2", 10);
	struct store_entry other = entry_of("example.net", "1", 0);
	struct store *there;

	NEEDS_SERVER();
	cr_expect_eq(sync_put(here, &old), 0);
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	cr_expect_eq(sync_put(here, &new), ERR_FULL);
	cr_expect_eq(sync_put(here, &other), ERR_FULL);
	expect_id("example.org", "2", "counts here");
	there = redis_server_open(&server);
	cr_expect_eq(sync_find(there, "example.org"), 0,
	    "is read all the same");
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	store_close(&here);
	cr_expect_eq(sync_find(there, "example.net"), 0, "written");
	store_close(&there);
	cr_expect_eq(lines_with(log_path, "state=no-writes"), 1, "once");
	cr_expect_eq(lines_with(log_path, "OOM"), 1);
	cr_expect_eq(lines_with(log_path, "state=writes"), 1);
}

/* --- rights --------------------------------------------------------------- */

/* Refreshes of what the list lacks would stop, and an export be a part. */
Test(store_redis_down, C_11_list_that_the_server_refuses_is_an_error)
{
	struct store_entry mine = entry_of("example.org", "1", 0);
	struct store_entry theirs = entry_of("example.net", "1", 0);
	struct store *there;
	char list[64];

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &mine), 0);
	there = redis_server_open(&server);
	cr_assert_eq(sync_put(there, &theirs), 0);
	store_close(&there);
	redis_server_tell(&server, "ACL SETUSER default -scan");
	cr_expect_eq(sync_list(here, list, sizeof(list)), ERR_CONFIG);
	cr_expect_str_eq(list, "example.org ", "what is here is refreshed");
	redis_server_tell(&server, "ACL SETUSER default +scan");
	cr_expect_eq(sync_list(here, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.net example.org ");
}

static bool
news_are_refused(void)
{
	return lines_with(log_path, "warning store state=no-news") > 0;
}

static bool
news_come_again(void)
{
	return lines_with(log_path, "warning store state=news") > 0;
}

/* A user with the rights that earlier versions asked for goes on as before. */
Test(store_redis_down, server_without_the_right_to_subscribe_is_told_once)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	redis_server_tell(&server, "ACL SETUSER default -subscribe -publish");
	redis_server_tell(&server, "CLIENT KILL TYPE pubsub");
	await(news_are_refused);
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id("example.org", "1", "written");
	cr_expect_eq(lines_with(log_path, "A STORE FOR MANY HOSTS"), 1);
	redis_server_tell(&server, "ACL SETUSER default +subscribe +publish");
	redis_server_tell(&server, "CLIENT KILL TYPE normal");
	await(news_come_again);
	cr_expect_eq(lines_with(log_path, "state=no-news"), 1);
}

/* --- mad ------------------------------------------------------------------ */

/* Talks like a server until it is asked for a policy; then it says what it is
 * told to say, again and again, and never comes to an end. */
struct fake {
	char path[108];
	int listener;
	const char *says;
	pthread_t thread;
};

static bool
answer(int fd, const struct fake *fake, const char *request)
{
	const struct timespec nap = {0, 20000000};

	if (strstr(request, "TIME") != NULL)
		return send(fd, "-ERR\r\n", 6, MSG_NOSIGNAL) == 6;
	if (strstr(request, "dane-sts:format") != NULL)
		return send(fd, "$1\r\n1\r\n", 7, MSG_NOSIGNAL) == 7;
	while (send(fd, fake->says, strlen(fake->says), MSG_NOSIGNAL) > 0)
		nanosleep(&nap, NULL);
	return false;
}

static void *
serve(void *arg)
{
	int fd = (int)((intptr_t *)arg)[0];
	const struct fake *fake = (const struct fake *)((intptr_t *)arg)[1];
	char request[4096];
	ssize_t n;

	free(arg);
	while ((n = recv(fd, request, sizeof(request) - 1, 0)) > 0) {
		request[n] = '\0';
		if (!answer(fd, fake, request))
			break;
	}
	close(fd);
	return NULL;
}

static void *
accept_all(void *arg)
{
	const struct fake *fake = arg;
	pthread_t thread;
	int fd;

	while ((fd = accept(fake->listener, NULL, NULL)) != -1) {
		intptr_t *args = malloc(2 * sizeof(*args));

		args[0] = fd;
		args[1] = (intptr_t)fake;
		pthread_create(&thread, NULL, serve, args);
		pthread_detach(thread);
	}
	return NULL;
}

static void
fake_start(struct fake *fake, const char *says)
{
	fake->says = says;
	fake->listener = listen_at("fake", fake->path);
	cr_assert_eq(pthread_create(&fake->thread, NULL, accept_all, fake), 0);
}

static const char *const nonsense[] = {
    "x",                       /* no reply at all */
    "$100000\r\n",             /* a string that never ends */
    "$-1\r\n$-1\r\n",          /* answers that nobody asked for */
    "*1000000\r\n",            /* arrays in arrays */
    "*2\r\n$1\r\nx\r\n:1\r\n", /* of the wrong type */
    "$999999999999\r\n",
    "-LOADING dataset in memory\r\n",
};

/* S-03: also one that sends a little now and then, for ever. */
Test(store_redis_down, S_03_nonsense_is_no_policy_and_holds_nobody_up)
{
	static struct fake fakes[sizeof(nonsense) / sizeof(nonsense[0])];
	char error[STORE_ERROR_SIZE] = "";

	NEEDS_SERVER();
	store_close(&here);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		fake_start(&fakes[i], nonsense[i]);
		here = open_store(fakes[i].path, error);
		cr_assert_not_null(here, "%s", error);
		cr_expect_neq(sync_find(here, "example.org"), 0, "%s",
		    nonsense[i]);
		store_close(&here);
	}
}
