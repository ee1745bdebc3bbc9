/* See redis_host.h. */
#include "autoconf.h"

#include "redis_host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "log/log.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";

struct redis_server server;
struct store *here;
char log_path[256];
static struct log *log_;

struct store *
open_store(const char *path, char error[STORE_ERROR_SIZE])
{
	char spec[4096];

	snprintf(spec, sizeof(spec), "redis+unix:%s", path);
	return store_open(&(struct store_options){.spec = spec, .log = log_},
	    error);
}

void
redis_host_setup(void)
{
	char error[STORE_ERROR_SIZE] = "";

	if (!redis_server_is_installed())
		return;
	redis_server_start(&server, 0, NULL);
	snprintf(log_path, sizeof(log_path), "%s/log", server.dir);
	log_ = log_to_file(log_path);
	here = open_store(server.unix_path, error);
	cr_assert_not_null(here, "%s", error);
}

void
redis_host_teardown(void)
{
	store_close(&here);
	log_close(&log_);
	if (server.dir != NULL)
		redis_server_end(&server);
}

void
await(bool (*is_so)(void))
{
	const struct timespec nap = {0, 5000000};

	while (!is_so())
		nanosleep(&nap, NULL);
}

struct store_entry
entry_of(const char *domain, const char *id, int later_s)
{
	struct store_entry entry = sync_entry(domain, id, policy);

	entry.fetched_s += later_s;
	return entry;
}

void
expect_id_in(struct store *store, const char *domain, const char *id,
    const char *what)
{
	struct got got;

	sync_get(store, domain, &got);
	cr_expect_eq(got.err, 0, "%s: %d", what, got.err);
	cr_expect_str_eq(got.id, id, "%s: %s", what, got.id);
}

void
expect_id(const char *domain, const char *id, const char *what)
{
	expect_id_in(here, domain, id, what);
}
