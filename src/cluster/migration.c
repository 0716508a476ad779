/* Replica migration: a spare replica moves to an orphaned primary (spec 18).
 *
 * Every replica judges for itself, by the same rule: the smallest id among the healthy replicas of
 * the primaries that have most of them is the one that moves. The wait of five seconds lets views
 * converge, so that two of them seldom move at once; if they do, the surplus is a replica more on
 * one side, which the same rule mends. */
#include "cluster/internal.h"

#define LOOK_MS    100
#define ORPHAN_MS  5000 /* a primary whose replica only restarts is not an orphan */

/* What walks over all nodes find out. */
struct survey {
    uint16_t *healthy;   /* owned: healthy replicas of each node, by its index */
    unsigned most;       /* of the primary that has most */
    struct peer *orphan; /* the one with the smallest id */
    struct peer *mover;  /* the smallest id among healthy replicas of primaries with most */
};

static void survey_count(const struct cluster *cluster, struct survey *survey)
{
    survey->healthy = memory_alloc_zero(cluster->peer_count * sizeof(*survey->healthy));
    PEERS_EACH(cluster, peer)
    {
        if (peer->primary == NULL || !peer_is_healthy(peer)) continue;
        ensure(peer->primary->index < cluster->peer_count);
        unsigned count = ++survey->healthy[peer->primary->index];
        survey->most = MAX(survey->most, count);
    }
}

static bool is_orphan(const struct survey *survey, const struct peer *primary)
{
    if (!peer_is_voter(primary) || peer_is_failed(primary)) return false;
    ensure(peer_is_primary(primary));
    return (primary->flags & NODE_MIGRATE_TO) && survey->healthy[primary->index] == 0;
}

static void survey_choose(const struct cluster *cluster, struct survey *survey)
{
    ensure(survey->most >= 2);
    PEERS_EACH(cluster, peer)
    {
        struct peer **smallest = &survey->orphan;
        if (peer->primary != NULL) {
            if (!peer_is_healthy(peer)) continue;
            if (survey->healthy[peer->primary->index] < survey->most) continue;
            smallest = &survey->mover;
        } else if (!is_orphan(survey, peer)) {
            continue;
        }
        bool is_first = *smallest == NULL || node_id_compare(&peer->id, &(*smallest)->id) < 0;
        if (is_first) *smallest = peer;
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
    survey_count(cluster, &survey);
    unsigned mine = survey.healthy[primary->index];
    bool has_spare = mine >= 2 && mine == survey.most &&
                     (int)mine > cluster->options.migration_barrier;
    if (has_spare) survey_choose(cluster, &survey);
    memory_free(survey.healthy);
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
