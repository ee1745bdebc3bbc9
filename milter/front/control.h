/*
 * The control socket, on which dane-sts(1) sends requests to the daemon. Unix
 * stream; JSON, one object a line, ASCII only. A client sends one request after
 * the other. The daemon answers each with zero or more objects and then
 * {"done":true,...} or {"error":"text for people"}.
 *
 *	{"command":"status"}
 *		one object, see control_status.c
 *	{"command":"reload"}
 *		loads the configuration anew; {"restart":"socket, user"} if
 *		options changed that only a restart changes
 *	{"command":"cache export"}	with "domain": that policy alone
 *		stored policies, see store/store_json.h
 *	{"command":"cache purge","domain":"example.org"}
 *		{"purged":true} if there was one
 *	{"command":"cache import"}
 *		the client goes on with policies as they were exported, and
 *		ends with {"end":true}. The answer is {"line":2,"error":"..."}
 *		for each policy that is refused, the first line being 1; then
 *		{"done":true,"imported":5,"kept":3,"bad":1}. "kept" counts the
 *		domains of which the store has a policy that was fetched later.
 *	{"command":"cache warm"}
 *		the client goes on with {"domain":"example.org"}, ..., and ends
 *		with {"end":true}. The answer has for each, in any order,
 *		{"domain":...,
 *		"policy":"none|testing|enforce|unknown","stored":true,
 *		"dnssec":true,"verdict":"pass","reason":"secure"}, or "error"
 *
 * The permissions of the socket let its owner, its group (that of the user) and
 * root connect. Changes are logged with the client's user id. The length of a
 * request and the number of clients are bounded, and a client that neither
 * reads nor writes for CONTROL_PATIENCE_MS is disconnected.
 */
#ifndef FRONT_CONTROL_H
#define FRONT_CONTROL_H

#include <sys/types.h>

#include "base/line.h"
#include "base/name.h"
#include "config/config.h"

struct control;
struct engine;
struct json_t;
struct log;
struct metrics;
struct reloader;
struct snapshots;
struct store;
struct tls_counters;

#define CONTROL_ERROR_SIZE  1024
#define CONTROL_CLIENTS_MAX 16
/* Octets of a line; policies may be longer. */
#define CONTROL_REQUEST_MAX  65536
#define CONTROL_PATIENCE_MS  60000
#define CONTROL_PASS_MAX_MS  600000 /* for all policies to be exported */
#define CONTROL_WARM_AT_ONCE 32

/* All borrowed; must outlive the control. */
struct control_parts {
	struct snapshots *snapshots;
	struct engine *engine;
	struct store *store;
	struct metrics *metrics;        /* the engine's */
	const struct tls_counters *tls; /* NULL: there is no policy_socket */
	struct log *log;
	/* 0 with *error naming the options that need a restart, or a negative
	 * error with *error filled in. */
	int (*reload)(struct reloader *reloader, char error[CONFIG_ERROR_SIZE]);
	struct reloader *reloader;
	int64_t started_s;
	bool sandboxed;
	int patience_ms; /* 0: CONTROL_PATIENCE_MS */
};

/*
 * Before privileges are dropped: makes the socket and, when started as root,
 * its directory. Replaces a socket on which nobody listens. 0 with *fd, or
 * ERR_IO with *error, which advises what to do.
 */
int control_listen(const struct config *config, int *fd,
    char error[CONTROL_ERROR_SIZE]);

/* The stored policies, as the status shows them. */
struct control_policies {
	bool unknown; /* not counted yet */
	int err;      /* of the store; if it is not 0, the rest is void */
	int64_t now_s;
	int64_t total;
	int64_t bound;
	int64_t failing;
	int64_t left_s; /* of the one that expires next */
	char domain[NAME_SIZE];
};

/* Any thread. The answer to {"command":"status"}, a line without its end.
 * NULL: no memory. Free with free(). */
char *control_status_line(const struct control_parts *parts,
    const struct control_policies *policies);

/* Takes fd. NULL: no memory or no thread; then fd is closed. */
struct control *control_new(int fd, const struct control_parts *parts);

/* Disconnects all clients; their requests are finished or given up. Call it
 * before the engine and the store are freed. */
void control_free(struct control **control);

/* Removes the socket's file, unless another process listens on it by now. */
void control_remove(const struct config *config);

/* --- between control.c and control_*.c: one client. Each has a thread of its
 * own, which may block: in the store, on the client, until the stop. --- */

struct control_client {
	const struct control_parts *parts;
	struct line_io io;
	const struct json_t *request;
	uid_t uid;
	pid_t pid;
};

/* All of the following return 0, or a negative error after which the client is
 * disconnected. */

/* Takes the object; NULL is ERR_NOMEM. */
int client_send(struct control_client *client, struct json_t *object);
/* Ends an answer with {"done":true}, unless err is not 0. Returns err or what
 * sending returns. */
int client_done(struct control_client *client, int err);
int client_error(struct control_client *client, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The request's "domain" in canonical form; false: it has none, or an invalid
 * one. */
bool client_domain(const struct json_t *object, char domain[NAME_SIZE]);

/*
 * Reads the next line that the client sends. 0 with *object (free it), which is
 * NULL if the line is not an object; ERR_NOTFOUND at {"end":true}.
 */
int client_next(struct control_client *client, struct json_t **object);

/* Logs a change by the client. domain NULL, count < 0: left out. */
void client_log(const struct control_client *client, const char *command,
    const char *domain, int64_t count);

int control_status(struct control_client *client);
int control_reload(struct control_client *client);
int control_export(struct control_client *client);
int control_purge(struct control_client *client);
int control_import(struct control_client *client);
int control_warm(struct control_client *client);

#endif
