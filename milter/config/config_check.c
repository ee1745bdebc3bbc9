/*
 * The checkers that options.def names. They check the form of a value; files
 * and networks are tried at start.
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/idn.h"
#include "base/net.h"
#include "config/config_internal.h"
#include "core/address.h"
#include "dns/dns.h"
#include "fetch/fetch.h"
#include "log/log.h"
#include "store/store.h"

#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static bool
is_port(const char *text, size_t len)
{
	unsigned port = 0;

	for (size_t i = 0; i < len && port <= UINT16_MAX; i++) {
		if (!ascii_is_digit((uint8_t)text[i]))
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return len <= 5 && port >= 1 && port <= UINT16_MAX;
}

static bool
is_address(const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char octets[sizeof(struct in6_addr)];

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return inet_pton(AF_INET, copy, octets) == 1 ||
	    inet_pton(AF_INET6, copy, octets) == 1;
}

/* A path must be absolute: at a reload the daemon is in another directory than
 * at its start. */
int
check_path(const char *value, char why[CONFIG_WHY_SIZE])
{
	return value[0] == '/'
	    ? 0
	    : config_refuse(why, value, ": must begin with '/'");
}

int
check_socket_path(const char *value, char why[CONFIG_WHY_SIZE])
{
	if (strlen(value) > UNIX_PATH_MAX)
		return config_refuse(why, value,
		    ": a socket's path has at most %zu octets", UNIX_PATH_MAX);
	/* Empty: there is no such socket. */
	return value[0] == '\0' ? 0 : check_path(value, why);
}

/* "unix:/PATH", "inet:PORT@HOST" or "inet6:PORT@HOST" */
int
check_socket(const char *value, char why[CONFIG_WHY_SIZE])
{
	const char *rest = strchr(value, ':');
	size_t len = rest != NULL ? (size_t)(rest - value) : 0;
	char name[NAME_SIZE];
	const char *at;

	if (len == strlen("unix") && strncmp(value, "unix", len) == 0) {
		if (rest[1] == '/' && strlen(rest + 1) <= UNIX_PATH_MAX)
			return 0;
		return config_refuse(why, value,
		    ": the path must begin with '/' and have at most %zu "
		    "octets",
		    UNIX_PATH_MAX);
	}
	at = strchr(value, '@');
	if (((len == strlen("inet") && strncmp(value, "inet", len) == 0) ||
		(len == strlen("inet6") &&
		    strncmp(value, "inet6", len) == 0)) &&
	    at != NULL && is_port(rest + 1, (size_t)(at - rest - 1)) &&
	    (is_address(at + 1, strlen(at + 1)) ||
		name_canon((const uint8_t *)at + 1, strlen(at + 1), name) == 0))
		return 0;
	return config_refuse(why, value,
	    ": must be \"unix:/PATH\", \"inet:PORT@HOST\" or "
	    "\"inet6:PORT@HOST\"");
}

/* HOST:PORT or [ADDRESS]:PORT */
int
check_listen(const char *value, char why[CONFIG_WHY_SIZE])
{
	const char *colon = strrchr(value, ':');
	size_t len = colon != NULL ? (size_t)(colon - value) : 0;
	char name[NAME_SIZE];
	bool good = value[0] == '['
	    ? len > 2 && value[len - 1] == ']' && is_address(value + 1, len - 2)
	    : memchr(value, ':', len) == NULL &&
		(is_address(value, len) ||
		    name_canon((const uint8_t *)value, len, name) == 0);

	if (good && colon != NULL && is_port(colon + 1, strlen(colon + 1)))
		return 0;
	return config_refuse(why, value,
	    ": must be \"ADDRESS:PORT\", such as "
	    "\"127.0.0.1:9478\" or \"[::1]:9478\"");
}

int
check_octal(const char *value, char why[CONFIG_WHY_SIZE])
{
	size_t len = strlen(value);

	if ((len == 3 || (len == 4 && value[0] == '0')) &&
	    strspn(value, "01234567") == len)
		return 0;
	return config_refuse(why, value,
	    ": must be an octal mode, 0000 to 0777");
}

/* "system", ADDRESS, ADDRESS@PORT or ADDRESS@PORT#NAME */
int
check_resolver(const char *value, char why[CONFIG_WHY_SIZE])
{
	size_t len = strcspn(value, "@");
	const char *port = value[len] == '@' ? value + len + 1 : NULL;
	const char *hash = port != NULL ? strchr(port, '#') : NULL;
	char name[NAME_SIZE];

	if (strcmp(value, "system") == 0)
		return 0;
	if (is_address(value, len) &&
	    (port == NULL || is_port(port, strcspn(port, "#"))) &&
	    (hash == NULL ||
		name_canon((const uint8_t *)hash + 1, strlen(hash + 1), name) ==
		    0))
		return 0;
	return config_refuse(why, value,
	    ": must be \"system\", \"ADDRESS\", \"ADDRESS@PORT\" "
	    "or \"ADDRESS@PORT#NAME\"");
}

int
check_network(const char *value, char why[CONFIG_WHY_SIZE])
{
	struct net_prefix prefix;
	int err = net_prefix_parse(value, &prefix);

	if (err == 0)
		return 0;
	return config_refuse(why, value, ": %s",
	    err == ERR_RANGE
		? "the prefix is too long or has bits set behind its end"
		: "must be a network such as \"10.2.0.0/16\" or "
		  "\"2001:db8::/32\"");
}

int
check_store(const char *value, char why[CONFIG_WHY_SIZE])
{
	_Static_assert(STORE_ERROR_SIZE <= CONFIG_WHY_SIZE, "why has room");

	return store_check(value, NULL, why) == 0 ? 0 : ERR_CONFIG;
}

int
check_log(const char *value, char why[CONFIG_WHY_SIZE])
{
	const struct log_config log = {.target = value};
	_Static_assert(LOG_ERROR_SIZE <= CONFIG_WHY_SIZE, "why has room");

	return log_check(&log, why) == 0 ? 0 : ERR_CONFIG;
}

int
config_listed_domain(const char *text, size_t len, char out[NAME_SIZE + 1])
{
	char *name = out;

	if (len > 0 && text[0] == '.') {
		*name++ = '.';
		text++;
		len--;
	}
	return address_domain((const uint8_t *)text, len, idn_to_ascii, name);
}

/* LOCAL@DOMAIN or @DOMAIN */
int
check_exempt_sender(const char *value, char why[CONFIG_WHY_SIZE])
{
	const char *at = strrchr(value, '@');
	char domain[NAME_SIZE];

	if (at != NULL && strcspn(value, "<> \t") == strlen(value) &&
	    strlen(value) <= EXEMPT_SENDER_MAX &&
	    address_domain((const uint8_t *)at + 1, strlen(at + 1),
		idn_to_ascii, domain) == 0)
		return 0;
	return config_refuse(why, value,
	    " is no sender; \"user@example.org\" means that address, "
	    "\"@example.org\" all of the domain");
}

int
check_listed_domain(const char *value, char why[CONFIG_WHY_SIZE])
{
	char domain[NAME_SIZE + 1];

	if (config_listed_domain(value, strlen(value), domain) == 0)
		return 0;
	return config_refuse(why, value,
	    " is no domain; \"example.org\" means it alone, "
	    "\".example.org\" all that is below");
}

/* --- files that options name ---------------------------------------------- */

int
config_check_files(const struct config *config, const char *path,
    char error[CONFIG_ERROR_SIZE])
{
	struct config_errors errors = {.text = error};
	struct dns_config dns;
	struct fetch_config fetch;
	char why[CONFIG_WHY_SIZE];
	int err;
	_Static_assert(DNS_ERROR_SIZE <= CONFIG_WHY_SIZE &&
		FETCH_ERROR_SIZE <= CONFIG_WHY_SIZE &&
		STORE_ERROR_SIZE <= CONFIG_WHY_SIZE,
	    "why has room");

	/* Each message begins with the option's name. */
	error[0] = '\0';
	config_dns(config, &dns);
	err = dns_check(&dns, why);
	if (err < 0)
		config_error(&errors, err == ERR_LIBRARY ? NULL : path, 0, "%s",
		    why);
	if (err == ERR_LIBRARY)
		return err; /* no configuration can mend it */
	config_fetch(config, &fetch);
	if (fetch_check(&fetch, why) < 0)
		config_error(&errors, path, config_line(config, "ca_file"),
		    "%s", why);
	if (store_check(config->store, config->store_auth_file, why) < 0)
		config_error(&errors, path,
		    config_line(config, "store_auth_file"),
		    "store_auth_file %s", why);
	return errors.n == 0 ? 0 : ERR_CONFIG;
}
