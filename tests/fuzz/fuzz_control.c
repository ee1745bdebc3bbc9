/*
 * What comes over the control socket: lines, the objects in them, and policies
 * to be imported. Lines are compared with what the plainest split makes of the
 * same octets.
 */
#include "autoconf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/line.h"
#include "core/policy.h"
#include "front/control.h"
#include "fuzz.h"
#include "store/store_json.h"

#define LINE_MAX_LEN 1024 /* so that inputs can be longer */
#define PATIENCE_MS  10000
#define INPUT_MAX    65536 /* fits into a socket */
#define NOW_S        1800000000

/* --- lines ---------------------------------------------------------------- */

/* A socket that holds the octets and then ends. */
static int
open_stream(const uint8_t *data, size_t size)
{
	int fd[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	MUST(write(fd[1], data, size) == (ssize_t)size);
	close(fd[1]);
	return fd[0];
}

/* What line_read must make of the line at `at`. */
static int
plain_line(const uint8_t *at, size_t left, size_t *len)
{
	const uint8_t *lf = left > 0 ? memchr(at, '\n', left) : NULL;

	*len = lf != NULL ? (size_t)(lf - at) : left;
	if (*len > LINE_MAX_LEN)
		return ERR_TOOLONG;
	if (lf == NULL)
		return ERR_NOTFOUND;
	return *len > 0 && memchr(at, '\0', *len) != NULL ? ERR_SYNTAX : 0;
}

static void
check_lines(const uint8_t *data, size_t size)
{
	int fd = open_stream(data, size);
	struct line_io io;
	size_t expected_len;
	size_t len;
	char *line;
	int err;

	line_init(&io, fd, -1, LINE_MAX_LEN, PATIENCE_MS);
	do {
		err = line_read(&io, &line, &len);
		MUST(err == plain_line(data, size, &expected_len));
		if (err == 0) {
			MUST(len == expected_len);
			MUST(memcmp(line, data, len) == 0);
			MUST(line[len] == '\0');
		}
		if (err == 0 || err == ERR_SYNTAX) {
			data += expected_len + 1;
			size -= expected_len + 1;
		}
	} while (err == 0 || err == ERR_SYNTAX);
	line_clear(&io);
	close(fd);
}

/* --- objects -------------------------------------------------------------- */

static void
check_domain(const json_t *object)
{
	char domain[NAME_SIZE];
	char canon[NAME_SIZE];

	if (!client_domain(object, domain))
		return;
	MUST(name_canon((const uint8_t *)domain, strlen(domain), canon) == 0);
	MUST(strcmp(domain, canon) == 0);
}

static void
check_objects(const uint8_t *data, size_t size)
{
	int fd = open_stream(data, size);
	struct control_client client = {.request = NULL};
	json_t *object;

	line_init(&client.io, fd, -1, LINE_MAX_LEN, PATIENCE_MS);
	while (client_next(&client, &object) == 0) {
		MUST(object == NULL || json_is_object(object));
		if (object != NULL)
			check_domain(object);
		json_decref(object);
	}
	MUST(object == NULL);
	line_clear(&client.io);
	close(fd);
}

/* --- policies ------------------------------------------------------------- */

/* T-06; "" if no TXT record named the policy (T-12). */
static bool
is_id(const char *id)
{
	size_t len = strspn(id,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

	return len <= TXT_ID_LEN_MAX && id[len] == '\0';
}

/* What the header says was checked. */
static void
check_entry(const struct store_entry *entry)
{
	struct policy *policy = NULL;

	MUST(record_check_domain(entry->domain) == 0);
	MUST(is_id(entry->id));
	MUST(entry->fetched_s >= 0);
	MUST(entry->fetched_s <= NOW_S + STORE_JSON_AHEAD_S);
	MUST(strlen(entry->failure) <= RECORD_FAILURE_MAX);
	MUST(policy_parse(entry->body, entry->len, NULL, NULL, &policy) == 0);
	policy_free(&policy);
}

/* What is exported is imported as it was. */
static void
check_again(const struct record *record)
{
	char error[STORE_JSON_ERROR_SIZE];
	char *text = store_json_write(&record->entry);
	struct record *again = NULL;
	char *text_again;

	MUST(text != NULL);
	MUST(strchr(text, '\n') == NULL);
	MUST(strlen(text) <= STORE_JSON_LINE_MAX(record->entry.len));
	MUST(store_json_read(text, strlen(text), NOW_S, &again, error) == 0);
	MUST(again->entry.len == record->entry.len);
	MUST(memcmp(again->entry.body, record->entry.body, record->entry.len) ==
	    0);
	text_again = store_json_write(&again->entry);
	MUST(text_again != NULL && strcmp(text, text_again) == 0);
	record_unref(&again);
	free(text);
	free(text_again);
}

static void
check_policy(const char *line, size_t len)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record = NULL;
	int err;

	memset(error, 'x', sizeof(error));
	err = store_json_read(line, len, NOW_S, &record, error);
	MUST(err == 0 || err == ERR_SYNTAX);
	MUST((err == 0) == (record != NULL));
	if (record == NULL) {
		MUST(memchr(error, '\0', sizeof(error)) != NULL);
		return;
	}
	check_entry(&record->entry);
	check_again(record);
	record_unref(&record);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (size > INPUT_MAX)
		return 0;
	check_lines(data, size);
	check_objects(data, size);
	while (data < end) {
		const uint8_t *lf = memchr(data, '\n', (size_t)(end - data));
		const uint8_t *stop = lf != NULL ? lf : end;

		check_policy((const char *)data, (size_t)(stop - data));
		data = lf != NULL ? lf + 1 : end;
	}
	return 0;
}
