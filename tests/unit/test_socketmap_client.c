/*
 * front/socketmap_client: what a connection holds, and when it lets it go. The
 * test plays the lookups, runs the loop itself, and is the only thread.
 */
#include "autoconf.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>

#include <criterion/criterion.h>

#include "base/err.h"
#include "engine/loop.h"
#include "front/socketmap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- the lookups: "slow" is answered by release(), all others at once --- */

static struct tls_lookup *slow;
static unsigned n_asked;

void
tls_lookup_start(struct tls_lookup *lookup, const uint8_t *key, size_t len)
{
	n_asked++;
	if (len == 4 && memcmp(key, "slow", 4) == 0)
		slow = lookup;
	else
		lookup->done(lookup, strdup("NOTFOUND "));
}

static void
release(void)
{
	slow->done(slow, strdup("OK dane-only"));
	slow = NULL;
}

/* --- connections --- */

static struct tls_counters counters;
static struct socketmap_hub hub;

/* Everything that can be done now, both ends on the loopback network: what one
 * end sent is there when send() returns. */
static void
run_loop(void)
{
	for (int i = 0; i < 20; i++)
		(void)event_base_loop(loop_base(hub.loop), EVLOOP_NONBLOCK);
}

/* TCP, as only there a connection can be reset whatever was read of it. */
static int
client(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int served;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len),
	    0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	served = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	cr_assert_geq(served, 0);
	close(listener);
	socketmap_client_new(&hub, served);
	return fd;
}

/* n requests at once, the one at slow_at slow. */
static void
send_pipeline(int fd, size_t n, size_t slow_at)
{
	char octets[SOCKETMAP_UNDER_WAY * 16];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(octets + len, sizeof(octets) - len,
		    "8:sts %s,", i == slow_at ? "slow" : "fast");
	cr_assert_eq(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
	n_asked = 0;
	run_loop();
	cr_assert_eq(n_asked, n);
	cr_assert_not_null(slow);
}

static void
reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
			 sizeof(at_once)),
	    0);
	close(fd);
	run_loop();
}

static size_t
read_replies(int fd)
{
	char replies[SOCKETMAP_UNDER_WAY * 32];
	ssize_t n = recv(fd, replies, sizeof(replies), MSG_DONTWAIT);
	size_t commas = 0;

	for (ssize_t i = 0; i < n; i++)
		commas += replies[i] == ',';
	return commas;
}

/* As one that has read all there is, and goes. */
static void
finish(int fd, size_t replies)
{
	cr_expect_eq(read_replies(fd), replies);
	close(fd);
	run_loop();
}

/* Ends what it asks, and stays until it was told all. */
static void
half_close(int fd)
{
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	run_loop();
}

static void
set_up(void)
{
	TAILQ_INIT(&hub.clients);
	hub.parts.counters = &counters;
	hub.loop = loop_new();
	cr_assert_not_null(hub.loop);
}

static void
tear_down(void)
{
	loop_free(&hub.loop);
}

TestSuite(socketmap_client, .init = set_up, .fini = tear_down, .timeout = 120);

/* A client counts as long as it takes memory, which is until the last answer
 * that it asked for has come. */
static void
release_the_last(void)
{
	cr_expect_eq(hub.n_clients, 1U);
	release();
	run_loop();
	cr_expect_eq(hub.n_clients, 0U);
}

static void
every_position(void)
{
	static const size_t lengths[] = {1, 2, 3, SOCKETMAP_UNDER_WAY};

	for (size_t i = 0; i < N(lengths); i++) {
		for (size_t at = 0; at < lengths[i]; at++) {
			int fd = client();

			send_pipeline(fd, lengths[i], at);
			reset(fd);
			release_the_last();

			fd = client();
			send_pipeline(fd, lengths[i], at);
			finish(fd, at);
			release_the_last();

			fd = client();
			send_pipeline(fd, lengths[i], at);
			half_close(fd);
			release_the_last();
			finish(fd, lengths[i]);
		}
	}
}

Test(socketmap_client, S_02_closing_frees_all_at_every_position)
{
	size_t before;

	every_position();
	before = mallinfo2().uordblks;
	every_position();
	cr_expect_leq(mallinfo2().uordblks, before + 4096);
}

/* The server ends, and the answers come later. */
Test(socketmap_client, S_02_closed_by_the_server_frees_all)
{
	for (size_t at = 0; at < SOCKETMAP_UNDER_WAY; at++) {
		int fd = client();

		send_pipeline(fd, SOCKETMAP_UNDER_WAY, at);
		socketmap_client_close(TAILQ_FIRST(&hub.clients));
		cr_expect(TAILQ_EMPTY(&hub.clients));
		release_the_last();
		close(fd);
	}
}

/* The answer is on its way to the loop when the connection is closed. */
Test(socketmap_client, S_02_closed_beside_its_answer_frees_all)
{
	int fd = client();

	send_pipeline(fd, SOCKETMAP_UNDER_WAY, SOCKETMAP_UNDER_WAY / 2);
	release();
	socketmap_client_close(TAILQ_FIRST(&hub.clients));
	cr_expect_eq(hub.n_clients, 1U);
	run_loop();
	cr_expect_eq(hub.n_clients, 0U);
	close(fd);
}
