/* Formation: fresh nodes find each other by seeds and agree on one plan (design.md 4). */
#ifndef EIR_CLUSTER_FORMATION_H
#define EIR_CLUSTER_FORMATION_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_event;
struct buffer;
struct conf;

struct formation {
    bool is_done;   /* committed, or never wanted */
    bool is_locked; /* bound to a set: must not adopt another cluster's id */
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
/* False while a formation is wanted but not done; *why_not is static text. */
bool formation_serves(const struct cluster *cluster, const char **why_not);
/* True when this node was placed by a formation plan in this run: no start-up delays then. */
bool formation_is_fresh(const struct cluster *cluster);

#endif
