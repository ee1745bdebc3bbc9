/* Which stored policies are to be fetched anew. */
#include "autoconf.h"

#include "engine/refresh_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "core/policy.h"
#include "store/store.h"

int
refresh_plan_init(struct refresh_plan *plan, int64_t now_s, uint64_t interval_s,
    uint64_t retry_s)
{
	*plan = (struct refresh_plan){
	    .now_s = now_s,
	    .interval_s = interval_s,
	    .retry_s = retry_s,
	    .next_s = INT64_MAX,
	};
	plan->items = calloc(REFRESH_ROUND_MAX, sizeof(*plan->items));
	plan->expired = calloc(REFRESH_ROUND_MAX, sizeof(*plan->expired));
	if (plan->items != NULL && plan->expired != NULL)
		return 0;
	refresh_plan_free(plan);
	return ERR_NOMEM;
}

void
refresh_plan_free(struct refresh_plan *plan)
{
	free(plan->items);
	free(plan->expired);
	plan->items = NULL;
	plan->expired = NULL;
}

static void
swap(struct refresh_item *a, struct refresh_item *b)
{
	struct refresh_item kept = *a;

	*a = *b;
	*b = kept;
}

static void
sift_up(struct refresh_item *items, size_t i)
{
	for (; i > 0; i = (i - 1) / 2) {
		size_t parent = (i - 1) / 2;

		if (items[parent].used_s <= items[i].used_s)
			return;
		swap(&items[parent], &items[i]);
	}
}

static void
sift_down(struct refresh_item *items, size_t n, size_t i)
{
	for (;;) {
		size_t least = 2 * i + 1;

		if (least >= n)
			return;
		if (least + 1 < n &&
		    items[least + 1].used_s < items[least].used_s)
			least++;
		if (items[i].used_s <= items[least].used_s)
			return;
		swap(&items[i], &items[least]);
		i = least;
	}
}

static void
take(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	struct refresh_item item = {.used_s = entry->used_s};

	(void)snprintf(item.domain, sizeof(item.domain), "%s", entry->domain);
	if (plan->n < REFRESH_ROUND_MAX) {
		plan->items[plan->n] = item;
		sift_up(plan->items, plan->n++);
		return;
	}
	plan->more = true;
	if (item.used_s <= plan->items[0].used_s)
		return;
	plan->items[0] = item;
	sift_down(plan->items, plan->n, 0);
}

/* 3/4 to 5/4 of the interval, the same for a domain each time. */
static int64_t
spread_s(const struct refresh_plan *plan, const struct refresh_entry *entry)
{
	uint64_t interval_s = plan->interval_s;
	uint64_t part = map_hash(entry->domain) % 1024;

	/* Before a third of its life is over, however short that is. */
	if (interval_s > entry->max_age_s / 3)
		interval_s = entry->max_age_s / 3;
	return (int64_t)(interval_s * 3 / 4 + interval_s * part / 2048);
}

static int64_t
due_s(const struct refresh_plan *plan, const struct refresh_entry *entry)
{
	uint64_t retry_s = entry->max_age_s / 8;

	if (retry_s < plan->retry_min_s)
		retry_s = plan->retry_min_s;
	if (retry_s > plan->retry_s)
		retry_s = plan->retry_s;
	if (entry->failed)
		return entry->tried_s + (int64_t)retry_s;
	return entry->fetched_s + spread_s(plan, entry);
}

static void
take_expired(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	struct refresh_expired *expired = &plan->expired[plan->n_expired];

	if (plan->keeps_expired)
		return;
	if (plan->n_expired == REFRESH_ROUND_MAX) {
		plan->more = true;
		return;
	}
	(void)snprintf(expired->domain, sizeof(expired->domain), "%s",
	    entry->domain);
	expired->fetched_s = entry->fetched_s;
	plan->n_expired++;
}

void
refresh_plan_add(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	int64_t max_age_s = entry->max_age_s;
	int64_t at_s;

	if (plan->now_s - entry->fetched_s > max_age_s || max_age_s == 0) {
		take_expired(plan, entry);
		return;
	}
	if (plan->now_s - entry->used_s > max_age_s)
		return;
	at_s = due_s(plan, entry);
	/* S-06: a fetch in the future is one of now, and due; and so is one
	 * that failed. */
	if (at_s <= plan->now_s || entry->fetched_s > plan->now_s ||
	    entry->tried_s > plan->now_s)
		take(plan, entry);
	else if (at_s < plan->next_s)
		plan->next_s = at_s;
}

void
refresh_plan_see(struct refresh_plan *plan, const struct store_entry *entry)
{
	struct policy *policy = NULL;
	int err = policy_parse(entry->body, entry->len, NULL, NULL, &policy);
	struct refresh_entry e = {
	    .domain = entry->domain,
	    .fetched_s = entry->fetched_s,
	    .tried_s = entry->tried_s,
	    .failed = entry->failure[0] != '\0',
	    .used_s = entry->used_s,
	};

	if (err == ERR_NOMEM) {
		plan->more = true;
		return;
	}
	/* A body that cannot be parsed is of no use: like one that is over. */
	if (err == 0)
		e.max_age_s = policy->max_age_s;
	policy_free(&policy);
	refresh_plan_add(plan, &e);
}

bool
refresh_clock_is_steady(struct refresh_clock *clock, int64_t wall_s,
    uint64_t mono_ms)
{
	int64_t offset_s = wall_s - (int64_t)(mono_ms / 1000);
	int64_t step_s = offset_s - clock->offset_s;

	if (!clock->begun || step_s > REFRESH_STEP_S ||
	    step_s < -REFRESH_STEP_S) {
		clock->begun = true;
		clock->offset_s = offset_s;
		clock->since_ms = mono_ms;
	}
	return mono_ms - clock->since_ms >= REFRESH_STEADY_MS;
}

/* Looking takes 2 % of the time at most. */
#define LOOK_SHARE 50

#define PAUSE_MIN_S 1
#define PAUSE_MAX_S 60

uint64_t
refresh_plan_pause_s(const struct refresh_plan *plan, uint64_t look_ms)
{
	uint64_t least_s = look_ms * LOOK_SHARE / 1000;
	uint64_t most_s = PAUSE_MAX_S;
	uint64_t pause_s = 0;

	if (least_s < PAUSE_MIN_S)
		least_s = PAUSE_MIN_S;
	if (!plan->more && plan->next_s > plan->now_s)
		pause_s = (uint64_t)(plan->next_s - plan->now_s);
	if (most_s > plan->interval_s / 2)
		most_s = plan->interval_s / 2;
	if (pause_s > most_s)
		pause_s = most_s;
	return pause_s > least_s ? pause_s : least_s;
}

static int
by_use(const void *a, const void *b)
{
	const struct refresh_item *x = a, *y = b;

	return (x->used_s < y->used_s) - (x->used_s > y->used_s);
}

void
refresh_plan_sort(struct refresh_plan *plan)
{
	qsort(plan->items, plan->n, sizeof(*plan->items), by_use);
}
