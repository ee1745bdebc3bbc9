/*
 * DNS lookups. Hides getdns and the libunbound inside it.
 *
 * A struct dns either validates every answer, or none: policy discovery uses
 * one that does not validate, because it must not fail where validation fails
 * (T-11). The answers of the latter are INDETERMINATE or FAILED, never SECURE.
 *
 * A struct dns belongs to one thread, that of its event_base: every function
 * but dns_check is called there, and every callback runs there.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/facts.h"

struct event_base;
struct dns;
struct metrics;

#define DNS_ERROR_SIZE  512
#define DNS_WHY_SIZE    256
#define DNS_ALIASES_MAX 12  /* links of a CNAME chain; more: FAILED (D-19) */
#define DNS_RECORDS_MAX 256 /* of one RRset; the rest is cut, truncated set */

/* Borrowed while dns_check or dns_new run, not after. */
struct dns_config {
	/* {}: recursion from the root; "system"; "IP", "IP@PORT": forwarders;
	 * "IP@PORT#NAME": strict DNS over TLS (getdns stub) */
	size_t n_resolvers;
	const char *const *resolvers;
	const char *unbound_conf; /* "" or NULL: none */
	const char *root_hints;   /* "" or NULL: built in */
	const char *ca_file;      /* DNS over TLS; "" or NULL: the system's */
	const char *trust_anchor; /* file: DNSKEY or DS, zone format */
	/* Of one question, retries included. After a bogus answer over DNS over
	 * TLS, one DS question for each label and the first question once more
	 * may follow, each with a timeout of its own (dns_second.c). */
	unsigned timeout_ms;
	bool uncached;    /* every lookup asks afresh; costly */
	bool unvalidated; /* no DNSSEC: for discovery alone (T-11) */
	/* unvalidated: no answer is used for longer, whatever TTL it claims
	 * (T-13); 0: no limit */
	unsigned unvalidated_max_ms;
	struct metrics *metrics; /* NULL: not counted */
};

/* X(member, value, name) */
#define DNS_TYPE_TABLE(X)           \
	X(DNS_A, 1, "A")            \
	X(DNS_MX, 15, "MX")         \
	X(DNS_TXT, 16, "TXT")       \
	X(DNS_AAAA, 28, "AAAA")     \
	X(DNS_DS, 43, "DS")         \
	X(DNS_DNSKEY, 48, "DNSKEY") \
	X(DNS_TLSA, 52, "TLSA")

enum dns_type {
#define X(member, value, name) member = (value),
	DNS_TYPE_TABLE(X)
#undef X
};

struct dns_record {
	uint16_t preference; /* MX */
	const char *name;    /* MX: the host, canonical; "" for "." */
	bool unusable;       /* MX: name is no host name, but text for people,
			      * escaped and perhaps cut (D-18) */
	const uint8_t *data; /* other types: the RDATA octets */
	size_t len;
};

/*
 * One answer, aliases followed. status is that of the whole answer: SECURE,
 * INSECURE, BOGUS, INDETERMINATE or FAILED. SERVFAIL, REFUSED, time-outs,
 * truncation, an answer to another question and RRsets of which no record can
 * be read are FAILED. A null MX alone is ANSWER_NULL_MX.
 */
struct dns_answer {
	enum fact_status status;
	enum fact_answer answer; /* EMPTY when BOGUS or FAILED */
	uint32_t ttl_s;          /* least of chain and RRset, or of the SOA
				  * for a denial; 0 when BOGUS or FAILED */
	/* DS: a SECURE denial which proves that the name is an unsigned zone
	 * of its own. Without that proof it may be part of a signed zone. */
	bool unsigned_zone;
	int64_t sig_expires_s;  /* wall clock: earliest RRSIG expiration
				 * seen; 0: none */
	char why[DNS_WHY_SIZE]; /* BOGUS, FAILED: for people; else "" */
	bool cached;            /* came out of the resolver's own cache */
	bool truncated;         /* more than DNS_RECORDS_MAX */
	bool aliased;           /* there was an alias, and the last one */
	char target[NAME_SIZE]; /* leads here, canonical; "": to no host name */
	size_t n;
	const struct dns_record *records; /* as received; MX sorted */
};

/* The answer is the caller's to read until the callback returns. */
typedef void dns_done_fn(void *arg, const struct dns_answer *answer);

/*
 * Checks whether the configuration can work: files are readable, anchors exist,
 * values are well formed. Any thread. 0, ERR_CONFIG, or ERR_LIBRARY if getdns
 * and libunbound as they were loaded cannot be relied upon; with *error filled
 * in.
 */
int dns_check(const struct dns_config *config, char error[DNS_ERROR_SIZE]);

/* base must outlive the struct dns. NULL with *error filled in. */
struct dns *dns_new(const struct dns_config *config, struct event_base *base,
    char error[DNS_ERROR_SIZE]);

/* Lookups under way are completed as FAILED ("cancelled") first. Not from
 * inside a callback of its own. */
void dns_free(struct dns **dns);

/*
 * Asks for name (canonical; "." is the root). done is called exactly once,
 * never from inside this call, also on every kind of failure. 0 or a negative
 * error; then done is not called.
 */
int dns_ask(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg);

/*
 * As dns_ask, but a BOGUS answer keeps its records, kind and TTL. For policy
 * discovery alone (T-11, F-14): the certificate of the policy host decides
 * there, not the DNS.
 */
int dns_ask_discovery(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg);

/* True if all lookups go through forwarders. In that case asking for DS or
 * DNSKEY before the question that needs them saves a round trip; in recursion
 * the referral brings the DS. */
bool dns_is_forwarding(const struct dns *dns);

/*
 * keys: a SECURE answer for the DNSKEY records of the root. The key tag of the
 * first one that should be a trust anchor (SEP flag, not revoked) but is none,
 * neither as DNSKEY nor as DS; -1: there is no such key. During a roll-over the
 * root publishes the next key some months before it signs with it.
 */
int dns_root_key_missing(const struct dns *dns, const struct dns_answer *keys);

/* Lookups under way at most; then dns_ask says ERR_BUSY. Each costs libunbound
 * some 20 KB. */
#define DNS_PENDING_MAX 6144

/* Lookups under way. */
size_t dns_pending(const struct dns *dns);

const char *dns_type_name(enum dns_type type);
/* Its row in DNS_TYPE_TABLE, for counting. */
size_t dns_type_row(enum dns_type type);

#define DNS_LIBRARIES_SIZE 128

/* "getdns 1.6.0, libunbound 1.17.1", with "(built with ...)" behind one that
 * was another at the build. Any thread. */
void dns_libraries_text(char out[DNS_LIBRARIES_SIZE]);

#endif
