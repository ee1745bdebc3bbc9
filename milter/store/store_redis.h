/*
 * A store on a Redis server: what its parts, reading (and healing), listing
 * and changing, have in common.
 */
#ifndef STORE_STORE_REDIS_H
#define STORE_STORE_REDIS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/overlay.h"
#include "store/redis_keeper.h"
#include "store/redis_script.h"
#include "store/store_backend.h"

#define REDIS_READ_MS  500  /* a batch of reads, until the copy answers */
#define REDIS_WRITE_MS 2000 /* a batch of writes */
#define REDIS_MEND_MS  250  /* until a broken link is mended */

/* A fetch time so far ahead of the clock is a mistake; as in the scripts. */
#define REDIS_SLACK_S 300

/* Commands to wait for together. */
#define REDIS_BATCH_MAX 64

struct log;

/* What the server may say no to while it is up. */
enum redis_refusal {
	REDIS_NO_READS,
	REDIS_NO_WRITES,
	REDIS_REFUSALS
};

/* What the last look at the server saw; store_redis_watch.c. */
struct redis_watched {
	char incarnation[33]; /* "": not looked yet */
	int64_t changes;
	uint64_t evicted;
	bool looked;
	bool told_policy;
	bool told_evictions;
	bool put_back; /* something was lost */
	bool told;     /* that, and not yet that it is put back */
};

struct store_redis {
	char *spec;
	char *auth_file;
	char *ca;
	struct redis_login login;
	struct log *log;
	struct redis_keeper *keeper;
	struct overlay *cache;
	struct redis_watched watched; /* the keeper's thread */
	atomic_size_t listed; /* entries of the last listing; SIZE_MAX: none */
	atomic_bool refused[REDIS_REFUSALS]; /* and logged */
	atomic_bool newer;   /* records that we cannot read; logged once */
	atomic_bool crowded; /* see redis_look_at_memory; logged */
	atomic_uint_least64_t memory_ms; /* when to look again */
	atomic_size_t memory_octets;     /* written since the last look */
	pthread_mutex_t hand_lock;       /* of what follows */
	char hand[24];                   /* SCAN cursor of the next eviction */
};

/* Whether what we hold of a policy counts for more than what the server does:
 * there is none (NULL), an older one, or the same without our notes. */
bool redis_cache_wins(const struct record *mine, bool pending,
    const struct store_entry *theirs, int64_t now_s);

/* store_redis_read.c */
int redis_get(void *backend, const char *domain, store_each_fn *got, void *arg);
void redis_get_many(void *backend, size_t n, const char *const *domain,
    store_many_fn *got, void *arg);
size_t redis_count(void *backend);
size_t redis_count_unwritten(void *backend);
/* Over a link of the caller's, for a listing. 0, or what became of the link:
 * the last domains then have no answer. */
int redis_list_many(struct store_redis *r, struct redis_link *link, size_t n,
    const char *const *domain, store_many_fn *got, void *arg);

/* store_redis_list.c */
/* Keys of policies. 0, or what became of the link. */
int redis_list_count(struct redis_link *link, size_t *n);
int redis_each(void *backend, store_each_fn *each, void *arg);

/* store_redis_write.c */
int redis_write(void *backend, const struct store_change *changes, size_t n);
/*
 * store_redis_room.c. Over that link, before so many octets of policies that do
 * not bind are written: sets crowded, while they are not. When the server is
 * full: deletes some of them. 0, or what became of the link.
 */
int redis_look_at_memory(struct store_redis *r, struct redis_link *link,
    size_t octets, uint64_t deadline_ms);
void redis_is_full(struct store_redis *r);
int redis_evict(struct store_redis *r, struct redis_link *link,
    uint64_t deadline_ms, size_t *evicted);
/* A redis_push_fn: writes what is pending. */
int redis_push(void *backend);
/* The same of notes that are in the cache. */
int redis_write_back(struct store_redis *r, const struct store_change *changes,
    size_t n);

/* store_redis_watch.c: a redis_watch_fn. */
void redis_watch(void *backend);

/* From each reply: logs when a refusal begins and when it ends. */
void redis_tell_refusal(struct store_redis *r, enum redis_refusal refusal,
    const struct redisReply *reply);

#endif
