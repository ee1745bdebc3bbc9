/*
 * Turns a reply of getdns into a struct dns_answer. Strangers choose the
 * contents of a reply, so the order of the checks matters: header, question,
 * DNSSEC status, aliases, records.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dns/dns_internal.h"

enum {
	CLASS_IN = 1
};
enum {
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
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
enum {
	RCODE_NOERROR = 0,
	RCODE_NXDOMAIN = 3
};

/* The form that the RDATA of a type must have to be used. */
static const struct {
	enum dns_type type;
	const char *path;
	size_t min;
	size_t max;
} rdata_rules[] = {
    {DNS_A,      "/rdata/ipv4_address", 4,  4    },
    {DNS_AAAA,   "/rdata/ipv6_address", 16, 16   },
    {DNS_MX,     "/rdata/exchange",     1,  255  },
    {DNS_TXT,    "/rdata/rdata_raw",    1,  65535},
    {DNS_DS,     "/rdata/rdata_raw",    4,  65535},
    {DNS_DNSKEY, "/rdata/rdata_raw",    5,  65535},
    {DNS_TLSA,   "/rdata/rdata_raw",    4,  65535},
};

static const char *const rcode_names[] = {"NOERROR", "FORMERR", "SERVFAIL",
    "NXDOMAIN", "NOTIMP", "REFUSED"};

/* One usable record of the RRset; what it points to is getdns's. */
struct found {
	const uint8_t *data;
	size_t len;
	uint16_t preference; /* MX */
};

/* Progress of reading one reply. */
struct reading {
	const getdns_dict *reply;
	enum dns_type type;
	struct dns_wire owner; /* the name asked for, then its aliases */
	uint32_t ttl_s;
	bool aliased;
	bool truncated;
	size_t n_seen; /* records of the RRset, usable or not */
	size_t n;
	struct found found[DNS_RECORDS_MAX];
};

const char *
dns_rcode_name(unsigned rcode)
{
	if (rcode >= sizeof(rcode_names) / sizeof(rcode_names[0]))
		return NULL;
	return rcode_names[rcode];
}

/* --- getdns dictionaries ------------------------------------------------ */

static uint32_t
get_int(const getdns_dict *dict, const char *path, uint32_t otherwise)
{
	uint32_t value;

	if (getdns_dict_get_int(dict, path, &value) != GETDNS_RETURN_GOOD)
		return otherwise;
	return value;
}

static bool
get_name(const getdns_dict *dict, const char *path, struct dns_wire *out)
{
	getdns_bindata *data;

	if (getdns_dict_get_bindata(dict, path, &data) != GETDNS_RETURN_GOOD)
		return false;
	return dns_wire_from_octets(data->data, data->size, out);
}

/* The i-th record of a section; NULL behind the last. */
static const getdns_dict *
get_record(const getdns_dict *reply, const char *section, size_t i)
{
	getdns_list *list;
	getdns_dict *record;

	if (getdns_dict_get_list(reply, section, &list) != GETDNS_RETURN_GOOD ||
	    getdns_list_get_dict(list, i, &record) != GETDNS_RETURN_GOOD)
		return NULL;
	return record;
}

static bool
record_is(const getdns_dict *record, uint32_t type, const struct dns_wire *at)
{
	struct dns_wire owner;

	return get_int(record, "type", 0) == type &&
	    get_int(record, "class", 0) == CLASS_IN &&
	    get_name(record, "name", &owner) && dns_wire_equal(&owner, at);
}

/* --- what comes before the records -------------------------------------- */

/* NULL, or why the reply says nothing about the name. */
static const char *
header_fault(const struct reading *r, char text[DNS_WHY_SIZE])
{
	unsigned rcode = get_int(r->reply, "/header/rcode", 0xffff);
	const char *name = dns_rcode_name(rcode);
	struct dns_wire question;

	if (get_int(r->reply, "/header/tc", 1) != 0)
		return "the answer is truncated";
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) {
		(void)snprintf(text, DNS_WHY_SIZE, "response code %u%s%s",
		    rcode, name != NULL ? " " : "", name != NULL ? name : "");
		return text;
	}
	if (!get_name(r->reply, "/question/qname", &question) ||
	    !dns_wire_equal(&question, &r->owner) ||
	    get_int(r->reply, "/question/qtype", 0) != (uint32_t)r->type ||
	    get_int(r->reply, "/question/qclass", 0) != CLASS_IN)
		return "the answer is to another question";
	return NULL;
}

static enum fact_status
status_of(const getdns_dict *reply)
{
	switch (get_int(reply, "/dnssec_status", 0)) {
	case GETDNS_DNSSEC_SECURE:
		return FACT_SECURE;
	case GETDNS_DNSSEC_BOGUS:
		return FACT_BOGUS;
	case GETDNS_DNSSEC_INSECURE:
		return FACT_INSECURE;
	default: /* a number of getdns's, no enum of ours (D-07) */
		return FACT_INDETERMINATE;
	}
}

/* --- the records -------------------------------------------------------- */

static void
lower_ttl(struct reading *r, uint32_t ttl_s)
{
	if (ttl_s < r->ttl_s)
		r->ttl_s = ttl_s;
}

/* Follows the CNAME records to the owner of the answer, and lowers the TTL to
 * theirs (T-02, D-17). False: too many links, or a loop (D-19). */
static bool
follow_aliases(struct reading *r)
{
	for (int links = 0; links <= DNS_ALIASES_MAX; links++) {
		const getdns_dict *record;
		struct dns_wire target = {.len = 0};
		size_t i = 0;

		while ((record = get_record(r->reply, "answer", i++)) != NULL) {
			if (record_is(record, TYPE_CNAME, &r->owner) &&
			    get_name(record, "/rdata/cname", &target))
				break;
		}
		if (record == NULL)
			return true;
		lower_ttl(r, get_int(record, "ttl", 0));
		r->owner = target;
		r->aliased = true;
	}
	return false;
}

/* True if the RDATA can be used. */
static bool
get_found(const getdns_dict *record, enum dns_type type, struct found *found)
{
	getdns_bindata *data;
	struct dns_wire host;
	size_t i = 0;

	while (rdata_rules[i].type != type)
		if (++i == sizeof(rdata_rules) / sizeof(rdata_rules[0]))
			return false;
	if (getdns_dict_get_bindata(record, rdata_rules[i].path, &data) !=
		GETDNS_RETURN_GOOD ||
	    data->size < rdata_rules[i].min || data->size > rdata_rules[i].max)
		return false;
	*found = (struct found){.data = data->data, .len = data->size};
	if (type != DNS_MX)
		return true;
	found->preference =
	    (uint16_t)get_int(record, "/rdata/preference", UINT16_MAX);
	return dns_wire_from_octets(found->data, found->len, &host);
}

static void
collect_records(struct reading *r)
{
	const getdns_dict *record;
	size_t i;

	for (i = 0; (record = get_record(r->reply, "answer", i)) != NULL; i++) {
		if (!record_is(record, (uint32_t)r->type, &r->owner))
			continue;
		r->n_seen++;
		lower_ttl(r, get_int(record, "ttl", 0));
		if (r->n == DNS_RECORDS_MAX)
			r->truncated = true;
		else if (get_found(record, r->type, &r->found[r->n]))
			r->n++;
	}
}

/* RFC 2308 5: a denial without SOA must not be cached. */
static void
lower_ttl_by_soa(struct reading *r)
{
	const getdns_dict *record;
	uint32_t ttl_s = 0;
	size_t i;

	for (i = 0; (record = get_record(r->reply, "authority", i)) != NULL;
	     i++) {
		if (get_int(record, "type", 0) != TYPE_SOA)
			continue;
		ttl_s = get_int(record, "ttl", 0);
		if (get_int(record, "/rdata/minimum", 0) < ttl_s)
			ttl_s = get_int(record, "/rdata/minimum", 0);
		break;
	}
	lower_ttl(r, ttl_s);
}

/*
 * S-05. RFC 4034 3.1.5 has serial numbers here; until 2106 they are the
 * seconds themselves.
 */
static int64_t
earliest_expiration(const getdns_dict *reply)
{
	static const char *const sections[] = {"answer", "authority"};
	const getdns_dict *record;
	int64_t earliest = 0;
	int64_t expires;
	size_t s, i;

	for (s = 0; s < sizeof(sections) / sizeof(sections[0]); s++)
		for (i = 0;
		     (record = get_record(reply, sections[s], i)) != NULL;
		     i++) {
			if (get_int(record, "type", 0) != TYPE_RRSIG)
				continue;
			expires =
			    get_int(record, "/rdata/signature_expiration", 0);
			if (earliest == 0 || expires < earliest)
				earliest = expires;
		}
	return earliest;
}

/* --- unsigned delegations ----------------------------------------------- */

/*
 * A secure NODATA for DS alone shows no unsigned delegation: the name may lie
 * inside a signed zone. The NSEC or NSEC3 record of the name itself decides:
 * its types have to include NS, but neither SOA nor DS (RFC 6840 4.4, RFC 5155
 * 8.9). An NSEC3 record counts only if its owner is the hash of the name;
 * anyone on the path could append another delegation's genuine one.
 */

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

/* True if a SECURE answer to DS of name proves an unsigned delegation. */
static bool
is_unsigned_delegation(const getdns_dict *reply, const struct dns_wire *name)
{
	const getdns_dict *record;

	for (size_t i = 0; (record = get_record(reply, "authority", i)) != NULL;
	     i++) {
		const uint32_t type = get_int(record, "type", 0);
		getdns_bindata *rdata;
		struct dns_wire owner;
		size_t at = 0;

		if ((type != TYPE_NSEC && type != TYPE_NSEC3) ||
		    !get_name(record, "name", &owner) ||
		    getdns_dict_get_bindata(record, "/rdata/rdata_raw",
			&rdata) != GETDNS_RETURN_GOOD)
			continue;
		if (type == TYPE_NSEC3) {
			if (nsec3_shows_it(rdata->data, rdata->size, &owner,
				name))
				return true;
			continue;
		}
		/* RFC 4034 4.1: next name, types. */
		while (at < rdata->size && rdata->data[at] != 0)
			at += 1U + rdata->data[at];
		if (dns_wire_equal(&owner, name) && at < rdata->size &&
		    types_show_it(rdata->data + at + 1, rdata->size - at - 1))
			return true;
	}
	return false;
}

/* --- the answer --------------------------------------------------------- */

struct dns_answer *
dns_reply_none(enum fact_status status, const char *why)
{
	struct dns_answer *answer = calloc(1, sizeof(*answer));

	if (answer == NULL)
		return NULL;
	answer->status = status;
	(void)snprintf(answer->why, sizeof(answer->why), "%s",
	    why != NULL ? why : "");
	return answer;
}

static int
by_preference(const void *a, const void *b)
{
	const struct dns_record *x = a;
	const struct dns_record *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Copies what getdns owns: the records first, their octets behind them. */
static void
fill_records(const struct reading *r, struct dns_record *records,
    uint8_t *octets)
{
	struct dns_wire wire;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct found *found = &r->found[i];

		if (r->type == DNS_MX) {
			char *name = (char *)octets; /* NAME_SIZE of them */

			(void)dns_wire_from_octets(found->data, found->len,
			    &wire);
			records[i].preference = found->preference;
			records[i].unusable = !dns_wire_to_name(&wire, name);
			if (records[i].unusable) /* shown only (D-18) */
				dns_wire_to_text(&wire, name);
			records[i].name = name;
			octets += strlen(name) + 1;
		} else {
			memcpy(octets, found->data, found->len);
			records[i].data = octets;
			records[i].len = found->len;
			octets += found->len;
		}
	}
	if (r->type == DNS_MX)
		qsort(records, r->n, sizeof(records[0]), by_preference);
}

static enum fact_answer
answer_kind(const struct reading *r, const struct dns_record *records)
{
	if (r->n == 0)
		return get_int(r->reply, "/header/rcode", 0) == RCODE_NXDOMAIN
		    ? ANSWER_NXDOMAIN
		    : ANSWER_NODATA;
	/* RFC 7505 3: "." and no other record */
	if (r->type == DNS_MX && r->n_seen == 1 && records[0].name[0] == '\0')
		return ANSWER_NULL_MX;
	return ANSWER_RECORDS;
}

static struct dns_answer *
make_answer(const struct reading *r, enum fact_status status)
{
	size_t head = sizeof(struct dns_answer);
	size_t table = r->n * sizeof(struct dns_record);
	size_t octets = 0;
	struct dns_answer *answer;
	struct dns_record *records;

	for (size_t i = 0; i < r->n; i++)
		octets += r->type == DNS_MX ? NAME_SIZE : r->found[i].len;
	answer = calloc(1, head + table + octets);
	if (answer == NULL)
		return NULL;
	records = (struct dns_record *)(void *)(answer + 1);
	fill_records(r, records, (uint8_t *)(records + r->n));
	answer->status = status;
	answer->answer = answer_kind(r, records);
	answer->ttl_s = r->ttl_s;
	answer->sig_expires_s = earliest_expiration(r->reply);
	answer->truncated = r->truncated;
	answer->aliased = r->aliased;
	if (r->aliased)
		(void)dns_wire_to_name(&r->owner, answer->target);
	answer->unsigned_zone = r->type == DNS_DS && status == FACT_SECURE &&
	    answer->answer == ANSWER_NODATA && !r->aliased &&
	    is_unsigned_delegation(r->reply, &r->owner);
	answer->n = answer->answer == ANSWER_NULL_MX ? 0 : r->n;
	answer->records = records;
	return answer;
}

struct dns_answer *
dns_reply_read(const getdns_dict *reply, const char *name, enum dns_type type)
{
	struct reading r = {.reply = reply, .type = type, .ttl_s = UINT32_MAX};
	char text[DNS_WHY_SIZE];
	enum fact_status status;
	const char *fault;

	if (!dns_wire_from_name(name, &r.owner))
		return dns_reply_none(FACT_FAILED, "not a name");
	fault = header_fault(&r, text);
	if (fault != NULL)
		return dns_reply_none(FACT_FAILED, fault);
	status = status_of(reply);
	if (status == FACT_BOGUS)
		return dns_reply_none(status, "validation failed");
	if (!follow_aliases(&r))
		return dns_reply_none(FACT_FAILED, "too many aliases");
	collect_records(&r);
	if (r.n_seen > 0 && r.n == 0)
		return dns_reply_none(FACT_FAILED,
		    "none of the records can be read");
	if (r.n_seen > 0 && get_int(reply, "/header/rcode", 0) != RCODE_NOERROR)
		return dns_reply_none(FACT_FAILED, "NXDOMAIN with records");
	if (r.n_seen == 0)
		lower_ttl_by_soa(&r);
	return make_answer(&r, status);
}
