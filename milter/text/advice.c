/* Meaning and advice for every reason. See advice.h. */
#include "autoconf.h"

#include "text/advice.h"

#include <string.h>

#include "base/text.h"

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

/* --- mistake or attack --- */

static const char *const type_names[] = {
#define X(member, name, reply) [member] = name,
    EVIDENCE_TABLE(X)
#undef X
};

struct step {
	const char
	    *command; /* "%s" is owner name and type, or the name alone */
	bool name_alone;
	const char *outcomes[2];
};

/* These resolvers validate, and other parties run them. */
static const struct step insecure_steps[] = {
    {"dig @9.9.9.9 +dnssec %s",   false,
     {"flag ad: others see it signed, so the signatures are stripped on the "
	 "way to you: look at your resolvers, or suspect an attack",
	    "no flag ad: it is unsigned for all: tell the owner"}    },
    {"dig @9.9.9.9 +short %s DS", true,
     {"records: the parent says that the zone is signed, and its servers or "
	 "somebody in between strip the signatures",
	    "nothing: the zone is not signed, or its DS record was never given "
	    "to the parent (or the name is not the top of its zone)"}},
    {"delv @9.9.9.9 +vtrace %s",  false,
     {"\"unsigned answer\": the lines above it show the delegation "
	 "without DS record",
	    "\"fully validated\": as for flag ad"}                   },
};

static const struct step bogus_steps[] = {
    {"dig @9.9.9.9 %s",               false,
     {"SERVFAIL: it is bogus for others too, so it is the owner's mistake",
	    "an answer with flag ad: it is forged on the way to you, or your "
	    "clock is wrong"}					    },
    {"dig @9.9.9.9 +cd +dnssec %s",   false,
     {"RRSIG records that expired: the owner has to sign the zone anew",
	    "no RRSIG record: the zone is served without its signatures"}},
    {"delv @9.9.9.9 +vtrace %s",      false,
     {"\"no valid DS\", \"no valid RRSIG\": the keys were changed and the "
	 "DS record of the parent was not, or the other way round",
	    "\"fully validated\": as for flag ad"}                       },
    {"dig @9.9.9.9 +cd +short %s DS", true,
     {"the first number, the key tag, must be that of a key in the zone; dig "
	 "+cd +multi shows them for the type DNSKEY",
	    "nothing: ask for the zone that the name belongs to"}        },
};

void
advice_recipe(FILE *out, size_t width, const struct verdict *verdict)
{
	const struct evidence *decided = &verdict->decided_by;
	bool bogus = decided->status == FACT_BOGUS;
	const struct step *steps = bogus ? bogus_steps : insecure_steps;
	size_t n = bogus ? sizeof(bogus_steps) / sizeof(bogus_steps[0])
			 : sizeof(insecure_steps) / sizeof(insecure_steps[0]);
	char owner[EVIDENCE_TEXT_SIZE], question[EVIDENCE_TEXT_SIZE + 8];
	char name[EVIDENCE_TEXT_SIZE];

	if ((!bogus && decided->status != FACT_INSECURE) ||
	    (decided->kind != EVIDENCE_TXT && decided->kind != EVIDENCE_MX &&
		decided->kind != EVIDENCE_A && decided->kind != EVIDENCE_AAAA &&
		decided->kind != EVIDENCE_TLSA))
		return;
	evidence_owner(decided, owner, sizeof(owner));
	snprintf(question, sizeof(question), "%s %s", owner,
	    type_names[decided->kind]);
	snprintf(name, sizeof(name), "%s", decided->name);
	fputs("\nMistake or attack?\n", out);
	for (size_t i = 0; i < n; i++) {
		const char *gap = strstr(steps[i].command, "%s");
		const char *subject = steps[i].name_alone ? name : question;

		fputs("  ", out);
		text_print(out, steps[i].command,
		    (size_t)(gap - steps[i].command));
		text_print(out, subject, strlen(subject));
		fprintf(out, "%s\n", gap + 2);
		for (size_t k = 0; k < 2; k++)
			text_wrap(out, "      ", 6, width,
			    steps[i].outcomes[k]);
	}
}
