#include "autoconf.h"

#include "front/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "core/tls_policy.h"
#include "engine/ask.h"
#include "front/recipient_log.h"
#include "text/html.h"
#include "text/tree.h"

#define REFRESH_S 60

#define CHART_HEIGHT 60
#define BAR_WIDTH    10

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
		put_tag(out, "warn", "MONITOR MODE: nobody is refused");
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
	/* Not here: what is being typed would be lost when the page is loaded
	 * again by itself. */
	(void)fputs("<a href=\"/check\">check a domain</a>\n</header>\n"
		    "<main>\n",
	    out);
}

/* --- numbers --- */

static void
put_number(FILE *out, const char *name, uint64_t n)
{
	(void)fprintf(out, "<div><dt>%s</dt><dd>%" PRIu64 "</dd></div>\n", name,
	    n);
}

/* One that is bad unless it is 0; what it is made of stands at the anchor. */
static void
put_link(FILE *out, const char *anchor, const char *name, const char *class,
    uint64_t n)
{
	(void)fprintf(out,
	    "<div><dt><a href=\"#%s\">%s</a></dt><dd class=\"%s\">%" PRIu64
	    "</dd></div>\n",
	    anchor, name, n > 0 ? class : "", n);
}

static uint64_t
sum_of(const struct history_totals *totals, bool refused)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			if ((v != VERDICT_PASS) == refused)
				sum += totals->n[r][v];
	return sum;
}

static void
put_numbers(FILE *out, const struct page_view *view)
{
	const struct engine_status *engine = &view->engine;
	const struct stats_view *stats = &view->stats;
	char up[DURATION_SIZE];

	(void)fputs("<section>\n<dl>\n", out);
	put_number(out, "passed, last hour", sum_of(&stats->hour, false));
	put_link(out, "refusals",
	    view->enforced > 0 ? "refused, last hour"
			       : "would be refused, last hour",
	    "bad", sum_of(&stats->hour, true));
	put_number(out, "policies stored", view->stored);
	if (stats->has_census) {
		put_link(out, "domains", "domains bound", "",
		    stats->census.binding);
		put_link(out, "domains", "refreshes failing", "warn",
		    stats->census.failing);
	}
	put_number(out, "domains pinned", view->pins);
	if (view->pins_lapsing > 0)
		put_number(out, "pins that lapse within 7 days",
		    view->pins_lapsing);
	put_number(out, "verdicts cached", engine->verdicts);
	put_number(out, "lookups under way", engine->lookups);
	put_number(out, "waiting", engine->askers);
	duration_text(view->now_s - view->started_s, up);
	(void)fprintf(out, "<div><dt>up for</dt><dd>%s</dd></div>\n", up);
	(void)fprintf(out,
	    "<div><dt>version</dt><dd>%s</dd></div>\n</dl>\n</section>\n",
	    view->version);
}

/* --- the last hour --- */

static void
put_bar(FILE *out, const char *class, size_t minute, uint64_t from, uint64_t to,
    uint64_t most)
{
	uint64_t top = CHART_HEIGHT * to / most;
	uint64_t bottom = CHART_HEIGHT * from / most;

	/* A few among many are seen all the same. */
	if (to > from && top == bottom)
		top = bottom + 1;
	(void)fprintf(out,
	    "<rect class=\"%s\" x=\"%zu\" y=\"%" PRIu64
	    "\" width=\"%d\" height=\"%" PRIu64 "\"/>\n",
	    class, minute * BAR_WIDTH, CHART_HEIGHT + 1 - top, BAR_WIDTH - 2,
	    top - bottom);
}

/* What is refused stands below, so that it is seen first. */
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
	    "role=\"img\" aria-label=\"recipients minute by minute, %" PRIu64
	    " at most\">\n",
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
	    "<span class=\"stop\">&#9632;</span> refused "
	    "<span class=\"pass\">&#9632;</span> passed, at most %" PRIu64
	    " a minute</p>\n",
	    most);
}

static void
put_reason(FILE *out, enum reason reason, enum verdict_kind verdict, uint64_t n)
{
	const char *class = "bad";

	if (verdict == VERDICT_PASS)
		class = recipient_is_plain(verdict, reason) ? "good" : "warn";
	(void)fprintf(out,
	    "<tr><td><code>%s</code></td>"
	    "<td class=\"%s\">%s</td><td class=\"n\">%" PRIu64 "</td></tr>\n",
	    reason_name(reason), class, verdict_name(verdict), n);
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
	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			if (stats->hour.n[r][v] > 0)
				put_reason(out, (enum reason)r,
				    (enum verdict_kind)v, stats->hour.n[r][v]);
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

	(void)fputs("<section id=\"domains\">\n<h2>Domains bound</h2>\n", out);
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
	if (stats->has_census) {
		(void)fputs("<p class=\"soft\">As it was ", out);
		html_ago(out, census->now_s, view->now_s);
		(void)fputs("</p>\n", out);
	}
	(void)fputs("</section>\n", out);
}

/* --- refusals --- */

static void
put_deferral(FILE *out, const struct deferral *deferral, int64_t now_s)
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
	(void)fputs("</div>\n<div class=\"soft\">", out);
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
	(void)fprintf(out, "<section id=\"refusals\">\n<h2>%s</h2>\n",
	    view->enforced > 0 ? "Last refusals" : "What would be refused");
	if (view->n_deferrals == 0)
		(void)fputs("<p class=\"soft\">None since the start.</p>\n",
		    out);
	else
		(void)fputs("<ol>\n", out);
	for (size_t i = 0; i < view->n_deferrals; i++)
		put_deferral(out, &view->deferrals[i], view->now_s);
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
	put_domains(out, view);
	put_deferrals(out, view);
	html_end(out);
}

/* --- one domain --- */

/* What dane-sts check prints. */
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
	html_end(out);
}
