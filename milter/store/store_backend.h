/*
 * What a kind of store implements. store.c owns the threads and queues and
 * calls these; a new kind is one file and one row in store.c's table.
 *
 * get and each may run beside one another and beside the writer; begin, put,
 * remove, commit and abort are called by the one writer thread. Names have
 * been checked: canonical domains, ids of at most 32 octets.
 */
#ifndef STORE_STORE_BACKEND_H
#define STORE_STORE_BACKEND_H

#include "store/store.h"

/* The answer about the domain at place i: err as of a get, or 0 and entry. */
typedef void
store_many_fn(void *arg, size_t i, int err, const struct store_entry *entry);

/* How often a backend may ask for a new begin (ERR_BUSY). */
#define STORE_CHANGE_TRIES 16

struct store_backend {
	const char *scheme; /* "lmdb": the part of the spec before ':' */
	/* Whether rest, the spec after ':', has the right form. NULL: any.
	 * 0 or ERR_CONFIG with *error filled in. */
	int (*check)(const char *rest, char error[STORE_ERROR_SIZE]);
	/* NULL with *error filled in. */
	void *(*open)(const char *rest, const struct store_options *options,
	    char error[STORE_ERROR_SIZE]);
	void (*close)(void *backend);
	/* 0 with got() called once before it returns, or a negative error */
	int (*get)(void *backend, const char *domain, store_each_fn *got,
	    void *arg);
	/* The same for many at once, answered in their order. NULL: one by
	 * one is as good. */
	void (*get_many)(void *backend, size_t n, const char *const *domain,
	    store_many_fn *got, void *arg);
	/*
	 * Several changes go into one commit; none counts before it, all or
	 * none after it (on a server: after an error some may). After an
	 * error of put, remove or commit follows abort. ERR_BUSY: nothing is
	 * wrong with the change, begin anew (the backend made room).
	 */
	int (*begin)(void *backend);
	int (*put)(void *backend, const struct store_entry *entry);
	/* As put, of what was read here and has other notes now: whoever shares
	 * the store may have put something newer. NULL: nobody shares it. */
	int (*note)(void *backend, const struct store_entry *entry);
	int (*remove)(void *backend, const char *domain);
	int (*commit)(void *backend); /* durable when 0 */
	void (*abort)(void *backend);
	int (*each)(void *backend, store_each_fn *each, void *arg);
	size_t (*count)(void *backend);
	/* Changes that are in memory alone until they can be written. NULL:
	 * none ever is. */
	size_t (*count_unwritten)(void *backend);
	/* See store_is_unreachable. NULL: it never is. */
	bool (*is_down)(void *backend);
	/* On the writer, which has nothing to do: when it wants to be called
	 * again, monotonic ms; 0: with no change, never. NULL: the same. */
	uint64_t (*idle)(void *backend);
	/* See store_backup. NULL: it keeps no copy. */
	int (*backup)(void *backend);
	/* What it cannot write is held over it (store_unwritten.h). False: it
	 * sees to that itself, or has nothing to lose. */
	bool hold_unwritten;
	/* What has expired goes without being removed. */
	bool ends_entries;
};

extern const struct store_backend store_lmdb;
extern const struct store_backend store_memory;
extern const struct store_backend store_redis;
extern const struct store_backend store_rediss;
extern const struct store_backend store_redis_unix;

/* A store_memory handle that lies over another store and takes its changes;
 * closes it as well. NULL: no memory. */
void *store_memory_over(const struct store_backend *below, void *handle);

#endif
