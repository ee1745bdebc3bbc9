/*
 * The configuration file through libConfuse.
 *
 * Every option is text to libConfuse: it stops at the first value that it
 * does not like, while a person wants to see all that is wrong. For the same
 * reason an unknown option is added to those that are known, as one to
 * complain about, and the text is parsed anew.
 */
#include "autoconf.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"

#define UNKNOWN_MAX 16

struct file_parse {
	const char *path;
	struct config_errors *errors;
	struct config_lines *lines;
	char *unknown[UNKNOWN_MAX];
	bool complained[UNKNOWN_MAX];
	size_t n_unknown;
	bool stopped_at_unknown; /* this time */
	bool no_memory;
};

/* libConfuse's callbacks have no argument of the caller's. Its scanner lives
 * in globals: one parse at a time is the rule anyway. */
static struct file_parse *current;

static void
complain_unknown(const char *name, unsigned line)
{
	const char *nearest = option_nearest(name);

	if (nearest != NULL)
		config_error(current->errors, current->path, line,
		    "there is no option \"%.64s\"; did you mean \"%s\"?", name,
		    nearest);
	else
		config_error(current->errors, current->path, line,
		    "there is no option \"%.64s\"", name);
}

static int
on_unknown(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	for (size_t i = 0; i < current->n_unknown; i++) {
		if (strcmp(current->unknown[i], opt->name) != 0 ||
		    current->complained[i])
			continue;
		current->complained[i] = true;
		complain_unknown(opt->name, (unsigned)cfg->line);
	}
	*(const char **)result = value;
	return 0;
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct option *option = option_by_name(opt->name);
	unsigned line = (unsigned)cfg->line;
	unsigned *set = &current->lines->line[option - config_options];
	char why[CONFIG_WHY_SIZE];

	if (option_check(option, value, why) < 0)
		config_error(current->errors, current->path, line, "%s: %s",
		    option->name, why);
	if (option->kind != OPTION_LIST && *set != 0)
		config_error(current->errors, current->path, line,
		    "%s: set in line %u before", option->name, *set);
	*set = line;
	*(const char **)result = value;
	return 0;
}

/* True: name was noted, and it is worth trying again. */
static bool
note_unknown(const char *name)
{
	if (current->n_unknown == UNKNOWN_MAX)
		return false;
	current->unknown[current->n_unknown] = strdup(name);
	if (current->unknown[current->n_unknown] == NULL)
		return false;
	current->n_unknown++;
	return true;
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	if (strcmp(fmt, "no such option '%s'") == 0) {
		va_list copy;

		va_copy(copy, ap);
		current->stopped_at_unknown =
		    note_unknown(va_arg(copy, const char *));
		va_end(copy);
	}
	config_verror(current->errors, current->path, (unsigned)cfg->line, fmt,
	    ap);
}

static cfg_opt_t
make_row(const struct option *option)
{
	cfg_opt_t one =
	    CFG_STR_CB(option->name, NULL, CFGF_NODEFAULT, on_value);
	cfg_opt_t list =
	    CFG_STR_LIST_CB(option->name, NULL, CFGF_NODEFAULT, on_value);

	return option->kind == OPTION_LIST ? list : one;
}

static cfg_opt_t *
make_table(const struct file_parse *parse)
{
	const size_t n = CONFIG_N_OPTIONS + parse->n_unknown;
	const cfg_opt_t end = CFG_END();
	cfg_opt_t *table = calloc(n + 1, sizeof(*table));

	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
		table[i] = make_row(&config_options[i]);
	for (size_t i = 0; i < parse->n_unknown; i++) {
		cfg_opt_t row = CFG_STR_LIST_CB(parse->unknown[i], NULL,
		    CFGF_NODEFAULT, on_unknown);

		table[CONFIG_N_OPTIONS + i] = row;
	}
	table[n] = end;
	return table;
}

/* So that += adds to the default, while = puts something in its place. */
static int
preset_list(cfg_t *cfg, const struct option *option,
    const struct config *config)
{
	const struct config_list *list =
	    (const void *)((const char *)config + option->offset);
	cfg_opt_t *opt = cfg_getopt(cfg, option->name);

	for (size_t i = 0; i < list->n; i++) {
		if (cfg_opt_setnstr(opt, list->item[i], (unsigned)i) !=
		    CFG_SUCCESS)
			return ERR_NOMEM;
	}
	opt->flags |= CFGF_RESET;
	return 0;
}

static cfg_t *
open_parser(const struct file_parse *parse, const struct config *config)
{
	cfg_opt_t *table = make_table(parse);
	cfg_t *cfg = NULL;

	if (table == NULL)
		return NULL;
	cfg = cfg_init(table, CFGF_NONE); /* copies the table */
	free(table);
	if (cfg == NULL)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		if (config_options[i].kind == OPTION_LIST &&
		    preset_list(cfg, &config_options[i], config) < 0) {
			cfg_free(cfg);
			return NULL;
		}
	}
	return cfg;
}

/* NULL: no memory. */
static cfg_t *
parse_once(struct file_parse *parse, const char *text,
    const struct config *config)
{
	unsigned before = parse->errors->n;
	cfg_t *cfg = open_parser(parse, config);

	if (cfg == NULL)
		return NULL;
	parse->stopped_at_unknown = false;
	memset(parse->complained, 0, sizeof(parse->complained));
	memset(parse->lines->line, 0,
	    CONFIG_N_OPTIONS * sizeof(*parse->lines->line));
	/* An empty name is an error without a message. */
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS &&
	    parse->errors->n == before)
		config_error(parse->errors, parse->path, (unsigned)cfg->line,
		    "syntax error");
	return cfg;
}

static cfg_t *
parse_text(struct file_parse *parse, const char *text,
    const struct config *config)
{
	const struct config_errors before = *parse->errors;
	cfg_t *cfg = parse_once(parse, text, config);

	/* At most UNKNOWN_MAX times: note_unknown sees to it. */
	while (cfg != NULL && parse->stopped_at_unknown) {
		*parse->errors = before;
		parse->errors->text[before.len] = '\0';
		cfg_free(cfg);
		cfg = parse_once(parse, text, config);
	}
	return cfg;
}

static int
take_values(cfg_t *cfg, const struct option *option, struct config *config,
    struct arena *arena)
{
	cfg_opt_t *opt = cfg_getopt(cfg, option->name);
	unsigned n = cfg_opt_size(opt);
	const char **values;

	if (n == 0 && option->kind != OPTION_LIST)
		return 0; /* the default stays */
	values = arena_alloc(arena, (n + 1) * sizeof(*values));
	if (values == NULL)
		return ERR_NOMEM;
	for (unsigned i = 0; i < n; i++)
		values[i] = cfg_opt_getnstr(opt, i);
	return option_set(option, config, arena, values, n);
}

int
config_file_parse(const char *path, struct config *config, struct arena *arena,
    struct config_lines *lines, struct config_errors *errors)
{
	struct file_parse parse = {.path = path,
	    .errors = errors,
	    .lines = lines};
	unsigned before = errors->n;
	char *text = config_source_read(path, errors);
	cfg_t *cfg = NULL;
	int err = ERR_CONFIG;

	if (text == NULL)
		goto out;
	current = &parse;
	cfg = parse_text(&parse, text, config);
	current = NULL;
	err = cfg == NULL ? ERR_NOMEM : errors->n != before ? ERR_CONFIG : 0;
	for (size_t i = 0; err == 0 && i < CONFIG_N_OPTIONS; i++)
		err = take_values(cfg, &config_options[i], config, arena);
	if (err == ERR_NOMEM)
		config_error(errors, path, 0, "%s", err_text(err));
out:
	if (cfg != NULL)
		cfg_free(cfg);
	for (size_t i = 0; i < parse.n_unknown; i++)
		free(parse.unknown[i]);
	free(text);
	return err;
}
