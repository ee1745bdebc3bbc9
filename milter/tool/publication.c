/* What a domain publishes now. See publication.h. */
#include "autoconf.h"

#include "tool/publication.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config_io.h"
#include "tool/tool.h"

/*
 *	TXT ----------------------------> end
 *	A, AAAA of the policy host -> fetch -> end
 *
 * A policy without a TXT record is no policy to a sender, yet its publisher
 * wants to hear about both: the two ways do not depend on each other.
 */
struct getting {
	struct event_base *base;
	struct dns *dns;
	struct fetcher *fetcher;
	struct publication *out;
	unsigned addresses_pending;
	char address_why[FETCH_WHY_SIZE];
	size_t n_addresses;
	struct net_address addresses[FETCH_ADDRESSES_MAX];
	unsigned pending; /* the two ways: the end is when none is left */
};

static void
way_ended(struct getting *getting)
{
	if (--getting->pending == 0)
		(void)event_base_loopbreak(getting->base);
}

/* --- TXT ----------------------------------------------------------------- */

static void
txt_failed(struct publication *out, enum txt_state state, const char *why)
{
	snprintf(out->txt_why, sizeof(out->txt_why), "%s", why);
	out->txt.state = state;
	out->txt.why = out->txt_why;
}

static void
read_txt(struct publication *out, const struct dns_answer *answer)
{
	struct txt_rdata rdata[DNS_RECORDS_MAX];
	size_t i;

	for (i = 0; i < answer->n; i++) {
		rdata[i].data = answer->records[i].data;
		rdata[i].len = answer->records[i].len;
	}
	txt_parse(rdata, answer->n, &out->txt);
}

static void
txt_answered(void *arg, const struct dns_answer *answer)
{
	struct getting *getting = arg;

	switch (answer->status) {
	case FACT_SECURE:
	case FACT_INSECURE:
	case FACT_INDETERMINATE: /* T-11 */
		read_txt(getting->out, answer);
		break;
	case FACT_BOGUS:
		txt_failed(getting->out, TXT_BOGUS, answer->why);
		break;
	case FACT_UNASKED:
	case FACT_FAILED:
		txt_failed(getting->out, TXT_FAILED, answer->why);
		break;
	}
	way_ended(getting);
}

static void
txt_begin(struct getting *getting, const char *domain)
{
	char name[NAME_SIZE];
	int len, err = ERR_TOOLONG;

	getting->pending++;
	len = snprintf(name, sizeof(name), "_mta-sts.%s", domain);
	if (len >= 0 && (size_t)len < sizeof(name))
		err =
		    dns_ask(getting->dns, name, DNS_TXT, txt_answered, getting);
	if (err != 0) {
		txt_failed(getting->out, TXT_FAILED, err_text(err));
		getting->pending--;
	}
}

/* --- policy -------------------------------------------------------------- */

static void
fetch_failed(struct getting *getting, const char *why)
{
	snprintf(getting->out->fetch_why, sizeof(getting->out->fetch_why), "%s",
	    why);
	way_ended(getting);
}

static void
fetched(void *arg, const struct fetch_result *result)
{
	struct getting *getting = arg;
	struct publication *out = getting->out;
	uint8_t *body;

	if (result->failure != FETCH_FAILURE_NONE) {
		fetch_failed(getting, result->why);
		return;
	}
	body = malloc(result->len > 0 ? result->len : 1);
	if (body == NULL) {
		fetch_failed(getting, err_text(ERR_NOMEM));
		return;
	}
	memcpy(body, result->body, result->len);
	out->body = body;
	out->len = result->len;
	way_ended(getting);
}

static void
fetch_begin(struct getting *getting)
{
	int err;

	if (getting->n_addresses == 0) {
		fetch_failed(getting,
		    getting->address_why[0] != '\0'
			? getting->address_why
			: "the policy host has no address");
		return;
	}
	err = fetch_start(getting->fetcher, getting->out->host,
	    getting->addresses, getting->n_addresses, false, fetched, getting);
	if (err != 0)
		fetch_failed(getting, err_text(err));
}

/* F-14: a bogus answer has no records. */
static void
address_answered(void *arg, const struct dns_answer *answer)
{
	struct getting *getting = arg;
	size_t i;

	for (i = 0; i < answer->n; i++)
		if (getting->n_addresses < FETCH_ADDRESSES_MAX &&
		    net_address_from_octets(answer->records[i].data,
			answer->records[i].len,
			&getting->addresses[getting->n_addresses]) == 0)
			getting->n_addresses++;
	if (answer->why[0] != '\0')
		snprintf(getting->address_why, sizeof(getting->address_why),
		    "address of the policy host: %s: %.160s",
		    fact_status_name(answer->status), answer->why);
	if (--getting->addresses_pending == 0)
		fetch_begin(getting);
}

static void
policy_begin(struct getting *getting, const char *domain)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	struct publication *out = getting->out;
	size_t i;
	int len;

	getting->pending++;
	len = snprintf(out->host, sizeof(out->host), "mta-sts.%s", domain);
	for (i = 0; (size_t)len < sizeof(out->host) && i < 2; i++)
		if (dns_ask(getting->dns, out->host, types[i], address_answered,
			getting) == 0)
			getting->addresses_pending++;
	if (getting->addresses_pending == 0) {
		snprintf(out->fetch_why, sizeof(out->fetch_why),
		    "the policy host cannot be looked up");
		getting->pending--;
	}
}

/* --- the whole ----------------------------------------------------------- */

static void
get(struct getting *getting, const char *domain)
{
	getting->pending = 1; /* this function: no way is the last yet */
	txt_begin(getting, domain);
	policy_begin(getting, domain);
	if (--getting->pending > 0)
		(void)event_base_dispatch(getting->base);
}

static bool
getting_init(struct getting *getting, const struct config *config)
{
	struct dns_config dns;
	struct fetch_config fetch;
	char dns_error[DNS_ERROR_SIZE] = "out of memory";
	char fetch_error[FETCH_ERROR_SIZE] = "out of memory";

	config_dns(config, &dns);
	config_fetch(config, &fetch);
	getting->base = event_base_new();
	if (getting->base != NULL)
		getting->dns = dns_new(&dns, getting->base, dns_error);
	if (getting->dns == NULL) {
		tool_warn("%s", dns_error);
		return false;
	}
	getting->fetcher = fetcher_new(&fetch, getting->base, fetch_error);
	if (getting->fetcher == NULL)
		tool_warn("%s", fetch_error);
	return getting->fetcher != NULL;
}

static void
getting_clear(struct getting *getting)
{
	if (getting->fetcher != NULL)
		fetcher_free(&getting->fetcher);
	if (getting->dns != NULL)
		dns_free(&getting->dns);
	if (getting->base != NULL)
		event_base_free(getting->base);
}

int
publication_get(const struct config *config, const char *domain,
    struct publication *out)
{
	struct getting getting = {.out = out};
	int status = TOOL_UNKNOWN;

	memset(out, 0, sizeof(*out));
	out->txt.why = "";
	if (getting_init(&getting, config)) {
		get(&getting, domain);
		status = TOOL_OK;
	}
	getting_clear(&getting);
	return status;
}

void
publication_clear(struct publication *publication)
{
	free(publication->body);
	memset(publication, 0, sizeof(*publication));
}
