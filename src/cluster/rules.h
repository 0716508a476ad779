/* The rules of the bus, one section a file: what cluster.c calls, beyond what internal.h offers to
 * everybody. */
#ifndef EIR_CLUSTER_RULES_H
#define EIR_CLUSTER_RULES_H

#include "cluster/internal.h"

/* --- epochs.c --- */

/* Raises the current epoch, and what is known of the sender's, to what its header shows. */
void epochs_on_header(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message);
/* Two primaries with one config epoch: the one with the smaller id moves on. */
void epochs_on_collision(struct cluster *cluster, const struct peer *sender);

/* --- slots.c --- */

struct slot_move *move_find(const struct cluster *cluster, unsigned slot); /* NULL: stable */
void move_set(struct cluster *cluster, unsigned slot, enum slot_state state, struct peer *partner);
void move_clear(struct cluster *cluster, unsigned slot);
/* A primary claims these slots with this epoch. */
void slots_claim(struct cluster *cluster, struct peer *claimer, uint64_t epoch,
                 const struct slot_set *slots);
/* The claims in a PING, PONG or MEET; answers with an UPDATE where the sender is behind. */
void slots_on_header(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message);
void slots_on_update(struct cluster *cluster, const struct cluster_message *message);

/* --- failure.c --- */

/* A voter says that `subject` fails. */
void failure_on_report(struct cluster *cluster, struct peer *subject, struct peer *reporter);
/* No answer in the node timeout: suspected. */
void failure_on_silence(struct cluster *cluster, struct peer *peer);
/* It answered a PING of mine. */
void failure_on_answer(struct cluster *cluster, struct peer *peer);
/* A failure that others should have told of by now is told of. */
void failure_tell(struct cluster *cluster, struct peer *peer);
time_ms failure_tell_ms(const struct peer *peer); /* when that is due */
/* Reports may have expired, votes may have run out: FAIL may be set or cleared now. */
void failure_review(struct cluster *cluster, struct peer *peer);
/* When failure_review has something to do by time alone; TIME_NEVER: nothing. */
time_ms failure_review_ms(const struct cluster *cluster, const struct peer *peer);
void failure_on_fail_message(struct cluster *cluster, struct peer *sender,
                             const struct cluster_message *message);
void failure_on_suspect_message(struct cluster *cluster, struct peer *sender,
                                const struct cluster_message *message);
void failure_suspect(struct cluster *cluster, struct peer *peer);
/* It sent something: hard evidence is void. */
void failure_on_life(struct cluster *cluster, struct peer *peer);

/* --- evidence.c --- */

/* What makes or unmakes hard evidence: any message of the peer, a link of it that went down, a
 * connect that was refused. */
void evidence_on_message(struct cluster *cluster, struct peer *peer,
                         const struct cluster_message *message);
void evidence_on_link_down(struct cluster *cluster, struct peer *peer, enum link_cause cause);
void evidence_on_refused(struct cluster *cluster, struct peer *peer, enum link_cause cause);
/* A close was seen and nothing has been heard since: connects are tried again quickly. */
bool evidence_is_young(const struct cluster *cluster, const struct peer *peer);

/* --- gossip.c --- */

/* Answers a PING or MEET on the link that it came in on. */
void gossip_answer(struct cluster *cluster, struct link *link, struct peer *sender,
                   const struct cluster_message *message);
void gossip_on_entries(struct cluster *cluster, struct peer *sender,
                       const struct cluster_message *message);
/* A PONG to all placed nodes, or to those for whom one is due only. */
void gossip_broadcast_pong(struct cluster *cluster);

/* --- extensions.c: announced texts, shard ids, forgotten nodes --- */

struct extensions *extensions_for_packet(struct cluster *cluster); /* shared: one owner more */
void extensions_on_message(struct cluster *cluster, struct peer *sender,
                           const struct cluster_message *message);
/* My own announced texts and addresses, after the options changed. */
void extensions_of_options(struct cluster *cluster);
/* The black list: nodes that gossip does not bring back. */
void ban_add(struct cluster *cluster, const struct node_id *id, time_ms ttl_ms);
bool ban_has(struct cluster *cluster, const struct node_id *id);
void ban_expire(struct cluster *cluster);

/* --- handshake.c --- */

/* A placeholder for the node at this address; false when one is there already. */
bool handshake_start(struct cluster *cluster, const struct address *address, uint16_t flags);
/* The message on the outbound link of a placeholder names the node: true when the placeholder
 * is the node now, false when it is gone because the node was known. */
bool handshake_finish(struct cluster *cluster, struct peer *placeholder,
                      const struct cluster_message *message);
/* The address that a header shows, its IP taken from the link when it says none. */
struct address address_of_message(const struct link *link, const struct cluster_message *message);
/* The sender of a PING shows another address than we know: reconnects. */
void address_on_ping(struct cluster *cluster, struct link *link, struct peer *sender,
                     const struct cluster_message *message);
void address_adopt(struct cluster *cluster, struct peer *peer, const struct address *address);
/* It belongs to a cluster, and I am still founding or finding mine, which may be another: I may
 * talk with it, but what it says of slots, epochs and nodes is no business of mine yet. */
bool identity_is_apart(const struct cluster *cluster, const struct cluster_message *message);
/* Clusters do not merge by accident: true when the sender belongs to another one. */
bool identity_is_foreign(const struct cluster *cluster, struct peer *sender,
                         const struct cluster_message *message);
/* I belong to no cluster yet, and a node that I know does. */
void identity_adopt(struct cluster *cluster, const struct cluster_message *message);

/* --- schedule.c: when something is due about one node --- */

enum heartbeat_due {
    DUE_CONNECT,
    DUE_PING,
    DUE_STUCK, /* its link answers nothing: make it anew */
    DUE_SILENT,
    DUE_MEET,
    DUE_HANDSHAKE, /* nobody answered: give it up */
    DUE_TELL,
    DUE_REVIEW,    /* FAIL may be cleared */
    DUE_COUNT
};
bool heartbeat_is_due(const struct cluster *cluster, const struct peer *peer,
                      enum heartbeat_due due);
/* After everything that may change one of these. */
void heartbeat_schedule(struct cluster *cluster, struct peer *peer);
time_ms handshake_timeout_ms(const struct cluster *cluster);

/* --- heartbeat.c: does what is due --- */

void heartbeat_on_due(struct cluster *cluster, struct peer *peer);
void heartbeat_on_second(struct cluster *cluster);
void heartbeat_on_link_up(struct cluster *cluster, struct peer *peer);
void heartbeat_on_link_lost(struct cluster *cluster, struct peer *peer, time_ms lived_ms);
void heartbeat_on_refused(struct cluster *cluster, struct peer *peer);

/* --- state.c --- */

void state_update(struct cluster *cluster);

#endif
