/*
 * Facts as JSON, and what is decided upon them: reading and writing agree, and
 * a domain that is bound never passes unless all that is needed is secure.
 */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "core/decide.h"
#include "core/tls_policy.h"
#include "core/verdict.h"
#include "fuzz.h"
#include "text/facts_json.h"

#define ANSWER_SIZE 1024

/* Every combination of the options that bear upon a verdict. */
static struct rules
nth_rules(unsigned n)
{
	return (struct rules){
	    .hosts = (enum rule_hosts)(n % 2),
	    .tlsa = (enum rule_tlsa)(n / 2 % 3),
	    .mx_patterns = (enum rule_mx_patterns)(n / 6 % 2),
	    .on_discovery_failure = (enum rule_failure)(n / 12 % 2),
	    .on_bogus_discovery = (enum rule_failure)(n / 24 % 2),
	    .on_resolver_failure = (enum rule_failure)(n / 48 % 2),
	    .action = (enum rule_action)(n / 96 % 3),
	};
}
#define RULES_COUNT   288
#define RULES_DEFAULT 48 /* all zero but on_resolver_failure */

/* --- what must hold of a pass (D-01 to D-19), said once more ---------------
 */

static bool
is_live(const struct fact_policy *policy)
{
	return policy != NULL && policy->max_age_s > 0 &&
	    policy->age_s <= policy->max_age_s;
}

/* C-04, C-05, C-07 */
static bool
is_bound(const struct facts *facts)
{
	if (facts->pinned)
		return true;
	if (facts->fetch.state == FETCH_OK)
		return facts->fetch.policy.dnssec;
	return is_live(facts->stored) && facts->stored->dnssec;
}

static bool
is_secure(const struct fact_rrset *rrset, enum fact_answer answer)
{
	return rrset->status == FACT_SECURE && rrset->answer == answer;
}

static bool
is_absent(const struct fact_rrset *rrset)
{
	return is_secure(rrset, ANSWER_NODATA) ||
	    is_secure(rrset, ANSWER_NXDOMAIN);
}

static bool
is_settled(const struct fact_rrset *rrset)
{
	return is_secure(rrset, ANSWER_RECORDS) || is_absent(rrset);
}

/* D-18: securely no destination. */
static bool
is_skipped(const struct fact_host *host)
{
	return host->unusable || host->name[0] == '\0' ||
	    (is_absent(&host->a) && is_absent(&host->aaaa));
}

static bool
is_good(const struct fact_host *host)
{
	return is_settled(&host->a) && is_settled(&host->aaaa) &&
	    is_settled(&host->tlsa);
}

static bool
all_hosts_are_good(const struct facts *facts)
{
	if (facts->hosts_truncated || facts->n_hosts == 0)
		return false;
	for (size_t i = 0; i < facts->n_hosts; i++)
		if (!is_skipped(&facts->hosts[i]) && !is_good(&facts->hosts[i]))
			return false;
	return true;
}

static bool
may_pass(const struct facts *facts)
{
	if (facts->internal_error)
		return false;
	if (facts->no_mx)
		return all_hosts_are_good(facts);
	if (is_secure(&facts->mx, ANSWER_NXDOMAIN) ||
	    is_secure(&facts->mx, ANSWER_NULL_MX))
		return true;
	return is_settled(&facts->mx) && all_hosts_are_good(facts);
}

/* --- checks ----------------------------------------------------------------
 */

/* Under the default rules; others may be asked to let more through. */
static void
check_pass(const struct facts *facts, const struct verdict *verdict)
{
	bool bound = facts->recipient.class == ADDRESS_DOMAIN &&
	    facts->recipient.domain != NULL &&
	    facts->recipient.domain[0] != '\0' && is_bound(facts);

	if (!bound)
		MUST(verdict->kind == VERDICT_PASS);
	else
		MUST((verdict->kind == VERDICT_PASS) == may_pass(facts));
}

/* */
static void
check_reply(const struct facts *facts, const struct verdict *verdict)
{
	struct reply reply;
	size_t len;

	reply_format(facts, verdict, &reply);
	len = strnlen(reply.text, sizeof(reply.text));
	MUST(len <= REPLY_TEXT_MAX);
	MUST(strcmp(reply.code, "450") == 0 || strcmp(reply.code, "550") == 0);
	MUST(reply.code[0] == reply.xcode[0]);
	for (size_t i = 0; i < len; i++) {
		MUST(reply.text[i] >= ' ' && reply.text[i] <= '~');
		if (reply.text[i] == '%')
			MUST(reply.text[++i] == '%');
	}
}

static void
check_tls_policy(const struct facts *facts, const struct verdict *verdict)
{
	const struct tls_rules rules = {.tlsrpt = true};
	struct tls_policy policy;
	char answer[ANSWER_SIZE];

	tls_policy_judge(facts, verdict, &rules, &policy);
	memset(answer, 'x', sizeof(answer));
	(void)tls_policy_format(&policy, &rules, TLS_DIALECT_POSTFIX, answer,
	    sizeof(answer));
	MUST(memchr(answer, '\0', sizeof(answer)) != NULL);
	for (const char *c = answer; *c != '\0'; c++)
		MUST(*c >= ' ' && *c <= '~');
	/* Whoever must not be written to by RCPT must not be by delivery. */
	if (verdict->kind == VERDICT_DEFER)
		MUST(policy.kind == TLS_POLICY_DEFER);
	/* S-07: opportunistic TLS is less than what these policies allow. */
	if (verdict->policy != NULL &&
	    (verdict->policy->dnssec ||
		verdict->policy->mode == POLICY_MODE_ENFORCE))
		MUST(policy.kind != TLS_POLICY_NONE);
}

/* What is decided early stays, whatever else would come. */
static void
check_decision(const struct facts *facts, unsigned n)
{
	struct rules rules = nth_rules(n);
	struct verdict final;
	struct verdict early;

	MUST(decide(facts, &rules, DECIDE_FINAL, &final));
	if (decide(facts, &rules, DECIDE_PARTIAL, &early))
		MUST(early.kind == final.kind);
	check_reply(facts, &final);
	if (n == RULES_DEFAULT) {
		check_pass(facts, &final);
		check_tls_policy(facts, &final);
	}
}

static char *
write_facts(const struct facts *facts)
{
	const struct rules rules = {.hosts = RULE_HOSTS_ALL};
	struct verdict verdict;
	char *text;

	MUST(decide(facts, &rules, DECIDE_FINAL, &verdict));
	text = facts_json_write(facts, &verdict, 12, TLS_POLICY_NONE, NULL);
	MUST(text != NULL);
	for (const char *c = text; *c != '\0'; c++)
		MUST(*c >= ' '); /* ASCII, in one line */
	return text;
}

/* What is read is what was written. */
static void
check_written(const struct facts *facts)
{
	char error[FACTS_JSON_ERROR_SIZE];
	char *first = write_facts(facts);
	struct facts *read = NULL;
	char *second;

	MUST(facts_json_read(first, strlen(first), &read, error) == 0);
	second = write_facts(read);
	MUST(strcmp(first, second) == 0);
	free(first);
	free(second);
	free(read);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts = NULL;
	struct wants wants;
	int err;

	memset(error, 'x', sizeof(error));
	err = facts_json_read((const char *)data, size, &facts, error);
	MUST(err == 0 || err == ERR_SYNTAX);
	MUST((err == 0) == (facts != NULL));
	MUST(memchr(error, '\0', sizeof(error)) != NULL);
	if (facts == NULL)
		return 0;
	MUST(facts->n_hosts <= FACTS_HOSTS_MAX);
	decide_wants(facts, &wants);
	for (unsigned n = 0; n < RULES_COUNT; n++)
		check_decision(facts, n);
	check_written(facts);
	free(facts);
	return 0;
}
