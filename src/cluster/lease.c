/* The lease: a primary executes writes only while so many other voters have promised not to vote
 * against it that no replica of it can win.
 *
 * The arithmetic. Of n voters a quorum q = n / 2 + 1 elects. A primary that has the promises of
 * n - q others leaves at most n - 1 - (n - q) = q - 1 voters that may vote against it: one too
 * few. (It does not vote against itself while it serves: vote.c.) A promise counts from the moment
 * when the PING left, for 0.8 node timeouts, and binds from the later moment when it was answered,
 * for a whole one. With clocks that run right within 10 % the primary stops after at most
 * 0.8 / 0.9 = 0.889 timeouts, the voter is free after at least 1 / 1.1 = 0.909. The promise says
 * how long it binds: node timeouts differ while an operator changes them node by node.
 *
 * Void at once: everything at start, after a gap, and when a hand-over was called off (see
 * lease_restart: a voter may have voted because it saw us paused); one promise when a PONG comes
 * without it, or when the voter has started anew; all of them when this node has voted for its own
 * successor, or has lost its links to a majority (others may hold hard evidence then).
 *
 * Fewer voters make a cheaper lease, so a number that falls is believed only with a reason. When a
 * primary turns replica its slots are without an owner until we hear its successor, and for that
 * moment three voters look like two, which need no promise at all. So the number falls only while
 * no fewer slots are assigned than when it was highest: then the slots of the missing voter have
 * moved to others. (A reshard that adds voters on the far side of a partition is beyond this: only
 * an operator does that.)
 *
 * Valkey voters promise nothing. Where they alone could elect, or where the Eir voters that are
 * left are too few to bind an election, their PONGs count as answers and the guarantee is the
 * classic one: hardly more than the cluster state's own minority rule. */
#include "cluster/internal.h"

#include <stdlib.h>

#define RETRY_MS    50 /* between PINGs while there is no lease */
#define MISSING_MIN 8  /* with so few promises missing every one is looked at */

unsigned lease_needed(unsigned voters)
{
    if (voters == 0) return 0;
    unsigned quorum = voters / 2 + 1;
    ensure(voters >= quorum);
    return voters - quorum;
}

enum cluster_guarantee lease_guarantee_of(const struct lease_facts *facts)
{
    ensure(facts->eir_voters + facts->classic_voters <= facts->voters);
    if (facts->voters < 3) return GUARANTEE_NONE;
    if (facts->classic_voters >= facts->voters / 2 + 1) return GUARANTEE_CLASSIC;
    bool is_short = facts->eir_voters < lease_needed(facts->voters);
    return is_short && facts->classic_voters > 0 ? GUARANTEE_CLASSIC : GUARANTEE_LEASE;
}

static bool promises(const struct peer *peer)
{
    return peer->is_eir && (peer->eir_capabilities & EIR_CAN_LEASE);
}

static bool has_link(const struct peer *peer)
{
    return peer->inbound != NULL || peer_is_connected(peer);
}

static int compare_latest_first(const void *a, const void *b)
{
    time_ms left = *(const time_ms *)a;
    time_ms right = *(const time_ms *)b;
    return left > right ? -1 : left < right;
}

static struct lease_facts gather_facts(const struct cluster *cluster)
{
    struct lease_facts facts = { .voters = peer_is_voter(cluster->me) ? 1 : 0 };
    VOTERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_voter(peer)) continue;
        facts.voters++;
        if (has_link(peer)) facts.connected_voters++;
        /* A voter that has not spoken in this run may be either: it promises nothing yet. */
        if (promises(peer) && !peer_is_failed(peer)) facts.eir_voters++;
        if (!promises(peer) && peer->answered_ms > 0) facts.classic_voters++;
    }
    return facts;
}

/* See "fewer voters" above. */
static void count_voters(struct cluster *cluster, struct lease_facts *facts)
{
    struct lease *lease = &cluster->lease;
    ensure(cluster->slots_assigned <= SLOT_COUNT);
    if (facts->voters >= lease->voters || cluster->slots_assigned >= lease->assigned) {
        lease->voters = facts->voters;
        lease->assigned = cluster->slots_assigned;
    }
    facts->voters = lease->voters;
}

unsigned lease_quorum(const struct cluster *cluster)
{
    unsigned classic = cluster_quorum(cluster);
    ensure(classic > 0);
    return cluster->options.is_classic ? classic : MAX(classic, cluster->lease.voters / 2 + 1);
}

/* The moment until which this voter is bound, by my clock; 0: it is not. */
static time_ms bound_ms(const struct cluster *cluster, const struct peer *peer)
{
    time_ms asked_ms = peer->lease.answered_ping_ms;
    time_ms promise_ms = MIN(peer->lease.promise_ms, cluster->options.node_timeout_ms);
    if (!promises(peer)) {
        bool may_count = cluster->lease.guarantee == GUARANTEE_CLASSIC && !peer_is_failed(peer);
        asked_ms = may_count ? peer->answered_ms : 0;
        promise_ms = cluster->options.node_timeout_ms;
    }
    if (asked_ms == 0 || asked_ms < cluster->lease.floor_ms) return 0;
    ensure(asked_ms <= cluster->now_ms);
    return asked_ms + promise_ms * 8 / 10;
}

/* The moment until which `needed` other voters are bound; 0: too few answered. */
static time_ms bound_until_ms(struct cluster *cluster, unsigned needed)
{
    ensure(needed > 0);
    time_ms *bounds = memory_alloc(cluster->peer_count * sizeof(*bounds));
    unsigned count = 0;
    cluster->lease.shortest_ms = 0;
    VOTERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_voter(peer)) continue;
        time_ms until_ms = bound_ms(cluster, peer);
        if (until_ms > 0) bounds[count++] = until_ms;
        time_ms promise_ms = peer->lease.promise_ms;
        time_ms shortest_ms = cluster->lease.shortest_ms;
        bool is_shorter = promise_ms > 0 && (shortest_ms == 0 || promise_ms < shortest_ms);
        if (is_shorter) cluster->lease.shortest_ms = promise_ms;
    }
    time_ms until_ms = 0;
    cluster->lease.missing = count < needed ? needed - count : 0;
    if (count >= needed) {
        qsort(bounds, count, sizeof(*bounds), compare_latest_first);
        until_ms = bounds[needed - 1];
    }
    memory_free(bounds);
    return until_ms;
}

static time_ms compute_until_ms(struct cluster *cluster, const struct lease_facts *facts)
{
    cluster->lease.missing = 0;
    if (!peer_is_voter(cluster->me)) return 0;
    if (cluster->options.is_classic) return TIME_NEVER;
    if (cluster->options.plant == PLANT_LEASE_NEVER_EXPIRES) return TIME_NEVER;
    if (cluster->me->lease.is_opposed) return 0;
    unsigned needed = lease_needed(facts->voters);
    if (needed == 0) return TIME_NEVER;

    /* Others that have lost every link to us may come to hold hard evidence. A majority of links
     * leaves them too few for that. Valkey nodes know no such evidence. */
    unsigned links_needed = facts->voters / 2;
    bool is_cut_off = facts->connected_voters < links_needed;
    if (is_cut_off && cluster->lease.guarantee == GUARANTEE_LEASE) return 0;
    return bound_until_ms(cluster, needed);
}

static time_ms period_ms(const struct cluster *cluster)
{
    /* A quarter: two answers may be late before the window of 0.8 closes. */
    time_ms window_ms = cluster->options.node_timeout_ms;
    if (cluster->lease.shortest_ms > 0) window_ms = MIN(window_ms, cluster->lease.shortest_ms);
    ensure(window_ms > 0);
    return MAX(window_ms / 4, 10);
}

static void schedule(struct cluster *cluster)
{
    struct lease *lease = &cluster->lease;
    bool is_needed = peer_is_voter(cluster->me) && lease->until_ms != TIME_NEVER;
    if (!is_needed) {
        cluster_deadline_set(cluster, DEADLINE_LEASE, TIME_NEVER);
        return;
    }
    bool is_void = lease->until_ms <= cluster->now_ms;
    time_ms due_ms =
        lease->pinged_ms + (is_void ? MIN(RETRY_MS, period_ms(cluster)) : period_ms(cluster));
    if (!is_void) due_ms = MIN(due_ms, lease->until_ms);
    ensure(lease->pinged_ms <= cluster->now_ms);
    cluster_deadline_set(cluster, DEADLINE_LEASE, MAX(due_ms, cluster->now_ms + 1));
}

static void ping_voters(struct cluster *cluster)
{
    cluster->lease.pinged_ms = cluster->now_ms;
    VOTERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_voter(peer) || !peer_is_connected(peer)) continue;
        ensure(!(peer->flags & NODE_HANDSHAKE));
        peer_ping_soon(cluster, peer);
    }
}

static void look_again(struct cluster *cluster)
{
    struct lease *lease = &cluster->lease;
    struct lease_facts facts = gather_facts(cluster);
    count_voters(cluster, &facts);
    bool was_void = lease->until_ms <= cluster->now_ms;
    enum cluster_guarantee before = lease->guarantee;
    lease->is_dirty = false;
    lease->guarantee = lease_guarantee_of(&facts);
    lease->until_ms = compute_until_ms(cluster, &facts);
    if (lease->guarantee != before) cluster_changed(cluster);

    bool is_void = lease->until_ms <= cluster->now_ms;
    if (is_void != was_void && peer_is_voter(cluster->me)) {
        trace(cluster, LOG_LEVEL_DEBUG, "%s", is_void ? "lease ended: writes wait" : "lease held");
        cluster_changed(cluster);
    }
    /* The first one, and one that was lost, are asked for at once. */
    if (is_void && peer_is_voter(cluster->me)) {
        if (cluster->now_ms - lease->pinged_ms >= RETRY_MS) ping_voters(cluster);
    }
    schedule(cluster);
}

/* --- hooks --- */

void lease_init(struct cluster *cluster)
{
    cluster->lease = (struct lease){ .is_dirty = true, .floor_ms = 1 };
    cluster->lease.pinged_ms = cluster->now_ms - RETRY_MS;
    cluster->lease.guarantee = GUARANTEE_NONE;
    ensure(cluster->lease.until_ms == 0); /* empty at start */
}

void lease_on_pong(struct cluster *cluster, struct peer *peer, time_ms ping_sent_ms,
                   time_ms promise_ms)
{
    ensure(peer != cluster->me);
    ensure(ping_sent_ms <= cluster->now_ms);
    /* One more promise while the lease holds only makes it longer: that can wait for the deadline,
     * which comes every quarter of a timeout. A look at all voters for every PONG would not do in
     * a cluster of a thousand nodes. */
    bool is_renewal =
        promise_ms > 0 && promise_ms == peer->lease.promise_ms && peer->lease.answered_ping_ms > 0;
    bool can_wait = is_renewal && cluster->lease.until_ms > cluster->now_ms;
    /* Nor while it is far from beginning: each promise brings it nearer by one at most. */
    if (promise_ms > 0 && cluster->lease.missing > MISSING_MIN) {
        cluster->lease.missing--;
        can_wait = true;
    }
    /* A voter that promises no more may have voted: its older promise is not relied on. */
    peer->lease.answered_ping_ms =
        promise_ms > 0 ? MAX(peer->lease.answered_ping_ms, ping_sent_ms) : 0;
    peer->lease.promise_ms = promise_ms;
    if (!can_wait) cluster->lease.is_dirty = true;
}

bool lease_is_promised(const struct cluster *cluster, const struct peer *peer)
{
    ensure(peer != cluster->me);
    return peer->lease.promised_until_ms > cluster->now_ms;
}

bool lease_promise(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    if (cluster->options.is_classic || !peer_is_voter(cluster->me)) return false;
    if (!peer_is_voter(peer)) return false;
    if (peer->lease.is_opposed) return false; /* the election that I voted in may win */
    if (peer_is_failed(peer)) return false;   /* a quorum holds it for dead: let it run out */
    peer->lease.promised_until_ms = cluster->now_ms + cluster->options.node_timeout_ms;
    return true;
}

void lease_restart(struct cluster *cluster)
{
    ensure(cluster->now_ms > 0);
    cluster->lease.floor_ms = cluster->now_ms;
    cluster->lease.is_dirty = true;
    cluster->lease.until_ms = 0;
    cluster->lease.pinged_ms = cluster->now_ms - RETRY_MS; /* asks at once */
}

void lease_on_suspended(struct cluster *cluster, time_ms gap_ms)
{
    ensure(gap_ms >= 0);
    if (!peer_is_voter(cluster->me)) return;
    trace(cluster, LOG_LEVEL_NOTICE, "stood still for %lld ms: lease is void until renewed",
          (long long)gap_ms);
    lease_restart(cluster);
}

void lease_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    cluster->lease.is_dirty = true;
}

void lease_on_link(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    if (!peer_is_voter(peer)) return;
    cluster->lease.is_dirty = true;
}

void lease_on_new_incarnation(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    peer->lease.answered_ping_ms = 0;  /* it may not remember what it promised */
    peer->lease.promised_until_ms = 0; /* the process that I promised is gone */
    cluster->lease.is_dirty = true;
}

void lease_on_deadline(struct cluster *cluster)
{
    if (!peer_is_voter(cluster->me)) return;
    time_ms asked_ms = cluster->lease.pinged_ms;
    ensure(asked_ms <= cluster->now_ms);
    if (cluster->now_ms - asked_ms >= period_ms(cluster)) ping_voters(cluster);
    cluster->lease.is_dirty = true;
}

void lease_on_voters_changed(struct cluster *cluster)
{
    ensure(cluster->me != NULL);
    cluster->lease.is_dirty = true;
}

void lease_refresh(struct cluster *cluster)
{
    if (cluster->lease.is_dirty) look_again(cluster);
    ensure(!cluster->lease.is_dirty);
}

bool lease_holds(struct cluster *cluster)
{
    lease_refresh(cluster);
    ensure(!cluster->lease.is_dirty);
    return cluster->lease.until_ms > cluster->now_ms;
}

time_ms lease_until_ms(const struct cluster *cluster)
{
    return cluster->lease.is_dirty ? 0 : cluster->lease.until_ms;
}

enum cluster_guarantee lease_guarantee(const struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    return cluster->lease.guarantee;
}
