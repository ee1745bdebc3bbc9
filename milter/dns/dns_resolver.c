#include "autoconf.h"

#include "dns/dns_resolver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <getdns/getdns_extra.h>

#include "base/ascii.h"
#include "base/err.h"

enum {
	PORT_DNS = 53,
	PORT_TLS = 853
};

static int
refuse(char error[DNS_ERROR_SIZE], const char *text, const char *why)
{
	(void)snprintf(error, DNS_ERROR_SIZE, "resolvers: \"%s\": %s", text,
	    why);
	return ERR_CONFIG;
}

static bool
parse_ip(const char *text, size_t len, struct dns_resolver *out)
{
	static const uint8_t localhost6[16] = {[15] = 1};

	if (len == 0 || len >= sizeof(out->ip))
		return false;
	memcpy(out->ip, text, len);
	out->ip[len] = '\0';
	if (inet_pton(AF_INET, out->ip, out->address) == 1) {
		out->address_len = 4;
		out->loopback = out->address[0] == 127;
		return true;
	}
	if (inet_pton(AF_INET6, out->ip, out->address) == 1) {
		out->address_len = 16;
		out->loopback = memcmp(out->address, localhost6, 16) == 0;
		return true;
	}
	return false;
}

static bool
parse_port(const char *text, size_t len, uint16_t *port)
{
	unsigned value = 0;
	size_t i;

	if (len == 0 || len > 5)
		return false;
	for (i = 0; i < len; i++) {
		if (!ascii_is_digit((uint8_t)text[i]))
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

int
dns_resolver_parse(const char *text, struct dns_resolver *out,
    char error[DNS_ERROR_SIZE])
{
	size_t address_len = strcspn(text, "@#");
	const char *rest = text + address_len;
	size_t port_len;

	memset(out, 0, sizeof(*out));
	if (strcmp(text, "system") == 0)
		return 0; /* DNS_RESOLVER_SYSTEM */
	out->kind = strchr(rest, '#') != NULL ? DNS_RESOLVER_TLS
					      : DNS_RESOLVER_FORWARDER;
	out->port = out->kind == DNS_RESOLVER_TLS ? PORT_TLS : PORT_DNS;
	if (!parse_ip(text, address_len, out))
		return refuse(error, text,
		    "neither \"system\" nor IP, IP@PORT or IP@PORT#NAME");
	if (*rest == '@') {
		port_len = strcspn(++rest, "#");
		if (!parse_port(rest, port_len, &out->port))
			return refuse(error, text, "no port number");
		rest += port_len;
	}
	if (out->kind != DNS_RESOLVER_TLS)
		return 0;
	rest++;
	if (name_canon((const uint8_t *)rest, strlen(rest), out->tls_name) != 0)
		return refuse(error, text,
		    "DNS over TLS needs the name that the server's "
		    "certificate is to show, as in 9.9.9.9@853#dns.quad9.net: "
		    "without it whoever is on the path could answer");
	return 0;
}

static bool
set_octets(getdns_dict *dict, const char *key, const void *data, size_t len)
{
	uint8_t copy[16];
	getdns_bindata octets = {len, copy};

	memcpy(copy, data, len);
	return getdns_dict_set_bindata(dict, key, &octets) ==
	    GETDNS_RETURN_GOOD;
}

getdns_dict *
dns_resolver_upstream(const struct dns_resolver *resolver)
{
	const char *family = resolver->address_len == 4 ? "IPv4" : "IPv6";
	getdns_dict *dict = getdns_dict_create();

	if (dict == NULL)
		return NULL;
	if (set_octets(dict, "address_type", family, 4) &&
	    set_octets(dict, "address_data", resolver->address,
		resolver->address_len) &&
	    getdns_dict_set_int(dict, "tls_port", resolver->port) ==
		GETDNS_RETURN_GOOD &&
	    getdns_dict_util_set_string(dict, "tls_auth_name",
		resolver->tls_name) == GETDNS_RETURN_GOOD)
		return dict;
	getdns_dict_destroy(dict);
	return NULL;
}
