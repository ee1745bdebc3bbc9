/*
 * A store on LMDB with some policies, then with more: how long a lookup takes,
 * how long it takes to be opened, what it holds in memory and on disk.
 *
 *	store_scale DIRECTORY POLICIES...	in rising order
 *
 * One line for each number: lookups one after the other, of names all over.
 *
 *	policies=N open_ms=.. cpu_us=.. p50_us=.. p99_us=.. anon_kb=..
 *	file_octets=..
 */
#include "autoconf.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "io/store.h"
#include "times.h"

#define AT_ONCE 4096
#define LOOKUPS 40000
/* Before any is counted: pages come into memory. */
#define WARM_UP 5000

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: *.mail.example\nmax_age: 864000\n"
			     "dnssec: yes\n";

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "store_scale: %s\n", what);
	exit(1);
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void
name_of(uint64_t n, char out[NAME_SIZE])
{
	(void)snprintf(out, NAME_SIZE, "d%" PRIu64 ".stored.example", n);
}

static void
put_done(void *arg, int err)
{
	if (err != 0)
		die("a policy was not stored");
	(void)sem_post(arg);
}

static void
fill(struct store *store, uint64_t from, uint64_t to)
{
	char domain[NAME_SIZE];
	const struct store_entry entry = {
	    .domain = domain,
	    .id = "1",
	    .fetched_s = (int64_t)time(NULL),
	    .used_s = (int64_t)time(NULL),
	    .failure = "",
	    .body = (const uint8_t *)policy,
	    .len = sizeof(policy) - 1,
	};
	sem_t room;

	(void)sem_init(&room, 0, AT_ONCE);
	for (uint64_t n = from; n < to; n++) {
		name_of(n, domain);
		(void)sem_wait(&room);
		if (store_put(store, &entry, put_done, &room) != 0)
			die("the queue is full");
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		(void)sem_wait(&room);
	(void)sem_destroy(&room);
}

static void
got(void *arg, int err, const struct store_entry *entry)
{
	if (err != 0 || entry->len != sizeof(policy) - 1)
		die("a policy was not found");
	(void)sem_post(arg);
}

static void
look_up(struct store *store, uint64_t policies, struct times *times)
{
	char domain[NAME_SIZE];
	uint64_t n = 1;
	sem_t come;

	(void)sem_init(&come, 0, 0);
	for (unsigned i = 0; i < WARM_UP + LOOKUPS; i++) {
		uint64_t start_ns;

		n = n * 6364136223846793005u + 1442695040888963407u;
		name_of((n >> 33) % policies, domain);
		start_ns = now_ns();
		if (store_get(store, domain, got, &come) != 0)
			die("the queue is full");
		(void)sem_wait(&come);
		if (i >= WARM_UP)
			times_add(times, now_ns() - start_ns);
	}
	(void)sem_destroy(&come);
}

static long
anon_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *file = fopen("/proc/self/status", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0)
			kb = strtol(line + 8, NULL, 10);
	if (file != NULL)
		(void)fclose(file);
	return kb;
}

static struct store *
open_store(const char *directory)
{
	char spec[4096];
	char error[STORE_ERROR_SIZE];
	const struct store_options options = {.spec = spec};
	struct store *store;

	(void)snprintf(spec, sizeof(spec), "lmdb:%s", directory);
	store = store_open(&options, error);
	if (store == NULL)
		die(error);
	return store;
}

static void
measure(const char *directory, uint64_t from, uint64_t to)
{
	static struct times times;
	struct store *store = open_store(directory);
	char path[4096];
	struct stat status = {.st_blocks = 0};
	uint64_t start_ns, open_ns, cpu_ns;

	fill(store, from, to);
	store_close(&store);
	start_ns = now_ns();
	store = open_store(directory);
	open_ns = now_ns() - start_ns;
	memset(&times, 0, sizeof(times));
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	look_up(store, to, &times);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	(void)snprintf(path, sizeof(path), "%s/data.mdb", directory);
	(void)stat(path, &status);
	printf("policies=%" PRIu64
	       " open_ms=%.1f cpu_us=%.2f p50_us=%.1f p99_us=%.1f "
	       "anon_kb=%ld file_octets=%lld\n",
	    to, (double)open_ns / 1e6,
	    (double)cpu_ns / 1000 / (WARM_UP + LOOKUPS),
	    (double)times_quantile(&times, 0.50) / 1000,
	    (double)times_quantile(&times, 0.99) / 1000, anon_kb(),
	    (long long)status.st_blocks * 512);
	(void)fflush(stdout);
	store_close(&store);
}

int
main(int argc, char **argv)
{
	uint64_t have = 0;

	if (argc < 3) {
		(void)fprintf(stderr,
		    "usage: store_scale DIRECTORY POLICIES...\n");
		return 64;
	}
	for (int i = 2; i < argc; i++) {
		uint64_t want = strtoull(argv[i], NULL, 10);

		if (want <= have)
			die("the numbers must rise");
		measure(argv[1], have, want);
		have = want;
	}
	return 0;
}
