/*
 * One recipient: from what the MTA says about it to what the MTA is told, and
 * the line in the log. Knows nothing of libmilter.
 *
 * Any thread.
 */
#ifndef FRONT_RECIPIENT_H
#define FRONT_RECIPIENT_H

#include <stdatomic.h>

#include "base/name.h"
#include "core/verdict.h"

struct config;
struct deferrals;
struct engine;
struct log;
struct metrics;

/* What every recipient is judged with. */
struct recipient_context {
	const struct config *config;
	struct engine *engine;
	struct log *log;
	struct metrics *metrics;     /* NULL: nobody counts */
	struct deferrals *deferrals; /* NULL: they are not kept */
	void (*before_wait)(void);   /* NULL: nothing is to be done */
	/* Set at the first next hop that is an address, of which the log warns
	 * once. NULL: it never warns. */
	atomic_flag *told_of_address;
};

/* NULL: the MTA did not say. */
struct recipient {
	const char *arg;         /* of RCPT TO as typed, any octets */
	const char *mailer;      /* {rcpt_mailer} */
	const char *host;        /* {rcpt_host} */
	const char *address;     /* {rcpt_addr} */
	const char *queue_id;    /* i */
	const char *client;      /* {client_addr} */
	const char *exempted_by; /* why its sender is exempt; NULL: it is not */
	/* Names the message as long as it has no queue id; NULL: nothing
	 * does. */
	const char *transaction;
};

enum recipient_answer {
	RECIPIENT_PASS,
	RECIPIENT_REFUSE, /* this recipient, with reply */
	RECIPIENT_HOLD    /* the message, at its end; reply if it cannot be */
};

struct recipient_result {
	enum recipient_answer answer;
	enum verdict_kind verdict;
	enum reason reason;
	struct reply reply;     /* unless RECIPIENT_PASS */
	char domain[NAME_SIZE]; /* that was judged; "": none */
	/* The postmaster may look for its message: it did not pass, or its
	 * domain requires DNSSEC, or that could not be found out. */
	bool of_interest;
};

/* Blocks for the time that the option `deadline` allows. */
void recipient_judge(const struct recipient_context *context,
    const struct recipient *recipient, struct recipient_result *out);

#endif
