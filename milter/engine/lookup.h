/*
 * The lookup of one domain: a state machine on its loop, shared by all who ask
 * while it runs. The states are drawn in lookup.c.
 *
 * On the loop.
 */
#ifndef ENGINE_LOOKUP_H
#define ENGINE_LOOKUP_H

struct waiter;
struct worker;

/*
 * Takes the waiter over: it is completed exactly once, by the running lookup
 * of its target or by one that is begun for it, at its deadline at the latest,
 * and freed.
 *
 * If too many lookups are under way the new one only looks into the store: what
 * is known to bind goes on, out of a reserve that strangers cannot use up; once
 * that is used up it is shed, and deferred. What is not known to bind is shed,
 * and passes. Both as internal-error.
 */
void lookup_join(struct worker *worker, struct waiter *waiter);

/*
 * Takes the waiter over: fetches the stored policy of its domain anew and then
 * completes it without an answer. Shares nothing with other lookups.
 */
void lookup_refresh(struct worker *worker, struct waiter *waiter);

/* Those who ask from now on begin lookups of their own: after a reload. */
void lookup_detach_all(struct worker *worker);

/* Completes every waiter of every lookup with internal-error; what is still
 * under way ends by itself. */
void lookup_break_off(struct worker *worker);

#endif
