/*
 * Whether a validated denial of DS shows an unsigned delegation.
 *
 * A secure NODATA for DS alone does not: the name may lie inside a signed zone.
 * The NSEC or NSEC3 record of the name itself tells: its types include NS, but
 * neither SOA nor DS (RFC 6840 4.4, RFC 5155 8.9). An NSEC3 record counts only
 * if its owner is the hash of the name; another delegation's genuine one could
 * be appended by anyone on the path.
 */
#include "autoconf.h"

#include <string.h>

#include <openssl/evp.h>

#include "dns/dns_internal.h"

enum {
	TYPE_NS = 2,
	TYPE_SOA = 6,
	TYPE_DS = 43,
	TYPE_NSEC = 47,
	TYPE_NSEC3 = 50
};
enum {
	NSEC3_SHA1 = 1,
	SHA1_LEN = 20,
	SHA1_BASE32_LEN = 32,
	/* libunbound treats zones with more as insecure (RFC 9276 3.2) */
	ITERATIONS_MAX = 150
};

/* RFC 4034 4.1.2: window blocks. */
static bool
has_type(const uint8_t *map, size_t len, unsigned type)
{
	while (len > 2 && map[1] > 0 && map[1] <= 32 && len >= 2U + map[1]) {
		unsigned octet = (type & 0xff) / 8;

		if (map[0] == type >> 8)
			return octet < map[1] &&
			    (map[2 + octet] & (0x80 >> (type % 8))) != 0;
		len -= 2U + map[1];
		map += 2U + map[1];
	}
	return false;
}

static bool
types_show_it(const uint8_t *map, size_t len)
{
	return has_type(map, len, TYPE_NS) && !has_type(map, len, TYPE_SOA) &&
	    !has_type(map, len, TYPE_DS);
}

/* RFC 5155 5 */
static bool
hash_name(const struct dns_wire *name, const uint8_t *salt, size_t salt_len,
    unsigned iterations, uint8_t out[SHA1_LEN])
{
	uint8_t input[DNS_WIRE_MAX + UINT8_MAX];
	size_t len = name->len;

	memcpy(input, name->octet, len);
	for (unsigned i = 0; i <= iterations; i++) {
		memcpy(input + len, salt, salt_len);
		if (EVP_Digest(input, len + salt_len, out, NULL, EVP_sha1(),
			NULL) != 1)
			return false;
		memcpy(input, out, SHA1_LEN);
		len = SHA1_LEN;
	}
	return true;
}

/* RFC 4648 7: base32hex, in the lower case of a struct dns_wire. */
static void
to_base32(const uint8_t hash[SHA1_LEN], uint8_t out[SHA1_BASE32_LEN])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned bits = 0, n_bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < SHA1_LEN; i++) {
		bits = (bits << 8 | hash[i]) & 0xfff;
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			out[n++] = (uint8_t)digits[bits >> (n_bits - 5) & 0x1f];
	}
}

/* RFC 5155 3.2: algorithm, flags, iterations, salt, hash, types. */
static bool
nsec3_shows_it(const uint8_t *rdata, size_t len, const struct dns_wire *owner,
    const struct dns_wire *name)
{
	uint8_t hash[SHA1_LEN], label[SHA1_BASE32_LEN];
	unsigned iterations;
	size_t salt_len, types_at;

	if (len < 5 || rdata[0] != NSEC3_SHA1)
		return false;
	iterations = (unsigned)rdata[2] << 8 | rdata[3];
	salt_len = rdata[4];
	if (iterations > ITERATIONS_MAX || len < 6 + salt_len)
		return false;
	types_at = 6 + salt_len + rdata[5 + salt_len];
	if (types_at > len || owner->octet[0] != SHA1_BASE32_LEN ||
	    !hash_name(name, rdata + 5, salt_len, iterations, hash))
		return false;
	to_base32(hash, label);
	return memcmp(owner->octet + 1, label, sizeof(label)) == 0 &&
	    types_show_it(rdata + types_at, len - types_at);
}

static bool
record_shows_it(const getdns_dict *record, const struct dns_wire *name)
{
	getdns_bindata *owner_data, *rdata;
	struct dns_wire owner;
	uint32_t type = 0;
	size_t at = 0;

	if (getdns_dict_get_int(record, "type", &type) != GETDNS_RETURN_GOOD ||
	    (type != TYPE_NSEC && type != TYPE_NSEC3) ||
	    getdns_dict_get_bindata(record, "name", &owner_data) !=
		GETDNS_RETURN_GOOD ||
	    !dns_wire_from_octets(owner_data->data, owner_data->size, &owner) ||
	    getdns_dict_get_bindata(record, "/rdata/rdata_raw", &rdata) !=
		GETDNS_RETURN_GOOD)
		return false;
	if (type == TYPE_NSEC) {
		/* RFC 4034 4.1: next name, types. */
		while (at < rdata->size && rdata->data[at] != 0)
			at += 1U + rdata->data[at];
		return dns_wire_equal(&owner, name) && at < rdata->size &&
		    types_show_it(rdata->data + at + 1, rdata->size - at - 1);
	}
	return nsec3_shows_it(rdata->data, rdata->size, &owner, name);
}

bool
dns_delegation_is_unsigned(const getdns_dict *reply,
    const struct dns_wire *name)
{
	getdns_list *authority;
	getdns_dict *record;

	if (getdns_dict_get_list(reply, "authority", &authority) !=
	    GETDNS_RETURN_GOOD)
		return false;
	for (size_t i = 0;
	     getdns_list_get_dict(authority, i, &record) == GETDNS_RETURN_GOOD;
	     i++)
		if (record_shows_it(record, name))
			return true;
	return false;
}
