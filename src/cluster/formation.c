/* Formation: fresh nodes find each other by seeds, agree on one set (agreement.c holds the rules
 * and the argument), and carry out the plan that follows from it (plan.c).
 *
 *   fresh -> seeds are resolved and met; who is heard tells whom it has heard
 *         -> the set is settled for 500 ms: proposed, locked (durable), formed (durable)
 *         -> the plan: slots, roles, config epochs 1..N, current epoch N, cluster id
 *
 * Nobody serves before. Every message is the sender's whole stand, sent when it changes and every
 * SAY_MS while something is open, so a lost link costs one period and no more. Known locks are
 * relayed in it: two members that do not hear each other form all the same.
 *
 * A node that comes later hears from members that a set of its name and shape is formed, adopts
 * the cluster id, and takes a place where a replica is missing; without such a place it stays a
 * spare and looks again now and then. Which spare takes which place follows from sorted ids, so
 * that several of them do not crowd on one primary. */
#include "cluster/internal.h"

#include "cluster/rules.h"

#define TICK_FORMATION_MS 50
#define SAY_MS            200
#define SAY_LARGE_MS      1000 /* sets over SET_LARGE: the lists are long then */
#define SET_LARGE         64
#define SILENT_MS         3000 /* who has said nothing for so long takes no part */
#define SEED_FIRST_MS     200
#define SEED_MAX_MS       2000
#define SETTLED_MS        1000 /* a late comer looks round for so long before it takes a place */
#define SPARE_LOOK_MS     1000
#define BUS_PORT_OFFSET   10000

static const char why_options[] = "formation: locked under another name or shape";
static const char why_listens[] = "formation: waits for enough fresh nodes";
static const char why_proposes[] = "formation: waits until all members propose the same set";
static const char why_locked[] = "formation: waits for the locks of all members";
static const char why_loading[] = "formation: waits until it is known that there are no data";

static struct plan_shape shape_of_options(const struct cluster_options *options)
{
    struct plan_shape shape = { .shards = options->shards,
                                .replicas_per_shard = options->replicas_per_shard };
    bool is_whole = bytes_to_text(bytes_text(options->name), shape.name, sizeof(shape.name));
    ensure(is_whole);
    return shape;
}

static bool is_open(const struct formation *formation)
{
    return formation->is_wanted && !formation->is_done;
}

static void tick_in(struct cluster *cluster, time_ms delay_ms)
{
    ensure(delay_ms > 0);
    cluster_deadline_set(cluster, DEADLINE_FORMATION, cluster->now_ms + delay_ms);
}

/* --- saying --- */

static uint32_t list_heard(const struct cluster *cluster, struct formation_heard *heard)
{
    uint32_t count = 0;
    PEERS_EACH(cluster, peer)
    {
        if (count == FORMATION_MEMBERS_MAX) break;
        if (peer == cluster->me || !peer->is_eir || !peer_is_placed(peer)) continue;
        if (!peer_is_connected(peer) || peer->address.ip[0] == 0) continue;
        heard[count++] = (struct formation_heard){ .id = peer->id, .address = peer->address };
    }
    ensure(count < cluster->peer_count);
    return count;
}

/* My whole stand; the node that reads it may learn of others from it. */
static void build(const struct cluster *cluster, struct buffer *payload)
{
    struct formation_message message;
    agreement_say(&cluster->formation.agreement, &message);
    struct formation_heard *heard = NULL;
    if (is_open(&cluster->formation)) {
        uint32_t room = MIN(cluster->peer_count, FORMATION_MEMBERS_MAX);
        heard = memory_alloc_zero(room * sizeof(*heard));
        message.heard = heard;
        message.heard_count = list_heard(cluster, heard);
    }
    formation_message_write(&message, payload);
    ensure(payload->size > 0);
    memory_free(heard);
}

static bool takes_part(const struct cluster *cluster, const struct peer *peer)
{
    return peer != cluster->me && peer->is_eir && (peer->eir_capabilities & EIR_CAN_FORMATION) &&
           peer_is_placed(peer) && peer_is_connected(peer);
}

static void say_to_all(struct cluster *cluster)
{
    struct buffer payload;
    buffer_init(&payload);
    build(cluster, &payload);
    PEERS_EACH(cluster, peer)
    {
        if (!takes_part(cluster, peer)) continue;
        send_eir(cluster, peer, EIR_FORMATION, buffer_bytes(&payload));
    }
    buffer_fini(&payload);
    ensure(cluster->formation.has_agreement);
    cluster->formation.said_ms = cluster->now_ms;
}

static void say_to(struct cluster *cluster, struct peer *peer)
{
    struct buffer payload;
    ensure(cluster->formation.has_agreement);
    if (!takes_part(cluster, peer)) return;
    buffer_init(&payload);
    build(cluster, &payload);
    send_eir(cluster, peer, EIR_FORMATION, buffer_bytes(&payload));
    buffer_fini(&payload);
}

/* --- carrying out the plan --- */

struct formed {
    const struct agreement_set *set;
    struct plan_place *places; /* owned */
    struct peer **peers;       /* owned list; the members, in order */
    struct peer **primaries;   /* owned list; by shard */
};

static void formed_init(struct cluster *cluster, struct formed *formed)
{
    const struct agreement *agreement = &cluster->formation.agreement;
    const struct agreement_set *set = agreement_find(agreement, agreement->set);
    ensure(set != NULL && agreement_set_is_complete(set));
    formed->set = set;
    formed->places = memory_alloc_zero(set->count * sizeof(*formed->places));
    formed->peers = memory_alloc_zero(set->count * sizeof(*formed->peers));
    formed->primaries = memory_alloc_zero(agreement->shape.shards * sizeof(*formed->primaries));
    plan_make(&agreement->shape, set->members, formed->places);
    for (uint32_t i = 0; i < set->count; i++) {
        struct peer *peer = peers_find(cluster, &set->members[i].id);
        /* A member that I never met: gossip will bring its address. */
        if (peer == NULL) {
            peer = peers_add(cluster, &set->members[i].id, NODE_PRIMARY | NODE_NOADDR);
        }
        formed->peers[i] = peer;
        if (formed->places[i].is_primary) formed->primaries[formed->places[i].shard] = peer;
    }
}

static void formed_fini(struct formed *formed)
{
    ensure(formed->set != NULL);
    memory_free(formed->places);
    memory_free(formed->peers);
    memory_free(formed->primaries);
}

/* The slots of one shard go to its planned primary, but not where a member that was quicker has
 * told of a later owner already. */
static void place_primary(struct cluster *cluster, struct peer *primary, uint32_t shard)
{
    unsigned first;
    unsigned last;
    uint64_t epoch = (uint64_t)shard + 1;
    plan_slots(cluster->formation.agreement.shape.shards, shard, &first, &last);
    ensure(last < SLOT_COUNT);
    if (peer_is_replica(primary)) return; /* has been replaced since */
    if (primary->config_epoch < epoch) primary->config_epoch = epoch;
    for (unsigned slot = first; slot <= last; slot++) {
        const struct peer *owner = slot_owner(cluster, slot);
        if (owner == primary) continue;
        if (owner == NULL || owner->config_epoch < epoch) slot_bind(cluster, slot, primary);
    }
}

static void place_replica(struct cluster *cluster, struct peer *replica, struct peer *primary)
{
    ensure(replica != primary);
    if (replica == cluster->me || replica->slot_count > 0) return;
    if (replica->primary == primary || peer_is_replica(primary)) return;
    peer_set_primary(cluster, replica, primary);
}

/* My own part comes last: it is saved first and shows everything else. */
static void place_me(struct cluster *cluster, const struct formed *formed)
{
    struct peer *me = cluster->me;
    for (uint32_t i = 0; i < formed->set->count; i++) {
        if (formed->peers[i] != me) continue;
        struct peer *primary = formed->primaries[formed->places[i].shard];
        unsigned first;
        unsigned last;
        plan_slots(cluster->formation.agreement.shape.shards, formed->places[i].shard, &first,
                   &last);
        struct peer *owner = slot_owner(cluster, first);
        if (owner != NULL && owner != me) primary = owner; /* mine was taken over meanwhile */
        while (primary->primary != NULL && primary->primary != me) primary = primary->primary;
        if (primary != me && me->slot_count == 0) role_follow(cluster, primary);
        return;
    }
    ensure_unreachable(); /* a set without me is never formed here */
}

static void carry_out(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    const struct plan_shape *shape = &formation->agreement.shape;
    struct formed formed;
    formed_init(cluster, &formed);
    formation->is_done = true;
    formation->is_fresh = true;
    cluster->cluster_id = formation->agreement.set;
    if (cluster->current_epoch < shape->shards) cluster->current_epoch = shape->shards;
    for (uint32_t shard = 0; shard < shape->shards; shard++) {
        place_primary(cluster, formed.primaries[shard], shard);
    }
    for (uint32_t i = 0; i < formed.set->count; i++) {
        if (formed.places[i].is_primary) continue;
        place_replica(cluster, formed.peers[i], formed.primaries[formed.places[i].shard]);
    }
    trace(cluster, LOG_LEVEL_NOTICE, "formed cluster %016llx: %u shards with %u replicas each",
          (unsigned long long)cluster->cluster_id, shape->shards, shape->replicas_per_shard);
    if (shape->shards < 3) {
        trace(cluster, LOG_LEVEL_WARNING,
              "fewer than three shards: failover without an operator needs a third voter");
    }
    cluster_save_first(cluster);
    place_me(cluster, &formed);
    formed_fini(&formed);
    ensure(cluster->cluster_id != 0);
    cluster->pong_to_all = true;
    cluster->state_is_due = true;
    cluster_changed(cluster);
}

/* --- deciding --- */

static const char *stand_text(const struct formation *formation)
{
    if (formation->is_blocked) return why_options;
    switch (formation->agreement.phase) {
    case FORMATION_PROPOSES: return why_proposes;
    case FORMATION_LOCKED: return why_locked;
    default: return why_listens;
    }
}

/* A node with a past of its own takes no part; unless it has locked a set, then it was fresh. */
static bool is_fresh(const struct cluster *cluster)
{
    const struct cluster_facts *facts = &cluster->facts;
    ensure(cluster->formation.has_agreement);
    if (cluster->formation.agreement.phase >= FORMATION_LOCKED) return true;
    return !facts->has_keys && !facts->has_data_files && cluster->me->slot_count == 0 &&
           peer_is_primary(cluster->me) && cluster->me->config_epoch == 0;
}

static void leave(struct cluster *cluster, const char *why)
{
    struct formation *formation = &cluster->formation;
    ensure(formation->agreement.phase < FORMATION_LOCKED);
    trace(cluster, LOG_LEVEL_NOTICE, "no formation here: %s", why);
    agreement_fini(&formation->agreement);
    formation->has_agreement = false;
    formation->is_wanted = false;
    formation->is_done = true;
    cluster_changed(cluster);
    cluster_deadline_set(cluster, DEADLINE_FORMATION, TIME_NEVER);
}

static void show_host(struct cluster *cluster)
{
    struct agreement *agreement = &cluster->formation.agreement;
    const char *ip = cluster->options.announced.ip;
    if (ip[0] == 0) ip = cluster->me->address.ip;
    ensure(sizeof(agreement->host) == ADDRESS_IP_SIZE);
    memcpy(agreement->host, ip, ADDRESS_IP_SIZE);
}

static void trace_stand(struct cluster *cluster)
{
    const struct agreement *agreement = &cluster->formation.agreement;
    static const char *const words[FORMATION_PHASE_COUNT] = {
        [FORMATION_LISTENS] = "listening",
        [FORMATION_PROPOSES] = "proposing set",
        [FORMATION_LOCKED] = "locked set",
        [FORMATION_FORMED] = "member of set",
    };
    ensure(agreement->phase < FORMATION_PHASE_COUNT);
    trace(cluster, LOG_LEVEL_VERBOSE, "formation: %s %016llx", words[agreement->phase],
          (unsigned long long)agreement->set);
}

static void adopt(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    uint64_t id = formation->agreement.formed_elsewhere;
    ensure(id != 0);
    agreement_join(&formation->agreement, id);
    formation->is_done = true;
    formation->joined_ms = cluster->now_ms;
    cluster->cluster_id = id;
    cluster_save_first(cluster);
    trace(cluster, LOG_LEVEL_NOTICE, "joined cluster %016llx as a late comer",
          (unsigned long long)id);
    say_to_all(cluster);
    cluster_changed(cluster);
}

static void decide(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    struct agreement *agreement = &formation->agreement;
    ensure(formation->has_agreement);
    if (!is_open(formation) || formation->is_blocked) return;
    show_host(cluster);
    agreement->trusts_proposals = cluster->options.plant == PLANT_FORMATION_WITHOUT_LOCKS;
    unsigned news = agreement_step(agreement, cluster->now_ms);
    if (news & AGREEMENT_SAVE) cluster_save_first(cluster);
    if (news & AGREEMENT_SAID) trace_stand(cluster);
    if (news & AGREEMENT_FORMED) carry_out(cluster);
    else if (agreement_may_join(agreement)) {
        adopt(cluster);
        return;
    }
    if (news & AGREEMENT_SAID) say_to_all(cluster);
    const char *why = stand_text(formation);
    if (why != formation->why_not) cluster_changed(cluster);
    formation->why_not = why;
}

/* --- seeds --- */

static bool is_loopback(const char *ip)
{
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

static bool is_known_place(const struct cluster *cluster, const struct address *address)
{
    const struct address *mine = &cluster->me->address;
    bool is_my_port = address->bus_port == mine->bus_port;
    if (is_my_port && (is_loopback(address->ip) || strcmp(address->ip, mine->ip) == 0)) return true;
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || peer->address.bus_port != address->bus_port) continue;
        if (strcmp(peer->address.ip, address->ip) != 0) continue;
        if (peer_is_connected(peer) || (peer->flags & NODE_HANDSHAKE)) return true;
    }
    return false;
}

static bool has_company(const struct cluster *cluster)
{
    PEERS_EACH(cluster, peer)
    {
        if (peer != cluster->me && peer_is_placed(peer) && peer_is_connected(peer)) return true;
    }
    ensure(cluster->peer_count > 0);
    return false;
}

/* Seeds are resolved again at each try: names outlive addresses. Once formed they are tried only
 * by a node that has lost everybody. */
static void try_seeds(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    if (cluster->options.seed_count == 0 || cluster->now_ms < formation->seeds_due_ms) return;
    const struct agreement *agreement = &formation->agreement;
    bool is_enough = has_company(cluster);
    if (is_open(formation)) {
        ensure(formation->has_agreement);
        is_enough = agreement->voice_count + 1 >= plan_size(&agreement->shape);
    }
    time_ms pause_ms = SEED_FIRST_MS << MIN(formation->seed_tries, 4u);
    formation->seeds_due_ms = cluster->now_ms + MIN(pause_ms, SEED_MAX_MS);
    if (is_enough) return;
    formation->seed_tries++;
    for (size_t i = 0; i < cluster->options.seed_count; i++) {
        effects_add(cluster, CLUSTER_RESOLVE)->seed_index = i;
    }
}

void formation_on_resolved(struct cluster *cluster, const struct cluster_event *event)
{
    ensure(event->seed_index < cluster->options.seed_count);
    const struct cluster_seed *seed = &cluster->options.seeds[event->seed_index];
    for (size_t i = 0; i < event->address_count; i++) {
        struct address address = { .port = seed->port, .bus_port = seed->bus_port };
        if (address.bus_port == 0) address.bus_port = (uint16_t)(seed->port + BUS_PORT_OFFSET);
        /* Zero behind the text: addresses are compared as a whole. */
        bool is_whole = bytes_to_text(bytes_text(event->addresses[i]), address.ip, ADDRESS_IP_SIZE);
        if (!is_whole || address.ip[0] == 0 || is_known_place(cluster, &address)) continue;
        handshake_start(cluster, &address, NODE_MEET);
    }
}

/* --- late comers --- */

static bool is_spare(const struct cluster *cluster, const struct peer *peer)
{
    if (!peer_is_primary(peer) || peer->slot_count > 0 || !peer_is_placed(peer)) return false;
    if (peer == cluster->me) return true;
    ensure(cluster->cluster_id != 0);
    return peer->is_eir && peer->cluster_id == cluster->cluster_id && peer_is_healthy(peer) &&
           peer_is_connected(peer);
}

static unsigned my_place_among_spares(const struct cluster *cluster)
{
    unsigned before = 0;
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !is_spare(cluster, peer)) continue;
        if (node_id_compare(&peer->id, &cluster->me->id) < 0) before++;
    }
    ensure(before < cluster->peer_count);
    return before;
}

static unsigned missing_replicas(const struct cluster *cluster, const struct peer *primary)
{
    unsigned has = 0;
    if (!peer_is_voter(primary) || !peer_is_healthy(primary)) return 0;
    PEERS_EACH(cluster, peer)
    {
        if (peer->primary == primary && !peer_is_failed(peer)) has++;
    }
    unsigned wanted = cluster->options.replicas_per_shard;
    ensure(primary != cluster->me);
    return has < wanted ? wanted - has : 0;
}

/* Places are numbered: those of the primary that lacks most first, equal ones by id. Spare number
 * n takes place number n, once; then everybody counts anew. */
static struct peer *find_place(const struct cluster *cluster)
{
    unsigned place = my_place_among_spares(cluster);
    for (unsigned lack = cluster->options.replicas_per_shard; lack > 0; lack--) {
        struct peer *after = NULL;
        for (;;) {
            struct peer *next = NULL;
            PEERS_EACH(cluster, peer)
            {
                if (peer == cluster->me || missing_replicas(cluster, peer) != lack) continue;
                if (after != NULL && node_id_compare(&peer->id, &after->id) <= 0) continue;
                if (next == NULL || node_id_compare(&peer->id, &next->id) < 0) next = peer;
            }
            if (next == NULL) break;
            if (place == 0) return next;
            place--;
            after = next;
        }
    }
    ensure(place < cluster->peer_count);
    return NULL;
}

static void look_for_place(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    if (cluster->now_ms < formation->place_due_ms) return;
    formation->place_due_ms = cluster->now_ms + SPARE_LOOK_MS;
    if (!is_spare(cluster, cluster->me) || cluster->facts.has_keys) return;
    if (!cluster->is_ok || cluster->facts.is_stopping) return;
    struct peer *primary = find_place(cluster);
    if (primary == NULL) return;
    ensure(primary != cluster->me);
    trace(cluster, LOG_LEVEL_NOTICE, "a replica is missing: following " ID_FORMAT,
          ID_TEXT(primary->id));
    formation->is_fresh = true;
    role_follow(cluster, primary);
}

/* --- hooks --- */

static bool has_past(const struct cluster *cluster)
{
    ensure(cluster->me != NULL);
    return cluster->cluster_id != 0 || cluster->current_epoch > 0 ||
           cluster->me->slot_count > 0 || peer_is_replica(cluster->me);
}

static void begin(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    struct plan_shape shape = shape_of_options(&cluster->options);
    struct agreement *agreement = &formation->agreement;
    bool has_lock = formation->has_agreement && agreement->phase >= FORMATION_LOCKED;
    bool is_asked = plan_size(&shape) > 0 && !cluster->options.is_classic;
    formation->started_ms = cluster->now_ms;
    formation->why_not = why_listens;
    formation->is_wanted = is_asked || has_lock;
    if (has_lock) {
        formation->is_done = agreement->phase == FORMATION_FORMED;
        formation->is_blocked = !formation->is_done && !plan_shape_equal(&shape, &agreement->shape);
    } else if (!is_asked || has_past(cluster)) {
        formation->is_wanted = false;
        formation->is_done = true;
        formation->has_agreement = false; /* a list of refusals has lost its meaning */
    } else {
        uint64_t refused[FORMATION_REFUSED_MAX];
        uint32_t count = formation->has_agreement ? agreement->refused_count : 0;
        memcpy(refused, agreement->refused, sizeof(refused));
        agreement_init(agreement, &shape, &cluster->me->id);
        memcpy(agreement->refused, refused, sizeof(refused));
        agreement->refused_count = count;
        formation->has_agreement = true;
    }
    ensure(!formation->is_wanted || formation->has_agreement);
    formation->why_not = formation->has_agreement ? stand_text(formation) : why_listens;
    bool has_seeds = cluster->options.seed_count > 0;
    if (formation->is_wanted || has_seeds) tick_in(cluster, 1);
}

void formation_init(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    ensure(formation->said_ms == 0);
    ensure(!formation->is_done);
    begin(cluster);
}

void formation_fini(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    ensure(!formation->is_wanted || formation->has_agreement);
    if (formation->has_agreement) agreement_fini(&formation->agreement);
    *formation = (struct formation){ 0 };
}

/* Everybody shows the cluster id: nobody needs the members' list any more. */
static void forget_members(struct cluster *cluster)
{
    struct agreement *agreement = &cluster->formation.agreement;
    const struct agreement_set *set = agreement_find(agreement, agreement->set);
    if (set == NULL) return;
    ensure(agreement->phase == FORMATION_FORMED);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct peer *peer = peers_find(cluster, &set->members[i].id);
        bool knows = peer == NULL || peer == cluster->me ||
                     peer->cluster_id == cluster->cluster_id;
        if (!knows) return;
    }
    agreement_forget(agreement);
    cluster_save_later(cluster);
}

static void on_open_tick(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    struct agreement *agreement = &formation->agreement;
    agreement_lose_silent(agreement, cluster->now_ms - SILENT_MS);
    PEERS_EACH(cluster, peer)
    {
        if (peer != cluster->me && !peer_is_connected(peer)) agreement_lose(agreement, &peer->id);
    }
    if (!is_fresh(cluster)) {
        leave(cluster, "this node has keys, slots, epochs or data files");
        return;
    }
    if (cluster->facts.is_loading) {
        formation->why_not = why_loading;
        return;
    }
    decide(cluster);
    bool is_large = plan_size(&agreement->shape) > SET_LARGE;
    time_ms period_ms = is_large ? SAY_LARGE_MS : SAY_MS;
    ensure(formation->said_ms <= cluster->now_ms);
    if (cluster->now_ms - formation->said_ms >= period_ms) say_to_all(cluster);
}

void formation_on_deadline(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    if (is_open(formation)) on_open_tick(cluster);
    try_seeds(cluster);
    if (is_open(formation)) {
        time_ms due_ms = agreement_due_ms(&formation->agreement);
        time_ms delay_ms = TICK_FORMATION_MS;
        if (due_ms > cluster->now_ms) delay_ms = MIN(delay_ms, due_ms - cluster->now_ms);
        tick_in(cluster, delay_ms);
        return;
    }
    ensure(formation->is_done);
    if (formation->has_agreement) {
        forget_members(cluster);
        bool is_settled = cluster->now_ms - formation->joined_ms >= SETTLED_MS;
        if (is_settled && cluster->cluster_id != 0) look_for_place(cluster);
    }
    bool is_useful = formation->has_agreement || cluster->options.seed_count > 0;
    if (is_useful) tick_in(cluster, SPARE_LOOK_MS);
}

static void meet_heard(struct cluster *cluster, const struct formation_message *message)
{
    for (uint32_t i = 0; i < message->heard_count; i++) {
        const struct formation_heard *heard = &message->heard[i];
        if (peers_find(cluster, &heard->id) != NULL || ban_has(cluster, &heard->id)) continue;
        if (heard->address.ip[0] == 0 || heard->address.bus_port == 0) continue;
        if (is_known_place(cluster, &heard->address)) continue;
        handshake_start(cluster, &heard->address, NODE_MEET);
    }
    ensure(message->heard_count <= FORMATION_MEMBERS_MAX);
}

static void hear(struct cluster *cluster, struct peer *sender,
                 const struct formation_message *message)
{
    struct formation *formation = &cluster->formation;
    struct agreement *agreement = &formation->agreement;
    struct plan_shape shape = { .shards = message->shards,
                                .replicas_per_shard = message->replicas_per_shard };
    memcpy(shape.name, message->name, sizeof(shape.name));
    ensure(formation->has_agreement);
    if (!plan_shape_equal(&shape, &agreement->shape)) return; /* of another cluster to be */
    if (!is_open(formation)) {
        if (message->phase < FORMATION_FORMED) say_to(cluster, sender);
        return;
    }
    uint32_t voices = agreement->voice_count;
    agreement_hear(agreement, &sender->id, message, cluster->now_ms);
    if (agreement->voice_count > voices) say_to(cluster, sender); /* it may not know me either */
    meet_heard(cluster, message);
    decide(cluster);
}

void formation_on_eir(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message)
{
    struct formation_message said;
    ensure(message->type == MESSAGE_EIR);
    if (!cluster->formation.has_agreement) return;
    if (formation_message_read(message->payload, &said)) return;
    hear(cluster, sender, &said);
    formation_message_fini(&said);
}

void formation_on_peer(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    if (is_open(&cluster->formation)) say_to(cluster, peer);
}

void formation_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    if (cluster->formation.has_agreement) {
        agreement_lose(&cluster->formation.agreement, &peer->id);
    }
}

void formation_on_reset(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    ensure(cluster->peer_count == 1);
    formation_fini(cluster);
    /* Epochs survive a soft reset, so only a hard one makes a node fresh. */
    begin(cluster);
    ensure(formation->said_ms == 0);
}

void formation_on_configure(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    struct plan_shape shape = shape_of_options(&cluster->options);
    if (!is_open(formation)) {
        if (cluster->options.seed_count > 0) tick_in(cluster, 1);
        return;
    }
    ensure(formation->has_agreement);
    if (formation->agreement.phase >= FORMATION_LOCKED) {
        formation->is_blocked = !plan_shape_equal(&shape, &formation->agreement.shape);
        tick_in(cluster, 1);
        return;
    }
    agreement_fini(&formation->agreement);
    *formation = (struct formation){ 0 };
    begin(cluster);
}

const char *formation_on_manual_order(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    if (!is_open(formation)) return NULL;
    if (formation->agreement.phase >= FORMATION_LOCKED) {
        return "ERR This node has locked a formation: wait for it, or use CLUSTER RESET";
    }
    ensure(formation->has_agreement);
    leave(cluster, "placed by hand");
    return NULL;
}

bool formation_needs_new_id(const struct cluster *cluster)
{
    const struct formation *formation = &cluster->formation;
    ensure(!formation->is_wanted || formation->has_agreement);
    if (!formation->has_agreement) return false;
    return formation->agreement.phase >= FORMATION_LOCKED ||
           formation->agreement.refused_count > 0;
}

bool formation_serves(const struct cluster *cluster, const char **why_not)
{
    ensure(why_not != NULL);
    if (!is_open(&cluster->formation)) return true;
    *why_not = cluster->formation.why_not;
    return false;
}

bool formation_is_fresh(const struct cluster *cluster)
{
    ensure(!cluster->formation.is_fresh || cluster->formation.is_done);
    return cluster->formation.is_fresh;
}

/* --- nodes.conf --- */

void formation_write_lock(const struct cluster *cluster, struct buffer *into)
{
    const struct formation *formation = &cluster->formation;
    ensure(into->size == 0);
    if (!formation->has_agreement || formation->agreement.phase < FORMATION_LOCKED) return;
    agreement_write_lock(&formation->agreement, into);
}

void formation_write_refused(const struct cluster *cluster, struct buffer *into)
{
    const struct formation *formation = &cluster->formation;
    ensure(into->size == 0);
    if (!formation->has_agreement || formation->agreement.refused_count == 0) return;
    agreement_write_refused(&formation->agreement, into);
}

/* The options do not matter yet: a lock brings its own shape. */
static struct agreement *agreement_to_read(struct cluster *cluster)
{
    struct formation *formation = &cluster->formation;
    ensure(cluster->me != NULL);
    if (!formation->has_agreement) formation->agreement.self = cluster->me->id;
    formation->has_agreement = true;
    return &formation->agreement;
}

bool formation_read_lock(struct cluster *cluster, struct bytes text)
{
    struct agreement *agreement = agreement_to_read(cluster);
    if (agreement->phase != FORMATION_LISTENS) return false; /* named twice */
    return agreement_read_lock(agreement, text);
}

bool formation_read_refused(struct cluster *cluster, struct bytes text)
{
    struct agreement *agreement = agreement_to_read(cluster);
    if (agreement->refused_count > 0) return false;
    return agreement_read_refused(agreement, text);
}
