#include "autoconf.h"

#include "dns/dns_context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <getdns/getdns_extra.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/dns_guard.h"
#include "dns/dns_loop.h"
#include "dns/dns_proof.h"
#include "dns/dns_tls.h"
#include "log/metrics.h"

#define UDP_PAYLOAD 1232 /* no fragments; getdns's own default is 65535 */

struct dns_context {
	const struct dns_setup *setup;
	size_t refs;
	uint64_t born_us;
	getdns_context *getdns;
	getdns_dict *extensions;
	struct dns_loop loop;
	struct dns_tls tls;
	struct dns_guard guard;
};

typedef getdns_return_t step_fn(struct dns_context *context);

/*
 * One context is opened or closed at a time, whatever the thread: libunbound
 * makes its log lock on first use without a lock, and every start of it closes
 * the log stream that another start may be writing to.
 */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static getdns_return_t
set_resolution(struct dns_context *c)
{
	return getdns_context_set_resolution_type(c->getdns,
	    dns_context_is_guarded(c) ? GETDNS_RESOLUTION_RECURSING
				      : GETDNS_RESOLUTION_STUB);
}

/* Nothing but the DNS: no /etc/hosts, no search list. */
static getdns_return_t
set_names(struct dns_context *c)
{
	getdns_namespace_t dns = GETDNS_NAMESPACE_DNS;
	getdns_return_t r = getdns_context_set_namespaces(c->getdns, 1, &dns);

	if (r != GETDNS_RETURN_GOOD)
		return r;
	return getdns_context_set_append_name(c->getdns,
	    GETDNS_APPEND_NAME_NEVER);
}

/* getdns would fetch trust anchors over the network by itself. */
static getdns_return_t
set_no_fetching(struct dns_context *c)
{
	getdns_return_t r =
	    getdns_context_set_trust_anchors_verify_CA(c->getdns, "");

	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_trust_anchors_verify_email(c->getdns,
		    "");
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_appdata_dir(c->getdns, "/nonexistent/");
	return r;
}

static getdns_return_t
set_trust_anchors(struct dns_context *c)
{
	return getdns_context_set_dnssec_trust_anchors(c->getdns,
	    c->setup->trust_anchors);
}

static getdns_return_t
set_timeout(struct dns_context *c)
{
	return getdns_context_set_timeout(c->getdns, c->setup->timeout_ms);
}

static getdns_return_t
set_payload(struct dns_context *c)
{
	return getdns_context_set_edns_maximum_udp_payload_size(c->getdns,
	    UDP_PAYLOAD);
}

/* A callback of getdns. */
static void
take_log(void *arg, uint64_t system, getdns_loglevel_type level,
    const char *fmt, va_list args)
{
	struct dns_context *c = arg;
	char line[DNS_WHY_SIZE];

	(void)system;
	(void)level;
	(void)vsnprintf(line, sizeof(line), fmt, args);
	dns_tls_note(&c->tls, line, &c->loop.reached);
}

/*
 * Stub mode believes more than it should of what whoever is on the path says:
 * hence TLS to an authenticated server and nothing else.
 */
static getdns_return_t
set_strict_tls(struct dns_context *c)
{
	getdns_transport_list_t tls = GETDNS_TRANSPORT_TLS;
	getdns_return_t r;

	if (dns_context_is_guarded(c))
		return GETDNS_RETURN_GOOD;
	r = getdns_context_set_upstream_recursive_servers(c->getdns,
	    c->setup->tls_upstreams);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_dns_transport_list(c->getdns, 1, &tls);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_tls_authentication(c->getdns,
		    GETDNS_AUTHENTICATION_REQUIRED);
	if (r == GETDNS_RETURN_GOOD && c->setup->ca_file != NULL)
		r = getdns_context_set_tls_ca_file(c->getdns,
		    c->setup->ca_file);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_logfunc(c->getdns, c,
		    GETDNS_LOG_UPSTREAM_STATS, GETDNS_LOG_DEBUG, take_log);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_idle_timeout(c->getdns, 10000);
	return r;
}

static const struct {
	const char *what;
	step_fn *run;
} steps[] = {
    {"resolution type",    set_resolution   },
    {"namespaces",         set_names        },
    {"trust anchor fetch", set_no_fetching  },
    {"trust anchors",      set_trust_anchors},
    {"timeout",            set_timeout      },
    {"UDP payload size",   set_payload      },
    {"DNS over TLS",       set_strict_tls   },
};

static int
fault(char error[DNS_ERROR_SIZE], const char *what, getdns_return_t r)
{
	(void)snprintf(error, DNS_ERROR_SIZE, "getdns: %s: %s", what,
	    getdns_get_errorstr_by_id((uint16_t)r));
	return ERR_LIBRARY;
}

static int
set_up(struct dns_context *c, struct event_base *base,
    char error[DNS_ERROR_SIZE])
{
	getdns_return_t r;
	size_t i;

	/* 0: nothing from resolv.conf and the like */
	r = getdns_context_create(&c->getdns, 0);
	if (r != GETDNS_RETURN_GOOD)
		return fault(error, "context", r);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		r = steps[i].run(c);
		if (r != GETDNS_RETURN_GOOD)
			return fault(error, steps[i].what, r);
	}
	r = dns_loop_attach(&c->loop, c->getdns, base,
	    !dns_context_is_guarded(c));
	if (r != GETDNS_RETURN_GOOD)
		return fault(error, "event loop", r);
	c->extensions = getdns_dict_create();
	if (c->extensions == NULL)
		return fault(error, "dictionary", GETDNS_RETURN_MEMORY_ERROR);
	r = getdns_dict_set_int(c->extensions, "dnssec_return_all_statuses",
	    c->setup->unvalidated ? GETDNS_EXTENSION_FALSE
				  : GETDNS_EXTENSION_TRUE);
	return r == GETDNS_RETURN_GOOD ? 0 : fault(error, "dictionary", r);
}

static void
destroy(struct dns_context *c)
{
	getdns_context_destroy(c->getdns);
	getdns_dict_destroy(c->extensions);
	free(c);
}

int
dns_context_open(struct dns_context **context, const struct dns_setup *setup,
    struct event_base *base, char error[DNS_ERROR_SIZE])
{
	struct dns_context *c = calloc(1, sizeof(*c));
	int err;

	*context = NULL;
	if (c == NULL) {
		(void)snprintf(error, DNS_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	c->setup = setup;
	c->refs = 1;
	c->born_us = clock_mono_us();
	c->guard.options = &setup->guard;
	(void)pthread_mutex_lock(&one_at_a_time);
	err = set_up(c, base, error);
	if (err == 0 && dns_context_is_guarded(c))
		err = dns_proof(c, &c->guard, error);
	if (err != 0)
		destroy(c);
	else
		*context = c;
	(void)pthread_mutex_unlock(&one_at_a_time);
	return err;
}

struct dns_context *
dns_context_ref(struct dns_context *context)
{
	context->refs++;
	return context;
}

void
dns_context_unref(struct dns_context **context)
{
	struct dns_context *c = *context;

	*context = NULL;
	if (c == NULL || --c->refs > 0)
		return;
	(void)pthread_mutex_lock(&one_at_a_time);
	destroy(c);
	(void)pthread_mutex_unlock(&one_at_a_time);
}

bool
dns_context_is_old(const struct dns_context *context)
{
	uint64_t life_us = (uint64_t)context->setup->context_life_ms * 1000;

	return life_us != 0 && clock_mono_us() - context->born_us >= life_us;
}

getdns_return_t
dns_context_ask(struct dns_context *c, const char *name, enum dns_type type,
    getdns_callback_t callback, void *arg, getdns_transaction_t *id)
{
	getdns_return_t r;

	dns_guard_enter(&c->guard);
	r = getdns_general(c->getdns, name, (uint16_t)type, c->extensions, arg,
	    id, callback);
	dns_guard_leave(&c->guard);
	return r;
}

getdns_return_t
dns_context_cancel(struct dns_context *c, getdns_transaction_t id)
{
	return getdns_cancel_callback(c->getdns, id);
}

const char *
dns_context_why(const struct dns_context *context)
{
	return context->tls.why;
}

bool
dns_context_is_guarded(const struct dns_context *context)
{
	return context->setup->tls_upstreams == NULL;
}
