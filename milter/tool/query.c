/* Questions to the engine. See query.h. */
#include "autoconf.h"

#include "tool/query.h"

#include <string.h>

#include "base/clock.h"
#include "base/idn.h"

void
query_set_init(struct query_set *set)
{
	memset(set, 0, sizeof(*set));
	(void)pthread_mutex_init(&set->lock, NULL);
	(void)pthread_cond_init(&set->some_done, NULL);
}

void
query_set_clear(struct query_set *set)
{
	(void)pthread_cond_destroy(&set->some_done);
	(void)pthread_mutex_destroy(&set->lock);
}

void
query_read(struct query *query, struct query_set *set, const char *name)
{
	const uint8_t *octets = (const uint8_t *)name;
	size_t len = strlen(name);

	memset(query, 0, sizeof(*query));
	query->set = set;
	query->name = name;
	query->target.port = SCOPE_PORT_SMTP;
	query->address.class = ADDRESS_DOMAIN;
	if (strchr(name, '@') != NULL)
		address_parse(octets, len, idn_to_ascii, &query->address);
	else
		query->wrong = address_domain(octets, len, idn_to_ascii,
				   query->address.domain) != 0;
	query->asked = !query->wrong && query->address.class == ADDRESS_DOMAIN;
	if (query->asked)
		memcpy(query->target.domain, query->address.domain,
		    sizeof(query->target.domain));
}

/* On a loop's thread. */
static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct query *query = arg;
	struct query_set *set = query->set;

	(void)cached;
	(void)pthread_mutex_lock(&set->lock);
	query->answer = answer != NULL ? answer_ref(answer) : NULL;
	query->ms = clock_mono_ms() - query->started_ms;
	query->done = true;
	(void)pthread_cond_signal(&set->some_done);
	(void)pthread_mutex_unlock(&set->lock);
}

void
query_start(struct query *query)
{
	if (!query->asked)
		return;
	query->started_ms = clock_mono_ms();
	ask_evidence(query->set->engine, &query->target,
	    query->started_ms + query->set->patience_ms, answered, query);
}

void
query_wait(struct query *query)
{
	struct query_set *set = query->set;

	if (!query->asked)
		return;
	(void)pthread_mutex_lock(&set->lock);
	while (!query->done)
		(void)pthread_cond_wait(&set->some_done, &set->lock);
	(void)pthread_mutex_unlock(&set->lock);
}

void
query_clear(struct query *query)
{
	answer_unref(&query->answer);
}
