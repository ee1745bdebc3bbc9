/*
 * A DNS message of any octets, through getdns's conversion, to an answer.
 *
 *	first octet	0 to 5: which type was asked for; times 8: what the
 *			validator said
 */
#include "autoconf.h"

#include <string.h>

#include <getdns/getdns.h>
#include <getdns/getdns_extra.h>

#include "core/decide.h"
#include "core/txt.h"
#include "dns/dns_internal.h"
#include "dns_message.h"
#include "fuzz.h"

#define NAME "example.org"

static const enum dns_type types[] = {DNS_A, DNS_MX, DNS_TXT, DNS_AAAA,
    DNS_DNSKEY, DNS_TLSA, DNS_DS};
#define TYPES_COUNT (sizeof(types) / sizeof(*types))

static const uint32_t verdicts[] = {GETDNS_DNSSEC_SECURE,
    GETDNS_DNSSEC_INSECURE, GETDNS_DNSSEC_BOGUS, GETDNS_DNSSEC_INDETERMINATE,
    GETDNS_DNSSEC_NOT_PERFORMED, 0};
#define VERDICTS_COUNT (sizeof(verdicts) / sizeof(*verdicts))

/* Any name: to text and back it stays what it is. */
static void
check_wire(const uint8_t *octets, size_t len)
{
	struct dns_wire wire;
	struct dns_wire again;
	char name[NAME_SIZE];

	if (!dns_wire_from_octets(octets, len, &wire) ||
	    !dns_wire_to_name(&wire, name))
		return;
	MUST(dns_wire_from_name(name[0] != '\0' ? name : ".", &again));
	MUST(dns_wire_equal(&wire, &again));
}

static void
check_host(const struct dns_record *record)
{
	const char *name = record->name;
	char canon[NAME_SIZE];

	MUST(strlen(name) < NAME_SIZE);
	if (record->unusable) { /* D-18 */
		MUST(name[0] != '\0');
		for (; *name != '\0'; name++)
			MUST(*name > ' ' && *name <= '~');
		return;
	}
	if (name[0] == '\0')
		return; /* a null MX beside others: D-10 */
	MUST(name_canon((const uint8_t *)name, strlen(name), canon) == 0);
	MUST(strcmp(name, canon) == 0);
}

static void
check_record(enum dns_type type, const struct dns_record *record)
{
	switch (type) {
	case DNS_A:
		MUST(record->len == 4);
		break;
	case DNS_AAAA:
		MUST(record->len == 16);
		break;
	case DNS_MX:
		check_host(record);
		return;
	case DNS_TLSA:
		(void)tlsa_is_usable(record->data, record->len);
		break;
	case DNS_TXT:
	case DNS_DS:
	case DNS_DNSKEY:
		break;
	}
	/* All of it can be read. */
	MUST(record->len > 0);
	for (size_t i = 0; i < record->len; i++)
		MUST(record->data[i] <= 255);
}

static void
check_txt(const struct dns_answer *answer)
{
	struct txt_rdata rdata[DNS_RECORDS_MAX];
	struct txt_result result;

	for (size_t i = 0; i < answer->n; i++)
		rdata[i] = (struct txt_rdata){answer->records[i].data,
		    answer->records[i].len};
	txt_parse(rdata, answer->n, &result);
}

static void
check_failure(const struct dns_answer *answer)
{
	MUST(answer->why[0] != '\0');
	MUST(answer->answer == ANSWER_EMPTY);
	MUST(answer->n == 0 && answer->ttl_s == 0);
}

static void
check_answer(const struct dns_answer *answer, enum dns_type type,
    uint32_t verdict)
{
	MUST(answer->n <= DNS_RECORDS_MAX);
	MUST(answer->status != FACT_UNASKED);
	/* D-07 */
	MUST(answer->status != FACT_SECURE || verdict == GETDNS_DNSSEC_SECURE);
	MUST(memchr(answer->why, '\0', sizeof(answer->why)) != NULL);
	if (answer->status == FACT_FAILED || answer->status == FACT_BOGUS) {
		check_failure(answer);
		return;
	}
	MUST(answer->why[0] == '\0');
	MUST((answer->answer == ANSWER_RECORDS) == (answer->n > 0));
	MUST(answer->answer != ANSWER_EMPTY);
	MUST(answer->answer != ANSWER_NULL_MX || type == DNS_MX);
	for (size_t i = 0; i < answer->n; i++)
		check_record(type, &answer->records[i]);
	for (size_t i = 1; type == DNS_MX && i < answer->n; i++)
		MUST(answer->records[i - 1].preference <=
		    answer->records[i].preference);
	if (type == DNS_TXT)
		check_txt(answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	getdns_dict *reply = NULL;
	struct dns_answer *answer;
	enum dns_type type;
	uint32_t verdict;

	if (size == 0)
		return 0;
	type = types[data[0] % 8 % TYPES_COUNT];
	verdict = verdicts[data[0] / 8 % VERDICTS_COUNT];
	check_wire(data + 1, size - 1);
	if (!dns_message_is_sound(data + 1, size - 1) ||
	    getdns_wire2msg_dict(data + 1, size - 1, &reply) !=
		GETDNS_RETURN_GOOD)
		return 0;
	MUST(getdns_dict_set_int(reply, "dnssec_status", verdict) ==
	    GETDNS_RETURN_GOOD);
	answer = dns_reply_read(reply, NAME, type);
	MUST(answer != NULL);
	check_answer(answer, type, verdict);
	free(answer);
	getdns_dict_destroy(reply);
	return 0;
}
