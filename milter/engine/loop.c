/*
 * An event-loop thread on libevent. Other threads touch only the eventfd and
 * the queue below it. The event_base is the loop's alone, so libevent needs no
 * locks.
 */
#include "autoconf.h"

#include "engine/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_t thread;
	bool started;
	bool stop; /* loop's thread only */
	/* The loop's own tasks, which have no function. */
	struct loop_task stop_task; /* posted by loop_stop */
	struct loop_task turn_task; /* posted by loop_turns */
	atomic_bool turning;        /* turn_task is under way */

	pthread_mutex_t lock; /* guards the members below */
	struct loop_task *head;
	struct loop_task **tail;
};

/* loop_timer.event points at this. */
struct alarm {
	struct event *event;
	struct loop_timer *timer;
	uint64_t at_ms;
};

/* --- queue ---------------------------------------------------------------- */

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct loop_task *task;
	struct loop_task *next;
	eventfd_t count;

	(void)what;
	/* Before the queue is taken: a later post wakes the loop again. */
	(void)eventfd_read(fd, &count);
	pthread_mutex_lock(&loop->lock);
	task = loop->head;
	loop->head = NULL;
	loop->tail = &loop->head;
	pthread_mutex_unlock(&loop->lock);

	for (; task != NULL; task = next) {
		next = task->next; /* run may free the task */
		if (task == &loop->stop_task)
			loop->stop = true;
		else if (task == &loop->turn_task)
			atomic_store(&loop->turning, false);
		else
			task->run(task);
	}
	if (loop->stop)
		event_base_loopbreak(loop->base);
}

void
loop_post(struct loop *loop, struct loop_task *task)
{
	bool was_empty;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	was_empty = loop->head == NULL;
	*loop->tail = task;
	loop->tail = &task->next;
	pthread_mutex_unlock(&loop->lock);

	if (!was_empty)
		return; /* the post that made it non-empty wakes the loop */
	while (eventfd_write(loop->wake_fd, 1) == -1 && errno == EINTR)
		continue;
}

/* --- life ----------------------------------------------------------------- */

static struct event_base *
base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* Without the cached time a timer that is set late in a long callback
	 * would be due too early. */
	if (event_config_set_flag(config,
		EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
		    EVENT_BASE_FLAG_NO_CACHE_TIME) == -1)
		base = NULL;
	else
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *
loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->tail = &loop->head;
	pthread_mutex_init(&loop->lock, NULL);
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->base = base_new();
	if (loop->wake_fd == -1 || loop->base == NULL)
		goto fail;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST,
	    on_wake, loop);
	if (loop->wake == NULL || event_add(loop->wake, NULL) == -1)
		goto fail;
	return loop;
fail:
	loop_free(&loop);
	return NULL;
}

void
loop_free(struct loop **loopp)
{
	struct loop *loop = *loopp;

	if (loop == NULL)
		return;
	*loopp = NULL;
	if (loop->wake != NULL)
		event_free(loop->wake);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd != -1)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

static void *
loop_main(void *arg)
{
	struct loop *loop = arg;

	event_base_dispatch(loop->base);
	return NULL;
}

int
loop_start(struct loop *loop)
{
	int err = thread_start(&loop->thread, NULL, "loop", loop_main, loop);

	loop->started = err == 0;
	return err;
}

void
loop_stop(struct loop *loop)
{
	if (!loop->started)
		return;
	loop_post(loop, &loop->stop_task);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

bool
loop_turns(struct loop *loop)
{
	if (atomic_exchange(&loop->turning, true))
		return false;
	loop_post(loop, &loop->turn_task);
	return true;
}

/* --- timers --------------------------------------------------------------- */

static int
alarm_add(struct alarm *alarm, uint64_t now_ms)
{
	uint64_t left_ms = alarm->at_ms > now_ms ? alarm->at_ms - now_ms : 0;
	struct timeval tv = {
	    .tv_sec = (time_t)(left_ms / 1000),
	    .tv_usec = (suseconds_t)(left_ms % 1000 * 1000),
	};

	return event_add(alarm->event, &tv) == -1 ? ERR_NOMEM : 0;
}

static void
on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct alarm *alarm = arg;
	uint64_t now_ms = clock_mono_ms();

	(void)fd;
	(void)what;
	/* libevent uses the coarse clock, some milliseconds behind, but run
	 * must not be called before the time. */
	if (now_ms < alarm->at_ms && alarm_add(alarm, now_ms) == 0)
		return;
	alarm->timer->run(alarm->timer); /* may clear and free the timer */
}

int
loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms,
    void (*run)(struct loop_timer *timer))
{
	struct alarm *alarm = timer->event;

	if (alarm == NULL) {
		alarm = calloc(1, sizeof(*alarm));
		if (alarm == NULL)
			return ERR_NOMEM;
		alarm->timer = timer;
		alarm->event = evtimer_new(loop->base, on_alarm, alarm);
		if (alarm->event == NULL) {
			free(alarm);
			return ERR_NOMEM;
		}
		timer->event = alarm;
	}
	timer->run = run;
	alarm->at_ms = at_ms;
	return alarm_add(alarm, clock_mono_ms());
}

void
loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct alarm *alarm = timer->event;

	(void)loop;
	if (alarm == NULL)
		return;
	event_free(alarm->event);
	free(alarm);
	timer->event = NULL;
}
