/* Logging in. */
#include "autoconf.h"

#include "store/redis_login.h"

#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"

/* What goes on while a link is made ready. */
struct entry {
	const struct redis_login *login;
	struct redis_link *link;
	uint64_t deadline_ms;
	char *why; /* REDIS_WHY_SIZE */
};

/* --- one command ---------------------------------------------------------- */

/* Text of the server's, cut at what a log line does not want. */
static void
quote_reply(const struct redisReply *reply, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < (size_t)reply->len && n + 1 < size; i++) {
		char c = reply->str[i];

		out[n++] = c >= ' ' && c <= '~' ? c : '?';
	}
	out[n] = '\0';
}

static int
lost(const struct entry *e, const char *what, int err)
{
	snprintf(e->why, REDIS_WHY_SIZE, "%s: %s", what,
	    err == ERR_BUSY ? "no answer in time"
			    : "the connection was closed");
	return err;
}

/* 0 with *reply, which is no error. */
static int
ask(struct entry *e, const char *what, size_t n, const struct redis_word *words,
    struct redisReply **reply)
{
	char text[200];
	int err = redis_link_command(e->link, n, words);

	*reply = NULL;
	if (err == 0)
		err = redis_link_reply(e->link, e->deadline_ms, reply);
	if (err != 0)
		return lost(e, what, err);
	err = redis_reply_error(*reply);
	if (err == 0)
		return 0;
	quote_reply(*reply, text, sizeof(text));
	snprintf(e->why, REDIS_WHY_SIZE, "%s: %s", what, text);
	freeReplyObject(*reply);
	*reply = NULL;
	return err;
}

static int
tell(struct entry *e, const char *what, size_t n,
    const struct redis_word *words)
{
	struct redisReply *reply;
	int err = ask(e, what, n, words, &reply);

	if (err == 0)
		freeReplyObject(reply);
	return err;
}

/* --- the steps ------------------------------------------------------------ */

static int
log_in(struct entry *e, const struct redis_auth *auth)
{
	struct redis_word words[3] = {REDIS_WORD("AUTH")};
	size_t n = 1;

	if (auth->password[0] == '\0')
		return 0;
	if (auth->user[0] != '\0')
		words[n++] = REDIS_WORD(auth->user);
	words[n++] = REDIS_WORD(auth->password);
	return tell(e, "AUTH", n, words);
}

static int
choose_database(struct entry *e)
{
	struct redis_word words[2] = {REDIS_WORD("SELECT")};
	char db[16];

	if (e->login->address.db == 0)
		return 0;
	snprintf(db, sizeof(db), "%u", e->login->address.db);
	words[1] = REDIS_WORD(db);
	return tell(e, "SELECT", 2, words);
}

static int
check_format(const struct entry *e, const struct redisReply *reply)
{
	char text[32];

	if (reply->type == REDIS_REPLY_STRING) {
		if ((size_t)reply->len == strlen(REDIS_FORMAT) &&
		    memcmp(reply->str, REDIS_FORMAT, strlen(REDIS_FORMAT)) == 0)
			return 0;
		quote_reply(reply, text, sizeof(text));
		snprintf(e->why, REDIS_WHY_SIZE,
		    "%s is \"%s\" and this version knows \"%s\": a newer "
		    "version wrote it; upgrade, or use another database",
		    REDIS_FORMAT_KEY, text, REDIS_FORMAT);
	} else {
		snprintf(e->why, REDIS_WHY_SIZE,
		    "%s is not ours; use another database", REDIS_FORMAT_KEY);
	}
	return ERR_VERSION;
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
	int err = ask(e, "GET", 2, get, &reply);

	if (err != 0)
		return err;
	if (reply->type != REDIS_REPLY_NIL)
		err = check_format(e, reply);
	else if (!e->login->read_only)
		err = tell(e, "SET", 4, set);
	freeReplyObject(reply);
	/* A full server, or a replica, can still be read. */
	return err == ERR_FULL || err == ERR_READONLY ? 0 : err;
}

static int
make_ready(struct entry *e, const struct redis_auth *auth)
{
	int err = log_in(e, auth);

	if (err == 0)
		err = choose_database(e);
	return err == 0 ? agree_on_format(e) : err;
}

int
redis_login(const struct redis_login *login, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_link **out, char why[REDIS_WHY_SIZE])
{
	struct entry e = {.login = login,
	    .deadline_ms = deadline_ms,
	    .why = why};
	struct redis_socket socket;
	struct redis_auth auth;
	int err = redis_auth_read(login->auth_file, &auth, why);

	*out = NULL;
	if (err == 0) {
		snprintf(why, REDIS_WHY_SIZE, "out of memory");
		err = redis_socket_open(&login->address, login->ca, &auth,
		    resolver, deadline_ms, &socket, why);
	}
	if (err == 0) {
		e.link = redis_link_new(&socket);
		err = e.link == NULL ? ERR_NOMEM : make_ready(&e, &auth);
	}
	redis_auth_forget(&auth);
	if (err != 0)
		redis_link_free(&e.link);
	*out = e.link;
	return err;
}
