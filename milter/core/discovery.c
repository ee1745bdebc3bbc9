/* Which policy applies: the one just fetched, the stored one, or none. */
#include "autoconf.h"

#include "core/discovery.h"

#include <string.h>

static bool
txt_names(const struct facts *facts, const struct fact_policy *policy)
{
	return facts->txt_id != NULL && policy->id != NULL &&
	    strcmp(facts->txt_id, policy->id) == 0;
}

/*
 * T-12: an attacker who strips DNSSEC suppresses the TXT as well. But while our
 * own path to the DNS does not validate, no denial is ever proven.
 */
static bool
needs_fetch(const struct facts *facts, const struct fact_policy *live)
{
	switch (facts->txt_state) {
	case TXT_VALID:
		return live == NULL || !txt_names(facts, live);
	case TXT_FAILED:
	case TXT_BOGUS:
		return live == NULL && !facts->resolver_broken;
	case TXT_UNASKED:
	case TXT_NONE:
	case TXT_MULTIPLE:
	case TXT_INVALID:
		break;
	}
	return false;
}

void
discovery_judge(const struct facts *facts, struct discovery *out)
{
	const struct fact_policy *live =
	    fact_policy_is_live(facts->stored) ? facts->stored : NULL;

	out->fetch_needed = needs_fetch(facts, live);

	/* C-07: at once, also when it is weaker. C-08: max_age 0 counts for
	 * the transaction it was fetched for. */
	if (facts->fetch.state == FETCH_OK) {
		out->policy = &facts->fetch.policy;
		out->from = POLICY_FROM_FETCH;
		out->pending = false;
		return;
	}
	/* C-04, C-05: neither a bad TXT nor a failed fetch takes it away. */
	out->policy = live;
	out->from = live != NULL ? POLICY_FROM_CACHE : POLICY_FROM_NONE;
	out->pending = facts->txt_state == TXT_UNASKED || facts->txt_late ||
	    (out->fetch_needed && facts->fetch.state == FETCH_UNASKED);
}

bool
discovery_is_fresh(const struct facts *facts, const struct discovery *discovery)
{
	return facts->txt_state == TXT_VALID && !facts->deadline &&
	    (discovery->from == POLICY_FROM_FETCH || !discovery->fetch_needed);
}
