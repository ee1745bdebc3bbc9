/*
 * Findings about a policy body and a TXT RRset: one report, printed for people
 * or as JSON.
 */
#ifndef TOOL_LINT_H
#define TOOL_LINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/policy.h"
#include "core/txt.h"

struct tool_options;

#define LINT_TEXT_SIZE    512
#define LINT_FINDINGS_MAX 64      /* more than the parser lists */
#define LINT_BODY_MAX     1048576 /* the file; more is not read */
#define LINT_BODY_SENDERS 65536   /* RFC 8461 3.3, F-09 */

#define LINT_TEXT_TOO_LARGE "larger than 65536 octets: senders refuse it"

struct lint_finding {
	enum policy_note_level level;
	size_t line; /* 0: the body as a whole */
	char text[LINT_TEXT_SIZE];
};

struct lint_report {
	struct policy *policy; /* NULL: no policy */
	size_t n;
	struct lint_finding findings[LINT_FINDINGS_MAX]; /* as found */
	size_t n_errors;
	size_t n_warnings;
	bool no_memory;
};

/* Zeroed memory is an empty report. */
void lint_add(struct lint_report *report, enum policy_note_level level,
    size_t line, const char *text);
void lint_report_clear(struct lint_report *report);

/* Any octets. */
void lint_body(const uint8_t *body, size_t len, struct lint_report *report);

/* TOOL_OK, TOOL_NO, TOOL_WARNED or TOOL_INTERNAL. */
int lint_status(const struct lint_report *report);

/* Whether a pattern of the report's policy covers each of the hosts. */
struct lint_hosts {
	size_t n;
	char **host;
};

/* A warning for each host that no pattern of the policy covers (RFC 8461 4.1).
 */
void lint_add_hosts(struct lint_report *report, const struct lint_hosts *hosts);

/* "a.example.org *.example.net", cut if there are too many. */
void lint_patterns(const struct policy *policy, char out[LINT_TEXT_SIZE]);

/* NULL: no memory. hosts->n 0: without "hosts". */
json_t *
lint_json(const struct lint_report *report, const struct lint_hosts *hosts);
json_t *lint_findings_json(const struct lint_report *report,
    enum policy_note_level level);
/* Findings, and a summary of the policy. */
void lint_print(FILE *out, const char *name, const struct lint_report *report,
    const struct lint_hosts *hosts);
void lint_print_findings(FILE *out, const char *name,
    const struct lint_report *report);
/* The first finding of the level, or NULL; *n (may be NULL) grows by their
 * number. */
const struct lint_finding *lint_first(const struct lint_report *report,
    enum policy_note_level level, size_t *n);

/* why: what is wrong with a record that is not valid. NULL: no memory. */
json_t *lint_txt_json(const struct txt_result *txt, const char *why);

struct lint_domain_options {
	bool smtp;   /* look at STARTTLS of each MX host */
	bool nagios; /* print one line */
};

/* lint --domain. */
int lint_domain(const struct tool_options *options,
    const struct lint_domain_options *own, const char *domain);

/*
 * A TXT record as people and `dig +short` write it (RFC 1035 5.1), either bare
 * text or quoted character-strings with \DDD and \X inside, turned into RDATA:
 * length octet and octets, repeated. Bare text is taken as it is, in strings of
 * 255. *rdata holds at least rdata_text_bound() octets. 0, or ERR_SYNTAX or
 * ERR_TOOLONG with *why saying what is wrong.
 */
#define RDATA_LEN_MAX 65535
int rdata_from_text(const uint8_t *text, size_t len, uint8_t *rdata,
    size_t *rdata_len, const char **why);

/* Octets of RDATA that len octets of text can make at most; never 0. */
size_t rdata_text_bound(size_t len);

#endif
