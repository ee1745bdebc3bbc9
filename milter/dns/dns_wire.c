/*
 * Domain names in wire form (RFC 1035 3.1, uncompressed), in lower case. Names
 * in the DNS may hold any octet, so they are compared in this form and not as
 * text.
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "dns/dns_internal.h"

bool
dns_wire_from_octets(const uint8_t *octets, size_t len, struct dns_wire *out)
{
	size_t i = 0;

	out->len = 0;
	/* Labels up to the root's, which must be the last octet. */
	while (i < len && octets[i] != 0) {
		if (octets[i] > LABEL_LEN_MAX)
			return false;
		i += 1 + (size_t)octets[i];
	}
	if (len == 0 || len > DNS_WIRE_MAX || i != len - 1)
		return false;
	/* Length octets are below 'A': they stay as they are. */
	for (i = 0; i < len; i++)
		out->octet[i] = ascii_lower(octets[i]);
	out->len = len;
	return true;
}

bool
dns_wire_from_name(const char *name, struct dns_wire *out)
{
	uint8_t octets[DNS_WIRE_MAX + 1];
	size_t len = strlen(name);
	size_t start = 0;
	size_t i;

	if (strcmp(name, ".") == 0)
		return dns_wire_from_octets((const uint8_t *)"", 1, out);
	if (len > NAME_LEN_MAX)
		return false;
	for (i = 0; i <= len; i++) {
		octets[i + 1] = (uint8_t)name[i];
		if (i < len && name[i] != '.')
			continue;
		if (i == start || i - start > LABEL_LEN_MAX)
			return false;
		octets[start] = (uint8_t)(i - start);
		start = i + 1;
	}
	octets[len + 1] = 0;
	return dns_wire_from_octets(octets, len + 2, out);
}

bool
dns_wire_equal(const struct dns_wire *a, const struct dns_wire *b)
{
	return a->len == b->len && memcmp(a->octet, b->octet, a->len) == 0;
}

bool
dns_wire_to_name(const struct dns_wire *wire, char out[NAME_SIZE])
{
	uint8_t text[DNS_WIRE_MAX];
	size_t end = 0;
	size_t i;

	out[0] = '\0';
	if (wire->len <= 1)
		return wire->len == 1;
	memcpy(text, wire->octet + 1, wire->len - 2);
	for (i = 0; i + 1 < wire->len; i++) {
		if (i == end) {
			end = i + 1 + (size_t)wire->octet[i];
			if (i > 0)
				text[i - 1] = '.';
		} else if (wire->octet[i] == '.') {
			return false; /* a dot within a label */
		}
	}
	return name_canon(text, wire->len - 2, out) == 0;
}

/* Returns its length: an octet of a label as RFC 1035 5.1 has it. */
static size_t
escape(uint8_t octet, char out[5])
{
	if (octet <= ' ' || octet > '~')
		return (size_t)snprintf(out, 5, "\\%03u", (unsigned)octet);
	if (octet == '.' || octet == '\\')
		return (size_t)snprintf(out, 5, "\\%c", octet);
	out[0] = (char)octet;
	return 1;
}

void
dns_wire_to_text(const struct dns_wire *wire, char out[NAME_SIZE])
{
	size_t end = 0; /* of the label */
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i + 1 < wire->len; i++) {
		char octet[5] = ".";
		size_t n = i > 0 ? 1 : 0;

		if (i == end)
			end = i + 1 + (size_t)wire->octet[i];
		else
			n = escape(wire->octet[i], octet);
		if (len + n + sizeof("...") > NAME_SIZE) {
			memcpy(out + len, "...", sizeof("..."));
			return;
		}
		memcpy(out + len, octet, n);
		len += n;
		out[len] = '\0';
	}
}
