/* The delivery track of a lookup: MX, then A, AAAA, TLSA of all hosts. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/name.h"
#include "core/decide.h"
#include "engine/lookup_impl.h"
#include "log/log.h"

static void
could_not_ask(struct lookup *l, struct fact_rrset *into, const char *why)
{
	into->status = FACT_FAILED;
	into->answer = ANSWER_EMPTY;
	into->why = why;
	l->delivery_ttl_s = 0;
}

/* --- hosts -------------------------------------------------------------- */

/*
 * Puts the TLSA records of a host, as far as they are known, into the facts.
 *
 * RFC 7672 2.2.2: the target of an alias takes precedence over the alias, but
 * MTAs differ in which one they ask first. So both have to be secure or
 * securely absent.
 */
static void
take_tlsa(struct host_lookup *h)
{
	const struct tlsa_found *own = &h->own, *target = &h->target;
	const struct tlsa_found *found = own;
	bool own_is_secure = own->rrset.status == FACT_SECURE;

	if (h->aliased &&
	    (own_is_secure || own->rrset.status == FACT_UNASKED) &&
	    (target->rrset.status != FACT_SECURE ||
		(own_is_secure && target->rrset.answer == ANSWER_RECORDS)))
		found = target;
	h->host->tlsa = found->rrset;
	h->host->tlsa_usable = found->usable;
}

static void
tlsa_answered(struct host_lookup *h, const struct dns_answer *answer,
    struct tlsa_found *found)
{
	const char *why = found->rrset.why;
	char text[NAME_SIZE + DNS_WHY_SIZE];

	/* The evidence names the host, but the fault is at the alias' target.
	 */
	if (found == &h->target && answer->status != FACT_SECURE) {
		(void)snprintf(text, sizeof(text),
		    "behind the alias, at %s%s%s", h->target_name,
		    why != NULL ? ": " : "", why != NULL ? why : "");
		found->rrset.why = lookup_keep(h->lookup, text);
	}
	found->usable = false;
	for (size_t i = 0; i < answer->n; i++)
		if (tlsa_is_usable(answer->records[i].data,
			answer->records[i].len))
			found->usable = true;
	take_tlsa(h);
}

static void take_alias(struct host_lookup *h, const struct dns_answer *answer);

static void
host_answered(void *arg, const struct dns_answer *answer)
{
	struct host_question *q = arg;
	struct lookup *l = q->host->lookup;

	lookup_absorb(l, answer, q->into, &l->delivery_ttl_s);
	if (q->tlsa != NULL)
		tlsa_answered(q->host, answer, q->tlsa);
	else if (!l->worker->stopping)
		take_alias(q->host, answer);
	l->hosts_pending--;
	lookup_returned(l);
}

static void
host_ask(struct host_question *q, const char *name, enum dns_type type)
{
	struct lookup *l = q->host->lookup;
	int err = ERR_TOOLONG;

	if (strlen(name) <= NAME_LEN_MAX)
		err = lookup_ask(l, l->setup->dns, QUESTION_PLAIN, name, type,
		    host_answered, q);
	if (err != 0) {
		could_not_ask(l, q->into, err_text(err));
		return;
	}
	l->pending++;
	l->hosts_pending++;
}

static void
tlsa_ask(struct host_lookup *h, struct host_question *q,
    struct tlsa_found *found, const char *host)
{
	const struct target *target = &h->lookup->target;
	char name[sizeof("_65535._tcp.") + NAME_SIZE];

	(void)snprintf(name, sizeof(name), "_%u._tcp.%s",
	    target->port != 0 ? target->port : SCOPE_PORT_SMTP, host);
	*q = (struct host_question){h, &found->rrset, found};
	host_ask(q, name, DNS_TLSA);
	take_tlsa(h);
}

/* If the answer for A or AAAA shows that the host is an alias (both show it),
 * also asks for TLSA at the alias' target. */
static void
take_alias(struct host_lookup *h, const struct dns_answer *answer)
{
	if (!answer->aliased || h->aliased || answer->status != FACT_SECURE ||
	    answer->answer != ANSWER_RECORDS || !lookup_wants_tlsa(h->lookup))
		return;
	h->aliased = true;
	h->target_name = lookup_keep(h->lookup, answer->target);
	if (answer->target[0] != '\0') {
		tlsa_ask(h, &h->target_tlsa, &h->target, answer->target);
		return;
	}
	could_not_ask(h->lookup, &h->target.rrset,
	    "its alias leads to no host name");
	take_tlsa(h);
}

static void
host_begin(struct host_lookup *h)
{
	struct fact_host *host = h->host;

	if (host->name[0] == '\0') {
		/* D-10: a null MX beside others is a host without address. */
		host->a.status = host->aaaa.status = FACT_SECURE;
		host->a.answer = host->aaaa.answer = ANSWER_NODATA;
		return;
	}
	if (host->unusable) /* no mail goes there (D-18) */
		return;
	h->a = (struct host_question){h, &host->a, NULL};
	h->aaaa = (struct host_question){h, &host->aaaa, NULL};
	host_ask(&h->a, host->name, DNS_A);
	host_ask(&h->aaaa, host->name, DNS_AAAA);
	if (lookup_wants_tlsa(h->lookup))
		tlsa_ask(h, &h->own_tlsa, &h->own, host->name);
}

/* --- the keys of the hosts' zones ---------------------------------------- */

/* Zones other than the domain's whose keys are asked ahead, at most. */
#define ZONES_MAX 4

static void
hosts_release(struct lookup *l)
{
	l->hosts_waiting = false;
	for (size_t i = 0; i < l->facts.n_hosts; i++) {
		struct host_lookup *h = &l->host_lookups[i];

		if (h->zone == NULL)
			continue;
		h->zone = NULL;
		host_begin(h);
	}
}

static void
hosts_timer_ran(struct loop_timer *timer)
{
	struct lookup *l = LOOP_OWNER(timer, struct lookup, hosts_timer);

	l->pending++;
	if (l->hosts_waiting && !l->worker->stopping)
		hosts_release(l);
	lookup_returned(l);
}

static void
zone_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;

	(void)answer; /* libunbound has cached it */
	l->zones_pending--;
	if (l->zones_pending == 0 && l->hosts_waiting && !l->worker->stopping)
		hosts_release(l);
	lookup_returned(l);
}

/* The zone that the host is likely to be in, if it is not the domain's. */
static const char *
other_zone(const struct lookup *l, const char *host)
{
	const char *parent = strchr(host, '.');

	if (strcmp(host, l->target.domain) == 0 ||
	    name_is_below(host, l->target.domain))
		return NULL;
	return parent != NULL && strchr(parent + 1, '.') != NULL ? parent + 1
								 : host;
}

/* True: the host waits for the keys of its zone. */
static bool
zone_begin(struct lookup *l, size_t i)
{
	struct host_lookup *h = &l->host_lookups[i];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): hosts_begin() */
	const char *zone = other_zone(l, h->host->name);
	size_t n_others = 0;

	if (!dns_is_forwarding(l->setup->dns) || zone == NULL ||
	    h->host->name[0] == '\0' || h->host->unusable)
		return false;
	for (size_t k = 0; k < i; k++) {
		const char *other = l->host_lookups[k].zone;

		n_others += other != NULL;
		if (other != NULL && strcmp(other, zone) == 0) {
			h->zone = zone;
			return true;
		}
	}
	if (n_others >= ZONES_MAX)
		return false;
	h->zone = zone;
	for (size_t k = 0; k < 2; k++)
		if (lookup_ask(l, l->setup->dns, QUESTION_PLAIN, zone,
			k == 0 ? DNS_DS : DNS_DNSKEY, zone_answered, l) == 0) {
			l->pending++;
			l->zones_pending++;
		}
	return true;
}

/* NULL: the domain itself is the host (D-09, R-03). */
static void
hosts_begin(struct lookup *l, const struct dns_record *mx, size_t n)
{
	l->hosts = calloc(n, sizeof(*l->hosts));
	l->host_lookups = calloc(n, sizeof(*l->host_lookups));
	if (l->hosts == NULL || l->host_lookups == NULL)
		goto no_memory;
	for (size_t i = 0; i < n; i++) {
		struct fact_host *host = &l->hosts[i];

		l->host_lookups[i].lookup = l;
		l->host_lookups[i].host = host;
		host->name = l->target.domain;
		if (mx == NULL)
			break;
		host->name = lookup_keep(l, mx[i].name);
		host->unusable = mx[i].unusable;
		host->preference = mx[i].preference;
		/* Without its name it would look like a null MX, and be
		 * skipped. */
		if (host->name[0] == '\0' && mx[i].name[0] != '\0')
			goto no_memory;
	}
	l->delivery_step = DELIVERY_HOSTS;
	l->facts.hosts = l->hosts;
	l->facts.n_hosts = n;

	/* Hosts in other zones wait a moment for their keys. */
	for (size_t i = 0; i < n; i++) {
		if (zone_begin(l, i))
			l->hosts_waiting = true;
		else
			host_begin(&l->host_lookups[i]);
	}
	if (l->hosts_waiting &&
	    (l->zones_pending == 0 ||
		loop_timer_set(l->worker->loop, &l->hosts_timer,
		    clock_mono_ms() + LOOKUP_MOMENT_MS, hosts_timer_ran) != 0))
		hosts_release(l);
	return;

no_memory:
	/* A verdict on some of the hosts would be wrong. */
	l->no_memory = true;
	lookup_error(l, err_text(ERR_NOMEM));
	l->delivery_step = DELIVERY_DONE;
}

/* --- MX ----------------------------------------------------------------- */

static void
mx_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;
	size_t n = answer->n;

	lookup_absorb(l, answer, &l->facts.mx, &l->delivery_ttl_s);
	l->delivery_step = DELIVERY_DONE;
	/* An MX set that is not secure decides already (D-05 to D-08). */
	if (answer->status != FACT_SECURE || l->worker->stopping) {
		lookup_returned(l);
		return;
	}
	if (answer->answer == ANSWER_RECORDS) {
		l->facts.hosts_truncated = answer->truncated;
		if (n > FACTS_HOSTS_MAX) {
			n = FACTS_HOSTS_MAX;
			l->facts.hosts_truncated = true;
		}
		if (l->facts.hosts_truncated)
			log_limit(l->worker->log, &l->worker->hosts_told,
			    "%s has more than %d MX hosts: the rest is not "
			    "looked at",
			    l->target.domain, FACTS_HOSTS_MAX);
		hosts_begin(l, answer->records, n);
	} else if (answer->answer == ANSWER_NODATA) {
		hosts_begin(l, NULL, 1);
	}
	lookup_returned(l);
}

/* --- the track ---------------------------------------------------------- */

void
delivery_advance(struct lookup *l, bool wanted)
{
	int err;

	if (l->delivery_step == DELIVERY_IDLE && wanted &&
	    discovery_keys_ready(l)) {
		l->delivery_ttl_s = UINT32_MAX;
		if (l->target.no_mx) {
			hosts_begin(l, NULL, 1);
		} else {
			l->delivery_step = DELIVERY_MX;
			err = lookup_ask(l, l->setup->dns, QUESTION_PLAIN,
			    l->target.domain, DNS_MX, mx_answered, l);
			if (err != 0) {
				could_not_ask(l, &l->facts.mx, err_text(err));
				l->delivery_step = DELIVERY_DONE;
			} else {
				l->pending++;
			}
		}
	}
	if (l->delivery_step == DELIVERY_HOSTS && l->hosts_pending == 0 &&
	    !l->hosts_waiting)
		l->delivery_step = DELIVERY_DONE;
}

void
delivery_reset(struct lookup *l)
{
	memset(&l->facts.mx, 0, sizeof(l->facts.mx));
	l->facts.n_hosts = 0;
	l->facts.hosts = NULL;
	l->facts.hosts_truncated = false;
	free(l->hosts);
	free(l->host_lookups);
	l->hosts = NULL;
	l->host_lookups = NULL;
	l->delivery_ttl_s = UINT32_MAX;
	l->sig_expires_s = 0;
	l->delivery_step = DELIVERY_IDLE;
}
