/* dane-sts cache import. */
#include "autoconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "store/store_json.h"
#include "store/store_wait.h"
#include "tool/cache.h"
#include "tool/output.h"

struct import {
	const char *path; /* "-": stdin */
	FILE *in;
	json_int_t line;
	json_int_t imported;
	json_int_t kept;
	json_int_t bad;
};

static int
open_input(struct import *import)
{
	import->in = stdin;
	if (strcmp(import->path, "-") != 0)
		import->in = fopen(import->path, "re");
	if (import->in != NULL)
		return TOOL_OK;
	tool_warn("%s: %s", import->path, strerror(errno));
	return TOOL_NO_INPUT;
}

static void
refuse(struct import *import, json_int_t line, const char *why)
{
	import->bad++;
	tool_warn("%s:%lld: %s", import->path, (long long)line, why);
}

/* --- into a store -------------------------------------------------------- */

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

/* --- into the daemon ----------------------------------------------------- */

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

/* --- lines --------------------------------------------------------------- */

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
tell(const struct import *import, bool json)
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
	    .path = options->argc > 0 ? options->argv[0] : "-"};
	struct cache_source source;
	int status = cache_source_open(&source, options, CACHE_CHANGE);

	if (status == TOOL_OK)
		status = open_input(&import);
	if (status == TOOL_OK)
		status = import_into(&import, &source);
	if (status == TOOL_OK)
		status = tell(&import, options->options->json);
	if (import.in != NULL && import.in != stdin)
		fclose(import.in);
	cache_source_close(&source);
	return status == TOOL_OK && import.bad > 0 ? TOOL_NO : status;
}
