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
	/* Derived from the options once, so that readers need not. */
	struct rules rules;
	struct scope_rules scope; /* exemptions of option and file */
	struct domain_list pins;  /* likewise: T-14 */
	size_t n_policy_prefixes;
	const struct net_prefix *policy_prefixes;
	struct log_config log_config;
	const unsigned *lines; /* see config_line */
	void *arena;           /* what the pointers point into */
};

/*
 * path NULL: defaults only. NULL with *error (`FILE:LINE: what is wrong`)
 * filled in; several errors are reported together, one a line.
 */
struct config *config_load(const char *path, char error[CONFIG_ERROR_SIZE]);
void config_free(struct config **config);

/* The line of the file that sets the option; 0: it has its default. */
unsigned config_line(const struct config *config, const char *option);

/* Percent of all domains for which verdicts are more than logged, share.h. */
static inline unsigned
config_enforced(const struct config *config)
{
	return config->mode == CONFIG_MODE_MONITOR
	    ? 0
	    : (unsigned)config->enforce_percent;
}
/* Whether a verdict on this policy domain is only logged. "" is no domain:
 * whether that holds for all. */
bool config_only_watches(const struct config *config, const char *domain);

/* How a map answers at delivery. */
struct tls_rules
config_tls_rules(const struct config *config, const struct tls_map *map);

/* Whether a policy domain is pinned now (T-14); now_s: wall clock. */
static inline bool
config_pins(const struct config *config, const char *domain, int64_t now_s)
{
	return domain_list_find(&config->pins, domain, now_s) != NULL;
}

/* Whether both have the same value of the option. */
bool
config_same(const struct config *a, const struct config *b, const char *option);

/* The whole snapshot in the syntax of the file. */
void config_dump(const struct config *config, FILE *out);
/* The sample file: every option with its help and default, commented out. */
void config_sample(FILE *out);

/* Where the programs look when -c is not given. */
const char *config_default_path(void);
/* given, or else the default path; NULL: there is no file there. One that is
 * there and cannot be read does not count as none. */
const char *config_choose_path(const char *given);

/* The options of dns/ and fetch/. They point into the snapshot. */
void config_dns(const struct config *config, struct dns_config *out);
void config_fetch(const struct config *config, struct fetch_config *out);

/* Whether anchors, fragments, CA files and secrets can be used. path: where the
 * configuration is from, for *error. 0, ERR_CONFIG, or ERR_LIBRARY (dns_check),
 * for which the configuration is not to blame. */
int config_check_files(const struct config *config, const char *path,
    char error[CONFIG_ERROR_SIZE]);

/* "500ms", "8s", "5m", "1d": to ms. 0, ERR_SYNTAX or ERR_RANGE. */
int config_parse_duration(const char *text, int64_t *ms);

#endif
