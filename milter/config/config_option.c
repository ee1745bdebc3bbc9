/*
 * The option table, and one value of it.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"

/* clang-format off */
#define NONE NULL
#define RANGE(low, high) .min = (low), .max = (high)
#define WORDS(...) .words = (const char *const[]){__VA_ARGS__, NULL}

#define ROW_STRING(id, ...)    offsetof(struct config, id), .check = __VA_ARGS__
#define ROW_LIST(id, ...)      offsetof(struct config, id), .check = __VA_ARGS__
#define ROW_BOOL(id, ...)      offsetof(struct config, id), .check = __VA_ARGS__
#define ROW_INT(id, ...)       offsetof(struct config, id), __VA_ARGS__
#define ROW_DURATION(id, ...)  offsetof(struct config, id##_ms), __VA_ARGS__
#define ROW_ENUM(id, ...)      offsetof(struct config, id), __VA_ARGS__

const struct option config_options[CONFIG_N_OPTIONS] = {
#define OPTION(k, id, default_value, range, help_text)                         \
	{.kind = OPTION_##k, .name = #id, .default_text = (default_value),     \
	 .help = (help_text), .offset = ROW_##k(id, range)},
#include "config/options.def"
#undef OPTION
};
/* clang-format on */

const struct option *
option_by_name(const char *name)
{
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		if (strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	}
	return NULL;
}

/* --- what was probably meant --- */

#define NAME_MAX_COMPARED 32

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein: octets to insert, delete or replace. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	size_t len_a = strlen(a);
	size_t len_b = strlen(b);

	for (size_t k = 0; k <= len_b; k++)
		row[k] = k;
	for (size_t i = 1; i <= len_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= len_b; k++) {
			size_t above = row[k];
			size_t differs = a[i - 1] != b[k - 1];

			row[k] =
			    min3(above + 1, row[k - 1] + 1, diagonal + differs);
			diagonal = above;
		}
	}
	return row[len_b];
}

const char *
option_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t len = strlen(name);
	size_t best = len / 3 + 2;

	if (len > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		size_t distance = edit_distance(config_options[i].name, name);

		if (distance < best) {
			best = distance;
			nearest = config_options[i].name;
		}
	}
	return nearest;
}

/* --- one value --- */

static int
enum_index(const struct option *option, const char *text)
{
	for (int i = 0; option->words[i] != NULL; i++) {
		if (strcmp(option->words[i], text) == 0)
			return i;
	}
	return -1;
}

static int
check_enum(const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	size_t len;

	if (enum_index(option, text) >= 0)
		return 0;
	len = (size_t)snprintf(why, CONFIG_WHY_SIZE,
	    "\"%.64s\": must be one of", text);
	for (size_t i = 0; option->words[i] != NULL; i++) {
		if (len < CONFIG_WHY_SIZE)
			len += (size_t)snprintf(why + len,
			    CONFIG_WHY_SIZE - len, "%s \"%s\"",
			    i > 0 ? "," : "", option->words[i]);
	}
	return ERR_CONFIG;
}

static int
check_int(const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	int64_t value = 0;
	int err = config_parse_int(text, &value);

	if (err == ERR_SYNTAX)
		snprintf(why, CONFIG_WHY_SIZE,
		    "\"%.64s\" is not a whole number", text);
	else if (err < 0 || value < option->min || value > option->max)
		snprintf(why, CONFIG_WHY_SIZE,
		    "%.64s is out of range: %" PRId64 " to %" PRId64, text,
		    option->min, option->max);
	else
		return 0;
	return ERR_CONFIG;
}

static int
check_duration(const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	int64_t value = 0;
	char low[32];
	char high[32];
	int err = config_parse_duration(text, &value);

	if (err == ERR_SYNTAX) {
		snprintf(why, CONFIG_WHY_SIZE,
		    "\"%.64s\" is not a duration such as \"500ms\", \"8s\", "
		    "\"5m\", \"2h\" or \"1d\"",
		    text);
		return ERR_CONFIG;
	}
	if (err == 0 && value >= option->min && value <= option->max)
		return 0;
	config_format_duration(option->min, low, sizeof(low));
	config_format_duration(option->max, high, sizeof(high));
	snprintf(why, CONFIG_WHY_SIZE, "\"%.64s\" is out of range: %s to %s",
	    text, low, high);
	return ERR_CONFIG;
}

static int
check_bool(const char *text, char why[CONFIG_WHY_SIZE])
{
	bool value;

	if (config_parse_bool(text, &value) == 0)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "\"%.64s\": must be true or false",
	    text);
	return ERR_CONFIG;
}

int
option_check(const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	switch (option->kind) {
	case OPTION_STRING:
	case OPTION_LIST:
		return option->check != NULL ? option->check(text, why) : 0;
	case OPTION_BOOL:
		return check_bool(text, why);
	case OPTION_INT:
		return check_int(option, text, why);
	case OPTION_DURATION:
		return check_duration(option, text, why);
	case OPTION_ENUM:
		return check_enum(option, text, why);
	}
	return ERR_CONFIG;
}

static int
set_string(const char **field, struct arena *arena, const char *text)
{
	*field = arena_strdup(arena, text);
	return *field != NULL ? 0 : ERR_NOMEM;
}

static int
set_list(struct config_list *field, struct arena *arena,
    const char *const *values, size_t n)
{
	const char **item = arena_alloc(arena, (n + 1) * sizeof(*item));

	if (item == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (set_string(&item[i], arena, values[i]) < 0)
			return ERR_NOMEM;
	}
	*field = (struct config_list){.n = n, .item = item};
	return 0;
}

static int
set_duration(uint64_t *field, const char *text)
{
	int64_t ms;
	int err = config_parse_duration(text, &ms);

	if (err == 0)
		*field = (uint64_t)ms;
	return err;
}

static int
set_enum(int *field, const struct option *option, const char *text)
{
	*field = enum_index(option, text);
	return *field >= 0 ? 0 : ERR_SYNTAX;
}

int
option_set(const struct option *option, struct config *config,
    struct arena *arena, const char *const *values, size_t n)
{
	void *field = (char *)config + option->offset;

	switch (option->kind) {
	case OPTION_STRING:
		return set_string(field, arena, values[0]);
	case OPTION_LIST:
		return set_list(field, arena, values, n);
	case OPTION_BOOL:
		return config_parse_bool(values[0], field);
	case OPTION_INT:
		return config_parse_int(values[0], field);
	case OPTION_DURATION:
		return set_duration(field, values[0]);
	case OPTION_ENUM:
		return set_enum(field, option, values[0]);
	}
	return ERR_CONFIG;
}

static bool
same_list(const struct config_list *a, const struct config_list *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	}
	return a->n == b->n;
}

bool
option_same(const struct option *option, const struct config *a,
    const struct config *b)
{
	const void *x = (const char *)a + option->offset;
	const void *y = (const char *)b + option->offset;

	switch (option->kind) {
	case OPTION_STRING:
		return strcmp(*(const char *const *)x,
			   *(const char *const *)y) == 0;
	case OPTION_LIST:
		return same_list(x, y);
	case OPTION_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case OPTION_INT:
		return *(const int64_t *)x == *(const int64_t *)y;
	case OPTION_DURATION:
		return *(const uint64_t *)x == *(const uint64_t *)y;
	case OPTION_ENUM:
		return *(const int *)x == *(const int *)y;
	}
	return false;
}

bool
option_default_item(const struct option *option, size_t n, const char **item,
    size_t *len)
{
	static const char separator[] = ", ";
	const char *at = option->default_text;

	if (*at == '\0')
		return false;
	for (; n > 0; n--) {
		at = strstr(at, separator);
		if (at == NULL)
			return false;
		at += strlen(separator);
	}
	*item = at;
	at = strstr(at, separator);
	*len = at != NULL ? (size_t)(at - *item) : strlen(*item);
	return true;
}

#define DEFAULT_ITEMS_MAX 32

static int
set_default_list(const struct option *option, struct config *config,
    struct arena *arena)
{
	const char *values[DEFAULT_ITEMS_MAX];
	const char *item;
	size_t len;
	size_t n = 0;

	while (n < DEFAULT_ITEMS_MAX &&
	    option_default_item(option, n, &item, &len)) {
		values[n] = arena_strndup(arena, item, len);
		if (values[n++] == NULL)
			return ERR_NOMEM;
	}
	return option_set(option, config, arena, values, n);
}

int
option_set_default(const struct option *option, struct config *config,
    struct arena *arena)
{
	if (option->kind == OPTION_LIST)
		return set_default_list(option, config, arena);
	return option_set(option, config, arena, &option->default_text, 1);
}
