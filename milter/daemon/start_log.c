#include "autoconf.h"

#include "daemon/start_log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "core/domain_list.h"
#include "daemon/exemption_log.h"
#include "daemon/version.h"
#include "log/log.h"

#define LIBRARIES_SIZE 512

static void
warn_loudly(struct log *log, const struct config *config)
{
	if (geteuid() == 0)
		log_msg(log, LOG_LEVEL_WARNING, "user",
		    "RUNNING AS ROOT: set the option user, or start it as "
		    "another user");
	if (config->mode == CONFIG_MODE_MONITOR)
		log_msg(log, LOG_LEVEL_WARNING, "mode",
		    "MONITOR MODE: nothing is refused, verdicts are only "
		    "logged");
	else if (config_enforced(config) < SHARE_ALL)
		log_msg(log, LOG_LEVEL_WARNING, "mode",
		    "enforce_percent: %u in 100 domains are enforced, the "
		    "others are only logged",
		    config_enforced(config));
	if (strcmp(config->store, "memory:") == 0)
		log_msg(log, LOG_LEVEL_WARNING, "store",
		    "POLICIES ARE KEPT IN MEMORY: after a restart every "
		    "domain is at first contact again, open to an attacker "
		    "who suppresses its policy");
}

/* Who may write it chooses what is refused, and what the store is. */
static void
warn_of_writers(struct log *log, const char *file)
{
	struct stat status;

	if (file == NULL || stat(file, &status) < 0 ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return;
	log_msg(log, LOG_LEVEL_WARNING, "config",
	    "%s CAN BE CHANGED BY OTHERS than its owner: chmod go-w %s", file,
	    file);
}

static const char *
resolvers_text(const struct config *config, char *out, size_t size)
{
	size_t len = 0;

	snprintf(out, size, "recursion");
	for (size_t i = 0; i < config->resolvers.n && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i > 0 ? " " : "", config->resolvers.item[i]);
	return out;
}

void
start_log_write(struct log *log, const struct config *config, const char *file,
    bool sandboxed)
{
	struct log_event e;
	char libraries[LIBRARIES_SIZE];
	char resolvers[LIBRARIES_SIZE];

	version_libraries(libraries, sizeof(libraries));
	log_begin(&e, log, LOG_LEVEL_INFO, "start");
	log_str(&e, "version", PACKAGE_VERSION);
	log_str(&e, "mode",
	    config->mode == CONFIG_MODE_MONITOR ? "monitor" : "enforce");
	log_str(&e, "socket", config->socket);
	log_str(&e, "resolvers",
	    resolvers_text(config, resolvers, sizeof(resolvers)));
	log_str(&e, "store", config->store);
	log_int(&e, "exemptions", (int64_t)config->scope.exemptions.n);
	log_int(&e, "pins", (int64_t)config->pins.n);
	log_str(&e, "config", file != NULL ? file : "-");
	log_str(&e, "sandbox", sandboxed ? "seccomp" : "none");
	log_str(&e, "libraries", libraries);
	log_end(&e);
	if (file == NULL)
		log_msg(log, LOG_LEVEL_INFO, "config",
		    "%s does not exist: all options have their defaults",
		    config_default_path());
	warn_loudly(log, config);
	warn_of_writers(log, file);
	exemption_log(log, config, clock_wall_s(), 0);
	exemption_log_conflicts(log, config, clock_wall_s());
}
