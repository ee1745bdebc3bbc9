/*
 * A matcher for ABNF (RFC 5234, RFC 7405), slow and obvious. A grammar is text
 * as RFCs have it, and what matches is found by sets of positions: all that
 * can be is followed, so that nothing depends on what is tried first.
 *
 * For oracles. A mistake in a grammar ends the program.
 */
#ifndef FUZZ_ABNF_H
#define FUZZ_ABNF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct abnf;

/*
 * One rule a line. Known are: rule names, alternatives "/", groups (),
 * options [], repetitions (*a, 1*a, *3a, 1*3a), "text", %s"text", %x41,
 * %x41-5A. Rules are told apart by case, and must be defined before they are
 * used.
 *
 * The grammar is read the first time and kept in *abnf, which is NULL before.
 */
const struct abnf *abnf_get(struct abnf **abnf, const char *grammar);

/* Whether all of the octets can be derived from the rule. */
bool abnf_matches(const struct abnf *abnf, const char *rule,
    const uint8_t *octets, size_t len);

#endif
