/*
 * A real redis-server for a test: in a directory of its own, on a unix socket
 * and, if wanted, on a loopback port; keeps nothing on the disk, and goes with
 * the test.
 */
#ifndef UNIT_REDIS_SERVER_H
#define UNIT_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "store/store.h"

#define REDIS_SERVER_ARGS_MAX 16

struct redisReply;

struct redis_server {
	pid_t pid;       /* 0: it does not run */
	char *dir;       /* its own */
	char *unix_path; /* of a sentinel: its file */
	bool sentinel;
	unsigned port;                           /* on 127.0.0.1; 0: none */
	const char *args[REDIS_SERVER_ARGS_MAX]; /* more of them, then NULL */
};

/* Whether there is such a program. */
bool redis_server_is_installed(void);

/* A free port of 127.0.0.1. */
unsigned redis_server_free_port(void);

/* args: more options, ended by NULL; or NULL. Ready for connections. */
void redis_server_start(struct redis_server *server, unsigned port,
    const char *const *args);
/* A sentinel on port, of the master "mail" on master_port; two of three have to
 * agree that it is down. Down means half a second without an answer. */
void redis_server_start_sentinel(struct redis_server *server, unsigned port,
    unsigned master_port);
/* Once more in the same place, after redis_server_kill. */
void redis_server_restart(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
/* SIGSTOP, SIGCONT: it is there and does not answer. */
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);
/* Kills it and removes its directory. */
void redis_server_end(struct redis_server *server);

/*
 * A command past the store, as hiredis formats it; for freeReplyObject. An
 * error reply fails the test.
 */
struct redisReply *
redis_server_ask(const struct redis_server *server, const char *format, ...);
/* The same, of which only an integer matters. */
long long redis_server_ask_integer(const struct redis_server *server,
    const char *format, ...);
void
redis_server_tell(const struct redis_server *server, const char *format, ...);

/* "redis+unix:PATH" of it, opened; must succeed. */
struct store *redis_server_open(const struct redis_server *server);

#endif
