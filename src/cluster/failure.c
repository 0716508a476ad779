/* Failure: from suspicion (PFAIL, one node's view) to agreement (FAIL, a quorum of voters).
 *
 * Silence for a node timeout makes a suspicion, between Eir nodes also hard evidence (evidence.c).
 * Either way only voters' reports count, and a quorum of them makes the failure. A new suspicion
 * goes to the other voters at once instead of riding on the next scheduled ping. */
#include "cluster/rules.h"

/* A suspicion is told to so many voters, beside the suspect's replicas: all of them in a small
 * cluster. In a large one a handful collects the quorum and tells everybody by FAIL, or the
 * death of one node of 1,000 would cost a quarter of a million messages. */
#define COLLECTORS_MAX 8

#define SUSPECT_PAYLOAD_SIZE (NODE_ID_SIZE + 1)
#define SUSPECT_WITHDRAWN    1

static const char *role_name(const struct peer *peer)
{
    return peer_is_primary(peer) ? "primary" : "replica";
}

/* --- telling --- */

/* The smallest ids among the connected Eir voters: everybody picks the same ones. */
static unsigned pick_collectors(const struct cluster *cluster, const struct peer *subject,
                                struct peer *picked[COLLECTORS_MAX])
{
    unsigned count = 0;
    VOTERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || peer == subject || !peer->is_eir) continue;
        if (!peer_is_voter(peer) || !peer_is_healthy(peer) || !peer_is_connected(peer)) continue;
        unsigned at = count < COLLECTORS_MAX ? count++ : COLLECTORS_MAX;
        while (at > 0 && node_id_compare(&peer->id, &picked[at - 1]->id) < 0) {
            if (at < COLLECTORS_MAX) picked[at] = picked[at - 1];
            at--;
        }
        if (at < COLLECTORS_MAX) picked[at] = peer;
    }
    ensure(count <= COLLECTORS_MAX);
    return count;
}

static void tell_one(struct cluster *cluster, struct peer *to, const struct peer *subject,
                     uint8_t flags)
{
    char payload[SUSPECT_PAYLOAD_SIZE];
    memcpy(payload, subject->id.hex, NODE_ID_SIZE);
    payload[NODE_ID_SIZE] = (char)flags;
    send_eir(cluster, to, EIR_SUSPECT, bytes_of(payload, sizeof(payload)));
}

/* Only a voter's word counts, so only voters speak. */
static void tell_voters(struct cluster *cluster, struct peer *subject, uint8_t flags)
{
    if (cluster->options.is_classic || !peer_is_voter(cluster->me)) return;
    struct peer *picked[COLLECTORS_MAX];
    unsigned count = pick_collectors(cluster, subject, picked);
    for (unsigned i = 0; i < count; i++) tell_one(cluster, picked[i], subject, flags);

    ensure(subject != cluster->me);
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_connected(peer)) continue;
        if (peer->is_eir && peer->primary == subject) tell_one(cluster, peer, subject, flags);
        /* A Valkey voter reads it in the gossip of a PING, which names every suspect. */
        if (!peer->is_eir && peer_is_voter(peer)) peer_ping_soon(cluster, peer);
    }
}

/* --- FAIL --- */

static void set_failed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    peer_set_health(cluster, peer, NODE_FAIL);
    peer->failed_ms = cluster->now_ms;
    peer->failed_before = false;
    if (peer == cluster->me->primary) cluster->me->flags |= NODE_PRIMARY_FAILED;
    cluster_save_later(cluster);
    cluster_notice(cluster, NOTICE_PEER_FAILED, peer);
}

void failure_tell(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    peer->leaves_telling = false;
    if (!peer_is_failed(peer)) return;
    struct cluster_message *message = message_start(cluster, MESSAGE_FAIL);
    message->subject = peer->id;
    if (peer->failed_hard && message->eir.is_present) message->eir.flags |= EIR_HARD;
    send_to_all(cluster, message);
}

/* In a crowd a score of nodes come to the quorum in the same few milliseconds. Two of them tell all
 * others, the rest only if nobody has. */
#define TELLERS       2
#define TELL_DELAY_MS 50

time_ms failure_tell_ms(const struct peer *peer)
{
    return peer->failed_ms + TELL_DELAY_MS;
}

static bool leaves_telling(const struct cluster *cluster, const struct peer *subject)
{
    if (cluster->options.is_classic || cluster->peer_count <= CROWD) return false;
    unsigned before_me = peer_is_voter(cluster->me) ? 0 : TELLERS;
    VOTERS_EACH(cluster, peer)
    {
        if (before_me >= TELLERS) return true;
        if (peer == cluster->me || peer == subject || !peer->is_eir) continue;
        if (!peer_is_healthy(peer) || !peer_is_connected(peer)) continue;
        if (node_id_compare(&peer->id, &cluster->me->id) < 0) before_me++;
    }
    return before_me >= TELLERS;
}

/* Voters agree, and I suspect it myself: it has failed, and everybody hears it from me. */
static void judge(struct cluster *cluster, struct peer *peer)
{
    if (!peer_is_suspect(peer)) return;
    ensure(!peer_is_failed(peer));
    unsigned count = reports_count(cluster, peer);
    if (peer_is_voter(cluster->me)) count++;
    if (count < cluster_quorum(cluster)) return;

    peer->failed_hard = peer->evidence.is_hard;
    set_failed(cluster, peer);
    trace(cluster, LOG_LEVEL_NOTICE, "%s " ID_FORMAT " failed: %u of %u primaries agree, %s",
          role_name(peer), ID_TEXT(peer->id), count, cluster->size,
          peer->failed_hard ? "hard evidence" : "silent");
    if (leaves_telling(cluster, peer)) {
        peer->leaves_telling = true;
        time_ms due_ms = MIN(peer->deadline.node.due_ms, failure_tell_ms(peer));
        heap_set(&cluster->deadlines, &peer->deadline.node, due_ms);
        return;
    }
    failure_tell(cluster, peer);
}

static void clear_failed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer_is_failed(peer));
    peer_set_health(cluster, peer, 0);
    peer->failed_ms = 0;
    peer->failed_hard = false;
    peer->failed_before = false;
    if (peer == cluster->me->primary) cluster->me->flags &= (uint16_t)~NODE_PRIMARY_FAILED;
    cluster_save_later(cluster);
    trace(cluster, LOG_LEVEL_NOTICE, "%s " ID_FORMAT " is back", role_name(peer),
          ID_TEXT(peer->id));
    cluster_notice(cluster, NOTICE_PEER_BACK, peer);
}

/* From when on its FAIL may be cleared, if it answers: at once where nothing hangs on it. */
static time_ms clearing_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (!peer_is_voter(peer)) return peer->failed_ms;
    time_ms classic_ms = peer->failed_ms + 2 * cluster->options.node_timeout_ms + 1;
    bool is_withdrawn = peer->failed_hard || peer->failed_before;
    if (!is_withdrawn || cluster->options.is_classic) return classic_ms;
    /* The evidence was withdrawn by its answer, or is of an earlier run, in which it may have been
     * replaced and come back since; but a vote that I gave may still win. */
    return MIN(classic_ms, MAX(peer->failed_ms, peer->voted_against_until_ms));
}

bool failure_is_answered(const struct peer *peer)
{
    ensure(peer_is_failed(peer));
    return peer->answered_ms > 0 && peer->answered_ms >= peer->failed_ms && peer->ping_sent_ms == 0;
}

void failure_review(struct cluster *cluster, struct peer *peer)
{
    reports_expire(cluster, peer);
    if (!peer_is_failed(peer)) {
        judge(cluster, peer);
        return;
    }
    ensure(peer->failed_ms > 0);
    if (!failure_is_answered(peer)) return;
    if (cluster->now_ms < clearing_ms(cluster, peer)) return;
    clear_failed(cluster, peer);
}

time_ms failure_review_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (!peer_is_failed(peer)) return TIME_NEVER;
    if (!failure_is_answered(peer)) return TIME_NEVER;
    ensure(peer->failed_ms > 0);
    return clearing_ms(cluster, peer);
}

/* --- what brings suspicion, and what ends it --- */

void failure_suspect(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    if (!peer_is_healthy(peer)) return;
    peer_set_health(cluster, peer, NODE_PFAIL);
    trace(cluster, LOG_LEVEL_VERBOSE, "%s " ID_FORMAT " suspected: %s", role_name(peer),
          ID_TEXT(peer->id), peer->evidence.is_hard ? "hard evidence" : "silent");
    tell_voters(cluster, peer, 0);
    judge(cluster, peer);
}

void failure_on_silence(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->ping_sent_ms > 0);
    failure_suspect(cluster, peer);
}

/* It lives: my suspicion is taken back, and those who heard of it hear that, too. */
static void withdraw(struct cluster *cluster, struct peer *peer)
{
    if (!peer_is_suspect(peer)) return;
    peer_set_health(cluster, peer, 0);
    ensure(peer_is_healthy(peer));
    trace(cluster, LOG_LEVEL_VERBOSE, "%s " ID_FORMAT " answers again", role_name(peer),
          ID_TEXT(peer->id));
    tell_voters(cluster, peer, SUSPECT_WITHDRAWN);
}

void failure_on_answer(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    peer->answered_ms = cluster->now_ms;
    withdraw(cluster, peer);
    if (peer_is_failed(peer)) failure_review(cluster, peer);
}

/* Any message ends a suspicion that rests on hard evidence: the process runs. */
void failure_on_life(struct cluster *cluster, struct peer *peer)
{
    if (!peer->evidence.is_hard) return;
    peer->evidence.is_hard = false;
    withdraw(cluster, peer);
    ensure(!peer_is_suspect(peer));
}

/* --- what others say --- */

void failure_on_report(struct cluster *cluster, struct peer *subject, struct peer *reporter)
{
    ensure(subject != cluster->me);
    if (subject == reporter || !peer_is_voter(reporter)) return;
    if (report_put(cluster, subject, reporter)) {
        trace(cluster, LOG_LEVEL_DEBUG, "%s " ID_FORMAT " is suspected by " ID_FORMAT,
              role_name(subject), ID_TEXT(subject->id), ID_TEXT(reporter->id));
    }
    judge(cluster, subject);
}

void failure_on_fail_message(struct cluster *cluster, struct peer *sender,
                             const struct cluster_message *message)
{
    ensure(message->type == MESSAGE_FAIL);
    struct peer *subject = peers_find(cluster, &message->subject);
    if (subject == NULL || subject == cluster->me) return;
    subject->leaves_telling = false; /* all hear it from the sender */
    if (peer_is_failed(subject) || (subject->flags & NODE_HANDSHAKE)) return;
    subject->failed_hard = message->eir.is_present && (message->eir.flags & EIR_HARD);
    set_failed(cluster, subject);
    trace(cluster, LOG_LEVEL_NOTICE, "%s " ID_FORMAT " failed: says " ID_FORMAT, role_name(subject),
          ID_TEXT(subject->id), ID_TEXT(sender->id));
}

void failure_on_suspect_message(struct cluster *cluster, struct peer *sender,
                                const struct cluster_message *message)
{
    ensure(message->eir_type == EIR_SUSPECT);
    struct node_id id;
    if (message->payload.size != SUSPECT_PAYLOAD_SIZE) return;
    if (!node_id_parse(bytes_of(message->payload.data, NODE_ID_SIZE), &id)) return;
    struct peer *subject = peers_find(cluster, &id);
    if (subject == NULL || subject == cluster->me || (subject->flags & NODE_HANDSHAKE)) return;

    if (message->payload.data[NODE_ID_SIZE] & SUSPECT_WITHDRAWN)
        report_remove(subject, sender);
    else
        failure_on_report(cluster, subject, sender);
}
