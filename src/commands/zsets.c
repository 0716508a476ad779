/* Sorted sets by member: ZADD, ZSCORE, ZRANK, ZREM, ZRANDMEMBER, ZSCAN. */
#include "commands/zsets.h"

#include "base/glob.h"
#include "base/memory.h"
#include "base/number.h"
#include "commands/rows.h"
#include "commands/scan_elements.h"
#include "commands/sizes.h"

#include <math.h>
#include <stdio.h>

bool call_zset_for_read(struct call *call, uint32_t index, struct zset **zset)
{
    struct key key = call_key(call, index);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_ZSET, &entry)) return false;
    *zset = entry == NULL ? NULL : entry_zset(entry);
    return true;
}

void zset_put(struct zset **zset, const struct value_rules *rules, struct bytes member,
              double score)
{
    struct zset_place place;
    if (!zset_find(*zset, member, &place))
        zset_insert(zset, rules, &place, member, score);
    else if (place.score != score)
        zset_rescore(zset, &place, member, score);
}

void zset_store(struct call *call, const struct key *key, struct zset *zset, const char *event)
{
    size_t count = zset_count(zset);
    if (count > 0) {
        zset_compact(&zset, keyspace_value_rules(call->keyspace));
        keyspace_put_value(call->keyspace, call->access, key, VALUE_ZSET, zset, PUT_PLAIN);
        call_notify(call, NOTIFY_ZSET, event, key);
    } else {
        zset_destroy(zset);
        if (keyspace_delete(call->keyspace, call->access, key))
            call_notify(call, NOTIFY_GENERIC, "del", key);
    }
    reply_integer(call, (int64_t)count);
}

void zset_shrunk(struct call *call, const struct key *key, struct entry *entry, struct zset *zset,
                 const char *event)
{
    bool is_empty = zset_count(zset) == 0;
    call_edited(call, key, entry, zset);
    call_notify(call, NOTIFY_ZSET, event, key);
    if (is_empty) call_emptied(call, key);
}

/* --- adding ------------------------------------------------------------------------------ */

static bool take_option(struct call *call, struct zset_add *add)
{
    struct bytes text = call_arg(call, add->first);
    if (text.size > 0 && text.data[0] <= '9') return false; /* a number, as nearly always */
    const struct {
        const char *word;
        bool *flag;
    } options[] = {
        { "nx", &add->if_absent }, { "xx", &add->if_present },     { "gt", &add->if_greater },
        { "lt", &add->if_less },   { "ch", &add->counts_changed }, { "incr", &add->increments },
    };
    size_t i = 0;
    while (i < COUNT_OF(options) && !bytes_is_word(text, options[i].word)) i++;
    if (i == COUNT_OF(options)) return false;
    *options[i].flag = true;
    return true;
}

void zset_add_parse(struct call *call, struct zset_add *add)
{
    *add = (struct zset_add){ .first = 2 };
    while (add->first < call->argc && take_option(call, add)) add->first++;
}

enum add_result { ADD_NOTHING, ADD_SAME, ADD_NEW, ADD_CHANGED, ADD_NAN };

static enum add_result add_one(struct zset **zset, const struct zset_add *add,
                               const struct value_rules *rules, struct bytes member, double *score)
{
    struct zset_place place;
    if (!zset_find(*zset, member, &place)) {
        if (add->if_present) return ADD_NOTHING;
        zset_insert(zset, rules, &place, member, *score);
        return ADD_NEW;
    }
    if (add->if_absent) return ADD_NOTHING;
    if (add->increments) *score += place.score;
    if (isnan(*score)) return ADD_NAN;
    if (add->if_less && *score >= place.score) return ADD_NOTHING;
    if (add->if_greater && *score <= place.score) return ADD_NOTHING;
    if (*score == place.score) return ADD_SAME;
    zset_rescore(zset, &place, member, *score);
    return ADD_CHANGED;
}

static void add_reply(struct call *call, const struct zset_add *add, enum add_result last,
                      double score, uint32_t counted)
{
    if (!add->increments)
        reply_integer(call, counted);
    else if (last == ADD_NOTHING)
        reply_null(call);
    else
        reply_double(call, score);
}

bool zset_add_run(struct call *call, const struct zset_add *add, const double *scores,
                  uint32_t first, uint32_t step, uint32_t count)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_ZSET, &entry)) return false;
    if (entry == NULL && add->if_present) {
        add_reply(call, add, ADD_NOTHING, 0, 0);
        return false;
    }
    struct zset *zset = entry == NULL ? zset_create() : entry_zset(entry);
    uint32_t totals[ADD_NAN + 1] = { 0 };
    enum add_result last = ADD_NOTHING;
    double score = 0;
    size_t longest = 0;
    for (uint32_t i = 0; i < count; i++)
        longest = MAX(longest, call_arg(call, first + i * step).size);
    zset_expect(&zset, rules, count, longest);
    for (uint32_t i = 0; i < count; i++) {
        score = scores[i];
        last = add_one(&zset, add, rules, call_arg(call, first + i * step), &score);
        totals[last]++;
    }
    uint32_t changed = totals[ADD_NEW] + totals[ADD_CHANGED];
    if (entry == NULL)
        keyspace_put_value(call->keyspace, call->access, &key, VALUE_ZSET, zset, PUT_PLAIN);
    else if (changed > 0)
        call_edited(call, &key, entry, zset);
    else
        entry_value_set(entry, zset);
    call_changed_many(call, changed);
    if (changed > 0) call_notify(call, NOTIFY_ZSET, add->increments ? "zincr" : "zadd", &key);
    if (last == ADD_NAN)
        reply_error(call, "ERR resulting score is not a number (NaN)");
    else
        add_reply(call, add, last, score, add->counts_changed ? changed : totals[ADD_NEW]);
    return changed > 0;
}

/* True when the options agree with each other; else answered. */
static bool add_is_consistent(struct call *call, const struct zset_add *add, uint32_t count)
{
    if (add->if_absent && add->if_present) {
        reply_error(call, "ERR XX and NX options at the same time are not compatible");
        return false;
    }
    if ((add->if_greater && add->if_absent) || (add->if_less && add->if_absent) ||
        (add->if_greater && add->if_less)) {
        reply_error(call, "ERR GT, LT, and/or NX options at the same time are not compatible");
        return false;
    }
    if (add->increments && count > 1) {
        reply_error(call, "ERR INCR option supports a single increment-element pair");
        return false;
    }
    return true;
}

static bool score_parse(struct call *call, uint32_t index, double *score)
{
    if (number_parse_double(call_arg(call, index), score)) return true;
    reply_error(call, "ERR value is not a valid float");
    return false;
}

static void add_pairs(struct call *call, const struct zset_add *add)
{
    double few[8];
    uint32_t count = (call->argc - add->first) / 2;
    double *scores = count <= COUNT_OF(few) ? few : memory_alloc(count * sizeof(*scores));
    bool is_good = true;
    for (uint32_t i = 0; i < count && is_good; i++)
        is_good = score_parse(call, add->first + 2 * i, &scores[i]);
    if (is_good) zset_add_run(call, add, scores, add->first + 1, 2, count);
    if (scores != few) memory_free(scores);
}

static void zadd(struct call *call)
{
    struct zset_add add;
    zset_add_parse(call, &add);
    uint32_t rest = call->argc - add.first;
    if (rest == 0 || rest % 2 != 0) {
        reply_syntax_error(call);
        return;
    }
    if (add_is_consistent(call, &add, rest / 2)) add_pairs(call, &add);
}

static void zincrby(struct call *call)
{
    struct zset_add add = { .increments = true, .first = 2 };
    add_pairs(call, &add);
}

/* --- members ----------------------------------------------------------------------------- */

static void zcard(struct call *call)
{
    struct zset *zset;
    if (!call_zset_for_read(call, 1, &zset)) return;
    reply_integer(call, zset == NULL ? 0 : (int64_t)zset_count(zset));
}

static void reply_score_of(struct call *call, const struct zset *zset, struct bytes member)
{
    struct zset_place place;
    if (zset != NULL && zset_find(zset, member, &place))
        reply_double(call, place.score);
    else
        reply_null(call);
}

static void zscore(struct call *call)
{
    struct zset *zset;
    if (call_zset_for_read(call, 1, &zset)) reply_score_of(call, zset, call_arg(call, 2));
}

static void zmscore(struct call *call)
{
    struct zset *zset;
    if (!call_zset_for_read(call, 1, &zset)) return;
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) reply_score_of(call, zset, call_arg(call, i));
}

static void rank_in(struct call *call, bool is_reverse)
{
    struct zset *zset;
    struct zset_place place;
    bool has_score = call->argc > 3;
    if (call->argc > 4) {
        reply_wrong_arity(call);
        return;
    }
    if (has_score && !call_arg_is(call, 3, "withscore")) {
        reply_syntax_error(call);
        return;
    }
    if (!call_zset_for_read(call, 1, &zset)) return;
    struct bytes member = call_arg(call, 2);
    if (zset == NULL || !zset_find(zset, member, &place)) {
        if (has_score)
            reply_null_array(call);
        else
            reply_null(call);
        return;
    }
    size_t rank = zset_rank(zset, &place);
    if (is_reverse) rank = zset_count(zset) - 1 - rank;
    if (has_score) reply_array(call, 2);
    reply_integer(call, (int64_t)rank);
    if (has_score) reply_double(call, place.score);
}

static void zrank(struct call *call)
{
    rank_in(call, false);
}

static void zrevrank(struct call *call)
{
    rank_in(call, true);
}

static void zrem(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_ZSET, &entry)) return;
    struct zset *zset = entry == NULL ? NULL : entry_zset(entry);
    int64_t removed = 0;
    for (uint32_t i = 2; i < call->argc && zset != NULL && zset_count(zset) > 0; i++) {
        struct zset_place place;
        if (!zset_find(zset, call_arg(call, i), &place)) continue;
        zset_remove(&zset, &place);
        removed++;
    }
    if (removed > 0) zset_shrunk(call, &key, entry, zset, "zrem");
    reply_integer(call, removed);
}

/* --- ZRANDMEMBER ------------------------------------------------------------------------- */

static void reply_at(struct call *call, const struct zset *zset, size_t rank, bool has_score)
{
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(zset, rank, &cursor);
    bool is_there = zset_next(&cursor, &item);
    ensure(is_there);
    reply_zset_item(call, &item, has_score);
}

/* Most of them: passes over each and takes it with the chance that is left; from the end, as
 * Valkey does when it gives all. */
static void reply_most(struct call *call, const struct zset *zset, size_t count, bool has_score)
{
    struct zset_cursor cursor;
    struct zset_item item;
    size_t left = zset_count(zset);
    zset_seek_rank(zset, left, &cursor);
    for (; count > 0 && zset_previous(&cursor, &item); left--) {
        if (!prng_chance(keyspace_prng(call->keyspace), count, left)) continue;
        reply_zset_item(call, &item, has_score);
        count--;
    }
}

/* A few of them, each once: those that were taken stand in a table of at least twice the size. */
static void reply_few(struct call *call, const struct zset *zset, size_t count, bool has_score)
{
    size_t room = 4;
    while (room < 2 * count) room *= 2;
    size_t *taken = memory_alloc_zero(room * sizeof(*taken)); /* rank + 1 */
    while (count > 0) {
        size_t rank = prng_below(keyspace_prng(call->keyspace), zset_count(zset));
        size_t place = hash_integer(rank) & (room - 1);
        while (taken[place] != 0 && taken[place] != rank + 1) place = (place + 1) & (room - 1);
        if (taken[place] != 0) continue;
        taken[place] = rank + 1;
        reply_at(call, zset, rank, has_score);
        count--;
    }
    memory_free_sized(taken, room * sizeof(*taken));
}

static void random_members(struct call *call, int64_t count, bool has_score)
{
    struct zset *zset;
    if (!call_zset_for_read(call, 1, &zset)) return;
    if (zset == NULL || count == 0) {
        reply_array(call, 0);
        return;
    }
    size_t size = zset_count(zset);
    if (count < 0) {
        if (!draws_are_allowed(call, (uint64_t)-count)) return;
        reply_zset_items(call, (size_t)-count, has_score);
        for (; count < 0; count++)
            reply_at(call, zset, prng_below(keyspace_prng(call->keyspace), size), has_score);
        return;
    }
    size_t wanted = MIN((size_t)count, size);
    reply_zset_items(call, wanted, has_score);
    if (wanted > size / 3)
        reply_most(call, zset, wanted, has_score);
    else
        reply_few(call, zset, wanted, has_score);
}

static void zrandmember(struct call *call)
{
    struct zset *zset;
    int64_t count;
    if (call->argc == 2) {
        if (!call_zset_for_read(call, 1, &zset)) return;
        if (zset == NULL)
            reply_null(call);
        else
            reply_at(call, zset, prng_below(keyspace_prng(call->keyspace), zset_count(zset)),
                     false);
        return;
    }
    if (!call_integer(call, 2, &count)) return;
    bool has_score = call->argc > 3;
    if (count == INT64_MIN) {
        reply_error(call, "ERR value is out of range, value must between -9223372036854775807 and "
                          "9223372036854775807");
    } else if (call->argc > 4 || (has_score && !call_arg_is(call, 3, "withscores"))) {
        reply_syntax_error(call);
    } else if (has_score && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        reply_error(call, "ERR value is out of range");
    } else {
        random_members(call, count, has_score);
    }
}

/* --- ZSCAN ------------------------------------------------------------------------------- */

#define DOUBLE_DIGITS_TEXT_MAX 32 /* sign, point, 17 digits, exponent */

struct scan {
    struct call *call;
    struct bytes pattern;
    bool has_scores;
    bool is_small;
    size_t found;
    size_t visited;
};

/* Scores as Valkey writes them here: those of a small one in their shortest text, those of a large
 * one with all digits. */
static void scan_score(struct scan *scan, double score)
{
    char text[DOUBLE_DIGITS_TEXT_MAX];
    if (scan->is_small) {
        resp_bulk_double(scan->call->writer, score);
        return;
    }
    int size = snprintf(text, sizeof(text), "%.17g", score);
    ensure(size > 0 && (size_t)size < sizeof(text));
    reply_bytes(scan->call, bytes_of(text, (size_t)size));
}

static void scan_member(void *context, struct bytes member, double score)
{
    struct scan *scan = context;
    scan->visited++;
    if (scan->pattern.data != NULL && !glob_matches(scan->pattern, member)) return;
    reply_bytes(scan->call, member);
    if (scan->has_scores) scan_score(scan, score);
    scan->found += scan->has_scores ? 2 : 1;
}

static void zscan(struct call *call)
{
    struct scan_options options;
    struct zset *zset;
    if (!scan_cursor_parse(call, 2, &options)) return;
    if (!call_zset_for_read(call, 1, &zset)) return;
    if (zset == NULL) {
        scan_reply_empty(call);
        return;
    }
    if (!scan_options_parse(call, 3, "noscores", &options)) return;
    struct scan scan = { .call = call,
                         .pattern = options.pattern,
                         .has_scores = !options.is_without,
                         .is_small = zset_is_small(zset) };
    struct scan_reply reply;
    uint64_t cursor = options.cursor;
    scan_reply_begin(call, &reply);
    do cursor = zset_scan(zset, cursor, scan_member, &scan);
    while (cursor != 0 && scan.visited < (uint64_t)options.count);
    scan_reply_end(call, &reply, cursor, scan.found);
}

/* clang-format off */
const struct command zset_commands[] = {
    { .name = "zadd", .run = zadd, .arity = -4, .member = MEMBER_LAST,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key [condition(NX|XX)@3.0.2] [comparison(GT|LT)@6.2.0] [change:CH@3.0.2] "
          "[increment:INCR@3.0.2] data{score:double member}...", .since = "1.2.0",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in "
          "the sorted set.",
      .summary = "Adds one or more members to a sorted set, or updates their scores. "
          "Creates the key if it doesn't exist.",
      .history = "2.4.0 Accepts multiple elements.\n3.0.2 Added the `XX`, `NX`, `CH` and "
          "`INCR` options.\n6.2.0 Added the `GT` and `LT` options." },
    { .name = "zincrby", .run = zincrby, .arity = 4, .member = MEMBER_LAST,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_SORTED_SET, .args = "key increment:integer member", .since = "1.2.0",
      .complexity = "O(log(N)) where N is the number of elements in the sorted set.",
      .summary = "Increments the score of a member in a sorted set." },
    { .name = "zcard", .run = zcard, .arity = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_SORTED_SET,
      .args = "key", .since = "1.2.0", .complexity = "O(1)",
      .summary = "Returns the number of members in a sorted set." },
    { .name = "zscore", .run = zscore, .arity = 3, .member = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET, .args = "key member",
      .since = "1.2.0", .complexity = "O(1)",
      .summary = "Returns the score of a member in a sorted set." },
    { .name = "zmscore", .run = zmscore, .arity = -3, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET, .args = "key member...",
      .since = "6.2.0", .complexity = "O(N) where N is the number of members being requested.",
      .summary = "Returns the score of one or more members in a sorted set." },
    { .name = "zrank", .run = zrank, .arity = -3, .member = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key member [WITHSCORE]", .since = "2.0.0", .complexity = "O(log(N))",
      .summary = "Returns the index of a member in a sorted set ordered by ascending scores.",
      .history = "7.2.0 Added the optional `WITHSCORE` argument." },
    { .name = "zrevrank", .run = zrevrank, .arity = -3, .member = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key member [WITHSCORE]", .since = "2.0.0", .complexity = "O(log(N))",
      .summary = "Returns the index of a member in a sorted set ordered by descending scores.",
      .history = "7.2.0 Added the optional `WITHSCORE` argument." },
    { .name = "zrem", .run = zrem, .arity = -3, .member = 2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key member...", .since = "1.2.0",
      .complexity = "O(M*log(N)) with N being the number of elements in the sorted set "
          "and M the number of elements to be removed.",
      .summary = "Removes one or more members from a sorted set. Deletes the sorted set "
          "if all members were removed.", .history = "2.4.0 Accepts multiple elements." },
    { .name = "zrandmember", .run = zrandmember, .arity = -2, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key [options{count:integer [WITHSCORES]}]", .since = "6.2.0",
      .complexity = "O(N) where N is the number of members returned",
      .summary = "Returns one or more random members from a sorted set.",
      .tips = "nondeterministic_output" },
    { .name = "zscan", .run = zscan, .arity = -3, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [NOSCORES]",
      .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough "
          "command calls for the cursor to return back to 0. N is the number of elements "
          "inside the collection.", .summary = "Iterates over members and scores of a sorted set.",
      .tips = "nondeterministic_output", .history = "8.0.0 Added noscores option." },
    { 0 },
};
/* clang-format on */
