#include "autoconf.h"

#include "config_io.h"

#include "core/err.h"

void
config_dns(const struct config *config, struct dns_config *out)
{
	*out = (struct dns_config){
	    .n_resolvers = config->resolvers.n,
	    .resolvers = config->resolvers.item,
	    .unbound_conf = config->unbound_conf,
	    .root_hints = config->root_hints,
	    .trust_anchor = config->trust_anchor,
	    .timeout_ms = (unsigned)config->dns_timeout_ms,
	};
}

void
config_fetch(const struct config *config, struct fetch_config *out)
{
	*out = (struct fetch_config){
	    .ca_file = config->ca_file,
	    .n_networks = config->n_policy_prefixes,
	    .networks = config->policy_prefixes,
	    .timeout_ms = (unsigned)config->fetch_timeout_ms,
	    .max_bytes = (size_t)config->fetch_max_bytes,
	};
}

int
config_check_files(const struct config *config, char error[CONFIG_ERROR_SIZE])
{
	struct dns_config dns;
	struct fetch_config fetch;
	char dns_error[DNS_ERROR_SIZE] = "";
	char fetch_error[FETCH_ERROR_SIZE] = "";
	int err;

	config_dns(config, &dns);
	config_fetch(config, &fetch);
	err = dns_check(&dns, dns_error);
	if (fetch_check(&fetch, fetch_error) < 0)
		err = ERR_CONFIG;
	if (err < 0)
		snprintf(error, CONFIG_ERROR_SIZE, "%s%s%s", dns_error,
		    dns_error[0] != '\0' && fetch_error[0] != '\0' ? "\n" : "",
		    fetch_error);
	return err;
}
