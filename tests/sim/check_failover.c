/* How long the slots of a dead primary may be without an owner (design.md 4, "Invariants"): it is
 * replaced within 1 s of hard evidence, within one and a half node time-outs and 2 s of silence.
 *
 * That is promised while somebody can keep it. The clock of a vacancy runs as long as all of these
 * hold without a break, and starts anew when one has failed:
 *
 *   - the primary is dead, and died as the owner of the slots, which most others knew (one that
 *     was elected and died before it could say so is nobody's primary, and its predecessor has to
 *     wait for its return: vote.c, "casts"); the vacancy ends when another one serves the
 *     slots, holds its lease, and most nodes that live know it
 *   - an heir lives: an Eir replica of it by its own view, in sync with it when it died, whose data
 *     have an age (it was connected in this run), and that does not stop
 *   - so many Eir voters as elect (of all that the heir sees, the dead one counted) live, own slots
 *     by their own view, and see the dead one own its slots and the heir follow it
 *   - heir and voters are calm: no restart, stand-still, cut, broken link, bad disk or order of an
 *     operator has touched them for a node time-out. A cut counts at both its ends, so the calm
 *     ones all hear each other; a time-out is what a link that hangs needs to be dropped, and a
 *     lease to be had again
 *   - nobody was forgotten by order lately: a voter that some nodes hold for no member, until
 *     all black lists have ended, is missing where votes are counted
 *
 * Hard evidence comes within 0.2 s where the process died on a machine that lived, the host closed
 * every link in order, and the dead one was calm, too: then every voter had links with it. A reset
 * proves nothing, so one reset link (net.c) makes it a matter of silence. */
#include "sim/world.h"

#define LOOK_US       (50 * MS)
#define EVIDENCE_MS   200 /* two connects at least 30 ms apart, and FAIL */
#define HARD_MS       1000
#define DRIFT_PERCENT 6 /* clocks run up to 5 % slow */

#define FORGOTTEN_US (10000 * MS) /* twice the black list: nodes forget "as others did" */

static bool is_calm(const struct sim *sim, const struct sim_node *node)
{
    return sim->now_us - node->disturbed_us > sim->options.node_timeout_ms * MS;
}

static bool is_able(const struct sim *sim, const struct sim_node *node)
{
    return node->state == NODE_RUNNING && !node->is_classic && is_calm(sim, node);
}

/* --- who sees what --- */

static bool sees_owner(const struct sim_node *node, unsigned slot, const struct node_id *id)
{
    int16_t owner = cluster_slot_owners(node->core)[slot];
    struct cluster_peer_view view;
    if (owner < 0) return false;
    cluster_peer_view(node->core, (size_t)owner, &view);
    return node_id_equal(&view.id, id);
}

static bool sees_replica(const struct sim_node *node, const struct sim_node *replica,
                         const struct node_id *primary)
{
    struct cluster_peer_view view;
    ptrdiff_t at = cluster_peer_find(node->core, &replica->id);
    if (at < 0) return false;
    cluster_peer_view(node->core, (size_t)at, &view);
    return node_id_equal(&view.primary_id, primary);
}

static bool most_see_owner(const struct sim *sim, const struct sim_node *owner, unsigned slot)
{
    unsigned alive = 0, know = 0;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        const struct sim_node *node = &sim->nodes[i];
        if (node == owner || node->core == NULL) continue;
        alive++;
        know += sees_owner(node, slot, &owner->id);
    }
    return 2 * know > alive;
}

/* --- the death --- */

void check_died(struct sim *sim, struct sim_node *node, bool is_silent)
{
    struct vacancy *vacancy = &node->vacancy;
    struct cluster_peer_view self;
    *vacancy = (struct vacancy){ 0 };
    if (node->core == NULL || node->is_foreign || sim->options.keeps_no_disk) return;
    cluster_peer_view(node->core, 0, &self);
    if (!(self.flags & NODE_PRIMARY) || self.slot_count == 0) return;
    const int16_t *owners = cluster_slot_owners(node->core);
    while (owners[vacancy->slot] != 0) vacancy->slot++;
    ensure(vacancy->slot < SLOT_COUNT);
    vacancy->is_open = most_see_owner(sim, node, vacancy->slot);
    vacancy->is_hard =
        !is_silent && !node->is_classic && node->state == NODE_RUNNING && is_calm(sim, node);
    vacancy->since_us = TIME_NEVER;
}

/* One of its links did not end in order. */
void check_link_reset(struct sim_node *dead)
{
    dead->vacancy.is_hard = false;
}

/* --- the preconditions --- */

static bool is_heir(struct sim *sim, const struct sim_node *node, const struct sim_node *dead)
{
    if (!is_able(sim, node) || !sees_replica(node, node, &dead->id)) return false;
    const struct sim_data *data = &node->data;
    bool is_of_it = memcmp(&data->replid, &dead->data.replid, sizeof(data->replid)) == 0;
    return is_of_it && data->has_synced && data->active_ms > 0 && !data->is_stopping &&
           sees_owner(node, dead->vacancy.slot, &dead->id);
}

/* Would vote for the heir; and knows, once it is the owner, that it has to be asked no more. */
static bool can_vote(struct sim *sim, const struct sim_node *node, const struct sim_node *heir,
                     const struct sim_node *dead)
{
    if (!is_able(sim, node) || !sim_is_primary(sim, node->index)) return false;
    if (sim_is_primary(sim, heir->index)) return true;
    return sees_owner(node, dead->vacancy.slot, &dead->id) && sees_replica(node, heir, &dead->id);
}

/* Of the voters that this heir sees, enough can elect it. */
static bool has_quorum(struct sim *sim, const struct sim_node *heir, const struct sim_node *dead)
{
    unsigned voters = 0, able = 0;
    for (size_t i = 0; i < cluster_peer_count(heir->core); i++) {
        struct cluster_peer_view view;
        cluster_peer_view(heir->core, i, &view);
        if (!(view.flags & NODE_PRIMARY) || view.slot_count == 0) continue;
        voters++;
        for (uint32_t j = 0; j < sim->member_count; j++) {
            const struct sim_node *node = &sim->nodes[j];
            able += node_id_equal(&node->id, &view.id) && can_vote(sim, node, heir, dead);
        }
    }
    return able >= voters / 2 + 1;
}

static bool can_be_filled(struct sim *sim, const struct sim_node *dead, unsigned owner)
{
    time_us forgot_us = sim->checker.forgot_us;
    if (forgot_us != 0 && sim->now_us - forgot_us < FORGOTTEN_US) return false;
    if (owner != NOBODY) {
        const struct sim_node *heir = &sim->nodes[owner];
        return is_able(sim, heir) && has_quorum(sim, heir, dead);
    }
    for (uint32_t i = 0; i < sim->member_count; i++)
        if (is_heir(sim, &sim->nodes[i], dead) && has_quorum(sim, &sim->nodes[i], dead))
            return true;
    return false;
}

/* --- the clock --- */

static bool is_filled_by(struct sim *sim, unsigned owner, unsigned slot)
{
    struct sim_node *node = owner != NOBODY ? &sim->nodes[owner] : NULL;
    if (node == NULL || node->state != NODE_RUNNING) return false;
    node_refresh(sim, node); /* is_ok is not asked: another shard may be without an owner */
    return node->status.serves && node->status.lease_until_ms > node_local_ms(sim, node) &&
           most_see_owner(sim, node, slot);
}

static void look_at(struct sim *sim, struct sim_node *dead)
{
    struct vacancy *vacancy = &dead->vacancy;
    unsigned owner = sim_owner_of(sim, vacancy->slot);
    bool is_filled = is_filled_by(sim, owner, vacancy->slot);
    if (dead->state != NODE_DOWN || is_filled) {
        vacancy->is_open = false;
        bool was_due = is_filled && vacancy->since_us != TIME_NEVER;
        sim->checker.replaced_by_evidence += was_due && vacancy->is_hard;
        sim->checker.replaced_by_silence += was_due && !vacancy->is_hard;
        return;
    }
    if (!can_be_filled(sim, dead, owner)) {
        vacancy->since_us = TIME_NEVER;
        vacancy->is_hard = false;
        return;
    }
    if (vacancy->since_us == TIME_NEVER) vacancy->since_us = sim->now_us;
    time_ms timeout_ms = sim->options.node_timeout_ms;
    time_ms bound_ms = vacancy->is_hard ? HARD_MS + EVIDENCE_MS : timeout_ms * 3 / 2 + 2000;
    bound_ms += bound_ms * DRIFT_PERCENT / 100;
    if (sim->now_us - vacancy->since_us <= bound_ms * MS) return;
    sim_fail(sim, "node %u is dead for %lld ms, and nobody took over within %lld ms (%s)",
             dead->index, (long long)((sim->now_us - dead->down_us) / MS), (long long)bound_ms,
             vacancy->is_hard ? "hard evidence" : "silent");
}

void check_vacancies(struct sim *sim)
{
    if (sim->now_us < sim->checker.vacancies_due_us) return;
    sim->checker.vacancies_due_us = sim->now_us + LOOK_US;
    for (uint32_t i = 0; i < sim->member_count; i++)
        if (sim->nodes[i].vacancy.is_open) look_at(sim, &sim->nodes[i]);
}
