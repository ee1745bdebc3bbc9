/*
 * The forms that the option `resolvers` takes:
 *
 *	system              the servers of resolv.conf
 *	IP, IP@PORT         a forwarder; what it says is validated here
 *	IP@PORT#NAME        strict DNS over TLS: NAME is authenticated
 *
 * Any thread.
 */
#ifndef DNS_DNS_RESOLVER_H
#define DNS_DNS_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <getdns/getdns.h>

#include "dns/dns.h"

#define DNS_RESOLVER_SIZE (INET6_ADDRSTRLEN + sizeof("@65535"))

enum dns_resolver_kind {
	DNS_RESOLVER_SYSTEM,
	DNS_RESOLVER_FORWARDER,
	DNS_RESOLVER_TLS
};

struct dns_resolver {
	enum dns_resolver_kind kind;
	char ip[INET6_ADDRSTRLEN];
	uint8_t address[16];
	size_t address_len; /* 4 or 16 */
	bool loopback;
	uint16_t port;
	char tls_name[NAME_SIZE]; /* DNS_RESOLVER_TLS */
};

/* 0 or ERR_CONFIG with *error filled in. */
int dns_resolver_parse(const char *text, struct dns_resolver *out,
    char error[DNS_ERROR_SIZE]);

/* As getdns has it, for stub mode. NULL: no memory. */
getdns_dict *dns_resolver_upstream(const struct dns_resolver *resolver);

#endif
