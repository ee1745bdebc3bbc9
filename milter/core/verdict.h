/*
 * Verdicts and their reasons. One row of REASON_TABLE makes a reason: its
 * name in logs and facts, the words of the SMTP reply, the TLSRPT result type
 * (RFC 8460 4.3; L-02) and, from the name, its metric.
 *
 * Pure. Any thread.
 */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include <stddef.h>

#include "core/facts.h"

/*
 * X(member, log name, reply text, TLSRPT result type or "")
 *
 * The reply text follows "<domain>: ". %R stands for the record that decided,
 * in words ("MX of example.org"), %S for its status. Empty: this reason never
 * defers.
 */
#define REASON_TABLE(X)                                                       \
	X(REASON_NO_DOMAIN, "no-domain", "", "")                              \
	X(REASON_LITERAL, "literal", "", "")                                  \
	X(REASON_SMART_HOST_ADDRESS, "smart-host-address", "", "")            \
	X(REASON_INVALID_ADDRESS, "invalid-address",                          \
	    "policy discovery, the domain is no DNS name", "")                \
	X(REASON_LOCAL, "local", "", "")                                      \
	X(REASON_EXEMPT, "exempt", "", "")                                    \
	X(REASON_NO_POLICY, "no-policy", "", "")                              \
	X(REASON_NO_DNSSEC_FLAG, "no-dnssec-flag", "", "")                    \
	X(REASON_SECURE, "secure", "", "")                                    \
	X(REASON_NULL_MX, "null-mx", "", "")                                  \
	X(REASON_NO_SUCH_DOMAIN, "no-such-domain", "", "")                    \
	X(REASON_NO_USABLE_HOST, "no-usable-host", "", "")                    \
	X(REASON_MX_INSECURE, "mx-insecure",                                  \
	    "DNSSEC required by policy, %R: %S", "validation-failure")        \
	X(REASON_MX_BOGUS, "mx-bogus", "DNSSEC required by policy, %R: %S",   \
	    "dnssec-invalid")                                                 \
	X(REASON_MX_FAILED, "mx-failed", "DNSSEC required by policy, %R: %S", \
	    "validation-failure")                                             \
	X(REASON_ADDRESS_INSECURE, "address-insecure",                        \
	    "DNSSEC required by policy, %R: %S", "validation-failure")        \
	X(REASON_ADDRESS_BOGUS, "address-bogus",                              \
	    "DNSSEC required by policy, %R: %S", "dnssec-invalid")            \
	X(REASON_ADDRESS_FAILED, "address-failed",                            \
	    "DNSSEC required by policy, %R: %S", "validation-failure")        \
	X(REASON_TLSA_INSECURE, "tlsa-insecure",                              \
	    "DNSSEC required by policy, %R: %S", "validation-failure")        \
	X(REASON_TLSA_BOGUS, "tlsa-bogus",                                    \
	    "DNSSEC required by policy, %R: %S", "dnssec-invalid")            \
	X(REASON_TLSA_FAILED, "tlsa-failed",                                  \
	    "DNSSEC required by policy, %R: %S", "validation-failure")        \
	X(REASON_TLSA_MISSING, "tlsa-missing",                                \
	    "DNSSEC required by policy, %R: missing", "tlsa-invalid")         \
	X(REASON_MX_MISMATCH, "mx-mismatch",                                  \
	    "DNSSEC required by policy, %R: not in the policy",               \
	    "validation-failure")                                             \
	X(REASON_HOSTS_TRUNCATED, "hosts-truncated",                          \
	    "DNSSEC required by policy, %R: too many hosts",                  \
	    "validation-failure")                                             \
	X(REASON_DISCOVERY_FAILED, "discovery-failed",                        \
	    "policy discovery, %R: %S", "sts-policy-fetch-error")             \
	X(REASON_DISCOVERY_BOGUS, "discovery-bogus",                          \
	    "policy discovery, %R: %S", "dnssec-invalid")                     \
	X(REASON_DEADLINE, "deadline",                                        \
	    "DNSSEC required by policy, %R: not answered in time",            \
	    "validation-failure")                                             \
	X(REASON_RESOLVER_BROKEN, "resolver-broken",                          \
	    "DNSSEC required by policy, resolver: does not validate", "")     \
	X(REASON_INTERNAL_ERROR, "internal-error",                            \
	    "DNSSEC not checked, filter: internal error", "")

enum reason {
	REASON_TABLE(NAMES_MEMBER) REASON_COUNT
};

/* X(member, log name) */
#define VERDICT_TABLE(X)            \
	X(VERDICT_PASS, "pass")     \
	X(VERDICT_DEFER, "defer")   \
	X(VERDICT_REJECT, "reject") \
	X(VERDICT_QUARANTINE, "quarantine")

enum verdict_kind {
	VERDICT_TABLE(NAMES_MEMBER)
};

/* X(member, log name): the source of the policy that was applied */
#define POLICY_FROM_TABLE(X)          \
	X(POLICY_FROM_NONE, "none")   \
	X(POLICY_FROM_CACHE, "cache") \
	X(POLICY_FROM_FETCH, "fetch")

enum policy_from {
	POLICY_FROM_TABLE(NAMES_MEMBER)
};

/* X(member, as in "decided_by", as in replies) */
#define EVIDENCE_TABLE(X)                        \
	X(EVIDENCE_NONE, "", "")                 \
	X(EVIDENCE_TXT, "TXT", "TXT of")         \
	X(EVIDENCE_FETCH, "policy", "policy of") \
	X(EVIDENCE_MX, "MX", "MX of")            \
	X(EVIDENCE_HOSTS, "hosts", "MX of")      \
	X(EVIDENCE_HOST, "MX host", "MX host")   \
	X(EVIDENCE_A, "A", "A of")               \
	X(EVIDENCE_AAAA, "AAAA", "AAAA of")      \
	X(EVIDENCE_TLSA, "TLSA", "TLSA of")      \
	X(EVIDENCE_PATTERN, "mx pattern", "MX host")

enum evidence_kind {
	EVIDENCE_TABLE(NAMES_MEMBER)
};

/* A record that counts for or against a domain. name points into the facts. */
struct evidence {
	enum evidence_kind kind; /* EVIDENCE_NONE: only why has a meaning */
	/* the domain or host; evidence_owner() adds the prefix ("_mta-sts.",
	 * "_25._tcp.") */
	const char *name;
	uint16_t port; /* of EVIDENCE_TLSA */
	enum fact_status status;
	enum fact_answer answer;
	const char *why; /* may be NULL */
};

/* Borrowed pointers point into the facts that were judged. */
struct verdict {
	enum verdict_kind kind;
	enum reason reason;
	struct evidence decided_by;
	struct evidence worst; /* of the hosts; EVIDENCE_NONE: all were good */
	bool pinned; /* the domain requires DNSSEC without a policy (T-14) */
	enum policy_from policy_from;
	const struct fact_policy *policy; /* NULL: none applied */
	/* False: the verdict was certain before the policy was known, or
	 * discovery failed and no policy was stored. */
	bool policy_known;
	unsigned hosts_good;
	unsigned hosts_total;
};

/* A live policy or a pin demands DNSSEC. */
static inline bool
verdict_is_bound(const struct verdict *verdict)
{
	return verdict->pinned ||
	    (verdict->policy != NULL && verdict->policy->dnssec);
}

/* The columns of REASON_TABLE that follow the name. */
struct reason_text {
	const char *reply;
	const char *tlsrpt;
};
extern const struct reason_text reason_texts[REASON_COUNT];

const char *reason_name(enum reason reason);
int reason_by_name(const char *name); /* -1 if there is none */
const char *verdict_name(enum verdict_kind kind);
const char *policy_from_name(enum policy_from from);
/* By enum evidence_kind: "MX of". */
extern const char *const evidence_reply_names[];

#define EVIDENCE_TEXT_SIZE 640

/* "_25._tcp.mx1.example.org TLSA bogus", as in logs, JSON and the tree. A text
 * that is too long is cut. */
void evidence_text(const struct evidence *e, char out[EVIDENCE_TEXT_SIZE]);
/* The owner name of the record alone; "" for EVIDENCE_NONE. */
void evidence_owner(const struct evidence *e, char *out, size_t size);

/* --- the SMTP reply (A-01, A-04; RFC 3463 3.8) --- */

#define REPLY_TEXT_MAX 400 /* octets, doubled % included */

struct reply {
	char code[4];  /* "450" or "550" */
	char xcode[6]; /* "4.7.5" or "5.7.5", of the same class as code */
	/* One line of printable ASCII. `%` is doubled, as smfi_setreply
	 * wants it: a single one makes Sendmail turn 450 into 550. */
	char text[REPLY_TEXT_MAX + 1];
};

/* All verdicts but VERDICT_REJECT get the temporary codes. */
void reply_format(const struct facts *facts, const struct verdict *verdict,
    struct reply *out);

#endif
