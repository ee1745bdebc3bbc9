/* The delivery track of a lookup: MX, then A, AAAA, TLSA of all hosts. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/tlsa.h"
#include "engine/lookup_impl.h"
#include "io/log.h"

static void
could_not_ask(struct lookup *l, struct fact_rrset *into, const char *why)
{
	into->status = FACT_FAILED;
	into->answer = ANSWER_EMPTY;
	into->why = why;
	l->delivery_ttl_s = 0;
}

/* --- hosts -------------------------------------------------------------- */

static bool
has_usable(const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		if (tlsa_is_usable(answer->records[i].data,
			answer->records[i].len))
			return true;
	return false;
}

static void
host_answered(void *arg, const struct dns_answer *answer)
{
	struct host_query *query = arg;
	struct lookup *l = query->lookup;

	lookup_absorb(l, answer, query->into, &l->delivery_ttl_s);
	if (query->usable != NULL)
		*query->usable = has_usable(answer);
	l->hosts_pending--;
	lookup_returned(l);
}

static void
host_ask(struct lookup *l, struct host_query *query, const char *name,
    enum dns_type type, struct fact_rrset *into)
{
	int err;

	query->lookup = l;
	query->into = into;
	err = strlen(name) > NAME_LEN_MAX
	    ? ERR_TOOLONG
	    : lookup_ask(l, l->setup->dns, name, type, host_answered, query);
	if (err != 0) {
		could_not_ask(l, into, err_text(err));
		return;
	}
	l->pending++;
	l->hosts_pending++;
}

static void
host_begin(struct lookup *l, size_t i)
{
	struct host_query *queries = &l->host_queries[3 * i];
	struct fact_host *host = &l->hosts[i];
	char tlsa[sizeof("_65535._tcp.") + NAME_SIZE];

	if (host->name[0] == '\0') {
		/* D-10: a null MX beside others is a host without address. */
		host->a.status = host->aaaa.status = FACT_SECURE;
		host->a.answer = host->aaaa.answer = ANSWER_NODATA;
		return;
	}
	host_ask(l, &queries[0], host->name, DNS_A, &host->a);
	host_ask(l, &queries[1], host->name, DNS_AAAA, &host->aaaa);
	/* What the verdict ignores, a delivery may still need. */
	if (l->setup->rules.tlsa == RULE_TLSA_IGNORED && !l->delivery)
		return;
	queries[2].usable = &host->tlsa_usable;
	(void)snprintf(tlsa, sizeof(tlsa), "_%u._tcp.%s",
	    l->target.port != 0 ? l->target.port : SCOPE_PORT_SMTP, host->name);
	host_ask(l, &queries[2], tlsa, DNS_TLSA, &host->tlsa);
}

/* n hosts are named in l->hosts. */
static void
hosts_begin(struct lookup *l, size_t n)
{
	l->delivery_step = DELIVERY_HOSTS;
	l->facts.hosts = l->hosts;
	l->facts.n_hosts = n;
	for (size_t i = 0; i < n; i++)
		host_begin(l, i);
}

static void
no_memory(struct lookup *l)
{
	l->facts.internal_error = true;
	l->delivery_step = DELIVERY_DONE;
}

static bool
hosts_allocate(struct lookup *l, size_t n)
{
	l->hosts = calloc(n, sizeof(*l->hosts));
	l->host_queries = calloc(3 * n, sizeof(*l->host_queries));
	if (l->hosts != NULL && l->host_queries != NULL)
		return true;
	no_memory(l);
	return false;
}

/* D-09, R-03: the domain itself is the host. */
static void
host_is_domain(struct lookup *l)
{
	if (!hosts_allocate(l, 1))
		return;
	l->hosts[0].name = l->target.domain;
	hosts_begin(l, 1);
}

/* --- MX ----------------------------------------------------------------- */

static void
hosts_from_mx(struct lookup *l, const struct dns_answer *answer)
{
	size_t n = answer->n;

	l->facts.hosts_truncated = answer->truncated;
	if (n > FACTS_HOSTS_MAX) {
		n = FACTS_HOSTS_MAX;
		l->facts.hosts_truncated = true;
	}
	if (l->facts.hosts_truncated)
		log_msg(l->worker->log, LOG_LEVEL_WARNING, "limit",
		    "%s has more than %d MX hosts: the rest is not looked at",
		    l->target.domain, FACTS_HOSTS_MAX);
	if (!hosts_allocate(l, n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct dns_record *mx = &answer->records[i];

		l->hosts[i].name = lookup_keep(l, mx->name);
		l->hosts[i].preference = mx->preference;
		/* Without its name it would be a null MX, and skipped. */
		if (l->hosts[i].name[0] == '\0' && mx->name[0] != '\0') {
			no_memory(l);
			return;
		}
	}
	hosts_begin(l, n);
}

static void
mx_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;

	lookup_absorb(l, answer, &l->facts.mx, &l->delivery_ttl_s);
	l->delivery_step = DELIVERY_DONE;
	/* What is not secure is already enough to know (D-05 to D-08). */
	if (answer->status == FACT_SECURE && !l->worker->stopping) {
		if (answer->answer == ANSWER_RECORDS)
			hosts_from_mx(l, answer);
		else if (answer->answer == ANSWER_NODATA)
			host_is_domain(l);
	}
	lookup_returned(l);
}

static void
mx_begin(struct lookup *l)
{
	int err;

	l->delivery_step = DELIVERY_MX;
	err = lookup_ask(l, l->setup->dns, l->target.domain, DNS_MX,
	    mx_answered, l);
	if (err != 0) {
		could_not_ask(l, &l->facts.mx, err_text(err));
		l->delivery_step = DELIVERY_DONE;
		return;
	}
	l->pending++;
}

/* --- the track ---------------------------------------------------------- */

void
delivery_advance(struct lookup *l, bool wanted)
{
	if (l->delivery_step == DELIVERY_IDLE && wanted) {
		l->delivery_ttl_s = UINT32_MAX;
		if (l->target.no_mx)
			host_is_domain(l);
		else
			mx_begin(l);
	}
	if (l->delivery_step == DELIVERY_HOSTS && l->hosts_pending == 0)
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
	free(l->host_queries);
	l->hosts = NULL;
	l->host_queries = NULL;
	l->delivery_ttl_s = UINT32_MAX;
	l->sig_expires_s = 0;
	l->delivery_step = DELIVERY_IDLE;
}
