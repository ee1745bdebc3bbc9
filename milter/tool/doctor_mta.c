/*
 * dane-sts doctor: what Postfix and Sendmail are configured to do with this
 * filter. dane-sts-milter(8), AT DELIVERY, has the attack behind each line.
 */
#include "autoconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/doctor.h"
#include "tool/postconf.h"

#define LINE_SIZE 4096

/* --- sockets ------------------------------------------------------------- */

bool
doctor_socket_read(const char *spec, struct doctor_socket *out)
{
	const char *colon = strchr(spec, ':');
	const char *at = strchr(spec, '@');
	int host_len;

	memset(out, 0, sizeof(*out));
	if (colon == NULL)
		return false;
	if (strncmp(spec, "unix:", 5) == 0 || strncmp(spec, "local:", 6) == 0) {
		out->path = colon + 1;
		snprintf(out->name, sizeof(out->name), "unix:%s", out->path);
		return true;
	}
	if (strncmp(spec, "inet", 4) == 0) {
		if (at == NULL)
			return false;
		snprintf(out->host, sizeof(out->host), "%s", at + 1);
		snprintf(out->port, sizeof(out->port), "%.*s",
		    (int)(at - colon - 1), colon + 1);
		snprintf(out->name, sizeof(out->name), "inet:%s:%s", out->host,
		    out->port);
		return true;
	}
	/* HOST:PORT, [ADDRESS]:PORT */
	colon = strrchr(spec, ':');
	host_len = (int)(colon - spec);
	if (spec[0] == '[' && host_len > 2) {
		spec++;
		host_len -= 2;
	}
	snprintf(out->host, sizeof(out->host), "%.*s", host_len, spec);
	snprintf(out->port, sizeof(out->port), "%s", colon + 1);
	return true;
}

/* --- Postfix ------------------------------------------------------------- */

static void
check_milter(struct doctor *doctor, const struct postfix *postfix)
{
	const char *queue = postfix->queue_directory;
	const char *action = postfix->milter_default_action;
	const struct doctor_socket *socket = &postfix->filter;
	const char *at, *own;
	char fix[DOCTOR_TEXT_SIZE];
	bool main_cf;

	at = postfix_find_socket(postfix->smtpd_milters, socket, queue);
	main_cf = at != NULL;
	if (at == NULL)
		at = postfix_find_socket(postfix->service_milters, socket,
		    queue);
	if (at == NULL) {
		snprintf(fix, sizeof(fix), "main.cf: smtpd_milters = %.400s%s",
		    socket->name,
		    postfix->smtpd_milters[0] != '\0'
			? ", beside those that are there"
			: "");
		doctor_say(doctor, DOCTOR_ERROR, "postfix", fix,
		    "smtpd_milters does not name the filter (socket = %s)",
		    doctor->config->socket);
		return;
	}
	if (!main_cf)
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter for %.400s alone "
		    "(master.cf)",
		    postfix->asking);
	else if (postfix->others[0] != '\0')
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter, but not for %.400s "
		    "(master.cf)",
		    postfix->others);
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter");
	/* "{ inet:127.0.0.1:8894, default_action=tempfail }" */
	own = strstr(at, "default_action=");
	if (own != NULL && memchr(at, '}', (size_t)(own - at)) == NULL)
		action = own + strlen("default_action=");
	if (postfix_loses_the_check(action))
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: milter_default_action = tempfail",
		    "milter_default_action is %.20s: recipients are accepted "
		    "unchecked while the filter is stopped",
		    action);
	else if (postfix->accepting[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "master.cf: milter_default_action=tempfail",
		    "milter_default_action of %.400s (master.cf) accepts "
		    "recipients unchecked while the filter is stopped",
		    postfix->accepting);
	if (socket->path != NULL && postfix->smtpd_chroot &&
	    strncmp(socket->path, queue, strlen(queue)) != 0) {
		snprintf(fix, sizeof(fix),
		    "socket = \"unix:%.150s/dane-sts/milter.sock\", and "
		    "unix:dane-sts/milter.sock in smtpd_milters",
		    queue);
		doctor_say(doctor, DOCTOR_ERROR, "postfix", fix,
		    "smtpd runs in a chroot below %s and cannot see %s", queue,
		    socket->path);
	}
}

static void
check_map(struct doctor *doctor, const struct postfix *postfix)
{
	const char *list = postfix->smtp_tls_policy_maps;
	char fix[DOCTOR_TEXT_SIZE];
	const char *at;

	if (doctor->config->policy_socket[0] == '\0') {
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "policy_socket = \"inet:8461@127.0.0.1\", and main.cf: "
		    "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:"
		    "postfix",
		    "policy_socket is empty: nothing is checked at delivery, "
		    "hours after RCPT or behind aliases");
		return;
	}
	if (postfix->map.name[0] == '\0')
		return;
	at = postfix_find_socket(list, &postfix->map, postfix->queue_directory);
	if (at == NULL) {
		snprintf(fix, sizeof(fix),
		    "main.cf: smtp_tls_policy_maps = socketmap:%.400s:postfix%s",
		    postfix->map.name,
		    list[0] != '\0' ? ", before the tables that are there"
				    : "");
		doctor_say(doctor, DOCTOR_WARNING, "postfix", fix,
		    "smtp_tls_policy_maps does not name policy_socket (%s)",
		    doctor->config->policy_socket);
		return;
	}
	if (strcspn(list, ", ") < (size_t)(at - list))
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "put the socketmap first in smtp_tls_policy_maps",
		    "another table of smtp_tls_policy_maps decides before "
		    "policy_socket");
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtp_tls_policy_maps asks policy_socket first");
	if (postfix->unmapped[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "master.cf: take smtp_tls_policy_maps out of their lines, "
		    "or put the socketmap first",
		    "smtp_tls_policy_maps of %.400s (master.cf) does not ask "
		    "policy_socket first",
		    postfix->unmapped);
	/* Without these, Postfix cannot carry out the answers of the map. */
	if (strcmp(postfix->smtp_dns_support_level, "dnssec") != 0)
		doctor_say(doctor, DOCTOR_ERROR, "postfix",
		    "main.cf: smtp_dns_support_level = dnssec",
		    "smtp_dns_support_level is \"%.40s\": mail to domains that "
		    "policy_socket answers with dane-only stays in the queue",
		    postfix->smtp_dns_support_level);
	if (postfix->undnssec[0] != '\0')
		doctor_say(doctor, DOCTOR_ERROR, "postfix",
		    "master.cf: smtp_dns_support_level=dnssec",
		    "smtp_dns_support_level of %.400s (master.cf) is not "
		    "dnssec: mail to domains that policy_socket answers with "
		    "dane-only stays in the queue",
		    postfix->undnssec);
	if (postfix->smtp_tls_CAfile[0] == '\0' &&
	    postfix->smtp_tls_CApath[0] == '\0')
		doctor_say(doctor, DOCTOR_ERROR, "postfix",
		    "main.cf: smtp_tls_CApath = /etc/ssl/certs",
		    "neither smtp_tls_CAfile nor smtp_tls_CApath is set: mail "
		    "to domains with MTA-STS stays in the queue");
}

static void
check_holes(struct doctor *doctor, const struct postfix *postfix)
{
	if (postfix->smtpd_milter_maps[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "name the filter in smtpd_milter_maps as well, except for "
		    "clients whose recipients need no check",
		    "smtpd_milter_maps is %.100s: for the clients that it "
		    "lists, smtpd_milters does not count",
		    postfix->smtpd_milter_maps);
	if (strcmp(postfix->tls_required_enable, "yes") == 0)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: tls_required_enable = no",
		    "tls_required_enable is yes: a header line of the sender "
		    "(TLS-Required: No) skips policy_socket");
	if (postfix->smtp_fallback_relay[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: smtp_fallback_relay =, unless that host runs "
		    "this filter",
		    "smtp_fallback_relay is %.100s: mail that TLS or "
		    "policy_socket defers goes there",
		    postfix->smtp_fallback_relay);
	if (postfix->falling_back[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "master.cf: smtp_fallback_relay=, unless that host runs "
		    "this filter",
		    "smtp_fallback_relay of %.400s (master.cf) is set: mail "
		    "that TLS or policy_socket defers goes there",
		    postfix->falling_back);
}

/* Checks that Postfix sees the results of a validating resolver on this
 * host. */
static void
check_resolv_conf(struct doctor *doctor, const struct postfix *postfix)
{
	char path[POSTFIX_VALUE + 32], line[LINE_SIZE];
	bool trusts = false, local = true;
	FILE *in;

	snprintf(path, sizeof(path), "%s/etc/resolv.conf",
	    postfix->smtp_chroot ? postfix->queue_directory : "");
	in = fopen(path, "re");
	if (in == NULL) {
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "copy /etc/resolv.conf there, or run the service smtp "
		    "outside the chroot",
		    "%s: %s", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), in) != NULL) {
		char *value = line + strcspn(line, " \t");

		value += strspn(value, " \t");
		value[strcspn(value, "\r\n")] = '\0';
		if (strncmp(line, "nameserver", 10) == 0 &&
		    strncmp(value, "127.", 4) != 0 && strcmp(value, "::1") != 0)
			local = false;
		if (strncmp(line, "options", 7) == 0 &&
		    strstr(value, "trust-ad") != NULL)
			trusts = true;
	}
	fclose(in);
	if (!local)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "run a validating resolver on this host, and name nothing "
		    "but 127.0.0.1 or ::1 there",
		    "%s names a resolver on another host: what it says of "
		    "DNSSEC can be forged on the way to Postfix",
		    path);
	else if (!trusts)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "add the line \"options trust-ad\"",
		    "%s does not say trust-ad: with the GNU C library Postfix "
		    "does not see what was validated, and dane-only defers",
		    path);
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "%s: a resolver on this host, trust-ad", path);
}

/* --- Sendmail ------------------------------------------------------------ */

/* Whether a line of sendmail.cf names the socket: Sendmail also takes
 * "local:PATH" for "unix:PATH". */
static bool
names_socket(const char *line, const char *spec)
{
	struct doctor_socket socket;

	if (doctor_socket_read(spec, &socket) && socket.path != NULL)
		spec = socket.path;
	return strstr(line, spec) != NULL;
}

/* "Xdane-sts, S=inet:8894@127.0.0.1, F=T" and "O InputMailFilters=..." */
static void
check_sendmail(struct doctor *doctor, FILE *cf)
{
	char line[LINE_SIZE], name[128] = "", filters[LINE_SIZE] = "";
	const char *policy_socket = doctor->config->policy_socket;
	bool has_flag = false, has_map = false;

	while (fgets(line, sizeof(line), cf) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "O InputMailFilters=", 19) == 0)
			snprintf(filters, sizeof(filters), "%s", line + 19);
		/* "Ksts socket -d5 -T<TMPF> inet:8461@127.0.0.1" */
		if (line[0] == 'K' && policy_socket[0] != '\0' &&
		    names_socket(line, policy_socket))
			has_map = true;
		if (line[0] != 'X' ||
		    !names_socket(line, doctor->config->socket))
			continue;
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(line + 1, ", \t"), line + 1);
		has_flag = strstr(line, "F=T") != NULL ||
		    strstr(line, "F=4") != NULL || strstr(line, "F=R") != NULL;
	}
	if (name[0] == '\0' || strstr(filters, name) == NULL)
		doctor_say(doctor, DOCTOR_ERROR, "sendmail",
		    "sendmail.mc: INPUT_MAIL_FILTER(`dane-sts', `S=..., F=T') "
		    "with the value of socket; then make sendmail.cf anew",
		    "%s does not name the filter (socket = %s)",
		    doctor->sendmail_cf, doctor->config->socket);
	else if (!has_flag)
		doctor_say(doctor, DOCTOR_WARNING, "sendmail",
		    "sendmail.mc: add F=T to its INPUT_MAIL_FILTER",
		    "the filter %s has no F=T: recipients are accepted "
		    "unchecked while it is stopped",
		    name);
	else
		doctor_say(doctor, DOCTOR_OK, "sendmail", "",
		    "%s names the filter, with F=", doctor->sendmail_cf);
	if (policy_socket[0] != '\0' && !has_map)
		doctor_say(doctor, DOCTOR_WARNING, "sendmail",
		    "sendmail.mc: FEATURE(`sts', `socket -d5 -T<TMPF> ...') "
		    "with the value of policy_socket, unless mail leaves over "
		    "a relay",
		    "%s does not name policy_socket (%s)", doctor->sendmail_cf,
		    policy_socket);
}

/* --- both ---------------------------------------------------------------- */

void
doctor_mta(struct doctor *doctor)
{
	struct postfix *postfix = calloc(1, sizeof(*postfix));
	FILE *cf = fopen(doctor->sendmail_cf, "re");
	bool has_postfix = postfix != NULL && postfix_read(doctor, postfix);

	if (has_postfix) {
		check_milter(doctor, postfix);
		check_map(doctor, postfix);
		check_holes(doctor, postfix);
		check_resolv_conf(doctor, postfix);
	}
	/* Debian's Postfix brings a sendmail(1), but no sendmail.cf. */
	if (cf != NULL)
		check_sendmail(doctor, cf);
	if (!has_postfix && cf == NULL)
		doctor_say(doctor, DOCTOR_OK, "mta", "",
		    "neither Postfix nor Sendmail is on this host: their "
		    "lines are not checked");
	if (cf != NULL)
		fclose(cf);
	free(postfix);
}
