/* dane-sts cache list, show and export. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/text.h"
#include "core/policy.h"
#include "tool/cache.h"
#include "tool/output.h"

struct listing {
	bool json;
	bool body; /* show */
	int64_t now_s;
};

static int64_t
left_s(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	return entry->fetched_s + policy->max_age_s - listing->now_s;
}

/* --- JSON ---------------------------------------------------------------- */

static json_t *
mx_json(const struct policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->n_mx; i++)
		(void)json_array_append_new(list, json_string(policy->mx[i]));
	return list;
}

static int
print_json(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	json_t *json =
	    json_pack("{s:s,s:s,s:s,s:b,s:o,s:I,s:I,s:I,s:I,s:o,s:I}", "domain",
		entry->domain, "id", entry->id, "mode",
		policy_mode_name(policy->mode), "dnssec", policy->dnssec, "mx",
		mx_json(policy), "max_age", (json_int_t)policy->max_age_s,
		"fetched", (json_int_t)entry->fetched_s, "left",
		(json_int_t)left_s(listing, entry, policy), "tried",
		(json_int_t)entry->tried_s, "failure",
		output_string(entry->failure, strlen(entry->failure)), "used",
		(json_int_t)entry->used_s);

	if (json != NULL && listing->body)
		(void)json_object_set_new(json, "body",
		    output_string(entry->body, entry->len));
	return output_line(json) ? TOOL_OK : TOOL_INTERNAL;
}

/* --- for people ---------------------------------------------------------- */

static void
print_life(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	int64_t left = left_s(listing, entry, policy);
	char text[DURATION_SIZE];

	duration_text(left, text);
	if (left < 0)
		printf("expired");
	else
		printf("%s left", text);
}

static void
print_failure(const struct listing *listing, const struct store_entry *entry)
{
	char ago[DURATION_SIZE];

	duration_text(listing->now_s - entry->tried_s, ago);
	printf("the last refresh, %s ago, failed: ", ago);
	text_print(stdout, entry->failure, strlen(entry->failure));
	putchar('\n');
}

/* T-12: no TXT record named a policy that has none. */
static const char *
printable_id(const struct store_entry *entry)
{
	return entry->id[0] != '\0' ? entry->id : "unknown";
}

static void
print_line(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	printf("%-32s %-7s %-6s ", entry->domain,
	    policy_mode_name(policy->mode), policy->dnssec ? "dnssec" : "-");
	print_life(listing, entry, policy);
	printf(", id %s\n", printable_id(entry));
	if (entry->failure[0] == '\0')
		return;
	printf("%-32s ", "");
	print_failure(listing, entry);
}

/* Its lines are bounded by "\n" or "\r\n"; what does not print is escaped. */
static void
print_body(const struct store_entry *entry)
{
	const char *at = (const char *)entry->body;
	size_t left = entry->len;

	while (left > 0) {
		const char *end = memchr(at, '\n', left);
		size_t len = end != NULL ? (size_t)(end - at) : left;
		size_t text = len > 0 && at[len - 1] == '\r' ? len - 1 : len;

		fputs("    ", stdout);
		text_print(stdout, at, text);
		putchar('\n');
		left -= len + (end != NULL);
		at += len + (end != NULL);
	}
}

static void
print_whole(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	char fetched[DURATION_SIZE];
	char used[DURATION_SIZE];

	moment_text(entry->fetched_s, fetched);
	moment_text(entry->used_s, used);
	printf("%s\n  id       %s\n  fetched  %s, ", entry->domain,
	    printable_id(entry), fetched);
	print_life(listing, entry, policy);
	printf("\n  used     %s\n  dnssec   %s\n", used,
	    policy->dnssec ? "required" : "not required");
	if (entry->failure[0] != '\0') {
		fputs("  refresh  ", stdout);
		print_failure(listing, entry);
	}
	puts("  policy");
	print_body(entry);
}

static int
print_policy(void *arg, const struct store_entry *entry, const char *line)
{
	const struct listing *listing = arg;
	struct policy *policy;
	int status = TOOL_OK;

	(void)line;
	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) < 0) {
		tool_warn("%s: what is stored is no policy", entry->domain);
		return TOOL_OK;
	}
	if (listing->json)
		status = print_json(listing, entry, policy);
	else if (listing->body)
		print_whole(listing, entry, policy);
	else
		print_line(listing, entry, policy);
	policy_free(&policy);
	return status;
}

static int
print_policies(const struct cache_options *options, const char *domain)
{
	struct listing listing = {
	    .json = options->options->json,
	    .body = domain != NULL,
	    .now_s = (int64_t)time(NULL),
	};
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_READ);

	if (status == TOOL_OK)
		status = cache_each(&source, domain, print_policy, &listing);
	cache_source_close(&source);
	return status;
}

int
cache_list(const struct cache_options *options)
{
	return print_policies(options, NULL);
}

int
cache_show(const struct cache_options *options)
{
	char domain[NAME_SIZE];

	if (!cache_domain(options->argv[0], domain))
		return TOOL_USAGE;
	return print_policies(options, domain);
}

/* --- export -------------------------------------------------------------- */

static int
print_export(void *arg, const struct store_entry *entry, const char *line)
{
	(void)arg;
	(void)entry;
	/* A disk that is full is no reason to read on. */
	return puts(line) >= 0 ? TOOL_OK : TOOL_NO_OUTPUT;
}

int
cache_export(const struct cache_options *options)
{
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_READ);

	if (status == TOOL_OK)
		status = cache_each(&source, NULL, print_export, NULL);
	cache_source_close(&source);
	return status;
}
