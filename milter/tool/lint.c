/* dane-sts lint: what a domain publishes, checked before others do. */
#include "autoconf.h"

#include "tool/lint.h"

#include <getopt.h>
#include <stdlib.h>

#include "base/err.h"
#include "tool/input.h"
#include "tool/output.h"
#include "tool/tool.h"

enum {
	OPTION_HOST = 256,
	OPTION_TXT,
	OPTION_DOMAIN
};

static const struct option lint_options[] = {
    {"host",       required_argument, NULL, OPTION_HOST},
    {"txt",        no_argument, NULL, OPTION_TXT},
    {"domain",            required_argument, NULL, OPTION_DOMAIN},
    {0},
};

struct request {
	const char *command;
	bool txt;
	const char *domain;
	size_t n_hosts;
	char **hosts; /* room for every argument */
	int n;        /* operands */
	char **operands;
};

static void
reported(bool json, const char *name, const struct lint_report *report,
    const struct lint_hosts *hosts, int *status)
{
	if (!json)
		lint_print(stdout, name, report, hosts);
	else if (!output_line(lint_json(report, hosts)))
		*status = TOOL_INTERNAL;
}

static int
lint_file(bool json, const char *path, const struct lint_hosts *hosts)
{
	struct lint_report report = {0};
	uint8_t *body = NULL;
	size_t len = 0;
	int status, err;

	err = input_read(path, LINT_BODY_MAX, &body, &len);
	if (err == ERR_IO)
		return TOOL_NO_INPUT;
	if (err == ERR_NOMEM) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	if (err == ERR_TOOLONG)
		lint_add(&report, POLICY_NOTE_ERROR, 0, LINT_TEXT_TOO_LARGE);
	else
		lint_body(body, len, &report);
	status = lint_status(&report);
	if (status == TOOL_INTERNAL)
		tool_warn("out of memory");
	else
		reported(json, path, &report, hosts, &status);
	lint_report_clear(&report);
	free(body);
	return status;
}

/* "--host A B FILE" means the hosts A and B: the last operand is the file. */
static int
run_file(const struct tool_options *options, const struct request *request)
{
	struct lint_hosts hosts = {request->n_hosts, request->hosts};
	int i;

	if (request->n == 0)
		return tool_usage(request->command, "a file is missing");
	if (request->n > 1 && request->n_hosts == 0)
		return tool_usage(request->command, "only one file, please");
	for (i = 0; i < request->n - 1; i++)
		request->hosts[hosts.n++] = request->operands[i];
	return lint_file(options->json, request->operands[request->n - 1],
	    &hosts);
}

static int
run_request(const struct tool_options *options, const struct request *request)
{
	if (request->txt + (request->domain != NULL) + (request->n_hosts > 0) >
	    1)
		return tool_usage(request->command,
		    "--host, --txt and --domain exclude each other");
	if (request->domain != NULL && request->n > 0)
		return tool_usage(request->command, "only one domain, please");
	if (request->domain != NULL)
		return lint_domain(options, request->domain);
	if (request->txt && request->n == 0)
		return tool_usage(request->command, "a record is missing");
	if (request->txt)
		return lint_txt(options->json, request->n, request->operands);
	return run_file(options, request);
}

/* True: the command is complete. */
static bool
read_request(struct tool_options *options, int argc, char **argv,
    struct request *request)
{
	int found;

	do {
		found = tool_getopt(options, argc, argv, lint_options);
		if (found == OPTION_HOST)
			request->hosts[request->n_hosts++] = optarg;
		else if (found == OPTION_TXT)
			request->txt = true;
		else if (found == OPTION_DOMAIN)
			request->domain = optarg;
	} while (found >= 0);
	request->n = argc - optind;
	request->operands = argv + optind;
	return found == TOOL_OPTION_END;
}

int
tool_lint(struct tool_options *options, int argc, char **argv)
{
	struct request request = {.command = argv[0]};
	int status;

	request.hosts = calloc((size_t)argc, sizeof(*request.hosts));
	if (request.hosts == NULL) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	if (read_request(options, argc, argv, &request))
		status = run_request(options, &request);
	else
		status = options->status;
	free(request.hosts);
	return status;
}
