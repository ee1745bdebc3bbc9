/*
 * A store on a Redis server: what its parts have in common.
 *
 *	redis_keeper.c		the links to the server, and outages
 *	redis_script.c		how policies lie there, and the scripts
 *	store_redis.c		life, the server's clock, reading
 *	store_redis_list.c	listing and counting
 *	store_redis_write.c	changes, and room for them
 *	store_redis_watch.c	puts back what the server lost; takes the news
 *				of other hosts
 *
 * Times on the server and in the local cache are those of the server's clock.
 * They are converted when a policy comes from the engine or goes to it.
 */
#ifndef STORE_STORE_REDIS_H
#define STORE_STORE_REDIS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/overlay.h"
#include "store/redis_link.h"
#include "store/store_backend.h"

struct log;

/* --- redis_keeper.c ------------------------------------------------------- */

/*
 * Keeps the links to a Redis server: makes them, mends them, notices outages
 * and logs each once. A thread of its own connects, so that no reader
 * or writer of policies waits for the lookup of a name or for a host that is
 * switched off.
 *
 *            a link broke               cannot connect
 *      UP ----------------> MENDING ---------------------> DOWN
 *      ^ ^                     |                           ^ |
 *      | +------ mended -------+  no answer in time        | | tried again,
 *      |                          (from UP and MENDING) ---+ | less and less
 *      +-------------------- connected ----------------------+ often
 *
 * While MENDING, borrowers wait a little: a server that was restarted, or that
 * closes idle connections, is no outage. While DOWN they get nothing at once.
 *
 * Any thread.
 */
struct redis_keeper;

#define REDIS_CONNECT_MS 1000 /* all of a login */

/* One link each, so that no reader waits for the writer or for the keeper. */
enum redis_lane {
	REDIS_READ,  /* the reader's thread */
	REDIS_WRITE, /* the writer's; what it reads before it writes as well */
	REDIS_SPARE, /* the keeper's; counting */
	REDIS_NEWS,  /* subscribed; the keeper's thread */
	REDIS_LANES
};

#define REDIS_WATCH_MS  5000
#define REDIS_LISTEN_MS 250 /* within 1 s, news of other hosts apply */

/* The callbacks are made on the keeper's thread, with the server UP. */
struct redis_keeping {
	const struct redis_login *login;
	const char *spec; /* for the log */
	struct log *log;  /* may be NULL */
	/* Writes the pending records. 0, or an error if some are left. */
	int (*push)(void *arg);
	/* Each REDIS_WATCH_MS, and when the server has come UP. */
	void (*watch)(void *arg);
	/* Each REDIS_LISTEN_MS. */
	void (*listen)(void *arg);
	void *arg;
};

/*
 * Tries to connect, then starts the thread, which may call push and watch at
 * once: *keeper is set before. Borrows the options, which must outlive it. An
 * error with *error filled in when the server rejects the configuration; a
 * server that cannot be reached is an outage or, if must_be_up, an error.
 */
int redis_keeper_start(const struct redis_keeping *keeping,
    struct redis_keeper **keeper, char error[STORE_ERROR_SIZE]);
/* Pushes what can still be pushed. No link may be lent. */
void redis_keeper_stop(struct redis_keeper **keeper);

/* NULL: the server is down, or the link is not mended within wait_ms. */
struct redis_link *redis_keeper_borrow(struct redis_keeper *keeper,
    enum redis_lane lane, uint64_t wait_ms);
/* err: the state of the link: 0, ERR_BUSY (no answer in time) or another error.
 */
void redis_keeper_return(struct redis_keeper *keeper, enum redis_lane lane,
    struct redis_link *link, int err);

bool redis_keeper_is_down(struct redis_keeper *keeper);

/* Makes the thread call push. */
void redis_keeper_wake(struct redis_keeper *keeper);

/* --- redis_script.c ------------------------------------------------------- */

/*
 *	dane-sts:format			"1"
 *	dane-sts:1:policy:DOMAIN	a record of store_record.h, or "GONE"
 *					with when (8 octets, little-endian,
 *					seconds)
 *	dane-sts:1:changes		how often one was changed
 *	dane-sts:1:incarnation		a random word; see store_redis_watch.c
 *	dane-sts:1:learned		a channel: "HOST DOMAIN" when a policy
 *					that binds is new
 *
 * Many hosts change the same policies, so each change is a script that the
 * server runs as one step. The policy that was fetched last wins; but a fetch
 * time in the future of the server's clock is taken for a mistake, and loses. A
 * key ends with its policy. If the policy that it replaced would have ended
 * later, the key lasts until then: a host that was cut off may still hold the
 * old policy, and must not write it back as if the server had lost it. For the
 * same reason a deleted policy leaves a mark, GONE, which may be evicted when
 * the server is full.
 */
#define REDIS_KEY_PREFIX      "dane-sts:1:policy:"
#define REDIS_CHANGES_KEY     "dane-sts:1:changes"
#define REDIS_INCARNATION_KEY "dane-sts:1:incarnation"
#define REDIS_LEARNED_CHANNEL "dane-sts:1:learned"
#define REDIS_KEY_SIZE        (sizeof(REDIS_KEY_PREFIX) + NAME_SIZE)
#define REDIS_HOST_SIZE       17

enum redis_put {
	REDIS_PUT_NEW,  /* just fetched: wins over one of the same second */
	REDIS_PUT_COPY, /* what we had, or notes on it: loses to that, unless it
			 * is the same policy */
	REDIS_PUT_NOTE  /* the same, and never adds a policy */
};

/* When a policy ends, in ms; times are the server's. A body that is no policy:
 * in a day. */
int64_t redis_expiry_ms(const struct store_entry *entry, int64_t now_s);

/* Commands, whose replies redis_value reads. host: this one, in the news. 0 or
 * ERR_NOMEM. */
int redis_put(struct redis_link *link, enum redis_put how,
    const struct store_entry *entry, int64_t now_s, const char *host);
/*
 * ends_ms: when the last copy that we know of ends; 0: we know of none.
 * fetched_s: of a policy that replaces it and is not written: what was fetched
 * later, or is a record of a newer program, is not deleted.
 */
#define REDIS_DELETE_ANY INT64_MAX /* whatever is there */
int redis_delete(struct redis_link *link, const char *domain, int64_t ends_ms,
    int64_t fetched_s);

/* The kinds of value that a key may hold. */
enum redis_value {
	REDIS_VALUE_NONE,
	REDIS_VALUE_GONE,
	REDIS_VALUE_RECORD
};

/*
 * The reply to a GET, or to a change: what won over it, NONE if it won itself.
 * *out points into the reply; of what is GONE, fetched_s says since when. 0,
 * ERR_CORRUPT, ERR_VERSION or another error.
 */
int redis_value(const struct redisReply *reply, const char *domain,
    enum redis_value *value, struct store_entry *out);

/* --- the store ------------------------------------------------------------ */

#define REDIS_READ_MS  500  /* a batch of reads, until the cache answers */
#define REDIS_WRITE_MS 2000 /* a batch of writes */
#define REDIS_MEND_MS  250  /* until a broken link is mended */

/* A fetch time so far ahead of the clock is a mistake; as in the scripts. */
#define REDIS_SLACK_S 300

/* Commands to wait for together. */
#define REDIS_BATCH_MAX 64

#define REDIS_CURSOR_SIZE 24 /* of SCAN */

/* Requests that a server may refuse while it is up. */
enum redis_refusal {
	REDIS_NO_READS,
	REDIS_NO_WRITES,
	REDIS_NO_NEWS,
	REDIS_REFUSALS
};

/* The server at the last look (store_redis_watch.c). */
struct redis_watched {
	char incarnation[33]; /* "": not looked yet */
	char run_id[41];      /* of the server's process; "": not known */
	int64_t changes;
	uint64_t evicted;
	bool looked;
	bool told_policy;
	bool told_unbounded;
	bool told_evictions;
	bool put_back; /* something was lost */
	bool told;     /* the loss was logged, its end not yet */
};

struct store_redis {
	char *spec;
	char *auth_file;
	char *ca;
	char host[REDIS_HOST_SIZE]; /* a random word: this process */
	struct redis_login login;
	struct log *log;
	struct redis_keeper *keeper;
	struct overlay *cache;        /* what this host has used */
	struct redis_watched watched; /* the keeper's thread */
	_Atomic int64_t ahead_ms;     /* see redis_take_time */
	_Atomic int64_t offset_s;     /* see redis_offset_s */
	atomic_bool clock_told;       /* that the clocks differ */
	atomic_size_t listed; /* entries of the last listing; SIZE_MAX: none */
	atomic_bool refused[REDIS_REFUSALS]; /* and logged */
	atomic_bool newer;   /* records that we cannot read; logged once */
	atomic_bool crowded; /* no policies that do not bind are written */
	atomic_uint_least64_t memory_ms; /* when to look at that again */
	atomic_size_t memory_octets;     /* written since the last look */
	pthread_mutex_t lock;            /* guards the members below */
	char hand[REDIS_CURSOR_SIZE];    /* where the next eviction goes on */
	store_learned_fn *learned;
	void *learned_arg;
};

/* The server's clock less this host's, in seconds. */
int64_t redis_offset_s(struct store_redis *r);
/* Points to the same texts. */
struct store_entry redis_shift(const struct store_entry *entry, int64_t by_s);

/* True if a record in the cache counts for more than what the server holds:
 * nothing (NULL), an older policy, or the same without our notes. */
bool redis_cache_wins(const struct record *mine, bool pending,
    const struct store_entry *theirs, int64_t server_now_s);

/* Whether the error of a change is that the record of a newer program, or a key
 * that is no policy, is there: we never replace it, so that trying again does
 * not help. */
bool redis_never_replaced(int err);

/* From each reply: logs when a refusal begins and when it ends. */
void redis_tell_refusal(struct store_redis *r, enum redis_refusal refusal,
    const struct redisReply *reply);

/* "\r\nNAME:VALUE\r\n" in the answer to INFO; name: "\nNAME:". "" if it is not
 * there. */
void redis_info_text(const struct redisReply *info, const char *name, char *out,
    size_t size);
uint64_t redis_info_number(const struct redisReply *info, const char *name);

/* Reads entries over a link of the caller's, for a listing. 0 or the error of
 * the link: the last domains then have no answer. */
int redis_list_many(struct store_redis *r, struct redis_link *link, size_t n,
    const char *const *domain, store_got_fn *got, void *arg);

/* Parts of the backend. */
int redis_each(void *backend, store_each_fn *each, void *arg);
size_t redis_count(void *backend);
int redis_write(void *backend, const struct store_change *changes, size_t n);
void redis_on_learned(void *backend, store_learned_fn *learned, void *arg);

/* Callbacks of the keeper. */
int redis_push(void *backend);
void redis_watch(void *backend);
void redis_listen(void *backend);

/*
 * Makes the changes over that link of the keeper's. On REDIS_SPARE they are of
 * what is in the cache, with note set. A link that broke, as idle ones do, gets
 * a second chance: to make a change twice does no harm. 0, ERR_DOWN, or the
 * first error of a change, after which the others are still made; an error that
 * trying again does not mend only if there is no other.
 */
int redis_write_changes(struct store_redis *r, enum redis_lane lane,
    uint64_t wait_ms, const struct store_change *changes, size_t n);

#endif
