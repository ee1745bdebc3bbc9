#include "autoconf.h"

#include "exemption_log.h"

#include "config.h"
#include "io/log.h"

#define DAY_S 86400

static void
tell(struct log *log, const struct domain_entry *exemption, const char *state,
    int64_t now_s)
{
	struct log_event e;

	log_begin(&e, log, LOG_LEVEL_WARNING, "exemption");
	log_str(&e, "domain", exemption->domain);
	log_str(&e, "state", state);
	log_int(&e, "left_s", exemption->until_s - now_s);
	if (exemption->comment != NULL)
		log_str(&e, "why", exemption->comment);
	log_end(&e);
}

void
exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s)
{
	for (size_t i = 0; i < config->scope.exemptions.n; i++) {
		const struct domain_entry *e =
		    &config->scope.exemptions.item[i];

		switch (domain_entry_state(e, now_s)) {
		case DOMAIN_ENTRY_LIVE:
			break;
		case DOMAIN_ENTRY_LAPSES:
			tell(log, e, "lapses", now_s);
			break;
		case DOMAIN_ENTRY_LAPSED:
			if (e->until_s > since_s)
				tell(log, e, "lapsed", now_s);
			break;
		}
	}
}

int64_t
exemption_log_pause(int64_t now_s)
{
	return DAY_S - now_s % DAY_S;
}
