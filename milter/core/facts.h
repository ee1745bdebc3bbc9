/*
 * What is known about one recipient domain at one moment: the only input of
 * decide(). Plain immutable data; nothing here looks anything up.
 *
 * Zeroed memory is a valid value that means "nothing was looked up yet".
 * Pure. Any thread.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/policy.h"
#include "core/txt.h"

/* D-19: more MX hosts than these are not looked at, and that is said. */
#define FACTS_HOSTS_MAX 32

/* X(member, name). Only SECURE is good (D-07). */
#define FACT_STATUS_TABLE(X)                   \
	X(FACT_UNASKED, "unasked")             \
	X(FACT_SECURE, "secure")               \
	X(FACT_INSECURE, "insecure")           \
	X(FACT_BOGUS, "bogus")                 \
	X(FACT_INDETERMINATE, "indeterminate") \
	X(FACT_FAILED, "failed")

enum fact_status {
#define X(member, name) member,
	FACT_STATUS_TABLE(X)
#undef X
};

/* X(member, name). What an answer held; ANSWER_EMPTY when there was none. */
#define FACT_ANSWER_TABLE(X)           \
	X(ANSWER_EMPTY, "")            \
	X(ANSWER_RECORDS, "records")   \
	X(ANSWER_NODATA, "nodata")     \
	X(ANSWER_NXDOMAIN, "nxdomain") \
	X(ANSWER_NULL_MX, "null-mx") /* RFC 7505 */

enum fact_answer {
#define X(member, name) member,
	FACT_ANSWER_TABLE(X)
#undef X
};

/* One lookup, aliases on the way included (D-17). */
struct fact_rrset {
	enum fact_status status;
	enum fact_answer answer;
	const char *why; /* the validator's or resolver's words; may be NULL */
};

struct fact_host {
	const char *name; /* canonical; "" for a null MX beside others (D-10) */
	uint16_t preference;
	/* name is no host name, but what the MX record has in its place,
	 * escaped; nothing is looked up (D-18) */
	bool unusable;
	bool tlsa_usable; /* one of the records at least: RFC 7672 3.1 */
	struct fact_rrset a;
	struct fact_rrset aaaa;
	struct fact_rrset tlsa;
};

/* A policy with what its life depends on. */
struct fact_policy {
	const char *id;
	uint64_t age_s; /* since the fetch, never negative (S-06) */
	uint32_t max_age_s;
	enum policy_mode mode;
	bool dnssec;
	size_t n_mx;
	const char *const *mx;
};

struct fact_recipient {
	enum address_class class;
	const char *domain; /* the policy domain; NULL or "" without one */
	const char *mailer; /* {rcpt_mailer}; NULL: the MTA did not say */
	const char *host;   /* {rcpt_host}; NULL: the MTA did not say */
};

enum fact_fetch_state {
	FETCH_UNASKED,
	FETCH_OK,
	FETCH_FAILED
};

struct fact_fetch {
	enum fact_fetch_state state;
	const char *error;         /* FETCH_FAILED: for people */
	struct fact_policy policy; /* FETCH_OK: age_s is 0 */
};

struct facts {
	struct fact_recipient recipient;
	bool pinned;          /* must be secure, policy or not (T-14) */
	bool no_mx;           /* next hop is "[host]": no MX lookup */
	uint16_t port;        /* of the TLSA name; 0 means 25 */
	bool resolver_broken; /* the probe: our own path does not validate */
	/* TXT_NONE, MULTIPLE and INVALID are proven, or of an unsigned zone.
	 * TXT_BOGUS and FAILED are not: the policy is fetched all the same
	 * (T-12). */
	enum txt_state txt_state;
	enum fact_status txt_status; /* evidence alone (T-11) */
	const char *txt_id;          /* TXT_VALID */
	const char *txt_why;         /* other states; may be NULL */
	/* TXT_FAILED, but the record or the proof that there is none may still
	 * come. */
	bool txt_late;
	const struct fact_policy *stored; /* NULL: nothing stored */
	struct fact_fetch fetch;
	struct fact_rrset mx;
	/* In order of preference. For an implicit MX (D-09) and for no_mx
	 * the one host that takes its place. */
	size_t n_hosts;
	const struct fact_host *hosts;
	bool hosts_truncated;     /* D-19 */
	bool internal_error;      /* D-20 */
	const char *internal_why; /* of that; may be NULL */
	bool deadline; /* the time of the recipient was used up (S-03) */
};

/*
 * A copy in one block of memory that lives on its own, strings included.
 * NULL: no memory. Free with free(). *size (may be NULL) is its octets.
 */
struct facts *facts_copy(const struct facts *facts, size_t *size);

/* D-12: absent is what is proven absent. */
bool fact_rrset_is_absent(const struct fact_rrset *rrset);

/* A host that no mail goes to: a null MX beside others (D-10), a record that
 * names no host, a host without address (D-18). */
bool fact_host_is_skipped(const struct fact_host *host);

#define FACTS_SKIPPED_SIZE 512

/* "no host name: 192.0.2.9; no address: mx1.example.org": the hosts that are
 * skipped, "" for none. Cut if there are too many. */
void
facts_skipped_text(const struct facts *facts, char out[FACTS_SKIPPED_SIZE]);

/* A stored policy that is still to be used: C-02, C-08. */
bool fact_policy_is_live(const struct fact_policy *policy);

const char *fact_status_name(enum fact_status status);
const char *fact_answer_name(enum fact_answer answer);
/* -1 if there is none of that name. */
int fact_status_by_name(const char *name);
int fact_answer_by_name(const char *name);

#endif
