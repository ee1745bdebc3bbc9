/*
 * One event-loop thread: an event_base, a queue into it, and timers. Functions
 * that run "on the loop" run only on its thread. The scenario tests link
 * a loop of their own, driven by a fake clock.
 */
#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;

/* Embedded in the object that is posted; allocates nothing, cannot fail. */
struct loop_task {
	struct loop_task *next;
	void (*run)(struct loop_task *task);
};

/* Embedded. Zeroed memory is a timer that is not set. */
struct loop_timer {
	void *event; /* the loop's own */
	void (*run)(struct loop_timer *timer);
};

/* The object in which a task or a timer is embedded. */
#define LOOP_OWNER(embedded, type, member) \
	((type *)(void *)((char *)(embedded)-offsetof(type, member)))

/* NULL: no memory or no descriptors. */
struct loop *loop_new(void);
/* Starts the thread. 0 or a negative error. */
int loop_start(struct loop *loop);
/* Any thread but the loop's: runs the tasks that were posted before, then
 * joins. Later ones never run. */
void loop_stop(struct loop *loop);
/* After loop_stop (or without a start). */
void loop_free(struct loop **loop);

struct event_base *loop_base(struct loop *loop);

/*
 * Sends a task through the queue of the loop. False: the task of the last call
 * has not come back, so the loop hangs. Any thread but the loop's, one at a
 * time. Never blocks.
 */
bool loop_turns(struct loop *loop);

/* Any thread. task->run runs on the loop, in the order of posting. */
void loop_post(struct loop *loop, struct loop_task *task);

/*
 * On the loop (or before it starts, or after it stopped): at_ms is absolute,
 * clock_mono_ms(). Sets anew what was set. 0 or ERR_NOMEM. run is never called
 * before at_ms; the timer is unset then, and may be set again, or cleared and
 * freed, from inside it.
 */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms,
    void (*run)(struct loop_timer *timer));
/* Unsets it and frees the loop's memory for it: call this, also after it ran,
 * before the timer's own memory goes. A timer never set is fine. */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

#endif
