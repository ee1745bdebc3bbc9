/*
 * TLSRPT datagrams. Their keys and numbers are those of libtlsrpt:
 *
 *   dpv  "1", of the protocol   d  domain   pr  its TLSRPT record
 *   policies  the applied policies, each with
 *
 *   policy-type 2 sts, 9 no-policy-found   policy-domain   policy-string
 *   mx-host   failure-details: c result, n MX host, f reason   t their number
 *   f  1: the session failed
 */
#include "autoconf.h"

#include "log/tlsrpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log_impl.h"

#define POLICY_STS  2
#define POLICY_NONE 9

struct tlsrpt {
	int fd;
	struct sockaddr_un address;
};

static const struct {
	const char *result;
	unsigned code;
} codes[] = {
    {"validation-failure",     205},
    {"sts-policy-fetch-error", 301},
    {"sts-policy-invalid",     302},
    {"sts-webpki-invalid",     303},
    {"tlsa-invalid",           304},
    {"dnssec-invalid",         305},
};

/* --- JSON --- */

static void
put_pair(FILE *out, const char *key, const char *value)
{
	const uint8_t *octets = (const uint8_t *)value;
	size_t left = strlen(value);

	(void)fputs(key, out);
	(void)putc('"', out);
	while (left > 0) {
		char unit[LOG_ESCAPE_MAX];
		size_t unit_len;
		size_t taken = log_json_unit(octets, left, unit, &unit_len);

		(void)fwrite(unit, 1, unit_len, out);
		octets += taken;
		left -= taken;
	}
	(void)putc('"', out);
}

/* --- the datagram --- */

static void
put_policy(FILE *out, const struct fact_policy *policy)
{
	char line[512];

	(void)fprintf(out,
	    ",\"policy-string\":[\"version: STSv1\",\"mode: %s\"",
	    policy_mode_name(policy->mode));
	for (size_t i = 0; i < policy->n_mx; i++) {
		(void)snprintf(line, sizeof(line), "mx: %s", policy->mx[i]);
		put_pair(out, ",", line);
	}
	(void)fprintf(out, ",\"max_age: %lu\"%s]",
	    (unsigned long)policy->max_age_s,
	    policy->dnssec ? ",\"dnssec: yes\"" : "");
	for (size_t i = 0; i < policy->n_mx; i++)
		put_pair(out, i == 0 ? ",\"mx-host\":[" : ",", policy->mx[i]);
	(void)fputs(policy->n_mx > 0 ? "]" : "", out);
}

int
tlsrpt_write(const struct tlsrpt_report *report, char *out, size_t size)
{
	const struct fact_policy *policy = report->policy;
	unsigned code = 0;
	FILE *text;
	long len;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].result, report->result) == 0)
			code = codes[i].code;
	if (code == 0)
		return ERR_SYNTAX;
	text = fmemopen(out, size, "w");
	if (text == NULL)
		return ERR_NOMEM;
	put_pair(text, "{\"dpv\":\"1\",\"d\":", report->domain);
	put_pair(text, ",\"pr\":", report->record);
	(void)fprintf(text, ",\"policies\":[{\"policy-type\":%d",
	    policy != NULL ? POLICY_STS : POLICY_NONE);
	put_pair(text, ",\"policy-domain\":", report->domain);
	if (policy != NULL)
		put_policy(text, policy);
	(void)fprintf(text, ",\"failure-details\":[{\"c\":%u", code);
	if (report->host != NULL)
		put_pair(text, ",\"n\":", report->host);
	put_pair(text, ",\"f\":", report->reason);
	(void)fprintf(text, "}],\"t\":1,\"f\":%d}]}", report->failed);
	len = ftell(text);
	/* fclose() fails at the latest if the text does not fit. */
	return fclose(text) != 0 || len < 0 || (size_t)len >= size ? ERR_TOOLONG
								   : 0;
}

/* --- the socket --- */

struct tlsrpt *
tlsrpt_open(const char *path)
{
	struct tlsrpt *tlsrpt = calloc(1, sizeof(*tlsrpt));

	if (tlsrpt == NULL)
		return NULL;
	tlsrpt->fd = -1;
	tlsrpt->address.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(tlsrpt->address.sun_path)) {
		memcpy(tlsrpt->address.sun_path, path, strlen(path) + 1);
		tlsrpt->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (tlsrpt->fd < 0)
		tlsrpt_close(&tlsrpt);
	return tlsrpt;
}

void
tlsrpt_close(struct tlsrpt **tlsrpt)
{
	if (*tlsrpt == NULL)
		return;
	if ((*tlsrpt)->fd >= 0)
		close((*tlsrpt)->fd);
	free(*tlsrpt);
	*tlsrpt = NULL;
}

int
tlsrpt_send(const struct tlsrpt *tlsrpt, const struct tlsrpt_report *report)
{
	char datagram[TLSRPT_DATAGRAM_MAX];
	int err = tlsrpt_write(report, datagram, sizeof(datagram));

	if (err != 0)
		return err;
	/* No connect(): the collector may start later, or restart. */
	return sendto(tlsrpt->fd, datagram, strlen(datagram),
		   MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&tlsrpt->address,
		   sizeof(tlsrpt->address)) >= 0
	    ? 0
	    : ERR_IO;
}

/* --- the domain's record --- */

bool
tlsrpt_record(const uint8_t *rdata, size_t len, char out[TLSRPT_RECORD_MAX])
{
	static const char version[] = "v=TLSRPTv1";
	const size_t version_len = sizeof(version) - 1;
	size_t n = 0;

	while (len > 0) {
		size_t part = rdata[0];

		if (part + 1 > len || n + part >= TLSRPT_RECORD_MAX ||
		    memchr(rdata + 1, '\0', part) != NULL)
			return false;
		memcpy(out + n, rdata + 1, part);
		n += part;
		rdata += part + 1;
		len -= part + 1;
	}
	out[n] = '\0';
	/* RFC 8460 3: followed by blanks, and a semicolon */
	return strncmp(out, version, version_len) == 0 &&
	    (out[version_len] == ';' || out[version_len] == ' ' ||
		out[version_len] == '\t');
}
