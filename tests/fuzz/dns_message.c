#include "autoconf.h"

#include "dns_message.h"

#define HEADER_LEN   12
#define QUESTION_LEN 4  /* behind its name */
#define RECORD_LEN   10 /* likewise, without the RDATA */
#define NAME_MAX_LEN 255

struct message {
	const uint8_t *octets;
	size_t len;
	size_t at;
};

static unsigned
get_16(const uint8_t *at)
{
	return (unsigned)(at[0] << 8 | at[1]);
}

/* Where the name at `at` ends there, not following compression; 0: it is
 * none. */
static size_t
name_end(const struct message *m, size_t at)
{
	size_t before = at; /* a pointer must lead before this */
	size_t end = 0;
	size_t len = 0;

	while (at < m->len && m->octets[at] != 0) {
		if (m->octets[at] < 0x40) {
			len += 1 + (size_t)m->octets[at];
			at += 1 + (size_t)m->octets[at];
			continue;
		}
		if (m->octets[at] < 0xc0 || at + 1 >= m->len)
			return 0;
		if (end == 0)
			end = at + 2;
		at = get_16(m->octets + at) & 0x3fff;
		if (at < HEADER_LEN || at >= before)
			return 0;
		before = at;
	}
	if (at >= m->len || len + 1 > NAME_MAX_LEN)
		return 0;
	return end != 0 ? end : at + 1;
}

static bool
skip(struct message *m, size_t n)
{
	if (n > m->len - m->at)
		return false;
	m->at += n;
	return true;
}

static bool
skip_name(struct message *m)
{
	size_t end = name_end(m, m->at);

	if (end == 0)
		return false;
	m->at = end;
	return true;
}

/* What is in answers to our questions, and where names stand in the RDATA:
 * libunbound looks at those, and at nothing else. */
static const struct {
	unsigned type;
	size_t before; /* octets */
	unsigned names;
	size_t after; /* octets at least */
} layouts[] = {
    {1,  0,  0, 0 }, /* A */
    {2,  0,  1, 0 }, /* NS */
    {5,  0,  1, 0 }, /* CNAME */
    {6,  0,  2, 20}, /* SOA */
    {15, 2,  1, 0 }, /* MX */
    {16, 0,  0, 0 }, /* TXT */
    {28, 0,  0, 0 }, /* AAAA */
    {39, 0,  1, 0 }, /* DNAME */
    {43, 0,  0, 0 }, /* DS */
    {46, 18, 1, 0 }, /* RRSIG */
    {47, 0,  1, 0 }, /* NSEC */
    {48, 0,  0, 0 }, /* DNSKEY */
    {50, 0,  0, 0 }, /* NSEC3 */
    {52, 0,  0, 0 }, /* TLSA */
};

static bool
rdata_is_sound(const struct message *m, unsigned type, size_t len)
{
	struct message rdata = {m->octets, m->at + len, m->at};
	size_t i = 0;

	while (
	    i < sizeof(layouts) / sizeof(*layouts) && layouts[i].type != type)
		i++;
	if (i == sizeof(layouts) / sizeof(*layouts) ||
	    !skip(&rdata, layouts[i].before))
		return false;
	for (unsigned n = 0; n < layouts[i].names; n++)
		if (!skip_name(&rdata))
			return false;
	return skip(&rdata, layouts[i].after);
}

static bool
skip_record(struct message *m)
{
	const uint8_t *head;
	size_t len;

	if (!skip_name(m) || !skip(m, RECORD_LEN))
		return false;
	head = m->octets + m->at - RECORD_LEN;
	len = get_16(head + RECORD_LEN - 2);
	return len <= m->len - m->at && rdata_is_sound(m, get_16(head), len) &&
	    skip(m, len);
}

bool
dns_message_is_sound(const uint8_t *octets, size_t len)
{
	struct message m = {octets, len, HEADER_LEN};
	unsigned questions;
	unsigned records;

	if (len < HEADER_LEN)
		return false;
	questions = get_16(octets + 4);
	records = get_16(octets + 6) + get_16(octets + 8) + get_16(octets + 10);
	for (; questions > 0; questions--)
		if (!skip_name(&m) || !skip(&m, QUESTION_LEN))
			return false;
	for (; records > 0; records--)
		if (!skip_record(&m))
			return false;
	return true;
}
