#include "autoconf.h"

#include "front/stats_sampler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/facts.h"
#include "store/store.h"

#define MINUTE_MS 60000

/* The pause between two walks is so long that they take no more than a
 * hundredth of the time. */
#define WALK_MIN_MS 5000
#define WALK_SHARE  100

struct stats_sampler {
	struct store *store;
	struct metrics *metrics;
	/* of the thread that runs it */
	struct census *next;
	uint64_t note_ms; /* when the minute ends */
	uint64_t walk_ms; /* no walk before */

	pthread_mutex_t lock; /* guards the members below */
	stats_sampler_wake_fn *wake;
	void *wake_arg;
	bool wanted; /* a walk, as soon as it is due */
	struct history history;
	int census_err;
	bool has_census;
	struct census census;
};

/* --- what the store holds --- */

static void
list(struct census *census, const struct store_entry *entry,
    const struct policy *policy, int64_t expires_s)
{
	size_t place = census->n;
	struct census_policy *listed;

	while (place > 0 && census->listed[place - 1].expires_s > expires_s)
		place--;
	if (place == CENSUS_LISTED_MAX)
		return;
	if (census->n < CENSUS_LISTED_MAX)
		census->n++;
	listed = &census->listed[place];
	memmove(listed + 1, listed, (census->n - 1 - place) * sizeof(*listed));
	*listed = (struct census_policy){
	    .mode = policy->mode,
	    .fetched_s = entry->fetched_s,
	    .expires_s = expires_s,
	    .failing = entry->failure[0] != '\0',
	};
	(void)snprintf(listed->domain, sizeof(listed->domain), "%s",
	    entry->domain);
	(void)snprintf(listed->id, sizeof(listed->id), "%s", entry->id);
}

/* C-13: parses the raw body, as a lookup does. */
bool
census_add(void *arg, const struct store_entry *entry)
{
	struct census *census = arg;
	struct policy *policy = NULL;
	struct fact_policy fact;
	int64_t expires_s;

	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) != 0)
		return true;
	fact =
	    fact_policy_of(policy, entry->id, census->now_s - entry->fetched_s);
	expires_s = entry->fetched_s + policy->max_age_s;
	if (fact_policy_is_live(&fact)) {
		if (census->live++ == 0 || expires_s < census->next_expires_s) {
			census->next_expires_s = expires_s;
			(void)snprintf(census->next_domain,
			    sizeof(census->next_domain), "%s", entry->domain);
		}
		census->live_failing += entry->failure[0] != '\0';
	}
	if (fact_policy_is_live(&fact) && policy->dnssec) {
		census->binding++;
		if (entry->failure[0] != '\0') {
			if (census->failing++ == 0 ||
			    expires_s < census->failing_expires_s)
				census->failing_expires_s = expires_s;
		}
		list(census, entry, policy, expires_s);
	}
	policy_free(&policy);
	return true;
}

/* --- the last hour --- */

void
history_totals(const struct metrics *metrics, struct history_totals *out)
{
	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			out->n[r][v] =
			    metrics_sum(metrics, METRICS_RECIPIENTS, r, v);
}

void
history_note(struct history *history, const struct history_totals *totals)
{
	history->at[history->next] = *totals;
	history->next = (history->next + 1) % HISTORY_MINUTES;
	if (history->n < HISTORY_MINUTES)
		history->n++;
}

/* The totals `ago` minutes ago, from 1 on: 1 is the last one noted. Before the
 * first there was nothing. */
static const struct history_totals *
at(const struct history *history, size_t ago)
{
	static const struct history_totals nothing;

	if (ago > history->n)
		return &nothing;
	return &history->at[(history->next + HISTORY_MINUTES - ago) %
	    HISTORY_MINUTES];
}

void
history_since(const struct history *history, size_t minutes,
    const struct history_totals *now, struct history_totals *out)
{
	const struct history_totals *then = at(history, minutes);

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			out->n[r][v] = now->n[r][v] - then->n[r][v];
}

void
history_minutes(const struct history *history, const struct history_totals *now,
    struct history_minute out[HISTORY_MINUTES])
{
	const struct history_totals *to = now;

	for (size_t ago = 1; ago <= HISTORY_MINUTES; ago++) {
		const struct history_totals *from = at(history, ago);
		struct history_minute *minute = &out[HISTORY_MINUTES - ago];

		*minute = (struct history_minute){.passed = 0};
		for (size_t r = 0; r < REASON_COUNT; r++)
			for (size_t v = 0; v < METRICS_VERDICTS; v++)
				*(v == VERDICT_PASS ? &minute->passed
						    : &minute->deferred) +=
				    to->n[r][v] - from->n[r][v];
		to = from;
	}
}

/* --- the sampler --- */

static void
walk(struct stats_sampler *sampler)
{
	uint64_t begun_ms = clock_mono_ms();
	uint64_t pause_ms;
	int err;

	*sampler->next = (struct census){.now_s = clock_wall_s()};
	err = store_each(sampler->store, census_add, sampler->next);
	metrics_store(sampler->metrics, METRICS_STORE_READ,
	    err != 0 && !store_each_partial(err));
	(void)pthread_mutex_lock(&sampler->lock);
	sampler->census_err = err;
	/* The census leaves damaged records out. */
	if (err == 0 || store_each_partial(err)) {
		sampler->census = *sampler->next;
		sampler->has_census = true;
	}
	(void)pthread_mutex_unlock(&sampler->lock);
	pause_ms = (clock_mono_ms() - begun_ms) * WALK_SHARE;
	sampler->walk_ms =
	    clock_mono_ms() + (pause_ms > WALK_MIN_MS ? pause_ms : WALK_MIN_MS);
}

uint64_t
stats_sampler_run(struct stats_sampler *sampler, struct history_totals *minute,
    bool *minute_ended)
{
	struct history_totals totals;
	bool due, wanted;

	(void)pthread_mutex_lock(&sampler->lock);
	*minute_ended = sampler->note_ms <= clock_mono_ms();
	if (*minute_ended) {
		history_totals(sampler->metrics, &totals);
		history_since(&sampler->history, 1, &totals, minute);
		history_note(&sampler->history, &totals);
		sampler->wanted = true;
	}
	/* The call may come more than a minute late. */
	while (sampler->note_ms <= clock_mono_ms())
		sampler->note_ms += MINUTE_MS;
	due = sampler->store != NULL && sampler->wanted &&
	    sampler->walk_ms <= clock_mono_ms();
	if (due)
		sampler->wanted = false;
	(void)pthread_mutex_unlock(&sampler->lock);
	if (due)
		walk(sampler);
	(void)pthread_mutex_lock(&sampler->lock);
	wanted = sampler->store != NULL && sampler->wanted;
	(void)pthread_mutex_unlock(&sampler->lock);
	return wanted && sampler->walk_ms < sampler->note_ms ? sampler->walk_ms
							     : sampler->note_ms;
}

void
stats_sampler_want(struct stats_sampler *sampler)
{
	(void)pthread_mutex_lock(&sampler->lock);
	if (!sampler->wanted && sampler->wake != NULL)
		sampler->wake(sampler->wake_arg);
	sampler->wanted = true;
	(void)pthread_mutex_unlock(&sampler->lock);
}

void
stats_sampler_view(struct stats_sampler *sampler, struct stats_view *out)
{
	struct history_totals now;

	/* Under the lock, so that no later minute is noted meanwhile. */
	(void)pthread_mutex_lock(&sampler->lock);
	history_totals(sampler->metrics, &now);
	history_since(&sampler->history, HISTORY_MINUTES, &now, &out->hour);
	history_minutes(&sampler->history, &now, out->minutes);
	out->census_err = sampler->census_err;
	out->has_census = sampler->has_census;
	out->census = sampler->census;
	(void)pthread_mutex_unlock(&sampler->lock);
	stats_sampler_want(sampler);
}

void
stats_sampler_on_wake(struct stats_sampler *sampler,
    stats_sampler_wake_fn *wake, void *arg)
{
	(void)pthread_mutex_lock(&sampler->lock);
	sampler->wake = wake;
	sampler->wake_arg = arg;
	(void)pthread_mutex_unlock(&sampler->lock);
}

/* --- life --- */

struct stats_sampler *
stats_sampler_new(struct store *store, struct metrics *metrics)
{
	struct stats_sampler *sampler = calloc(1, sizeof(*sampler));

	if (sampler == NULL)
		return NULL;
	(void)pthread_mutex_init(&sampler->lock, NULL);
	sampler->store = store;
	sampler->metrics = metrics;
	sampler->wanted = true;
	sampler->note_ms = clock_mono_ms() + MINUTE_MS;
	sampler->next = calloc(1, sizeof(*sampler->next));
	if (sampler->next == NULL)
		stats_sampler_free(&sampler);
	return sampler;
}

void
stats_sampler_free(struct stats_sampler **sampler)
{
	if (*sampler == NULL)
		return;
	(void)pthread_mutex_destroy(&(*sampler)->lock);
	free((*sampler)->next);
	free(*sampler);
	*sampler = NULL;
}
