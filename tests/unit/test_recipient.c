/*
 * front/recipient and front/recipient_log: what an MTA says
 * about a recipient in, what it is told out, and the line in the log. The
 * engine is played by ask_wait() below, which judges scripted facts with
 * decide().
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "core/domain_list.h"
#include "engine/ask.h"
#include "front/recipient.h"
#include "log/log.h"
#include "log/metrics.h"

/* --- the engine that is played --- */

static const char *const mx_patterns[] = {"*.example.org"};

static const struct fact_policy policy = {
    .id = "20260101",
    .age_s = 3600,
    .max_age_s = 86400,
    .mode = POLICY_MODE_TESTING,
    .dnssec = true,
    .n_mx = 1,
    .mx = mx_patterns,
};

static const struct fact_host good_host = {
    .name = "mx1.example.org",
    .a = {FACT_SECURE, ANSWER_RECORDS, NULL},
    .aaaa = {FACT_SECURE, ANSWER_NODATA,  NULL},
    .tlsa = {FACT_SECURE, ANSWER_RECORDS, NULL},
};

static struct {
	struct facts facts;
	struct fact_host hosts[2];
	struct answer answer;
	bool no_memory;
	bool cached;
	unsigned asked;
	struct target target;
	uint64_t left_ms;
	unsigned held; /* references */
} played;

static struct config *config;
static struct recipient_context context;
static enum log_format log_format;
static char log_path[] = "/tmp/test_recipient.XXXXXX";
static char log_text[65536];

const struct answer *
ask_wait(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, void (*before_wait)(void), bool *cached)
{
	(void)engine;
	(void)before_wait;
	played.asked++;
	played.target = *target;
	played.left_ms = deadline_ms - clock_mono_ms();
	*cached = played.cached;
	if (played.no_memory)
		return NULL;
	played.facts.recipient.class = ADDRESS_DOMAIN;
	played.facts.recipient.domain = played.target.domain;
	cr_assert(decide(&played.facts, &config->rules, DECIDE_FINAL,
	    &played.answer.verdict));
	played.answer.facts = &played.facts;
	played.held++;
	return &played.answer;
}

void
answer_unref(const struct answer **answer)
{
	if (*answer != NULL)
		played.held--;
	*answer = NULL;
}

/* --- around each test --- */

static void
set_up(void)
{
	char error[CONFIG_ERROR_SIZE];
	int fd = mkstemp(log_path);

	cr_assert_geq(fd, 0);
	close(fd);
	config = config_load(NULL, error);
	cr_assert(config != NULL, "%s", error);
	memset(&played, 0, sizeof(played));
	played.hosts[0] = good_host;
	played.hosts[1] = good_host;
	played.hosts[1].name = "mx2.example.org";
	played.facts = (struct facts){
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &policy,
	    .mx = {FACT_SECURE, ANSWER_RECORDS, NULL},
	    .n_hosts = 2,
	    .hosts = played.hosts,
	};
}

static void
tear_down(void)
{
	unlink(log_path);
	config_free(&config);
}

TestSuite(recipient, .init = set_up, .fini = tear_down);

/* The log's text behind the time of the one line; "" when there is none. */
static const char *
judge(const struct recipient *recipient, struct recipient_result *result)
{
	char target[64];
	char error[LOG_ERROR_SIZE];
	const char *blank;
	struct log_config log = {.target = target,
	    .level = LOG_LEVEL_INFO,
	    .format = log_format};
	FILE *file;
	size_t n;

	snprintf(target, sizeof(target), "file:%s", log_path);
	context.config = config;
	context.log = log_open(&log, "test", error);
	cr_assert(context.log != NULL, "%s", error);
	recipient_judge(&context, recipient, result);
	log_close(&context.log);
	cr_assert_eq(played.held, 0U);
	file = fopen(log_path, "r+e");
	cr_assert(file != NULL);
	n = fread(log_text, 1, sizeof(log_text) - 1, file);
	log_text[n] = '\0';
	cr_assert_eq(ftruncate(fileno(file), 0), 0);
	fclose(file);
	blank = strchr(log_text, ' ');
	return blank != NULL ? blank + 1 : "";
}

static const struct recipient plain = {
    .arg = "<User@EXAMPLE.org>",
    .mailer = "smtp",
    .host = "example.org",
    .queue_id = "4Q2x",
    .client = "192.0.2.1",
};

/* ms=12 to ms=N, as it is the only value that is not known before. */
static void
mask_ms(const char *line, char *out, size_t size)
{
	const char *ms = strstr(line, " ms=");
	size_t digits;

	cr_assert(ms != NULL, "%s", line);
	ms += 4;
	digits = strspn(ms, "0123456789");
	cr_assert_gt(digits, 0U);
	snprintf(out, size, "%.*sN%s", (int)(ms - line), line, ms + digits);
}

static void
assert_line(const char *line, const char *want)
{
	char masked[4096];

	mask_ms(line, masked, sizeof(masked));
	cr_assert_str_eq(masked, want);
}

/* --- what is counted and kept --- */

Test(recipient, is_counted_and_a_deferral_is_kept)
{
	static struct deferral kept[DEFERRALS_MAX];
	const struct recipient local = {.arg = "<u@example.org>",
	    .mailer = "local"};
	struct recipient_result result;
	struct metrics_times times;

	context.metrics = metrics_new();
	context.deferrals = deferrals_new();
	cr_assert(context.metrics != NULL && context.deferrals != NULL);
	(void)judge(&plain, &result);
	(void)judge(&local, &result);
	played.facts.mx.status = FACT_INSECURE;
	(void)judge(&plain, &result);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_RECIPIENTS,
			 REASON_SECURE, VERDICT_PASS),
	    1U);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_RECIPIENTS,
			 REASON_LOCAL, VERDICT_PASS),
	    1U);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_RECIPIENTS,
			 REASON_MX_INSECURE, VERDICT_DEFER),
	    1U);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_ANSWERS,
			 RECIPIENT_PASS, 0),
	    2U);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_ANSWERS,
			 RECIPIENT_REFUSE, 0),
	    1U);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_SPARED,
			 REASON_MX_INSECURE, 0),
	    0U);
	metrics_times(context.metrics, METRICS_RECIPIENT_TIME, &times);
	cr_expect_eq(times.n, 3U);
	cr_assert_eq(deferrals_copy(context.deferrals, kept), 1U);
	cr_expect_str_eq(kept[0].to, "<User@EXAMPLE.org>");
	cr_expect_eq(kept[0].reason, REASON_MX_INSECURE);
	cr_expect_str_eq(kept[0].evidence, "example.org MX insecure");
	metrics_free(&context.metrics);
	deferrals_free(&context.deferrals);
}

/* --- the line (L-01) --- */

Test(recipient, secure_domain_passes_and_leaves_the_line_L01)
{
	struct recipient_result result;

	played.cached = true;
	assert_line(judge(&plain, &result),
	    "info rcpt qid=4Q2x to=<User@EXAMPLE.org> domain=example.org "
	    "verdict=pass reason=secure mode=enforce policy=testing "
	    "policy_id=20260101 policy_age=3600 policy_from=cache mx=secure "
	    "hosts=2/2 worst=- ms=N cached=yes client=192.0.2.1\n");
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_assert_str_eq(played.target.domain, "example.org");
}

/* The validator's words are in the log (L-01), D-06, A-01, A-04. */
Test(recipient, bogus_tlsa_is_refused_with_the_reason_in_the_log_L01_A04)
{
	struct recipient_result result;
	struct recipient recipient = plain;

	recipient.queue_id = NULL;
	recipient.client = NULL;
	played.hosts[1].tlsa = (struct fact_rrset){FACT_BOGUS, ANSWER_EMPTY,
	    "signature expired <_25._tcp.mx2.example.org. TLSA IN>"};
	assert_line(judge(&recipient, &result),
	    "warning rcpt qid=NOQUEUE to=<User@EXAMPLE.org> "
	    "domain=example.org verdict=defer reason=tlsa-bogus mode=enforce "
	    "policy=testing policy_id=20260101 policy_age=3600 "
	    "policy_from=cache mx=secure hosts=1/2 "
	    "worst=\"_25._tcp.mx2.example.org TLSA bogus\" ms=N cached=no "
	    "client=- why=\"signature expired "
	    "<_25._tcp.mx2.example.org. TLSA IN>\"\n");
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	cr_assert_str_eq(result.reply.code, "450");
	cr_assert_str_eq(result.reply.xcode, "4.7.5");
	cr_assert_str_eq(result.reply.text,
	    "example.org: DNSSEC required by policy, TLSA of "
	    "mx2.example.org: bogus");
}

/* Evidence alone; not in the lines of the many domains without a policy. */
Test(recipient, T_11_the_status_of_the_txt_is_in_the_line)
{
	struct recipient_result result;
	const char *line;

	played.facts.txt_status = FACT_INSECURE;
	line = judge(&plain, &result);
	cr_expect_not_null(strstr(line, " client=192.0.2.1 txt=insecure\n"),
	    "%s", line);
	played.facts =
	    (struct facts){.txt_state = TXT_NONE, .txt_status = FACT_INSECURE};
	line = judge(&plain, &result);
	cr_expect_null(strstr(line, " txt="), "%s", line);
	played.facts =
	    (struct facts){.txt_state = TXT_BOGUS, .txt_status = FACT_BOGUS};
	line = judge(&plain, &result);
	cr_expect_not_null(strstr(line, " txt=bogus"), "%s", line);
}

/* L-03: the fetch error; S-03, C-06: passed. */
Test(recipient, failed_discovery_tells_the_fetch_error_L03_C06)
{
	struct recipient_result result;

	played.facts.stored = NULL;
	played.facts.fetch.state = FETCH_FAILED;
	played.facts.fetch.error = "certificate has expired";
	assert_line(judge(&plain, &result),
	    "info rcpt qid=4Q2x to=<User@EXAMPLE.org> domain=example.org "
	    "verdict=pass reason=discovery-failed mode=enforce "
	    "policy=unknown policy_id=- policy_age=- policy_from=none "
	    "mx=secure hosts=- worst=- ms=N cached=no client=192.0.2.1 "
	    "why=\"certificate has expired\"\n");
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, T_14_a_pin_is_in_the_line)
{
	struct recipient_result result;
	const char *line;

	context.metrics = metrics_new();
	played.facts = (struct facts){
	    .pinned = true,
	    .txt_state = TXT_BOGUS,
	    .txt_why = "no signatures",
	    .mx = {FACT_INSECURE, ANSWER_RECORDS, NULL},
	};
	line = judge(&plain, &result);
	cr_assert(strstr(line,
		      " verdict=defer reason=mx-insecure mode=enforce "
		      "policy=pinned policy_id=- policy_age=- "
		      "policy_from=none ") != NULL,
	    "%s", line);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_PINNED, VERDICT_DEFER,
			 0),
	    1U);
	/* beside a policy */
	played.facts.stored = &policy;
	cr_assert(strstr(judge(&plain, &result),
		      " policy=pinned policy_id=20260101 policy_age=3600 "
		      "policy_from=cache ") != NULL);
	/* */
	config->mode = CONFIG_MODE_MONITOR;
	line = judge(&plain, &result);
	cr_assert(strstr(line, " mode=monitor policy=pinned ") != NULL, "%s",
	    line);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	metrics_free(&context.metrics);
}

/* Of all hosts it is told why they cannot be used. */
Test(recipient, D_18_no_usable_host_names_the_hosts)
{
	static const struct fact_rrset absent = {FACT_SECURE, ANSWER_NODATA,
	    NULL};
	struct recipient_result result;
	const char *line;

	played.hosts[0] =
	    (struct fact_host){.name = "192.0.2.9", .unusable = true};
	line = judge(&plain, &result);
	cr_assert(strstr(line, " verdict=pass reason=secure mode=enforce ") !=
		NULL,
	    "%s", line);
	cr_assert(strstr(line,
		      " mx=secure hosts=1/1 "
		      "worst=\"192.0.2.9 MX host unusable\" ") != NULL,
	    "%s", line);
	cr_assert(strstr(line, " why=\"the MX record names no host\"\n") !=
		NULL,
	    "%s", line);
	played.hosts[1].a = played.hosts[1].aaaa = absent;
	line = judge(&plain, &result);
	cr_assert(strstr(line, " verdict=pass reason=no-usable-host ") != NULL);
	cr_assert(strstr(line,
		      " mx=secure hosts=- "
		      "worst=\"192.0.2.9 MX host unusable\" ") != NULL,
	    "%s", line);
	cr_assert(strstr(line,
		      " why=\"no host name: 192.0.2.9; no address: "
		      "mx2.example.org\"\n") != NULL,
	    "%s", line);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, no_policy_says_none_T09)
{
	struct recipient_result result;
	const char *line;

	played.facts = (struct facts){.txt_state = TXT_NONE};
	line = judge(&plain, &result);
	cr_assert(strstr(line, " verdict=pass reason=no-policy ") != NULL);
	cr_assert(strstr(line,
		      " policy=none policy_id=- policy_age=- "
		      "policy_from=none mx=- hosts=- worst=- ") != NULL,
	    "%s", line);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, pass_lines_can_be_left_out)
{
	struct recipient_result result;

	config->log_pass = false;
	cr_assert_str_eq(judge(&plain, &result), "");
	played.facts.mx.status = FACT_INSECURE;
	cr_assert(strstr(judge(&plain, &result), "mx-insecure") != NULL);
}

/* What is passed for want of knowledge is no such line. */
Test(recipient, blind_passes_are_logged_in_any_case_C10_S03_L03)
{
	static const struct {
		enum txt_state state;
		bool deadline;
		const char *begin;
		const char *reason;
	} rows[] = {
	    {TXT_FAILED,  false, "info ",    "reason=discovery-failed"},
	    {TXT_UNASKED, true,  "info ",    "reason=deadline"        },
	    {TXT_BOGUS,   false, "warning ", "reason=discovery-bogus" },
	};

	config->log_pass = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recipient_result result;
		const char *line;

		played.facts = (struct facts){
		    .txt_state = rows[i].state,
		    .deadline = rows[i].deadline,
		};
		line = judge(&plain, &result);
		cr_assert_eq(result.answer, RECIPIENT_PASS);
		cr_assert(strstr(line, rows[i].reason) != NULL, "%s", line);
		cr_assert_eq(strncmp(line, rows[i].begin,
				 strlen(rows[i].begin)),
		    0);
	}
}

/* --- which recipients are asked about --- */

static const struct {
	struct recipient recipient;
	const char *domain; /* asked about; NULL: not asked */
	const char *reason;
} scopes[] = {
    {{.arg = "<u@Example.ORG>"},				       "example.org",            "secure"         }, /* */
    {{.arg = "u@example.org"},					 "example.org",            "secure"         }, /* */
    {{.arg = "<u@example.org.>"},				      "example.org",            "secure"         }, /* */
    {{.arg = "<@a.example,@b.example:u@example.org>"},                 "example.org",
     "secure"												     }, /* */
    {{.arg = "<\"a@b\"@example.org>"},                                 "example.org",            "secure"         }, /* */
    {{.arg = "<u@M\xc3\xbcnchen.example>"},                            "xn--mnchen-3ya.example",
     "secure"												     }, /* */
    {{.arg = "<u@far.test>", .mailer = "smtp", .host = "relay.test."},
     "relay.test",									       "secure"         }, /* */
    {{.arg = "<postmaster>"},					  NULL,                     "no-domain"      }, /* */
    {{.arg = "<u@[192.0.2.1]>"},				       NULL,                     "literal"        }, /* */
    {{.arg = "<u@exa\xffmple>"},				       NULL,                     "invalid-address"}, /* */
    {{.arg = "<u@..>"},						NULL,                     "invalid-address"},
    {{.arg = ""},						      NULL,                     "no-domain"      },
    {{.arg = "<u@example.org>", .mailer = "local"},                    NULL,                     "local"          }, /* */
    {{.arg = "<u@example.org>", .mailer = "virtual", .host = "x"},     NULL,
     "local"												      },
};

Test(recipient, scope_R01_R03_R04_R05_R06_R07_R08_R09_R10_R11_R15)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct recipient_result result;
		char want[64];
		const char *line;

		played.asked = 0;
		line = judge(&scopes[i].recipient, &result);
		cr_assert_eq(played.asked, scopes[i].domain != NULL, "%s",
		    scopes[i].recipient.arg);
		if (scopes[i].domain != NULL)
			cr_assert_str_eq(played.target.domain,
			    scopes[i].domain);
		snprintf(want, sizeof(want), " reason=%s ", scopes[i].reason);
		cr_assert(strstr(line, want) != NULL, "%s: %s",
		    scopes[i].recipient.arg, line);
		cr_assert_eq(result.answer, RECIPIENT_PASS);
	}
}

/* "[host]": no MX lookup. */
Test(recipient, next_hop_in_brackets_R03)
{
	struct recipient_result result;
	struct recipient recipient = plain;

	recipient.host = "[Mail.Example.NET]:2525";
	judge(&recipient, &result);
	cr_assert_str_eq(played.target.domain, "mail.example.net");
	cr_assert(played.target.no_mx);
	cr_assert_eq(played.target.port, 2525);
}

/* */
Test(recipient, exemptions_match_the_address_that_the_mta_rewrote_R19)
{
	struct domain_entry exemption = {.domain = "example.org"};
	struct recipient_result result;
	struct recipient recipient = plain;

	config->scope.exemptions.n = 1;
	config->scope.exemptions.item = &exemption;
	recipient.arg = "<u%bound.example@example.org>";
	recipient.host = "bound.example";
	recipient.address = "u@bound.example";
	judge(&recipient, &result);
	cr_assert_eq(played.asked, 1U);
	cr_assert_str_eq(played.target.domain, "bound.example");
	/* Without {rcpt_addr} the next hop alone decides. */
	recipient.address = NULL;
	judge(&recipient, &result);
	cr_assert_eq(played.asked, 2U);
	recipient.address = "u@Example.ORG";
	cr_assert(strstr(judge(&recipient, &result),
		      " domain=bound.example next_hop=bound.example "
		      "verdict=pass reason=exempt ") != NULL);
	cr_assert_eq(played.asked, 2U);
}

/* said once, as with such a relay the filter protects nothing. */
Test(recipient, a_relay_that_is_an_address_is_warned_of_once_R17)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	struct recipient_result result;
	struct recipient recipient = plain;
	const char *lines;

	context.told_of_address = &told;
	recipient.host = "[192.0.2.9]:25";
	lines = judge(&recipient, &result);
	cr_assert_eq(strncmp(lines,
			 "warning next-hop qid=4Q2x "
			 "to=<User@EXAMPLE.org> next_hop=[192.0.2.9]:25 "
			 "msg=\"mail leaves over a relay that is given as an "
			 "address ",
			 110),
	    0, "%s", lines);
	cr_assert(strstr(lines,
		      " info rcpt qid=4Q2x to=<User@EXAMPLE.org> domain=- "
		      "next_hop=[192.0.2.9]:25 verdict=pass "
		      "reason=smart-host-address mode=enforce ") != NULL,
	    "%s", lines);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	lines = judge(&recipient, &result);
	cr_assert_eq(strncmp(lines, "info rcpt ", 10), 0, "%s", lines);
	cr_assert_eq(played.asked, 0U);
}

/* JSON has the key, too; a recipient by MX has not. */
Test(recipient, the_line_has_the_next_hop_if_it_says_more_R17)
{
	struct recipient_result result;
	struct recipient recipient = plain;

	cr_assert(strstr(judge(&plain, &result), "next_hop") == NULL);
	recipient.host = "[relay.example]:587";
	cr_assert(strstr(judge(&recipient, &result),
		      " domain=relay.example "
		      "next_hop=[relay.example]:587 verdict=pass ") != NULL);
	log_format = LOG_FORMAT_JSON;
	(void)judge(&recipient, &result);
	cr_assert(strstr(log_text,
		      "\"domain\":\"relay.example\","
		      "\"next_hop\":\"[relay.example]:587\","
		      "\"verdict\":") != NULL,
	    "%s", log_text);
}

/* the address that the MTA will route, not the one that was typed. */
Test(recipient, a_next_hop_that_cannot_be_read_is_a_warning_R18)
{
	struct recipient_result result;
	struct recipient recipient = plain;
	const char *lines;

	config->log_pass = false;
	recipient.arg = "<u%example.org@home.example>";
	recipient.host = "[relay.example";
	recipient.address = "u@example.org";
	lines = judge(&recipient, &result);
	cr_assert_eq(
	    strcmp(lines,
		"warning next-hop qid=4Q2x "
		"to=<u%example.org@home.example> "
		"next_hop=[relay.example msg=\"this next hop cannot be "
		"read; the recipient is judged by the domain of its "
		"address\"\n"),
	    0, "%s", lines);
	cr_assert_eq(played.asked, 1U);
	cr_assert_str_eq(played.target.domain, "example.org");
}

/* as a failed discovery, where the MTA routes it. */
Test(recipient, a_routed_name_that_cannot_be_converted_R20)
{
	struct recipient_result result;
	struct recipient recipient = plain;

	recipient.arg = "<u@m\xfcnchen.example>";
	recipient.host = "m\xfcnchen.example";
	recipient.address = "u@m\xfcnchen.example";
	judge(&recipient, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_assert(strstr(log_text, "warning next-hop ") != NULL);
	cr_assert(strstr(log_text,
		      " domain=- next_hop=\"m\\xfcnchen.example\" "
		      "verdict=pass reason=invalid-address mode=enforce "
		      "policy=unknown ") != NULL,
	    "%s", log_text);
	config->rules.on_discovery_failure = RULE_TEMPFAIL;
	judge(&recipient, &result);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	cr_assert_eq(result.reason, REASON_INVALID_ADDRESS);
	cr_assert_str_eq(result.reply.code, "450");
	cr_assert_str_eq(result.reply.text,
	    "recipient: policy discovery, the domain is no DNS name");
	cr_assert(
	    strstr(log_text, "verdict=defer reason=invalid-address ") != NULL);
	/* S-09: never deferred */
	recipient.exempted_by = "exempt_senders: tlsrpt@us.example";
	judge(&recipient, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	/* */
	recipient.exempted_by = NULL;
	config->mode = CONFIG_MODE_MONITOR;
	judge(&recipient, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_assert(
	    strstr(log_text,
		"verdict=defer reason=invalid-address mode=monitor") != NULL);
	/* what nobody routes is left to the MTA. */
	config->mode = CONFIG_MODE_ENFORCE;
	recipient.mailer = recipient.host = recipient.address = NULL;
	judge(&recipient, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_assert_eq(played.asked, 0U);
}

Test(recipient, exempt_domain_tells_why)
{
	struct domain_entry exemption = {.domain = "example.org",
	    .comment = "broken till May"};
	struct recipient_result result;
	const char *line;

	config->scope.exemptions.n = 1;
	config->scope.exemptions.item = &exemption;
	line = judge(&plain, &result);
	cr_assert_eq(played.asked, 0U);
	cr_assert(strstr(line, " verdict=pass reason=exempt ") != NULL);
	cr_assert(strstr(line, " why=\"broken till May\"\n") != NULL, "%s",
	    line);
}

/* S-02: what a stranger types does not make a second line. */
Test(recipient, hostile_arguments_stay_on_one_line_S02_R13)
{
	static char huge[100000];
	static const char *const args[] = {"<u\r\nrcpt qid=forged@example.org>",
	    "<\"\x01\x1b[2J\"@example.org>", "<%s%n%s@example.org>", huge};

	memset(huge, 'x', sizeof(huge) - 1);
	memcpy(huge + sizeof(huge) - 13, "@example.org", 13);
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct recipient recipient = plain;
		struct recipient_result result;
		const char *line;

		recipient.arg = args[i];
		recipient.host = NULL;
		line = judge(&recipient, &result);
		cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
		cr_assert(strstr(line, " client=192.0.2.1\n") != NULL, "%s",
		    line);
	}
	/* The last one: R-13. */
	cr_assert_str_eq(played.target.domain, "example.org");
}

/* --- actions --- */

Test(recipient, deadline_is_the_configured_one_S03)
{
	struct recipient_result result;

	config->deadline_ms = 1500;
	judge(&plain, &result);
	cr_assert_leq(played.left_ms, 1500U);
	cr_assert_gt(played.left_ms, 0U);
}

Test(recipient, monitor_logs_what_it_would_do_A06)
{
	struct recipient_result result;
	const char *line;

	config->mode = CONFIG_MODE_MONITOR;
	context.metrics = metrics_new();
	cr_assert_not_null(context.metrics);
	played.facts.mx.status = FACT_INSECURE;
	line = judge(&plain, &result);
	cr_assert(strstr(line,
		      " verdict=defer reason=mx-insecure "
		      "mode=monitor ") != NULL,
	    "%s", line);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_expect_eq(metrics_sum(context.metrics, METRICS_SPARED,
			 REASON_MX_INSECURE, 0),
	    1U);
	metrics_free(&context.metrics);
}

/* enforce_percent: the share holds the domain, or ends just before it. */
Test(recipient, outside_the_share_is_as_in_monitor_mode_A06)
{
	const unsigned place = share_place("example.org");
	struct recipient_result result;

	played.facts.mx.status = FACT_INSECURE;
	config->enforce_percent = place;
	cr_assert(
	    strstr(judge(&plain, &result),
		" verdict=defer reason=mx-insecure mode=monitor ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	config->enforce_percent = place + 1;
	cr_assert(
	    strstr(judge(&plain, &result),
		" verdict=defer reason=mx-insecure mode=enforce ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	config->rules.action = RULE_ACTION_QUARANTINE;
	config->enforce_percent = 0;
	cr_assert(strstr(judge(&plain, &result),
		      " verdict=quarantine reason=mx-insecure mode=monitor ") !=
	    NULL);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, quarantine_holds)
{
	struct recipient_result result;

	config->rules.action = RULE_ACTION_QUARANTINE;
	played.facts.mx.status = FACT_INSECURE;
	cr_assert(
	    strstr(judge(&plain, &result), "verdict=quarantine ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_HOLD);
	cr_assert_eq(result.reason, REASON_MX_INSECURE);
	cr_assert_str_eq(result.reply.code, "450");
}

/* D-20: whether the domain binds is not known. */
Test(recipient, without_memory_it_passes_with_a_warning_D20)
{
	struct recipient_result result;
	const char *line;

	config->log_pass = false;
	played.no_memory = true;
	line = judge(&plain, &result);
	cr_assert_eq(strncmp(line, "warning rcpt ", 13), 0, "%s", line);
	cr_assert(strstr(line, " verdict=pass reason=internal-error ") != NULL);
	cr_assert(strstr(line, " policy=unknown ") != NULL);
	cr_assert(strstr(line, " why=\"out of memory\"\n") != NULL, "%s", line);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, C_15_no_memory_obeys_the_option)
{
	struct recipient_result result;

	config->rules.on_discovery_failure = RULE_TEMPFAIL;
	played.no_memory = true;
	cr_assert(strstr(judge(&plain, &result),
		      " verdict=defer reason=internal-error ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	cr_assert_str_eq(result.reply.code, "450");
	cr_assert_str_eq(result.reply.text,
	    "example.org: DNSSEC not checked, filter: internal error");
	/* */
	config->mode = CONFIG_MODE_MONITOR;
	judge(&plain, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
}

Test(recipient, T_14_D_20_no_memory_lets_no_pinned_domain_pass)
{
	static const struct domain_entry pin = {.domain = "example.org"};
	struct recipient_result result;

	config->pins = (struct domain_list){.n = 1, .item = &pin};
	played.no_memory = true;
	cr_assert(strstr(judge(&plain, &result),
		      " verdict=defer reason=internal-error mode=enforce "
		      "policy=pinned ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
}

/* D-20: with the flag known. */
Test(recipient, internal_error_of_a_bound_domain_is_refused_D20)
{
	struct recipient_result result;

	played.facts.internal_error = true;
	cr_assert(strstr(judge(&plain, &result),
		      " verdict=defer reason=internal-error ") != NULL);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
}

/* */
Test(recipient, one_recipient_leaves_nothing_to_the_next_A05)
{
	struct recipient_result result;

	played.facts.mx.status = FACT_BOGUS;
	judge(&plain, &result);
	cr_assert_eq(result.answer, RECIPIENT_REFUSE);
	played.facts.mx.status = FACT_SECURE;
	judge(&plain, &result);
	cr_assert_eq(result.answer, RECIPIENT_PASS);
	cr_assert_str_eq(result.reply.text, "");
}

/* --- messages --- */

static const struct recipient_result passed = {.answer = RECIPIENT_PASS};
static const struct recipient_result refused = {
    .answer = RECIPIENT_REFUSE,
    .reason = REASON_MX_INSECURE,
    .reply = {.code = "450", .xcode = "4.7.5", .text = "refused"},
};
static const struct recipient_result rejected = {
    .answer = RECIPIENT_REFUSE,
    .reason = REASON_MX_BOGUS,
    .reply = {.code = "550", .xcode = "5.7.5", .text = "rejected"},
};
static const struct recipient_result held = {
    .answer = RECIPIENT_HOLD,
    .reason = REASON_TLSA_BOGUS,
    .reply = {.code = "450", .xcode = "4.7.5", .text = "held"},
};

#define C RECIPIENT_PASS
#define R RECIPIENT_REFUSE
#define H RECIPIENT_HOLD

/* Two recipients: what each is told at once, what the end brings. */
static const struct {
	struct eom_limits limits; /* can_hold, can_refuse */
	const struct recipient_result *first;
	const struct recipient_result *second;
	enum recipient_answer told[2];
	enum recipient_answer end;
	const char *text; /* at the end */
} messages[] = {
  /* smtpd */
    {{true, true},   &passed,   &passed,   {C, C}, C, ""        },
    {{true, true},   &refused,  &passed,   {R, C}, C, ""        },
    {{true, true},   &passed,   &rejected, {C, R}, C, ""        },
    {{true, true},   &held,     &passed,   {C, C}, H, "held"    },
    {{true, true},   &held,     &refused,  {C, R}, H, "held"    },
 /* an MTA that does not offer quarantine */
    {{false, true},  &held,     &passed,   {R, C}, C, ""        },
 /* non_smtpd: never refused at RCPT */
    {{true, false},  &passed,   &passed,   {C, C}, C, ""        },
    {{true, false},  &refused,  &passed,   {C, C}, R, "refused" },
    {{true, false},  &rejected, &refused,  {C, C}, R, "rejected"},
    {{true, false},  &held,     &passed,   {C, C}, H, "held"    },
    {{true, false},  &held,     &refused,  {C, C}, R, "refused" },
    {{true, false},  &refused,  &held,     {C, C}, R, "refused" },
    {{false, false}, &held,     &passed,   {C, C}, R, "held"    },
};

Test(eom_action, what_is_owed_at_the_end_A05)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct eom_action eom = {.hold = false};

		cr_assert_eq(eom_action_recipient(&eom, &messages[i].limits,
				 messages[i].first, true),
		    messages[i].told[0], "row %zu", i);
		cr_assert_eq(eom_action_recipient(&eom, &messages[i].limits,
				 messages[i].second, true),
		    messages[i].told[1], "row %zu", i);
		cr_assert_eq(eom_action_end(&eom), messages[i].end, "row %zu",
		    i);
		cr_assert_str_eq(eom.reply.text, messages[i].text);
		/* Never for good: it hits all recipients. */
		cr_assert_neq(eom.reply.code[0], '5');
	}
}

/* A missing context never lets through what is to be held or refused. */
Test(eom_action, without_memory_nothing_is_left_for_later)
{
	for (int bits = 0; bits < 4; bits++) {
		struct eom_limits limits = {
		    .can_hold = (bits & 1) != 0,
		    .can_refuse = (bits & 2) != 0,
		};

		cr_assert_eq(eom_action_recipient(NULL, &limits, &passed,
				 false),
		    C);
		cr_assert_eq(eom_action_recipient(NULL, &limits, &refused,
				 false),
		    R);
		cr_assert_eq(eom_action_recipient(NULL, &limits, &held, false),
		    R);
	}
}

/* --- the line that joins a queue id with its recipients --- */

static const char *
end_of_message(const struct eom_action *eom, const char *queue_id)
{
	char target[64];
	char error[LOG_ERROR_SIZE];
	struct log_config config_of_log = {.target = target,
	    .level = LOG_LEVEL_INFO};
	struct log *log;
	const char *blank;
	FILE *file;
	size_t n;

	snprintf(target, sizeof(target), "file:%s", log_path);
	log = log_open(&config_of_log, "test", error);
	cr_assert(log != NULL, "%s", error);
	eom_action_log(eom, log, queue_id);
	log_close(&log);
	file = fopen(log_path, "r+e");
	cr_assert(file != NULL);
	n = fread(log_text, 1, sizeof(log_text) - 1, file);
	log_text[n] = '\0';
	cr_assert_eq(ftruncate(fileno(file), 0), 0);
	fclose(file);
	blank = strchr(log_text, ' ');
	return blank != NULL ? blank + 1 : "";
}

Test(recipient, L_01_a_queue_id_that_comes_later_is_joined)
{
	static const struct eom_limits limits = {.can_refuse = true};
	struct recipient recipient = plain;
	struct eom_action eom = {.hold = false};
	struct recipient_result result;
	char transaction[EOM_TRANSACTION_SIZE];
	char want[512];
	const char *line;

	snprintf(transaction, sizeof(transaction), "%s",
	    eom_action_transaction(&eom));
	cr_expect_str_eq(eom_action_transaction(&eom), transaction);
	recipient.transaction = transaction;
	recipient.queue_id = NULL;
	line = judge(&recipient, &result);
	snprintf(want, sizeof(want), " client=192.0.2.1 transaction=%s\n",
	    transaction);
	cr_expect_not_null(strstr(line, want), "%s", line);
	(void)eom_action_recipient(&eom, &limits, &result, false);
	/* Postfix has a queue id by now: it is enough. */
	recipient.queue_id = "4Q2x";
	recipient.arg = "<v@example.net>";
	recipient.host = "example.net";
	played.facts.mx.status = FACT_INSECURE;
	line = judge(&recipient, &result);
	cr_expect_null(strstr(line, " transaction="), "%s", line);
	(void)eom_action_recipient(&eom, &limits, &result, true);
	snprintf(want, sizeof(want),
	    "info message qid=4Q2x transaction=%s recipients=2 deferred=1 "
	    "domains=\"example.org=pass/secure "
	    "example.net=defer/mx-insecure\"\n",
	    transaction);
	cr_expect_str_eq(end_of_message(&eom, "4Q2x"), want);
	cr_expect_str_eq(end_of_message(&eom, NULL), "");
}

/* Most mail: its lines would be twice as many. */
Test(recipient, what_interests_nobody_leaves_no_line_at_the_end)
{
	static const struct eom_limits limits = {.can_refuse = true};
	struct recipient recipient = plain;
	struct eom_action eom = {.hold = false};
	struct recipient_result result;
	const char *line;

	recipient.transaction = eom_action_transaction(&eom);
	recipient.queue_id = NULL;
	played.facts.stored = NULL;
	played.facts.txt_state = TXT_NONE;
	line = judge(&recipient, &result);
	cr_expect_not_null(strstr(line, " reason=no-policy "), "%s", line);
	cr_expect_null(strstr(line, " transaction="), "%s", line);
	(void)eom_action_recipient(&eom, &limits, &result, false);
	cr_expect_str_eq(end_of_message(&eom, "4Q2x"), "");
}

/* Sendmail: every line has the queue id. */
Test(recipient, a_queue_id_from_the_start_needs_no_line_at_the_end)
{
	static const struct eom_limits limits = {.can_refuse = true};
	struct eom_action eom = {.hold = false};
	struct recipient_result result;

	(void)judge(&plain, &result);
	(void)eom_action_recipient(&eom, &limits, &result, true);
	cr_expect_str_eq(end_of_message(&eom, "4Q2x"), "");
}

Test(recipient, S_02_many_domains_are_bounded_in_the_line)
{
	static const struct eom_limits limits = {.can_refuse = true};
	struct eom_action eom = {.hold = false};
	struct recipient_result result;
	const char *line;

	played.facts.mx.status = FACT_INSECURE;
	(void)judge(&plain, &result);
	(void)eom_action_transaction(&eom);
	for (int i = 0; i < 1000; i++)
		(void)eom_action_recipient(&eom, &limits, &result, false);
	line = end_of_message(&eom, "4Q2x");
	cr_expect_lt(strlen(line), (size_t)EOM_DOMAINS_SIZE + 200);
	cr_expect_not_null(strstr(line, " recipients=1000 deferred=1000 "));
	cr_expect_not_null(strstr(line, " left_out=9"));
}
