/* Shared copies of store entries, and entries as octets. */
#include "autoconf.h"

#include "store/store_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"

int
record_check_domain(const char *domain)
{
	size_t len = strnlen(domain, NAME_SIZE);
	char canon[NAME_SIZE];
	int err = name_canon((const uint8_t *)domain, len, canon);

	if (err != 0)
		return err;
	return strcmp(domain, canon) == 0 ? 0 : ERR_SYNTAX;
}

/* Copies len octets and a NUL to *at and moves it on. */
static const char *
append(char **at, const void *octets, size_t len)
{
	char *start = *at;

	if (len > 0)
		memcpy(start, octets, len);
	start[len] = '\0';
	*at = start + len + 1;
	return start;
}

int
record_new(const struct store_entry *entry, struct record **out)
{
	int err = record_check_domain(entry->domain);
	size_t domain_len = strnlen(entry->domain, NAME_SIZE);
	size_t id_len = strnlen(entry->id, TXT_ID_SIZE);
	size_t failure_len = strnlen(entry->failure, RECORD_FAILURE_MAX);
	size_t size = sizeof(struct record) + domain_len + id_len +
	    failure_len + entry->len + 4;
	struct record *r;
	char *at;

	*out = NULL;
	if (err != 0)
		return err;
	if (id_len > TXT_ID_LEN_MAX)
		return ERR_SYNTAX;
	if (entry->len > RECORD_BODY_MAX)
		return ERR_TOOLONG;
	*out = r = malloc(size);
	if (r == NULL)
		return ERR_NOMEM;
	at = (char *)(r + 1);
	atomic_init(&r->refs, 1);
	r->deleted = false;
	r->size = size;
	r->entry = *entry;
	r->entry.domain = append(&at, entry->domain, domain_len);
	r->entry.id = append(&at, entry->id, id_len);
	r->entry.failure = append(&at, entry->failure, failure_len);
	r->entry.body = (const uint8_t *)append(&at, entry->body, entry->len);
	return 0;
}

int
record_new_policy(const struct store_entry *entry, struct record **out)
{
	struct store_entry kept = *entry;
	struct policy *policy = NULL;
	uint8_t *body = NULL;
	int err = record_check_domain(entry->domain);

	*out = NULL;
	kept.expendable = false;
	if (err == 0 && entry->len > RECORD_BODY_MAX)
		err = ERR_TOOLONG;
	/* A body that cannot be parsed is kept as if it bound. */
	if (err == 0 &&
	    policy_parse(entry->body, entry->len, NULL, NULL, &policy) == 0)
		kept.expendable = !policy->dnssec;
	if (kept.expendable && kept.len > STORE_EXPENDABLE_RAW_MAX) {
		body = malloc(STORE_EXPENDABLE_MAX);
		if (body == NULL)
			err = ERR_NOMEM;
		else
			kept.len =
			    policy_write(policy, body, STORE_EXPENDABLE_MAX);
		kept.body = body;
	}
	if (err == 0 && kept.expendable && kept.len > STORE_EXPENDABLE_MAX) {
		err = record_new_deleted(entry->domain, out);
		if (err == 0) {
			(*out)->entry.expendable = true;
			(*out)->entry.fetched_s = entry->fetched_s;
		}
	} else if (err == 0) {
		err = record_new(&kept, out);
	}
	policy_free(&policy);
	free(body);
	return err;
}

int
record_new_deleted(const char *domain, struct record **out)
{
	const struct store_entry entry = {.domain = domain,
	    .id = "",
	    .failure = ""};
	int err = record_new(&entry, out);

	if (err == 0)
		(*out)->deleted = true;
	return err;
}

struct record *
record_ref(struct record *record)
{
	atomic_fetch_add_explicit(&record->refs, 1, memory_order_relaxed);
	return record;
}

void
record_unref(struct record **recordp)
{
	struct record *record = *recordp;

	*recordp = NULL;
	if (record != NULL && atomic_fetch_sub(&record->refs, 1) == 1)
		free(record);
}

/* --- as octets ------------------------------------------------------------ */

#define RECORD_VERSION     1
#define FLAG_EXPENDABLE    1
#define AT_CRC             40
#define CRC_SIZE           4
#define FORMAT_VERSION_END 6

static const uint8_t magic[4] = {'D', 'S', 'T', 'S'};

static void
put_le(uint8_t *at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
get_le(const uint8_t *at, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/* CRC-32 as in Ethernet, four bits a step. */
static uint32_t
crc_add(uint32_t crc, const void *octets, size_t len)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8,
	    0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0,
	    0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	const uint8_t *at = octets;

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

static uint32_t
checksum(const char *domain, const uint8_t *record, size_t len)
{
	uint32_t crc = 0xffffffff;

	crc = crc_add(crc, domain, strlen(domain));
	crc = crc_add(crc, record, AT_CRC);
	crc =
	    crc_add(crc, record + FORMAT_HEADER_SIZE, len - FORMAT_HEADER_SIZE);
	return ~crc;
}

size_t
format_size(const struct store_entry *e)
{
	return FORMAT_HEADER_SIZE + strlen(e->id) + 1 + strlen(e->failure) + 1 +
	    e->len;
}

void
format_write(const struct store_entry *e, uint8_t *out)
{
	size_t id_len = strlen(e->id);
	size_t failure_len = strlen(e->failure);
	uint8_t *at = out + FORMAT_HEADER_SIZE;

	memcpy(out, magic, sizeof(magic));
	put_le(out + 4, RECORD_VERSION, 2);
	put_le(out + 6, id_len, 2);
	put_le(out + 8, failure_len, 2);
	put_le(out + 10, e->expendable ? FLAG_EXPENDABLE : 0, 2);
	put_le(out + 12, e->len, 4);
	put_le(out + 16, (uint64_t)e->fetched_s, 8);
	put_le(out + 24, (uint64_t)e->tried_s, 8);
	put_le(out + 32, (uint64_t)e->used_s, 8);
	memcpy(at, e->id, id_len + 1);
	at += id_len + 1;
	memcpy(at, e->failure, failure_len + 1);
	at += failure_len + 1;
	if (e->len > 0)
		memcpy(at, e->body, e->len);
	put_le(out + AT_CRC, checksum(e->domain, out, format_size(e)),
	    CRC_SIZE);
}

bool
format_is_expendable(const uint8_t *data, size_t len, int64_t *used_s)
{
	if (len < FORMAT_HEADER_SIZE || memcmp(data, magic, sizeof(magic)) != 0)
		return false;
	*used_s = (int64_t)get_le(data + 32, 8);
	return get_le(data + 4, 2) <= RECORD_VERSION &&
	    (get_le(data + 10, 2) & FLAG_EXPENDABLE) != 0;
}

int
format_read(const char *domain, const uint8_t *data, size_t len,
    struct store_entry *out)
{
	size_t id_len;
	size_t failure_len;
	const uint8_t *texts = data + FORMAT_HEADER_SIZE;

	if (len < FORMAT_VERSION_END || memcmp(data, magic, sizeof(magic)) != 0)
		return ERR_CORRUPT;
	/* Checked first: the rest may have another layout in later versions. */
	if (get_le(data + 4, 2) > RECORD_VERSION)
		return ERR_VERSION;
	if (len < FORMAT_HEADER_SIZE)
		return ERR_CORRUPT;
	id_len = get_le(data + 6, 2);
	failure_len = get_le(data + 8, 2);
	*out = (struct store_entry){
	    .domain = domain,
	    .fetched_s = (int64_t)get_le(data + 16, 8),
	    .tried_s = (int64_t)get_le(data + 24, 8),
	    .used_s = (int64_t)get_le(data + 32, 8),
	    .len = get_le(data + 12, 4),
	    .expendable = (get_le(data + 10, 2) & FLAG_EXPENDABLE) != 0,
	};
	if (len - FORMAT_HEADER_SIZE != id_len + failure_len + 2 + out->len ||
	    get_le(data + AT_CRC, CRC_SIZE) != checksum(domain, data, len))
		return ERR_CORRUPT;
	out->id = (const char *)texts;
	out->failure = out->id + id_len + 1;
	out->body = texts + id_len + failure_len + 2;
	/* Each text has its NUL behind it, and none before. */
	return strnlen(out->id, id_len + 1) == id_len &&
		strnlen(out->failure, failure_len + 1) == failure_len
	    ? 0
	    : ERR_CORRUPT;
}
