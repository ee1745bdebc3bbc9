/* The configuration in force. */
#include "autoconf.h"

#include "config/snapshot.h"

#include <pthread.h>
#include <stdlib.h>

struct snapshots {
	pthread_mutex_t lock; /* of current, not of what it points to */
	struct snapshot *current;
};

struct snapshot *
snapshot_new(struct config *config)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		return NULL;
	snapshot->config = config;
	atomic_init(&snapshot->refs, 1);
	return snapshot;
}

/* Owned by snapshots only, and const to all who read. */
static void
free_config(const struct config *config)
{
	union {
		const struct config *in;
		struct config *out;
	} owned = {config};

	config_free(&owned.out);
}

struct snapshots *
snapshots_new(struct snapshot *first)
{
	struct snapshots *snapshots = calloc(1, sizeof(*snapshots));

	if (snapshots == NULL)
		return NULL;
	snapshots->current = first;
	(void)pthread_mutex_init(&snapshots->lock, NULL);
	return snapshots;
}

void
snapshots_free(struct snapshots **snapshots)
{
	struct snapshots *old = *snapshots;

	*snapshots = NULL;
	if (old == NULL)
		return;
	snapshot_release(&old->current);
	(void)pthread_mutex_destroy(&old->lock);
	free(old);
}

struct snapshot *
snapshot_hold(struct snapshot *snapshot)
{
	(void)atomic_fetch_add(&snapshot->refs, 1);
	return snapshot;
}

struct snapshot *
snapshot_acquire(struct snapshots *snapshots)
{
	struct snapshot *snapshot;

	(void)pthread_mutex_lock(&snapshots->lock);
	snapshot = snapshot_hold(snapshots->current);
	(void)pthread_mutex_unlock(&snapshots->lock);
	return snapshot;
}

void
snapshot_release(struct snapshot **snapshot)
{
	struct snapshot *held = *snapshot;

	*snapshot = NULL;
	if (held == NULL || atomic_fetch_sub(&held->refs, 1) != 1)
		return;
	free_config(held->config);
	free(held);
}

void
snapshots_replace(struct snapshots *snapshots, struct snapshot **next)
{
	struct snapshot *old;

	(void)pthread_mutex_lock(&snapshots->lock);
	old = snapshots->current;
	snapshots->current = *next;
	(void)pthread_mutex_unlock(&snapshots->lock);
	*next = NULL;
	snapshot_release(&old);
}
