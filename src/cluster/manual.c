/* Manual failover: CLUSTER FAILOVER, and the hand-over of a primary that stops.
 *
 *   replica                                primary
 *   ASKED    MFSTART ------------------->  PAUSED: writes stop, PINGs to replica and voters say
 *   CATCHES  <------------- PAUSED, offset         so, with the final offset
 *   STANDS   (has everything) AUTH_REQUEST to the voters, who let go of their promises because
 *            the primary itself shows PAUSED
 *
 * Everything happens when its cause arrives, not at ticks, so that without writes the whole takes
 * four one-way trips. A stopping primary starts at PAUSED and names its offset in EIR_HAND_OVER.
 *
 * A pause that ends without a successor is delicate: a voter may have voted meanwhile. So the
 * lease starts anew (lease_restart): only promises given after our headers stopped saying PAUSED
 * count, and a voter that has voted gives none. */
#include "cluster/internal.h"

#define HAND_OVER_MS 1000 /* a stopping primary waits no longer */

static const unsigned state_may_become[MANUAL_STATE_COUNT] = {
    [MANUAL_IDLE] = 1u << MANUAL_IDLE | 1u << MANUAL_ASKED | 1u << MANUAL_CATCHES |
                    1u << MANUAL_STANDS | 1u << MANUAL_PAUSED,
    [MANUAL_ASKED] = 1u << MANUAL_IDLE | 1u << MANUAL_CATCHES,
    [MANUAL_CATCHES] = 1u << MANUAL_IDLE | 1u << MANUAL_STANDS,
    [MANUAL_STANDS] = 1u << MANUAL_IDLE,
    [MANUAL_PAUSED] = 1u << MANUAL_IDLE | 1u << MANUAL_PAUSED,
};

static void move_to(struct cluster *cluster, enum manual_state state, time_ms until_ms)
{
    struct manual_failover *manual = &cluster->manual;
    ensure(state_may_become[manual->state] & 1u << state);
    ensure((state == MANUAL_IDLE) == (until_ms == 0));
    manual->state = state;
    manual->until_ms = until_ms;
    cluster_deadline_set(cluster, DEADLINE_MANUAL, until_ms == 0 ? TIME_NEVER : until_ms);
}

static void forget(struct cluster *cluster)
{
    move_to(cluster, MANUAL_IDLE, 0);
    cluster->manual.target = 0;
    cluster->manual.partner = (struct node_id){ { 0 } };
    ensure(!manual_is_running(cluster));
}

bool manual_is_running(const struct cluster *cluster)
{
    ensure(cluster->manual.state < MANUAL_STATE_COUNT);
    return cluster->manual.state != MANUAL_IDLE;
}

/* --- the replica's half --- */

static void stand_when_caught_up(struct cluster *cluster)
{
    struct manual_failover *manual = &cluster->manual;
    if (manual->state != MANUAL_CATCHES) return;
    if (cluster->facts.offset < manual->target) return;
    ensure(cluster->me->primary != NULL);
    time_ms until_ms = manual->until_ms;
    move_to(cluster, MANUAL_STANDS, until_ms);
    election_start_manual(cluster, ELECTION_PAUSED, until_ms);
}

static void catch_up(struct cluster *cluster, uint64_t target)
{
    struct manual_failover *manual = &cluster->manual;
    manual->target = target;
    ensure(manual->until_ms > cluster->now_ms);
    move_to(cluster, MANUAL_CATCHES, manual->until_ms);
    stand_when_caught_up(cluster);
}

static void answer_error(struct cluster_answer *answer, const char *text)
{
    answer->is_error = true;
    bool is_whole = bytes_to_text(bytes_text(text), answer->text, sizeof(answer->text));
    ensure(is_whole);
}

static void take_over(struct cluster *cluster)
{
    uint64_t epoch = epochs_highest(cluster) + 1;
    ensure(epoch > cluster->current_epoch);
    trace(cluster, LOG_LEVEL_WARNING, "takeover by order, without votes: config epoch %llu",
          (unsigned long long)epoch);
    cluster->current_epoch = epoch;
    role_promote(cluster, epoch);
}

static void start_plain(struct cluster *cluster, struct peer *primary)
{
    move_to(cluster, MANUAL_ASKED,
            cluster->now_ms + cluster->options.manual_failover_timeout_ms);
    cluster->manual.partner = primary->id;
    ensure(primary != cluster->me);
    send_to_peer(cluster, primary, message_start(cluster, MESSAGE_MFSTART));
    trace(cluster, LOG_LEVEL_NOTICE, "manual failover: asked my primary to pause");
}

static void start_forced(struct cluster *cluster)
{
    time_ms until_ms = cluster->now_ms + cluster->options.manual_failover_timeout_ms;
    move_to(cluster, MANUAL_STANDS, until_ms);
    cluster->manual.partner = cluster->me->primary->id;
    ensure(!node_id_is_none(&cluster->manual.partner));
    election_start_manual(cluster, ELECTION_FORCED, until_ms);
}

void manual_on_order(struct cluster *cluster, const struct cluster_order *order,
                     struct cluster_answer *answer)
{
    ensure(order->type == ORDER_FAILOVER);
    struct peer *primary = cluster->me->primary;
    if (!peer_is_replica(cluster->me)) {
        answer_error(answer, "ERR You should send CLUSTER FAILOVER to a replica");
        return;
    }
    if (primary == NULL) {
        answer_error(answer, "ERR I'm a replica but my master is unknown to me");
        return;
    }
    bool is_down = peer_is_failed(primary) || !peer_is_connected(primary);
    if (order->failover == FAILOVER_PLAIN && is_down) {
        answer_error(answer, "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
        return;
    }
    *answer = (struct cluster_answer){ .text = "OK" };
    forget(cluster); /* a second order starts anew */
    if (order->failover == FAILOVER_TAKEOVER) take_over(cluster);
    else if (order->failover == FAILOVER_FORCE) start_forced(cluster);
    else start_plain(cluster, primary);
}

static void on_hand_over(struct cluster *cluster, struct peer *sender,
                         const struct eir_offset *offer)
{
    if (sender != cluster->me->primary || !node_id_equal(&offer->primary, &sender->id)) return;
    if (manual_is_running(cluster) || !election_is_eligible(cluster)) return;
    ensure(cluster->manual.state == MANUAL_IDLE);
    move_to(cluster, MANUAL_ASKED, cluster->now_ms + HAND_OVER_MS);
    cluster->manual.partner = sender->id;
    trace(cluster, LOG_LEVEL_NOTICE, "my primary stops and hands over at offset %llu",
          (unsigned long long)offer->offset);
    catch_up(cluster, offer->offset);
}

void manual_on_eir(struct cluster *cluster, struct peer *sender,
                   const struct cluster_message *message)
{
    ensure(message->type == MESSAGE_EIR);
    struct eir_offset offer;
    if (message->eir_type != EIR_HAND_OVER) return;
    if (eir_offset_read(message->payload, &offer)) return;
    on_hand_over(cluster, sender, &offer);
}

void manual_on_header(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message)
{
    ensure(sender != cluster->me);
    if (cluster->manual.state != MANUAL_ASKED || sender != cluster->me->primary) return;
    if (!(message->message_flags & MESSAGE_PAUSED)) return;
    catch_up(cluster, message->offset);
}

/* --- the primary's half --- */

/* The replica must know the final offset, and the voters that they may vote. */
static void show_pause(struct cluster *cluster, struct peer *replica)
{
    ensure(manual_is_paused(cluster));
    if (peer_is_connected(replica)) peer_ping_soon(cluster, replica);
    VOTERS_EACH(cluster, peer) {
        if (peer == cluster->me || !peer_is_voter(peer) || !peer_is_connected(peer)) continue;
        if (peer->is_eir) peer_ping_soon(cluster, peer);
    }
}

static void pause_for(struct cluster *cluster, struct peer *replica, time_ms timeout_ms)
{
    struct manual_failover *manual = &cluster->manual;
    ensure(peer_is_primary(cluster->me));
    move_to(cluster, MANUAL_PAUSED, cluster->now_ms + timeout_ms);
    manual->partner = replica->id;
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_PAUSE_WRITES);
    /* Twice: an election that begins in the last moment ends within the pause. */
    effect->until_ms = cluster->now_ms + 2 * timeout_ms;
    show_pause(cluster, replica);
    cluster_deadline_set(cluster, DEADLINE_MANUAL,
                         MIN(manual->until_ms, cluster->now_ms + TICK_MS));
}

void manual_on_start(struct cluster *cluster, struct peer *sender)
{
    ensure(sender != cluster->me);
    if (!peer_is_primary(cluster->me) || sender->primary != cluster->me) return;
    if (cluster->manual.is_handing_over) return; /* another one is asked already */
    trace(cluster, LOG_LEVEL_NOTICE, "writes paused for manual failover to " ID_FORMAT,
          ID_TEXT(sender->id));
    pause_for(cluster, sender, cluster->options.manual_failover_timeout_ms);
}

static void resume(struct cluster *cluster)
{
    ensure(cluster->manual.state == MANUAL_PAUSED);
    forget(cluster);
    effects_add(cluster, CLUSTER_RESUME_WRITES);
    lease_restart(cluster);
}

/* --- a node that stops --- */

static void handed_over(struct cluster *cluster, const char *how)
{
    struct manual_failover *manual = &cluster->manual;
    ensure(cluster->facts.is_stopping);
    if (manual->is_handed_over) return;
    manual->is_handed_over = true;
    manual->is_handing_over = false;
    trace(cluster, LOG_LEVEL_NOTICE, "stopping: %s", how);
    effects_add(cluster, CLUSTER_HANDED_OVER);
}

/* The replica that has most, of those that know how to take over. */
static struct peer *find_heir(const struct cluster *cluster)
{
    struct peer *heir = NULL;
    if (cluster->facts.replicas_online == 0) return NULL;
    PEERS_EACH(cluster, peer) {
        if (peer->primary != cluster->me || !peer->is_eir) continue;
        if (!peer_is_connected(peer) || !peer_is_healthy(peer)) continue;
        if ((peer->flags & NODE_NOFAILOVER) || !(peer->eir_flags & EIR_ELIGIBLE)) continue;
        if (heir == NULL || peer->offset > heir->offset) heir = peer;
    }
    ensure(heir == NULL || peer_is_replica(heir));
    return heir;
}

static void hand_over(struct cluster *cluster, struct peer *heir)
{
    struct eir_offset offer = { .primary = cluster->me->id, .offset = cluster->facts.offset };
    struct buffer payload;
    if (cluster->manual.state == MANUAL_PAUSED) forget(cluster);
    cluster->manual.is_handing_over = true;
    trace(cluster, LOG_LEVEL_NOTICE, "stopping: handing over to " ID_FORMAT " at offset %llu",
          ID_TEXT(heir->id), (unsigned long long)offer.offset);
    pause_for(cluster, heir, HAND_OVER_MS);
    ensure(manual_is_paused(cluster));
    buffer_init(&payload);
    eir_offset_write(&offer, &payload);
    send_eir(cluster, heir, EIR_HAND_OVER, buffer_bytes(&payload));
    buffer_fini(&payload);
}

static void on_stopping(struct cluster *cluster)
{
    ensure(cluster->facts.is_stopping);
    struct peer *me = cluster->me;
    if (!peer_is_voter(me)) {
        if (manual_is_running(cluster)) forget(cluster);
        me->flags |= NODE_NOFAILOVER;
        cluster->pong_to_all = true;
        handed_over(cluster, "no slots to hand over");
        return;
    }
    struct peer *heir = find_heir(cluster);
    if (heir == NULL) handed_over(cluster, "no replica can take over");
    else hand_over(cluster, heir);
}

/* --- hooks --- */

void manual_init(struct cluster *cluster)
{
    cluster->manual = (struct manual_failover){ .state = MANUAL_IDLE };
    ensure(!manual_is_running(cluster));
}

void manual_fini(struct cluster *cluster)
{
    ensure(cluster->manual.state < MANUAL_STATE_COUNT);
    cluster->manual = (struct manual_failover){ 0 };
}

void manual_on_facts(struct cluster *cluster, const struct cluster_facts *before)
{
    ensure(cluster->manual.state < MANUAL_STATE_COUNT);
    stand_when_caught_up(cluster);
    if (!before->is_stopping && cluster->facts.is_stopping) on_stopping(cluster);
}

static void on_timeout(struct cluster *cluster)
{
    struct manual_failover *manual = &cluster->manual;
    bool was_paused = manual->state == MANUAL_PAUSED;
    ensure(manual_is_running(cluster));
    if (manual->is_handing_over) {
        handed_over(cluster, "nobody took over in time");
        move_to(cluster, MANUAL_PAUSED, TIME_NEVER); /* it exits: nothing is written any more */
        return;
    }
    trace(cluster, LOG_LEVEL_WARNING, "manual failover timed out");
    if (was_paused) resume(cluster);
    else forget(cluster);
}

void manual_on_deadline(struct cluster *cluster)
{
    struct manual_failover *manual = &cluster->manual;
    if (!manual_is_running(cluster)) return;
    if (cluster->now_ms >= manual->until_ms) {
        on_timeout(cluster);
        return;
    }
    ensure(manual->until_ms > cluster->now_ms);
    time_ms due_ms = manual->until_ms;
    if (manual->state == MANUAL_PAUSED) {
        struct peer *replica = peers_find(cluster, &manual->partner);
        if (replica != NULL) show_pause(cluster, replica); /* spec 16: on every tick */
        due_ms = MIN(due_ms, cluster->now_ms + TICK_MS);
    }
    cluster_deadline_set(cluster, DEADLINE_MANUAL, due_ms);
}

void manual_on_role_changed(struct cluster *cluster)
{
    struct manual_failover *manual = &cluster->manual;
    if (manual_is_running(cluster)) {
        bool was_paused = manual->state == MANUAL_PAUSED;
        forget(cluster);
        if (was_paused) effects_add(cluster, CLUSTER_RESUME_WRITES);
    }
    ensure(!manual_is_running(cluster));
    if (!cluster->facts.is_stopping) return;
    /* Handed over; or promoted while stopping, which goes round once more. */
    if (peer_is_voter(cluster->me) && !manual->is_handed_over) on_stopping(cluster);
    else handed_over(cluster, "a replica has taken over");
}

void manual_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    struct manual_failover *manual = &cluster->manual;
    ensure(peer->is_removed);
    if (!manual_is_running(cluster) || !node_id_equal(&manual->partner, &peer->id)) return;
    if (manual->is_handing_over) handed_over(cluster, "the heir was forgotten");
    if (manual->state == MANUAL_PAUSED) resume(cluster);
    else forget(cluster);
}
