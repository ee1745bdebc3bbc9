/*
 * Finds the domain of an envelope recipient: the argument of RCPT TO as the
 * client typed it (RFC 5321 4.1.2; REQUIREMENTS R-01 to R-16).
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/names.h"

/* X(member, name as in `dane-sts parse` and in the facts) */
#define ADDRESS_CLASS_TABLE(X)                                               \
	X(ADDRESS_DOMAIN, "domain")   /* domain[] holds the domain */        \
	X(ADDRESS_LOCAL, "local")     /* no domain (R-06) */                 \
	X(ADDRESS_LITERAL, "literal") /* user@[...] (R-05) */                \
	X(ADDRESS_INVALID, "invalid") /* the filter does not judge it (R-08) \
				       */

enum address_class {
	ADDRESS_CLASS_TABLE(NAMES_MEMBER)
};

struct address {
	enum address_class class;
	char domain[NAME_SIZE]; /* canonical; "" unless ADDRESS_DOMAIN */
};

/*
 * Converts U-labels to A-labels (R-04): UTF-8 octets in, text with ASCII dots
 * out. 0 or a negative error. base/idn.h has one; it is passed in so that core
 * needs no library.
 */
typedef int
address_idn_fn(const uint8_t *utf8, size_t len, char out[NAME_SIZE]);

/*
 * Takes any octets, NUL included. idn may be NULL: then every domain with an
 * octet above 127 is invalid.
 */
void address_parse(const uint8_t *arg, size_t len, address_idn_fn *idn,
    struct address *out);

/*
 * Parses the address that the MTA has rewritten, its macro {rcpt_addr}:
 * cleaned, with or without quotes, no brackets. The domain follows the last
 * "@".
 */
void address_parse_rewritten(const char *text, address_idn_fn *idn,
    struct address *out);

/*
 * Parses a bare domain as a person or an MTA's macro writes it: "example.org",
 * "example.org.", "münchen.example". 0 or ERR_SYNTAX.
 */
int address_domain(const uint8_t *text, size_t len, address_idn_fn *idn,
    char out[NAME_SIZE]);

const char *address_class_name(enum address_class class);
/* -1 if there is none of that name. */
int address_class_by_name(const char *name);

#endif
