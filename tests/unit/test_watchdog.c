/* The watchdog, and what init systems are told. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/watchdog.h"

static char directory[] = "/tmp/test_watchdog.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int init_fd; /* the socket that plays the init system */
static char state[256];

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
	    directory);
	init_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(init_fd, (struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
tear_down(void)
{
	close(init_fd);
	unlink(address.sun_path);
	rmdir(directory);
}

TestSuite(watchdog, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *
next_state(void)
{
	ssize_t n = recv(init_fd, state, sizeof(state) - 1, 0);

	cr_assert_geq(n, 0);
	state[n] = '\0';
	return state;
}

static bool
nothing_was_said(void)
{
	return recv(init_fd, state, sizeof(state), MSG_DONTWAIT) < 0;
}

/* Dead for some looks, alive from then on. */
struct patient {
	unsigned dead_for;
	atomic_uint looks;
};

static bool
is_alive(void *arg)
{
	struct patient *patient = arg;

	return atomic_fetch_add(&patient->looks, 1) >= patient->dead_for;
}

Test(watchdog, says_nothing_as_long_as_the_daemon_is_dead)
{
	struct patient patient = {.dead_for = 5};
	struct watchdog *watchdog;

	setenv("WATCHDOG_USEC", "4000", 1);
	cr_assert_eq(watchdog_start(&watchdog, is_alive, &patient), 0);
	cr_assert(watchdog != NULL);
	cr_expect_str_eq(next_state(), "WATCHDOG=1");
	cr_expect_geq(atomic_load(&patient.looks), 6U);
	cr_expect_str_eq(next_state(), "WATCHDOG=1");
	watchdog_stop(&watchdog);
	cr_expect(watchdog == NULL);
}

Test(watchdog, is_only_for_those_who_are_watched)
{
	static const struct {
		const char *usec;
		const char *pid;
	} rows[] = {
	    {NULL,		      NULL},
            {"",                        NULL},
            {"0",                       NULL},
            {"-1",                      NULL},
            {"12x",                     NULL},
	    {" 12",		     NULL},
            {"99999999999999999999999", NULL},
            {"1000000",                 "1" },
	    {"1000000",                 ""  },
            {"1000000",                 "x" }
        };
	struct patient patient = {0};
	struct watchdog *watchdog;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsetenv("WATCHDOG_PID");
		unsetenv("WATCHDOG_USEC");
		if (rows[i].usec != NULL)
			setenv("WATCHDOG_USEC", rows[i].usec, 1);
		if (rows[i].pid != NULL)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		cr_expect_eq(watchdog_start(&watchdog, is_alive, &patient), 0);
		cr_expect(watchdog == NULL, "row %zu", i);
		watchdog_stop(&watchdog);
	}
	cr_expect_eq(atomic_load(&patient.looks), 0U);
	cr_expect(nothing_was_said());
}

Test(watchdog, is_for_this_process_if_its_number_is_given)
{
	struct patient patient = {0};
	struct watchdog *watchdog;
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	/* An hour: stopping does not wait for the next look. */
	setenv("WATCHDOG_USEC", "3600000000", 1);
	cr_assert_eq(watchdog_start(&watchdog, is_alive, &patient), 0);
	cr_assert(watchdog != NULL);
	cr_expect_str_eq(next_state(), "WATCHDOG=1");
	watchdog_stop(&watchdog);
	cr_expect_eq(atomic_load(&patient.looks), 1U);
}

/* sd_notify(3): the time is CLOCK_MONOTONIC, in microseconds. */
Test(watchdog, a_reload_says_when_it_began)
{
	static const char start[] = "RELOADING=1\nMONOTONIC_USEC=";
	struct timespec before;
	struct timespec after;
	long long us;
	char *end;

	clock_gettime(CLOCK_MONOTONIC, &before);
	notify_reloading();
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_assert_eq(strncmp(next_state(), start, strlen(start)), 0, "%s",
	    state);
	us = strtoll(state + strlen(start), &end, 10);
	cr_expect_eq(*end, '\0');
	cr_expect_geq(us, before.tv_sec * 1000000LL + before.tv_nsec / 1000);
	cr_expect_leq(us, after.tv_sec * 1000000LL + after.tv_nsec / 1000);
}

Test(watchdog, nobody_is_told_when_nobody_listens)
{
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	notify("READY=1");
	cr_expect(nothing_was_said());
}
