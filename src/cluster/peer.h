/* A known node and the links to it: the data that all rules of this folder read and write. */
#ifndef EIR_CLUSTER_PEER_H
#define EIR_CLUSTER_PEER_H

#include "base/heap.h"
#include "cluster/cluster.h"
#include "cluster/election.h"
#include "cluster/lease.h"

/* --- deadlines: everything that wants to be called later, in one heap --- */

enum deadline_kind {
    DEADLINE_PEER, /* in struct peer */
    DEADLINE_SECOND,
    DEADLINE_STATE,
    DEADLINE_SAVE,
    DEADLINE_ELECTION,
    DEADLINE_VOTE,
    DEADLINE_MANUAL,
    DEADLINE_MIGRATION,
    DEADLINE_LEASE,
    DEADLINE_FORMATION,
    DEADLINE_LINEAGE,
    DEADLINE_COUNT
};

struct deadline {
    struct heap_node node;
    uint8_t kind;
};

/* --- links --- */

enum link_state { LINK_CONNECTING, LINK_READY };

struct link {
    link_number number;
    struct peer *peer; /* borrowed; NULL: accepted, and nobody known spoke on it yet */
    enum link_state state;
    bool is_inbound;
    uint32_t greet_after_ms; /* outbound: its first PING is due so long after created_ms; 0: sent */
    bool has_extensions; /* a message with MESSAGE_HAS_EXTENSIONS arrived on it */
    time_ms created_ms;
    time_ms received_ms; /* last message on it */
    char remote_ip[]; /* accepted ones: as the socket says, else empty; behind it the local one */
};

static inline const char *link_local_ip(const struct link *link)
{
    return link->remote_ip + strlen(link->remote_ip) + 1;
}

/* --- nodes --- */

/* Who told us that a node is failing. Only voters count. */
struct failure_report {
    struct peer *reporter; /* borrowed */
    time_ms heard_ms;
};

/* What speaks for a node being dead (design.md 4, "Failure evidence"). */
struct evidence {
    uint64_t incarnation;      /* the one whose links were up in this run; 0: none was */
    time_ms closed_ms;         /* when the peer closed a link of it, and was silent since; 0 */
    time_ms refused_first_ms;  /* first refused connect, silent since; 0: none */
    bool is_hard;              /* all of it holds: the peer is suspected on hard evidence */
};

struct ping_record {
    uint32_t sequence; /* 0: none */
    time_ms sent_ms;
};

/* Announced texts: most nodes have none, so they are kept apart. */
struct peer_texts {
    char hostname[CLUSTER_TEXT_MAX];
    char nodename[CLUSTER_TEXT_MAX];
    char client_ipv4[ADDRESS_IP_SIZE];
    char client_ipv6[ADDRESS_IP_SIZE];
    char zone[CLUSTER_TEXT_MAX];
    uint16_t client_port;
    uint16_t client_tls_port;
};

/* A known node, this one included. A simulation holds a million of these: keep it small. */
struct peer {
    /* First line of the cache: to find it. */
    struct deadline deadline; /* DEADLINE_PEER: the next thing to do about it (schedule.c) */
    struct node_id id;

    /* Second line: all that gossip asks about a node that is well. */
    uint16_t flags; /* enum node_flag, as this node sees it */
    uint16_t index; /* in cluster->peers */
    uint16_t slot_count;
    uint16_t replica_count; /* nodes whose primary this is */
    uint32_t gossip_round;  /* the last packet that names it (gossip.c) */
    uint32_t ping_early_ms; /* a little chance, so that pings do not come in bursts */
    time_ms ping_sent_ms;   /* the still unanswered PING; 0: none */
    time_ms pong_received_ms; /* gossip may move it ahead (spec 11) */
    struct failure_report *reports; /* owned; in order of the reporters' addresses */
    uint16_t report_count;
    uint16_t report_capacity;
    struct link *outbound;    /* owned by cluster->links; NULL: none */
    struct link *inbound;

    struct address address;
    bool is_eir; /* its Eir header was seen in this run */
    bool cluster_is_down_there;
    bool sends_extensions;
    bool has_unclaimed; /* its last claim was not the same as what is bound to it */
    bool failed_hard;   /* FAIL came from hard evidence */
    bool wants_ping;    /* a PING is due at once (peer_ping_soon) */
    bool leaves_telling; /* of its failure, to others; I do if nobody did (failure.c) */
    bool may_wait;      /* nodes.conf names it, and it was not connected to yet: heartbeat.c */
    bool is_removed;    /* forgotten in this step; freed at its end */
    uint8_t eir_flags;
    uint16_t eir_capabilities;
    uint64_t incarnation; /* from its Eir header; 0: unknown */
    uint64_t cluster_id;

    struct peer *primary; /* borrowed; NULL: is a primary, or its primary is unknown */
    struct node_id shard_id;
    uint64_t config_epoch;
    uint64_t offset; /* replication offset it showed last */
    time_ms offset_heard_ms;
    struct slot_map *slots; /* owned, shared; drawn from `owner` when asked for (peer_slots) */
    struct peer_texts *texts; /* owned; NULL while it has none */

    time_ms created_ms;  /* became known in this run; for handshakes: their start */
    time_ms answered_ms; /* last PONG on the outbound link, from the node itself */
    time_ms data_received_ms;
    time_ms reconnect_ms;           /* not before this moment */
    time_ms meet_sent_ms;           /* last repeated MEET */
    time_ms inbound_lost_ms;        /* since when it has no link to us; 0: it has one */
    struct ping_record pings[2];    /* newest first; a PONG's echo names one of them */
    time_ms failed_ms;              /* when FAIL was set; 0: is not */
    bool failed_before;             /* nodes.conf said so: nobody did in this run */
    time_ms voted_against_until_ms; /* vote.c: I voted for a replica of it, which may still win */
    time_ms orphaned_ms; /* primary: since when it has no healthy replica; 0: has */
    struct evidence evidence;

    struct election_peer election;
    struct lease_peer lease;
};

static inline bool peer_is_primary(const struct peer *peer)
{
    return (peer->flags & NODE_PRIMARY) != 0;
}

static inline bool peer_is_replica(const struct peer *peer)
{
    return (peer->flags & NODE_REPLICA) != 0;
}

/* A voter is a primary with at least one slot. */
static inline bool peer_is_voter(const struct peer *peer)
{
    return peer_is_primary(peer) && peer->slot_count > 0;
}

static inline bool peer_is_failed(const struct peer *peer)
{
    return (peer->flags & NODE_FAIL) != 0;
}

static inline bool peer_is_suspect(const struct peer *peer)
{
    return (peer->flags & NODE_PFAIL) != 0;
}

static inline bool peer_is_healthy(const struct peer *peer)
{
    return (peer->flags & (NODE_FAIL | NODE_PFAIL)) == 0;
}

/* Known under its real id and with an address: may be gossiped about and voted for. */
static inline bool peer_is_placed(const struct peer *peer)
{
    return (peer->flags & (NODE_HANDSHAKE | NODE_NOADDR)) == 0;
}

static inline bool peer_is_connected(const struct peer *peer)
{
    return peer->outbound != NULL && peer->outbound->state == LINK_READY;
}

#endif
