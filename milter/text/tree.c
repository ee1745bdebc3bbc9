/* The evidence behind a verdict as a tree. See tree.h. */
#include "autoconf.h"

#include "text/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "text/advice.h"

#define WIDTH_DEFAULT 79
#define WIDTH_MIN     40
#define DEPTH_MAX     3 /* MX, host, record */
#define MARGIN_SIZE   (DEPTH_MAX * 8)
#define PATTERNS_MAX  8 /* of a policy; the rest is counted */

enum colour {
	COLOUR_NONE,
	COLOUR_GOOD,
	COLOUR_BAD,
	COLOUR_BOLD
};

static const char *const colour_codes[] = {
    [COLOUR_NONE] = "",
    [COLOUR_GOOD] = "\033[32m",
    [COLOUR_BAD] = "\033[31m",
    [COLOUR_BOLD] = "\033[1m",
};

static const char *const evidence_names[] = {
#define X(member, name, reply) [member] = name,
    EVIDENCE_TABLE(X)
#undef X
};

struct glyphs {
	const char *fork, *corner; /* to an item, to the last item */
	const char *pass, *blank;  /* past items still to come, past none */
};

static const struct glyphs glyphs_ascii = {"|- ", "`- ", "|  ", "   "};
static const struct glyphs glyphs_utf8 = {"\u251c\u2500 ", "\u2514\u2500 ",
    "\u2502  ", "   "};

struct tree {
	FILE *out;
	const struct tree_style *style;
	const struct glyphs *glyphs;
	size_t width; /* columns of a line */
	const struct facts *facts;
	const struct verdict *verdict;
	size_t depth; /* of the current item, 1 for the outermost */
	bool last[DEPTH_MAX + 1];
};

/* --- lines --- */

static void
put(const struct tree *tree, const char *text)
{
	text_print(tree->out, text, strlen(text));
}

static void
put_coloured(const struct tree *tree, enum colour colour, const char *text)
{
	bool wanted = tree->style->colour && colour != COLOUR_NONE;

	if (wanted)
		fputs(colour_codes[colour], tree->out);
	put(tree, text);
	if (wanted)
		fputs("\033[0m", tree->out);
}

/* The left margin at a depth: a bar for each item that is not the last. */
static void
margin_text(const struct tree *tree, size_t depth, char out[MARGIN_SIZE])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 1; i <= depth; i++)
		len += (size_t)snprintf(out + len, MARGIN_SIZE - len, "%s",
		    tree->last[i] ? tree->glyphs->blank : tree->glyphs->pass);
}

/* Begins the line of an item at the current depth. */
static void
item_begin(struct tree *tree, bool last)
{
	char margin[MARGIN_SIZE];

	tree->last[tree->depth] = last;
	margin_text(tree, tree->depth - 1, margin);
	fputs(margin, tree->out);
	fputs(last ? tree->glyphs->corner : tree->glyphs->fork, tree->out);
}

static void
item_end(const struct tree *tree, bool decided)
{
	if (decided) {
		fputs("  ", tree->out);
		put_coloured(tree, COLOUR_BOLD, "<- decided");
	}
	fputc('\n', tree->out);
}

/* A text of its own under an item, wrapped inside the bars. */
static void
detail(const struct tree *tree, const char *text)
{
	char margin[MARGIN_SIZE];

	if (text == NULL)
		return;
	margin_text(tree, tree->depth, margin);
	text_wrap(tree->out, margin, 3 * tree->depth, tree->width, text);
}

/* An item whose text is wrapped: its first line begins with the fork where the
 * others have the margin. */
static void
item_text(struct tree *tree, bool last, const char *text)
{
	char margin[MARGIN_SIZE];
	char *lines = NULL;
	size_t len;
	FILE *memory = open_memstream(&lines, &len);

	item_begin(tree, last);
	margin_text(tree, tree->depth, margin);
	if (memory != NULL) {
		text_wrap(memory, margin, 3 * tree->depth, tree->width, text);
		if (fclose(memory) == 0 && len > strlen(margin))
			fputs(lines + strlen(margin), tree->out);
	}
	free(lines);
}

/* --- items --- */

static bool
is_decisive(const struct tree *tree, enum evidence_kind kind, const char *name)
{
	const struct evidence *decided = &tree->verdict->decided_by;

	return decided->kind == kind && decided->name != NULL && name != NULL &&
	    strcmp(decided->name, name) == 0;
}

static void
put_rrset(const struct tree *tree, const struct fact_rrset *rrset)
{
	const char *answer = fact_answer_name(rrset->answer);

	if (rrset->status == FACT_UNASKED) {
		fputs("not looked up", tree->out);
		return;
	}
	put_coloured(tree,
	    rrset->status == FACT_SECURE ? COLOUR_GOOD : COLOUR_BAD,
	    fact_status_name(rrset->status));
	if (answer[0] != '\0')
		fprintf(tree->out, ", %s", answer);
}

static void
print_record(struct tree *tree, bool last, enum evidence_kind kind,
    const struct fact_host *host, const struct fact_rrset *rrset)
{
	struct evidence record = {
	    .kind = kind,
	    .name = host->name,
	    .port = tree->facts->port != 0 ? tree->facts->port : 25,
	};
	char owner[EVIDENCE_TEXT_SIZE];

	evidence_owner(&record, owner, sizeof(owner));
	item_begin(tree, last);
	put(tree, evidence_names[kind]);
	if (kind == EVIDENCE_TLSA) {
		fputc(' ', tree->out);
		put(tree, owner);
	}
	fputs(": ", tree->out);
	put_rrset(tree, rrset);
	item_end(tree, is_decisive(tree, kind, host->name));
	detail(tree, rrset->why);
}

static void
print_host(struct tree *tree, const struct fact_host *host, bool last)
{
	item_begin(tree, last);
	if (!tree->facts->no_mx)
		fprintf(tree->out, "%" PRIu16 " ", host->preference);
	put(tree, host->name[0] != '\0' ? host->name : ".");
	if (host->unusable)
		fputs(": no host name", tree->out);
	item_end(tree,
	    is_decisive(tree, EVIDENCE_PATTERN, host->name) ||
		is_decisive(tree, EVIDENCE_HOST, host->name));
	if (host->unusable)
		return;
	/* No record of the host was looked up: the MX records were not secure.
	 */
	if (host->a.status == FACT_UNASKED &&
	    host->aaaa.status == FACT_UNASKED &&
	    host->tlsa.status == FACT_UNASKED)
		return;
	tree->depth++;
	print_record(tree, false, EVIDENCE_A, host, &host->a);
	print_record(tree, false, EVIDENCE_AAAA, host, &host->aaaa);
	print_record(tree, true, EVIDENCE_TLSA, host, &host->tlsa);
	tree->depth--;
}

static void
print_delivery(struct tree *tree)
{
	const struct facts *facts = tree->facts;
	const char *domain = facts->recipient.domain;

	item_begin(tree, true);
	if (facts->no_mx) {
		fputs("next hop without MX", tree->out);
	} else {
		fputs("MX: ", tree->out);
		put_rrset(tree, &facts->mx);
	}
	item_end(tree,
	    is_decisive(tree, EVIDENCE_MX, domain) ||
		is_decisive(tree, EVIDENCE_HOSTS, domain));
	detail(tree, facts->mx.why);
	if (facts->mx.answer == ANSWER_NODATA && facts->n_hosts > 0)
		detail(tree, "the domain is its own host");
	if (facts->hosts_truncated)
		detail(tree, "there are more hosts, which were not looked at");
	tree->depth++;
	for (size_t i = 0; i < facts->n_hosts; i++)
		print_host(tree, &facts->hosts[i], i + 1 == facts->n_hosts);
	tree->depth--;
}

/* "policy, stored 100 s ago" with what it says and its mx patterns. */
static void
item_policy(struct tree *tree, bool last, const char *title,
    const struct fact_policy *policy)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	fprintf(out, "%s: dnssec %s, mode %s, max_age %" PRIu32 " s", title,
	    policy->dnssec ? "yes" : "not required",
	    policy_mode_name(policy->mode), policy->max_age_s);
	if (policy->id != NULL)
		fprintf(out, ", id %s", policy->id);
	if (fclose(out) == 0)
		item_text(tree, last, text);
	free(text);
	if (policy->n_mx == 0)
		return;
	text = NULL;
	out = open_memstream(&text, &len);
	if (out == NULL)
		return;
	fputs("mx", out);
	for (size_t i = 0; i < policy->n_mx && i < PATTERNS_MAX; i++)
		fprintf(out, " %s", policy->mx[i]);
	if (policy->n_mx > PATTERNS_MAX)
		fprintf(out, " and %zu more", policy->n_mx - PATTERNS_MAX);
	if (fclose(out) == 0)
		detail(tree, text);
	free(text);
}

static void
print_fetched(struct tree *tree, bool last)
{
	const struct fact_fetch *fetch = &tree->facts->fetch;

	if (fetch->state == FETCH_UNASKED)
		return;
	if (fetch->state == FETCH_OK) {
		item_policy(tree, last, "policy, fetched", &fetch->policy);
	} else {
		item_begin(tree, last);
		fputs("policy, fetched: ", tree->out);
		put_coloured(tree, COLOUR_BAD, "failed");
		item_end(tree,
		    is_decisive(tree, EVIDENCE_FETCH,
			tree->facts->recipient.domain));
	}
	/* The policy is fetched also when the TXT record is missing without
	 * proof, as an attacker may suppress it (T-12). */
	if (tree->facts->txt_state == TXT_BOGUS ||
	    tree->facts->txt_state == TXT_FAILED)
		detail(tree,
		    "fetched without a TXT record: its absence is not proven");
	if (fetch->state != FETCH_OK)
		detail(tree, fetch->error);
}

static void
print_txt(struct tree *tree, bool last)
{
	const struct facts *facts = tree->facts;

	if (facts->txt_state == TXT_UNASKED)
		return;
	item_begin(tree, last);
	fputs("TXT _mta-sts.", tree->out);
	put(tree,
	    facts->recipient.domain != NULL ? facts->recipient.domain : "");
	fprintf(tree->out, ": %s", txt_state_name(facts->txt_state));
	if (facts->txt_state == TXT_VALID && facts->txt_id != NULL) {
		fputs(", id ", tree->out);
		put(tree, facts->txt_id);
	}
	if (facts->txt_status != FACT_UNASKED &&
	    strcmp(fact_status_name(facts->txt_status),
		txt_state_name(facts->txt_state)) != 0)
		fprintf(tree->out, " (%s)",
		    fact_status_name(facts->txt_status));
	if (facts->txt_late)
		fputs(", late", tree->out);
	item_end(tree,
	    is_decisive(tree, EVIDENCE_TXT, facts->recipient.domain));
	detail(tree, facts->txt_why);
}

/* Each item is the last one if none of the later ones is there. */
static void
print_items(struct tree *tree)
{
	const struct facts *facts = tree->facts;
	bool delivery = facts->mx.status != FACT_UNASKED || facts->n_hosts > 0;
	bool fetched = facts->fetch.state != FETCH_UNASKED;
	bool stored = facts->stored != NULL;
	bool txt = facts->txt_state != TXT_UNASKED;
	bool more = txt || stored || fetched || delivery;
	char title[80];

	tree->depth = 1;
	if (facts->pinned)
		item_text(tree, !facts->internal_error && !more,
		    "pinned: the configuration requires DNSSEC, whatever the "
		    "domain publishes");
	if (facts->internal_error) {
		item_begin(tree, !more);
		fputs("filter: internal error", tree->out);
		item_end(tree, tree->verdict->reason == REASON_INTERNAL_ERROR);
		detail(tree, facts->internal_why);
	}
	print_txt(tree, !stored && !fetched && !delivery);
	if (stored) {
		snprintf(title, sizeof(title),
		    "policy, stored %" PRIu64 " s ago%s", facts->stored->age_s,
		    fact_policy_is_live(facts->stored) ? ""
						       : " and now expired");
		item_policy(tree, !fetched && !delivery, title, facts->stored);
	}
	print_fetched(tree, !delivery);
	if (delivery)
		print_delivery(tree);
}

/* --- the whole --- */

static void
print_headline(const struct tree *tree, const char *title)
{
	const struct verdict *verdict = tree->verdict;
	const char *domain = tree->facts->recipient.domain;
	char decided[EVIDENCE_TEXT_SIZE];

	put(tree, title);
	fputs(": ", tree->out);
	put_coloured(tree,
	    verdict->kind == VERDICT_PASS ? COLOUR_GOOD : COLOUR_BAD,
	    verdict_name(verdict->kind));
	fprintf(tree->out, ", %s", reason_name(verdict->reason));
	evidence_text(&verdict->decided_by, decided);
	if (decided[0] != '\0') {
		fputs(": ", tree->out);
		put(tree, decided);
	}
	fputc('\n', tree->out);
	if (domain != NULL && domain[0] != '\0' && strcmp(domain, title) != 0) {
		fputs("domain ", tree->out);
		put(tree, domain);
		fputc('\n', tree->out);
	}
}

void
tree_print(FILE *out, const struct tree_style *style, const char *title,
    const struct facts *facts, const struct verdict *verdict)
{
	struct tree tree = {
	    .out = out,
	    .style = style,
	    .glyphs = style->utf8 ? &glyphs_utf8 : &glyphs_ascii,
	    .width = style->width >= WIDTH_MIN ? style->width : WIDTH_DEFAULT,
	    .facts = facts,
	    .verdict = verdict,
	};
	/* A broken resolver here is no reason to change zones elsewhere. */
	bool is_ours =
	    facts->resolver_broken && verdict->reason != REASON_SECURE;

	print_headline(&tree, title);
	print_items(&tree);
	fputc('\n', out);
	text_wrap(out, "", 0, tree.width,
	    advice_text(is_ours ? REASON_RESOLVER_BROKEN : verdict->reason));
	if (!is_ours)
		advice_recipe(out, tree.width, verdict);
}
