/*
 * What a message still owes at its end: recipients that could not be refused
 * one by one, and messages that are to be held (MILTER.md on
 * non_smtpd_milters). Knows nothing of libmilter.
 *
 * Pure. One thread at a time.
 */
#ifndef FRONT_MESSAGE_H
#define FRONT_MESSAGE_H

#include <stdbool.h>

#include "core/reply.h"
#include "front/recipient.h"

/* Zeroed memory is a message without recipients. */
struct message {
	bool hold;
	bool refuse;
	enum reason reason; /* of the first that made it so */
	struct reply reply; /* likewise; a temporary one */
};

enum message_action {
	MESSAGE_CONTINUE,
	MESSAGE_REFUSE,
	MESSAGE_HOLD
};

struct message_limits {
	bool can_hold;   /* the MTA offers quarantine */
	bool can_refuse; /* a recipient, without harm to the message */
};

/*
 * Takes a recipient's result; what is to be done about it at once: CONTINUE
 * or REFUSE with the result's reply. message NULL: there was no memory for
 * it, so that nothing can be left for later.
 */
enum message_action message_recipient(struct message *message,
    const struct message_limits *limits, const struct recipient_result *result);

/* What is to be done at the end of the message. */
enum message_action message_end(const struct message *message);

void message_reset(struct message *message); /* NULL is fine */

#endif
