/*
 * One client of the control socket, for the commands. Each client has a thread
 * of its own, which may block: in the store, on the client, until the stop.
 */
#ifndef FRONT_CONTROL_CLIENT_H
#define FRONT_CONTROL_CLIENT_H

#include <jansson.h>
#include <sys/types.h>

#include "base/line.h"
#include "front/control.h"

struct control_client {
	const struct control_parts *parts;
	struct line_io io;
	const json_t *request;
	uid_t uid;
	pid_t pid;
};

/* Each: 0, or a negative error after which the client is to be dropped. */

/* Takes the object; NULL is ERR_NOMEM. */
int client_send(struct control_client *client, json_t *object);
/* The end of an answer. */
int client_done(struct control_client *client);
int client_error(struct control_client *client, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The request's "domain", canonical; false: there is none that is a domain. */
bool client_domain(const json_t *object, char domain[NAME_SIZE]);

/*
 * The next line of the answer. 0 with *object (free it) or, where a line is no
 * object, with NULL; ERR_NOTFOUND at {"end":true}.
 */
int client_next(struct control_client *client, json_t **object);

/* A line in the log about what the client changed. */
void client_log(const struct control_client *client, const char *command,
    const char *domain, int64_t count);

int control_status(struct control_client *client);
int control_reload(struct control_client *client);
int control_export(struct control_client *client);
int control_purge(struct control_client *client);
int control_import(struct control_client *client);
int control_warm(struct control_client *client);

#endif
