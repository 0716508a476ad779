/* Voting: when this node, as a primary, lends its voice to a replica that asks to take over.
 *
 * A vote is a promise about an epoch. It must be on disk before the answer leaves (see
 * cluster_save_first), or a restart could make us promise twice.
 *
 * It is also the end of a promise: who has voted against a primary promises it nothing while that
 * election may win (lease.c), or the old primary could renew its lease while the new one starts.
 * Time alone does not prove that an election has lost, because the winner may be cut off from us.
 * The candidate itself does: a PONG to a PING that we sent after the vote, from a replica that
 * does not stand any more, or a primary without slots. Until then the vote stays on the list of
 * casts, on disk too. A Valkey candidate says less, so there the classic time-outs decide, and the
 * guarantee is the classic one.
 *
 * A voter can be replaced in the middle of all this, and then two nodes speak for one shard. Four
 * rules keep that from adding up to two owners. Who votes holds a lease itself (VOTE_NOT_CURRENT):
 * nobody has replaced it unheard. A paused primary votes for its own successor alone. A successor
 * keeps its predecessor's promises: it votes against nobody for a node timeout, unless released
 * (as after a restart). And it keeps its predecessor's casts: each voter tells the candidate which
 * of its own may still win (EIR_CASTS, in front of the vote). Any two quorums share a voter, so
 * the successor hears of every election that may have been won before its own. */
#include "base/number.h"
#include "cluster/internal.h"

#define PARKED_MS    500 /* evidence that comes later than this belongs to another attempt */
#define PROOF_EARLY_MS 100
#define PROOF_LATE_MS  1000 /* between PINGs for a proof: see proof_period_ms */
#define STANDING_MS  500 /* an Eir candidate's attempt is over by then, see election.c */

const char *vote_text(enum vote vote)
{
    static const char *const texts[VOTE_COUNT] = {
        [VOTE_GRANTED] = "granted",
        [VOTE_NOT_A_VOTER] = "not a voter",
        [VOTE_EPOCH_STALE] = "epoch is stale",
        [VOTE_ALREADY_CAST] = "vote of this epoch already cast",
        [VOTE_NOT_A_REPLICA] = "not a replica of a known primary",
        [VOTE_SLOTS_NEWER] = "a slot has a newer owner",
        [VOTE_PRIMARY_ALIVE] = "its primary is alive",
        [VOTE_PROMISED] = "its primary holds a promise",
        [VOTE_NO_LINK] = "no link to answer on",
        [VOTE_NOT_CURRENT] = "no lease of my own",
    };
    return vote < VOTE_COUNT ? texts[vote] : "unknown reason";
}

enum vote vote_decide(const struct voter *voter, const struct vote_request *request)
{
    ensure(voter->epoch_voted <= voter->epoch_current);
    ensure(request->epoch <= voter->epoch_current); /* its header was applied */

    if (!voter->is_voter) return VOTE_NOT_A_VOTER;
    if (request->epoch < voter->epoch_current) return VOTE_EPOCH_STALE;
    if (request->epoch == voter->epoch_voted) return VOTE_ALREADY_CAST;
    if (!request->is_replica) return VOTE_NOT_A_REPLICA;
    if (request->has_newer_owner) return VOTE_SLOTS_NEWER;
    if (!request->primary_failed && !request->is_forced) return VOTE_PRIMARY_ALIVE;
    if (request->is_promised && !request->is_released) return VOTE_PROMISED;
    if (!request->is_connected) return VOTE_NO_LINK;
    if (!voter->is_current && !request->is_my_replica) return VOTE_NOT_CURRENT;
    return VOTE_GRANTED;
}

bool vote_may_change(enum vote vote)
{
    ensure(vote < VOTE_COUNT);
    return vote == VOTE_PRIMARY_ALIVE || vote == VOTE_PROMISED || vote == VOTE_NO_LINK ||
           vote == VOTE_NOT_CURRENT;
}

/* --- casts: votes that may still win --- */

static bool is_opposed(const struct cluster *cluster, const struct peer *primary)
{
    for (uint32_t i = 0; i < cluster->voting.cast_count; i++) {
        if (node_id_equal(&cluster->voting.casts[i].primary, &primary->id)) return true;
    }
    return false;
}

static void casts_changed(struct cluster *cluster)
{
    PEERS_EACH(cluster, peer) peer->lease.is_opposed = is_opposed(cluster, peer);
    ensure(cluster->voting.cast_count == 0 || cluster->voting.casts != NULL);
}

static void cast_remove(struct cluster *cluster, uint32_t index)
{
    struct voting *voting = &cluster->voting;
    ensure(index < voting->cast_count);
    voting->casts[index] = voting->casts[--voting->cast_count];
    cluster_save_later(cluster);
    casts_changed(cluster);
}

static void cast_add(struct cluster *cluster, const struct node_id *candidate,
                     const struct node_id *primary, uint64_t epoch)
{
    struct voting *voting = &cluster->voting;
    uint32_t index = 0;
    /* A candidate that asks again has given its older attempt up: acks of that count no more. */
    while (index < voting->cast_count &&
           !node_id_equal(&voting->casts[index].candidate, candidate)) {
        index++;
    }
    if (index == voting->cast_count) {
        voting->cast_count++;
        voting->casts = memory_realloc(voting->casts,
                                       voting->cast_count * sizeof(*voting->casts));
    }
    voting->casts[index] = (struct vote_cast){ .candidate = *candidate, .primary = *primary,
                                               .epoch = epoch, .cast_ms = cluster->now_ms,
                                               .asked_ms = cluster->now_ms };
    casts_changed(cluster);
}

/* How long a Valkey candidate counts votes (spec 15). */
static time_ms classic_attempt_ms(const struct cluster *cluster)
{
    return MAX(2 * cluster->options.node_timeout_ms, 2000);
}

/* The election of this cast has lost for certain, or who wins no longer matters to anybody. */
static bool cast_is_over(const struct cluster *cluster, const struct vote_cast *cast)
{
    const struct peer *candidate = peers_find(cluster, &cast->candidate);
    const struct peer *primary = peers_find(cluster, &cast->primary);
    if (candidate == NULL || primary == NULL) return true; /* forgotten by an operator */
    if (candidate == cluster->me) return true; /* a file of somebody else: never my own vote */
    if (!peer_is_voter(primary)) return true; /* nothing left that could be promised */
    if (candidate->election.quiet_ms > cast->cast_ms) return true;
    if (candidate->is_eir || !peer_is_replica(candidate)) return false;

    /* A Valkey candidate, or one that has not spoken in this run. What it said may have been on
     * its way for a node timeout, then the link would have been dropped. */
    time_ms over_ms = cast->cast_ms + classic_attempt_ms(cluster) +
                      2 * cluster->options.node_timeout_ms;
    return candidate->incarnation == 0 && cluster->now_ms > over_ms &&
           candidate->pong_received_ms > over_ms;
}

static time_ms proof_period_ms(const struct cluster *cluster, const struct vote_cast *cast)
{
    /* Often while it matters; seldom once the candidate seems to be gone. */
    bool is_young = cluster->now_ms - cast->cast_ms < 10 * PROOF_LATE_MS;
    return is_young ? PROOF_EARLY_MS : PROOF_LATE_MS;
}

/* Asks the candidate for a proof, now and then: never once for each of its answers. */
static time_ms cast_pursue(struct cluster *cluster, struct vote_cast *cast)
{
    struct peer *candidate = peers_find(cluster, &cast->candidate);
    time_ms due_ms = cast->asked_ms + proof_period_ms(cluster, cast);
    ensure(candidate != NULL && candidate != cluster->me);
    if (due_ms > cluster->now_ms) return due_ms;
    cast->asked_ms = cluster->now_ms;
    if (peer_is_connected(candidate)) peer_ping_soon(cluster, candidate);
    return cluster->now_ms + proof_period_ms(cluster, cast);
}

static time_ms casts_review(struct cluster *cluster)
{
    struct voting *voting = &cluster->voting;
    time_ms due_ms = TIME_NEVER;
    for (uint32_t i = voting->cast_count; i > 0; i--) {
        struct vote_cast *cast = &voting->casts[i - 1];
        if (cast_is_over(cluster, cast)) cast_remove(cluster, i - 1);
        else due_ms = MIN(due_ms, cast_pursue(cluster, cast));
    }
    ensure(voting->cast_count == 0 || due_ms < TIME_NEVER);
    return due_ms;
}

/* --- requests --- */

static bool has_newer_owner(const struct cluster *cluster, const struct cluster_message *message)
{
    unsigned slot = 0;
    unsigned first;
    unsigned last;
    const struct slot_set *slots = slot_map_set(message->slots);
    ensure(message->type == MESSAGE_AUTH_REQUEST);
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        for (unsigned at = first; at <= last; at++) {
            const struct peer *owner = slot_owner(cluster, at);
            if (owner == NULL || slot_set_has(&cluster->unclaimed, at)) continue;
            if (owner->config_epoch > message->config_epoch) return true;
        }
    }
    return false;
}

/* I promised the primary, or an earlier run of mine may have. My own writes are a promise to
 * myself. */
static bool is_promised(const struct cluster *cluster, const struct peer *primary)
{
    if (cluster->options.is_classic) return false;
    if (primary == cluster->me) return true;
    const struct voting *voting = &cluster->voting;
    time_ms past_ms = voting->started_ms + cluster->options.node_timeout_ms;
    if (voting->had_past && cluster->now_ms < past_ms) return true;
    return lease_is_promised(cluster, primary);
}

static struct vote_request request_facts(const struct cluster *cluster,
                                         const struct peer *candidate,
                                         const struct cluster_message *message)
{
    struct vote_request facts = { .epoch = message->current_epoch,
                                  .is_connected = peer_is_connected(candidate) };
    const struct peer *primary = candidate->primary;
    facts.is_replica = peer_is_replica(candidate) && primary != NULL;
    if (!facts.is_replica) return facts;
    facts.has_newer_owner = has_newer_owner(cluster, message);

    bool is_me = primary == cluster->me;
    facts.is_my_replica = is_me;
    bool is_paused = is_me ? manual_is_paused(cluster) : primary->lease.is_paused;
    bool is_hard = !is_me && failure_is_hard(primary);
    bool speaks_eir = message->eir.is_present && !cluster->options.is_classic;
    bool has_force = (message->message_flags & MESSAGE_FORCEACK) != 0;
    facts.primary_failed = !is_me && peer_is_failed(primary);
    /* A Valkey replica forces every election, but shows in its flags whether it holds its primary
     * for failed. If it does not, an operator has sent it. An Eir one says what it stands on. */
    bool is_ordered = speaks_eir ? (message->eir.flags & EIR_FORCED) != 0
                                 : has_force && !(message->flags & NODE_PRIMARY_FAILED);
    facts.is_forced = has_force && (!speaks_eir || is_ordered || is_paused);
    facts.is_promised = is_promised(cluster, primary);
    facts.is_released = is_hard || is_paused || is_ordered;
    return facts;
}

static enum vote decide(struct cluster *cluster, const struct peer *candidate,
                        const struct cluster_message *message)
{
    ensure(candidate != cluster->me);
    bool is_leaving = cluster->manual.state == MANUAL_PAUSED;
    bool is_current = cluster->options.is_classic || (lease_holds(cluster) && !is_leaving);
    struct voter voter = { .is_voter = peer_is_voter(cluster->me),
                           .is_current = is_current,
                           .epoch_current = cluster->current_epoch,
                           .epoch_voted = cluster->last_vote_epoch };
    struct vote_request facts = request_facts(cluster, candidate, message);
    return vote_decide(&voter, &facts);
}

/* What I have cast and what may still win, but for the candidate's own shard. */
static void tell_casts(struct cluster *cluster, struct peer *candidate)
{
    const struct voting *voting = &cluster->voting;
    struct eir_cast casts[EIR_CASTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < voting->cast_count && count < EIR_CASTS_MAX; i++) {
        const struct vote_cast *cast = &voting->casts[i];
        if (node_id_equal(&cast->primary, &candidate->primary->id)) continue;
        casts[count++] = (struct eir_cast){ cast->candidate, cast->primary, cast->epoch };
    }
    ensure(count <= voting->cast_count);
    if (count == 0) return;
    struct buffer payload;
    buffer_init(&payload);
    eir_casts_write(casts, count, &payload);
    send_eir(cluster, candidate, EIR_CASTS, buffer_bytes(&payload));
    buffer_fini(&payload);
}

static void grant(struct cluster *cluster, struct peer *candidate, uint64_t epoch)
{
    ensure(epoch == cluster->current_epoch);
    ensure(epoch > cluster->last_vote_epoch);
    struct peer *primary = candidate->primary;
    bool is_classic = !candidate->is_eir;
    tell_casts(cluster, candidate); /* in front of the vote, on the same link */
    cluster->last_vote_epoch = epoch;
    cast_add(cluster, &candidate->id, &primary->id, epoch);
    primary->voted_against_until_ms =
        cluster->now_ms + (is_classic ? classic_attempt_ms(cluster) : STANDING_MS);
    if (cluster->options.plant != PLANT_VOTE_NOT_SYNCED) cluster_save_first(cluster);
    send_to_peer(cluster, candidate, message_start(cluster, MESSAGE_AUTH_ACK));
    trace(cluster, LOG_LEVEL_NOTICE, "vote for " ID_FORMAT " in epoch %llu",
          ID_TEXT(candidate->id), (unsigned long long)epoch);
}

static void refuse(struct cluster *cluster, struct peer *candidate, uint64_t epoch,
                   enum vote reason)
{
    ensure(reason != VOTE_GRANTED);
    trace(cluster, LOG_LEVEL_NOTICE, "no vote for " ID_FORMAT " in epoch %llu: %s",
          ID_TEXT(candidate->id), (unsigned long long)epoch, vote_text(reason));
    if (!candidate->is_eir) return;

    struct eir_nack nack = { .epoch = epoch, .reason = (uint8_t)reason };
    if (reason == VOTE_PROMISED && candidate->primary != NULL) {
        time_ms wait_ms = candidate->primary->lease.promised_until_ms - cluster->now_ms;
        nack.wait_ms = wait_ms > 0 ? (uint32_t)MIN(wait_ms, 60000) : 0;
    }
    struct buffer payload;
    buffer_init(&payload);
    eir_nack_write(&nack, &payload);
    send_eir(cluster, candidate, EIR_NACK, buffer_bytes(&payload));
    buffer_fini(&payload);
}

/* --- parked requests --- */

static void parked_remove(struct voting *voting, uint32_t index)
{
    ensure(index < voting->parked_count);
    message_destroy(voting->parked[index].message);
    voting->parked[index] = voting->parked[--voting->parked_count];
}

static void parked_put(struct cluster *cluster, const struct peer *candidate,
                       const struct cluster_message *message)
{
    struct voting *voting = &cluster->voting;
    voting->parked_count++;
    voting->parked = memory_realloc(voting->parked,
                                    voting->parked_count * sizeof(*voting->parked));
    voting->parked[voting->parked_count - 1] = (struct vote_parked){
        .candidate = candidate->id,
        .message = message_clone(message),
        .until_ms = cluster->now_ms + PARKED_MS,
    };
    ensure(voting->parked_count <= cluster->peer_count); /* one for each candidate */
}

/* True when the request is answered. */
static bool parked_settle(struct cluster *cluster, const struct vote_parked *parked)
{
    struct peer *candidate = peers_find(cluster, &parked->candidate);
    if (candidate == NULL) return true;
    enum vote vote = decide(cluster, candidate, parked->message);
    if (vote == VOTE_GRANTED) {
        grant(cluster, candidate, parked->message->current_epoch);
        return true;
    }
    if (vote_may_change(vote) && cluster->now_ms < parked->until_ms) return false;
    refuse(cluster, candidate, parked->message->current_epoch, vote);
    return true;
}

/* When a promise to this candidate's primary ends: time alone may settle the request then. */
static time_ms parked_due_ms(const struct cluster *cluster, const struct vote_parked *parked)
{
    const struct peer *candidate = peers_find(cluster, &parked->candidate);
    ensure(parked->until_ms > 0);
    time_ms due_ms = parked->until_ms;
    if (candidate == NULL || candidate->primary == NULL) return due_ms;
    time_ms promised_ms = candidate->primary->lease.promised_until_ms;
    if (promised_ms > cluster->now_ms) due_ms = MIN(due_ms, promised_ms);
    time_ms past_ms = cluster->voting.started_ms + cluster->options.node_timeout_ms;
    if (past_ms > cluster->now_ms) due_ms = MIN(due_ms, past_ms);
    return due_ms;
}

static void review(struct cluster *cluster)
{
    struct voting *voting = &cluster->voting;
    for (uint32_t i = 0; i < voting->parked_count;) {
        if (parked_settle(cluster, &voting->parked[i])) parked_remove(voting, i);
        else i++;
    }
    time_ms due_ms = casts_review(cluster);
    for (uint32_t i = 0; i < voting->parked_count; i++) {
        due_ms = MIN(due_ms, parked_due_ms(cluster, &voting->parked[i]));
    }
    ensure(due_ms > cluster->now_ms);
    cluster_deadline_set(cluster, DEADLINE_VOTE, due_ms);
}

/* --- hooks --- */

void vote_init(struct cluster *cluster)
{
    struct voting *voting = &cluster->voting;
    voting->started_ms = cluster->now_ms;
    voting->had_past = cluster->current_epoch > 0;
    for (uint32_t i = 0; i < voting->cast_count; i++) {
        ensure(voting->casts[i].epoch > 0);
        voting->casts[i].cast_ms = cluster->now_ms;
        voting->casts[i].asked_ms = cluster->now_ms;
    }
    casts_changed(cluster);
    if (voting->cast_count > 0) {
        cluster_deadline_set(cluster, DEADLINE_VOTE, cluster->now_ms + PROOF_EARLY_MS);
    }
}

void vote_fini(struct cluster *cluster)
{
    struct voting *voting = &cluster->voting;
    while (voting->parked_count > 0) parked_remove(voting, 0);
    memory_free(voting->parked);
    memory_free(voting->casts);
    memory_free(voting->offered);
    *voting = (struct voting){ 0 };
}

void vote_on_request(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message)
{
    ensure(message->type == MESSAGE_AUTH_REQUEST);
    struct voting *voting = &cluster->voting;
    for (uint32_t i = 0; i < voting->parked_count; i++) {
        if (!node_id_equal(&voting->parked[i].candidate, &sender->id)) continue;
        parked_remove(voting, i); /* its older request is given up */
        break;
    }
    if (!peer_is_voter(cluster->me)) return; /* it asks everybody; only voters answer */
    if (message->current_epoch > cluster->current_epoch) return; /* header not applied: stranger */
    enum vote vote = decide(cluster, sender, message);
    if (vote == VOTE_GRANTED) grant(cluster, sender, message->current_epoch);
    else if (vote_may_change(vote) && !cluster->options.is_classic) {
        parked_put(cluster, sender, message);
    } else {
        refuse(cluster, sender, message->current_epoch, vote);
    }
    review(cluster);
}

static void note_proof(struct peer *sender, const struct cluster_message *message)
{
    bool is_answer = message->type == MESSAGE_PONG && message->eir.is_present;
    if (!is_answer || message->eir.echo == 0) return;
    if (message->eir.flags & EIR_STANDING) return;
    /* A primary stands for nobody. One that shows no slots has won none, or lost them again. */
    bool is_quiet = (message->flags & NODE_REPLICA) || message->slots == NULL;
    if (!is_quiet) return;
    for (size_t i = 0; i < COUNT_OF(sender->pings); i++) {
        const struct ping_record *ping = &sender->pings[i];
        ensure(ping->sequence == 0 || ping->sent_ms > 0);
        if (ping->sequence != message->eir.echo) continue;
        sender->election.quiet_ms = MAX(sender->election.quiet_ms, ping->sent_ms);
    }
}

void vote_on_header(struct cluster *cluster, struct peer *sender,
                    const struct cluster_message *message)
{
    ensure(sender != cluster->me);
    if (message->type != MESSAGE_AUTH_REQUEST && message->type != MESSAGE_AUTH_ACK) {
        sender->lease.is_paused = (message->message_flags & MESSAGE_PAUSED) != 0;
    }
    note_proof(sender, message);
    if (cluster->voting.parked_count + cluster->voting.cast_count > 0) review(cluster);
}

void vote_on_eir(struct cluster *cluster, struct peer *sender,
                 const struct cluster_message *message)
{
    struct voting *voting = &cluster->voting;
    struct eir_cast *casts;
    uint32_t count;
    ensure(message->type == MESSAGE_EIR);
    if (message->eir_type != EIR_CASTS || !peer_is_voter(sender)) return;
    if (!election_is_standing(cluster)) return;
    if (eir_casts_read(message->payload, &casts, &count)) return;
    if (voting->offered_epoch != cluster->election.epoch) voting->offered_count = 0;
    voting->offered_epoch = cluster->election.epoch;
    uint32_t room = voting->offered_count + count;
    voting->offered = memory_realloc(voting->offered, MAX(room, 1) * sizeof(*voting->offered));
    if (count > 0) {
        memcpy(voting->offered + voting->offered_count, casts, count * sizeof(*casts));
    }
    voting->offered_count = room;
    memory_free(casts);
}

void vote_inherit(struct cluster *cluster, uint64_t epoch)
{
    struct voting *voting = &cluster->voting;
    ensure(epoch > 0);
    bool is_mine = voting->offered_epoch == epoch;
    for (uint32_t i = 0; is_mine && i < voting->offered_count; i++) {
        const struct eir_cast *cast = &voting->offered[i];
        if (node_id_equal(&cast->candidate, &cluster->me->id)) continue;
        if (node_id_equal(&cast->primary, &cluster->me->id)) continue;
        cast_add(cluster, &cast->candidate, &cast->primary, cast->epoch);
    }
    voting->offered_count = 0;
    if (voting->cast_count == 0) return;
    cluster_deadline_set(cluster, DEADLINE_VOTE, cluster->now_ms + PROOF_EARLY_MS);
}

void vote_on_role_changed(struct cluster *cluster)
{
    struct voting *voting = &cluster->voting;
    ensure(cluster->me != NULL);
    if (!peer_is_voter(cluster->me)) return;
    /* Whom my predecessor promised something, I do not know. */
    voting->started_ms = cluster->now_ms;
    voting->had_past = true;
}

void vote_on_peer_failed(struct cluster *cluster, struct peer *failed)
{
    ensure(failed != cluster->me);
    if (cluster->voting.parked_count > 0) review(cluster);
}

void vote_on_deadline(struct cluster *cluster)
{
    review(cluster);
    ensure(!cluster->options.is_classic || cluster->voting.parked_count == 0);
}

void vote_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    struct voting *voting = &cluster->voting;
    for (uint32_t i = voting->parked_count; i > 0; i--) {
        bool is_its = node_id_equal(&voting->parked[i - 1].candidate, &peer->id);
        if (is_its) parked_remove(voting, i - 1);
    }
    for (uint32_t i = voting->cast_count; i > 0; i--) {
        const struct vote_cast *cast = &voting->casts[i - 1];
        bool is_of_it = node_id_equal(&cast->candidate, &peer->id) ||
                        node_id_equal(&cast->primary, &peer->id);
        if (is_of_it) cast_remove(cluster, i - 1);
    }
    ensure(voting->parked_count < cluster->peer_count + 1);
}

/* --- nodes.conf --- */

void vote_write_casts(const struct cluster *cluster, struct buffer *into)
{
    const struct voting *voting = &cluster->voting;
    for (uint32_t i = 0; i < voting->cast_count; i++) {
        const struct vote_cast *cast = &voting->casts[i];
        ensure(!node_id_is_none(&cast->candidate));
        buffer_printf(into, "%s%llu:" ID_FORMAT ":" ID_FORMAT, i > 0 ? "," : "",
                      (unsigned long long)cast->epoch, ID_TEXT(cast->candidate),
                      ID_TEXT(cast->primary));
    }
}

static bool read_cast(struct bytes text, struct vote_cast *cast)
{
    ptrdiff_t colon = bytes_index_of(text, ':');
    if (colon < 0 || text.size != (size_t)colon + 2 + 2 * NODE_ID_SIZE) return false;
    if (!number_parse_unsigned(bytes_of(text.data, (size_t)colon), &cast->epoch)) return false;
    struct bytes ids = bytes_from(text, (size_t)colon + 1);
    return node_id_parse(bytes_of(ids.data, NODE_ID_SIZE), &cast->candidate) &&
           ids.data[NODE_ID_SIZE] == ':' &&
           node_id_parse(bytes_from(ids, NODE_ID_SIZE + 1), &cast->primary);
}

bool vote_read_casts(struct cluster *cluster, struct bytes text)
{
    struct voting *voting = &cluster->voting;
    ensure(voting->cast_count == 0);
    while (text.size > 0) {
        ptrdiff_t comma = bytes_index_of(text, ',');
        struct bytes part = comma < 0 ? text : bytes_of(text.data, (size_t)comma);
        text = comma < 0 ? BYTES_EMPTY : bytes_from(text, (size_t)comma + 1);
        struct vote_cast cast = { 0 };
        if (!read_cast(part, &cast)) return false;
        voting->cast_count++;
        voting->casts = memory_realloc(voting->casts,
                                       voting->cast_count * sizeof(*voting->casts));
        voting->casts[voting->cast_count - 1] = cast;
    }
    return true;
}
