/*
 * Selects the recipients that are checked, and their policy domains. The MTA
 * knows the routing, so its next hop takes precedence over the address (R-03,
 * K11).
 */
#include "autoconf.h"

#include "core/scope.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/name.h"

/* The longest next hop: U-labels, brackets and a port. */
#define KEY_MAX 1024

/*
 * --- next hops --------------------------------------------------------------
 *
 *	entry      host [":" [port]] / "[" host "]" ["."] [":" [port]] / socket
 *	host       name / IPv4 address / ["IPv6:"] IPv6 address
 *	port       digits / service
 *	socket     "unix:" path / "inet:" host ":" port
 */

/* Part of a next hop; it is not copied. */
struct text {
	const char *at;
	size_t len;
};

struct service {
	const char *name;
	uint16_t port;
};

/* The services of SMTP that Postfix accepts in place of a port number. */
static const struct service services[] = {
    {"smtp",        SCOPE_PORT_SMTP},
    {"submission",  587            },
    {"submissions", 465            },
    {"smtps",       465            },
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Returns the part before the first octet that is among `octets`; *rest is the
 * part after it. */
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

/*
 * Parses the text after a host and a colon. An empty text is the default port,
 * as in Postfix. Digits are a port. A word is a service that Postfix knows, or
 * else the next host of Sendmail's list: then the port is the default, as only
 * the first host counts.
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
		if (text.len == strlen(services[i].name) &&
		    strncasecmp(text.at, services[i].name, text.len) == 0)
			*port = services[i].port;
	}
	return 0;
}

/*
 * "[name]", "[name]:port", "[192.0.2.1]:port", "[IPv6:...]". ADDRESS_DOMAIN:
 * *name is the text in the brackets.
 */
static enum address_class
split_bracketed(struct text text, struct text *name, struct target *out)
{
	static const char tag[] = "IPv6:";
	const size_t tag_len = sizeof(tag) - 1;
	const char *close = memchr(text.at, ']', text.len);
	struct text rest = text;
	struct text ipv6;

	if (close == NULL)
		return ADDRESS_INVALID;
	*name = (struct text){text.at + 1, (size_t)(close - text.at) - 1};
	rest.at = close + 1;
	rest.len -= name->len + 2;
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
	/* "[2001:db8::1]", "[IPv6:2001:db8::1]" */
	ipv6 = *name;
	if (ipv6.len > tag_len && strncasecmp(ipv6.at, tag, tag_len) == 0) {
		ipv6.at += tag_len;
		ipv6.len -= tag_len;
	}
	if (is_address(*name, AF_INET) || is_address(ipv6, AF_INET6))
		return ADDRESS_LITERAL;
	out->no_mx = true;
	return ADDRESS_DOMAIN;
}

/* "name", "name:port", an address without brackets. */
static enum address_class
split_bare(struct text text, struct text *name, struct target *out)
{
	struct text port;

	*name = text_cut(text, ":", &port);
	if (is_address(text, AF_INET6) || is_address(*name, AF_INET))
		return ADDRESS_LITERAL;
	return name->len == text.len || parse_port(port, &out->port) == 0
	    ? ADDRESS_DOMAIN
	    : ADDRESS_INVALID;
}

/* A delivery without DNS, whatever the transport is called. */
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
	struct text name;
	enum address_class class;

	*out = (struct target){.port = SCOPE_PORT_SMTP};
	while (first.len == 0 && rest.len > 0)
		first = text_cut(rest, ", \t\r\n", &rest);
	if (is_socket(first))
		return ADDRESS_LOCAL;
	class = first.len > 0 && first.at[0] == '['
	    ? split_bracketed(first, &name, out)
	    : split_bare(first, &name, out);
	if (class == ADDRESS_DOMAIN &&
	    address_domain((const uint8_t *)name.at, name.len, idn,
		out->domain) != 0)
		class = ADDRESS_INVALID;
	return class;
}

/* --- recipients ----------------------------------------------------------- */

/* true if the mailer or the domain is local. */
static bool
is_local(const struct scope_rules *rules, const struct scope_input *input)
{
	const char *mailer = input->mailer;
	uint8_t first;

	/* Under non_smtpd_milters Postfix does not say where a recipient goes,
	 * so the configuration has to. */
	if (mailer == NULL)
		return input->host == NULL &&
		    input->address->class == ADDRESS_DOMAIN &&
		    domain_list_find(&rules->local_domains,
			input->address->domain, input->now_s) != NULL;
	first = ascii_lower((uint8_t)mailer[0]);
	for (size_t i = 0; i < rules->n_local_mailers; i++) {
		const char *local = rules->local_mailers[i];

		if (ascii_lower((uint8_t)local[0]) == first &&
		    strcasecmp(local, mailer) == 0)
			return true;
	}
	return false;
}

/* The policy domain is that of the address. Local recipients, address
 * literals and addresses that cannot be read have none. */
static void
target_by_address(const struct address *address, struct scope *out)
{
	switch (address->class) {
	case ADDRESS_DOMAIN:
		out->kind = SCOPE_ASK;
		memcpy(out->target.domain, address->domain,
		    sizeof(out->target.domain));
		break;
	case ADDRESS_LOCAL:
		out->reason = REASON_NO_DOMAIN;
		break;
	case ADDRESS_LITERAL:
		out->reason = REASON_LITERAL;
		break;
	case ADDRESS_INVALID:
		out->reason = REASON_INVALID_ADDRESS;
		break;
	}
}

/* False: the MTA named no next hop, or one that cannot be read. */
static bool
target_by_host(const struct scope_input *input, struct scope *out)
{
	struct target hop;

	if (input->host == NULL || input->host[0] == '\0')
		return false;
	out->next_hop = input->host;
	switch (scope_next_hop(input->host, input->idn, &hop)) {
	case ADDRESS_DOMAIN:
		out->kind = SCOPE_ASK;
		out->class = ADDRESS_DOMAIN;
		out->target = hop;
		/* The next hop is the domain of the address, spelt
		 * differently. */
		if (!hop.no_mx && hop.port == SCOPE_PORT_SMTP &&
		    strcmp(hop.domain, input->address->domain) == 0)
			out->next_hop = NULL;
		return true;
	case ADDRESS_LITERAL:
		out->class = ADDRESS_LITERAL;
		out->reason = REASON_SMART_HOST_ADDRESS;
		/* for the recipient "user@[192.0.2.1]" the address is the
		 * destination, not a smart host. */
		if (input->address->class == ADDRESS_LITERAL) {
			out->reason = REASON_LITERAL;
			out->next_hop = NULL;
		}
		return true;
	case ADDRESS_LOCAL:
		out->class = ADDRESS_LOCAL;
		out->reason = REASON_LOCAL;
		return true;
	case ADDRESS_INVALID:
		break;
	}
	out->unreadable = true;
	return false;
}

void
scope_resolve(const struct scope_rules *rules, const struct scope_input *input,
    struct scope *out)
{
	bool own_domain;

	*out = (struct scope){
	    .kind = SCOPE_PASS,
	    .class = input->address->class,
	    .target = {.port = SCOPE_PORT_SMTP},
	};
	if (is_local(rules, input)) {
		out->reason = REASON_LOCAL;
		return;
	}
	/* Nearly all mail goes to the MX hosts of the recipient's domain, which
	 * was parsed already. */
	own_domain = input->host != NULL &&
	    input->address->class == ADDRESS_DOMAIN &&
	    strcasecmp(input->host, input->address->domain) == 0;
	if (own_domain || !target_by_host(input, out))
		target_by_address(input->address, out);
	if (out->kind == SCOPE_PASS)
		return;
	out->exemption = domain_list_find(&rules->exemptions,
	    out->target.domain, input->now_s);
	if (out->exemption == NULL && input->rewritten &&
	    input->address->class == ADDRESS_DOMAIN)
		out->exemption = domain_list_find(&rules->exemptions,
		    input->address->domain, input->now_s);
	if (out->exemption != NULL) {
		out->kind = SCOPE_PASS;
		out->reason = REASON_EXEMPT;
	}
}

const struct exempt_sender *
scope_exempt_sender(const struct scope_rules *rules, const char *sender,
    address_idn_fn *idn)
{
	const char *end = sender + strlen(sender);
	char domain[NAME_SIZE];
	const char *at;

	if (rules->n_exempt_senders == 0)
		return NULL;
	if (end - sender >= 2 && sender[0] == '<' && end[-1] == '>') {
		sender++;
		end--;
	}
	at = memrchr(sender, '@', (size_t)(end - sender));
	if (at == NULL ||
	    address_domain((const uint8_t *)at + 1, (size_t)(end - at - 1), idn,
		domain) != 0)
		return NULL;
	for (size_t i = 0; i < rules->n_exempt_senders; i++) {
		const struct exempt_sender *row = &rules->exempt_senders[i];
		const size_t len = strlen(row->local);

		if (strcmp(row->domain, domain) == 0 &&
		    (len == 0 ||
			(len == (size_t)(at - sender) &&
			    memcmp(row->local, sender, len) == 0)))
			return row;
	}
	return NULL;
}

void
target_text(const struct target *target, char text[TARGET_TEXT_SIZE])
{
	const bool usual = target->port == 0 || target->port == SCOPE_PORT_SMTP;
	int len;

	/* A short cut for nearly all targets: printf would take as long as the
	 * lookup in the cache of verdicts. */
	if (usual && !target->no_mx) {
		memcpy(text, target->domain, strlen(target->domain) + 1);
		return;
	}
	len = snprintf(text, TARGET_TEXT_SIZE, "%s%s%s",
	    target->no_mx ? "[" : "", target->domain, target->no_mx ? "]" : "");
	if (!usual)
		(void)snprintf(text + len, TARGET_TEXT_SIZE - (size_t)len,
		    ":%u", target->port);
}

/* --- keys of a map -------------------------------------------------------- */

enum scope_key
scope_read_key(const struct scope_rules *rules, const uint8_t *key, size_t len,
    address_idn_fn *idn, int64_t now_s, struct scope *out)
{
	static const struct address none = {.class = ADDRESS_INVALID};
	char text[KEY_MAX + 1], domain[NAME_SIZE];
	const struct scope_input input = {
	    .address = &none,
	    .host = text,
	    .idn = idn,
	    .now_s = now_s,
	};

	*out = (struct scope){.kind = SCOPE_PASS, .reason = REASON_NO_DOMAIN};
	/* "<user>": Sendmail 8.18.2 asks, before any delivery, about a
	 * recipient that has no domain any more. It is delivered on this host.
	 */
	if (len > 2 && key[0] == '<' && key[len - 1] == '>' &&
	    memchr(key, '@', len) == NULL)
		return SCOPE_KEY_NEXT_HOP;
	if (len > 1 && key[0] == '.' &&
	    address_domain(key + 1, len - 1, idn, domain) == 0)
		return SCOPE_KEY_PARENT;
	if (len == 0 || len > KEY_MAX || memchr(key, '\0', len) != NULL)
		return SCOPE_KEY_UNREADABLE;
	memcpy(text, key, len);
	text[len] = '\0';
	if (strpbrk(text, ", \t\r\n") != NULL)
		return SCOPE_KEY_UNREADABLE;
	scope_resolve(rules, &input, out);
	out->next_hop = NULL; /* it would point to text */
	return out->unreadable ? SCOPE_KEY_UNREADABLE : SCOPE_KEY_NEXT_HOP;
}
