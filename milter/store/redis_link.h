/*
 * Commands to a Redis server and its replies, in order. Commands are gathered
 * and go out together with the first wait for a reply, so that any number of
 * them costs one round trip.
 *
 * hiredis writes and reads the protocol; the waiting is ours, as its time
 * limits are those of a single read, not of an answer.
 *
 * One thread at a time.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "store/redis_socket.h"

struct redisReply;
struct redis_link;

struct redis_word {
	const void *data;
	size_t len;
};

#define REDIS_WORD(text) ((struct redis_word){(text), strlen(text)})

/* Takes over the socket, also on failure. NULL: no memory. */
struct redis_link *redis_link_new(struct redis_socket *socket);
void redis_link_free(struct redis_link **link);

/* 0 or ERR_NOMEM. */
int redis_link_command(struct redis_link *link, size_t n,
    const struct redis_word *words);

/*
 * The next reply, for freeReplyObject. 0; ERR_BUSY: not in time; ERR_IO,
 * ERR_NOMEM. After an error the link is of no use any more.
 */
int redis_link_reply(struct redis_link *link, uint64_t deadline_ms,
    struct redisReply **out);

/* What an error reply means, as one of our errors; 0: it is no error reply. */
int redis_reply_error(const struct redisReply *reply);

#endif
