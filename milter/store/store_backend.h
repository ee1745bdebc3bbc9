/*
 * The interface of a kind of store: records on some medium. store_queue.c owns
 * the threads and calls these functions.
 *
 * get and each may run beside one another and beside the writer. get_to_write,
 * write and idle are called by the one writer thread. Names have been checked:
 * canonical domains, ids of at most 32 octets.
 */
#ifndef STORE_STORE_BACKEND_H
#define STORE_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "store/store_record.h"

/* A form of a spec: the word before its first ':', and all of it as an error
 * message shows it. */
struct store_form {
	const char *scheme;
	const char *text;
};

/* How often a write that needs a larger map, or room, is tried. */
#define STORE_WRITE_TRIES 16

/* One change; the record stays the caller's. */
struct store_change {
	struct record *record; /* a tombstone: delete */
	/* The entry as it was read here, with other notes on it (used, tried);
	 * another host that shares the store may have put a newer one. Or the
	 * deletion of an expired entry, which the refresher asks for again. */
	bool note;
};

struct store_backend {
	const struct store_form *forms; /* the last one's scheme is NULL */
	enum store_place place;
	/* Checks that spec has the right form. 0 or ERR_CONFIG with *error
	 * filled in. */
	int (*check)(const char *spec, char error[STORE_ERROR_SIZE]);
	/* The same of an auth_file. NULL: it needs none. */
	int (*check_auth)(const char *path, char error[STORE_ERROR_SIZE]);
	/* NULL with *error filled in. */
	void *(*open)(const struct store_options *options,
	    char error[STORE_ERROR_SIZE]);
	void (*close)(void *backend);
	/* Calls got once for each domain, in their order, before it returns. */
	void (*get)(void *backend, size_t n, const char *const *domain,
	    store_got_fn *got, void *arg);
	/* The same for the writer thread, so that nobody who reads has to wait
	 * for it. NULL: get. */
	void (*get_to_write)(void *backend, size_t n, const char *const *domain,
	    store_got_fn *got, void *arg);
	int (*each)(void *backend, store_each_fn *each, void *arg);
	/* Returns 0 once all changes are durable. After an error none was made;
	 * on a server, or in memory, some may have been made, and making them
	 * again does no harm. */
	int (*write)(void *backend, const struct store_change *changes,
	    size_t n);
	size_t (*count)(void *backend);
	/* Members of struct store_status. NULL: none, never. */
	void (*status)(void *backend, size_t *unwritten, bool *unreachable);
	bool holds_unwritten; /* see struct store_status */
	/* See store_on_learned. NULL: a store cannot be shared. */
	void (*on_learned)(void *backend, store_learned_fn *learned, void *arg);
	/* Called by the writer when it has nothing to do. Returns when it wants
	 * to be called again, in monotonic ms; 0, or NULL: not before the next
	 * change. */
	uint64_t (*idle)(void *backend);
	/* See store_backup. NULL: it keeps no copy. */
	int (*backup)(void *backend);
	/* store_overlay.c holds the records that it cannot write. False: the
	 * backend does so itself, or has nothing to lose. */
	bool hold_unwritten;
	/* Entries that have expired go without being deleted. */
	bool ends_entries;
};

extern const struct store_backend store_lmdb;
extern const struct store_backend store_memory;
extern const struct store_backend store_redis;

/*
 * A handle of store_memory, or of store_write_retry, that lies over another
 * store and closes it. options are those of the store below. NULL: no memory.
 *
 * store_memory keeps all changes in memory.
 *
 * store_write_retry keeps the writes that a disk did not take. A policy that
 * was fetched while the disk was full binds as long as the process runs, and is
 * written as soon as there is room: with the next change that succeeds, or when
 * the writer tries again, less and less often. The caller is told that the
 * change is not durable; the log tells of the outage once when it begins and
 * once when it ends.
 *
 * It is bounded as what is pending in overlay.h. Notes (used, tried) and
 * deletions of expired policies are held only together with a policy that is:
 * they concern every stored policy, and would leave no room for what matters.
 */
void *store_over(const struct store_backend *below, void *handle,
    const struct store_options *options, bool retries);
extern const struct store_backend store_write_retry;

/* Between two tries, without a change that can be written. */
#define WRITE_RETRY_MIN_MS 500
#define WRITE_RETRY_MAX_MS 5000
/* An outage that begins so soon after another one counts as ended only after as
 * long without a failed write, so that a disk that is nearly full does not fill
 * the log. */
#define WRITE_RETRY_CALM_MS 20000

#endif
