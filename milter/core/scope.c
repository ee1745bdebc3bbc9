/*
 * Which recipients are looked at. The MTA knows the routing, so its word goes
 * before the address (R-03, K11).
 */
#include "autoconf.h"

#include "core/scope.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "core/ascii.h"
#include "core/err.h"

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

/* 1 to 5 digits. 0 or ERR_RANGE. */
static int
port_number(struct text text, uint16_t *port)
{
	unsigned n = 0;

	if (text.len > 5)
		return ERR_RANGE;
	for (size_t i = 0; i < text.len; i++)
		n = n * 10 + (unsigned)(text.at[i] - '0');
	if (n == 0 || n > UINT16_MAX)
		return ERR_RANGE;
	*port = (uint16_t)n;
	return 0;
}

static bool
is_digits(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_is_digit((uint8_t)text.at[i]))
			return false;
	}
	return true;
}

/*
 * What follows a host and a colon. A word that is no known service leaves the
 * port as it is: the host counts all the same. Sendmail's mailertable has
 * lists of hosts there; the first is taken.
 */
static int
parse_port(struct text text, uint16_t *port)
{
	*port = SCOPE_PORT_SMTP;
	if (text.len == 0)
		return ERR_SYNTAX;
	if (is_digits(text))
		return port_number(text, port) == 0 ? 0 : ERR_SYNTAX;
	for (size_t i = 0; i < N_ELEMENTS(services); i++) {
		if (text_equals(text, services[i].name))
			*port = services[i].port;
	}
	return 0;
}

static int
parse_name(struct text text, address_idn_fn *idn, struct target *out)
{
	return address_domain((const uint8_t *)text.at, text.len, idn,
	    out->domain);
}

/* "name]", "name]:port", "192.0.2.1]:port", "IPv6:...]": after the "[". */
static int
parse_bracketed(struct text text, address_idn_fn *idn, struct target *out,
    bool *is_literal)
{
	const char *close = memchr(text.at, ']', text.len);
	struct text inside = {.at = text.at};
	struct text rest = text;

	if (close == NULL)
		return ERR_SYNTAX;
	inside.len = (size_t)(close - text.at);
	rest.at = close + 1;
	rest.len -= inside.len + 1;
	/* Sendmail's final dot */
	if (rest.len == 1 && rest.at[0] == '.')
		rest.len = 0;
	if (rest.len > 0) {
		if (rest.at[0] != ':')
			return ERR_SYNTAX;
		rest.at++;
		rest.len--;
		if (parse_port(rest, &out->port) != 0)
			return ERR_SYNTAX;
	}
	/* No name holds a colon. */
	*is_literal = is_address(inside, AF_INET) ||
	    memchr(inside.at, ':', inside.len) != NULL;
	if (*is_literal)
		return 0;
	out->no_mx = true;
	return parse_name(inside, idn, out);
}

/* "name", "name:port", an address without brackets */
static int
parse_bare(struct text text, address_idn_fn *idn, struct target *out,
    bool *is_literal)
{
	struct text port;
	struct text name = text_cut(text, ":", &port);

	*is_literal = is_address(text, AF_INET6) || is_address(name, AF_INET);
	if (*is_literal)
		return 0;
	if (name.len < text.len && parse_port(port, &out->port) != 0)
		return ERR_SYNTAX;
	return parse_name(name, idn, out);
}

static int
parse_hop(struct text text, address_idn_fn *idn, struct target *out,
    bool *is_literal)
{
	*out = (struct target){.port = SCOPE_PORT_SMTP};
	*is_literal = false;
	if (text.at[0] != '[')
		return parse_bare(text, idn, out, is_literal);
	text.at++;
	text.len--;
	return parse_bracketed(text, idn, out, is_literal);
}

/*
 * Postfix has lists since 3.5. The first name decides; all must be well
 * formed, so that the words of an error message are not taken for hosts.
 */
int
scope_next_hop(const char *text, address_idn_fn *idn, struct target *out,
    bool *is_literal)
{
	struct text rest = {.at = text, .len = strlen(text)};
	struct target found = {.port = SCOPE_PORT_SMTP};
	bool has_name = false;
	bool has_literal = false;

	while (rest.len > 0) {
		struct text item = text_cut(rest, ", \t", &rest);
		struct target hop;
		bool literal;

		if (item.len == 0)
			continue;
		if (parse_hop(item, idn, &hop, &literal) != 0)
			return ERR_SYNTAX;
		if (!literal && !has_name)
			found = hop;
		has_name = has_name || !literal;
		has_literal = has_literal || literal;
	}
	*out = found;
	*is_literal = has_literal && !has_name;
	return has_name || has_literal ? 0 : ERR_SYNTAX;
}

static bool
is_local_mailer(const struct scope_rules *rules, const char *mailer)
{
	uint8_t first;

	if (mailer == NULL)
		return false;
	first = ascii_lower((uint8_t)mailer[0]);
	for (size_t i = 0; i < rules->n_local_mailers; i++) {
		const char *local = rules->local_mailers[i];

		if (ascii_lower((uint8_t)local[0]) == first &&
		    strcasecmp(local, mailer) == 0)
			return true;
	}
	return false;
}

static void
scope_pass(struct scope *out, enum reason reason)
{
	out->kind = SCOPE_PASS;
	out->reason = reason;
}

/* */
static void
target_by_address(const struct address *address, struct scope *out)
{
	switch (address->class) {
	case ADDRESS_DOMAIN:
		memcpy(out->target.domain, address->domain,
		    sizeof(out->target.domain));
		break;
	case ADDRESS_LOCAL:
		scope_pass(out, REASON_NO_DOMAIN);
		break;
	case ADDRESS_LITERAL:
		scope_pass(out, REASON_LITERAL);
		break;
	case ADDRESS_INVALID:
		scope_pass(out, REASON_INVALID_ADDRESS);
		break;
	}
}

/* The usual: to the MX hosts of the domain. It was parsed already, and what
 * is canonical is a name to scope_next_hop() as well. */
static bool
is_own_domain(const struct scope_input *input)
{
	return input->host != NULL && input->address->class == ADDRESS_DOMAIN &&
	    strcmp(input->host, input->address->domain) == 0;
}

/* False: the MTA did not say where it goes, or not in a form we know. */
static bool
target_by_host(const struct scope_input *input, struct scope *out)
{
	struct target hop;
	bool is_literal;

	if (input->host == NULL ||
	    scope_next_hop(input->host, input->idn, &hop, &is_literal) != 0)
		return false;
	if (is_literal) {
		out->class = ADDRESS_LITERAL;
		scope_pass(out, REASON_LITERAL);
	} else {
		out->class = ADDRESS_DOMAIN;
		out->target = hop;
	}
	return true;
}

void
scope_resolve(const struct scope_rules *rules, const struct scope_input *input,
    struct scope *out)
{
	*out = (struct scope){
	    .kind = SCOPE_ASK,
	    .class = input->address->class,
	    .target = {.port = SCOPE_PORT_SMTP},
	};
	if (is_local_mailer(rules, input->mailer)) { /* */
		scope_pass(out, REASON_LOCAL);
		return;
	}
	if (is_own_domain(input) || !target_by_host(input, out))
		target_by_address(input->address, out);
	if (out->kind == SCOPE_PASS)
		return;
	out->exemption = domain_list_find(&rules->exemptions,
	    out->target.domain, input->now_s);
	if (out->exemption == NULL && input->address->class == ADDRESS_DOMAIN)
		out->exemption = domain_list_find(&rules->exemptions,
		    input->address->domain, input->now_s);
	if (out->exemption != NULL)
		scope_pass(out, REASON_EXEMPT);
}
