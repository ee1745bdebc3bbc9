/*
 * A share of all domains, for a gradual start: the option enforce_percent.
 *
 * Which domains are in it depends on the name and the percentage alone: it is
 * the same on every host, in every version and after every restart, and a
 * larger share holds all of a smaller one. The tests have values that must
 * never change.
 *
 * Pure. Any thread.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

#include <stdbool.h>

#define SHARE_ALL 100U /* percent */

/*
 * 0 to 99, evenly spread: FNV-1a of 64 bits over the octets of the canonical
 * name, its bits then mixed by h ^= h >> 33 and multiplications with
 * 0xff51afd7ed558ccd and 0xc4ceb9fe1a85ec53, and of the upper 32 bits the
 * part times 100.
 */
unsigned share_place(const char *domain);

/* Whether the domain is in the share. None is in 0, all are in SHARE_ALL. */
bool share_has(unsigned percent, const char *domain);

#endif
