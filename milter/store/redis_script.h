/*
 * How policies lie in a Redis database, and the two changes that are made
 * there. Each runs as a script on the server, at once and undivided, since many
 * hosts change the same policies.
 *
 *	dane-sts:format			"1"
 *	dane-sts:1:policy:DOMAIN	a record of store_format.h, or "GONE"
 *	with when (8 octets, little-endian, seconds)
 *	dane-sts:1:changes		how often one was changed; see
 *	store_redis_watch.c
 *
 * The policy that was fetched last wins; a fetch time that the server's clock
 * has yet to reach is taken for a mistake and loses. A key ends with its
 * policy, or when the one that it replaced would have ended if that is later:
 * until then a host that was cut off may still hold the old one, and must not
 * take the end of the new one for a loss that is to be made good. For the same
 * reason a deleted policy leaves word that it is GONE.
 *
 * Any thread; a link is its caller's.
 */
#ifndef STORE_REDIS_SCRIPT_H
#define STORE_REDIS_SCRIPT_H

#include <stdint.h>

#include "store/redis_link.h"
#include "store/store_record.h"

#define REDIS_KEY_PREFIX      "dane-sts:1:policy:"
#define REDIS_CHANGES_KEY     "dane-sts:1:changes"
#define REDIS_INCARNATION_KEY "dane-sts:1:incarnation"
#define REDIS_KEY_SIZE        (sizeof(REDIS_KEY_PREFIX) + NAME_SIZE)

void redis_key(const char *domain, char out[REDIS_KEY_SIZE]);

enum redis_put {
	REDIS_PUT_NEW, /* just fetched: wins over one of the same second */
	REDIS_PUT_COPY /* what we had, or notes on it: loses to that, unless
			* it is the same policy */
};

/* When a policy ends, wall clock in ms. A body that is none: in a day. */
int64_t redis_expiry_ms(const struct store_entry *entry, int64_t now_s);

/* Commands, whose replies redis_value reads. 0 or ERR_NOMEM. */
int redis_put(struct redis_link *link, enum redis_put how,
    const struct store_entry *entry, int64_t now_s);
/* ends_ms: when the last copy that we know of ends; 0: we know of none. */
int redis_delete(struct redis_link *link, const char *domain, int64_t ends_ms);

/* What a key holds. */
enum redis_value {
	REDIS_VALUE_NONE,
	REDIS_VALUE_GONE,
	REDIS_VALUE_RECORD
};

/*
 * The reply to a GET, or to a put: what won over it, NONE if it won itself.
 * *out points into the reply; of what is GONE, fetched_s says since when. 0,
 * ERR_CORRUPT, ERR_VERSION or another error.
 */
int redis_value(const struct redisReply *reply, const char *domain,
    enum redis_value *value, struct store_entry *out);

#endif
