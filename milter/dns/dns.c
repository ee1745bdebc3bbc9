/*
 * A lookup goes through three places:
 *
 *	dns_ask ---> pending ---> finished ---> done() by the wake event
 *
 * getdns calls back inside its own functions, also inside getdns_general when
 * the answer is in its cache. So a callback only reads the answer and moves
 * the lookup on; the caller's done() runs from the event loop, where it may
 * ask again and where nothing of getdns is on the stack.
 *
 * libunbound cannot be told to forget an answer, but a context has its own
 * cache. So a struct dns replaces its context when the context has lived long
 * enough, or uses a new one for every lookup. An old context is closed after
 * its last lookup.
 */
#include "autoconf.h"

#include "dns/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/dns_internal.h"
#include "log/metrics.h"

struct dns_lookup {
	TAILQ_ENTRY(dns_lookup) entry;
	struct dns *dns;
	struct dns_context *context;
	enum dns_reading reading;
	char name[NAME_SIZE];
	enum dns_type type;
	getdns_transaction_t id;
	struct dns_answer *answer; /* finished; NULL then: no memory */
	bool finished;
	uint64_t begun_us;
	dns_done_fn *done;
	void *arg;
};

TAILQ_HEAD(lookup_list, dns_lookup);

struct dns {
	struct event_base *base;
	struct event *wake;
	struct dns_setup *setup;
	dns_ask_fn *ask;
	struct dns_context *current; /* NULL: the next lookup opens one */
	struct lookup_list pending;
	struct lookup_list finished;
	struct metrics *metrics;
	size_t n;
	bool closing;
};

static const struct {
	enum dns_type type;
	const char *name;
} type_names[] = {
#define X(member, value, name) {member, name},
    DNS_TYPE_TABLE(X)
#undef X
};

#define N_TYPES (sizeof(type_names) / sizeof(type_names[0]))

size_t
dns_type_row(enum dns_type type)
{
	size_t i = 0;

	while (i < N_TYPES && type_names[i].type != type)
		i++;
	return i;
}

const char *
dns_type_name(enum dns_type type)
{
	size_t row = dns_type_row(type);

	return row < N_TYPES ? type_names[row].name : "?";
}

/* --- from getdns's callback to an answer -------------------------------- */

static struct dns_answer *
failed_lookup(const struct dns_lookup *lookup,
    const struct dns_guard_outcome *outcome)
{
	const char *connection = lookup->context->tls.why;
	const char *code;
	char why[DNS_WHY_SIZE];

	/* With DNS over TLS the connection may be the reason. */
	if (outcome == NULL)
		return dns_reply_none(FACT_FAILED,
		    connection[0] != '\0' ? connection : "no answer");
	code = dns_rcode_name((unsigned)outcome->rcode);
	(void)snprintf(why, sizeof(why), "%.32s%s%.200s",
	    code != NULL ? code : "no answer",
	    outcome->why[0] != '\0' ? ": " : "", outcome->why);
	return dns_reply_none(FACT_FAILED, why);
}

static struct dns_answer *
bogus_answer(const struct dns_lookup *lookup, const getdns_dict *response,
    const struct dns_guard_outcome *outcome)
{
	const char *why =
	    outcome->why[0] != '\0' ? outcome->why : "validation failed";
	struct dns_answer *answer;
	getdns_dict *reply;

	if (lookup->reading != DNS_READ_DISCOVERY || response == NULL ||
	    getdns_dict_get_dict(response, "/replies_tree/0", &reply) !=
		GETDNS_RETURN_GOOD)
		return dns_reply_none(FACT_BOGUS, why);
	answer = dns_reply_read(reply, lookup->name, lookup->type);
	if (answer == NULL)
		return NULL;
	answer->status = FACT_BOGUS;
	answer->sig_expires_s = 0;
	answer->unsigned_zone = false;
	(void)snprintf(answer->why, sizeof(answer->why), "%s", why);
	return answer;
}

/* A packet counts only with libunbound's verdict on it (dns_guard.h). */
static struct dns_answer *
read_response(const struct dns_lookup *lookup, const getdns_dict *response,
    const struct dns_guard_outcome *outcome)
{
	bool guarded = lookup->context->guarded;
	struct dns_answer *answer;
	getdns_dict *reply;

	if (guarded && outcome == NULL)
		return dns_reply_none(FACT_FAILED,
		    "an answer that passed by the guard");
	if (getdns_dict_get_dict(response, "/replies_tree/0", &reply) !=
	    GETDNS_RETURN_GOOD)
		return failed_lookup(lookup, outcome);
	/* dns_second.c has proven that the zone counts as unsigned. */
	if (lookup->reading == DNS_READ_INSECURE)
		(void)getdns_dict_set_int(reply, "dnssec_status",
		    GETDNS_DNSSEC_INSECURE);
	answer = dns_reply_read(reply, lookup->name, lookup->type);
	if (answer != NULL && guarded && !outcome->secure &&
	    answer->status == FACT_SECURE) {
		free(answer);
		answer = dns_reply_none(FACT_FAILED,
		    "secure, but not for libunbound");
	}
	return answer;
}

/* Moves the lookup on; its done() runs when the wake event fires. */
static void
finish(struct dns_lookup *lookup, struct dns_answer *answer)
{
	struct dns *dns = lookup->dns;
	const uint32_t ttl_max_s = dns->setup->ttl_max_ms / 1000;

	/* T-13, and S-05: an RRSIG that nobody validated limits nothing. */
	if (answer != NULL && dns->setup->unvalidated) {
		if (answer->status != FACT_FAILED)
			answer->status = FACT_INDETERMINATE;
		answer->sig_expires_s = 0;
		answer->unsigned_zone = false;
		if (dns->setup->ttl_max_ms != 0 && answer->ttl_s > ttl_max_s)
			answer->ttl_s = ttl_max_s;
	}
	lookup->answer = answer;
	lookup->finished = true;
	TAILQ_REMOVE(&dns->pending, lookup, entry);
	TAILQ_INSERT_TAIL(&dns->finished, lookup, entry);
	event_active(dns->wake, EV_TIMEOUT, 0);
}

/* The callback of getdns_general(). */
static void
answered(getdns_context *context, getdns_callback_type_t type,
    getdns_dict *response, void *arg, getdns_transaction_t id)
{
	const struct dns_guard_outcome *outcome = dns_guard_outcome();
	struct dns_lookup *lookup = arg;
	struct dns_answer *answer;

	(void)context;
	(void)id;
	if (type == GETDNS_CALLBACK_CANCEL)
		answer = dns_reply_none(FACT_FAILED, "cancelled");
	else if (type == GETDNS_CALLBACK_TIMEOUT)
		answer = dns_reply_none(FACT_FAILED, "no answer in time");
	else if (outcome != NULL && outcome->bogus)
		answer = bogus_answer(lookup, response, outcome);
	else if (type != GETDNS_CALLBACK_COMPLETE || response == NULL)
		answer = failed_lookup(lookup, outcome);
	else
		answer = read_response(lookup, response, outcome);
	finish(lookup, answer);
	getdns_dict_destroy(response);
}

/* --- handing out answers ------------------------------------------------ */

/* The callback of the wake event. Lookups that finish meanwhile wait for the
 * next turn of the loop. */
static void
hand_out_finished(evutil_socket_t fd, short what, void *arg)
{
	static const struct dns_answer no_memory = {.status = FACT_FAILED,
	    .why = "out of memory"};
	struct lookup_list now = TAILQ_HEAD_INITIALIZER(now);
	struct dns_lookup *lookup;
	struct dns *dns = arg;

	(void)fd;
	(void)what;
	TAILQ_CONCAT(&now, &dns->finished, entry);
	while ((lookup = TAILQ_FIRST(&now)) != NULL) {
		const struct dns_answer *answer = &no_memory;

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
		if (lookup->answer != NULL)
			answer = lookup->answer;
		TAILQ_REMOVE(&now, lookup, entry);
		dns->n--;
		/* A cancelled lookup says nothing about the DNS. */
		if (!dns->closing) {
			metrics_count(dns->metrics, METRICS_DNS,
			    dns_type_row(lookup->type), answer->status);
			metrics_time(dns->metrics, METRICS_DNS_TIME,
			    clock_mono_us() - lookup->begun_us);
		}
		lookup->done(lookup->arg, answer);
		dns_context_unref(&lookup->context);
		free(lookup->answer);
		free(lookup);
	}
}

/* --- asking ------------------------------------------------------------- */

static int
check_name(const char *name)
{
	char canonical[NAME_SIZE];
	size_t len = strnlen(name, NAME_SIZE);
	int err;

	if (strcmp(name, ".") == 0)
		return 0;
	if (len > NAME_LEN_MAX)
		return ERR_TOOLONG;
	/* getdns takes blanks and address literals for names, and reads
	 * past the end of a string that ends in a backslash. */
	err = name_canon((const uint8_t *)name, len, canonical);
	if (err == 0 && strcmp(name, canonical) != 0)
		err = ERR_SYNTAX;
	return err;
}

static int
choose_context(struct dns_lookup *lookup)
{
	struct dns *dns = lookup->dns;
	const uint64_t life_us = (uint64_t)dns->setup->context_life_ms * 1000;
	char error[DNS_ERROR_SIZE];
	int err = 0;

	if (dns->setup->uncached)
		return dns_context_open(&lookup->context, dns->setup, dns->base,
		    error);
	if (dns->current != NULL && life_us != 0 &&
	    clock_mono_us() - dns->current->born_us >= life_us)
		dns_context_unref(&dns->current);
	if (dns->current == NULL)
		err = dns_context_open(&dns->current, dns->setup, dns->base,
		    error);
	if (err != 0)
		return err;
	lookup->context = dns->current;
	lookup->context->refs++;
	return 0;
}

static int
send_question(struct dns_lookup *lookup)
{
	struct dns *dns = lookup->dns;
	getdns_return_t r;
	int err = choose_context(lookup);

	if (err != 0)
		return err;
	TAILQ_INSERT_TAIL(&dns->pending, lookup, entry);
	dns->n++;
	r = dns_context_ask(lookup->context, lookup->name, lookup->type,
	    answered, lookup, &lookup->id);
	/* No query was sent: libunbound had the answer in its cache. */
	if (lookup->finished && lookup->answer != NULL)
		lookup->answer->cached = true;
	if (r == GETDNS_RETURN_GOOD || lookup->finished)
		return 0;
	/* No upstream can be used for now, which is no fault of the library. */
	if (dns->setup->tls_upstreams != NULL) {
		finish(lookup, failed_lookup(lookup, NULL));
		return 0;
	}
	TAILQ_REMOVE(&dns->pending, lookup, entry);
	dns->n--;
	return ERR_LIBRARY;
}

int
dns_ask_once(struct dns *dns, const char *name, enum dns_type type,
    enum dns_reading reading, dns_done_fn *done, void *arg)
{
	struct dns_lookup *lookup;
	int err;

	if (dns->closing)
		return ERR_CANCELLED;
	if (dns->n >= DNS_PENDING_MAX)
		return ERR_BUSY;
	err = check_name(name);
	if (err != 0)
		return err;
	lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return ERR_NOMEM;
	lookup->dns = dns;
	lookup->type = type;
	lookup->reading = reading;
	lookup->done = done;
	lookup->arg = arg;
	lookup->begun_us = clock_mono_us();
	(void)snprintf(lookup->name, sizeof(lookup->name), "%s", name);
	err = send_question(lookup);
	if (err != 0) {
		dns_context_unref(&lookup->context);
		free(lookup);
	}
	return err;
}

int
dns_ask(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	return dns->ask(dns, name, type, DNS_READ_STRICT, done, arg);
}

int
dns_ask_discovery(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	return dns->ask(dns, name, type, DNS_READ_DISCOVERY, done, arg);
}

bool
dns_is_forwarding(const struct dns *dns)
{
	return dns->setup->forwarding;
}

int
dns_root_key_missing(const struct dns *dns, const struct dns_answer *keys)
{
	return dns_anchor_missing(dns->setup->trust_anchors, keys);
}

size_t
dns_pending(const struct dns *dns)
{
	return dns->n;
}

/* --- set-up ------------------------------------------------------------- */

static int
open_dns(struct dns **out, const struct dns_config *config,
    struct event_base *base, char error[DNS_ERROR_SIZE])
{
	struct dns *dns = calloc(1, sizeof(*dns));
	int err = dns_libraries_check(error);

	*out = NULL;
	if (err == 0 && dns == NULL)
		err = dns_no_memory(error);
	if (err != 0 || dns == NULL) {
		free(dns);
		return err;
	}
	TAILQ_INIT(&dns->pending);
	TAILQ_INIT(&dns->finished);
	dns->base = base;
	dns->metrics = config->metrics;
	dns->setup = dns_setup_new(config, error);
	dns->wake = event_new(base, -1, 0, hand_out_finished, dns);
	dns->ask = dns_ask_once;
	if (dns->setup != NULL && dns->setup->tls_upstreams != NULL &&
	    !dns->setup->unvalidated)
		dns->ask = dns_second_ask;
	if (dns->setup == NULL) {
		err = ERR_CONFIG;
	} else if (dns->wake == NULL) {
		err = dns_no_memory(error);
	} else {
		/* Open one even when uncached: if this works, later ones work
		 * as well. */
		err = dns_context_open(&dns->current, dns->setup, base, error);
		if (dns->setup->uncached)
			dns_context_unref(&dns->current);
	}
	if (err != 0)
		dns_free(&dns);
	*out = dns;
	return err;
}

struct dns *
dns_new(const struct dns_config *config, struct event_base *base,
    char error[DNS_ERROR_SIZE])
{
	struct dns *dns;

	(void)open_dns(&dns, config, base, error);
	return dns;
}

void
dns_free(struct dns **dns)
{
	struct dns *d = *dns;
	struct dns_lookup *lookup;

	if (d == NULL)
		return;
	d->closing = true;
	while ((lookup = TAILQ_FIRST(&d->pending)) != NULL) {
		(void)getdns_cancel_callback(lookup->context->getdns,
		    lookup->id);
		if (!lookup->finished)
			finish(lookup,
			    dns_reply_none(FACT_FAILED, "cancelled"));
	}
	hand_out_finished(-1, 0, d);
	dns_context_unref(&d->current);
	if (d->wake != NULL)
		event_free(d->wake);
	dns_setup_free(&d->setup);
	free(d);
	*dns = NULL;
}

/* Only starting libunbound with a configuration shows whether libunbound
 * accepts it. */
int
dns_check(const struct dns_config *config, char error[DNS_ERROR_SIZE])
{
	struct event_base *base = event_base_new();
	struct dns *dns = NULL;
	int err = base != NULL ? open_dns(&dns, config, base, error)
			       : dns_no_memory(error);

	dns_free(&dns);
	if (base != NULL)
		event_base_free(base);
	return err == 0 || err == ERR_LIBRARY ? err : ERR_CONFIG;
}
