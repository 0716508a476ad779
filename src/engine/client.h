/* What CLIENT, HELLO and the list of clients share. */
#ifndef EIR_ENGINE_CLIENT_H
#define EIR_ENGINE_CLIENT_H

#include "engine/call.h"

extern const char client_name_error[];
/* Printable ASCII without spaces; may be empty. */
bool client_name_is_valid(struct bytes name);
void client_set_text(char **text, struct bytes value);

/* client_tracking.c: rows of CLIENT. */
void client_tracking(struct call *call);
void client_caching(struct call *call);
void client_trackinginfo(struct call *call);
void client_getredir(struct call *call);
/* Where invalidations go: -1: it does not track, 0: to itself. */
int64_t client_redirect(const struct session *session);

/* The line of CLIENT LIST, line end included. */
void client_print(const struct call *call, const struct session *session, struct buffer *into);

/* Which sessions CLIENT LIST shows and CLIENT KILL ends. */
enum client_type { CLIENT_NORMAL, CLIENT_PRIMARY, CLIENT_REPLICA, CLIENT_PUBSUB, CLIENT_ANY };

struct client_condition;

struct client_filter {
    struct client_condition *conditions; /* owned */
    uint32_t count;
    bool skips_me;
};

void client_filter_fini(struct client_filter *filter);
/* Reads the arguments from `first` on; false when an error was answered. */
bool client_filter_parse(struct call *call, uint32_t first, struct client_filter *filter);
bool client_filter_matches(const struct client_filter *filter, const struct call *call,
                           const struct session *session);

#endif
