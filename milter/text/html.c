#include "autoconf.h"

#include "text/html.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define DAY_S 86400

/* If you change this, change its hash in html_policy as well: test_page fails,
 * and prints the right one. */
const char html_style[] =
    ":root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1c2430;"
    "--soft:#5b6675;--line:#dfe3e8;--good:#1a7f4b;--bad:#b3261e;"
    "--warn:#8a5a00;--bar:#7fa7d6;--link:#1f5fae}"
    "@media(prefers-color-scheme:dark){:root{--back:#12161c;--card:#1b2129;"
    "--ink:#e4e8ee;--soft:#9aa5b3;--line:#2e3642;--good:#5cc98c;"
    "--bad:#ff8a80;--warn:#e6b450;--bar:#44688f;--link:#8ab8f5}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);"
    "color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.35rem;margin:0}"
    "a{color:var(--link);text-underline-offset:.15em}"
    "a:hover{text-decoration-thickness:.15em}"
    ":focus-visible{outline:2px solid var(--link);outline-offset:2px}"
    "h2{font-size:1.05rem;margin:0 0 .6rem}"
    "header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;"
    "margin-bottom:1rem}"
    "section{background:var(--card);border:1px solid var(--line);"
    "border-radius:.6rem;padding:1rem;margin:0 0 1rem}"
    ".wide{overflow-x:auto}"
    ".tag{display:inline-block;padding:.1rem .6rem;border-radius:1rem;"
    "border:1px solid currentColor;font-size:.85rem;font-weight:600}"
    ".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}"
    ".soft{color:var(--soft);font-size:.9rem}"
    "p{margin:.4rem 0}"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,"
    "minmax(8.5rem,1fr));gap:.8rem;margin:0}"
    "dt{color:var(--soft);font-size:.85rem}"
    "dd{margin:0;font-size:1.25rem;font-weight:600;"
    "font-variant-numeric:tabular-nums}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .8rem .35rem 0;"
    "border-bottom:1px solid var(--line);vertical-align:top}"
    "th{color:var(--soft);font-size:.85rem;font-weight:600}"
    "tr:last-child td{border-bottom:0}"
    "td.n,th.n{text-align:right;padding-right:0;font-variant-numeric:tabular-nums}"
    "td{overflow-wrap:anywhere}td.n,td.t{white-space:nowrap}"
    "ol{list-style:none;margin:0;padding:0}"
    "li{border-bottom:1px solid var(--line);padding:.6rem 0;"
    "overflow-wrap:anywhere}"
    "li:first-child{padding-top:0}li:last-child{border:0;padding-bottom:0}"
    "code,.tree{font:.88rem/1.45 ui-monospace,monospace}"
    "li code{white-space:nowrap}"
    ".tree div{display:flex}"
    ".tree i{flex:none;width:3ch;font-style:normal;white-space:pre}"
    ".tree i.v{background:linear-gradient(currentColor,currentColor) "
    ".45ch 0/1px 100% no-repeat}"
    ".tree span{white-space:pre-wrap;overflow-wrap:anywhere;min-width:0}"
    "@media(max-width:40rem){.x{display:none}}"
    "svg{display:block;width:100%;height:4.5rem;"
    "border-bottom:1px solid var(--line)}"
    ".pass{fill:var(--bar);color:var(--bar)}"
    ".stop{fill:var(--bad);color:var(--bad)}"
    ".axis{display:flex;justify-content:space-between}"
    "form{display:flex;flex-wrap:wrap;gap:.5rem}"
    "input,button{font:inherit;color:inherit;padding:.45rem .7rem;"
    "border:1px solid var(--line);border-radius:.4rem;"
    "background:var(--back)}"
    "input{flex:1 1 9rem;min-width:0}"
    "input::placeholder{color:var(--soft);opacity:1}"
    "button{font-weight:600;cursor:pointer}";

const char html_policy[] =
    "default-src 'none'; style-src "
    "'sha256-cGYFPfZvXkhHxi9EHXic4H7K5v7gSJ75CmudPHC1VjA='; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/* --- text --- */

void
html_octets(FILE *out, const void *octets, size_t len)
{
	static const char marks[] = "&<>\"'";
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;",
	    "&quot;", "&#39;"};
	const uint8_t *in = octets;
	uint32_t code;
	size_t n;

	for (; len > 0; in += n, len -= n) {
		const char *mark = memchr(marks, *in, sizeof(marks) - 1);

		n = text_decode(in, len, &code);
		if (mark != NULL)
			(void)fputs(entities[mark - marks], out);
		else
			text_print(out, in, n);
	}
}

void
html_text(FILE *out, const char *text)
{
	html_octets(out, text, strlen(text));
}

/*
 * The prefix of a line of the tree, three columns a level: blanks and
 * strokes (U+2502 and the like, see text/tree.c). *goes_on: the stroke goes on
 * below, beside a text that is wrapped. 0: none is left.
 */
static size_t
take_level(const char *line, size_t len, bool *goes_on)
{
	size_t at = 0;

	*goes_on = false;
	for (size_t column = 0; column < 3; column++) {
		if (at < len && line[at] == ' ') {
			at++;
		} else if (len - at >= 3 &&
		    memcmp(line + at, "\xe2\x94", 2) == 0) {
			/* all but the corner U+2514 and the dash U+2500 */
			if (column == 0)
				*goes_on = line[at + 2] != '\x94';
			at += 3;
		} else {
			return 0;
		}
	}
	return at;
}

void
html_tree(FILE *out, const char *text, size_t len)
{
	const char *end;
	bool goes_on;
	size_t n, level;

	(void)fputs("<div class=\"tree\">\n", out);
	while (len > 0) {
		end = memchr(text, '\n', len);
		n = end != NULL ? (size_t)(end - text) : len;
		len -= n + (end != NULL);
		(void)fputs("<div>", out);
		while ((level = take_level(text, n, &goes_on)) > 0) {
			(void)fprintf(out, "<i%s>",
			    goes_on ? " class=\"v\"" : "");
			html_octets(out, text, level);
			(void)fputs("</i>", out);
			text += level;
			n -= level;
		}
		(void)fputs("<span>", out);
		html_octets(out, text, n);
		(void)fputs("</span></div>\n", out);
		text += n + (end != NULL);
	}
	(void)fputs("</div>\n", out);
}

void
html_ago(FILE *out, int64_t at_s, int64_t now_s)
{
	char moment[DURATION_SIZE];
	char ago[DURATION_SIZE];

	moment_text(at_s, moment);
	duration_text(now_s - at_s, ago);
	(void)fprintf(out, "<time datetime=\"%s\" title=\"%s\">%s ago</time>",
	    moment, moment, ago);
}

void
html_moment(FILE *out, int64_t at_s, int64_t now_s)
{
	char moment[DURATION_SIZE]; /* "2026-11-25T12:00:00Z" */
	const char *date = now_s - at_s < DAY_S ? "" : moment;
	const char *time;

	moment_text(at_s, moment);
	time = strchr(moment, 'T');
	(void)fprintf(out, "<time datetime=\"%s\">%.10s%s%.8s UTC</time>",
	    moment, date, date[0] != '\0' ? " " : "",
	    time != NULL ? time + 1 : moment);
}

/* --- pages --- */

void
html_begin(FILE *out, const char *title, unsigned refresh_s)
{
	(void)fprintf(out,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n");
	if (refresh_s > 0)
		(void)fprintf(out,
		    "<meta http-equiv=\"refresh\" content=\"%u\">\n",
		    refresh_s);
	(void)fprintf(out,
	    "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", title,
	    html_style);
}

void
html_check_form(FILE *out, const char *value)
{
	(void)fputs("<section>\n<h2><label for=\"domain\">Ask about a domain"
		    "</label></h2>\n<form action=\"/check\" method=\"get\">\n"
		    "<input id=\"domain\" name=\"domain\" "
		    "placeholder=\"example.org\" maxlength=\"253\" "
		    "autocapitalize=\"none\" spellcheck=\"false\" required "
		    "value=\"",
	    out);
	html_text(out, value);
	(void)fprintf(out, "\"%s", value[0] == '\0' ? " autofocus" : "");
	(void)fputs(">\n<button>Check domain</button>\n</form>\n"
		    "</section>\n",
	    out);
}
