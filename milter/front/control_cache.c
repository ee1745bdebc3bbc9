/* {"command":"cache export"}, {"command":"cache purge"} */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/ask.h"
#include "front/control_client.h"
#include "store/store_json.h"
#include "store/store_wait.h"

/* --- export ------------------------------------------------------------- */

struct export
{
	struct control_client *client;
	uint64_t until_ms;
	int err;
};

static bool
export_entry(void *arg, const struct store_entry *entry)
{
	struct export *export = arg;
	char *text = store_json_write(entry);

	export->err = ERR_NOMEM;
	if (text != NULL)
		export->err =
		    line_write(&export->client->io, text, strlen(text));
	/* LMDB keeps old pages for as long as somebody looks at them. */
	if (export->err == 0 && clock_mono_ms() > export->until_ms)
		export->err = ERR_BUSY;
	free(text);
	return export->err == 0;
}

static int
export_one(struct control_client *client, const char *domain)
{
	struct export export = {.client = client, .until_ms = UINT64_MAX};
	struct record *record;
	int err = store_wait_get(client->parts->store, domain, &record);

	if (err == ERR_NOTFOUND)
		return client_error(client, "no policy of %s is stored",
		    domain);
	if (err != 0)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	(void)export_entry(&export, &record->entry);
	record_unref(&record);
	return export.err == 0 ? client_done(client) : export.err;
}

int
control_export(struct control_client *client)
{
	struct export export = {.client = client,
	    .until_ms = clock_mono_ms() + CONTROL_PASS_MAX_MS};
	char domain[NAME_SIZE];
	int err;

	if (client_domain(client->request, domain))
		return export_one(client, domain);
	if (json_object_get(client->request, "domain") != NULL)
		return client_error(client, "\"domain\" is not a domain");
	err = store_each(client->parts->store, export_entry, &export);
	if (export.err != 0)
		return export.err;
	if (err == ERR_CORRUPT)
		return client_error(client,
		    "the policy store is damaged: some policies could not be "
		    "read");
	if (err == ERR_VERSION)
		return client_error(client,
		    "some policies could not be read: a newer version wrote "
		    "them; update this one");
	if (err != 0)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	return client_done(client);
}

/* --- purge -------------------------------------------------------------- */

int
control_purge(struct control_client *client)
{
	struct store *store = client->parts->store;
	struct record *record;
	char domain[NAME_SIZE];
	int err;
	bool there;

	if (!client_domain(client->request, domain))
		return client_error(client, "\"domain\" is not a domain");
	err = store_wait_get(store, domain, &record);
	record_unref(&record);
	/* What cannot be read is there as well. */
	there = err != ERR_NOTFOUND;
	if (there)
		err = store_wait_delete(store, domain);
	if (err != 0 && err != ERR_NOTFOUND)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	engine_forget(client->parts->engine, domain);
	client_log(client, "purge", domain, -1);
	err = client_send(client, json_pack("{s:b}", "purged", there));
	return err == 0 ? client_done(client) : err;
}
