/* The text of nodes.conf: what a node remembers of its cluster over a restart (spec 20).
 *
 * One line per known node in any order, then the line of variables. Ours stand on that last line
 * under names that begin with "eir-": a Valkey node skips them there, while an unknown field on
 * the line of a node would be fatal to it. */
#ifndef EIR_CLUSTER_CONF_H
#define EIR_CLUSTER_CONF_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/types.h"

#define CONF_TEXT_MAX 256 /* host names and the like, terminator included */

/* One line. Flags: PRIMARY, REPLICA, PFAIL, FAIL, MYSELF, HANDSHAKE, NOADDR, NOFAILOVER. */
struct conf_node {
    struct node_id id;
    struct node_id primary_id; /* none: a primary */
    struct node_id shard_id;   /* none: the file did not say */
    struct address address;
    bool port_other_is_tcp; /* the main port speaks TLS */
    uint16_t flags;
    uint16_t client_port;
    uint16_t client_tls_port;
    time_ms ping_sent_ms;     /* wall; 0: none pending */
    time_ms pong_received_ms; /* wall */
    uint64_t config_epoch;
    bool is_connected;
    char hostname[CONF_TEXT_MAX];
    char nodename[CONF_TEXT_MAX];
    char client_ipv4[ADDRESS_IP_SIZE];
    char client_ipv6[ADDRESS_IP_SIZE];
    char zone[CONF_TEXT_MAX];
    struct slot_set slots;
};

/* A slot in motion: on the line of this node only. */
struct conf_open_slot {
    uint16_t slot;
    bool is_importing; /* else migrating */
    struct node_id partner;
};

/* A variable of ours. The owner of a rule names it and knows what its text means. */
struct conf_var {
    char *name;  /* owned; "eir-..." */
    char *value; /* owned; printable, without spaces and quotes, never empty */
};

struct conf {
    struct conf_node *nodes; /* owned */
    size_t node_count;
    size_t node_capacity;
    size_t myself;                     /* index of the node with NODE_MYSELF */
    struct conf_open_slot *open_slots; /* owned */
    size_t open_slot_count;
    size_t open_slot_capacity;
    uint64_t current_epoch;
    uint64_t last_vote_epoch;
    struct conf_var *vars; /* owned: ours, those that this version does not know included */
    size_t var_count;
    size_t var_capacity;
};

void conf_init(struct conf *conf);
void conf_fini(struct conf *conf);

#define CONF_WHY_SIZE 256
/* Fills an initialised, empty conf. ERR_NOT_FOUND for a text without any line: a new node.
 * ERR_MALFORMED with line and reason in `why` (CONF_WHY_SIZE bytes) for a corrupt one. */
NODISCARD enum err conf_parse(struct bytes text, struct conf *conf, char *why);

/* Borrowed text or NULL. */
const char *conf_find_var(const struct conf *conf, const char *name);

/* The same text piece by piece, for a writer that has the nodes in another shape: the lines of
 * all nodes (open slots only with myself), then vars_begin, conf_print_var for each, vars_end. */
void conf_print_node(const struct conf_node *node, const struct conf_open_slot *open_slots,
                     size_t open_slot_count, struct buffer *into);
void conf_print_vars_begin(uint64_t current_epoch, uint64_t last_vote_epoch, struct buffer *into);
void conf_print_var(const char *name, struct bytes value, struct buffer *into);
void conf_print_vars_end(struct buffer *into);
void conf_print(const struct conf *conf, struct buffer *into);

#endif
