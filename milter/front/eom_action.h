/*
 * What a message still owes at its end: recipients that could not be refused
 * one by one, and messages that are to be held (MILTER.md on
 * non_smtpd_milters). Knows nothing of libmilter.
 *
 * One thread at a time.
 */
#ifndef FRONT_EOM_ACTION_H
#define FRONT_EOM_ACTION_H

#include <stdbool.h>

#include "core/scope.h"
#include "core/verdict.h"
#include "front/recipient.h"

/* Zeroed memory is a message without recipients. */
struct message {
	bool hold;
	bool refuse;
	enum reason reason; /* of the first that made it so */
	struct reply reply; /* likewise; a temporary one */
	/* S-09, RFC 8689: what the message says of TLS */
	bool require_tls;    /* MAIL FROM had REQUIRETLS */
	bool tls_not_needed; /* a header "TLS-Required: No" */
	bool tls_header_odd; /* and one that says something else */
	/* "exempt_senders: ADDRESS"; "": its sender is not exempt */
	char exempted_by[sizeof("exempt_senders: ") + EXEMPT_SENDER_MAX];
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

/* argv: of MAIL FROM, the sender first, then parameters; ends in NULL. */
void message_mail(struct message *message, const struct scope_rules *rules,
    char *const *argv);
void
message_header(struct message *message, const char *name, const char *value);
/* The sender asks for delivery without TLS, and may. */
bool message_waives_tls(const struct message *message);

/* What is to be done at the end of the message. */
enum message_action message_end(const struct message *message);

void message_reset(struct message *message); /* NULL is fine */

#endif
