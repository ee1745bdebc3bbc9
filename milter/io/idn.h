/*
 * Internationalised domain names through libidn2: UTS #46 non-transitional
 * (R-04; RFC 5891), so that the sharp s stays what it is.
 *
 * Any thread.
 */
#ifndef IO_IDN_H
#define IO_IDN_H

#include "core/address.h"

/* An address_idn_fn: UTF-8 octets to A-labels. 0 or ERR_SYNTAX. */
int idn_to_ascii(const uint8_t *utf8, size_t len, char out[NAME_SIZE]);

#endif
