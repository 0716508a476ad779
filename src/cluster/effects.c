/* What leaves the core: the list of effects, and the messages in it.
 *
 * Saving is the delicate part. A vote, an epoch asked for, a demotion must be on disk before a
 * packet shows it (design.md 4, "Election"). cluster_save_first() puts the CLUSTER_SAVE there and
 * everything behind it in the step is marked `needs_save`. When that save fails, later packets
 * would still show the state in their headers, so nothing leaves until a save succeeds: it is
 * tried again, at most every SAVE_RETRY_MS, in front of the next packet. */
#include "cluster/internal.h"

#define SAVE_RETRY_MS 100
#define EFFECTS_KEPT  64 /* room that a list keeps; a broadcast to a thousand gives its back */

void cluster_effects_init(struct cluster_effects *effects)
{
    *effects = (struct cluster_effects){ 0 };
}

void cluster_effects_clear(struct cluster_effects *effects)
{
    ensure(effects->count <= effects->capacity);
    for (size_t i = 0; i < effects->count; i++) {
        message_destroy(effects->items[i].message);
        memory_free(effects->items[i].slots);
        memory_free(effects->items[i].text);
    }
    effects->count = 0;
    if (effects->capacity <= EFFECTS_KEPT) return;
    memory_free(effects->items);
    effects->items = NULL;
    effects->capacity = 0;
}

void cluster_effects_fini(struct cluster_effects *effects)
{
    cluster_effects_clear(effects);
    memory_free(effects->items);
    *effects = (struct cluster_effects){ 0 };
}

struct cluster_effect *effects_add(struct cluster *cluster, enum cluster_effect_type type)
{
    struct cluster_effects *effects = cluster->effects;
    ensure(effects != NULL);
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
        effects->items =
            memory_realloc(effects->items, effects->capacity * sizeof(*effects->items));
    }
    struct cluster_effect *effect = &effects->items[effects->count++];
    *effect = (struct cluster_effect){ .type = type, .needs_save = cluster->reveals };
    return effect;
}

/* After a failed save the data side may have missed a change of role that stood behind it. */
static void repeat_role(struct cluster *cluster)
{
    ensure(cluster->reveals);
    if (peer_is_primary(cluster->me)) {
        effects_add(cluster, CLUSTER_LEAD);
    } else if (cluster->me->primary != NULL) {
        struct cluster_effect *effect = effects_add(cluster, CLUSTER_FOLLOW);
        effect->node = cluster->me->primary->id;
        effect->address = cluster->me->primary->address;
    }
    cluster_changed(cluster);
}

void cluster_save_first(struct cluster *cluster)
{
    bool is_retry = cluster->save_failed;
    cluster->reveals = false; /* the SAVE itself must never be dropped */
    effects_add(cluster, CLUSTER_SAVE);
    cluster->reveals = true;
    cluster->save_is_wanted = false;
    cluster->saved_ms = cluster->now_ms;
    cluster->save_failed = false;
    if (is_retry) repeat_role(cluster);
    ensure(!cluster->save_is_wanted);
}

void cluster_save_later(struct cluster *cluster)
{
    cluster->save_is_wanted = true;
}

/* False while a failed save keeps everything in: the caller drops what it wanted to send. */
static bool may_send(struct cluster *cluster)
{
    if (!cluster->save_failed) return true;
    if (cluster->now_ms < cluster->save_failed_ms + SAVE_RETRY_MS) return false;
    cluster_save_first(cluster);
    return true;
}

static void fill_eir_header(const struct cluster *cluster, struct eir_header *eir)
{
    ensure(cluster->incarnation != 0);
    eir->is_present = true;
    eir->capabilities = EIR_CAN_EVIDENCE | EIR_CAN_LEASE | EIR_CAN_ELECTION | EIR_CAN_FORMATION;
    eir->incarnation = cluster->incarnation;
    eir->cluster_id = cluster->cluster_id;
    if (election_is_eligible(cluster)) eir->flags |= EIR_ELIGIBLE;
    if (election_is_standing(cluster)) eir->flags |= EIR_STANDING;
}

struct cluster_message *message_start(const struct cluster *cluster, enum message_type type)
{
    struct peer *me = cluster->me;
    /* A replica shows its primary's slots and epoch. */
    struct peer *claims = peer_is_replica(me) && me->primary != NULL ? me->primary : me;
    struct cluster_message *message = message_create(type);
    ensure(message->type == type);

    message->sender = me->id;
    message->current_epoch = cluster->current_epoch;
    message->config_epoch = claims->config_epoch;
    message->offset = cluster->facts.offset;
    message->slots = slot_map_share(peer_slot_map(cluster, claims));
    if (peer_is_replica(me) && me->primary != NULL) message->primary_id = me->primary->id;
    message->address = cluster->options.announced;
    message->flags = me->flags;
    if (manual_is_paused(cluster)) message->message_flags |= MESSAGE_PAUSED;
    message->cluster_is_down = !cluster->is_ok;
    if (!cluster->options.is_classic) fill_eir_header(cluster, &message->eir);
    return message;
}

void send_on_link(struct cluster *cluster, struct link *link, struct cluster_message *message)
{
    ensure(link != NULL);
    if (link->state != LINK_READY || !may_send(cluster)) {
        message_destroy(message);
        return;
    }
    ensure(message->type < MESSAGE_TYPE_COUNT);
    cluster->counters.sent[message->type]++;
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_SEND);
    effect->link = link->number;
    effect->message = message;
}

bool send_to_peer(struct cluster *cluster, struct peer *peer, struct cluster_message *message)
{
    ensure(peer != cluster->me);
    if (!peer_is_connected(peer)) {
        message_destroy(message);
        return false;
    }
    send_on_link(cluster, peer->outbound, message);
    return true;
}

void send_to_all(struct cluster *cluster, struct cluster_message *message)
{
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || (peer->flags & NODE_HANDSHAKE)) continue;
        if (!peer_is_connected(peer)) continue;
        send_on_link(cluster, peer->outbound, message_share(message));
    }
    message_destroy(message);
}

bool send_eir(struct cluster *cluster, struct peer *peer, enum eir_type type, struct bytes payload)
{
    ensure(type != 0);
    if (cluster->options.is_classic || !peer->is_eir) return false;
    struct cluster_message *message = message_start(cluster, MESSAGE_EIR);
    message->eir_type = (uint8_t)type;
    message->body = memory_alloc(payload.size + 1);
    memcpy(message->body, payload.data, payload.size);
    message->payload = bytes_of(message->body, payload.size);
    return send_to_peer(cluster, peer, message);
}

void cluster_changed(struct cluster *cluster)
{
    cluster->changed = true;
}

void cluster_deadline_set(struct cluster *cluster, enum deadline_kind kind, time_ms due_ms)
{
    ensure(kind != DEADLINE_PEER && kind < DEADLINE_COUNT);
    heap_set(&cluster->deadlines, &cluster->timers[kind].node, due_ms);
}

void cluster_notice(struct cluster *cluster, enum notice_kind kind, struct peer *peer)
{
    ensure(peer != NULL || kind == NOTICE_ROLE_CHANGED || kind == NOTICE_SLOTS_RESTORED);
    if (cluster->notice_count == cluster->notice_capacity) {
        cluster->notice_capacity = cluster->notice_capacity == 0 ? 8 : cluster->notice_capacity * 2;
        cluster->notices =
            memory_realloc(cluster->notices, cluster->notice_capacity * sizeof(*cluster->notices));
    }
    cluster->notices[cluster->notice_count++] = (struct notice){ .kind = kind, .peer = peer };
}

void cluster_save_failed(struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    /* `reveals` still tells what the save of the last step was for: a failed save that showed
     * nothing is only due again. */
    if (cluster->reveals) cluster->save_failed = true;
    cluster_save_again(cluster);
}

void cluster_save_again(struct cluster *cluster)
{
    cluster->save_is_wanted = true;
    cluster->save_failed_ms = cluster->now_ms;
}
