#include "autoconf.h"

#include "daemon/start_log.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <libmilter/mfapi.h>
#include <lmdb.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unicode/uversion.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "core/domain_list.h"
#include "dns/dns.h"
#include "log/log.h"
#include "store/store.h"

#define DAY_S 86400

#define RESOLVERS_SIZE 512

/* --- libraries --- */

void
start_log_libraries(char out[START_LOG_LIBRARIES_SIZE])
{
	unsigned major = 0;
	unsigned minor = 0;
	unsigned patch = 0;
	int lmdb_major = 0;
	int lmdb_minor = 0;
	int lmdb_patch = 0;
	char dns[DNS_LIBRARIES_SIZE];
	UVersionInfo icu_version;
	char icu[U_MAX_VERSION_STRING_LENGTH];

	dns_libraries_text(dns);
	(void)mdb_version(&lmdb_major, &lmdb_minor, &lmdb_patch);
	u_getVersion(icu_version);
	u_versionToString(icu_version, icu);
	(void)smfi_version(&major, &minor, &patch);
	(void)snprintf(out, START_LOG_LIBRARIES_SIZE,
	    "%s, libevent %s, libcurl %s, %s, "
	    "ICU %s, LMDB %d.%d.%d, libmicrohttpd %s, libmilter %u.%u.%u",
	    dns, event_get_version(),
	    curl_version_info(CURLVERSION_NOW)->version,
	    OpenSSL_version(OPENSSL_VERSION), icu, lmdb_major, lmdb_minor,
	    lmdb_patch, MHD_get_version(), major, minor, patch);
}

/* --- exemptions and pins that end --- */

static void
tell(struct log *log, const char *event, const struct domain_entry *entry,
    const char *state, int64_t now_s)
{
	struct log_event e;

	log_begin(&e, log, LOG_LEVEL_WARNING, event);
	log_str(&e, "domain", entry->domain);
	log_str(&e, "state", state);
	log_int(&e, "left_s", entry->until_s - now_s);
	if (entry->comment != NULL)
		log_str(&e, "why", entry->comment);
	log_end(&e);
}

void
exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s)
{
	const struct {
		const char *event;
		const struct domain_list *list;
	} kinds[] = {
	    {"exemption", &config->scope.exemptions},
	    {"pin",       &config->pins            },
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (size_t i = 0; i < kinds[k].list->n; i++) {
			const struct domain_entry *entry =
			    &kinds[k].list->item[i];
			enum domain_entry_state state =
			    domain_entry_state(entry, now_s);

			if (state == DOMAIN_ENTRY_LAPSES)
				tell(log, kinds[k].event, entry, "lapses",
				    now_s);
			else if (state == DOMAIN_ENTRY_LAPSED &&
			    entry->until_s > since_s)
				tell(log, kinds[k].event, entry, "lapsed",
				    now_s);
		}
	}
}

void
exemption_log_conflicts(struct log *log, const struct config *config,
    int64_t now_s)
{
	const struct domain_entry *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < config->pins.n; i++) {
		const struct domain_entry *pin = &config->pins.item[i];

		if (domain_entry_state(pin, now_s) == DOMAIN_ENTRY_LAPSED ||
		    domain_list_find(&config->scope.exemptions, pin->domain,
			now_s) == NULL)
			continue;
		first = first != NULL ? first : pin;
		n++;
	}
	if (n == 1)
		log_msg(log, LOG_LEVEL_WARNING, "config",
		    "%s is pinned and exempt: it is not checked",
		    first->domain);
	else if (n > 1)
		log_msg(log, LOG_LEVEL_WARNING, "config",
		    "%zu pinned domains are exempt as well, %s among them: "
		    "they are not checked",
		    n, first->domain);
}

bool
exemption_log_is_due(int64_t before_s, int64_t now_s)
{
	return before_s / DAY_S != now_s / DAY_S;
}

/* --- the start --- */

static void
warn_loudly(struct log *log, const struct config *config)
{
	if (geteuid() == 0)
		log_msg(log, LOG_LEVEL_WARNING, "user",
		    "RUNNING AS ROOT: set the option user, or start it as "
		    "another user");
	if (config->mode == CONFIG_MODE_MONITOR)
		log_msg(log, LOG_LEVEL_WARNING, "mode",
		    "MONITOR MODE: nothing is deferred, verdicts are only "
		    "logged");
	else if (config_enforced(config) < SHARE_ALL)
		log_msg(log, LOG_LEVEL_WARNING, "mode",
		    "enforce_percent: %u in 100 domains are enforced, the "
		    "others are only logged",
		    config_enforced(config));
	if (store_place(config->store, NULL) == STORE_IN_PROCESS)
		log_msg(log, LOG_LEVEL_WARNING, "store",
		    "POLICIES ARE KEPT IN MEMORY: after a restart every "
		    "domain is at first contact again, open to an attacker "
		    "who suppresses its policy");
}

void
start_log_write(struct log *log, const struct config *config, const char *file,
    bool sandboxed)
{
	struct log_event e;
	char libraries[START_LOG_LIBRARIES_SIZE];
	char resolvers[RESOLVERS_SIZE] = "recursion";
	struct stat status;
	size_t len = 0;

	start_log_libraries(libraries);
	for (size_t i = 0; i < config->resolvers.n && len < sizeof(resolvers);
	     i++)
		len +=
		    (size_t)snprintf(resolvers + len, sizeof(resolvers) - len,
			"%s%s", i > 0 ? " " : "", config->resolvers.item[i]);
	log_begin(&e, log, LOG_LEVEL_INFO, "start");
	log_str(&e, "version", PACKAGE_VERSION);
	log_str(&e, "mode",
	    config->mode == CONFIG_MODE_MONITOR ? "monitor" : "enforce");
	log_str(&e, "socket", config->socket);
	log_str(&e, "resolvers", resolvers);
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
		    CONFIG_DEFAULT_PATH);
	warn_loudly(log, config);
	/* A user who can write the file decides which mail is deferred. */
	if (file != NULL && stat(file, &status) == 0 &&
	    (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		log_msg(log, LOG_LEVEL_WARNING, "config",
		    "%s CAN BE CHANGED BY OTHERS than its owner: chmod go-w %s",
		    file, file);
	exemption_log(log, config, clock_wall_s(), 0);
	exemption_log_conflicts(log, config, clock_wall_s());
}
