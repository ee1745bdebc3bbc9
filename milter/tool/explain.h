/*
 * dane-sts explain: tells lines of the log in sentences.
 *
 * Single-threaded.
 */
#ifndef TOOL_EXPLAIN_H
#define TOOL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log_read.h"

#define EXPLAIN_GROUPS   128
#define EXPLAIN_KEY_SIZE 1024

/* Lines that say the same of the same recipient are told once. */
struct explain_group {
	char key[EXPLAIN_KEY_SIZE];
	char first[48]; /* time of the first of them */
	uint64_t n;
	uint64_t last_line; /* which line of the log it was; 0: free */
	struct log_record last;
};

/* Whether the line tells of a recipient or a delivery that was, or (monitor)
 * would have been, deferred, rejected or held. */
bool explain_is_refusal(const struct log_record *record);

/* One group, in sentences on stdout. */
void explain_print(const struct explain_group *group);
/* As an object on one line. False: no memory, or stdout failed; either was
 * reported. */
bool explain_json(const struct explain_group *group);

#endif
