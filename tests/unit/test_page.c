/* The status page and what stands on it; above all, that strangers' octets
 * come out as text (S-02). */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "config/config.h"
#include "core/decide.h"
#include "engine/ask.h"
#include "front/web.h"
#include "front/recipient.h"
#include "front/stats_sampler.h"
#include "store/store.h"
#include "text/html.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct page_view view;
static struct config config;

static void
set_up(void)
{
	memset(&view, 0, sizeof(view));
	view.version = "1.2.3";
	view.config = &config;
	view.enforced = 100;
	view.now_s = 1700000100;
	view.started_s = 1700000000;
	view.store_reads = view.store_writes = true;
}

TestSuite(page, .init = set_up);

static char *memory;
static size_t memory_len;

static FILE *
begin(void)
{
	FILE *out = open_memstream(&memory, &memory_len);

	cr_assert_not_null(out);
	return out;
}

/* free() it. */
static char *
end(FILE *out)
{
	cr_assert_eq(fclose(out), 0);
	cr_expect_eq(strlen(memory), memory_len, "a NUL in it");
	return memory;
}

static char *
write_page(void)
{
	FILE *out = begin();

	page_write(out, &view);
	return end(out);
}

static void
expect_part(char *page, const char *part)
{
	cr_expect_not_null(strstr(page, part), "no %s in %s", part, page);
	free(page);
}

/* --- escaping ------------------------------------------------------------ */

static const struct {
	const char *octets;
	size_t len;
	const char *html;
} escapes[] = {
#define OCTETS(text) (text), sizeof(text) - 1
    {OCTETS("example.org"),                "example.org"             },
    {OCTETS("<script>alert(1)</script>"),
						 "&lt;script&gt;alert(1)&lt;/script&gt;"                         },
    {OCTETS("\"><img src=x onerror='a'>"),
						 "&quot;&gt;&lt;img src=x onerror=&#39;a&#39;&gt;"               },
    {OCTETS("a&lt;b"),                     "a&amp;lt;b"              },
    {OCTETS("\0\x01\x1b[31m\x7f"),         "\\x00\\x01\\x1b[31m\\x7f"},
    {OCTETS("\r\n\t"),                     "\\x0d\\x0a\\x09"         },
    {OCTETS("m\xc3\xbcnchen"),             "m\xc3\xbcnchen"          },
 /* not UTF-8: overlong '<', a lone half, Latin-1 */
    {OCTETS("\xc0\xbc"),                   "\\xc0\\xbc"              },
    {OCTETS("\xe2\x80"),                   "\\xe2\\x80"              },
    {OCTETS("\xfc<"),		      "\\xfc&lt;"               },
 /* a line that reads backwards */
    {OCTETS("\xe2\x80\xae"
	    "gro.elpmaxe"),
						 "\\xe2\\x80\\xaegro.elpmaxe"				    },
#undef OCTETS
};

Test(page, S_02_octets_come_out_as_text)
{
	for (size_t i = 0; i < N(escapes); i++) {
		FILE *out = begin();
		char *html;

		html_octets(out, escapes[i].octets, escapes[i].len);
		html = end(out);
		cr_expect_str_eq(html, escapes[i].html);
		free(html);
	}
}

/* Whatever octet: none of those that mark up is left. */
Test(page, S_02_every_octet_is_text)
{
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t octet = (uint8_t)c;
		FILE *out = begin();
		char *html;

		html_octets(out, &octet, 1);
		html = end(out);
		cr_expect_null(strpbrk(html, "<>\"'"), "%u", c);
		free(html);
	}
}

Test(page, a_tree_line_by_line)
{
	static const char text[] = "a\n"
				   "\u251c\u2500 <b>\n"
				   "\u2502  \u2514\u2500 c\t\n"
				   "            d";
	FILE *out = begin();
	char *html;

	html_tree(out, text, strlen(text));
	html = end(out);
	cr_expect_str_eq(html,
	    "<div class=\"tree\">\n<div><span>a</span></div>\n"
	    "<div><i class=\"v\">\u251c\u2500 </i>"
	    "<span>&lt;b&gt;</span></div>\n"
	    "<div><i class=\"v\">\u2502  </i><i>\u2514\u2500 </i>"
	    "<span>c\\x09</span></div>\n"
	    "<div><i>   </i><i>   </i><i>   </i><i>   </i>"
	    "<span>d</span></div>\n</div>\n");
	free(html);
}

/* The policy names the style by its hash, and allows nothing else. */
Test(page, the_policy_fits_the_style)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char base64[2 * EVP_MAX_MD_SIZE];
	char source[sizeof(base64) + 32];
	unsigned len = 0;

	cr_assert_eq(EVP_Digest(html_style, strlen(html_style), hash, &len,
			 EVP_sha256(), NULL),
	    1);
	(void)EVP_EncodeBlock((unsigned char *)base64, hash, (int)len);
	snprintf(source, sizeof(source), "style-src 'sha256-%s';", base64);
	cr_expect_not_null(strstr(html_policy, source), "html_policy needs %s",
	    source);
	cr_expect_not_null(strstr(html_policy, "default-src 'none';"));
	cr_expect_null(strstr(html_policy, "unsafe"));
}

/* --- the page ------------------------------------------------------------ */

static const char *const foreign[] = {"<script", "http://", "https://",
    "src=", "javascript:", " on"};

/* No script, no handler, nothing from elsewhere. */
static void
expect_self_contained(const char *page)
{
	for (size_t i = 0; i < N(foreign); i++) {
		const char *at = strstr(page, foreign[i]);

		/* " on" is that of a handler only inside a tag. */
		if (at != NULL && strcmp(foreign[i], " on") == 0)
			at = strstr(page, "onload=");
		cr_expect_null(at, "%s: %.60s", foreign[i], at);
	}
}

Test(page, nothing_has_happened)
{
	char *page = write_page();

	expect_self_contained(page);
	cr_expect_not_null(strstr(page, ">enforcing<"));
	cr_expect_not_null(strstr(page, "resolver not probed yet"));
	cr_expect_not_null(strstr(page, "None since the start."));
	cr_expect_not_null(strstr(page, "Not known yet."));
	cr_expect_not_null(strstr(page, "1 min 40 s"));
	free(page);
}

Test(page, A_06_a_gradual_start)
{
	view.enforced = 30;
	expect_part(write_page(), ">enforcing for 30 % of domains<");
	expect_part(write_page(), "Last deferrals");
}

Test(page, what_is_wrong_is_said)
{
	view.enforced = 0;
	view.engine.resolver = PROBE_BROKEN;
	view.store_reads = view.store_writes = false;
	view.stats.census_err = ERR_IO;
	expect_part(write_page(), "MONITOR MODE");
	expect_part(write_page(), "RESOLVER DOES NOT VALIDATE");
	expect_part(write_page(), "POLICY STORE CANNOT BE READ");
	expect_part(write_page(), "POLICY STORE CANNOT BE WRITTEN");
	expect_part(write_page(), err_text(ERR_IO));
}

Test(page, T_14_S_09_pins_and_exemptions_have_a_place)
{
	static const struct domain_entry pins[] = {
	    {.domain = "old.example", .until_s = 1700000000},
	    {.domain = "soon.example",
             .until_s = 1700352000,
             .comment = "<b>till audit</b>"},
	    {.domain = "pinned.example"  },
	};
	static const struct domain_entry exempt = {.domain = ".exempt.example"};
	static const struct exempt_sender sender = {.text = "r@us.example"};

	expect_part(write_page(), "No domain is pinned");
	config.pins = (struct domain_list){N(pins), pins};
	config.scope.exemptions = (struct domain_list){1, &exempt};
	config.scope.n_exempt_senders = 1;
	config.scope.exempt_senders = &sender;
	expect_part(write_page(),
	    "domains pinned</a></dt><dd class=\"\">2</dd>");
	expect_part(write_page(), "exemptions</a></dt><dd class=\"\">2</dd>");
	expect_part(write_page(),
	    "of both, lapse within 7 days</a></dt><dd class=\"warn\">1</dd>");
	expect_part(write_page(),
	    "<tr><td>pinned</td><td>soon.example</td><td class=\"warn\">"
	    "2023-11-19</td><td>&lt;b&gt;till audit&lt;/b&gt;</td></tr>");
	expect_part(write_page(), "<td>pinned</td><td>pinned.example</td>");
	expect_part(write_page(), "<td>exempt</td><td>.exempt.example</td>");
	expect_part(write_page(),
	    "<td>exempt sender</td><td>r@us.example</td>");
}

Test(page, C_16_policies_in_memory_alone_are_told)
{
	view.unwritten = 7;
	view.store_writes = false;
	expect_part(write_page(),
	    "policies not written</a></dt><dd class=\"bad\">7</dd>");
	expect_part(write_page(), "7 policies are in memory alone");
}

/* What somebody has to do something about comes first. */
Test(page, deferrals_come_first)
{
	char *page;
	const char *defer, *blind, *pass;

	view.stats.hour.n[REASON_NO_POLICY][VERDICT_PASS] = 900;
	view.stats.hour.n[REASON_DISCOVERY_FAILED][VERDICT_PASS] = 4;
	view.stats.hour.n[REASON_TLSA_BOGUS][VERDICT_DEFER] = 3;
	page = write_page();
	defer = strstr(page, "<code>tlsa-bogus</code>");
	blind = strstr(page, "<code>discovery-failed</code>");
	pass = strstr(page, "<code>no-policy</code>");
	cr_assert(defer != NULL && blind != NULL && pass != NULL);
	cr_expect(defer < blind && blind < pass);
	cr_expect_lt(strstr(page, "id=\"deferrals\""),
	    strstr(page, "id=\"domains\""));
	free(page);
}

Test(page, the_last_hour)
{
	view.stats.hour.n[REASON_SECURE][VERDICT_PASS] = 12;
	view.stats.hour.n[REASON_MX_BOGUS][VERDICT_DEFER] = 3;
	view.stats.hour.n[REASON_DISCOVERY_FAILED][VERDICT_PASS] = 4;
	view.stats.minutes[5] = (struct history_minute){16, 3};
	expect_part(write_page(),
	    "<code>secure</code></td><td class=\"good\">pass</td>"
	    "<td class=\"n\">12</td>");
	expect_part(write_page(),
	    "<code>mx-bogus</code></td><td class=\"bad\">defer</td>"
	    "<td class=\"n\">3</td>");
	expect_part(write_page(),
	    "<code>discovery-failed</code></td><td class=\"warn\">pass</td>");
	expect_part(write_page(), "busiest minute: 19");
}

/* One among very many is a bar all the same. */
Test(page, a_bar_is_never_nothing)
{
	char *page;

	view.stats.hour.n[REASON_SECURE][VERDICT_PASS] = 1;
	view.stats.minutes[0] = (struct history_minute){1000000, 1};
	page = write_page();
	cr_expect_null(strstr(page, "height=\"0\""));
	cr_expect_not_null(strstr(page, "class=\"stop\""));
	free(page);
}

Test(page, domains_bound)
{
	struct census *census = &view.stats.census;

	view.stats.has_census = true;
	census->now_s = view.now_s - 7;
	census->binding = 102;
	census->n = 1;
	census->listed[0] = (struct census_policy){.domain = "example.org",
	    .id = "20260101",
	    .fetched_s = view.now_s - 60,
	    .expires_s = view.now_s + 3 * 86400,
	    .failing = true};
	expect_part(write_page(), ">example.org<");
	expect_part(write_page(), "<td>3 d <span class=\"bad\">refresh fails");
	expect_part(write_page(), "<a href=\"/check?domain=example.org\">");
	expect_part(write_page(), "101 more");
}

static void
refuse(const char *to, const char *client, bool monitor)
{
	static struct deferrals *deferrals;
	const struct verdict judged = {
	    .decided_by = {.kind = EVIDENCE_MX,
			   .name = "evil.example",
			   .status = FACT_BOGUS,
			   .why = "<b>why</b>"}
        };
	const struct recipient recipient = {.arg = to,
	    .client = client,
	    .queue_id = "\"><q>"};
	const struct judgement judgement =
	    {.scope = {.target = {.domain = "evil.example"}},
		.monitor = monitor,
		.verdict = VERDICT_DEFER,
		.reason = REASON_MX_BOGUS,
		.judged = &judged};

	deferrals = deferrals_new();
	cr_assert_not_null(deferrals);
	deferrals_add(deferrals, &recipient, &judgement, view.now_s - 5);
	view.n_deferrals = deferrals_copy(deferrals, view.deferrals);
	deferrals_free(&deferrals);
}

/* With the advice, once for each reason, and the time of the clock. */
Test(page, a_deferral_with_advice_and_time)
{
	const char *advice;
	char *page;

	refuse("<u@evil.example>", "192.0.2.1", false);
	view.deferrals[1] = view.deferrals[0];
	view.n_deferrals = 2;
	page = write_page();
	cr_expect_not_null(strstr(page, ">22:14:55 UTC</time>, <time"), "%s",
	    page);
	cr_expect_not_null(strstr(page, "5 s ago"));
	cr_expect_not_null(strstr(page, "mx-bogus"));
	advice = strstr(page, "<div>The owner");
	cr_assert_not_null(advice, "%s", page);
	cr_expect_null(strstr(advice + 1, "<div>The owner"), "once");
	free(page);
}

Test(page, S_02_a_hostile_recipient)
{
	char *page;

	refuse("<\"<script>alert(1)</script>\"@evil.example>", "<i>192.0.2.1",
	    false);
	page = write_page();
	expect_self_contained(page);
	cr_expect_null(strstr(page, "<script"));
	cr_expect_null(strstr(page, "<i>"));
	cr_expect_null(strstr(page, "<q>"));
	cr_expect_null(strstr(page, "<b>"));
	cr_expect_not_null(strstr(page, "&lt;script&gt;"));
	cr_expect_not_null(
	    strstr(page, "evil.example MX bogus: &lt;b&gt;why&lt;/b&gt;"));
	free(page);
}

Test(page, A_06_in_monitor_mode_nothing_was_deferred)
{
	view.enforced = 0;
	refuse("<u@evil.example>", NULL, true);
	expect_part(write_page(), "would be: defer");
	expect_part(write_page(), "What would be deferred");
}

/* What is typed must not be lost when the page is loaded again by itself. */
Test(page, nothing_is_typed_where_the_page_is_loaded_again)
{
	char *status = write_page();
	FILE *out;
	char *page;

	cr_expect_not_null(strstr(status, "http-equiv=\"refresh\""));
	cr_expect_null(strstr(status, "<input"));
	cr_expect_not_null(strstr(status, "<a href=\"/check\">"));
	free(status);
	out = begin();
	page_write_check(out, "", NULL, NULL, NULL);
	page = end(out);
	expect_self_contained(page);
	cr_expect_null(strstr(page, "http-equiv=\"refresh\""));
	cr_expect_not_null(strstr(page, "value=\"\" autofocus>"));
	cr_expect_null(strstr(page, "class=\"bad\""));
	free(page);
}

/* --- /check -------------------------------------------------------------- */

Test(page, S_02_a_hostile_question)
{
	FILE *out = begin();
	char *page;

	page_write_check(out, "\"><script>alert(1)</script>", NULL, NULL,
	    "That is no domain.");
	page = end(out);
	expect_self_contained(page);
	cr_expect_not_null(strstr(page, "value=\"&quot;&gt;&lt;script&gt;"));
	cr_expect_not_null(strstr(page, "That is no domain."));
	free(page);
}

Test(page, the_evidence)
{
	struct facts facts = {
	    .recipient = {.class = ADDRESS_DOMAIN, .domain = "example.org"},
	    .txt_state = TXT_INVALID,
	    .txt_why = "<b>bold</b>",
	};
	struct answer answer = {.facts = &facts};
	const struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	FILE *out = begin();
	char *page;

	(void)decide(&facts, &rules, DECIDE_FINAL, &answer.verdict);
	page_write_check(out, "example.org", &answer,
	    "OK secure match=<.example.org> servername=hostname", NULL);
	page = end(out);
	cr_expect_not_null(
	    strstr(page, "<div><span>example.org: pass, no-policy"));
	cr_expect_not_null(strstr(page, "&lt;b&gt;bold&lt;/b&gt;"));
	cr_expect_not_null(strstr(page,
	    "at delivery: secure match=&lt;.example.org&gt; "
	    "servername=hostname"));
	cr_expect_null(strstr(page, "<b>"));
	free(page);
}

/* --- deferrals ----------------------------------------------------------- */

Test(deferrals, the_newest_hundred_are_kept)
{
	static struct deferral out[DEFERRALS_MAX];
	struct deferrals *deferrals = deferrals_new();
	char to[32];
	const struct recipient recipient = {.arg = to};
	const struct judgement judgement = {.verdict = VERDICT_DEFER,
	    .reason = REASON_DEADLINE};

	cr_assert_not_null(deferrals);
	cr_expect_eq(deferrals_copy(deferrals, out), 0U);
	for (int i = 0; i < DEFERRALS_MAX + 7; i++) {
		snprintf(to, sizeof(to), "u%d", i);
		deferrals_add(deferrals, &recipient, &judgement, i);
		cr_expect_eq(deferrals_copy(deferrals, out),
		    (size_t)(i < DEFERRALS_MAX ? i + 1 : DEFERRALS_MAX));
		cr_expect_str_eq(out[0].to, to);
	}
	for (int i = 0; i < DEFERRALS_MAX; i++)
		cr_expect_eq(out[i].at_s, DEFERRALS_MAX + 6 - i);
	deferrals_free(&deferrals);
}

Test(deferrals, S_02_long_texts_are_cut)
{
	static struct deferral out[DEFERRALS_MAX];
	struct deferrals *deferrals = deferrals_new();
	char *to = malloc(100000);
	const struct judgement judgement = {.verdict = VERDICT_DEFER};
	struct recipient recipient = {.arg = to};

	cr_assert(deferrals != NULL && to != NULL);
	memset(to, 'x', 99999);
	to[99999] = '\0';
	deferrals_add(deferrals, &recipient, &judgement, 1);
	cr_expect_eq(deferrals_copy(deferrals, out), 1U);
	cr_expect_eq(strlen(out[0].to), sizeof(out[0].to) - 1);
	free(to);
	deferrals_free(&deferrals);
}

Test(deferrals, those_who_pass_are_not_kept)
{
	static struct deferral out[DEFERRALS_MAX];
	const struct recipient recipient = {.arg = "u"};
	const struct judgement judgement = {.verdict = VERDICT_PASS};
	struct deferrals *deferrals = deferrals_new();

	deferrals_add(deferrals, &recipient, &judgement, 1);
	deferrals_add(NULL, &recipient, &judgement, 1);
	cr_expect_eq(deferrals_copy(deferrals, out), 0U);
	deferrals_free(&deferrals);
}

/* --- the census ---------------------------------------------------------- */

static void
add_policy(struct census *census, const char *domain, int64_t fetched_s,
    const char *more, const char *failure)
{
	char body[256];
	struct store_entry entry = {.domain = domain,
	    .id = "1",
	    .fetched_s = fetched_s,
	    .failure = failure};

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: enforce\nmx: mx.example\n%s\n", more);
	entry.body = (const uint8_t *)body;
	entry.len = strlen(body);
	census_add(census, &entry);
}

Test(census, what_counts)
{
	struct census census = {.now_s = 1000};

	add_policy(&census, "bound", 900, "max_age: 500\ndnssec: yes", "");
	add_policy(&census, "failing", 900, "max_age: 400\ndnssec: yes", "why");
	add_policy(&census, "plain", 900, "max_age: 500", "why");
	add_policy(&census, "expired", 100, "max_age: 500\ndnssec: yes", "");
	add_policy(&census, "invalid", 900, "dnssec: yes", "");
	cr_expect_eq(census.live, 3U);
	cr_expect_eq(census.binding, 2U);
	cr_expect_eq(census.failing, 1U);
	cr_assert_eq(census.n, 2U);
	cr_expect_str_eq(census.listed[0].domain, "failing");
	cr_expect_eq(census.listed[0].expires_s, 1300);
	cr_expect(census.listed[0].failing);
	cr_expect_str_eq(census.listed[1].domain, "bound");
}

/* In whatever order they come, those that expire next are listed, in order. */
Test(census, those_that_expire_next_are_listed)
{
	static const unsigned steps[] = {1, 7, 299};

	for (size_t s = 0; s < N(steps); s++) {
		static struct census census;
		unsigned age = 0;

		census = (struct census){.now_s = 1000};
		for (unsigned i = 0; i < 300; i++) {
			char domain[32], more[64];

			age = (age + steps[s]) % 300;
			snprintf(domain, sizeof(domain), "d%u", age);
			snprintf(more, sizeof(more), "max_age: %u\ndnssec: yes",
			    1000 + age);
			add_policy(&census, domain, 1000, more, "");
		}
		cr_expect_eq(census.binding, 300U);
		cr_assert_eq(census.n, (size_t)CENSUS_LISTED_MAX);
		for (size_t i = 0; i < census.n; i++)
			cr_expect_eq(census.listed[i].expires_s,
			    2000 + (int64_t)i, "%zu", i);
	}
}

/* --- the history --------------------------------------------------------- */

Test(history, an_hour_and_no_more)
{
	static struct history history;
	static struct history_totals now, hour;
	static struct history_minute minutes[HISTORY_MINUTES];

	/* One passes and two are refused in each of three hours' minutes. */
	for (int i = 0; i < 3 * HISTORY_MINUTES; i++) {
		now.n[REASON_SECURE][VERDICT_PASS] += 1;
		now.n[REASON_MX_BOGUS][VERDICT_DEFER] += 2;
		history_note(&history, &now);
	}
	now.n[REASON_SECURE][VERDICT_PASS] += 5;
	history_since(&history, HISTORY_MINUTES, &now, &hour);
	cr_expect_eq(hour.n[REASON_SECURE][VERDICT_PASS],
	    HISTORY_MINUTES - 1 + 5U);
	cr_expect_eq(hour.n[REASON_MX_BOGUS][VERDICT_DEFER],
	    2 * (HISTORY_MINUTES - 1U));
	history_minutes(&history, &now, minutes);
	for (size_t i = 0; i < HISTORY_MINUTES - 1; i++) {
		cr_expect_eq(minutes[i].passed, 1U);
		cr_expect_eq(minutes[i].deferred, 2U);
	}
	cr_expect_eq(minutes[HISTORY_MINUTES - 1].passed, 5U);
	cr_expect_eq(minutes[HISTORY_MINUTES - 1].deferred, 0U);
}

/* Before the start there was nothing. */
Test(history, the_first_minutes)
{
	static struct history history;
	static struct history_totals now, hour;
	static struct history_minute minutes[HISTORY_MINUTES];

	now.n[REASON_LOCAL][VERDICT_PASS] = 3;
	history_note(&history, &now);
	now.n[REASON_LOCAL][VERDICT_PASS] = 7;
	history_since(&history, HISTORY_MINUTES, &now, &hour);
	cr_expect_eq(hour.n[REASON_LOCAL][VERDICT_PASS], 7U);
	history_minutes(&history, &now, minutes);
	cr_expect_eq(minutes[HISTORY_MINUTES - 1].passed, 4U);
	cr_expect_eq(minutes[HISTORY_MINUTES - 2].passed, 3U);
	cr_expect_eq(minutes[HISTORY_MINUTES - 3].passed, 0U);
}
