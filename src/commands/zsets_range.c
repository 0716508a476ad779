/* Sorted sets by order: ZRANGE in all its forms, ZCOUNT, ZREMRANGEBY... */
#include "base/number.h"
#include "commands/rows.h"
#include "commands/zsets.h"

#include <math.h>
#include <stdlib.h>

enum order { BY_NOTHING, BY_RANK, BY_SCORE, BY_MEMBER };

/* From which place to which: elements at or behind the first and before the second. */
struct bounds {
    struct btree_bound from;
    struct btree_bound until;
};

struct range {
    enum order order;
    bool is_reverse;
    bool has_scores;
    bool has_limit;
    int64_t start, stop;   /* of ranks */
    struct bounds bounds;  /* of the others */
    int64_t offset, limit; /* a negative limit is none */
};

/* --- bounds ------------------------------------------------------------------------------ */

/* Any number that strtod reads up to the end or a zero byte, and the empty text as 0; nothing in
 * hex, no NaN. */
static bool bound_score_parse(struct bytes text, double *score)
{
    char copy[256];
    char *end;
    ptrdiff_t zero = bytes_index_of(text, '\0');
    if (zero >= 0) text.size = (size_t)zero;
    if (number_parse_double(text, score)) return true;
    *score = 0;
    if (text.size == 0) return true;
    if (strchr(" \t\n\v\f\r", text.data[0]) != NULL) return false;
    if (!bytes_to_text(text, copy, sizeof(copy)) || strpbrk(copy, "xXpP(") != NULL) return false;
    *score = strtod(copy, &end);
    return end == copy + text.size && !isnan(*score);
}

/* "5", "(5": the elements of the score belong to the range or not. */
static bool score_bound_parse(struct bytes text, bool is_first, struct btree_bound *bound)
{
    bool is_exclusive = text.size > 0 && text.data[0] == '(';
    bound->kind = is_first == is_exclusive ? BTREE_SCORE_BEHIND : BTREE_SCORE_FIRST;
    return bound_score_parse(bytes_from(text, is_exclusive), &bound->score);
}

/* "[m", "(m", "-", "+". */
static bool member_bound_parse(struct bytes text, bool is_first, struct btree_bound *bound)
{
    bool is_exclusive = text.size > 0 && text.data[0] == '(';
    *bound = (struct btree_bound){ .kind = BTREE_MEMBER_FIRST, .member = BYTES_EMPTY };
    if (bytes_equal(text, BYTES("-"))) return true;
    if (bytes_equal(text, BYTES("+"))) {
        bound->kind = BTREE_END;
        return true;
    }
    if (!is_exclusive && (text.size == 0 || text.data[0] != '[')) return false;
    bound->kind = is_first == is_exclusive ? BTREE_MEMBER_BEHIND : BTREE_MEMBER_FIRST;
    bound->member = bytes_from(text, 1);
    return true;
}

/* Arguments `min` and `max` as bounds; else answered. */
static bool bounds_parse(struct call *call, enum order order, uint32_t min, uint32_t max,
                         struct bounds *bounds)
{
    bool is_score = order == BY_SCORE;
    bool (*parse)(struct bytes, bool, struct btree_bound *) =
        is_score ? score_bound_parse : member_bound_parse;
    if (parse(call_arg(call, min), true, &bounds->from) &&
        parse(call_arg(call, max), false, &bounds->until))
        return true;
    reply_error(call, is_score ? "ERR min or max is not a float"
                               : "ERR min or max not valid string range item");
    return false;
}

/* --- ranges ------------------------------------------------------------------------------ */

/* So many elements from this rank on. */
struct span {
    size_t first;
    size_t count;
};

static struct span span_of_ranks(int64_t start, int64_t stop, size_t count)
{
    int64_t size = (int64_t)count;
    if (start < 0) start = MAX(start + size, 0);
    if (stop < 0) stop += size;
    stop = MIN(stop, size - 1);
    if (start > stop) return (struct span){ 0, 0 };
    return (struct span){ (size_t)start, (size_t)(stop - start + 1) };
}

static struct span span_of_bounds(const struct zset *zset, const struct bounds *bounds)
{
    struct zset_cursor cursor;
    size_t first = zset_seek(zset, &bounds->from, &cursor);
    size_t until = zset_seek(zset, &bounds->until, &cursor);
    return (struct span){ first, until > first ? until - first : 0 };
}

/* What of it remains when some are passed over, from the end if reversed. A negative offset counts
 * from the other end in a large one and leaves nothing of a small one, as in Valkey. */
static struct span span_limit(struct span span, const struct range *range, bool is_small)
{
    if (!range->has_limit) return span;
    int64_t offset = range->offset;
    if (offset < 0) offset = is_small ? -1 : offset + (int64_t)span.count;
    if (offset < 0 || (uint64_t)offset >= span.count) return (struct span){ 0, 0 };
    size_t left = span.count - (size_t)offset;
    size_t count = range->limit < 0 ? left : MIN(left, (size_t)range->limit);
    size_t before = range->is_reverse ? left - count : (size_t)offset;
    return (struct span){ span.first + before, count };
}

static struct span span_of(const struct zset *zset, const struct range *range)
{
    if (range->order != BY_RANK)
        return span_limit(span_of_bounds(zset, &range->bounds), range, zset_is_small(zset));
    struct span span = span_of_ranks(range->start, range->stop, zset_count(zset));
    if (range->is_reverse && span.count > 0)
        span.first = zset_count(zset) - span.first - span.count;
    return span;
}

/* --- ZRANGE and its older names ---------------------------------------------------------- */

/* What the options may be, and what they are from the start. */
struct form {
    enum order order; /* BY_NOTHING: options say */
    bool is_fixed;    /* REV is no option */
    bool is_reverse;
    bool is_store;
};

static bool option_parse(struct call *call, const struct form *form, uint32_t *at,
                         struct range *range)
{
    if (!form->is_store && call_arg_is(call, *at, "withscores")) {
        range->has_scores = true;
    } else if (call_arg_is(call, *at, "limit") && *at + 2 < call->argc) {
        if (!call_integer(call, *at + 1, &range->offset)) return false;
        if (!call_integer(call, *at + 2, &range->limit)) return false;
        range->has_limit = true;
        *at += 2;
    } else if (!form->is_fixed && call_arg_is(call, *at, "rev")) {
        range->is_reverse = true;
    } else if (range->order == BY_NOTHING && call_arg_is(call, *at, "bylex")) {
        range->order = BY_MEMBER;
    } else if (range->order == BY_NOTHING && call_arg_is(call, *at, "byscore")) {
        range->order = BY_SCORE;
    } else {
        reply_syntax_error(call);
        return false;
    }
    return true;
}

/* Bounds stand at `first` and behind it, the options after them. */
static bool range_parse(struct call *call, const struct form *form, uint32_t first,
                        struct range *range)
{
    *range = (struct range){ .order = form->order, .is_reverse = form->is_reverse };
    for (uint32_t at = first + 2; at < call->argc; at++)
        if (!option_parse(call, form, &at, range)) return false;
    if (range->order == BY_NOTHING) range->order = BY_RANK;
    if (range->has_limit && range->limit != -1 && range->order == BY_RANK) {
        reply_error(call, "ERR syntax error, LIMIT is only supported in combination with either "
                          "BYSCORE or BYLEX");
        return false;
    }
    if (range->has_scores && range->order == BY_MEMBER) {
        reply_error(call, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    if (range->order == BY_RANK)
        return call_integer(call, first, &range->start) &&
               call_integer(call, first + 1, &range->stop);
    bool is_swapped = range->is_reverse;
    return bounds_parse(call, range->order, first + is_swapped, first + !is_swapped,
                        &range->bounds);
}

static void reply_span(struct call *call, const struct zset *zset, struct span span,
                       const struct range *range)
{
    struct zset_cursor cursor;
    struct zset_item item;
    reply_zset_items(call, span.count, range->has_scores);
    if (span.count == 0) return;
    bool is_reverse = range->is_reverse;
    zset_seek_rank(zset, is_reverse ? span.first + span.count : span.first, &cursor);
    for (size_t i = 0; i < span.count; i++) {
        bool is_there = is_reverse ? zset_previous(&cursor, &item) : zset_next(&cursor, &item);
        ensure(is_there);
        reply_zset_item(call, &item, range->has_scores);
    }
}

static void range_in(struct call *call, const struct form *form)
{
    struct range range;
    struct zset *zset;
    if (!range_parse(call, form, 2, &range)) return;
    if (!call_zset_for_read(call, 1, &zset)) return;
    if (zset == NULL)
        reply_array(call, 0);
    else
        reply_span(call, zset, span_of(zset, &range), &range);
}

static void zrange(struct call *call)
{
    range_in(call, &(const struct form){ .order = BY_NOTHING });
}

static void zrevrange(struct call *call)
{
    range_in(call, &(const struct form){ BY_RANK, .is_fixed = true, .is_reverse = true });
}

static void zrangebyscore(struct call *call)
{
    range_in(call, &(const struct form){ BY_SCORE, .is_fixed = true });
}

static void zrevrangebyscore(struct call *call)
{
    range_in(call, &(const struct form){ BY_SCORE, .is_fixed = true, .is_reverse = true });
}

static void zrangebylex(struct call *call)
{
    range_in(call, &(const struct form){ BY_MEMBER, .is_fixed = true });
}

static void zrevrangebylex(struct call *call)
{
    range_in(call, &(const struct form){ BY_MEMBER, .is_fixed = true, .is_reverse = true });
}

static void zrangestore(struct call *call)
{
    struct range range;
    struct zset *source;
    struct zset *result = zset_create();
    if (!range_parse(call, &(const struct form){ .is_store = true }, 3, &range) ||
        !call_zset_for_read(call, 2, &source)) {
        zset_destroy(result);
        return;
    }
    struct span span = source == NULL ? (struct span){ 0, 0 } : span_of(source, &range);
    struct zset_cursor cursor;
    struct zset_item item;
    if (span.count > 0) zset_seek_rank(source, span.first, &cursor);
    for (size_t i = 0; i < span.count; i++) {
        bool is_there = zset_next(&cursor, &item);
        ensure(is_there);
        zset_put(&result, keyspace_value_rules(call->keyspace), item.member, item.score);
    }
    struct key key = call_key(call, 1);
    zset_store(call, &key, result, "zrangestore");
}

/* --- counting and removing --------------------------------------------------------------- */

static void count_in(struct call *call, enum order order)
{
    struct bounds bounds;
    struct zset *zset;
    if (!bounds_parse(call, order, 2, 3, &bounds)) return;
    if (!call_zset_for_read(call, 1, &zset)) return;
    reply_integer(call, zset == NULL ? 0 : (int64_t)span_of_bounds(zset, &bounds).count);
}

static void zcount(struct call *call)
{
    count_in(call, BY_SCORE);
}

static void zlexcount(struct call *call)
{
    count_in(call, BY_MEMBER);
}

static void remove_in(struct call *call, enum order order, const char *event)
{
    struct range range = { .order = order };
    bool is_good = order == BY_RANK
                       ? call_integer(call, 2, &range.start) && call_integer(call, 3, &range.stop)
                       : bounds_parse(call, order, 2, 3, &range.bounds);
    if (!is_good) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_ZSET, &entry)) return;
    struct zset *zset = entry == NULL ? NULL : entry_zset(entry);
    struct span span = zset == NULL ? (struct span){ 0, 0 } : span_of(zset, &range);
    if (span.count > 0) {
        zset_remove_ranks(&zset, span.first, span.count);
        zset_shrunk(call, &key, entry, zset, event);
    }
    reply_integer(call, (int64_t)span.count);
}

static void zremrangebyrank(struct call *call)
{
    remove_in(call, BY_RANK, "zremrangebyrank");
}

static void zremrangebyscore(struct call *call)
{
    remove_in(call, BY_SCORE, "zremrangebyscore");
}

static void zremrangebylex(struct call *call)
{
    remove_in(call, BY_MEMBER, "zremrangebylex");
}

/* clang-format off */
const struct command zset_range_commands[] = {
    { .name = "zrange", .run = zrange, .arity = -4, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key start stop [sortby(BYSCORE|BYLEX)@6.2.0] [REV@6.2.0] "
          "[LIMIT=limit{offset:integer count:integer}@6.2.0] [WITHSCORES]", .since = "1.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements returned.",
      .summary = "Returns members in a sorted set within a range of indexes.",
      .history = "6.2.0 Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options." },
    { .name = "zrangestore", .run = zrangestore, .arity = -5, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_AT(2, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_SORTED_SET,
      .args = "dst:key src:key#1 min max [sortby(BYSCORE|BYLEX)] [REV] "
          "[LIMIT=limit{offset:integer count:integer}]", .since = "6.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements stored into the destination key.",
      .summary = "Stores a range of members from sorted set in a key." },
    { .name = "zrevrange", .run = zrevrange, .arity = -4, .flags = CMD_READ, .acl = ACL_SORTED_SET,
      .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key start:integer stop:integer [WITHSCORES]", .since = "1.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements returned.",
      .summary = "Returns members in a sorted set within a range of indexes in reverse "
          "order." },
    { .name = "zrangebyscore", .run = zrangebyscore, .arity = -4, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key min:double max:double [WITHSCORES@2.0.0] [LIMIT=limit{offset:integer "
          "count:integer}]", .since = "1.0.5",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements being returned. If M is constant (e.g. always "
          "asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
      .summary = "Returns members in a sorted set within a range of scores.",
      .history = "2.0.0 Added the `WITHSCORES` modifier." },
    { .name = "zrevrangebyscore", .run = zrevrangebyscore, .arity = -4, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key max:double min:double [WITHSCORES] [LIMIT=limit{offset:integer "
          "count:integer}]", .since = "2.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements being returned. If M is constant (e.g. always "
          "asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
      .summary = "Returns members in a sorted set within a range of scores in reverse order.",
      .history = "2.1.6 `min` and `max` can be exclusive." },
    { .name = "zrangebylex", .run = zrangebylex, .arity = -4, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key min max [LIMIT=limit{offset:integer count:integer}]", .since = "2.8.9",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements being returned. If M is constant (e.g. always "
          "asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
      .summary = "Returns members in a sorted set within a lexicographical range." },
    { .name = "zrevrangebylex", .run = zrevrangebylex, .arity = -4, .flags = CMD_READ,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key max min [LIMIT=limit{offset:integer count:integer}]", .since = "2.8.9",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements being returned. If M is constant (e.g. always "
          "asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
      .summary = "Returns members in a sorted set within a lexicographical range in "
          "reverse order." },
    { .name = "zcount", .run = zcount, .arity = 4, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET,
      .args = "key min:double max:double", .since = "2.0.0",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Returns the count of members in a sorted set that have scores within a "
          "range." },
    { .name = "zlexcount", .run = zlexcount, .arity = 4, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .group = GROUP_SORTED_SET, .args = "key min max",
      .since = "2.8.9",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Returns the number of members in a sorted set within a lexicographical "
          "range." },
    { .name = "zremrangebyrank", .run = zremrangebyrank, .arity = 4, .flags = CMD_WRITE,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key start:integer stop:integer", .since = "2.0.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements removed by the operation.",
      .summary = "Removes members in a sorted set within a range of indexes. Deletes the "
          "sorted set if all members were removed." },
    { .name = "zremrangebyscore", .run = zremrangebyscore, .arity = 4, .flags = CMD_WRITE,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key min:double max:double", .since = "1.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements removed by the operation.",
      .summary = "Removes members in a sorted set within a range of scores. Deletes the "
          "sorted set if all members were removed." },
    { .name = "zremrangebylex", .run = zremrangebylex, .arity = 4, .flags = CMD_WRITE,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key min max", .since = "2.8.9",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set "
          "and M the number of elements removed by the operation.",
      .summary = "Removes members in a sorted set within a lexicographical range. Deletes "
          "the sorted set if all members were removed." },
    { 0 },
};
/* clang-format on */
