#include "autoconf.h"

#include "front/refusals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/recipient_log.h"

struct refusals {
	pthread_mutex_t lock;
	size_t next; /* place of the next one */
	size_t n;
	struct refusal ring[REFUSALS_MAX];
};

struct refusals *
refusals_new(void)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (refusals != NULL)
		(void)pthread_mutex_init(&refusals->lock, NULL);
	return refusals;
}

void
refusals_free(struct refusals **refusals)
{
	if (*refusals == NULL)
		return;
	(void)pthread_mutex_destroy(&(*refusals)->lock);
	free(*refusals);
	*refusals = NULL;
}

static void
copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static void
describe(const struct verdict *judged, char *out, size_t size)
{
	char text[EVIDENCE_TEXT_SIZE];
	const char *why = judged->decided_by.why;

	evidence_text(&judged->decided_by, text);
	if (why != NULL && why[0] != '\0')
		(void)snprintf(out, size, "%s: %.255s", text, why);
	else
		copy(out, size, text);
}

static void
fill_in(struct refusal *refusal, const struct recipient_log *line,
    int64_t now_s)
{
	*refusal = (struct refusal){
	    .at_s = now_s,
	    .verdict = line->verdict,
	    .reason = line->reason,
	    .monitor = line->monitor,
	};
	copy(refusal->queue_id, sizeof(refusal->queue_id), line->queue_id);
	copy(refusal->to, sizeof(refusal->to), line->to);
	copy(refusal->domain, sizeof(refusal->domain), line->domain);
	copy(refusal->client, sizeof(refusal->client), line->client);
	if (line->judged != NULL)
		describe(line->judged, refusal->evidence,
		    sizeof(refusal->evidence));
}

void
refusals_add(struct refusals *refusals, const struct recipient_log *line,
    int64_t now_s)
{
	if (refusals == NULL || line->verdict == VERDICT_PASS)
		return;
	(void)pthread_mutex_lock(&refusals->lock);
	fill_in(&refusals->ring[refusals->next], line, now_s);
	refusals->next = (refusals->next + 1) % REFUSALS_MAX;
	if (refusals->n < REFUSALS_MAX)
		refusals->n++;
	(void)pthread_mutex_unlock(&refusals->lock);
}

size_t
refusals_copy(struct refusals *refusals, struct refusal out[REFUSALS_MAX])
{
	size_t n;

	(void)pthread_mutex_lock(&refusals->lock);
	n = refusals->n;
	for (size_t i = 0; i < n; i++)
		out[i] =
		    refusals->ring[(refusals->next + REFUSALS_MAX - 1 - i) %
			REFUSALS_MAX];
	(void)pthread_mutex_unlock(&refusals->lock);
	return n;
}
