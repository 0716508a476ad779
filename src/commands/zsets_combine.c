/* ZUNION, ZINTER, ZDIFF: sorted sets, and sets whose members have the score 1. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/rows.h"
#include "commands/zsets.h"
#include "types/set.h"

#include <math.h>

enum operation { UNION, INTERSECTION, DIFFERENCE };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

/* One of the inputs; neither pointer is set when the key is absent. */
struct source {
    const struct zset *zset;
    const struct set *set;
    double weight;
    size_t count;
};

struct combination {
    enum operation operation;
    enum aggregate aggregate;
    bool is_store, is_count; /* ...STORE, ZINTERCARD */
    bool has_scores;
    int64_t limit;          /* 0: none */
    struct source *sources; /* owned */
    uint32_t source_count;
};

/* --- the inputs -------------------------------------------------------------------------- */

struct source_walk {
    const struct source *source;
    struct zset_cursor cursor;
    struct set_walk set;
};

static void walk_begin(struct source_walk *walk, const struct source *source)
{
    walk->source = source;
    walk->set = (struct set_walk){ 0 };
    if (source->zset != NULL) zset_seek_rank(source->zset, 0, &walk->cursor);
}

static bool walk_next(struct source_walk *walk, struct zset_item *item)
{
    if (walk->source->zset != NULL) return zset_next(&walk->cursor, item);
    item->score = 1;
    return walk->source->set != NULL &&
           set_walk_next(walk->source->set, &walk->set, &item->scratch, &item->member);
}

static bool source_find(const struct source *source, struct bytes member, double *score)
{
    struct zset_place place;
    *score = 1;
    if (source->set != NULL) return set_has(source->set, member);
    if (source->zset == NULL || !zset_find(source->zset, member, &place)) return false;
    *score = place.score;
    return true;
}

/* Infinities may give a NaN, which counts as nothing where it comes first or alone. */
static double weighted(const struct source *source, double score)
{
    double product = source->weight * score;
    return isnan(product) ? 0 : product;
}

static double aggregated(enum aggregate aggregate, double left, double right)
{
    if (aggregate == AGGREGATE_MIN) return right < left ? right : left;
    if (aggregate == AGGREGATE_MAX) return right > left ? right : left;
    return isnan(left + right) ? 0 : left + right;
}

/* A member that the result has or not. A small one cannot hold the zero below zero, which Valkey
 * shows here. */
static void result_set(struct zset **result, const struct value_rules *rules,
                       const struct zset_place *place, struct bytes member, double score)
{
    struct zset_place again;
    if (score == 0 && signbit(score) && zset_is_small(*result)) {
        zset_expect(result, rules, SIZE_MAX, 0);
        zset_find(*result, member, &again);
        place = &again;
    }
    if (place->is_found)
        zset_rescore(result, place, member, score);
    else
        zset_insert(result, rules, place, member, score);
}

static void result_add(struct zset **result, const struct value_rules *rules, struct bytes member,
                       double score)
{
    struct zset_place place;
    zset_find(*result, member, &place);
    result_set(result, rules, &place, member, score);
}

/* --- the operations ---------------------------------------------------------------------- */

static void unite(const struct combination *combination, const struct value_rules *rules,
                  struct zset **result)
{
    for (uint32_t i = 0; i < combination->source_count; i++) {
        const struct source *source = &combination->sources[i];
        struct source_walk walk;
        struct zset_item item;
        struct zset_place place;
        walk_begin(&walk, source);
        while (walk_next(&walk, &item)) {
            double score = weighted(source, item.score);
            if (zset_find(*result, item.member, &place))
                score = aggregated(combination->aggregate, place.score, score);
            result_set(result, rules, &place, item.member, score);
        }
    }
}

/* Is the member in all sources behind the first? Its score is aggregated. */
static bool is_in_all(const struct combination *combination, struct bytes member, double *score)
{
    for (uint32_t i = 1; i < combination->source_count; i++) {
        const struct source *source = &combination->sources[i];
        double other;
        if (!source_find(source, member, &other)) return false;
        /* A product that is no number makes a sum nothing, and no minimum or maximum. */
        *score = aggregated(combination->aggregate, *score, source->weight * other);
    }
    return true;
}

static bool is_in_any(const struct combination *combination, struct bytes member)
{
    double score;
    for (uint32_t i = 1; i < combination->source_count; i++)
        if (source_find(&combination->sources[i], member, &score)) return true;
    return false;
}

static void intersect(const struct combination *combination, const struct value_rules *rules,
                      struct zset **result)
{
    const struct source *first = &combination->sources[0];
    struct source_walk walk;
    struct zset_item item;
    walk_begin(&walk, first);
    while (walk_next(&walk, &item)) {
        double score = weighted(first, item.score);
        if (is_in_all(combination, item.member, &score))
            result_add(result, rules, item.member, score);
    }
}

static int64_t intersection_count(const struct combination *combination)
{
    int64_t count = 0;
    struct source_walk walk;
    struct zset_item item;
    walk_begin(&walk, &combination->sources[0]);
    while (walk_next(&walk, &item)) {
        double score = 0;
        if (!is_in_all(combination, item.member, &score)) continue;
        if (++count == combination->limit) break;
    }
    return count;
}

static void subtract(const struct combination *combination, const struct value_rules *rules,
                     struct zset **result)
{
    struct source_walk walk;
    struct zset_item item;
    walk_begin(&walk, &combination->sources[0]);
    while (walk_next(&walk, &item))
        if (!is_in_any(combination, item.member))
            result_add(result, rules, item.member, item.score);
}

static struct zset *combine(struct call *call, const struct combination *combination)
{
    static void (*const operations[])(const struct combination *, const struct value_rules *,
                                      struct zset **) = {
        [UNION] = unite,
        [INTERSECTION] = intersect,
        [DIFFERENCE] = subtract,
    };
    struct zset *result = zset_create();
    operations[combination->operation](combination, keyspace_value_rules(call->keyspace), &result);
    return result;
}

/* --- arguments --------------------------------------------------------------------------- */

/* Smaller inputs first, as Valkey adds them up; equal ones stay in their order. */
static void sources_sort(struct combination *combination)
{
    for (uint32_t i = 1; i < combination->source_count; i++) {
        struct source source = combination->sources[i];
        uint32_t at = i;
        for (; at > 0 && combination->sources[at - 1].count > source.count; at--)
            combination->sources[at] = combination->sources[at - 1];
        combination->sources[at] = source;
    }
}

static bool source_open(struct call *call, uint32_t index, struct source *source)
{
    struct key key = call_key(call, index);
    const struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    *source = (struct source){ .weight = 1 };
    if (entry == NULL) return true;
    if (entry_type(entry) == VALUE_ZSET) {
        source->zset = entry_value(entry);
        source->count = zset_count(source->zset);
        return true;
    }
    if (entry_type(entry) == VALUE_SET) {
        source->set = entry_value(entry);
        source->count = set_count(source->set);
        return true;
    }
    reply_wrong_type(call);
    return false;
}

static bool weights_parse(struct call *call, uint32_t first, struct combination *combination)
{
    for (uint32_t i = 0; i < combination->source_count; i++) {
        double *weight = &combination->sources[i].weight;
        if (number_parse_double(call_arg(call, first + i), weight)) continue;
        reply_error(call, "ERR weight value is not a float");
        return false;
    }
    return true;
}

static bool aggregate_parse(struct call *call, uint32_t index, struct combination *combination)
{
    static const char *const words[] = { "sum", "min", "max" };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!call_arg_is(call, index, words[i])) continue;
        combination->aggregate = (enum aggregate)i;
        return true;
    }
    reply_syntax_error(call);
    return false;
}

static bool limit_parse(struct call *call, uint32_t index, struct combination *combination)
{
    if (number_parse(call_arg(call, index), &combination->limit) && combination->limit >= 0)
        return true;
    reply_error(call, "ERR LIMIT can't be negative");
    return false;
}

static bool option_parse(struct call *call, uint32_t *at, struct combination *combination)
{
    bool has_weights = combination->operation != DIFFERENCE && !combination->is_count;
    uint32_t rest = call->argc - *at;
    if (has_weights && rest > combination->source_count && call_arg_is(call, *at, "weights")) {
        uint32_t first = *at + 1;
        *at += combination->source_count;
        return weights_parse(call, first, combination);
    }
    if (has_weights && rest > 1 && call_arg_is(call, *at, "aggregate"))
        return aggregate_parse(call, ++*at, combination);
    if (combination->is_count && rest > 1 && call_arg_is(call, *at, "limit"))
        return limit_parse(call, ++*at, combination);
    if (!combination->is_count && !combination->is_store && call_arg_is(call, *at, "withscores")) {
        combination->has_scores = true;
        return true;
    }
    reply_syntax_error(call);
    return false;
}

/* numkeys at `index`, the keys, the options. The sources are allocated when it is true. */
static bool combination_parse(struct call *call, uint32_t index, struct combination *combination)
{
    int64_t number;
    if (!call_integer(call, index, &number)) return false;
    if (number < 1) {
        reply_error_format(call, "ERR at least 1 input key is needed for '%s' command",
                           call_name(call));
        return false;
    }
    if (number > call->argc - index - 1) {
        reply_syntax_error(call);
        return false;
    }
    bool is_good = true;
    combination->source_count = (uint32_t)number;
    combination->sources = memory_alloc((size_t)number * sizeof(*combination->sources));
    for (uint32_t i = 0; i < combination->source_count && is_good; i++)
        is_good = source_open(call, index + 1 + i, &combination->sources[i]);
    for (uint32_t at = index + 1 + (uint32_t)number; at < call->argc && is_good; at++)
        is_good = option_parse(call, &at, combination);
    if (is_good && combination->operation != DIFFERENCE) sources_sort(combination);
    if (!is_good) memory_free(combination->sources);
    return is_good;
}

/* --- the commands ------------------------------------------------------------------------ */

static void reply_all(struct call *call, const struct zset *zset, bool has_scores)
{
    struct zset_cursor cursor;
    struct zset_item item;
    reply_zset_items(call, zset_count(zset), has_scores);
    zset_seek_rank(zset, 0, &cursor);
    while (zset_next(&cursor, &item)) reply_zset_item(call, &item, has_scores);
}

static void combine_and_reply(struct call *call, enum operation operation)
{
    struct combination combination = { .operation = operation };
    if (!combination_parse(call, 1, &combination)) return;
    struct zset *result = combine(call, &combination);
    reply_all(call, result, combination.has_scores);
    zset_destroy(result);
    memory_free(combination.sources);
}

static void combine_and_store(struct call *call, enum operation operation, const char *event)
{
    struct combination combination = { .operation = operation, .is_store = true };
    if (!combination_parse(call, 2, &combination)) return;
    struct zset *result = combine(call, &combination);
    memory_free(combination.sources);
    struct key key = call_key(call, 1);
    zset_store(call, &key, result, event);
}

static void zunion(struct call *call)
{
    combine_and_reply(call, UNION);
}

static void zinter(struct call *call)
{
    combine_and_reply(call, INTERSECTION);
}

static void zdiff(struct call *call)
{
    combine_and_reply(call, DIFFERENCE);
}

static void zunionstore(struct call *call)
{
    combine_and_store(call, UNION, "zunionstore");
}

static void zinterstore(struct call *call)
{
    combine_and_store(call, INTERSECTION, "zinterstore");
}

static void zdiffstore(struct call *call)
{
    combine_and_store(call, DIFFERENCE, "zdiffstore");
}

static void zintercard(struct call *call)
{
    struct combination combination = { .operation = INTERSECTION, .is_count = true };
    if (!combination_parse(call, 1, &combination)) return;
    reply_integer(call, intersection_count(&combination));
    memory_free(combination.sources);
}

/* clang-format off */
const struct command zset_combine_commands[] = {
    { .name = "zunion", .run = zunion, .arity = -3, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_NUMKEYS(1), .group = GROUP_SORTED_SET,
      .args = "numkeys:integer key... [WEIGHTS=weight:integer...] "
          "[AGGREGATE=aggregate(SUM|MIN|MAX)] [WITHSCORES]", .since = "6.2.0",
      .complexity = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input "
          "sorted sets, and M being the number of elements in the resulting sorted set.",
      .summary = "Returns the union of multiple sorted sets." },
    { .name = "zinter", .run = zinter, .arity = -3, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_NUMKEYS(1), .group = GROUP_SORTED_SET,
      .args = "numkeys:integer key... [WEIGHTS=weight:integer...] "
          "[AGGREGATE=aggregate(SUM|MIN|MAX)] [WITHSCORES]", .since = "6.2.0",
      .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted "
          "set, K being the number of input sorted sets and M being the number of elements "
          "in the resulting sorted set.",
      .summary = "Returns the intersect of multiple sorted sets." },
    { .name = "zdiff", .run = zdiff, .arity = -3, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_NUMKEYS(1), .group = GROUP_SORTED_SET,
      .args = "numkeys:integer key... [WITHSCORES]", .since = "6.2.0",
      .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of "
          "elements in all the sets, N is the size of the first set, and K is the size of "
          "the result set.", .summary = "Returns the difference between multiple sorted sets." },
    { .name = "zunionstore", .run = zunionstore, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_NUMBER(2, 0, 1, 1, .flags = KEY_RO | KEY_ACCESS)),
      .group = GROUP_SORTED_SET,
      .args = "destination:key numkeys:integer key#1... [WEIGHTS=weight:integer...] "
          "[AGGREGATE=aggregate(SUM|MIN|MAX)]", .since = "2.0.0",
      .complexity = "O(N)+O(M log(M)) with N being the sum of the sizes of the input "
          "sorted sets, and M being the number of elements in the resulting sorted set.",
      .summary = "Stores the union of multiple sorted sets in a key." },
    { .name = "zinterstore", .run = zinterstore, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_NUMBER(2, 0, 1, 1, .flags = KEY_RO | KEY_ACCESS)),
      .group = GROUP_SORTED_SET,
      .args = "destination:key numkeys:integer key#1... [WEIGHTS=weight:integer...] "
          "[AGGREGATE=aggregate(SUM|MIN|MAX)]", .since = "2.0.0",
      .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted "
          "set, K being the number of input sorted sets and M being the number of elements "
          "in the resulting sorted set.",
      .summary = "Stores the intersect of multiple sorted sets in a key." },
    { .name = "zdiffstore", .run = zdiffstore, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_NUMBER(2, 0, 1, 1, .flags = KEY_RO | KEY_ACCESS)),
      .group = GROUP_SORTED_SET, .args = "destination:key numkeys:integer key#1...",
      .since = "6.2.0",
      .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of "
          "elements in all the sets, N is the size of the first set, and K is the size of "
          "the result set.",
      .summary = "Stores the difference of multiple sorted sets in a key." },
    { .name = "zintercard", .run = zintercard, .arity = -3, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_NUMKEYS(1), .group = GROUP_SORTED_SET,
      .args = "numkeys:integer key... [LIMIT=limit:integer]", .since = "7.0.0",
      .complexity = "O(N*K) worst case with N being the smallest input sorted set, K "
          "being the number of input sorted sets.",
      .summary = "Returns the number of members of the intersect of multiple sorted sets." },
    { 0 },
};
/* clang-format on */
