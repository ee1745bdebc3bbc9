/* Writes the HTML of the status page and of the page about a domain. See
 * web.h. */
#include "autoconf.h"

#include "front/web.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "config/config.h"
#include "core/tls_policy.h"
#include "text/advice.h"
#include "text/html.h"
#include "text/tree.h"

#define REFRESH_S 60

#define CHART_HEIGHT 60
#define BAR_WIDTH    10

/* Pins and exemptions, of each kind. */
#define LISTED_MAX 100

/* --- the state in words --- */

static void
put_tag(FILE *out, const char *class, const char *text)
{
	(void)fprintf(out, "<span class=\"tag %s\">%s</span>\n", class, text);
}

static void
put_resolver(FILE *out, const struct engine_status *engine)
{
	switch (engine->resolver) {
	case PROBE_UNKNOWN:
		put_tag(out, "warn", "resolver not probed yet");
		break;
	case PROBE_OK:
		put_tag(out, "good", "resolver validates");
		break;
	case PROBE_BROKEN:
		(void)fputs("<span class=\"tag bad\">RESOLVER DOES NOT "
			    "VALIDATE",
		    out);
		(void)fputs(engine->resolver_why[0] != '\0' ? ": " : "", out);
		html_text(out, engine->resolver_why);
		(void)fputs("</span>\n", out);
		break;
	}
}

static void
put_mode(FILE *out, unsigned enforced)
{
	if (enforced >= 100)
		put_tag(out, "good", "enforcing");
	else if (enforced == 0)
		put_tag(out, "warn", "MONITOR MODE: nothing is deferred");
	else
		(void)fprintf(out,
		    "<span class=\"tag warn\">enforcing for %u %% of "
		    "domains</span>\n",
		    enforced);
}

static void
put_header(FILE *out, const struct page_view *view)
{
	(void)fputs("<header>\n<h1>dane-sts-milter</h1>\n", out);
	put_mode(out, view->enforced);
	put_resolver(out, &view->engine);
	if (!view->store_reads)
		put_tag(out, "bad", "POLICY STORE CANNOT BE READ");
	if (!view->store_writes)
		put_tag(out, "bad", "POLICY STORE CANNOT BE WRITTEN");
	/* The form is on another page, as this one reloads by itself and would
	 * lose what is being typed. */
	(void)fputs("<a href=\"/check\">check a domain</a>\n</header>\n"
		    "<main>\n",
	    out);
}

/* --- numbers --- */

/* anchor: the section that has more, or NULL. class: unless n is 0. */
static void
put_number(FILE *out, const char *anchor, const char *name, const char *class,
    uint64_t n)
{
	(void)fputs("<div><dt>", out);
	if (anchor == NULL)
		(void)fprintf(out, "%s</dt><dd>", name);
	else
		(void)fprintf(out,
		    "<a href=\"#%s\">%s</a></dt><dd class=\"%s\">", anchor,
		    name, n > 0 ? class : "");
	(void)fprintf(out, "%" PRIu64 "</dd></div>\n", n);
}

static uint64_t
sum_of(const struct history_totals *totals, bool deferred)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			if ((v != VERDICT_PASS) == deferred)
				sum += totals->n[r][v];
	return sum;
}

static size_t
in_force(const struct domain_list *list, int64_t now_s)
{
	return list->n - domain_list_count(list, DOMAIN_ENTRY_LAPSED, now_s);
}

static void
put_numbers(FILE *out, const struct page_view *view)
{
	const struct engine_status *engine = &view->engine;
	const struct stats_view *stats = &view->stats;
	char up[DURATION_SIZE];
	size_t n;

	(void)fputs("<section>\n<dl>\n", out);
	put_number(out, NULL, "passed, last hour", "",
	    sum_of(&stats->hour, false));
	put_number(out, "deferrals",
	    view->enforced > 0 ? "deferred, last hour"
			       : "would be deferred, last hour",
	    "bad", sum_of(&stats->hour, true));
	put_number(out, NULL, "policies stored", "", view->stored);
	if (view->unwritten > 0)
		put_number(out, "domains", "policies not written", "bad",
		    view->unwritten);
	if (stats->has_census) {
		put_number(out, "domains", "domains that require DNSSEC", "",
		    stats->census.binding);
		put_number(out, "domains", "refreshes failing", "warn",
		    stats->census.failing);
	}
	put_number(out, "exceptions", "domains pinned", "",
	    in_force(&view->config->pins, view->now_s));
	put_number(out, "exceptions", "exemptions", "",
	    in_force(&view->config->scope.exemptions, view->now_s) +
		view->config->scope.n_exempt_senders);
	n = domain_list_count(&view->config->pins, DOMAIN_ENTRY_LAPSES,
		view->now_s) +
	    domain_list_count(&view->config->scope.exemptions,
		DOMAIN_ENTRY_LAPSES, view->now_s);
	if (n > 0)
		put_number(out, "exceptions", "of both, lapse within 7 days",
		    "warn", n);
	put_number(out, NULL, "verdicts cached", "", engine->verdicts);
	put_number(out, NULL, "lookups under way", "", engine->lookups);
	put_number(out, NULL, "waiting", "", engine->askers);
	duration_text(view->now_s - view->started_s, up);
	(void)fprintf(out, "<div><dt>up for</dt><dd>%s</dd></div>\n", up);
	(void)fprintf(out,
	    "<div><dt>version</dt><dd>%s</dd></div>\n</dl>\n"
	    "<p class=\"soft\">All figures are of ",
	    view->version);
	html_moment(out, view->now_s, view->now_s);
	/* It is walked through once a minute, and when the page is loaded. */
	if (stats->has_census) {
		(void)fputs("; what the store holds was counted ", out);
		html_ago(out, stats->census.now_s, view->now_s);
	}
	(void)fputs(".</p>\n</section>\n", out);
}

/* --- the last hour --- */

static void
put_bar(FILE *out, const char *class, size_t minute, uint64_t from, uint64_t to,
    uint64_t most)
{
	uint64_t top = CHART_HEIGHT * to / most;
	uint64_t bottom = CHART_HEIGHT * from / most;

	/* Keep a few among many visible. */
	if (to > from && top == bottom)
		top = bottom + 1;
	(void)fprintf(out,
	    "<rect class=\"%s\" x=\"%zu\" y=\"%" PRIu64
	    "\" width=\"%d\" height=\"%" PRIu64 "\"/>\n",
	    class, minute * BAR_WIDTH, CHART_HEIGHT + 1 - top, BAR_WIDTH - 2,
	    top - bottom);
}

/* Draws deferrals at the bottom of a bar, where the eye goes first. */
static void
put_chart(FILE *out, const struct history_minute minutes[HISTORY_MINUTES])
{
	uint64_t most = 0;

	for (size_t i = 0; i < HISTORY_MINUTES; i++)
		if (minutes[i].passed + minutes[i].deferred > most)
			most = minutes[i].passed + minutes[i].deferred;
	if (most == 0)
		return;
	(void)fprintf(out,
	    "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
	    "role=\"img\" aria-label=\"recipients minute by minute, busiest "
	    "minute: %" PRIu64 "\">\n",
	    HISTORY_MINUTES * BAR_WIDTH, CHART_HEIGHT + 1, most);
	for (size_t i = 0; i < HISTORY_MINUTES; i++) {
		const struct history_minute *m = &minutes[i];

		if (m->deferred > 0)
			put_bar(out, "stop", i, 0, m->deferred, most);
		if (m->passed > 0)
			put_bar(out, "pass", i, m->deferred,
			    m->deferred + m->passed, most);
	}
	(void)fprintf(out,
	    "</svg>\n<div class=\"axis soft\"><span>1 h ago</span>"
	    "<span>now</span></div>\n<p class=\"soft\">"
	    "<span class=\"stop\">&#9632;</span> deferred "
	    "<span class=\"pass\">&#9632;</span> passed; busiest minute: "
	    "%" PRIu64 "</p>\n",
	    most);
}

/* rank: 0 for recipients that did not pass, 1 for those that passed because a
 * lookup failed, 2 for the others. */
static void
put_reasons(FILE *out, const struct history_totals *hour, int rank)
{
	static const char *const classes[] = {"bad", "warn", "good"};

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++) {
			const enum reason reason = (enum reason)r;
			const enum verdict_kind verdict = (enum verdict_kind)v;
			int own = verdict != VERDICT_PASS ? 0 : 1;

			if (recipient_is_plain(verdict, reason))
				own = 2;
			if (hour->n[r][v] == 0 || own != rank)
				continue;
			(void)fprintf(out,
			    "<tr><td><code>%s</code></td>"
			    "<td class=\"%s\">%s</td><td class=\"n\">%" PRIu64
			    "</td></tr>\n",
			    reason_name(reason), classes[rank],
			    verdict_name(verdict), hour->n[r][v]);
		}
}

static void
put_hour(FILE *out, const struct stats_view *stats)
{
	bool any = sum_of(&stats->hour, false) + sum_of(&stats->hour, true);

	(void)fputs("<section>\n<h2>Last hour</h2>\n", out);
	if (!any) {
		(void)fputs("<p class=\"soft\">No recipient.</p>\n</section>\n",
		    out);
		return;
	}
	put_chart(out, stats->minutes);
	(void)fputs("<table>\n<tr><th>reason</th><th>verdict</th>"
		    "<th class=\"n\">recipients</th></tr>\n",
	    out);
	for (int rank = 0; rank < 3; rank++)
		put_reasons(out, &stats->hour, rank);
	(void)fputs("</table>\n</section>\n", out);
}

/* --- domains --- */

static void
put_check_link(FILE *out, const char *domain, const char *text)
{
	(void)fputs("<a href=\"/check?domain=", out);
	html_text(out, domain);
	(void)fputs("\">", out);
	html_text(out, text);
	(void)fputs("</a>", out);
}

static void
put_policy(FILE *out, const struct census_policy *policy, int64_t now_s)
{
	char left[DURATION_SIZE];

	duration_text(policy->expires_s - now_s, left);
	(void)fputs("<tr><td>", out);
	put_check_link(out, policy->domain, policy->domain);
	(void)fprintf(out, "</td><td>%s%s</td><td class=\"t x\">", left,
	    policy->failing ? " <span class=\"bad\">refresh fails</span>" : "");
	html_ago(out, policy->fetched_s, now_s);
	(void)fprintf(out, "</td><td class=\"x\">%s</td><td class=\"x\"><code>",
	    policy_mode_name(policy->mode));
	html_text(out, policy->id);
	(void)fputs("</code></td></tr>\n", out);
}

static void
put_domains(FILE *out, const struct page_view *view)
{
	const struct stats_view *stats = &view->stats;
	const struct census *census = &stats->census;

	(void)fputs(
	    "<section id=\"domains\">\n<h2>Domains that require DNSSEC</h2>\n",
	    out);
	if (stats->census_err != 0)
		(void)fprintf(out,
		    "<p class=\"bad\">The policy store: %s.</p>\n",
		    err_text(stats->census_err));
	if (!stats->has_census) {
		(void)fputs("<p class=\"soft\">Not known yet.</p>\n", out);
	} else if (census->n == 0) {
		(void)fputs("<p class=\"soft\">None: no stored policy says "
			    "<code>dnssec: yes</code>.</p>\n",
		    out);
	} else {
		(void)fputs(
		    "<div class=\"wide\">\n<table>\n"
		    "<tr><th>domain</th><th>policy lives for</th>"
		    "<th class=\"x\">fetched</th><th class=\"x\">mode</th>"
		    "<th class=\"x\">id</th></tr>\n",
		    out);
		for (size_t i = 0; i < census->n; i++)
			put_policy(out, &census->listed[i], view->now_s);
		(void)fputs("</table>\n</div>\n", out);
	}
	if (census->binding > census->n)
		(void)fprintf(out,
		    "<p class=\"soft\">Those that expire next; %zu more.</p>\n",
		    census->binding - census->n);
	if (view->unwritten > 0)
		(void)fprintf(out,
		    "<p class=\"bad\">%zu policies are in memory alone, as the "
		    "store does not take them now; they would be lost if the "
		    "filter stopped.</p>\n",
		    view->unwritten);
	(void)fputs("</section>\n", out);
}

/* --- pins and exemptions --- */

static void
put_entries(FILE *out, const char *what, const struct domain_list *list,
    int64_t now_s)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n && n < LISTED_MAX; i++) {
		const struct domain_entry *entry = &list->item[i];
		enum domain_entry_state state =
		    domain_entry_state(entry, now_s);
		char until[DURATION_SIZE];

		if (state == DOMAIN_ENTRY_LAPSED)
			continue;
		n++;
		(void)fprintf(out, "<tr><td>%s</td><td>", what);
		html_text(out, entry->domain);
		(void)fprintf(out, "</td><td class=\"%s\">",
		    state == DOMAIN_ENTRY_LAPSES ? "warn" : "");
		if (entry->until_s != 0) {
			moment_text(entry->until_s, until);
			(void)fprintf(out, "%.10s", until);
		}
		(void)fputs("</td><td>", out);
		html_text(out, entry->comment != NULL ? entry->comment : "");
		(void)fputs("</td></tr>\n", out);
	}
}

static void
put_exceptions(FILE *out, const struct page_view *view)
{
	const struct config *config = view->config;
	const struct scope_rules *scope = &config->scope;
	size_t n = in_force(&config->pins, view->now_s) +
	    in_force(&scope->exemptions, view->now_s) + scope->n_exempt_senders;

	(void)fputs("<section id=\"exceptions\">\n<h2>Pinned and exempt</h2>\n",
	    out);
	if (n == 0) {
		(void)fputs(
		    "<p class=\"soft\">No domain is pinned, and no domain "
		    "or sender is exempt.</p>\n</section>\n",
		    out);
		return;
	}
	(void)
	    fputs("<div class=\"wide\">\n<table>\n<tr><th>what</th>"
		  "<th>domain or sender</th><th>until</th><th>why</th></tr>\n",
		out);
	put_entries(out, "pinned", &config->pins, view->now_s);
	put_entries(out, "exempt", &scope->exemptions, view->now_s);
	for (size_t i = 0; i < scope->n_exempt_senders && i < LISTED_MAX; i++) {
		(void)fputs("<tr><td>exempt sender</td><td>", out);
		html_text(out, scope->exempt_senders[i].text);
		(void)fputs("</td><td></td><td></td></tr>\n", out);
	}
	(void)fprintf(out,
	    "</table>\n</div>\n<p class=\"soft\">%zu in all; of each kind the "
	    "first %d are shown.</p>\n</section>\n",
	    n, LISTED_MAX);
}

/* --- deferrals --- */

/* advised: the advice for this reason stands above. */
static void
put_deferral(FILE *out, const struct deferral *deferral, int64_t now_s,
    bool advised)
{
	(void)fputs("<li>\n<div><strong>", out);
	html_text(out, deferral->to);
	(void)fprintf(out,
	    "</strong> <span class=\"%s\">%s%s</span> <code>%s</code></div>\n"
	    "<div>",
	    deferral->monitor ? "warn" : "bad",
	    deferral->monitor ? "would be: " : "",
	    verdict_name(deferral->verdict), reason_name(deferral->reason));
	html_text(out, deferral->evidence);
	if (!advised) {
		(void)fputs("</div>\n<div>", out);
		html_text(out, advice_text(deferral->reason));
	}
	(void)fputs("</div>\n<div class=\"soft\">", out);
	html_moment(out, deferral->at_s, now_s);
	(void)fputs(", ", out);
	html_ago(out, deferral->at_s, now_s);
	if (deferral->client[0] != '\0') {
		(void)fputs(", from ", out);
		html_text(out, deferral->client);
	}
	if (deferral->queue_id[0] != '\0') {
		(void)fputs(", queue id ", out);
		html_text(out, deferral->queue_id);
	}
	if (deferral->domain[0] != '\0') {
		(void)fputs(", ", out);
		put_check_link(out, deferral->domain, "check now");
	}
	(void)fputs("</div>\n</li>\n", out);
}

static void
put_deferrals(FILE *out, const struct page_view *view)
{
	bool advised[REASON_COUNT] = {false};

	(void)fprintf(out, "<section id=\"deferrals\">\n<h2>%s</h2>\n",
	    view->enforced > 0 ? "Last deferrals" : "What would be deferred");
	if (view->n_deferrals == 0)
		(void)fputs("<p class=\"soft\">None since the start.</p>\n",
		    out);
	else
		(void)fputs("<ol>\n", out);
	for (size_t i = 0; i < view->n_deferrals; i++) {
		const struct deferral *deferral = &view->deferrals[i];

		put_deferral(out, deferral, view->now_s,
		    advised[deferral->reason]);
		advised[deferral->reason] = true;
	}
	(void)fputs(view->n_deferrals > 0 ? "</ol>\n</section>\n"
					  : "</section>\n",
	    out);
}

void
page_write(FILE *out, const struct page_view *view)
{
	html_begin(out, "dane-sts-milter", REFRESH_S);
	put_header(out, view);
	put_numbers(out, view);
	put_hour(out, &view->stats);
	put_deferrals(out, view);
	put_domains(out, view);
	put_exceptions(out, view);
	(void)fputs(HTML_END, out);
}

/* --- one domain --- */

/* Writes the tree that dane-sts check prints. */
static void
put_tree(FILE *out, const char *asked, const struct answer *answer,
    const char *tls)
{
	static const struct tree_style style = {.utf8 = true};
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (memory == NULL)
		return;
	tree_print(memory, &style, asked, answer->facts, &answer->verdict);
	tls_answer_print(memory, tls);
	if (fclose(memory) == 0) {
		html_tree(out, text, len);
	}
	free(text);
}

void
page_write_check(FILE *out, const char *asked, const struct answer *answer,
    const char *tls, const char *problem)
{
	html_begin(out, "dane-sts-milter: check", 0);
	(void)fputs("<header>\n<h1>dane-sts-milter</h1>\n", out);
	if (answer != NULL)
		put_tag(out,
		    answer->verdict.kind == VERDICT_PASS ? "good" : "bad",
		    verdict_name(answer->verdict.kind));
	(void)fputs("<a href=\"/\">back to the status</a>\n</header>\n<main>\n",
	    out);
	html_check_form(out, asked);
	if (answer != NULL) {
		(void)fputs("<section>\n", out);
		put_tree(out, asked, answer, tls);
		(void)fputs("</section>\n", out);
	} else if (problem != NULL) {
		(void)fprintf(out,
		    "<section>\n<p class=\"bad\">%s</p>\n</section>\n",
		    problem);
	}
	(void)fputs(HTML_END, out);
}
