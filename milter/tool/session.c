/* An engine of the tool's own. See session.h. */
#include "autoconf.h"

#include "tool/session.h"

#include <string.h>

#include "engine/ask.h"
#include "log/log.h"
#include "store/store.h"

/* One look at a domain wants neither many threads nor the daemon's chores. */
static void
adapt(struct session *session)
{
	session->config = *session->loaded;
	session->config.loops = 1;
}

static int
open_log(struct session *session)
{
	static const struct log_config config = {
	    .target = "stderr",
	    .format = LOG_FORMAT_TEXT,
	    .level = LOG_LEVEL_WARNING,
	};
	char error[LOG_ERROR_SIZE] = "";

	session->log = log_open(&config, "dane-sts", error);
	if (session->log == NULL) {
		tool_warn("%s", error);
		return TOOL_INTERNAL;
	}
	return TOOL_OK;
}

/* Who may not read the daemon's store can still ask without it. */
static int
open_store(struct session *session)
{
	const struct config *config = &session->config;
	const struct store_options of_daemon = {
	    .spec = config->store,
	    .access = STORE_READ_ONLY,
	    .may_be_down = true,
	    .auth_file = config->store_auth_file,
	    .tls_ca = config->store_tls_ca,
	    .log = session->log,
	};
	const struct store_options empty = {.spec = "memory:"};
	char error[STORE_ERROR_SIZE] = "";

	/* One that is down stays so: whether a domain has a policy there is
	 * not known, and no domain is one without policy. */
	session->store = store_open(&of_daemon, error);
	if (session->store != NULL)
		return TOOL_OK;
	tool_warn("%s", error);
	tool_warn("going on without the stored policies");
	session->store = store_open(&empty, error);
	if (session->store != NULL)
		return TOOL_OK;
	tool_warn("%s", error);
	return TOOL_INTERNAL;
}

static int
open_engine(struct session *session)
{
	char error[ENGINE_ERROR_SIZE] = "";

	session->engine =
	    engine_new(&session->config, session->store, session->log, error);
	if (session->engine == NULL) {
		tool_warn("%s", error);
		return TOOL_UNKNOWN;
	}
	return TOOL_OK;
}

int
session_configure(struct session *session, const struct tool_options *options)
{
	memset(session, 0, sizeof(*session));
	session->loaded = tool_config(options);
	if (session->loaded == NULL)
		return TOOL_CONFIG;
	adapt(session);
	return TOOL_OK;
}

int
session_start(struct session *session)
{
	int status = open_log(session);

	if (status == TOOL_OK)
		status = open_store(session);
	if (status == TOOL_OK)
		status = open_engine(session);
	return status;
}

void
session_close(struct session *session)
{
	engine_free(&session->engine);
	if (session->store != NULL)
		store_close(&session->store);
	if (session->log != NULL)
		log_close(&session->log);
	if (session->loaded != NULL)
		config_free(&session->loaded);
}

uint64_t
session_patience_ms(const struct session *session)
{
	return session->config.fetch_timeout_ms +
	    session->config.dns_timeout_ms;
}
