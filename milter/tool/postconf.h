/*
 * Postfix' configuration, as postconf(1) shows it: main.cf, and what services
 * set for themselves in master.cf.
 *
 * Single-threaded.
 */
#ifndef TOOL_POSTCONF_H
#define TOOL_POSTCONF_H

#include <stdbool.h>

#include "tool/doctor.h"

/* Octets of a value or a list of names, with its end; more are cut. */
#define POSTFIX_VALUE 2048

/* The parameters that matter here; "" if Postfix does not know one. */
#define POSTFIX_PARAMETERS(X)     \
	X(mail_version)           \
	X(compatibility_level)    \
	X(queue_directory)        \
	X(smtpd_milters)          \
	X(smtpd_milter_maps)      \
	X(milter_default_action)  \
	X(smtp_tls_policy_maps)   \
	X(smtp_dns_support_level) \
	X(smtp_tls_CAfile)        \
	X(smtp_tls_CApath)        \
	X(smtp_fallback_relay)    \
	X(tls_required_enable)

struct postfix {
#define X(name) char name[POSTFIX_VALUE];
	POSTFIX_PARAMETERS(X)
#undef X
	bool smtpd_chroot; /* of a service that asks the filter */
	bool smtp_chroot;
	struct doctor_socket filter; /* the option socket */
	struct doctor_socket map;    /* policy_socket; name "": none */
	/* smtpd_milters of the first service that names the filter itself. */
	char service_milters[POSTFIX_VALUE];
	/* Names of services that set a parameter themselves (master.cf, -o): */
	char asking[POSTFIX_VALUE];    /* smtpd_milters names the filter */
	char others[POSTFIX_VALUE];    /* smtpd_milters does not name it */
	char accepting[POSTFIX_VALUE]; /* milter_default_action: unchecked */
	char unmapped[POSTFIX_VALUE];  /* smtp_tls_policy_maps: the map is not
					* the first table */
	char undnssec[POSTFIX_VALUE];  /* smtp_dns_support_level: not dnssec */
	char falling_back[POSTFIX_VALUE]; /* smtp_fallback_relay: not empty */
};

/* Fills in a zeroed *postfix. Reads the sockets of doctor->config and
 * doctor->postfix_dir. False: there is no Postfix. */
bool postfix_read(const struct doctor *doctor, struct postfix *postfix);

/* Where a list of main.cf names a socket: "inet:HOST:PORT" with its port, or
 * "unix:PATH", which may be below queue_directory. NULL: nowhere. */
const char *postfix_find_socket(const char *list,
    const struct doctor_socket *socket, const char *queue_directory);

/* With this milter_default_action, recipients are accepted unchecked while the
 * filter is stopped. */
bool postfix_loses_the_check(const char *action);

#endif
