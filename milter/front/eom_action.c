#include "autoconf.h"

#include "front/eom_action.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/idn.h"
#include "log/log.h"

/* Refusing outranks holding; of the same rank the first is told. It hits the
 * other recipients as well: never for good. */
static void
remember(struct eom_action *eom, bool refuse,
    const struct recipient_result *result)
{
	if (!eom->refuse && (refuse || !eom->hold)) {
		eom->reason = result->reason;
		eom->reply = result->reply;
		memcpy(eom->reply.code, "450", sizeof(eom->reply.code));
		memcpy(eom->reply.xcode, "4.7.5", sizeof(eom->reply.xcode));
	}
	if (refuse)
		eom->refuse = true;
	else
		eom->hold = true;
}

/* For the line at the end. */
static void
note_recipient(struct eom_action *eom, const struct recipient_result *result,
    bool queued)
{
	size_t len = strlen(eom->domains);
	int n;

	eom->recipients++;
	eom->deferred += result->answer != RECIPIENT_PASS;
	if (!result->of_interest)
		return;
	if (!queued)
		eom->joins = true;
	n = snprintf(eom->domains + len, sizeof(eom->domains) - len,
	    "%s%s=%s/%s", len > 0 ? " " : "",
	    result->domain[0] != '\0' ? result->domain : "-",
	    verdict_name(result->verdict), reason_name(result->reason));
	if (n < 0 || (size_t)n >= sizeof(eom->domains) - len) {
		eom->domains[len] = '\0';
		eom->left_out++;
	}
}

enum recipient_answer
eom_action_recipient(struct eom_action *eom, const struct eom_limits *limits,
    const struct recipient_result *result, bool queued)
{
	bool hold = result->answer == RECIPIENT_HOLD && limits->can_hold;

	if (eom != NULL)
		note_recipient(eom, result, queued);
	if (result->answer == RECIPIENT_PASS)
		return RECIPIENT_PASS;
	if (eom == NULL || (!hold && limits->can_refuse))
		return RECIPIENT_REFUSE;
	remember(eom, !hold, result);
	return RECIPIENT_PASS;
}

const char *
eom_action_transaction(struct eom_action *eom)
{
	static atomic_uint_fast64_t last;
	uint_fast64_t start;

	if (eom->transaction[0] != '\0')
		return eom->transaction;
	/* Counted from the time of the first one on, so that it is another
	 * after a restart. */
	start = (uint_fast64_t)clock_wall_s() << 20;
	if (atomic_load(&last) == 0)
		(void)atomic_compare_exchange_strong(&last, &(uint_fast64_t){0},
		    start);
	(void)snprintf(eom->transaction, sizeof(eom->transaction),
	    "%" PRIxFAST64, atomic_fetch_add(&last, 1));
	return eom->transaction;
}

void
eom_action_log(const struct eom_action *eom, struct log *log,
    const char *queue_id)
{
	struct log_event e;

	if (!eom->joins || queue_id == NULL)
		return;
	log_begin(&e, log, LOG_LEVEL_INFO, "message");
	log_str(&e, "qid", queue_id);
	log_str(&e, "transaction", eom->transaction);
	log_int(&e, "recipients", eom->recipients);
	log_int(&e, "deferred", eom->deferred);
	log_str(&e, "domains", eom->domains);
	if (eom->left_out > 0)
		log_int(&e, "left_out", eom->left_out);
	log_end(&e);
}

void
eom_action_mail(struct eom_action *eom, const struct scope_rules *rules,
    char *const *argv)
{
	const struct exempt_sender *exemption;

	*eom = (struct eom_action){.hold = false};
	if (argv[0] == NULL)
		return;
	exemption = scope_exempt_sender(rules, argv[0], idn_to_ascii);
	if (exemption != NULL)
		(void)snprintf(eom->exempted_by, sizeof(eom->exempted_by),
		    "exempt_senders: %s", exemption->text);
	for (argv++; *argv != NULL; argv++) {
		if (strcasecmp(*argv, "REQUIRETLS") == 0)
			eom->require_tls = true;
	}
}

/* RFC 8689 3: "No" is the only value. */
void
eom_action_header(struct eom_action *eom, const char *name, const char *value)
{
	static const char blanks[] = " \t\r\n";
	size_t len;

	if (strcasecmp(name, "TLS-Required") != 0)
		return;
	value += strspn(value, blanks);
	len = strcspn(value, blanks);
	if (len == 2 && strncasecmp(value, "No", len) == 0 &&
	    value[len + strspn(value + len, blanks)] == '\0')
		eom->tls_not_needed = true;
	else
		eom->tls_header_odd = true;
}

/* RFC 8689 4.1: the header does not count beside REQUIRETLS. */
bool
eom_action_waives_tls(const struct eom_action *eom)
{
	return eom->tls_not_needed && !eom->tls_header_odd && !eom->require_tls;
}

enum recipient_answer
eom_action_end(const struct eom_action *eom)
{
	if (eom->refuse)
		return RECIPIENT_REFUSE;
	return eom->hold ? RECIPIENT_HOLD : RECIPIENT_PASS;
}
