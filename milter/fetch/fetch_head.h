/*
 * The header of an HTTP response, line by line, as far as a policy fetch has
 * to judge it (RFC 8461 3.2, 3.3; REQUIREMENTS F-05 to F-07).
 *
 * Pure. Any thread. No allocation.
 */
#ifndef FETCH_FETCH_HEAD_H
#define FETCH_FETCH_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch/fetch.h"

#define FETCH_HEAD_VALUE_SIZE 64

/* Zeroed memory is a response of which nothing has come. */
struct fetch_head {
	size_t octets; /* of all lines, interim responses and trailers too */
	bool ended;    /* all of the final response's header was seen */
	bool chunked;
	/* of the response under way */
	unsigned status; /* 0: no status line yet */
	unsigned n_types;
	bool type_is_plain;
	bool folded;  /* a header that matters goes on on the next line */
	bool matters; /* the line before was such a header */
	bool lengths_differ;
	char length[FETCH_HEAD_VALUE_SIZE]; /* the first Content-Length */
	char type[FETCH_HEAD_VALUE_SIZE];
	char encoding[FETCH_HEAD_VALUE_SIZE]; /* "" or not identity */
	char transfer[FETCH_HEAD_VALUE_SIZE]; /* "" or not chunked */
};

/*
 * One line, line ending included. FETCH_FAILURE_NONE: go on; a body may only
 * follow when `ended`. Otherwise why says what is wrong.
 */
enum fetch_failure fetch_head_line(struct fetch_head *head, const uint8_t *line,
    size_t len, char why[FETCH_WHY_SIZE]);

#endif
