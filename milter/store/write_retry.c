/*
 * Changes that a store could not make, held over it.
 *
 * Changes are staged, and reach the store below in commit: whatever fails
 * there, from begin on, they are all at hand to be held.
 */
#include "autoconf.h"

#include "store/write_retry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "log/log.h"
#include "store/local_cache.h"
#include "store/store_merge.h"
#include "store/store_table.h"

#define PUSH_MAX 64 /* records tried together */

struct staged {
	struct record *record; /* a tombstone: delete */
	bool note;
};

struct unwritten {
	const struct store_backend *below;
	void *handle;
	char *spec;
	struct log *log;
	struct copy *held; /* pending ones only; changed by the writer alone */
	/* the writer's */
	struct staged *staged;
	size_t n_staged;
	size_t room_staged;
	bool outage;       /* begun and told */
	uint64_t calm_ms;  /* see UNWRITTEN_CALM_MS */
	bool ended;        /* an outage before */
	uint64_t ended_ms; /* when its end was told, monotonic */
	bool again;        /* this one came soon after that */
	bool calm;         /* nothing is held any more */
	uint64_t calm_from_ms;
	bool no_room;      /* to hold one more; told */
	uint64_t retry_ms; /* monotonic */
	uint64_t backoff_ms;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- outages -------------------------------------------------------------- */

static void
outage_begins(struct unwritten *u, int err)
{
	struct log_event e;

	u->calm = false;
	if (u->outage)
		return;
	u->outage = true;
	u->again = u->ended && now_ms() < u->ended_ms + u->calm_ms;
	u->backoff_ms = UNWRITTEN_RETRY_MIN_MS;
	u->retry_ms = now_ms() + u->backoff_ms;
	log_begin(&e, u->log, LOG_LEVEL_ERROR, "store");
	log_str(&e, "state", "no-writes");
	log_str(&e, "store", u->spec);
	log_str(&e, "why", err_text(err));
	log_end(&e);
}

static void
tell_end(struct unwritten *u)
{
	struct log_event e;

	u->outage = false;
	u->no_room = false;
	u->ended = true;
	u->ended_ms = now_ms();
	log_begin(&e, u->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "writes");
	log_str(&e, "store", u->spec);
	log_end(&e);
}

/* Once nothing is held any more. One that came soon after another goes on until
 * that has lasted: a disk that is nearly full would be told of for ever. */
static void
outage_ends(struct unwritten *u)
{
	if (!u->outage || copy_count_pending(u->held) > 0)
		return;
	if (!u->calm)
		u->calm_from_ms = now_ms();
	u->calm = true;
	if (!u->again || now_ms() >= u->calm_from_ms + u->calm_ms)
		tell_end(u);
}

static void
tell_no_room(struct unwritten *u)
{
	if (u->no_room)
		return;
	u->no_room = true;
	log_msg(u->log, LOG_LEVEL_ERROR, "store",
	    "more policies cannot be written to %s than can be held: some are "
	    "forgotten",
	    u->spec);
}

/* --- holding -------------------------------------------------------------- */

static bool
is_held(struct unwritten *u, const char *domain)
{
	struct record *record = copy_get(u->held, domain, NULL);
	bool held = record != NULL;

	record_unref(&record);
	return held;
}

/* Whether the change is one that counts: a note on what is stored does not. */
static bool
hold(struct unwritten *u, const struct staged *change)
{
	const char *domain = change->record->entry.domain;

	if (change->note && !is_held(u, domain))
		return false;
	if (copy_put(u->held, change->record, true))
		return true;
	copy_remove(u->held, domain); /* no ordinary ones here */
	if (!change->record->entry.expendable)
		tell_no_room(u);
	return true;
}

/* --- life ----------------------------------------------------------------- */

static void
discard(struct unwritten *u)
{
	for (size_t i = 0; i < u->n_staged; i++)
		record_unref(&u->staged[i].record);
	u->n_staged = 0;
}

static void
unwritten_free(struct unwritten *u)
{
	copy_free(&u->held);
	free(u->staged);
	free(u->spec);
	free(u);
}

void *
store_unwritten_over(const struct store_backend *below, void *handle,
    const struct store_options *options)
{
	struct unwritten *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->below = below;
	u->handle = handle;
	u->log = options->log;
	u->calm_ms =
	    options->calm_ms != 0 ? options->calm_ms : UNWRITTEN_CALM_MS;
	u->spec = strdup(options->spec);
	u->held = copy_new();
	if (u->spec != NULL && u->held != NULL)
		return u;
	unwritten_free(u);
	return NULL;
}

/* --- reading -------------------------------------------------------------- */

static int
unwritten_get(void *backend, const char *domain, store_each_fn *got, void *arg)
{
	struct unwritten *u = backend;
	struct record *record = copy_get(u->held, domain, NULL);
	int err =
	    store_merge_get(record, u->below, u->handle, domain, got, arg);

	record_unref(&record);
	return err;
}

static int
unwritten_each(void *backend, store_each_fn *each, void *arg)
{
	struct unwritten *u = backend;
	struct record **rows;
	size_t n;
	int err = copy_snapshot(u->held, &rows, &n);

	if (err != 0)
		return err;
	err = store_merge(rows, n, u->below, u->handle, each, arg);
	table_snapshot_free(rows, n);
	return err;
}

static size_t
unwritten_count(void *backend)
{
	struct unwritten *u = backend;

	return u->below->count(u->handle) + copy_count(u->held);
}

static size_t
unwritten_count_unwritten(void *backend)
{
	struct unwritten *u = backend;

	return copy_count_pending(u->held);
}

/* --- staging -------------------------------------------------------------- */

static int
unwritten_begin(void *backend)
{
	(void)backend;
	return 0;
}

/* Takes over the reference, also on failure. */
static int
stage(struct unwritten *u, struct record *record, bool note)
{
	size_t room = u->room_staged < 64 ? 64 : u->room_staged * 2;
	struct staged *more;

	if (u->n_staged == u->room_staged) {
		more = reallocarray(u->staged, room, sizeof(*more));
		if (more == NULL) {
			record_unref(&record);
			return ERR_NOMEM;
		}
		u->staged = more;
		u->room_staged = room;
	}
	u->staged[u->n_staged++] = (struct staged){record, note};
	return 0;
}

static int
unwritten_put(void *backend, const struct store_entry *entry)
{
	struct record *record;
	int err = record_new(entry, &record);

	return err != 0 ? err : stage(backend, record, false);
}

static int
unwritten_note(void *backend, const struct store_entry *entry)
{
	struct record *record;
	int err = record_new(entry, &record);

	return err != 0 ? err : stage(backend, record, true);
}

static int
unwritten_remove(void *backend, const char *domain)
{
	struct record *record;
	int err = record_new_deleted(domain, &record);

	return err != 0 ? err : stage(backend, record, false);
}

static void
unwritten_abort(void *backend)
{
	discard(backend);
}

/* --- writing -------------------------------------------------------------- */

static int
write_one(struct unwritten *u, const struct staged *change)
{
	const struct store_entry *entry = &change->record->entry;

	if (change->record->deleted)
		return u->below->remove(u->handle, entry->domain);
	if (change->note && u->below->note != NULL)
		return u->below->note(u->handle, entry);
	return u->below->put(u->handle, entry);
}

/* All or none. What is written is held no more. */
static int
write_all(struct unwritten *u, const struct staged *changes, size_t n)
{
	int err = u->below->begin(u->handle);

	if (err != 0)
		return err;
	for (size_t i = 0; err == 0 && i < n; i++)
		err = write_one(u, &changes[i]);
	if (err == 0)
		err = u->below->commit(u->handle);
	if (err != 0) {
		u->below->abort(u->handle);
		return err;
	}
	for (size_t i = 0; i < n; i++)
		copy_remove(u->held, changes[i].record->entry.domain);
	return 0;
}

/* With a new begin where the store asks for one, as the front has it. */
static int
write_held(struct unwritten *u, const struct staged *changes, size_t n)
{
	int err = ERR_BUSY;

	for (int i = 0; i < STORE_CHANGE_TRIES && err == ERR_BUSY; i++)
		err = write_all(u, changes, n);
	return err;
}

/* Each for itself: a large one must not keep the others off the disk. Whether
 * all were written. */
static bool
push_each(struct unwritten *u, const struct staged *changes, size_t n)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		if (write_held(u, &changes[i], 1) == 0)
			continue;
		all = false;
		/* To the end of the line: the next push begins with others. */
		(void)is_held(u, changes[i].record->entry.domain);
	}
	return all;
}

static void
push(struct unwritten *u)
{
	struct record *rows[PUSH_MAX];
	struct staged changes[PUSH_MAX];
	bool going = true;
	size_t n;

	while (going && (n = copy_pending(u->held, rows, PUSH_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			changes[i] = (struct staged){rows[i], false};
		going =
		    write_held(u, changes, n) == 0 || push_each(u, changes, n);
		for (size_t i = 0; i < n; i++)
			record_unref(&rows[i]);
	}
	if (!going)
		u->backoff_ms = u->backoff_ms < UNWRITTEN_RETRY_MAX_MS / 2
		    ? u->backoff_ms * 2
		    : UNWRITTEN_RETRY_MAX_MS;
	u->retry_ms = now_ms() + u->backoff_ms;
	outage_ends(u);
}

/* ERR_BUSY: the front begins anew, and if it gives up all are held. */
static int
unwritten_commit(void *backend)
{
	struct unwritten *u = backend;
	int err = write_all(u, u->staged, u->n_staged);
	bool counts = false;

	for (size_t i = 0; err != 0 && i < u->n_staged; i++)
		counts = hold(u, &u->staged[i]) || counts;
	discard(u);
	if (err == 0 && copy_count_pending(u->held) > 0)
		push(u);
	else if (err == 0)
		outage_ends(u);
	else if (err != ERR_BUSY && counts)
		outage_begins(u, err);
	return err;
}

static uint64_t
unwritten_idle(void *backend)
{
	struct unwritten *u = backend;

	if (copy_count_pending(u->held) == 0) {
		outage_ends(u);
		return u->outage ? u->calm_from_ms + u->calm_ms : 0;
	}
	if (u->retry_ms <= now_ms())
		push(u);
	if (copy_count_pending(u->held) > 0)
		return u->retry_ms;
	return u->outage ? u->calm_from_ms + u->calm_ms : 0;
}

/* What is held is not in it; there is no room for a copy then either. */
static int
unwritten_backup(void *backend)
{
	struct unwritten *u = backend;

	return u->below->backup != NULL ? u->below->backup(u->handle) : 0;
}

static void
unwritten_close(void *backend)
{
	struct unwritten *u = backend;
	size_t lost;

	push(u);
	lost = copy_count_pending(u->held);
	if (lost > 0)
		log_msg(u->log, LOG_LEVEL_ERROR, "store",
		    "%zu policies could not be written to %s and are lost",
		    lost, u->spec);
	else if (u->outage)
		tell_end(u);
	u->below->close(u->handle);
	discard(u);
	unwritten_free(u);
}

const struct store_backend store_unwritten = {
    .close = unwritten_close,
    .get = unwritten_get,
    .begin = unwritten_begin,
    .put = unwritten_put,
    .note = unwritten_note,
    .remove = unwritten_remove,
    .commit = unwritten_commit,
    .abort = unwritten_abort,
    .each = unwritten_each,
    .count = unwritten_count,
    .count_unwritten = unwritten_count_unwritten,
    .idle = unwritten_idle,
    .backup = unwritten_backup,
};
