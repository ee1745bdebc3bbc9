/*
 * The checkers that options.def names: whether a value has a form that can
 * work. Whether it does work (files, networks) is found out at start.
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/idn.h"
#include "base/net.h"
#include "config/config_internal.h"
#include "core/address.h"
#include "log/log.h"
#include "store/store.h"

#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static bool
is_port(const char *text, size_t len)
{
	char digits[6];
	int64_t port;

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return config_parse_int(digits, &port) == 0 && port >= 1 &&
	    port <= UINT16_MAX;
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

/* An address or a host name. */
static bool
is_host(const char *text, size_t len)
{
	char name[NAME_SIZE];

	return is_address(text, len) ||
	    name_canon((const uint8_t *)text, len, name) == 0;
}

static const char *
after_prefix(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* PORT@HOST */
static bool
is_port_at_host(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && is_port(text, (size_t)(at - text)) &&
	    is_host(at + 1, strlen(at + 1));
}

/* The daemon has left the directory that it was started in by the time it
 * reloads. */
int
check_path(const char *value, char why[CONFIG_WHY_SIZE])
{
	if (value[0] == '/')
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "\"%.128s\": must begin with '/'",
	    value);
	return ERR_CONFIG;
}

int
check_path_or_empty(const char *value, char why[CONFIG_WHY_SIZE])
{
	return value[0] == '\0' ? 0 : check_path(value, why);
}

int
check_socket_path_or_empty(const char *value, char why[CONFIG_WHY_SIZE])
{
	if (strlen(value) <= UNIX_PATH_MAX)
		return check_path_or_empty(value, why);
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\": a socket's path has at most %zu octets", value,
	    UNIX_PATH_MAX);
	return ERR_CONFIG;
}

int
check_socket(const char *value, char why[CONFIG_WHY_SIZE])
{
	const char *rest = after_prefix(value, "unix:");

	if (rest != NULL) {
		if (rest[0] == '/' && strlen(rest) <= UNIX_PATH_MAX)
			return 0;
		snprintf(why, CONFIG_WHY_SIZE,
		    "\"%.128s\": the path must begin with '/' and have at "
		    "most %zu octets",
		    value, UNIX_PATH_MAX);
		return ERR_CONFIG;
	}
	rest = after_prefix(value, "inet:");
	if (rest == NULL)
		rest = after_prefix(value, "inet6:");
	if (rest != NULL && is_port_at_host(rest))
		return 0;
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\": must be \"unix:/PATH\", \"inet:PORT@HOST\" or "
	    "\"inet6:PORT@HOST\"",
	    value);
	return ERR_CONFIG;
}

int
check_socket_or_empty(const char *value, char why[CONFIG_WHY_SIZE])
{
	return value[0] == '\0' ? 0 : check_socket(value, why);
}

/* HOST:PORT or [ADDRESS]:PORT */
static bool
is_listen(const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t len;

	if (colon == NULL || !is_port(colon + 1, strlen(colon + 1)))
		return false;
	len = (size_t)(colon - value);
	if (value[0] != '[')
		return memchr(value, ':', len) == NULL && is_host(value, len);
	return len > 2 && value[len - 1] == ']' &&
	    is_address(value + 1, len - 2);
}

int
check_listen_or_empty(const char *value, char why[CONFIG_WHY_SIZE])
{
	if (value[0] == '\0' || is_listen(value))
		return 0;
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\": must be \"ADDRESS:PORT\", such as "
	    "\"127.0.0.1:9478\" or \"[::1]:9478\"",
	    value);
	return ERR_CONFIG;
}

int
check_octal(const char *value, char why[CONFIG_WHY_SIZE])
{
	size_t len = strlen(value);

	if ((len == 3 || (len == 4 && value[0] == '0')) &&
	    strspn(value, "01234567") == len)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.64s\": must be an octal mode, 0000 to 0777", value);
	return ERR_CONFIG;
}

/* ADDRESS, ADDRESS@PORT or ADDRESS@PORT#NAME */
static bool
is_forwarder(const char *value)
{
	const char *at = strchr(value, '@');
	const char *hash;
	char name[NAME_SIZE];

	if (at == NULL)
		return is_address(value, strlen(value));
	if (!is_address(value, (size_t)(at - value)))
		return false;
	hash = strchr(at, '#');
	if (hash == NULL)
		return is_port(at + 1, strlen(at + 1));
	return is_port(at + 1, (size_t)(hash - at - 1)) &&
	    name_canon((const uint8_t *)hash + 1, strlen(hash + 1), name) == 0;
}

int
check_resolver(const char *value, char why[CONFIG_WHY_SIZE])
{
	if (strcmp(value, "system") == 0 || is_forwarder(value))
		return 0;
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\": must be \"system\", \"ADDRESS\", \"ADDRESS@PORT\" "
	    "or \"ADDRESS@PORT#NAME\"",
	    value);
	return ERR_CONFIG;
}

int
check_network(const char *value, char why[CONFIG_WHY_SIZE])
{
	struct net_prefix prefix;
	int err = net_prefix_parse(value, &prefix);

	if (err == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "\"%.64s\": %s", value,
	    err == ERR_RANGE
		? "the prefix is too long or has bits set behind its end"
		: "must be a network such as \"10.2.0.0/16\" or "
		  "\"2001:db8::/32\"");
	return ERR_CONFIG;
}

int
check_store(const char *value, char why[CONFIG_WHY_SIZE])
{
	char error[STORE_ERROR_SIZE];

	if (store_check(value, error) == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "%s", error);
	return ERR_CONFIG;
}

int
check_log(const char *value, char why[CONFIG_WHY_SIZE])
{
	struct log_config log = {.target = value};
	char error[LOG_ERROR_SIZE];

	if (log_check(&log, error) == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "%s", error);
	return ERR_CONFIG;
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
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\" is no sender; \"user@example.org\" means that address, "
	    "\"@example.org\" all of the domain",
	    value);
	return ERR_CONFIG;
}

int
check_listed_domain(const char *value, char why[CONFIG_WHY_SIZE])
{
	char domain[NAME_SIZE + 1];

	if (config_listed_domain(value, strlen(value), domain) == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.128s\" is no domain; \"example.org\" means it alone, "
	    "\".example.org\" all that is below",
	    value);
	return ERR_CONFIG;
}
