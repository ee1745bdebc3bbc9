/* Postfix' side of socketmap under load: its keys are next hops. See load.h. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "load.h"

static const char *map_name = "postfix";

static void
ask(struct load_connection *c, const char *key)
{
	char text[LOAD_KEY_MAX + 64];
	char frame[LOAD_KEY_MAX + 96];
	int len = snprintf(text, sizeof(text), "%s %s", map_name, key);

	len = snprintf(frame, sizeof(frame), "%d:%s,", len, text);
	load_send(c, frame, (size_t)len);
}

static enum load_taken
take(struct load_connection *c, size_t *whole)
{
	struct netstring frame;

	switch (netstring_parse(c->input, c->len, LOAD_INPUT_MAX / 2, &frame)) {
	case NETSTRING_PART:
		return LOAD_PART;
	case NETSTRING_BAD:
		(void)fprintf(stderr, "no netstring\n");
		exit(1);
	case NETSTRING_WHOLE:
		break;
	}
	*whole = frame.whole;
	return frame.len > 3 && memcmp(frame.data, "OK ", 3) == 0 ? LOAD_ANSWER
								  : LOAD_ODD;
}

int
main(int argc, char **argv)
{
	static const struct load_protocol protocol = {.ask = ask, .take = take};
	const char *name = getenv("SOCKETMAP_NAME");

	if (name != NULL)
		map_name = name;
	return load_run(argc, argv, &protocol);
}
