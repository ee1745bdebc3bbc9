#include "autoconf.h"

#include "front/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "engine/ask.h"
#include "engine/clock.h"
#include "engine/status.h"
#include "front/checker.h"
#include "front/html.h"
#include "front/http.h"
#include "front/metrics.h"
#include "front/minute.h"
#include "front/page.h"
#include "io/log.h"
#include "io/metrics.h"
#include "io/store.h"
#include "snapshot.h"

struct web {
	struct web_parts parts;
	struct metrics *metrics; /* the engine's */
	struct http *http;
	struct minute *minute;
	struct checker *checker;
};

typedef void web_fn(struct web *web, const struct http_request *request,
    struct http_client *client);

/* What the configuration in force says. */
struct settings {
	unsigned enforced; /* percent of all domains */
	size_t pins;       /* in force */
	size_t pins_lapsing;
};

static struct settings
look_at_config(const struct web *web)
{
	struct snapshot *snapshot = snapshot_acquire(web->parts.snapshots);
	const struct domain_list *pins = &snapshot->config->pins;
	const int64_t now_s = clock_wall_s();
	struct settings settings = {
	    .enforced = config_enforced(snapshot->config),
	    .pins =
		pins->n - domain_list_count(pins, DOMAIN_ENTRY_LAPSED, now_s),
	    .pins_lapsing = domain_list_count(pins, DOMAIN_ENTRY_LAPSES, now_s),
	};

	snapshot_release(&snapshot);
	return settings;
}

/* Ends what open_memstream(&text, &answer->len) began. */
static void
send_memory(struct http_client *client, struct http_answer *answer, FILE *out,
    char **text)
{
	if (out == NULL || fclose(out) != 0) {
		http_answer_text(client, 500, "out of memory\n");
	} else {
		answer->body = *text;
		http_answer(client, answer);
	}
	free(*text);
}

/* --- /metrics --- */

static void
write_metrics(struct web *web, FILE *out, const struct minute_view *minute)
{
	struct engine_status status;
	const struct settings settings = look_at_config(web);
	const struct metrics_view view = {
	    .metrics = web->metrics,
	    .engine = &status,
	    .tls = web->parts.tls,
	    .census = minute->has_census ? &minute->census : NULL,
	    .version = PACKAGE_VERSION,
	    .enforced = settings.enforced,
	    .pins = settings.pins,
	    .pins_lapsing = settings.pins_lapsing,
	    .started_s = web->parts.started_s,
	    .stored = store_count(web->parts.store),
	    .unwritten = store_count_unwritten(web->parts.store),
	};

	engine_status(web->parts.engine, &status);
	metrics_write(out, &view);
}

static void
show_metrics(struct web *web, const struct http_request *request,
    struct http_client *client)
{
	struct http_answer answer = {.status = 200, .type = METRICS_TYPE};
	struct minute_view *minute = malloc(sizeof(*minute));
	char *text = NULL;
	FILE *out = NULL;

	(void)request;
	if (minute != NULL) {
		minute_view(web->minute, minute);
		out = open_memstream(&text, &answer.len);
	}
	if (out != NULL)
		write_metrics(web, out, minute);
	send_memory(client, &answer, out, &text);
	free(minute);
}

/* --- /healthz --- */

/* C-16: while anything is in memory alone, it does not matter that the last
 * write went well; nor that it failed once all is written. */
static bool
store_takes_all(const struct web *web)
{
	if (store_holds_unwritten(web->parts.store))
		return store_count_unwritten(web->parts.store) == 0;
	return !metrics_store_fails(web->metrics, METRICS_STORE_WRITE);
}

static void
show_health(struct web *web, const struct http_request *request,
    struct http_client *client)
{
	struct engine_status status;

	(void)request;
	minute_want(web->minute);
	engine_status(web->parts.engine, &status);
	if (status.resolver == PROBE_BROKEN)
		http_answer_text(client, 503,
		    "the resolver path does not validate\n");
	else if (metrics_store_fails(web->metrics, METRICS_STORE_READ))
		http_answer_text(client, 503,
		    "the policy store cannot be read\n");
	else if (!store_takes_all(web))
		http_answer_text(client, 503,
		    "the policy store cannot be written\n");
	else
		http_answer_text(client, 200, "ok\n");
}

/* --- / --- */

static void
fill_in(struct web *web, struct page_view *view)
{
	const struct settings settings = look_at_config(web);

	view->version = PACKAGE_VERSION;
	view->enforced = settings.enforced;
	view->pins = settings.pins;
	view->pins_lapsing = settings.pins_lapsing;
	view->now_s = clock_wall_s();
	view->started_s = web->parts.started_s;
	view->stored = store_count(web->parts.store);
	view->store_reads =
	    !metrics_store_fails(web->metrics, METRICS_STORE_READ);
	view->store_writes = store_takes_all(web);
	engine_status(web->parts.engine, &view->engine);
	minute_view(web->minute, &view->minute);
	view->n_refusals = refusals_copy(web->parts.refusals, view->refusals);
}

static void
show_page(struct web *web, const struct http_request *request,
    struct http_client *client)
{
	struct http_answer answer = {.status = 200,
	    .type = HTML_TYPE,
	    .fields = html_policy_field};
	struct page_view *view = malloc(sizeof(*view));
	char *text = NULL;
	FILE *out = NULL;

	(void)request;
	if (view != NULL) {
		fill_in(web, view);
		out = open_memstream(&text, &answer.len);
	}
	if (out != NULL)
		page_write(out, view);
	send_memory(client, &answer, out, &text);
	free(view);
}

/* --- all of them --- */

static void
check(struct web *web, const struct http_request *request,
    struct http_client *client)
{
	checker_handle(web->checker, request, client);
}

static const struct {
	const char *path;
	web_fn *show;
} routes[] = {
    {"/",        show_page   },
    {"/metrics", show_metrics},
    {"/healthz", show_health },
    {"/check",   check       },
};

static void
handle(void *arg, const struct http_request *request,
    struct http_client *client)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!http_text_is(&request->path, routes[i].path))
			continue;
		routes[i].show(arg, request, client);
		return;
	}
	http_answer_text(client, 404, "no such page\n");
}

/* --- life --- */

int
web_listen(const struct config *config, struct web **out,
    char error[LISTEN_ERROR_SIZE])
{
	struct web *web;
	int err;

	*out = NULL;
	if (config->metrics[0] == '\0')
		return 0;
	web = calloc(1, sizeof(*web));
	if (web == NULL) {
		(void)snprintf(error, LISTEN_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	err = http_listen(config->metrics, config, &web->http, error);
	if (err != 0)
		web_free(&web);
	*out = web;
	return err;
}

int
web_start(struct web *web, const struct web_parts *parts)
{
	if (web == NULL)
		return 0;
	web->parts = *parts;
	web->metrics = engine_metrics(parts->engine);
	web->minute = minute_new(parts->store, web->metrics);
	web->checker = checker_new(parts->engine, http_loop(web->http));
	if (web->minute == NULL || web->checker == NULL)
		return ERR_NOMEM;
	if (!http_is_local(web->http))
		log_msg(parts->log, LOG_LEVEL_WARNING, "metrics",
		    "METRICS AND STATUS PAGE ARE OPEN TO THE NETWORK: whoever "
		    "reaches this address reads who writes to whom, and can "
		    "have domains looked up");
	return http_start(web->http, parts->log, handle, web);
}

void
web_stop(struct web *web)
{
	if (web == NULL)
		return;
	http_stop(web->http);
	minute_free(&web->minute);
}

void
web_free(struct web **web)
{
	if (*web == NULL)
		return;
	minute_free(&(*web)->minute);
	http_free(&(*web)->http);
	checker_free(&(*web)->checker);
	free(*web);
	*web = NULL;
}
