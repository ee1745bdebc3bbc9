/*
 * Network addresses and prefixes: "192.0.2.1", "2001:db8::/32"; and the
 * addresses that a stranger's name must not lead to (F-16).
 *
 * Any thread. No allocation.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

/* IPv4 is kept as IPv4-mapped IPv6, so that ::ffff:127.0.0.1 is no way
 * round a rule for 127.0.0.1. */
struct net_address {
	uint8_t octet[16];
};

struct net_prefix {
	struct net_address address;
	unsigned bits; /* of the 128 */
};

int net_address_from_octets(const uint8_t *octets, size_t len,
    struct net_address *out);
int
net_address_from_sockaddr(const struct sockaddr *sa, struct net_address *out);
/* True if both are in one network of the size that one user gets: IPv4 /24,
 * IPv6 /48. */
bool
net_address_is_near(const struct net_address *a, const struct net_address *b);
/* The address of a host, for comparison: one host can have every address of an
 * IPv6 /64, which its last 8 octets, zeroed here, tell apart. */
struct net_address net_address_host(const struct net_address *address);
bool net_address_is_ipv4(const struct net_address *address);

#define NET_ADDRESS_SIZE 46
void
net_address_text(const struct net_address *address, char out[NET_ADDRESS_SIZE]);

/* "ADDRESS" or "ADDRESS/BITS"; host bits must be 0. 0, ERR_SYNTAX or
 * ERR_RANGE. */
int net_prefix_parse(const char *text, struct net_prefix *out);
bool net_prefix_covers(const struct net_prefix *prefix,
    const struct net_address *address);

/*
 * Private, loopback, link-local, multicast, reserved and documentation
 * addresses (RFC 6890), also inside NAT64, 6to4 and IPv4-compatible forms.
 * Static text that names the kind; NULL: an ordinary public address.
 */
const char *net_address_special(const struct net_address *address);

#endif
