/* Election: a replica stands for its failed primary.
 *
 * Between Eir nodes the order of candidates follows from what they hold, not from clocks: after
 * FAIL each replica applies what its dead primary still sent (DRAINING, to the end of the stream,
 * at most 200 ms), tells its siblings where it ended (COLLECTING, until all live ones have told,
 * at most 100 ms), and then everybody knows who is best. That one stands at once; the others wait
 * by rank (WAITING), long enough for the better ones to win.
 *
 * One vote an epoch covers all shards, so elections of several shards can collide. A candidate
 * that cannot win any more, or has no quorum after 200 ms, tries again after 20-100 ms with
 * (highest epoch seen) + 1 + (rank of its failed primary), so that the next round does not
 * collide again. When that goes on, the pauses double up to a second: a partition must not make
 * epochs run away. A worse sibling that hears a better one ask counts that as an attempt of its
 * own and waits for its turn anew, as long as promises of voters may be what keeps the better one
 * from winning: a node timeout, anew when a voter restarts. Else pauses that doubled at different
 * times would turn the order of siblings round, and the first vote that is free would go to
 * whoever happens to ask.
 *
 * Where Valkey voters are needed for a quorum the classic delays and time-outs hold (spec 15),
 * because those voters need their own time to see the failure.
 *
 * Nothing here is written to disk but epochs: the epoch asked for is durable before the first
 * AUTH_REQUEST (cluster_save_first), the new config epoch with its slots before the first packet
 * or write that shows it (role_promote). */
#include "cluster/internal.h"

#define DRAIN_MS         200
#define COLLECT_MS       100
#define ATTEMPT_MS       200 /* a quorum that answers at all answers sooner */
#define RANK_STEP_MS     250 /* one attempt of a better sibling, with some air */
#define COLLISION_STEP_MS 20 /* per failed shard before mine, when several died together */
#define RETRY_LOW_MS     20
#define RETRY_HIGH_MS    100
#define RETRY_MAX_MS     1000
#define REVIEW_MS        50 /* looks again whether there is a quorum */
#define REVIEW_SLOW_MS   500 /* ... and whether I may stand at all */

static const unsigned state_may_become[ELECTION_STATE_COUNT] = {
    [ELECTION_IDLE] = 1u << ELECTION_IDLE | 1u << ELECTION_DRAINING | 1u << ELECTION_WAITING |
                      1u << ELECTION_STANDING,
    [ELECTION_DRAINING] = 1u << ELECTION_IDLE | 1u << ELECTION_COLLECTING |
                          1u << ELECTION_WAITING | 1u << ELECTION_STANDING,
    [ELECTION_COLLECTING] = 1u << ELECTION_IDLE | 1u << ELECTION_WAITING | 1u << ELECTION_STANDING,
    [ELECTION_WAITING] = 1u << ELECTION_IDLE | 1u << ELECTION_WAITING | 1u << ELECTION_STANDING,
    [ELECTION_STANDING] = 1u << ELECTION_IDLE | 1u << ELECTION_WAITING | 1u << ELECTION_STANDING,
};

static void move_to(struct cluster *cluster, enum election_state state, time_ms due_ms)
{
    struct election *election = &cluster->election;
    ensure(state_may_become[election->state] & 1u << state);
    if (state != ELECTION_STANDING) election->epoch = 0; /* its votes count no more */
    if (state != ELECTION_IDLE) due_ms = MIN(due_ms, election->until_ms);
    election->state = state;
    election->due_ms = due_ms;
    cluster_deadline_set(cluster, DEADLINE_ELECTION, due_ms);
}

/* --- who may stand --- */

const char *election_why_not(const struct candidate *candidate)
{
    ensure(candidate->age_ms >= 0);
    if (candidate->is_stopping) return "this node stops";
    if (candidate->is_forced) return NULL; /* who orders it knows what is left */
    if (!candidate->has_synced) return "no sync of this lineage was completed";
    if (candidate->is_manual) return NULL;
    if (candidate->has_nofailover) return "nofailover is set";
    if (candidate->age_max_ms == TIME_NEVER) return NULL;
    if (!candidate->has_age) return "the age of the data is unknown";
    return candidate->age_ms > candidate->age_max_ms ? "data too old" : NULL;
}

static const char *why_not(const struct cluster *cluster, enum election_kind kind)
{
    const struct cluster_options *options = &cluster->options;
    const struct cluster_facts *facts = &cluster->facts;
    struct candidate candidate = { .is_manual = kind != ELECTION_FAILURE,
                                   .is_forced = kind == ELECTION_FORCED,
                                   .has_nofailover = options->replica_no_failover,
                                   .is_stopping = facts->is_stopping,
                                   .has_synced = facts->has_synced,
                                   .has_age = facts->link_active_ms > 0,
                                   .age_max_ms = TIME_NEVER };
    candidate.age_ms = MAX(cluster->now_ms - facts->link_active_ms, 0);
    /* A primary is silent for a node timeout before it fails: that is not the replica's fault. */
    if (candidate.age_ms > options->node_timeout_ms) candidate.age_ms -= options->node_timeout_ms;
    if (options->replica_validity_factor > 0) {
        candidate.age_max_ms = options->repl_ping_period_ms +
                               options->node_timeout_ms * options->replica_validity_factor;
    }
    ensure(options->node_timeout_ms > 0);
    /* Back from a restart, before anybody told which slots it has: there is nothing to win yet, and
     * voters would oppose a primary that nobody replaces. */
    const struct peer *primary = cluster->me->primary;
    if (kind == ELECTION_FAILURE && primary != NULL && !peer_is_voter(primary))
        return "my primary owns no slots";
    return election_why_not(&candidate);
}

/* --- siblings and ranks --- */

static bool is_sibling(const struct cluster *cluster, const struct peer *peer)
{
    return peer != cluster->me && peer->primary != NULL && peer->primary == cluster->me->primary;
}

/* It can be waited for: it lives and would tell. */
static bool will_tell(const struct peer *peer)
{
    return peer->is_eir && (peer->eir_capabilities & EIR_CAN_ELECTION) &&
           peer_is_connected(peer) && peer_is_healthy(peer);
}

static bool is_better(const struct cluster *cluster, const struct peer *sibling)
{
    uint64_t mine = cluster->facts.offset;
    uint64_t theirs = sibling->election.has_final ? sibling->election.final_offset
                                                  : sibling->offset;
    if (theirs != mine) return theirs > mine;
    ensure(sibling != cluster->me);
    return node_id_compare(&sibling->id, &cluster->me->id) < 0;
}

static bool may_stand(const struct cluster *cluster, const struct peer *sibling)
{
    if (sibling->flags & NODE_NOFAILOVER) return false;
    if (cluster->options.is_classic || !sibling->is_eir) return true; /* spec: nofailover only */
    if (!peer_is_connected(sibling) || !peer_is_healthy(sibling)) return false;
    return sibling->election.has_final ? sibling->election.is_final_eligible
                                       : (sibling->eir_flags & EIR_ELIGIBLE) != 0;
}

static unsigned my_rank(const struct cluster *cluster)
{
    unsigned rank = 0;
    PEERS_EACH(cluster, peer) {
        if (is_sibling(cluster, peer) && may_stand(cluster, peer) && is_better(cluster, peer)) {
            rank++;
        }
    }
    ensure(rank < cluster->peer_count);
    return rank;
}

/* How many failed primaries with slots and replicas come before mine, in the order of shards. */
static unsigned primary_rank(const struct cluster *cluster)
{
    unsigned rank = 0;
    const struct cluster_options *options = &cluster->options;
    time_ms old_ms = options->node_timeout_ms * options->replica_validity_factor;
    VOTERS_EACH(cluster, peer) {
        if (!peer_is_voter(peer) || !peer_is_failed(peer) || peer->replica_count == 0) continue;
        if (peer == cluster->me->primary) continue;
        ensure(peer->failed_ms <= cluster->now_ms);
        if (old_ms > 0 && cluster->now_ms - peer->failed_ms > old_ms) continue;
        if (node_id_compare(&peer->shard_id, &cluster->me->shard_id) < 0) rank++;
    }
    return rank;
}

/* Valkey voters are needed: Eir ones that have not failed are too few for a quorum. */
static bool needs_classic_voters(const struct cluster *cluster)
{
    if (cluster->options.is_classic) return true;
    unsigned eir_voters = 0;
    unsigned classic_voters = 0;
    VOTERS_EACH(cluster, peer) {
        if (peer == cluster->me || !peer_is_voter(peer) || peer_is_failed(peer)) continue;
        if (peer->is_eir) eir_voters++;
        else classic_voters++;
    }
    ensure(eir_voters + classic_voters <= cluster->peer_count);
    return eir_voters < lease_quorum(cluster) && classic_voters > 0;
}

static time_ms classic_attempt_ms(const struct cluster *cluster)
{
    return MAX(2 * cluster->options.node_timeout_ms, 2000);
}

static bool all_see_the_failure(const struct cluster *cluster)
{
    PEERS_EACH(cluster, peer) {
        if (is_sibling(cluster, peer) && !(peer->flags & NODE_PRIMARY_FAILED)) return false;
    }
    ensure(cluster->me->primary != NULL);
    return true;
}

/* Spec 15: d + random(0..d) + rank x 2d + failed-primary rank x d, or none for the best ranked. */
static time_ms classic_delay_ms(struct cluster *cluster, unsigned rank, unsigned shard_rank)
{
    if (rank == 0 && shard_rank == 0 && all_see_the_failure(cluster)) return 0;
    time_ms unit_ms = MIN(cluster->options.node_timeout_ms / 30, 500);
    ensure(unit_ms >= 0);
    return unit_ms + (time_ms)prng_below(&cluster->prng, (uint64_t)unit_ms + 1) +
           2 * unit_ms * rank + unit_ms * shard_rank;
}

/* --- standing --- */

static void give_up(struct cluster *cluster)
{
    ensure(cluster->election.state != ELECTION_IDLE || cluster->election.epoch == 0);
    move_to(cluster, ELECTION_IDLE, TIME_NEVER);
}

/* The longest pause doubles from the sixth attempt on: 100 ms, 200, 400, ... a second. The order
 * among siblings holds for every attempt: the next in rank goes when the one before has had its
 * longest pause and an attempt. */
static time_ms retry_high_ms(const struct cluster *cluster)
{
    time_ms high_ms = RETRY_HIGH_MS;
    for (unsigned i = 5; i < cluster->election.attempts && high_ms < RETRY_MAX_MS; i++)
        high_ms *= 2;
    ensure(high_ms >= RETRY_LOW_MS);
    return MIN(high_ms, RETRY_MAX_MS);
}

static time_ms retry_rank_ms(const struct cluster *cluster)
{
    return (time_ms)my_rank(cluster) * (retry_high_ms(cluster) + RANK_STEP_MS / 2);
}

static time_ms retry_delay_ms(struct cluster *cluster)
{
    time_ms delay_ms = prng_between(&cluster->prng, RETRY_LOW_MS, retry_high_ms(cluster));
    ensure(delay_ms >= RETRY_LOW_MS);
    return delay_ms + retry_rank_ms(cluster);
}

static void wait_for_retry(struct cluster *cluster, time_ms delay_ms, const char *reason)
{
    struct election *election = &cluster->election;
    trace(cluster, LOG_LEVEL_NOTICE, "no election in epoch %llu: %s, again in %lld ms",
          (unsigned long long)election->epoch, reason, (long long)delay_ms);
    ensure(delay_ms > 0);
    move_to(cluster, ELECTION_WAITING, cluster->now_ms + delay_ms);
}

static unsigned votes_counted(const struct cluster *cluster)
{
    unsigned votes = 0;
    VOTERS_EACH(cluster, peer) {
        if (peer == cluster->me || !peer_is_voter(peer)) continue;
        if (peer->election.vote_epoch == cluster->election.epoch) votes++;
    }
    ensure(votes <= cluster->peer_count);
    return votes;
}

/* Voters that have not refused and are not known to be dead. */
static unsigned votes_possible(const struct cluster *cluster)
{
    unsigned possible = 0;
    ensure(cluster->election.epoch != 0);
    VOTERS_EACH(cluster, peer) {
        if (peer == cluster->me || !peer_is_voter(peer) || peer_is_failed(peer)) continue;
        if (peer->election.nack_epoch != cluster->election.epoch) possible++;
    }
    return possible;
}

static void print_slots(const struct slot_set *slots, struct buffer *into)
{
    unsigned slot = 0;
    unsigned first;
    unsigned last;
    unsigned count = 0;
    ensure(into->size == 0);
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        if (count++ == 4) break; /* a line, not a list */
        buffer_printf(into, first == last ? "%s%u" : "%s%u-%u", count > 1 ? "," : "", first, last);
    }
    if (count > 4) buffer_append_text(into, ",...");
}

static void win(struct cluster *cluster, unsigned votes)
{
    const uint64_t epoch_won = cluster->election.epoch;
    uint64_t epoch = epoch_won;
    ensure(epoch > 0);
    ensure(cluster->me->primary != NULL);
    struct buffer slots;
    buffer_init(&slots);
    print_slots(peer_slots(cluster, cluster->me->primary), &slots);
    buffer_append_byte(&slots, 0);
    give_up(cluster); /* nothing of it runs any more */
    trace(cluster, LOG_LEVEL_NOTICE, "%u votes of %u needed: now primary of %s", votes,
          lease_quorum(cluster), slots.data);
    buffer_fini(&slots);
    if (cluster->options.plant == PLANT_EPOCH_NOT_RAISED) {
        epoch = MAX(cluster->me->config_epoch, cluster->me->primary->config_epoch);
    }
    vote_inherit(cluster, epoch_won);
    role_promote(cluster, epoch);
}

static void count_votes(struct cluster *cluster)
{
    if (cluster->election.state != ELECTION_STANDING) return;
    unsigned votes = votes_counted(cluster);
    ensure(lease_quorum(cluster) > 0);
    if (votes >= lease_quorum(cluster)) win(cluster, votes);
}

/* FAIL goes before the request on each link, so that no voter has to be asked twice. But nobody is
 * told that a node has failed by one who hears it: two candidates that tell each other again what
 * the other has just forgotten would keep their primary dead for ever. */
static void send_fail(struct cluster *cluster)
{
    const struct peer *primary = cluster->me->primary;
    if (cluster->election.kind != ELECTION_FAILURE) return;
    ensure(primary != NULL);
    if (peer_is_failed(primary) && failure_is_answered(primary)) return;
    struct cluster_message *message = message_start(cluster, MESSAGE_FAIL);
    message->subject = primary->id;
    send_to_all(cluster, message);
}

static void send_requests(struct cluster *cluster)
{
    send_fail(cluster);
    struct cluster_message *message = message_start(cluster, MESSAGE_AUTH_REQUEST);
    ensure(message->current_epoch == cluster->election.epoch);
    message->message_flags |= MESSAGE_FORCEACK; /* as Valkey does; Eir voters look deeper */
    bool is_ordered = cluster->election.kind == ELECTION_FORCED;
    /* A Valkey primary shows its pause to this replica alone, and holds no lease to protect. */
    if (cluster->election.kind == ELECTION_PAUSED) is_ordered = !cluster->me->primary->is_eir;
    if (is_ordered && message->eir.is_present) message->eir.flags |= EIR_FORCED;
    send_to_all(cluster, message);
}

static void stand(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    uint64_t epoch = epochs_highest(cluster) + 1;
    /* From the second attempt on candidates of different shards ask for different epochs. */
    if (election->attempts > 0 && !cluster->options.is_classic) epoch += primary_rank(cluster);
    ensure(epoch > cluster->current_epoch);
    cluster->current_epoch = epoch;
    election->attempts++;
    election->asked_ms = cluster->now_ms;
    bool is_slow = needs_classic_voters(cluster);
    time_ms attempt_ms = is_slow ? classic_attempt_ms(cluster) : ATTEMPT_MS;
    move_to(cluster, ELECTION_STANDING, MIN(cluster->now_ms + attempt_ms, election->until_ms));
    election->epoch = epoch;
    cluster_save_first(cluster);
    send_requests(cluster);
}

/* Asking fewer than a quorum only wears epochs out. */
static bool sees_quorum(const struct cluster *cluster)
{
    unsigned seen = 0;
    VOTERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_voter(peer)) continue;
        if (peer_is_connected(peer) && !peer_is_failed(peer)) seen++;
    }
    ensure(seen <= cluster->peer_count);
    return seen >= lease_quorum(cluster);
}

/* My turn has come: stands, or says why not and looks again later. */
static void try_to_stand(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    const char *reason = why_not(cluster, election->kind);
    bool is_alone = reason == NULL && !sees_quorum(cluster);
    if (is_alone) reason = "no quorum of voters is in sight";
    if (reason == NULL) {
        election->is_refused = false;
        stand(cluster);
        return;
    }
    if (!election->is_refused) {
        trace(cluster, LOG_LEVEL_WARNING, "no election: %s", reason);
    }
    election->is_refused = true;
    ensure(election->kind != ELECTION_FAILURE || cluster->me->primary != NULL);
    move_to(cluster, ELECTION_WAITING, cluster->now_ms + (is_alone ? REVIEW_MS : REVIEW_SLOW_MS));
}

/* --- before standing: drain, tell, wait --- */

/* The best one goes at once, the others by rank. */
static void line_up(struct cluster *cluster)
{
    unsigned rank = my_rank(cluster);
    unsigned shard_rank = primary_rank(cluster);
    uint64_t epoch = epochs_highest(cluster) + 1;
    time_ms delay_ms = RANK_STEP_MS * rank + COLLISION_STEP_MS * shard_rank;
    bool is_slow = needs_classic_voters(cluster);
    if (is_slow) delay_ms = classic_delay_ms(cluster, rank, shard_rank);
    if (cluster->options.plant == PLANT_ELECTION_LATE) delay_ms += 2000;
    cluster->election.rank_shown = rank;
    if (why_not(cluster, cluster->election.kind) == NULL) {
        if (delay_ms == 0) {
            trace(cluster, LOG_LEVEL_NOTICE, "election for epoch %llu: rank %u, no delay",
                  (unsigned long long)epoch, rank);
        } else {
            trace(cluster, LOG_LEVEL_NOTICE, "election for epoch %llu: rank %u, delay %lld ms",
                  (unsigned long long)epoch, rank, (long long)delay_ms);
        }
    }
    ensure(delay_ms >= 0);
    if (delay_ms == 0) {
        try_to_stand(cluster);
        return;
    }
    cluster->pong_to_shard = true; /* siblings see that I see the failure */
    move_to(cluster, ELECTION_WAITING, cluster->now_ms + delay_ms);
}

static bool all_have_told(const struct cluster *cluster)
{
    PEERS_EACH(cluster, peer) {
        if (!is_sibling(cluster, peer) || !will_tell(peer)) continue;
        if (!peer->election.has_final) return false;
    }
    ensure(cluster->election.state == ELECTION_COLLECTING);
    return true;
}

static void tell_siblings(struct cluster *cluster)
{
    struct eir_offset final = { .primary = cluster->me->primary->id,
                                .offset = cluster->facts.offset,
                                .is_eligible = why_not(cluster, ELECTION_FAILURE) == NULL };
    struct buffer payload;
    buffer_init(&payload);
    eir_offset_write(&final, &payload);
    PEERS_EACH(cluster, peer) {
        if (!is_sibling(cluster, peer) || !peer->is_eir) continue;
        ensure(peer != cluster->me);
        send_eir(cluster, peer, EIR_OFFSET, buffer_bytes(&payload));
    }
    buffer_fini(&payload);
}

static void collect(struct cluster *cluster)
{
    move_to(cluster, ELECTION_COLLECTING, cluster->now_ms + COLLECT_MS);
    tell_siblings(cluster);
    ensure(cluster->election.epoch == 0);
    if (all_have_told(cluster)) line_up(cluster);
}

static void drain(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    ensure(election->state == ELECTION_IDLE);
    move_to(cluster, ELECTION_DRAINING, cluster->now_ms + DRAIN_MS);
    effects_add(cluster, CLUSTER_DRAIN);
    if (cluster->facts.is_drained) collect(cluster);
}

/* --- hooks --- */

void election_init(struct cluster *cluster)
{
    cluster->election = (struct election){ .due_ms = TIME_NEVER, .until_ms = TIME_NEVER };
    ensure(cluster->election.state == ELECTION_IDLE);
    /* nodes.conf may say that my primary has failed: nobody says it again. */
    struct peer *primary = cluster->me->primary;
    if (primary != NULL && peer_is_failed(primary)) {
        cluster_notice(cluster, NOTICE_PEER_FAILED, primary);
    }
}

void election_fini(struct cluster *cluster)
{
    ensure(cluster->election.state < ELECTION_STATE_COUNT);
    cluster->election = (struct election){ 0 };
}

void election_on_primary_failed(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    if (!peer_is_replica(cluster->me) || cluster->me->primary == NULL) return;
    if (election->state != ELECTION_IDLE) return; /* a manual one runs: let it */
    ensure(peer_is_failed(cluster->me->primary));
    *election = (struct election){ .kind = ELECTION_FAILURE,
                                   .until_ms = TIME_NEVER,
                                   .bound_ms = cluster->now_ms };
    bool has_order = cluster->options.plant != PLANT_RANK_IGNORED;
    if (!has_order) try_to_stand(cluster);
    else if (cluster->options.is_classic) line_up(cluster);
    else drain(cluster);
}

static void forget_finals(struct cluster *cluster)
{
    PEERS_EACH(cluster, peer) peer->election.has_final = false;
    ensure(cluster->me->election.has_final == false);
}

void election_on_primary_back(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    forget_finals(cluster);
    if (election->state == ELECTION_IDLE) return;
    const struct peer *primary = cluster->me->primary;
    bool is_manual = election->kind != ELECTION_FAILURE;
    /* A manual election goes on while its primary is still the same. */
    bool is_same = primary != NULL && node_id_equal(&primary->id, &election->primary);
    if (is_manual && is_same && !peer_is_failed(primary) &&
        cluster->now_ms < election->until_ms && peer_is_replica(cluster->me)) {
        return;
    }
    give_up(cluster);
}

void election_start_manual(struct cluster *cluster, enum election_kind kind, time_ms until_ms)
{
    ensure(kind != ELECTION_FAILURE);
    ensure(cluster->me->primary != NULL);
    if (cluster->election.state != ELECTION_IDLE) give_up(cluster);
    cluster->election = (struct election){ .kind = kind, .until_ms = until_ms };
    cluster->election.due_ms = TIME_NEVER;
    cluster->election.primary = cluster->me->primary->id;
    trace(cluster, LOG_LEVEL_NOTICE, "election for epoch %llu: manual, no delay",
          (unsigned long long)(epochs_highest(cluster) + 1));
    try_to_stand(cluster);
}

static void on_manual_over(struct cluster *cluster)
{
    trace(cluster, LOG_LEVEL_WARNING, "manual election given up: out of time");
    give_up(cluster);
    const struct peer *primary = cluster->me->primary;
    ensure(primary != cluster->me);
    if (primary != NULL && peer_is_failed(primary)) election_on_primary_failed(cluster);
}

void election_on_deadline(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    if (election->state == ELECTION_IDLE) return;
    ensure(cluster->me->primary != NULL);
    if (cluster->now_ms >= election->until_ms) {
        on_manual_over(cluster);
        return;
    }
    switch (election->state) {
    case ELECTION_DRAINING: collect(cluster); break;
    case ELECTION_COLLECTING: line_up(cluster); break;
    case ELECTION_WAITING: try_to_stand(cluster); break;
    case ELECTION_STANDING:
        if (needs_classic_voters(cluster)) {
            /* Spec 15: a new attempt when the previous one is older than two time-outs. */
            wait_for_retry(cluster, classic_attempt_ms(cluster), "no quorum");
        } else {
            wait_for_retry(cluster, retry_delay_ms(cluster), "no quorum");
        }
        break;
    default: ensure_unreachable();
    }
}

void election_on_vote(struct cluster *cluster, struct peer *voter,
                      const struct cluster_message *message)
{
    struct election *election = &cluster->election;
    ensure(voter != cluster->me);
    if (election->state != ELECTION_STANDING || !peer_is_voter(voter)) return;
    /* A vote shows the epoch that it was cast in: an older attempt's counts no more. */
    if (message->current_epoch < election->epoch) return;
    voter->election.vote_epoch = election->epoch; /* by id: twice is once */
    count_votes(cluster);
}

static void on_nack(struct cluster *cluster, struct peer *sender,
                    const struct cluster_message *message)
{
    struct eir_nack nack;
    struct election *election = &cluster->election;
    if (eir_nack_read(message->payload, &nack)) return;
    if (election->state != ELECTION_STANDING || nack.epoch != election->epoch) return;
    sender->election.nack_epoch = nack.epoch;
    trace(cluster, LOG_LEVEL_VERBOSE, "refused by " ID_FORMAT ": %s", ID_TEXT(sender->id),
          vote_text((enum vote)nack.reason));

    ensure(lease_quorum(cluster) > 0);
    if (votes_possible(cluster) >= lease_quorum(cluster)) return; /* others can still make it */
    time_ms delay_ms = retry_delay_ms(cluster);
    /* A promise that binds a voter for longer makes asking again useless before; but evidence
     * may release it any time. */
    delay_ms = MAX(delay_ms, MIN((time_ms)nack.wait_ms, RETRY_MAX_MS));
    wait_for_retry(cluster, delay_ms, vote_text((enum vote)nack.reason));
}

static void on_offset(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message)
{
    struct eir_offset final;
    if (eir_offset_read(message->payload, &final)) return;
    if (!is_sibling(cluster, sender)) return;
    if (!node_id_equal(&final.primary, &cluster->me->primary->id)) return;
    sender->election.final_offset = final.offset;
    sender->election.has_final = true;
    sender->election.is_final_eligible = final.is_eligible;
    ensure(sender != cluster->me);
    if (cluster->election.state != ELECTION_COLLECTING) return;
    if (all_have_told(cluster)) line_up(cluster);
}

void election_on_eir(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message)
{
    ensure(message->type == MESSAGE_EIR);
    if (message->eir_type == EIR_NACK) on_nack(cluster, sender, message);
    if (message->eir_type == EIR_OFFSET) on_offset(cluster, sender, message);
}

/* Another candidate asks for my epoch, or a node owns slots by it: the one whose shard comes
 * later yields, or both would go on splitting the votes. */
static void on_equal_epoch(struct cluster *cluster, const struct peer *sender,
                           const struct cluster_message *message)
{
    uint64_t epoch = cluster->election.epoch;
    ensure(epoch != 0);
    bool is_taken = message->config_epoch >= epoch && sender != cluster->me->primary &&
                    !is_sibling(cluster, sender);
    if (!is_taken) return;
    wait_for_retry(cluster, retry_delay_ms(cluster), "another node has its config epoch");
}

void election_on_new_incarnation(struct cluster *cluster, const struct peer *peer)
{
    ensure(peer != cluster->me);
    if (peer_is_voter(peer)) cluster->election.bound_ms = cluster->now_ms;
}

/* A better sibling asks for votes: my turn comes when that one may have failed. */
static void yield_to(struct cluster *cluster, const struct peer *sibling)
{
    struct election *election = &cluster->election;
    ensure(election->state == ELECTION_WAITING);
    if (!sibling->is_eir || !may_stand(cluster, sibling) || !is_better(cluster, sibling)) return;
    /* A quarter more: clocks, and the answer that tells of the restart. */
    time_ms bound_ms = cluster->options.node_timeout_ms * 5 / 4;
    if (cluster->now_ms - election->bound_ms >= bound_ms) return;
    election->attempts++;
    time_ms due_ms = cluster->now_ms + ATTEMPT_MS + retry_rank_ms(cluster);
    if (due_ms > election->due_ms) move_to(cluster, ELECTION_WAITING, due_ms);
}

void election_on_header(struct cluster *cluster, struct peer *sender,
                        const struct cluster_message *message)
{
    struct election *election = &cluster->election;
    ensure(sender != cluster->me);
    if (election->state == ELECTION_STANDING) on_equal_epoch(cluster, sender, message);
    if (election->state != ELECTION_WAITING || election->kind != ELECTION_FAILURE) return;
    if (!is_sibling(cluster, sender)) return;
    bool is_asking = message->type == MESSAGE_AUTH_REQUEST && !cluster->options.is_classic;
    if (is_asking && !needs_classic_voters(cluster)) yield_to(cluster, sender);
    if (election->attempts > 0) return;

    /* While waiting for my turn: ranks may have changed. */
    unsigned rank = my_rank(cluster);
    if (rank == election->rank_shown || why_not(cluster, election->kind) != NULL) return;
    line_up(cluster);
}

void election_on_facts(struct cluster *cluster, const struct cluster_facts *before)
{
    struct election *election = &cluster->election;
    const struct cluster_facts *facts = &cluster->facts;
    if (election->state == ELECTION_DRAINING && facts->is_drained) collect(cluster);
    /* Voters hold hard evidence only against a primary with an heir, and a primary that stops
     * looks for one: neither can wait for the next scheduled ping to hear of it. */
    if (before->has_synced != facts->has_synced && peer_is_replica(cluster->me)) {
        cluster->pong_to_voters = true;
    }
    if (!before->is_stopping && facts->is_stopping && election->state != ELECTION_IDLE) {
        trace(cluster, LOG_LEVEL_NOTICE, "election given up: this node stops");
        give_up(cluster);
    }
    ensure(election->state < ELECTION_STATE_COUNT);
}

void election_on_suspended(struct cluster *cluster)
{
    struct election *election = &cluster->election;
    ensure(election->state < ELECTION_STATE_COUNT);
    if (election->state != ELECTION_STANDING) return;
    wait_for_retry(cluster, retry_delay_ms(cluster), "stood still");
}

void election_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    if (cluster->election.state == ELECTION_IDLE) return;
    /* Its primary is forgotten: there is nothing to take over. */
    if (cluster->me->primary == NULL || cluster->me->primary == peer) give_up(cluster);
}
