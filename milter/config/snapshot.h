/*
 * The configuration in force, which a reload replaces while others read it. A
 * reader holds the snapshot that was in force when it began, until it is done;
 * the last release frees it.
 *
 * Any thread.
 */
#ifndef CONFIG_SNAPSHOT_H
#define CONFIG_SNAPSHOT_H

#include <stdatomic.h>

#include "config/config.h"

struct snapshot {
	const struct config *config;
	atomic_uint refs;
};

struct snapshots;

/* Takes the configuration over. NULL: no memory; then it is the caller's. */
struct snapshot *snapshot_new(struct config *config);

/* Takes the snapshot over. NULL: no memory; then it is the caller's. */
struct snapshots *snapshots_new(struct snapshot *first);
/* Snapshots that are held stay until they are released. NULL is fine. */
void snapshots_free(struct snapshots **snapshots);

/* The one in force, never NULL. */
struct snapshot *snapshot_acquire(struct snapshots *snapshots);
/* Another hold on one that is held. */
struct snapshot *snapshot_hold(struct snapshot *snapshot);
void snapshot_release(struct snapshot **snapshot); /* NULL is fine */

/* Takes the snapshot over, *next is nulled. */
void snapshots_replace(struct snapshots *snapshots, struct snapshot **next);

#endif
