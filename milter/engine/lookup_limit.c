/*
 * What a crowd of strangers may use up of a loop, and what is kept for domains
 * that are known to bind: lookups, and questions to the DNS. Fetches:
 * fetch/fetch.c.
 */
#include "autoconf.h"

#include "base/err.h"
#include "engine/lookup_impl.h"
#include "log/log.h"

bool
lookup_is_known_to_bind(const struct lookup *l)
{
	return l->facts.pinned ||
	    (fact_policy_is_live(l->facts.stored) && l->facts.stored->dnssec);
}

/* One domain has up to four questions a host: a few dozen strangers that never
 * answer would leave none for those that are bound. */
static bool
may_ask(struct lookup *l, const struct dns *dns)
{
	struct worker *worker = l->worker;
	size_t n = dns_pending(dns);
	bool *told = dns == l->setup->discovery ? &worker->busy_discovery
						: &worker->busy;

	if (n < WORKER_QUESTIONS_MAX / 2)
		*told = false;
	if (n < WORKER_QUESTIONS_MAX || lookup_is_known_to_bind(l))
		return true;
	if (!*told)
		log_msg(worker->log, LOG_LEVEL_WARNING, "limit",
		    "%d DNS questions under way on one loop: no more are "
		    "asked, but for domains that the policy store knows",
		    WORKER_QUESTIONS_MAX);
	*told = true;
	return false;
}

/* Without an answer nobody is rejected, only deferred. */
static bool
may_ask_fresh(struct worker *worker, size_t n)
{
	if (n < WORKER_FRESH_MAX / 2)
		worker->busy_fresh = false;
	if (n < WORKER_FRESH_MAX)
		return true;
	if (!worker->busy_fresh)
		log_msg(worker->log, LOG_LEVEL_WARNING, "limit",
		    "%d policies are checked afresh on one loop: no more are, "
		    "and what would be rejected is deferred",
		    WORKER_FRESH_MAX);
	worker->busy_fresh = true;
	return false;
}

struct dns *
lookup_fresh_or_young(const struct lookup *l)
{
	return dns_pending(l->setup->fresh) < WORKER_FRESH_FETCHES
	    ? l->setup->fresh
	    : l->setup->discovery;
}

static int
find_room(struct lookup *l, struct dns **which)
{
	struct dns *dns = *which;

	if (dns == l->setup->fresh ? !may_ask_fresh(l->worker, dns_pending(dns))
				   : !may_ask(l, dns))
		return ERR_BUSY;
	/* A resolver has so many sockets. Silent servers hold them until time
	 * is up, and what comes after them waits. */
	if (dns == l->setup->dns && lookup_is_known_to_bind(l) &&
	    dns_pending(dns) >= WORKER_QUESTIONS_BUSY)
		*which = l->setup->reserve;
	return 0;
}

int
lookup_ask(struct lookup *l, struct dns *dns, const char *name,
    enum dns_type type, dns_done_fn *done, void *arg)
{
	int err = find_room(l, &dns);

	return err != 0 ? err : dns_ask(dns, name, type, done, arg);
}

int
lookup_ask_discovery(struct lookup *l, struct dns *dns, const char *name,
    enum dns_type type, dns_done_fn *done, void *arg)
{
	int err = find_room(l, &dns);

	return err != 0 ? err : dns_ask_discovery(dns, name, type, done, arg);
}

void
lookup_limit(struct lookup *l)
{
	struct worker *worker = l->worker;
	size_t n = worker->n_lookups - worker->n_reserved;
	bool full = n > WORKER_LOOKUPS_MAX;

	if (full && !worker->full)
		log_msg(worker->log, LOG_LEVEL_WARNING, "limit",
		    "%d lookups under way on one loop: only domains that the "
		    "policy store knows are looked up",
		    WORKER_LOOKUPS_MAX);
	/* Some way below, or it would be told with every lookup that ends. */
	if (full || n <= WORKER_LOOKUPS_MAX / 2)
		worker->full = full;
	l->shed = full;
	if (full)
		lookup_error(l, "too many domains are being looked up");
}

bool
lookup_use_reserve(struct lookup *l)
{
	struct worker *worker = l->worker;

	if (!lookup_is_known_to_bind(l) || worker->stopping ||
	    worker->n_reserved >= WORKER_RESERVED_MAX)
		return false;
	l->reserved = true;
	worker->n_reserved++;
	l->shed = false;
	/* Unless the store could not be read either: a pin needs none. */
	if (l->store_err == 0 || l->store_err == ERR_NOTFOUND) {
		l->facts.internal_error = false;
		l->facts.internal_why = NULL;
	}
	return true;
}
