/* Who owns which slot: claims in headers, UPDATE messages, and slots on the move.
 *
 * The greater config epoch wins. A claim that equals what is bound already costs one memcmp;
 * anything else walks the ranges of the claim, not all slots.
 *
 * A config epoch never falls within an id. A primary that shows a lower one than it did, and none
 * of the slots that are bound to it, was started from a nodes.conf older than its slots. Nobody
 * else could ever claim them, so the others tell an Eir node what it has forgotten, by an UPDATE
 * about itself (a Valkey node ignores that), and its data count as missing until no replica has
 * more. */
#include "cluster/rules.h"

/* --- slots on the move (CLUSTER SETSLOT) --- */

static uint32_t move_place(const struct cluster *cluster, unsigned slot)
{
    uint32_t at = 0;
    while (at < cluster->move_count && cluster->moves[at].slot < slot) at++;
    return at;
}

struct slot_move *move_find(const struct cluster *cluster, unsigned slot)
{
    ensure(slot < SLOT_COUNT);
    uint32_t at = move_place(cluster, slot);
    if (at == cluster->move_count || cluster->moves[at].slot != slot) return NULL;
    return &cluster->moves[at];
}

void move_set(struct cluster *cluster, unsigned slot, enum slot_state state, struct peer *partner)
{
    ensure(state != SLOT_STABLE);
    ensure(partner != cluster->me);
    struct slot_move *move = move_find(cluster, slot);
    if (move == NULL) {
        if (cluster->move_count == cluster->move_capacity) {
            cluster->move_capacity = cluster->move_capacity == 0 ? 16 : cluster->move_capacity * 2;
            cluster->moves =
                memory_realloc(cluster->moves, cluster->move_capacity * sizeof(*cluster->moves));
        }
        uint32_t at = move_place(cluster, slot);
        memmove(&cluster->moves[at + 1], &cluster->moves[at],
                (cluster->move_count - at) * sizeof(*cluster->moves));
        cluster->move_count++;
        move = &cluster->moves[at];
    }
    *move =
        (struct slot_move){ .slot = (uint16_t)slot, .state = (uint8_t)state, .partner = partner };
    cluster_changed(cluster);
    cluster_save_later(cluster);
}

void move_clear(struct cluster *cluster, unsigned slot)
{
    struct slot_move *move = move_find(cluster, slot);
    if (move == NULL) return;
    size_t at = (size_t)(move - cluster->moves);
    ensure(at < cluster->move_count);
    cluster->move_count--;
    memmove(move, move + 1, (cluster->move_count - at) * sizeof(*move));
    cluster_changed(cluster);
    cluster_save_later(cluster);
}

/* --- claims --- */

struct claim {
    struct peer *claimer;
    uint64_t epoch;
    const struct slot_set *slots;
    struct peer *my_shard; /* me or my primary, before the claim */
    struct slot_set lost;  /* slots that were mine */
    unsigned lost_count;
    bool took_from_my_shard;
};

/* The state of a slot on the move that `claimer` takes now. */
static void claim_settle_move(struct cluster *cluster, const struct claim *claim, unsigned slot)
{
    struct slot_move *move = move_find(cluster, slot);
    if (move == NULL) return;
    ensure(move->partner != NULL);
    if (move->state == SLOT_MIGRATING) {
        /* A sibling that took over goes on with the migration. */
        if (!peers_share_shard(claim->claimer, cluster->me)) move_clear(cluster, slot);
        return;
    }
    if (move->partner == claim->claimer) return;
    if (peers_share_shard(move->partner, claim->claimer)) {
        move->partner = claim->claimer;
        cluster_save_later(cluster);
    } else {
        move_clear(cluster, slot);
    }
}

static void claim_slot(struct cluster *cluster, struct claim *claim, unsigned slot)
{
    struct peer *owner = slot_owner(cluster, slot);
    if (owner == claim->claimer) {
        slot_set_remove(&cluster->unclaimed, slot);
        return;
    }
    bool is_open = owner == NULL || slot_set_has(&cluster->unclaimed, slot);
    if (!is_open && owner->config_epoch >= claim->epoch) return;
    if (owner == cluster->me) {
        slot_set_add(&claim->lost, slot);
        claim->lost_count++;
    }
    if (owner != NULL && owner == claim->my_shard) claim->took_from_my_shard = true;
    claim_settle_move(cluster, claim, slot);
    slot_bind(cluster, slot, claim->claimer);
    cluster_save_later(cluster);
}

/* The claimer does not claim a slot that is bound to it. */
static void claim_omits(struct cluster *cluster, const struct claim *claim, unsigned slot)
{
    ensure(slot_owner(cluster, slot) == claim->claimer);
    const struct slot_move *move = move_find(cluster, slot);
    bool is_mine_to_take = move != NULL && move->state == SLOT_IMPORTING &&
                           move->partner == claim->claimer && peer_is_primary(cluster->me);
    if (!is_mine_to_take) {
        slot_set_add(&cluster->unclaimed, slot);
        return;
    }
    /* It gave the slot up while I was importing it: I have the keys. */
    move_clear(cluster, slot);
    slot_bind(cluster, slot, cluster->me);
    if (!epochs_bump(cluster)) cluster_save_first(cluster);
    cluster->pong_to_all = true;
}

static void drop_lost_keys(struct cluster *cluster, const struct claim *claim)
{
    ensure(claim->lost_count > 0);
    cluster_save_first(cluster); /* never drop what a restart would claim again */
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_DROP_KEYS);
    effect->slots = memory_alloc(sizeof(*effect->slots));
    *effect->slots = claim->lost;
    trace(cluster, LOG_LEVEL_NOTICE, "%u slots went to " ID_FORMAT " by epoch %llu",
          claim->lost_count, ID_TEXT(claim->claimer->id), (unsigned long long)claim->epoch);
}

static void claim_conclude(struct cluster *cluster, const struct claim *claim)
{
    bool is_last = claim->took_from_my_shard && claim->my_shard->slot_count == 0;
    bool may_follow =
        cluster->options.allow_replica_migration || peers_share_shard(claim->claimer, cluster->me);
    if (is_last && may_follow && claim->claimer != cluster->me->primary) {
        ensure(claim->claimer != cluster->me);
        trace(cluster, LOG_LEVEL_NOTICE, "my shard's last slot went to " ID_FORMAT,
              ID_TEXT(claim->claimer->id));
        role_follow(cluster, claim->claimer);
    } else if (claim->lost_count > 0) {
        drop_lost_keys(cluster, claim);
    }
}

void slots_claim(struct cluster *cluster, struct peer *claimer, uint64_t epoch,
                 const struct slot_set *slots)
{
    ensure(claimer != cluster->me);
    ensure(peer_is_primary(claimer));
    struct claim claim = { .claimer = claimer,
                           .epoch = epoch,
                           .slots = slots,
                           .my_shard = peer_shard_primary(cluster->me) };
    struct slot_set bound = *peer_slots(cluster, claimer);

    unsigned slot = 0, first, last;
    while (slot_set_next_range(slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++) claim_slot(cluster, &claim, at);
    slot = 0;
    while (slot_set_next_range(&bound, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++)
            if (!slot_set_has(slots, at)) claim_omits(cluster, &claim, at);
    claim_conclude(cluster, &claim);
}

/* --- headers and UPDATE --- */

/* Every slot of the claim is bound to the claimer, and no other. */
static bool claim_is_bound(const struct cluster *cluster, const struct peer *claimer,
                           const struct slot_set *slots)
{
    unsigned count = 0, slot = 0, first, last;
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        for (unsigned at = first; at <= last; at++)
            if (cluster->owner[at] != (int16_t)claimer->index) return false;
        count += last - first + 1;
    }
    ensure(count <= claimer->slot_count);
    return count == claimer->slot_count;
}

static bool claim_is_known(const struct cluster *cluster, const struct peer *claimer,
                           const struct slot_map *claim)
{
    ensure(claimer != NULL);
    const struct slot_set *slots = slot_map_set(claim);
    if (claimer->slots == NULL) return claim_is_bound(cluster, claimer, slots);
    if (claimer->slots == claim) return true;
    return memcmp(&claimer->slots->set, slots, sizeof(*slots)) == 0;
}

static void send_update(struct cluster *cluster, struct peer *to, struct peer *owner)
{
    ensure(owner->slot_count > 0);
    struct cluster_message *message = message_start(cluster, MESSAGE_UPDATE);
    message->subject = owner->id;
    message->subject_epoch = owner->config_epoch;
    message->subject_slots = memory_alloc(sizeof(*message->subject_slots));
    *message->subject_slots = *peer_slots(cluster, owner);
    send_to_peer(cluster, to, message);
}

/* The sender claims a slot that somebody owns with a greater epoch: tell it, about one owner. */
static void correct_sender(struct cluster *cluster, struct peer *sender, const struct peer *claimer,
                           const struct cluster_message *message)
{
    ensure(sender != cluster->me);
    unsigned slot = 0, first, last;
    const struct slot_set *slots = slot_map_set(message->slots);
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        for (unsigned at = first; at <= last; at++) {
            struct peer *owner = slot_owner(cluster, at);
            if (owner == NULL || owner == sender || owner == claimer) continue;
            if (slot_set_has(&cluster->unclaimed, at)) continue;
            if (owner->config_epoch <= message->config_epoch) continue;
            send_update(cluster, sender, owner);
            return;
        }
    }
}

static bool has_lost_memory(const struct cluster *cluster, const struct peer *sender,
                            const struct cluster_message *message)
{
    if (cluster->options.is_classic || !sender->is_eir || !peer_is_primary(sender)) return false;
    ensure(sender != cluster->me);
    return sender->slot_count > 0 && message->slots == NULL &&
           message->config_epoch < sender->config_epoch;
}

void slots_on_header(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message)
{
    struct peer *claimer = peer_shard_primary(sender);
    if (claimer == sender && peer_is_replica(sender)) return; /* of a primary unknown here */
    if (has_lost_memory(cluster, sender, message)) send_update(cluster, sender, sender);
    bool is_known = claim_is_known(cluster, claimer, message->slots);
    if (is_known && claimer == sender) peer_share_slots(sender, message->slots);
    if (is_known && !(claimer->has_unclaimed && claimer == sender)) return;
    if (claimer == sender) {
        slots_claim(cluster, sender, message->config_epoch, slot_map_set(message->slots));
        sender->has_unclaimed = !claim_is_known(cluster, sender, message->slots);
    }
    if (sender->is_removed) return;
    correct_sender(cluster, sender, claimer, message);
}

/* What I owned before my nodes.conf was exchanged for an older one. */
static void restore_mine(struct cluster *cluster, uint64_t epoch, const struct slot_set *slots)
{
    struct peer *me = cluster->me;
    if (cluster->options.is_classic || !peer_is_primary(me) || cluster->had_slots) return;
    if (epoch <= me->config_epoch || slots == NULL) return;
    ensure(me->slot_count == 0);
    unsigned slot = 0, first, last;
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        for (unsigned at = first; at <= last; at++) {
            const struct peer *owner = slot_owner(cluster, at);
            if (owner == NULL || owner->config_epoch < epoch) slot_bind(cluster, at, me);
        }
    }
    if (me->slot_count == 0) return;
    me->config_epoch = epoch;
    if (cluster->current_epoch < epoch) cluster->current_epoch = epoch;
    trace(cluster, LOG_LEVEL_WARNING,
          "nodes.conf was older than my slots: %u of them are mine by epoch %llu, others say",
          (unsigned)me->slot_count, (unsigned long long)epoch);
    cluster_save_first(cluster);
    cluster->pong_to_all = true;
    cluster_notice(cluster, NOTICE_SLOTS_RESTORED, NULL);
}

void slots_on_update(struct cluster *cluster, const struct cluster_message *message)
{
    ensure(message->type == MESSAGE_UPDATE);
    struct peer *owner = peers_find(cluster, &message->subject);
    if (owner == cluster->me) restore_mine(cluster, message->subject_epoch, message->subject_slots);
    if (owner == NULL || owner == cluster->me) return;
    if (message->subject_slots == NULL) return;
    if (owner->config_epoch >= message->subject_epoch) return;
    if (peer_is_replica(owner)) peer_set_primary(cluster, owner, NULL);
    owner->config_epoch = message->subject_epoch;
    cluster_save_later(cluster);
    slots_claim(cluster, owner, message->subject_epoch, message->subject_slots);
}
