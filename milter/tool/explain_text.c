/* A log line in sentences. See explain.h. */
#include "autoconf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/tls_policy.h"
#include "core/verdict.h"
#include "text/advice.h"
#include "tool/explain.h"
#include "tool/output.h"

#define WIDTH    79
#define MARGIN   "  "
#define PARA_MAX 8192

/* How a recipient was answered, and how it would have been. */
static const struct {
	const char *done;
	const char *would;
} verdict_words[] = {
    [VERDICT_PASS] = {"was let through",                                 "was let through"         },
    [VERDICT_DEFER] = {"was deferred: answered 450, so that the sender tries "
		       "again",		    "would have been deferred"},
    [VERDICT_REJECT] = {"was rejected: answered 550",
		      "would have been rejected"						   },
    [VERDICT_QUARANTINE] = {"was accepted, and the message held in the queue",
		      "would have been accepted, and the message held in the queue"                },
};

#define N_VERDICTS (sizeof(verdict_words) / sizeof(verdict_words[0]))

/* How the MTA was told to deliver. */
static const char *const answer_words[TLS_POLICY_KINDS] = {
    [TLS_POLICY_NONE] = "to deliver as it is configured to",
    [TLS_POLICY_DEFER] = "to wait: the message stays in the queue",
    [TLS_POLICY_DANE_ONLY] = "to use DANE, and no host without TLSA records",
    [TLS_POLICY_SECURE] = "that the certificate must name what the policy "
			  "names",
    [TLS_POLICY_VERIFY] = "that the certificate must name the MX host",
    [TLS_POLICY_ENCRYPT] = "to use TLS, whatever the certificate",
};

/* --- parts ---------------------------------------------------------------- */

static const char *
get(const struct log_record *record, const char *key)
{
	return log_record_text(record, key);
}

static bool
has(const struct log_record *record, const char *key)
{
	const char *text = get(record, key);

	return text[0] != '\0' && strcmp(text, "-") != 0;
}

static bool
is(const struct log_record *record, const char *key, const char *text)
{
	return strcmp(get(record, key), text) == 0;
}

static void para(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
para(const char *fmt, ...)
{
	char text[PARA_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_wrap(stdout, MARGIN, strlen(MARGIN), WIDTH, text);
}

/* -1: none of that name. */
static int
verdict_of(const struct log_record *record)
{
	for (size_t i = 0; i < N_VERDICTS; i++) {
		if (is(record, "verdict", verdict_name((enum verdict_kind)i)))
			return (int)i;
	}
	return -1;
}

static int
answer_of(const struct log_record *record)
{
	for (int i = 0; i < TLS_POLICY_KINDS; i++) {
		if (is(record, "answer",
			tls_policy_name((enum tls_policy_kind)i)))
			return i;
	}
	return -1;
}

static bool
is_event(const struct log_record *record, const char *name)
{
	return strcmp(log_record_span(record, record->event), name) == 0;
}

bool
explain_is_refusal(const struct log_record *record)
{
	if (is_event(record, "rcpt"))
		return verdict_of(record) > VERDICT_PASS;
	if (is_event(record, "tls-policy"))
		return answer_of(record) == TLS_POLICY_DEFER;
	return is_event(record, "eom");
}

/* --- why ------------------------------------------------------------------ */

/* A newer daemon may have reasons that are not known here. */
static void
print_reason(const struct log_record *record)
{
	int reason = reason_by_name(get(record, "reason"));

	if (!has(record, "reason"))
		return;
	if (reason < 0)
		para("Reason %s.", get(record, "reason"));
	else
		para("Reason %s: %s", get(record, "reason"),
		    advice_meaning((enum reason)reason));
}

static void
print_advice(const struct log_record *record)
{
	int reason = reason_by_name(get(record, "reason"));
	const char *advice;

	if (reason < 0)
		return;
	advice = advice_text((enum reason)reason);
	para("%s%s",
	    strncmp(advice, "Nothing", 7) == 0 ? "" : "What to do: ", advice);
}

static void
print_why(const struct log_record *record)
{
	if (has(record, "why"))
		para("%s: %s",
		    is(record, "reason", "exempt") ? "The reason given"
						   : "What was said of it",
		    get(record, "why"));
}

/* A time span of the record in words. False: it has none. */
static bool
duration_of(const struct log_record *record, const char *key,
    char out[DURATION_SIZE])
{
	const char *text = get(record, key);
	char *end;
	long long seconds = strtoll(text, &end, 10);

	if (end == text || *end != '\0' || seconds < 0)
		return false;
	duration_text(seconds, out);
	return true;
}

static void
print_policy(const struct log_record *record)
{
	char age[DURATION_SIZE] = "";
	char mode[sizeof("mode , ") + 32] = "";

	if (is(record, "policy", "pinned"))
		para("The configuration pins the domain: it must be secure, "
		     "whether it has a policy or not.");
	else if (has(record, "policy_id"))
		(void)snprintf(mode, sizeof(mode), "mode %.32s, ",
		    get(record, "policy"));
	if (!has(record, "policy_id"))
		return;
	if (duration_of(record, "policy_age", age))
		para("Policy: %sid %s, fetched %s before (%s).", mode,
		    get(record, "policy_id"), age,
		    is(record, "policy_from", "cache") ? "from the store"
						       : "just then");
	else
		para("Policy: %sid %s.", mode, get(record, "policy_id"));
}

static void
print_evidence(const struct log_record *record)
{
	const char *hosts = get(record, "hosts"); /* "2/3" */
	size_t good = strcspn(hosts, "/");

	print_reason(record);
	/* The line has the worst record of the hosts; where the MX records
	 * themselves decided there may be none. */
	if (has(record, "decided_by"))
		para("The record that decided: %s.", get(record, "decided_by"));
	else if (has(record, "worst"))
		para("The worst record: %s.", get(record, "worst"));
	else if (has(record, "mx") && !is(record, "mx", "secure"))
		para("The worst record: %s MX %s.", get(record, "domain"),
		    get(record, "mx"));
	print_why(record);
	if (has(record, "hosts") && hosts[good] == '/')
		para("MX hosts: %.*s of %s are good.", (int)good, hosts,
		    hosts + good + 1);
	print_policy(record);
	print_advice(record);
}

/* --- events --------------------------------------------------------------- */

/* Why a verdict was not carried out. */
#define ONLY_WATCHED                                                      \
	", but was let through: mode is \"monitor\", or enforce_percent " \
	"leaves the domain out"

static void
print_rcpt(const struct log_record *record)
{
	int verdict = verdict_of(record);
	bool watched = is(record, "mode", "monitor") && verdict > VERDICT_PASS;
	const char *words = verdict < 0 ? get(record, "verdict")
	    : watched                   ? verdict_words[verdict].would
					: verdict_words[verdict].done;

	para("Recipient %s %s%s.", get(record, "to"), words,
	    watched ? ONLY_WATCHED : "");
	para("Domain %s, queue id %s%s%s.", get(record, "domain"),
	    get(record, "qid"), has(record, "client") ? ", client " : "",
	    has(record, "client") ? get(record, "client") : "");
	if (has(record, "next_hop"))
		para("Next hop %s.", get(record, "next_hop"));
	print_evidence(record);
}

static void
print_tls(const struct log_record *record)
{
	int answer = answer_of(record);
	bool watched =
	    is(record, "mode", "monitor") && answer != TLS_POLICY_NONE;

	para("Delivery to %s: %s %s told %s (%s)%s.", get(record, "nexthop"),
	    is(record, "mta", "sendmail") ? "Sendmail" : "Postfix",
	    watched ? "would have been" : "was",
	    answer < 0 ? "" : answer_words[answer], get(record, "answer"),
	    watched ? "; mode is \"monitor\", or enforce_percent leaves the "
		      "domain out"
		    : "");
	print_evidence(record);
}

static void
print_alert(const struct log_record *record)
{
	para("ALERT: %s requires DNSSEC, was %s and is %s: %s",
	    get(record, "domain"), get(record, "was"), get(record, "is"),
	    is(record, "is", "secure")
		? "it is in order again."
		: "either an attack, or a mistake of the domain's.");
	print_evidence(record);
}

static void
print_refresh(const struct log_record *record)
{
	char left[DURATION_SIZE];

	para("The stored policy of %s could not be fetched anew (%s).",
	    get(record, "domain"), get(record, "result"));
	print_why(record);
	if (duration_of(record, "left_s", left))
		para("It still lives %s; then the domain is at first contact "
		     "again.",
		    left);
	para("What to do: tell the domain's postmaster; dane-sts lint "
	     "--domain %s shows what is wrong.",
	    get(record, "domain"));
}

static void
print_fetched(const struct log_record *record)
{
	if (has(record, "result")) {
		para("The policy of %s could not be obtained (%s).",
		    get(record, "domain"), get(record, "result"));
		print_why(record);
		return;
	}
	para("A policy of %s was fetched and stored: id %s, mode %s, it %s.",
	    get(record, "domain"), get(record, "policy_id"),
	    get(record, "policy"),
	    is(record, "dnssec", "yes") ? "requires DNSSEC"
					: "does not require DNSSEC");
}

/* The recipients were printed before. */
static void
print_message(const struct log_record *record)
{
	para("The message got the queue id %s: %s recipients, %s of them not "
	     "accepted.",
	    get(record, "qid"), get(record, "recipients"),
	    get(record, "deferred"));
	para("Its domains that require DNSSEC, or that did not pass: %s.",
	    get(record, "domains"));
}

static void
print_end(const struct log_record *record)
{
	para("The message %s got at its end: %s (%s).", get(record, "qid"),
	    get(record, "action"), get(record, "text"));
	print_reason(record);
	print_advice(record);
}

static const struct {
	const char *event;
	void (*print)(const struct log_record *record);
} events[] = {
    {"rcpt",       print_rcpt   },
    {"tls-policy", print_tls    },
    {"alert",      print_alert  },
    {"refresh",    print_refresh},
    {"policy",     print_fetched},
    {"message",    print_message},
    {"eom",        print_end    },
};

static void
print_head(const struct explain_group *group)
{
	const struct log_record *record = &group->last;
	const char *time = record->time.len > 0
	    ? log_record_span(record, record->time)
	    : "without a time";

	text_print(stdout, time, strlen(time));
	if (group->n > 1) {
		printf(" (%" PRIu64 " times", group->n);
		if (group->first[0] != '\0') {
			fputs(" since ", stdout);
			text_print(stdout, group->first, strlen(group->first));
		}
		putchar(')');
	}
	putchar('\n');
}

void
explain_print(const struct explain_group *group)
{
	const struct log_record *record = &group->last;
	size_t i;

	print_head(group);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (is_event(record, events[i].event))
			break;
	}
	if (i < sizeof(events) / sizeof(events[0])) {
		events[i].print(record);
	} else {
		/* No sentence exists for this event: print all its fields. */
		para("Event %s.", log_record_span(record, record->event));
		for (size_t k = 0; k < record->n; k++)
			para("%s: %s",
			    log_record_span(record, record->field[k].key),
			    log_record_span(record, record->field[k].value));
	}
	if (is(record, "cut", "yes"))
		para("The line was cut: not all of it is here.");
}

/* --- JSON ----------------------------------------------------------------- */

static json_t *
span_json(const struct log_record *record, struct log_span span)
{
	return output_string(log_record_span(record, span), span.len);
}

bool
explain_json(const struct explain_group *group)
{
	const struct log_record *record = &group->last;
	int reason = reason_by_name(get(record, "reason"));
	json_t *object = json_pack("{s:o,s:o,s:o,s:I}", "time",
	    span_json(record, record->time), "event",
	    span_json(record, record->event), "first",
	    output_string(group->first, strlen(group->first)), "count",
	    (json_int_t)group->n);

	for (size_t i = 0; object != NULL && i < record->n; i++)
		(void)json_object_set_new(object,
		    log_record_span(record, record->field[i].key),
		    span_json(record, record->field[i].value));
	if (object != NULL && reason >= 0) {
		(void)json_object_set_new(object, "meaning",
		    json_string(advice_meaning((enum reason)reason)));
		(void)json_object_set_new(object, "advice",
		    json_string(advice_text((enum reason)reason)));
	}
	return output_line(object);
}
