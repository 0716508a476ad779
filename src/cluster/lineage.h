/* Lineage: an owner of slots that starts without its data must not destroy the shard
 * (design.md 4, "An empty restart"). */
#ifndef EIR_CLUSTER_LINEAGE_H
#define EIR_CLUSTER_LINEAGE_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_facts;
struct cluster_answer;
struct buffer;
struct conf;

/* What nodes.conf says about the data of this node. */
struct lineage_record {
    char replication_id[40]; /* all zero: none */
    uint64_t offset;
    bool has_keys;
};

struct lineage {
    bool is_checked; /* the first facts of this run were held against the record */
    bool is_lost;    /* my slots' data is not here: nothing is served */
    bool is_unsure;  /* ... but only perhaps: it restarted, and a replica may have newer data */
    bool is_mute;    /* ... and only Valkey replicas have it: I play dead, so that they take over */
    struct lineage_record record;
    time_ms recorded_ms; /* in this run */
    time_ms lost_ms;     /* since when */
    time_ms asked_ms;
    struct node_id asked; /* the replica that was asked to take over */
};

enum lineage_verdict { LINEAGE_INTACT, LINEAGE_EMPTY, LINEAGE_BEHIND };
/* What the data at hand are, beside the record: decides and changes nothing. */
enum lineage_verdict lineage_judge(const struct lineage_record *record,
                                   const struct lineage_record *data);

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
/* Slots are mine that my nodes.conf did not know: what it knows of the data is as old. */
void lineage_on_slots_restored(struct cluster *cluster);
void lineage_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* ORDER_SERVE_EMPTY. */
void lineage_on_serve_empty(struct cluster *cluster, struct cluster_answer *answer);
bool lineage_serves(const struct cluster *cluster, const char **why_not);

/* Send no PING and no PONG. */
bool lineage_is_mute(const struct cluster *cluster);

/* nodes.conf: "replication id:offset:has keys"; nothing when there is no record. */
void lineage_write_record(const struct cluster *cluster, struct buffer *into);
NODISCARD bool lineage_read_record(struct cluster *cluster, struct bytes text);

#endif
