#include "autoconf.h"

#include "daemon/exemption_log.h"

#include "config/config.h"
#include "log/log.h"

#define DAY_S 86400

static void
tell(struct log *log, const char *event, const struct domain_entry *entry,
    const char *state, int64_t now_s)
{
	struct log_event e;

	log_begin(&e, log, LOG_LEVEL_WARNING, event);
	log_str(&e, "domain", entry->domain);
	log_str(&e, "state", state);
	log_int(&e, "left_s", entry->until_s - now_s);
	if (entry->comment != NULL)
		log_str(&e, "why", entry->comment);
	log_end(&e);
}

static void
tell_list(struct log *log, const char *event, const struct domain_list *list,
    int64_t now_s, int64_t since_s)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct domain_entry *entry = &list->item[i];

		switch (domain_entry_state(entry, now_s)) {
		case DOMAIN_ENTRY_LIVE:
			break;
		case DOMAIN_ENTRY_LAPSES:
			tell(log, event, entry, "lapses", now_s);
			break;
		case DOMAIN_ENTRY_LAPSED:
			if (entry->until_s > since_s)
				tell(log, event, entry, "lapsed", now_s);
			break;
		}
	}
}

void
exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s)
{
	tell_list(log, "exemption", &config->scope.exemptions, now_s, since_s);
	tell_list(log, "pin", &config->pins, now_s, since_s);
}

void
exemption_log_conflicts(struct log *log, const struct config *config,
    int64_t now_s)
{
	const struct domain_entry *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < config->pins.n; i++) {
		const struct domain_entry *pin = &config->pins.item[i];

		if (domain_entry_state(pin, now_s) == DOMAIN_ENTRY_LAPSED ||
		    domain_list_find(&config->scope.exemptions, pin->domain,
			now_s) == NULL)
			continue;
		first = first != NULL ? first : pin;
		n++;
	}
	if (n == 1)
		log_msg(log, LOG_LEVEL_WARNING, "config",
		    "%s is pinned and exempt: it is not checked",
		    first->domain);
	else if (n > 1)
		log_msg(log, LOG_LEVEL_WARNING, "config",
		    "%zu pinned domains are exempt as well, %s among them: "
		    "they are not checked",
		    n, first->domain);
}

int64_t
exemption_log_pause(int64_t now_s)
{
	return DAY_S - now_s % DAY_S;
}
