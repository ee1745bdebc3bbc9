/* The event-loop thread: queue, timers, signals. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/loop.h"

#define POSTERS 4
#define POSTS   5000
#define MEMBER(type, member, ptr) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static struct loop *
started(void)
{
	struct loop *loop = loop_new();

	cr_assert_not_null(loop);
	cr_assert_eq(loop_start(loop), 0);
	return loop;
}

static void
finish(struct loop *loop)
{
	loop_stop(loop);
	loop_free(&loop);
	cr_assert_null(loop);
}

/* --- queue ---------------------------------------------------------------- */

struct poster {
	struct loop *loop;
	unsigned next;     /* the loop's thread only */
	unsigned disorder; /* likewise */
};

struct numbered {
	struct loop_task task;
	struct poster *poster;
	unsigned number;
};

static void
count_in_order(struct loop_task *task)
{
	struct numbered *n = MEMBER(struct numbered, task, task);

	if (n->number != n->poster->next)
		n->poster->disorder++;
	n->poster->next++;
	free(n);
}

static void
post_number(struct poster *poster, unsigned number)
{
	struct numbered *n = malloc(sizeof(*n));

	cr_assert_not_null(n);
	n->task.run = count_in_order;
	n->poster = poster;
	n->number = number;
	loop_post(poster->loop, &n->task);
}

static void *
post_many(void *arg)
{
	for (unsigned i = 0; i < POSTS; i++)
		post_number(arg, i);
	return NULL;
}

/* loop_stop runs all that was posted, each thread's tasks in their order. */
Test(loop, runs_every_post_in_order)
{
	struct loop *loop = started();
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS];

	for (size_t i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){.loop = loop};
		cr_assert_eq(pthread_create(&threads[i], NULL, post_many,
				 &posters[i]),
		    0);
	}
	for (size_t i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	finish(loop);
	for (size_t i = 0; i < POSTERS; i++) {
		cr_expect_eq(posters[i].next, POSTS);
		cr_expect_eq(posters[i].disorder, 0);
	}
}

Test(loop, runs_what_was_posted_before_the_start)
{
	struct loop *loop = loop_new();
	struct poster poster = {.loop = loop};

	cr_assert_not_null(loop);
	post_number(&poster, 0);
	cr_assert_eq(loop_start(loop), 0);
	finish(loop);
	cr_expect_eq(poster.next, 1);
}

Test(loop, is_freed_without_a_start)
{
	struct loop *loop = loop_new();

	cr_assert_not_null(loop);
	cr_expect_not_null(loop_base(loop));
	loop_stop(loop);
	loop_free(&loop);
	cr_expect_null(loop);
	loop_free(&loop);
}

struct chain {
	struct loop_task task;
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned left;
};

static void
post_again(struct loop_task *task)
{
	struct chain *chain = MEMBER(struct chain, task, task);

	pthread_mutex_lock(&chain->lock);
	if (--chain->left == 0)
		pthread_cond_signal(&chain->done);
	else
		loop_post(chain->loop, task);
	pthread_mutex_unlock(&chain->lock);
}

Test(loop, task_posts_itself_again)
{
	struct loop *loop = started();
	struct chain chain = {
	    .task.run = post_again,
	    .loop = loop,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .done = PTHREAD_COND_INITIALIZER,
	    .left = 1000,
	};

	loop_post(loop, &chain.task);
	pthread_mutex_lock(&chain.lock);
	while (chain.left > 0)
		pthread_cond_wait(&chain.done, &chain.lock);
	pthread_mutex_unlock(&chain.lock);
	finish(loop);
}

struct mask {
	struct loop_task task;
	sigset_t set;
};

static void
read_mask(struct loop_task *task)
{
	struct mask *mask = MEMBER(struct mask, task, task);

	pthread_sigmask(SIG_SETMASK, NULL, &mask->set);
}

Test(loop, blocks_signals_in_its_thread_alone)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
	    SIGPIPE, SIGCHLD};
	struct loop *loop = started();
	struct mask mask = {.task.run = read_mask};
	sigset_t own;

	loop_post(loop, &mask.task);
	finish(loop);
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		cr_expect(sigismember(&mask.set, signals[i]) == 1);
		cr_expect(sigismember(&own, signals[i]) == 0);
	}
}

/* --- timers --------------------------------------------------------------- */

#define TIMERS 4

/* Timers set together; the last one to run ends the wait. */
struct watch {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t expected;
	size_t n;
	size_t order[TIMERS];
	unsigned early;
	struct wake {
		struct loop_timer timer;
		struct watch *watch;
		uint64_t at_ms;
	} wake[TIMERS];
};

static void
watch_init(struct watch *watch, struct loop *loop, size_t expected)
{
	*watch = (struct watch){
	    .loop = loop,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .done = PTHREAD_COND_INITIALIZER,
	    .expected = expected,
	};
	for (size_t i = 0; i < TIMERS; i++)
		watch->wake[i].watch = watch;
}

static void
on_timer(struct loop_timer *timer)
{
	struct wake *wake = MEMBER(struct wake, timer, timer);
	struct watch *watch = wake->watch;

	pthread_mutex_lock(&watch->lock);
	if (clock_mono_ms() < wake->at_ms)
		watch->early++;
	watch->order[watch->n++] = (size_t)(wake - watch->wake);
	loop_timer_clear(watch->loop, timer);
	if (watch->n == watch->expected)
		pthread_cond_signal(&watch->done);
	pthread_mutex_unlock(&watch->lock);
}

static void
set(struct watch *watch, size_t i, uint64_t at_ms)
{
	struct wake *wake = &watch->wake[i];

	wake->at_ms = at_ms;
	cr_assert_eq(loop_timer_set(watch->loop, &wake->timer, at_ms, on_timer),
	    0);
}

static void
run_timers(struct watch *watch)
{
	cr_assert_eq(loop_start(watch->loop), 0);
	pthread_mutex_lock(&watch->lock);
	while (watch->n < watch->expected)
		pthread_cond_wait(&watch->done, &watch->lock);
	pthread_mutex_unlock(&watch->lock);
	finish(watch->loop);
	cr_expect_eq(watch->early, 0);
}

Test(loop, timers_run_in_order_of_time_and_never_early)
{
	struct watch watch;
	uint64_t now_ms = clock_mono_ms();

	watch_init(&watch, loop_new(), TIMERS);
	set(&watch, 0, now_ms + 60);
	set(&watch, 1, now_ms + 30);
	set(&watch, 2, now_ms + 90);
	set(&watch, 3, 0); /* long past */
	run_timers(&watch);
	cr_expect_eq(watch.order[0], 3);
	cr_expect_eq(watch.order[1], 1);
	cr_expect_eq(watch.order[2], 0);
	cr_expect_eq(watch.order[3], 2);
}

Test(loop, timer_set_anew_forgets_the_first_time)
{
	struct watch watch;
	uint64_t now_ms = clock_mono_ms();

	watch_init(&watch, loop_new(), 2);
	set(&watch, 0, now_ms + 10);
	set(&watch, 1, now_ms + 40);
	set(&watch, 0, now_ms + 80);
	run_timers(&watch);
	cr_expect_eq(watch.order[0], 1);
	cr_expect_eq(watch.order[1], 0);
}

Test(loop, cleared_timer_does_not_run)
{
	struct watch watch;
	uint64_t now_ms = clock_mono_ms();

	watch_init(&watch, loop_new(), 1);
	set(&watch, 0, now_ms);
	set(&watch, 1, now_ms + 20);
	loop_timer_clear(watch.loop, &watch.wake[0].timer);
	cr_expect_null(watch.wake[0].timer.event);
	loop_timer_clear(watch.loop, &watch.wake[0].timer);
	run_timers(&watch);
	cr_expect_eq(watch.n, 1);
	cr_expect_eq(watch.order[0], 1);
}

struct again {
	struct loop_timer timer;
	struct watch watch;
	unsigned left;
};

static void
set_again(struct loop_timer *timer)
{
	struct again *again = MEMBER(struct again, timer, timer);
	struct watch *watch = &again->watch;

	pthread_mutex_lock(&watch->lock);
	if (--again->left > 0) {
		cr_expect_eq(loop_timer_set(watch->loop, timer,
				 clock_mono_ms() + 1, set_again),
		    0);
	} else {
		watch->n = watch->expected;
		pthread_cond_signal(&watch->done);
		loop_timer_clear(watch->loop, timer);
	}
	pthread_mutex_unlock(&watch->lock);
}

Test(loop, timer_is_set_again_from_inside)
{
	struct again again = {.left = 20};

	watch_init(&again.watch, loop_new(), 1);
	cr_assert_eq(loop_timer_set(again.watch.loop, &again.timer, 0,
			 set_again),
	    0);
	run_timers(&again.watch);
	cr_expect_eq(again.left, 0);
	cr_expect_null(again.timer.event);
}
