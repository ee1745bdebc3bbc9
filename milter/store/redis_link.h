/*
 * A link to a Redis or Valkey server: where the server is, who we are to it,
 * and commands and replies over TCP, TLS or a unix socket.
 *
 * hiredis forms the commands and parses the replies. Connecting and waiting are
 * ours: every call ends by an absolute deadline, while hiredis bounds a single
 * read at most, looks up names without a bound, and before version 1.0 (Debian
 * 12 has 0.14) knows no TLS.
 *
 * One thread at a time for a link or a resolver; the rest: any thread. The
 * process ignores or blocks SIGPIPE.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "store/store.h"

/* --- where: redis_address.c ----------------------------------------------- */

#define REDIS_PATH_SIZE   108 /* of struct sockaddr_un */
#define REDIS_PORT_SIZE   6
#define REDIS_DB_MAX      9999
#define REDIS_HOSTS_MAX   8
#define REDIS_MASTER_SIZE 64

struct redis_host {
	char name[NAME_SIZE]; /* or an address */
	char port[REDIS_PORT_SIZE];
};

struct redis_address {
	bool tls;
	char path[REDIS_PATH_SIZE]; /* of a unix socket; "": TCP */
	struct redis_host host[REDIS_HOSTS_MAX];
	size_t n_hosts;                 /* 1, or the sentinels */
	char master[REDIS_MASTER_SIZE]; /* as the sentinels know it; "": none */
	unsigned db;
};

/*
 *	redis://HOST[:PORT][/DB]	rediss: over TLS
 *	redis+unix:PATH[?db=DB]
 *	redis+sentinel://HOST[:PORT][,HOST[:PORT]]../MASTER[/DB]
 *					rediss+sentinel: over TLS
 *
 * 0, or ERR_CONFIG with *error filled in.
 */
int redis_address_parse(const char *spec, struct redis_address *out,
    char error[STORE_ERROR_SIZE]);

/* --- who: redis_address.c ------------------------------------------------- */

#define REDIS_WHY_SIZE 400

struct redis_auth {
	char user[256];
	char password[1024]; /* "": none is sent */
	char sentinel_user[256];
	char sentinel_password[1024];
	char certificate[PATH_MAX];
	char key[PATH_MAX];
};

/*
 * Reads the file of store_auth_file. It has one item a line; blank lines and
 * lines that begin with # are skipped:
 *
 *	user NAME			left out: the server's default user
 *	password SECRET
 *	sentinel_user NAME		the same for the sentinels
 *	sentinel_password SECRET
 *	certificate FILE		of our own, PEM, over TLS
 *	key FILE			of that certificate
 *
 * path NULL or "": nothing is sent. 0, or ERR_CONFIG with *why filled in, also
 * if others could read the file.
 */
int redis_auth_read(const char *path, struct redis_auth *out,
    char why[REDIS_WHY_SIZE]);

/* --- connections: redis_connect.c ----------------------------------------- */

struct redis_query;
struct ssl_st;

/* The system's resolver knows no deadline, so that it runs on a thread of
 * glibc's; the next call waits for an answer that did not come in time. Zero:
 * no query is running. */
struct redis_resolver {
	struct redis_query *running;
	size_t sentinel; /* the one that answered last */
};
/* Does not wait. */
void redis_resolver_clear(struct redis_resolver *resolver);

/* 0; ERR_BUSY: the deadline has passed; ERR_IO. events: of poll(2). */
int redis_wait(int fd, short events, uint64_t deadline_ms);

/*
 * Connects to path, or if that is "" to host. 0 with *fd, and *ssl unless that
 * is NULL; ERR_BUSY: not in time; ERR_IO: not there; ERR_CONFIG: TLS says no.
 * *why is filled in.
 */
int redis_connect(const struct redis_host *host, const char *path,
    const char *ca, const struct redis_auth *auth,
    struct redis_resolver *resolver, uint64_t deadline_ms, int *fd,
    struct ssl_st **ssl, char why[REDIS_WHY_SIZE]);

/* --- commands and replies: redis_link.c ----------------------------------- */

struct redisReader;
struct redisReply;

struct redis_link {
	int fd;
	struct ssl_st *ssl; /* NULL: plain */
	struct redisReader *reader;
	char *out; /* commands that wait to be sent */
	size_t out_len;
	size_t out_room;
	size_t fed;      /* octets since the last whole reply */
	bool subscribed; /* set by store_redis_watch.c */
};

struct redis_word {
	const void *data;
	size_t len;
};

#define REDIS_WORD(text) ((struct redis_word){(text), strlen(text)})

void redis_link_free(struct redis_link **link);

/* Commands are gathered and go out together with the first wait for a reply, so
 * that any number of them costs one round trip. 0 or ERR_NOMEM. */
int redis_link_command(struct redis_link *link, size_t n,
    const struct redis_word *words);

/*
 * The next reply, for freeReplyObject. 0; ERR_BUSY: not in time; ERR_IO,
 * ERR_NOMEM. After an error the link is of no use any more, but for ERR_BUSY if
 * no command has been sent.
 */
int redis_link_reply(struct redis_link *link, uint64_t deadline_ms,
    struct redisReply **out);

/* A command and its reply. */
int redis_link_ask(struct redis_link *link, uint64_t deadline_ms, size_t n,
    const struct redis_word *words, struct redisReply **reply);

/* The error code for an error reply; 0: it is no error reply. */
int redis_reply_error(const struct redisReply *reply);
/* Explains an error reply to a postmaster, and quotes the server. */
void
redis_reply_words(const struct redisReply *reply, char out[REDIS_WHY_SIZE]);

/* The clock of the server, from its answer to TIME: ms ahead of
 * clock_mono_ms(), so that a step of this host's wall clock changes nothing. */
#define REDIS_TIME_UNKNOWN INT64_MIN
void redis_take_time(const struct redisReply *reply, _Atomic int64_t *ahead_ms);

/* --- logging in: redis_link.c --------------------------------------------- */

#define REDIS_FORMAT_KEY "dane-sts:format"
#define REDIS_FORMAT     "1"

struct redis_login {
	struct redis_address address;
	const char *auth_file; /* read anew each time: passwords change */
	const char *ca;
	bool read_only;  /* says nothing of its format to a new database */
	bool must_be_up; /* an outage at the start is an error */
	_Atomic int64_t *ahead_ms; /* set from its TIME; may be NULL */
};

/*
 * A link that is connected and logged in, in its database, whose format is
 * ours; if the address has sentinels, to the server that they call the master.
 * 0; ERR_BUSY: not in time; ERR_IO: not there, or not ready; ERR_CONFIG,
 * ERR_VERSION: trying again does not help until somebody changes something.
 * *why is filled in.
 */
int
redis_login(const struct redis_login *login, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_link **out, char why[REDIS_WHY_SIZE]);

#endif
