/*
 * An argument is read as Postfix reads it, because the filter must judge the
 * domain that the mail goes to: quotes and comments hide specials, the domain
 * follows the last "@", and an open quote or bracket is repaired. Where RFC
 * 5321 would reject the argument and the MTA would not, the domain is found all
 * the same: a check that was not needed does no harm, but a recipient that is
 * not checked gets past the filter.
 *
 *	argument   [phrase "<"] *route mailbox [">"]
 *	route      "@" domain *("," "@" domain) ":"
 *	mailbox    local-part ["@" domain]
 */
#include "autoconf.h"

#include "core/address.h"

#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "core/names.h"

/* Postfix and Sendmail take no longer command lines. */
#define DOMAIN_TEXT_MAX 2048

enum token_kind {
	TOKEN_OCTET,   /* one octet that stands for itself */
	TOKEN_WORD,    /* octets without a meaning of their own */
	TOKEN_PAIR,    /* backslash and the octet it quotes */
	TOKEN_QUOTED,  /* "..." */
	TOKEN_LITERAL, /* [...] */
	TOKEN_BLANK    /* white space, a comment, an odd quote or backslash */
};

struct token {
	enum token_kind kind;
	const uint8_t *at; /* delimiters included */
	size_t len;
};

struct scanner {
	const uint8_t *at;
	const uint8_t *end;
	/* No octet in the rest closes a quote (bracket): do not search the rest
	 * again. */
	bool no_quote;
	bool no_literal;
};

struct span {
	const uint8_t *at;
	const uint8_t *end;
};

/* Finds the octet that closes the quote or bracket at `at`. Returns the octet
 * after it, or NULL. */
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

/* Returns the end of the comment at `at`. Comments nest; one that is not closed
 * hides the rest. */
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

/* Takes a token of the kind `closed` up to the octet that closes it. Without
 * one, the token remains the single octet that opened it. */
static void
take_closed(struct scanner *s, uint8_t close, bool *none,
    enum token_kind closed, struct token *t)
{
	const uint8_t *end = *none ? NULL : find_close(s->at, s->end, close);

	if (end == NULL) {
		*none = true;
		return;
	}
	t->kind = closed;
	t->len = (size_t)(end - s->at);
}

#define BLANKS   " \t\n\v\f\r"
#define SPECIALS "\"(),.:;<>@[\\"

static bool
next_token(struct scanner *s, struct token *t)
{
	const uint8_t *start = s->at;

	if (s->at == s->end)
		return false;
	/* Words are most of any address, letters and digits most of a word. */
	while (s->at < s->end &&
	    (ascii_is_alnum(*s->at) ||
		memchr(BLANKS SPECIALS, *s->at, sizeof(BLANKS SPECIALS) - 1) ==
		    NULL))
		s->at++;
	if (s->at > start) {
		*t = (struct token){TOKEN_WORD, start, (size_t)(s->at - start)};
		return true;
	}
	*t = (struct token){TOKEN_OCTET, s->at, 1};
	if (*s->at == '"') {
		t->kind = TOKEN_BLANK;
		take_closed(s, '"', &s->no_quote, TOKEN_QUOTED, t);
	} else if (*s->at == '[') {
		take_closed(s, ']', &s->no_literal, TOKEN_LITERAL, t);
	} else if (*s->at == '(') {
		t->kind = TOKEN_BLANK;
		t->len = (size_t)(comment_end(s->at, s->end) - s->at);
	} else if (*s->at == '\\' && s->end - s->at > 1) {
		t->kind = TOKEN_PAIR;
		t->len = 2;
	} else if (*s->at == '\\' ||
	    memchr(BLANKS, *s->at, sizeof(BLANKS) - 1) != NULL) {
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

struct mailbox {
	struct span span;
	bool bracketed; /* blanks between words are dropped; else an error */
};

/*
 * Returns the text between a ">" at the end and the nearest "<" before it.
 * Empty brackets do not count; either bracket may be missing (R-15). Text after
 * a "," or ";" at the end does not belong to the address.
 */
static struct mailbox
find_mailbox(struct span arg)
{
	struct scanner s = {arg.at, arg.end, false, false};
	struct span closed = {NULL, NULL};
	struct span open = {arg.at, arg.at};
	struct span listed = open; /* ended by a list mark */
	bool after_words = false;
	struct token t;

	while (next_token(&s, &t)) {
		if (is_special(&t, '<')) {
			open.at = open.end = s.at;
			after_words = false;
		} else if (is_special(&t, '>')) {
			if (open.end > open.at)
				closed = (struct span){open.at, t.at};
			else
				open = listed;
			after_words = false;
		} else if (is_special(&t, ',') || is_special(&t, ':') ||
		    is_special(&t, ';')) { /* of a list or a group */
			listed = open;
		} else if (t.kind != TOKEN_BLANK) {
			open.end = s.at;
			after_words = true;
		}
	}
	if (closed.at != NULL && !after_words)
		return (struct mailbox){closed, true};
	return (struct mailbox){open, false};
}

/*
 * R-09: routes may be doubled. Postfix ends a route at the first ":", even a
 * quoted one.
 */
static void
skip_routes(struct span *arg)
{
	const uint8_t *at = arg->at;
	const uint8_t *colon;

	while (at < arg->end && memchr(BLANKS, *at, sizeof(BLANKS) - 1) != NULL)
		at++;
	while (at < arg->end && *at == '@') {
		colon = memchr(at, ':', (size_t)(arg->end - at));
		if (colon == NULL)
			return;
		arg->at = at = colon + 1;
	}
}

/* Returns the octet after the last "@" that is neither quoted nor in a comment;
 * NULL: there is none. */
static const uint8_t *
find_domain(struct span arg)
{
	struct scanner s = {arg.at, arg.end, false, false};
	const uint8_t *found = NULL;
	struct token t;

	while (next_token(&s, &t))
		if (is_special(&t, '@'))
			found = s.at;
	return found;
}

struct text {
	size_t len;
	bool gaps; /* there were blanks between two words */
	uint8_t octet[DOMAIN_TEXT_MAX];
};

/* Appends a quoted string or pair without its quoting. A backslash is never its
 * last octet. */
static void
text_add_unquoted(struct text *text, const struct token *t)
{
	const uint8_t *end = t->at + t->len - (t->kind == TOKEN_QUOTED);

	for (const uint8_t *at = t->at + (t->kind == TOKEN_QUOTED); at < end;
	     at++) {
		if (*at == '\\')
			at++;
		/* Once unquoted, this "@" ends a local part like any other. */
		if (*at == '@') {
			text->len = 0;
			text->gaps = false;
		} else {
			text->octet[text->len++] = *at;
		}
	}
}

/*
 * Removes quoting, comments and blanks from a domain, as the MTA does before it
 * parses the domain again. Works in place: the text never grows.
 */
static void
text_unquote(struct text *text)
{
	struct scanner s = {text->octet, text->octet + text->len, false, false};
	bool gap = false;
	struct token t;

	text->len = 0;
	text->gaps = false;
	while (next_token(&s, &t)) {
		if (t.kind == TOKEN_BLANK) {
			gap =
			    text->len > 0 && text->octet[text->len - 1] != '.';
			continue;
		}
		if (gap && !is_special(&t, '.'))
			text->gaps = true;
		gap = false;
		if (t.kind == TOKEN_PAIR || t.kind == TOKEN_QUOTED) {
			text_add_unquoted(text, &t);
		} else {
			memmove(text->octet + text->len, t.at, t.len);
			text->len += t.len;
		}
	}
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
	/* R-12, R-14: the IDN library accepts names that name_canon()
	 * rejects. */
	if (name_canon((const uint8_t *)ascii, strlen(ascii), out) != 0)
		return ERR_SYNTAX;
	return 0;
}

static enum address_class
classify_domain(const struct mailbox *mailbox, address_idn_fn *idn,
    char out[NAME_SIZE])
{
	struct text text; /* not zeroed: it is large */
	size_t len = (size_t)(mailbox->span.end - mailbox->span.at);

	if (len > sizeof(text.octet))
		return ADDRESS_INVALID;
	memcpy(text.octet, mailbox->span.at, len);
	text.len = len;
	text_unquote(&text);
	if (text.gaps && !mailbox->bracketed)
		return ADDRESS_INVALID;
	/* The MTA parses the unquoted text again; so do we. */
	while (text.len < len) {
		len = text.len;
		text_unquote(&text);
	}
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
	struct span stripped;
	struct mailbox mailbox;

	out->class = ADDRESS_LOCAL;
	out->domain[0] = '\0';
	if (len == 0)
		return;
	/* Remove the brackets that belong to the command, as Postfix does. */
	stripped = (struct span){arg, arg + len};
	if (len >= 2 && arg[0] == '<' && arg[len - 1] == '>')
		stripped = (struct span){arg + 1, arg + len - 1};
	skip_routes(&stripped);
	mailbox = find_mailbox(stripped);
	skip_routes(&mailbox.span);
	mailbox.span.at = find_domain(mailbox.span);
	if (mailbox.span.at != NULL)
		out->class = classify_domain(&mailbox, idn, out->domain);
}

void
address_parse_rewritten(const char *text, address_idn_fn *idn,
    struct address *out)
{
	const char *at = strrchr(text, '@');

	out->class = ADDRESS_LOCAL;
	out->domain[0] = '\0';
	if (at == NULL)
		return;
	at++;
	if (*at == '[')
		out->class = ADDRESS_LITERAL;
	else if (address_domain((const uint8_t *)at, strlen(at), idn,
		     out->domain) == 0)
		out->class = ADDRESS_DOMAIN;
	else
		out->class = ADDRESS_INVALID;
}

NAMES_BOTH_WAYS(address_class, enum address_class, ADDRESS_CLASS_TABLE)
