/*
 * A record of the policy store, as it lies on the disk. The checksum is made
 * right first, by a slow CRC-32 of the target's own, so that what it guards is
 * reached; then it is shown to guard it.
 *
 *	first octet	which octet of the record is damaged in the end
 */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "store/store_record.h"

#define DOMAIN     "example.org"
#define AT_VERSION 4
#define AT_ZERO    10
#define AT_CRC     40

/* Bit by bit: the polynomial of IEEE 802.3, reflected. */
static uint32_t
crc_octet(uint32_t crc, uint8_t octet)
{
	crc ^= octet;
	for (int bit = 0; bit < 8; bit++)
		crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
	return crc;
}

static void
put_checksum(uint8_t *record, size_t len)
{
	uint32_t crc = 0xffffffffU;

	for (const char *c = DOMAIN; *c != '\0'; c++)
		crc = crc_octet(crc, (uint8_t)*c);
	for (size_t i = 0; i < len; i++)
		if (i < AT_CRC || i >= AT_CRC + 4)
			crc = crc_octet(crc, record[i]);
	crc = ~crc;
	for (size_t i = 0; i < 4; i++)
		record[AT_CRC + i] = (uint8_t)(crc >> (8 * i));
}

static void
check_inside(const void *at, size_t n, const uint8_t *record, size_t len)
{
	const uint8_t *octets = at;

	MUST(octets >= record && octets + n <= record + len);
}

/* What was read, written again: the same but for what is not read. */
static void
check_rewrite(const struct store_entry *entry, const uint8_t *record,
    size_t len)
{
	uint8_t *again = malloc(len);

	MUST(again != NULL);
	MUST(format_size(entry) == len);
	format_write(entry, again);
	again[AT_VERSION] = record[AT_VERSION];
	again[AT_VERSION + 1] = record[AT_VERSION + 1];
	again[AT_ZERO] = record[AT_ZERO];
	again[AT_ZERO + 1] = record[AT_ZERO + 1];
	put_checksum(again, len);
	MUST(memcmp(again, record, len) == 0);
	free(again);
}

/* As the memory store and the queues copy it. */
static void
check_copy(const struct store_entry *entry)
{
	struct record *copy = NULL;
	int err = record_new(entry, &copy);

	MUST((err == 0) == (copy != NULL));
	MUST(err == 0 || (err == ERR_SYNTAX && strlen(entry->id) > 32));
	if (copy == NULL)
		return;
	MUST(strcmp(copy->entry.domain, DOMAIN) == 0);
	MUST(strcmp(copy->entry.id, entry->id) == 0);
	MUST(strlen(copy->entry.failure) <= RECORD_FAILURE_MAX);
	MUST(copy->entry.len == entry->len);
	MUST(memcmp(copy->entry.body, entry->body, entry->len) == 0);
	record_unref(&copy);
}

static void
check_entry(const struct store_entry *entry, const uint8_t *record, size_t len)
{
	MUST(strcmp(entry->domain, DOMAIN) == 0);
	check_inside(entry->id, strlen(entry->id) + 1, record, len);
	check_inside(entry->failure, strlen(entry->failure) + 1, record, len);
	check_inside(entry->body, entry->len, record, len);
	check_rewrite(entry, record, len);
	check_copy(entry);
}

/* Any one octet that is wrong is seen. */
static void
check_damage(uint8_t *record, size_t len, size_t at)
{
	struct store_entry entry;

	record[at] ^= 0x55;
	MUST(format_read(DOMAIN, record, len, &entry) != 0);
	record[at] ^= 0x55;
	MUST(format_read(DOMAIN, record, len - 1, &entry) != 0);
	MUST(format_read("example.com", record, len, &entry) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_entry entry;
	uint8_t *record;
	size_t len;
	int err;

	if (size == 0)
		return 0;
	len = size - 1;
	record = malloc(len);
	MUST(record != NULL);
	memcpy(record, data + 1, len);
	if (len >= FORMAT_HEADER_SIZE)
		put_checksum(record, len);
	err = format_read(DOMAIN, record, len, &entry);
	MUST(err == 0 || err == ERR_CORRUPT || err == ERR_VERSION);
	if (err == 0) {
		check_entry(&entry, record, len);
		check_damage(record, len, data[0] % len);
	}
	free(record);
	return 0;
}
