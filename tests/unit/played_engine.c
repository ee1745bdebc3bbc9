/* The engine as a test plays it. See played_engine.h. */
#include "autoconf.h"

#include "played_engine.h"

#include <criterion/criterion.h>
#include <poll.h>

#include "base/clock.h"

struct played_engine played = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
ask(struct engine *engine, const struct ask_options *options)
{
	struct played_question question = {
	    .target = *options->target,
	    .done = options->done,
	    .arg = options->arg,
	};
	size_t n;
	bool hold;

	(void)engine;
	(void)pthread_mutex_lock(&played.lock);
	n = played.n_asked++;
	played.target = *options->target;
	played.left_ms = options->deadline_ms - clock_mono_ms();
	hold = played.hold && played.n_held < PLAYED_HELD_MAX;
	if (hold)
		played.held[played.n_held++] = question;
	(void)pthread_mutex_unlock(&played.lock);
	if (!hold)
		played.answer(&question, n);
}

void
played_hold(void)
{
	(void)pthread_mutex_lock(&played.lock);
	played.hold = true;
	(void)pthread_mutex_unlock(&played.lock);
}

void
played_release(void)
{
	struct played_question question;
	bool more;

	do {
		(void)pthread_mutex_lock(&played.lock);
		played.hold = false;
		more = played.n_held > 0;
		if (more)
			question = played.held[--played.n_held];
		(void)pthread_mutex_unlock(&played.lock);
		if (more)
			played.answer(&question, 0);
	} while (more);
}

static size_t
read_number(const size_t *number)
{
	size_t n;

	(void)pthread_mutex_lock(&played.lock);
	n = *number;
	(void)pthread_mutex_unlock(&played.lock);
	return n;
}

static void
await_number(const size_t *number, size_t n)
{
	const uint64_t end_ms = clock_mono_ms() + PLAYED_PATIENCE_MS;

	while (read_number(number) < n && clock_mono_ms() < end_ms)
		(void)poll(NULL, 0, 1);
	cr_assert_geq(read_number(number), n, "%zu of %zu", read_number(number),
	    n);
}

size_t
played_asked(void)
{
	return read_number(&played.n_asked);
}

void
played_await_asked(size_t n)
{
	await_number(&played.n_asked, n);
}

void
played_await_held(size_t n)
{
	await_number(&played.n_held, n);
}
