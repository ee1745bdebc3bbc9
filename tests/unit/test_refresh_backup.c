/* engine/refresh.h: when the refresher backs up the store. REQUIREMENTS C-17.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "store/store.h"

/* --- a store and an engine, as the refresher sees them ---------------------
 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned backups;
static unsigned asked;
static ask_done_fn *done;
static void *done_arg;

int __wrap_store_backup(struct store *store);
int __wrap_store_each(struct store *store, store_each_fn *each, void *arg);
void __wrap_ask(struct engine *engine, const struct ask_options *options);

int
__wrap_store_backup(struct store *store)
{
	(void)store;
	pthread_mutex_lock(&lock);
	backups++;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* One policy more than are refreshed at a time, all of them due. */
int
__wrap_store_each(struct store *store, store_each_fn *each, void *arg)
{
	static const char body[] =
	    "version: STSv1\nmode: none\nmax_age: 604800\n";
	char domain[32];
	struct store_entry entry = {.domain = domain,
	    .id = "1",
	    .failure = "",
	    .fetched_s = clock_wall_s() - 172800,
	    .used_s = clock_wall_s(),
	    .body = (const uint8_t *)body,
	    .len = sizeof(body) - 1};

	(void)store;
	for (unsigned i = 0; i <= REFRESH_PARALLEL; i++) {
		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		(void)each(arg, &entry);
	}
	return 0;
}

/* The policy hosts are silent. */
void
__wrap_ask(struct engine *engine, const struct ask_options *options)
{
	(void)engine;
	pthread_mutex_lock(&lock);
	asked++;
	done = options->done;
	done_arg = options->arg;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* -------------------------------------------------------------------------- */

/* The round waits for a policy host, and goes on for as long as hosts are slow.
 */
Test(refresh_backup, C_17_a_slow_round_does_not_delay_the_copy, .timeout = 60)
{
	struct config config = {.refresh_interval_ms = 86400000};
	struct refresher *r = refresher_new(&config, NULL, NULL, NULL);

	cr_assert_not_null(r);
	pthread_mutex_lock(&lock);
	while (asked < REFRESH_PARALLEL)
		pthread_cond_wait(&changed, &lock);
	cr_expect_eq(backups, 1U);
	pthread_mutex_unlock(&lock);
	refresher_free(&r);
	for (unsigned i = 0; i < asked; i++)
		done(done_arg, NULL, false);
}
