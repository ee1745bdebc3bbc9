/*
 * Answers an MTA that asks for the TLS policy of a domain before a delivery
 * (Postfix: smtp_tls_policy_maps; Sendmail: FEATURE(`sts')). The answer is
 * derived from the verdict and its evidence.
 *
 *   dnssec: yes,    not secure                           defer
 *   or pinned       null MX, no such domain, no host     dane-only
 *                   a host has or may have usable TLSA   dane-only
 *                   no host has, mode enforce            secure
 *                   no host has, any other mode          encrypt or verify
 *   mode enforce,   an answer is missing (time is up)    defer
 *   no dnssec: yes  MX not secure: there is no DANE      secure
 *                   a host has or may have usable TLSA   dane-only
 *                   no host has                          secure
 *   an error of our own, policy not known                defer
 *   dane_for_all,   an answer is missing, or MX failed   defer
 *   all others      MX insecure, or a host has no DANE   none
 *                   a host has usable TLSA               dane-only
 *                   the lookups of all hosts failed      defer
 *   all others                                           none
 *
 * The first row that fits counts. A host may have usable TLSA if the lookup of
 * its TLSA records failed or was bogus. With dane_for_all, hosts whose lookup
 * failed or was bogus do not count beside one that has usable TLSA (RFC 7672
 * 2.1.2: they get no mail), and a list of hosts that was cut off is "none".
 *
 * A map answers for a domain, not for a host. Where some hosts have TLSA
 * records and others have none, "secure" would accept a certificate of any
 * trusted authority from a host whose DANE fails: MTA-STS must not override
 * DANE (RFC 8461 2; S-01). With "dane-only" the MTA skips the hosts that have
 * no TLSA records.
 *
 * The answer is never Postfix' level "dane": when Postfix' own resolver finds
 * no TLSA records, "dane" falls back to "may", and an attacker who denies these
 * records gets cleartext in spite of mode enforce (S-07).
 *
 * An MTA without DANE has nothing to override: MTA-STS is the best answer for
 * it, and "not found" would mean opportunistic TLS.
 *
 * Pure. Any thread.
 */
#ifndef CORE_TLS_POLICY_H
#define CORE_TLS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/facts.h"
#include "core/verdict.h"

/* X(member, name in logs) */
#define TLS_POLICY_TABLE(X)                                                   \
	X(TLS_POLICY_NONE, "none")           /* not found */                  \
	X(TLS_POLICY_DEFER, "defer")         /* a temporary error */          \
	X(TLS_POLICY_DANE_ONLY, "dane-only") /* no host without TLSA */       \
	X(TLS_POLICY_SECURE, "secure")       /* PKIX, a name of the policy */ \
	X(TLS_POLICY_VERIFY, "verify")       /* PKIX, the MX host's name */   \
	X(TLS_POLICY_ENCRYPT, "encrypt")     /* TLS, nobody authenticated */

enum tls_policy_kind {
	TLS_POLICY_TABLE(NAMES_MEMBER) TLS_POLICY_KINDS
};

enum tls_no_tlsa {
	TLS_NO_TLSA_ENCRYPT,
	TLS_NO_TLSA_VERIFY
};

/* Options of dane-sts-milter.conf(5). Zeroed memory holds the defaults. */
struct tls_rules {
	enum tls_no_tlsa no_tlsa; /* bound, no TLSA, mode is not enforce */
	/* mode enforce without dnssec: yes, and every host has usable TLSA:
	 * "none" instead of "dane-only" */
	bool leave_dane;
	bool no_dane;      /* the MTA has no DANE: TLSA records are ignored */
	bool dane_for_all; /* DANE also where no policy asks for TLS */
	bool resolver_may_fail; /* without DANE while the resolver is broken */
	bool tlsrpt; /* attributes for reports; Postfix 3.10 and later */
};

/* The pointers are those of the arguments of tls_policy_judge(). */
struct tls_policy {
	enum tls_policy_kind kind;
	/* TLS_POLICY_DEFER only because answers are missing. */
	bool unknown;
	/* The record whose failed lookup makes dane_for_all defer, or none. */
	struct evidence blame;
	const struct facts *facts;
	const struct verdict *verdict;
};

/* Facts and verdict: those of ASK_DELIVERY (engine/ask.h). */
void tls_policy_judge(const struct facts *facts, const struct verdict *verdict,
    const struct tls_rules *rules, struct tls_policy *out);

/* True if the answer depends on records that the verdict does not need. */
bool tls_policy_wants_delivery(const struct facts *facts, bool dane_for_all);

enum tls_dialect {
	/* smtp_tls_policy_maps, see postconf(5) */
	TLS_DIALECT_POSTFIX,
	/* The map of FEATURE(`sts'): knows "secure" alone. Sendmail does DANE
	 * by itself (confDANE), if it was built with it. Levels that it does
	 * not know are answered as "none". */
	TLS_DIALECT_SENDMAIL
};

/* The attributes for reports did not fit. */
#define TLS_POLICY_SHORTENED 1

/*
 * Writes the answer of a socketmap: "OK secure match=...", "NOTFOUND ", "TEMP
 * ...". 0 or TLS_POLICY_SHORTENED. With ERR_TOOLONG, or ERR_SYNTAX (facts that
 * are not printable), *out is a temporary error, so that a policy that cannot
 * be written does not become none. size: at least 1024.
 */
int tls_policy_format(const struct tls_policy *policy,
    const struct tls_rules *rules, enum tls_dialect dialect, char *out,
    size_t size);

/* Postfix does not read longer replies, socketmap_table(5). */
#define TLS_ANSWER_MAX 100000

/* The same in memory of the size it needs; NULL: no memory. Free with free().
 */
char *tls_policy_text(const struct tls_policy *policy,
    const struct tls_rules *rules, enum tls_dialect dialect);

/* tls_policy_judge() and tls_policy_text() in one. */
char *tls_answer(const struct facts *facts, const struct verdict *verdict,
    const struct tls_rules *rules, enum tls_dialect dialect,
    enum tls_policy_kind *kind);

const char *tls_policy_name(enum tls_policy_kind kind);

/*
 * Prints an answer of tls_policy_text() for people, without the end of the
 * line: "at delivery: dane-only".
 */
void tls_answer_print(FILE *out, const char *answer);

/*
 * X(name, dialect, tlsrpt): the maps that an MTA can name in a request,
 * including those of postfix-tlspol. tlsrpt: add attributes for reports
 * whatever the option says, so that one daemon can serve Postfix before and
 * after 3.10.
 */
#define TLS_MAP_TABLE(X)                                \
	X("postfix", TLS_DIALECT_POSTFIX, false)        \
	X("policy", TLS_DIALECT_POSTFIX, false)         \
	X("QUERY", TLS_DIALECT_POSTFIX, false)          \
	X("postfix-tlsrpt", TLS_DIALECT_POSTFIX, true)  \
	X("QUERYwithTLSRPT", TLS_DIALECT_POSTFIX, true) \
	X("sts", TLS_DIALECT_SENDMAIL, false)

struct tls_map {
	const char *name;
	enum tls_dialect dialect;
	bool tlsrpt;
};

/* NULL: there is none of that name. name: any octets. */
const struct tls_map *tls_map_find(const char *name, size_t len);

/* All names: "postfix, policy, ..." */
const char *tls_map_names(void);

#endif
