/*
 * Checks the options of a struct dns_config and puts them into the form that
 * getdns and libunbound take.
 *
 * Immutable once made. Any thread.
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/err.h"
#include "dns/dns_internal.h"

/* --- resolvers -------------------------------------------------------------
 */

/*
 * The forms that the option `resolvers` takes:
 *
 *	system              the servers of resolv.conf
 *	IP, IP@PORT         a forwarder; what it says is validated here
 *	IP@PORT#NAME        strict DNS over TLS: NAME is authenticated
 */

#define RESOLV_CONF "/etc/resolv.conf"

enum {
	PORT_DNS = 53,
	PORT_TLS = 853
};

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
	const char *why = NULL;
	size_t port_len = 0;

	memset(out, 0, sizeof(*out));
	if (strcmp(text, "system") == 0)
		return 0; /* DNS_RESOLVER_SYSTEM */
	out->kind = strchr(rest, '#') != NULL ? DNS_RESOLVER_TLS
					      : DNS_RESOLVER_FORWARDER;
	out->port = out->kind == DNS_RESOLVER_TLS ? PORT_TLS : PORT_DNS;
	if (*rest == '@')
		port_len = strcspn(++rest, "#");
	if (!parse_ip(text, address_len, out))
		why = "neither \"system\" nor IP, IP@PORT or IP@PORT#NAME";
	else if (text[address_len] == '@' &&
	    !parse_port(rest, port_len, &out->port))
		why = "no port number";
	rest += port_len;
	if (why == NULL && out->kind == DNS_RESOLVER_TLS &&
	    name_canon((const uint8_t *)rest + 1, strlen(rest + 1),
		out->tls_name) != 0)
		why =
		    "DNS over TLS needs the name that the server's "
		    "certificate is to show, as in 9.9.9.9@853#dns.quad9.net: "
		    "without it whoever is on the path could answer";
	if (why == NULL)
		return 0;
	(void)snprintf(error, DNS_ERROR_SIZE, "resolvers: \"%s\": %s", text,
	    why);
	return ERR_CONFIG;
}

/*
 * libunbound reads resolv.conf itself: it says "syntax error" of the whole
 * file, and asks 127.0.0.1 when the file names no server.
 */
int
dns_resolv_conf_check(const char *path, char error[DNS_ERROR_SIZE])
{
	static const char keyword[] = "nameserver";
	FILE *file = fopen(path, "re");
	char text[1024];
	struct dns_resolver server;
	unsigned line = 0, n = 0, bad_line = 0;

	if (file == NULL) {
		(void)snprintf(error, DNS_ERROR_SIZE,
		    "resolvers: \"system\": %s: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	while (bad_line == 0 && fgets(text, sizeof(text), file) != NULL) {
		const char *at = text + strspn(text, " \t");

		line++;
		if (strncmp(at, keyword, strlen(keyword)) != 0)
			continue;
		at += strlen(keyword);
		at += strspn(at, " \t");
		n++;
		if (!parse_ip(at, strspn(at, "0123456789abcdefABCDEF.:"),
			&server))
			bad_line = line;
	}
	(void)fclose(file);
	if (bad_line > 0)
		(void)snprintf(error, DNS_ERROR_SIZE,
		    "resolvers: \"system\": %s:%u: nameserver needs an address",
		    path, bad_line);
	else if (n == 0)
		(void)snprintf(error, DNS_ERROR_SIZE,
		    "resolvers: \"system\": %s: names no server", path);
	return bad_line == 0 && n > 0 ? 0 : ERR_CONFIG;
}

/* --- the options -----------------------------------------------------------
 */

int
dns_no_memory(char error[DNS_ERROR_SIZE])
{
	(void)snprintf(error, DNS_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
	return ERR_NOMEM;
}

/*
 * libunbound reads the file itself, but says little when it cannot, and its
 * parsers loop or exit on a directory.
 */
static int
copy_path(const char *option, const char *path, char **out,
    char error[DNS_ERROR_SIZE])
{
	const char *why = NULL;
	struct stat st;
	int fd;

	if (path == NULL || path[0] == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a file";
	if (fd >= 0)
		(void)close(fd);
	if (why != NULL) {
		(void)snprintf(error, DNS_ERROR_SIZE, "%s %s: %s", option, path,
		    why);
		return ERR_CONFIG;
	}
	*out = strdup(path);
	return *out != NULL ? 0 : dns_no_memory(error);
}

/* Adds the server to those of stub mode, in the form that getdns takes. */
static int
add_upstream(struct dns_setup *setup, const struct dns_resolver *resolver,
    char error[DNS_ERROR_SIZE])
{
	uint8_t octets[sizeof(resolver->address)];
	getdns_bindata address = {resolver->address_len, octets};
	getdns_dict *upstream = getdns_dict_create();
	getdns_return_t r = GETDNS_RETURN_MEMORY_ERROR;
	size_t n = 0;

	memcpy(octets, resolver->address, sizeof(octets));
	if (setup->tls_upstreams == NULL)
		setup->tls_upstreams = getdns_list_create();
	if (upstream != NULL && setup->tls_upstreams != NULL &&
	    getdns_dict_util_set_string(upstream, "address_type",
		resolver->address_len == 4 ? "IPv4" : "IPv6") ==
		GETDNS_RETURN_GOOD &&
	    getdns_dict_set_bindata(upstream, "address_data", &address) ==
		GETDNS_RETURN_GOOD &&
	    getdns_dict_set_int(upstream, "tls_port", resolver->port) ==
		GETDNS_RETURN_GOOD &&
	    getdns_dict_util_set_string(upstream, "tls_auth_name",
		resolver->tls_name) == GETDNS_RETURN_GOOD &&
	    getdns_list_get_length(setup->tls_upstreams, &n) ==
		GETDNS_RETURN_GOOD)
		r = getdns_list_set_dict(setup->tls_upstreams, n, upstream);
	getdns_dict_destroy(upstream);
	return r == GETDNS_RETURN_GOOD ? 0 : dns_no_memory(error);
}

static int
add_resolver(struct dns_setup *setup, const char *text,
    char error[DNS_ERROR_SIZE])
{
	char forwarder[DNS_RESOLVER_SIZE], *copy;
	struct dns_resolver resolver;
	int err = dns_resolver_parse(text, &resolver, error);

	if (err != 0)
		return err;
	switch (resolver.kind) {
	case DNS_RESOLVER_SYSTEM:
		setup->guard.system = true;
		/* resolv.conf often names a resolver on this host */
		setup->guard.localhost = true;
		return dns_resolv_conf_check(RESOLV_CONF, error);
	case DNS_RESOLVER_FORWARDER:
		(void)snprintf(forwarder, sizeof(forwarder), "%s@%u",
		    resolver.ip, (unsigned)resolver.port);
		copy = strdup(forwarder);
		if (copy == NULL)
			return dns_no_memory(error);
		setup->forwarders[setup->guard.n_forwarders++] = copy;
		setup->guard.localhost |= resolver.loopback;
		return 0;
	case DNS_RESOLVER_TLS:
		return add_upstream(setup, &resolver, error);
	}
	return ERR_CONFIG;
}

static int
check_mixture(const struct dns_setup *setup, char error[DNS_ERROR_SIZE])
{
	const char *why = NULL;

	if (setup->guard.system && setup->guard.n_forwarders > 0)
		why = "\"system\" goes with no other resolver";
	else if (setup->tls_upstreams != NULL &&
	    (setup->guard.system || setup->guard.n_forwarders > 0))
		why = "resolvers with and without TLS do not mix: whoever is "
		      "on the path would break the TLS to get at the others";
	else if (setup->tls_upstreams != NULL &&
	    (setup->unbound_conf != NULL || setup->root_hints != NULL))
		why = "unbound_conf and root_hints do not go with DNS over "
		      "TLS, which libunbound has no part in";
	if (why == NULL)
		return 0;
	(void)snprintf(error, DNS_ERROR_SIZE, "resolvers: %s", why);
	return ERR_CONFIG;
}

static int
fill(struct dns_setup *setup, const struct dns_config *config,
    char error[DNS_ERROR_SIZE])
{
	size_t i;
	int err;

	setup->timeout_ms = config->timeout_ms;
	setup->uncached = config->uncached;
	setup->forwarders =
	    calloc(config->n_resolvers + 1, sizeof(setup->forwarders[0]));
	if (setup->forwarders == NULL)
		return dns_no_memory(error);
	for (i = 0; i < config->n_resolvers; i++) {
		err = add_resolver(setup, config->resolvers[i], error);
		if (err != 0)
			return err;
	}
	err = copy_path("unbound_conf", config->unbound_conf,
	    &setup->unbound_conf, error);
	if (err == 0)
		err = copy_path("root_hints", config->root_hints,
		    &setup->root_hints, error);
	if (err == 0 && setup->tls_upstreams != NULL)
		err = copy_path("ca_file", config->ca_file, &setup->ca_file,
		    error);
	if (err == 0)
		err = check_mixture(setup, error);
	if (err == 0)
		err = dns_anchor_read(config->trust_anchor,
		    &setup->trust_anchors, error);
	return err;
}

struct dns_setup *
dns_setup_new(const struct dns_config *config, char error[DNS_ERROR_SIZE])
{
	struct dns_setup *setup = calloc(1, sizeof(*setup));

	error[0] = '\0';
	if (setup == NULL) {
		(void)dns_no_memory(error);
		return NULL;
	}
	if (fill(setup, config, error) != 0) {
		dns_setup_free(&setup);
		return NULL;
	}
	setup->guard.forwarders = (const char *const *)setup->forwarders;
	setup->guard.unbound_conf = setup->unbound_conf;
	setup->guard.root_hints = setup->root_hints;
	setup->forwarding =
	    setup->guard.system || setup->guard.n_forwarders > 0;
	/* T-13: an answer is used from the cache of a context for half of the
	 * limit, and its TTL counts for the other half. libunbound's own
	 * cache-max-ttl is no help: it is global to the process, so that it
	 * would limit the validating contexts, too. */
	setup->unvalidated = setup->guard.unvalidated = config->unvalidated;
	if (config->unvalidated)
		setup->context_life_ms = setup->ttl_max_ms =
		    config->unvalidated_max_ms / 2;
	/* A file of libunbound's may name servers on loopback addresses. */
	if (setup->unbound_conf != NULL || setup->root_hints != NULL)
		setup->guard.localhost = true;
	return setup;
}

void
dns_setup_free(struct dns_setup **setup)
{
	struct dns_setup *s = *setup;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->guard.n_forwarders; i++)
		free(s->forwarders[i]);
	free(s->forwarders);
	free(s->unbound_conf);
	free(s->root_hints);
	free(s->ca_file);
	getdns_list_destroy(s->tls_upstreams);
	getdns_list_destroy(s->trust_anchors);
	free(s);
	*setup = NULL;
}
