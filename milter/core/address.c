/*
 * An argument is read as Postfix reads it, since where the mail goes is what
 * matters: quotes and comments hide specials, the domain follows the last
 * "@", and what is left open is repaired. Where RFC 5321 would refuse and the
 * MTA would not, the domain is found all the same: a domain too many that is
 * looked at does no harm, one too few is a way round the check.
 *
 *	argument   [phrase "<"] *route mailbox [">"]
 *	route      "@" domain *("," "@" domain) ":"
 *	mailbox    local-part ["@" domain]
 */
#include "autoconf.h"

#include "core/address.h"

#include <string.h>

#include "core/ascii.h"
#include "core/err.h"

/* Postfix and Sendmail take no longer command lines. */
#define DOMAIN_TEXT_MAX 2048

enum token_kind {
	TOKEN_OCTET,   /* one octet that stands for itself */
	TOKEN_PAIR,    /* backslash and the octet it quotes */
	TOKEN_QUOTED,  /* "..." */
	TOKEN_LITERAL, /* [...] */
	TOKEN_BLANK    /* white space, a comment, a backslash at the end */
};

struct token {
	enum token_kind kind;
	const uint8_t *at; /* delimiters included */
	size_t len;
};

struct scanner {
	const uint8_t *at;
	const uint8_t *end;
	/* Nothing closes these in what is left, so none is looked for. */
	bool no_quote;
	bool no_literal;
};

struct span {
	const uint8_t *at;
	const uint8_t *end;
};

/* Past the octet that closes what opens at `at`; NULL: nothing does. */
static const uint8_t *
find_close(const uint8_t *at, const uint8_t *end, uint8_t close)
{
	for (at++; at < end; at++) {
		if (*at == close)
			return at + 1;
		if (*at == '\\' && at + 1 < end)
			at++;
	}
	return NULL;
}

/* Comments nest; an open one hides all that follows. */
static const uint8_t *
comment_end(const uint8_t *at, const uint8_t *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at + 1;
		else if (*at == '\\' && at + 1 < end)
			at++;
	}
	return end;
}

static bool
is_blank(uint8_t octet)
{
	return octet == ' ' || (octet >= '\t' && octet <= '\r');
}

static bool
take_closed(struct scanner *s, uint8_t close, bool *none, struct token *t)
{
	const uint8_t *end = *none ? NULL : find_close(s->at, s->end, close);

	if (end == NULL) {
		*none = true;
		return false;
	}
	t->kind = close == '"' ? TOKEN_QUOTED : TOKEN_LITERAL;
	t->len = (size_t)(end - s->at);
	return true;
}

static bool
next_token(struct scanner *s, struct token *t)
{
	if (s->at == s->end)
		return false;
	*t = (struct token){TOKEN_OCTET, s->at, 1};
	if (*s->at == '"') {
		take_closed(s, '"', &s->no_quote, t);
	} else if (*s->at == '[') {
		take_closed(s, ']', &s->no_literal, t);
	} else if (*s->at == '(') {
		t->kind = TOKEN_BLANK;
		t->len = (size_t)(comment_end(s->at, s->end) - s->at);
	} else if (*s->at == '\\' && s->end - s->at > 1) {
		t->kind = TOKEN_PAIR;
		t->len = 2;
	} else if (*s->at == '\\' || is_blank(*s->at)) {
		t->kind = TOKEN_BLANK;
	}
	s->at += t->len;
	return true;
}

static bool
is_special(const struct token *t, uint8_t octet)
{
	return t->kind == TOKEN_OCTET && *t->at == octet;
}

/*
 * What stands between the last ">" and the nearest "<" before it. Either may
 * be missing (R-15). Without ">", a list's "," or ";" at the end is none of
 * the address.
 */
static struct span
find_mailbox(struct span arg)
{
	struct scanner s = {arg.at, arg.end, false, false};
	struct span bracketed = {NULL, NULL};
	struct span bare = {arg.at, arg.at};
	struct token t;

	while (next_token(&s, &t)) {
		if (is_special(&t, '<'))
			bare.at = bare.end = s.at;
		else if (is_special(&t, '>'))
			bracketed = (struct span){bare.at, t.at};
		else if (t.kind != TOKEN_BLANK && !is_special(&t, ',') &&
		    !is_special(&t, ';'))
			bare.end = s.at;
	}
	return bracketed.at != NULL ? bracketed : bare;
}

/* Past the ":" of a source route, NULL if there is none in front. */
static const uint8_t *
route_end(struct span mailbox)
{
	struct scanner s = {mailbox.at, mailbox.end, false, false};
	struct token t;
	bool more;

	do
		more = next_token(&s, &t);
	while (more && t.kind == TOKEN_BLANK);
	if (!more || !is_special(&t, '@'))
		return NULL;
	while (next_token(&s, &t))
		if (is_special(&t, ':'))
			return s.at < s.end ? s.at : NULL;
	return NULL;
}

/* R-09: routes may be doubled; each look goes no further than its ":". */
static void
skip_routes(struct span *mailbox)
{
	const uint8_t *end;

	while ((end = route_end(*mailbox)) != NULL)
		mailbox->at = end;
}

/* Past the last "@" that is neither quoted nor in a comment; NULL: none. */
static const uint8_t *
find_domain(struct span mailbox)
{
	struct scanner s = {mailbox.at, mailbox.end, false, false};
	const uint8_t *found = NULL;
	struct token t;

	while (next_token(&s, &t))
		if (is_special(&t, '@'))
			found = s.at;
	return found;
}

struct text {
	size_t len;
	uint8_t octet[DOMAIN_TEXT_MAX];
};

/* Takes what it is given in place: the text never grows. */
static void
text_add(struct text *text, const uint8_t *octets, size_t len)
{
	memmove(text->octet + text->len, octets, len);
	text->len += len;
}

/* A quoted string or pair without its quoting. */
static void
text_add_unquoted(struct text *text, const struct token *t)
{
	const uint8_t *end = t->at + t->len - (t->kind == TOKEN_QUOTED);

	for (const uint8_t *at = t->at + (t->kind == TOKEN_QUOTED); at < end;
	     at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
		/* Unquoted it divides as any other does. */
		if (*at == '@')
			text->len = 0;
		else
			text_add(text, at, 1);
	}
}

/*
 * Takes quoting, comments and blanks out of a domain, where none belongs: the
 * MTA does so and goes on with what remains. A blank between words stays, as
 * it makes them no domain. True: something was taken.
 */
static bool
text_unquote(struct text *text)
{
	struct scanner s = {text->octet, text->octet + text->len, 0, 0};
	size_t len = text->len;
	bool gap = false;
	struct token t;

	text->len = 0;
	while (next_token(&s, &t)) {
		if (t.kind == TOKEN_BLANK) {
			gap =
			    text->len > 0 && text->octet[text->len - 1] != '.';
			continue;
		}
		if (gap && *t.at != '.')
			text_add(text, (const uint8_t *)" ", 1);
		gap = false;
		if (t.kind == TOKEN_PAIR || t.kind == TOKEN_QUOTED)
			text_add_unquoted(text, &t);
		else
			text_add(text, t.at, t.len);
	}
	return text->len < len;
}

int
address_domain(const uint8_t *text, size_t len, address_idn_fn *idn,
    char out[NAME_SIZE])
{
	char ascii[NAME_SIZE];
	bool plain = true;

	out[0] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] > 127)
			plain = false;
	if (plain)
		return name_canon(text, len, out) == 0 ? 0 : ERR_SYNTAX;
	if (idn == NULL || idn(text, len, ascii) != 0)
		return ERR_SYNTAX;
	/* R-12, R-14: whatever the library let through. */
	if (name_canon((const uint8_t *)ascii, strlen(ascii), out) != 0)
		return ERR_SYNTAX;
	return 0;
}

static enum address_class
classify_domain(const uint8_t *domain, size_t len, address_idn_fn *idn,
    char out[NAME_SIZE])
{
	struct text text = {0};

	if (len > sizeof(text.octet))
		return ADDRESS_INVALID;
	text_add(&text, domain, len);
	/* The MTA reads again what it has unquoted; so do we. */
	while (text_unquote(&text))
		;
	if (text.len > 0 && text.octet[0] == '[')
		return ADDRESS_LITERAL;
	return address_domain(text.octet, text.len, idn, out) == 0
	    ? ADDRESS_DOMAIN
	    : ADDRESS_INVALID;
}

void
address_parse(const uint8_t *arg, size_t len, address_idn_fn *idn,
    struct address *out)
{
	struct span mailbox = {arg, arg};
	const uint8_t *domain;

	out->class = ADDRESS_LOCAL;
	out->domain[0] = '\0';
	if (len == 0)
		return;
	mailbox.end = arg + len;
	mailbox = find_mailbox(mailbox);
	skip_routes(&mailbox);
	domain = find_domain(mailbox);
	if (domain != NULL)
		out->class = classify_domain(domain,
		    (size_t)(mailbox.end - domain), idn, out->domain);
}

static const char *const class_names[] = {
#define X(member, name) [member] = name,
    ADDRESS_CLASS_TABLE(X)
#undef X
};

const char *address_class_name(enum address_class class)
{
	return class_names[class];
}

int
address_class_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(class_names) / sizeof(*class_names); i++)
		if (strcmp(name, class_names[i]) == 0)
			return (int)i;
	return -1;
}
