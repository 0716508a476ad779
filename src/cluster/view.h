/* The cluster as this node sees it: read-only, for replies, redirects and checkers. */
#ifndef EIR_CLUSTER_VIEW_H
#define EIR_CLUSTER_VIEW_H

#include "cluster/cluster.h"

/* One known node. Borrowed until the next step; the first one is always this node. */
struct cluster_peer_view {
    struct node_id id;
    struct node_id primary_id; /* none: a primary */
    struct node_id shard_id;
    struct address address;
    uint16_t flags; /* enum node_flag */
    uint64_t config_epoch;
    uint64_t offset;
    time_ms ping_sent_wall_ms;     /* 0: none pending */
    time_ms pong_received_wall_ms;
    bool is_connected;             /* outbound link up (myself: true) */
    bool is_eir;
    unsigned slot_count;
    unsigned failure_reports;
    const struct slot_set *slots;
    const char *hostname, *nodename, *client_ipv4, *client_ipv6, *zone;
    uint16_t client_port, client_tls_port;
};

size_t cluster_peer_count(const struct cluster *cluster);
void cluster_peer_view(const struct cluster *cluster, size_t index, struct cluster_peer_view *view);
const struct node_id *cluster_peer_id(const struct cluster *cluster, size_t index); /* borrowed */
/* Index of the node or -1. */
ptrdiff_t cluster_peer_find(const struct cluster *cluster, const struct node_id *id);

enum slot_state { SLOT_STABLE, SLOT_MIGRATING, SLOT_IMPORTING };
struct slot_view {
    ptrdiff_t owner; /* index of the owner or -1 */
    enum slot_state state;
    struct node_id partner; /* MIGRATING to, IMPORTING from */
};
void cluster_slot_view(const struct cluster *cluster, unsigned slot, struct slot_view *view);
/* Owner index per slot, SLOT_COUNT entries, -1 where unassigned; borrowed. */
const int16_t *cluster_slot_owners(const struct cluster *cluster);

enum cluster_guarantee {
    GUARANTEE_LEASE,   /* enough Eir voters: a stale primary stops before its successor starts */
    GUARANTEE_CLASSIC, /* a quorum of Valkey voters could elect without knowing of the lease */
    GUARANTEE_NONE,    /* fewer than three voters: nobody can be elected */
};

struct cluster_status {
    bool is_ok; /* cluster_state */
    bool is_primary;
    bool serves;           /* false: formation is not done, or data of the lineage is missing */
    const char *why_not;   /* static text when it does not */
    time_ms lease_until_ms; /* primary: writes may run before this moment (monotonic) */
    enum cluster_guarantee guarantee;
    uint64_t current_epoch, config_epoch, last_vote_epoch;
    unsigned slots_assigned, slots_ok, slots_pfail, slots_fail;
    unsigned nodes_pfail, nodes_fail, voters_pfail, voters_fail;
    unsigned size; /* primaries with slots */
    uint64_t cluster_id; /* 0: unset */
    bool manual_failover_runs;
    bool import_or_migration_open;
};
void cluster_status(const struct cluster *cluster, struct cluster_status *status);

struct cluster_counters {
    uint64_t sent[MESSAGE_TYPE_COUNT];
    uint64_t received[MESSAGE_TYPE_COUNT];
};
void cluster_counters(const struct cluster *cluster, struct cluster_counters *counters);

/* Who reads a line of CLUSTER NODES: it shows the address that this client can use. */
enum cluster_reader {
    READER_PLAIN = 0, /* IPv4, without TLS */
    READER_IPV6 = 1,
    READER_TLS = 2,     /* the client speaks TLS */
    READER_TLS_BUS = 4, /* the bus speaks TLS, so `port` of an address is the TLS port */
};
/* One line of CLUSTER NODES without its line end. */
void cluster_print_node(const struct cluster *cluster, size_t index, struct buffer *into);
void cluster_print_node_for(const struct cluster *cluster, size_t index,
                            enum cluster_reader reader, struct buffer *into);

/* The node at the other end of a link; false while it is not known. */
bool cluster_link_peer(const struct cluster *cluster, link_number link, struct node_id *id);

/* A PUBLISH to every other node, or to this shard's only. */
void cluster_publish(struct cluster *cluster, bool is_sharded, struct bytes channel,
                     struct bytes payload, struct cluster_effects *effects);

#endif
