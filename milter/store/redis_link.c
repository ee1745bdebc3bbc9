/* Commands and replies. */
#include "autoconf.h"

#include "store/redis_link.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "store/redis_wait.h"
#include "store/store_record.h"

#define READ_SIZE 16384
#define WORDS_MAX 16

/* Of one reply: a record, with room for what lies around it. */
#define REPLY_MAX (RECORD_BODY_MAX + 65536)

struct redis_link {
	struct redis_socket socket;
	redisReader *reader;
	char *out; /* what waits to be sent */
	size_t out_len;
	size_t out_room;
	size_t fed; /* octets since the last whole reply */
};

struct redis_link *
redis_link_new(struct redis_socket *socket)
{
	struct redis_link *link = calloc(1, sizeof(*link));

	if (link != NULL)
		link->reader = redisReaderCreate();
	if (link == NULL || link->reader == NULL) {
		redis_socket_close(socket);
		free(link);
		return NULL;
	}
	link->socket = *socket;
	return link;
}

void
redis_link_free(struct redis_link **linkp)
{
	struct redis_link *link = *linkp;

	*linkp = NULL;
	if (link == NULL)
		return;
	redis_socket_close(&link->socket);
	redisReaderFree(link->reader);
	if (link->out != NULL)
		explicit_bzero(link->out, link->out_room); /* AUTH */
	free(link->out);
	free(link);
}

/* --- commands ------------------------------------------------------------- */

static int
append(struct redis_link *link, const char *octets, size_t len)
{
	size_t need = link->out_len + len;
	char *more;

	if (need > link->out_room) {
		need += need / 2;
		more = realloc(link->out, need);
		if (more == NULL)
			return ERR_NOMEM;
		link->out = more;
		link->out_room = need;
	}
	memcpy(link->out + link->out_len, octets, len);
	link->out_len += len;
	return 0;
}

int
redis_link_command(struct redis_link *link, size_t n,
    const struct redis_word *words)
{
	const char *data[WORDS_MAX];
	size_t lens[WORDS_MAX];
	char *command = NULL;
	long long len; /* an int before hiredis 1.0 */
	int err;

	if (n > WORDS_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < n; i++) {
		data[i] = words[i].data;
		lens[i] = words[i].len;
	}
	len = redisFormatCommandArgv(&command, (int)n, data, lens);
	if (len < 0)
		return ERR_NOMEM;
	err = append(link, command, (size_t)len);
	explicit_bzero(command, (size_t)len); /* AUTH */
	redisFreeCommand(command);
	return err;
}

/* --- replies -------------------------------------------------------------- */

static int
flush(struct redis_link *link, uint64_t deadline_ms)
{
	int err;

	if (link->out_len == 0)
		return 0;
	err = redis_socket_send(&link->socket, link->out, link->out_len,
	    deadline_ms);
	explicit_bzero(link->out, link->out_len);
	link->out_len = 0;
	if (link->out_room > REPLY_MAX) {
		free(link->out);
		link->out = NULL;
		link->out_room = 0;
	}
	return err;
}

static int
feed(struct redis_link *link, uint64_t deadline_ms)
{
	char octets[READ_SIZE];
	size_t n;
	int err = redis_socket_receive(&link->socket, octets, sizeof(octets),
	    deadline_ms, &n);

	if (err != 0)
		return err;
	link->fed += n;
	if (link->fed > REPLY_MAX)
		return ERR_IO;
	return redisReaderFeed(link->reader, octets, n) == REDIS_OK ? 0
								    : ERR_NOMEM;
}

int
redis_link_reply(struct redis_link *link, uint64_t deadline_ms,
    struct redisReply **out)
{
	void *reply = NULL;
	int err = flush(link, deadline_ms);

	*out = NULL;
	while (err == 0) {
		if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
			return ERR_IO;
		if (reply != NULL)
			break;
		err = feed(link, deadline_ms);
	}
	link->fed = 0;
	*out = reply;
	return err;
}

/* --- errors --------------------------------------------------------------- */

/*
 * Looked for anywhere in the text: errors of commands inside a script come
 * with what the script has to say around them.
 */
static const struct {
	const char *word;
	int err;
} errors[] = {
    {"OOM ",				 ERR_FULL    },
    {"READONLY ",			    ERR_READONLY},
    {"WRONGTYPE ",			   ERR_CORRUPT },
    {"NEWERVERSION",			 ERR_VERSION }, /* from our script */
    {"NOAUTH ",			      ERR_CONFIG  },
    {"NOPERM ",			      ERR_CONFIG  },
    {"WRONGPASS ",			   ERR_CONFIG  },
    {"DB index is out of range",             ERR_CONFIG  },
    {"invalid password",                     ERR_CONFIG  },
    {"AUTH <password> called",               ERR_CONFIG  },
    {"Client sent AUTH",                     ERR_CONFIG  },
    {"wrong number of arguments for 'auth'", ERR_CONFIG  },
};

int
redis_reply_error(const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ERROR)
		return 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		size_t len = strlen(errors[i].word);

		if (memmem(reply->str, (size_t)reply->len, errors[i].word,
			len) != NULL)
			return errors[i].err;
	}
	return ERR_IO;
}
