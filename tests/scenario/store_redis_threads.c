/*
 * Two hosts at one redis-server that is killed, stopped and flushed under
 * them: a plain program for ThreadSanitizer. Exit status 0: every request was
 * completed once, none was answered with what was never put, and when the
 * server is back both hosts see the same.
 */
#include "autoconf.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store.h"

#define HOSTS   2
#define WORKERS 3 /* of each host */
#define ROUNDS  600
#define DOMAINS 20
#define BLOWS   6
#define SKIP    77

#define CHECK(what)                                                        \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #what);                                        \
			exit(1);                                           \
		}                                                          \
	} while (0)

static const char body[] = "version: STSv1\nmode: none\nmax_age: 86400\n";

/* --- the server ----------------------------------------------------------- */

struct server {
	char dir[64];
	char path[96];
	pid_t pid;
};

static void
run_server(const struct server *server)
{
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
	    server->path, "--save", "", "--appendonly", "no", "--dir",
	    server->dir, (char *)NULL);
	_exit(SKIP);
}

static void
start_server(struct server *server)
{
	server->pid = fork();
	CHECK(server->pid != -1);
	if (server->pid == 0)
		run_server(server);
}

static void
kill_server(struct server *server)
{
	kill(server->pid, SIGKILL);
	CHECK(waitpid(server->pid, NULL, 0) == server->pid);
}

static void
nap(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* The socket is there, or the program is not. */
static bool
await_server(const struct server *server)
{
	int status;

	while (access(server->path, F_OK) != 0) {
		if (waitpid(server->pid, &status, WNOHANG) == server->pid)
			return false;
		nap(5);
	}
	return true;
}

/* --- hosts ---------------------------------------------------------------- */

static atomic_uint posted;
static atomic_uint completed;
static atomic_uint reached; /* by an answer of the server's */
static atomic_bool over;

static void
on_got(void *arg, int err, const struct store_entry *entry)
{
	const char *domain = arg;

	CHECK(err == 0 || err == ERR_NOTFOUND || err == ERR_DOWN ||
	    err == ERR_IO);
	if (err == 0) {
		CHECK(strcmp(entry->domain, domain) == 0);
		CHECK(entry->len == sizeof(body) - 1);
		CHECK(memcmp(entry->body, body, entry->len) == 0);
	}
	atomic_fetch_add(&completed, 1);
}

static void
on_done(void *arg, int err)
{
	(void)arg;
	CHECK(err == 0 || err == ERR_NOTFOUND || err == ERR_DOWN ||
	    err == ERR_IO);
	if (err == 0)
		atomic_fetch_add(&reached, 1);
	atomic_fetch_add(&completed, 1);
}

static char domains[DOMAINS][32];

static void
put(struct store *store, const char *domain, int64_t fetched_s)
{
	const struct store_entry entry = {
	    .domain = domain,
	    .id = "1",
	    .fetched_s = fetched_s,
	    .failure = "",
	    .body = (const uint8_t *)body,
	    .len = sizeof(body) - 1,
	};

	atomic_fetch_add(&posted, 1);
	CHECK(store_put(store, &entry, on_done, NULL) == 0);
}

/* One request of many kinds; requests must not pile up beyond the queue. */
static void
request(struct store *store, unsigned i)
{
	const struct store_mark mark = {.used_s = time(NULL)};
	char *domain = domains[i % DOMAINS];

	if (i % 5 == 0) {
		put(store, domain, time(NULL));
		return;
	}
	atomic_fetch_add(&posted, 1);
	if (i % 11 == 0)
		CHECK(store_mark(store, domain, &mark, on_done, NULL) == 0);
	else if (i % 97 == 0)
		CHECK(store_delete(store, domain, on_done, NULL) == 0);
	else
		CHECK(store_get(store, domain, on_got, domain) == 0);
}

static void *
work(void *arg)
{
	struct store *store = arg;

	for (unsigned i = 0; i < ROUNDS || !atomic_load(&over); i++) {
		request(store, i);
		if (i % 16 == 0)
			nap(1);
		while (atomic_load(&posted) - atomic_load(&completed) > 1000)
			nap(1);
	}
	return NULL;
}

static bool
count_entry(void *arg, const struct store_entry *entry)
{
	unsigned *n = arg;

	CHECK(entry->len == sizeof(body) - 1);
	++*n;
	return true;
}

static void *
list(void *arg)
{
	while (!atomic_load(&over)) {
		unsigned n = 0;
		int err = store_each(arg, count_entry, &n);

		CHECK(err == 0 || err == ERR_IO || err == ERR_BUSY);
		CHECK(n <= DOMAINS);
		(void)store_count(arg);
		nap(5);
	}
	return NULL;
}

/* What happens to servers. */
static void
strike(struct server *server, unsigned i)
{
	if (i % 2 == 0) {
		kill_server(server);
		unlink(server->path);
		nap(50);
		start_server(server);
		CHECK(await_server(server));
	} else {
		kill(server->pid, SIGSTOP);
		nap(700); /* beyond what a read waits */
		kill(server->pid, SIGCONT);
	}
}

/* Until the server takes changes again, so that each blow strikes a server
 * that is in use. */
static void
await_use(void)
{
	unsigned before = atomic_load(&reached);

	while (atomic_load(&reached) < before + 10)
		nap(5);
}

static struct store *
open_host(const struct server *server)
{
	char error[STORE_ERROR_SIZE] = "";
	char spec[128];
	struct store *store;

	snprintf(spec, sizeof(spec), "redis+unix:%s", server->path);
	store = store_open(&(struct store_options){.spec = spec}, error);
	if (store == NULL)
		fprintf(stderr, "%s\n", error);
	CHECK(store != NULL);
	return store;
}

static void
run_hosts(struct server *server)
{
	struct store *host[HOSTS];
	pthread_t workers[HOSTS][WORKERS];
	pthread_t listers[HOSTS];

	for (unsigned h = 0; h < HOSTS; h++) {
		host[h] = open_host(server);
		CHECK(pthread_create(&listers[h], NULL, list, host[h]) == 0);
		for (unsigned w = 0; w < WORKERS; w++)
			CHECK(pthread_create(&workers[h][w], NULL, work,
				  host[h]) == 0);
	}
	for (unsigned i = 0; i < BLOWS; i++) {
		await_use();
		strike(server, i);
	}
	await_use();
	atomic_store(&over, true);
	for (unsigned h = 0; h < HOSTS; h++) {
		for (unsigned w = 0; w < WORKERS; w++)
			pthread_join(workers[h][w], NULL);
		pthread_join(listers[h], NULL);
	}
	for (unsigned h = 0; h < HOSTS; h++)
		store_close(&host[h]);
	CHECK(atomic_load(&posted) == atomic_load(&completed));
}

static void
compare_hosts(const struct server *server)
{
	struct store *one = open_host(server);
	struct store *other = open_host(server);
	unsigned n = 0;
	unsigned m = 0;

	for (unsigned i = 0; i < DOMAINS; i++)
		put(one, domains[i], time(NULL));
	store_close(&one); /* carries them out */
	one = open_host(server);
	CHECK(store_each(one, count_entry, &n) == 0);
	CHECK(store_each(other, count_entry, &m) == 0);
	CHECK(n == DOMAINS && m == DOMAINS);
	store_close(&one);
	store_close(&other);
}

int
main(void)
{
	struct server server = {.dir = "/tmp/dane-sts-redis.XXXXXX"};

	CHECK(mkdtemp(server.dir) != NULL);
	snprintf(server.path, sizeof(server.path), "%s/socket", server.dir);
	for (unsigned i = 0; i < DOMAINS; i++)
		snprintf(domains[i], sizeof(domains[i]), "d%u.example", i);
	start_server(&server);
	if (!await_server(&server)) {
		rmdir(server.dir);
		fprintf(stderr, "redis-server is not installed\n");
		return SKIP;
	}
	run_hosts(&server);
	compare_hosts(&server);
	kill_server(&server);
	unlink(server.path);
	CHECK(rmdir(server.dir) == 0);
	return 0;
}
