/*
 * Converts internationalised domain names with ICU, as Postfix does: UTS #46,
 * non-transitional. A sharp s is not replaced by "ss", and symbols are
 * permitted. The MTA delivers to the name that its own conversion
 * yields, so this conversion has to yield the same name.
 *
 * Any thread.
 */
#ifndef BASE_IDN_H
#define BASE_IDN_H

#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

/* Loads ICU's tables; else the first conversion does. 0 or ERR_LIBRARY. */
int idn_open(void);

/* An address_idn_fn: UTF-8 octets to A-labels. 0 or ERR_SYNTAX. */
int idn_to_ascii(const uint8_t *utf8, size_t len, char out[NAME_SIZE]);

#endif
