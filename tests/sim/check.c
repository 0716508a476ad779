/* What must hold in the world (design.md 4, "Invariants"): checked at each packet, save, write and
 * promotion that could break it, and on the whole once a virtual second. */
#include "sim/world.h"

#include "base/hash.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

/* --- what an id has promised --- */

static struct id_record *record_of(struct sim *sim, const struct node_id *id)
{
    struct checker *checker = &sim->checker;
    for (size_t i = 0; i < checker->id_count; i++)
        if (node_id_equal(&checker->ids[i].id, id)) return &checker->ids[i];
    if (checker->id_count == checker->id_capacity) {
        checker->id_capacity = MAX(16, checker->id_capacity * 2);
        checker->ids = memory_realloc(checker->ids, checker->id_capacity * sizeof(*checker->ids));
    }
    struct id_record *record = &checker->ids[checker->id_count++];
    *record = (struct id_record){ .id = *id };
    return record;
}

void check_init(struct sim *sim)
{
    sim->checker.lease_holds = sim->options.classic == 0;
}

void check_fini(struct sim *sim)
{
    memory_free(sim->checker.ids);
    memory_free(sim->checker.votes);
}

void check_forgiven(struct sim *sim, struct sim_node *node)
{
    record_of(sim, &node->id)->is_void = true;
    sim->checker.lease_holds = false;
}

/* A number on the vars line of the node's durable text; 0 when there is none. */
static uint64_t disk_number(const struct sim_node *node, const char *name)
{
    size_t size = strlen(name);
    if (node->disk.size == 0) return 0;
    const char *at = memmem(node->disk.data, node->disk.size, name, size);
    if (at == NULL) return 0;
    at += size;
    const char *end = at;
    while (end < node->disk.data + node->disk.size && *end >= '0' && *end <= '9') end++;
    uint64_t value;
    return number_parse_unsigned(bytes_of(at, (size_t)(end - at)), &value) ? value : 0;
}

/* --- votes and epochs, packet by packet --- */

static void check_vote(struct sim *sim, struct sim_node *from, struct sim_node *to,
                       const struct cluster_message *message)
{
    struct checker *checker = &sim->checker;
    uint64_t epoch = message->current_epoch;
    if (record_of(sim, &message->sender)->is_void) return;
    if (!from->is_classic && !sim->options.keeps_no_disk &&
        disk_number(from, "lastVoteEpoch ") < epoch)
        sim_fail(sim, "node %u votes in epoch %llu before that is on disk", from->index,
                 (unsigned long long)epoch);
    for (size_t i = 0; i < checker->vote_count; i++) {
        struct vote_record *vote = &checker->votes[i];
        if (vote->epoch != epoch || !node_id_equal(&vote->voter, &message->sender)) continue;
        if (node_id_equal(&vote->candidate, &to->id)) return;
        sim_fail(sim, "node %u votes twice in epoch %llu, now for node %u", from->index,
                 (unsigned long long)epoch, to->index);
        return;
    }
    if (checker->vote_count == checker->vote_capacity) {
        checker->vote_capacity = MAX(16, checker->vote_capacity * 2);
        checker->votes =
            memory_realloc(checker->votes, checker->vote_capacity * sizeof(*checker->votes));
    }
    checker->votes[checker->vote_count++] =
        (struct vote_record){ .voter = message->sender, .candidate = to->id, .epoch = epoch };
}

static void check_asked(struct sim *sim, struct sim_node *from,
                        const struct cluster_message *message)
{
    struct id_record *record = record_of(sim, &message->sender);
    if (record->is_void || from->is_classic) return;
    record->asked_epoch = MAX(record->asked_epoch, message->current_epoch);
    if (!sim->options.keeps_no_disk && disk_number(from, "currentEpoch ") < message->current_epoch)
        sim_fail(sim, "node %u asks for epoch %llu before that is on disk", from->index,
                 (unsigned long long)message->current_epoch);
}

/* A node that was well, and well connected, for several time-outs has been declared dead. */
static void check_fail(struct sim *sim, struct sim_node *from,
                       const struct cluster_message *message)
{
    for (uint32_t i = 0; i < sim->node_count; i++) {
        struct sim_node *subject = &sim->nodes[i];
        if (!node_id_equal(&subject->id, &message->subject)) continue;
        if (subject->is_foreign != from->is_foreign) continue; /* they do not talk */
        time_us well_us = sim->now_us - subject->disturbed_us;
        bool was_well = subject->state == NODE_RUNNING &&
                        well_us > 5 * sim->options.node_timeout_ms * MS &&
                        sim->now_us - from->disturbed_us > 5 * sim->options.node_timeout_ms * MS;
        if (was_well)
            sim_fail(sim, "node %u calls node %u failed, which was well for %lld ms", from->index,
                     i, (long long)(well_us / MS));
    }
}

static void check_epoch_shown(struct sim *sim, struct sim_node *from,
                              const struct cluster_message *message)
{
    if (!(message->flags & NODE_PRIMARY)) return;
    struct id_record *record = record_of(sim, &message->sender);
    if (record->is_void) return;
    if (message->config_epoch < record->config_epoch)
        sim_fail(sim, "node %u: its config epoch falls from %llu to %llu", from->index,
                 (unsigned long long)record->config_epoch,
                 (unsigned long long)message->config_epoch);
    record->config_epoch = message->config_epoch;
}

void check_sent(struct sim *sim, struct sim_node *from, struct sim_node *to,
                const struct cluster_message *message)
{
    if (sim->options.keeps_no_disk) return;
    if (message->type == MESSAGE_AUTH_ACK) check_vote(sim, from, to, message);
    if (message->type == MESSAGE_AUTH_REQUEST) check_asked(sim, from, message);
    if (message->type == MESSAGE_FAIL) check_fail(sim, from, message);
    if (!message->is_light) check_epoch_shown(sim, from, message);
}

void check_saved(struct sim *sim, struct sim_node *node)
{
    struct id_record *record = record_of(sim, &node->id);
    uint64_t vote_epoch = disk_number(node, "lastVoteEpoch ");
    if (vote_epoch < record->vote_epoch && !record->is_void)
        sim_fail(sim, "node %u: its lastVoteEpoch falls from %llu to %llu", node->index,
                 (unsigned long long)record->vote_epoch, (unsigned long long)vote_epoch);
    record->vote_epoch = MAX(record->vote_epoch, vote_epoch);
}

void check_started(struct sim *sim, struct sim_node *node)
{
    struct id_record *record = record_of(sim, &node->id);
    if (record->is_void || node->is_classic) return;
    cluster_status(node->core, &node->status);
    uint64_t epoch = node->status.current_epoch;
    bool is_high = epoch >= record->vote_epoch && epoch >= record->config_epoch &&
                   epoch >= record->asked_epoch;
    if (!is_high)
        sim_fail(sim,
                 "node %u starts with epoch %llu, but voted in %llu, owned in %llu, asked for %llu",
                 node->index, (unsigned long long)epoch, (unsigned long long)record->vote_epoch,
                 (unsigned long long)record->config_epoch, (unsigned long long)record->asked_epoch);
}

/* --- writes --- */

/* Once an owner of a later epoch has acknowledged a write, no earlier owner may any more: so the
 * intervals of two owners never overlap. */
void check_write(struct sim *sim, struct sim_node *node, unsigned sample, uint64_t epoch)
{
    struct slot_watch *watch = &sim->checker.slots[sample];
    bool is_same = node_id_equal(&watch->owner, &node->id);
    bool is_stale = !is_same && !node_id_is_none(&watch->owner) && epoch <= watch->epoch;
    if (is_stale && sim->checker.lease_holds) {
        sim_fail(sim,
                 "node %u acknowledges a write to slot %u in epoch %llu, after another did in "
                 "epoch %llu %lld ms ago",
                 node->index, sample * SAMPLE_STRIDE, (unsigned long long)epoch,
                 (unsigned long long)watch->epoch, (long long)((sim->now_us - watch->at_us) / MS));
        return;
    }
    if (is_stale) return;
    *watch = (struct slot_watch){ .epoch = epoch, .owner = node->id, .at_us = sim->now_us };
}

/* --- promotions --- */

static bool was_calm(const struct sim *sim, const struct sim_node *node)
{
    return node->state == NODE_RUNNING &&
           sim->now_us - node->disturbed_us > 3 * sim->options.node_timeout_ms * MS;
}

/* The winner holds at least what each sibling holds that could as well have stood. */
void check_promoted(struct sim *sim, struct sim_node *node, uint32_t old_primary)
{
    if (old_primary == NOBODY || node->is_classic || sim->options.classic > 0) return;
    if (sim->nodes[old_primary].state == NODE_RUNNING) return; /* handed over, or by force */
    if (!was_calm(sim, node) || sim->checker.lease_holds == false) return;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        const struct sim_node *sibling = &sim->nodes[i];
        if (sibling == node || sibling->data.follows != old_primary) continue;
        if (!was_calm(sim, sibling) || !sibling->data.has_synced) continue;
        if (memcmp(&sibling->data.replid, &node->data.replid, sizeof(struct replid)) != 0) continue;
        if (sibling->data.offset > node->data.offset)
            sim_fail(sim, "node %u wins with offset %llu, but node %u has %llu", node->index,
                     (unsigned long long)node->data.offset, i,
                     (unsigned long long)sibling->data.offset);
    }
}

/* What a shard holds must not end with the data of a primary that came back empty. */
void check_synced(struct sim *sim, const struct sim_node *node, const struct sim_node *source)
{
    if (!source->data.was_emptied || source->is_classic || node->is_classic) return;
    if (!node->data.has_synced || !node->data.has_keys || !sim->checker.lease_holds) return;
    if (node->data.offset <= source->data.offset) return;
    sim_fail(sim,
             "node %u drops its data at offset %llu for those of node %u, which came back empty",
             node->index, (unsigned long long)node->data.offset, source->index);
}

/* --- once a second --- */

/* What a cut or a stand-still keeps disturbing. */
static void keep_disturbed(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        bool is_bad = node->state == NODE_FROZEN || node->disk_fails || node->disk_stall_ms > 0;
        for (uint32_t j = 0; j < sim->node_count && !is_bad && sim->has_cuts; j++)
            is_bad = !net_reaches(sim, i, j) || !net_reaches(sim, j, i);
        if (is_bad) sim_disturb(sim, node);
    }
}

static void check_formation(struct sim *sim, struct sim_node *node)
{
    const struct cluster_status *status = &node->status;
    if (!status->serves || status->cluster_id == 0 || !status->is_primary) return;
    if (node->is_foreign) return;
    uint64_t *formed = &sim->checker.formed_id;
    if (*formed == 0) *formed = status->cluster_id;
    if (*formed != status->cluster_id)
        sim_fail(sim, "node %u serves cluster %llx beside cluster %llx", node->index,
                 (unsigned long long)status->cluster_id, (unsigned long long)*formed);
}

/* Clusters do not merge: who belongs to one knows nobody of the other by its real id. */
static void check_foreigners(struct sim *sim, struct sim_node *node)
{
    if (node->status.cluster_id == 0) return;
    for (size_t i = 1; i < cluster_peer_count(node->core); i++) {
        struct cluster_peer_view view;
        cluster_peer_view(node->core, i, &view);
        if (view.flags & NODE_HANDSHAKE) continue;
        for (uint32_t j = 0; j < sim->node_count; j++) {
            const struct sim_node *other = &sim->nodes[j];
            if (other->is_foreign == node->is_foreign || !node_id_equal(&other->id, &view.id))
                continue;
            /* Who met while both were fresh part when they hear of each other's clusters. */
            time_us both_us = MAX(node->settled_us, other->settled_us);
            both_us = MAX(both_us, MAX(node->disturbed_us, other->disturbed_us));
            time_us grace_us = (4 * sim->options.node_timeout_ms + 2000) * MS;
            bool is_settled = other->core != NULL && other->status.cluster_id != 0 &&
                              other->status.cluster_id != node->status.cluster_id &&
                              other->settled_us != 0 && sim->now_us > both_us + grace_us;
            if (is_settled)
                sim_fail(sim, "node %u knows node %u, which belongs to another cluster",
                         node->index, j);
        }
    }
}

void check_second(struct sim *sim)
{
    if (!sim->options.keeps_no_disk) keep_disturbed(sim);
    if (!sim->options.by_formation) return;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        if (sim->nodes[i].state == NODE_DOWN) continue;
        node_refresh(sim, &sim->nodes[i]);
        struct sim_node *node = &sim->nodes[i];
        if (node->status.cluster_id == 0)
            node->settled_us = 0;
        else if (node->settled_us == 0)
            node->settled_us = sim->now_us;
        check_formation(sim, &sim->nodes[i]);
        if (sim->options.has_foreigners) check_foreigners(sim, &sim->nodes[i]);
    }
}

/* --- one view --- */

/* Whether this node runs under its id: what a dead node once owned counts as nobody's, because a
 * node that never met it cannot know. */
static bool is_alive(const struct sim *sim, const struct node_id *id)
{
    for (uint32_t i = 0; i < sim->node_count; i++)
        if (sim->nodes[i].core != NULL && node_id_equal(&sim->nodes[i].id, id)) return true;
    return false;
}

/* NULL: nobody. */
static const struct node_id *owner_id(const struct sim_node *node, int16_t owner)
{
    return owner < 0 ? NULL : cluster_peer_id(node->core, (size_t)owner);
}

static bool same_owner(const struct sim *sim, const struct node_id *a, const struct node_id *b)
{
    if (a != NULL && b != NULL && node_id_equal(a, b)) return true;
    bool a_lives = a != NULL && is_alive(sim, a);
    bool b_lives = b != NULL && is_alive(sim, b);
    return !a_lives && !b_lives;
}

/* The first slot whose owner the two see differently; SLOT_COUNT: none. */
static unsigned differing_slot(const struct sim *sim, const struct sim_node *a,
                               const struct sim_node *b)
{
    const int16_t *owners_a = cluster_slot_owners(a->core);
    const int16_t *owners_b = cluster_slot_owners(b->core);
    int16_t seen_a = -2, seen_b = -2; /* the last pair that was found equal */
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        if (owners_a[slot] == seen_a && owners_b[slot] == seen_b) continue;
        seen_a = owners_a[slot];
        seen_b = owners_b[slot];
        if (!same_owner(sim, owner_id(a, seen_a), owner_id(b, seen_b))) return slot;
    }
    return SLOT_COUNT;
}

/* Equal for nodes that see the same owner of every slot. */
static uint64_t owners_digest(struct sim_node *node)
{
    if (!node->view_is_new) return node->owners_digest;
    node->view_is_new = false;
    const int16_t *owners = cluster_slot_owners(node->core);
    const struct hash_key key = { { 0 } };
    uint64_t digest = 0, part = 0;
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        if (slot == 0 || owners[slot] != owners[slot - 1]) {
            const struct node_id *id = owner_id(node, owners[slot]);
            part = id == NULL ? 1 : hash_bytes(&key, bytes_of(id->hex, NODE_ID_SIZE));
        }
        digest = (digest ^ part) * 0x9e3779b97f4a7c15u;
        digest ^= digest >> 29;
    }
    node->owners_digest = digest;
    return digest;
}

static int compare_epochs(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static bool epochs_differ(struct sim *sim)
{
    uint64_t *epochs = memory_alloc((sim->node_count + 1) * sizeof(*epochs));
    size_t count = 0;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core == NULL) continue;
        node_refresh(sim, node);
        struct cluster_peer_view view;
        cluster_peer_view(node->core, 0, &view);
        if (node->status.is_primary && view.slot_count > 0)
            epochs[count++] = node->status.config_epoch;
    }
    qsort(epochs, count, sizeof(*epochs), compare_epochs);
    bool differ = true;
    for (size_t i = 1; i < count; i++) differ = differ && epochs[i] != epochs[i - 1];
    memory_free(epochs);
    return differ;
}

/* Remembers what a test will want to know; false, so that a check can return it. */
static bool complain(struct sim *sim, const char *what, uint32_t a, uint32_t b)
{
    snprintf(sim->complaint, sizeof(sim->complaint), "%s: node %u, node %u", what, a, b);
    return false;
}

const char *sim_complaint(const struct sim *sim)
{
    return sim->complaint;
}

bool sim_agrees(struct sim *sim)
{
    struct sim_node *first = NULL;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core == NULL) continue;
        if (first == NULL) first = node;
        if (owners_digest(first) == owners_digest(node)) continue;
        unsigned slot = differing_slot(sim, first, node);
        if (slot == SLOT_COUNT) continue;
        complain(sim, "they see different owners", first->index, i);
        size_t size = strlen(sim->complaint);
        snprintf(sim->complaint + size, sizeof(sim->complaint) - size, ": slot %u", slot);
        return false;
    }
    return epochs_differ(sim) || complain(sim, "two primaries share an epoch", 0, 0);
}

/* Every owner may be written to: it serves, and holds its lease. */
static bool owners_may_write(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->member_count; i++)
        if (sim_is_primary(sim, i) && !data_may_write(sim, &sim->nodes[i]))
            return complain(sim,
                            sim->nodes[i].status.why_not != NULL ? sim->nodes[i].status.why_not
                                                                 : "it may not write",
                            i, i);
    return true;
}

bool sim_is_healthy(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->member_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core == NULL) continue;
        node_refresh(sim, node);
        if (!node->status.is_ok || node->status.slots_assigned != SLOT_COUNT)
            return complain(sim, "its cluster is not ok", i, i);
    }
    return sim_agrees(sim) && owners_may_write(sim);
}
