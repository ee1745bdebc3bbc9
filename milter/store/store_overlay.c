/*
 * Two stores that keep changes in memory above another store. The memory store
 * keeps them as long as it runs. Write retry keeps them until the store below
 * takes them. The contracts are in store_backend.h.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "store/overlay.h"

#define MEMORY_OCTETS_MAX ((size_t)1 << 30)
#define PUSH_MAX          64 /* records tried together */

struct over {
	struct overlay *records; /* of write retry: pending ones only */
	const struct store_backend *below; /* NULL: nothing */
	void *handle;                      /* of what is below */
	size_t octets_max;                 /* of the memory store */
	/* the writer's, of write retry */
	char *spec;
	struct log *log;
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

/* --- both kinds ------------------------------------------------------- */

static void
over_get(void *backend, size_t n, const char *const *domain, store_got_fn *got,
    void *arg)
{
	struct over *o = backend;

	overlay_read(o->records, o->below, o->handle, n, domain, got, arg);
}

static int
over_each(void *backend, store_each_fn *each, void *arg)
{
	struct over *o = backend;

	return overlay_each(o->records, o->below, o->handle, each, arg);
}

static size_t
over_count(void *backend)
{
	struct over *o = backend;
	size_t below = o->below == NULL ? 0 : o->below->count(o->handle);

	return below + overlay_size(o->records).n;
}

static void
over_status(void *backend, size_t *unwritten, bool *down)
{
	struct over *o = backend;

	if (o->below != NULL && o->below->status != NULL)
		o->below->status(o->handle, unwritten, down);
	*unwritten = overlay_size(o->records).pending;
}

static void
over_close(void *backend)
{
	struct over *o = backend;

	if (o->below != NULL)
		o->below->close(o->handle);
	overlay_free(&o->records);
	free(o->spec);
	free(o);
}

void *
store_over(const struct store_backend *below, void *handle,
    const struct store_options *options, bool retries)
{
	struct over *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->log = options->log;
	o->calm_ms =
	    options->calm_ms != 0 ? options->calm_ms : WRITE_RETRY_CALM_MS;
	o->octets_max =
	    options->octets_max != 0 ? options->octets_max : MEMORY_OCTETS_MAX;
	o->spec = strdup(options->spec);
	o->records = overlay_new(retries ? OVERLAY_ENTRIES_MAX : SIZE_MAX,
	    retries ? OVERLAY_OCTETS_MAX : SIZE_MAX);
	if (o->spec == NULL || o->records == NULL) {
		over_close(o);
		return NULL;
	}
	o->below = below;
	o->handle = handle;
	return o;
}

/* --- memory --------------------------------------------------------------- */

static void *
memory_open(const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	struct over *o = store_over(NULL, NULL, options, false);

	if (o == NULL)
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
	return o;
}

static int
memory_check(const char *spec, char error[STORE_ERROR_SIZE])
{
	if (strcmp(spec, "memory:") == 0)
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.200s\": nothing may follow \"memory:\"", spec);
	return ERR_CONFIG;
}

/*
 * Makes room for a record, which takes the place of the one of its domain:
 * evicts policies that do not bind, the least recently used first (C-16).
 * False: all that is left binds.
 */
static bool
make_room(struct over *o, const struct record *record)
{
	for (;;) {
		struct record *old =
		    overlay_get(o->records, record->entry.domain, NULL);
		size_t octets = overlay_size(o->records).octets + record->size;

		if (old != NULL)
			octets -= old->size;
		record_unref(&old);
		if (octets <= o->octets_max)
			return true;
		/* Over another store, an older entry there would come back. */
		if (o->below != NULL || !overlay_evict(o->records))
			return false;
	}
}

/* Tombstones and notes always fit. A policy that does not bind and has no room
 * is not stored, but the one that it would have replaced is removed (C-07). */
static int
memory_change(struct over *o, const struct store_change *change)
{
	struct record *record = change->record;
	bool fits = record->deleted || change->note || make_room(o, record);
	bool goes = record->deleted || (!fits && record->entry.expendable);

	if (goes && o->below == NULL) {
		overlay_remove(o->records, record->entry.domain);
		return 0;
	}
	if (!fits)
		return ERR_FULL;
	return overlay_put(o->records, record, false) ? 0 : ERR_NOMEM;
}

static int
memory_write(void *backend, const struct store_change *changes, size_t n)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < n; i++)
		err = memory_change(backend, &changes[i]);
	return err;
}

static const struct store_form forms[] = {
    {"memory", "memory:"},
    {NULL,     NULL     },
};

const struct store_backend store_memory = {
    .forms = forms,
    .place = STORE_IN_PROCESS,
    .check = memory_check,
    .open = memory_open,
    .close = over_close,
    .get = over_get,
    .each = over_each,
    .write = memory_write,
    .count = over_count,
    .status = over_status,
};

/* --- write retry: outages ------------------------------------------------- */

static void
outage_begins(struct over *o, int err)
{
	struct log_event e;

	o->calm = false;
	if (o->outage)
		return;
	o->outage = true;
	o->again = o->ended && clock_mono_ms() < o->ended_ms + o->calm_ms;
	o->backoff_ms = WRITE_RETRY_MIN_MS;
	o->retry_ms = clock_mono_ms() + o->backoff_ms;
	log_begin(&e, o->log, LOG_LEVEL_ERROR, "store");
	log_str(&e, "state", "no-writes");
	log_str(&e, "store", o->spec);
	log_str(&e, "why", err_text(err));
	log_end(&e);
}

static void
log_end_of_outage(struct over *o)
{
	struct log_event e;

	o->outage = false;
	o->no_room = false;
	o->ended = true;
	o->ended_ms = clock_mono_ms();
	log_begin(&e, o->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "writes");
	log_str(&e, "store", o->spec);
	log_end(&e);
}

/* Ends an outage when no record is held any more. If it came soon after another
 * one, it ends only after the calm has lasted; otherwise a disk that is nearly
 * full would be logged for ever. */
static void
outage_ends(struct over *o)
{
	if (!o->outage || overlay_size(o->records).pending > 0)
		return;
	if (!o->calm)
		o->calm_from_ms = clock_mono_ms();
	o->calm = true;
	if (!o->again || clock_mono_ms() >= o->calm_from_ms + o->calm_ms)
		log_end_of_outage(o);
}

/* --- write retry: holding ------------------------------------------------- */

/* Holds a change that was not written. Whether it counts for an outage: a note
 * on a stored policy, or its deletion because it has expired, does not. */
static bool
hold(struct over *o, const struct store_change *change)
{
	const char *domain = change->record->entry.domain;
	struct record *held = overlay_get(o->records, domain, NULL);
	bool is_held = held != NULL;

	record_unref(&held);
	if (change->note && !is_held)
		return false;
	if (overlay_put(o->records, change->record, true))
		return true;
	overlay_remove(o->records, domain); /* no ordinary records here */
	if (!change->record->entry.expendable && !o->no_room) {
		o->no_room = true;
		log_msg(o->log, LOG_LEVEL_ERROR, "store",
		    "more policies cannot be written to %s than can be held: "
		    "some are forgotten",
		    o->spec);
	}
	return true;
}

/* Writes all or none. Written records are no longer held. */
static int
write_all(struct over *o, const struct store_change *changes, size_t n)
{
	int err = o->below->write(o->handle, changes, n);

	for (size_t i = 0; err == 0 && i < n; i++)
		overlay_remove(o->records, changes[i].record->entry.domain);
	return err;
}

/* Writes the held records, many at a time. If that fails, writes each by
 * itself: a large one must not keep the others off the disk. */
static void
push(struct over *o)
{
	struct record *rows[PUSH_MAX];
	struct store_change changes[PUSH_MAX];
	bool going = true;
	size_t n;

	while (going && (n = overlay_pending(o->records, rows, PUSH_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			changes[i] = (struct store_change){.record = rows[i]};
		if (write_all(o, changes, n) != 0) {
			for (size_t i = 0; i < n; i++) {
				struct record *held;

				if (write_all(o, &changes[i], 1) == 0)
					continue;
				going = false;
				/* Makes it the most recently used one: the next
				 * push begins with others. */
				held = overlay_get(o->records,
				    rows[i]->entry.domain, NULL);
				record_unref(&held);
			}
		}
		for (size_t i = 0; i < n; i++)
			record_unref(&rows[i]);
	}
	if (!going)
		o->backoff_ms = o->backoff_ms < WRITE_RETRY_MAX_MS / 2
		    ? o->backoff_ms * 2
		    : WRITE_RETRY_MAX_MS;
	o->retry_ms = clock_mono_ms() + o->backoff_ms;
	outage_ends(o);
}

/* --- write retry ------------------------------------------------------------
 */

static int
write_retry_write(void *backend, const struct store_change *changes, size_t n)
{
	struct over *o = backend;
	int err = write_all(o, changes, n);
	bool counts = false;

	for (size_t i = 0; err != 0 && i < n; i++)
		counts = hold(o, &changes[i]) || counts;
	if (err == 0 && overlay_size(o->records).pending > 0)
		push(o);
	else if (err == 0)
		outage_ends(o);
	else if (counts)
		outage_begins(o, err);
	return err;
}

static uint64_t
write_retry_idle(void *backend)
{
	struct over *o = backend;

	if (overlay_size(o->records).pending == 0)
		outage_ends(o);
	else if (o->retry_ms <= clock_mono_ms())
		push(o);
	if (overlay_size(o->records).pending > 0)
		return o->retry_ms;
	return o->outage ? o->calm_from_ms + o->calm_ms : 0;
}

/* The copy leaves out the held records: there is no room for them either. */
static int
write_retry_backup(void *backend)
{
	struct over *o = backend;

	return o->below->backup != NULL ? o->below->backup(o->handle) : 0;
}

static void
write_retry_close(void *backend)
{
	struct over *o = backend;
	size_t lost;

	push(o);
	lost = overlay_size(o->records).pending;
	if (lost > 0)
		log_msg(o->log, LOG_LEVEL_ERROR, "store",
		    "%zu policies could not be written to %s and are lost",
		    lost, o->spec);
	else if (o->outage)
		log_end_of_outage(o);
	over_close(o);
}

const struct store_backend store_write_retry = {
    .close = write_retry_close,
    .get = over_get,
    .each = over_each,
    .write = write_retry_write,
    .count = over_count,
    .status = over_status,
    .holds_unwritten = true,
    .idle = write_retry_idle,
    .backup = write_retry_backup,
};
