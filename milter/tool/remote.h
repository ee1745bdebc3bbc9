/*
 * The daemon at the other end of its control socket (front/control.h has the
 * protocol).
 *
 * What fails is said on stderr. Single-threaded.
 */
#ifndef TOOL_REMOTE_H
#define TOOL_REMOTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct config;
struct remote;

/*
 * NULL: *absent tells whether that is because no daemon runs (nothing was said
 * yet, see remote_absent), else it was said why.
 */
struct remote *remote_open(const struct config *config, bool *absent);
void remote_close(struct remote **remote);

/* Says that no daemon runs, and how one is started. TOOL_UNAVAILABLE. */
int remote_absent(const struct config *config);

/* One object of an answer, with its line. Return false to stop. */
typedef bool
remote_object_fn(void *arg, const json_t *object, const char *line);

/* Where what comes while something is sent goes, too. fn NULL: nowhere. */
void remote_on_object(struct remote *remote, remote_object_fn *fn, void *arg);

/* Takes the object; NULL (no memory) is an error. TOOL_OK or the status. */
int remote_send(struct remote *remote, json_t *object);
int remote_send_line(struct remote *remote, const char *line, size_t len);

/*
 * The rest of an answer. TOOL_OK with *done (may be NULL), the object at its
 * end; TOOL_NO: the daemon said why not; or another status.
 */
int remote_finish(struct remote *remote, json_t **done);

#endif
