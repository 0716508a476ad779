/* The plain values that cluster code passes around: ids, addresses, flags, sets of slots. */
#ifndef EIR_CLUSTER_TYPES_H
#define EIR_CLUSTER_TYPES_H

#include "base/bytes.h"
#include "base/digest.h"

#define NODE_ID_SIZE 40

/* 40 lower-case hex characters, not terminated; all zero bytes means none. */
struct node_id {
    char hex[NODE_ID_SIZE];
};

static inline bool node_id_is_none(const struct node_id *id)
{
    return id->hex[0] == 0;
}

static inline bool node_id_equal(const struct node_id *a, const struct node_id *b)
{
    return memcmp(a->hex, b->hex, NODE_ID_SIZE) == 0;
}

static inline int node_id_compare(const struct node_id *a, const struct node_id *b)
{
    return memcmp(a->hex, b->hex, NODE_ID_SIZE);
}

/* True when the text is 40 lower-case hex characters. */
bool node_id_parse(struct bytes text, struct node_id *id);

#define ADDRESS_IP_SIZE 46 /* text of IPv4 or IPv6, zero padded, as on the wire */

struct address {
    char ip[ADDRESS_IP_SIZE]; /* empty: unknown, or "the one you see" */
    uint16_t port;            /* client port: TCP, or TLS where the bus speaks TLS */
    uint16_t port_other;      /* the other client port; 0 when there is none */
    uint16_t bus_port;
};

/* Node flags as in header and gossip (spec, section 3). */
enum node_flag {
    NODE_PRIMARY = 0x0001,
    NODE_REPLICA = 0x0002,
    NODE_PFAIL = 0x0004,
    NODE_FAIL = 0x0008,
    NODE_MYSELF = 0x0010,
    NODE_HANDSHAKE = 0x0020,
    NODE_NOADDR = 0x0040,
    NODE_MEET = 0x0080,
    NODE_MIGRATE_TO = 0x0100,
    NODE_NOFAILOVER = 0x0200,
    NODE_EXTENSIONS = 0x0400,
    NODE_LIGHT_PUBLISH = 0x0800,
    NODE_LIGHT_MODULE = 0x1000,
    NODE_PRIMARY_FAILED = 0x2000,
};

/* One bit a slot, in the order of the wire: slot s is bit s % 8 of byte s / 8. */
struct slot_set {
    uint8_t bits[SLOT_COUNT / 8];
};

static inline bool slot_set_has(const struct slot_set *set, unsigned slot)
{
    return set->bits[slot >> 3] >> (slot & 7) & 1;
}

static inline void slot_set_add(struct slot_set *set, unsigned slot)
{
    set->bits[slot >> 3] |= (uint8_t)(1u << (slot & 7));
}

static inline void slot_set_remove(struct slot_set *set, unsigned slot)
{
    set->bits[slot >> 3] &= (uint8_t) ~(1u << (slot & 7));
}

unsigned slot_set_count(const struct slot_set *set);
bool slot_set_is_empty(const struct slot_set *set);
/* The next run of set bits at or after *slot: first and last, and *slot behind it; false at the
 * end. Start with 0. */
bool slot_set_next_range(const struct slot_set *set, unsigned *slot, unsigned *first,
                         unsigned *last);

#endif
