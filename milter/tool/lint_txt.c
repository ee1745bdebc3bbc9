/* dane-sts lint --txt: an RRset at _mta-sts given as text. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/txt.h"
#include "tool/lint.h"
#include "tool/output.h"
#include "tool/rdata_text.h"
#include "tool/tool.h"

#define WHY_SIZE 256

/* Never 0, for which malloc() may have nothing. */
static size_t
bound_of_all(int n, char **records)
{
	size_t sum = 1;
	int i;

	for (i = 0; i < n; i++)
		sum += rdata_text_bound(strlen(records[i]));
	return sum;
}

/* octets has room for all records, one behind the other. */
static int
read_records(int n, char **records, uint8_t *octets, struct txt_rdata *rdata)
{
	const char *why;
	size_t len;
	int i;

	for (i = 0; i < n; i++) {
		len = strlen(records[i]);
		rdata[i].data = octets;
		if (rdata_from_text((const uint8_t *)records[i], len, octets,
			&rdata[i].len, &why) != 0) {
			tool_warn("lint: record %d: %s", i + 1, why);
			return TOOL_USAGE;
		}
		octets += rdata[i].len;
	}
	return TOOL_OK;
}

static void
explain(const struct txt_result *result, int n, char out[WHY_SIZE])
{
	if (n > 1 && result->state == TXT_INVALID)
		snprintf(out, WHY_SIZE, "record %zu: %s", result->record + 1,
		    result->why);
	else
		snprintf(out, WHY_SIZE, "%s", result->why);
}

static bool
print_json(const struct txt_result *result, const char *why)
{
	if (result->state == TXT_VALID)
		return output_line(
		    json_pack("{s:b,s:s}", "valid", 1, "id", result->id));
	return output_line(json_pack("{s:b,s:n,s:[o]}", "valid", 0, "id",
	    "errors", output_string(why, strlen(why))));
}

static bool
print_text(const struct txt_result *result, const char *why)
{
	if (result->state == TXT_VALID) {
		printf("valid: id %s\n", result->id);
		return true;
	}
	printf("invalid: %s: ", txt_state_name(result->state));
	text_print(stdout, why, strlen(why));
	putchar('\n');
	return true;
}

static int
report(bool json, int n, const struct txt_rdata *rdata)
{
	struct txt_result result;
	char why[WHY_SIZE];
	bool printed;

	txt_parse(rdata, (size_t)n, &result);
	explain(&result, n, why);
	printed = json ? print_json(&result, why) : print_text(&result, why);
	if (!printed)
		return TOOL_INTERNAL;
	return result.state == TXT_VALID ? TOOL_OK : TOOL_NO;
}

int
lint_txt(bool json, int n, char **records)
{
	struct txt_rdata *rdata = calloc((size_t)n, sizeof(*rdata));
	uint8_t *octets = malloc(bound_of_all(n, records));
	int status = TOOL_INTERNAL;

	if (rdata == NULL || octets == NULL)
		tool_warn("out of memory");
	else
		status = read_records(n, records, octets, rdata);
	if (status == TOOL_OK)
		status = report(json, n, rdata);
	free(octets);
	free(rdata);
	return status;
}
