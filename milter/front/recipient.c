#include "autoconf.h"

#include "front/recipient.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "core/address.h"
#include "core/decide.h"
#include "core/scope.h"
#include "engine/ask.h"
#include "front/recipient_log.h"
#include "front/refusals.h"
#include "log/log.h"
#include "log/metrics.h"

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
	/* never silently, since mail may go where nobody looked. */
	if (scope->unreadable)
		warn_of_next_hop(context->log, recipient,
		    "this next hop cannot be read; the recipient is judged by "
		    "the domain of its address");
	/* */
	if (scope->kind == SCOPE_PASS &&
	    scope->reason == REASON_SMART_HOST_ADDRESS &&
	    context->told_of_address != NULL &&
	    !atomic_flag_test_and_set(context->told_of_address))
		warn_of_next_hop(context->log, recipient,
		    "mail leaves over a relay that is given as an address and "
		    "so has no policy: nothing is checked here, run the filter "
		    "on the relay; said once");
}

static void
note(const struct recipient_context *context, const struct recipient_log *line)
{
	metrics_count(context->metrics, METRICS_RECIPIENTS, line->reason,
	    line->verdict);
	if (line->judged != NULL && line->judged->pinned)
		metrics_count(context->metrics, METRICS_PINNED, line->verdict,
		    0);
	if (line->verdict != VERDICT_PASS)
		refusals_add(context->refusals, line, clock_wall_s());
	/* What is passed for want of knowledge is told in any case. */
	if (context->config->log_pass || !recipient_log_is_plain(line))
		recipient_log(context->log, line);
}

static enum recipient_answer
answer_of(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_PASS:
		return RECIPIENT_PASS;
	case VERDICT_DEFER:
	case VERDICT_REJECT:
		break;
	case VERDICT_QUARANTINE:
		return RECIPIENT_HOLD;
	}
	return RECIPIENT_REFUSE;
}

/* Borrows both until the line is written. */
static void
take_verdict(const struct facts *facts, const struct verdict *verdict,
    struct recipient_log *line, struct recipient_result *out)
{
	line->judged = verdict;
	line->facts = facts;
	line->verdict = verdict->kind;
	line->reason = verdict->reason;
	out->reason = verdict->reason;
	/* */
	if (line->monitor)
		return;
	out->answer = answer_of(verdict->kind);
	if (out->answer != RECIPIENT_PASS)
		reply_format(facts, verdict, &out->reply);
}

static void
ask_engine(const struct recipient_context *context, const struct target *target,
    uint64_t start_ms, struct recipient_log *line, struct recipient_result *out)
{
	const struct config *config = context->config;
	const struct answer *answer =
	    ask_wait(context->engine, target, start_ms + config->deadline_ms,
		context->before_wait, &line->cached);
	struct verdict verdict;
	struct facts facts;

	if (answer != NULL) {
		take_verdict(answer->facts, &answer->verdict, line, out);
	} else {
		decide_without_facts(target->domain,
		    config_pins(config, target->domain, clock_wall_s()),
		    err_text(ERR_NOMEM), &config->rules, &facts, &verdict);
		take_verdict(&facts, &verdict, line, out);
	}
	line->ms = clock_mono_ms() - start_ms;
	note(context, line);
	/* Neither outlives this call. */
	line->judged = NULL;
	line->facts = NULL;
	answer_unref(&answer);
}

/* the MTA may route a name that cannot be looked up here. */
static void
judge_unnamed(const struct recipient_context *context,
    const struct recipient *recipient, struct recipient_log *line,
    struct recipient_result *out)
{
	struct facts facts = {
	    .recipient = {.class = ADDRESS_INVALID,
			  .domain = "recipient", /* the reply begins with it */
		.mailer = recipient->mailer,
			  .host = recipient->host},
	};
	struct verdict verdict;

	(void)decide(&facts, &context->config->rules, DECIDE_FINAL, &verdict);
	take_verdict(&facts, &verdict, line, out);
	note(context, line);
	/* Neither outlives this call. */
	line->judged = NULL;
	line->facts = NULL;
}

void
recipient_judge(const struct recipient_context *context,
    const struct recipient *recipient, struct recipient_result *out)
{
	const uint64_t start_ms = clock_mono_ms();
	const uint64_t start_us = clock_mono_us();
	struct scope scope;
	struct recipient_log line = {
	    .queue_id = recipient->queue_id,
	    .to = recipient->arg,
	    .client = recipient->client,
	    .verdict = VERDICT_PASS,
	};

	memset(out, 0, sizeof(*out));
	out->answer = RECIPIENT_PASS;
	resolve(context, recipient, &scope);
	check_next_hop(context, recipient, &scope);
	line.next_hop = scope.next_hop;
	line.domain = scope.target.domain;
	line.monitor = config_only_watches(context->config, line.domain);
	if (recipient->exempted_by != NULL &&
	    (scope.kind == SCOPE_ASK ||
		scope.reason == REASON_INVALID_ADDRESS)) {
		scope.kind = SCOPE_PASS;
		scope.reason = REASON_EXEMPT;
		line.exempted_by = recipient->exempted_by;
	}
	switch (scope.kind) {
	case SCOPE_PASS:
		if (scope.reason == REASON_INVALID_ADDRESS) {
			judge_unnamed(context, recipient, &line, out);
			break;
		}
		line.reason = out->reason = scope.reason;
		line.exemption = scope.exemption;
		note(context, &line);
		break;
	case SCOPE_ASK:
		ask_engine(context, &scope.target, start_ms, &line, out);
		break;
	}
	metrics_count(context->metrics, METRICS_ANSWERS, out->answer, 0);
	if (line.verdict != VERDICT_PASS && out->answer == RECIPIENT_PASS)
		metrics_count(context->metrics, METRICS_SPARED, line.reason, 0);
	metrics_time(context->metrics, METRICS_RECIPIENT_TIME,
	    clock_mono_us() - start_us);
}
