/*
 * dane-sts explain: finds the lines of the log that tell of a message, a
 * domain or an address. Memory holds one line of the log at a time and the last
 * EXPLAIN_GROUPS different verdicts found. A search for a queue id also keeps
 * the last RECENT_MAX lines that have no queue id yet: the line at the end of
 * the message names the transaction that joins them to it.
 */
#include "autoconf.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/idn.h"
#include "config/config.h"
#include "core/address.h"
#include "tool/explain.h"
#include "tool/tool.h"

#define RECENT_MAX 4096

enum {
	OPTION_LOG = 256
};

static const struct option explain_options[] = {
    {"log", required_argument, NULL, OPTION_LOG},
    {0},
};

/* A line of a recipient without a queue id. */
struct recent {
	char *line; /* NULL: free */
	size_t len;
	uint64_t number;
};

struct explain {
	const struct tool_options *options;
	const char *what;       /* as given */
	char domain[NAME_SIZE]; /* canonical; "": it is no domain */
	bool is_address;        /* has an @ */
	uint64_t line;
	bool told; /* of one */
	bool refused;
	bool failed;
	size_t n_recent; /* that there were */
	struct recent recent[RECENT_MAX];
	struct log_record record;
	struct explain_group groups[EXPLAIN_GROUPS];
};

/* --- which lines ---------------------------------------------------------- */

/* Without the angle brackets. */
static void
strip_path(const char **octets, size_t *len)
{
	if (*len >= 2 && (*octets)[0] == '<' && (*octets)[*len - 1] == '>') {
		(*octets)++;
		*len -= 2;
	}
}

static bool
same_address(const char *a, size_t a_len, const char *b, size_t b_len)
{
	strip_path(&a, &a_len);
	strip_path(&b, &b_len);
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++) {
		if (ascii_lower((uint8_t)a[i]) != ascii_lower((uint8_t)b[i]))
			return false;
	}
	return true;
}

/* With a next hop of the MTA's, domain is another than the recipient's. */
static bool
is_of_domain(const struct explain *explain, const char *to, size_t to_len)
{
	struct address address;

	if (explain->domain[0] == '\0')
		return false;
	if (strcmp(log_record_text(&explain->record, "domain"),
		explain->domain) == 0)
		return true;
	if (to == NULL)
		return false;
	address_parse((const uint8_t *)to, to_len, idn_to_ascii, &address);
	return address.class == ADDRESS_DOMAIN &&
	    strcmp(address.domain, explain->domain) == 0;
}

static bool
matches(const struct explain *explain)
{
	size_t to_len = 0;
	const char *to = log_record_get(&explain->record, "to", &to_len);

	if (explain->is_address)
		return to != NULL &&
		    same_address(to, to_len, explain->what,
			strlen(explain->what));
	return strcmp(log_record_text(&explain->record, "qid"),
		   explain->what) == 0 ||
	    is_of_domain(explain, to, to_len);
}

/* --- groups of lines --------------------------------------------------- */

/* Lines with the same key tell of the same verdict on the same recipient. */
static void
make_key(const struct explain *explain, char key[EXPLAIN_KEY_SIZE])
{
	static const char *const names[] = {"domain", "verdict", "answer",
	    "action", "reason", "mode", "worst", "decided_by", "was", "is",
	    "result", "policy_id", "msg"};
	const struct log_record *record = &explain->record;
	size_t len = (size_t)snprintf(key, EXPLAIN_KEY_SIZE, "%s %s",
	    log_record_span(record, record->event),
	    log_record_text(record, "to"));

	for (size_t i = 0;
	     i < sizeof(names) / sizeof(names[0]) && len < EXPLAIN_KEY_SIZE;
	     i++)
		len += (size_t)snprintf(key + len, EXPLAIN_KEY_SIZE - len,
		    "\n%s", log_record_text(record, names[i]));
}

static void
tell(struct explain *explain, const struct explain_group *group)
{
	if (!explain->options->json && explain->told)
		putchar('\n');
	explain->told = true;
	if (!explain->options->json)
		explain_print(group);
	else if (!explain_json(group))
		explain->failed = true;
}

/* The group of the key, or a free one: prints the one that was used longest ago
 * and reuses it. */
static struct explain_group *
find_group(struct explain *explain, const char *key)
{
	struct explain_group *oldest = &explain->groups[0];

	for (size_t i = 0; i < EXPLAIN_GROUPS; i++) {
		struct explain_group *group = &explain->groups[i];

		if (group->last_line != 0 && strcmp(group->key, key) == 0)
			return group;
		if (group->last_line < oldest->last_line)
			oldest = group;
	}
	if (oldest->last_line != 0)
		tell(explain, oldest);
	oldest->n = 0;
	return oldest;
}

/* Adds the record to its group. number: of its line. */
static void
take_record(struct explain *explain, uint64_t number)
{
	char key[EXPLAIN_KEY_SIZE];
	struct explain_group *group;

	make_key(explain, key);
	group = find_group(explain, key);
	if (group->n++ == 0) {
		memcpy(group->key, key, sizeof(key));
		(void)snprintf(group->first, sizeof(group->first), "%s",
		    log_record_span(&explain->record, explain->record.time));
	}
	group->last_line = number;
	group->last = explain->record;
	explain->refused =
	    explain->refused || explain_is_refusal(&explain->record);
}

/* --- recipients whose message had no queue id yet ------------------------- */

static void
keep_recent(struct explain *explain, const char *line, size_t len)
{
	struct recent *recent =
	    &explain->recent[explain->n_recent % RECENT_MAX];

	if (explain->is_address ||
	    log_record_text(&explain->record, "transaction")[0] == '\0')
		return;
	free(recent->line);
	recent->line = malloc(len > 0 ? len : 1);
	if (recent->line == NULL)
		return;
	memcpy(recent->line, line, len);
	recent->len = len;
	recent->number = explain->line;
	explain->n_recent++;
}

/* The record joins a queue id with a transaction: tells of the recipients, then
 * of the message. */
static void
take_joined(struct explain *explain)
{
	const struct log_record message = explain->record;
	const char *transaction = log_record_text(&message, "transaction");
	size_t first =
	    explain->n_recent > RECENT_MAX ? explain->n_recent - RECENT_MAX : 0;

	for (size_t i = first; i < explain->n_recent; i++) {
		const struct recent *recent = &explain->recent[i % RECENT_MAX];

		if (recent->line != NULL &&
		    log_read(recent->line, recent->len, &explain->record) ==
			0 &&
		    strcmp(log_record_text(&explain->record, "transaction"),
			transaction) == 0)
			take_record(explain, recent->number);
	}
	explain->record = message;
	take_record(explain, explain->line);
}

static void
take_line(struct explain *explain, const char *line, size_t len)
{
	explain->line++;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (log_read(line, len, &explain->record) != 0)
		return;
	if (!matches(explain))
		keep_recent(explain, line, len);
	else if (strcmp(log_record_span(&explain->record,
			    explain->record.event),
		     "message") == 0)
		take_joined(explain);
	else
		take_record(explain, explain->line);
}

/* --- the log -------------------------------------------------------------- */

/* Longer lines are none of the daemon's. */
static int
read_log(struct explain *explain, FILE *in)
{
	char line[LOG_READ_MAX];
	size_t len = 0;
	bool too_long = false;
	int c;

	while ((c = getc_unlocked(in)) != EOF) {
		if (c != '\n' && len < sizeof(line)) {
			line[len++] = (char)c;
			continue;
		}
		too_long = too_long || c != '\n';
		if (c != '\n')
			continue;
		take_line(explain, line, too_long ? 0 : len);
		len = 0;
		too_long = false;
	}
	if (len > 0 && !too_long)
		take_line(explain, line, len);
	return ferror(in) != 0 ? TOOL_NO_INPUT : TOOL_OK;
}

static int
read_path(struct explain *explain, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "rbe");
	int status = TOOL_NO_INPUT;

	if (in != NULL)
		status = read_log(explain, in);
	if (status == TOOL_NO_INPUT)
		tool_warn("%s: %s", path, strerror(errno));
	if (in != NULL && !is_stdin)
		fclose(in);
	return status;
}

/* Where the configuration says that the log is. */
static int
read_configured(struct explain *explain)
{
	static const char prefix[] = "file:";
	struct config *config = tool_config(explain->options);
	int status;

	if (config == NULL)
		return TOOL_CONFIG;
	if (strncmp(config->log, prefix, strlen(prefix)) == 0) {
		status = read_path(explain, config->log + strlen(prefix));
	} else {
		tool_warn("the log goes to %s, not to a file: name one, or "
			  "journalctl -u dane-sts-milter -o short-iso | "
			  "dane-sts explain %s -",
		    config->log, explain->what);
		status = TOOL_NO_INPUT;
	}
	config_free(&config);
	return status;
}

static int
compare_groups(const void *a, const void *b)
{
	uint64_t first = ((const struct explain_group *)a)->last_line;
	uint64_t second = ((const struct explain_group *)b)->last_line;

	return (first > second) - (first < second);
}

/* Prints the newest group last, where the terminal shows it. */
static int
tell_groups(struct explain *explain)
{
	qsort(explain->groups, EXPLAIN_GROUPS, sizeof(explain->groups[0]),
	    compare_groups);
	for (size_t i = 0; i < EXPLAIN_GROUPS; i++) {
		if (explain->groups[i].last_line != 0)
			tell(explain, &explain->groups[i]);
	}
	if (explain->groups[EXPLAIN_GROUPS - 1].last_line == 0) {
		tool_warn("%s: no line of the log tells of it", explain->what);
		return TOOL_UNKNOWN;
	}
	if (explain->failed)
		return TOOL_INTERNAL;
	return explain->refused ? TOOL_NO : TOOL_OK;
}

static int
run(const struct tool_options *options, const char *what, const char *path)
{
	struct explain *explain = calloc(1, sizeof(*explain));
	int status;

	if (explain == NULL)
		return tool_no_memory();
	explain->options = options;
	explain->what = what;
	explain->is_address = strchr(what, '@') != NULL;
	if (explain->is_address ||
	    address_domain((const uint8_t *)what, strlen(what), idn_to_ascii,
		explain->domain) != 0)
		explain->domain[0] = '\0';
	status =
	    path != NULL ? read_path(explain, path) : read_configured(explain);
	if (status == TOOL_OK)
		status = tell_groups(explain);
	for (size_t i = 0; i < RECENT_MAX; i++)
		free(explain->recent[i].line);
	free(explain);
	return status;
}

int
tool_explain(struct tool_options *options, int argc, char **argv)
{
	const char *path = NULL;
	int found, n;

	while ((found = tool_getopt(options, argc, argv, explain_options)) >= 0)
		path = optarg;
	if (found == TOOL_OPTION_STOP)
		return options->status;
	n = argc - optind;
	if (n == 0 || argv[optind][0] == '\0')
		return tool_usage(argv[0],
		    "a queue id, domain or address is missing");
	if (n > 2 || (n == 2 && path != NULL))
		return tool_usage(argv[0], "too many operands");
	if (n == 2)
		path = argv[optind + 1];
	return run(options, argv[optind], path);
}
