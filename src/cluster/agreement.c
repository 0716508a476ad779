/* The agreement of fresh nodes on one set of members.
 *
 * The promise: of several sets that share a member at most one is ever formed, whatever crashes,
 * restarts or is cut off in between.
 *
 * The rules. For every set S and member m of it:
 *   (1) m locks S only while it has no other lock, and never a set that it has refused;
 *   (2) m refuses S only while it has not S locked, for ever;
 *   (3) m gives its lock on S up only when it knows that a member of S has refused S;
 *   (4) S is formed when a lock of every member is known, and a node that knows S formed keeps
 *       its lock for ever. Being formed into another set counts as having refused S.
 * Locks, refusals and their end are durable before they are shown.
 *
 * The argument. (a) If some member r refused S before it ever locked S, r never locks S (1), so S
 * is never formed. (b) If S is refused at all, the first refusal was by such an r: a member that
 * had locked S before must have given the lock up (2), which needs an earlier refusal (3). (c) So
 * if S has ever been locked by every member, at whatever moments, nobody has refused it or ever
 * gives its lock up: before the last lock no first refusal can have happened by (b) and (a), and
 * after it every member still holds its lock, for giving it up needs a first refusal, and (2)
 * allows none to a member that holds it. (d) Let S and T share m, both formed. Then m has locked
 * both, one first; by (c) it never gave that one up, so by (1) it cannot have locked the other.
 * Known locks therefore never grow stale: they may be relayed, kept and merged in any order.
 *
 * Liveness is a matter of taste, not of safety: of two sets that compete, the one whose ids come
 * first is preferred. A member that holds or is about to take the preferred one refuses the other;
 * a member that holds the other waits for such a refusal. Preference is one order for all, so two
 * members never refuse each other's sets both. A member of a locked set that has vanished for ever
 * blocks it until an operator resets the others; that is said aloud, because only a human knows
 * that it is gone for ever. A reset gives the node another id: the lock of the old id stands.
 *
 * The host that a member names in its lock is durable with it and relayed with it, so everybody
 * who knows all locks finds the same plan. */
#include "cluster/agreement.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"

#define SETS_MAX   256 /* competing sets that are kept in mind; those without locks make room */
#define ROUNDS_MAX 64  /* of one set of nodes: each takes a refusal, and those are limited too */

void agreement_init(struct agreement *agreement, const struct plan_shape *shape,
                    const struct node_id *self)
{
    ensure(plan_size(shape) > 0);
    ensure(!node_id_is_none(self));
    *agreement = (struct agreement){ .shape = *shape, .self = *self };
}

void agreement_fini(struct agreement *agreement)
{
    ensure(agreement->set_count <= SETS_MAX);
    for (uint32_t i = 0; i < agreement->set_count; i++) memory_free(agreement->sets[i].members);
    memory_free(agreement->sets);
    memory_free(agreement->voices);
    *agreement = (struct agreement){ 0 };
}

/* --- sets --- */

static struct agreement_set *set_find(const struct agreement *agreement, uint64_t number)
{
    for (uint32_t i = 0; number != 0 && i < agreement->set_count; i++) {
        if (agreement->sets[i].number == number) return &agreement->sets[i];
    }
    return NULL;
}

const struct agreement_set *agreement_find(const struct agreement *agreement, uint64_t number)
{
    return set_find(agreement, number);
}

static struct formation_member *set_member(const struct agreement_set *set,
                                           const struct node_id *id)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = node_id_compare(&set->members[middle].id, id);
        if (order == 0) return &set->members[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

bool agreement_set_is_complete(const struct agreement_set *set)
{
    ensure(set->count > 0);
    for (uint32_t i = 0; i < set->count; i++) {
        if (!set->members[i].has_locked) return false;
    }
    return true;
}

static bool set_has_other_lock(const struct agreement_set *set, const struct node_id *self)
{
    for (uint32_t i = 0; i < set->count; i++) {
        bool is_self = node_id_equal(&set->members[i].id, self);
        if (set->members[i].has_locked && !is_self) return true;
    }
    return false;
}

/* Below 0: `a` is preferred. */
static int set_compare(const struct agreement_set *a, const struct agreement_set *b)
{
    for (uint32_t i = 0; i < MIN(a->count, b->count); i++) {
        int order = node_id_compare(&a->members[i].id, &b->members[i].id);
        if (order != 0) return order;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Makes room by forgetting a set that no longer matters: one without any lock. Dead ones stay as
 * long as possible: their numbers must not be tried again. */
static bool sets_make_room(struct agreement *agreement)
{
    for (uint32_t i = 0; i < agreement->set_count; i++) {
        struct agreement_set *set = &agreement->sets[i];
        if (set->number == agreement->set) continue;
        if (set->is_dead || set_has_other_lock(set, &agreement->self)) continue;
        memory_free(set->members);
        *set = agreement->sets[--agreement->set_count];
        return true;
    }
    return false;
}

/* Remembers a set; its members are copied without their locks. NULL: too many are known. */
static struct agreement_set *set_remember(struct agreement *agreement, uint32_t round,
                                          const struct formation_member *members)
{
    uint32_t count = plan_size(&agreement->shape);
    uint64_t number = plan_number(&agreement->shape, round, members);
    struct agreement_set *known = set_find(agreement, number);
    if (known != NULL) return known;
    if (agreement->set_count == SETS_MAX && !sets_make_room(agreement)) return NULL;
    if (agreement->set_count == agreement->set_capacity) {
        agreement->set_capacity = MAX(8, agreement->set_capacity * 2);
        agreement->sets = memory_realloc(agreement->sets, agreement->set_capacity *
                                                              sizeof(*agreement->sets));
    }
    struct agreement_set *set = &agreement->sets[agreement->set_count++];
    *set = (struct agreement_set){ .number = number, .round = round, .count = count };
    set->members = memory_alloc_zero(count * sizeof(*set->members));
    for (uint32_t i = 0; i < count; i++) set->members[i].id = members[i].id;
    return set;
}

static bool has_refused(const struct agreement *agreement, uint64_t number)
{
    for (uint32_t i = 0; i < agreement->refused_count; i++) {
        if (agreement->refused[i] == number) return true;
    }
    return false;
}

/* --- hearing --- */

static uint32_t voice_place(const struct agreement *agreement, const struct node_id *id)
{
    uint32_t low = 0;
    uint32_t high = agreement->voice_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node_id_compare(&agreement->voices[middle].id, id) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct agreement_voice *voice_find(const struct agreement *agreement,
                                          const struct node_id *id)
{
    uint32_t place = voice_place(agreement, id);
    if (place == agreement->voice_count) return NULL;
    struct agreement_voice *voice = &agreement->voices[place];
    return node_id_equal(&voice->id, id) ? voice : NULL;
}

static struct agreement_voice *voice_put(struct agreement *agreement, const struct node_id *id)
{
    struct agreement_voice *known = voice_find(agreement, id);
    if (known != NULL) return known;
    if (agreement->voice_count == FORMATION_MEMBERS_MAX) return NULL;
    if (agreement->voice_count == agreement->voice_capacity) {
        agreement->voice_capacity = MAX(16, agreement->voice_capacity * 2);
        agreement->voices = memory_realloc(agreement->voices, agreement->voice_capacity *
                                                                  sizeof(*agreement->voices));
    }
    uint32_t place = voice_place(agreement, id);
    struct agreement_voice *voice = &agreement->voices[place];
    memmove(voice + 1, voice, (agreement->voice_count - place) * sizeof(*voice));
    *voice = (struct agreement_voice){ .id = *id };
    agreement->voice_count++;
    return voice;
}

void agreement_lose(struct agreement *agreement, const struct node_id *id)
{
    struct agreement_voice *voice = voice_find(agreement, id);
    if (voice == NULL) return;
    size_t index = (size_t)(voice - agreement->voices);
    agreement->voice_count--;
    memmove(voice, voice + 1, (agreement->voice_count - index) * sizeof(*voice));
}

void agreement_lose_silent(struct agreement *agreement, time_ms oldest_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < agreement->voice_count; i++) {
        if (agreement->voices[i].heard_ms < oldest_ms) continue;
        agreement->voices[kept++] = agreement->voices[i];
    }
    ensure(kept <= agreement->voice_count);
    agreement->voice_count = kept;
}

/* Takes over what the sender knows of its set. A set of the wrong size or with a wrong number is
 * not a set of this shape: the sender is mistaken, and nothing of it is believed. */
static void hear_set(struct agreement *agreement, const struct formation_message *message)
{
    if (message->member_count != plan_size(&agreement->shape)) return;
    uint64_t number = plan_number(&agreement->shape, message->round, message->members);
    if (number != message->set) return;
    struct agreement_set *set = set_remember(agreement, message->round, message->members);
    if (set == NULL) return;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct formation_member *said = &message->members[i];
        /* My own lock is what my disk says, not what others remember of an older disk. */
        if (!said->has_locked || set->members[i].has_locked) continue;
        if (message->phase != FORMATION_FORMED && node_id_equal(&said->id, &agreement->self)) {
            continue;
        }
        set->members[i].has_locked = true;
        memcpy(set->members[i].host, said->host, ADDRESS_IP_SIZE);
    }
}

static void hear_refusals(struct agreement *agreement, const struct node_id *sender,
                          const struct formation_message *message)
{
    ensure(message->refused_count <= FORMATION_REFUSED_MAX);
    for (uint32_t i = 0; i < message->refused_count; i++) {
        struct agreement_set *set = set_find(agreement, message->refused[i]);
        if (set != NULL && set_member(set, sender) != NULL) set->is_dead = true;
    }
    if (message->phase != FORMATION_FORMED) return;
    for (uint32_t i = 0; i < agreement->set_count; i++) {
        struct agreement_set *set = &agreement->sets[i];
        if (set->number != message->set && set_member(set, sender) != NULL) set->is_dead = true;
    }
}

void agreement_hear(struct agreement *agreement, const struct node_id *sender,
                    const struct formation_message *message, time_ms now_ms)
{
    ensure(!node_id_equal(sender, &agreement->self));
    ensure(message->phase < FORMATION_PHASE_COUNT);

    struct agreement_voice *voice = voice_put(agreement, sender);
    if (voice == NULL) return;
    voice->heard_ms = now_ms;
    voice->phase = message->phase;
    voice->set = message->set;
    if (message->set != 0) hear_set(agreement, message);
    hear_refusals(agreement, sender, message);

    if (message->phase != FORMATION_FORMED) return;
    const struct agreement_set *set = set_find(agreement, message->set);
    bool is_member = set != NULL && set_member(set, &agreement->self) != NULL;
    /* My disk is older than the formation itself, and the others have forgotten the members: then
     * the plan is history, and what has become of it I hear as a late comer does. */
    bool is_past = agreement->phase == FORMATION_LOCKED && agreement->set == message->set &&
                   message->member_count == 0;
    if (!is_member || is_past) agreement->formed_elsewhere = message->set;
}

/* --- deciding --- */

static void move_to(struct agreement *agreement, enum formation_phase phase, uint64_t set)
{
    static const unsigned phase_may_become[FORMATION_PHASE_COUNT] = {
        [FORMATION_LISTENS] = 1u << FORMATION_PROPOSES | 1u << FORMATION_FORMED,
        [FORMATION_PROPOSES] = 1u << FORMATION_LISTENS | 1u << FORMATION_PROPOSES |
                               1u << FORMATION_LOCKED | 1u << FORMATION_FORMED,
        [FORMATION_LOCKED] = 1u << FORMATION_LISTENS | 1u << FORMATION_FORMED,
    };
    ensure(phase_may_become[agreement->phase] & 1u << phase);
    agreement->phase = (uint8_t)phase;
    agreement->set = set;
}

/* Rule (2). A full list refuses nothing more: the competing set then waits for somebody else. */
static bool refuse(struct agreement *agreement, const struct agreement_set *set)
{
    ensure(set->number != agreement->set || agreement->phase < FORMATION_LOCKED);
    if (has_refused(agreement, set->number)) return false;
    if (agreement->refused_count == FORMATION_REFUSED_MAX) return false;
    agreement->refused[agreement->refused_count++] = set->number;
    return true;
}

/* A set with me in it that another member has locked and that may still be formed. */
static bool set_calls_me(const struct agreement *agreement, const struct agreement_set *set)
{
    return !set->is_dead && !has_refused(agreement, set->number) &&
           set_member(set, &agreement->self) != NULL &&
           set_has_other_lock(set, &agreement->self);
}

/* Refuses every set that calls me and comes after `mine`, which I hold or am about to take. */
static unsigned refuse_rivals(struct agreement *agreement, const struct agreement_set *mine)
{
    unsigned news = 0;
    for (uint32_t i = 0; i < agreement->set_count; i++) {
        struct agreement_set *set = &agreement->sets[i];
        if (set->number == mine->number || !set_calls_me(agreement, set)) continue;
        if (set_compare(mine, set) < 0 && refuse(agreement, set)) {
            news |= AGREEMENT_SAVE | AGREEMENT_SAID;
        }
    }
    return news;
}

static unsigned decide_locked(struct agreement *agreement)
{
    struct agreement_set *mine = set_find(agreement, agreement->set);
    ensure(mine != NULL);
    if (agreement_set_is_complete(mine)) {
        move_to(agreement, FORMATION_FORMED, mine->number);
        return AGREEMENT_SAVE | AGREEMENT_SAID | AGREEMENT_FORMED;
    }
    if (mine->is_dead) { /* rule (3) */
        move_to(agreement, FORMATION_LISTENS, 0);
        return AGREEMENT_SAVE | AGREEMENT_SAID;
    }
    return refuse_rivals(agreement, mine);
}

/* A set that calls me and that others say is formed: my own lock was lost with my disk, or undone
 * by a reset that kept the id. It stands all the same, because the others rely on it. */
static unsigned decide_formed(struct agreement *agreement)
{
    for (uint32_t i = 0; i < agreement->set_count; i++) {
        struct agreement_set *set = &agreement->sets[i];
        if (set_member(set, &agreement->self) == NULL) continue;
        if (!agreement_set_is_complete(set)) continue;
        move_to(agreement, FORMATION_FORMED, set->number);
        return AGREEMENT_SAVE | AGREEMENT_SAID | AGREEMENT_FORMED;
    }
    return 0;
}

/* The smallest ids of those who are free and of mine; NULL while there are too few. */
static struct agreement_set *gather(struct agreement *agreement)
{
    uint32_t wanted = plan_size(&agreement->shape);
    if (agreement->voice_count + 1 < wanted) return NULL;
    struct formation_member *members = memory_alloc_zero(wanted * sizeof(*members));
    uint32_t count = 0;
    bool has_self = false;
    for (uint32_t i = 0; i <= agreement->voice_count && count < wanted; i++) {
        const struct agreement_voice *voice = &agreement->voices[i];
        bool is_end = i == agreement->voice_count;
        if (!has_self && (is_end || node_id_compare(&agreement->self, &voice->id) < 0)) {
            members[count++].id = agreement->self;
            has_self = true;
        }
        if (is_end || count == wanted || voice->phase >= FORMATION_LOCKED) continue;
        members[count++].id = voice->id;
    }
    struct agreement_set *set = NULL;
    for (uint32_t round = 0; count == wanted && round < ROUNDS_MAX; round++) {
        /* What has been refused once can never be formed: the same nodes need a new number. */
        set = set_remember(agreement, round, members);
        if (set == NULL || !(set->is_dead || has_refused(agreement, set->number))) break;
    }
    memory_free(members);
    return set;
}

/* The set that I would lock: the preferred one of those that call me, else what I have gathered
 * and what has not changed for a while. NULL: none yet. */
static struct agreement_set *choose(struct agreement *agreement, time_ms now_ms)
{
    struct agreement_set *best = NULL;
    for (uint32_t i = 0; i < agreement->set_count; i++) {
        struct agreement_set *set = &agreement->sets[i];
        if (!set_calls_me(agreement, set)) continue;
        if (best == NULL || set_compare(set, best) < 0) best = set;
    }
    uint64_t called = best != NULL ? best->number : 0;
    struct agreement_set *gathered = gather(agreement);
    uint64_t number = gathered != NULL ? gathered->number : 0;
    if (number != agreement->gathered) {
        agreement->gathered = number;
        agreement->gathered_since_ms = now_ms;
    }
    if (called != 0) return set_find(agreement, called); /* gathering moved the sets */
    if (gathered == NULL || gathered->is_dead || has_refused(agreement, number)) return NULL;
    if (set_member(gathered, &agreement->self) == NULL) return NULL; /* I am the one too many */
    bool is_settled = now_ms - agreement->gathered_since_ms >= AGREEMENT_GATHER_MS;
    return is_settled ? gathered : NULL;
}

static bool all_propose(const struct agreement *agreement, const struct agreement_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct node_id *id = &set->members[i].id;
        if (set->members[i].has_locked || node_id_equal(id, &agreement->self)) continue;
        const struct agreement_voice *voice = voice_find(agreement, id);
        if (voice == NULL || voice->set != set->number) return false;
        if (voice->phase == FORMATION_LISTENS) return false;
    }
    return true;
}

static unsigned decide_free(struct agreement *agreement, time_ms now_ms)
{
    unsigned news = decide_formed(agreement);
    if (news != 0) return news;

    bool is_late = agreement->formed_elsewhere != 0;
    struct agreement_set *set = is_late ? NULL : choose(agreement, now_ms);
    if (set == NULL) {
        if (agreement->phase == FORMATION_LISTENS) return 0;
        move_to(agreement, FORMATION_LISTENS, 0);
        return AGREEMENT_SAID;
    }
    if (agreement->phase != FORMATION_PROPOSES || agreement->set != set->number) {
        move_to(agreement, FORMATION_PROPOSES, set->number);
        news |= AGREEMENT_SAID;
    }
    news |= refuse_rivals(agreement, set);
    if (agreement->trusts_proposals) {
        for (uint32_t i = 0; i < set->count; i++) set->members[i].has_locked = true;
        return news | AGREEMENT_SAID; /* found complete in the next round */
    }
    if (!all_propose(agreement, set)) return news;

    ensure(!has_refused(agreement, set->number)); /* rule (1) */
    struct formation_member *me = set_member(set, &agreement->self);
    ensure(me != NULL);
    me->has_locked = true;
    memcpy(me->host, agreement->host, ADDRESS_IP_SIZE);
    move_to(agreement, FORMATION_LOCKED, set->number);
    return news | AGREEMENT_SAVE | AGREEMENT_SAID;
}

unsigned agreement_step(struct agreement *agreement, time_ms now_ms)
{
    unsigned news = 0;
    for (;;) {
        unsigned more = 0;
        if (agreement->phase == FORMATION_LOCKED) more = decide_locked(agreement);
        else if (agreement->phase != FORMATION_FORMED) more = decide_free(agreement, now_ms);
        news |= more;
        if (more == 0) return news;
    }
}

bool agreement_may_join(const struct agreement *agreement)
{
    uint64_t number = agreement->formed_elsewhere;
    ensure(agreement->phase < FORMATION_PHASE_COUNT);
    if (number == 0 || agreement->phase == FORMATION_FORMED) return false;
    return agreement->phase < FORMATION_LOCKED || agreement->set == number;
}

void agreement_join(struct agreement *agreement, uint64_t number)
{
    ensure(number != 0);
    ensure(agreement_may_join(agreement));
    move_to(agreement, FORMATION_FORMED, number);
}

void agreement_forget(struct agreement *agreement)
{
    ensure(agreement->phase == FORMATION_FORMED);
    for (uint32_t i = 0; i < agreement->set_count; i++) memory_free(agreement->sets[i].members);
    agreement->set_count = 0;
    agreement->voice_count = 0;
}

time_ms agreement_due_ms(const struct agreement *agreement)
{
    if (agreement->phase >= FORMATION_LOCKED || agreement->gathered == 0) return TIME_NEVER;
    if (agreement->set == agreement->gathered) return TIME_NEVER;
    return agreement->gathered_since_ms + AGREEMENT_GATHER_MS;
}

void agreement_say(const struct agreement *agreement, struct formation_message *message)
{
    *message = (struct formation_message){ .phase = agreement->phase, .set = agreement->set };
    memcpy(message->name, agreement->shape.name, sizeof(message->name));
    message->shards = agreement->shape.shards;
    message->replicas_per_shard = agreement->shape.replicas_per_shard;
    memcpy(message->refused, agreement->refused, sizeof(message->refused));
    message->refused_count = agreement->refused_count;
    const struct agreement_set *set = set_find(agreement, agreement->set);
    ensure(set != NULL || agreement->set == 0 || agreement->phase == FORMATION_FORMED);
    if (set == NULL) return;
    message->round = set->round;
    message->members = set->members;
    message->member_count = set->count;
}

/* --- nodes.conf --- */

void agreement_write_lock(const struct agreement *agreement, struct buffer *into)
{
    ensure(agreement->phase >= FORMATION_LOCKED);
    const struct agreement_set *set = set_find(agreement, agreement->set);
    ensure(set != NULL || agreement->phase == FORMATION_FORMED);
    buffer_printf(into, "%u:%llu:%u:%u:%u:", agreement->phase,
                  (unsigned long long)agreement->set, set != NULL ? set->round : 0,
                  agreement->shape.shards, agreement->shape.replicas_per_shard);
    for (const char *at = agreement->shape.name; *at != 0; at++) {
        buffer_printf(into, "%02x", (unsigned char)*at);
    }
    buffer_append_byte(into, ':');
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        const struct formation_member *member = &set->members[i];
        if (i > 0) buffer_append_byte(into, ',');
        buffer_append(into, bytes_of(member->id.hex, NODE_ID_SIZE));
        if (member->has_locked) buffer_printf(into, "=%s", member->host);
    }
}

/* The part before the next `separator`; *text goes behind it. */
static struct bytes next_part(struct bytes *text, char separator)
{
    ptrdiff_t at = bytes_index_of(*text, separator);
    struct bytes part = at < 0 ? *text : bytes_of(text->data, (size_t)at);
    *text = at < 0 ? BYTES_EMPTY : bytes_from(*text, (size_t)at + 1);
    return part;
}

static bool next_number(struct bytes *text, uint64_t max, uint64_t *value)
{
    return number_parse_unsigned(next_part(text, ':'), value) && *value <= max;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool read_name(struct bytes hex, char name[FORMATION_NAME_MAX + 1])
{
    if (hex.size % 2 != 0 || hex.size / 2 > FORMATION_NAME_MAX) return false;
    memset(name, 0, FORMATION_NAME_MAX + 1);
    for (size_t i = 0; i < hex.size; i += 2) {
        int high = hex_digit(hex.data[i]);
        int low = hex_digit(hex.data[i + 1]);
        if (high < 0 || low < 0 || (high | low) == 0) return false;
        name[i / 2] = (char)(high << 4 | low);
    }
    return true;
}

static bool read_member(struct bytes text, struct formation_member *member)
{
    *member = (struct formation_member){ 0 };
    if (text.size < NODE_ID_SIZE) return false;
    if (!node_id_parse(bytes_of(text.data, NODE_ID_SIZE), &member->id)) return false;
    struct bytes rest = bytes_from(text, NODE_ID_SIZE);
    if (rest.size == 0) return true;
    member->has_locked = true;
    return rest.data[0] == '=' && bytes_to_text(bytes_from(rest, 1), member->host, ADDRESS_IP_SIZE);
}

static bool read_members(struct bytes text, struct formation_member *members, uint32_t wanted)
{
    uint32_t count = 0;
    while (text.size > 0) {
        if (count == wanted || !read_member(next_part(&text, ','), &members[count])) return false;
        const struct node_id *before = count > 0 ? &members[count - 1].id : NULL;
        if (before != NULL && node_id_compare(before, &members[count].id) >= 0) return false;
        count++;
    }
    return count == wanted;
}

/* The members of a lock, checked against its number. */
static bool read_set(struct agreement *agreement, uint64_t phase, uint64_t number, uint32_t round,
                     struct bytes text)
{
    uint32_t wanted = plan_size(&agreement->shape);
    struct formation_member *members = memory_alloc_zero(wanted * sizeof(*members));
    struct agreement_set *set = NULL;
    if (read_members(text, members, wanted) &&
        plan_number(&agreement->shape, round, members) == number) {
        set = set_remember(agreement, round, members);
    }
    if (set != NULL) memcpy(set->members, members, wanted * sizeof(*members));
    memory_free(members);
    const struct formation_member *me = set ? set_member(set, &agreement->self) : NULL;
    if (me == NULL) return set != NULL && phase == FORMATION_FORMED; /* I came late to it */
    return me->has_locked;
}

bool agreement_read_lock(struct agreement *agreement, struct bytes text)
{
    ensure(agreement->phase == FORMATION_LISTENS);
    struct plan_shape shape = { 0 };
    uint64_t phase = 0;
    uint64_t number = 0;
    uint64_t round = 0;
    uint64_t shards = 0;
    uint64_t replicas = 0;
    if (!next_number(&text, FORMATION_FORMED, &phase) || phase < FORMATION_LOCKED) return false;
    if (!next_number(&text, UINT64_MAX, &number) || number == 0) return false;
    if (!next_number(&text, UINT32_MAX, &round)) return false;
    if (!next_number(&text, UINT32_MAX, &shards)) return false;
    if (!next_number(&text, UINT32_MAX, &replicas)) return false;
    if (!read_name(next_part(&text, ':'), shape.name)) return false;
    shape.shards = (uint32_t)shards;
    shape.replicas_per_shard = (uint32_t)replicas;
    if (plan_size(&shape) == 0) return false;

    agreement->shape = shape;
    bool has_members = text.size > 0 || phase == FORMATION_LOCKED;
    if (has_members && !read_set(agreement, phase, number, (uint32_t)round, text))
        return false;
    agreement->phase = (uint8_t)phase;
    agreement->set = number;
    return true;
}

void agreement_write_refused(const struct agreement *agreement, struct buffer *into)
{
    ensure(agreement->refused_count <= FORMATION_REFUSED_MAX);
    for (uint32_t i = 0; i < agreement->refused_count; i++) {
        if (i > 0) buffer_append_byte(into, ',');
        buffer_printf(into, "%llu", (unsigned long long)agreement->refused[i]);
    }
}

bool agreement_read_refused(struct agreement *agreement, struct bytes text)
{
    ensure(agreement->refused_count == 0);
    while (text.size > 0) {
        uint64_t number = 0;
        if (!number_parse_unsigned(next_part(&text, ','), &number)) return false;
        if (agreement->refused_count == FORMATION_REFUSED_MAX) return false;
        agreement->refused[agreement->refused_count++] = number;
    }
    return true;
}
