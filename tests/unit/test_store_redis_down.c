/*
 * The policy store on a Redis server that is slow, down, restarted, full or
 * mad. REQUIREMENTS C-01, C-09, D-20, S-03.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "redis_host.h"
#include "store/store_redis.h"
#include "store_sync.h"

TestSuite(store_redis_down, .timeout = 120, .init = redis_host_setup,
    .fini = redis_host_teardown);

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

static bool
is_down(void)
{
	return store_status(here).unreachable;
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
	await(is_down);
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

/* --- a long outage, quickly ----------------------------------------------- */

/* While it flies, a wait with a deadline ends at once, and the clock is then at
 * the deadline. */
static struct {
	atomic_bool flies;
	atomic_uint_least64_t ahead_ms;
	atomic_uint_least64_t longest_ms; /* of these waits */
	atomic_uint waits;
} clock_;

uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);
bool __real_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms);
bool __wrap_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms);

uint64_t
__wrap_clock_mono_us(void)
{
	return __real_clock_mono_us() + atomic_load(&clock_.ahead_ms) * 1000;
}

bool
__wrap_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms)
{
	uint64_t ahead_ms = atomic_load(&clock_.ahead_ms);
	uint64_t now_ms = clock_mono_ms();
	uint64_t wait_ms = mono_ms > now_ms ? mono_ms - now_ms : 0;

	/* The queues of the store wait without a deadline. */
	if (!atomic_load(&clock_.flies) || wait_ms > 60000)
		return __real_thread_wait_until(cond, lock,
		    mono_ms > ahead_ms ? mono_ms - ahead_ms : 0);
	if (wait_ms > atomic_load(&clock_.longest_ms))
		atomic_store(&clock_.longest_ms, wait_ms);
	atomic_fetch_add(&clock_.ahead_ms, wait_ms);
	atomic_fetch_add(&clock_.waits, 1);
	return false;
}

static bool
has_tried_often(void)
{
	return atomic_load(&clock_.waits) >= 20;
}

/* What is pending binds on this host alone until the server is found. */
Test(store_redis_down, C_01_lost_server_is_looked_for_every_second)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	redis_server_kill(&server);
	await(is_down);
	cr_expect_eq(sync_put(here, &entry), ERR_DOWN);
	atomic_store(&clock_.flies, true);
	await(has_tried_often);
	atomic_store(&clock_.flies, false);
	cr_expect_leq(atomic_load(&clock_.longest_ms), 1000U);
	redis_server_restart(&server);
	await(others_see_it);
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
