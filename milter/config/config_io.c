/* Configures dns/ and fetch/ from the snapshot. A file of its own, because the
 * scenario tests link no other file of this folder. */
#include "autoconf.h"

#include "config/config.h"
#include "dns/dns.h"
#include "fetch/fetch.h"

void
config_dns(const struct config *config, struct dns_config *out)
{
	*out = (struct dns_config){
	    .n_resolvers = config->resolvers.n,
	    .resolvers = config->resolvers.item,
	    .unbound_conf = config->unbound_conf,
	    .root_hints = config->root_hints,
	    .ca_file = config->ca_file,
	    .trust_anchor = config->trust_anchor,
	    .timeout_ms = (unsigned)config->dns_timeout_ms,
	    .unvalidated_max_ms = (unsigned)config->discovery_ttl_max_ms,
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
