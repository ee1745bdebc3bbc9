/*
 * The server of the option metrics: numbers for Prometheus and a status page.
 * Read-only; there is no way to change anything from here.
 *
 *	/metrics	see front/metrics.h
 *	/healthz	200 "ok", or 503 and what is wrong
 *	/		the status page
 *	/check		see front/web_domain.h
 *	/api/v1/domain/NAME	likewise
 *	/api/v1/status	what `dane-sts status --json` prints
 */
#ifndef FRONT_WEB_H
#define FRONT_WEB_H

#include "config/config.h"
#include "front/control.h"
#include "front/listen.h"

struct deferrals;
struct stats_sampler;
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

#endif
