/*
 * A TXT record as people and `dig +short` write it (RFC 1035 5.1): either
 * bare text, or quoted character-strings with \DDD and \X inside.
 *
 * Any thread.
 */
#ifndef TOOL_RDATA_TEXT_H
#define TOOL_RDATA_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define RDATA_LEN_MAX 65535

/*
 * Turns text into RDATA: length octet and octets, repeated. Bare text is
 * taken as it is, in strings of 255. *rdata holds at least rdata_text_bound()
 * octets. 0, or ERR_SYNTAX or ERR_TOOLONG with *why saying what is wrong.
 */
int rdata_from_text(const uint8_t *text, size_t len, uint8_t *rdata,
    size_t *rdata_len, const char **why);

/* Octets of RDATA that len octets of text can make at most. */
size_t rdata_text_bound(size_t len);

#endif
