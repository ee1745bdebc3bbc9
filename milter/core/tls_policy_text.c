/*
 * Writes a TLS policy in the MTA's format.
 *
 * Postfix, postconf(5) smtp_tls_policy_maps: a level, then attributes. "match"
 * lists names, separated by colons; the certificate must have one of them. A
 * leading dot stands for all names below, so that "*.example.net" is written
 * ".example.net". "servername=hostname" makes Postfix tell the MX host (SNI)
 * which certificate it expects. Attributes for reports hold blanks, so they
 * stand in braces, TLSRPT_README.
 *
 * Sendmail, cf/feature/sts.m4 and cf/m4/proto.m4: the same words, but Sendmail
 * heeds only answers with "secure".
 */
#include "autoconf.h"

#include "core/tls_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/verdict.h"

#define SHORT_ANSWER_MAX 1023

struct text {
	char *at;
	size_t size;
	size_t len;
	bool full;
	bool shortened;
	bool bad; /* an octet that must not reach the MTA */
};

static void
put(struct text *text, const char *words)
{
	size_t len = strlen(words);

	/* The parsers stop such octets, but recorded facts may hold them. */
	for (size_t i = 0; i < len; i++)
		text->bad |= words[i] < ' ' || words[i] > '~';
	if (text->full || text->size - text->len <= len) {
		text->full = true;
		return;
	}
	memcpy(text->at + text->len, words, len + 1);
	text->len += len;
}

/* --- names in the certificate --- */

static void
put_hosts(struct text *text, const struct facts *facts)
{
	const char *separator = "";

	for (size_t i = 0; i < facts->n_hosts; i++) {
		if (facts->hosts[i].name[0] == '\0' || facts->hosts[i].unusable)
			continue;
		put(text, separator);
		put(text, facts->hosts[i].name);
		separator = ":";
	}
	/* No destination: a forged host cannot prove the domain's own name. */
	if (separator[0] == '\0')
		put(text, facts->recipient.domain);
}

/* --- attributes for reports --- */

static void
put_string(struct text *text, const char *name, const char *value)
{
	put(text, " { policy_string = ");
	put(text, name);
	put(text, ": ");
	put(text, value);
	put(text, " }");
}

/* The fields of RFC 8461 3.2, and the flag. Other fields of the body are not
 * among the facts. */
static void
put_policy_strings(struct text *text, const struct fact_policy *policy)
{
	char max_age[16];

	(void)snprintf(max_age, sizeof(max_age), "%lu",
	    (unsigned long)policy->max_age_s);
	put_string(text, "version", "STSv1");
	put_string(text, "mode", policy_mode_name(policy->mode));
	for (size_t i = 0; i < policy->n_mx; i++)
		put_string(text, "mx", policy->mx[i]);
	put_string(text, "max_age", max_age);
	if (policy->dnssec)
		put_string(text, "dnssec", "yes");
}

static void
put_report_attributes(struct text *text, const struct tls_policy *policy)
{
	const struct fact_policy *sts = policy->verdict->policy;

	put(text, " policy_type=sts policy_domain=");
	put(text, policy->facts->recipient.domain);
	put_policy_strings(text, sts);
	for (size_t i = 0; i < sts->n_mx; i++) {
		put(text, " mx_host_pattern=");
		put(text, sts->mx[i]);
	}
}

/* --- answers --- */

static void
put_secure(struct text *text, const struct tls_policy *policy,
    const struct tls_rules *rules, enum tls_dialect dialect)
{
	const struct fact_policy *sts = policy->verdict->policy;
	struct text before;

	put(text, "OK secure match=");
	for (size_t i = 0; i < sts->n_mx; i++) {
		put(text, i > 0 ? ":" : "");
		put(text, sts->mx[i] + (sts->mx[i][0] == '*'));
	}
	put(text, " servername=hostname");
	if (!rules->tlsrpt || dialect != TLS_DIALECT_POSTFIX)
		return;
	/* If the answer is too long, it loses the attributes for reports: only
	 * "match" is needed for the delivery. */
	before = *text;
	put_report_attributes(text, policy);
	if (text->full && !before.full) {
		*text = before;
		text->at[text->len] = '\0';
		text->shortened = true;
	}
}

/* The MX set is secure, so the host's own name is as good as the policy's. */
static void
put_verify(struct text *text, const struct tls_policy *policy,
    enum tls_dialect dialect)
{
	if (dialect == TLS_DIALECT_POSTFIX) {
		put(text, "OK verify match=hostname servername=hostname");
		return;
	}
	put(text, "OK secure match=");
	put_hosts(text, policy->facts);
	put(text, " servername=hostname");
}

static void
put_defer(struct text *text, const struct tls_policy *policy)
{
	struct reply reply;

	put(text, "TEMP ");
	if (!policy->unknown) {
		reply_format(policy->facts, policy->verdict, &reply);
		put(text, reply.text);
		return;
	}
	put(text, policy->facts->recipient.domain);
	put(text, ": TLS policy, ");
	if (policy->blame.kind != EVIDENCE_NONE) {
		put(text, evidence_reply_names[policy->blame.kind]);
		put(text, " ");
		put(text, policy->blame.name);
		put(text, ": ");
		put(text, fact_status_name(policy->blame.status));
	} else if (policy->facts->internal_error) {
		put(text, "filter: internal error");
	} else {
		put(text, "DNS not answered in time");
	}
}

static void
put_answer(struct text *text, const struct tls_policy *policy,
    const struct tls_rules *rules, enum tls_dialect dialect)
{
	bool postfix = dialect == TLS_DIALECT_POSTFIX;

	switch (policy->kind) {
	case TLS_POLICY_NONE:
		put(text, "NOTFOUND ");
		break;
	case TLS_POLICY_DEFER:
	case TLS_POLICY_KINDS:
		put_defer(text, policy);
		break;
	case TLS_POLICY_DANE_ONLY:
		put(text, postfix ? "OK dane-only" : "NOTFOUND ");
		break;
	case TLS_POLICY_SECURE:
		put_secure(text, policy, rules, dialect);
		break;
	case TLS_POLICY_VERIFY:
		put_verify(text, policy, dialect);
		break;
	case TLS_POLICY_ENCRYPT:
		put(text, postfix ? "OK encrypt" : "NOTFOUND ");
		break;
	}
}

int
tls_policy_format(const struct tls_policy *policy,
    const struct tls_rules *rules, enum tls_dialect dialect, char *out,
    size_t size)
{
	struct text text = {.at = out, .size = size};

	out[0] = '\0';
	put_answer(&text, policy, rules, dialect);
	if (text.bad) {
		(void)snprintf(out, size, "TEMP TLS policy is not printable");
		return ERR_SYNTAX;
	}
	if (!text.full)
		return text.shortened ? TLS_POLICY_SHORTENED : 0;
	(void)snprintf(out, size, "TEMP %s: TLS policy is too long",
	    policy->facts->recipient.domain);
	return ERR_TOOLONG;
}

/* Most answers are short; a long one is written again into a larger buffer. */
char *
tls_policy_text(const struct tls_policy *policy, const struct tls_rules *rules,
    enum tls_dialect dialect)
{
	char text[SHORT_ANSWER_MAX + 1];
	char *longest, *answer;

	if (tls_policy_format(policy, rules, dialect, text, sizeof(text)) == 0)
		return strdup(text);
	longest = malloc(TLS_ANSWER_MAX + 1);
	if (longest == NULL)
		return NULL;
	(void)tls_policy_format(policy, rules, dialect, longest,
	    TLS_ANSWER_MAX + 1);
	answer = strdup(longest);
	free(longest);
	return answer;
}

char *
tls_answer(const struct facts *facts, const struct verdict *verdict,
    const struct tls_rules *rules, enum tls_dialect dialect,
    enum tls_policy_kind *kind)
{
	struct tls_policy policy;

	tls_policy_judge(facts, verdict, rules, &policy);
	*kind = policy.kind;
	return tls_policy_text(&policy, rules, dialect);
}

void
tls_answer_print(FILE *out, const char *answer)
{
	fputs("at delivery: ", out);
	if (strncmp(answer, "OK ", 3) == 0)
		fputs(answer + 3, out);
	else if (strncmp(answer, "TEMP ", 5) == 0)
		fprintf(out, "deferred, %s", answer + 5);
	else
		fputs("not found, the MTA's own level applies", out);
}
