/*
 * How a next hop is read; scope.h says what comes of it.
 *
 *	entry      host [":" [port]] / "[" host "]" ["."] [":" [port]] / socket
 *	host       name / IPv4 address / ["IPv6:"] IPv6 address
 *	port       digits / service
 *	socket     "unix:" path / "inet:" host ":" port
 */
#include "autoconf.h"

#include "core/scope.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/err.h"

/* Octets that are being looked at; nothing is copied. */
struct text {
	const char *at;
	size_t len;
};

struct service {
	const char *name;
	uint16_t port;
};

/* What Postfix accepts in place of a number, as far as SMTP goes. */
static const struct service services[] = {
    {"smtp",        SCOPE_PORT_SMTP},
    {"submission",  587            },
    {"submissions", 465            },
    {"smtps",       465            },
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static bool
text_equals(struct text text, const char *word)
{
	return text.len == strlen(word) &&
	    strncasecmp(text.at, word, text.len) == 0;
}

/* The part before the first of octets; *rest is what follows that one. */
static struct text
text_cut(struct text text, const char *octets, struct text *rest)
{
	size_t n = text.len;

	for (; *octets != '\0'; octets++) {
		const char *found = memchr(text.at, *octets, n);

		if (found != NULL)
			n = (size_t)(found - text.at);
	}
	*rest = text;
	rest->at += n < text.len ? n + 1 : n;
	rest->len -= n < text.len ? n + 1 : n;
	text.len = n;
	return text;
}

static bool
is_address(struct text text, int family)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, &address) == 1;
}

/* "2001:db8::1", "IPv6:2001:db8::1" */
static bool
is_ipv6_literal(struct text text)
{
	static const char tag[] = "IPv6:";
	const size_t tag_len = sizeof(tag) - 1;

	if (text.len > tag_len && strncasecmp(text.at, tag, tag_len) == 0) {
		text.at += tag_len;
		text.len -= tag_len;
	}
	return is_address(text, AF_INET6);
}

/*
 * What follows a host and a colon. Nothing is the default port, as in Postfix.
 * Digits are a port. A word is a service that Postfix knows, or the next host
 * of Sendmail's list; the port stays as it is then, as only the first host
 * counts.
 */
static int
parse_port(struct text text, uint16_t *port)
{
	unsigned n = 0;
	size_t digits = 0;

	*port = SCOPE_PORT_SMTP;
	if (text.len == 0)
		return 0;
	while (digits < text.len && ascii_is_digit((uint8_t)text.at[digits]))
		digits++;
	if (digits == text.len) {
		for (size_t i = 0; i < text.len && n <= UINT16_MAX; i++)
			n = n * 10 + (unsigned)(text.at[i] - '0');
		*port = (uint16_t)n;
		return n == 0 || n > UINT16_MAX || text.len > 5 ? ERR_SYNTAX
								: 0;
	}
	for (size_t i = 0; i < N_ELEMENTS(services); i++) {
		if (text_equals(text, services[i].name))
			*port = services[i].port;
	}
	return 0;
}

static enum address_class
parse_name(struct text text, address_idn_fn *idn, struct target *out)
{
	return address_domain((const uint8_t *)text.at, text.len, idn,
		   out->domain) == 0
	    ? ADDRESS_DOMAIN
	    : ADDRESS_INVALID;
}

/* "name]", "name]:port", "192.0.2.1]:port", "IPv6:...]": after the "[". */
static enum address_class
parse_bracketed(struct text text, address_idn_fn *idn, struct target *out)
{
	const char *close = memchr(text.at, ']', text.len);
	struct text inside = {.at = text.at};
	struct text rest = text;

	if (close == NULL)
		return ADDRESS_INVALID;
	inside.len = (size_t)(close - text.at);
	rest.at = close + 1;
	rest.len -= inside.len + 1;
	/* Sendmail's final dot */
	if (rest.len == 1 && rest.at[0] == '.')
		rest.len = 0;
	if (rest.len > 0) {
		if (rest.at[0] != ':')
			return ADDRESS_INVALID;
		rest.at++;
		rest.len--;
		if (parse_port(rest, &out->port) != 0)
			return ADDRESS_INVALID;
	}
	if (is_address(inside, AF_INET) || is_ipv6_literal(inside))
		return ADDRESS_LITERAL;
	out->no_mx = true;
	return parse_name(inside, idn, out);
}

/* "name", "name:port", an address without brackets */
static enum address_class
parse_bare(struct text text, address_idn_fn *idn, struct target *out)
{
	struct text port;
	struct text name = text_cut(text, ":", &port);

	if (is_address(text, AF_INET6) || is_address(name, AF_INET))
		return ADDRESS_LITERAL;
	if (name.len < text.len && parse_port(port, &out->port) != 0)
		return ADDRESS_INVALID;
	return parse_name(name, idn, out);
}

/* Not over the DNS, whatever the transport is called. */
static bool
is_socket(struct text text)
{
	static const char unix_tag[] = "unix:";
	static const char inet_tag[] = "inet:";
	const size_t len = sizeof(unix_tag) - 1;

	return text.len > len &&
	    (memcmp(text.at, unix_tag, len) == 0 ||
		memcmp(text.at, inet_tag, len) == 0);
}

enum address_class
scope_next_hop(const char *text, address_idn_fn *idn, struct target *out)
{
	struct text rest = {.at = text, .len = strlen(text)};
	struct text first = {.at = text};

	*out = (struct target){.port = SCOPE_PORT_SMTP};
	while (first.len == 0 && rest.len > 0)
		first = text_cut(rest, ", \t\r\n", &rest);
	if (is_socket(first))
		return ADDRESS_LOCAL;
	if (first.len == 0 || first.at[0] != '[')
		return parse_bare(first, idn, out);
	first.at++;
	first.len--;
	return parse_bracketed(first, idn, out);
}
