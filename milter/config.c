#include "autoconf.h"

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_internal.h"
#include "core/err.h"
#include "core/share.h"
#include "io/idn.h"

const char *
config_default_path(void)
{
	return SYSCONFDIR "/dane-sts-milter.conf";
}

const char *
config_choose_path(const char *given)
{
	const char *path = config_default_path();

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

bool
config_same(const struct config *a, const struct config *b, const char *option)
{
	const struct option *row = option_by_name(option);

	return row == NULL || option_same(row, a, b);
}

bool
config_only_watches(const struct config *config, const char *domain)
{
	const unsigned percent = config_enforced(config);

	return domain[0] != '\0' ? !share_has(percent, domain) : percent == 0;
}

/* --- what is made of the options --- */

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
derive_prefixes(struct config *config, struct arena *arena)
{
	const size_t n = config->policy_networks.n;
	struct net_prefix *prefixes =
	    arena_alloc(arena, (n + 1) * sizeof(*prefixes));

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

/* The canonical forms. */
static int
derive_local_domains(struct config *config, struct arena *arena)
{
	const struct config_list *from = &config->local_domains;
	const char **domains =
	    arena_alloc(arena, (from->n + 1) * sizeof(*domains));
	char domain[NAME_SIZE + 1];

	if (domains == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < from->n; i++) {
		const char *text = from->item[i];
		int err = config_exempt_domain(text, strlen(text), domain);

		if (err == 0) {
			domains[i] = arena_strdup(arena, domain);
			err = domains[i] != NULL ? 0 : ERR_NOMEM;
		}
		if (err != 0)
			return err;
	}
	config->scope.n_local_domains = from->n;
	config->scope.local_domains = domains;
	return 0;
}

static int
derive_exempt_senders(struct config *config, struct arena *arena)
{
	const struct config_list *from = &config->exempt_senders;
	struct exempt_sender *senders =
	    arena_alloc(arena, (from->n + 1) * sizeof(*senders));
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
		    .local = arena_strndup(arena, text, (size_t)(at - text)),
		    .domain = arena_strdup(arena, domain),
		};
		if (senders[i].local == NULL || senders[i].domain == NULL)
			return ERR_NOMEM;
	}
	config->scope.n_exempt_senders = from->n;
	config->scope.exempt_senders = senders;
	return 0;
}

static int
derive_scope(struct config *config, const char *path, struct arena *arena,
    struct config_errors *errors)
{
	struct exempt_list list = {.arena = arena};
	char domain[NAME_SIZE + 1];
	int err = 0;

	for (size_t i = 0; err == 0 && i < config->exempt_domains.n; i++) {
		const char *text = config->exempt_domains.item[i];

		err = config_exempt_domain(text, strlen(text), domain);
		if (err == 0)
			err = exempt_list_add(&list, domain, 0, NULL);
	}
	if (err == 0 && config->exempt_file[0] != '\0')
		err = exempt_list_read(&list, config->exempt_file, errors);
	if (err == ERR_IO)
		config_error(errors, path, config_line(config, "exempt_file"),
		    "exempt_file %s: %s", config->exempt_file, strerror(errno));
	config->scope = (struct scope_rules){
	    .n_local_mailers = config->local_mailers.n,
	    .local_mailers = config->local_mailers.item,
	    .n_exemptions = list.n,
	    .exemptions = list.item,
	};
	return err;
}

/* What no single option can tell. */
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
set_defaults(struct config *config, struct arena *arena)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < CONFIG_N_OPTIONS; i++)
		err = option_set_default(&config_options[i], config, arena);
	return err;
}

static int
fill_in(struct config *config, const char *path, struct config_errors *errors)
{
	struct arena *arena = config->arena;
	struct config_lines lines = {
	    .line =
		arena_alloc(arena, CONFIG_N_OPTIONS * sizeof(*config->lines))};
	int err;

	if (lines.line == NULL)
		return ERR_NOMEM;
	config->lines = lines.line;
	err = set_defaults(config, arena);
	if (err == 0 && path != NULL)
		err = config_file_parse(path, config, arena, &lines, errors);
	if (err == 0)
		err = check_together(config, path, errors);
	if (err == 0)
		err = derive_prefixes(config, arena);
	if (err == 0)
		err = derive_scope(config, path, arena, errors);
	if (err == 0)
		err = derive_local_domains(config, arena);
	if (err == 0)
		err = derive_exempt_senders(config, arena);
	if (err == 0)
		derive_rules(config);
	return err;
}

struct config *
config_load(const char *path, char error[CONFIG_ERROR_SIZE])
{
	struct config_errors errors;
	struct config *config = calloc(1, sizeof(*config));
	int err = ERR_NOMEM;

	config_errors_init(&errors, error);
	if (config != NULL)
		config->arena = arena_new();
	if (config != NULL && config->arena != NULL)
		err = fill_in(config, path, &errors);
	if (err == 0)
		return config;
	if (errors.n == 0)
		config_error(&errors, path, 0, "%s", err_text(err));
	config_errors_end(&errors);
	config_free(&config);
	return NULL;
}

void
config_free(struct config **config)
{
	struct config *old = *config;
	struct arena *arena;

	*config = NULL;
	if (old == NULL)
		return;
	arena = old->arena;
	arena_free(&arena);
	free(old);
}
