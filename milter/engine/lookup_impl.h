/*
 * Inside of the lookup machine: what lookup.c and its two tracks share.
 *
 * On the loop.
 */
#ifndef ENGINE_LOOKUP_IMPL_H
#define ENGINE_LOOKUP_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/facts.h"
#include "core/policy.h"
#include "core/scope.h"
#include "core/txt.h"
#include "engine/setup.h"
#include "engine/worker.h"
#include "io/dns.h"
#include "io/fetch.h"

enum policy_step {
	POLICY_STORE,   /* waiting for the store; TXT is asked beside it */
	POLICY_TXT,     /* waiting for the TXT record */
	POLICY_ADDRESS, /* waiting for the addresses of the policy host */
	POLICY_FETCH,   /* waiting for the policy host */
	POLICY_SAVE,    /* waiting until the policy is durable */
	POLICY_DONE
};

enum delivery_step {
	DELIVERY_IDLE,  /* the domain is not known to ask for it */
	DELIVERY_MX,    /* waiting for the MX records */
	DELIVERY_HOSTS, /* waiting for addresses and TLSA of all hosts */
	DELIVERY_DONE
};

/* Texts that the facts point to; they live as long as the lookup. */
struct kept {
	struct kept *next;
	char text[];
};

struct lookup;

/* TLSA records under one name. */
struct tlsa_found {
	struct fact_rrset rrset;
	bool usable;
};

/* What is asked about one host. If it is an alias, TLSA may be at its own name
 * or where the alias leads to: RFC 7672 2.2.2. */
struct host_lookup {
	struct lookup *lookup;
	struct fact_host *host;
	bool aliased; /* then target counts, too */
	const char *target_name;
	struct tlsa_found own;
	struct tlsa_found target;
};

struct lookup {
	struct map_node node;     /* first: a node is its lookup */
	TAILQ_ENTRY(lookup) link; /* in worker->all */
	struct worker *worker;
	struct setup *setup;
	struct target target;
	char key[TARGET_KEY_SIZE];
	TAILQ_HEAD(, waiter) waiters;

	enum policy_step policy_step;
	enum delivery_step delivery_step;
	unsigned pending; /* callbacks that are still to come */
	bool listed;      /* in worker->lookups */
	bool settled;     /* the final verdict was told; what comes is late */
	bool shed;
	bool no_memory; /* for a part of the facts: they are of no use */
	bool reserved;  /* counted in worker->n_reserved */
	bool refresh;   /* fetches the stored policy anew, and nothing else */
	bool delivery;  /* see ask_delivery */
	bool reported;  /* the domain was told, or need not be */
	bool report_verdict;
	bool rechecked; /* the TXT was asked past every cache */
	const struct answer *published;

	struct facts facts;
	struct kept *kept;
	uint32_t policy_ttl_s;
	uint32_t delivery_ttl_s;
	int64_t sig_expires_s; /* wall clock; 0: none */

	/* policy track */
	struct loop_task store_task;
	int store_err;
	struct store_entry *store_entry; /* a copy, one block */
	struct policy *stored_policy;
	struct fact_policy stored;
	char txt_id[TXT_ID_SIZE];
	unsigned addresses_pending;
	size_t n_addresses;
	struct net_address addresses[FETCH_ADDRESSES_MAX];
	char fetch_why[FETCH_WHY_SIZE];
	const char *fetch_result; /* RFC 8460 4.3; NULL: it did not fail */
	struct policy *fetched_policy;

	/* delivery track */
	unsigned hosts_pending;
	struct fact_host *hosts;
	struct host_lookup *host_lookups;
	char target_host[NAME_SIZE + 10];
};

/* Called after every event: enters the states whose time has come. */
void lookup_advance(struct lookup *lookup);

/* A callback has come; may free the lookup, so last of all. */
void lookup_returned(struct lookup *lookup);

/* The same of the last one, after which nothing is judged any more. */
void lookup_left(struct lookup *lookup);

/* A copy that lives with the lookup; "" when memory is out. */
const char *lookup_keep(struct lookup *lookup, const char *text);

/* Limits, see lookup_limit.c. */

/* A stored policy or a pin says so. */
bool lookup_is_known_to_bind(const struct lookup *lookup);

/* Of a new lookup: sheds it if there are too many. */
void lookup_limit(struct lookup *lookup);
/* Once the store was read, of a lookup that was shed. True: it may go on. */
bool lookup_use_reserve(struct lookup *lookup);
/* dns_ask(), or ERR_BUSY when there is no room for this lookup's domain. */
int lookup_ask(struct lookup *lookup, struct dns *dns, const char *name,
    enum dns_type type, dns_done_fn *done, void *arg);

/* The answer's status, kind and reason as a fact; its life into *ttl_s. */
void lookup_absorb(struct lookup *lookup, const struct dns_answer *answer,
    struct fact_rrset *into, uint32_t *ttl_s);

/* The tracks. *_advance may be called in every state. */
void policy_begin(struct lookup *lookup);
void policy_advance(struct lookup *lookup);
/* Asks the TXT once more, past every cache. */
void policy_recheck(struct lookup *lookup);
void policy_release(struct lookup *lookup);

/* From ADDRESS on: lookup_fetch.c. */

/* Begins to fetch the policy that the TXT names. */
void policy_fetch(struct lookup *lookup);
/* The same for the stored one, whatever the TXT says (C-11). */
void policy_refetch(struct lookup *lookup);
void policy_fetch_advance(struct lookup *lookup);
/* For both halves. */
void policy_to_fact(struct fact_policy *fact, const struct policy *policy,
    const char *id, uint64_t age_s);
void policy_store_trouble(struct lookup *lookup, const char *what, int err);
struct lookup *policy_lookup_of(struct loop_task *store_task);

void delivery_advance(struct lookup *lookup, bool wanted);
/* Back to DELIVERY_IDLE, from DELIVERY_DONE. */
void delivery_reset(struct lookup *lookup);

/* Once nothing more will come: lookup_report.c. */
void report_begin(struct lookup *lookup);

#endif
