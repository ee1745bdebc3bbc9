/*
 * The control socket: what dane-sts(1) asks the daemon. Unix stream; JSON, one
 * object a line, ASCII only. A client sends one request after the other; each
 * is answered by zero or more objects and then {"done":true,...} or
 * {"error":"what is wrong, for people"}.
 *
 *	{"command":"status"}
 *		one object, see control_status.c
 *	{"command":"reload"}
 *		the configuration is loaded anew; {"restart":"socket, user"}
 *		if options changed that only a restart changes
 *	{"command":"cache export"}	with "domain": of that one alone
 *		stored policies, see store/store_json.h
 *	{"command":"cache purge","domain":"example.org"}
 *		{"purged":true} if there was one
 *	{"command":"cache import"}
 *		the client goes on with policies as they were exported, and
 *		ends with {"end":true}. {"line":2,"error":"..."} for each that
 *		is not taken, the first line being 1; then {"done":true,
 *		"imported":5,"kept":3,"bad":1}. Kept are those of which a later
 *		fetch is stored.
 *	{"command":"cache warm"}
 *		the client goes on with {"domain":"example.org"}, ..., and ends
 *		with {"end":true}. For each, in any order, {"domain":...,
 *		"policy":"none|testing|enforce|unknown","dnssec":true,
 *		"verdict":"pass","reason":"secure"}, or "error"
 *
 * The permissions of the socket decide who may connect: its owner, its group
 * (that of the user) and root. Changes are logged with the client's user
 * id. Requests, clients and silence are bounded: a client that does not read,
 * or says nothing, is left alone after CONTROL_PATIENCE_MS.
 */
#ifndef FRONT_CONTROL_H
#define FRONT_CONTROL_H

#include "base/name.h"
#include "config/config.h"

struct control;
struct engine;
struct log;
struct metrics;
struct snapshots;
struct store;
struct tls_counters;

#define CONTROL_ERROR_SIZE  1024
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_REQUEST_MAX                               \
	65536 /* octets of a line; policies may be longer \
	       */
#define CONTROL_PATIENCE_MS  60000
#define CONTROL_PASS_MAX_MS  600000 /* for all policies to be exported */
#define CONTROL_WARM_AT_ONCE 32

/* All borrowed; must outlive the control. */
struct control_parts {
	struct snapshots *snapshots;
	struct engine *engine;
	struct store *store;
	struct metrics *metrics;
	const struct tls_counters *tls; /* NULL: there is no policy_socket */
	struct log *log;
	/* 0 with *error naming the options that need a restart, or a negative
	 * error with *error filled in. */
	int (*reload)(void *arg, char error[CONFIG_ERROR_SIZE]);
	void *reload_arg;
	int64_t started_s;
	bool sandboxed;
	int patience_ms; /* 0: CONTROL_PATIENCE_MS */
};

/*
 * Before privileges are dropped: makes the socket, and the directory that it
 * stands in when started as root. 0 with *fd, or ERR_IO with *error saying
 * what to do. A socket on which nobody listens is replaced.
 */
int control_listen(const struct config *config, int *fd,
    char error[CONTROL_ERROR_SIZE]);

/* The stored policies, as the status shows them. */
struct control_policies {
	bool unknown; /* not looked at yet */
	int err;      /* of the store; nothing else counts then */
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

/* Takes fd over. NULL: no memory or no thread; then fd is closed. */
struct control *control_new(int fd, const struct control_parts *parts);

/* Before the engine and the store: clients are cut off, what was begun for
 * them is finished or given up. */
void control_free(struct control **control);

/* The socket's file, unless somebody else listens on it by now. */
void control_remove(const struct config *config);

#endif
