/* Makes a worker's resolvers, fetcher and rules from the configuration. */
#include "autoconf.h"

#include "engine/engine_impl.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/config.h"
#include "dns/dns.h"
#include "engine/ask.h"
#include "fetch/fetch.h"

_Static_assert(DNS_ERROR_SIZE <= ENGINE_ERROR_SIZE, "texts would be cut");
_Static_assert(FETCH_ERROR_SIZE <= ENGINE_ERROR_SIZE, "texts would be cut");

struct dns *
setup_dns(const struct config *config, enum setup_dns kind, struct loop *loop,
    struct metrics *metrics, char *error)
{
	struct dns_config dns;

	config_dns(config, &dns);
	dns.uncached = kind == SETUP_DNS_FRESH || kind == SETUP_DNS_PROBE;
	dns.unvalidated =
	    kind == SETUP_DNS_DISCOVERY || kind == SETUP_DNS_FRESH;
	dns.metrics = metrics;
	return dns_new(&dns, loop_base(loop), error);
}

struct setup *
setup_new(const struct config *config, unsigned generation, struct worker *w,
    char *error)
{
	struct loop *loop = w->loop;
	struct metrics *metrics = w->metrics;
	struct setup *setup = calloc(1, sizeof(*setup));
	struct fetch_config fetch;

	if (setup == NULL) {
		(void)snprintf(error, ENGINE_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return NULL;
	}
	LIST_INSERT_HEAD(&w->setups, setup, link);
	setup->refs = 1;
	setup->generation = generation;
	setup->loop = loop;
	for (size_t i = 0; i < LANES; i++)
		TAILQ_INIT(&setup->lanes[i].turns);
	setup->rules = config->rules;
	setup->dane_for_all = config->dane_for_all;
	setup->enforced = config_enforced(config);
	setup->ttl_min_ms = config->verdict_ttl_min_ms;
	setup->ttl_max_ms = config->verdict_ttl_max_ms;
	setup->backoff_ms = config->fetch_backoff_ms;
	setup->discovery_ttl_max_ms = config->discovery_ttl_max_ms;
	/* Each step needs the one before. setup_free() also frees a part of
	 * them. */
	setup->dns =
	    setup_dns(config, SETUP_DNS_VALIDATING, loop, metrics, error);
	if (setup->dns != NULL)
		setup->reserve = setup_dns(config, SETUP_DNS_VALIDATING, loop,
		    metrics, error);
	if (setup->reserve != NULL)
		setup->discovery = setup_dns(config, SETUP_DNS_DISCOVERY, loop,
		    metrics, error);
	if (setup->discovery != NULL)
		setup->fresh =
		    setup_dns(config, SETUP_DNS_FRESH, loop, metrics, error);
	if (setup->fresh != NULL) {
		config_fetch(config, &fetch);
		fetch.metrics = metrics;
		fetch.log = w->log;
		setup->fetcher = fetcher_new(&fetch, loop_base(loop), error);
	}
	if (setup->fetcher == NULL)
		setup_free(&setup);
	return setup;
}

void
setup_close(struct setup *setup)
{
	/* The end of a fetch or DNS lookup begins no other: the worker is
	 * stopping, or no lookup uses the setup. */
	if (setup->fetcher != NULL)
		fetcher_free(&setup->fetcher);
	if (setup->fresh != NULL)
		dns_free(&setup->fresh);
	if (setup->discovery != NULL)
		dns_free(&setup->discovery);
	if (setup->reserve != NULL)
		dns_free(&setup->reserve);
	if (setup->dns != NULL)
		dns_free(&setup->dns);
}

void
setup_free(struct setup **setup)
{
	if (*setup == NULL)
		return;
	setup_close(*setup);
	LIST_REMOVE(*setup, link);
	free(*setup);
	*setup = NULL;
}

static void
release(struct loop_task *task)
{
	struct setup *setup = LOOP_OWNER(task, struct setup, release);

	setup_free(&setup);
	/* A resolver has megabytes in small pieces, and during a reload there
	 * are two of each. Returns that memory to the system. */
#ifdef HAVE_MALLOC_TRIM
	(void)malloc_trim(0);
#endif
}

void
setup_unref(struct setup **setup)
{
	struct setup *held = *setup;

	*setup = NULL;
	if (held == NULL || --held->refs > 0)
		return;
	held->release.run = release;
	loop_post(held->loop, &held->release);
}
