/*
 * Stores on LMDB with few policies and with many: how long a lookup takes, how
 * long each takes to be opened, what it holds in memory and on disk.
 *
 *	store_scale DIRECTORY POLICIES...
 *
 * Lookups come one after the other, of names all over, in each store in turns,
 * so that whatever else the machine does hits all of them. One line for each:
 *
 *	policies=N open_ms=.. p50_us=.. p99_us=.. cpu_us=.. cpu_p99_us=..
 *	faults=.. anon_kb=.. file_octets=..
 *
 * faults: pages that had to be mapped, by the number of lookups.
 */
#include "autoconf.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "store/store.h"
#include "times.h"

#define AT_ONCE    4096
#define STORES_MAX 8
#define TURNS      20
#define LOOKUPS    2000 /* a turn */
/* Before any is counted: pages come into memory. */
#define WARM_UP 5000

struct scale {
	uint64_t policies;
	char directory[4096];
	struct store *store;
	uint64_t open_ns;
	uint64_t cpu_ns;
	long faults;
	long anon_kb;
	uint64_t n;         /* of the next name */
	struct times times; /* by the clock on the wall */
	struct times cpu;   /* by the processor's: nobody else's work in it */
};

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
look_up(struct scale *scale, unsigned lookups, bool count)
{
	char domain[NAME_SIZE];
	sem_t come;

	(void)sem_init(&come, 0, 0);
	for (unsigned i = 0; i < lookups; i++) {
		uint64_t start_ns, start_cpu_ns;

		scale->n =
		    scale->n * 6364136223846793005u + 1442695040888963407u;
		name_of((scale->n >> 33) % scale->policies, domain);
		start_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		start_ns = now_ns();
		if (store_get(scale->store, domain, got, &come) != 0)
			die("the queue is full");
		(void)sem_wait(&come);
		if (!count)
			continue;
		times_add(&scale->times, now_ns() - start_ns);
		times_add(&scale->cpu,
		    clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_ns);
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

/* --- the measurement --- */

/* A lookup is handed to the store's thread and back: whether both share a
 * processor makes it 6 us or 40, and would hide all else. */
static void
stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void
prepare(struct scale *scale, const char *parent, uint64_t policies)
{
	uint64_t start_ns;

	scale->policies = policies;
	scale->n = 1;
	(void)snprintf(scale->directory, sizeof(scale->directory),
	    "%.4000s/%" PRIu64, parent, policies);
	scale->store = open_store(scale->directory);
	fill(scale->store, 0, policies);
	store_close(&scale->store);
	start_ns = now_ns();
	scale->store = open_store(scale->directory);
	scale->open_ns = now_ns() - start_ns;
	scale->anon_kb = anon_kb();
	look_up(scale, WARM_UP, false);
}

static long
faults(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void
take_turn(struct scale *scale)
{
	uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	long faults_before = faults();

	look_up(scale, LOOKUPS, true);
	scale->cpu_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	scale->faults += faults() - faults_before;
}

static void
tell(struct scale *scale)
{
	char path[4096 + 16];
	struct stat status = {.st_blocks = 0};

	(void)snprintf(path, sizeof(path), "%s/data.mdb", scale->directory);
	(void)stat(path, &status);
	printf("policies=%" PRIu64 " open_ms=%.1f p50_us=%.1f p99_us=%.1f "
	       "cpu_us=%.2f cpu_p99_us=%.1f "
	       "faults=%.4f anon_kb=%ld file_octets=%lld\n",
	    scale->policies, (double)scale->open_ns / 1e6,
	    (double)times_quantile(&scale->times, 0.50) / 1000,
	    (double)times_quantile(&scale->times, 0.99) / 1000,
	    (double)scale->cpu_ns / 1000 / (TURNS * LOOKUPS),
	    (double)times_quantile(&scale->cpu, 0.99) / 1000,
	    (double)scale->faults / (TURNS * LOOKUPS), scale->anon_kb,
	    (long long)status.st_blocks * 512);
}

int
main(int argc, char **argv)
{
	static struct scale scales[STORES_MAX];
	const int n = argc - 2;

	if (n < 1 || n > STORES_MAX) {
		(void)fprintf(stderr,
		    "usage: store_scale DIRECTORY POLICIES...\n");
		return 64;
	}
	stay_on_one_processor();
	for (int i = 0; i < n; i++)
		prepare(&scales[i], argv[1], strtoull(argv[i + 2], NULL, 10));
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < n; i++)
			take_turn(&scales[i]);
	for (int i = 0; i < n; i++) {
		tell(&scales[i]);
		store_close(&scales[i].store);
	}
	return 0;
}
