/* dns/dns.h, fetch/fetch.h and store/store.h as a script. */
#include "autoconf.h"

#include "script.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "fake_loop.h"
#include "nomem.h"
#include "store/store.h"

#define SCRIPT_MAX 512
#define ASKED_MAX  16384
#define STORED_MAX 2048

static struct script_dns answers[SCRIPT_MAX];
static size_t n_answers;

struct asked {
	char name[NAME_SIZE];
	enum dns_type type;
	bool fresh;
	bool unvalidated;
};
static struct asked asked[ASKED_MAX];
static size_t n_asked;
static const char *silent; /* NULL: none are */
static const char *slow;
static uint64_t slow_ms;
static int root_key_missing = -1;

struct dns {
	bool uncached;
	bool unvalidated;
	bool forwarding;
	struct question *questions; /* those under way */
	size_t n;
};

struct question {
	struct question *next;
	struct dns *dns;
	bool discovery;
	struct script_dns script;
	dns_done_fn *done;
	void *arg;
};

/* --- dns/dns.h ----------------------------------------------------------- */

static const struct script_dns *
find_answer(const char *name, enum dns_type type, enum script_to to)
{
	for (size_t i = 0; i < n_answers; i++)
		if (answers[i].type == type && answers[i].to == to &&
		    strcmp(answers[i].name, name) == 0)
			return &answers[i];
	return NULL;
}

void
script_dns(struct script_dns answer)
{
	struct script_dns *old =
	    (struct script_dns *)(uintptr_t)find_answer(answer.name,
		answer.type, answer.to);

	if (answer.ttl_s == 0)
		answer.ttl_s = 300;
	if (old == NULL && n_answers == SCRIPT_MAX)
		abort();
	if (old == NULL)
		old = &answers[n_answers++];
	*old = answer;
}

static char *kept[SCRIPT_MAX * 2];
static size_t n_kept;

/* Lives until script_reset. */
static char *
keep(const char *prefix, const char *value, const char *suffix)
{
	char *text = NULL;

	if (n_kept == sizeof(kept) / sizeof(kept[0]) ||
	    asprintf(&text, "%s%s%s", prefix, value, suffix) < 0)
		abort();
	kept[n_kept++] = text;
	return text;
}

void
script_secure(const char *name, enum dns_type type, const char *records)
{
	script_dns((struct script_dns){.name = name,
	    .type = type,
	    .status = FACT_SECURE,
	    .answer = records != NULL ? ANSWER_RECORDS : ANSWER_NODATA,
	    .records = records});
}

void
script_txt(const char *domain, const char *id)
{
	script_dns((struct script_dns){.name = keep("_mta-sts.", domain, ""),
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = keep("v=STSv1; id=", id, ";")});
	script_secure(keep("mta-sts.", domain, ""), DNS_A, "192.0.2.80");
	script_secure(keep("mta-sts.", domain, ""), DNS_AAAA, NULL);
}

void
script_delivery(const char *domain, const char *host, bool tlsa)
{
	script_secure(domain, DNS_MX, keep("10 ", host, ""));
	script_secure(host, DNS_A, "192.0.2.25");
	script_secure(host, DNS_AAAA, NULL);
	script_secure(keep("_25._tcp.", host, ""), DNS_TLSA,
	    tlsa ? "3 1 1" : NULL);
}

static unsigned
count(const char *name, enum dns_type type, bool fresh_only)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_asked; i++)
		if (asked[i].type == type && strcmp(asked[i].name, name) == 0 &&
		    (asked[i].fresh || !fresh_only))
			n++;
	return n;
}

unsigned
script_dns_count(const char *name, enum dns_type type)
{
	return count(name, type, false);
}

unsigned
script_fresh_count(const char *name, enum dns_type type)
{
	return count(name, type, true);
}

unsigned
script_dns_total(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_asked; i++)
		n += strcmp(asked[i].name, ".") != 0; /* the probe's */
	return n;
}

/* "10 mx1.example.org, 20 mx2.example.org" */
static size_t
mx_records(char *text, struct dns_record *records)
{
	size_t n = 0;
	char *item = text;

	while (item != NULL && n < DNS_RECORDS_MAX) {
		char *end = strchr(item, ','), *host;

		if (end != NULL)
			*end++ = '\0';
		records[n].preference = (uint16_t)strtoul(item, &host, 10);
		while (*host == ' ')
			host++;
		records[n].unusable = host[0] == '!';
		host += host[0] == '!';
		records[n++].name = strcmp(host, ".") == 0 ? "" : host;
		item = end;
	}
	return n;
}

static void
unlink_question(struct question *q)
{
	struct question **at = &q->dns->questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	q->dns->n--;
}

static void
complete(struct question *q, const struct script_dns *s)
{
	struct dns_record records[DNS_RECORDS_MAX] = {{0}};
	struct dns_answer answer = {.records = records};
	char text[4096] = "";
	uint8_t rdata[256 + 1];
	bool unvalidated = q->dns != NULL && q->dns->unvalidated;

	answer.status = s->status;
	answer.answer = s->answer;
	answer.cached = s->cached;
	answer.unsigned_zone = s->type == DNS_DS && s->status == FACT_SECURE &&
	    s->answer == ANSWER_NODATA;
	answer.sig_expires_s = s->sig_expires_s;
	answer.aliased = s->alias != NULL;
	(void)snprintf(answer.target, sizeof(answer.target), "%s",
	    s->alias != NULL ? s->alias : "");
	(void)snprintf(answer.why, sizeof(answer.why), "%s",
	    s->why != NULL ? s->why : "");
	if (unvalidated && s->status != FACT_FAILED &&
	    s->status != FACT_UNASKED) {
		answer.status = FACT_INDETERMINATE;
		answer.sig_expires_s = 0;
		answer.why[0] = '\0';
		if (s->records != NULL)
			answer.answer = ANSWER_RECORDS;
		else if (s->answer == ANSWER_EMPTY)
			answer.answer = ANSWER_NXDOMAIN;
	}
	if (answer.status == FACT_BOGUS && q->discovery)
		answer.answer =
		    s->records != NULL ? ANSWER_RECORDS : ANSWER_NXDOMAIN;
	if (answer.answer != ANSWER_EMPTY)
		answer.ttl_s = s->ttl_s;
	if (s->records != NULL && answer.answer != ANSWER_EMPTY) {
		(void)snprintf(text, sizeof(text), "%s", s->records);
		answer.n = 1;
	}
	switch (s->type) {
	case DNS_MX:
		if (answer.n > 0)
			answer.n = mx_records(text, records);
		break;
	case DNS_A:
		records[0].data = rdata;
		records[0].len = 4;
		(void)inet_pton(AF_INET, text, rdata);
		break;
	case DNS_TXT:
		rdata[0] = (uint8_t)strlen(text);
		memcpy(rdata + 1, text, rdata[0]);
		records[0].data = rdata;
		records[0].len = rdata[0] + 1U;
		break;
	case DNS_TLSA: /* "3 1 1": the digest is left out */
		memset(rdata, 0, 3 + 32);
		for (size_t i = 0; i < 3 && i < strlen(text); i++)
			rdata[i] = (uint8_t)(text[2 * i] - '0');
		records[0].data = rdata;
		records[0].len = 3 + 32;
		break;
	case DNS_AAAA:
	case DNS_DS:
	case DNS_DNSKEY:
		memset(rdata, 0, 16);
		records[0].data = rdata;
		records[0].len = 16;
		break;
	}
	unlink_question(q);
	q->done(q->arg, &answer);
}

static void
question_due(void *arg)
{
	struct question *q = arg;

	if (q->dns != NULL) {
		complete(q, &q->script);
	}
	free(q);
}

void
script_silence(const char *suffix)
{
	silent = suffix;
}

void
script_silence_for(const char *suffix, uint64_t ms)
{
	slow = suffix;
	slow_ms = ms;
}

static bool
ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return suffix != NULL && len >= strlen(suffix) &&
	    strcmp(name + len - strlen(suffix), suffix) == 0;
}

const char *
dns_type_name(enum dns_type type)
{
	switch (type) {
#define X(member, value, name) \
	case member:           \
		return name;
		DNS_TYPE_TABLE(X)
#undef X
	}
	return "?";
}

bool
dns_is_forwarding(const struct dns *dns)
{
	return dns->forwarding;
}

void
script_root_key_missing(int tag)
{
	root_key_missing = tag;
}

int
dns_root_key_missing(const struct dns *dns, const struct dns_answer *keys)
{
	(void)dns;
	(void)keys;
	return root_key_missing;
}

const char *
script_asked(void)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n_asked && len < sizeof(text); i++) {
		if (strcmp(asked[i].name, ".") == 0)
			continue; /* the probe */
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s%s %s", len > 0 ? ", " : "",
		    asked[i].unvalidated ? "U " : "", asked[i].name,
		    dns_type_name(asked[i].type));
	}
	return text;
}

static int
ask(struct dns *dns, const char *name, enum dns_type type, bool discovery,
    dns_done_fn *done, void *arg)
{
	static const struct script_dns nothing = {.status = FACT_INSECURE,
	    .answer = ANSWER_NXDOMAIN,
	    .ttl_s = 300};
	static const struct script_dns root = {.type = DNS_DNSKEY,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "257 3 13",
	    .ttl_s = 300};
	const struct script_dns *s = find_answer(name, type,
	    dns->unvalidated ? SCRIPT_UNVALIDATED : SCRIPT_VALIDATING);
	struct question *q;

	if (s == NULL)
		s = find_answer(name, type, SCRIPT_BOTH);

	if (dns->n >= DNS_PENDING_MAX)
		return ERR_BUSY;
	q = spared_calloc(1, sizeof(*q));
	if (q == NULL || n_asked == ASKED_MAX)
		abort();
	(void)snprintf(asked[n_asked].name, NAME_SIZE, "%s", name);
	asked[n_asked].fresh = dns->uncached;
	asked[n_asked].unvalidated = dns->unvalidated;
	asked[n_asked++].type = type;
	if (s == NULL)
		s = strcmp(name, ".") == 0 ? &root : &nothing;
	q->script = *s;
	if (s == &nothing && (ends_in(name, slow) || ends_in(name, silent)))
		q->script = (struct script_dns){.status = FACT_FAILED,
		    .why = "no answer in time",
		    .delay_ms = ends_in(name, slow) ? slow_ms : SCRIPT_NEVER};
	q->script.type = type;
	q->dns = dns;
	q->discovery = discovery;
	q->done = done;
	q->arg = arg;
	q->next = dns->questions;
	dns->questions = q;
	dns->n++;
	if (q->script.delay_ms != SCRIPT_NEVER)
		fake_at(q->script.delay_ms, question_due, q);
	return 0;
}

int
dns_ask(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	return ask(dns, name, type, false, done, arg);
}

int
dns_ask_discovery(struct dns *dns, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	return ask(dns, name, type, true, done, arg);
}

struct dns *
dns_new(const struct dns_config *config, struct event_base *base,
    char error[DNS_ERROR_SIZE])
{
	struct dns *dns = spared_calloc(1, sizeof(*dns));

	(void)base;
	(void)error;
	if (dns == NULL)
		abort();
	dns->uncached = config->uncached;
	dns->unvalidated = config->unvalidated;
	dns->forwarding = config->n_resolvers > 0;
	return dns;
}

void
dns_free(struct dns **dns)
{
	static const struct script_dns cancelled = {.status = FACT_FAILED,
	    .why = "cancelled"};
	struct question *q;

	while ((q = (*dns)->questions) != NULL) {
		struct script_dns s = cancelled;

		s.type = q->script.type;
		complete(q, &s);
		q->dns = NULL; /* question_due will free it */
		if (q->script.delay_ms == SCRIPT_NEVER)
			free(q);
	}
	free(*dns);
	*dns = NULL;
}

size_t
dns_pending(const struct dns *dns)
{
	return dns->n;
}

/* --- fetch/fetch.h ---------------------------------------------------------
 */

struct script_fetch {
	char host[NAME_SIZE + 8];
	enum fetch_failure failure;
	const char *why;
	const char *body;
	uint64_t delay_ms;
	unsigned count;
	unsigned n_urgent;
};
static struct script_fetch fetches[64];
static size_t n_fetches;

struct fetcher {
	struct transfer *transfers;
	size_t n;
};

struct transfer {
	struct transfer *next;
	struct fetcher *fetcher;
	struct script_fetch *script;
	fetch_done_fn *done;
	void *arg;
};

static struct script_fetch *
find_fetch(const char *host)
{
	for (size_t i = 0; i < n_fetches; i++)
		if (strcmp(fetches[i].host, host) == 0)
			return &fetches[i];
	if (n_fetches == sizeof(fetches) / sizeof(fetches[0]))
		abort();
	(void)snprintf(fetches[n_fetches].host, sizeof(fetches[0].host), "%s",
	    host);
	fetches[n_fetches].failure = FETCH_FAILURE_CONNECT;
	fetches[n_fetches].why = "connection refused";
	return &fetches[n_fetches++];
}

static struct script_fetch *
fetch_of(const char *domain)
{
	char host[NAME_SIZE + 8];

	(void)snprintf(host, sizeof(host), "mta-sts.%s", domain);
	return find_fetch(host);
}

void
script_policy(const char *domain, const char *body, uint64_t delay_ms)
{
	struct script_fetch *f = fetch_of(domain);

	f->failure = FETCH_FAILURE_NONE;
	f->body = body;
	f->delay_ms = delay_ms;
}

void
script_policy_fails(const char *domain, enum fetch_failure failure,
    const char *why)
{
	struct script_fetch *f = fetch_of(domain);

	f->failure = failure;
	f->why = why;
}

unsigned
script_fetch_count(const char *domain)
{
	return fetch_of(domain)->count;
}

unsigned
script_urgent_count(const char *domain)
{
	return fetch_of(domain)->n_urgent;
}

static void
unlink_transfer(struct transfer *t)
{
	struct transfer **at = &t->fetcher->transfers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->fetcher->n--;
}

static void
transfer_due(void *arg)
{
	struct transfer *t = arg;
	struct fetch_result result = {0};

	if (t->fetcher != NULL) {
		unlink_transfer(t);
		result.failure = t->script->failure;
		if (result.failure == FETCH_FAILURE_NONE) {
			result.body = (const uint8_t *)t->script->body;
			result.len = strlen(t->script->body);
		} else {
			(void)snprintf(result.why, sizeof(result.why), "%s",
			    t->script->why);
		}
		t->done(t->arg, &result);
	}
	free(t);
}

int
fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg)
{
	struct transfer *t = spared_calloc(1, sizeof(*t));

	(void)addresses;
	if (t == NULL || n == 0)
		abort();
	t->script = find_fetch(host);
	t->script->count++;
	t->script->n_urgent += urgent;
	t->fetcher = fetcher;
	t->done = done;
	t->arg = arg;
	t->next = fetcher->transfers;
	fetcher->transfers = t;
	fetcher->n++;
	if (t->script->delay_ms != SCRIPT_NEVER)
		fake_at(t->script->delay_ms, transfer_due, t);
	return 0;
}

struct fetcher *
fetcher_new(const struct fetch_config *config, struct event_base *base,
    char error[FETCH_ERROR_SIZE])
{
	(void)config;
	(void)base;
	(void)error;
	return spared_calloc(1, sizeof(struct fetcher));
}

void
fetcher_free(struct fetcher **fetcher)
{
	struct fetch_result result = {.failure = FETCH_FAILURE_CANCELLED,
	    .why = "cancelled"};
	struct transfer *t;

	while ((t = (*fetcher)->transfers) != NULL) {
		unlink_transfer(t);
		t->fetcher = NULL; /* transfer_due will free it */
		t->done(t->arg, &result);
		if (t->script->delay_ms == SCRIPT_NEVER)
			free(t);
	}
	free(*fetcher);
	*fetcher = NULL;
}

size_t
fetch_pending(const struct fetcher *fetcher)
{
	return fetcher->n;
}

const char *
fetch_failure_tlsrpt(enum fetch_failure failure)
{
	switch (failure) {
#define X(member, name, tlsrpt) \
	case member:            \
		return tlsrpt;
		FETCH_FAILURE_TABLE(X)
#undef X
	}
	return "";
}

/* --- store/store.h ---------------------------------------------------------
 */

struct stored {
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	int64_t fetched_s;
	int64_t tried_s;
	int64_t used_s;
	char failure[256];
	char body[1024];
	size_t len;
};
static struct stored stored[STORED_MAX];
static size_t n_stored;
static int get_error, put_error;
static uint64_t store_delay_ms;

struct store {
	int unused;
};

struct store_request {
	char domain[NAME_SIZE];
	store_got_fn *got;
	store_done_fn *done; /* of a put or a mark; may be NULL */
	void *arg;
	struct stored put;
	bool is_mark;
};

static struct stored *
find_stored(const char *domain)
{
	for (size_t i = 0; i < n_stored; i++)
		if (strcmp(stored[i].domain, domain) == 0)
			return &stored[i];
	return NULL;
}

static void
store_now(const struct stored *new)
{
	struct stored *s = find_stored(new->domain);

	if (s == NULL && n_stored == sizeof(stored) / sizeof(stored[0]))
		abort();
	if (s == NULL)
		s = &stored[n_stored++];
	*s = *new;
}

void
script_stored(const char *domain, const char *id, const char *body,
    int64_t age_s)
{
	struct stored s = {.fetched_s = clock_wall_s() - age_s};

	(void)snprintf(s.domain, sizeof(s.domain), "%s", domain);
	(void)snprintf(s.id, sizeof(s.id), "%s", id);
	(void)snprintf(s.body, sizeof(s.body), "%s", body);
	s.len = strlen(s.body);
	store_now(&s);
}

const char *
script_stored_id(const char *domain)
{
	struct stored *s = find_stored(domain);

	return s != NULL ? s->id : NULL;
}

bool
script_stored_entry(const char *domain, struct store_entry *out)
{
	struct stored *s = find_stored(domain);

	if (s == NULL)
		return false;
	*out = (struct store_entry){
	    .domain = s->domain,
	    .id = s->id,
	    .fetched_s = s->fetched_s,
	    .tried_s = s->tried_s,
	    .failure = s->failure,
	    .used_s = s->used_s,
	    .body = (const uint8_t *)s->body,
	    .len = s->len,
	};
	return true;
}

void
script_store_get_fails(int err)
{
	get_error = err;
}

void
script_store_put_fails(int err)
{
	put_error = err;
}

void
script_store_delay(uint64_t ms)
{
	store_delay_ms = ms;
}

static void
answer_get(const struct store_request *r)
{
	struct stored *s = find_stored(r->domain);
	struct store_entry entry = {.domain = r->domain};

	if (get_error != 0 || s == NULL) {
		r->got(r->arg, get_error != 0 ? get_error : ERR_NOTFOUND, NULL);
		return;
	}
	entry.id = s->id;
	entry.fetched_s = s->fetched_s;
	entry.tried_s = s->tried_s;
	entry.used_s = s->used_s;
	entry.failure = s->failure;
	entry.body = (const uint8_t *)s->body;
	entry.len = s->len;
	r->got(r->arg, 0, &entry);
}

static void
apply_mark(const struct stored *mark)
{
	struct stored *s = find_stored(mark->domain);

	if (s == NULL)
		return;
	if (mark->used_s != 0)
		s->used_s = mark->used_s;
	if (mark->tried_s == 0)
		return;
	s->tried_s = mark->tried_s;
	memcpy(s->failure, mark->failure, sizeof(s->failure));
}

static void
request_due(void *arg)
{
	struct store_request *r = arg;

	if (r->got != NULL) {
		answer_get(r);
	} else {
		if (r->is_mark)
			apply_mark(&r->put);
		else if (put_error == 0)
			store_now(&r->put);
		if (r->done != NULL)
			r->done(r->arg, put_error);
	}
	free(r);
}

int
store_mark(struct store *store, const char *domain,
    const struct store_mark *mark, store_done_fn *done, void *arg)
{
	struct store_request *r = spared_calloc(1, sizeof(*r));

	(void)store;
	if (r == NULL)
		abort();
	(void)snprintf(r->put.domain, NAME_SIZE, "%s", domain);
	(void)snprintf(r->put.failure, sizeof(r->put.failure), "%s",
	    mark->failure != NULL ? mark->failure : "");
	r->put.tried_s = mark->tried_s;
	r->put.used_s = mark->used_s;
	r->is_mark = true;
	r->done = done;
	r->arg = arg;
	fake_at(store_delay_ms, request_due, r);
	return 0;
}

int
store_get(struct store *store, const char *domain, store_got_fn *got, void *arg)
{
	struct store_request *r = spared_calloc(1, sizeof(*r));

	(void)store;
	if (r == NULL)
		abort();
	(void)snprintf(r->domain, sizeof(r->domain), "%s", domain);
	r->got = got;
	r->arg = arg;
	fake_at(store_delay_ms, request_due, r);
	return 0;
}

int
store_put(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	struct store_request *r = spared_calloc(1, sizeof(*r));

	(void)store;
	if (r == NULL || entry->len > sizeof(r->put.body))
		abort();
	(void)snprintf(r->put.domain, NAME_SIZE, "%s", entry->domain);
	(void)snprintf(r->put.id, TXT_ID_SIZE, "%s", entry->id);
	r->put.fetched_s = entry->fetched_s;
	r->put.tried_s = entry->tried_s;
	r->put.used_s = entry->used_s;
	memcpy(r->put.body, entry->body, entry->len);
	r->put.len = entry->len;
	r->done = done;
	r->arg = arg;
	fake_at(store_delay_ms, request_due, r);
	return 0;
}

void
script_reset(void)
{
	fake_reset();
	while (n_kept > 0)
		free(kept[--n_kept]);
	n_answers = n_asked = n_fetches = n_stored = 0;
	silent = slow = NULL;
	root_key_missing = -1;
	memset(fetches, 0, sizeof(fetches));
	get_error = put_error = 0;
	store_delay_ms = 0;
}
