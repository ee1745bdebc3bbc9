/*
 * Times for people.
 *
 * Pure. Any thread.
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define DURATION_SIZE 32

/* The two largest units: "6 d 12 h", "59 s". */
void duration_text(int64_t seconds, char out[DURATION_SIZE]);
/* UTC: "2026-11-23T22:41:42Z". */
void moment_text(int64_t wall_s, char out[DURATION_SIZE]);

#endif
