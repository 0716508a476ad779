/* Formation: fresh nodes find each other by seeds and agree on one plan (design.md 4). */
#ifndef EIR_CLUSTER_FORMATION_H
#define EIR_CLUSTER_FORMATION_H

#include "base/err.h"
#include "cluster/agreement.h"
#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_event;
struct buffer;
struct conf;

struct formation {
    bool is_wanted;  /* fresh, with a shape: nothing is served until it is done */
    bool is_done;    /* committed in this run or before, or never wanted */
    bool is_fresh;   /* placed by a plan in this run */
    bool is_blocked; /* the lock is of another name or shape than the options */
    bool has_agreement;
    struct agreement agreement; /* while has_agreement */
    time_ms said_ms;            /* last broadcast; 0: never */
    time_ms seeds_due_ms;
    unsigned seed_tries;
    time_ms started_ms;
    time_ms joined_ms;    /* late comer: since when it is a member */
    time_ms place_due_ms; /* ... and when it looks for a place again */
    const char *why_not;   /* static text */
};

void formation_init(struct cluster *cluster); /* after nodes.conf was read */
/* What it keeps in nodes.conf: conf_print_var ("eir-...") and back, see conf.h. */
void formation_conf_write(const struct cluster *cluster, struct buffer *into);
void formation_conf_read(struct cluster *cluster, const struct conf *conf);
void formation_fini(struct cluster *cluster);
void formation_on_deadline(struct cluster *cluster); /* DEADLINE_FORMATION is due */
void formation_on_resolved(struct cluster *cluster, const struct cluster_event *event);
/* EIR_FORMATION from a known Eir node. */
void formation_on_eir(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message);
/* A node became known under its real id, or its Eir header was seen for the first time. */
void formation_on_peer(struct cluster *cluster, struct peer *peer);
void formation_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* CLUSTER RESET, and options that changed at run time. */
void formation_on_reset(struct cluster *cluster);
void formation_on_configure(struct cluster *cluster);
/* True between fresh nodes that have not formed yet: they have no epochs to collide. */
bool formation_is_open(const struct cluster *cluster);
/* An order that gives slots or a primary to a node that has locked a set is refused: the text of
 * the error, or NULL. Otherwise it ends the formation here. */
const char *formation_on_manual_order(struct cluster *cluster);
/* A reset keeps no lock, so it must not keep the id either. */
bool formation_needs_new_id(const struct cluster *cluster);
/* False while a formation is wanted but not done; *why_not is static text. */
bool formation_serves(const struct cluster *cluster, const char **why_not);
/* True when this node was placed by a formation plan in this run: no start-up delays then. */
bool formation_is_fresh(const struct cluster *cluster);

/* nodes.conf; writing appends nothing when there is nothing to keep. */
void formation_write_lock(const struct cluster *cluster, struct buffer *into);
void formation_write_refused(const struct cluster *cluster, struct buffer *into);
NODISCARD bool formation_read_lock(struct cluster *cluster, struct bytes text);
NODISCARD bool formation_read_refused(struct cluster *cluster, struct bytes text);

#endif
