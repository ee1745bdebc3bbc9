/*
 * Internationalised domain names through ICU, the library that Postfix converts
 * them with: UTS #46, non-transitional, so that the sharp s stays what it is,
 * and symbols are let through. Mail goes where the MTA's
 * conversion leads, so this one has to lead there too.
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
