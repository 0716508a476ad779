/* Lineage: an owner of slots that starts without its data must not destroy the shard.
 *
 * A primary without persistence that crashes and is restarted by its supervisor within the node
 * timeout comes back empty, is still the owner of its slots, and every replica would sync from it
 * and drop the only copies there are. So the node keeps a record of its data (replication id,
 * offset, whether there were any keys) in nodes.conf, and holds what it has loaded against it
 * before it serves. If data are missing it serves nothing, feeds no replica, shows PAUSED (which
 * releases the voters' promises), and asks the replica that has most to take over.
 *
 *   a primary that it deposed
 *     is not heard              -> waits for it as for a replica: it will follow, and has data
 *   no replicas are known       -> there is nothing better: serves what it has
 *   every replica was heard,
 *     and none has more         -> the same
 *   an Eir replica has more     -> EIR_LINEAGE to the best one: it stands by force
 *   only Valkey replicas have   -> plays dead (sends no PING and no PONG): a Valkey replica takes
 *                                  over only from a failed primary
 *   a replica is not heard      -> waits for it: it may hold the only copy. An operator decides
 *                                  otherwise by ORDER_SERVE_EMPTY, or by forgetting the replica
 *
 * An owner that finds its data no older than the record may still be behind: the record is, and
 * what it wrote after its last snapshot is on its replicas alone. So every owner that restarts
 * looks for an heir, but as long as nothing is known to be missing it waits for replicas that it
 * does not hear for UNSURE_MS only.
 *
 * The record is a lower bound, written when it starts to matter (first keys, another id, another
 * role) and every half minute while the offset moves, never for a write. An owner that has loaded
 * an older snapshot is behind its record: it has lost writes that a replica may still have, so it
 * asks, too. Keys without a replication id (loaded from an append log alone) are taken as whole:
 * nothing says otherwise. */
#include "base/number.h"
#include "cluster/internal.h"

#define RECORD_MS      30000
#define WRONG_MS       1000 /* a record that is wrong, not only old, waits no longer */
#define ASK_MS         500  /* before the next one is asked, or the same again */
#define LOOK_MS        100
#define LOOK_UNSURE_MS 10   /* each of these is a delay of a plain restart */
#define UNSURE_MS      2000 /* links are up within milliseconds; a dead replica holds nobody up */
#define MUTE_MS        1000 /* an Eir replica may still be about to connect */

static const char why_unchecked[] = "its data are not loaded yet";
static const char why_unsure[] = "it restarted: looking whether a replica has newer data";
static const char why_lost[] = "the data of its slots are missing: a replica shall take over";

static bool id_is_none(const char id[40])
{
    return id[0] == 0;
}

enum lineage_verdict lineage_judge(const struct lineage_record *record,
                                   const struct lineage_record *data)
{
    if (!record->has_keys) return LINEAGE_INTACT; /* there was nothing to lose */
    if (!data->has_keys) return LINEAGE_EMPTY;
    if (id_is_none(data->replication_id)) return LINEAGE_INTACT;
    return data->offset < record->offset ? LINEAGE_BEHIND : LINEAGE_INTACT;
}

static struct lineage_record data_at_hand(const struct cluster *cluster)
{
    struct lineage_record data = { .offset = cluster->facts.offset,
                                   .has_keys = cluster->facts.has_keys };
    memcpy(data.replication_id, cluster->facts.replication_id, sizeof(data.replication_id));
    ensure(cluster->magic == CLUSTER_MAGIC);
    return data;
}

static void record(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    ensure(!lineage->is_lost); /* the record of what is lost is all that is left of it */
    lineage->record = data_at_hand(cluster);
    lineage->recorded_ms = cluster->now_ms;
    cluster_save_later(cluster);
}

/* What must not wait for the next half minute. */
static bool record_is_wrong(const struct lineage_record *record, const struct lineage_record *data)
{
    if (record->has_keys != data->has_keys) return true;
    if (record->offset > data->offset) return true;
    ensure(sizeof(record->replication_id) == 40);
    return memcmp(record->replication_id, data->replication_id, 40) != 0;
}

static void keep_record(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    struct lineage_record data = data_at_hand(cluster);
    if (!lineage->is_checked || lineage->is_lost || cluster->facts.is_loading) return;
    bool is_wrong = record_is_wrong(&lineage->record, &data);
    if (!is_wrong && data.offset == lineage->record.offset) return;
    time_ms due_ms = lineage->recorded_ms + (is_wrong ? WRONG_MS : RECORD_MS);
    if (due_ms <= cluster->now_ms) {
        record(cluster);
        return;
    }
    ensure(due_ms > cluster->now_ms);
    cluster_deadline_set(cluster, DEADLINE_LINEAGE, due_ms);
}

/* --- loss --- */

static void serve_again(struct cluster *cluster, const char *why)
{
    struct lineage *lineage = &cluster->lineage;
    ensure(lineage->is_lost);
    lineage->is_lost = false;
    lineage->is_mute = false;
    if (lineage->is_unsure)
        trace(cluster, LOG_LEVEL_NOTICE, "serving slots: %s", why);
    else
        trace(cluster, LOG_LEVEL_WARNING, "serving slots with what data there are: %s", why);
    lineage->is_unsure = false;
    record(cluster);
    lease_restart(cluster); /* voters saw us paused */
    cluster_changed(cluster);
}

/* What the walk over my replicas found. */
struct heirs {
    unsigned known;
    unsigned unheard;  /* not connected, or silent in this run */
    unsigned classic;  /* Valkey replicas that have more than I */
    struct peer *best; /* the Eir replica that has most, more than I */
};

static bool is_heard(const struct peer *replica)
{
    return peer_is_connected(replica) && peer_is_healthy(replica) && replica->answered_ms > 0;
}

/* A primary of my shard without slots: I took them over and died before I could record that it
 * follows me, or it was dead itself and has not come back yet. It has data. Once heard it must
 * become my replica soon; while it is not heard it counts as any replica that is away. */
static bool is_deposed_primary(const struct cluster *cluster, const struct peer *peer)
{
    if (peer == cluster->me || !peer_is_primary(peer) || peer->slot_count > 0) return false;
    if (!peers_share_shard(peer, cluster->me) || peer->flags & NODE_HANDSHAKE) return false;
    return !is_heard(peer) || cluster->now_ms - cluster->lineage.lost_ms < UNSURE_MS;
}

static struct heirs find_heirs(const struct cluster *cluster)
{
    struct heirs heirs = { 0 };
    const struct lineage *lineage = &cluster->lineage;
    bool is_stale = cluster->now_ms - lineage->asked_ms >= ASK_MS;
    PEERS_EACH(cluster, peer)
    {
        if (is_deposed_primary(cluster, peer)) {
            heirs.known++;
            heirs.unheard++;
        }
        if (peer->primary != cluster->me) continue;
        heirs.known++;
        if (!is_heard(peer)) heirs.unheard++;
        if (!is_heard(peer) || peer->offset <= cluster->facts.offset) continue;
        if (!peer->is_eir) heirs.classic++;
        if (!peer->is_eir) continue;
        /* Who was asked in vain stands behind the others. */
        bool was_asked = is_stale && node_id_equal(&peer->id, &lineage->asked);
        if (heirs.best == NULL)
            heirs.best = peer;
        else if (!was_asked && peer->offset > heirs.best->offset)
            heirs.best = peer;
        else if (node_id_equal(&heirs.best->id, &lineage->asked) && is_stale)
            heirs.best = peer;
    }
    ensure(heirs.unheard <= heirs.known);
    return heirs;
}

static void ask(struct cluster *cluster, struct peer *replica)
{
    struct lineage *lineage = &cluster->lineage;
    struct eir_offset request = { .primary = cluster->me->id, .offset = cluster->facts.offset };
    struct buffer payload;
    ensure(replica->primary == cluster->me);
    lineage->asked = replica->id;
    lineage->asked_ms = cluster->now_ms;
    trace(cluster, LOG_LEVEL_NOTICE, "asking " ID_FORMAT " to take over at offset %llu",
          ID_TEXT(replica->id), (unsigned long long)replica->offset);
    buffer_init(&payload);
    eir_offset_write(&request, &payload);
    send_eir(cluster, replica, EIR_LINEAGE, buffer_bytes(&payload));
    buffer_fini(&payload);
}

static void look_for_heir(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    struct heirs heirs = find_heirs(cluster);
    ensure(lineage->is_lost);
    if (heirs.known == 0) {
        serve_again(cluster, "it has no replicas");
        return;
    }
    if (heirs.best == NULL && heirs.classic == 0 && heirs.unheard == 0) {
        serve_again(cluster, "no replica has more");
        return;
    }
    bool is_tired = lineage->is_unsure && cluster->now_ms - lineage->lost_ms >= UNSURE_MS;
    if (is_tired && heirs.best == NULL && heirs.classic == 0) {
        serve_again(cluster, "no replica that is heard has more");
        return;
    }
    cluster_deadline_set(cluster, DEADLINE_LINEAGE,
                         cluster->now_ms + (lineage->is_unsure ? LOOK_UNSURE_MS : LOOK_MS));
    bool may_ask = cluster->now_ms - lineage->asked_ms >= ASK_MS;
    if (heirs.best != NULL) {
        if (may_ask) ask(cluster, heirs.best);
        return;
    }
    bool is_late = cluster->now_ms - lineage->lost_ms >= MUTE_MS;
    if (heirs.classic == 0 || !is_late || lineage->is_mute) return;
    lineage->is_mute = true;
    trace(cluster, LOG_LEVEL_WARNING,
          "only Valkey replicas have the data: silent until one "
          "of them takes over");
}

static void begin_loss(struct cluster *cluster, bool is_unsure)
{
    struct lineage *lineage = &cluster->lineage;
    ensure(!lineage->is_lost);
    lineage->is_unsure = is_unsure;
    lineage->is_lost = true;
    lineage->lost_ms = cluster->now_ms;
    lineage->asked_ms = cluster->now_ms - ASK_MS;
}

static void check(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    struct lineage_record data = data_at_hand(cluster);
    enum lineage_verdict verdict = lineage_judge(&lineage->record, &data);
    ensure(!lineage->is_checked);
    lineage->is_checked = true;
    cluster_changed(cluster);
    if (!peer_is_voter(cluster->me)) return; /* a replica syncs; who owns nothing loses nothing */
    if (cluster->options.plant == PLANT_EMPTY_RESTART_ALLOWED) return;
    begin_loss(cluster, !cluster->facts.lost_lineage && verdict == LINEAGE_INTACT);
    if (!lineage->is_unsure)
        trace(cluster, LOG_LEVEL_WARNING, "data are missing: offset %llu, %s, recorded was %llu",
              (unsigned long long)data.offset, data.has_keys ? "some keys" : "no keys",
              (unsigned long long)lineage->record.offset);
    look_for_heir(cluster);
}

/* --- hooks --- */

void lineage_init(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    struct lineage_record kept = lineage->record;
    *lineage = (struct lineage){ .record = kept };
    /* Even without a record: the first writes may be on the replicas and nowhere else. */
    lineage->is_checked = !peer_is_voter(cluster->me) || cluster->options.is_classic;
    lineage->recorded_ms = cluster->now_ms - WRONG_MS; /* the first keys are recorded at once */
    ensure(!lineage->is_lost);
}

void lineage_on_facts(struct cluster *cluster, const struct cluster_facts *before)
{
    ensure(before != NULL);
    if (cluster->options.is_classic) return;
    if (!cluster->lineage.is_checked && !cluster->facts.is_loading) check(cluster);
    keep_record(cluster);
}

void lineage_on_deadline(struct cluster *cluster)
{
    ensure(cluster->lineage.is_checked);
    if (cluster->lineage.is_lost) look_for_heir(cluster);
    keep_record(cluster);
}

/* My primary has lost its data and asks me, who has more, to take over. */
void lineage_on_eir(struct cluster *cluster, struct peer *sender,
                    const struct cluster_message *message)
{
    struct eir_offset request;
    ensure(message->type == MESSAGE_EIR);
    if (message->eir_type != EIR_LINEAGE) return;
    if (eir_offset_read(message->payload, &request)) return;
    if (sender != cluster->me->primary || !node_id_equal(&request.primary, &sender->id)) return;
    /* Without keys it may still be what was written last: everything was deleted. */
    bool has_data = cluster->facts.has_keys || cluster->facts.has_synced;
    if (cluster->facts.offset <= request.offset || !has_data) return;
    if (election_is_standing(cluster)) return;
    trace(cluster, LOG_LEVEL_WARNING, "my primary lost its data (offset %llu, mine is %llu)",
          (unsigned long long)request.offset, (unsigned long long)cluster->facts.offset);
    election_start_manual(cluster, ELECTION_FORCED,
                          cluster->now_ms + cluster->options.manual_failover_timeout_ms);
}

void lineage_on_role_changed(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    ensure(cluster->me != NULL);
    if (lineage->is_lost && peer_is_voter(cluster->me)) return;
    if (lineage->is_lost) {
        trace(cluster, LOG_LEVEL_NOTICE, "the data of my slots are in good hands");
        cluster_changed(cluster);
    }
    lineage->is_lost = false;
    lineage->is_unsure = false;
    lineage->is_mute = false;
    lineage->is_checked = true;
    /* What was recorded was an owner's. A replica's data are its primary's: the next facts tell. */
    if (cluster->facts.is_loading)
        lineage->record = (struct lineage_record){ 0 };
    else
        record(cluster);
}

void lineage_on_slots_restored(struct cluster *cluster)
{
    struct lineage *lineage = &cluster->lineage;
    if (cluster->options.is_classic || lineage->is_lost || !peer_is_voter(cluster->me)) return;
    ensure(lineage->is_checked); /* nothing was to be checked: it owned no slots */
    begin_loss(cluster, false);
    cluster_changed(cluster);
    look_for_heir(cluster);
}

void lineage_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    if (cluster->lineage.is_lost) {
        cluster_deadline_set(cluster, DEADLINE_LINEAGE, cluster->now_ms + 1);
    }
}

void lineage_on_serve_empty(struct cluster *cluster, struct cluster_answer *answer)
{
    ensure(answer != NULL);
    *answer = (struct cluster_answer){ .text = "OK" };
    if (!cluster->lineage.is_lost) {
        *answer = (struct cluster_answer){ .is_error = true,
                                           .text = "ERR This node serves its slots already" };
        return;
    }
    serve_again(cluster, "by order");
}

bool lineage_serves(const struct cluster *cluster, const char **why_not)
{
    const struct lineage *lineage = &cluster->lineage;
    ensure(why_not != NULL);
    if (lineage->is_lost)
        *why_not = lineage->is_unsure ? why_unsure : why_lost;
    else if (!lineage->is_checked && peer_is_voter(cluster->me))
        *why_not = why_unchecked;
    else
        return true;
    return false;
}

/* --- nodes.conf --- */

void lineage_write_record(const struct cluster *cluster, struct buffer *into)
{
    const struct lineage_record *record = &cluster->lineage.record;
    if (!record->has_keys && record->offset == 0) return;
    char id[40];
    memset(id, '0', sizeof(id));
    if (!id_is_none(record->replication_id)) memcpy(id, record->replication_id, sizeof(id));
    ensure(id[0] != 0);
    buffer_printf(into, "%.40s:%llu:%d", id, (unsigned long long)record->offset,
                  record->has_keys ? 1 : 0);
}

bool lineage_read_record(struct cluster *cluster, struct bytes text)
{
    struct lineage_record *record = &cluster->lineage.record;
    struct node_id id;
    ensure(!record->has_keys);
    if (text.size < 44 || text.data[40] != ':' || text.data[text.size - 2] != ':') return false;
    if (!node_id_parse(bytes_of(text.data, 40), &id)) return false;
    struct bytes offset = bytes_of(text.data + 41, text.size - 43);
    if (!number_parse_unsigned(offset, &record->offset)) return false;
    char has_keys = text.data[text.size - 1];
    if (has_keys != '0' && has_keys != '1') return false;
    memcpy(record->replication_id, id.hex, 40);
    record->has_keys = has_keys == '1';
    return true;
}
