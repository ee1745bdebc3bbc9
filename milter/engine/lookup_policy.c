/* The policy track of a lookup: store, TXT, policy host, fetch, store. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "engine/backoff.h"
#include "engine/cache.h"
#include "engine/clock.h"
#include "engine/lookup_impl.h"
#include "io/log.h"
#include "io/metrics.h"
#include "io/store.h"

#define POLICY_HOST_SIZE (sizeof("mta-sts.") + NAME_LEN_MAX)

static void
use_policy(struct fact_policy *fact, const struct policy *policy,
    const char *id, uint64_t age_s)
{
	fact->id = id;
	fact->age_s = age_s;
	fact->max_age_s = policy->max_age_s;
	fact->mode = policy->mode;
	fact->dnssec = policy->dnssec;
	fact->n_mx = policy->n_mx;
	fact->mx = policy->mx;
}

/* --- TXT ---------------------------------------------------------------- */

static void
read_txt(struct lookup *l, const struct dns_answer *answer)
{
	struct txt_rdata rdata[DNS_RECORDS_MAX];
	struct txt_result result;

	for (size_t i = 0; i < answer->n; i++)
		rdata[i] = (struct txt_rdata){answer->records[i].data,
		    answer->records[i].len};
	txt_parse(rdata, answer->n, &result);
	l->facts.txt_state = result.state;
	l->facts.txt_why = result.why;
	if (result.state == TXT_VALID) {
		memcpy(l->txt_id, result.id, sizeof(l->txt_id));
		l->facts.txt_id = l->txt_id;
	}
}

static void
txt_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;
	struct fact_rrset rrset;

	l->policy_ttl_s = UINT32_MAX;
	lookup_absorb(l, answer, &rrset, &l->policy_ttl_s);
	switch (rrset.status) {
	case FACT_SECURE:
	case FACT_INSECURE:
	case FACT_INDETERMINATE: /* T-11: it need not be secure */
		if (rrset.answer == ANSWER_RECORDS)
			read_txt(l, answer);
		else
			l->facts.txt_state = TXT_NONE;
		break;
	case FACT_BOGUS:
		l->facts.txt_state = TXT_BOGUS;
		l->facts.txt_why = rrset.why;
		break;
	case FACT_UNASKED:
	case FACT_FAILED:
		l->facts.txt_state = TXT_FAILED;
		l->facts.txt_why = rrset.why;
		break;
	}
	lookup_returned(l);
}

static void
txt_ask(struct lookup *l, struct dns *dns)
{
	char name[sizeof("_mta-sts.") + NAME_SIZE];
	int len, err;

	len = snprintf(name, sizeof(name), "_mta-sts.%s", l->target.domain);
	if (len > NAME_LEN_MAX) {
		/* No such name can exist, hence no policy. */
		l->facts.txt_state = TXT_NONE;
		return;
	}
	l->pending++;
	err = lookup_ask(l, dns, name, DNS_TXT, txt_answered, l);
	if (err != 0) {
		l->pending--;
		l->policy_ttl_s = 0;
		l->facts.txt_state = TXT_FAILED;
		l->facts.txt_why = err_text(err);
	}
}

/* --- store -------------------------------------------------------------- */

/* One block; on the store's thread. NULL: no memory. */
static struct store_entry *
entry_copy(const struct store_entry *entry)
{
	size_t id_size = strlen(entry->id) + 1;
	struct store_entry *copy;
	char *id;

	copy = malloc(sizeof(*copy) + id_size + entry->len);
	if (copy == NULL)
		return NULL;
	memset(copy, 0, sizeof(*copy));
	copy->fetched_s = entry->fetched_s;
	copy->used_s = entry->used_s;
	id = (char *)(copy + 1);
	memcpy(id, entry->id, id_size);
	memcpy(id + id_size, entry->body, entry->len);
	copy->id = id;
	copy->body = (const uint8_t *)id + id_size;
	copy->len = entry->len;
	return copy;
}

/* A server that is down is told by the store, once an outage. */
static void
log_store_trouble(struct lookup *l, const char *what, int err)
{
	struct log_event e;

	log_begin(&e, l->worker->log,
	    err == ERR_DOWN ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "store");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "failed", what);
	log_str(&e, "why", err_text(err));
	log_end(&e);
}

/* Roughly: a note costs a write. Often enough for the refresher, which leaves
 * alone what was not used for a whole life. */
#define USED_NOTE_S     3600
#define USED_NOTE_MIN_S 30

static int64_t
note_every_s(const struct lookup *l)
{
	int64_t s = l->stored.max_age_s / 4;

	if (s > USED_NOTE_S)
		return USED_NOTE_S;
	return s > USED_NOTE_MIN_S ? s : USED_NOTE_MIN_S;
}

static void
note_use(struct lookup *l)
{
	struct store_mark mark = {.used_s = clock_wall_s()};

	if (l->refresh ||
	    mark.used_s - l->store_entry->used_s < note_every_s(l))
		return;
	(void)store_mark(l->worker->store, l->target.domain, &mark, NULL, NULL);
}

/* C-13: the raw body is parsed anew each time. */
static void
use_stored(struct lookup *l)
{
	const struct store_entry *entry = l->store_entry;
	int64_t age_s = clock_wall_s() - entry->fetched_s;
	int err;

	err = policy_parse(entry->body, entry->len, NULL, NULL,
	    &l->stored_policy);
	if (err != 0) {
		/* Whether it binds is not known: no domain without policy. */
		log_store_trouble(l, "parse", err);
		l->facts.internal_error = true;
		return;
	}
	/* S-06: a fetch in the future is one of just now. */
	use_policy(&l->stored, l->stored_policy, entry->id,
	    age_s > 0 ? (uint64_t)age_s : 0);
	l->facts.stored = &l->stored;
}

static struct lookup *
lookup_of_store_task(struct loop_task *task)
{
	return (struct lookup *)((char *)task -
	    offsetof(struct lookup, store_task));
}

static void
store_answered(struct loop_task *task)
{
	struct lookup *l = lookup_of_store_task(task);

	metrics_store(l->worker->metrics, METRICS_STORE_READ,
	    l->store_err != 0 && l->store_err != ERR_NOTFOUND);
	if (l->store_err == 0) {
		use_stored(l);
		note_use(l);
	} else if (l->store_err != ERR_NOTFOUND) {
		log_store_trouble(l, "read", l->store_err);
		l->facts.internal_error = true;
	}
	l->policy_step = POLICY_TXT;
	if (l->shed && lookup_use_reserve(l))
		txt_ask(l, l->setup->dns);
	else if (l->shed)
		l->policy_step = POLICY_DONE;
	lookup_returned(l);
}

/* On the store's thread; the lookup cannot end before the task has run. */
static void
store_got(void *arg, int err, const struct store_entry *entry)
{
	struct lookup *l = arg;

	l->store_err = err;
	if (err == 0) {
		l->store_entry = entry_copy(entry);
		if (l->store_entry == NULL)
			l->store_err = ERR_NOMEM;
	}
	loop_post(l->worker->loop, &l->store_task);
}

static void
store_begin(struct lookup *l)
{
	int err;

	l->policy_step = POLICY_STORE;
	l->store_task.run = store_answered;
	l->pending++;
	err = store_get(l->worker->store, l->target.domain, store_got, l);
	if (err != 0) {
		l->store_err = err;
		loop_post(l->worker->loop, &l->store_task);
	}
}

void
policy_begin(struct lookup *l)
{
	store_begin(l);
	if (!l->shed)
		txt_ask(l, l->setup->dns);
}

void
policy_recheck(struct lookup *l)
{
	l->rechecked = true;
	if (l->facts.fetch.state == FETCH_OK) {
		/* Stored by now: a new id makes another fetch. */
		l->stored = l->facts.fetch.policy;
		l->facts.stored = &l->stored;
	}
	memset(&l->facts.fetch, 0, sizeof(l->facts.fetch));
	l->facts.txt_state = TXT_UNASKED;
	l->facts.txt_id = NULL;
	l->policy_step = POLICY_TXT;
	txt_ask(l, l->setup->fresh);
}

/* --- the policy host's addresses ---------------------------------------- */

static void
fetch_failed(struct lookup *l, const char *why)
{
	l->facts.fetch.state = FETCH_FAILED;
	l->facts.fetch.error = lookup_keep(l, why);
	l->policy_step = POLICY_DONE;
}

/* C-12: with the flag also when the mode is none. The policy stays. */
static void
refresh_failed(struct lookup *l, const char *result, const char *why)
{
	struct store_mark mark = {.tried_s = clock_wall_s(), .failure = why};
	struct log_event e;

	metrics_count(l->worker->metrics, METRICS_REFRESHES, 0, 0);
	(void)store_mark(l->worker->store, l->target.domain, &mark, NULL, NULL);
	if (l->stored.mode == POLICY_MODE_NONE && !l->stored.dnssec)
		return;
	log_begin(&e, l->worker->log, LOG_LEVEL_WARNING, "refresh");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "policy_id", l->txt_id);
	log_str(&e, "result", result);
	log_str(&e, "why", why);
	log_int(&e, "left_s",
	    (int64_t)l->stored.max_age_s - (int64_t)l->stored.age_s);
	log_end(&e);
}

/* Warns once per domain and id (P-19), and keeps the next try off (F-12). */
static void
fetch_tried_in_vain(struct lookup *l, const char *result, const char *why)
{
	struct log_event e;

	if (l->worker->stopping) {
		fetch_failed(l, why);
		return;
	}
	l->fetch_result = result;
	if (l->refresh)
		refresh_failed(l, result, why);
	if (backoff_add(l->worker->backoff, l->target.domain, l->txt_id,
		clock_mono_ms() + l->setup->backoff_ms, why) &&
	    !l->refresh) {
		log_begin(&e, l->worker->log, LOG_LEVEL_WARNING, "policy");
		log_str(&e, "domain", l->target.domain);
		log_str(&e, "policy_id", l->txt_id);
		log_str(&e, "result", result);
		log_str(&e, "why", why);
		log_end(&e);
	}
	fetch_failed(l, why);
}

static void
address_answered(struct lookup *l, const struct dns_answer *answer,
    const char *type)
{
	l->addresses_pending--;
	for (size_t i = 0; i < answer->n; i++) {
		if (l->n_addresses == FETCH_ADDRESSES_MAX)
			break;
		if (net_address_from_octets(answer->records[i].data,
			answer->records[i].len,
			&l->addresses[l->n_addresses]) == 0)
			l->n_addresses++;
	}
	/* F-14: insecure is used, bogus came without records. */
	if (answer->why[0] != '\0')
		(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
		    "policy host: %s lookup %s: %.160s", type,
		    fact_status_name(answer->status), answer->why);
	lookup_returned(l);
}

static void
a_answered(void *arg, const struct dns_answer *answer)
{
	address_answered(arg, answer, "A");
}

static void
aaaa_answered(void *arg, const struct dns_answer *answer)
{
	address_answered(arg, answer, "AAAA");
}

/* False: no such name can exist. */
static bool
policy_host(const struct lookup *l, char host[POLICY_HOST_SIZE])
{
	return snprintf(host, POLICY_HOST_SIZE, "mta-sts.%s",
		   l->target.domain) <= NAME_LEN_MAX;
}

static void
addresses_ask(struct lookup *l, const char *host)
{
	static const struct {
		enum dns_type type;
		dns_done_fn *done;
	} families[] = {
	    {DNS_A,    a_answered   },
	    {DNS_AAAA, aaaa_answered},
	};

	l->policy_step = POLICY_ADDRESS;
	l->n_addresses = 0;
	(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
	    "the policy host has no address");
	for (size_t i = 0; i < 2; i++) {
		int err = lookup_ask(l, l->setup->dns, host, families[i].type,
		    families[i].done, l);

		if (err != 0) {
			(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
			    "policy host: %s", err_text(err));
			continue;
		}
		l->pending++;
		l->addresses_pending++;
	}
}

static void
fetch_want(struct lookup *l)
{
	char host[POLICY_HOST_SIZE], why[FETCH_WHY_SIZE];
	const char *earlier;

	earlier = backoff_error(l->worker->backoff, l->target.domain, l->txt_id,
	    clock_mono_ms());
	if (earlier != NULL) {
		(void)snprintf(why, sizeof(why),
		    "not tried again so soon after: %s", earlier);
		fetch_failed(l, why);
	} else if (!policy_host(l, host)) {
		fetch_failed(l, "policy host: name too long");
	} else {
		addresses_ask(l, host);
	}
}

/* C-11: regardless of the TXT, which may be suppressed. Failures in turn are
 * spaced by who asks for the refresh. */
static void
refresh_want(struct lookup *l)
{
	char host[POLICY_HOST_SIZE];

	if (l->facts.stored == NULL || !policy_host(l, host))
		return;
	if (l->facts.txt_state != TXT_VALID)
		(void)snprintf(l->txt_id, sizeof(l->txt_id), "%s",
		    l->stored.id);
	addresses_ask(l, host);
}

/* --- fetch -------------------------------------------------------------- */

static void
saved(struct loop_task *task)
{
	struct lookup *l = lookup_of_store_task(task);

	metrics_store(l->worker->metrics, METRICS_STORE_WRITE,
	    l->store_err != 0);
	if (l->store_err != 0)
		log_store_trouble(l, "write", l->store_err);
	if (l->refresh)
		metrics_count(l->worker->metrics, METRICS_REFRESHES, 1, 0);
	/* Not durable, but known: for this lookup it counts all the same. */
	use_policy(&l->facts.fetch.policy, l->fetched_policy,
	    lookup_keep(l, l->txt_id), 0);
	l->facts.fetch.state = FETCH_OK;
	l->facts.internal_error = false; /* the store could not be read */
	/* C-07: at once. */
	cache_remove(l->worker->cache, l->target.domain);
	l->policy_step = POLICY_DONE;
	lookup_returned(l);
}

/* On the store's thread. */
static void
save_done(void *arg, int err)
{
	struct lookup *l = arg;

	l->store_err = err;
	loop_post(l->worker->loop, &l->store_task);
}

/* C-07: replaces what was stored at once, also when it is weaker. */
static void
save(struct lookup *l, const struct fetch_result *result)
{
	struct store_entry entry = {
	    .domain = l->target.domain,
	    .id = l->txt_id,
	    .fetched_s = clock_wall_s(),
	    .failure = "",
	    .used_s = l->refresh ? l->store_entry->used_s : clock_wall_s(),
	    .body = result->body,
	    .len = result->len,
	};
	int err;

	entry.tried_s = entry.fetched_s;
	l->policy_step = POLICY_SAVE;
	l->store_task.run = saved;
	l->pending++;
	err = store_put(l->worker->store, &entry, save_done, l);
	if (err != 0) {
		l->store_err = err;
		loop_post(l->worker->loop, &l->store_task);
	}
}

static void
log_new_policy(struct lookup *l)
{
	const struct policy *policy = l->fetched_policy;
	struct log_event e;

	log_begin(&e, l->worker->log, LOG_LEVEL_INFO, "policy");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "policy_id", l->txt_id);
	log_str(&e, "policy", policy_mode_name(policy->mode));
	log_int(&e, "max_age", policy->max_age_s);
	log_bool(&e, "dnssec", policy->dnssec);
	log_str(&e, "replaces", l->facts.stored != NULL ? l->stored.id : "-");
	log_end(&e);
}

/* A change of mind, told so that it is not taken for an attack: the policy
 * that took the field away came over HTTPS as the one that set it. */
static void
log_withdrawal(struct lookup *l)
{
	struct log_event e;

	if (l->facts.stored == NULL || !l->stored.dnssec ||
	    l->fetched_policy->dnssec)
		return;
	log_begin(&e, l->worker->log, LOG_LEVEL_WARNING, "withdrawal");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "policy_id", l->txt_id);
	log_str(&e, "replaces", l->stored.id);
	log_str(&e, "msg",
	    "the domain no longer announces DNSSEC; its new policy says so");
	log_end(&e);
}

/* The first error of the body, with its line. */
static void
note_error(void *arg, enum policy_note_level level, size_t line,
    const char *text)
{
	char *why = arg;

	if (level != POLICY_NOTE_ERROR || why[0] != '\0')
		return;
	if (line == 0)
		(void)snprintf(why, FETCH_WHY_SIZE, "policy: %s", text);
	else
		(void)snprintf(why, FETCH_WHY_SIZE, "policy line %zu: %s", line,
		    text);
}

static void
fetched(void *arg, const struct fetch_result *result)
{
	struct lookup *l = arg;
	char why[FETCH_WHY_SIZE] = "";

	if (result->failure != FETCH_FAILURE_NONE) {
		fetch_tried_in_vain(l, fetch_failure_tlsrpt(result->failure),
		    result->why);
		lookup_returned(l);
		return;
	}
	policy_free(&l->fetched_policy);
	if (policy_parse(result->body, result->len, note_error, why,
		&l->fetched_policy) != 0) {
		metrics_count(l->worker->metrics, METRICS_INVALID_POLICIES, 0,
		    0);
		fetch_tried_in_vain(l, "sts-policy-invalid",
		    why[0] != '\0' ? why : "policy: out of memory");
		lookup_returned(l);
		return;
	}
	l->fetch_result = NULL;
	backoff_remove(l->worker->backoff, l->target.domain);
	log_new_policy(l);
	log_withdrawal(l);
	save(l, result);
	lookup_returned(l);
}

static void
fetch_begin(struct lookup *l)
{
	char host[POLICY_HOST_SIZE];
	int err;

	if (l->n_addresses == 0) {
		metrics_count(l->worker->metrics, METRICS_FETCHES,
		    FETCH_FAILURE_ADDRESS, 0);
		fetch_tried_in_vain(l, "sts-policy-fetch-error", l->fetch_why);
		return;
	}
	(void)policy_host(l, host);
	l->policy_step = POLICY_FETCH;
	err = fetch_start(l->setup->fetcher, host, l->addresses, l->n_addresses,
	    fetched, l);
	if (err != 0)
		fetch_failed(l, err_text(err));
	else
		l->pending++;
}

/* --- the track ---------------------------------------------------------- */

void
policy_advance(struct lookup *l)
{
	struct wants wants;

	if (l->policy_step == POLICY_TXT && l->facts.txt_state != TXT_UNASKED) {
		decide_wants(&l->facts, &wants);
		l->policy_step = POLICY_DONE;
		if (l->refresh)
			refresh_want(l);
		else if (wants.fetch)
			fetch_want(l);
	}
	if (l->policy_step == POLICY_ADDRESS && l->addresses_pending == 0)
		fetch_begin(l);
}

void
policy_release(struct lookup *l)
{
	free(l->store_entry);
	policy_free(&l->stored_policy);
	policy_free(&l->fetched_policy);
}
