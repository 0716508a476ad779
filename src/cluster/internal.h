/* What the files of this folder share: one node's whole cluster state, and the helpers below all
 * rules. Nothing outside the folder includes it.
 *
 * The files are layers, and calls point down only. cluster.c is the top: it takes the event and
 * calls the rules. A rule that changes something others care about leaves a notice
 * (cluster_notice), and cluster.c hands it to those others before the step ends. So roles.c need
 * not know who listens when a role changes, and there is no circle of calls.
 *
 *   cluster orders receive settle restore                 event, order, text -> rules, notices
 *   election vote manual migration formation lineage      rules of their own
 *   heartbeat gossip extensions handshake                 what the spec calls the bus
 *   schedule evidence failure state slots epochs publish  ... and what it decides by
 *   lease                                                 promises in PONGs
 *   roles links peers                                     who is what; who is connected
 *   effects trace shown claims reports voters directory   what leaves, and the state itself
 *   slot_map
 */
#ifndef EIR_CLUSTER_INTERNAL_H
#define EIR_CLUSTER_INTERNAL_H

#include "base/ensure.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/prng.h"
#include "cluster/eir_messages.h"
#include "cluster/formation.h"
#include "cluster/lineage.h"
#include "cluster/manual.h"
#include "cluster/migration.h"
#include "cluster/orders.h"
#include "cluster/peer.h"
#include "cluster/directory.h"
#include "cluster/vote.h"
#include "cluster/voters.h"

#define CLUSTER_MAGIC 0x45697243u
#define PEER_COUNT_MAX 16000 /* an int16_t names a peer; the format itself knows no limit */

/* From so many nodes on, what all would do in the same moment is spread, or left to a few. */
#define CROWD 64u

#define TICK_MS 100 /* classic rules that are told "per tick" */

/* For printf: trace(cluster, LOG_LEVEL_NOTICE, "node " ID_FORMAT, ID_TEXT(peer->id)). */
#define ID_FORMAT "%.40s"
#define ID_TEXT(id) ((id).hex)

/* --- slots in motion --- */

struct slot_move {
    uint16_t slot;
    uint8_t state;          /* enum slot_state: MIGRATING or IMPORTING */
    struct peer *partner;   /* borrowed: the target, or the source */
};

/* --- nodes that were forgotten and shall not come back by gossip --- */

struct banned {
    struct node_id id;
    time_ms until_ms;
};

/* --- notices: what happened in this step and others must hear before it ends --- */

enum notice_kind {
    NOTICE_ROLE_CHANGED,    /* me: primary or replica now, or another primary */
    NOTICE_PEER_FAILED,     /* was marked FAIL */
    NOTICE_PEER_BACK,       /* lost FAIL */
    NOTICE_PEER_PLACED,     /* known under its real id now, or first seen to be Eir */
    NOTICE_PEER_RESTARTED,  /* the same id shows another incarnation */
    NOTICE_SLOTS_RESTORED,  /* my nodes.conf was too old to know of my slots: others told me */
    NOTICE_PEER_REMOVED,    /* forget every pointer to it; it is freed when the step ends */
};

struct notice {
    enum notice_kind kind;
    struct peer *peer; /* borrowed; NULL for what is about me */
};

/* --- the whole --- */

struct cluster {
    uint32_t magic;
    struct cluster_options options; /* its seeds point to `seeds` */
    struct cluster_seed *seeds;     /* owned */
    struct prng prng;
    struct hash_key hash_key;
    time_ms now_ms;
    time_ms wall_ms;
    struct cluster_effects *effects; /* borrowed: of the step that runs */
    struct cluster_facts facts;
    struct extensions *extensions; /* owned: what the last packet carried; NULL: to be made */

    struct peer *me;     /* peers[0] */
    struct peer **peers; /* owned */
    uint32_t peer_count;
    uint32_t peer_capacity;
    struct peer **removed; /* owned: freed when the step ends */
    uint32_t removed_count;
    uint32_t removed_capacity;
    struct voters *voters;        /* owned; voters.c */
    struct directory peers_by_id; /* struct peer */
    struct directory links;       /* struct link by number */
    link_number link_next;    /* odd: outbound links are ours to number */

    int16_t owner[SLOT_COUNT];    /* index of the peer, -1: unassigned */
    struct slot_set unclaimed;    /* bound to an owner that stopped claiming it */
    struct slot_move *moves;      /* owned, sorted by slot */
    uint32_t move_count;
    uint32_t move_capacity;
    struct banned *banned; /* owned */
    uint32_t banned_count;
    uint32_t banned_capacity;

    uint64_t current_epoch;   /* the highest epoch seen; never falls */
    uint64_t last_vote_epoch; /* the last epoch in which this node voted; never falls */
    uint64_t incarnation;     /* of this process */
    uint64_t cluster_id;      /* 0: unset */
    uint32_t ping_sequence;
    uint32_t gossip_round;

    time_ms foreign_traced_ms;  /* a node of another cluster was last refused */
    bool is_ok;                 /* cluster_state */
    bool state_is_due;          /* look at it again before the step ends */
    time_ms state_started_ms;
    bool had_slots;             /* some slot was mine at some time in this run */
    bool had_slots_at_start;    /* nodes.conf gave this node slots, or made it a replica */
    bool is_in_minority;
    time_ms minority_ms;        /* when this node last left a minority; 0: never was in one */
    unsigned size;              /* voters */
    unsigned slots_assigned;
    struct peer **suspects;     /* owned; nodes with PFAIL: gossip always names them */
    uint32_t suspect_count;
    uint32_t suspect_capacity;
    uint32_t suspect_next; /* which one a packet names first, when they are too many for one */

    bool is_id_saved;     /* this node's id stands in nodes.conf */
    bool is_role_told;    /* the data side knows whom to follow after the start */
    bool save_is_wanted;  /* a SAVE that reveals nothing: at the end of the step */
    bool reveals;         /* a SAVE that counts was issued in this step: mark what follows */
    bool save_failed;     /* the last SAVE that counted failed: nothing leaves unsaved */
    time_ms save_failed_ms;
    time_ms saved_ms;     /* when a SAVE was last asked for; 0: never in this run */
    bool changed;         /* CLUSTER_CHANGED before the step ends */
    bool pong_to_all;     /* broadcast a PONG before the step ends */
    bool pong_to_voters;  /* the same, to the voters and the nodes of my shard */
    bool pong_to_shard;   /* the same, to the nodes of my shard */

    struct heap deadlines;
    struct deadline timers[DEADLINE_COUNT]; /* all but DEADLINE_PEER */
    struct notice *notices;                 /* owned */
    uint32_t notice_count;
    uint32_t notice_capacity;

    struct cluster_counters counters;
    struct election election;
    struct voting voting;
    struct manual_failover manual;
    struct lease lease;
    struct formation formation;
    struct lineage lineage;
    struct migration migration;
};

/* --- effects.c: what leaves the core --- */

struct cluster_effect *effects_add(struct cluster *cluster, enum cluster_effect_type type);
/* Makes the state durable before anything that follows in this step: epochs asked for, votes,
 * config epochs, demotions, locks, ids. Change the state first, then call this, then send. */
void cluster_save_first(struct cluster *cluster);
/* Saves when the step ends: for what reveals nothing. */
void cluster_save_later(struct cluster *cluster);
/* A message of this node: sender, epochs, offset, slots, flags, Eir header are filled in. */
struct cluster_message *message_start(const struct cluster *cluster, enum message_type type);
/* Sends on the outbound link; false, and the message is gone, when there is none that is up.
 * Takes the message. */
bool send_to_peer(struct cluster *cluster, struct peer *peer, struct cluster_message *message);
void send_on_link(struct cluster *cluster, struct link *link, struct cluster_message *message);
/* To every placed node with a link. Takes the message; receivers share it. */
void send_to_all(struct cluster *cluster, struct cluster_message *message);
/* A MESSAGE_EIR with this payload (copied); nothing is sent to a node that is not Eir. */
bool send_eir(struct cluster *cluster, struct peer *peer, enum eir_type type,
              struct bytes payload);
/* Roles, slots, state or addresses changed: one CLUSTER_CHANGED when the step ends. */
void cluster_changed(struct cluster *cluster);
/* TIME_NEVER takes it out. */
void cluster_deadline_set(struct cluster *cluster, enum deadline_kind kind, time_ms due_ms);
void cluster_notice(struct cluster *cluster, enum notice_kind kind, struct peer *peer);

/* --- trace.c --- */

void trace(struct cluster *cluster, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- peers.c: the table of known nodes --- */

/* NULL when unknown. Placeholders of a handshake are found by their random id only. */
struct peer *peers_find(const struct cluster *cluster, const struct node_id *id);
/* The same for many at once. */
#define PEERS_BATCH_MAX 16
void peers_find_batch(const struct cluster *cluster, const struct gossip *entries, uint32_t count,
                      struct peer *found[PEERS_BATCH_MAX]);
struct peer *peers_add(struct cluster *cluster, const struct node_id *id, uint16_t flags);
void peers_remove(struct cluster *cluster, struct peer *peer);
void peers_rename(struct cluster *cluster, struct peer *peer, const struct node_id *id);
/* Frees what the step removed. */
void peers_bury(struct cluster *cluster);
void peers_fini(struct cluster *cluster);
/* Sends it a PING before the step ends. */
void peer_ping_soon(struct cluster *cluster, struct peer *peer);
/* 0, NODE_PFAIL or NODE_FAIL: FAIL takes the place of PFAIL. */
void peer_set_health(struct cluster *cluster, struct peer *peer, uint16_t health);
struct peer_texts *peer_texts_for_write(struct peer *peer);
/* The replica's primary, or the node itself. */
struct peer *peer_shard_primary(struct peer *peer);
bool peers_share_shard(const struct peer *a, const struct peer *b);
struct peer *slot_owner(const struct cluster *cluster, unsigned slot); /* NULL: unassigned */
/* Binds a slot, or frees it when `owner` is NULL; epochs, saves and notices are the caller's. */
void slot_bind(struct cluster *cluster, unsigned slot, struct peer *owner);
void slots_unbind_all(struct cluster *cluster, struct peer *owner);
/* NODE_PRIMARY or NODE_REPLICA; the relation to others is roles.c's. */
void peer_set_role(struct cluster *cluster, struct peer *peer, enum node_flag role);

#define PEERS_EACH(cluster, name)                                                                  \
    for (uint32_t name##_at = 0; name##_at < (cluster)->peer_count; name##_at++)                   \
        for (struct peer *name = (cluster)->peers[name##_at]; name != NULL; name = NULL)

/* --- claims.c --- */

/* The slots bound to it: borrowed until one of them changes hands. */
const struct slot_set *peer_slots(const struct cluster *cluster, struct peer *peer);
struct slot_map *peer_slot_map(const struct cluster *cluster, struct peer *peer); /* NULL: none */
/* `map` holds exactly the slots that are bound to it: from now on they are kept there only. */
void peer_share_slots(struct peer *peer, struct slot_map *map);

/* --- reports.c --- */

/* `reporter` says that `subject` fails; true when it is news. Removed: not any more. */
bool report_put(const struct cluster *cluster, struct peer *subject, struct peer *reporter);
void report_remove(struct peer *subject, const struct peer *reporter);
/* By nodes that are voters now, and not too long ago. */
unsigned reports_count(const struct cluster *cluster, const struct peer *subject);
void reports_expire(const struct cluster *cluster, struct peer *subject);
void reports_clear(struct peer *subject);

/* --- roles.c --- */

/* Another node is a replica of `primary` now, or a primary when that is NULL. */
void peer_set_primary(struct cluster *cluster, struct peer *peer, struct peer *primary);
void peer_set_replica_of_unknown(struct cluster *cluster, struct peer *peer);
/* As nodes.conf says it; me included. */
void role_restore(struct cluster *cluster, struct peer *peer, struct peer *primary);
void moves_clear(struct cluster *cluster); /* no slot is migrating or importing any more */
/* I follow `primary`: saved first, then CLUSTER_FOLLOW. Frees my slots if I had any. */
void role_follow(struct cluster *cluster, struct peer *primary);
/* I lead: CLUSTER_LEAD. Epoch and slots are the caller's, before this. */
void role_lead(struct cluster *cluster);
/* I take over from my primary with this config epoch: all its slots become mine, saved first,
 * PONG to all. For elections, TAKEOVER and forced hand-overs. */
void role_promote(struct cluster *cluster, uint64_t config_epoch);

/* --- links.c --- */

struct link *links_find(const struct cluster *cluster, link_number number);
void link_connect(struct cluster *cluster, struct peer *peer);
void link_accept(struct cluster *cluster, const struct cluster_event *event);
void link_ready(struct cluster *cluster, struct link *link, const struct cluster_event *event);
void link_close(struct cluster *cluster, struct link *link);
void link_forget(struct cluster *cluster, struct link *link);
void link_bind(struct cluster *cluster, struct link *link, struct peer *peer);
void links_fini(struct cluster *cluster);
/* Out of every table, with its links, slots, relations and reports. */
void peer_forget(struct cluster *cluster, struct peer *peer);

/* --- epochs.c --- */

/* The highest config epoch of all known nodes, or the current epoch if that is higher. */
uint64_t epochs_highest(const struct cluster *cluster);
/* Without consent of others: a new config epoch for me, unless mine is the highest already.
 * True when it changed; saved first. */
bool epochs_bump(struct cluster *cluster);
unsigned cluster_quorum(const struct cluster *cluster); /* size / 2 + 1 */

/* --- gossip.c --- */

void gossip_send_ping(struct cluster *cluster, struct peer *peer);
/* An unsolicited PONG to one node. */
void gossip_send_pong(struct cluster *cluster, struct peer *peer);

/* --- failure.c --- */

/* Suspected by hard evidence, or silent: what a voter may take as proof when it decides. */
bool failure_is_hard(const struct peer *peer);
/* It was marked FAIL, and has answered me since: it lives, and only time keeps the mark. */
bool failure_is_answered(const struct peer *peer);
/* A replica of it that could take over: not nofailover, healthy, connected to us, has data. */
bool failure_has_heir(const struct cluster *cluster, const struct peer *primary);

#endif
