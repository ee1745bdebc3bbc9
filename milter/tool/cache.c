/*
 * dane-sts cache: finds the command, and where the policies are; list, show and
 * export.
 */
#include "autoconf.h"

#include "tool/cache.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/idn.h"
#include "base/text.h"
#include "config/config.h"
#include "core/policy.h"
#include "store/store.h"
#include "store/store_json.h"
#include "store/store_record.h"
#include "tool/output.h"

bool
cache_domain(const char *operand, char domain[NAME_SIZE])
{
	if (idn_to_ascii((const uint8_t *)operand, strlen(operand), domain) ==
	    0)
		return true;
	tool_warn("%s: not a domain name", operand);
	return false;
}

/* --- where policies are -------------------------------------------------- */

static int
open_store(struct cache_source *source, const char *spec, bool read_only)
{
	const struct store_options options = {
	    .spec = spec,
	    .access = read_only ? STORE_READ_ONLY : STORE_READ_WRITE,
	    .auth_file = source->config->store_auth_file,
	    .tls_ca = source->config->store_tls_ca,
	};
	const char *directory = NULL;
	char error[STORE_ERROR_SIZE];
	struct stat status;

	/* LMDB takes a missing directory that is only read for an empty store;
	 * a misspelt one must not look like a host without policies. */
	if (read_only && store_check(spec, NULL, error) == 0)
		(void)store_place(spec, &directory);
	if (directory != NULL && stat(directory, &status) != 0 &&
	    errno == ENOENT) {
		tool_warn("store: %s does not exist", directory);
		return TOOL_UNAVAILABLE;
	}
	source->store = store_open(&options, error);
	if (source->store != NULL)
		return TOOL_OK;
	(void)tool_warn_store(spec, error);
	return TOOL_UNAVAILABLE;
}

int
cache_source_open(struct cache_source *source,
    const struct cache_options *options, enum cache_access access)
{
	/* Only the daemon sees the policies in its memory. */
	bool absent = false, may_read;

	memset(source, 0, sizeof(*source));
	source->config = tool_config(options->options);
	if (source->config == NULL)
		return TOOL_CONFIG;
	if (options->store != NULL && access == CACHE_DAEMON)
		return tool_usage("cache",
		    "--store is of no use here: the daemon does it");
	if (options->store != NULL)
		return open_store(source, options->store, access == CACHE_READ);
	may_read = access == CACHE_READ &&
	    store_place(source->config->store, NULL) != STORE_IN_PROCESS;
	source->remote = remote_open(source->config, may_read ? &absent : NULL);
	if (source->remote != NULL)
		return TOOL_OK;
	return absent ? open_store(source, source->config->store, true)
		      : TOOL_UNAVAILABLE;
}

void
cache_source_close(struct cache_source *source)
{
	remote_close(&source->remote);
	if (source->store != NULL)
		store_close(&source->store);
	config_free(&source->config);
}

/* --- every policy -------------------------------------------------------- */

/* line: as exported. Return TOOL_OK to go on. */
typedef int
policy_fn(void *arg, const struct store_entry *entry, const char *line);

struct each {
	policy_fn *fn;
	void *arg;
	int status;
};

static bool
each_stored(void *arg, const struct store_entry *entry)
{
	struct each *each = arg;
	char *line = store_json_write(entry);

	each->status = TOOL_INTERNAL;
	if (line != NULL)
		each->status = each->fn(each->arg, entry, line);
	else
		tool_warn("%s", err_text(ERR_NOMEM));
	free(line);
	return each->status == TOOL_OK;
}

static bool
each_remote(void *arg, const json_t *object, const char *line)
{
	struct each *each = arg;
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;

	(void)object;
	/* The daemon's clock may be ahead of ours: accept any time. */
	if (store_json_read(line, strlen(line), INT64_MAX - STORE_JSON_AHEAD_S,
		&record, error) != 0) {
		tool_warn("a policy is left out: %s: %s", error, line);
		return true;
	}
	each->status = each->fn(each->arg, &record->entry, line);
	record_unref(&record);
	return each->status == TOOL_OK;
}

static int
each_of_store(struct store *store, const char *domain, struct each *each)
{
	struct record *record;
	int err;

	if (domain == NULL) {
		err = store_each(store, each_stored, each);
	} else {
		err = store_wait_get(store, domain, &record);
		if (err == 0)
			(void)each_stored(each, &record->entry);
		record_unref(&record);
	}
	if (err == 0 || each->status != TOOL_OK)
		return each->status;
	if (err == ERR_NOTFOUND)
		tool_warn("no policy of %s is stored", domain);
	else
		tool_warn("the policy store: %s", err_text(err));
	return err == ERR_NOTFOUND ? TOOL_NO : TOOL_UNAVAILABLE;
}

/* Every policy, or that of domain alone. TOOL_OK, TOOL_NO (there is none of the
 * domain) or another status. */
static int
each_policy(struct cache_source *source, const char *domain, policy_fn *fn,
    void *arg)
{
	struct each each = {.fn = fn, .arg = arg};
	json_t *request;
	int status;

	if (source->store != NULL)
		return each_of_store(source->store, domain, &each);
	request = json_pack("{s:s}", "command", "cache export");
	if (request != NULL && domain != NULL)
		(void)json_object_set_new(request, "domain",
		    json_string(domain));
	status = remote_ask(source->remote, request, each_remote, &each);
	return each.status != TOOL_OK ? each.status : status;
}

/* --- list, show, export -------------------------------------------------- */

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

static int
print_json(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	json_t *json =
	    json_pack("{s:s,s:s,s:s,s:b,s:o,s:I,s:I,s:I,s:I,s:o,s:I}", "domain",
		entry->domain, "id", entry->id, "mode",
		policy_mode_name(policy->mode), "dnssec", policy->dnssec, "mx",
		output_strings(policy->mx, policy->n_mx), "max_age",
		(json_int_t)policy->max_age_s, "fetched",
		(json_int_t)entry->fetched_s, "left",
		(json_int_t)left_s(listing, entry, policy), "tried",
		(json_int_t)entry->tried_s, "failure",
		output_string(entry->failure, strlen(entry->failure)), "used",
		(json_int_t)entry->used_s);

	if (json != NULL && listing->body)
		(void)json_object_set_new(json, "body",
		    output_string(entry->body, entry->len));
	return output_line(json) ? TOOL_OK : TOOL_INTERNAL;
}

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

/* T-12: a policy without an id was fetched while no TXT record named it. */
#define PRINTABLE_ID(entry) ((entry)->id[0] != '\0' ? (entry)->id : "unknown")

static void
print_line(const struct listing *listing, const struct store_entry *entry,
    const struct policy *policy)
{
	printf("%-32s %-7s %-6s ", entry->domain,
	    policy_mode_name(policy->mode), policy->dnssec ? "dnssec" : "-");
	print_life(listing, entry, policy);
	printf(", id %s\n", PRINTABLE_ID(entry));
	if (entry->failure[0] == '\0')
		return;
	printf("%-32s ", "");
	print_failure(listing, entry);
}

/* Lines end in "\n" or "\r\n"; octets that do not print are escaped. */
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
	    PRINTABLE_ID(entry), fetched);
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
		tool_warn("%s: what is stored is not a policy", entry->domain);
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

/* All policies, or that of the operand with its body. */
static int
cache_list(const struct cache_options *options)
{
	struct listing listing = {
	    .json = options->options->json,
	    .body = options->argc > 0,
	    .now_s = (int64_t)time(NULL),
	};
	struct cache_source source;
	char domain[NAME_SIZE];
	int status;

	if (listing.body && !cache_domain(options->argv[0], domain))
		return TOOL_USAGE;
	status = cache_source_open(&source, options, CACHE_READ);
	if (status == TOOL_OK)
		status = each_policy(&source, listing.body ? domain : NULL,
		    print_policy, &listing);
	cache_source_close(&source);
	return status;
}

static int
print_export(void *arg, const struct store_entry *entry, const char *line)
{
	(void)arg;
	(void)entry;
	/* Once the disk is full, the rest need not be read. */
	return puts(line) >= 0 ? TOOL_OK : TOOL_NO_OUTPUT;
}

static int
cache_export(const struct cache_options *options)
{
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_READ);

	if (status == TOOL_OK)
		status = each_policy(&source, NULL, print_export, NULL);
	cache_source_close(&source);
	return status;
}

/* --- the command --------------------------------------------------------- */

enum {
	OPTION_STORE = 256
};

static const struct option cache_long_options[] = {
    {"store", required_argument, NULL, OPTION_STORE},
    {0  },
};

static const struct {
	const char *name;
	int least, most; /* operands; -1: any number */
	int (*run)(const struct cache_options *options);
} commands[] = {
    {"list",   0, 0,  cache_list  },
    {"show",   1, 1,  cache_list  },
    {"export", 0, 0,  cache_export},
    {"import", 0, 1,  cache_import},
    {"purge",  1, -1, cache_purge },
    {"warm",   1, 1,  cache_warm  },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int
tool_cache(struct tool_options *options, int argc, char **argv)
{
	struct cache_options cache = {.options = options};
	int found;

	while (
	    (found = tool_getopt(options, argc, argv, cache_long_options)) >= 0)
		cache.store = optarg;
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (optind == argc)
		return tool_usage(argv[0],
		    "list, show, export, import, purge or warm is missing");
	cache.argc = argc - optind - 1;
	cache.argv = argv + optind + 1;
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[optind]) != 0)
			continue;
		if (cache.argc < commands[i].least)
			return tool_usage(argv[0], "%s: an operand is missing",
			    argv[optind]);
		if (commands[i].most >= 0 && cache.argc > commands[i].most)
			return tool_usage(argv[0], "%s: too many operands",
			    argv[optind]);
		return commands[i].run(&cache);
	}
	return tool_usage(argv[0], "\"%s\" is not known", argv[optind]);
}
