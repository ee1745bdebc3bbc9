#include "autoconf.h"

#include "front/message.h"

#include <string.h>

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
