#include "autoconf.h"

#include "front/census.h"

#include <stdio.h>
#include <string.h>

#include "store/store.h"

/* The place where it is to be listed; CENSUS_LISTED_MAX: nowhere. */
static size_t
place_of(const struct census *census, int64_t expires_s)
{
	size_t i = census->n;

	while (i > 0 && census->listed[i - 1].expires_s > expires_s)
		i--;
	return i;
}

static void
list(struct census *census, const struct store_entry *entry,
    const struct policy *policy, int64_t expires_s)
{
	size_t place = place_of(census, expires_s);
	struct census_policy *listed = &census->listed[place];

	if (place == CENSUS_LISTED_MAX)
		return;
	if (census->n < CENSUS_LISTED_MAX)
		census->n++;
	memmove(listed + 1, listed, (census->n - 1 - place) * sizeof(*listed));
	*listed = (struct census_policy){
	    .mode = policy->mode,
	    .fetched_s = entry->fetched_s,
	    .expires_s = expires_s,
	    .failing = entry->failure[0] != '\0',
	};
	(void)snprintf(listed->domain, sizeof(listed->domain), "%s",
	    entry->domain);
	(void)snprintf(listed->id, sizeof(listed->id), "%s", entry->id);
}

static void
add_failing(struct census *census, int64_t expires_s)
{
	if (census->failing == 0 || expires_s < census->failing_expires_s)
		census->failing_expires_s = expires_s;
	census->failing++;
}

/* C-13: as a lookup does, the raw body is parsed. */
void
census_add(struct census *census, const struct store_entry *entry)
{
	struct policy *policy = NULL;
	int64_t expires_s;

	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) != 0)
		return;
	expires_s = entry->fetched_s + policy->max_age_s;
	if (expires_s > census->now_s) {
		census->live++;
		if (policy->dnssec) {
			census->binding++;
			if (entry->failure[0] != '\0')
				add_failing(census, expires_s);
			list(census, entry, policy, expires_s);
		}
	}
	policy_free(&policy);
}
