/* Addresses of Redis servers. */
#include "autoconf.h"

#include "store/redis_address.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define DEFAULT_PORT "6379"
#define DB_MARK      "?db="

static const struct {
	const char *scheme;
	const char *form;
} forms[] = {
    [REDIS_TCP] = {"redis",      "//HOST:PORT/DB"                         },
    [REDIS_TLS] = {"rediss",     "//HOST:PORT/DB"                         },
    [REDIS_UNIX] = {"redis+unix", "PATH or PATH?db=DB, PATH being absolute"},
};

static int
refuse(enum redis_transport transport, const char *rest, const char *why,
    char error[STORE_ERROR_SIZE])
{
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%s:%.200s\": %s; \"%s:\" is followed by %s",
	    forms[transport].scheme, rest, why, forms[transport].scheme,
	    forms[transport].form);
	return ERR_CONFIG;
}

/* All of the text. 0, ERR_SYNTAX or ERR_RANGE. */
static int
parse_number(const char *at, unsigned max, unsigned *out)
{
	unsigned value = 0;

	if (*at == '\0')
		return ERR_SYNTAX;
	for (; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return ERR_SYNTAX;
		value = value * 10 + (unsigned)(*at - '0');
		if (value > max)
			return ERR_RANGE;
	}
	*out = value;
	return 0;
}

/* From *at up to end into out. */
static int
take(const char **at, const char *end, char *out, size_t size)
{
	size_t len = (size_t)(end - *at);

	if (len == 0 || len >= size)
		return ERR_SYNTAX;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at = end;
	return 0;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static int
take_host(const char **at, char host[NAME_SIZE])
{
	const char *end;

	if (**at != '[')
		return take(at, *at + strcspn(*at, ":/[]@"), host, NAME_SIZE);
	++*at;
	end = strchr(*at, ']');
	if (end == NULL || take(at, end, host, NAME_SIZE) != 0)
		return ERR_SYNTAX;
	++*at;
	return 0;
}

static int
take_port(const char **at, char port[REDIS_PORT_SIZE])
{
	unsigned value;

	if (**at != ':') {
		snprintf(port, REDIS_PORT_SIZE, "%s", DEFAULT_PORT);
		return 0;
	}
	++*at;
	if (take(at, *at + strcspn(*at, "/"), port, REDIS_PORT_SIZE) != 0 ||
	    parse_number(port, 65535, &value) != 0 || value == 0)
		return ERR_SYNTAX;
	return 0;
}

static int
parse_net(const char *rest, struct redis_address *out, const char **why)
{
	const char *at = rest;

	*why = "it has no host";
	if (strncmp(at, "//", 2) != 0)
		return ERR_SYNTAX;
	at += 2;
	if (strchr(at, '@') != NULL) {
		*why = "user and password go into the store_auth_file";
		return ERR_SYNTAX;
	}
	if (take_host(&at, out->host) != 0)
		return ERR_SYNTAX;
	*why = "the port is none";
	if (take_port(&at, out->port) != 0)
		return ERR_SYNTAX;
	*why = "the database is no number up to 9999";
	if (*at == '\0' || strcmp(at, "/") == 0)
		return 0;
	return *at == '/' ? parse_number(at + 1, REDIS_DB_MAX, &out->db)
			  : ERR_SYNTAX;
}

static int
parse_unix(const char *rest, struct redis_address *out, const char **why)
{
	const char *at = rest;
	const char *mark = strstr(rest, DB_MARK);
	const char *end = mark != NULL ? mark : rest + strlen(rest);

	*why = "the path is relative, or too long for a socket";
	if (*rest != '/' || take(&at, end, out->path, REDIS_PATH_SIZE) != 0)
		return ERR_SYNTAX;
	*why = "the database is no number up to 9999";
	return mark == NULL
	    ? 0
	    : parse_number(mark + strlen(DB_MARK), REDIS_DB_MAX, &out->db);
}

int
redis_address_parse(enum redis_transport transport, const char *rest,
    struct redis_address *out, char error[STORE_ERROR_SIZE])
{
	const char *why;
	int err;

	*out = (struct redis_address){.transport = transport};
	err = transport == REDIS_UNIX ? parse_unix(rest, out, &why)
				      : parse_net(rest, out, &why);
	return err == 0 ? 0 : refuse(transport, rest, why, error);
}
