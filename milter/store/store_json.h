/*
 * One stored policy as JSON on a line, to carry policies from one store to
 * another:
 *
 *	{"domain":"example.org","id":"20260101","fetched":1764000000,
 *	 "tried":0,"failure":"","used":1764000000,"body":"dmVyc2lvbjog..."}
 *
 * The id is "" when no TXT record named the policy. Times are wall clock in
 * seconds; the body is in base 64, so that it is preserved octet by octet. The
 * failure is for people: octets in it that are not UTF-8 become '?'. Unknown
 * fields are ignored when read; "tried", "failure" and "used" may be missing.
 * No program writes a "version" yet. A later one that changes the meaning of
 * other fields has to write it, so that this one refuses the line.
 *
 * Any thread.
 */
#ifndef STORE_STORE_JSON_H
#define STORE_STORE_JSON_H

#include <stddef.h>

#include "store/store.h"
#include "store/store_record.h"

#define STORE_JSON_VERSION    1 /* also where none is named */
#define STORE_JSON_ERROR_SIZE 256
/* Octets of a line whose body has that many. */
#define STORE_JSON_LINE_MAX(body) ((body) / 3 * 4 + 8192)

/* Without a line's end. NULL: no memory. Free with free(). */
char *store_json_write(const struct store_entry *entry);

/* Clocks of two machines may differ by so much. */
#define STORE_JSON_AHEAD_S 3600

/*
 * Reads one line and checks it: the domain is canonical, the id is one, the
 * body is a policy, the fetch time is not ahead of now_s. 0, ERR_SYNTAX or
 * ERR_NOMEM with *error filled in.
 */
int store_json_read(const char *text, size_t len, int64_t now_s,
    struct record **out, char error[STORE_JSON_ERROR_SIZE]);

#endif
