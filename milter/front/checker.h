/*
 * GET /check?domain=...: asks the daemon's own engine about a domain, past its
 * verdict cache, and answers with the evidence.
 *
 * One question at a time and a pause between two: whoever can open the page
 * can have DNS and policy hosts asked, and must not be able to do so at will.
 *
 * On the HTTP server's loop.
 */
#ifndef FRONT_CHECKER_H
#define FRONT_CHECKER_H

#include "front/http.h"

struct checker;
struct engine;
struct snapshots;

#define CHECKER_PAUSE_MS 250 /* from one question to the next */
#define CHECKER_WAIT_MS  20000

/* All borrowed. NULL: no memory. */
struct checker *checker_new(struct engine *engine, struct loop *loop,
    struct snapshots *snapshots);
/* After the engine was freed, and the loop has stopped. NULL inside is fine. */
void checker_free(struct checker **checker);

void checker_handle(struct checker *checker, const struct http_request *request,
    struct http_client *client);

#endif
