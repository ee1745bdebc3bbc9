#include "autoconf.h"

#include "abnf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_LIMIT SIZE_MAX

enum node_kind {
	NODE_RANGE,    /* one octet, from low to high */
	NODE_TEXT,     /* text_len octets */
	NODE_REPEAT,   /* child, low to high times */
	NODE_SEQUENCE, /* child and its siblings, one after the other */
	NODE_EITHER,   /* child or one of its siblings */
	NODE_RULE      /* what child is */
};

struct node {
	enum node_kind kind;
	size_t low;
	size_t high;
	const char *text;
	size_t text_len;
	bool any_case;
	struct node *child; /* NODE_RULE: the rule's */
	struct node *sibling;
};

struct rule {
	const char *name;
	size_t name_len;
	struct node *node;
	struct rule *before;
};

struct abnf {
	struct rule *rules; /* the last one first */
	const char *at;     /* while the grammar is read */
};

/* --- reading a grammar ---------------------------------------------------- */

static _Noreturn void
bad_grammar(const char *at, const char *what)
{
	(void)fprintf(stderr, "grammar: %s: %.40s\n", what, at);
	abort();
}

static void *
allocate(size_t size)
{
	void *block = calloc(1, size);

	if (block == NULL)
		bad_grammar("", "out of memory");
	return block;
}

static struct node *
node_new(enum node_kind kind)
{
	struct node *node = allocate(sizeof(*node));

	node->kind = kind;
	return node;
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-';
}

static void
skip_blanks(struct abnf *g)
{
	while (*g->at == ' ')
		g->at++;
}

static size_t
read_number(struct abnf *g, int base)
{
	char *end;
	unsigned long number = strtoul(g->at, &end, base);

	if (end == g->at)
		bad_grammar(g->at, "a number must stand here");
	g->at = end;
	return number;
}

static const struct rule *
find_rule(const struct abnf *g, const char *name, size_t len)
{
	const struct rule *rule = g->rules;

	while (rule != NULL &&
	    (rule->name_len != len || memcmp(rule->name, name, len) != 0))
		rule = rule->before;
	if (rule == NULL)
		bad_grammar(name, "no such rule");
	return rule;
}

static struct node *
read_reference(struct abnf *g)
{
	struct node *node = node_new(NODE_RULE);
	const char *name = g->at;

	while (is_name(*g->at))
		g->at++;
	node->child = find_rule(g, name, (size_t)(g->at - name))->node;
	return node;
}

static struct node *
read_text(struct abnf *g, bool any_case)
{
	struct node *node = node_new(NODE_TEXT);

	node->any_case = any_case;
	node->text = ++g->at;
	while (*g->at != '"' && *g->at != '\0')
		g->at++;
	node->text_len = (size_t)(g->at - node->text);
	if (*g->at++ == '\0')
		bad_grammar(node->text, "no end of the text");
	return node;
}

/* %s"text", %x41, %x41-5A */
static struct node *
read_percent(struct abnf *g)
{
	struct node *node;

	if (strncmp(g->at, "%s\"", 3) == 0) {
		g->at += 2;
		return read_text(g, false);
	}
	if (strncmp(g->at, "%x", 2) != 0)
		bad_grammar(g->at, "not known");
	g->at += 2;
	node = node_new(NODE_RANGE);
	node->low = node->high = read_number(g, 16);
	if (*g->at == '-') {
		g->at++;
		node->high = read_number(g, 16);
	}
	return node;
}

static struct node *read_alternatives(struct abnf *g);

static struct node *
read_bracketed(struct abnf *g, char close)
{
	struct node *node;

	g->at++;
	node = read_alternatives(g);
	if (*g->at != close)
		bad_grammar(g->at, "the bracket is not closed");
	g->at++;
	return node;
}

static struct node *
read_element(struct abnf *g)
{
	if (*g->at == '"')
		return read_text(g, true);
	if (*g->at == '%')
		return read_percent(g);
	if (*g->at == '(')
		return read_bracketed(g, ')');
	return read_reference(g);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [element], and element with a repetition before it */
static struct node *
read_repetition(struct abnf *g)
{
	struct node *node;

	if (*g->at != '[' && *g->at != '*' && !is_digit(*g->at))
		return read_element(g);
	node = node_new(NODE_REPEAT);
	node->high = 1;
	if (*g->at == '[') {
		node->child = read_bracketed(g, ']');
		return node;
	}
	if (is_digit(*g->at))
		node->low = read_number(g, 10);
	if (*g->at++ != '*')
		bad_grammar(g->at, "a repetition without \"*\"");
	node->high = is_digit(*g->at) ? read_number(g, 10) : NO_LIMIT;
	node->child = read_element(g);
	return node;
}

/* What stands alone needs no list around it. */
static struct node *
simplify(struct node *list)
{
	struct node *only = list->child;

	if (only == NULL || only->sibling != NULL)
		return list;
	free(list);
	return only;
}

static bool
at_end_of_sequence(const struct abnf *g)
{
	return *g->at == '\0' || strchr("/)]\n", *g->at) != NULL;
}

static struct node *
read_sequence(struct abnf *g)
{
	struct node *node = node_new(NODE_SEQUENCE);
	struct node **next = &node->child;

	for (skip_blanks(g); !at_end_of_sequence(g); skip_blanks(g)) {
		*next = read_repetition(g);
		next = &(*next)->sibling;
	}
	return simplify(node);
}

static struct node *
read_alternatives(struct abnf *g)
{
	struct node *node = node_new(NODE_EITHER);
	struct node **next = &node->child;

	for (;;) {
		*next = read_sequence(g);
		next = &(*next)->sibling;
		if (*g->at != '/')
			return simplify(node);
		g->at++;
	}
}

static void
read_rule(struct abnf *g)
{
	struct rule *rule = allocate(sizeof(*rule));

	rule->name = g->at;
	while (is_name(*g->at))
		g->at++;
	rule->name_len = (size_t)(g->at - rule->name);
	skip_blanks(g);
	if (*g->at++ != '=')
		bad_grammar(rule->name, "a rule must begin with \"name =\"");
	rule->node = read_alternatives(g);
	if (*g->at++ != '\n')
		bad_grammar(rule->name, "the end of the line must follow");
	rule->before = g->rules;
	g->rules = rule;
}

const struct abnf *
abnf_get(struct abnf **abnf, const char *grammar)
{
	struct abnf *g = *abnf;

	if (g != NULL)
		return g;
	g = *abnf = allocate(sizeof(*g));
	g->at = grammar;
	while (*g->at != '\0')
		read_rule(g);
	return g;
}

/* --- matching ------------------------------------------------------------- */

/* Positions 0 to len, between the octets. */
struct set {
	bool *has;
	size_t len;
	size_t first; /* none is before; larger than last: empty */
	size_t last;
};

/* More than any grammar of ours nests. */
#define SETS_MAX 64

/* Sets are taken from one block and given back in the opposite order, empty:
 * millions of them are made. */
struct subject {
	const uint8_t *octets;
	size_t len;
	bool *sets;
	size_t n_sets;
};

static struct set
set_new(struct subject *s)
{
	if (s->n_sets == SETS_MAX)
		bad_grammar("", "nested too deeply");
	return (struct set){s->sets + s->n_sets++ * (s->len + 1), s->len,
	    s->len + 1, 0};
}

static void
set_clear(struct set *set)
{
	for (size_t i = set->first; i <= set->last; i++)
		set->has[i] = false;
	set->first = set->len + 1;
	set->last = 0;
}

static bool
set_is_empty(const struct set *set)
{
	return set->first > set->last;
}

static void
set_add(struct set *set, size_t position)
{
	set->has[position] = true;
	if (position < set->first)
		set->first = position;
	if (position > set->last)
		set->last = position;
}

static void
set_add_all(struct set *set, const struct set *from)
{
	for (size_t i = from->first; i <= from->last; i++)
		if (from->has[i])
			set_add(set, i);
}

static void
set_swap(struct set *a, struct set *b)
{
	struct set kept = *a;

	*a = *b;
	*b = kept;
}

static uint8_t
fold(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

static bool
text_is_at(const struct node *node, const struct subject *s, size_t position)
{
	if (s->len - position < node->text_len)
		return false;
	for (size_t i = 0; i < node->text_len; i++) {
		uint8_t is = s->octets[position + i];
		uint8_t wanted = (uint8_t)node->text[i];

		if (is != wanted &&
		    (!node->any_case || fold(is) != fold(wanted)))
			return false;
	}
	return true;
}

static bool
range_is_at(const struct node *node, const struct subject *s, size_t position)
{
	return position < s->len && s->octets[position] >= node->low &&
	    s->octets[position] <= node->high;
}

static void match(const struct node *node, struct subject *s,
    const struct set *from, struct set *to);

static void
match_sequence(const struct node *node, struct subject *s,
    const struct set *from, struct set *to)
{
	struct set here = set_new(s);
	struct set next = set_new(s);

	set_add_all(&here, from);
	for (const struct node *n = node->child; n != NULL; n = n->sibling) {
		match(n, s, &here, &next);
		set_clear(&here);
		set_swap(&here, &next);
	}
	set_add_all(to, &here);
	set_clear(&here);
	set_clear(&next);
	s->n_sets -= 2;
}

/* No grammar repeats what can be empty: each time leads further. */
static void
match_repeat(const struct node *node, struct subject *s, const struct set *from,
    struct set *to)
{
	struct set here = set_new(s);
	struct set next = set_new(s);

	set_add_all(&here, from);
	for (size_t n = 0; !set_is_empty(&here); n++) {
		if (n >= node->low)
			set_add_all(to, &here);
		if (n == node->high)
			break;
		match(node->child, s, &here, &next);
		set_clear(&here);
		set_swap(&here, &next);
	}
	set_clear(&here);
	set_clear(&next);
	s->n_sets -= 2;
}

/* Adds to `to` every position at which node can end if it begins at one of
 * `from`. */
static void
match(const struct node *node, struct subject *s, const struct set *from,
    struct set *to)
{
	switch (node->kind) {
	case NODE_RANGE:
		for (size_t i = from->first; i <= from->last; i++)
			if (from->has[i] && range_is_at(node, s, i))
				set_add(to, i + 1);
		return;
	case NODE_TEXT:
		for (size_t i = from->first; i <= from->last; i++)
			if (from->has[i] && text_is_at(node, s, i))
				set_add(to, i + node->text_len);
		return;
	case NODE_REPEAT:
		match_repeat(node, s, from, to);
		return;
	case NODE_SEQUENCE:
		match_sequence(node, s, from, to);
		return;
	case NODE_EITHER:
		for (const struct node *n = node->child; n != NULL;
		     n = n->sibling)
			match(n, s, from, to);
		return;
	case NODE_RULE:
		match(node->child, s, from, to);
		return;
	}
}

bool
abnf_matches(const struct abnf *abnf, const char *rule, const uint8_t *octets,
    size_t len)
{
	struct subject s = {octets, len, allocate(SETS_MAX * (len + 1)), 0};
	struct set from = set_new(&s);
	struct set to = set_new(&s);
	bool matches;

	set_add(&from, 0);
	match(find_rule(abnf, rule, strlen(rule))->node, &s, &from, &to);
	matches = to.has[len];
	free(s.sets);
	return matches;
}
