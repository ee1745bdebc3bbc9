/*
 * Internals of the lookup machine that lookup.c and its two tracks share.
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
#include "core/txt.h"
#include "engine/engine_impl.h"
#include "fetch/fetch.h"

struct lookup;

enum policy_step {
	POLICY_STORE,   /* waiting for the store; TXT is asked beside it */
	POLICY_TXT,     /* waiting for the TXT record */
	POLICY_ADDRESS, /* waiting for the addresses of the policy host */
	POLICY_FETCH,   /* waiting for the policy host */
	POLICY_SAVE,    /* waiting until the policy is durable */
	POLICY_DONE
};

/*
 * The progress of the questions for the keys of the domain's zone. libunbound
 * asks forwarders for DS and DNSKEY only after the answer that they validate,
 * one round trip each; asked ahead, they are in its cache by then.
 */
enum chain_step {
	CHAIN_READY, /* nothing to wait for: also in recursion */
	CHAIN_DS,    /* DS was asked */
	CHAIN_KEY    /* DNSKEY was asked */
};

/* One TXT answer. */
struct txt_answer {
	struct lookup *lookup;
	bool asked;
	bool answered;
	bool stale; /* maybe out of a cache, and not validated (T-13) */
	enum fact_status status;
	enum txt_state state; /* FAILED: there was no answer */
	char id[TXT_ID_SIZE];
	const char *why;
	uint32_t ttl_s;
};

/* The policy host's addresses of one family. Each of the two resolvers is asked
 * for them at most once. */
struct address_family {
	struct address_question {
		struct lookup *lookup;
		struct address_family *family;
		bool asked;
	} unvalidated, validated;
	enum dns_type type;
	bool done;
};

/* Discovery: lookup_discovery.c. */
struct discovery_lookup {
	bool under_way;                /* answers still count */
	bool alone;                    /* a missing TXT needs no proof */
	struct txt_answer unvalidated; /* decides when it names a policy */
	struct txt_answer validated;   /* proves that there is none */
	enum chain_step chain;
	struct fact_rrset ds;
	bool ds_unsigned; /* the domain is proven to be an unsigned zone */
	bool late;        /* the timer ran */
	struct loop_timer late_timer;
	struct loop_timer chain_timer; /* in recursion: to ask beside */
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

/* TLSA records under one name. */
struct tlsa_found {
	struct fact_rrset rrset;
	bool usable;
};

/* The questions about one host. If it is an alias, TLSA may be at its own name
 * or at the target of the alias: RFC 7672 2.2.2. */
struct host_lookup {
	struct lookup *lookup;
	struct fact_host *host;
	const char *zone; /* not asked yet: waits for its keys */
	bool aliased;     /* then target counts, too */
	const char *target_name;
	struct tlsa_found own;
	struct tlsa_found target;
	struct host_question {
		struct host_lookup *host;
		struct fact_rrset *into;
		struct tlsa_found *tlsa; /* NULL: asks for addresses */
	} a, aaaa, own_tlsa, target_tlsa;
};

enum question_kind {
	QUESTION_PLAIN,    /* dns_ask() */
	QUESTION_DISCOVERY /* dns_ask_discovery() */
};

/* One DNS question, from lookup_ask() to its answer. */
struct question {
	TAILQ_ENTRY(question) link; /* while it waits */
	struct lookup *lookup;
	enum lane_kind lane;
	struct dns *dns;
	enum dns_type type;
	enum question_kind how;
	dns_done_fn *done;
	void *arg;
	char name[NAME_SIZE];
};

/* The questions of one lookup in a lane. */
struct turn {
	TAILQ_ENTRY(turn) link;
	bool queued; /* in lane->turns */
	struct lookup *lookup;
	TAILQ_HEAD(, question) waiting;
	size_t n_sent;     /* under way */
	size_t n_answered; /* not counting failures */
};

struct lookup {
	struct map_node node;     /* first: a node is its lookup */
	TAILQ_ENTRY(lookup) link; /* in worker->all */
	TAILQ_ENTRY(lookup) parked_link;
	struct worker *worker;
	struct setup *setup;
	struct target target;
	char key[TARGET_TEXT_SIZE];
	unsigned epoch; /* of the domain when it began, see engine/cache.h */
	unsigned unbound_epoch; /* when it began */
	TAILQ_HEAD(, waiter) waiters;
	struct turn turns[LANES];

	enum policy_step policy_step;
	enum delivery_step delivery_step;
	unsigned pending; /* callbacks that are still to come */
	bool listed;      /* in worker->lookups */
	bool settled; /* the final verdict was given; answers come too late */
	bool shed;
	bool no_memory; /* a part of the facts is missing for want of memory */
	bool queued;    /* no connection was free for the fetch (F-17) */
	bool dropped;   /* questions, for want of room: no verdict is kept */
	bool reserved;  /* counted in worker->n_reserved */
	bool parked;    /* in worker->parked; policy_step is POLICY_STORE */
	bool refresh;   /* fetches the stored policy anew, and nothing else */
	bool delivery;  /* see ASK_DELIVERY */
	bool reported;  /* a report was sent, or is not needed */
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
	struct discovery_lookup discovery;
	char txt_id[TXT_ID_SIZE]; /* "": no TXT names the policy (T-12) */
	char policy_host[sizeof("mta-sts.") + NAME_LEN_MAX];
	struct address_family families[2]; /* A, AAAA of the policy host */
	unsigned addresses_pending;
	bool addresses_enough;  /* the timer ran: do not wait for more */
	bool addresses_unasked; /* one of them, by a fault of our own */
	struct loop_timer address_timer;
	size_t n_addresses;
	size_t n_tried; /* of them, without success; then fetch_why is of the
			   last */
	enum fetch_failure fetch_failure;
	struct net_address addresses[FETCH_ADDRESSES_MAX];
	char fetch_why[FETCH_WHY_SIZE];
	const char *fetch_result; /* RFC 8460 4.3; NULL: it did not fail */
	struct policy *fetched_policy;

	/* delivery track */
	unsigned hosts_pending;
	unsigned zones_pending; /* questions for keys of the hosts' zones */
	bool hosts_waiting;     /* for these answers, or the timer */
	struct loop_timer hosts_timer;
	struct fact_host *hosts;
	struct host_lookup *host_lookups;
	char target_host[NAME_SIZE + 10];
};

/*
 * Ends a callback: decrements pending, advances, and may free the lookup. A
 * timer is not counted as pending: it raises pending first.
 */
void lookup_returned(struct lookup *lookup);

/* The same without advancing, for the callback of the report. */
void lookup_left(struct lookup *lookup);

/* A copy that lives with the lookup; "" when memory is out. */
const char *lookup_keep(struct lookup *lookup, const char *text);

/* Our own part failed (D-20). why lives as long as the lookup. */
static inline void
lookup_error(struct lookup *lookup, const char *why)
{
	lookup->facts.internal_error = true;
	lookup->facts.internal_why = why;
}

/* A stored policy or a pin requires DNSSEC. */
static inline bool
lookup_is_known_to_bind(const struct lookup *lookup)
{
	return lookup->facts.pinned ||
	    (fact_policy_is_live(lookup->facts.stored) &&
		lookup->facts.stored->dnssec);
}

/* A delivery may need TLSA records that the verdict ignores. */
static inline bool
lookup_wants_tlsa(const struct lookup *lookup)
{
	return lookup->setup->rules.tlsa != RULE_TLSA_IGNORED ||
	    lookup->delivery;
}

/* Limits, see lookup_limit.c. */

/* Sheds a new lookup if there are too many. */
void lookup_limit(struct lookup *lookup);
/* Called once the store was read, for a lookup that was shed: begins discovery,
 * lets the lookup wait for room, or ends it. */
void lookup_use_reserve(struct lookup *lookup);
/* Takes it out of worker->parked, if it is there. */
void lookup_unpark(struct lookup *lookup);
/* Called when a lookup was freed: one that waits for room may begin. */
void lookup_ended(struct worker *worker);
/* Called when nobody waits for the lookup any more: in a busy lane its waiting
 * questions fail, and it no longer waits for room. The caller holds the lookup.
 */
void lookup_turns_end(struct lookup *lookup);

/*
 * Asks as soon as it is this lookup's turn (S-08). done is called exactly once,
 * never from inside this call; the lookup must live until then. 0 or a negative
 * error; then done is not called. ERR_BUSY: nobody waits for the lookup and the
 * lane is busy, or the resolver is full while the lane has nothing under way.
 */
int lookup_ask(struct lookup *lookup, struct dns *dns, enum question_kind how,
    const char *name, enum dns_type type, dns_done_fn *done, void *arg);

/* T-13: the resolver without a cache while it has few questions, else the one
 * whose cache is replaced every discovery_ttl_max. */
struct dns *lookup_fresh_or_young(const struct lookup *lookup);

/* The answer's status, kind and reason as a fact; its life into *ttl_s. */
void lookup_absorb(struct lookup *lookup, const struct dns_answer *answer,
    struct fact_rrset *into, uint32_t *ttl_s);

/* The tracks. *_advance may be called in every state. */
void policy_begin(struct lookup *lookup);
void policy_advance(struct lookup *lookup);
/* Asks the TXT once more, past every cache. */
void policy_recheck(struct lookup *lookup);

/* The TXT record and the proof that there is none: lookup_discovery.c. */

/* Asks. alone: the TXT only, past every cache, for a refresh or A-02. */
void discovery_begin(struct lookup *lookup, bool alone);
/* Puts the meaning of the answers so far into the facts. */
void discovery_advance(struct lookup *lookup);
/* Called when no fetch is needed by the answers so far. True: waits for a late
 * TXT or proof. */
bool discovery_goes_on(struct lookup *lookup);
/*
 * True: a validated question about the domain may be asked, as its zone's keys
 * are known or will be known first. False: the lookup advances when it may.
 */
bool discovery_keys_ready(struct lookup *lookup);
/* How long after the question for the keys the validated question is asked. */
#define LOOKUP_MOMENT_MS 15
/*
 * In recursion the validating resolver knows the way to the domain's servers,
 * so discovery asks it first. Discovery can use its answer if that is validated
 * or just came from the network, even a bogus one. If there is no answer after
 * LOOKUP_SLOW_MS, the resolver that does not validate is asked as well.
 */
#define LOOKUP_SLOW_MS 250
static inline bool
lookup_serves_discovery(const struct dns_answer *answer)
{
	return answer->status == FACT_SECURE ||
	    (answer->status != FACT_FAILED && !answer->cached);
}

/* From ADDRESS on: lookup_fetch.c. */

/* Begins to fetch the policy that the TXT names. */
void policy_fetch(struct lookup *lookup);
/* The same for the stored one, whatever the TXT says (C-11). */
void policy_refetch(struct lookup *lookup);
void policy_fetch_advance(struct lookup *lookup);
/* Puts the policy that was fetched into the facts. */
void policy_use_fetched(struct lookup *lookup);
/* Logs an error of the store. */
void policy_store_trouble(struct lookup *lookup, const char *what, int err);

void delivery_advance(struct lookup *lookup, bool wanted);
/* Back to DELIVERY_IDLE, from DELIVERY_DONE. */
void delivery_reset(struct lookup *lookup);
/* Called when no answer is missing any more: lookup_report.c. */
void report_begin(struct lookup *lookup);

#endif
