/*
 * The daemon at the other end of its control socket (front/control.h has the
 * protocol).
 *
 * Failures are reported on stderr. Single-threaded.
 */
#ifndef TOOL_REMOTE_H
#define TOOL_REMOTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct config;
struct remote;

/*
 * NULL: the reason was reported, unless absent is not NULL and *absent tells
 * that no daemon runs.
 */
struct remote *remote_open(const struct config *config, bool *absent);
void remote_close(struct remote **remote);

/* One object of an answer, with its line. Return false to stop. */
typedef bool
remote_object_fn(void *arg, const json_t *object, const char *line);

/* fn gets every object, also those that arrive while a request is still being
 * sent. NULL: they are dropped. */
void remote_on_object(struct remote *remote, remote_object_fn *fn, void *arg);

/* Takes the object; NULL (no memory) is an error. TOOL_OK or the status. */
int remote_send(struct remote *remote, json_t *object);
int remote_send_line(struct remote *remote, const char *line, size_t len);

/*
 * The rest of an answer. TOOL_OK with *done (may be NULL), the object at its
 * end; TOOL_NO: the daemon refused, and its reason was reported; or another
 * status.
 */
int remote_finish(struct remote *remote, json_t **done);

/* Sends a request that is one object, and takes the answer. */
int remote_ask(struct remote *remote, json_t *request, remote_object_fn *fn,
    void *arg);

#endif
