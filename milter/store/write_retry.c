/* Holds writes that the disk did not take, serves reads from them, retries
 * them. The contract is in store_backend.h. */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "store/overlay.h"

#define PUSH_MAX 64 /* records tried together */

struct write_retry {
	const struct store_backend *below;
	void *handle;
	char *spec;
	struct log *log;
	struct overlay *held; /* pending records only; the writer changes it */
	/* the writer's */
	bool outage;       /* begun and logged */
	uint64_t calm_ms;  /* see WRITE_RETRY_CALM_MS */
	bool ended;        /* an outage before */
	uint64_t ended_ms; /* when its end was logged, monotonic */
	bool again;        /* this one came soon after that */
	bool calm;         /* nothing is held any more */
	uint64_t calm_from_ms;
	bool no_room;      /* to hold one more; logged */
	uint64_t retry_ms; /* monotonic */
	uint64_t backoff_ms;
};

/* --- outages -------------------------------------------------------------- */

static void
outage_begins(struct write_retry *w, int err)
{
	struct log_event e;

	w->calm = false;
	if (w->outage)
		return;
	w->outage = true;
	w->again = w->ended && clock_mono_ms() < w->ended_ms + w->calm_ms;
	w->backoff_ms = WRITE_RETRY_MIN_MS;
	w->retry_ms = clock_mono_ms() + w->backoff_ms;
	log_begin(&e, w->log, LOG_LEVEL_ERROR, "store");
	log_str(&e, "state", "no-writes");
	log_str(&e, "store", w->spec);
	log_str(&e, "why", err_text(err));
	log_end(&e);
}

static void
log_end_of_outage(struct write_retry *w)
{
	struct log_event e;

	w->outage = false;
	w->no_room = false;
	w->ended = true;
	w->ended_ms = clock_mono_ms();
	log_begin(&e, w->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "writes");
	log_str(&e, "store", w->spec);
	log_end(&e);
}

/* Once nothing is held any more. An outage that came soon after another one
 * goes on until that has lasted: a disk that is nearly full would be logged for
 * ever. */
static void
outage_ends(struct write_retry *w)
{
	if (!w->outage || overlay_size(w->held).pending > 0)
		return;
	if (!w->calm)
		w->calm_from_ms = clock_mono_ms();
	w->calm = true;
	if (!w->again || clock_mono_ms() >= w->calm_from_ms + w->calm_ms)
		log_end_of_outage(w);
}

/* --- holding -------------------------------------------------------------- */

/* Also makes it the most recently used one, the last in the order of a push. */
static bool
is_held(struct write_retry *w, const char *domain)
{
	struct record *record = overlay_get(w->held, domain, NULL);
	bool held = record != NULL;

	record_unref(&record);
	return held;
}

/* Whether the change counts for an outage: a note on what is stored does not.
 */
static bool
hold(struct write_retry *w, const struct store_change *change)
{
	const char *domain = change->record->entry.domain;

	if (change->note && !is_held(w, domain))
		return false;
	if (overlay_put(w->held, change->record, true))
		return true;
	overlay_remove(w->held, domain); /* no ordinary records here */
	if (!change->record->entry.expendable && !w->no_room) {
		w->no_room = true;
		log_msg(w->log, LOG_LEVEL_ERROR, "store",
		    "more policies cannot be written to %s than can be held: "
		    "some are forgotten",
		    w->spec);
	}
	return true;
}

/* All or none. What is written is no longer held. */
static int
write_all(struct write_retry *w, const struct store_change *changes, size_t n)
{
	int err = w->below->write(w->handle, changes, n);

	for (size_t i = 0; err == 0 && i < n; i++)
		overlay_remove(w->held, changes[i].record->entry.domain);
	return err;
}

/* Writes what is held, many at a time. If that fails, each by itself: a large
 * one must not keep the others off the disk. */
static void
push(struct write_retry *w)
{
	struct record *rows[PUSH_MAX];
	struct store_change changes[PUSH_MAX];
	bool going = true;
	size_t n;

	while (going && (n = overlay_pending(w->held, rows, PUSH_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			changes[i] = (struct store_change){.record = rows[i]};
		if (write_all(w, changes, n) != 0) {
			for (size_t i = 0; i < n; i++) {
				if (write_all(w, &changes[i], 1) == 0)
					continue;
				going = false;
				/* The next push begins with others. */
				(void)is_held(w, rows[i]->entry.domain);
			}
		}
		for (size_t i = 0; i < n; i++)
			record_unref(&rows[i]);
	}
	if (!going)
		w->backoff_ms = w->backoff_ms < WRITE_RETRY_MAX_MS / 2
		    ? w->backoff_ms * 2
		    : WRITE_RETRY_MAX_MS;
	w->retry_ms = clock_mono_ms() + w->backoff_ms;
	outage_ends(w);
}

/* --- the backend ---------------------------------------------------------- */

static int
write_retry_write(void *backend, const struct store_change *changes, size_t n)
{
	struct write_retry *w = backend;
	int err = write_all(w, changes, n);
	bool counts = false;

	for (size_t i = 0; err != 0 && i < n; i++)
		counts = hold(w, &changes[i]) || counts;
	if (err == 0 && overlay_size(w->held).pending > 0)
		push(w);
	else if (err == 0)
		outage_ends(w);
	else if (counts)
		outage_begins(w, err);
	return err;
}

static uint64_t
write_retry_idle(void *backend)
{
	struct write_retry *w = backend;

	if (overlay_size(w->held).pending == 0)
		outage_ends(w);
	else if (w->retry_ms <= clock_mono_ms())
		push(w);
	if (overlay_size(w->held).pending > 0)
		return w->retry_ms;
	return w->outage ? w->calm_from_ms + w->calm_ms : 0;
}

static int
write_retry_get(void *backend, const char *domain, store_each_fn *got,
    void *arg)
{
	struct write_retry *w = backend;

	return overlay_read(w->held, w->below, w->handle, domain, got, arg);
}

static int
write_retry_each(void *backend, store_each_fn *each, void *arg)
{
	struct write_retry *w = backend;

	return overlay_each(w->held, w->below, w->handle, each, arg);
}

static size_t
write_retry_count(void *backend)
{
	struct write_retry *w = backend;

	return w->below->count(w->handle) + overlay_size(w->held).n;
}

static size_t
write_retry_count_unwritten(void *backend)
{
	struct write_retry *w = backend;

	return overlay_size(w->held).pending;
}

/* What is held is not in it; there is no room for a copy then either. */
static int
write_retry_backup(void *backend)
{
	struct write_retry *w = backend;

	return w->below->backup != NULL ? w->below->backup(w->handle) : 0;
}

static void
write_retry_free(struct write_retry *w)
{
	overlay_free(&w->held);
	free(w->spec);
	free(w);
}

static void
write_retry_close(void *backend)
{
	struct write_retry *w = backend;
	size_t lost;

	push(w);
	lost = overlay_size(w->held).pending;
	if (lost > 0)
		log_msg(w->log, LOG_LEVEL_ERROR, "store",
		    "%zu policies could not be written to %s and are lost",
		    lost, w->spec);
	else if (w->outage)
		log_end_of_outage(w);
	w->below->close(w->handle);
	write_retry_free(w);
}

void *
store_write_retry_over(const struct store_backend *below, void *handle,
    const struct store_options *options)
{
	struct write_retry *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->below = below;
	w->handle = handle;
	w->log = options->log;
	w->calm_ms =
	    options->calm_ms != 0 ? options->calm_ms : WRITE_RETRY_CALM_MS;
	w->spec = strdup(options->spec);
	w->held = overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	if (w->spec != NULL && w->held != NULL)
		return w;
	write_retry_free(w);
	return NULL;
}

const struct store_backend store_write_retry = {
    .close = write_retry_close,
    .get = write_retry_get,
    .each = write_retry_each,
    .write = write_retry_write,
    .count = write_retry_count,
    .count_unwritten = write_retry_count_unwritten,
    .idle = write_retry_idle,
    .backup = write_retry_backup,
};
