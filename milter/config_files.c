#include "autoconf.h"

#include "config_io.h"
#include "core/err.h"

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
	/* Whatever the configuration says, nothing works with such ones. */
	if (fetch_check(&fetch, fetch_error) < 0 && err != ERR_LIBRARY)
		err = ERR_CONFIG;
	if (err < 0)
		snprintf(error, CONFIG_ERROR_SIZE, "%s%s%s", dns_error,
		    dns_error[0] != '\0' && fetch_error[0] != '\0' ? "\n" : "",
		    fetch_error);
	return err;
}
