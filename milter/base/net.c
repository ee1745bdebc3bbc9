#include "autoconf.h"

#include "base/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

#define BITS_MAX      128
#define MAPPED_OCTETS 12 /* of ::ffff:0:0/96, before the IPv4 address */
#define MAPPED_BITS   (8 * MAPPED_OCTETS)

static const uint8_t mapped[MAPPED_OCTETS] = {[10] = 0xff, [11] = 0xff};

/* A stranger's policy host must not have these addresses. The first row that
 * covers an address counts. IANA's special-purpose registries (RFC 6890),
 * without the anycast services in them that anybody may use. */
struct special {
	const char *what; /* NULL: ordinary, in spite of the rows below */
	unsigned bits;    /* of the octets given; IPv4 rows count from 0 */
	uint8_t octet[4];
};

/* clang-format off */
static const struct special special_ipv4[] = {
	{"this network",                       8, {0}},
	{"private network",                    8, {10}},
	{"shared address space",              10, {100, 64}},
	{"loopback",                           8, {127}},
	{"link-local",                        16, {169, 254}},
	{"private network",                   12, {172, 16}},
	{"IETF protocol assignment",          24, {192, 0, 0}},
	{"documentation",                     24, {192, 0, 2}},
	{"6to4 relay anycast",                24, {192, 88, 99}},
	{"private network",                   16, {192, 168}},
	{"benchmarking",                      15, {198, 18}},
	{"documentation",                     24, {198, 51, 100}},
	{"documentation",                     24, {203, 0, 113}},
	{"multicast",                          4, {224}},
	{"reserved",                           4, {240}},
};

static const struct special special_ipv6[] = {
	{"IETF protocol assignment",          23, {0x20, 0x01}},
	{"documentation",                     32, {0x20, 0x01, 0x0d, 0xb8}},
	{"documentation",                     20, {0x3f, 0xff}},
	{NULL,                                 3, {0x20}}, /* global unicast */
	{"private network",                    7, {0xfc}},
	{"link-local",                        10, {0xfe, 0x80}},
	{"site-local",                        10, {0xfe, 0xc0}},
	{"multicast",                          8, {0xff}},
	{"reserved",                           0, {0}},
};

/* IPv6 forms that lead to the IPv4 address inside them. */
static const struct embedding {
	unsigned bits;
	unsigned at; /* octet where the IPv4 address begins */
	uint8_t octet[MAPPED_OCTETS];
} embeddings[] = {
	{96, 12, {[10] = 0xff, [11] = 0xff}},     /* IPv4-mapped */
	{96, 12, {0x00, 0x64, 0xff, 0x9b}},       /* NAT64, RFC 6052 */
	{16,  2, {0x20, 0x02}},                   /* 6to4, RFC 3056 */
};
/* clang-format on */

static bool
octets_match(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static const char *
special_lookup(const struct special *table, size_t n, const uint8_t *octet)
{
	for (size_t i = 0; i < n; i++)
		if (octets_match(octet, table[i].octet, table[i].bits))
			return table[i].what;
	return NULL;
}

const char *
net_address_special(const struct net_address *address)
{
	static const uint8_t zero[16];
	const uint8_t *octet = address->octet;

	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++)
		if (octets_match(octet, embeddings[i].octet,
			embeddings[i].bits))
			return special_lookup(special_ipv4,
			    sizeof(special_ipv4) / sizeof(special_ipv4[0]),
			    octet + embeddings[i].at);
	if (octets_match(octet, zero, BITS_MAX))
		return "unspecified";
	if (octets_match(octet, zero, BITS_MAX - 1))
		return "loopback"; /* ::1, the only other one of ::/127 */
	if (octets_match(octet, zero, MAPPED_BITS))
		return "IPv4-compatible";
	return special_lookup(special_ipv6,
	    sizeof(special_ipv6) / sizeof(special_ipv6[0]), octet);
}

int
net_address_from_octets(const uint8_t *octets, size_t len,
    struct net_address *out)
{
	if (len == sizeof(struct in6_addr)) {
		memcpy(out->octet, octets, len);
		return 0;
	}
	if (len != sizeof(struct in_addr))
		return ERR_RANGE;
	memcpy(out->octet, mapped, MAPPED_OCTETS);
	memcpy(out->octet + MAPPED_OCTETS, octets, len);
	return 0;
}

int
net_address_from_sockaddr(const struct sockaddr *sa, struct net_address *out)
{
	/* Copies, as sa need not be aligned for these types. */
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		return net_address_from_octets((const uint8_t *)&in.sin_addr,
		    sizeof(in.sin_addr), out);
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		return net_address_from_octets((const uint8_t *)&in6.sin6_addr,
		    sizeof(in6.sin6_addr), out);
	default:
		return ERR_RANGE;
	}
}

bool
net_address_is_ipv4(const struct net_address *address)
{
	return octets_match(address->octet, mapped, MAPPED_BITS);
}

bool
net_address_is_near(const struct net_address *a, const struct net_address *b)
{
	bool ipv4 = net_address_is_ipv4(a);

	if (ipv4 != net_address_is_ipv4(b))
		return false;
	return octets_match(a->octet, b->octet, ipv4 ? MAPPED_BITS + 24 : 48);
}

struct net_address
net_address_host(const struct net_address *address)
{
	struct net_address host = *address;

	if (!net_address_is_ipv4(address))
		memset(host.octet + 8, 0, sizeof(host.octet) - 8);
	return host;
}

void
net_address_text(const struct net_address *address, char out[NET_ADDRESS_SIZE])
{
	const uint8_t *octet = address->octet;
	int family = AF_INET6;

	if (net_address_is_ipv4(address)) {
		family = AF_INET;
		octet += MAPPED_OCTETS;
	}
	if (inet_ntop(family, octet, out, NET_ADDRESS_SIZE) == NULL)
		out[0] = '\0';
}

int
net_prefix_parse(const char *text, struct net_prefix *out)
{
	struct net_prefix prefix = {.bits = BITS_MAX};
	char address[NET_ADDRESS_SIZE];
	uint8_t octets[sizeof(struct in6_addr)];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	bool ipv4;

	if (len >= sizeof(address))
		return ERR_SYNTAX;
	memcpy(address, text, len);
	address[len] = '\0';
	ipv4 = inet_pton(AF_INET, address, octets) == 1;
	if (!ipv4 && inet_pton(AF_INET6, address, octets) != 1)
		return ERR_SYNTAX;
	(void)net_address_from_octets(octets,
	    ipv4 ? sizeof(struct in_addr) : sizeof(octets), &prefix.address);
	if (slash != NULL) {
		const char *digits = slash + 1;

		len = strspn(digits, "0123456789");
		if (len == 0 || len > 3 || digits[len] != '\0')
			return ERR_SYNTAX;
		/* The bits of "10.0.0.0/8" count from the IPv4 address on. */
		prefix.bits = ipv4 ? MAPPED_BITS : 0;
		prefix.bits += (unsigned)strtoul(digits, NULL, 10);
	}
	if (prefix.bits > BITS_MAX)
		return ERR_RANGE;
	for (unsigned bit = prefix.bits; bit < BITS_MAX; bit++)
		if (prefix.address.octet[bit / 8] & (0x80U >> bit % 8))
			return ERR_RANGE;
	*out = prefix;
	return 0;
}

bool
net_prefix_covers(const struct net_prefix *prefix,
    const struct net_address *address)
{
	return octets_match(prefix->address.octet, address->octet,
	    prefix->bits);
}
