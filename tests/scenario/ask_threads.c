/*
 * Many threads ask, loops answer late and in any order, and the configuration
 * is reloaded all the while: for ThreadSanitizer, and for what must hold
 * whatever the order is. DNS and policy hosts are scripted here; loops, store
 * and engine are the real ones. A plain program: exit status 0 is success.
 */
#include "autoconf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "dns/dns.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "fetch/fetch.h"
#include "store/store.h"

#define ASKERS       8
#define ASKS         400
#define RELOADS      20
#define DELAY_MAX_US 3000

static const char policy[] = "version: STSv1\nmode: enforce\nmx: mx.example\n"
			     "max_age: 86400\ndnssec: yes\n";

/* The first label says what the domain is like. */
static const struct {
	const char *suffix;
	enum verdict_kind verdict;
} kinds[] = {
    {"secure.example", VERDICT_PASS },
    {"forged.example", VERDICT_DEFER},
    {"plain.example",  VERDICT_PASS },
};

/* --- delays ------------------------------------------------------------- */

struct later {
	LIST_ENTRY(later) link;
	struct event *event;
	void (*run)(struct later *later, bool cancelled);
	union {
		dns_done_fn *dns;
		fetch_done_fn *fetch;
	} done;
	void *arg;
	enum dns_type type;
	char name[NAME_SIZE];
};

/* What a resolver and a fetcher are here: answers that are to come. */
struct source {
	struct event_base *base;
	LIST_HEAD(, later) laters;
};

static void
end(struct later *later, bool cancelled)
{
	LIST_REMOVE(later, link);
	event_free(later->event);
	later->run(later, cancelled);
	free(later);
}

static void
due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end(arg, false);
}

static struct later *
later_new(struct source *source, const char *name, void *arg)
{
	struct later *later = calloc(1, sizeof(*later));
	struct timeval tv = {.tv_usec = random() % DELAY_MAX_US};

	if (later == NULL)
		abort();
	later->event = event_new(source->base, -1, 0, due, later);
	if (later->event == NULL || event_add(later->event, &tv) != 0)
		abort();
	later->arg = arg;
	(void)snprintf(later->name, sizeof(later->name), "%s", name);
	LIST_INSERT_HEAD(&source->laters, later, link);
	return later;
}

static struct source *
source_new(struct event_base *base)
{
	struct source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		abort();
	source->base = base;
	return source;
}

static void
source_free(struct source *source)
{
	while (!LIST_EMPTY(&source->laters))
		end(LIST_FIRST(&source->laters), true);
	free(source);
}

/* --- dns/dns.h ----------------------------------------------------------- */

struct dns {
	struct source source; /* the one member */
};

static bool
is(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static void
dns_due(struct later *later, bool cancelled)
{
	static const uint8_t txt[] = "\x10v=STSv1; id=1234;";
	static const uint8_t address[16] = {192, 0, 2, 1};
	struct dns_record record = {.data = address, .len = 4};
	struct dns_answer answer = {.status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .ttl_s = 1,
	    .n = 1,
	    .records = &record};
	uint8_t rdata[sizeof(txt)];

	memcpy(rdata, txt, sizeof(txt));
	rdata[0] = sizeof(txt) - 2;
	switch (later->type) {
	case DNS_TXT:
		record.data = rdata;
		record.len = sizeof(rdata) - 1;
		if (is(later->name, "plain")) {
			answer.answer = ANSWER_NXDOMAIN;
			answer.n = 0;
		}
		break;
	case DNS_MX:
		record.name = is(later->name, "forged") ? "mx.forged.example"
							: "mx.secure.example";
		if (is(later->name, "forged")) {
			answer.status = FACT_BOGUS;
			answer.answer = ANSWER_EMPTY;
			answer.ttl_s = 0;
			answer.n = 0;
			(void)snprintf(answer.why, sizeof(answer.why),
			    "no signature");
		}
		break;
	case DNS_AAAA:
		record.len = 16;
		break;
	case DNS_A:
	case DNS_DS:
	case DNS_DNSKEY:
	case DNS_TLSA:
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

	later->run = dns_due;
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
	return true;
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
	return (struct dns *)source_new(base);
}

void
dns_free(struct dns **dns)
{
	source_free(&(*dns)->source);
	*dns = NULL;
}

/* --- fetch/fetch.h ---------------------------------------------------------
 */

struct fetcher {
	struct source source; /* the one member */
};

static void
fetch_due(struct later *later, bool cancelled)
{
	struct fetch_result result = {.body = (const uint8_t *)policy,
	    .len = sizeof(policy) - 1};

	if (cancelled)
		result.failure = FETCH_FAILURE_CANCELLED;
	later->done.fetch(later->arg, &result);
}

int
fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg)
{
	struct later *later = later_new(&fetcher->source, host, arg);

	(void)addresses;
	(void)urgent;
	(void)n;
	later->run = fetch_due;
	later->done.fetch = done;
	return 0;
}

struct fetcher *
fetcher_new(const struct fetch_config *config, struct event_base *base,
    char error[FETCH_ERROR_SIZE])
{
	(void)config;
	(void)error;
	return (struct fetcher *)source_new(base);
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

/* --- the run ------------------------------------------------------------ */

static struct engine *engine;
static atomic_uint wrong;

static void
ask_one(unsigned n)
{
	size_t kind = n % (sizeof(kinds) / sizeof(kinds[0]));
	struct target target = {.port = SCOPE_PORT_SMTP};
	const struct answer *answer;
	bool cached;

	(void)snprintf(target.domain, sizeof(target.domain), "d%u.%s", n % 20,
	    kinds[kind].suffix);
	answer =
	    ask_wait(engine, &target, clock_mono_ms() + 20000, NULL, &cached);
	if (answer == NULL || answer->verdict.kind != kinds[kind].verdict) {
		(void)fprintf(stderr, "%s: wrong verdict %s\n", target.domain,
		    answer != NULL ? reason_name(answer->verdict.reason)
				   : "none");
		atomic_fetch_add(&wrong, 1);
	}
	answer_unref(&answer);
}

static void *
asker(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (unsigned i = 0; i < ASKS; i++)
		ask_one((unsigned)rand_r(&seed));
	return NULL;
}

static void *
reloader(void *arg)
{
	struct config *config = arg;
	char error[ENGINE_ERROR_SIZE];

	for (unsigned i = 0; i < RELOADS; i++)
		if (engine_reload(engine, config, error) != 0)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

static void
run(struct config *config)
{
	pthread_t askers[ASKERS], other;
	unsigned seeds[ASKERS];

	for (unsigned i = 0; i < ASKERS; i++) {
		seeds[i] = i + 1;
		if (pthread_create(&askers[i], NULL, asker, &seeds[i]) != 0)
			abort();
	}
	if (pthread_create(&other, NULL, reloader, config) != 0)
		abort();
	for (unsigned i = 0; i < ASKERS; i++)
		(void)pthread_join(askers[i], NULL);
	(void)pthread_join(other, NULL);
}

int
main(void)
{
	struct config config = {
	    .loops = 3,
	    .verdict_ttl_max_ms = 20,
	    .fetch_backoff_ms = 300000,
	    .refresh_interval_ms = 1000,
	};
	const struct store_options options = {.spec = "memory:"};
	char error[STORE_ERROR_SIZE + ENGINE_ERROR_SIZE];
	struct store *store = store_open(&options, error);
	struct refresher *refresher;

	if (store == NULL)
		return 1;
	engine = engine_new(&config, store, NULL, error);
	if (engine == NULL)
		return 1;
	refresher = refresher_new(&config, engine, store, NULL);
	run(&config);
	refresher_free(&refresher);
	engine_free(&engine);
	store_close(&store);
	return atomic_load(&wrong) == 0 ? 0 : 1;
}
