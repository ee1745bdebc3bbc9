/*
 * dane-sts publish: writes what a domain has to publish for MTA-STS and DANE,
 * and the order in which to do it.
 */
#include "autoconf.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/idn.h"
#include "base/name.h"
#include "config/config.h"
#include "core/facts.h"
#include "core/policy.h"
#include "core/policy_field.h"
#include "tool/output.h"
#include "tool/resolve.h"
#include "tool/tls_peer.h"
#include "tool/tool.h"

#define SMTP_PORT     25
#define PEER_MS       10000
#define HOSTS_MAX     FACTS_HOSTS_MAX
#define CERTS_MAX     8 /* of a host: the key in use, and the next one */
#define ADDRESSES_MAX FETCH_ADDRESSES_MAX
#define TESTING_AGE_S 86400        /* short: withdrawing it takes a day */
#define ENFORCE_AGE_S (28 * 86400) /* RFC 8461 3.2: weeks or greater */

enum {
	OPTION_MODE = 256,
	OPTION_DNSSEC,
	OPTION_MAX_AGE,
	OPTION_MX,
	OPTION_CERT,
	OPTION_FROM_SERVER,
	OPTION_DIR
};

/* clang-format off */
static const struct option publish_options[] = {
    {"mode", required_argument, NULL, OPTION_MODE},
    {"dnssec", no_argument, NULL, OPTION_DNSSEC},
    {"max-age", required_argument, NULL, OPTION_MAX_AGE},
    {"mx", required_argument, NULL, OPTION_MX},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"from-server", no_argument, NULL, OPTION_FROM_SERVER},
    {"dir", required_argument, NULL, OPTION_DIR},
    {0},
};
/* clang-format on */

struct publish_host {
	char name[NAME_SIZE]; /* canonical */
	size_t n_digests;
	uint8_t digests[CERTS_MAX][TLS_DIGEST_LEN];
};

struct publish {
	char domain[NAME_SIZE];
	char id[33];
	int mode; /* enum policy_mode; -1: not given */
	bool dnssec;
	int64_t max_age_s; /* 0: not given */
	bool from_server;
	const char *dir;
	size_t n_certs;
	const char *certs[CERTS_MAX];
	size_t n_hosts;
	struct publish_host hosts[HOSTS_MAX];
};

/* --- hosts and certificates ------------------------------------------- */

static int
add_host(struct publish *publish, const char *name)
{
	struct publish_host *host = &publish->hosts[publish->n_hosts];

	if (publish->n_hosts == HOSTS_MAX)
		return tool_usage("publish", "more than %d MX hosts",
		    HOSTS_MAX);
	if (idn_to_ascii((const uint8_t *)name, strlen(name), host->name) !=
		0 ||
	    policy_mx_check((const uint8_t *)host->name, strlen(host->name)) !=
		NULL)
		return tool_usage("publish", "\"%s\" is not a host name", name);
	publish->n_hosts++;
	return TOOL_OK;
}

/* The MX hosts of today. */
static int
look_up_hosts(struct publish *publish, struct resolve *resolve)
{
	struct resolved mx;
	int status = TOOL_OK;

	resolve_ask(resolve, publish->domain, DNS_MX, &mx);
	resolve_wait(resolve);
	if (mx.answer == ANSWER_NODATA) /* RFC 5321 5.1 */
		status = add_host(publish, publish->domain);
	for (size_t i = 0; i < mx.n && status == TOOL_OK; i++)
		if (mx.records[i].name[0] != '\0' && !mx.records[i].unusable)
			status = add_host(publish, mx.records[i].name);
	if (publish->n_hosts == 0 && status == TOOL_OK) {
		tool_warn("%s: no MX host found%s%s: name them with --mx",
		    publish->domain, mx.why[0] != '\0' ? ": " : "", mx.why);
		status = TOOL_UNKNOWN;
	}
	resolve_clear(&mx);
	return status;
}

static int
ask_server(struct publish_host *host, struct resolve *resolve,
    const char *ca_file)
{
	struct net_address addresses[ADDRESSES_MAX];
	char why[RESOLVE_WHY_SIZE];
	struct tls_peer_result result;
	struct tls_peer peer = {
	    .host = host->name,
	    .port = SMTP_PORT,
	    .starttls = true,
	    .addresses = addresses,
	    .ca_file = ca_file,
	    .timeout_ms = PEER_MS,
	};

	peer.n_addresses =
	    resolve_host(resolve, host->name, addresses, ADDRESSES_MAX, why);
	tls_peer_probe(&peer, &result);
	if (result.state != TLS_PEER_OK) {
		tool_warn("%s: %s", host->name, result.why);
		return TOOL_UNAVAILABLE;
	}
	if (result.pkix_why[0] != '\0')
		tool_warn("%s: MTA-STS would fail (RFC 8461 4.2): %s",
		    host->name, result.pkix_why);
	memcpy(host->digests[host->n_digests++], result.certificate.spki_sha256,
	    TLS_DIGEST_LEN);
	return TOOL_OK;
}

/* DNS is needed for hosts that were not named, and for --from-server. */
static int
get_from_network(struct publish *publish, const struct tool_options *options)
{
	struct config *config = tool_config(options);
	struct resolve *resolve;
	int status = TOOL_UNKNOWN;

	if (config == NULL)
		return TOOL_CONFIG;
	resolve = resolve_new(config);
	if (resolve != NULL)
		status = publish->n_hosts == 0 ? look_up_hosts(publish, resolve)
					       : TOOL_OK;
	for (size_t i = 0;
	     status == TOOL_OK && publish->from_server && i < publish->n_hosts;
	     i++)
		status =
		    ask_server(&publish->hosts[i], resolve, config->ca_file);
	resolve_free(&resolve);
	config_free(&config);
	return status;
}

/* "FILE" is the certificate of every host, "HOST=FILE" that of one. */
static int
read_cert(struct publish *publish, const char *argument)
{
	const char *equals = strchr(argument, '=');
	const char *path = equals != NULL ? equals + 1 : argument;
	struct tls_certificate certificate;
	char why[TLS_PEER_WHY_SIZE];
	bool used = false;

	if (tls_certificate_read(path, &certificate, why) != 0) {
		tool_warn("%s: %s", path, why);
		return TOOL_NO_INPUT;
	}
	for (size_t i = 0; i < publish->n_hosts; i++) {
		struct publish_host *host = &publish->hosts[i];

		if (equals != NULL &&
		    (strlen(host->name) != (size_t)(equals - argument) ||
			strncmp(host->name, argument, strlen(host->name)) != 0))
			continue;
		used = true;
		if (host->n_digests < CERTS_MAX)
			memcpy(host->digests[host->n_digests++],
			    certificate.spki_sha256, TLS_DIGEST_LEN);
	}
	if (used)
		return TOOL_OK;
	return tool_usage("publish", "--cert %s: no such MX host", argument);
}

/* --- the files --------------------------------------------------- */

static void
write_policy(const struct publish *publish, FILE *out)
{
	fprintf(out, "version: STSv1\r\nmode: %s\r\n",
	    policy_mode_name((enum policy_mode)publish->mode));
	for (size_t i = 0; i < publish->n_hosts; i++)
		fprintf(out, "mx: %s\r\n", publish->hosts[i].name);
	fprintf(out, "max_age: %" PRId64 "\r\n", publish->max_age_s);
	if (publish->dnssec)
		fputs("dnssec: yes\r\n", out);
}

static void
write_records(const struct publish *publish, FILE *out)
{
	const char *domain = publish->domain;

	fprintf(out, "; the policy host: put your web server's addresses\n");
	fprintf(out, ";mta-sts.%s. IN A 192.0.2.1\n", domain);
	fprintf(out, ";mta-sts.%s. IN AAAA 2001:db8::1\n", domain);
	fputs("; where other sites report failures to (RFC 8460)\n", out);
	fprintf(out,
	    "_smtp._tls.%s. IN TXT \"v=TLSRPTv1; "
	    "rua=mailto:tls-reports@%s\"\n",
	    domain, domain);
	for (size_t i = 0; i < publish->n_hosts; i++) {
		const struct publish_host *host = &publish->hosts[i];

		if (strcmp(host->name, domain) != 0 &&
		    !name_is_below(host->name, domain))
			fprintf(out,
			    "; for the operator of %s, in another zone:\n",
			    host->name);
		if (host->n_digests == 0)
			fprintf(out,
			    "; no TLSA record for %s: name its certificate "
			    "with --cert\n",
			    host->name);
		for (size_t n = 0; n < host->n_digests; n++) {
			fprintf(out, "_25._tcp.%s. IN TLSA 3 1 1 ", host->name);
			for (size_t at = 0; at < TLS_DIGEST_LEN; at++)
				fprintf(out, "%02x", host->digests[n][at]);
			fputc('\n', out);
		}
	}
	fputs("; last, when mta-sts.txt is served\n", out);
	fprintf(out, "_mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"\n", domain,
	    publish->id);
}

static void
write_nginx(const struct publish *publish, FILE *out)
{
	fprintf(out,
	    "server {\n"
	    "	listen 443 ssl;\n"
	    "	listen [::]:443 ssl;\n"
	    "	server_name mta-sts.%s;\n"
	    "	ssl_certificate /etc/ssl/mta-sts.%s/fullchain.pem;\n"
	    "	ssl_certificate_key /etc/ssl/mta-sts.%s/privkey.pem;\n"
	    "	location = /.well-known/mta-sts.txt {\n"
	    "		alias /var/www/mta-sts.%s/mta-sts.txt;\n"
	    "		default_type text/plain;\n"
	    "	}\n"
	    "	location / {\n"
	    "		return 404;\n"
	    "	}\n"
	    "}\n",
	    publish->domain, publish->domain, publish->domain, publish->domain);
}

static void
write_caddy(const struct publish *publish, FILE *out)
{
	fprintf(out,
	    "mta-sts.%s {\n"
	    "	handle /.well-known/mta-sts.txt {\n"
	    "		root * /var/www/mta-sts.%s\n"
	    "		rewrite * /mta-sts.txt\n"
	    "		header Content-Type text/plain\n"
	    "		file_server\n"
	    "	}\n"
	    "	handle {\n"
	    "		respond 404\n"
	    "	}\n"
	    "}\n",
	    publish->domain, publish->domain);
}

static void
write_steps(const struct publish *publish, FILE *out)
{
	const char *domain = publish->domain;

	fprintf(out,
	    "1. Sign the zone of %s and those of its MX hosts, with DS records\n"
	    "   at their parents. In \"dane-sts check %s\" MX, A, AAAA and TLSA\n"
	    "   must be secure.\n"
	    "2. Publish the TLSA records of records.zone and wait for the TTL of\n"
	    "   the old answer. Whenever a key is replaced: first publish the\n"
	    "   record of the new key beside the old one, wait, then change the\n"
	    "   key.\n"
	    "3. Serve mta-sts.txt (mode testing) as\n"
	    "   https://mta-sts.%s/.well-known/mta-sts.txt; nginx.conf and\n"
	    "   Caddyfile show how. Then publish the TXT records.\n"
	    "4. \"dane-sts lint --domain %s --smtp\" must find nothing. Run it\n"
	    "   with --nagios from your monitoring, and read the TLSRPT reports\n"
	    "   for some weeks.\n"
	    "5. dane-sts publish --mode enforce %s: serve the new policy, then\n"
	    "   publish the new id. Whenever the policy changes, the id has to\n"
	    "   change after it.\n"
	    "6. Last: dane-sts publish --mode enforce --dnssec %s. From now on\n"
	    "   mail waits at its senders whenever your zones do not validate.\n"
	    "\n"
	    "The way back: publish the policy without \"dnssec: yes\" and a new id;\n"
	    "senders may keep the old policy for its max_age, so keep the zones\n"
	    "signed until then. To leave MTA-STS, publish mode none with a max_age\n"
	    "of a day and a new id, wait for the old max_age, then remove TXT\n"
	    "record and policy (RFC 8461 8.3).\n",
	    domain, domain, domain, domain, domain, domain);
}

static const struct {
	const char *name;
	const char *title; /* for people, on stdout */
	void (*write)(const struct publish *publish, FILE *out);
} parts[] = {
    {"mta-sts.txt",  "the policy",         write_policy },
    {"records.zone", "DNS records",        write_records},
    {"nginx.conf",   "for nginx",          write_nginx  },
    {"Caddyfile",    "or for Caddy",       write_caddy  },
    {"STEPS",        "the order of steps", write_steps  },
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* NULL: no memory. Free with free(). */
static char *
part_text(const struct publish *publish, size_t part)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	parts[part].write(publish, out);
	if (fclose(out) != 0) {
		free(text);
		text = NULL;
	}
	return text;
}

static int
write_file(const struct publish *publish, size_t part)
{
	char path[4096];
	FILE *out;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", publish->dir,
		parts[part].name) >= sizeof(path))
		return tool_usage("publish", "the name of --dir is too long");
	out = fopen(path, "we");
	if (out != NULL) {
		parts[part].write(publish, out);
		if (fclose(out) == 0)
			return TOOL_OK;
	}
	tool_warn("%s: %s", path, strerror(errno));
	return TOOL_NO_OUTPUT;
}

static int
print_all(const struct publish *publish, bool as_json)
{
	json_t *files = json_object();

	for (size_t i = 0; i < N_PARTS; i++) {
		char *text = part_text(publish, i);

		if (text == NULL) {
			tool_warn("out of memory");
			json_decref(files);
			return TOOL_INTERNAL;
		}
		if (as_json)
			(void)json_object_set_new(files, parts[i].name,
			    json_string(text));
		else
			printf("%s--- %s: %s\n%s", i > 0 ? "\n" : "",
			    parts[i].name, parts[i].title, text);
		free(text);
	}
	if (!as_json) {
		json_decref(files);
		return TOOL_OK;
	}
	return output_line(json_pack("{s:s,s:s,s:o}", "domain", publish->domain,
		   "id", publish->id, "files", files))
	    ? TOOL_OK
	    : TOOL_INTERNAL;
}

/* --- the command --------------------------------------------------------- */

static int
take_option(struct publish *publish, int option)
{
	int64_t ms;

	switch (option) {
	case OPTION_MODE:
		publish->mode = policy_mode_by_name(optarg, strlen(optarg));
		if (publish->mode < 0)
			return tool_usage("publish",
			    "%s is not one of none, testing, enforce", optarg);
		return TOOL_OK;
	case OPTION_DNSSEC:
		publish->dnssec = true;
		return TOOL_OK;
	case OPTION_MAX_AGE:
		if (config_parse_duration(optarg, &ms) != 0 || ms < 1000 ||
		    ms / 1000 > POLICY_MAX_AGE_LIMIT_S)
			return tool_usage("publish",
			    "\"%s\" is not a time such as 28d", optarg);
		publish->max_age_s = ms / 1000;
		return TOOL_OK;
	case OPTION_MX:
		return add_host(publish, optarg);
	case OPTION_CERT:
		if (publish->n_certs == CERTS_MAX)
			return tool_usage("publish", "too many --cert");
		publish->certs[publish->n_certs++] = optarg;
		return TOOL_OK;
	case OPTION_FROM_SERVER:
		publish->from_server = true;
		return TOOL_OK;
	default:
		publish->dir = optarg;
		return TOOL_OK;
	}
}

static int
run(struct publish *publish, const struct tool_options *options)
{
	const time_t now = (time_t)clock_wall_s();
	struct tm tm;
	int status = TOOL_OK;

	if (publish->mode < 0)
		publish->mode = POLICY_MODE_TESTING;
	if (publish->max_age_s == 0)
		publish->max_age_s = publish->mode == POLICY_MODE_ENFORCE
		    ? ENFORCE_AGE_S
		    : TESTING_AGE_S;
	/* RFC 8461 3.1: letters and digits; new with every run. */
	(void)gmtime_r(&now, &tm);
	(void)strftime(publish->id, sizeof(publish->id), "%Y%m%dT%H%M%SZ", &tm);
	if (publish->from_server || publish->n_hosts == 0)
		status = get_from_network(publish, options);
	for (size_t i = 0; status == TOOL_OK && i < publish->n_certs; i++)
		status = read_cert(publish, publish->certs[i]);
	if (status == TOOL_OK && publish->dir == NULL)
		return print_all(publish, options->json);
	if (status == TOOL_OK && mkdir(publish->dir, 0755) != 0 &&
	    errno != EEXIST) {
		tool_warn("%s: %s", publish->dir, strerror(errno));
		return TOOL_NO_OUTPUT;
	}
	for (size_t i = 0; status == TOOL_OK && i < N_PARTS; i++)
		status = write_file(publish, i);
	return status;
}

int
tool_publish(struct tool_options *options, int argc, char **argv)
{
	struct publish *publish = calloc(1, sizeof(*publish));
	int found, status = TOOL_OK;

	if (publish == NULL)
		return tool_no_memory();
	publish->mode = -1;
	while (status == TOOL_OK &&
	    (found = tool_getopt(options, argc, argv, publish_options)) >= 0)
		status = take_option(publish, found);
	if (status == TOOL_OK && found == TOOL_OPTION_STOP) {
		status = options->status;
	} else if (status == TOOL_OK) {
		if (argc - optind != 1)
			status = tool_usage(argv[0], "one domain is needed");
		else if (idn_to_ascii((const uint8_t *)argv[optind],
			     strlen(argv[optind]), publish->domain) != 0)
			status = tool_usage(argv[0],
			    "\"%s\" is not a domain name", argv[optind]);
		else if (publish->dnssec &&
		    publish->mode != POLICY_MODE_ENFORCE)
			status = tool_usage(argv[0],
			    "--dnssec comes last: it needs --mode enforce");
		else
			status = run(publish, options);
	}
	free(publish);
	return status;
}
