/* The option table, the values of options, and their memory. */
#include "autoconf.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
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

/* --- the name that was probably meant --- */

#define NAME_MAX_COMPARED 32

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

			row[k] = diagonal + differs;
			if (row[k] > above + 1)
				row[k] = above + 1;
			if (row[k] > row[k - 1] + 1)
				row[k] = row[k - 1] + 1;
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

/* --- memory --- */

/* Snapshots are small and made once, so a list of blocks is enough. */
struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) unsigned char data[];
};

void
arena_free(struct arena_block **arena)
{
	while (*arena != NULL) {
		struct arena_block *block = *arena;

		*arena = block->next;
		free(block);
	}
}

void *
arena_alloc(struct arena_block **arena, size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->next = *arena;
	*arena = block;
	return block->data;
}

char *
arena_strdup(struct arena_block **arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

void *
arena_extend(struct arena_block **arena, void *items, size_t n,
    size_t item_size)
{
	void *larger;

	/* The array is full whenever its length is a power of 2. */
	if ((n & (n - 1)) != 0)
		return items;
	larger = arena_alloc(arena, (n > 0 ? 2 * n : 1) * item_size);
	if (larger != NULL && n > 0)
		memcpy(larger, items, n * item_size);
	return larger;
}

/* --- one value --- */

int
config_refuse(char why[CONFIG_WHY_SIZE], const char *value, const char *fmt,
    ...)
{
	size_t len =
	    (size_t)snprintf(why, CONFIG_WHY_SIZE, "\"%.128s\"", value);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why + len, CONFIG_WHY_SIZE - len, fmt, ap);
	va_end(ap);
	return ERR_CONFIG;
}

static int
set_enum(int *field, const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	char words[CONFIG_WHY_SIZE / 2] = "";
	size_t len = 0;

	for (int i = 0; option->words[i] != NULL; i++) {
		if (strcmp(option->words[i], text) == 0) {
			*field = i;
			return 0;
		}
		if (len < sizeof(words))
			len += (size_t)snprintf(words + len,
			    sizeof(words) - len, "%s \"%s\"", i > 0 ? "," : "",
			    option->words[i]);
	}
	return config_refuse(why, text, ": must be one of%s", words);
}

static int
set_int(int64_t *field, const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	int err = config_parse_int(text, field);

	if (err == ERR_SYNTAX)
		return config_refuse(why, text, " is not a whole number");
	if (err == 0 && *field >= option->min && *field <= option->max)
		return 0;
	(void)snprintf(why, CONFIG_WHY_SIZE,
	    "%.64s is out of range: %" PRId64 " to %" PRId64, text, option->min,
	    option->max);
	return ERR_CONFIG;
}

static int
set_duration(uint64_t *field, const struct option *option, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	int64_t ms = 0;
	int err = config_parse_duration(text, &ms);
	char low[32], high[32];

	*field = (uint64_t)ms;
	if (err == ERR_SYNTAX)
		return config_refuse(why, text,
		    " is not a duration such as \"500ms\", \"8s\", \"5m\", "
		    "\"2h\" or \"1d\"");
	if (err == 0 && ms >= option->min && ms <= option->max)
		return 0;
	config_format_duration(option->min, low, sizeof(low));
	config_format_duration(option->max, high, sizeof(high));
	return config_refuse(why, text, " is out of range: %s to %s", low,
	    high);
}

static int
append(struct config_list *list, struct arena_block **arena, const char *text)
{
	const char **item =
	    arena_extend(arena, list->item, list->n, sizeof(*item));

	if (item == NULL)
		return ERR_NOMEM;
	list->item = item;
	item[list->n] = arena_strdup(arena, text, strlen(text));
	if (item[list->n] == NULL)
		return ERR_NOMEM;
	list->n++;
	return 0;
}

int
option_add(const struct option *option, struct config *config, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	void *field = (char *)config + option->offset;
	/* An option may be empty if its default is. */
	bool none = text[0] == '\0' && option->default_text[0] == '\0';

	switch (option->kind) {
	case OPTION_STRING:
		if (!none && option->check != NULL &&
		    option->check(text, why) < 0)
			return ERR_CONFIG;
		*(const char **)field =
		    arena_strdup(&config->arena, text, strlen(text));
		return *(const char **)field != NULL ? 0 : ERR_NOMEM;
	case OPTION_LIST:
		if (option->check != NULL && option->check(text, why) < 0)
			return ERR_CONFIG;
		return append(field, &config->arena, text);
	case OPTION_BOOL:
		return config_parse_bool(text, field) == 0
		    ? 0
		    : config_refuse(why, text, ": must be true or false");
	case OPTION_INT:
		return set_int(field, option, text, why);
	case OPTION_DURATION:
		return set_duration(field, option, text, why);
	case OPTION_ENUM:
		return set_enum(field, option, text, why);
	}
	return ERR_CONFIG;
}

int
option_set_default(const struct option *option, struct config *config)
{
	const char *at = option->default_text;
	char why[CONFIG_WHY_SIZE];
	int err = 0;

	if (option->kind != OPTION_LIST)
		return option_add(option, config, at, why);
	while (err == 0 && *at != '\0') {
		size_t len = strcspn(at, ",");
		char *item = arena_strdup(&config->arena, at, len);

		err = item == NULL ? ERR_NOMEM
				   : option_add(option, config, item, why);
		at += len;
		at += strspn(at, ", ");
	}
	return err;
}

bool
config_same(const struct config *a, const struct config *b, const char *option)
{
	const struct option *row = option_by_name(option);
	const struct config_list *list, *other;
	const void *x, *y;
	size_t i = 0;

	if (row == NULL)
		return true;
	list = x = (const char *)a + row->offset;
	other = y = (const char *)b + row->offset;
	switch (row->kind) {
	case OPTION_STRING:
		return strcmp(*(const char *const *)x,
			   *(const char *const *)y) == 0;
	case OPTION_LIST:
		while (i < list->n && i < other->n &&
		    strcmp(list->item[i], other->item[i]) == 0)
			i++;
		return i == list->n && i == other->n;
	case OPTION_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case OPTION_INT:
	case OPTION_DURATION:
		return memcmp(x, y, sizeof(int64_t)) == 0;
	case OPTION_ENUM:
		return *(const int *)x == *(const int *)y;
	}
	return false;
}
