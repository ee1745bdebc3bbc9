/* dane-sts cache warm: has the daemon look at domains before mail comes. */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/idn.h"
#include "tool/cache.h"
#include "tool/names.h"
#include "tool/output.h"
#include "tool/progress.h"

struct warm {
	bool json;
	struct progress progress;
	size_t stored; /* has a policy that is in the store */
	size_t bound;  /* one with the flag */
	size_t without;
	size_t failed; /* it could not be found out */
};

static void
count(struct warm *warm, const json_t *object)
{
	const char *policy =
	    json_string_value(json_object_get(object, "policy"));

	if (json_is_true(json_object_get(object, "stored"))) {
		warm->stored++;
		warm->bound += json_is_true(json_object_get(object, "dnssec"));
	} else if (policy != NULL && strcmp(policy, "none") == 0) {
		warm->without++;
	} else {
		warm->failed++;
	}
}

static void
tell_failure(const struct warm *warm, const json_t *object)
{
	const char *domain =
	    json_string_value(json_object_get(object, "domain"));
	const char *error = json_string_value(json_object_get(object, "error"));
	const char *reason =
	    json_string_value(json_object_get(object, "reason"));

	progress_wipe(&warm->progress);
	tool_warn("%s: %s", domain != NULL ? domain : "?",
	    error != NULL        ? error
		: reason != NULL ? reason
				 : "?");
}

static bool
take_answer(void *arg, const json_t *object, const char *line)
{
	struct warm *warm = arg;
	size_t failed = warm->failed;

	if (warm->json)
		puts(line);
	count(warm, object);
	if (warm->failed > failed)
		tell_failure(warm, object);
	progress_step(&warm->progress);
	return true;
}

/* What is no domain is for the daemon to refuse. */
static json_t *
name_json(const char *name)
{
	char domain[NAME_SIZE];

	if (idn_to_ascii((const uint8_t *)name, strlen(name), domain) == 0)
		return json_pack("{s:s}", "domain", domain);
	return json_pack("{s:o}", "domain", output_string(name, strlen(name)));
}

static int
send_names(struct remote *remote, const struct names *names)
{
	int status =
	    remote_send(remote, json_pack("{s:s}", "command", "cache warm"));

	for (size_t i = 0; status == TOOL_OK && i < names->n; i++)
		status = remote_send(remote, name_json(names->name[i]));
	if (status == TOOL_OK)
		status = remote_send(remote, json_pack("{s:b}", "end", true));
	return status == TOOL_OK ? remote_finish(remote, NULL) : status;
}

static int
warm_names(const struct cache_options *options, const struct names *names)
{
	struct warm warm = {
	    .json = options->options->json,
	};
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_DAEMON);

	progress_init(&warm.progress, names->n);
	if (status == TOOL_OK) {
		remote_on_object(source.remote, take_answer, &warm);
		status = send_names(source.remote, names);
	}
	cache_source_close(&source);
	if (status != TOOL_OK)
		return status;
	if (!warm.json)
		printf("%zu domains: %zu with a policy (%zu require DNSSEC), "
		       "%zu without, %zu not found out\n",
		    names->n, warm.stored, warm.bound, warm.without,
		    warm.failed);
	return warm.failed > 0 ? TOOL_NO : TOOL_OK;
}

int
cache_warm(const struct cache_options *options)
{
	struct names names;
	int status = names_read(&names, 0, NULL, options->argv[0]);

	if (status == TOOL_OK && names.n > 0)
		status = warm_names(options, &names);
	names_clear(&names);
	return status;
}
