/* What the rules above the bus show of themselves in every header, as plain reads of the state.
 *
 * They stand here, below the effects, because each message asks them, and those rules themselves
 * send messages. */
#include "cluster/internal.h"

bool election_is_eligible(const struct cluster *cluster)
{
    if (!peer_is_replica(cluster->me) || cluster->me->primary == NULL) return false;
    if (cluster->options.replica_no_failover) return false;
    ensure(cluster->me->primary != cluster->me);
    return cluster->facts.has_synced && !cluster->facts.is_stopping;
}

bool election_is_standing(const struct cluster *cluster)
{
    ensure((cluster->election.state == ELECTION_STANDING) == (cluster->election.epoch != 0));
    return cluster->election.epoch != 0;
}

bool manual_is_paused(const struct cluster *cluster)
{
    ensure(cluster->manual.state < MANUAL_STATE_COUNT);
    return cluster->manual.state == MANUAL_PAUSED || cluster->lineage.is_lost;
}

bool lineage_is_mute(const struct cluster *cluster)
{
    ensure(!cluster->lineage.is_mute || cluster->lineage.is_lost);
    return cluster->lineage.is_mute;
}

bool formation_is_open(const struct cluster *cluster)
{
    ensure(!cluster->formation.is_wanted || cluster->formation.has_agreement);
    return cluster->formation.is_wanted && !cluster->formation.is_done;
}
