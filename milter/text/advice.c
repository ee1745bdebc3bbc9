/* What a verdict means and asks for. See advice.h. */
#include "autoconf.h"

#include "text/advice.h"

/* A switch, so that the compiler names the reason that has no sentence. */
const char *
advice_text(enum reason reason)
{
	switch (reason) {
#define X(member, meaning, sentence) \
	case member:                 \
		return sentence;
		ADVICE_TABLE(X)
#undef X
	case REASON_COUNT:
		break;
	}
	return "";
}

const char *
advice_meaning(enum reason reason)
{
	switch (reason) {
#define X(member, meaning, sentence) \
	case member:                 \
		return meaning;
		ADVICE_TABLE(X)
#undef X
	case REASON_COUNT:
		break;
	}
	return "";
}
