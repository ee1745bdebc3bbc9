/*
 * Many threads at one store, whose callbacks post to an event loop as the
 * engine's do: a plain program for ThreadSanitizer. Exit status 0: every
 * request was completed once, and what was put last is what is there.
 */
#include "autoconf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/loop.h"
#include "store/store.h"

#define WORKERS 8
#define ROUNDS  400
#define DOMAINS 50 /* of each worker */
#define LISTERS 2

struct bench {
	struct store *store;
	struct loop *loop;
	unsigned completed; /* the loop's thread only */
	atomic_uint posted;
	atomic_uint failed;
	atomic_bool over;
};

/* One request; goes to the loop when it is completed. */
struct job {
	struct loop_task task;
	struct bench *bench;
};

#define CHECK(what)                                                        \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #what);                                        \
			exit(1);                                           \
		}                                                          \
	} while (0)

static void
complete(struct loop_task *task)
{
	struct job *job =
	    (struct job *)(void *)((char *)task - offsetof(struct job, task));

	job->bench->completed++;
	free(job);
}

static void
on_done(void *arg, int err)
{
	struct job *job = arg;

	if (err != 0)
		atomic_fetch_add(&job->bench->failed, 1);
	loop_post(job->bench->loop, &job->task);
}

static void
on_got(void *arg, int err, const struct store_entry *entry)
{
	bool whole = entry != NULL && entry->len == sizeof(int64_t) &&
	    memcmp(entry->body, &entry->fetched_s, sizeof(int64_t)) == 0;

	if (err == ERR_NOTFOUND || whole)
		err = 0;
	on_done(arg, err);
}

static struct job *
new_job(struct bench *bench)
{
	struct job *job = malloc(sizeof(*job));

	CHECK(job != NULL);
	job->task.run = complete;
	job->bench = bench;
	atomic_fetch_add(&bench->posted, 1);
	return job;
}

/* --- threads -------------------------------------------------------------- */

static void
put(struct bench *bench, const char *domain, int64_t number)
{
	const struct store_entry entry = {
	    .domain = domain,
	    .id = "1",
	    .fetched_s = number,
	    .failure = "",
	    .body = (const uint8_t *)&number,
	    .len = sizeof(number),
	};

	CHECK(store_put(bench->store, &entry, on_done, new_job(bench)) == 0);
}

struct worker {
	struct bench *bench;
	unsigned number;
};

static void *
work(void *arg)
{
	const struct worker *w = arg;
	char own[64];
	char other[64];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(own, sizeof(own), "w%u.d%u.example", w->number,
		    i % DOMAINS);
		snprintf(other, sizeof(other), "w%u.d%u.example",
		    (w->number + 1) % WORKERS, i % DOMAINS);
		put(w->bench, own, i);
		CHECK(store_get(w->bench->store, other, on_got,
			  new_job(w->bench)) == 0);
		if (i % 7 == 0)
			CHECK(store_delete(w->bench->store, own, on_done,
				  new_job(w->bench)) == 0);
	}
	return NULL;
}

static bool
is_whole(void *arg, const struct store_entry *entry)
{
	unsigned *n = arg;

	CHECK(entry->len == sizeof(int64_t));
	CHECK(memcmp(entry->body, &entry->fetched_s, sizeof(int64_t)) == 0);
	++*n;
	return true;
}

static void *
list(void *arg)
{
	struct bench *bench = arg;
	unsigned n;

	while (!atomic_load(&bench->over)) {
		n = 0;
		CHECK(store_each(bench->store, is_whole, &n) == 0);
		CHECK(n <= WORKERS * DOMAINS);
		(void)store_count(bench->store);
	}
	return NULL;
}

static void
run_threads(struct bench *bench)
{
	pthread_t workers[WORKERS];
	pthread_t listers[LISTERS];
	struct worker worker[WORKERS];

	for (unsigned i = 0; i < LISTERS; i++)
		CHECK(pthread_create(&listers[i], NULL, list, bench) == 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){bench, i};
		CHECK(pthread_create(&workers[i], NULL, work, &worker[i]) == 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	atomic_store(&bench->over, true);
	for (unsigned i = 0; i < LISTERS; i++)
		pthread_join(listers[i], NULL);
}

/* --- stores --------------------------------------------------------------- */

/* Each worker's last puts of its domains, less what it deleted after them. */
static unsigned
expected(void)
{
	unsigned n = 0;

	for (unsigned i = ROUNDS - DOMAINS; i < ROUNDS; i++)
		n += i % 7 != 0;
	return n * WORKERS;
}

static bool
is_last(void *arg, const struct store_entry *entry)
{
	CHECK(entry->fetched_s >= ROUNDS - DOMAINS);
	return is_whole(arg, entry);
}

static void
try_store(const char *spec)
{
	struct bench bench = {.loop = loop_new()};
	char error[STORE_ERROR_SIZE] = "";
	unsigned n = 0;

	bench.store = store_open(&(struct store_options){.spec = spec}, error);
	if (bench.store == NULL)
		fprintf(stderr, "%s\n", error);
	CHECK(bench.loop != NULL && bench.store != NULL);
	CHECK(loop_start(bench.loop) == 0);
	run_threads(&bench);
	/* A put that comes last has all others before it. */
	put(&bench, "w0.d0.example", ROUNDS);
	CHECK(store_delete(bench.store, "w0.d0.example", on_done,
		  new_job(&bench)) == 0);
	store_close(&bench.store);
	loop_stop(bench.loop);
	CHECK(bench.completed == atomic_load(&bench.posted));
	CHECK(atomic_load(&bench.failed) == 0);
	loop_free(&bench.loop);
	if (strcmp(spec, "memory:") == 0)
		return;
	bench.store = store_open(&(struct store_options){.spec = spec,
				     .access = STORE_READ_ONLY},
	    error);
	CHECK(bench.store != NULL);
	CHECK(store_each(bench.store, is_last, &n) == 0);
	store_close(&bench.store);
	CHECK(n == expected());
}

int
main(void)
{
	char dir[] = "/tmp/dane-sts-threads.XXXXXX";
	char path[64];

	CHECK(mkdtemp(dir) != NULL);
	try_store("memory:");
	snprintf(path, sizeof(path), "lmdb:%s", dir);
	try_store(path);
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/policies.jsonl", dir);
	(void)unlink(path);
	CHECK(rmdir(dir) == 0);
	return 0;
}
