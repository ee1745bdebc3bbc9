/*
 * Which recipients are checked. The MTA knows the routing, so that its next hop
 * goes before the address (R-03, K11).
 */
#include "autoconf.h"

#include "core/scope.h"

#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/name.h"

/* A name in dots and digits, in U-labels, brackets and a port. */
#define KEY_MAX 1024

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

/* Under non_smtpd_milters Postfix does not say where a recipient goes, so that
 * the configuration has to. */
static bool
is_local_domain(const struct scope_rules *rules,
    const struct scope_input *input)
{
	return input->mailer == NULL && input->host == NULL &&
	    input->address->class == ADDRESS_DOMAIN &&
	    domain_list_find(&rules->local_domains, input->address->domain,
		input->now_s) != NULL;
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

/* a recipient "user@[192.0.2.1]" leads to an address, and nothing is odd
 * about that; for any other one it is a smart host. */
static void
pass_address(const struct address *address, struct scope *out)
{
	if (address->class != ADDRESS_LITERAL) {
		scope_pass(out, REASON_SMART_HOST_ADDRESS);
		return;
	}
	out->next_hop = NULL;
	scope_pass(out, REASON_LITERAL);
}

/* False: the MTA did not say where it goes, or not in a form we know. */
static bool
target_by_host(const struct scope_input *input, struct scope *out)
{
	struct target hop;

	if (input->host == NULL || input->host[0] == '\0')
		return false;
	out->next_hop = input->host;
	switch (scope_next_hop(input->host, input->idn, &hop)) {
	case ADDRESS_DOMAIN:
		out->class = ADDRESS_DOMAIN;
		out->target = hop;
		/* By MX to the domain of the address, in another spelling. */
		if (!hop.no_mx && hop.port == SCOPE_PORT_SMTP &&
		    strcmp(hop.domain, input->address->domain) == 0)
			out->next_hop = NULL;
		return true;
	case ADDRESS_LITERAL:
		out->class = ADDRESS_LITERAL;
		pass_address(input->address, out);
		return true;
	case ADDRESS_LOCAL:
		out->class = ADDRESS_LOCAL;
		scope_pass(out, REASON_LOCAL);
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
	    .kind = SCOPE_ASK,
	    .class = input->address->class,
	    .target = {.port = SCOPE_PORT_SMTP},
	};
	if (is_local_mailer(rules, input->mailer) ||
	    is_local_domain(rules, input)) { /* */
		scope_pass(out, REASON_LOCAL);
		return;
	}
	/* The usual: to the MX hosts of the domain. It was parsed already, and
	 * what is canonical is a name to scope_next_hop() as well. */
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
	if (out->exemption != NULL)
		scope_pass(out, REASON_EXEMPT);
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

/* --- keys --- */

static bool
is_parent_domain(const uint8_t *key, size_t len, address_idn_fn *idn)
{
	char domain[NAME_SIZE];

	return len > 1 && key[0] == '.' &&
	    address_domain(key + 1, len - 1, idn, domain) == 0;
}

enum scope_key
scope_read_key(const struct scope_rules *rules, const uint8_t *key, size_t len,
    address_idn_fn *idn, int64_t now_s, struct scope *out)
{
	static const struct address none = {.class = ADDRESS_INVALID};
	char text[KEY_MAX + 1];
	const struct scope_input input = {
	    .address = &none,
	    .host = text,
	    .idn = idn,
	    .now_s = now_s,
	};

	*out = (struct scope){.kind = SCOPE_PASS};
	if (is_parent_domain(key, len, idn))
		return SCOPE_KEY_PARENT;
	if (len == 0 || len > KEY_MAX || memchr(key, '\0', len) != NULL)
		return SCOPE_KEY_UNREADABLE;
	memcpy(text, key, len);
	text[len] = '\0';
	if (strpbrk(text, ", \t\r\n") != NULL)
		return SCOPE_KEY_UNREADABLE;
	scope_resolve(rules, &input, out);
	out->next_hop = NULL; /* it lies in text */
	return out->unreadable ? SCOPE_KEY_UNREADABLE : SCOPE_KEY_NEXT_HOP;
}
