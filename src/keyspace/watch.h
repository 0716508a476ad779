/* WATCH: who waits to hear that a key has changed. One bit of answer: dirty or not.
 *
 * A watcher lives in the session; its watches live in an index by database and key that the
 * keyspace's gate asks, and asks only while it is not empty. Use keyspace_watch to register. */
#ifndef EIR_KEYSPACE_WATCH_H
#define EIR_KEYSPACE_WATCH_H

#include "base/list.h"

/* Embedded in a session; all watches of one client. */
struct watcher {
    struct list watches;
    bool is_dirty; /* a watched key was touched: EXEC must fail */
};

void watcher_init(struct watcher *watcher);
/* Forgets all watches and the dirty mark: UNWATCH, EXEC, DISCARD and the end of a session. */
void watcher_clear(struct watcher *watcher);
bool watcher_has_watches(const struct watcher *watcher);

#endif
