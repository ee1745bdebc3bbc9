/*
 * The configuration as text: dump and sample file.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <string.h>

#include "config/config_internal.h"

#define FILL_COLUMN 78

/* So that libConfuse reads back what was written: "${HOME}" would be taken
 * from the environment. */
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
print_duration(FILE *out, uint64_t ms)
{
	char text[32];

	config_format_duration((int64_t)ms, text, sizeof(text));
	fprintf(out, "\"%s\"", text);
}

static void
print_value(FILE *out, const struct option *option, const struct config *config)
{
	const void *field = (const char *)config + option->offset;

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
		print_duration(out, *(const uint64_t *)field);
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

/* Words of text, in lines that begin with "# ". */
static void
print_filled(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > FILL_COLUMN) {
			putc('\n', out);
			column = 0;
		}
		fputs(column == 0 ? "# " : " ", out);
		column += column == 0 ? 2 : 1;
		fprintf(out, "%.*s", (int)len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

static void
print_words(FILE *out, const struct option *option)
{
	fputs("# One of", out);
	for (size_t i = 0; option->words[i] != NULL; i++)
		fprintf(out, "%s \"%s\"", i > 0 ? "," : "", option->words[i]);
	fputs(".\n", out);
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
		print_words(out, option);
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
		print_filled(out, option->help);
		print_range(out, option);
		fprintf(out, "#%s = ", option->name);
		print_value(out, option, config);
		putc('\n', out);
	}
	config_free(&config);
}
