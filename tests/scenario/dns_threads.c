/*
 * Two loops with a resolver each, at work side by side: what the guard around
 * libunbound shares between threads must not be torn. A plain program, so that
 * ThreadSanitizer and valgrind can run it.
 */
#include "autoconf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "dns/dns.h"
#include "lab_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define THREADS      2
#define ROUNDS       3

static const struct {
	const char *name;
	enum fact_status status;
	const char *why; /* part of it */
} lookups[] = {
    {"secure.test",   FACT_SECURE,   ""        },
    {"many60.test",   FACT_SECURE,   ""        },
    {"unsigned.test", FACT_INSECURE, ""        },
    {"badmx.test",    FACT_BOGUS,    "badmx"   },
    {"expired.test",  FACT_BOGUS,    "expired" },
    {"lame.test",     FACT_FAILED,   "SERVFAIL"},
    {"gone.test",     FACT_SECURE,   ""        },
};

struct worker {
	pthread_t thread;
	const struct dns_config *config;
	size_t left;
	unsigned bad;
};

/* Each lookup knows its row and its worker. */
struct asked {
	struct worker *worker;
	size_t row;
};

static void
done(void *arg, const struct dns_answer *answer)
{
	struct asked *asked = arg;
	struct worker *worker = asked->worker;

	worker->left--;
	if (answer->status == lookups[asked->row].status &&
	    strstr(answer->why, lookups[asked->row].why) != NULL)
		return;
	worker->bad++;
	(void)fprintf(stderr, "%s: %s %s\n", lookups[asked->row].name,
	    fact_status_name(answer->status), answer->why);
}

static void
ask_all(struct worker *worker, struct event_base *base, struct dns *dns)
{
	struct asked asked[COUNT(lookups)];
	size_t i;

	for (i = 0; i < COUNT(lookups); i++) {
		asked[i].worker = worker;
		asked[i].row = i;
		worker->left++;
		if (dns_ask(dns, lookups[i].name, DNS_MX, done, &asked[i]) !=
		    0) {
			worker->left--;
			worker->bad++;
		}
	}
	while (worker->left > 0)
		(void)event_base_loop(base, EVLOOP_ONCE);
}

static void *
run(void *arg)
{
	struct worker *worker = arg;
	char error[DNS_ERROR_SIZE];
	struct event_base *base = event_base_new();
	struct dns *dns = NULL;
	int round;

	if (base == NULL)
		exit(1);
	for (round = 0; round < ROUNDS; round++) {
		dns = dns_new(worker->config, base, error);
		if (dns == NULL) {
			(void)fprintf(stderr, "%s\n", error);
			worker->bad++;
			break;
		}
		ask_all(worker, base, dns);
		ask_all(worker, base, dns); /* out of the cache */
		dns_free(&dns);
	}
	event_base_free(base);
	return NULL;
}

int
main(void)
{
	struct worker workers[THREADS];
	char *forwarder, *anchor, *fragment;
	const char *resolvers[1];
	struct dns_config config;
	unsigned bad = 0;
	size_t i;

	lab_start();
	forwarder = strdup(lab_info("forwarder"));
	anchor = strdup(lab_info("trust_anchor"));
	fragment = strdup(lab_info("conf_fragment"));
	resolvers[0] = forwarder;
	memset(&config, 0, sizeof(config));
	config.n_resolvers = 1;
	config.resolvers = resolvers;
	config.trust_anchor = anchor;
	config.unbound_conf = fragment;
	config.timeout_ms = 30000; /* instrumented programs are slow */
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.config = &config};
		if (pthread_create(&workers[i].thread, NULL, run,
			&workers[i]) != 0)
			exit(1);
	}
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		bad += workers[i].bad;
	}
	free(forwarder);
	free(anchor);
	free(fragment);
	lab_stop();
	return bad == 0 ? 0 : 1;
}
