/*
 * A program that was linked so that libgetdns does not see the guard: no
 * configuration may be taken then, however good it is.
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/dns.h"

#ifndef ROOT_ANCHOR /* the build says where */
#define ROOT_ANCHOR "tests/scenario/dns_unguarded.ds"
#endif

int
main(void)
{
	struct dns_config config;
	char error[DNS_ERROR_SIZE];

	memset(&config, 0, sizeof(config));
	config.trust_anchor = ROOT_ANCHOR;
	config.timeout_ms = 1000;
	if (dns_check(&config, error) == ERR_LIBRARY &&
	    strstr(error, "not in force") != NULL)
		return 0;
	(void)fprintf(stderr, "the guard was not missed: \"%s\"\n", error);
	return 1;
}
