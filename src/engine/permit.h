/* What may run here and now: plain facts that the node writes and the engine reads.
 *
 * The engine knows no cluster, no replication and no disk. It compares a command's row with these
 * facts, in the order that spec/errors.md gives, and says OK or the exact refusal. A redirect is
 * such a refusal: the owner's endpoint texts stand here too, so that nothing is called back. */
#ifndef EIR_ENGINE_PERMIT_H
#define EIR_ENGINE_PERMIT_H

#include "base/bytes.h"
#include "base/digest.h"

/* What this node does with the keys of a slot. */
enum slot_verdict {
    SLOT_UNASSIGNED,      /* CLUSTERDOWN Hash slot not served */
    SLOT_SERVED,          /* mine */
    SLOT_MIGRATING_AWAY,  /* mine; keys that are not here any more: ASK `ask_owners` */
    SLOT_ELSEWHERE,       /* MOVED `owners` */
    SLOT_ARRIVING,        /* elsewhere, but served here after ASKING */
    SLOT_SHARD,           /* my primary's: reads of READONLY connections, else MOVED */
    SLOT_SHARD_MIGRATING, /* the same while it migrates away */
    SLOT_WAIT,            /* about to change hands: whoever asks waits */
};

/* How the address of a node is told depends on how the client came: four texts a node. */
enum endpoint_kind {
    ENDPOINT_TCP4,
    ENDPOINT_TCP6,
    ENDPOINT_TLS4,
    ENDPOINT_TLS6,
    ENDPOINT_KIND_COUNT
};
struct endpoint {
    const char *texts[ENDPOINT_KIND_COUNT]; /* "host:port", as MOVED and ASK print it; borrowed */
};

enum pause_kind { PAUSE_NONE, PAUSE_WRITES, PAUSE_ALL };

/* All zero permits everything on a plain primary without a cluster. */
struct permit {
    uint32_t generation; /* counted up with every change: who waits is looked at again */
    bool is_cluster;
    bool is_replica;
    bool is_replica_read_only; /* READONLY to writes of clients */
    bool is_loading;           /* LOADING */
    bool is_loading_beside;    /* the old data are served meanwhile ("async loading") */
    bool is_stale;             /* replica without link and replica-serve-stale-data no */
    bool lacks_replicas;       /* NOREPLICAS: fewer good replicas than min-replicas-to-write */
    size_t memory_uncounted;   /* bytes that do not count for maxmemory: what replicas hold up */
    const char *misconf;       /* NULL, or the whole error "MISCONF ..." for writes */

    /* Pausing for a hand-over; CLIENT PAUSE is the engine's own. Monotonic. */
    uint8_t pause; /* enum pause_kind */
    time_ms pause_until_ms;

    /* Cluster only. */
    const char *not_serving; /* NULL, or the whole error that refuses every command with keys:
                                forming, or data of the lineage is missing */
    bool is_cluster_down;
    bool reads_while_down;            /* cluster-allow-reads-when-down */
    bool shard_pubsub_while_down;     /* cluster-allow-pubsubshard-when-down */
    bool has_lease;                   /* false: no lease is kept (the classic guarantee) */
    time_ms writes_until_ms;          /* monotonic; writes run strictly before it */
    time_ms lease_awaited_until_ms;   /* until then writes wait for a lease instead of failing */
    uint8_t verdicts[SLOT_COUNT];     /* enum slot_verdict */
    uint16_t owners[SLOT_COUNT];      /* index in endpoints; meaningless where unassigned */
    uint16_t ask_owners[SLOT_COUNT];  /* index in endpoints; where a slot migrates to */
    const struct endpoint *endpoints; /* borrowed; replaced as a whole */
    uint32_t endpoint_count;
};

#endif
