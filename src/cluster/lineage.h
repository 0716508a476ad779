/* Lineage: an owner of slots that starts without its data must not destroy the shard
 * (design.md 4, "An empty restart"). */
#ifndef EIR_CLUSTER_LINEAGE_H
#define EIR_CLUSTER_LINEAGE_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_facts;
struct cluster_answer;
struct buffer;
struct conf;

struct lineage {
    bool is_lost; /* my slots' data is not here: nothing is served */
    char replication_id[40];
    uint64_t offset;
};

void lineage_init(struct cluster *cluster); /* after nodes.conf was read */
/* What it keeps in nodes.conf: conf_print_var ("eir-...") and back, see conf.h. */
void lineage_conf_write(const struct cluster *cluster, struct buffer *into);
void lineage_conf_read(struct cluster *cluster, const struct conf *conf);
void lineage_on_facts(struct cluster *cluster, const struct cluster_facts *before);
void lineage_on_deadline(struct cluster *cluster); /* DEADLINE_LINEAGE is due */
/* EIR_LINEAGE from a known Eir node. */
void lineage_on_eir(struct cluster *cluster, struct peer *sender,
                    const struct cluster_message *message);
/* My role or my primary changed. */
void lineage_on_role_changed(struct cluster *cluster);
void lineage_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* ORDER_SERVE_EMPTY. */
void lineage_on_serve_empty(struct cluster *cluster, struct cluster_answer *answer);
bool lineage_serves(const struct cluster *cluster, const char **why_not);

#endif
