/*
 * The manual pages tell what the tables hold: every option with its default
 * and its range, every reason, in the order of the tables and nothing else.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_internal.h"
#include "core/verdict.h"
#include "paths.h"

#define SOURCES SRCDIR "/milter"

static char *page;

static void
read_page(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;

	cr_assert(file != NULL, "%s", path);
	page = NULL;
	cr_assert_geq(getdelim(&page, &size, '\0', file), 0);
	fclose(file);
}

/* Text with line ends and mdoc's escaped backslashes undone. */
static void
flatten(char *text)
{
	char *to = text;

	for (char *at = text; *at != '\0'; at++) {
		*to++ = *at == '\n' ? ' ' : *at;
		if (at[0] == '\\' && at[1] == 'e')
			at++;
	}
	*to = '\0';
}

/* The entry behind the next `.It <macro>`: its name and its text. */
static bool
next_entry(char **cursor, const char *macro, char **name, char **text)
{
	char mark[16];
	char *at;
	char *end;

	snprintf(mark, sizeof(mark), ".It %s ", macro);
	at = strstr(*cursor, mark);
	if (at == NULL)
		return false;
	*name = at + strlen(mark);
	*text = strchr(*name, '\n');
	cr_assert(*text != NULL);
	*(*text)++ = '\0';
	end = strstr(*text, "\n.It ");
	if (end == NULL)
		end = strstr(*text, "\n.El");
	cr_assert(end != NULL);
	*end = '\0';
	*cursor = end + 1;
	return true;
}

/* `name = value` of the dump, the line of that name. */
static void
default_of(const char *dump, const char *name, char *out, size_t size)
{
	char mark[64];
	const char *at;

	snprintf(mark, sizeof(mark), "\n%s = ", name);
	at = strstr(dump, mark);
	cr_assert(at != NULL, "%s", name);
	at += strlen(mark);
	snprintf(out, size, "Default: %.*s.", (int)strcspn(at, "\n"), at);
}

static void
range_of(const struct option *option, char *out, size_t size)
{
	char low[32];
	char high[32];
	size_t len;

	out[0] = '\0';
	if (option->kind == OPTION_INT)
		snprintf(out, size, "From %ld to %ld.", (long)option->min,
		    (long)option->max);
	if (option->kind == OPTION_DURATION) {
		config_format_duration(option->min, low, sizeof(low));
		config_format_duration(option->max, high, sizeof(high));
		snprintf(out, size, "From \"%s\" to \"%s\".", low, high);
	}
	if (option->kind != OPTION_ENUM)
		return;
	len = (size_t)snprintf(out, size, "One of");
	for (size_t i = 0; option->words[i] != NULL; i++)
		len += (size_t)snprintf(out + len, size - len, "%s \"%s\"",
		    i > 0 ? "," : "", option->words[i]);
	snprintf(out + len, size - len, ".");
}

Test(manual, every_option_with_default_and_range)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);
	static char dump[16384] = "\n";
	FILE *out = fmemopen(dump + 1, sizeof(dump) - 1, "w");
	char *cursor;
	char *name;
	char *text;

	config_dump(config, out);
	fclose(out);
	config_free(&config);
	read_page(CONFIG_MANUAL);
	cursor = page;
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		char want[512];

		cr_assert(next_entry(&cursor, "Ic", &name, &text));
		cr_assert_str_eq(name, config_options[i].name);
		flatten(text);
		default_of(dump, name, want, sizeof(want));
		cr_assert(strstr(text, want) != NULL, "%s: %s", name, want);
		range_of(&config_options[i], want, sizeof(want));
		cr_assert(strstr(text, want) != NULL, "%s: %s", name, want);
	}
	cr_assert_not(next_entry(&cursor, "Ic", &name, &text));
	free(page);
}

Test(manual, every_reason_has_what_to_do)
{
	char *cursor;
	char *name;
	char *text;

	read_page(DAEMON_MANUAL);
	cursor = strstr(page, ".Sh WHAT TO DO WHEN\n");
	cr_assert(cursor != NULL);
	/* The text of an entry that ends a list ends before the next .Ss. */
	for (int i = 0; i < REASON_COUNT; i++) {
		cr_assert(next_entry(&cursor, "Cm", &name, &text));
		cr_assert_str_eq(name, reason_name((enum reason)i));
		cr_assert_gt(strlen(text), 20U, "%s", name);
	}
	cr_assert_not(next_entry(&cursor, "Cm", &name, &text));
	free(page);
}

/* D-21, D-22: said, not papered over. */
Test(manual, limits_are_documented_D21_D22)
{
	const char *caveats;

	read_page(DAEMON_MANUAL);
	caveats = strstr(page, ".Sh CAVEATS\n");
	cr_assert(caveats != NULL);
	cr_assert(
	    strstr(caveats, "can hide the policy (first contact)") != NULL);
	cr_assert(strstr(caveats, "its own resolver, not the MTA's") != NULL);
	cr_assert(strstr(caveats, "smtp_tls_security_level = dane") != NULL);
	free(page);
}

static const char *const keys[] = {"qid", "to", "domain", "verdict", "reason",
    "mode", "policy", "policy_id", "policy_age", "policy_from", "mx", "hosts",
    "worst", "ms", "cached", "client", "txt", "why"};

/* L-01 */
Test(manual, every_key_of_the_line_is_explained_L01)
{
	const char *at;

	read_page(DAEMON_MANUAL);
	at = strstr(page, ".Sh LOG\n");
	cr_assert(at != NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char first[32];
		char other[32];
		const char *line = at;

		snprintf(first, sizeof(first), "\n.It Cm %s", keys[i]);
		snprintf(other, sizeof(other), " , %s", keys[i]);
		if (strstr(line, first) == NULL)
			cr_assert(strstr(line, other) != NULL, "%s", keys[i]);
	}
	free(page);
}

/* The name of every event that the source logs, one a line. */
static FILE *
open_events(void)
{
	return popen("find " SOURCES " -name '*.c' -exec cat {} + | "
		     "tr '\\n' ' ' | "
		     "grep -oE 'log_(msg|begin) ?\\([^\";]*\"[a-z-]+\"' | "
		     "sed 's/.*\"\\(.*\\)\"/\\1/' | sort -u",
	    "re");
}

/* Whether an `.It Cm` has name among its names. */
static bool
is_entry(const char *line, const char *name)
{
	const size_t len = strcspn(line, "\n");
	const char *at = line;

	if (strncmp(line, ".It Cm ", strlen(".It Cm ")) != 0)
		return false;
	while ((at = strstr(at + 1, name)) != NULL && at < line + len) {
		if (at[-1] == ' ' && strcspn(at, " \n") == strlen(name))
			return true;
	}
	return false;
}

static bool
is_explained(const char *section, const char *name)
{
	char quoted[80];

	snprintf(quoted, sizeof(quoted), "\n.Ql %s ", name);
	for (const char *line = section; line != NULL;
	     line = strchr(line + 1, '\n')) {
		if (is_entry(line + 1, name))
			return true;
	}
	return strstr(section, quoted) != NULL;
}

Test(manual, every_event_is_explained_L01)
{
	FILE *events = open_events();
	char *section;
	char name[64];
	unsigned n = 0;

	cr_assert(events != NULL);
	read_page(DAEMON_MANUAL);
	section = strstr(page, ".Sh LOG\n");
	cr_assert(section != NULL);
	*strstr(section, ".Sh METRICS\n") = '\0';
	for (; fgets(name, sizeof(name), events) != NULL; n++) {
		name[strcspn(name, "\n")] = '\0';
		cr_expect(is_explained(section, name), "%s", name);
	}
	cr_assert_eq(pclose(events), 0);
	cr_assert_gt(n, 20U);
	free(page);
}
