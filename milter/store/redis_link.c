/* Sends commands, reads replies, and logs in. */
#include "autoconf.h"

#include "store/redis_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store_backend.h"
#include "store/store_record.h"

#define READ_SIZE 16384
#define WORDS_MAX 16

/* Of one reply: a record, with room for what lies around it. */
#define REPLY_MAX (RECORD_BODY_MAX + 65536)

void
redis_link_free(struct redis_link **linkp)
{
	struct redis_link *link = *linkp;

	*linkp = NULL;
	if (link == NULL)
		return;
	SSL_free(link->ssl);
	if (link->fd != -1)
		close(link->fd);
	if (link->reader != NULL)
		redisReaderFree(link->reader);
	if (link->out != NULL)
		explicit_bzero(link->out, link->out_room); /* AUTH */
	free(link->out);
	free(link);
}

/* --- octets --------------------------------------------------------------- */

/* Sends or receives some octets, one at least. 0, ERR_BUSY or ERR_IO (also: the
 * other end has closed). */
static int
move(struct redis_link *link, bool out, void *data, size_t len,
    uint64_t deadline_ms, size_t *done)
{
	int err = 0;

	while (err == 0) {
		short events = out ? POLLOUT : POLLIN;
		ssize_t n = 0;
		int rc = 0;

		ERR_clear_error();
		if (link->ssl == NULL && out)
			n = send(link->fd, data, len, MSG_NOSIGNAL);
		else if (link->ssl == NULL)
			n = recv(link->fd, data, len, 0);
		else if (out)
			rc = SSL_write_ex(link->ssl, data, len, done);
		else
			rc = SSL_read_ex(link->ssl, data, len, done);
		if (n > 0)
			*done = (size_t)n;
		if (n > 0 || rc == 1)
			return 0;
		if (link->ssl != NULL) {
			rc = SSL_get_error(link->ssl, rc);
			if (rc != SSL_ERROR_WANT_READ &&
			    rc != SSL_ERROR_WANT_WRITE)
				return ERR_IO;
			events = rc == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return ERR_IO;
		}
		err = redis_wait(link->fd, events, deadline_ms);
	}
	return err;
}

/* --- commands ------------------------------------------------------------- */

int
redis_link_command(struct redis_link *link, size_t n,
    const struct redis_word *words)
{
	const char *data[WORDS_MAX];
	size_t lens[WORDS_MAX];
	char *command = NULL;
	char *more = link->out;
	long long len; /* an int before hiredis 1.0 */
	size_t need;

	if (n > WORDS_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < n; i++) {
		data[i] = words[i].data;
		lens[i] = words[i].len;
	}
	len = redisFormatCommandArgv(&command, (int)n, data, lens);
	if (len < 0)
		return ERR_NOMEM;
	need = link->out_len + (size_t)len;
	if (need > link->out_room) {
		need += need / 2;
		more = realloc(link->out, need);
	}
	if (more != NULL) {
		if (need > link->out_room)
			link->out_room = need;
		link->out = more;
		memcpy(link->out + link->out_len, command, (size_t)len);
		link->out_len += (size_t)len;
	}
	explicit_bzero(command, (size_t)len); /* AUTH */
	redisFreeCommand(command);
	return more != NULL ? 0 : ERR_NOMEM;
}

static int
flush(struct redis_link *link, uint64_t deadline_ms)
{
	size_t done;
	int err = 0;

	for (size_t at = 0; err == 0 && at < link->out_len; at += done) {
		done = 0;
		err = move(link, true, link->out + at, link->out_len - at,
		    deadline_ms, &done);
	}
	if (link->out_len > 0)
		explicit_bzero(link->out, link->out_len);
	link->out_len = 0;
	if (link->out_room > REPLY_MAX) {
		free(link->out);
		link->out = NULL;
		link->out_room = 0;
	}
	return err;
}

/* --- replies -------------------------------------------------------------- */

int
redis_link_reply(struct redis_link *link, uint64_t deadline_ms,
    struct redisReply **out)
{
	char octets[READ_SIZE];
	void *reply = NULL;
	size_t n;
	int err = flush(link, deadline_ms);

	*out = NULL;
	while (err == 0) {
		if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
			return ERR_IO;
		if (reply != NULL)
			break;
		err =
		    move(link, false, octets, sizeof(octets), deadline_ms, &n);
		if (err != 0)
			return err;
		link->fed += n;
		if (link->fed > REPLY_MAX)
			return ERR_IO;
		if (redisReaderFeed(link->reader, octets, n) != REDIS_OK)
			return ERR_NOMEM;
	}
	link->fed = 0;
	*out = reply;
	return err;
}

int
redis_link_ask(struct redis_link *link, uint64_t deadline_ms, size_t n,
    const struct redis_word *words, struct redisReply **reply)
{
	int err = redis_link_command(link, n, words);

	*reply = NULL;
	return err == 0 ? redis_link_reply(link, deadline_ms, reply) : err;
}

void
redis_take_time(const struct redisReply *reply, _Atomic int64_t *ahead_ms)
{
	int64_t s;
	int64_t us;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return;
	s = strtoll(reply->element[0]->str, NULL, 10);
	us = strtoll(reply->element[1]->str, NULL, 10);
	atomic_store(ahead_ms, s * 1000 + us / 1000 - (int64_t)clock_mono_ms());
}

/* --- error replies -------------------------------------------------------- */

/*
 * Searched anywhere in the reply, as Redis wraps the errors of commands in a
 * script with text of its own.
 */
/* clang-format off */
static const struct {
	const char *word;
	int err;
	const char *text; /* NULL: the server's own words say enough */
} errors[] = {
    {"OOM ", ERR_FULL,
	"its memory is full: raise its maxmemory, or give the policies a "
	"server of their own"},
    {"READONLY ", ERR_READONLY,
	"it is a replica, which takes no changes: name the master, or use "
	"redis+sentinel"},
    {"MISCONF ", ERR_READONLY,
	"it takes no changes as it cannot save them: look at its log and its "
	"disk"},
    {"NOREPLICAS ", ERR_READONLY,
	"it takes no changes as too few replicas are connected to it"},
    {"MASTERDOWN ", ERR_IO,
	"it is a replica that has lost its master, and does not answer until "
	"it has it again"},
    {"LOADING ", ERR_IO,
	"it has been started and still loads its data"},
    {"BUSY ", ERR_IO,
	"it is busy with another program's script: SCRIPT KILL ends that"},
    {"MOVED ", ERR_CONFIG,
	"it is part of a cluster, which is not supported"},
    {"CLUSTERDOWN ", ERR_CONFIG,
	"it is part of a cluster, which is not supported"},
    {"CROSSSLOT ", ERR_CONFIG,
	"it is part of a cluster, which is not supported"},
    {"NEWERVERSION", ERR_VERSION, NULL}, /* from our script */
    {"WRONGTYPE ", ERR_CORRUPT,
	"the key holds something that is none of ours; use another database"},
    {"NOAUTH ", ERR_CONFIG,
	"it asks for a password: put one into the store_auth_file"},
    {"NOPERM ", ERR_CONFIG,
	"its user may not do that: A STORE FOR MANY HOSTS in "
	"dane-sts-milter.conf(5) has the rights that are needed"},
    {"WRONGPASS ", ERR_CONFIG,
	"user or password of the store_auth_file are wrong"},
    {"invalid password", ERR_CONFIG,
	"the password of the store_auth_file is wrong"},
    {"AUTH <password> called", ERR_CONFIG,
	"it has no password, and the store_auth_file has one"},
    {"Client sent AUTH", ERR_CONFIG,
	"it has no password, and the store_auth_file has one"},
    {"wrong number of arguments for 'auth'", ERR_CONFIG,
	"it is too old to know users, and the store_auth_file has one"},
    {"DB index is out of range", ERR_CONFIG,
	"it has no database of that number"},
    {"unknown command", ERR_CONFIG,
	"it lacks a command: Redis 5, or Valkey, or later is needed"},
};
/* clang-format on */

static size_t
find_error(const struct redisReply *reply)
{
	size_t i = 0;

	while (i < sizeof(errors) / sizeof(errors[0]) &&
	    memmem(reply->str, (size_t)reply->len, errors[i].word,
		strlen(errors[i].word)) == NULL)
		i++;
	return i;
}

int
redis_reply_error(const struct redisReply *reply)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ERROR)
		return 0;
	i = find_error(reply);
	return i < sizeof(errors) / sizeof(errors[0]) ? errors[i].err : ERR_IO;
}

/* Copies the server's text for a log line: printable, and without the position
 * in the script. */
static void
quote(const struct redisReply *reply, char *out, size_t size)
{
	static const char script[] = " script: ";
	const char *end =
	    memmem(reply->str, (size_t)reply->len, script, strlen(script));
	size_t len =
	    end != NULL ? (size_t)(end - reply->str) : (size_t)reply->len;
	size_t n = 0;

	for (; n < len && n + 1 < size; n++)
		out[n] = reply->str[n] >= ' ' && reply->str[n] <= '~'
		    ? reply->str[n]
		    : '?';
	out[n] = '\0';
}

void
redis_reply_words(const struct redisReply *reply, char out[REDIS_WHY_SIZE])
{
	char text[160];
	size_t i = find_error(reply);

	quote(reply, text, sizeof(text));
	if (i < sizeof(errors) / sizeof(errors[0]) && errors[i].text != NULL)
		snprintf(out, REDIS_WHY_SIZE, "%s (%s)", errors[i].text, text);
	else
		snprintf(out, REDIS_WHY_SIZE, "%s", text);
}

/* --- logging in ----------------------------------------------------------- */

/* The state of a login. */
struct entry {
	const struct redis_login *login;
	struct redis_resolver *resolver;
	struct redis_auth auth;
	struct redis_link *link;
	uint64_t deadline_ms;
	char *why; /* REDIS_WHY_SIZE */
};

/* Sends a command. 0 with *out, which is no error reply; out NULL: the reply
 * does not matter. */
static int
ask(struct entry *e, const char *what, size_t n, const struct redis_word *words,
    struct redisReply **out)
{
	struct redisReply *reply;
	char text[REDIS_WHY_SIZE];
	int err = redis_link_ask(e->link, e->deadline_ms, n, words, &reply);
	bool answered = err == 0;

	if (out != NULL)
		*out = NULL;
	if (answered)
		err = redis_reply_error(reply);
	if (err != 0) {
		if (answered)
			redis_reply_words(reply, text);
		else
			snprintf(text, sizeof(text), "%s",
			    err == ERR_BUSY ? "no answer in time"
					    : "the connection was closed");
		snprintf(e->why, REDIS_WHY_SIZE, "%s: %.300s", what, text);
	} else if (out != NULL) {
		*out = reply;
		return 0;
	}
	freeReplyObject(reply);
	return err;
}

/* Connects to a server or a sentinel and sends the password. */
static int
open_link(struct entry *e, const struct redis_host *host, const char *user,
    const char *password)
{
	const struct redis_address *address = &e->login->address;
	struct redis_word words[3] = {REDIS_WORD("AUTH")};
	size_t n = 1;
	int err;

	e->link = calloc(1, sizeof(*e->link));
	if (e->link == NULL)
		return ERR_NOMEM;
	err = redis_connect(host, address->path, e->login->ca, &e->auth,
	    e->resolver, e->deadline_ms, &e->link->fd,
	    address->tls ? &e->link->ssl : NULL, e->why);
	if (err == 0) {
		e->link->reader = redisReaderCreate();
		err = e->link->reader == NULL ? ERR_NOMEM : 0;
	}
	if (err == 0 && password[0] != '\0') {
		if (user[0] != '\0')
			words[n++] = REDIS_WORD(user);
		words[n++] = REDIS_WORD(password);
		err = ask(e, "AUTH", n, words, NULL);
	}
	if (err != 0)
		redis_link_free(&e->link);
	return err;
}

static int
agree_on_format(struct entry *e)
{
	const struct redis_word set[] = {REDIS_WORD("SET"),
	    REDIS_WORD(REDIS_FORMAT_KEY), REDIS_WORD(REDIS_FORMAT),
	    REDIS_WORD("NX")};
	const struct redis_word get[] = {REDIS_WORD("GET"),
	    REDIS_WORD(REDIS_FORMAT_KEY)};
	struct redisReply *reply;
	char text[32] = "";
	int err = ask(e, "GET", 2, get, &reply);

	if (err != 0)
		return err;
	if (reply->type == REDIS_REPLY_STRING)
		quote(reply, text, sizeof(text));
	if (reply->type == REDIS_REPLY_NIL) {
		if (!e->login->read_only)
			err = ask(e, "SET", 4, set, NULL);
	} else if (reply->type != REDIS_REPLY_STRING) {
		err = ERR_VERSION;
		snprintf(e->why, REDIS_WHY_SIZE,
		    "%s is not ours; use another database", REDIS_FORMAT_KEY);
	} else if (strcmp(text, REDIS_FORMAT) != 0) {
		err = ERR_VERSION;
		snprintf(e->why, REDIS_WHY_SIZE,
		    "%s is \"%s\" and this version knows \"%s\": a newer "
		    "version wrote it; upgrade, or use another database",
		    REDIS_FORMAT_KEY, text, REDIS_FORMAT);
	}
	freeReplyObject(reply);
	/* A full server, or a replica, can still be read. */
	return err == ERR_FULL || err == ERR_READONLY ? 0 : err;
}

static int
make_ready(struct entry *e)
{
	const struct redis_word time[] = {REDIS_WORD("TIME")};
	struct redis_word select[] = {
	    REDIS_WORD("SELECT"), {NULL, 0}
        };
	struct redisReply *reply;
	char db[16];
	int err = 0;

	if (e->login->address.db != 0) {
		snprintf(db, sizeof(db), "%u", e->login->address.db);
		select[1] = REDIS_WORD(db);
		err = ask(e, "SELECT", 2, select, NULL);
	}
	/* A user without permission for TIME cannot write either; then this
	 * host's clock counts. */
	if (err == 0 && e->login->ahead_ms != NULL) {
		err = redis_link_ask(e->link, e->deadline_ms, 1, time, &reply);
		if (err == 0) {
			redis_take_time(reply, e->login->ahead_ms);
			freeReplyObject(reply);
		} else {
			snprintf(e->why, REDIS_WHY_SIZE, "TIME: %s",
			    err == ERR_BUSY ? "no answer in time"
					    : "the connection was closed");
		}
	}
	return err == 0 ? agree_on_format(e) : err;
}

/* --- sentinels ------------------------------------------------------------ */

/* Asks one sentinel for the master's address. */
static int
ask_sentinel(struct entry *e, const struct redis_host *sentinel,
    struct redis_host *out)
{
	const struct redis_address *address = &e->login->address;
	const struct redis_word words[] = {REDIS_WORD("SENTINEL"),
	    REDIS_WORD("GET-MASTER-ADDR-BY-NAME"), REDIS_WORD(address->master)};
	struct redisReply *reply = NULL;
	int err = open_link(e, sentinel, e->auth.sentinel_user,
	    e->auth.sentinel_password);

	if (err == 0)
		err = ask(e, "SENTINEL", 3, words, &reply);
	if (err == 0 && reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == 2 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    reply->element[1]->type == REDIS_REPLY_STRING &&
	    (size_t)reply->element[0]->len < sizeof(out->name) &&
	    (size_t)reply->element[1]->len < sizeof(out->port)) {
		snprintf(out->name, sizeof(out->name), "%s",
		    reply->element[0]->str);
		snprintf(out->port, sizeof(out->port), "%s",
		    reply->element[1]->str);
	} else if (err == 0) {
		snprintf(e->why, REDIS_WHY_SIZE,
		    "the sentinel %.100s knows no master \"%s\"",
		    sentinel->name, address->master);
		err = ERR_IO;
	}
	freeReplyObject(reply);
	redis_link_free(&e->link);
	return err;
}

/* Begins with the sentinel that answered last; each gets its share of the time.
 */
static int
find_master(struct entry *e, struct redis_host *out)
{
	const struct redis_address *address = &e->login->address;
	uint64_t deadline_ms = e->deadline_ms;
	int err = ERR_IO;

	for (size_t i = 0; err != 0 && i < address->n_hosts; i++) {
		size_t at = (e->resolver->sentinel + i) % address->n_hosts;
		uint64_t now_ms = clock_mono_ms();
		uint64_t left_ms =
		    deadline_ms > now_ms ? deadline_ms - now_ms : 0;

		/* One share is left for the master. */
		e->deadline_ms = now_ms + left_ms / (address->n_hosts - i + 1);
		err = ask_sentinel(e, &address->host[at], out);
		if (err == 0)
			e->resolver->sentinel = at;
	}
	e->deadline_ms = deadline_ms;
	return err;
}

/* During a failover the sentinels may still name a server that is a replica by
 * now, or is not yet the master. */
static int
check_role(struct entry *e)
{
	const struct redis_word role[] = {REDIS_WORD("ROLE")};
	struct redisReply *reply;
	int err = ask(e, "ROLE", 1, role, &reply);

	if (err != 0)
		return err;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    strcmp(reply->element[0]->str, "master") != 0) {
		snprintf(e->why, REDIS_WHY_SIZE,
		    "the server that the sentinels name is no master: a "
		    "failover is under way");
		err = ERR_IO;
	}
	freeReplyObject(reply);
	return err;
}

/* --- all of it ------------------------------------------------------------ */

int
redis_login(const struct redis_login *login, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_link **out, char why[REDIS_WHY_SIZE])
{
	struct entry e = {.login = login,
	    .resolver = resolver,
	    .deadline_ms = deadline_ms,
	    .why = why};
	struct redis_host host = login->address.host[0];
	bool sentinels = login->address.master[0] != '\0';
	int err = redis_auth_read(login->auth_file, &e.auth, why);

	if (err == 0)
		snprintf(why, REDIS_WHY_SIZE, "out of memory");
	if (err == 0 && sentinels)
		err = find_master(&e, &host);
	if (err == 0)
		err = open_link(&e, &host, e.auth.user, e.auth.password);
	if (err == 0 && sentinels)
		err = check_role(&e);
	if (err == 0)
		err = make_ready(&e);
	explicit_bzero(&e.auth, sizeof(e.auth));
	if (err != 0)
		redis_link_free(&e.link);
	*out = e.link;
	return err;
}
