/* front/filter_socket, callbacks that run: nobody who is inside is forgotten
 * when it closes. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/filter.h"

static struct inflight inflight = INFLIGHT_INITIALIZER;
static int entered[2];
static int release[2];

static void
set_up(void)
{
	cr_assert_eq(pipe(entered), 0);
	cr_assert_eq(pipe(release), 0);
}

TestSuite(inflight, .init = set_up, .timeout = 60);

static void *
stay_inside(void *arg)
{
	char octet;

	(void)arg;
	if (inflight_enter(&inflight)) {
		(void)!write(entered[1], "", 1);
		(void)!read(release[0], &octet, 1);
		inflight_leave(&inflight);
	}
	return NULL;
}

static void
enter_one(pthread_t *thread)
{
	char octet;

	cr_assert_eq(pthread_create(thread, NULL, stay_inside, NULL), 0);
	cr_assert_eq(read(entered[0], &octet, 1), 1);
}

Test(inflight, open_lets_in_and_out)
{
	cr_assert(inflight_enter(&inflight));
	cr_assert(inflight_enter(&inflight));
	inflight_leave(&inflight);
	inflight_leave(&inflight);
	cr_assert(inflight_close(&inflight, clock_mono_ms()));
	cr_assert_not(inflight_enter(&inflight));
	/* Who was kept out does not count as inside. */
	cr_assert(inflight_close(&inflight, clock_mono_ms()));
}

Test(inflight, close_gives_up_at_its_time)
{
	pthread_t thread;

	enter_one(&thread);
	cr_assert_not(inflight_close(&inflight, clock_mono_ms()));
	cr_assert_eq(write(release[1], "", 1), 1);
	pthread_join(thread, NULL);
	cr_assert(inflight_close(&inflight, clock_mono_ms()));
}

static void *
close_it(void *arg)
{
	bool *empty = arg;

	*empty = inflight_close(&inflight, clock_mono_ms() + 60000);
	return NULL;
}

Test(inflight, close_waits_for_those_inside)
{
	pthread_t inside[3];
	pthread_t closer;
	bool empty = false;

	for (int i = 0; i < 3; i++)
		enter_one(&inside[i]);
	cr_assert_eq(pthread_create(&closer, NULL, close_it, &empty), 0);
	cr_assert_eq(write(release[1], "xyz", 3), 3);
	pthread_join(closer, NULL);
	cr_assert(empty);
	for (int i = 0; i < 3; i++)
		pthread_join(inside[i], NULL);
}
