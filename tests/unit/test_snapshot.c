/*
 * snapshot: the configuration in force, replaced while others read it. With
 * AddressSanitizer a snapshot that is freed too early is seen here, with
 * ThreadSanitizer one that is read while it is freed.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "config/config.h"
#include "config/snapshot.h"

enum {
	READERS = 4,
	RELOADS = 200
};

static struct snapshot *
make(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);
	struct snapshot *snapshot;

	cr_assert_not_null(config, "%s", error);
	snapshot = snapshot_new(config);
	cr_assert_not_null(snapshot);
	return snapshot;
}

Test(snapshot, what_is_held_stays_when_it_is_replaced)
{
	struct snapshot *next = make();
	struct snapshots *snapshots = snapshots_new(make());
	struct snapshot *old = snapshot_acquire(snapshots);
	struct snapshot *new;

	snapshots_replace(snapshots, &next);
	cr_assert_null(next);
	new = snapshot_acquire(snapshots);
	cr_expect_neq(old, new);
	cr_expect_str_eq(old->config->store, new->config->store);
	snapshot_release(&old);
	cr_expect_null(old);
	snapshots_free(&snapshots);
	cr_expect_null(snapshots);
	/* held beyond the end of the others */
	cr_expect_eq(new->config->mode, CONFIG_MODE_ENFORCE);
	snapshot_release(&new);
}

Test(snapshot, every_hold_is_let_go)
{
	struct snapshots *snapshots = snapshots_new(make());
	struct snapshot *first = snapshot_acquire(snapshots);
	struct snapshot *second = snapshot_hold(first);

	cr_expect_eq(first, second);
	cr_expect_eq(atomic_load(&first->refs), 3);
	snapshot_release(&second);
	cr_expect_eq(atomic_load(&first->refs), 2);
	snapshots_free(&snapshots);
	cr_expect_eq(atomic_load(&first->refs), 1);
	snapshot_release(&first);
	snapshot_release(&first); /* NULL is fine */
	snapshots_free(&snapshots);
}

struct reading {
	struct snapshots *snapshots;
	atomic_bool stop;
	atomic_uint wrong;
};

static void *
read_on(void *arg)
{
	struct reading *reading = arg;

	while (!atomic_load(&reading->stop)) {
		struct snapshot *held = snapshot_acquire(reading->snapshots);

		if (held->config->deadline_ms != 4000 ||
		    held->config->store[0] != 'l')
			atomic_fetch_add(&reading->wrong, 1);
		snapshot_release(&held);
	}
	return NULL;
}

Test(snapshot, nobody_reads_what_is_freed, .timeout = 120)
{
	struct reading reading = {.snapshots = snapshots_new(make())};
	pthread_t thread[READERS];

	for (int i = 0; i < READERS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, read_on,
				 &reading),
		    0);
	for (int i = 0; i < RELOADS; i++) {
		struct snapshot *next = make();

		snapshots_replace(reading.snapshots, &next);
	}
	atomic_store(&reading.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	cr_expect_eq(atomic_load(&reading.wrong), 0);
	snapshots_free(&reading.snapshots);
}
