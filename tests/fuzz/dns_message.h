/*
 * Whether a DNS message is one that getdns is ever given. libunbound writes the
 * messages that it hands over itself: names end and fit, compression points
 * backwards, records fit, and of types that were not asked for there are few.
 *
 * getdns 1.6.0 takes all that for granted: it reads past the end of a message
 * whose last record is cut short, and of some whose RDATA has lengths in it.
 */
#ifndef FUZZ_DNS_MESSAGE_H
#define FUZZ_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool dns_message_is_sound(const uint8_t *octets, size_t len);

#endif
