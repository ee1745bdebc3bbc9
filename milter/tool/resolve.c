/* Lookups of the tool's own. See resolve.h. */
#include "autoconf.h"

#include "tool/resolve.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config.h"
#include "tool/tool.h"

struct resolve {
	struct event_base *base;
	struct dns *dns;
	struct fetcher *fetcher;
	size_t pending; /* lookups and fetches that resolve_wait waits for */
};

struct question {
	struct resolve *resolve;
	struct resolved *out;
};

struct fetching {
	struct resolve *resolve;
	uint8_t **body;
	size_t *len;
	char *why;
};

struct resolve *
resolve_new(const struct config *config)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	struct dns_config dns;
	struct fetch_config fetch;
	char dns_error[DNS_ERROR_SIZE] = "out of memory";
	char fetch_error[FETCH_ERROR_SIZE] = "";

	config_dns(config, &dns);
	config_fetch(config, &fetch);
	if (resolve != NULL)
		resolve->base = event_base_new();
	if (resolve != NULL && resolve->base != NULL)
		resolve->dns = dns_new(&dns, resolve->base, dns_error);
	if (resolve != NULL && resolve->dns != NULL)
		resolve->fetcher =
		    fetcher_new(&fetch, resolve->base, fetch_error);
	if (resolve != NULL && resolve->fetcher != NULL)
		return resolve;
	tool_warn("%s", fetch_error[0] != '\0' ? fetch_error : dns_error);
	resolve_free(&resolve);
	return NULL;
}

void
resolve_free(struct resolve **resolvep)
{
	struct resolve *resolve = *resolvep;

	*resolvep = NULL;
	if (resolve == NULL)
		return;
	if (resolve->fetcher != NULL)
		fetcher_free(&resolve->fetcher);
	if (resolve->dns != NULL)
		dns_free(&resolve->dns);
	if (resolve->base != NULL)
		event_base_free(resolve->base);
	free(resolve);
}

/* --- lookups ------------------------------------------------------------- */

static void
set_failed(struct resolved *out, const char *why)
{
	resolve_clear(out);
	out->status = FACT_FAILED;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

static void
copy_records(const struct dns_answer *answer, struct resolved *out)
{
	out->records = calloc(answer->n + 1, sizeof(*out->records));
	for (size_t i = 0; out->records != NULL && i < answer->n; i++) {
		const struct dns_record *record = &answer->records[i];
		struct resolved_record *copy = &out->records[i];

		copy->preference = record->preference;
		copy->unusable = record->unusable;
		snprintf(copy->name, sizeof(copy->name), "%s",
		    record->name != NULL ? record->name : "");
		copy->len = record->data != NULL ? record->len : 0;
		copy->data = malloc(copy->len + 1);
		if (copy->data == NULL)
			break;
		if (copy->len > 0)
			memcpy(copy->data, record->data, copy->len);
		out->n++;
	}
	if (out->n < answer->n)
		set_failed(out, err_text(ERR_NOMEM));
}

static void
answered(void *arg, const struct dns_answer *answer)
{
	struct question *question = arg;
	struct resolved *out = question->out;

	out->status = answer->status;
	out->answer = answer->answer;
	snprintf(out->why, sizeof(out->why), "%s", answer->why);
	copy_records(answer, out);
	if (--question->resolve->pending == 0)
		(void)event_base_loopbreak(question->resolve->base);
	free(question);
}

void
resolve_ask(struct resolve *resolve, const char *name, enum dns_type type,
    struct resolved *out)
{
	struct question *question = calloc(1, sizeof(*question));
	int err = ERR_NOMEM;

	memset(out, 0, sizeof(*out));
	if (question != NULL) {
		question->resolve = resolve;
		question->out = out;
		err = dns_ask(resolve->dns, name, type, answered, question);
	}
	if (err == 0) {
		resolve->pending++;
	} else {
		set_failed(out, err_text(err));
		free(question);
	}
}

void
resolve_wait(struct resolve *resolve)
{
	while (resolve->pending > 0)
		if (event_base_dispatch(resolve->base) != 0)
			break;
}

void
resolve_clear(struct resolved *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->records[i].data);
	free(answer->records);
	answer->records = NULL;
	answer->n = 0;
}

size_t
resolve_addresses(const struct resolved *answer, struct net_address *addresses,
    size_t n, size_t max)
{
	for (size_t i = 0; i < answer->n && n < max; i++)
		if (net_address_from_octets(answer->records[i].data,
			answer->records[i].len, &addresses[n]) == 0)
			n++;
	return n;
}

size_t
resolve_host(struct resolve *resolve, const char *host,
    struct net_address *addresses, size_t max, char why[RESOLVE_WHY_SIZE])
{
	struct resolved answers[2];
	size_t n = 0;

	resolve_ask(resolve, host, DNS_A, &answers[0]);
	resolve_ask(resolve, host, DNS_AAAA, &answers[1]);
	resolve_wait(resolve);
	why[0] = '\0';
	for (size_t i = 0; i < 2; i++) {
		n = resolve_addresses(&answers[i], addresses, n, max);
		if (answers[i].why[0] != '\0')
			snprintf(why, RESOLVE_WHY_SIZE, "%s: %.160s",
			    fact_status_name(answers[i].status),
			    answers[i].why);
		resolve_clear(&answers[i]);
	}
	return n;
}

/* --- the policy ---------------------------------------------------------- */

static void
fetched(void *arg, const struct fetch_result *result)
{
	struct fetching *fetching = arg;

	if (result->failure != FETCH_FAILURE_NONE) {
		snprintf(fetching->why, FETCH_WHY_SIZE, "%s", result->why);
	} else {
		*fetching->body = malloc(result->len + 1);
		if (*fetching->body != NULL) {
			memcpy(*fetching->body, result->body, result->len);
			*fetching->len = result->len;
		}
	}
	if (--fetching->resolve->pending == 0)
		(void)event_base_loopbreak(fetching->resolve->base);
}

void
resolve_fetch(struct resolve *resolve, const char *host,
    const struct net_address *addresses, size_t n, uint8_t **body, size_t *len,
    char why[FETCH_WHY_SIZE])
{
	struct fetching fetching = {resolve, body, len, why};
	int err;

	*body = NULL;
	*len = 0;
	snprintf(why, FETCH_WHY_SIZE, "%s", err_text(ERR_NOMEM));
	err = fetch_start(resolve->fetcher, host, addresses, n, false, fetched,
	    &fetching);
	if (err == 0) {
		resolve->pending++;
		resolve_wait(resolve);
	} else {
		snprintf(why, FETCH_WHY_SIZE, "%s", err_text(err));
	}
}
