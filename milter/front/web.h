/*
 * The server of the option metrics: numbers for Prometheus and a status page.
 * Read-only: no request changes anything.
 *
 *	/metrics	metrics.c
 *	/healthz	200 "ok", or 503 and the fault
 *	/		the status page
 *	/check		web_domain.c
 *	/api/v1/domain/NAME	likewise
 *	/api/v1/status	what `dane-sts status --json` prints
 */
#ifndef FRONT_WEB_H
#define FRONT_WEB_H

#include <stdio.h>

#include "config/config.h"
#include "engine/ask.h"
#include "front/control.h"
#include "front/http.h"
#include "front/listen.h"
#include "front/recipient.h"
#include "front/stats_sampler.h"

struct web;

/* All borrowed. The engine may be freed between web_stop() and web_free(), all
 * others must outlive it. */
struct web_parts {
	struct control_parts daemon; /* without reload */
	struct deferrals *deferrals;
	struct stats_sampler *sampler;
};

/*
 * Main thread, before privileges are dropped: binds the address of the option
 * metrics. *out stays NULL if there is none. 0, ERR_NOMEM or ERR_IO with *error
 * filled in.
 */
int web_listen(const struct config *config, struct web **out,
    char error[LISTEN_ERROR_SIZE]);

/* Serves from now on, on a thread of its own. parts is copied. 0 or ERR_NOMEM.
 * NULL is fine. */
int web_start(struct web *web, const struct web_parts *parts);

/* Returns when it no longer uses engine and store, except that a check may be
 * under way: it ends with the engine. NULL is fine. */
void web_stop(struct web *web);

/* After the engine was freed (or never was). NULL inside is fine. */
void web_free(struct web **web);

/* === between web.c and its pages === */

/* --- page.c: the status page and the page about one domain as HTML. Any
 * thread. --- */

struct page_view {
	const char *version;
	const struct config *config; /* in force */
	unsigned enforced;           /* percent of all domains */
	int64_t now_s;
	int64_t started_s;
	size_t stored;
	bool store_reads; /* the latest of each did not fail */
	bool store_writes;
	size_t unwritten; /* policies in memory alone */
	struct engine_status engine;
	struct stats_view stats;
	size_t n_deferrals;
	struct deferral deferrals[DEFERRALS_MAX];
};

void page_write(FILE *out, const struct page_view *view);

/* asked: as typed. tls: the answer at delivery to Postfix, of
 * tls_policy_text(). answer NULL: problem says why there is none; both NULL:
 * no domain was entered yet. */
void page_write_check(FILE *out, const char *asked, const struct answer *answer,
    const char *tls, const char *problem);

/* --- metrics.c: the numbers in the text format of Prometheus, version 0.0.4.
 * Labels have few values, all known beforehand: never a domain. Any thread.
 * --- */

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_view {
	const struct metrics *metrics;
	const struct engine_status *engine;
	const struct tls_counters *tls; /* NULL: there is no policy_socket */
	const struct census *census;    /* NULL: not known yet */
	const char *version;
	unsigned enforced; /* percent of all domains */
	size_t pins;       /* in force, T-14 */
	size_t pins_lapsing;
	int64_t started_s; /* wall clock */
	size_t stored;
	size_t unwritten; /* in memory alone */
};

void metrics_write(FILE *out, const struct metrics_view *view);

/*
 * --- web_domain.c ---
 *
 * GET /check?domain=NAME: a page with the evidence. Asks the engine past its
 * verdict cache.
 *
 * GET /api/v1/domain/NAME: for MTAs and scripts that do not speak the socketmap
 * protocol. NAME is a next hop as a map gets it; the answer is a JSON object
 * with facts and verdict as `dane-sts check --json` has them, and the answer at
 * delivery as "tls". Like the maps it comes from the verdict cache where that
 * has it, within the time of the option deadline.
 *
 * A stranger must not be able to trigger DNS lookups and policy fetches at
 * will: questions are bounded (for pages, one at a time with a pause between
 * two), and a request that a page of another site sends is refused.
 *
 * On the HTTP server's thread.
 */
struct web_domain;

#define WEB_DOMAIN_UNDER_WAY 16  /* of /api/v1/domain */
#define WEB_CHECK_PAUSE_MS   250 /* from one question of /check to the next */
#define WEB_CHECK_WAIT_MS    20000

#define WEB_TYPE_JSON "application/json"

/* All borrowed. NULL: no memory. */
struct web_domain *
web_domain_new(struct engine *engine, struct snapshots *snapshots);
/* After the engine was freed, so that all questions are answered, and the
 * server was stopped. NULL inside is fine. */
void web_domain_free(struct web_domain **domain);

void web_domain_check(struct web_domain *domain, struct http_request *request);
/* name: what follows the prefix in the path. */
void web_domain_json(struct web_domain *domain, struct http_request *request,
    const char *name);

/* {"error": words}. words: no quotes, no line ends. */
void
web_error(struct http_request *request, unsigned status, const char *words);
/* Answers with json, a line without its end, and frees it; NULL: there was no
 * memory for it. */
void web_answer_json(struct http_request *request, char *json);

#endif
