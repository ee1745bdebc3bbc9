/* dane-sts cache purge: forgets policies, as though never fetched. */
#include "autoconf.h"

#include <stdio.h>

#include "base/err.h"
#include "store/store_wait.h"
#include "tool/cache.h"

static bool
note_purged(void *arg, const json_t *object, const char *line)
{
	bool *purged = arg;

	(void)line;
	*purged = json_is_true(json_object_get(object, "purged"));
	return true;
}

static int
purge_remote(struct remote *remote, const char *domain, bool *purged)
{
	int status;

	remote_on_object(remote, note_purged, purged);
	status = remote_send(remote,
	    json_pack("{s:s,s:s}", "command", "cache purge", "domain", domain));
	return status == TOOL_OK ? remote_finish(remote, NULL) : status;
}

static int
purge_store(struct store *store, const char *domain, bool *purged)
{
	struct record *record;
	int err = store_wait_get(store, domain, &record);

	record_unref(&record);
	/* What cannot be read is there as well. */
	*purged = err != ERR_NOTFOUND;
	if (*purged)
		err = store_wait_delete(store, domain);
	if (err == 0 || err == ERR_NOTFOUND)
		return TOOL_OK;
	tool_warn("the policy store: %s", err_text(err));
	return TOOL_UNAVAILABLE;
}

static int
purge(struct cache_source *source, const char *operand)
{
	char domain[NAME_SIZE];
	bool purged = false;
	int status;

	if (!cache_domain(operand, domain))
		return TOOL_NO;
	if (source->store != NULL)
		status = purge_store(source->store, domain, &purged);
	else
		status = purge_remote(source->remote, domain, &purged);
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
