/* {"command":"cache import"} */
#include "autoconf.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/ask.h"
#include "front/control_client.h"
#include "store/store_json.h"
#include "store/store_wait.h"

struct import {
	struct control_client *client;
	struct store_writes *writes;
	json_int_t line;
	json_int_t imported;
	json_int_t kept;
	json_int_t bad;
};

/* A verdict that was made before the write could live on by what was there; one
 * that was not durable binds all the same, from memory. */
static void
written(void *arg, const char *domain, int err)
{
	if (err != ERR_KEPT)
		engine_forget(arg, domain);
}

static int
refuse(struct import *import, const char *why)
{
	import->bad++;
	return client_send(import->client,
	    json_pack("{s:I,s:s}", "line", import->line, "error", why));
}

static int
import_record(struct import *import, const struct record *record)
{
	int err = store_writes_put_later(import->writes, &record->entry);

	if (err != 0)
		return refuse(import, err_text(err));
	import->imported++;
	return 0;
}

static int
import_line(struct import *import, const char *line, size_t len)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;
	int err = store_json_read(line, len, clock_wall_s(), &record, error);

	if (err != 0)
		return refuse(import, error);
	err = import_record(import, record);
	record_unref(&record);
	return err;
}

static int
import_all(struct import *import)
{
	static const char end[] = "{\"end\":true}";
	int err = 0;

	while (err == 0) {
		char *line;
		size_t len;

		err = line_read(&import->client->io, &line, &len);
		import->line++;
		if (err == 0 && len == strlen(end) &&
		    memcmp(line, end, len) == 0)
			return 0;
		if (err == 0)
			err = import_line(import, line, len);
		else if (err == ERR_SYNTAX)
			err = refuse(import, "the line holds a NUL octet");
	}
	return err;
}

int
control_import(struct control_client *client)
{
	struct import import = {.client = client};
	size_t failed, kept;
	int err, write_err;

	import.writes = store_writes_new(client->parts->store, written,
	    client->parts->engine);
	if (import.writes == NULL)
		return ERR_NOMEM;
	err = import_all(&import);
	write_err = store_writes_end(&import.writes, &failed, &kept);
	import.kept = (json_int_t)kept;
	import.imported -= (json_int_t)(failed + kept);
	client_log(client, "import", NULL, import.imported);
	if (err == ERR_TOOLONG)
		(void)client_error(client, "line %lld is too long",
		    (long long)import.line);
	if (err != 0)
		return err;
	if (failed > 0)
		return client_error(client,
		    "%zu policies could not be written: %s", failed,
		    err_text(write_err));
	return client_send(client,
	    json_pack("{s:b,s:I,s:I,s:I}", "done", true, "imported",
		import.imported, "kept", import.kept, "bad", import.bad));
}
