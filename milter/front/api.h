/*
 * GET /api/v1/domain/NAME: for MTAs and scripts that do not speak the socketmap
 * protocol. NAME is a next hop as a map gets it; the answer is a JSON object
 * with facts and verdict as `dane-sts check --json` has them, and the answer at
 * delivery as "tls". Like the maps it comes from the verdict cache where that
 * has it, within the time of the option deadline.
 *
 * Bounded: API_UNDER_WAY questions at a time, and what a page of another site
 * makes a browser ask is refused: a stranger must not have DNS and policy hosts
 * asked at will.
 *
 * On the HTTP server's loop.
 */
#ifndef FRONT_API_H
#define FRONT_API_H

#include "front/http.h"

struct api;
struct engine;
struct snapshots;

#define API_UNDER_WAY 16
#define API_TYPE      "application/json"

#define API_OTHER_SITE "a page of another site asks"

/* All borrowed. NULL: no memory. */
struct api *
api_new(struct engine *engine, struct loop *loop, struct snapshots *snapshots);
/* After the engine was freed, and the loop has stopped. NULL inside is fine. */
void api_free(struct api **api);

/* name: what follows the prefix, percent-encoded. */
void api_domain(struct api *api, const struct http_request *request,
    const struct http_text *name, struct http_client *client);

/* {"error": words}. words: no quotes, no line ends. */
void api_error(struct http_client *client, unsigned status, const char *words);

/* Answers with text, a line without its end, or with an error if it is NULL.
 * Frees it. */
void api_answer(struct http_client *client, char *text);

#endif
