/*
 * dane-sts doctor: checks everything that a support mail would ask about. Each
 * check yields ok, warning or error, and advice.
 *
 * Single-threaded.
 */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define DOCTOR_TEXT_SIZE   512
#define DOCTOR_RESULTS_MAX 48

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARNING,
	DOCTOR_ERROR
};

struct doctor_result {
	enum doctor_level level;
	const char *name; /* static: "clock", "postfix" */
	char text[DOCTOR_TEXT_SIZE];
	char fix[DOCTOR_TEXT_SIZE]; /* "" for DOCTOR_OK */
};

struct doctor {
	const char *postfix_dir; /* of main.cf; NULL: Postfix' default */
	const char *sendmail_cf;
	const struct config *config;
	size_t n;
	struct doctor_result results[DOCTOR_RESULTS_MAX];
};

/* Adds a result. fix: static or borrowed; "" for DOCTOR_OK. */
void doctor_say(struct doctor *doctor, enum doctor_level level,
    const char *name, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A socket of the configuration: "unix:PATH", "local:PATH", "inet:PORT@HOST",
 * "inet6:PORT@HOST" or, as for metrics, "HOST:PORT". */
struct doctor_socket {
	const char *path; /* of a unix socket; else NULL */
	char host[128];
	char port[16];
	char name[DOCTOR_TEXT_SIZE]; /* as main.cf has it; not of HOST:PORT */
};
bool doctor_socket_read(const char *spec, struct doctor_socket *out);

/* Examines main.cf, master.cf and sendmail.cf for the lines about this filter.
 */
void doctor_mta(struct doctor *doctor);

#endif
