/* engine/loop.h and base/clock.h with a clock that the test turns. */
#include "autoconf.h"

#include "fake_loop.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engine/loop.h"
#include "nomem.h"

#define START_MONO_MS 1000000
#define START_WALL_S  1790000000

struct due {
	struct due *next;
	uint64_t at_ms;
	void (*fn)(void *arg);
	void *arg;
	struct loop_timer *timer; /* NULL: not a timer */
};

struct loop {
	int unused;
};

static uint64_t now_ms = START_MONO_MS;
static int64_t wall_offset_s;
static bool post_inline;
static struct due *dues; /* by time, then by order of arrival */

uint64_t
clock_mono_us(void)
{
	return now_ms * 1000;
}

int64_t
clock_wall_ms(void)
{
	return (START_WALL_S + wall_offset_s) * 1000 +
	    (int64_t)(now_ms - START_MONO_MS);
}

void
fake_wall_jump(int64_t seconds)
{
	wall_offset_s += seconds;
}

void
fake_inline(bool on)
{
	post_inline = on;
}

static struct due *
insert(uint64_t at_ms, void (*fn)(void *), void *arg)
{
	struct due *due = spared_calloc(1, sizeof(*due)), **at = &dues;

	if (due == NULL)
		abort();
	due->at_ms = at_ms;
	due->fn = fn;
	due->arg = arg;
	while (*at != NULL && (*at)->at_ms <= at_ms)
		at = &(*at)->next;
	due->next = *at;
	*at = due;
	return due;
}

void
fake_at(uint64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	(void)insert(now_ms + delay_ms, fn, arg);
}

static void
remove_due(struct due *due)
{
	struct due **at = &dues;

	while (*at != due)
		at = &(*at)->next;
	*at = due->next;
	free(due);
}

void
fake_run(uint64_t ms)
{
	uint64_t end_ms = now_ms + ms;

	while (dues != NULL && dues->at_ms <= end_ms) {
		struct due due = *dues;

		if (due.at_ms > now_ms)
			now_ms = due.at_ms;
		if (due.timer != NULL)
			due.timer->event = NULL;
		remove_due(dues);
		due.fn(due.arg);
	}
	now_ms = end_ms;
}

void
fake_reset(void)
{
	while (dues != NULL) {
		if (dues->timer != NULL)
			dues->timer->event = NULL;
		remove_due(dues);
	}
	now_ms = START_MONO_MS;
	wall_offset_s = 0;
	post_inline = false;
}

/* --- engine/loop.h ------------------------------------------------------ */

struct loop *
loop_new(void)
{
	return spared_calloc(1, sizeof(struct loop));
}

int
loop_start(struct loop *loop)
{
	(void)loop;
	return 0;
}

void
loop_stop(struct loop *loop)
{
	(void)loop;
}

void
loop_free(struct loop **loop)
{
	free(*loop);
	*loop = NULL;
}

struct event_base *
loop_base(struct loop *loop)
{
	(void)loop;
	return NULL;
}

bool
loop_turns(struct loop *loop)
{
	(void)loop;
	return true;
}

static void
run_task(void *arg)
{
	struct loop_task *task = arg;

	task->run(task);
}

void
loop_post(struct loop *loop, struct loop_task *task)
{
	static bool running;

	(void)loop;
	fake_at(0, run_task, task);
	/* Never inside another task, as on a real loop. */
	if (!post_inline || running)
		return;
	running = true;
	fake_run(0);
	running = false;
}

static void
run_timer(void *arg)
{
	struct loop_timer *timer = arg;

	timer->run(timer);
}

int
loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms,
    void (*run)(struct loop_timer *timer))
{
	struct due *due;

	loop_timer_clear(loop, timer);
	due = insert(at_ms > now_ms ? at_ms : now_ms, run_timer, timer);
	due->timer = timer;
	timer->run = run;
	timer->event = due;
	return 0;
}

void
loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	(void)loop;
	if (timer->event != NULL)
		remove_due(timer->event);
	timer->event = NULL;
}
