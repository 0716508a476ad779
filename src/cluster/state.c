/* Cluster state: ok or down, as this node sees it (spec 13). One walk over the nodes, and only
 * when something changed or a delay ends. */
#include "cluster/rules.h"

#define START_DELAY_MS 2000
#define REJOIN_MIN_MS  500
#define REJOIN_MAX_MS  5000

static unsigned reachable_voters(const struct cluster *cluster)
{
    unsigned count = 0;
    VOTERS_EACH(cluster, peer) if (peer_is_healthy(peer)) count++;
    ensure(count <= cluster->size);
    return count;
}

static bool is_covered(const struct cluster *cluster)
{
    if (!cluster->options.require_full_coverage) return true;
    if (cluster->slots_assigned < SLOT_COUNT) return false;
    ensure(cluster->slots_assigned == SLOT_COUNT);
    unsigned covered = 0;
    VOTERS_EACH(cluster, peer)
    {
        if (peer_is_failed(peer)) return false;
        covered += peer->slot_count;
    }
    if (covered == SLOT_COUNT) return true;
    /* A replica still has slots: its successor was not heard yet. */
    PEERS_EACH(cluster, peer) if (peer->slot_count > 0 && peer_is_failed(peer)) return false;
    return true;
}

/* Not before this moment may a primary say ok: after a start, and after a minority, it waits to
 * hear whether its slots were taken over. A node that started without slots has nothing to hear. */
static time_ms ok_from_ms(const struct cluster *cluster)
{
    if (!peer_is_primary(cluster->me)) return 0;
    time_ms from_ms = 0;
    if (cluster->had_slots_at_start || cluster->options.is_classic)
        from_ms = cluster->state_started_ms + START_DELAY_MS;
    if (cluster->minority_ms != 0) {
        time_ms delay_ms = MAX(cluster->options.node_timeout_ms, REJOIN_MIN_MS);
        from_ms = MAX(from_ms, cluster->minority_ms + MIN(delay_ms, REJOIN_MAX_MS));
    }
    ensure(from_ms >= 0);
    return from_ms;
}

static void state_set(struct cluster *cluster, bool is_ok, const char *why)
{
    if (cluster->is_ok == is_ok) return;
    cluster->is_ok = is_ok;
    ensure(why != NULL);
    trace(cluster, LOG_LEVEL_NOTICE, "cluster state %s", is_ok ? "ok" : why);
    cluster_changed(cluster);
}

void state_update(struct cluster *cluster)
{
    cluster->state_is_due = false;
    bool has_majority = reachable_voters(cluster) >= cluster_quorum(cluster);
    /* Where there are no voters yet nobody can have been left behind. */
    bool is_minority = !has_majority && (cluster->size > 0 || cluster->options.is_classic);
    if (is_minority || cluster->is_in_minority) cluster->minority_ms = cluster->now_ms;
    cluster->is_in_minority = is_minority;
    time_ms from_ms = ok_from_ms(cluster);
    cluster_deadline_set(cluster, DEADLINE_STATE, TIME_NEVER);

    if (!has_majority) {
        state_set(cluster, false, "down: no majority of primaries is reachable");
    } else if (!is_covered(cluster)) {
        state_set(cluster, false, "down: slots without a working owner");
    } else if (cluster->is_ok || cluster->now_ms >= from_ms) {
        state_set(cluster, true, "ok");
    } else {
        ensure(from_ms > cluster->now_ms);
        cluster_deadline_set(cluster, DEADLINE_STATE, from_ms);
    }
}
