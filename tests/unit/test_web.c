/*
 * front/web: /api/v1/status tells what the latest walk through the store has
 * counted. HTTP server, sampler, clock and engine are the test's own.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "engine/ask.h"
#include "front/web.h"
#include "log/metrics.h"
#include "store/store.h"

#define NOW_S INT64_C(1764000000)

/* --- what is played ------------------------------------------------------- */

static struct stats_view sampled;
static http_handler_fn *handler;
static void *handler_arg;
static unsigned answer_status;
static char *answer_body;

int64_t
clock_wall_ms(void)
{
	return NOW_S * 1000;
}

uint64_t
clock_mono_us(void)
{
	return 1000000;
}

void
stats_sampler_view(struct stats_sampler *sampler, struct stats_view *out)
{
	(void)sampler;
	*out = sampled;
}

void
stats_sampler_want(struct stats_sampler *sampler)
{
	(void)sampler;
}

void
engine_status(struct engine *engine, struct engine_status *out)
{
	(void)engine;
	*out = (struct engine_status){.resolver = PROBE_OK};
}

const char *
probe_state_name(enum probe_state state)
{
	return state == PROBE_OK ? "ok" : "other";
}

void
engine_forget(struct engine *engine, const char *domain)
{
	(void)engine;
	(void)domain;
}

const struct answer *
answer_ref(const struct answer *answer)
{
	return answer;
}

void
answer_unref(const struct answer **answer)
{
	*answer = NULL;
}

void
ask(struct engine *engine, const struct ask_options *options)
{
	(void)engine;
	(void)options;
	cr_assert_fail("the engine was asked");
}

int
http_listen(const char *address, const struct config *config, struct http **out,
    char error[LISTEN_ERROR_SIZE])
{
	(void)address;
	(void)config;
	(void)error;
	*out = NULL;
	return 0;
}

struct http_bound
http_bound(const struct http *http)
{
	(void)http;
	return (struct http_bound){.local = true};
}

int
http_start(struct http *http, http_handler_fn *given, void *arg)
{
	(void)http;
	handler = given;
	handler_arg = arg;
	return 0;
}

void
http_stop(struct http *http)
{
	(void)http;
}

void
http_free(struct http **http)
{
	*http = NULL;
}

const char *
http_query(const struct http_request *request, const char *name)
{
	(void)request;
	(void)name;
	return NULL;
}

void
http_resume(struct http_request *request, http_handler_fn *next, void *arg)
{
	next(arg, request);
}

void
http_answer(struct http_request *request, unsigned status, const char *type,
    char *body, size_t len)
{
	(void)request;
	(void)type;
	free(answer_body);
	answer_status = status;
	answer_body = body != NULL ? strndup(body, len) : NULL;
	free(body);
}

void
http_answer_text(struct http_request *request, unsigned status,
    const char *text)
{
	http_answer(request, status, "", strdup(text), strlen(text));
}

/* --- around each test ----------------------------------------------------- */

static struct metrics *metrics;
static struct snapshots *snapshots;
static struct store *store;
static struct web *web;

static void
set_up(void)
{
	char path[] = "/tmp/test_web.XXXXXX";
	char error[CONFIG_ERROR_SIZE];
	char store_error[STORE_ERROR_SIZE];
	char listen_error[LISTEN_ERROR_SIZE];
	struct web_parts parts = {.daemon.started_s = NOW_S};
	struct config *config;
	FILE *file = fdopen(mkstemp(path), "w");

	cr_assert_not_null(file);
	fputs("user = \"\"\nmetrics = \"127.0.0.1:1\"\n", file);
	fclose(file);
	config = config_load(path, error);
	unlink(path);
	cr_assert_not_null(config, "%s", error);
	store =
	    store_open(&(struct store_options){.spec = "memory:"}, store_error);
	cr_assert_not_null(store, "%s", store_error);
	metrics = metrics_new();
	cr_assert_eq(web_listen(config, &web, listen_error), 0);
	snapshots = snapshots_new(snapshot_new(config));
	parts.daemon.snapshots = snapshots;
	parts.daemon.store = store;
	parts.daemon.metrics = metrics;
	cr_assert_eq(web_start(web, &parts), 0);
}

static void
tear_down(void)
{
	web_stop(web);
	web_free(&web);
	snapshots_free(&snapshots);
	store_close(&store);
	metrics_free(&metrics);
	free(answer_body);
}

TestSuite(web, .init = set_up, .fini = tear_down, .timeout = 60);

/* The policies of /api/v1/status as JSON text. */
static void
expect_policies(const char *want)
{
	struct http_request request = {.path = "/api/v1/status"};
	json_t *status;
	char *got;

	handler(handler_arg, &request);
	cr_assert_eq(answer_status, 200);
	status = json_loads(answer_body, 0, NULL);
	cr_assert_not_null(status, "%s", answer_body);
	got = json_dumps(json_object_get(status, "policies"),
	    JSON_COMPACT | JSON_ENCODE_ANY);
	cr_assert_not_null(got, "%s", answer_body);
	cr_expect_str_eq(got, want);
	free(got);
	json_decref(status);
}

/* --- the tests ------------------------------------------------------------ */

Test(web, status_has_the_numbers_of_the_latest_walk)
{
	sampled.has_census = true;
	sampled.census = (struct census){
	    .now_s = NOW_S - 30, /* the walk was a while ago */
	    .live = 7,
	    .live_failing = 3,
	    .next_expires_s = NOW_S + 5000,
	    .next_domain = "next.example",
	    .binding = 4,
	    .failing = 1,
	    .failing_expires_s = NOW_S + 9000,
	};
	expect_policies("{\"total\":7,\"bound\":4,\"failing\":3,"
			"\"unwritten\":0,\"down\":false,\"next_expiry\":"
			"{\"domain\":\"next.example\",\"left\":5000}}");
}

Test(web, status_names_no_next_expiry_of_an_empty_store)
{
	sampled.has_census = true;
	sampled.census.now_s = NOW_S - 30;
	expect_policies("{\"total\":0,\"bound\":0,\"failing\":0,"
			"\"unwritten\":0,\"down\":false}");
}

Test(web, status_is_unknown_until_the_store_was_walked_through)
{
	expect_policies("null");
}

Test(web, status_tells_why_the_store_could_not_be_walked_through)
{
	char want[128];

	sampled.census_err = ERR_IO;
	snprintf(want, sizeof(want), "{\"error\":\"%s\"}", err_text(ERR_IO));
	expect_policies(want);
}

/* The numbers are those of the walk before. */
Test(web, status_keeps_the_numbers_while_the_store_cannot_be_read)
{
	sampled.census_err = ERR_IO;
	sampled.has_census = true;
	sampled.census.live = 1;
	sampled.census.next_expires_s = NOW_S + 1;
	memcpy(sampled.census.next_domain, "a.example", sizeof("a.example"));
	expect_policies("{\"total\":1,\"bound\":0,\"failing\":0,"
			"\"unwritten\":0,\"down\":false,\"next_expiry\":"
			"{\"domain\":\"a.example\",\"left\":1}}");
}
