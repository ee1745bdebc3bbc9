/*
 * Remembers which bound domains were secure, to say aloud when one no longer
 * is, and when it is again: attack and change of mind look different in the
 * log, and neither is lost among the lines of recipients.
 *
 * One thread. Bounded; those that were not judged for longest are forgotten.
 */
#ifndef ENGINE_FLAP_H
#define ENGINE_FLAP_H

struct flap;
struct log;
struct verdict;

#define FLAP_ENTRIES_MAX 16384

struct flap *flap_new(struct log *log); /* NULL: no memory */
void flap_free(struct flap **flap);

/* Verdicts that say nothing of a bound domain's DNS are passed over. */
void
flap_note(struct flap *flap, const char *key, const struct verdict *verdict);

#endif
