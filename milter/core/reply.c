/* The SMTP reply: the reason's words with the record put in. */
#include "autoconf.h"

#include "core/reply.h"

#include <stdbool.h>
#include <string.h>

struct line {
	char *text;
	size_t len;
	bool full; /* what follows is cut off, not squeezed in */
};

static void
line_put_octet(struct line *line, char octet)
{
	/* Anything else could end the line or be garbled on the way. */
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

/* %R */
static void
line_put_record(struct line *line, const struct evidence *e)
{
	if (e->kind == EVIDENCE_NONE)
		return;
	line_put(line, evidence_reply_name(e->kind));
	line_put(line, " ");
	line_put(line, e->name);
}

/* Of a domain that is not known to be bound nobody has demanded anything. */
static void
line_put_reason(struct line *line, const struct verdict *verdict)
{
	static const char demand[] = "DNSSEC required by policy, ";
	const struct evidence *e = &verdict->decided_by;
	const char *p = reason_reply(verdict->reason);

	if (!verdict_is_bound(verdict) &&
	    strncmp(p, demand, strlen(demand)) == 0) {
		line_put(line, "policy discovery, ");
		p += strlen(demand);
	}
	for (; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 'R') {
			line_put_record(line, e);
			p++;
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
