/* Keeps the links to a Redis server. */
#include "autoconf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "log/log.h"
#include "store/store_redis.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000  /* pending writes should not wait much longer */
#define STEADY_MS      10000 /* after so long UP the backoff begins anew */
#define PUSH_RETRY_MS  5000

enum state {
	STATE_UP,
	STATE_MENDING,
	STATE_DOWN
};

struct slot {
	struct redis_link *link; /* NULL: lent, or broken */
	bool lent;
};

struct redis_keeper {
	struct redis_keeping keeping;
	struct redis_resolver resolver; /* the thread's */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t turn;
	bool stop;
	enum state state;
	struct slot slot[REDIS_LANES];
	uint64_t since_ms; /* of UP or DOWN */
	uint64_t retry_ms; /* when to connect again */
	uint64_t backoff_ms;
	bool push;
	uint64_t push_ms;   /* not before */
	uint64_t watch_ms;  /* not before */
	uint64_t listen_ms; /* not before */
};

/* --- outages -------------------------------------------------------------- */

/* Logs the beginning of an outage; why NULL: its end, after down_ms. */
static void
tell(const struct redis_keeper *k, const char *why, uint64_t down_ms)
{
	struct log_event e;

	log_begin(&e, k->keeping.log,
	    why != NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", why != NULL ? "down" : "up");
	log_str(&e, "store", k->keeping.spec);
	if (why != NULL)
		log_str(&e, "why", why);
	else
		log_int(&e, "down_s", (int64_t)(down_ms / 1000));
	log_end(&e);
}

/* Under the lock. True at the beginning of an outage. */
static bool
go_down(struct redis_keeper *k)
{
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < REDIS_LANES; i++)
		redis_link_free(&k->slot[i].link);
	(void)pthread_cond_broadcast(&k->turn);
	/* An outage soon after the last one continues its backoff. */
	if (k->state != STATE_DOWN && now_ms - k->since_ms >= STEADY_MS)
		k->backoff_ms = BACKOFF_MIN_MS;
	else
		k->backoff_ms = k->backoff_ms * 2 < BACKOFF_MAX_MS
		    ? k->backoff_ms * 2
		    : BACKOFF_MAX_MS;
	k->retry_ms = now_ms + k->backoff_ms;
	if (k->state == STATE_DOWN)
		return false;
	k->state = STATE_DOWN;
	k->since_ms = now_ms;
	return true;
}

/* Under the lock. How long it was down; 0: it was not. */
static uint64_t
go_up(struct redis_keeper *k)
{
	uint64_t now_ms = clock_mono_ms();
	uint64_t down_ms = 0;

	if (k->state == STATE_DOWN) {
		down_ms = now_ms - k->since_ms + 1;
		k->since_ms = now_ms;
	}
	k->state = STATE_UP;
	k->push_ms = now_ms;
	k->watch_ms = now_ms;
	k->listen_ms = now_ms;
	(void)pthread_cond_broadcast(&k->turn);
	return down_ms;
}

/* --- connecting ----------------------------------------------------------- */

/* Under the lock, which is let go meanwhile. A connection that is closed while
 * it logs in gets a second chance, as one that was idle does. */
static int
mend(struct redis_keeper *k, char why[REDIS_WHY_SIZE])
{
	struct redis_link *link;
	bool again = true;
	int err = 0;

	for (size_t i = 0; !k->stop && i < REDIS_LANES;) {
		if (k->slot[i].lent || k->slot[i].link != NULL) {
			i++;
			continue;
		}
		(void)pthread_mutex_unlock(&k->lock);
		err = redis_login(k->keeping.login, &k->resolver,
		    clock_mono_ms() + REDIS_CONNECT_MS, &link, why);
		(void)pthread_mutex_lock(&k->lock);
		if (err == 0)
			k->slot[i].link = link; /* only we fill a gap */
		else if (err != ERR_IO || !again)
			break;
		again = err == 0;
		i = 0; /* others may have broken meanwhile */
	}
	return err;
}

/* Under the lock, which is let go meanwhile. */
static void
settle(struct redis_keeper *k, int err, const char *why)
{
	bool fell = err != 0 && go_down(k);
	uint64_t down_ms = err == 0 ? go_up(k) : 0;

	(void)pthread_mutex_unlock(&k->lock);
	if (fell)
		tell(k, why, 0);
	if (down_ms > 0)
		tell(k, NULL, down_ms);
	(void)pthread_mutex_lock(&k->lock);
}

/* --- the thread ----------------------------------------------------------- */

/* With the server UP, under the lock, which it releases meanwhile: does the
 * work that is due. Returns when to come again. */
static uint64_t
work(struct redis_keeper *k)
{
	uint64_t now_ms = clock_mono_ms();
	bool push = k->push && now_ms >= k->push_ms;
	bool watch = !push && now_ms >= k->watch_ms;
	int err = 0;

	if (push)
		k->push = false;
	if (watch)
		k->watch_ms = now_ms + REDIS_WATCH_MS;
	k->listen_ms = now_ms + REDIS_LISTEN_MS;
	(void)pthread_mutex_unlock(&k->lock);
	if (push)
		err = k->keeping.push(k->keeping.arg);
	else if (watch)
		k->keeping.watch(k->keeping.arg);
	k->keeping.listen(k->keeping.arg);
	(void)pthread_mutex_lock(&k->lock);
	if (err != 0) {
		k->push = true;
		k->push_ms = clock_mono_ms() + PUSH_RETRY_MS;
	}
	return k->listen_ms;
}

static void *
keep(void *arg)
{
	struct redis_keeper *k = arg;
	char why[REDIS_WHY_SIZE];
	uint64_t at_ms = 0; /* UP: when to work again */
	int err;

	(void)pthread_mutex_lock(&k->lock);
	while (!k->stop) {
		switch (k->state) {
		case STATE_UP:
			if (!thread_wait_until(&k->turn, &k->lock, at_ms) &&
			    !k->stop)
				at_ms = work(k);
			else if (k->push && clock_mono_ms() >= k->push_ms)
				at_ms = 0;
			continue;
		case STATE_DOWN:
			if (thread_wait_until(&k->turn, &k->lock, k->retry_ms))
				continue;
			break;
		case STATE_MENDING:
			break;
		}
		err = mend(k, why);
		/* A server that closes its connections closes one that is
		 * logging in as well: that alone is no outage. */
		if (err == ERR_IO && k->state == STATE_MENDING)
			err = mend(k, why);
		if (!k->stop)
			settle(k, err, why);
		at_ms = 0;
	}
	if (k->state == STATE_UP && k->push) {
		(void)pthread_mutex_unlock(&k->lock);
		(void)k->keeping.push(k->keeping.arg);
		(void)pthread_mutex_lock(&k->lock);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* --- borrowing ------------------------------------------------------------ */

struct redis_link *
redis_keeper_borrow(struct redis_keeper *k, enum redis_lane lane,
    uint64_t wait_ms)
{
	struct slot *slot = &k->slot[lane];
	struct redis_link *link = NULL;
	uint64_t deadline_ms = clock_mono_ms() + wait_ms;

	(void)pthread_mutex_lock(&k->lock);
	while (!k->stop && k->state != STATE_DOWN && slot->link == NULL &&
	    thread_wait_until(&k->turn, &k->lock, deadline_ms))
		;
	if (k->state != STATE_DOWN && slot->link != NULL) {
		link = slot->link;
		slot->link = NULL;
		slot->lent = true;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return link;
}

void
redis_keeper_return(struct redis_keeper *k, enum redis_lane lane,
    struct redis_link *link, int err)
{
	bool fell = false;

	(void)pthread_mutex_lock(&k->lock);
	k->slot[lane].lent = false;
	if (err == 0) {
		k->slot[lane].link = link;
		link = NULL;
	} else if (err == ERR_BUSY) {
		fell = go_down(k);
	} else if (k->state == STATE_UP) {
		k->state = STATE_MENDING;
	}
	(void)pthread_cond_broadcast(&k->turn);
	(void)pthread_mutex_unlock(&k->lock);
	redis_link_free(&link);
	if (fell)
		tell(k, "no answer in time", 0);
}

bool
redis_keeper_is_down(struct redis_keeper *k)
{
	bool down;

	(void)pthread_mutex_lock(&k->lock);
	down = k->state == STATE_DOWN;
	(void)pthread_mutex_unlock(&k->lock);
	return down;
}

void
redis_keeper_wake(struct redis_keeper *k)
{
	(void)pthread_mutex_lock(&k->lock);
	k->push = true;
	(void)pthread_cond_broadcast(&k->turn);
	(void)pthread_mutex_unlock(&k->lock);
}

/* --- life ----------------------------------------------------------------- */

void
redis_keeper_stop(struct redis_keeper **keeperp)
{
	struct redis_keeper *k = *keeperp;

	if (k == NULL)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->stop = true;
	(void)pthread_cond_broadcast(&k->turn);
	(void)pthread_mutex_unlock(&k->lock);
	/* The last push still borrows a link. */
	if (k->started)
		(void)pthread_join(k->thread, NULL);
	*keeperp = NULL;
	for (size_t i = 0; i < REDIS_LANES; i++)
		redis_link_free(&k->slot[i].link);
	redis_resolver_clear(&k->resolver);
	(void)pthread_cond_destroy(&k->turn);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

int
redis_keeper_start(const struct redis_keeping *keeping,
    struct redis_keeper **keeper, char error[STORE_ERROR_SIZE])
{
	struct redis_keeper *k = calloc(1, sizeof(*k));
	char why[REDIS_WHY_SIZE] = "out of memory";
	int err = ERR_NOMEM;

	*keeper = k;
	if (k == NULL)
		goto fail;
	k->keeping = *keeping;
	k->state = STATE_MENDING;
	k->backoff_ms = BACKOFF_MIN_MS;
	(void)pthread_mutex_init(&k->lock, NULL);
	thread_cond_init(&k->turn);
	(void)pthread_mutex_lock(&k->lock);
	err = mend(k, why);
	/* The filter can go on without a server. */
	if (err == 0 ||
	    (!keeping->login->must_be_up &&
		(err == ERR_BUSY || err == ERR_IO))) {
		settle(k, err, why);
		err = 0;
	}
	(void)pthread_mutex_unlock(&k->lock);
	if (err != 0)
		goto fail;
	err = thread_start(&k->thread, NULL, "redis", keep, k);
	k->started = err == 0;
	if (err == 0)
		return 0;
	snprintf(error, STORE_ERROR_SIZE, "store: cannot start a thread");
	redis_keeper_stop(keeper);
	return err;
fail:
	snprintf(error, STORE_ERROR_SIZE, "store \"%.100s\": %.390s",
	    keeping->spec, why);
	redis_keeper_stop(keeper);
	return err;
}
