/*
 * The configuration as text: the words of values, errors, dump and sample file.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"
#include "config/config_internal.h"
#include "core/names.h"

#define FILL_COLUMN 78
/* Reserved for "... and N more errors". */
#define ERRORS_TAIL 64

/* --- words ---------------------------------------------------------------- */

static const struct duration_unit {
	const char *name;
	int64_t ms;
} duration_units[] = {
    {"d",  86400000},
    {"h",  3600000 },
    {"m",  60000   },
    {"s",  1000    },
    {"ms", 1       },
};

#define N_DURATION_UNITS (sizeof(duration_units) / sizeof(duration_units[0]))

/* Digits at *cursor, which is left behind the last of them. */
static int
parse_digits(const char **cursor, int64_t *value)
{
	const char *at = *cursor;
	int err = 0;

	if (*at < '0' || *at > '9')
		return ERR_SYNTAX;
	for (*value = 0; *at >= '0' && *at <= '9'; at++) {
		int digit = *at - '0';

		if (*value > (INT64_MAX - digit) / 10)
			err = ERR_RANGE;
		else
			*value = *value * 10 + digit;
	}
	*cursor = at;
	return err;
}

int
config_parse_duration(const char *text, int64_t *ms)
{
	int64_t value;
	int err = parse_digits(&text, &value);

	if (err == ERR_SYNTAX)
		return err;
	for (size_t i = 0; i < N_DURATION_UNITS; i++) {
		const struct duration_unit *unit = &duration_units[i];

		if (strcmp(text, unit->name) != 0)
			continue;
		if (err == ERR_RANGE || value > INT64_MAX / unit->ms)
			return ERR_RANGE;
		*ms = value * unit->ms;
		return 0;
	}
	return ERR_SYNTAX;
}

void
config_format_duration(int64_t ms, char *out, size_t size)
{
	size_t i = 0;

	if (ms == 0) {
		snprintf(out, size, "0s");
		return;
	}
	while (ms % duration_units[i].ms != 0)
		i++;
	snprintf(out, size, "%" PRId64 "%s", ms / duration_units[i].ms,
	    duration_units[i].name);
}

int
config_parse_int(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	int err;

	if (negative)
		text++;
	err = parse_digits(&text, value);
	if (err == ERR_SYNTAX || *text != '\0')
		return ERR_SYNTAX;
	if (negative && err == 0)
		*value = -*value;
	return err;
}

int
config_parse_bool(const char *text, bool *value)
{
	static const char *const words[] = {"true", "yes", "on", /* then no */
	    "false", "no", "off"};
	int i = names_find(words, sizeof(words) / sizeof(words[0]), text,
	    strlen(text));

	if (i < 0)
		return ERR_SYNTAX;
	*value = i < 3;
	return 0;
}

int
config_parse_date(const char *text, size_t len, int64_t *end_s)
{
	static const char form[] = "dddd-dd-dd";
	struct tm day = {.tm_isdst = 0};
	int value[3] = {0, 0, 0};
	size_t field = 0;
	int month_day;

	if (len != strlen(form))
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++) {
		if (form[i] == 'd' && ascii_is_digit((uint8_t)text[i]))
			value[field] = 10 * value[field] + (text[i] - '0');
		else if (form[i] == '-' && text[i] == '-')
			field++;
		else
			return ERR_SYNTAX;
	}
	day.tm_year = value[0] - 1900;
	day.tm_mon = value[1] - 1;
	day.tm_mday = month_day = value[2];
	if (value[0] < 1970)
		return ERR_RANGE;
	/* timegm() turns February 30 into March 2: compare the day
	 * afterwards. */
	*end_s = (int64_t)timegm(&day) + 86400;
	return day.tm_mon == value[1] - 1 && day.tm_mday == month_day
	    ? 0
	    : ERR_RANGE;
}

/* --- errors --------------------------------------------------------------- */

void
config_error(struct config_errors *errors, const char *file, unsigned line,
    const char *fmt, ...)
{
	const size_t room = CONFIG_ERROR_SIZE - ERRORS_TAIL - errors->len;
	char text[CONFIG_ERROR_SIZE], where[CONFIG_ERROR_SIZE] = "";
	va_list ap;
	int len;

	errors->n++;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The file may hold any octets, and the error goes to a terminal. */
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	if (file != NULL && line > 0)
		(void)snprintf(where, sizeof(where), "%s:%u: ", file, line);
	else if (file != NULL)
		(void)snprintf(where, sizeof(where), "%s: ", file);
	len = snprintf(errors->text + errors->len, room, "%s%s%s",
	    errors->len > 0 ? "\n" : "", where, text);
	if (len >= 0 && (size_t)len < room)
		errors->len += (size_t)len;
	else if (errors->len == 0) /* the first error is cut, not dropped */
		errors->len = strlen(errors->text);
	else
		errors->dropped++;
	errors->text[errors->len] = '\0';
	if (errors->dropped > 0)
		snprintf(errors->text + errors->len, ERRORS_TAIL,
		    "\n... and %u more errors", errors->dropped);
}

/* --- dump and sample ------------------------------------------------------ */

/* Quotes the text so that the file's parser reads it back: "${HOME}" would be
 * taken from the environment. */
static void
print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char octet = (unsigned char)*text;

		if (octet == '"' || octet == '\\' || octet == '$')
			fprintf(out, "\\%c", octet);
		else if (octet < 0x20 || octet == 0x7f)
			fprintf(out, "\\x%02x", octet);
		else
			putc(octet, out);
	}
	putc('"', out);
}

static void
print_list(FILE *out, const struct config_list *list)
{
	fputs("{", out);
	for (size_t i = 0; i < list->n; i++) {
		fputs(i > 0 ? ", " : "", out);
		print_string(out, list->item[i]);
	}
	fputs("}", out);
}

static void
print_value(FILE *out, const struct option *option, const struct config *config)
{
	const void *field = (const char *)config + option->offset;
	char text[32];

	switch (option->kind) {
	case OPTION_STRING:
		print_string(out, *(const char *const *)field);
		break;
	case OPTION_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case OPTION_INT:
		fprintf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case OPTION_DURATION:
		config_format_duration((int64_t) * (const uint64_t *)field,
		    text, sizeof(text));
		fprintf(out, "\"%s\"", text);
		break;
	case OPTION_ENUM:
		print_string(out, option->words[*(const int *)field]);
		break;
	case OPTION_LIST:
		print_list(out, field);
		break;
	}
}

void
config_dump(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
		fprintf(out, "%s = ", config_options[i].name);
		print_value(out, &config_options[i], config);
		putc('\n', out);
	}
}

static void
print_range(FILE *out, const struct option *option)
{
	char low[32];
	char high[32];

	switch (option->kind) {
	case OPTION_INT:
		fprintf(out, "# From %" PRId64 " to %" PRId64 ".\n",
		    option->min, option->max);
		break;
	case OPTION_DURATION:
		config_format_duration(option->min, low, sizeof(low));
		config_format_duration(option->max, high, sizeof(high));
		fprintf(out, "# From \"%s\" to \"%s\".\n", low, high);
		break;
	case OPTION_ENUM:
		fputs("# One of", out);
		for (size_t i = 0; option->words[i] != NULL; i++)
			fprintf(out, "%s \"%s\"", i > 0 ? "," : "",
			    option->words[i]);
		fputs(".\n", out);
		break;
	case OPTION_STRING:
	case OPTION_BOOL:
	case OPTION_LIST:
		break;
	}
}

void
config_sample(FILE *out)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);

	fputs("# dane-sts-milter.conf: see dane-sts-milter.conf(5).\n"
	      "#\n"
	      "# Every option with its default. `dane-sts-milter -n` checks "
	      "the file.\n",
	    out);
	for (size_t i = 0; config != NULL && i < CONFIG_N_OPTIONS; i++) {
		const struct option *option = &config_options[i];

		putc('\n', out);
		text_wrap(out, "# ", 2, FILL_COLUMN, option->help);
		print_range(out, option);
		fprintf(out, "#%s = ", option->name);
		print_value(out, option, config);
		putc('\n', out);
	}
	config_free(&config);
}
