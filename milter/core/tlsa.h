/*
 * Whether a TLSA record is one that SMTP can use (RFC 7672 3.1).
 *
 * Pure. Any thread.
 */
#ifndef CORE_TLSA_H
#define CORE_TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* rdata: usage, selector, matching type, data (RFC 6698 2.1), any octets. */
bool tlsa_is_usable(const uint8_t *rdata, size_t len);

#endif
