/*
 * An MTA's side of the milter protocol under load: each connection is an SMTP
 * session that sends message after message of ten recipients. Its keys are
 * domains; see load.h. What is negotiated is what Postfix offers.
 *
 *	O <-> O                   once
 *	D M, M                    no reply, if the filter takes NR_MAIL
 *	D R, R -> c               ten times
 *	D E, E -> c               headers and body are not wanted
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define PER_MESSAGE 10

/* libmilter/mfdef.h: what the MTA offers. */
#define PROTOCOL_VERSION 6
#define ACTIONS          (0x20u | 0x100u) /* QUARANTINE, SETSYMLIST */
#define STEPS            (0x1fffffu & ~(0x8u | 0x8000u)) /* not NORCPT, NR_RCPT */
#define STEP_NR_MAIL     0x4000u

#define HEAD 5

struct packets {
	uint8_t octets[2048];
	size_t len;
};

static void
add(struct packets *out, char command, const void *data, size_t len)
{
	uint32_t size = htonl((uint32_t)len + 1);

	if (len > sizeof(out->octets) - out->len - HEAD)
		abort();
	memcpy(out->octets + out->len, &size, sizeof(size));
	out->octets[out->len + sizeof(size)] = (uint8_t)command;
	memcpy(out->octets + out->len + HEAD, data, len);
	out->len += HEAD + len;
}

static void
greet(struct load_connection *c)
{
	const uint32_t offer[3] = {htonl(PROTOCOL_VERSION), htonl(ACTIONS),
	    htonl(STEPS)};
	struct packets out = {.len = 0};

	add(&out, 'O', offer, sizeof(offer));
	load_send(c, out.octets, out.len);
}

#define ADD(out, command, literal) \
	add((out), (command), (literal), sizeof(literal) - 1)

static void
mail(struct load_connection *c)
{
	struct packets out = {.len = 0};

	ADD(&out, 'D', "M{mail_addr}\0sender@home.test\0");
	ADD(&out, 'M', "<sender@home.test>\0");
	load_send(c, out.octets, out.len);
}

static void
ask(struct load_connection *c, const char *key)
{
	char text[1024];
	struct packets out = {.len = 0};
	int len;

	if (c->asked % PER_MESSAGE == 0)
		mail(c);
	len = snprintf(text, sizeof(text),
	    "Ri%c4XyZt2abcz1Q%c{rcpt_mailer}%csmtp%c{rcpt_host}%c%s%c"
	    "{client_addr}%c192.0.2.1%c",
	    0, 0, 0, 0, 0, key, 0, 0, 0);
	add(&out, 'D', text, (size_t)len);
	len = snprintf(text, sizeof(text), "<user%u@%s>%c", c->asked, key, 0);
	add(&out, 'R', text, (size_t)len);
	load_send(c, out.octets, out.len);
}

/* The filter's share of the agreement must be what the load is made for. */
static void
check_agreement(const struct load_connection *c, size_t whole)
{
	uint32_t agreed[3];

	if (whole < HEAD + sizeof(agreed)) {
		(void)fprintf(stderr, "no agreement\n");
		exit(1);
	}
	memcpy(agreed, c->input + HEAD, sizeof(agreed));
	if ((ntohl(agreed[2]) & STEP_NR_MAIL) == 0) {
		(void)fprintf(stderr, "the filter wants to answer MAIL\n");
		exit(1);
	}
}

static enum load_taken
take(struct load_connection *c, size_t *whole)
{
	uint32_t size;

	if (c->len < HEAD)
		return LOAD_PART;
	memcpy(&size, c->input, sizeof(size));
	*whole = sizeof(size) + ntohl(size);
	if (*whole > sizeof(c->input)) {
		(void)fprintf(stderr, "a packet that is too long\n");
		exit(1);
	}
	if (c->len < *whole)
		return LOAD_PART;
	if (c->input[4] == 'O') {
		check_agreement(c, *whole);
		return LOAD_OTHER;
	}
	/* A message whose end is answered, which is not timed. */
	if (c->under_way == 0)
		return LOAD_OTHER;
	return c->input[4] == 'c' ? LOAD_ANSWER : LOAD_ODD;
}

static void
answered(struct load_connection *c)
{
	struct packets out = {.len = 0};

	if (c->asked % PER_MESSAGE != 0)
		return;
	ADD(&out, 'D', "Ei\0004XyZt2abcz1Q\0");
	ADD(&out, 'E', "");
	load_send(c, out.octets, out.len);
	c->agreed = false; /* till the answer has come */
}

int
main(int argc, char **argv)
{
	static const struct load_protocol protocol = {
	    .greet = greet,
	    .ask = ask,
	    .take = take,
	    .answered = answered,
	};

	return load_run(argc, argv, &protocol);
}
