/*
 * What a kind of store implements. store.c owns the threads and queues and
 * calls these; a new kind is one file and one row in store.c's table.
 *
 * get and each may run beside one another and beside the writer; put, delete
 * and commit are called by the one writer thread.
 */
#ifndef IO_STORE_BACKEND_H
#define IO_STORE_BACKEND_H

#include "io/store.h"

struct store_backend {
	const char *scheme; /* "lmdb": the part of the spec before ':' */
	/* rest: the spec after ':'. NULL with *error filled in. */
	void *(*open)(const char *rest, enum store_access access,
	    char error[STORE_ERROR_SIZE]);
	void (*close)(void *backend);
	/* 0 with got() called once before it returns, or a negative error */
	int (*get)(void *backend, const char *domain, store_each_fn *got,
	    void *arg);
	/* Several changes go into one commit; none counts before it. */
	int (*begin)(void *backend);
	int (*put)(void *backend, const struct store_entry *entry);
	int (*delete)(void *backend, const char *domain);
	int (*commit)(void *backend); /* durable when 0 */
	void (*abort)(void *backend);
	int (*each)(void *backend, store_each_fn *each, void *arg);
	size_t (*count)(void *backend);
};

extern const struct store_backend store_lmdb;
extern const struct store_backend store_memory;

#endif
