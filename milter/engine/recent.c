/* Remembers failed fetches, secure domains and the wall clock. See recent.h. */
#include "autoconf.h"

#include "engine/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/name.h"
#include "core/txt.h"
#include "core/verdict.h"
#include "engine/engine_impl.h"
#include "log/log.h"

/* --- back-off --------------------------------------------------------------
 */

struct failure {
	struct lru_node node; /* first: a node is its failure */
	uint64_t until_ms;
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	char error[BACKOFF_ERROR_SIZE];
};

const char *
backoff_error(const struct lru *backoff, const char *domain, const char *id,
    uint64_t now_ms)
{
	const struct failure *f = (struct failure *)lru_find(backoff, domain);

	if (f == NULL || now_ms >= f->until_ms ||
	    (id[0] != '\0' && strcmp(f->id, id) != 0))
		return NULL;
	return f->error;
}

/* Adds an entry whose key is set; if there are more than max, forgets the
 * oldest. False: no memory; then *node is freed. */
static bool
remember(struct lru *lru, struct lru_node *node, size_t max)
{
	struct lru_node *oldest = node;
	bool added = lru_add(lru, node) == 0;

	if (added && lru->map.n <= max)
		return true;
	if (added) {
		oldest = lru->list[0].oldest;
		lru_remove(lru, oldest);
	}
	free(oldest);
	return added;
}

bool
backoff_add(struct lru *lru, const char *domain, const char *id,
    uint64_t until_ms, const char *error)
{
	struct failure *f = (struct failure *)lru_find(lru, domain);
	bool first = f == NULL || strcmp(f->id, id) != 0;

	if (f != NULL) {
		lru_use(lru, &f->node, 0);
	} else {
		f = calloc(1, sizeof(*f));
		if (f == NULL)
			return first;
		(void)snprintf(f->domain, sizeof(f->domain), "%s", domain);
		f->node.node.key = f->domain;
		if (!remember(lru, &f->node, BACKOFF_ENTRIES_MAX))
			return first;
	}
	f->until_ms = until_ms;
	(void)snprintf(f->id, sizeof(f->id), "%s", id);
	(void)snprintf(f->error, sizeof(f->error), "%s", error);
	return first;
}

void
backoff_remove(struct lru *backoff, const char *domain)
{
	struct lru_node *node = lru_find(backoff, domain);

	if (node != NULL)
		lru_remove(backoff, node);
	free(node);
}

/* --- flaps -----------------------------------------------------------------
 */

struct judged {
	struct lru_node node; /* first: a node is its judged domain */
	bool secure;
	char key[TARGET_TEXT_SIZE];
};

/* The state of the domain's DNS that a reason shows. A failed lookup shows
 * neither: it is no sign of tampering. */
enum shown {
	SHOWS_NEITHER,
	SHOWS_SECURE,
	SHOWS_INSECURE
};

/* A switch, so that the compiler asks for each new reason. */
static enum shown
shown_by(enum reason reason)
{
	switch (reason) {
	case REASON_SECURE:
	case REASON_NULL_MX:
	case REASON_NO_SUCH_DOMAIN:
	case REASON_NO_USABLE_HOST:
		return SHOWS_SECURE;
	case REASON_MX_INSECURE:
	case REASON_MX_BOGUS:
	case REASON_ADDRESS_INSECURE:
	case REASON_ADDRESS_BOGUS:
	case REASON_TLSA_INSECURE:
	case REASON_TLSA_BOGUS:
		return SHOWS_INSECURE;
	case REASON_NO_DOMAIN:
	case REASON_LITERAL:
	case REASON_SMART_HOST_ADDRESS:
	case REASON_INVALID_ADDRESS:
	case REASON_LOCAL:
	case REASON_EXEMPT:
	case REASON_NO_POLICY:
	case REASON_NO_DNSSEC_FLAG:
	case REASON_MX_FAILED:
	case REASON_ADDRESS_FAILED:
	case REASON_TLSA_FAILED:
	case REASON_TLSA_MISSING:
	case REASON_MX_MISMATCH:
	case REASON_HOSTS_TRUNCATED:
	case REASON_DISCOVERY_FAILED:
	case REASON_DISCOVERY_BOGUS:
	case REASON_DEADLINE:
	case REASON_RESOLVER_BROKEN:
	case REASON_INTERNAL_ERROR:
	case REASON_COUNT:
		break;
	}
	return SHOWS_NEITHER;
}

static void
alert(struct log *log, const struct judged *domain,
    const struct verdict *verdict)
{
	char evidence[EVIDENCE_TEXT_SIZE];
	struct log_event event;

	log_begin(&event, log, LOG_LEVEL_WARNING, "alert");
	log_str(&event, "domain", domain->key);
	log_str(&event, "was", domain->secure ? "insecure" : "secure");
	log_str(&event, "is", domain->secure ? "secure" : "insecure");
	log_str(&event, "reason", reason_name(verdict->reason));
	if (!domain->secure) {
		evidence_text(&verdict->decided_by, evidence);
		log_str(&event, "decided_by", evidence);
		if (verdict->decided_by.why != NULL)
			log_str(&event, "why", verdict->decided_by.why);
	}
	log_end(&event);
}

void
flap_note(struct lru *flaps, struct log *log, const char *key,
    const struct verdict *verdict)
{
	const enum shown shown = shown_by(verdict->reason);
	const bool secure = shown == SHOWS_SECURE;
	struct judged *domain;

	if (shown == SHOWS_NEITHER || !verdict_is_bound(verdict))
		return;
	domain = (struct judged *)lru_find(flaps, key);
	if (domain != NULL) {
		lru_use(flaps, &domain->node, 0);
		if (domain->secure != secure) {
			domain->secure = secure;
			alert(log, domain, verdict);
		}
		return;
	}

	/* At the first verdict there is nothing to compare with. */
	domain = calloc(1, sizeof(*domain));
	if (domain == NULL)
		return;
	(void)snprintf(domain->key, sizeof(domain->key), "%s", key);
	domain->node.node.key = domain->key;
	domain->secure = secure;
	(void)remember(flaps, &domain->node, FLAP_ENTRIES_MAX);
}

/* --- the wall clock --------------------------------------------------------
 */

void
wall_init(struct wall *wall, uint64_t mono_ms, int64_t wall_s)
{
	atomic_init(&wall->ahead_s, wall_s - (int64_t)(mono_ms / 1000));
}

bool
wall_set_back(struct wall *wall, uint64_t mono_ms, int64_t wall_s)
{
	int64_t now_s = wall_s - (int64_t)(mono_ms / 1000);
	int64_t was_s = atomic_load(&wall->ahead_s);

	/* Of several threads that see the step, one reports it. */
	while (now_s > was_s || now_s <= was_s - WALL_BACK_S) {
		bool back = now_s < was_s;

		if (atomic_compare_exchange_weak(&wall->ahead_s, &was_s, now_s))
			return back;
	}
	return false;
}
