/*
 * The facts about one recipient domain at one moment: the only input of
 * decide(). Plain immutable data; nothing here looks anything up.
 *
 * Zeroed memory is valid and means "nothing was looked up yet".
 * Pure. Any thread.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/names.h"
#include "core/policy.h"
#include "core/txt.h"

/* D-19: MX hosts beyond this number are not looked up; the log says so. */
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
	FACT_STATUS_TABLE(NAMES_MEMBER)
};

/* X(member, name): the content of an answer; ANSWER_EMPTY without an answer. */
#define FACT_ANSWER_TABLE(X)           \
	X(ANSWER_EMPTY, "")            \
	X(ANSWER_RECORDS, "records")   \
	X(ANSWER_NODATA, "nodata")     \
	X(ANSWER_NXDOMAIN, "nxdomain") \
	X(ANSWER_NULL_MX, "null-mx") /* RFC 7505 */

enum fact_answer {
	FACT_ANSWER_TABLE(NAMES_MEMBER)
};

/* One lookup, aliases on the way included (D-17). */
struct fact_rrset {
	enum fact_status status;
	enum fact_answer answer;
	const char *why; /* text of the validator or resolver; may be NULL */
};

struct fact_host {
	const char *name; /* canonical; "" for a null MX beside others (D-10) */
	uint16_t preference;
	/* The MX record names no host: name is its escaped content, and nothing
	 * is looked up (D-18). */
	bool unusable;
	bool tlsa_usable; /* at least one TLSA record is: RFC 7672 3.1 */
	struct fact_rrset a;
	struct fact_rrset aaaa;
	struct fact_rrset tlsa;
};

/* A policy with its id and age. */
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
	/* Beside TXT_FAILED: the record, or the proof that there is none, may
	 * still come. */
	bool txt_late;
	const struct fact_policy *stored; /* NULL: nothing stored */
	struct fact_fetch fetch;
	struct fact_rrset mx;
	/* In order of preference. For an implicit MX (D-09) and for no_mx there
	 * is one host in place of the MX hosts. */
	size_t n_hosts;
	const struct fact_host *hosts;
	bool hosts_truncated; /* there are more than FACTS_HOSTS_MAX (D-19) */
	bool internal_error;  /* a fault of our own (D-20) */
	const char *internal_why; /* its cause; may be NULL */
	bool deadline;            /* the recipient's time was up (S-03) */
};

/*
 * A copy in one block of memory that lives on its own, strings included.
 * NULL: no memory. Free with free(). *size (may be NULL) is its octets.
 */
struct facts *facts_copy(const struct facts *facts, size_t *size);

/* Securely there. */
static inline bool
fact_rrset_is_present(const struct fact_rrset *rrset)
{
	return rrset->status == FACT_SECURE && rrset->answer == ANSWER_RECORDS;
}

/* D-12: securely denied. */
static inline bool
fact_rrset_is_absent(const struct fact_rrset *rrset)
{
	return rrset->status == FACT_SECURE &&
	    (rrset->answer == ANSWER_NODATA ||
		rrset->answer == ANSWER_NXDOMAIN);
}

/* No mail goes to this host: it is a null MX beside others (D-10), a record
 * that names no host, or a host without address (D-18). */
static inline bool
fact_host_is_skipped(const struct fact_host *host)
{
	return host->unusable || host->name[0] == '\0' ||
	    (fact_rrset_is_absent(&host->a) &&
		fact_rrset_is_absent(&host->aaaa));
}

#define FACTS_SKIPPED_SIZE 512

/* Lists the hosts that are skipped: "no host name: 192.0.2.9; no address:
 * mx1.example.org". "" if there are none; cut if there are too many. */
void
facts_skipped_text(const struct facts *facts, char out[FACTS_SKIPPED_SIZE]);

/* A fact that borrows id and the patterns of policy. S-06: a negative age, of a
 * fetch in the future, counts as 0. */
struct fact_policy
fact_policy_of(const struct policy *policy, const char *id, int64_t age_s);
/* C-02, C-08: the stored policy has not expired. False for NULL. */
static inline bool
fact_policy_is_live(const struct fact_policy *policy)
{
	return policy != NULL && policy->max_age_s > 0 &&
	    policy->age_s <= policy->max_age_s;
}

const char *fact_status_name(enum fact_status status);
const char *fact_answer_name(enum fact_answer answer);
/* -1 if there is none of that name. */
int fact_status_by_name(const char *name);
int fact_answer_by_name(const char *name);

#endif
