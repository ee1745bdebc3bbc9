/* Builds the configuration snapshot, and holds the one in force. */
#include "autoconf.h"

#include "config/config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/idn.h"
#include "config/config_internal.h"
#include "config/snapshot.h"
#include "core/domain_list.h"

const char *
config_choose_path(const char *given)
{
	const char *path = CONFIG_DEFAULT_PATH;

	if (given != NULL)
		return given;
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return NULL;
	return path;
}

unsigned
config_line(const struct config *config, const char *option)
{
	const struct option *row = option_by_name(option);

	return row != NULL ? config->lines[row - config_options] : 0;
}

struct tls_rules
config_tls_rules(const struct config *config, const struct tls_map *map)
{
	bool sendmail = map->dialect == TLS_DIALECT_SENDMAIL;

	return (struct tls_rules){
	    .no_tlsa = (enum tls_no_tlsa)config->no_tlsa_level,
	    .leave_dane = config->default_level == CONFIG_DEFAULT_LEVEL_NONE,
	    .no_dane = sendmail && !config->sendmail_dane,
	    .dane_for_all = config->dane_for_all && !sendmail,
	    .resolver_may_fail = config->rules.on_resolver_failure == RULE_PASS,
	    .tlsrpt = map->tlsrpt || config->tlsrpt_attributes,
	};
}

/* --- values derived from the options --- */

static void
derive_rules(struct config *config)
{
	/* The words of options.def stand in the order of these enums. */
	config->rules = (struct rules){
	    .hosts = (enum rule_hosts)config->hosts,
	    .tlsa = (enum rule_tlsa)config->tlsa,
	    .mx_patterns = (enum rule_mx_patterns)config->mx_patterns,
	    .on_discovery_failure =
		(enum rule_failure)config->on_discovery_failure,
	    .on_bogus_discovery = (enum rule_failure)config->on_bogus_discovery,
	    .on_resolver_failure =
		(enum rule_failure)config->on_resolver_failure,
	    .action = (enum rule_action)config->action,
	};
	config->log_config = (struct log_config){
	    .target = config->log,
	    .format = (enum log_format)config->log_format,
	    .level = (enum log_level)config->log_level,
	};
}

static int
derive_prefixes(struct config *config)
{
	const size_t n = config->policy_networks.n;
	struct net_prefix *prefixes =
	    arena_alloc(&config->arena, (n + 1) * sizeof(*prefixes));

	if (prefixes == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		int err = net_prefix_parse(config->policy_networks.item[i],
		    &prefixes[i]);

		if (err < 0)
			return err;
	}
	config->n_policy_prefixes = n;
	config->policy_prefixes = prefixes;
	return 0;
}

static int
derive_exempt_senders(struct config *config)
{
	const struct config_list *from = &config->exempt_senders;
	struct exempt_sender *senders =
	    arena_alloc(&config->arena, (from->n + 1) * sizeof(*senders));
	char domain[NAME_SIZE];

	if (senders == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < from->n; i++) {
		const char *text = from->item[i];
		const char *at = strrchr(text, '@');
		int err = at == NULL
		    ? ERR_SYNTAX
		    : address_domain((const uint8_t *)at + 1, strlen(at + 1),
			  idn_to_ascii, domain);

		if (err != 0)
			return err;
		senders[i] = (struct exempt_sender){
		    .text = text,
		    .local =
			arena_strdup(&config->arena, text, (size_t)(at - text)),
		    .domain =
			arena_strdup(&config->arena, domain, strlen(domain)),
		};
		if (senders[i].local == NULL || senders[i].domain == NULL)
			return ERR_NOMEM;
	}
	config->scope.n_exempt_senders = from->n;
	config->scope.exempt_senders = senders;
	return 0;
}

/* Combines the domains of an option with those of the file that another option
 * names; file "": there is none. path: of the configuration, for errors. */
static int
derive_domains(struct config *config, const char *path,
    const struct config_list *domains, const char *file,
    const char *file_option, struct config_errors *errors,
    struct domain_list *out)
{
	struct config_domains list = {.arena = &config->arena};
	char domain[NAME_SIZE + 1];
	int err = 0;

	for (size_t i = 0; err == 0 && i < domains->n; i++) {
		const char *text = domains->item[i];

		err = config_listed_domain(text, strlen(text), domain);
		if (err == 0)
			err = config_domains_add(&list, domain, 0, NULL);
	}
	if (err == 0 && file[0] != '\0')
		err = config_domains_read(&list, file, errors);
	if (err == ERR_IO)
		config_error(errors, path, config_line(config, file_option),
		    "%s %s: %s", file_option, file, strerror(errno));
	domain_list_sort(list.item, list.n);
	*out = (struct domain_list){.n = list.n, .item = list.item};
	return err;
}

static int
derive_scope(struct config *config, const char *path,
    struct config_errors *errors)
{
	int err, pins_err;

	config->scope.n_local_mailers = config->local_mailers.n;
	config->scope.local_mailers = config->local_mailers.item;
	/* Read the second file even if the first one is bad, so that the errors
	 * of both are reported. */
	err = derive_domains(config, path, &config->exempt_domains,
	    config->exempt_file, "exempt_file", errors,
	    &config->scope.exemptions);
	pins_err = derive_domains(config, path, &config->require_domains,
	    config->require_file, "require_file", errors, &config->pins);
	if (err == 0)
		err = pins_err;
	if (err == 0)
		err = derive_domains(config, path, &config->local_domains, "",
		    "", errors, &config->scope.local_domains);
	return err;
}

/* Checks options against each other. */
static int
check_together(const struct config *config, const char *path,
    struct config_errors *errors)
{
	unsigned line;

	if (config->verdict_ttl_min_ms <= config->verdict_ttl_max_ms)
		return 0;
	line = config_line(config, "verdict_ttl_min");
	if (line == 0)
		line = config_line(config, "verdict_ttl_max");
	config_error(errors, path, line,
	    "verdict_ttl_min must not be longer than verdict_ttl_max");
	return ERR_CONFIG;
}

/* --- the snapshot --- */

static int
fill_in(struct config *config, const char *path, struct config_errors *errors)
{
	unsigned *lines =
	    arena_alloc(&config->arena, CONFIG_N_OPTIONS * sizeof(*lines));
	int err = 0;

	if (lines == NULL)
		return ERR_NOMEM;
	config->lines = lines;
	for (size_t i = 0; err == 0 && i < CONFIG_N_OPTIONS; i++)
		err = option_set_default(&config_options[i], config);
	if (err == 0 && path != NULL)
		err = config_file_parse(path, config, lines, errors);
	if (err == 0)
		err = check_together(config, path, errors);
	if (err == 0)
		err = derive_prefixes(config);
	if (err == 0)
		err = derive_scope(config, path, errors);
	if (err == 0)
		err = derive_exempt_senders(config);
	if (err == 0)
		derive_rules(config);
	return err;
}

struct config *
config_load(const char *path, char error[CONFIG_ERROR_SIZE])
{
	struct config_errors errors = {.text = error};
	struct config *config = calloc(1, sizeof(*config));
	int err = ERR_NOMEM;

	error[0] = '\0';
	if (config != NULL)
		err = fill_in(config, path, &errors);
	if (err == 0)
		return config;
	if (errors.n == 0)
		config_error(&errors, path, 0, "%s", err_text(err));
	config_free(&config);
	return NULL;
}

void
config_free(struct config **config)
{
	struct config *old = *config;

	*config = NULL;
	if (old != NULL)
		arena_free(&old->arena);
	free(old);
}

/* --- the configuration in force ------------------------------------------- */

struct snapshots {
	pthread_mutex_t lock; /* of the pointer current */
	struct snapshot *current;
};

struct snapshot *
snapshot_new(struct config *config)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		return NULL;
	snapshot->config = config;
	atomic_init(&snapshot->refs, 1);
	return snapshot;
}

struct snapshots *
snapshots_new(struct snapshot *first)
{
	struct snapshots *snapshots = calloc(1, sizeof(*snapshots));

	if (snapshots == NULL)
		return NULL;
	snapshots->current = first;
	(void)pthread_mutex_init(&snapshots->lock, NULL);
	return snapshots;
}

void
snapshots_free(struct snapshots **snapshots)
{
	struct snapshots *old = *snapshots;

	*snapshots = NULL;
	if (old == NULL)
		return;
	snapshot_release(&old->current);
	(void)pthread_mutex_destroy(&old->lock);
	free(old);
}

struct snapshot *
snapshot_hold(struct snapshot *snapshot)
{
	(void)atomic_fetch_add(&snapshot->refs, 1);
	return snapshot;
}

struct snapshot *
snapshot_acquire(struct snapshots *snapshots)
{
	struct snapshot *snapshot;

	(void)pthread_mutex_lock(&snapshots->lock);
	snapshot = snapshot_hold(snapshots->current);
	(void)pthread_mutex_unlock(&snapshots->lock);
	return snapshot;
}

void
snapshot_release(struct snapshot **snapshot)
{
	struct snapshot *held = *snapshot;
	struct config *config;

	*snapshot = NULL;
	if (held == NULL || atomic_fetch_sub(&held->refs, 1) != 1)
		return;
	/* The snapshot owns the configuration; it is const for readers only. */
	config = (struct config *)(uintptr_t)held->config;
	config_free(&config);
	free(held);
}

void
snapshots_replace(struct snapshots *snapshots, struct snapshot **next)
{
	struct snapshot *old;

	(void)pthread_mutex_lock(&snapshots->lock);
	old = snapshots->current;
	snapshots->current = *next;
	(void)pthread_mutex_unlock(&snapshots->lock);
	*next = NULL;
	snapshot_release(&old);
}
