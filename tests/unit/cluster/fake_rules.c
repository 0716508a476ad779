/* Stand-ins for the rules above the bus: nothing votes, stands, promises or forms. */
#include "cluster/internal.h"
#include "cluster/ours.h"
#include <stdlib.h>

void lease_on_voters_changed(struct cluster *c)
{
    (void)c;
}
void election_init(struct cluster *c)
{
    (void)c;
}
void election_fini(struct cluster *c)
{
    (void)c;
}
void election_on_deadline(struct cluster *c)
{
    (void)c;
}
void election_on_primary_failed(struct cluster *c)
{
    (void)c;
}
void election_on_primary_back(struct cluster *c)
{
    (void)c;
}
void election_on_vote(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void election_on_eir(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void election_on_header(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void election_on_facts(struct cluster *c, const struct cluster_facts *f)
{
    (void)c;
    (void)f;
}
void election_on_suspended(struct cluster *c)
{
    (void)c;
}
void election_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
bool election_is_standing(const struct cluster *c)
{
    (void)c;
    return false;
}
bool election_is_eligible(const struct cluster *c)
{
    return peer_is_replica(c->me) && c->facts.has_synced;
}
void vote_init(struct cluster *c)
{
    (void)c;
}
void vote_fini(struct cluster *c)
{
    (void)c;
}
void vote_on_request(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void vote_on_header(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void vote_on_peer_failed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void vote_on_deadline(struct cluster *c)
{
    (void)c;
}
void vote_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void manual_init(struct cluster *c)
{
    (void)c;
}
void manual_fini(struct cluster *c)
{
    (void)c;
}
void manual_on_order(struct cluster *c, const struct cluster_order *o, struct cluster_answer *a)
{
    (void)c;
    (void)o;
    (void)a;
}
void manual_on_start(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void manual_on_eir(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void manual_on_header(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void manual_on_deadline(struct cluster *c)
{
    (void)c;
}
void manual_on_facts(struct cluster *c, const struct cluster_facts *f)
{
    (void)c;
    (void)f;
}
void manual_on_role_changed(struct cluster *c)
{
    (void)c;
}
void manual_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
bool manual_is_paused(const struct cluster *c)
{
    (void)c;
    return false;
}
bool manual_is_running(const struct cluster *c)
{
    (void)c;
    return false;
}
void lease_init(struct cluster *c)
{
    (void)c;
}
void lease_on_pong(struct cluster *c, struct peer *p, time_ms t, bool h)
{
    (void)c;
    (void)p;
    (void)t;
    (void)h;
}
bool lease_promise(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
    return true;
}
void lease_on_suspended(struct cluster *c, time_ms g)
{
    (void)c;
    (void)g;
}
void lease_refresh(struct cluster *c)
{
    (void)c;
}
void lease_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void lease_on_new_incarnation(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void lease_on_deadline(struct cluster *c)
{
    (void)c;
}
time_ms lease_until_ms(const struct cluster *c)
{
    (void)c;
    return TIME_NEVER;
}
enum cluster_guarantee lease_guarantee(const struct cluster *c)
{
    (void)c;
    return GUARANTEE_NONE;
}
void formation_init(struct cluster *c)
{
    (void)c;
}
void formation_fini(struct cluster *c)
{
    (void)c;
}
void formation_on_deadline(struct cluster *c)
{
    (void)c;
}
void formation_on_resolved(struct cluster *c, const struct cluster_event *e)
{
    (void)c;
    (void)e;
}
void formation_on_eir(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void formation_on_peer(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void formation_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void formation_on_reset(struct cluster *c)
{
    (void)c;
}
void formation_on_configure(struct cluster *c)
{
    (void)c;
}
bool formation_is_open(const struct cluster *c)
{
    (void)c;
    return false;
}
const char *formation_on_manual_order(struct cluster *c)
{
    (void)c;
    return NULL;
}
bool formation_needs_new_id(const struct cluster *c)
{
    (void)c;
    return false;
}
bool formation_serves(const struct cluster *c, const char **w)
{
    (void)c;
    (void)w;
    return true;
}
bool formation_is_fresh(const struct cluster *c)
{
    (void)c;
    return false;
}
void lineage_init(struct cluster *c)
{
    (void)c;
}
void lineage_on_facts(struct cluster *c, const struct cluster_facts *f)
{
    (void)c;
    (void)f;
}
void lineage_on_deadline(struct cluster *c)
{
    (void)c;
}
void lineage_on_eir(struct cluster *c, struct peer *p, const struct cluster_message *m)
{
    (void)c;
    (void)p;
    (void)m;
}
void lineage_on_role_changed(struct cluster *c)
{
    (void)c;
}
void lineage_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void lineage_on_serve_empty(struct cluster *c, struct cluster_answer *a)
{
    (void)c;
    (void)a;
}
bool lineage_serves(const struct cluster *c, const char **w)
{
    (void)c;
    (void)w;
    return true;
}
bool lineage_is_mute(const struct cluster *c)
{
    (void)c;
    return false;
}
void migration_init(struct cluster *c)
{
    (void)c;
}
void migration_on_deadline(struct cluster *c)
{
    (void)c;
}
void migration_on_peer_removed(struct cluster *c, struct peer *p)
{
    (void)c;
    (void)p;
}
void ours_write(const struct cluster *c, struct buffer *b)
{
    if (c->cluster_id)
        buffer_printf(b, " eir-cluster-id %016llx", (unsigned long long)c->cluster_id);
}
bool ours_read(struct cluster *c, struct bytes n, struct bytes v)
{
    (void)n;
    if (v.size == 16) c->cluster_id = strtoull(v.data, NULL, 16);
    return true;
}
