/*
 * dns/dns.h, fetch/fetch.h and store/store.h as a script: every answer, its
 * delay and its failure are written down by the test, and what was asked is
 * counted. Needs a clock: fake_at() of fake_loop.c.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"
#include "fetch/fetch.h"
#include "store/store.h"

#define SCRIPT_NEVER UINT64_MAX

/* Which resolver gets the answer. */
enum script_to {
	SCRIPT_BOTH,
	SCRIPT_UNVALIDATED,
	SCRIPT_VALIDATING
};

/*
 * What is not scripted is answered NXDOMAIN, insecure, at once. The resolver
 * that does not validate has the records of a bogus answer, and no status; one
 * that validates has them only when discovery asks.
 */
struct script_dns {
	enum script_to to;
	const char *name;
	enum dns_type type;
	enum fact_status status;
	enum fact_answer answer;
	const char *why;
	/* TXT: text of the one record. MX: "10 mx1.example.org, 20 ...", and
	 * "!192.0.2.9" for a record that names no host. TLSA: "3 1 1". Others:
	 * any text makes one record; A: "192.0.2.1" */
	const char *records;
	bool cached;           /* known without a question */
	const char *alias;     /* leads here; "": to no host name; NULL: none */
	uint32_t ttl_s;        /* 0: 300 */
	int64_t sig_expires_s; /* 0: none */
	uint64_t delay_ms;     /* SCRIPT_NEVER: cancelled at the end only */
};

void script_reset(void);
/* Names and types in the order in which they were asked, with "U" for the
 * resolver that does not validate: "U _mta-sts.example.org TXT, example.org
 * DS". Borrowed until the next call. */
const char *script_asked(void);
/* Of what is not scripted, names that end in this are never answered. */
void script_silence(const char *suffix);
/* Another suffix: they fail after so long. */
void script_silence_for(const char *suffix, uint64_t ms);

/* Replaces what was said of that name and type. Texts are borrowed. */
void script_dns(struct script_dns answer);
/* Shorthands: secure, ttl 300, at once. */
void script_secure(const char *name, enum dns_type type, const char *records);
void script_txt(const char *domain, const char *id);
void script_policy(const char *domain, const char *body, uint64_t delay_ms);
void script_policy_fails(const char *domain, enum fetch_failure failure,
    const char *why);
/* domain with one host, all secure; TLSA as well if tlsa */
void script_delivery(const char *domain, const char *host, bool tlsa);

/* What dns_root_key_missing() says; script_reset: -1. */
void script_root_key_missing(int tag);

unsigned script_dns_count(const char *name, enum dns_type type);
unsigned script_fresh_count(const char *name, enum dns_type type);
unsigned script_dns_total(void);
unsigned script_fetch_count(const char *domain);
unsigned script_urgent_count(const char *domain);

/* The store. */
void script_stored(const char *domain, const char *id, const char *body,
    int64_t age_s);
const char *script_stored_id(const char *domain); /* NULL: nothing there */
/* False: nothing there. Borrowed until the next change. */
bool script_stored_entry(const char *domain, struct store_entry *out);
void script_store_get_fails(int err);
void script_store_put_fails(int err);
void script_store_delay(uint64_t ms);

#endif
