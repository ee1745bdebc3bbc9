/*
 * Declarations that the files of config/ share; only tests include it as well.
 *
 * config.c           the snapshot put together, and the one in force
 * config_file.c      parses the file
 * config_option.c    the option table, values, memory
 * config_check.c     the checkers that options.def names, and files
 * config_domains.c   lists of domains, and their files
 * config_text.c      words of values, errors, dump and sample
 *
 * The first errors are collected, one a line, as `FILE:LINE: text`.
 */
#ifndef CONFIG_CONFIG_INTERNAL_H
#define CONFIG_CONFIG_INTERNAL_H

#include "base/name.h"
#include "config/config.h"

#define CONFIG_WHY_SIZE 512

/* --- memory: a list of blocks owns all that a snapshot points to; NULL is an
 * empty list --- */

void arena_free(struct arena_block **arena);
/* Zeroed and aligned for any type. NULL: no memory. */
void *arena_alloc(struct arena_block **arena, size_t size);
char *arena_strdup(struct arena_block **arena, const char *text, size_t len);
/* An array of n items with room for one more. NULL: no memory. */
void *arena_extend(struct arena_block **arena, void *items, size_t n,
    size_t item_size);

/* --- errors --- */

/* Before use, set text to an empty buffer and zero the rest. */
struct config_errors {
	char *text; /* CONFIG_ERROR_SIZE */
	size_t len; /* without a last line that tells how many were dropped */
	unsigned n; /* in all */
	unsigned dropped; /* of these, for want of room */
};

/* line 0: the file as a whole. file NULL: no file. Replaces octets that do not
 * print. */
void config_error(struct config_errors *errors, const char *file, unsigned line,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* --- options --- */

enum option_kind {
	OPTION_STRING,
	OPTION_BOOL,
	OPTION_INT,
	OPTION_DURATION,
	OPTION_ENUM,
	OPTION_LIST
};

/* 0 or ERR_CONFIG with why filled in. */
typedef int option_check_fn(const char *value, char why[CONFIG_WHY_SIZE]);

struct option {
	enum option_kind kind;
	const char *name;
	const char *default_text;
	const char *help;
	size_t offset;          /* in struct config */
	option_check_fn *check; /* STRING, LIST (of each item); may be NULL */
	int64_t min;            /* INT, DURATION (ms) */
	int64_t max;
	const char *const *words; /* ENUM, ends in NULL */
};

enum {
#define OPTION(...) +1
	CONFIG_N_OPTIONS = 0
#include "config/options.def"
#undef OPTION
};
extern const struct option config_options[CONFIG_N_OPTIONS];

/* NULL: none of that name. */
const struct option *option_by_name(const char *name);
/* The name that is most like it; NULL: none is. */
const char *option_nearest(const char *name);

/* Sets the option; if it is a list, appends to it. 0, ERR_NOMEM, or ERR_CONFIG
 * with why filled in. */
int option_add(const struct option *option, struct config *config,
    const char *text, char why[CONFIG_WHY_SIZE]);
int option_set_default(const struct option *option, struct config *config);

/* --- words of the file --- */

/* The shortest such word. */
void config_format_duration(int64_t ms, char *out, size_t size);
/* Decimal digits, a '-' before them. 0, ERR_SYNTAX or ERR_RANGE. */
int config_parse_int(const char *text, int64_t *value);
int config_parse_bool(const char *text, bool *value);
/* "YYYY-MM-DD": the first second of the day after it, UTC. */
int config_parse_date(const char *text, size_t len, int64_t *end_s);

/* Writes the value and the message into why. Returns ERR_CONFIG. */
int config_refuse(char why[CONFIG_WHY_SIZE], const char *value, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* The checkers that options.def names. They are not called for an empty value
 * if the default is empty. */
option_check_fn check_path;
option_check_fn check_socket_path;
option_check_fn check_socket;
option_check_fn check_listen;
option_check_fn check_octal;
option_check_fn check_resolver;
option_check_fn check_network;
option_check_fn check_store;
option_check_fn check_log;
option_check_fn check_listed_domain;
option_check_fn check_exempt_sender;

/* --- files --- */

/* Parses path into config, which holds the defaults. lines: one for each row of
 * config_options, set to the line of its value. Errors are reported. */
int config_file_parse(const char *path, struct config *config, unsigned *lines,
    struct config_errors *errors);

/* "example.org", ".example.net", U-labels too: canonical. */
int config_listed_domain(const char *text, size_t len, char out[NAME_SIZE + 1]);

struct config_domains {
	struct arena_block **arena;
	struct domain_entry *item;
	size_t n;
};

int config_domains_add(struct config_domains *list, const char *domain,
    int64_t until_s, const char *comment);
/* ERR_IO with errno set, which is not reported; other errors are. */
int config_domains_read(struct config_domains *list, const char *path,
    struct config_errors *errors);

#endif
