/* The plan of a formation.
 *
 * Spreading is greedy and then mended: members are dealt out host by host, so that the first ones
 * (the primaries) lie on as many hosts as there are; replicas take the first that is left on a
 * host that their shard does not use yet. Greed can leave the last shard with a node of a host it
 * has already, where an exchange with another shard would serve both; mending makes every such
 * exchange that lowers the number of pairs that share shard and host, until there is none. */
#include "cluster/plan.h"
#include "base/ensure.h"
#include "base/memory.h"

#include <stdlib.h>

uint32_t plan_size(const struct plan_shape *shape)
{
    uint64_t size = (uint64_t)shape->shards * ((uint64_t)shape->replicas_per_shard + 1);
    if (shape->shards > SLOT_COUNT || size > FORMATION_MEMBERS_MAX) return 0;
    return (uint32_t)size;
}

bool plan_shape_equal(const struct plan_shape *a, const struct plan_shape *b)
{
    return a->shards == b->shards && a->replicas_per_shard == b->replicas_per_shard &&
           strcmp(a->name, b->name) == 0;
}

uint64_t plan_number(const struct plan_shape *shape, uint32_t round,
                     const struct formation_member *members)
{
    uint32_t count = plan_size(shape);
    ensure(count > 0);
    struct buffer text;
    buffer_init(&text);
    buffer_printf(&text, "eir formation 1\n%s\n%u %u %u\n", shape->name, shape->shards,
                  shape->replicas_per_shard, round);
    for (uint32_t i = 0; i < count; i++) {
        ensure(i == 0 || node_id_compare(&members[i - 1].id, &members[i].id) < 0);
        buffer_append(&text, bytes_of(members[i].id.hex, NODE_ID_SIZE));
        buffer_append_byte(&text, '\n');
    }
    uint8_t digest[SHA256_SIZE];
    sha256(buffer_bytes(&text), digest);
    buffer_fini(&text);

    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) number = number << 8 | digest[i];
    return number != 0 ? number : 1;
}

void plan_slots(uint32_t shards, uint32_t shard, unsigned *first, unsigned *last)
{
    ensure(shard < shards);
    ensure(shards <= SLOT_COUNT);
    /* Borders at i * 16384 / shards, rounded to the nearest: 5461.33 and 10922.67 for three give
     * 0-5460, 5461-10922, 10923-16383. */
    uint64_t low = ((uint64_t)shard * SLOT_COUNT * 2 + shards) / (2 * (uint64_t)shards);
    uint64_t high = (((uint64_t)shard + 1) * SLOT_COUNT * 2 + shards) / (2 * (uint64_t)shards);
    ensure(low < high);
    *first = (unsigned)low;
    *last = (unsigned)high - 1;
}

/* A member on its way to a place. */
struct card {
    uint32_t member;
    uint32_t host;  /* hosts numbered in the order of their text */
    uint32_t round; /* how many members of the same host come before it */
};

struct deal {
    struct card *cards; /* owned; in the order in which they are dealt */
    uint32_t count;
    uint32_t host_count;
};

struct host_entry {
    const struct formation_member *member;
    uint32_t index;
};

static int compare_hosts(const void *a, const void *b)
{
    const struct host_entry *left = a;
    const struct host_entry *right = b;
    int order = strcmp(left->member->host, right->member->host);
    return order != 0 ? order : node_id_compare(&left->member->id, &right->member->id);
}

static int compare_cards(const void *a, const void *b)
{
    const struct card *left = a;
    const struct card *right = b;
    if (left->round != right->round) return left->round < right->round ? -1 : 1;
    return left->host < right->host ? -1 : left->host > right->host;
}

static void deal_init(struct deal *deal, const struct formation_member *members, uint32_t count)
{
    ensure(count > 0);
    struct host_entry *entries = memory_alloc(count * sizeof(*entries));
    for (uint32_t i = 0; i < count; i++) entries[i] = (struct host_entry){ &members[i], i };
    qsort(entries, count, sizeof(*entries), compare_hosts);

    *deal = (struct deal){ .cards = memory_alloc(count * sizeof(struct card)), .count = count };
    uint32_t round = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_new_host = i == 0 || strcmp(entries[i - 1].member->host, entries[i].member->host);
        round = is_new_host ? 0 : round + 1;
        if (is_new_host) deal->host_count++;
        deal->cards[i] = (struct card){ entries[i].index, deal->host_count - 1, round };
    }
    qsort(deal->cards, count, sizeof(*deal->cards), compare_cards);
    memory_free(entries);
}

/* A seat per node: seats[shard * size + i], the primary's first; each holds the index of a card. */
struct seating {
    const struct deal *deal;
    uint32_t *seats; /* owned */
    uint32_t shards;
    uint32_t size; /* nodes in a shard */
};

/* How many of the first `filled` nodes of a shard share this host, the one at `except` left out. */
static uint32_t seating_clashes(const struct seating *seating, uint32_t shard, uint32_t filled,
                                uint32_t except, uint32_t host)
{
    ensure(filled <= seating->size);
    uint32_t clashes = 0;
    for (uint32_t i = 0; i < filled; i++) {
        uint32_t card = seating->seats[shard * seating->size + i];
        if (i != except && seating->deal->cards[card].host == host) clashes++;
    }
    return clashes;
}

static uint32_t seating_pick(const struct seating *seating, uint32_t shard, uint32_t filled,
                             const bool *is_taken)
{
    uint32_t best = UINT32_MAX;
    uint32_t best_clashes = UINT32_MAX;
    for (uint32_t card = seating->shards; card < seating->deal->count; card++) {
        if (is_taken[card]) continue;
        uint32_t host = seating->deal->cards[card].host;
        uint32_t clashes = seating_clashes(seating, shard, filled, UINT32_MAX, host);
        if (clashes >= best_clashes) continue;
        best = card;
        best_clashes = clashes;
        if (clashes == 0) break;
    }
    ensure(best != UINT32_MAX);
    return best;
}

static void seating_fill(struct seating *seating)
{
    ensure(seating->shards * seating->size == seating->deal->count);
    bool *is_taken = memory_alloc_zero(seating->deal->count * sizeof(*is_taken));
    for (uint32_t shard = 0; shard < seating->shards; shard++) {
        seating->seats[shard * seating->size] = shard;
    }
    for (uint32_t place = 1; place < seating->size; place++) {
        for (uint32_t shard = 0; shard < seating->shards; shard++) {
            uint32_t card = seating_pick(seating, shard, place, is_taken);
            is_taken[card] = true;
            seating->seats[shard * seating->size + place] = card;
        }
    }
    memory_free(is_taken);
}

/* Exchanges the replica at this seat with the first one elsewhere that makes both shards together
 * clash less. */
static bool seating_mend(struct seating *seating, uint32_t seat)
{
    uint32_t size = seating->size;
    const struct card *cards = seating->deal->cards;
    uint32_t shard = seat / size;
    uint32_t host = cards[seating->seats[seat]].host;
    uint32_t clashes = seating_clashes(seating, shard, size, seat % size, host);
    if (clashes == 0) return false;

    for (uint32_t other = 0; other < seating->deal->count; other++) {
        if (other % size == 0 || other / size == shard) continue;
        uint32_t other_shard = other / size;
        uint32_t other_host = cards[seating->seats[other]].host;
        uint32_t now = clashes +
                       seating_clashes(seating, other_shard, size, other % size, other_host);
        uint32_t then = seating_clashes(seating, shard, size, seat % size, other_host) +
                        seating_clashes(seating, other_shard, size, other % size, host);
        if (then >= now) continue;
        uint32_t card = seating->seats[seat];
        seating->seats[seat] = seating->seats[other];
        seating->seats[other] = card;
        return true;
    }
    return false;
}

void plan_make(const struct plan_shape *shape, const struct formation_member *members,
               struct plan_place *places)
{
    uint32_t count = plan_size(shape);
    ensure(count > 0);
    struct deal deal;
    deal_init(&deal, members, count);
    struct seating seating = { .deal = &deal,
                               .seats = memory_alloc_zero(count * sizeof(uint32_t)),
                               .shards = shape->shards,
                               .size = shape->replicas_per_shard + 1 };
    seating_fill(&seating);

    /* Each exchange lowers a sum that cannot fall below 0, so this ends. On one host there is
     * nothing to gain. */
    bool is_better = deal.host_count > 1;
    while (is_better) {
        is_better = false;
        for (uint32_t seat = 0; seat < count; seat++) {
            if (seat % seating.size != 0 && seating_mend(&seating, seat)) is_better = true;
        }
    }
    for (uint32_t seat = 0; seat < count; seat++) {
        uint32_t member = deal.cards[seating.seats[seat]].member;
        places[member].shard = seat / seating.size;
        places[member].is_primary = seat % seating.size == 0;
    }
    memory_free(seating.seats);
    memory_free(deal.cards);
}
