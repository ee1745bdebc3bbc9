#include "autoconf.h"

#include "front/history.h"

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
history_hour(const struct history *history, const struct history_totals *now,
    struct history_totals *out)
{
	const struct history_totals *then = at(history, HISTORY_MINUTES);

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			out->n[r][v] = now->n[r][v] - then->n[r][v];
}

static struct history_minute
between(const struct history_totals *from, const struct history_totals *to)
{
	struct history_minute minute = {.passed = 0};

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++) {
			uint64_t n = to->n[r][v] - from->n[r][v];

			if (v == VERDICT_PASS)
				minute.passed += n;
			else
				minute.refused += n;
		}
	return minute;
}

void
history_minutes(const struct history *history, const struct history_totals *now,
    struct history_minute out[HISTORY_MINUTES])
{
	const struct history_totals *to = now;

	for (size_t ago = 1; ago <= HISTORY_MINUTES; ago++) {
		const struct history_totals *from = at(history, ago);

		out[HISTORY_MINUTES - ago] = between(from, to);
		to = from;
	}
}
