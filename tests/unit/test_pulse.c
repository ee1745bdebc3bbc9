/* Whether a loop turns: loop_turns() of one that is held up. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#include "engine/loop.h"

TestSuite(pulse, .timeout = 60);

/* A task that holds its loop up. */
struct barrier_task {
	struct loop_task task; /* first: a task is its barrier_task */
	pthread_barrier_t begun;
	pthread_barrier_t end;
};

static void
hold_up(struct loop_task *task)
{
	struct barrier_task *t = (struct barrier_task *)task;

	pthread_barrier_wait(&t->begun);
	pthread_barrier_wait(&t->end);
}

Test(pulse, a_loop_that_is_held_up_is_told_from_one_that_turns)
{
	struct barrier_task held = {.task.run = hold_up};
	struct loop *loop = loop_new();

	cr_assert(loop != NULL);
	cr_assert_eq(loop_start(loop), 0);
	pthread_barrier_init(&held.begun, NULL, 2);
	pthread_barrier_init(&held.end, NULL, 2);
	loop_post(loop, &held.task);
	pthread_barrier_wait(&held.begun);
	cr_expect(loop_turns(loop), "the first is sent");
	cr_expect_not(loop_turns(loop), "and does not come back");
	cr_expect_not(loop_turns(loop));
	pthread_barrier_wait(&held.end);
	while (!loop_turns(loop))
		sched_yield();
	loop_stop(loop);
	loop_free(&loop);
	pthread_barrier_destroy(&held.begun);
	pthread_barrier_destroy(&held.end);
}
