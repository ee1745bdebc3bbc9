/*
 * The policy store: the security anchor. Its policies survive TXT suppression,
 * failing fetches, restarts, kill -9 and a full disk (C-01, C-04, C-05, C-13).
 * It keeps the raw body, never a decision.
 *
 * Any thread. The store carries requests out on threads of its own, so that
 * event loops never wait for a disk. Callbacks run on those threads: they must
 * be short, and may call only those functions of the store that queue a
 * request.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/txt.h"

struct log;
struct store;

#define STORE_ERROR_SIZE 512

/* Waiting at most, of reads and of writes; then ERR_BUSY. The last quarter of
 * the writes is kept for policies that bind, and for store_delete (C-16). */
#define STORE_QUEUE_MAX        8192
#define STORE_QUEUE_OCTETS_MAX (64 << 20)

/* One stored policy. Times are wall clock. */
struct store_entry {
	const char *domain;  /* canonical policy domain */
	const char *id;      /* of the TXT record that led to the fetch */
	int64_t fetched_s;   /* the last good fetch: max_age counts from here */
	int64_t tried_s;     /* the last refresh that was tried; 0: none */
	const char *failure; /* of that refresh, for people; "": it was good */
	int64_t used_s;      /* last asked for, roughly (hours) */
	const uint8_t *body; /* as fetched, to the octet; see store_put */
	size_t len;
	/* The policy does not bind, so that it goes first when room is short
	 * (C-16). Set by the store, whatever the caller says. */
	bool expendable;
};

/* Octets of a body that does not bind: a larger one is kept in a short form, or
 * not at all. */
#define STORE_EXPENDABLE_RAW_MAX 4096
#define STORE_EXPENDABLE_MAX     16384

/* err: 0 (entry set), ERR_NOTFOUND, or why it could not be read. */
typedef void store_got_fn(void *arg, int err, const struct store_entry *entry);
/* err: 0 once the change is durable, or why it is not. */
typedef void store_done_fn(void *arg, int err);
/* Return false to stop. */
typedef bool store_each_fn(void *arg, const struct store_entry *entry);

enum store_access {
	STORE_READ_WRITE, /* created if it is not there */
	STORE_READ_ONLY   /* for tools beside a running daemon: changes stay
			   * in memory; not there counts as empty */
};

/* Zero or NULL: the default. Strings are copied; the log is borrowed and must
 * outlive the store. */
struct store_options {
	const char *spec; /* "lmdb:DIRECTORY", "redis://HOST:PORT/DB", "memory:"
			   * and others: see store_check */
	enum store_access access;
	/* of a store on a server */
	const char *auth_file; /* redis_link.h */
	const char *tls_ca;    /* file; empty: the system's */
	struct log *log;       /* for outages, each logged once */
	bool may_be_down;      /* STORE_READ_ONLY: an outage is no error */
	size_t octets_max;     /* on a disk or in memory; 0: as usual, see
				* store_lmdb.h and store_overlay.c */
	uint64_t calm_ms; /* between two outages of a disk; 0: as usual, see
			   * WRITE_RETRY_CALM_MS */
};

/*
 * NULL with *error, which says what to do. An existing store that cannot be
 * used (foreign, damaged, newer) is an error and is left as it is: never start
 * empty in silence. Not to be used across fork: daemonize first. New files
 * belong to the effective user, or to the directory's owner if that is root:
 * take the final identity first. A server that cannot be reached is an outage
 * and no error, unless it is opened for reading only, without may_be_down.
 */
struct store *
store_open(const struct store_options *options, char error[STORE_ERROR_SIZE]);

/* Checks that spec has a known form and, unless it is NULL, that a store of
 * this spec that needs an auth_file can use this one. 0 or ERR_CONFIG. */
int store_check(const char *spec, const char *auth_file,
    char error[STORE_ERROR_SIZE]);

/* Where a store keeps its policies. */
enum store_place {
	STORE_ON_DISK,   /* in a directory of this host */
	STORE_ON_SERVER, /* shared with other hosts */
	STORE_IN_PROCESS /* in memory: no other process sees them, and they go
			  * when it ends */
};

/* spec: store_check accepts it. *directory, unless NULL: the end of spec for a
 * store on disk, else NULL. */
enum store_place store_place(const char *spec, const char **directory);

/* Requests already queued are carried out first. */
void store_close(struct store **store);

/*
 * Strings are copied. The callback runs exactly once, or the call fails:
 * ERR_SYNTAX (domain, id), ERR_TOOLONG (body), ERR_BUSY, ERR_CANCELLED (being
 * closed), ERR_NOMEM. Changes are made in the order of the calls; a get that
 * is called after a change's callback sees the change. Deleting a domain that
 * is not stored is no error. A failure text beyond 255 octets is cut.
 */
int store_get(struct store *store, const char *domain, store_got_fn *got,
    void *arg);
/*
 * The body of a policy that binds, or that is none, is kept to the octet. One
 * that does not bind and has more than STORE_EXPENDABLE_RAW_MAX octets is kept
 * in a short form, with only the fields that this program knows; if that has
 * more than STORE_EXPENDABLE_MAX octets, the stored policy of the domain is
 * removed instead (C-07), and an import fails with ERR_TOOLONG.
 */
int store_put(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg);
/* As store_put, for an entry that was saved before: the callback gets ERR_KEPT
 * if the stored policy was fetched as late or later. So a saved policy does not
 * bring back one that has been replaced since. */
int store_put_later(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg);
/*
 * Changes the notes on a stored policy, and neither policy, id nor fetch time.
 * The caller need not know the entry, so that a note never brings an old policy
 * back. The callback gets ERR_NOTFOUND if none is stored.
 */
struct store_mark {
	int64_t tried_s;     /* 0: stays */
	const char *failure; /* goes with tried_s; "": it was good */
	int64_t used_s;      /* 0: stays */
};
int store_mark(struct store *store, const char *domain,
    const struct store_mark *mark, store_done_fn *done, void *arg);

int store_delete(struct store *store, const char *domain, store_done_fn *done,
    void *arg);
/* Deletes an expired policy that was fetched at fetched_s. The callback gets
 * ERR_KEPT if a newer one has taken its place. A server that ends its entries
 * itself is left to do so, as one host's clock must not decide for all that
 * share it. */
int store_delete_expired(struct store *store, const char *domain,
    int64_t fetched_s, store_done_fn *done, void *arg);

/*
 * Every entry, in order of domain, from a consistent view (on a server: each
 * entry as it is when its turn comes). Blocks the calling thread; each() runs
 * on it and must not call store_each. 0 or a negative error. If the listing was
 * partial, all were shown but those that are damaged (ERR_CORRUPT) or that a
 * newer program wrote (ERR_VERSION; then none is damaged).
 */
int store_each(struct store *store, store_each_fn *each, void *arg);
bool store_each_partial(int err);

/*
 * A store on disk keeps a copy of itself as text beside it, so that it can be
 * rebuilt without the version of LMDB that wrote it (store_lmdb.h). Rewrites
 * the copy if it is a day old; store_close does so if anything has changed. If
 * the disk has no room for all, the copy has the policies that bind alone.
 * Other kinds of store keep none. Blocks for as long as it takes to read all;
 * one call at a time. 0 or a negative error, which is logged.
 */
int store_backup(struct store *store);

/*
 * Another host that shares the store has learned a policy that binds: cached
 * verdicts on the domain are out of date. domain NULL: news may have been
 * missed, so that any domain may have such a policy now. Called on a thread of
 * the store; must be short and call nothing of the store. learned NULL: removes
 * it, and no call is under way when this returns. A store that nobody shares
 * never calls it.
 */
typedef void store_learned_fn(void *arg, const char *domain);
void
store_on_learned(struct store *store, store_learned_fn *learned, void *arg);

/* Entries, roughly; for status and metrics. */
size_t store_count(struct store *store);

struct store_status {
	/* Policies, and deletions, that are in memory alone, as the disk or
	 * the server does not take them now. */
	size_t unwritten;
	/* The store is of a kind that holds them. */
	bool holds_unwritten;
	/* The store is on a server that cannot be reached now: listings and
	 * counts are those of this host's local cache. */
	bool unreachable;
};
struct store_status store_status(struct store *store);

/* --- waiting for the result ------------------------------------------------
 */

/* Any thread that may block, but the store's own. */

struct record;

/* 0 with *record (one reference), ERR_NOTFOUND, or why it cannot be read. */
int
store_wait_get(struct store *store, const char *domain, struct record **record);
int store_wait_delete(struct store *store, const char *domain);

/* Writes of which several may be under way. */
struct store_writes;

#define STORE_WRITES_MAX 64

/* On the store's thread, as a store_done_fn, for each write of a domain. */
typedef void store_written_fn(void *arg, const char *domain, int err);

/* written may be NULL. Returns NULL if there is no memory. */
struct store_writes *
store_writes_new(struct store *store, store_written_fn *written, void *arg);
/* Waits while too many are under way. 0, or the error of store_put_later. */
int store_writes_put_later(struct store_writes *writes,
    const struct store_entry *entry);
/* Waits for all writes. *failed of them failed, *kept of them found a policy
 * that is as new. 0, or the error of the first one that failed. */
int
store_writes_end(struct store_writes **writes, size_t *failed, size_t *kept);

#endif
