/* A bus message with its bytes understood: what the rules of this folder see. */
#ifndef EIR_CLUSTER_MESSAGE_H
#define EIR_CLUSTER_MESSAGE_H

#include "cluster/slot_map.h"

enum message_type {
    MESSAGE_PING = 0,
    MESSAGE_PONG = 1,
    MESSAGE_MEET = 2,
    MESSAGE_FAIL = 3,
    MESSAGE_PUBLISH = 4,
    MESSAGE_AUTH_REQUEST = 5,
    MESSAGE_AUTH_ACK = 6,
    MESSAGE_UPDATE = 7,
    MESSAGE_MFSTART = 8,
    MESSAGE_MODULE = 9,
    MESSAGE_PUBLISHSHARD = 10,
    /* Ours, sent only to proven Eir peers; the codec maps them to numbers far above. Their kinds
     * stand in eir_messages.h. */
    MESSAGE_EIR = 11,
    MESSAGE_TYPE_COUNT
};

enum message_flag {
    MESSAGE_PAUSED = 1,
    MESSAGE_FORCEACK = 2,
    MESSAGE_HAS_EXTENSIONS = 4,
};

struct gossip {
    struct node_id id;
    uint32_t ping_sent_s; /* Unix seconds; 0: none pending */
    uint32_t pong_received_s;
    struct address address;
    uint16_t flags;
};

#define CLUSTER_TEXT_MAX 256 /* host names and the like, terminator included */

struct forgotten {
    struct node_id id;
    uint64_t ttl_s;
};

/* Ping extensions; empty text or 0 means not sent. */
struct extensions {
    uint32_t references; /* owners beyond the first; the packets of a node share them */
    char hostname[CLUSTER_TEXT_MAX];
    char nodename[CLUSTER_TEXT_MAX];
    char client_ipv4[ADDRESS_IP_SIZE];
    char client_ipv6[ADDRESS_IP_SIZE];
    uint16_t client_port;
    uint16_t client_tls_port;
    char zone[CLUSTER_TEXT_MAX];
    struct node_id shard_id;
    uint32_t forgotten_count;
    struct forgotten *forgotten; /* owned */
};

/* What an Eir node says in the reserved header bytes (2216-2245). Absent from Valkey nodes. */
struct eir_header {
    bool is_present;
    uint16_t capabilities;
    uint8_t flags;        /* enum eir_flag */
    uint64_t incarnation; /* random at every start of the process */
    uint64_t cluster_id;  /* first 8 bytes of the cluster id; 0 while unset */
    uint32_t sequence;    /* of this PING. In a PONG with EIR_PROMISE: how many ms it binds */
    uint32_t echo;        /* in a PONG: the sequence that it answers; 0 when unsolicited */
};

enum eir_flag {
    EIR_PROMISE = 1, /* this PONG is a promise not to vote against you for so long */
    EIR_ELIGIBLE = 2, /* a replica that has completed a sync and may take over */
    EIR_HARD = 4, /* this FAIL rests on hard evidence */
    EIR_FORCED = 8,   /* this AUTH_REQUEST was ordered by an operator, or by its own primary */
    EIR_STANDING = 16, /* an election of the sender runs: it may still win */
    EIR_AGAIN = 32,   /* this MEET is the node's own idea: it knows the receiver already */
    EIR_BRIEF = 64,   /* this PING says little about others, and its PONG need not say more */
};

struct cluster_message {
    enum message_type type;
    uint32_t references; /* owners beyond the first; a sent message never changes */
    bool is_light; /* sent with the 16-byte header: only types 4, 9, 10 */

    struct node_id sender;
    uint64_t current_epoch;
    uint64_t config_epoch;
    uint64_t offset;
    struct slot_map *slots; /* owned, shared with others; NULL: none */
    struct node_id primary_id;
    struct address address; /* ip empty: use the address you see */
    uint16_t flags;
    uint8_t message_flags;
    bool cluster_is_down;
    struct eir_header eir;

    uint32_t gossip_count;
    struct gossip *gossip;           /* owned */
    struct extensions *extensions;   /* owned, shared; NULL when none was sent */

    struct node_id subject;          /* FAIL: the failed node; UPDATE: the owner */
    uint64_t subject_epoch;          /* UPDATE */
    struct slot_set *subject_slots;  /* UPDATE; owned */
    struct bytes channel;            /* PUBLISH, PUBLISHSHARD; with payload in `body` */
    struct bytes payload;            /* also MODULE and EIR */
    uint64_t module_id;
    uint8_t module_type;
    uint8_t eir_type;                /* EIR: enum eir_type */
    char *body;                      /* owned: holds channel and payload */
};

struct cluster_message *message_create(enum message_type type);
/* Copies both into the message, which must have no body yet. */
void message_set_body(struct cluster_message *message, struct bytes channel, struct bytes payload);
struct cluster_message *message_clone(const struct cluster_message *message);
/* One more owner of the same message, for a broadcast to a thousand links: it is read-only from
 * now on, and message_destroy frees it with its last owner. */
struct cluster_message *message_share(struct cluster_message *message);
void message_destroy(struct cluster_message *message); /* NULL is allowed */

struct extensions *extensions_share(struct extensions *extensions); /* one more owner */
void extensions_destroy(struct extensions *extensions);              /* NULL is allowed */

#endif
