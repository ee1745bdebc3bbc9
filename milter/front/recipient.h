/*
 * Judges a recipient: takes what the MTA says about it, returns the answer to
 * the MTA, and logs. Also keeps actions that are deferred to the end of the
 * message. Knows nothing of libmilter.
 *
 * Any thread.
 */
#ifndef FRONT_RECIPIENT_H
#define FRONT_RECIPIENT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/name.h"
#include "base/net.h"
#include "core/facts.h"
#include "core/scope.h"
#include "core/verdict.h"
#include "log/log.h"

struct config;
struct deferrals;
struct engine;
struct metrics;

/* The parts that judge every recipient. */
struct recipient_context {
	const struct config *config;
	struct engine *engine;
	struct log *log;
	struct metrics *metrics;     /* NULL: nobody counts */
	struct deferrals *deferrals; /* NULL: they are not kept */
	void (*before_wait)(void);   /* NULL: it is not called */
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

/* --- recipient_log.c: records a recipient once it is judged, in one line of
 * the log (dane-sts-milter(8), LOG; fixed keys, fixed order) and, if it did not
 * pass, for the status page. Any thread. --- */

/* The verdict on a recipient, and what it rests on. */
struct judgement {
	struct scope scope;
	bool monitor; /* the verdict is not carried out */
	bool cached;
	uint64_t ms;
	enum verdict_kind verdict;
	enum reason reason;
	/* NULL: no lookup was needed (local, exempt, ...) */
	const struct verdict *judged;
	const struct facts *facts;
	const char *exempted_by; /* of REASON_EXEMPT by its sender, or NULL */
};

/* It passed, and all is as it should be: the line may be left out. */
bool recipient_is_plain(enum verdict_kind verdict, enum reason reason);
/* See struct recipient_result. */
bool recipient_is_of_interest(const struct judgement *judgement);

/* One line: info if it passes for a usual reason, else warning. */
void recipient_log(struct log *log, const struct recipient *recipient,
    const struct judgement *judgement);

/* --- the last recipients that were (monitor: would have been) deferred,
 * rejected or held: a ring of fixed size --- */

#define DEFERRALS_MAX 100

/* Texts are cut where they do not fit, and hold what strangers typed. */
struct deferral {
	int64_t at_s; /* wall clock */
	enum verdict_kind verdict;
	enum reason reason;
	bool monitor;
	char queue_id[32];
	char to[256];
	char domain[NAME_SIZE];
	char client[NET_ADDRESS_SIZE];
	char evidence[EVIDENCE_TEXT_SIZE + 2 + 256]; /* and the validator's */
};

/* NULL: no memory. */
struct deferrals *deferrals_new(void);
void deferrals_free(struct deferrals **deferrals); /* NULL is fine */

/* deferrals may be NULL: nothing is kept. */
void
deferrals_add(struct deferrals *deferrals, const struct recipient *recipient,
    const struct judgement *judgement, int64_t now_s);

/* The newest first; how many there were. */
size_t
deferrals_copy(struct deferrals *deferrals, struct deferral out[DEFERRALS_MAX]);

/* --- the end of a message ---
 *
 * Where recipients cannot be refused one by one (Postfix: non_smtpd_milters),
 * the message is held or refused at its end.
 *
 * Postfix gives a message its queue id when it has accepted a recipient, so
 * that the lines of the recipients up to then say NOQUEUE. A line at the end
 * joins queue id and recipients by the transaction.
 *
 * One thread at a time.
 */

#define EOM_TRANSACTION_SIZE 17
#define EOM_DOMAINS_SIZE     1024

/* Zeroed memory is a message without recipients. */
struct eom_action {
	bool hold;
	bool refuse;
	enum reason reason; /* of the first recipient that caused it */
	struct reply reply; /* likewise; a temporary one */
	/* For exempt_senders and honor_tls_required_no (S-09; RFC 8460 3, RFC
	 * 8689). */
	bool require_tls;    /* MAIL FROM had REQUIRETLS */
	bool tls_not_needed; /* a header "TLS-Required: No" */
	bool tls_header_odd; /* another header TLS-Required has another value */
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

/* MAIL: forgets the message before. argv: the arguments of MAIL FROM, the
 * sender first, then parameters; ends in NULL. */
void eom_action_mail(struct eom_action *eom, const struct scope_rules *rules,
    char *const *argv);
/* The name of the message until it has a queue id, unique on this host. */
const char *eom_action_transaction(struct eom_action *eom);

/*
 * Takes a recipient's result. Returns what to answer at once: PASS, or REFUSE
 * with the result's reply. queued: its message had a queue id. eom NULL: there
 * was no memory for it, so that nothing can be deferred to the end.
 */
enum recipient_answer
eom_action_recipient(struct eom_action *eom, const struct eom_limits *limits,
    const struct recipient_result *result, bool queued);

void
eom_action_header(struct eom_action *eom, const char *name, const char *value);

/* The answer to the end of the message. */
enum recipient_answer eom_action_end(const struct eom_action *eom);
/* Logs the line that joins queue id and recipients, if there is something to
 * join. queue_id NULL: there is none. */
void eom_action_log(const struct eom_action *eom, struct log *log,
    const char *queue_id);

#endif
