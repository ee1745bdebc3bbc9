/*
 * Selects the recipients that are checked and their policy domains (R-01, R-03,
 * R-07), from the address, the MTA's routing (its macros) and the exemptions.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_SCOPE_H
#define CORE_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/domain_list.h"
#include "core/verdict.h"

#define SCOPE_PORT_SMTP 25U

/* The engine looks up a target. */
struct target {
	char domain[NAME_SIZE]; /* the policy domain, canonical */
	bool no_mx;             /* "[host]": its addresses are used, not MX */
	uint16_t port;          /* of the next hop, for the TLSA name */
};

/* "example.org", "[relay.example.org]", "relay.example.org:587" */
#define TARGET_TEXT_SIZE (NAME_SIZE + 10)
void target_text(const struct target *target, char text[TARGET_TEXT_SIZE]);

#define EXEMPT_SENDER_MAX 320 /* octets: RFC 5321 4.5.3.1 */

/* S-09: an envelope sender whose mail is never deferred. */
struct exempt_sender {
	const char *text;   /* as it was configured */
	const char *local;  /* compared octet by octet; "": any */
	const char *domain; /* canonical */
};

/* Exemptions match the domain that is judged and the domain of {rcpt_addr}. If
 * the MTA gives macros, the domain of the argument does not count: a sender
 * could write "u%bound.example@exempt.example". */
struct scope_rules {
	size_t n_local_mailers;
	const char *const *local_mailers; /* compared without case */
	struct domain_list exemptions;
	/* For recipients for whom the MTA gives no macros. */
	struct domain_list local_domains;
	size_t n_exempt_senders;
	const struct exempt_sender *exempt_senders;
};

/* The recipient as the MTA presents it. NULL: the macro was not there. */
struct scope_input {
	const struct address *address;
	bool rewritten; /* address is that of {rcpt_addr}, not the argument */
	const char *mailer; /* {rcpt_mailer} */
	const char *host;   /* {rcpt_host}, see scope_next_hop; Sendmail may
			     * end it in a dot */
	address_idn_fn *idn;
	int64_t now_s; /* wall clock */
};

enum scope_kind {
	SCOPE_ASK, /* ask the engine about target */
	SCOPE_PASS /* pass at once, for reason */
};

struct scope {
	enum scope_kind kind;
	enum reason reason; /* SCOPE_PASS: no-domain, literal, local, ... */
	enum address_class class; /* of the address or next hop that decided */
	struct target target;
	/* scope_input.host if it counted and is not just the domain of the
	 * address; else NULL. */
	const char *next_hop;
	/* the MTA named a next hop that cannot be read, so the address
	 * was judged. The caller logs that. */
	bool unreadable;
	const struct domain_entry *exemption; /* REASON_EXEMPT: which one */
};

void scope_resolve(const struct scope_rules *rules,
    const struct scope_input *input, struct scope *out);

/* The key of a map at delivery. */
enum scope_key {
	/* *out is filled in. A recipient without a domain is
	 * REASON_NO_DOMAIN. */
	SCOPE_KEY_NEXT_HOP,
	/* ".example.org": Postfix asks for it after a "not found". No policy is
	 * taken from a parent domain. */
	SCOPE_KEY_PARENT,
	/* Not one next hop. A list of them is unreadable too: the MTA
	 * asks about the one entry that it is about to use. */
	SCOPE_KEY_UNREADABLE
};

#define SCOPE_UNREADABLE_KEY "this next hop cannot be read"

/* key: any octets. now_s: wall clock. */
enum scope_key
scope_read_key(const struct scope_rules *rules, const uint8_t *key, size_t len,
    address_idn_fn *idn, int64_t now_s, struct scope *out);

/*
 * Finds the exemption of an envelope sender, the argument of MAIL FROM; NULL:
 * there is none. The local part must be quoted and routed exactly as in the
 * configuration.
 */
const struct exempt_sender *scope_exempt_sender(const struct scope_rules *rules,
    const char *sender, address_idn_fn *idn);

/*
 * Parses a next hop as MTAs write it, see scope_input.host. Of a list the first
 * entry counts, whatever its form: Postfix separates entries by commas
 * and blanks, Sendmail by colons. "a.example:b.example" is Sendmail's list,
 * while "a.example:25" and "a.example:smtp" are a host and its port.
 *
 * ADDRESS_DOMAIN: *out is filled in. ADDRESS_LITERAL: "[192.0.2.1]".
 * ADDRESS_LOCAL: "unix:PATH" and "inet:HOST:PORT" of Postfix's lmtp(8).
 * ADDRESS_INVALID: the text cannot be read.
 */
enum address_class
scope_next_hop(const char *text, address_idn_fn *idn, struct target *out);

#endif
