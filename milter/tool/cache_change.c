/* dane-sts cache import, purge and warm. */
#include "autoconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/idn.h"
#include "store/store.h"
#include "store/store_json.h"
#include "store/store_record.h"
#include "tool/cache.h"
#include "tool/input.h"
#include "tool/output.h"

/* --- import -------------------------------------------------------------- */

struct import {
	const char *path; /* "-": stdin */
	FILE *in;
	json_int_t line;
	json_int_t imported;
	json_int_t kept;
	json_int_t bad;
};

static void
refuse(struct import *import, json_int_t line, const char *why)
{
	import->bad++;
	tool_warn("%s:%lld: %s", import->path, (long long)line, why);
}

static int
store_line(struct import *import, struct store_writes *writes, const char *line,
    size_t len)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;
	int err =
	    store_json_read(line, len, (int64_t)time(NULL), &record, error);

	if (err != 0) {
		refuse(import, import->line, error);
		return TOOL_OK;
	}
	err = store_writes_put_later(writes, &record->entry);
	record_unref(&record);
	if (err != 0)
		refuse(import, import->line, err_text(err));
	else
		import->imported++;
	return TOOL_OK;
}

static int
end_writes(struct import *import, struct store_writes **writes)
{
	size_t failed, kept;
	int err = store_writes_end(writes, &failed, &kept);

	import->kept = (json_int_t)kept;
	import->imported -= (json_int_t)(failed + kept);
	if (failed == 0)
		return TOOL_OK;
	tool_warn("%zu policies could not be written: %s", failed,
	    err_text(err));
	return TOOL_UNAVAILABLE;
}

static bool
bad_line(void *arg, const json_t *object, const char *line)
{
	struct import *import = arg;
	const char *error = json_string_value(json_object_get(object, "error"));

	(void)line;
	refuse(import, json_integer_value(json_object_get(object, "line")),
	    error != NULL ? error : "refused");
	return true;
}

static int
end_remote(struct import *import, struct remote *remote)
{
	json_t *done;
	int status = remote_send(remote, json_pack("{s:b}", "end", true));

	if (status == TOOL_OK)
		status = remote_finish(remote, &done);
	if (status != TOOL_OK)
		return status;
	import->imported =
	    json_integer_value(json_object_get(done, "imported"));
	import->kept = json_integer_value(json_object_get(done, "kept"));
	json_decref(done);
	return TOOL_OK;
}

/* A line at a time: the file may be larger than memory. */
static int
import_lines(struct import *import, struct cache_source *source,
    struct store_writes *writes)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int status = TOOL_OK;

	while (status == TOOL_OK &&
	    (len = getline(&line, &size, import->in)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		import->line++;
		if (writes != NULL)
			status = store_line(import, writes, line, (size_t)len);
		else
			status =
			    remote_send_line(source->remote, line, (size_t)len);
	}
	if (ferror(import->in)) {
		tool_warn("%s: %s", import->path, strerror(errno));
		status = TOOL_NO_INPUT;
	}
	free(line);
	return status;
}

static int
import_into(struct import *import, struct cache_source *source)
{
	struct store_writes *writes = NULL;
	int status = TOOL_OK, end;

	if (source->store != NULL) {
		writes = store_writes_new(source->store, NULL, NULL);
		if (writes == NULL)
			return TOOL_INTERNAL;
	} else {
		remote_on_object(source->remote, bad_line, import);
		status = remote_send(source->remote,
		    json_pack("{s:s}", "command", "cache import"));
	}
	if (status == TOOL_OK)
		status = import_lines(import, source, writes);
	if (writes != NULL)
		end = end_writes(import, &writes);
	else
		end = status == TOOL_OK ? end_remote(import, source->remote)
					: TOOL_OK;
	return status == TOOL_OK ? end : status;
}

static int
tell_import(const struct import *import, bool json)
{
	if (json)
		return output_line(json_pack("{s:I,s:I,s:I}", "imported",
			   import->imported, "kept", import->kept, "bad",
			   import->bad))
		    ? TOOL_OK
		    : TOOL_INTERNAL;
	printf("%lld imported, %lld kept as they were (fetched later), %lld "
	       "refused\n",
	    (long long)import->imported, (long long)import->kept,
	    (long long)import->bad);
	return TOOL_OK;
}

int
cache_import(const struct cache_options *options)
{
	struct import import = {
	    .path = options->argc > 0 ? options->argv[0] : "-",
	    .in = stdin,
	};
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_CHANGE);

	if (status == TOOL_OK && strcmp(import.path, "-") != 0)
		import.in = fopen(import.path, "re");
	if (import.in == NULL) {
		tool_warn("%s: %s", import.path, strerror(errno));
		status = TOOL_NO_INPUT;
	}
	if (status == TOOL_OK)
		status = import_into(&import, &source);
	if (status == TOOL_OK)
		status = tell_import(&import, options->options->json);
	if (import.in != NULL && import.in != stdin)
		fclose(import.in);
	cache_source_close(&source);
	return status == TOOL_OK && import.bad > 0 ? TOOL_NO : status;
}

/* --- purge --------------------------------------------------------------- */

static bool
note_purged(void *arg, const json_t *object, const char *line)
{
	bool *purged = arg;

	(void)line;
	*purged = json_is_true(json_object_get(object, "purged"));
	return true;
}

static int
purge(struct cache_source *source, const char *operand)
{
	char domain[NAME_SIZE];
	struct record *record;
	bool purged = false;
	int status = TOOL_OK;
	int err;

	if (!cache_domain(operand, domain))
		return TOOL_NO;
	if (source->store == NULL) {
		status = remote_ask(source->remote,
		    json_pack("{s:s,s:s}", "command", "cache purge", "domain",
			domain),
		    note_purged, &purged);
	} else {
		/* A record that cannot be read is deleted as well. */
		err = store_wait_get(source->store, domain, &record);
		record_unref(&record);
		purged = err != ERR_NOTFOUND;
		if (purged)
			err = store_wait_delete(source->store, domain);
		if (purged && err != 0 && err != ERR_NOTFOUND) {
			tool_warn("the policy store: %s", err_text(err));
			status = TOOL_UNAVAILABLE;
		}
	}
	if (status != TOOL_OK || purged)
		return status;
	tool_warn("no policy of %s is stored", domain);
	return TOOL_NO;
}

int
cache_purge(const struct cache_options *options)
{
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_CHANGE);
	int worst = status;

	for (int i = 0; status <= TOOL_NO && i < options->argc; i++) {
		status = purge(&source, options->argv[i]);
		worst = status > worst ? status : worst;
	}
	cache_source_close(&source);
	return worst;
}

/* --- warm ---------------------------------------------------------------- */

struct warm {
	bool json;
	struct progress progress;
	size_t stored; /* have a policy, which is in the store */
	size_t bound;  /* have one with "dnssec: yes" */
	size_t without;
	size_t failed; /* could not be determined */
};

static bool
take_answer(void *arg, const json_t *object, const char *line)
{
	struct warm *warm = arg;
	const char *domain, *error, *reason, *policy;

	if (warm->json)
		puts(line);
	domain = json_string_value(json_object_get(object, "domain"));
	error = json_string_value(json_object_get(object, "error"));
	reason = json_string_value(json_object_get(object, "reason"));
	policy = json_string_value(json_object_get(object, "policy"));
	if (json_is_true(json_object_get(object, "stored"))) {
		warm->stored++;
		warm->bound += json_is_true(json_object_get(object, "dnssec"));
	} else if (policy != NULL && strcmp(policy, "none") == 0) {
		warm->without++;
	} else {
		warm->failed++;
		progress_wipe(&warm->progress);
		tool_warn("%s: %s", domain != NULL ? domain : "?",
		    error != NULL        ? error
			: reason != NULL ? reason
					 : "?");
	}
	progress_step(&warm->progress);
	return true;
}

static int
send_names(struct remote *remote, const struct names *names)
{
	int status =
	    remote_send(remote, json_pack("{s:s}", "command", "cache warm"));

	for (size_t i = 0; status == TOOL_OK && i < names->n; i++) {
		const char *name = names->name[i];
		char domain[NAME_SIZE];

		/* A name that is no domain is sent as it is: the daemon
		 * refuses it. */
		if (idn_to_ascii((const uint8_t *)name, strlen(name), domain) ==
		    0)
			name = domain;
		status = remote_send(remote,
		    json_pack("{s:o}", "domain",
			output_string(name, strlen(name))));
	}
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
