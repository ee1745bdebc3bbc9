/*
 * The words of the configuration file: durations, numbers, dates.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"

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
	static const struct {
		const char *word;
		bool value;
	} words[] = {
	    {"true",  true },
	    {"yes",   true },
	    {"on",    true },
	    {"false", false},
	    {"no",    false},
	    {"off",   false},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].word) == 0) {
			*value = words[i].value;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

/* Exactly n digits. */
static bool
fixed_digits(const char *text, size_t n, int *value)
{
	*value = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*value = *value * 10 + (text[i] - '0');
	}
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
	    31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of year. */
static int64_t
days_before_year(int year)
{
	int64_t y = year - 1;

	return (y - 1969) * 365 + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) +
	    (y / 400 - 1969 / 400);
}

int
config_parse_date(const char *text, size_t len, int64_t *end_s)
{
	int year;
	int month;
	int day;
	int64_t days;

	if (len != 10 || text[4] != '-' || text[7] != '-' ||
	    !fixed_digits(text, 4, &year) ||
	    !fixed_digits(text + 5, 2, &month) ||
	    !fixed_digits(text + 8, 2, &day))
		return ERR_SYNTAX;
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month))
		return ERR_RANGE;
	days = days_before_year(year);
	for (int m = 1; m < month; m++)
		days += days_of_month(year, m);
	*end_s = (days + day) * 86400;
	return 0;
}
