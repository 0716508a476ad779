/* A simulated world of cluster cores: virtual time, links that break, disks that fail.
 *
 * One seed gives one run, event by event. Tests tell stories with the functions below; histories
 * (history.h) draw the stories by chance. Checkers (check.c) watch every run: the first broken
 * promise ends it and stands in sim_violation(). */
#ifndef EIR_TESTS_SIM_H
#define EIR_TESTS_SIM_H

#include "cluster/cluster.h"
#include "cluster/orders.h"
#include "cluster/view.h"

struct sim;

/* Names of nodes in stories: shard i's first primary, its replica r. Others by number. */
typedef unsigned sim_who;
#define SIM_REPLICA   0x80000000u
#define PRIMARY(i)    ((sim_who)(i))
#define REPLICA(i, r) (SIM_REPLICA | (sim_who)(i) << 8 | (sim_who)(r))

struct sim_options {
    unsigned primaries;
    unsigned replicas; /* of each primary */
    unsigned spares;   /* further nodes that know nobody: fresh, or foreign */
    uint64_t seed;
    time_ms node_timeout_ms; /* 0: 2000 */
    bool by_formation;       /* all nodes start fresh, with seeds, instead of with nodes.conf */
    unsigned only_fault;     /* histories: 1 + the only kind of fault; 0: all kinds */
    bool has_foreigners;     /* by formation: the spares form a cluster of their own beside it */
    bool never_by_formation; /* histories: whatever the seed would draw */
    time_ms poll_ms;         /* between looks at a condition that is waited for; 0: 10 */
    time_ms start_spread_ms; /* processes start one by one within this time */
    unsigned classic;        /* so many of the nodes, from the end, behave as Valkey does */
    bool no_writes;          /* huge worlds: nobody writes and data never changes */
    bool keeps_no_disk;      /* huge worlds: SAVE is counted but its text is not kept */
    bool drifts;             /* clocks run up to 5 % fast or slow */
    enum cluster_plant plant;
    bool shows_packets; /* verbose: every input and effect too */
    bool is_verbose;    /* prints traces and faults as they happen */
};

struct sim *sim_create(const struct sim_options *options);
void sim_destroy(struct sim *sim);

/* --- time --- */

void sim_run(struct sim *sim, time_ms duration_ms);
typedef bool (*sim_condition)(struct sim *sim);
/* Until the condition holds; false when it does not within the time or a promise broke. */
bool sim_run_until(struct sim *sim, sim_condition condition, time_ms duration_ms);
time_ms sim_now_ms(const struct sim *sim);

/* --- faults --- */

enum sim_restart {
    RESTART_WITH_DATA,
    RESTART_EMPTY,       /* nodes.conf is there, the data is not */
    RESTART_WIPED,       /* neither */
    RESTART_ROLLED_BACK, /* an older nodes.conf, no data */
};

void sim_crash(struct sim *sim, sim_who who);     /* the process: its host closes its sockets */
void sim_power_off(struct sim *sim, sim_who who); /* the machine: nobody says a word */
void sim_restart(struct sim *sim, sim_who who, enum sim_restart how);
void sim_freeze(struct sim *sim, sim_who who, time_ms duration_ms);
void sim_cut(struct sim *sim, sim_who from, sim_who to); /* this direction only */
/* Cuts those whose bit is set in `side` from all others, both ways. Nodes 0-63. */
void sim_partition(struct sim *sim, uint64_t side);
void sim_isolate(struct sim *sim, sim_who who);
void sim_heal(struct sim *sim); /* all cuts */
void sim_set_disk(struct sim *sim, sim_who who, bool fails, time_ms stall_ms);
/* New addresses at the next restart; both nodes must be down. */
void sim_swap_addresses(struct sim *sim, sim_who a, sim_who b);
void sim_readdress(struct sim *sim, sim_who who);
void sim_stop(struct sim *sim, sim_who who); /* SIGTERM */

/* --- operators --- */

bool sim_order(struct sim *sim, sim_who who, struct cluster_order *order, char *answer);
bool sim_failover(struct sim *sim, sim_who who, enum failover_kind kind);
bool sim_meet(struct sim *sim, sim_who who, sim_who whom);
struct node_id sim_id(struct sim *sim, sim_who who);

/* --- what is seen --- */

unsigned sim_node_count(const struct sim *sim);
unsigned sim_index(const struct sim *sim, sim_who who);
const struct cluster *sim_core(struct sim *sim, sim_who who); /* NULL while down */
void sim_status(struct sim *sim, sim_who who, struct cluster_status *status);
bool sim_is_primary(struct sim *sim, sim_who who); /* alive, and a primary with slots */
/* The live primary of a shard's slots, as it sees itself; UINT32_MAX when there is none. */
unsigned sim_owner_of(struct sim *sim, unsigned slot);
/* All live nodes see the same owner for each slot, and no two primaries share an epoch. */
bool sim_agrees(struct sim *sim);
/* The same, every slot has an owner and every node says cluster_state:ok. */
bool sim_is_healthy(struct sim *sim);
const char *sim_complaint(const struct sim *sim); /* why one of both was false when last asked */
uint64_t sim_offset(struct sim *sim, sim_who who);
void sim_set_offset(struct sim *sim, sim_who who, uint64_t offset); /* of its data, at once */

/* --- verdicts --- */

const char *sim_violation(const struct sim *sim); /* NULL: every promise was kept */
uint64_t sim_digest(const struct sim *sim);
uint64_t sim_event_count(const struct sim *sim);
/* Lines of the node's trace since the last call of sim_mark (or the start), as
 * "[ms since mark] text\n", ids as "node 3". Borrowed until the next call. */
void sim_mark(struct sim *sim);
const char *sim_trace(struct sim *sim, sim_who who);
/* Each line of `expected` stands in the trace, in this order; else the test fails, showing both. */
#define sim_expect_trace(sim, who, expected)                                                       \
    do {                                                                                           \
        const char *missing_ = sim_trace_lacks((sim), (who), (expected));                          \
        ck_assert_msg(missing_ == NULL, "the trace lacks\n%s\n--- it is\n%s", missing_,            \
                      sim_trace((sim), (who)));                                                    \
    } while (0)
const char *sim_trace_lacks(struct sim *sim, sim_who who, const char *expected);
#define sim_expect_no_violation(sim)                                                               \
    ck_assert_msg(sim_violation(sim) == NULL, "%s", sim_violation(sim))

#endif
