/*
 * dane-sts lint: checks what a domain publishes, before others do. This file
 * has the command line, and checks a policy in a file and TXT records given as
 * text.
 */
#include "autoconf.h"

#include "tool/lint.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"
#include "core/txt.h"
#include "tool/input.h"
#include "tool/output.h"
#include "tool/tool.h"

#define STRING_LEN_MAX 255
#define WHY_SIZE       256

enum {
	OPTION_HOST = 256,
	OPTION_TXT,
	OPTION_DOMAIN,
	OPTION_SMTP,
	OPTION_NAGIOS
};

/* clang-format off */
static const struct option lint_options[] = {
    {"host", required_argument, NULL, OPTION_HOST},
    {"txt", no_argument, NULL, OPTION_TXT},
    {"domain", required_argument, NULL, OPTION_DOMAIN},
    {"smtp", no_argument, NULL, OPTION_SMTP},
    {"nagios", no_argument, NULL, OPTION_NAGIOS},
    {0},
};
/* clang-format on */

/* --- TXT records as text (RFC 1035 5.1) ---------------------------------- */

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	const char *why;
};

static int
wrong(struct cursor *in, int err, const char *why)
{
	in->why = why;
	return err;
}

/* Reads what follows a backslash: three digits, or the octet itself. */
static int
take_escape(struct cursor *in, uint8_t *out)
{
	unsigned value;

	if (in->at == in->end)
		return wrong(in, ERR_SYNTAX, "nothing follows the backslash");
	if (!ascii_is_digit(*in->at)) {
		*out = *in->at++;
		return 0;
	}
	if (in->end - in->at < 3 || !ascii_is_digit(in->at[1]) ||
	    !ascii_is_digit(in->at[2]))
		return wrong(in, ERR_SYNTAX,
		    "a backslash and a digit: three digits are wanted");
	value = (in->at[0] - '0') * 100U + (in->at[1] - '0') * 10U +
	    (in->at[2] - '0');
	if (value > 255)
		return wrong(in, ERR_SYNTAX, "\\DDD is larger than 255");
	in->at += 3;
	*out = (uint8_t)value;
	return 0;
}

/* One quoted character-string; the cursor stands behind the opening quote.
 * out has its length octet first. */
static int
take_string(struct cursor *in, uint8_t *out)
{
	uint8_t len = 0, octet;

	while (in->at < in->end) {
		octet = *in->at++;
		if (octet == '"') {
			out[0] = len;
			return 0;
		}
		if (octet == '\\' && take_escape(in, &octet) != 0)
			return ERR_SYNTAX;
		if (len == STRING_LEN_MAX)
			return wrong(in, ERR_TOOLONG,
			    "a character-string is longer than 255 octets");
		out[++len] = octet;
	}
	return wrong(in, ERR_SYNTAX, "the closing quote is missing");
}

static int
take_quoted(struct cursor *in, uint8_t *rdata, size_t *rdata_len)
{
	int err;

	while (in->at < in->end) {
		if (*in->at++ != '"')
			return wrong(in, ERR_SYNTAX,
			    "text stands outside the quotes");
		err = take_string(in, rdata + *rdata_len);
		if (err != 0)
			return err;
		*rdata_len += 1U + rdata[*rdata_len];
		while (in->at < in->end && ascii_is_wsp(*in->at))
			in->at++;
	}
	return 0;
}

/* An empty text is one empty string, as a TXT record holds at least one. */
static void
take_bare(struct cursor *in, uint8_t *rdata, size_t *rdata_len)
{
	size_t left, n;

	do {
		left = (size_t)(in->end - in->at);
		n = left < STRING_LEN_MAX ? left : STRING_LEN_MAX;
		rdata[*rdata_len] = (uint8_t)n;
		memcpy(rdata + *rdata_len + 1, in->at, n);
		*rdata_len += 1 + n;
		in->at += n;
	} while (in->at < in->end);
}

size_t
rdata_text_bound(size_t len)
{
	return len + len / STRING_LEN_MAX + 2;
}

int
rdata_from_text(const uint8_t *text, size_t len, uint8_t *rdata,
    size_t *rdata_len, const char **why)
{
	struct cursor in = {.at = text, .end = text + len, .why = ""};
	int err = 0;

	*rdata_len = 0;
	if (len > 0 && text[0] == '"')
		err = take_quoted(&in, rdata, rdata_len);
	else
		take_bare(&in, rdata, rdata_len);
	if (err == 0 && *rdata_len > RDATA_LEN_MAX)
		err = wrong(&in, ERR_TOOLONG,
		    "the record is longer than 65535 octets");
	*why = in.why;
	return err;
}

/* --- lint --txt ---------------------------------------------------------- */

/* octets has room for all records, one behind the other. */
static int
read_records(int n, char **records, uint8_t *octets, struct txt_rdata *rdata)
{
	const char *why;

	for (int i = 0; i < n; i++) {
		rdata[i].data = octets;
		if (rdata_from_text((const uint8_t *)records[i],
			strlen(records[i]), octets, &rdata[i].len, &why) != 0) {
			tool_warn("lint: record %d: %s", i + 1, why);
			return TOOL_USAGE;
		}
		octets += rdata[i].len;
	}
	return TOOL_OK;
}

json_t *
lint_txt_json(const struct txt_result *txt, const char *why)
{
	if (txt->state == TXT_VALID)
		return json_pack("{s:b,s:s}", "valid", 1, "id", txt->id);
	return json_pack("{s:b,s:n,s:[o]}", "valid", 0, "id", "errors",
	    output_string(why, strlen(why)));
}

static int
report_txt(bool json, int n, const struct txt_rdata *rdata)
{
	struct txt_result result;
	char why[WHY_SIZE];

	txt_parse(rdata, (size_t)n, &result);
	if (n > 1 && result.state == TXT_INVALID)
		snprintf(why, sizeof(why), "record %zu: %s", result.record + 1,
		    result.why);
	else
		snprintf(why, sizeof(why), "%s", result.why);
	if (json) {
		if (!output_line(lint_txt_json(&result, why)))
			return TOOL_INTERNAL;
	} else if (result.state == TXT_VALID) {
		printf("valid: id %s\n", result.id);
	} else {
		printf("invalid: %s: ", txt_state_name(result.state));
		text_print(stdout, why, strlen(why));
		putchar('\n');
	}
	return result.state == TXT_VALID ? TOOL_OK : TOOL_NO;
}

static int
lint_txt(bool json, int n, char **records)
{
	struct txt_rdata *rdata = calloc((size_t)n, sizeof(*rdata));
	uint8_t *octets;
	size_t room = 0;
	int status = TOOL_INTERNAL;

	for (int i = 0; i < n; i++)
		room += rdata_text_bound(strlen(records[i]));
	octets = malloc(room + 1);
	if (rdata == NULL || octets == NULL)
		tool_warn("out of memory");
	else
		status = read_records(n, records, octets, rdata);
	if (status == TOOL_OK)
		status = report_txt(json, n, rdata);
	free(octets);
	free(rdata);
	return status;
}

/* --- lint FILE ----------------------------------------------------------- */

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
	if (err == ERR_NOMEM)
		report.no_memory = true;
	else if (err == ERR_TOOLONG)
		lint_add(&report, POLICY_NOTE_ERROR, 0, LINT_TEXT_TOO_LARGE);
	else
		lint_body(body, len, &report);
	lint_add_hosts(&report, hosts);
	status = lint_status(&report);
	if (status == TOOL_INTERNAL)
		tool_warn("out of memory");
	else if (!json)
		lint_print(stdout, path, &report, hosts);
	else if (!output_line(lint_json(&report, hosts)))
		status = TOOL_INTERNAL;
	lint_report_clear(&report);
	free(body);
	return status;
}

/* --- the command --------------------------------------------------------- */

struct request {
	bool txt;
	const char *domain;
	struct lint_domain_options own;
	struct lint_hosts hosts; /* room for every argument */
	int n;                   /* operands */
	char **operands;
};

static int
run(const struct tool_options *options, struct request *request)
{
	struct lint_hosts *hosts = &request->hosts;

	if (request->txt + (request->domain != NULL) + (hosts->n > 0) > 1)
		return tool_usage("lint",
		    "--host, --txt and --domain exclude each other");
	if (request->domain != NULL && request->n > 0)
		return tool_usage("lint", "only one domain, please");
	if (request->domain != NULL)
		return lint_domain(options, &request->own, request->domain);
	if (request->own.smtp || request->own.nagios)
		return tool_usage("lint", "--smtp and --nagios need --domain");
	if (request->txt && request->n == 0)
		return tool_usage("lint", "a record is missing");
	if (request->txt)
		return lint_txt(options->json, request->n, request->operands);
	if (request->n == 0)
		return tool_usage("lint", "a file is missing");
	if (request->n > 1 && hosts->n == 0)
		return tool_usage("lint", "only one file, please");
	/* "--host A B FILE" means the hosts A and B: the last operand is the
	 * file. */
	for (int i = 0; i < request->n - 1; i++)
		hosts->host[hosts->n++] = request->operands[i];
	return lint_file(options->json, request->operands[request->n - 1],
	    hosts);
}

int
tool_lint(struct tool_options *options, int argc, char **argv)
{
	struct request request = {0};
	int found, status;

	request.hosts.host = calloc((size_t)argc, sizeof(char *));
	if (request.hosts.host == NULL)
		return tool_no_memory();
	do {
		found = tool_getopt(options, argc, argv, lint_options);
		if (found == OPTION_HOST)
			request.hosts.host[request.hosts.n++] = optarg;
		else if (found == OPTION_TXT)
			request.txt = true;
		else if (found == OPTION_DOMAIN)
			request.domain = optarg;
		else if (found == OPTION_SMTP)
			request.own.smtp = true;
		else if (found == OPTION_NAGIOS)
			request.own.nagios = true;
	} while (found >= 0);
	request.n = argc - optind;
	request.operands = argv + optind;
	status =
	    found == TOOL_OPTION_END ? run(options, &request) : options->status;
	free(request.hosts.host);
	return request.own.nagios ? tool_nagios_status(status) : status;
}
