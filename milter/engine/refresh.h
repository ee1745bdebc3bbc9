/*
 * The refresher: fetches stored policies anew, mail or no mail, and removes
 * those whose life is over, once the clock can be trusted (C-11). A thread of
 * its own; it looks through the store, and what is due goes to the engine a few
 * at a time.
 */
#ifndef ENGINE_REFRESH_H
#define ENGINE_REFRESH_H

struct config;
struct engine;
struct log;
struct refresher;
struct store;

#define REFRESH_PARALLEL 16 /* refreshes under way */

/* engine and store must outlive it. NULL: no memory or no thread. */
struct refresher *refresher_new(const struct config *config,
    struct engine *engine, struct store *store, struct log *log);
/* Takes the new interval. Any thread. */
void refresher_reload(struct refresher *refresher, const struct config *config);
/* Before engine_free. Begins nothing any more and waits for no policy host:
 * what is under way ends by itself, or with the engine. */
void refresher_free(struct refresher **refresher);

#endif
