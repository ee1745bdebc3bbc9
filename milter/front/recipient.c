/* Turns a recipient into an answer: resolves the policy domain (core/scope.c),
 * asks the engine for a verdict, and makes reply, counters and log line
 * (recipient_log.c). Then the actions at the end of a message. filter.c talks
 * to libmilter. */
#include "autoconf.h"

#include "front/recipient.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "core/address.h"
#include "core/decide.h"
#include "core/scope.h"
#include "engine/ask.h"
#include "log/log.h"
#include "log/metrics.h"

/* Finds the domain to judge, if there is one. */
static void
resolve(const struct recipient_context *context,
    const struct recipient *recipient, struct scope *scope)
{
	struct address address;
	struct scope_input input = {
	    .address = &address,
	    .rewritten = recipient->address != NULL,
	    .mailer = recipient->mailer,
	    .host = recipient->host,
	    .idn = idn_to_ascii,
	    .now_s = clock_wall_s(),
	};

	if (recipient->address != NULL)
		address_parse_rewritten(recipient->address, idn_to_ascii,
		    &address);
	else
		address_parse((const uint8_t *)recipient->arg,
		    strlen(recipient->arg), idn_to_ascii, &address);
	scope_resolve(&context->config->scope, &input, scope);
}

static void
warn_of_next_hop(struct log *log, const struct recipient *recipient,
    const char *msg)
{
	struct log_event e;

	log_begin(&e, log, LOG_LEVEL_WARNING, "next-hop");
	log_str(&e, "qid",
	    recipient->queue_id != NULL ? recipient->queue_id : "NOQUEUE");
	log_str(&e, "to", recipient->arg);
	log_str(&e, "next_hop", recipient->host);
	log_str(&e, "msg", msg);
	log_end(&e);
}

static void
check_next_hop(const struct recipient_context *context,
    const struct recipient *recipient, const struct scope *scope)
{
	/* always logged, since the MTA may deliver to a host that was not
	 * checked. */
	if (scope->unreadable)
		warn_of_next_hop(context->log, recipient,
		    "this next hop cannot be read; the recipient is judged by "
		    "the domain of its address");
	/* With such a relay the filter protects nothing, so that it warns, but
	 * once. */
	if (scope->kind == SCOPE_PASS &&
	    scope->reason == REASON_SMART_HOST_ADDRESS &&
	    context->told_of_address != NULL &&
	    !atomic_flag_test_and_set(context->told_of_address))
		warn_of_next_hop(context->log, recipient,
		    "mail leaves over a relay that is given as an address and "
		    "so has no policy: nothing is checked here, run the filter "
		    "on the relay; said once");
}

/* Makes the answer, counts it and logs it. */
static void
conclude(const struct recipient_context *context,
    const struct recipient *recipient, const struct judgement *judgement,
    struct recipient_result *out)
{
	struct metrics *metrics = context->metrics;

	out->answer = RECIPIENT_PASS;
	out->verdict = judgement->verdict;
	out->reason = judgement->reason;
	out->of_interest = recipient_is_of_interest(judgement);
	memcpy(out->domain, judgement->scope.target.domain,
	    sizeof(out->domain));
	/* in monitor mode the verdict is not carried out. */
	if (!judgement->monitor && judgement->verdict != VERDICT_PASS) {
		out->answer = judgement->verdict == VERDICT_QUARANTINE
		    ? RECIPIENT_HOLD
		    : RECIPIENT_REFUSE;
		reply_format(judgement->facts, judgement->judged, &out->reply);
	}
	metrics_count(metrics, METRICS_RECIPIENTS, judgement->reason,
	    judgement->verdict);
	if (judgement->judged != NULL && judgement->judged->pinned)
		metrics_count(metrics, METRICS_PINNED, judgement->verdict, 0);
	metrics_count(metrics, METRICS_ANSWERS, out->answer, 0);
	if (judgement->verdict != VERDICT_PASS && out->answer == RECIPIENT_PASS)
		metrics_count(metrics, METRICS_SPARED, judgement->reason, 0);
	deferrals_add(context->deferrals, recipient, judgement, clock_wall_s());
	/* A pass because of a failed lookup is logged in any case. */
	if (context->config->log_pass ||
	    !recipient_is_plain(judgement->verdict, judgement->reason))
		recipient_log(context->log, recipient, judgement);
}

void
recipient_judge(const struct recipient_context *context,
    const struct recipient *recipient, struct recipient_result *out)
{
	const struct config *config = context->config;
	const uint64_t start_ms = clock_mono_ms();
	const uint64_t start_us = clock_mono_us();
	struct judgement judgement = {.verdict = VERDICT_PASS};
	struct scope *scope = &judgement.scope;
	const char *domain = scope->target.domain;
	const struct answer *answer = NULL;
	struct verdict verdict;
	struct facts facts;

	memset(out, 0, sizeof(*out));
	resolve(context, recipient, scope);
	check_next_hop(context, recipient, scope);
	judgement.monitor = config_only_watches(config, domain);
	if (recipient->exempted_by != NULL &&
	    (scope->kind == SCOPE_ASK ||
		scope->reason == REASON_INVALID_ADDRESS)) {
		scope->kind = SCOPE_PASS;
		scope->reason = REASON_EXEMPT;
		judgement.exempted_by = recipient->exempted_by;
	}
	judgement.reason = scope->reason;
	if (scope->kind == SCOPE_ASK) {
		answer = ask_wait(context->engine, &scope->target,
		    start_ms + config->deadline_ms, context->before_wait,
		    &judgement.cached);
		judgement.ms = clock_mono_ms() - start_ms;
		if (answer == NULL) {
			decide_without_facts(domain,
			    config_pins(config, domain, clock_wall_s()),
			    err_text(ERR_NOMEM), &config->rules, &facts,
			    &verdict);
		}
		judgement.judged = answer != NULL ? &answer->verdict : &verdict;
		judgement.facts = answer != NULL ? answer->facts : &facts;
	} else if (scope->reason == REASON_INVALID_ADDRESS) {
		/* the MTA may route a name that cannot be looked up
		 * here. */
		facts = (struct facts){
		    .recipient = {.class = ADDRESS_INVALID,
				  .domain = "recipient", /* the reply begins with it */
			.mailer = recipient->mailer,
				  .host = recipient->host},
		};
		(void)decide(&facts, &config->rules, DECIDE_FINAL, &verdict);
		judgement.judged = &verdict;
		judgement.facts = &facts;
	}
	if (judgement.judged != NULL) {
		judgement.verdict = judgement.judged->kind;
		judgement.reason = judgement.judged->reason;
	}
	conclude(context, recipient, &judgement, out);
	answer_unref(&answer);
	metrics_time(context->metrics, METRICS_RECIPIENT_TIME,
	    clock_mono_us() - start_us);
}

/* --- the end of a message --- */

/* Counts a recipient for the line at the end. */
static void
note_recipient(struct eom_action *eom, const struct recipient_result *result,
    bool queued)
{
	size_t len = strlen(eom->domains), at = len;
	const char *const parts[] = {len > 0 ? " " : "",
	    result->domain[0] != '\0' ? result->domain : "-", "=",
	    verdict_name(result->verdict), "/", reason_name(result->reason)};

	eom->recipients++;
	eom->deferred += result->answer != RECIPIENT_PASS;
	if (!result->of_interest)
		return;
	if (!queued)
		eom->joins = true;
	/* Without printf(), which is slow: this runs for each recipient. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strlen(parts[i]);

		if (n >= sizeof(eom->domains) - at) {
			eom->domains[len] = '\0';
			eom->left_out++;
			return;
		}
		memcpy(eom->domains + at, parts[i], n + 1);
		at += n;
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
	/* Deferred to the end. Refusing outranks holding; of the same rank the
	 * first gives the reason. The reply hits the other recipients as well:
	 * it is never permanent. */
	if (!eom->refuse && (!hold || !eom->hold)) {
		eom->reason = result->reason;
		eom->reply = result->reply;
		memcpy(eom->reply.code, "450", sizeof(eom->reply.code));
		memcpy(eom->reply.xcode, "4.7.5", sizeof(eom->reply.xcode));
	}
	eom->refuse = eom->refuse || !hold;
	eom->hold = eom->hold || hold;
	return RECIPIENT_PASS;
}

const char *
eom_action_transaction(struct eom_action *eom)
{
	static atomic_uint_fast64_t last;
	uint_fast64_t start;

	if (eom->transaction[0] != '\0')
		return eom->transaction;
	/* The counter starts at the time of its first use, so that names differ
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

enum recipient_answer
eom_action_end(const struct eom_action *eom)
{
	if (eom->refuse)
		return RECIPIENT_REFUSE;
	return eom->hold ? RECIPIENT_HOLD : RECIPIENT_PASS;
}
