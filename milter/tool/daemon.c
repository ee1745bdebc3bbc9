/* dane-sts status and reload. */
#include "autoconf.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "core/domain_list.h"
#include "tool/remote.h"
#include "tool/tool.h"

struct status {
	bool json;
	int verdict; /* TOOL_OK or TOOL_NO */
};

/* --- parts of the answer -------------------------------------------------- */

/* "resolver", "state": "" where there is none. */
static const char *
text_at(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static int64_t
number_at(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* --- for people ----------------------------------------------------------- */

static void
print_head(const json_t *object)
{
	char up[DURATION_SIZE];

	duration_text(number_at(object, "uptime"), up);
	printf("dane-sts-milter %s, up %s\n", text_at(object, "version"), up);
	printf("mode         %s", text_at(object, "mode"));
	if (number_at(object, "enforced") > 0 &&
	    number_at(object, "enforced") < SHARE_ALL)
		printf(" for %" PRId64 " in 100 domains",
		    number_at(object, "enforced"));
	printf(", action %s, configuration %" PRId64 "\n",
	    text_at(object, "action"), number_at(object, "generation"));
	/* A daemon of an older version does not say. */
	if (json_object_get(object, "sandbox") != NULL)
		printf("sandbox      %s\n", text_at(object, "sandbox"));
}

static void
print_resolver(const json_t *object)
{
	const json_t *resolver = json_object_get(object, "resolver");
	char since[DURATION_SIZE];

	printf("resolver     %s", text_at(resolver, "state"));
	if (number_at(resolver, "since") != 0) {
		moment_text(number_at(resolver, "since"), since);
		printf(" since %s", since);
	}
	/* A daemon of an older version does not say. */
	if (text_at(resolver, "why")[0] != '\0') {
		printf(": ");
		text_print(stdout, text_at(resolver, "why"),
		    strlen(text_at(resolver, "why")));
	}
	putchar('\n');
	if (strcmp(text_at(resolver, "state"), "broken") == 0)
		puts("             The root does not validate over this path: "
		     "check resolvers, trust_anchor\n"
		     "             and the clock; dane-sts doctor examines "
		     "them. Until then every domain\n"
		     "             that requires DNSSEC is treated by "
		     "on_resolver_failure.");
}

static void
print_policies(const json_t *object)
{
	const json_t *policies = json_object_get(object, "policies");
	const json_t *next = json_object_get(policies, "next_expiry");
	char left[DURATION_SIZE];

	printf("store        %s\n", text_at(object, "store"));
	if (json_object_get(policies, "error") != NULL) {
		printf("policies     %s\n", text_at(policies, "error"));
		return;
	}
	if (json_is_true(json_object_get(policies, "down")))
		puts(
		    "             THE SERVER CANNOT BE REACHED: what follows is "
		    "what this host\n"
		    "             knows of it");
	printf("policies     %" PRId64 " stored, %" PRId64
	       " require DNSSEC, %" PRId64 " could not be refreshed\n",
	    number_at(policies, "total"), number_at(policies, "bound"),
	    number_at(policies, "failing"));
	if (number_at(policies, "unwritten") > 0)
		printf("not written  %" PRId64
		       " are in memory alone: the store "
		       "does not take them\n",
		    number_at(policies, "unwritten"));
	if (next == NULL)
		return;
	duration_text(number_at(next, "left"), left);
	printf("next expiry  %s in %s\n", text_at(next, "domain"), left);
}

static void
print_engine(const json_t *object)
{
	const json_t *verdicts = json_object_get(object, "verdicts");

	printf("lookups      %" PRId64 " under way on %" PRId64 " loops\n",
	    number_at(object, "lookups"), number_at(object, "loops"));
	printf("verdicts     %" PRId64 " kept, %" PRId64 " KiB\n",
	    number_at(verdicts, "entries"),
	    (number_at(verdicts, "octets") + 1023) / 1024);
}

static void
print_numbers(json_t *numbers)
{
	const json_t *number;
	const char *name;

	json_object_foreach(numbers, name, number)
	    printf("  %-20s %" PRId64 "\n", name,
		(int64_t)json_integer_value(number));
}

static void
print_recipients(const json_t *object)
{
	const json_t *recipients = json_object_get(object, "recipients");

	printf("recipients   %" PRId64 ", %" PRId64
	       " deferred or rejected, %" PRId64 " held\n",
	    number_at(recipients, "total"), number_at(recipients, "refused"),
	    number_at(recipients, "held"));
	print_numbers(json_object_get(recipients, "reasons"));
}

static void
print_deliveries(const json_t *object)
{
	const json_t *deliveries = json_object_get(object, "deliveries");
	json_t *answers = json_object_get(deliveries, "answers");

	if (deliveries == NULL)
		return;
	printf("deliveries   %" PRId64 ", %" PRId64 " deferred, %" PRId64
	       " requests malformed\n",
	    number_at(deliveries, "total"), number_at(answers, "defer"),
	    number_at(deliveries, "malformed"));
	print_numbers(answers);
}

static void
print_entry(const json_t *entry, int64_t now_s)
{
	const char *comment = text_at(entry, "comment");
	char until[DURATION_SIZE];

	printf("  %s", text_at(entry, "domain"));
	/* The day as it stands in the file: the last one on which it counts. */
	if (number_at(entry, "until") != 0) {
		moment_text(number_at(entry, "until") - 1, until);
		printf(" until %.10s%s", until,
		    now_s < number_at(entry, "until") ? "" : ", lapsed");
	}
	if (comment[0] != '\0') {
		fputs(" # ", stdout);
		text_print(stdout, comment, strlen(comment));
	}
	putchar('\n');
}

/* Exemptions or pins; a daemon of an older version has no pins. */
static void
print_domains(const json_t *object, const char *name)
{
	const json_t *domains = json_object_get(object, name);
	const json_t *list = json_object_get(domains, "list");
	const int64_t now_s =
	    number_at(object, "started") + number_at(object, "uptime");
	size_t n = json_array_size(list);

	if (domains == NULL)
		return;
	printf("%-12s %" PRId64, name, number_at(domains, "total"));
	if (number_at(domains, "lapsing") > 0)
		printf(", %" PRId64 " will lapse within 7 days",
		    number_at(domains, "lapsing"));
	if (number_at(domains, "lapsed") > 0)
		printf(", %" PRId64 " lapsed", number_at(domains, "lapsed"));
	putchar('\n');
	for (size_t i = 0; i < n; i++)
		print_entry(json_array_get(list, i), now_s);
	if (number_at(domains, "total") > (int64_t)n)
		puts("  ...");
}

static bool
print_status(void *arg, const json_t *object, const char *line)
{
	struct status *status = arg;

	if (strcmp(text_at(json_object_get(object, "resolver"), "state"),
		"broken") == 0)
		status->verdict = TOOL_NO;
	if (number_at(json_object_get(object, "policies"), "unwritten") > 0 ||
	    json_is_true(
		json_object_get(json_object_get(object, "policies"), "down")))
		status->verdict = TOOL_NO;
	if (status->json) {
		puts(line);
		return true;
	}
	print_head(object);
	print_resolver(object);
	print_policies(object);
	print_engine(object);
	print_recipients(object);
	print_deliveries(object);
	print_domains(object, "exemptions");
	print_domains(object, "pins");
	return true;
}

/* --- the commands ----------------------------------------------------------
 */

/* A command of one line. */
static int
ask_daemon(const struct tool_options *options, const char *command,
    remote_object_fn *fn, void *arg)
{
	struct config *config = tool_config(options);
	struct remote *remote;
	int status = TOOL_UNAVAILABLE;

	if (config == NULL)
		return TOOL_CONFIG;
	remote = remote_open(config, NULL);
	if (remote != NULL)
		status = remote_ask(remote,
		    json_pack("{s:s}", "command", command), fn, arg);
	remote_close(&remote);
	config_free(&config);
	return status;
}

/* False: leave with options->status. */
static bool
no_operands(struct tool_options *options, int argc, char **argv)
{
	if (tool_getopt(options, argc, argv, NULL) == TOOL_OPTION_STOP)
		return false;
	if (optind == argc)
		return true;
	options->status = tool_usage(argv[0], "no operand is taken");
	return false;
}

int
tool_status(struct tool_options *options, int argc, char **argv)
{
	struct status told = {.verdict = TOOL_OK};
	int status;

	if (!no_operands(options, argc, argv))
		return options->status;
	told.json = options->json;
	status = ask_daemon(options, "status", print_status, &told);
	return status == TOOL_OK ? told.verdict : status;
}

static bool
take_reload(void *arg, const json_t *object, const char *line)
{
	const struct tool_options *options = arg;

	if (options->json)
		puts(line);
	else if (json_object_get(object, "restart") != NULL)
		printf("only a restart changes: %s\n",
		    text_at(object, "restart"));
	return true;
}

int
tool_reload(struct tool_options *options, int argc, char **argv)
{
	if (!no_operands(options, argc, argv))
		return options->status;
	return ask_daemon(options, "reload", take_reload, options);
}
