/* The policy track of a lookup: reads the store and chooses the next step. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/lookup_impl.h"
#include "log/log.h"
#include "log/metrics.h"
#include "store/store.h"

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

/* The store itself logs a server that is down, once per outage. */
void
policy_store_trouble(struct lookup *l, const char *what, int err)
{
	struct log_event e;

	log_begin(&e, l->worker->log,
	    err == ERR_DOWN ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "store");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "failed", what);
	log_str(&e, "why", err_text(err));
	log_end(&e);
}

/* The store may hold a policy that requires DNSSEC, so the lookup ends with an
 * internal error and not with "no policy". */
static void
store_failed(struct lookup *l, const char *what, int err)
{
	char why[128];

	l->store_err = err;
	policy_store_trouble(l, what, err);
	(void)snprintf(why, sizeof(why), "policy store, %s: %s", what,
	    err_text(err));
	lookup_error(l, lookup_keep(l, why));
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
		store_failed(l, "parse", err);
		return;
	}
	l->stored = fact_policy_of(l->stored_policy, entry->id, age_s);
	l->facts.stored = &l->stored;
}

/* Notes the use of a stored policy. A note costs a write, so it is made just
 * often enough for the refresher, which lets a policy expire that was not used
 * for a whole max_age. */
#define USED_NOTE_S     3600
#define USED_NOTE_MIN_S 30

static void
note_use(struct lookup *l)
{
	struct store_mark mark = {.used_s = clock_wall_s()};
	int64_t every_s = l->stored.max_age_s / 4;

	if (every_s > USED_NOTE_S)
		every_s = USED_NOTE_S;
	if (every_s < USED_NOTE_MIN_S)
		every_s = USED_NOTE_MIN_S;
	if (!l->refresh && mark.used_s - l->store_entry->used_s >= every_s)
		(void)store_mark(l->worker->store, l->target.domain, &mark,
		    NULL, NULL);
}

static void
store_answered(struct loop_task *task)
{
	struct lookup *l = LOOP_OWNER(task, struct lookup, store_task);

	metrics_store(l->worker->metrics, METRICS_STORE_READ,
	    l->store_err != 0 && l->store_err != ERR_NOTFOUND);
	if (l->store_err == 0) {
		use_stored(l);
		note_use(l);
	} else if (l->store_err != ERR_NOTFOUND) {
		store_failed(l, "read", l->store_err);
	}
	if (l->shed)
		lookup_use_reserve(l);
	else
		l->policy_step = POLICY_TXT;
	lookup_returned(l);
}

/* On the store's thread; the lookup cannot end before the task has run. */
static void
store_got(void *arg, int err, const struct store_entry *entry)
{
	struct lookup *l = arg;

	l->store_err = err;
	if (err == 0 && entry != NULL) {
		l->store_entry = entry_copy(entry);
		if (l->store_entry == NULL)
			l->store_err = ERR_NOMEM;
	}
	loop_post(l->worker->loop, &l->store_task);
}

void
policy_begin(struct lookup *l)
{
	int err;

	l->policy_step = POLICY_STORE;
	l->store_task.run = store_answered;
	l->pending++;
	err = store_get(l->worker->store, l->target.domain, store_got, l);
	if (err != 0)
		store_got(l, err, NULL);
	/* C-11, T-13: a refresh needs the id from past every cache. */
	if (!l->shed)
		discovery_begin(l, l->refresh);
}

void
policy_recheck(struct lookup *l)
{
	l->rechecked = true;
	if (l->facts.fetch.state == FETCH_OK) {
		/* Stored by now. A new id begins another fetch, which must not
		 * free the policy that the facts point to. */
		l->stored = l->facts.fetch.policy;
		/* C-08: this is still the transaction it was fetched for. */
		if (l->stored.max_age_s == 0)
			l->stored.max_age_s = 1;
		l->facts.stored = &l->stored;
		policy_free(&l->stored_policy);
		l->stored_policy = l->fetched_policy;
		l->fetched_policy = NULL;
	}
	memset(&l->facts.fetch, 0, sizeof(l->facts.fetch));
	l->policy_step = POLICY_TXT;
	discovery_begin(l, true);
}

/* --- the track ---------------------------------------------------------- */

void
policy_advance(struct lookup *l)
{
	struct wants wants;

	discovery_advance(l);
	if (l->policy_step == POLICY_TXT && l->facts.txt_state != TXT_UNASKED) {
		decide_wants(&l->facts, &wants);
		if (!l->refresh && wants.fetch)
			policy_fetch(l);
		else if (!discovery_goes_on(l))
			l->policy_step = POLICY_DONE;
		if (l->refresh)
			policy_refetch(l);
	}
	policy_fetch_advance(l);
}
