/*
 * The configuration: dane-sts-milter.conf(5) as one immutable snapshot. One
 * row of options.def makes an option: field, type, default, range, sample
 * file entry, line of the manual and of `dane-sts-milter -n -v`.
 *
 * A snapshot may be read by any thread; nobody changes it.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/net.h"
#include "core/decide.h"
#include "core/domain_list.h"
#include "core/scope.h"
#include "core/tls_policy.h"
#include "log/log.h"

struct arena_block;
struct dns_config;
struct fetch_config;

#define CONFIG_ERROR_SIZE 1024

struct config_list {
	size_t n;
	const char **item;
};

enum config_mode {
	CONFIG_MODE_ENFORCE,
	CONFIG_MODE_MONITOR
};
enum config_default_level {
	CONFIG_DEFAULT_LEVEL_DANE_ONLY,
	CONFIG_DEFAULT_LEVEL_NONE,
	CONFIG_DEFAULT_LEVEL_DANE /* as dane-only, spelt as in 0.1.0 */
};

/* Field types by kind of row: what options.def says, as C. */
#define CONFIG_FIELD_STRING(name)   const char *name;
#define CONFIG_FIELD_BOOL(name)     bool name;
#define CONFIG_FIELD_INT(name)      int64_t name;
#define CONFIG_FIELD_DURATION(name) uint64_t name##_ms;
#define CONFIG_FIELD_ENUM(name)     int name;
#define CONFIG_FIELD_LIST(name)     struct config_list name;

struct config {
#define OPTION(kind, name, default_text, range, help) CONFIG_FIELD_##kind(name)
#include "config/options.def"
#undef OPTION
	/* Derived from the options. */
	struct rules rules;
	struct scope_rules scope; /* exemptions of option and file */
	struct domain_list pins;  /* of option and file: T-14 */
	size_t n_policy_prefixes;
	const struct net_prefix *policy_prefixes;
	struct log_config log_config;
	const unsigned *lines;     /* see config_line */
	struct arena_block *arena; /* memory that the pointers point into */
};

/*
 * Loads the file; path NULL: defaults only. NULL with *error filled in: one or
 * more lines `FILE:LINE: TEXT`.
 */
struct config *config_load(const char *path, char error[CONFIG_ERROR_SIZE]);
void config_free(struct config **config);

/* The line of the file that sets the option; 0: it has its default. */
unsigned config_line(const struct config *config, const char *option);

/* The percentage of domains for which the filter acts on verdicts, see
 * share_has(). */
static inline unsigned
config_enforced(const struct config *config)
{
	return config->mode == CONFIG_MODE_MONITOR
	    ? 0
	    : (unsigned)config->enforce_percent;
}
/* True if verdicts on this policy domain are only logged. "": true if that
 * holds for all domains. */
static inline bool
config_only_watches(const struct config *config, const char *domain)
{
	const unsigned percent = config_enforced(config);

	return domain[0] != '\0' ? !share_has(percent, domain) : percent == 0;
}

/* The rules by which a map answers at delivery. */
struct tls_rules
config_tls_rules(const struct config *config, const struct tls_map *map);

/* True if a policy domain is pinned now (T-14); now_s: wall clock. */
static inline bool
config_pins(const struct config *config, const char *domain, int64_t now_s)
{
	return domain_list_find(&config->pins, domain, now_s) != NULL;
}

/* True if both have the same value of the option. */
bool
config_same(const struct config *a, const struct config *b, const char *option);

/* The whole snapshot in the syntax of the file. */
void config_dump(const struct config *config, FILE *out);
/* The sample file: every option with its help and default, commented out. */
void config_sample(FILE *out);

/* The path if -c is not given. */
#define CONFIG_DEFAULT_PATH SYSCONFDIR "/dane-sts-milter.conf"
/* Returns given unless NULL, or else the default path; NULL: there is no such
 * file. A file that cannot be read counts as there. */
const char *config_choose_path(const char *given);

/* The options of dns/ and fetch/. They point into the snapshot. */
void config_dns(const struct config *config, struct dns_config *out);
void config_fetch(const struct config *config, struct fetch_config *out);

/* Checks that anchors, fragments, CA files and secrets can be used. path: the
 * configuration file, for *error. 0, ERR_CONFIG, or ERR_LIBRARY (dns_check) for
 * an error that no configuration can mend. */
int config_check_files(const struct config *config, const char *path,
    char error[CONFIG_ERROR_SIZE]);

/* Converts "500ms", "8s", "5m", "1d" to ms. 0, ERR_SYNTAX or ERR_RANGE. */
int config_parse_duration(const char *text, int64_t *ms);

#endif
