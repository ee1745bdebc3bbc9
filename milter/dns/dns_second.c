/*
 * With forwarders over TLS, getdns validates by itself, and calls a zone bogus
 * if all of its DS records have unknown algorithms or digests. By RFC 4035 5.2
 * such a zone is insecure: as good as unsigned, and no attack. So this module
 * takes a second look at what getdns calls bogus there.
 *
 *	bogus -> DS of the name, of its parent, ... -> secure DS records:
 *	    all of them unknown: the question once more, and it is insecure
 *	    else, or none found: bogus
 *
 * The DS records come validated from the parent zone, so that nobody but the
 * owner can make a zone insecure. A bogus answer that leads through an alias
 * into another zone stays bogus.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/dns_internal.h"

#define DS_HEAD 4 /* key tag, algorithm, digest type */

struct second {
	struct dns *dns;
	char name[NAME_SIZE];
	const char *zone; /* its DS is asked for; a part of name */
	enum dns_type type;
	char why[DNS_WHY_SIZE]; /* of the first answer */
	dns_done_fn *done;
	void *arg;
};

static void
pass_on(void *arg, const struct dns_answer *answer)
{
	struct second *s = arg;

	s->done(s->arg, answer);
	free(s);
}

/* RFC 8624 3.1, 3.3: RSASHA1 and its NSEC3 form, RSASHA256, RSASHA512, ECDSA,
 * EdDSA; SHA-1, SHA-256, SHA-384. The algorithms that getdns supports are among
 * them. */
static bool
are_unknown(const struct dns_answer *ds)
{
	static const uint8_t algorithms[] = {5, 7, 8, 10, 13, 14, 15, 16};
	static const uint8_t digests[] = {1, 2, 4};

	for (size_t i = 0; i < ds->n; i++) {
		const struct dns_record *record = &ds->records[i];

		if (record->len > DS_HEAD &&
		    memchr(algorithms, record->data[2], sizeof(algorithms)) !=
			NULL &&
		    memchr(digests, record->data[3], sizeof(digests)) != NULL)
			return false;
	}
	return ds->n > 0 && !ds->truncated;
}

static void ds_answered(void *arg, const struct dns_answer *answer);

/* Asks for the DS records of s->zone. NULL: there is nothing more to ask, and
 * the name is bogus. */
static void
ask_ds(struct second *s)
{
	struct dns_answer bogus = {.status = FACT_BOGUS};

	if (s->zone != NULL &&
	    dns_ask_once(s->dns, s->zone, DNS_DS, DNS_READ_STRICT, ds_answered,
		s) == 0)
		return;
	(void)snprintf(bogus.why, sizeof(bogus.why), "%s", s->why);
	pass_on(s, &bogus);
}

static void
ds_answered(void *arg, const struct dns_answer *ds)
{
	struct second *s = arg;
	const char *dot = strchr(s->zone, '.');

	s->zone = NULL;
	if (ds->status == FACT_SECURE && ds->answer == ANSWER_RECORDS) {
		if (are_unknown(ds) &&
		    dns_ask_once(s->dns, s->name, s->type, DNS_READ_INSECURE,
			pass_on, s) == 0)
			return;
	} else if ((ds->status == FACT_SECURE || ds->status == FACT_BOGUS) &&
	    dot != NULL) {
		/* Not a zone cut, or inside the bogus zone: try the parent. */
		s->zone = dot + 1;
	}
	ask_ds(s);
}

static void
first_answered(void *arg, const struct dns_answer *answer)
{
	struct second *s = arg;

	if (answer->status != FACT_BOGUS) {
		pass_on(s, answer);
		return;
	}
	memcpy(s->why, answer->why, sizeof(s->why));
	s->zone = s->name;
	ask_ds(s);
}

int
dns_second_ask(struct dns *dns, const char *name, enum dns_type type,
    enum dns_reading reading, dns_done_fn *done, void *arg)
{
	struct second *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return ERR_NOMEM;
	s->dns = dns;
	s->type = type;
	s->done = done;
	s->arg = arg;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	err = dns_ask_once(dns, name, type, reading, first_answered, s);
	if (err != 0)
		free(s);
	return err;
}
