#include "autoconf.h"

#include "dns/dns_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "dns/dns_anchor.h"
#include "dns/dns_resolver.h"

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int
out_of_memory(char error[DNS_ERROR_SIZE])
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

	if (!is_given(path))
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
	return *out != NULL ? 0 : out_of_memory(error);
}

static int
add_forwarder(struct dns_setup *setup, const struct dns_resolver *resolver,
    char error[DNS_ERROR_SIZE])
{
	char text[DNS_RESOLVER_SIZE];
	char *copy;

	(void)snprintf(text, sizeof(text), "%s@%u", resolver->ip,
	    (unsigned)resolver->port);
	copy = strdup(text);
	if (copy == NULL)
		return out_of_memory(error);
	setup->forwarders[setup->guard.n_forwarders++] = copy;
	if (resolver->loopback)
		setup->guard.localhost = true;
	return 0;
}

static int
add_upstream(struct dns_setup *setup, const struct dns_resolver *resolver,
    char error[DNS_ERROR_SIZE])
{
	getdns_dict *upstream = dns_resolver_upstream(resolver);
	getdns_return_t r = GETDNS_RETURN_MEMORY_ERROR;
	size_t n = 0;

	if (setup->tls_upstreams == NULL)
		setup->tls_upstreams = getdns_list_create();
	if (upstream != NULL && setup->tls_upstreams != NULL &&
	    getdns_list_get_length(setup->tls_upstreams, &n) ==
		GETDNS_RETURN_GOOD)
		r = getdns_list_set_dict(setup->tls_upstreams, n, upstream);
	getdns_dict_destroy(upstream);
	return r == GETDNS_RETURN_GOOD ? 0 : out_of_memory(error);
}

static int
add_resolver(struct dns_setup *setup, const char *text,
    char error[DNS_ERROR_SIZE])
{
	struct dns_resolver resolver;
	int err = dns_resolver_parse(text, &resolver, error);

	if (err != 0)
		return err;
	switch (resolver.kind) {
	case DNS_RESOLVER_SYSTEM:
		setup->guard.system = true;
		/* resolv.conf often names a resolver on this host */
		setup->guard.localhost = true;
		return 0;
	case DNS_RESOLVER_FORWARDER:
		return add_forwarder(setup, &resolver, error);
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
		return out_of_memory(error);
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
		(void)out_of_memory(error);
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
	/* Whoever names servers in a file of libunbound's means them. */
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
