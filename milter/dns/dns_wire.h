/*
 * Domain names in wire form (RFC 1035 3.1, uncompressed), in lower case: names
 * of the DNS may hold any octet, so they are compared as what they are.
 *
 * Any thread. No allocation.
 */
#ifndef DNS_DNS_WIRE_H
#define DNS_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

#define DNS_WIRE_MAX 255

struct dns_wire {
	size_t len;
	uint8_t octet[DNS_WIRE_MAX];
};

/* Exactly one name that fills all len octets; else false. */
bool
dns_wire_from_octets(const uint8_t *octets, size_t len, struct dns_wire *out);
/* name: canonical, or "." for the root. */
bool dns_wire_from_name(const char *name, struct dns_wire *out);
bool dns_wire_equal(const struct dns_wire *a, const struct dns_wire *b);
/* Canonical text, "" for the root. false: no host name can look like this. */
bool dns_wire_to_name(const struct dns_wire *wire, char out[NAME_SIZE]);
/* Any name for people, as RFC 1035 5.1 writes it: "a\032b.test" for a blank.
 * Cut with "..." at the end if it is too long. */
void dns_wire_to_text(const struct dns_wire *wire, char out[NAME_SIZE]);

#endif
