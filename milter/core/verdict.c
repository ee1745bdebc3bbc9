/* Names of verdicts and reasons, and evidence as people read it. */
#include "autoconf.h"

#include "core/verdict.h"

#include <stdio.h>
#include <string.h>

struct reason_row {
	const char *name;
	const char *reply;
	const char *tlsrpt;
};

static const struct reason_row reasons[REASON_COUNT] = {
#define X(member, name, reply, tlsrpt) [member] = {name, reply, tlsrpt},
    REASON_TABLE(X)
#undef X
};

static const char *const verdict_names[] = {
#define X(member, name) [member] = name,
    VERDICT_TABLE(X)
#undef X
};

static const char *const policy_from_names[] = {
#define X(member, name) [member] = name,
    POLICY_FROM_TABLE(X)
#undef X
};

struct evidence_row {
	const char *name;
	const char *reply;
};

static const struct evidence_row evidences[] = {
#define X(member, name, reply) [member] = {name, reply},
    EVIDENCE_TABLE(X)
#undef X
};

const char *
reason_name(enum reason reason)
{
	return reasons[reason].name;
}

const char *
reason_reply(enum reason reason)
{
	return reasons[reason].reply;
}

const char *
reason_tlsrpt(enum reason reason)
{
	return reasons[reason].tlsrpt;
}

int
reason_by_name(const char *name)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reasons[i].name, name) == 0)
			return i;
	}
	return -1;
}

const char *
verdict_name(enum verdict_kind kind)
{
	return verdict_names[kind];
}

const char *
policy_from_name(enum policy_from from)
{
	return policy_from_names[from];
}

const char *
evidence_reply_name(enum evidence_kind kind)
{
	return evidences[kind].reply;
}

/* What was wrong, where it is not the status: such a record is secure. */
static const char *
evidence_word(const struct evidence *e)
{
	switch (e->kind) {
	case EVIDENCE_HOSTS:
		return "truncated";
	case EVIDENCE_PATTERN:
		return "mismatch";
	case EVIDENCE_TLSA:
		if (e->status == FACT_SECURE && e->answer != ANSWER_RECORDS)
			return "missing";
		break;
	case EVIDENCE_NONE:
	case EVIDENCE_TXT:
	case EVIDENCE_FETCH:
	case EVIDENCE_MX:
	case EVIDENCE_A:
	case EVIDENCE_AAAA:
		break;
	}
	return fact_status_name(e->status);
}

void
evidence_owner(const struct evidence *e, char *out, size_t size)
{
	switch (e->kind) {
	case EVIDENCE_NONE:
		snprintf(out, size, "%s", "");
		break;
	case EVIDENCE_TXT:
		snprintf(out, size, "_mta-sts.%s", e->name);
		break;
	case EVIDENCE_FETCH:
		snprintf(out, size, "mta-sts.%s", e->name);
		break;
	case EVIDENCE_TLSA:
		snprintf(out, size, "_%u._tcp.%s", (unsigned)e->port, e->name);
		break;
	case EVIDENCE_MX:
	case EVIDENCE_HOSTS:
	case EVIDENCE_A:
	case EVIDENCE_AAAA:
	case EVIDENCE_PATTERN:
		snprintf(out, size, "%s", e->name);
		break;
	}
}

void
evidence_text(const struct evidence *e, char out[EVIDENCE_TEXT_SIZE])
{
	size_t len;

	evidence_owner(e, out, EVIDENCE_TEXT_SIZE);
	if (e->kind == EVIDENCE_NONE)
		return;
	len = strlen(out);
	snprintf(out + len, EVIDENCE_TEXT_SIZE - len, " %s %s",
	    evidences[e->kind].name, evidence_word(e));
}
