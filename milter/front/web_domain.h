/*
 * The pages of the HTTP server about one domain.
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
 * A stranger must not have DNS and policy hosts asked at will: questions are
 * bounded (for pages, one at a time with a pause between two), and a request
 * that a page of another site sends is refused.
 *
 * On the HTTP server's thread.
 */
#ifndef FRONT_WEB_DOMAIN_H
#define FRONT_WEB_DOMAIN_H

#include "front/http.h"

struct engine;
struct snapshots;
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
