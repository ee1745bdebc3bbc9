#include "autoconf.h"

#include "front/eom_action.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/idn.h"

/* A refusal at the end hits the other recipients as well: never for good. */
static void
make_temporary(struct reply *reply)
{
	memcpy(reply->code, "450", sizeof(reply->code));
	memcpy(reply->xcode, "4.7.5", sizeof(reply->xcode));
}

/* Refusing outranks holding; of the same rank the first is told. */
static void
remember(struct message *message, bool refuse,
    const struct recipient_result *result)
{
	bool worse =
	    refuse ? !message->refuse : !message->refuse && !message->hold;

	if (worse) {
		message->reason = result->reason;
		message->reply = result->reply;
		make_temporary(&message->reply);
	}
	if (refuse)
		message->refuse = true;
	else
		message->hold = true;
}

enum message_action
message_recipient(struct message *message, const struct message_limits *limits,
    const struct recipient_result *result)
{
	bool hold = false;

	switch (result->answer) {
	case RECIPIENT_PASS:
		return MESSAGE_CONTINUE;
	case RECIPIENT_REFUSE:
		break;
	case RECIPIENT_HOLD:
		hold = limits->can_hold;
		break;
	}
	if (message == NULL || (!hold && limits->can_refuse))
		return MESSAGE_REFUSE;
	remember(message, !hold, result);
	return MESSAGE_CONTINUE;
}

void
message_mail(struct message *message, const struct scope_rules *rules,
    char *const *argv)
{
	const struct exempt_sender *exemption;

	if (argv[0] == NULL)
		return;
	exemption = scope_exempt_sender(rules, argv[0], idn_to_ascii);
	if (exemption != NULL)
		(void)snprintf(message->exempted_by,
		    sizeof(message->exempted_by), "exempt_senders: %s",
		    exemption->text);
	for (argv++; *argv != NULL; argv++) {
		if (strcasecmp(*argv, "REQUIRETLS") == 0)
			message->require_tls = true;
	}
}

/* RFC 8689 3: "No" is the only value. */
void
message_header(struct message *message, const char *name, const char *value)
{
	static const char blanks[] = " \t\r\n";
	size_t len;

	if (strcasecmp(name, "TLS-Required") != 0)
		return;
	value += strspn(value, blanks);
	len = strcspn(value, blanks);
	if (len == 2 && strncasecmp(value, "No", len) == 0 &&
	    value[len + strspn(value + len, blanks)] == '\0')
		message->tls_not_needed = true;
	else
		message->tls_header_odd = true;
}

/* RFC 8689 4.1: the header does not count beside REQUIRETLS. */
bool
message_waives_tls(const struct message *message)
{
	return message->tls_not_needed && !message->tls_header_odd &&
	    !message->require_tls;
}

enum message_action
message_end(const struct message *message)
{
	if (message == NULL)
		return MESSAGE_CONTINUE;
	if (message->refuse)
		return MESSAGE_REFUSE;
	return message->hold ? MESSAGE_HOLD : MESSAGE_CONTINUE;
}

void
message_reset(struct message *message)
{
	if (message != NULL)
		memset(message, 0, sizeof(*message));
}
