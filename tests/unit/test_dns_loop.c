/* dns/dns_context: what it does to the sockets of getdns. */
#include "autoconf.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <event2/event.h>
#include <getdns/getdns.h>

#include "dns/dns_internal.h"

/* Enough of them that the kernel begins to delay acknowledgements. */
#define EXCHANGES 16

struct ends {
	int near;
	int far;
};

static struct ends
connect_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ends ends = {
	    .near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len),
	    0);
	cr_assert_eq(connect(ends.near, (const struct sockaddr *)&address, len),
	    0);
	ends.far = accept(listener, NULL, NULL);
	cr_assert_geq(ends.far, 0);
	close(listener);
	return ends;
}

static int
option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	cr_assert_eq(getsockopt(fd, IPPROTO_TCP, name, &value, &len), 0);
	return value;
}

static void
say(int fd)
{
	cr_assert_eq(write(fd, "x", 1), 1);
}

static void
hear(int fd)
{
	char octet;

	cr_assert_eq(read(fd, &octet, 1), 1);
}

/* Questions and answers, as long as a connection lives. */
static void
exchange(const struct ends *ends)
{
	for (int i = 0; i < EXCHANGES; i++) {
		say(ends->near);
		hear(ends->far);
		say(ends->far);
		hear(ends->near);
	}
}

/* --- the callback of getdns --- */

static struct ends ends;
static int quick_ack;

static void
readable(void *arg)
{
	(void)arg;
	quick_ack = option(ends.near, TCP_QUICKACK);
	hear(ends.near);
}

/* Whether acknowledgements are delayed when getdns is about to read. */
static bool
are_delayed(bool tls)
{
	getdns_eventloop_event event = {.read_cb = readable};
	struct event_base *base = event_base_new();
	struct dns_loop loop;
	getdns_context *context;

	cr_assert_eq(getdns_context_create(&context, 0), GETDNS_RETURN_GOOD);
	cr_assert_eq(dns_loop_attach(&loop, context, base, tls),
	    GETDNS_RETURN_GOOD);
	ends = connect_tcp();
	exchange(&ends);
	cr_assert_eq(loop.super.vmt->schedule(&loop.super, ends.near, 0,
			 &event),
	    GETDNS_RETURN_GOOD);
	cr_expect_eq(option(ends.near, TCP_NODELAY), 1);
	say(ends.near);
	hear(ends.far);
	say(ends.far);
	(void)event_base_loop(base, EVLOOP_ONCE);
	(void)loop.super.vmt->clear(&loop.super, &event);
	close(ends.near);
	close(ends.far);
	getdns_context_destroy(context);
	event_base_free(base);
	return quick_ack == 0;
}

/* 43 ms for each question on loopback, before. */
Test(dns_loop, answers_over_tls_are_acknowledged_at_once)
{
	cr_expect(are_delayed(false), "the kernel does not delay");
	cr_expect_not(are_delayed(true));
}
