/*
 * What the filter does at the end of a message: holds or refuses it where its
 * recipients could not be refused one by one (MILTER.md on non_smtpd_milters),
 * and logs its queue id where that was not known before. Postfix gives a
 * message its queue id when it has accepted a recipient, so that the lines of
 * the recipients up to then say NOQUEUE; the line at the end joins them by the
 * transaction. Knows nothing of libmilter.
 *
 * One thread at a time.
 */
#ifndef FRONT_EOM_ACTION_H
#define FRONT_EOM_ACTION_H

#include <stdbool.h>

#include "core/scope.h"
#include "core/verdict.h"
#include "front/recipient.h"

struct log;

#define EOM_TRANSACTION_SIZE 17
#define EOM_DOMAINS_SIZE     1024

/* Zeroed memory is a message without recipients. */
struct eom_action {
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

	/* for the line at the end */
	char transaction[EOM_TRANSACTION_SIZE];
	bool joins; /* a line with NOQUEUE has named the transaction */
	unsigned recipients;
	unsigned deferred;
	unsigned left_out;              /* of domains, which is full */
	char domains[EOM_DOMAINS_SIZE]; /* "a.example=defer/mx-insecure ..." */
};

struct eom_limits {
	bool can_hold;   /* the MTA offers quarantine */
	bool can_refuse; /* a recipient, without harm to the message */
};

/* MAIL: forgets the message before. argv: of MAIL FROM, the sender first, then
 * parameters; ends in NULL. */
void eom_action_mail(struct eom_action *eom, const struct scope_rules *rules,
    char *const *argv);
/* The name of the message until it has a queue id, unique on this host. */
const char *eom_action_transaction(struct eom_action *eom);

/*
 * Takes a recipient's result; what is to be done about it at once: PASS, or
 * REFUSE with the result's reply. queued: its message had a queue id. eom NULL:
 * there was no memory for it, so that nothing can be left for later.
 */
enum recipient_answer
eom_action_recipient(struct eom_action *eom, const struct eom_limits *limits,
    const struct recipient_result *result, bool queued);

void
eom_action_header(struct eom_action *eom, const char *name, const char *value);
/* The sender asks for delivery without TLS, and may. */
bool eom_action_waives_tls(const struct eom_action *eom);

/* What is to be done at the end of the message. */
enum recipient_answer eom_action_end(const struct eom_action *eom);
/* The line that joins queue id and recipients, if there is something to join.
 * queue_id NULL: there is none. */
void eom_action_log(const struct eom_action *eom, struct log *log,
    const char *queue_id);

#endif
