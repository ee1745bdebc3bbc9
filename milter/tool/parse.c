/* dane-sts parse: what the filter makes of envelope recipients. */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/idn.h"
#include "base/text.h"
#include "core/address.h"
#include "tool/output.h"
#include "tool/tool.h"

static bool
print_json(const char *arg, const struct address *address)
{
	return output_line(json_pack("{s:o,s:s,s:s}", "arg",
	    output_string(arg, strlen(arg)), "class",
	    address_class_name(address->class), "domain", address->domain));
}

/* The address comes last, as it can hold blanks. */
static bool
print_text(const char *arg, const struct address *address)
{
	printf("%s %s ", address_class_name(address->class),
	    address->domain[0] != '\0' ? address->domain : "-");
	text_print(stdout, arg, strlen(arg));
	putchar('\n');
	return true;
}

int
tool_parse(struct tool_options *options, int argc, char **argv)
{
	struct address address;
	bool printed;

	if (tool_getopt(options, argc, argv, NULL) == TOOL_OPTION_STOP)
		return options->status;
	if (optind == argc)
		return tool_usage(argv[0], "an address is missing");
	for (; optind < argc; optind++) {
		const char *arg = argv[optind];

		address_parse((const uint8_t *)arg, strlen(arg), idn_to_ascii,
		    &address);
		printed = options->json ? print_json(arg, &address)
					: print_text(arg, &address);
		if (!printed)
			return TOOL_INTERNAL;
	}
	return TOOL_OK;
}
