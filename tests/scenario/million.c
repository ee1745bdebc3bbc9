/*
 * Memory with a million of everything: a million policies are put into an LMDB
 * store, then a million distinct domains are asked about: some bound by those
 * policies, some without any, some whose policy host fails. DNS and policy
 * hosts are scripted; store, loops and engine are the real ones. `make torture`
 * runs it.
 *
 *	million [DOMAINS]
 *
 * A plain program: prints what it measured; exit status 0: within bounds.
 */
#include "autoconf.h"

#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "dns/dns.h"
#include "engine/ask.h"
#include "engine/cache.h"
#include "engine/engine_impl.h"
#include "engine/refresh.h"
#include "fetch/fetch.h"
#include "store/store.h"

#define MILLION     1000000
#define ASKERS      32
#define WRITES_MAX  4096
#define DEADLINE_MS 60000

/* Kilobytes of memory that is not the mapped file. */
#define STORE_RSS_MAX_KB  (64 << 10)
#define ENGINE_RSS_MAX_KB ((long)(2 * CACHE_OCTETS_MAX >> 10))

static const char policy[] = "version: STSv1\nmode: enforce\nmx: mx.example\n"
			     "max_age: 864000\ndnssec: yes\n";

/* Domain n is of kind n % 4. Every domain has a stored policy below
 * stored.example. */
enum kind {
	KIND_SECURE, /* stored */
	KIND_FORGED, /* stored */
	KIND_PLAIN,
	KIND_FAILING, /* a TXT record, and a policy host that is down */
	KINDS
};

static const struct {
	const char *suffix;
	enum verdict_kind verdict;
} kinds[KINDS] = {
    [KIND_SECURE] = {"secure.stored.example", VERDICT_PASS },
    [KIND_FORGED] = {"forged.stored.example", VERDICT_DEFER},
    [KIND_PLAIN] = {"plain.example",         VERDICT_PASS },
    [KIND_FAILING] = {"failing.example",       VERDICT_PASS },
};

static unsigned n_domains = MILLION;

#define CHECK(what)                                                        \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #what);                                        \
			exit(1);                                           \
		}                                                          \
	} while (0)

/* --- measuring ------------------------------------------------------------ */

/* A line of proc_pid_status(5) in kilobytes. */
static long
memory_kb(const char *field)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, field, strlen(field)) == 0)
			kb = strtol(line + strlen(field), NULL, 10);
	}
	(void)fclose(f);
	CHECK(kb >= 0);
	return kb;
}

static void
report(const char *what, uint64_t began_ms)
{
	printf("%-30s %6.1f s  RssAnon %7ld kB  RssFile %7ld kB\n", what,
	    (double)(clock_mono_ms() - began_ms) / 1000, memory_kb("RssAnon:"),
	    memory_kb("RssFile:"));
	(void)fflush(stdout);
}

/* --- answers that come on the next turn of the loop ----------------------- */

struct later {
	struct later *next;
	union {
		dns_done_fn *dns;
		fetch_done_fn *fetch;
	} done;
	void *arg;
	enum dns_type type;
	char name[NAME_SIZE];
};

/* What a resolver and a fetcher are here. */
struct source {
	struct event *event;
	void (*run)(const struct later *later, bool cancelled);
	struct later *first;
};

static void
deliver(struct source *source, bool cancelled)
{
	struct later *later = source->first;
	struct later *next;

	source->first = NULL;
	for (; later != NULL; later = next) {
		next = later->next;
		source->run(later, cancelled);
		free(later);
	}
}

static void
due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deliver(arg, false);
}

static struct later *
later_new(struct source *source, const char *name, void *arg)
{
	struct later *later = calloc(1, sizeof(*later));

	CHECK(later != NULL);
	later->arg = arg;
	(void)snprintf(later->name, sizeof(later->name), "%s", name);
	later->next = source->first;
	source->first = later;
	event_active(source->event, EV_TIMEOUT, 0);
	return later;
}

static struct source *
source_new(struct event_base *base,
    void (*run)(const struct later *later, bool cancelled))
{
	struct source *source = calloc(1, sizeof(*source));

	CHECK(source != NULL);
	source->run = run;
	source->event = event_new(base, -1, 0, due, source);
	CHECK(source->event != NULL);
	return source;
}

static void
source_free(struct source *source)
{
	deliver(source, true);
	event_free(source->event);
	free(source);
}

/* --- dns/dns.h ------------------------------------------------------------- */

struct dns {
	struct source source; /* the one member */
};

static bool
is(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static void
answer_mx(const char *name, struct dns_record *record,
    struct dns_answer *answer)
{
	record->name = "mx.secure.example";
	if (!is(name, "forged"))
		return;
	answer->status = FACT_BOGUS;
	answer->answer = ANSWER_EMPTY;
	answer->n = 0;
	(void)snprintf(answer->why, sizeof(answer->why), "no signature");
}

static void
dns_due(const struct later *later, bool cancelled)
{
	static const uint8_t txt[] = {13, 'v', '=', 'S', 'T', 'S', 'v', '1',
	    ';', 'i', 'd', '=', '1', ';'};
	static const uint8_t address[16] = {192, 0, 2, 1};
	struct dns_record record = {.data = address, .len = 4};
	struct dns_answer answer = {.status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .ttl_s = 3600,
	    .n = 1,
	    .records = &record};

	switch (later->type) {
	case DNS_TXT:
		record.data = txt;
		record.len = sizeof(txt);
		if (is(later->name, "plain")) {
			answer.answer = ANSWER_NXDOMAIN;
			answer.n = 0;
		}
		break;
	case DNS_MX:
		answer_mx(later->name, &record, &answer);
		break;
	case DNS_AAAA:
		record.len = 16;
		break;
	case DNS_TLSA:
		answer.answer = ANSWER_NXDOMAIN;
		answer.n = 0;
		break;
	case DNS_A:
	case DNS_DS:
	case DNS_DNSKEY:
		break;
	}
	if (cancelled)
		answer = (struct dns_answer){.status = FACT_FAILED,
		    .why = "cancelled"};
	later->done.dns(later->arg, &answer);
}

int
dns_ask(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct later *later = later_new(&dns->source, name, arg);

	later->type = type;
	later->done.dns = done;
	return 0;
}

int
dns_ask_discovery(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	return dns_ask(dns, name, type, done, arg);
}

bool
dns_is_forwarding(const struct dns *dns)
{
	(void)dns;
	return false;
}

const char *
dns_type_name(enum dns_type type)
{
	return type == DNS_A ? "A" : "AAAA";
}

int
dns_root_key_missing(const struct dns *dns, const struct dns_answer *keys)
{
	(void)dns;
	(void)keys;
	return -1;
}

size_t
dns_pending(const struct dns *dns)
{
	(void)dns;
	return 0;
}

struct dns *
dns_new(const struct dns_config *config, struct event_base *base,
    char error[DNS_ERROR_SIZE])
{
	(void)config;
	(void)error;
	return (struct dns *)source_new(base, dns_due);
}

void
dns_free(struct dns **dns)
{
	source_free(&(*dns)->source);
	*dns = NULL;
}

/* --- fetch/fetch.h ----------------------------------------------------------- */

struct fetcher {
	struct source source; /* the one member */
};

static void
fetch_due(const struct later *later, bool cancelled)
{
	struct fetch_result result = {.failure = cancelled
		? FETCH_FAILURE_CANCELLED
		: FETCH_FAILURE_ADDRESS};

	later->done.fetch(later->arg, &result);
}

int
fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg)
{
	(void)addresses;
	(void)urgent;
	(void)n;
	later_new(&fetcher->source, host, arg)->done.fetch = done;
	return 0;
}

struct fetcher *
fetcher_new(const struct fetch_config *config, struct event_base *base,
    char error[FETCH_ERROR_SIZE])
{
	(void)config;
	(void)error;
	return (struct fetcher *)source_new(base, fetch_due);
}

void
fetcher_free(struct fetcher **fetcher)
{
	source_free(&(*fetcher)->source);
	*fetcher = NULL;
}

const char *
fetch_failure_tlsrpt(enum fetch_failure failure)
{
	(void)failure;
	return "";
}

/* --- a million stored ----------------------------------------------------- */

static atomic_uint failed;

static void
put_done(void *arg, int err)
{
	if (err != 0)
		atomic_fetch_add(&failed, 1);
	(void)sem_post(arg);
}

static void
put(struct store *store, unsigned n, sem_t *room)
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

	(void)snprintf(domain, sizeof(domain), "d%u.%s.stored.example", n,
	    n % KINDS == KIND_FORGED ? "forged" : "secure");
	CHECK(sem_wait(room) == 0);
	CHECK(store_put(store, &entry, put_done, room) == 0);
}

static void
fill(struct store *store)
{
	uint64_t began_ms = clock_mono_ms();
	sem_t room;

	CHECK(sem_init(&room, 0, WRITES_MAX) == 0);
	for (unsigned n = 0; n < n_domains; n++)
		put(store, n, &room);
	for (unsigned i = 0; i < WRITES_MAX; i++)
		CHECK(sem_wait(&room) == 0);
	(void)sem_destroy(&room);
	CHECK(atomic_load(&failed) == 0);
	CHECK(store_count(store) >= n_domains);
	report("policies stored", began_ms);
	CHECK(memory_kb("RssAnon:") <= STORE_RSS_MAX_KB);
}

/* --- a million asked ------------------------------------------------------ */

static struct engine *engine;
static atomic_uint next, wrong;
static atomic_size_t entries_max, octets_max;

static void
raise_to(atomic_size_t *highest, size_t value)
{
	size_t seen = atomic_load(highest);

	while (value > seen &&
	    !atomic_compare_exchange_weak(highest, &seen, value))
		continue;
}

static void
ask_one(unsigned n)
{
	struct target target = {.port = SCOPE_PORT_SMTP};
	const struct answer *answer;
	bool cached;

	(void)snprintf(target.domain, sizeof(target.domain), "d%u.%s", n,
	    kinds[n % KINDS].suffix);
	answer =
	    ask_wait(engine, &target, clock_mono_ms() + DEADLINE_MS, NULL, &cached);
	if (answer == NULL ||
	    answer->verdict.kind != kinds[n % KINDS].verdict || cached) {
		(void)fprintf(stderr, "%s: %s\n", target.domain,
		    answer != NULL ? reason_name(answer->verdict.reason)
				   : "no answer");
		atomic_fetch_add(&wrong, 1);
	}
	answer_unref(&answer);
}

static void *
asker(void *arg)
{
	unsigned n;

	(void)arg;
	while ((n = atomic_fetch_add(&next, 1)) < n_domains &&
	    atomic_load(&wrong) < 10) {
		ask_one(n);
		if (n % 1000 != 0)
			continue;
		raise_to(&entries_max, cache_size(engine->cache).entries);
		raise_to(&octets_max, cache_size(engine->cache).octets);
	}
	return NULL;
}

static void
ask_all(void)
{
	uint64_t began_ms = clock_mono_ms();
	pthread_t askers[ASKERS];

	for (unsigned i = 0; i < ASKERS; i++)
		CHECK(pthread_create(&askers[i], NULL, asker, NULL) == 0);
	for (unsigned i = 0; i < ASKERS; i++)
		(void)pthread_join(askers[i], NULL);
	report("domains asked", began_ms);
	printf("verdict cache: at most %zu entries of %d, %zu octets of %zu\n",
	    atomic_load(&entries_max), CACHE_ENTRIES_MAX,
	    atomic_load(&octets_max), CACHE_OCTETS_MAX);
	CHECK(atomic_load(&wrong) == 0);
	CHECK(atomic_load(&entries_max) <= CACHE_ENTRIES_MAX);
	CHECK(atomic_load(&octets_max) <= CACHE_OCTETS_MAX);
	CHECK(memory_kb("RssAnon:") <= ENGINE_RSS_MAX_KB);
}

/* --- the run -------------------------------------------------------------- */

static void
run(struct store *store)
{
	const struct config config = {
	    .loops = 2,
	    .verdict_ttl_max_ms = 3600000,
	    .fetch_backoff_ms = 300000,
	    .refresh_interval_ms = 86400000,
	};
	char error[ENGINE_ERROR_SIZE];
	struct refresher *refresher;

	engine = engine_new(&config, store, NULL, error);
	CHECK(engine != NULL);
	refresher = refresher_new(&config, engine, store, NULL);
	ask_all();
	refresher_free(&refresher);
	engine_free(&engine);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char dir[4096], spec[4200], error[STORE_ERROR_SIZE];
	struct store_options options = {.spec = spec};
	struct store *store;

	if (argc > 1)
		n_domains = (unsigned)strtoul(argv[1], NULL, 10);
	(void)snprintf(dir, sizeof(dir), "%s/dane-sts-million.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	store = store_open(&options, error);
	CHECK(store != NULL);
	printf("%u policies, %u domains\n", n_domains, n_domains);
	fill(store);
	run(store);
	store_close(&store);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : 1;
}
