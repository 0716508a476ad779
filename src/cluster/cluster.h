/* One node's part in the cluster, as a pure state machine over virtual time (design.md, 4).
 *
 * Events and the time go in, effects come out in the order in which they must be done. It runs
 * unchanged in production, in the wide simulator and inside node/ in the deep one. */
#ifndef EIR_CLUSTER_CLUSTER_H
#define EIR_CLUSTER_CLUSTER_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/effects.h"
#include "cluster/message.h"

struct cluster;

struct cluster_seed {
    char host[CLUSTER_TEXT_MAX];
    uint16_t port;
    uint16_t bus_port; /* 0: derived from port as for CLUSTER MEET */
};

/* Bugs planted on purpose: tests prove with them that the simulator would catch such a bug. Nothing
 * but a test sets one; no configuration leads here. */
enum cluster_plant {
    PLANT_NONE,
    PLANT_VOTE_NOT_SYNCED,         /* a vote leaves before it is on disk */
    PLANT_EPOCH_NOT_RAISED,        /* a winner keeps its old primary's config epoch */
    PLANT_RANK_IGNORED,            /* replicas stand at once, whatever their offsets */
    PLANT_LEASE_NEVER_EXPIRES,     /* a cut-off primary goes on accepting writes */
    PLANT_FORMATION_WITHOUT_LOCKS, /* a proposal commits as if all had locked it */
    PLANT_EMPTY_RESTART_ALLOWED,   /* an owner without its data serves as if all was well */
    PLANT_ELECTION_LATE,           /* a replica waits for two seconds before it stands */
};

/* Everything may change at run time through cluster_configure. */
struct cluster_options {
    time_ms node_timeout_ms;
    time_ms manual_failover_timeout_ms;
    time_ms blacklist_ttl_ms;
    time_ms repl_ping_period_ms;
    int replica_validity_factor;
    int migration_barrier;
    bool allow_replica_migration;
    bool require_full_coverage;
    bool replica_no_failover;
    bool skips_random_ping;  /* tests: only what is due is pinged, */
    bool skips_reconnection; /* and a link that is down stays down */
    bool is_classic;         /* simulators: behave as a Valkey node would, without what is ours */

    enum cluster_plant plant; /* tests only */

    struct address announced; /* ip empty: learnt from peers; ports as in the header */
    char hostname[CLUSTER_TEXT_MAX];
    char nodename[CLUSTER_TEXT_MAX];
    char client_ipv4[ADDRESS_IP_SIZE];
    char client_ipv6[ADDRESS_IP_SIZE];
    uint16_t client_port;
    uint16_t client_tls_port;
    char zone[CLUSTER_TEXT_MAX];

    char name[CLUSTER_TEXT_MAX]; /* formation (cluster-name) */
    unsigned shards;             /* 0: no formation by itself */
    unsigned replicas_per_shard;
    const struct cluster_seed *seeds; /* copied by cluster_create and cluster_configure */
    size_t seed_count;
};

/* Links are numbered: outbound ones by the core (odd), accepted ones by the shell (even, never
 * reused). 0 is no link. */
typedef uint64_t link_number;

enum link_cause {
    LINK_CLOSED_BY_PEER, /* FIN, or reset of an established stream after the peer's close */
    LINK_RESET,
    LINK_CONNECT_REFUSED, /* ECONNREFUSED: nobody listens */
    LINK_CONNECT_FAILED,  /* unreachable or timed out */
    LINK_BROKEN,          /* our side: protocol error, send limit, local error */
};

/* What the data side knows; sent whenever it changes and before a step that may need it. */
struct cluster_facts {
    uint64_t offset;          /* replication offset: own, or processed as a replica */
    bool has_keys;            /* any key in any database */
    bool link_is_up;          /* replica: the stream from the primary flows */
    time_ms link_active_ms;   /* replica: when it last did (monotonic); 0: never in this run */
    bool has_synced;          /* replica: completed a sync in this lineage */
    bool is_drained;          /* replica: everything that the dead primary sent is applied */
    bool lost_lineage;        /* owner that started without the data of its recorded lineage */
    bool has_data_files;      /* start: not fresh */
    bool is_loading;          /* start: what is said about data does not count yet */
    bool is_stopping;         /* SIGTERM was received */
    unsigned replicas_online; /* primary */
    char replication_id[40];  /* of the data at hand; all zero when none */
};

enum cluster_event_type {
    CLUSTER_TIMEOUT,      /* the deadline that cluster_deadline named */
    CLUSTER_RECEIVED,     /* link, message */
    CLUSTER_LINK_UP,      /* link, is_inbound, remote_ip, local_ip */
    CLUSTER_LINK_DOWN,    /* link, cause */
    CLUSTER_LINK_REFUSED, /* link, cause: an outbound link that never came up */
    CLUSTER_RESOLVED,     /* seed_index, addresses (count 0: failed) */
    CLUSTER_FACTS,        /* facts */
    CLUSTER_SUSPENDED,    /* the process was stopped or the machine slept: gap_ms */
};

struct cluster_event {
    enum cluster_event_type type;
    time_ms now_ms;  /* monotonic, counts suspended time; the only clock of the rules */
    time_ms wall_ms; /* printed on wire and file only */
    link_number link;
    const struct cluster_message *message; /* decoded; borrowed for this call */
    bool is_inbound;
    const char *remote_ip; /* borrowed text */
    const char *local_ip;
    enum link_cause cause;
    size_t seed_index;
    const char (*addresses)[ADDRESS_IP_SIZE];
    size_t address_count;
    const struct cluster_facts *facts;
    time_ms gap_ms;
};

/* `conf` is the text of nodes.conf or empty for a new node; ERR_MALFORMED with a reason in `why`
 * (256 bytes) when it is corrupt. `seed` feeds the core's own chance. */
NODISCARD enum err cluster_create(const struct cluster_options *options, struct bytes conf,
                                  uint64_t seed, time_ms now_ms, time_ms wall_ms,
                                  struct cluster **cluster, char *why);
void cluster_destroy(struct cluster *cluster);
void cluster_configure(struct cluster *cluster, const struct cluster_options *options);

void cluster_step(struct cluster *cluster, const struct cluster_event *event,
                  struct cluster_effects *effects);
/* The last CLUSTER_SAVE could not be made durable: nothing that shows its state leaves until a
 * later one succeeds; each is tried again before something has to be sent. */
void cluster_save_failed(struct cluster *cluster);
/* A CLUSTER_SAVE that may wait has failed: it is wanted again, and nothing is held back. */
void cluster_save_again(struct cluster *cluster);
/* When it wants CLUSTER_TIMEOUT. */
time_ms cluster_deadline(const struct cluster *cluster);
/* What CLUSTER_SAVE must make durable: the whole text of nodes.conf. */
void cluster_conf_write(const struct cluster *cluster, struct buffer *into);

#endif
