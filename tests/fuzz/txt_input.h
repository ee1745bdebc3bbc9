/*
 * Octets as a TXT RRset, so that inputs can be read and mutated as text: a
 * line is a record, "|" stands between the character-strings of one. After a
 * first octet 0 the rest is the RDATA of one record as it is.
 */
#ifndef FUZZ_TXT_INPUT_H
#define FUZZ_TXT_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/txt.h"

#define TXT_INPUT_RECORDS_MAX 16

struct txt_input {
	struct txt_rdata record[TXT_INPUT_RECORDS_MAX];
	size_t n;
	uint8_t *rdata; /* of all; txt_input_free */
};

void txt_input_make(const uint8_t *octets, size_t len, struct txt_input *out);
void txt_input_free(struct txt_input *input);

#endif
