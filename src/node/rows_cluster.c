/* The CLUSTER command: orders to the cluster core, and what this node tells of it.
 *
 * Arguments are checked here; whether an order makes sense is the core's to say. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include <stdio.h>

/* ---- arguments ---------------------------------------------------------------------------- */

static struct cluster_order order_of(const struct call *call, enum cluster_order_type type)
{
    return (struct cluster_order){ .type = type, .now_ms = call->now_ms, .wall_ms = call->wall_ms };
}

static void give_order(struct call *call, const struct cluster_order *order)
{
    struct node *node = node_of(call);
    struct cluster_answer answer;
    clients_propagate(node); /* an order may change role: what was written goes first */
    bus_order(node, order, &answer);
    repl_perform(node);
    if (answer.is_error)
        reply_error(call, answer.text);
    else
        reply_simple(call, answer.text);
}

/* A slot number, or the error. */
static bool call_slot(struct call *call, uint32_t index, unsigned *slot)
{
    int64_t value;
    if (!number_parse(call_arg(call, index), &value) || value < 0 || value >= SLOT_COUNT) {
        reply_error(call, "ERR Invalid or out of range slot");
        return false;
    }
    *slot = (unsigned)value;
    return true;
}

static void refuse_node(struct call *call, uint32_t index)
{
    struct bytes text = call_arg(call, index);
    reply_error_format(call, "ERR Unknown node %.*s", (int)MIN(text.size, 128), text.data);
}

/* A known node's id, or the error. */
static bool call_node_id(struct call *call, uint32_t index, struct node_id *id)
{
    const struct node *node = node_of(call);
    bool is_id = node_id_parse(call_arg(call, index), id);
    if (is_id && cluster_peer_find(node->cluster, id) >= 0) return true;
    refuse_node(call, index);
    return false;
}

static void reply_subcommand_misuse(struct call *call)
{
    reply_error_format(call,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try "
                       "CLUSTER HELP.",
                       (int)MIN(call_arg(call, 1).size, 128), call_arg(call, 1).data);
}

/* ---- slots -------------------------------------------------------------------------------- */

/* Slots named one by one (is_range false) or as pairs; each at most once. */
static bool collect_slots(struct call *call, bool is_range, struct slot_set *slots)
{
    memset(slots, 0, sizeof(*slots));
    for (uint32_t at = 2; at < call->argc; at += is_range ? 2 : 1) {
        unsigned first;
        unsigned last;
        if (!call_slot(call, at, &first)) return false;
        last = first;
        if (is_range && !call_slot(call, at + 1, &last)) return false;
        if (first > last) {
            reply_error_format(call, "ERR start slot number %u is greater than end slot number %u",
                               first, last);
            return false;
        }
        for (unsigned slot = first; slot <= last; slot++) {
            if (slot_set_has(slots, slot)) {
                reply_error_format(call, "ERR Slot %u specified multiple times", slot);
                return false;
            }
            slot_set_add(slots, slot);
        }
    }
    return true;
}

static void change_slots(struct call *call, enum cluster_order_type type, bool is_range)
{
    if (is_range && call->argc % 2 != 0) {
        reply_wrong_arity(call);
        return;
    }
    struct slot_set slots;
    if (!collect_slots(call, is_range, &slots)) return;
    struct cluster_order order = order_of(call, type);
    order.slots = &slots;
    give_order(call, &order);
}

static void run_addslots(struct call *call)
{
    change_slots(call, ORDER_ADD_SLOTS, false);
}

static void run_addslotsrange(struct call *call)
{
    change_slots(call, ORDER_ADD_SLOTS, true);
}

static void run_delslots(struct call *call)
{
    change_slots(call, ORDER_DEL_SLOTS, false);
}

static void run_delslotsrange(struct call *call)
{
    change_slots(call, ORDER_DEL_SLOTS, true);
}

static void run_flushslots(struct call *call)
{
    struct node *node = node_of(call);
    if (node_has_keys(node)) {
        reply_error(call, "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
        return;
    }
    struct cluster_order order = order_of(call, ORDER_FLUSH_SLOTS);
    give_order(call, &order);
}

static void run_flushslot(struct call *call)
{
    struct node *node = node_of(call);
    unsigned slot;
    if (!call_slot(call, 2, &slot)) return;
    if (call->argc > 4 ||
        (call->argc == 4 && !call_arg_is(call, 3, "sync") && !call_arg_is(call, 3, "async"))) {
        reply_syntax_error(call);
        return;
    }
    struct access access = { .wall_ms = call->wall_ms };
    for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++)
        data_drop_slot(node, &access, db, slot);
    data_sweep(node);
    reply_ok(call);
}

static bool slot_has_keys(const struct node *node, unsigned slot)
{
    for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++)
        if (keyspace_slot_count(node->keyspace, db, slot) > 0) return true;
    return false;
}

static void setslot_with_node(struct call *call, struct cluster_order *order,
                              enum set_slot_kind kind)
{
    order->set_slot = kind;
    if (call->argc < 5) {
        reply_error(call, "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER "
                          "HELP");
        return;
    }
    /* Whether this node owns the slot is answered before whether the other one is known, so the
     * core gets what is no id too: cut short, to be nobody's, and named in the refusal. */
    struct bytes text = call_arg(call, 4);
    if (!node_id_parse(text, &order->id)) {
        memset(&order->id, 0, sizeof(order->id));
        memcpy(order->id.hex, text.data, MIN(text.size, (size_t)NODE_ID_SIZE - 1));
    }
    give_order(call, order);
}

static bool setslot_timeout(struct call *call, uint32_t at)
{
    int64_t timeout_ms;
    if (at >= call->argc) return true;
    if (!call_arg_is(call, at, "timeout")) {
        reply_error(call, "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER "
                          "HELP");
        return false;
    }
    if (at + 1 >= call->argc) {
        reply_error(call, "ERR Missing timeout value");
        return false;
    }
    return call_integer_or(call, at + 1, "ERR timeout is not an integer or out of range",
                           &timeout_ms);
}

static void run_setslot(struct call *call)
{
    struct node *node = node_of(call);
    if (node_is_replica(node) && call->session->kind == SESSION_CLIENT) {
        reply_error(call, "ERR Please use SETSLOT only with masters.");
        return;
    }
    struct cluster_order order = order_of(call, ORDER_SET_SLOT);
    if (!call_slot(call, 2, &order.slot)) return;
    order.slot_has_keys = slot_has_keys(node, order.slot);
    bool is_stable = call_arg_is(call, 3, "stable");
    if (!setslot_timeout(call, is_stable ? 4 : 5)) return;
    call_changed(call); /* replicas learn of open slots through the stream */
    if (is_stable) {
        order.set_slot = SET_SLOT_STABLE;
        give_order(call, &order);
    } else if (call_arg_is(call, 3, "migrating")) {
        setslot_with_node(call, &order, SET_SLOT_MIGRATING);
    } else if (call_arg_is(call, 3, "importing")) {
        setslot_with_node(call, &order, SET_SLOT_IMPORTING);
    } else if (call_arg_is(call, 3, "node")) {
        setslot_with_node(call, &order, SET_SLOT_NODE);
    } else {
        reply_error(call, "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER "
                          "HELP");
    }
    if (call->is_failed) call_propagate_nothing(call);
}

/* ---- members ------------------------------------------------------------------------------ */

static bool call_port(struct call *call, uint32_t index, const char *what, int64_t *port)
{
    if (number_parse(call_arg(call, index), port)) return true;
    reply_error_format(call, "ERR Invalid %s port specified: %.*s", what,
                       (int)MIN(call_arg(call, index).size, 128), call_arg(call, index).data);
    return false;
}

static void run_meet(struct call *call)
{
    if (call->argc > 5) {
        reply_subcommand_misuse(call);
        return;
    }
    int64_t port;
    int64_t bus_port;
    if (!call_port(call, 3, "base", &port)) return;
    bus_port = port + 10000;
    if (call->argc == 5 && !call_port(call, 4, "bus", &bus_port)) return;
    if (port < 1 || port > 65535 || bus_port < 1 || bus_port > 65535) {
        reply_error(call, "ERR Port number is out of range");
        return;
    }
    struct cluster_order order = order_of(call, ORDER_MEET);
    order.address.port = (uint16_t)port;
    order.address.bus_port = (uint16_t)bus_port;
    struct bytes ip = call_arg(call, 2);
    if (!bytes_to_text(ip, order.address.ip, sizeof(order.address.ip))) order.address.ip[0] = 0;
    give_order(call, &order);
}

static void run_forget(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_FORGET);
    /* The core knows who is forgotten already. */
    if (!node_id_parse(call_arg(call, 2), &order.id)) {
        refuse_node(call, 2);
        return;
    }
    give_order(call, &order);
}

static void run_replicate(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_REPLICATE);
    order.has_keys = node_has_keys(node_of(call));
    bool is_no_one = call->argc == 4 && call_arg_is(call, 2, "no") && call_arg_is(call, 3, "one");
    if (call->argc != 3 && !is_no_one) {
        reply_subcommand_misuse(call);
        return;
    }
    if (!is_no_one && !call_node_id(call, 2, &order.id)) return;
    give_order(call, &order);
}

static void run_failover(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_FAILOVER);
    if (call->argc > 3) {
        reply_syntax_error(call);
        return;
    }
    if (call_arg_is(call, 2, "force"))
        order.failover = FAILOVER_FORCE;
    else if (call_arg_is(call, 2, "takeover"))
        order.failover = FAILOVER_TAKEOVER;
    else if (call->argc == 3) {
        reply_syntax_error(call);
        return;
    }
    give_order(call, &order);
}

static void run_reset(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_RESET);
    if (call->argc > 3) {
        reply_subcommand_misuse(call);
        return;
    }
    order.is_hard = call_arg_is(call, 2, "hard");
    if (call->argc == 3 && !order.is_hard && !call_arg_is(call, 2, "soft")) {
        reply_syntax_error(call);
        return;
    }
    order.has_keys = node_has_keys(node_of(call));
    give_order(call, &order);
}

static void run_set_config_epoch(struct call *call)
{
    int64_t epoch;
    if (!call_integer(call, 2, &epoch)) return;
    if (epoch < 0) {
        reply_error_format(call, "ERR Invalid config epoch specified: %lld", (long long)epoch);
        return;
    }
    struct cluster_order order = order_of(call, ORDER_SET_CONFIG_EPOCH);
    order.epoch = (uint64_t)epoch;
    give_order(call, &order);
}

static void run_bumpepoch(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_BUMP_EPOCH);
    give_order(call, &order);
}

static void run_saveconfig(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_SAVE_CONFIG);
    give_order(call, &order);
}

/* Ours: an owner that lost its data shall serve without it. */
static void run_serve_empty(struct call *call)
{
    struct cluster_order order = order_of(call, ORDER_SERVE_EMPTY);
    give_order(call, &order);
}

/* ---- what this node tells ----------------------------------------------------------------- */

static void run_info(struct call *call)
{
    struct buffer text = { 0 };
    cluster_print_info(node_of(call), &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

static void run_nodes(struct call *call)
{
    cluster_reply_nodes(call);
}

static void run_slots(struct call *call)
{
    cluster_reply_slots(call);
}

static void run_shards(struct call *call)
{
    cluster_reply_shards(call);
}

static void run_links(struct call *call)
{
    cluster_reply_links(call);
}

static void run_slot_stats(struct call *call)
{
    cluster_reply_slot_stats(call);
}

static void run_myid(struct call *call)
{
    struct cluster_peer_view myself;
    cluster_peer_view(node_of(call)->cluster, 0, &myself);
    reply_bytes(call, bytes_of(myself.id.hex, NODE_ID_SIZE));
}

static void run_myshardid(struct call *call)
{
    struct cluster_peer_view myself;
    cluster_peer_view(node_of(call)->cluster, 0, &myself);
    reply_bytes(call, bytes_of(myself.shard_id.hex, NODE_ID_SIZE));
}

static void run_replicas(struct call *call)
{
    struct node *node = node_of(call);
    struct node_id id;
    if (!call_node_id(call, 2, &id)) return;
    struct cluster_peer_view peer;
    cluster_peer_view(node->cluster, (size_t)cluster_peer_find(node->cluster, &id), &peer);
    if (!node_id_is_none(&peer.primary_id)) {
        reply_error(call, "ERR The specified node is not a master");
        return;
    }
    cluster_reply_replicas(call, &id);
}

static void run_count_failure_reports(struct call *call)
{
    struct node *node = node_of(call);
    struct node_id id;
    if (!call_node_id(call, 2, &id)) return;
    struct cluster_peer_view peer;
    cluster_peer_view(node->cluster, (size_t)cluster_peer_find(node->cluster, &id), &peer);
    reply_integer(call, peer.failure_reports);
}

static void run_keyslot(struct call *call)
{
    reply_integer(call, key_slot(call_arg(call, 2)));
}

static void run_countkeysinslot(struct call *call)
{
    struct node *node = node_of(call);
    int64_t slot;
    if (!call_integer(call, 2, &slot)) return;
    if (slot < 0 || slot >= SLOT_COUNT) {
        reply_error(call, "ERR Invalid slot");
        return;
    }
    reply_integer(call, (int64_t)keyspace_slot_count(node->keyspace, (uint32_t)call->session->db,
                                                     (uint32_t)slot));
}

static void reply_entry_key(void *context, const struct entry *entry)
{
    reply_bytes(context, entry_key(entry));
}

static void run_getkeysinslot(struct call *call)
{
    struct node *node = node_of(call);
    int64_t slot;
    int64_t wanted;
    if (!call_integer(call, 2, &slot) || !call_integer(call, 3, &wanted)) return;
    if (slot < 0 || slot >= SLOT_COUNT || wanted < 0) {
        reply_error(call, "ERR Invalid slot or number of keys");
        return;
    }
    uint32_t db = (uint32_t)call->session->db;
    size_t there = keyspace_slot_count(node->keyspace, db, (uint32_t)slot);
    size_t count = MIN(there, (size_t)wanted);
    reply_array(call, count);
    keyspace_visit_slot(node->keyspace, db, (uint32_t)slot, count, reply_entry_key, call);
}

static const char *const help_lines[] = {
    "COUNTKEYSINSLOT <slot>",
    "    Return the number of keys in <slot>.",
    "GETKEYSINSLOT <slot> <count>",
    "    Return key names stored by current node in a slot.",
    "INFO",
    "    Return information about the cluster.",
    "KEYSLOT <key>",
    "    Return the hash slot for <key>.",
    "MYID",
    "    Return the node id.",
    "MYSHARDID",
    "    Return the node's shard id.",
    "NODES",
    "    Return cluster configuration seen by node. Output format:",
    "    <id> <ip:port@bus-port[,hostname]> <flags> <primary> <pings> <pongs> <epoch> <link> "
    "<slot> ...",
    "REPLICAS <node-id>",
    "    Return <node-id> replicas.",
    "SLOTS",
    "    Return information about slots range mappings. Each range is made of:",
    "    start, end, primary and replicas IP addresses, ports and ids",
    "SLOT-STATS",
    "    Return an array of slot usage statistics for slots assigned to the current node.",
    "SHARDS",
    "    Return information about slot range mappings and the nodes associated with them.",
    "ADDSLOTS <slot> [<slot> ...]",
    "    Assign slots to current node.",
    "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
    "    Assign slots which are between <start-slot> and <end-slot> to current node.",
    "BUMPEPOCH",
    "    Advance the cluster config epoch.",
    "COUNT-FAILURE-REPORTS <node-id>",
    "    Return number of failure reports for <node-id>.",
    "DELSLOTS <slot> [<slot> ...]",
    "    Delete slots information from current node.",
    "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
    "    Delete slots information which are between <start-slot> and <end-slot> from current "
    "node.",
    "FAILOVER [FORCE|TAKEOVER]",
    "    Promote current replica node to being a master.",
    "FORGET <node-id>",
    "    Remove a node from the cluster.",
    "FLUSHSLOT <slot> [ASYNC|SYNC]",
    "    Delete the keys of a slot.",
    "FLUSHSLOTS",
    "    Delete current node own slots information.",
    "MEET <ip> <port> [<bus-port>]",
    "    Connect nodes into a working cluster.",
    "REPLICATE (<node-id>|NO ONE)",
    "    Configure current node as replica to <node-id>, or make it a primary.",
    "RESET [HARD|SOFT]",
    "    Reset current node (default: soft).",
    "SERVE-EMPTY",
    "    Let an owner of slots that came back without its data serve without them.",
    "SET-CONFIG-EPOCH <epoch>",
    "    Set config epoch of current node.",
    "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
    "    Set slot state.",
    "SAVECONFIG",
    "    Force saving cluster configuration on disk.",
    "LINKS",
    "    Return information about all network links between this node and its peers.",
    "    Output format is an array where each array element is a map containing attributes of "
    "a link",
    NULL,
};

static void run_help(struct call *call)
{
    reply_help(call, help_lines);
}

/* clang-format off */
static const struct command cluster_commands[] = {
    { .name = "addslots", .run = run_addslots, .arity = -3,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "slot:integer...", .since = "3.0.0",
      .complexity = "O(N) where N is the total number of hash slot arguments",
      .summary = "Assigns new hash slots to a node." },
    { .name = "addslotsrange", .run = run_addslotsrange, .arity = -4,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "range{start-slot:integer end-slot:integer}...", .since = "7.0.0",
      .complexity = "O(N) where N is the total number of the slots between the start slot "
          "and end slot arguments.", .summary = "Assigns new hash slot ranges to a node." },
    { .name = "bumpepoch", .run = run_bumpepoch, .arity = 2,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .since = "3.0.0", .complexity = "O(1)", .summary = "Advances the cluster config epoch.",
      .tips = "nondeterministic_output" },
    { .name = "count-failure-reports", .run = run_count_failure_reports, .arity = 3,
      .flags = CMD_ADMIN | CMD_STALE, .group = GROUP_CLUSTER, .args = "node-id", .since = "3.0.0",
      .complexity = "O(N) where N is the number of failure reports",
      .summary = "Returns the number of active failure reports for a node. No new reports "
          "are created once the node is marked as failed.", .tips = "nondeterministic_output",
      .history = "9.0.0 Ignore additional failure reports for a node which has been "
          "marked as failed." },
    { .name = "countkeysinslot", .run = run_countkeysinslot, .arity = 3, .flags = CMD_STALE,
      .group = GROUP_CLUSTER, .args = "slot:integer", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Returns the number of keys in a hash slot." },
    { .name = "delslots", .run = run_delslots, .arity = -3,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "slot:integer...", .since = "3.0.0",
      .complexity = "O(N) where N is the total number of hash slot arguments",
      .summary = "Sets hash slots as unbound for a node." },
    { .name = "delslotsrange", .run = run_delslotsrange, .arity = -4,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "range{start-slot:integer end-slot:integer}...", .since = "7.0.0",
      .complexity = "O(N) where N is the total number of the slots between the start slot "
          "and end slot arguments.", .summary = "Sets hash slot ranges as unbound for a node." },
    { .name = "failover", .run = run_failover, .arity = -2,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "[options(FORCE|TAKEOVER)]", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Forces a replica to perform a manual failover of its primary." },
    { .name = "flushslot", .run = run_flushslot, .arity = -3,
      .flags = CMD_WRITE | CMD_ADMIN | CMD_NO_ASYNC_LOADING, .acl = ACL_KEYSPACE,
      .group = GROUP_CLUSTER, .args = "slot:integer [flush-type(ASYNC|SYNC)]", .since = "9.0.0",
      .complexity = "O(N) where N is the number of keys in the target slot",
      .summary = "Removes all keys from the target slot." },
    { .name = "flushslots", .run = run_flushslots, .arity = 2,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .since = "3.0.0", .complexity = "O(1)",
      .summary = "Deletes all slots information from a node." },
    { .name = "forget", .run = run_forget, .arity = 3,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "node-id", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Removes a node from the nodes table." },
    { .name = "getkeysinslot", .run = run_getkeysinslot, .arity = 4, .flags = CMD_STALE,
      .group = GROUP_CLUSTER, .args = "slot:integer count:integer", .since = "3.0.0",
      .complexity = "O(N) where N is the number of requested keys",
      .summary = "Returns the key names in a hash slot.", .tips = "nondeterministic_output" },
    { .name = "help", .run = run_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "info", .run = run_info, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "3.0.0", .complexity = "O(1)",
      .summary = "Returns information about the state of a node.",
      .tips = "nondeterministic_output" },
    { .name = "keyslot", .run = run_keyslot, .arity = 3, .flags = CMD_STALE,
      .group = GROUP_CLUSTER, .args = "key:string", .since = "3.0.0",
      .complexity = "O(N) where N is the number of bytes in the key",
      .summary = "Returns the hash slot for a key." },
    { .name = "links", .run = run_links, .arity = 2, .flags = CMD_STALE,
      .group = GROUP_CLUSTER, .since = "7.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .summary = "Returns a list of all TCP links to and from peer nodes.",
      .tips = "nondeterministic_output" },
    { .name = "meet", .run = run_meet, .arity = -4,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "ip port:integer [cluster-bus-port:integer@4.0.0]", .since = "3.0.0",
      .complexity = "O(1)", .summary = "Forces a node to handshake with another node.",
      .history = "4.0.0 Added the optional `cluster_bus_port` argument." },
    { .name = "myid", .run = run_myid, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "3.0.0", .complexity = "O(1)",
      .summary = "Returns the ID of a node." },
    { .name = "myshardid", .run = run_myshardid, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "7.2.0", .complexity = "O(1)",
      .summary = "Returns the shard ID of a node.", .tips = "nondeterministic_output" },
    { .name = "nodes", .run = run_nodes, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "3.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .summary = "Returns the cluster configuration for a node.",
      .tips = "nondeterministic_output" },
    { .name = "replicas", .run = run_replicas, .arity = 3, .flags = CMD_ADMIN | CMD_STALE,
      .group = GROUP_CLUSTER, .args = "node-id", .since = "5.0.0",
      .complexity = "O(N) where N is the number of replicas.",
      .summary = "Lists the replica nodes of a primary node.", .tips = "nondeterministic_output" },
    { .name = "replicate", .run = run_replicate, .arity = -3,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "args(node-id|no-one{NO ONE}@9.0.0)", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Configures a node as replica of a primary node or detaches a replica "
          "from its primary.",
      .history = "9.0.0 Added support of 'NO ONE' arg instead of <node-id> resulting into "
          "detaching replica from primary node." },
    { .name = "reset", .run = run_reset, .arity = -2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_STALE, .group = GROUP_CLUSTER,
      .args = "[reset-type(HARD|SOFT)]", .since = "3.0.0",
      .complexity = "O(N) where N is the number of known nodes. The command may execute a "
          "FLUSHALL as a side effect.", .summary = "Resets a node." },
    { .name = "saveconfig", .run = run_saveconfig, .arity = 2,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .since = "3.0.0", .complexity = "O(1)",
      .summary = "Forces a node to save the cluster configuration to disk." },
    { .name = "set-config-epoch", .run = run_set_config_epoch, .arity = 3,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "config-epoch:integer", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Sets the configuration epoch for a new node." },
    { .name = "setslot", .run = run_setslot, .arity = -4,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .args = "slot:integer subcommand(IMPORTING=importing/node-id|"
          "MIGRATING=migrating/node-id|NODE=node/node-id|STABLE) "
          "[TIMEOUT=timeout:integer@8.0.0]", .since = "3.0.0", .complexity = "O(1)",
      .summary = "Binds a hash slot to a node.", .history = "8.0.0 Added the `TIMEOUT` option." },
    { .name = "shards", .run = run_shards, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "7.0.0",
      .complexity = "O(N) where N is the total number of cluster nodes",
      .summary = "Returns the mapping of cluster slots to shards.",
      .tips = "nondeterministic_output",
      .history = "9.1.0 Added shard level `id` field and node level `availability-zone` "
          "field." },
    { .name = "slaves", .run = run_replicas, .arity = 3, .flags = CMD_ADMIN | CMD_STALE,
      .group = GROUP_CLUSTER, .args = "node-id", .since = "3.0.0",
      .complexity = "O(N) where N is the number of replicas.",
      .summary = "Lists the replica nodes of a primary node.", .tips = "nondeterministic_output",
      .doc_flags = DOC_DEPRECATED, .deprecated_since = "5.0.0",
      .replaced_by = "`CLUSTER REPLICAS`" },
    { .name = "slot-stats", .run = run_slot_stats, .arity = -4,
      .flags = CMD_LOADING | CMD_STALE, .group = GROUP_CLUSTER,
      .args = "filter(SLOTSRANGE=slotsrange{start-slot:integer end-slot:integer}|"
          "ORDERBY=orderby{metric [LIMIT=limit:integer] [order(ASC|DESC)]})", .since = "8.0.0",
      .complexity = "O(N) where N is the total number of slots based on arguments. "
          "O(N*log(N)) with ORDERBY subcommand.",
      .summary = "Return an array of slot usage statistics for slots assigned to the "
          "current node.", .tips = "nondeterministic_output request_policy:all_shards" },
    { .name = "slots", .run = run_slots, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CLUSTER, .since = "3.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .summary = "Returns the mapping of cluster slots to nodes.",
      .tips = "nondeterministic_output",
      .history = "4.0.0 Added node IDs.\n7.0.0 Added additional networking metadata "
          "field.\n9.1.0 Added `availability-zone` field inside the networking metadata." },
    { .name = "serve-empty", .run = run_serve_empty, .arity = 2,
      .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_CLUSTER,
      .since = "9.1.0", .complexity = "O(1)",
      .summary = "Lets an owner of slots that came back without its data serve without them." },
    { 0 },
};

const struct command node_cluster_rows[] = {
    { .name = "cluster", .arity = -2, .group = GROUP_CLUSTER, .since = "3.0.0",
      .complexity = "Depends on subcommand.", .summary = "A container for Cluster commands.",
      .subcommands = cluster_commands },
};
/* clang-format on */
const size_t node_cluster_row_count = COUNT_OF(node_cluster_rows);

/* ---- without a cluster -------------------------------------------------------------------- */

static void run_disabled(struct call *call)
{
    reply_error(call, "ERR This instance has cluster support disabled");
}

struct command *node_lone_cluster_rows_create(void)
{
    struct command *rows = memory_alloc((COUNT_OF(cluster_commands) + 1) * sizeof(*rows));
    rows[0] = node_cluster_rows[0];
    rows[0].subcommands = rows + 1;
    memcpy(rows + 1, cluster_commands, sizeof(cluster_commands));
    for (struct command *row = rows + 1; row->name != NULL; row++)
        if (row->run != run_keyslot) row->run = run_disabled;
    return rows;
}
