/* dane-sts cache: finds the command, and the policies. */
#include "autoconf.h"

#include "tool/cache.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "store/store.h"
#include "store/store_json.h"
#include "store/store_wait.h"

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
    {"show",   1, 1,  cache_show  },
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
		    "list, show, export, import, purge "
		    "or warm is missing");
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

/* One that is to be read only counts as empty otherwise, and a directory that
 * is spelt wrongly as a host that knows no policies. */
static bool
is_missing(const char *spec)
{
	struct stat status;

	if (strncmp(spec, "lmdb:", 5) != 0 || stat(spec + 5, &status) == 0 ||
	    errno != ENOENT)
		return false;
	tool_warn("store: %s does not exist", spec + 5);
	return true;
}

static int
open_store(struct cache_source *source, const char *spec, bool read_only)
{
	const struct store_options options = {
	    .spec = spec,
	    .access = read_only ? STORE_READ_ONLY : STORE_READ_WRITE,
	    .auth_file = source->config->store_auth_file,
	    .tls_ca = source->config->store_tls_ca,
	};
	char error[STORE_ERROR_SIZE];

	if (read_only && is_missing(spec))
		return TOOL_UNAVAILABLE;
	source->store = store_open(&options, error);
	if (source->store != NULL)
		return TOOL_OK;
	tool_warn("%s", error);
	return TOOL_UNAVAILABLE;
}

int
cache_source_open(struct cache_source *source,
    const struct cache_options *options, enum cache_access access)
{
	bool absent;

	memset(source, 0, sizeof(*source));
	source->config = tool_config(options->options);
	if (source->config == NULL)
		return TOOL_CONFIG;
	if (options->store != NULL && access == CACHE_DAEMON)
		return tool_usage("cache",
		    "--store is of no use here: the "
		    "daemon does it");
	if (options->store != NULL)
		return open_store(source, options->store, access == CACHE_READ);
	source->remote = remote_open(source->config, &absent);
	if (source->remote != NULL)
		return TOOL_OK;
	/* Nobody but the daemon sees what is in its memory. */
	if (absent && access == CACHE_READ &&
	    strncmp(source->config->store, "memory:", 7) != 0)
		return open_store(source, source->config->store, true);
	return absent ? remote_absent(source->config) : TOOL_UNAVAILABLE;
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

struct each {
	cache_policy_fn *fn;
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
	/* The daemon's clock is not ours: no time is too late. */
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

int
cache_each(struct cache_source *source, const char *domain, cache_policy_fn *fn,
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
	remote_on_object(source->remote, each_remote, &each);
	status = remote_send(source->remote, request);
	if (status == TOOL_OK)
		status = remote_finish(source->remote, NULL);
	return each.status != TOOL_OK ? each.status : status;
}
