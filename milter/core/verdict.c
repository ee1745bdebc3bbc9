/* Names verdicts and reasons, words evidence for people, and writes the SMTP
 * reply: the reason's text with the record filled in. */
#include "autoconf.h"

#include "core/verdict.h"

#include <stdio.h>
#include <string.h>

#include "core/names.h"

const struct reason_text reason_texts[REASON_COUNT] = {
#define X(member, name, reply, tlsrpt) [member] = {reply, tlsrpt},
    REASON_TABLE(X)
#undef X
};

NAMES_BOTH_WAYS(reason, enum reason, REASON_TABLE)
NAMES(verdict, enum verdict_kind, VERDICT_TABLE)
NAMES(policy_from, enum policy_from, POLICY_FROM_TABLE)

static const char *const evidence_names[] = {EVIDENCE_TABLE(NAMES_ROW)};

const char *const evidence_reply_names[] = {
#define X(member, name, reply) [member] = (reply),
    EVIDENCE_TABLE(X)
#undef X
};

/* Returns a word for the fault of a secure record, or else the record's
 * status. */
static const char *
evidence_word(const struct evidence *e)
{
	switch (e->kind) {
	case EVIDENCE_HOSTS:
		return "truncated";
	case EVIDENCE_PATTERN:
		return "mismatch";
	case EVIDENCE_HOST:
		return "unusable";
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

/* Appends words, cut if they do not fit. Returns the new length. */
static size_t
add(char *out, size_t size, size_t len, const char *words)
{
	size_t n = strlen(words);

	if (n > size - len - 1)
		n = size - len - 1;
	memcpy(out + len, words, n);
	out[len + n] = '\0';
	return len + n;
}

void
evidence_owner(const struct evidence *e, char *out, size_t size)
{
	char prefix[sizeof("_65535._tcp.")] = "";

	switch (e->kind) {
	case EVIDENCE_NONE:
		out[0] = '\0';
		return;
	case EVIDENCE_TXT:
		(void)add(prefix, sizeof(prefix), 0, "_mta-sts.");
		break;
	case EVIDENCE_FETCH:
		(void)add(prefix, sizeof(prefix), 0, "mta-sts.");
		break;
	case EVIDENCE_TLSA:
		(void)snprintf(prefix, sizeof(prefix), "_%u._tcp.",
		    (unsigned)e->port);
		break;
	case EVIDENCE_MX:
	case EVIDENCE_HOSTS:
	case EVIDENCE_HOST:
	case EVIDENCE_A:
	case EVIDENCE_AAAA:
	case EVIDENCE_PATTERN:
		break;
	}
	(void)add(out, size, add(out, size, 0, prefix), e->name);
}

void
evidence_text(const struct evidence *e, char out[EVIDENCE_TEXT_SIZE])
{
	const size_t size = EVIDENCE_TEXT_SIZE;
	size_t len;

	evidence_owner(e, out, size);
	if (e->kind == EVIDENCE_NONE)
		return;
	len = add(out, size, strlen(out), " ");
	len = add(out, size, len, evidence_names[e->kind]);
	len = add(out, size, len, " ");
	(void)add(out, size, len, evidence_word(e));
}

/* --- the reply --- */

struct line {
	char *text;
	size_t len;
	bool full; /* an octet did not fit: none is added any more */
};

static void
line_put_octet(struct line *line, char octet)
{
	/* Other octets could end the line or be garbled on the way. */
	char c = octet >= ' ' && octet <= '~' ? octet : '?';
	size_t need = c == '%' ? 2 : 1;

	if (line->full || line->len + need > REPLY_TEXT_MAX) {
		line->full = true;
		return;
	}
	memset(line->text + line->len, c, need);
	line->len += need;
}

static void
line_put(struct line *line, const char *text)
{
	for (; *text != '\0'; text++)
		line_put_octet(line, *text);
}

/* The reason's text must not say "required by policy" for a domain that is not
 * known to require DNSSEC. */
static void
line_put_reason(struct line *line, const struct verdict *verdict)
{
	static const char demand[] = "DNSSEC required by policy, ";
	const struct evidence *e = &verdict->decided_by;
	const char *p = reason_texts[verdict->reason].reply;

	if (!verdict_is_bound(verdict) &&
	    strncmp(p, demand, strlen(demand)) == 0) {
		line_put(line, "policy discovery, ");
		p += strlen(demand);
	}
	for (; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 'R') {
			p++;
			if (e->kind == EVIDENCE_NONE)
				continue;
			line_put(line, evidence_reply_names[e->kind]);
			line_put(line, " ");
			line_put(line, e->name);
		} else if (p[0] == '%' && p[1] == 'S') {
			line_put(line, fact_status_name(e->status));
			p++;
		} else {
			line_put_octet(line, *p);
		}
	}
}

void
reply_format(const struct facts *facts, const struct verdict *verdict,
    struct reply *out)
{
	const char *domain = facts->recipient.domain;
	bool permanent = verdict->kind == VERDICT_REJECT;
	struct line line = {.text = out->text};

	memset(out, 0, sizeof(*out));
	memcpy(out->code, permanent ? "550" : "450", sizeof(out->code));
	memcpy(out->xcode, permanent ? "5.7.5" : "4.7.5", sizeof(out->xcode));
	line_put(&line, domain != NULL ? domain : "");
	line_put(&line, ": ");
	line_put_reason(&line, verdict);
}
