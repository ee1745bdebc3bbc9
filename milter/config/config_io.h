/*
 * What the configuration means to the adapters of io/.
 *
 * Any thread. Borrowed from the snapshot.
 */
#ifndef CONFIG_CONFIG_IO_H
#define CONFIG_CONFIG_IO_H

#include "config/config.h"
#include "dns/dns.h"
#include "fetch/fetch.h"

void config_dns(const struct config *config, struct dns_config *out);
void config_fetch(const struct config *config, struct fetch_config *out);

/* Whether anchors, fragments, CA files and secrets can be used. path: where the
 * configuration is from, for *error. 0, ERR_CONFIG, or ERR_LIBRARY (dns_check),
 * for which the configuration is not to blame. */
int config_check_files(const struct config *config, const char *path,
    char error[CONFIG_ERROR_SIZE]);

#endif
