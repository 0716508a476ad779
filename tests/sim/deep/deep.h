/* The deep simulation: whole nodes, bytes on virtual wires, virtual disks, writing clients.
 *
 * The nodes are what production runs, `struct node`, behind a shell of virtual time. One seed
 * gives one run, byte for byte. What the wide simulation (../sim.h) models, the data, is real
 * here: snapshots, the stream, full and partial syncs, files that a crash tears. */
#ifndef EIR_TESTS_DEEP_H
#define EIR_TESTS_DEEP_H

#include "base/buffer.h"
#include "base/heap.h"
#include "base/prng.h"
#include "node/node.h"

#include "lib/memory_disk.h"

#define DEEP_NODES_MAX   16
#define DEEP_CLIENTS_MAX 8

struct deep;
struct wire;

struct deep_options {
    uint64_t seed;
    unsigned shards;
    unsigned replicas; /* of each */
    unsigned clients;
    time_ms node_timeout_ms;
    bool waits_for_replica; /* clients say WAIT 1 after each write */
    bool saves;             /* nodes have a save point, and save at their end */
    bool is_verbose;
};

/* ---- the world (world.c) ---- */

struct deep *deep_create(const struct deep_options *options);
void deep_destroy(struct deep *deep);
void deep_run(struct deep *deep, time_ms duration_ms);
/* Until it holds; false when it does not within the time. */
bool deep_run_until(struct deep *deep, bool (*holds)(struct deep *deep), time_ms duration_ms);
time_ms deep_now_ms(const struct deep *deep);
uint64_t deep_digest(const struct deep *deep);
/* NULL: every promise was kept. */
const char *deep_violation(const struct deep *deep);

/* ---- faults (node.c, wire.c) ---- */

unsigned deep_node_count(const struct deep *deep);
bool deep_is_up(const struct deep *deep, unsigned who);
void deep_kill(struct deep *deep, unsigned who);      /* kill -9: the host closes its sockets */
void deep_power_off(struct deep *deep, unsigned who); /* and the disk loses what was not synced */
void deep_terminate(struct deep *deep, unsigned who); /* SIGTERM */
void deep_start(struct deep *deep, unsigned who);
void deep_stop(struct deep *deep, unsigned who, time_ms duration_ms); /* SIGSTOP, SIGCONT */
void deep_cut(struct deep *deep, unsigned from, unsigned to);
void deep_heal(struct deep *deep);
struct memory_disk *deep_disk(struct deep *deep, unsigned who);

/* ---- what is seen (look.c) ---- */

/* The reply of a command to this node, as text without its type byte; "" when it is down. The
 * node answers at once, in virtual time. */
const char *deep_ask(struct deep *deep, unsigned who, const char *command);
/* Every live node says cluster_state:ok and agrees on who owns each slot, and replicas are in
 * sync. */
bool deep_is_healthy(struct deep *deep);
/* The live primary of the shard that owns this slot, or UINT32_MAX. */
unsigned deep_owner_of(struct deep *deep, unsigned slot);

/* ---- clients (client.c) ---- */

struct deep_counts {
    uint64_t acknowledged;
    uint64_t errors;
    uint64_t lost; /* after deep_verify: acknowledged writes that are not there */
};
void deep_clients_pause(struct deep *deep, bool is_paused);
/* Reads every key that was ever acknowledged back and counts what is missing. */
void deep_verify(struct deep *deep, struct deep_counts *counts);

#endif
