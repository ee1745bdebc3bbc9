/*
 * A store as the tests like it: calls that wait for their callback, and
 * entries that can be compared.
 */
#ifndef UNIT_STORE_SYNC_H
#define UNIT_STORE_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"
#include "store/store.h"

#define SYNC_BODY_MAX 4096

/* What a get found. */
struct got {
	int err;
	unsigned calls;
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	char failure[512];
	int64_t fetched_s;
	int64_t tried_s;
	int64_t used_s;
	size_t len;
	uint8_t body[SYNC_BODY_MAX];
};

/* Fails the test when the call itself fails. */
int sync_put(struct store *store, const struct store_entry *entry);
int sync_put_later(struct store *store, const struct store_entry *entry);
int
sync_delete_expired(struct store *store, const char *domain, int64_t fetched_s);
int sync_delete(struct store *store, const char *domain);
int sync_mark(struct store *store, const char *domain,
    const struct store_mark *mark);
void sync_get(struct store *store, const char *domain, struct got *got);
/* The error of a get alone. */
int sync_find(struct store *store, const char *domain);

/* An entry with that domain, id and body (a C string), and times. */
struct store_entry
sync_entry(const char *domain, const char *id, const char *body);

/* An ordinary entry for example.org, and whether it is there whole. */
struct store_entry sample_entry(void);
void expect_sample(struct store *store);

/* Domains of all entries with a blank after each; the result of store_each. */
int sync_list(struct store *store, char *out, size_t size);

/* A fresh directory below TMPDIR, and away with it and the files in it. */
char *scratch_new(void);
void scratch_free(char **path);
/* DIR/NAME; free it. */
char *scratch_path(const char *dir, const char *name);

/* A log of the level info in the file. */
struct log *log_to_file(const char *path);
/* How many lines of a file hold the text. */
unsigned lines_with(const char *path, const char *text);

/* "lmdb:PATH" or the like into out. */
struct store *open_lmdb(const char *dir, enum store_access access);
/* Opening must fail; the text is returned (static). */
const char *refused_lmdb(const char *dir, enum store_access access);

#endif
