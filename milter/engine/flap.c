/* Which bound domains were secure. */
#include "autoconf.h"

#include "engine/flap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/map.h"
#include "core/verdict.h"
#include "engine/worker.h"
#include "log/log.h"

struct entry {
	struct map_node node; /* first: a node is its entry */
	TAILQ_ENTRY(entry) age;
	bool secure;
	char key[TARGET_KEY_SIZE];
};

struct flap {
	struct log *log;
	struct map map;
	TAILQ_HEAD(, entry) ages; /* judged longest ago first */
};

static void
drop(struct flap *flap, struct entry *e)
{
	map_remove(&flap->map, &e->node);
	TAILQ_REMOVE(&flap->ages, e, age);
	free(e);
}

struct flap *
flap_new(struct log *log)
{
	struct flap *flap = calloc(1, sizeof(*flap));

	if (flap != NULL) {
		flap->log = log;
		TAILQ_INIT(&flap->ages);
	}
	return flap;
}

void
flap_free(struct flap **flap)
{
	if (*flap == NULL)
		return;
	while (!TAILQ_EMPTY(&(*flap)->ages))
		drop(*flap, TAILQ_FIRST(&(*flap)->ages));
	map_clear(&(*flap)->map);
	free(*flap);
	*flap = NULL;
}

/* What the verdict says of the domain's DNS: 1 secure, 0 not, -1 nothing. A
 * lookup that failed is no sign of tampering. */
static int
signed_as_announced(enum reason reason)
{
	switch (reason) {
	case REASON_SECURE:
	case REASON_NULL_MX:
	case REASON_NO_SUCH_DOMAIN:
	case REASON_NO_USABLE_HOST:
		return 1;
	case REASON_MX_INSECURE:
	case REASON_MX_BOGUS:
	case REASON_ADDRESS_INSECURE:
	case REASON_ADDRESS_BOGUS:
	case REASON_TLSA_INSECURE:
	case REASON_TLSA_BOGUS:
		return 0;
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
	return -1;
}

static void
tell(struct flap *flap, const struct entry *e, const struct verdict *verdict)
{
	char evidence[EVIDENCE_TEXT_SIZE];
	struct log_event event;

	log_begin(&event, flap->log, LOG_LEVEL_WARNING, "alert");
	log_str(&event, "domain", e->key);
	log_str(&event, "was", e->secure ? "insecure" : "secure");
	log_str(&event, "is", e->secure ? "secure" : "insecure");
	log_str(&event, "reason", reason_name(verdict->reason));
	if (!e->secure) {
		evidence_text(&verdict->decided_by, evidence);
		log_str(&event, "decided_by", evidence);
		if (verdict->decided_by.why != NULL)
			log_str(&event, "why", verdict->decided_by.why);
	}
	log_end(&event);
}

static struct entry *
add(struct flap *flap, const char *key, bool secure)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	(void)snprintf(e->key, sizeof(e->key), "%s", key);
	e->node.key = e->key;
	e->secure = secure;
	if (map_insert(&flap->map, &e->node) != 0) {
		free(e);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&flap->ages, e, age);
	if (flap->map.n > FLAP_ENTRIES_MAX)
		drop(flap, TAILQ_FIRST(&flap->ages));
	return e;
}

void
flap_note(struct flap *flap, const char *key, const struct verdict *verdict)
{
	int is_secure = signed_as_announced(verdict->reason);
	struct entry *e;

	if (is_secure < 0 || !verdict_is_bound(verdict))
		return;
	e = (struct entry *)map_find(&flap->map, key);
	if (e == NULL) {
		(void)add(flap, key, is_secure == 1);
		return;
	}
	TAILQ_REMOVE(&flap->ages, e, age);
	TAILQ_INSERT_TAIL(&flap->ages, e, age);
	if (e->secure != (is_secure == 1)) {
		e->secure = is_secure == 1;
		tell(flap, e, verdict);
	}
}
