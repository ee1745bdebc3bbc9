/*
 * Parses policy bodies. The first pass checks the body and adds up the memory
 * that the policy takes; the second pass copies the mx patterns into one block.
 */
#include "autoconf.h"

#include "core/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "core/names.h"
#include "core/policy_field.h"

#define MAX_AGE_DIGITS_MAX 10
#define NOTES_MAX          20 /* of each level */
#define NOTE_SIZE          128
#define DAY_S              86400U

/* X(member, name, the error if it is missing or "") */
#define FIELD_TABLE(X)                                                    \
	X(FIELD_VERSION, "version", "no version: add \"version: STSv1\"") \
	X(FIELD_MODE, "mode", "no mode: add enforce, testing or none")    \
	X(FIELD_MAX_AGE, "max_age", "no max_age: add one, in seconds")    \
	X(FIELD_MX, "mx", "no mx: add a field for each MX host")          \
	X(FIELD_DNSSEC, "dnssec", "")

enum field {
	FIELD_TABLE(NAMES_MEMBER) FIELD_COUNT
};

static const char *const field_names[] = {FIELD_TABLE(NAMES_ROW)};

static const char *const field_missing[] = {
#define X(member, name, missing) missing,
    FIELD_TABLE(X)
#undef X
};

struct parse {
	policy_note_fn *note;
	void *note_arg;
	size_t noted[2]; /* by level */
	size_t line;
	bool seen[FIELD_COUNT];
	struct policy policy;
	size_t mx_octets; /* of all patterns, with their final NUL */
};

static void
add_note(struct parse *p, enum policy_note_level level, const char *text)
{
	size_t n = ++p->noted[level];

	if (p->note == NULL || n > NOTES_MAX + 1)
		return;
	if (n > NOTES_MAX)
		text = level == POLICY_NOTE_ERROR
		    ? "more errors are not listed"
		    : "more warnings are not listed";
	p->note(p->note_arg, level, p->line, text);
}

static void
warn(struct parse *p, const char *text)
{
	add_note(p, POLICY_NOTE_WARNING, text);
}

/* 1 to 10 digits, which are more than 32 bits hold (P-05); a number that is too
 * large is capped (P-13). */
static const char *
take_max_age(struct parse *p, const struct policy_field *field)
{
	uint64_t seconds = 0;

	if (field->len > MAX_AGE_DIGITS_MAX)
		return "max_age: must be 1 to 10 digits";
	for (size_t i = 0; i < field->len; i++) {
		if (!ascii_is_digit(field->value[i]))
			return "max_age: must be seconds, in digits only";
		seconds = seconds * 10 + (uint64_t)(field->value[i] - '0');
	}
	if (seconds == 0)
		warn(p, "max_age: 0 means that the policy is not kept");
	if (seconds > POLICY_MAX_AGE_LIMIT_S) {
		warn(p, "max_age: more than a year counts as 31557600");
		seconds = POLICY_MAX_AGE_LIMIT_S;
	}
	p->policy.max_age_s = (uint32_t)seconds;
	return NULL;
}

static const char *
take_mx(struct parse *p, const struct policy_field *field)
{
	const char *why = policy_mx_check(field->value, field->len);
	size_t len = field->len;

	if (why != NULL)
		return why;
	/* The grammar permits a last label of digits, but no MX host has one.
	 */
	while (len > 0 && ascii_is_digit(field->value[len - 1]))
		len--;
	if (len == 0 || field->value[len - 1] == '.')
		warn(p,
		    "mx: an IPv4 address matches no host; write a host name");
	p->policy.n_mx++;
	p->mx_octets += field->len + 1;
	return NULL;
}

/* Returns NULL, or the error that makes the body invalid. */
static const char *
take_value(struct parse *p, enum field which, const struct policy_field *field)
{
	static const char *const version = "STSv1";
	static const char *const yes = "yes";
	int mode;

	switch (which) {
	case FIELD_VERSION:
		if (names_find(&version, 1, (const char *)field->value,
			field->len) != 0)
			return "version: must be \"STSv1\", in this case";
		break;
	case FIELD_MODE:
		mode =
		    policy_mode_by_name((const char *)field->value, field->len);
		if (mode < 0)
			return "mode: must be enforce, testing or none, in "
			       "lower case";
		p->policy.mode = (enum policy_mode)mode;
		break;
	case FIELD_MAX_AGE:
		return take_max_age(p, field);
	case FIELD_MX:
		return take_mx(p, field);
	case FIELD_DNSSEC: /* P-15: octet by octet */
		p->policy.dnssec =
		    names_find(&yes, 1, (const char *)field->value,
			field->len) == 0;
		if (!p->policy.dnssec)
			warn(p,
			    "dnssec: this value is ignored; only \"yes\" has a "
			    "meaning");
		break;
	case FIELD_COUNT:
		break;
	}
	return NULL;
}

/* P-10: an unknown field is an extension, unless its name is a typing slip. */
static void
take_unknown(struct parse *p, const char *name)
{
	const char *known =
	    policy_lint_resembles(name, field_names, FIELD_COUNT);
	char text[NOTE_SIZE];

	if (known == NULL)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s: not a known field, is \"%s\" meant?", name, known);
	warn(p, text);
}

static void
take_field(struct parse *p, const struct policy_field *field)
{
	char text[NOTE_SIZE];
	const char *why;
	size_t which = 0;

	while (
	    which < FIELD_COUNT && strcmp(field->name, field_names[which]) != 0)
		which++;
	if (which == FIELD_COUNT) {
		take_unknown(p, field->name);
	} else if (p->seen[which] && which != FIELD_MX) {
		/* P-09, K7: whatever the value of the duplicate is. */
		(void)snprintf(text, sizeof(text),
		    "%s: given before, only the first one counts", field->name);
		warn(p, text);
	} else {
		p->seen[which] = true;
		why = take_value(p, (enum field)which, field);
		if (why != NULL &&
		    policy_lint_is_joined(field, field_names, FIELD_COUNT))
			why = "several fields on one line: write one field a "
			      "line";
		if (why != NULL)
			add_note(p, POLICY_NOTE_ERROR, why);
	}
}

static void
judge_line(struct parse *p, const struct policy_line *line)
{
	struct policy_field field;
	const char *why;
	size_t blanks = 0;

	while (blanks < line->len && ascii_is_wsp(line->at[blanks]))
		blanks++;
	if (blanks == line->len) { /* such policies exist (K3) */
		warn(p, "a blank line is skipped: remove it");
		return;
	}
	why = policy_field_split(line, &field);
	if (why != NULL)
		add_note(p, POLICY_NOTE_ERROR, why);
	else
		take_field(p, &field);
}

/* P-03 to P-06, P-18: checks the body as a whole for fields that it lacks. */
static void
judge_whole(struct parse *p)
{
	const struct policy *policy = &p->policy;
	bool is_short = policy->max_age_s > 0 && policy->max_age_s < DAY_S;

	p->line = 0;
	/* P-06: mode none needs no mx. An unreadable mode counts as none here.
	 */
	if (p->seen[FIELD_MODE] && p->policy.mode == POLICY_MODE_NONE)
		p->seen[FIELD_MX] = true;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (!p->seen[i] && field_missing[i][0] != '\0')
			add_note(p, POLICY_NOTE_ERROR, field_missing[i]);
	if (p->noted[POLICY_NOTE_ERROR] > 0)
		return;
	/* The owner may think that mode none switches the field off (K1). */
	if (policy->dnssec && policy->mode == POLICY_MODE_NONE)
		warn(p,
		    "\"dnssec: yes\" binds in mode none too: remove the field "
		    "to withdraw it");
	/* RFC 8461 3.2: "weeks or greater" */
	if (policy->dnssec && is_short)
		warn(p,
		    "\"dnssec: yes\" lasts less than a day: set max_age to "
		    "weeks");
	else if (is_short && policy->mode != POLICY_MODE_NONE)
		warn(p,
		    "max_age: less than a day: senders forget the policy; set "
		    "it to weeks");
}

static void
copy_mx(struct policy_lines lines, const char **mx, char *text)
{
	struct policy_line line;
	struct policy_field field;

	while (policy_line_next(&lines, &line)) {
		if (policy_field_split(&line, &field) != NULL ||
		    strcmp(field.name, "mx") != 0)
			continue;
		*mx++ = text;
		for (size_t i = 0; i < field.len; i++)
			*text++ = (char)ascii_lower(field.value[i]);
		*text++ = '\0';
	}
}

/* One block: the policy, the pointers to its patterns, their text. */
static struct policy *
build(const struct parse *p, struct policy_lines lines)
{
	size_t pointers = p->policy.n_mx * sizeof(const char *);
	struct policy *policy =
	    malloc(sizeof(*policy) + pointers + p->mx_octets);
	const char **mx;

	if (policy == NULL)
		return NULL;
	mx = (const char **)(policy + 1);
	*policy = p->policy;
	policy->mx = mx;
	copy_mx(lines, mx, (char *)(mx + p->policy.n_mx));
	return policy;
}

int
policy_parse(const uint8_t *body, size_t len, policy_note_fn *note,
    void *note_arg, struct policy **out)
{
	struct parse p = {.note = note, .note_arg = note_arg};
	const struct policy_lines all = {body, body + len, 0};
	struct policy_lines lines = all;
	struct policy_line line;

	while (policy_line_next(&lines, &line)) {
		p.line = lines.number;
		judge_line(&p, &line);
	}
	judge_whole(&p);
	if (p.noted[POLICY_NOTE_ERROR] > 0)
		return ERR_SYNTAX;
	*out = build(&p, all);
	return *out != NULL ? 0 : ERR_NOMEM;
}

void
policy_free(struct policy **policy)
{
	free(*policy);
	*policy = NULL;
}

static size_t
append(uint8_t *out, size_t size, size_t at, const char *text)
{
	size_t len = strlen(text);

	if (at + len <= size)
		memcpy(out + at, text, len);
	return at + len;
}

size_t
policy_write(const struct policy *policy, uint8_t *out, size_t size)
{
	char line[64];
	size_t at = append(out, size, 0, "version: STSv1\nmode: ");

	at = append(out, size, at, policy_mode_name(policy->mode));
	(void)snprintf(line, sizeof(line), "\nmax_age: %" PRIu32 "\n",
	    policy->max_age_s);
	at = append(out, size, at, line);
	if (policy->dnssec)
		at = append(out, size, at, "dnssec: yes\n");
	for (size_t i = 0; i < policy->n_mx; i++) {
		at = append(out, size, at, "mx: ");
		at = append(out, size, at, policy->mx[i]);
		at = append(out, size, at, "\n");
	}
	return at;
}

NAMES(policy_mode, enum policy_mode, POLICY_MODE_TABLE)

int
policy_mode_by_name(const char *name, size_t len)
{
	return names_find(policy_mode_names,
	    sizeof(policy_mode_names) / sizeof(*policy_mode_names), name, len);
}
