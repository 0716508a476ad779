/* Replica migration: a spare replica moves to an orphaned primary (spec 18).
 *
 * Every replica judges for itself, by the same rule: the smallest id among the healthy replicas of
 * the primaries that have most of them is the one that moves. The wait of five seconds lets views
 * converge, so that two of them seldom move at once; if they do, the surplus is a replica more on
 * one side, which the same rule mends. */
#include "cluster/internal.h"

#define LOOK_MS    100
#define ORPHAN_MS  5000 /* a primary whose replica only restarts is not an orphan */

/* What one walk over all nodes finds out. */
struct survey {
    unsigned most;        /* healthy replicas of the primary that has most */
    struct peer *orphan;  /* the one with the smallest id */
    struct peer *mover;   /* the smallest id among healthy replicas of primaries with most */
};

static unsigned healthy_replicas(const struct cluster *cluster, const struct peer *primary)
{
    unsigned count = 0;
    if (primary->replica_count == 0) return 0;
    PEERS_EACH(cluster, peer) {
        if (peer->primary == primary && peer_is_healthy(peer)) count++;
    }
    ensure(count <= primary->replica_count);
    return count;
}

static bool is_orphan(const struct peer *primary, unsigned replicas)
{
    return replicas == 0 && peer_is_voter(primary) && !peer_is_failed(primary) &&
           (primary->flags & NODE_MIGRATE_TO);
}

static void survey_primaries(const struct cluster *cluster, struct survey *survey)
{
    PEERS_EACH(cluster, peer) {
        if (!peer_is_primary(peer) || (peer->flags & NODE_HANDSHAKE)) continue;
        unsigned replicas = healthy_replicas(cluster, peer);
        survey->most = MAX(survey->most, replicas);
        if (!is_orphan(peer, replicas)) continue;
        bool is_first = survey->orphan == NULL ||
                        node_id_compare(&peer->id, &survey->orphan->id) < 0;
        if (is_first) survey->orphan = peer;
    }
    ensure(survey->orphan == NULL || survey->orphan != cluster->me);
}

static void survey_movers(const struct cluster *cluster, struct survey *survey)
{
    ensure(survey->most >= 2);
    PEERS_EACH(cluster, peer) {
        if (peer->primary == NULL || !peer_is_healthy(peer)) continue;
        bool is_first = survey->mover == NULL ||
                        node_id_compare(&peer->id, &survey->mover->id) < 0;
        if (!is_first) continue;
        if (healthy_replicas(cluster, peer->primary) == survey->most) survey->mover = peer;
    }
}

/* The orphan that I should move to, or NULL. */
static struct peer *find_orphan(const struct cluster *cluster)
{
    struct survey survey = { 0 };
    const struct peer *primary = cluster->me->primary;
    ensure(primary != cluster->me);
    if (primary == NULL || !cluster->is_ok || manual_is_running(cluster)) return NULL;
    if (!cluster->options.allow_replica_migration) return NULL;
    if (primary->replica_count < 2) return NULL; /* cheap: most nodes stop here */
    int mine = (int)healthy_replicas(cluster, primary);
    if (mine <= cluster->options.migration_barrier) return NULL;
    survey_primaries(cluster, &survey);
    if (survey.orphan == NULL || survey.most < 2 || (unsigned)mine != survey.most) return NULL;
    survey_movers(cluster, &survey);
    return survey.mover == cluster->me ? survey.orphan : NULL;
}

void migration_init(struct cluster *cluster)
{
    cluster->migration = (struct migration){ 0 };
    ensure(cluster->me != NULL);
    cluster_deadline_set(cluster, DEADLINE_MIGRATION, cluster->now_ms + LOOK_MS);
}

void migration_on_deadline(struct cluster *cluster)
{
    struct migration *migration = &cluster->migration;
    struct peer *orphan = find_orphan(cluster);
    bool is_idle = orphan == NULL;
    if (orphan != migration->orphan) {
        *migration = (struct migration){ .orphan = orphan, .since_ms = cluster->now_ms };
    }
    /* Without an orphan a look a second is enough: five are waited anyway. */
    cluster_deadline_set(cluster, DEADLINE_MIGRATION,
                         cluster->now_ms + (is_idle ? 10 * LOOK_MS : LOOK_MS));
    if (is_idle || cluster->now_ms - migration->since_ms < ORPHAN_MS) return;
    ensure(orphan != cluster->me);
    trace(cluster, LOG_LEVEL_NOTICE, "moving to orphaned primary " ID_FORMAT,
          ID_TEXT(orphan->id));
    *migration = (struct migration){ 0 };
    role_follow(cluster, orphan);
}

void migration_on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    if (cluster->migration.orphan == peer) cluster->migration = (struct migration){ 0 };
}
