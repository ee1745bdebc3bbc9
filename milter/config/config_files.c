#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"
#include "config/config_io.h"
#include "store/redis_auth.h"

/* What is wrong begins with the option's name. */
static void
report(const struct config *config, const char *path, const char *option,
    const char *why, struct config_errors *errors)
{
	config_error(errors, path, config_line(config, option), "%s", why);
}

/* The error that no configuration mends, if it is one. */
static int
check_dns(const struct config *config, const char *path,
    struct config_errors *errors)
{
	struct dns_config dns;
	char why[DNS_ERROR_SIZE];
	int err;

	config_dns(config, &dns);
	err = dns_check(&dns, why);
	if (err == ERR_LIBRARY)
		report(config, NULL, "", why, errors);
	else if (err < 0)
		report(config, path, "", why, errors);
	return err == ERR_LIBRARY ? err : 0;
}

static void
check_fetch(const struct config *config, const char *path,
    struct config_errors *errors)
{
	struct fetch_config fetch;
	char why[FETCH_ERROR_SIZE];

	config_fetch(config, &fetch);
	if (fetch_check(&fetch, why) < 0)
		report(config, path, "ca_file", why, errors);
}

static void
check_store_auth(const struct config *config, const char *path,
    struct config_errors *errors)
{
	struct redis_auth auth;
	char why[REDIS_WHY_SIZE];
	char text[CONFIG_WHY_SIZE];

	if (strncmp(config->store, "redis", strlen("redis")) != 0)
		return;
	if (redis_auth_read(config->store_auth_file, &auth, why) < 0) {
		(void)snprintf(text, sizeof(text), "store_auth_file %s", why);
		report(config, path, "store_auth_file", text, errors);
	}
	redis_auth_forget(&auth);
}

int
config_check_files(const struct config *config, const char *path,
    char error[CONFIG_ERROR_SIZE])
{
	struct config_errors errors;

	config_errors_init(&errors, error);
	if (check_dns(config, path, &errors) < 0)
		return ERR_LIBRARY;
	check_fetch(config, path, &errors);
	check_store_auth(config, path, &errors);
	config_errors_end(&errors);
	return errors.n == 0 ? 0 : ERR_CONFIG;
}
