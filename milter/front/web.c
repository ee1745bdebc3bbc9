/* The paths of the option metrics: reads the state of the daemon for each and
 * answers. page.c and metrics.c write the output, web_domain.c has the paths
 * about one domain, http.c the server. */
#include "autoconf.h"

#include "front/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/snapshot.h"
#include "log/log.h"
#include "log/metrics.h"
#include "store/store.h"
#include "text/html.h"

struct web {
	struct web_parts parts;
	struct http *http;
	struct web_domain *domain;
};

/* --- /metrics --- */

static void
write_metrics(struct web *web, FILE *out, const struct stats_view *stats)
{
	struct snapshot *snapshot =
	    snapshot_acquire(web->parts.daemon.snapshots);
	const struct domain_list *pins = &snapshot->config->pins;
	const int64_t now_s = clock_wall_s();
	struct engine_status status;
	const struct metrics_view view = {
	    .metrics = web->parts.daemon.metrics,
	    .engine = &status,
	    .tls = web->parts.daemon.tls,
	    .census = stats->has_census ? &stats->census : NULL,
	    .version = PACKAGE_VERSION,
	    .enforced = config_enforced(snapshot->config),
	    .pins =
		pins->n - domain_list_count(pins, DOMAIN_ENTRY_LAPSED, now_s),
	    .pins_lapsing = domain_list_count(pins, DOMAIN_ENTRY_LAPSES, now_s),
	    .started_s = web->parts.daemon.started_s,
	    .stored = store_count(web->parts.daemon.store),
	    .unwritten = store_status(web->parts.daemon.store).unwritten,
	};

	snapshot_release(&snapshot);
	engine_status(web->parts.daemon.engine, &status);
	metrics_write(out, &view);
}

static void
show_metrics(struct web *web, struct http_request *request)
{
	struct stats_view *stats = malloc(sizeof(*stats));
	char *text = NULL;
	size_t len = 0;
	FILE *out = NULL;

	if (stats != NULL)
		out = open_memstream(&text, &len);
	if (out != NULL) {
		stats_sampler_view(web->parts.sampler, stats);
		write_metrics(web, out, stats);
		(void)fclose(out);
	}
	http_answer(request, 200, METRICS_TYPE, text, len);
	free(stats);
}

/* --- /healthz --- */

/* C-16: false while a policy is in memory only, even if the latest write
 * succeeded; true once all are written, even if a write failed before. */
static bool
store_takes_all(const struct web *web)
{
	const struct store_status status =
	    store_status(web->parts.daemon.store);

	if (status.holds_unwritten)
		return status.unwritten == 0;
	return !metrics_store_fails(web->parts.daemon.metrics,
	    METRICS_STORE_WRITE);
}

static void
show_health(struct web *web, struct http_request *request)
{
	struct engine_status status;
	const char *problem = NULL;

	stats_sampler_want(web->parts.sampler);
	engine_status(web->parts.daemon.engine, &status);
	if (status.resolver == PROBE_BROKEN)
		problem = "the resolver path does not validate\n";
	else if (store_status(web->parts.daemon.store).unreachable)
		problem = "the policy store cannot be reached\n";
	else if (metrics_store_fails(web->parts.daemon.metrics,
		     METRICS_STORE_READ))
		problem = "the policy store cannot be read\n";
	else if (!store_takes_all(web))
		problem = "the policy store cannot be written\n";
	http_answer_text(request, problem == NULL ? 200 : 503,
	    problem == NULL ? "ok\n" : problem);
}

/* --- / --- */

static void
fill_in(struct web *web, const struct config *config, struct page_view *view)
{
	const struct store_status store = store_status(web->parts.daemon.store);

	view->version = PACKAGE_VERSION;
	view->config = config;
	view->enforced = config_enforced(config);
	view->now_s = clock_wall_s();
	view->started_s = web->parts.daemon.started_s;
	view->stored = store_count(web->parts.daemon.store);
	view->unwritten = store.unwritten;
	view->store_reads = !metrics_store_fails(web->parts.daemon.metrics,
				METRICS_STORE_READ) &&
	    !store.unreachable;
	view->store_writes = store_takes_all(web);
	engine_status(web->parts.daemon.engine, &view->engine);
	stats_sampler_view(web->parts.sampler, &view->stats);
	view->n_deferrals =
	    deferrals_copy(web->parts.deferrals, view->deferrals);
}

static void
show_page(struct web *web, struct http_request *request)
{
	struct page_view *view = malloc(sizeof(*view));
	char *text = NULL;
	size_t len = 0;
	FILE *out = NULL;

	if (view != NULL)
		out = open_memstream(&text, &len);
	if (out != NULL) {
		struct snapshot *snapshot =
		    snapshot_acquire(web->parts.daemon.snapshots);

		fill_in(web, snapshot->config, view);
		page_write(out, view);
		snapshot_release(&snapshot);
		(void)fclose(out);
	}
	http_answer(request, 200, HTML_TYPE, text, len);
	free(view);
}

/* --- /api/v1 --- */

/* Takes the numbers of the latest walk through the store. */
static void
sum_up(const struct stats_view *stats, struct control_policies *out)
{
	const struct census *census = &stats->census;

	*out = (struct control_policies){
	    .now_s = clock_wall_s(),
	    .total = (int64_t)census->live,
	    .bound = (int64_t)census->binding,
	    .failing = (int64_t)census->live_failing,
	};
	if (!stats->has_census)
		out->err = stats->census_err;
	out->unknown = !stats->has_census;
	if (census->live == 0)
		return;
	out->left_s = census->next_expires_s - out->now_s;
	memcpy(out->domain, census->next_domain, sizeof(out->domain));
}

static void
show_status(struct web *web, struct http_request *request)
{
	struct stats_view *stats;
	struct control_policies policies;
	char *text = NULL;

	if (request->other_site) {
		web_error(request, 403, "a page of another site asks");
		return;
	}
	stats = malloc(sizeof(*stats));
	if (stats != NULL) {
		stats_sampler_view(web->parts.sampler, stats);
		sum_up(stats, &policies);
		text = control_status_line(&web->parts.daemon, &policies);
	}
	web_answer_json(request, text);
	free(stats);
}

/* --- all of them --- */

#define API_DOMAIN "/api/v1/domain/"

static const struct {
	const char *path;
	void (*show)(struct web *web, struct http_request *request);
} routes[] = {
    {"/",	      show_page   },
    {"/metrics",       show_metrics},
    {"/healthz",       show_health },
    {"/api/v1/status", show_status },
};

static void
handle(void *arg, struct http_request *request)
{
	const char *path = request->path;
	struct web *web = arg;

	if (strncmp(path, API_DOMAIN, strlen(API_DOMAIN)) == 0) {
		web_domain_json(web->domain, request,
		    path + strlen(API_DOMAIN));
		return;
	}
	if (strcmp(path, "/check") == 0) {
		web_domain_check(web->domain, request);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		routes[i].show(web, request);
		return;
	}
	http_answer_text(request, 404, "no such page\n");
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
	web->domain =
	    web_domain_new(parts->daemon.engine, parts->daemon.snapshots);
	if (web->domain == NULL)
		return ERR_NOMEM;
	if (!http_bound(web->http).local)
		log_msg(parts->daemon.log, LOG_LEVEL_WARNING, "metrics",
		    "METRICS AND STATUS PAGE ARE OPEN TO THE NETWORK: whoever "
		    "reaches this address reads who writes to whom, and can "
		    "have domains looked up");
	return http_start(web->http, handle, web);
}

void
web_stop(struct web *web)
{
	if (web == NULL)
		return;
	http_stop(web->http);
}

void
web_free(struct web **web)
{
	if (*web == NULL)
		return;
	http_free(&(*web)->http);
	web_domain_free(&(*web)->domain);
	free(*web);
	*web = NULL;
}
