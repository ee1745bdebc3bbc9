/*
 * The one line that every recipient leaves (DESIGN "Per-recipient line"):
 * fixed keys, fixed order.
 *
 * Any thread.
 */
#ifndef FRONT_RECIPIENT_LOG_H
#define FRONT_RECIPIENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/facts.h"
#include "core/verdict.h"
#include "log/log.h"

struct domain_entry;

struct recipient_log {
	const char *queue_id; /* NULL: NOQUEUE */
	const char *to;       /* argv[0] as typed, any octets */
	const char *domain;   /* policy domain, NULL or "": none */
	const char *next_hop; /* NULL: the domain of the address */
	const char *client;   /* NULL: not known */
	bool monitor;
	bool cached;
	uint64_t ms;
	enum verdict_kind verdict; /* what was (monitor: would be) done */
	enum reason reason;
	/* NULL: no lookup was needed (local, exempt, ...) */
	const struct verdict *judged;
	const struct facts *facts;
	const struct domain_entry *exemption; /* of REASON_EXEMPT, or NULL */
	const char *exempted_by;              /* likewise: of its sender */
};

/* Info for what passes for a usual reason, else warning. */
enum log_level recipient_log_level(const struct recipient_log *line);
/* Passed, and all is as it should be: may be left out of the log. */
bool recipient_log_is_plain(const struct recipient_log *line);
void recipient_log(struct log *log, const struct recipient_log *line);

#endif
