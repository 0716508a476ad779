/* Taking elements from either end of sorted sets: ZPOPMIN, ZMPOP, and those that wait. */
#include "base/number.h"
#include "commands/rows.h"
#include "commands/timeout.h"
#include "commands/zsets.h"
#include "engine/blocking.h"

/* How popped elements are answered. */
enum pop_form {
    POP_FLAT,  /* member, score */
    POP_PAIRS, /* arrays of two in RESP3 */
    POP_NESTED /* arrays of two */
};

static void reply_popped(struct call *call, const struct zset *zset, bool is_max, size_t count,
                         enum pop_form form)
{
    struct zset_cursor cursor;
    struct zset_item item;
    bool is_nested = form == POP_NESTED || (form == POP_PAIRS && call->writer->protocol > 2);
    reply_array(call, is_nested ? count : 2 * count);
    zset_seek_rank(zset, is_max ? zset_count(zset) : 0, &cursor);
    for (; count > 0; count--) {
        bool is_there = is_max ? zset_previous(&cursor, &item) : zset_next(&cursor, &item);
        ensure(is_there);
        if (is_nested) reply_array(call, 2);
        reply_bytes(call, item.member);
        reply_double(call, item.score);
    }
}

/* What is propagated for commands that choose the key themselves, or may wait. */
static void propagate_pop(struct call *call, const struct key *key, bool is_max, size_t count)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes number = bytes_of(text, number_print_unsigned(count, text));
    struct bytes name = is_max ? BYTES("ZPOPMAX") : BYTES("ZPOPMIN");
    call_propagate(call, 3, (struct bytes[]){ name, key->bytes, number });
}

/* Answers and removes up to `count` elements of a sorted set that is there. Returns how many. */
static size_t pop(struct call *call, const struct key *key, struct entry *entry, bool is_max,
                  size_t count, enum pop_form form)
{
    struct zset *zset = entry_zset(entry);
    size_t size = zset_count(zset);
    count = MIN(count, size);
    reply_popped(call, zset, is_max, count, form);
    zset_remove_ranks(&zset, is_max ? size - count : 0, count);
    zset_shrunk(call, key, entry, zset, is_max ? "zpopmax" : "zpopmin");
    return count;
}

static void pop_of_key(struct call *call, bool is_max)
{
    int64_t count = 1;
    if (call->argc > 3) {
        reply_syntax_error(call);
        return;
    }
    if (call->argc == 3 && (!number_parse(call_arg(call, 2), &count) || count < 0)) {
        reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_ZSET, &entry)) return;
    if (entry == NULL || count == 0)
        reply_array(call, 0);
    else
        pop(call, &key, entry, is_max, (size_t)count, call->argc == 3 ? POP_PAIRS : POP_FLAT);
}

static void zpopmin(struct call *call)
{
    pop_of_key(call, false);
}

static void zpopmax(struct call *call)
{
    pop_of_key(call, true);
}

/* --- several keys, and waiting ----------------------------------------------------------- */

struct pop_wish {
    uint32_t first_key;
    uint32_t key_count;
    bool is_max;
    int64_t count;
    bool waits;
    time_ms deadline_ms;
};

/* The first of the keys that holds something; *entry is NULL when none does. False: answered. */
static bool find_filled(struct call *call, const struct pop_wish *wish, struct key *key,
                        struct entry **entry)
{
    *entry = NULL;
    for (uint32_t i = 0; i < wish->key_count && *entry == NULL; i++) {
        *key = call_key(call, wish->first_key + i);
        if (!call_find_for_write(call, key, VALUE_ZSET, entry)) return false;
    }
    return true;
}

static void wait_or_nothing(struct call *call, const struct pop_wish *wish)
{
    const struct block_wish block = {
        .key_first = wish->first_key,
        .key_count = wish->key_count,
        .type = VALUE_ZSET,
        .deadline_ms = wish->deadline_ms,
    };
    if (wish->waits && call_block_on_keys(call, &block)) return;
    reply_null_array(call);
}

static bool pop_count_parse(struct call *call, uint32_t from, struct pop_wish *wish)
{
    wish->count = 1;
    for (uint32_t at = from; at < call->argc; at += 2) {
        if (at > from || at + 1 == call->argc || !call_arg_is(call, at, "count")) {
            reply_syntax_error(call);
            return false;
        }
        if (!number_parse(call_arg(call, at + 1), &wish->count) || wish->count <= 0) {
            reply_error(call, "ERR count should be greater than 0");
            return false;
        }
    }
    return true;
}

/* numkeys at `index`, keys, MIN or MAX, COUNT. False: answered. */
static bool mpop_parse(struct call *call, uint32_t index, struct pop_wish *wish)
{
    int64_t number;
    if (!number_parse(call_arg(call, index), &number) || number <= 0) {
        reply_error(call, "ERR numkeys should be greater than 0");
        return false;
    }
    bool is_complete = number < call->argc - index - 1;
    uint32_t where = index + 1 + (is_complete ? (uint32_t)number : 0);
    wish->first_key = index + 1;
    wish->key_count = (uint32_t)number;
    wish->is_max = call_arg_is(call, where, "max");
    if (!is_complete || (!wish->is_max && !call_arg_is(call, where, "min"))) {
        reply_syntax_error(call);
        return false;
    }
    return pop_count_parse(call, where + 1, wish);
}

static void mpop(struct call *call, const struct pop_wish *wish)
{
    struct key key;
    struct entry *entry;
    if (!find_filled(call, wish, &key, &entry)) return;
    if (entry == NULL) {
        wait_or_nothing(call, wish);
        return;
    }
    reply_array(call, 2);
    reply_bytes(call, key.bytes);
    size_t count = pop(call, &key, entry, wish->is_max, (size_t)wish->count, POP_NESTED);
    propagate_pop(call, &key, wish->is_max, count);
}

static void zmpop(struct call *call)
{
    struct pop_wish wish = { 0 };
    if (mpop_parse(call, 1, &wish)) mpop(call, &wish);
}

static void bzmpop(struct call *call)
{
    struct pop_wish wish = { .waits = true };
    if (timeout_seconds_parse(call, 1, &wish.deadline_ms) && mpop_parse(call, 2, &wish))
        mpop(call, &wish);
}

static void pop_waiting(struct call *call, bool is_max)
{
    struct pop_wish wish = {
        .first_key = 1, .key_count = call->argc - 2, .is_max = is_max, .waits = true
    };
    struct key key;
    struct entry *entry;
    if (!timeout_seconds_parse(call, call->argc - 1, &wish.deadline_ms)) return;
    if (!find_filled(call, &wish, &key, &entry)) return;
    if (entry == NULL) {
        wait_or_nothing(call, &wish);
        return;
    }
    struct zset *zset = entry_zset(entry);
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(zset, is_max ? zset_count(zset) : 0, &cursor);
    bool is_there = is_max ? zset_previous(&cursor, &item) : zset_next(&cursor, &item);
    ensure(is_there);
    reply_array(call, 3);
    reply_bytes(call, key.bytes);
    reply_bytes(call, item.member);
    reply_double(call, item.score);
    zset_remove_ranks(&zset, is_max ? zset_count(zset) - 1 : 0, 1);
    zset_shrunk(call, &key, entry, zset, is_max ? "zpopmax" : "zpopmin");
    struct bytes name = is_max ? BYTES("ZPOPMAX") : BYTES("ZPOPMIN");
    call_propagate(call, 2, (struct bytes[]){ name, key.bytes });
}

static void bzpopmin(struct call *call)
{
    pop_waiting(call, false);
}

static void bzpopmax(struct call *call)
{
    pop_waiting(call, true);
}

/* clang-format off */
const struct command zset_pop_commands[] = {
    { .name = "zpopmin", .run = zpopmin, .arity = -2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key [count:integer]", .since = "5.0.0",
      .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, "
          "and M being the number of elements popped.",
      .summary = "Returns the lowest-scoring members from a sorted set after removing "
          "them. Deletes the sorted set if the last member was popped." },
    { .name = "zpopmax", .run = zpopmax, .arity = -2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_SORTED_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key [count:integer]", .since = "5.0.0",
      .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, "
          "and M being the number of elements popped.",
      .summary = "Returns the highest-scoring members from a sorted set after removing "
          "them. Deletes the sorted set if the last member was popped." },
    { .name = "zmpop", .run = zmpop, .arity = -4, .flags = CMD_WRITE, .acl = ACL_SORTED_SET,
      .keys = KEY_NUMKEYS(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET,
      .args = "numkeys:integer key... where(MIN|MAX) [COUNT=count:integer]", .since = "7.0.0",
      .complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being "
          "the number of elements in the sorted set, and M being the number of elements "
          "popped.",
      .summary = "Returns the highest- or lowest-scoring members from one or more sorted "
          "sets after removing them. Deletes the sorted set if the last member was popped." },
    { .name = "bzpopmin", .run = bzpopmin, .arity = -3,
      .flags = CMD_WRITE | CMD_BLOCKING | CMD_FAST, .acl = ACL_SORTED_SET,
      .keys = KEY_RANGE(1, -2, 1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key... timeout:double", .since = "5.0.0",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Removes and returns the member with the lowest score from one or more "
          "sorted sets. Blocks until a member is available otherwise. Deletes the sorted "
          "set if the last element was popped.",
      .history = "6.0.0 `timeout` is interpreted as a double instead of an integer." },
    { .name = "bzpopmax", .run = bzpopmax, .arity = -3,
      .flags = CMD_WRITE | CMD_BLOCKING | CMD_FAST, .acl = ACL_SORTED_SET,
      .keys = KEY_RANGE(1, -2, 1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET, .args = "key... timeout:double", .since = "5.0.0",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
      .summary = "Removes and returns the member with the highest score from one or more "
          "sorted sets. Blocks until a member is available otherwise. Deletes the sorted "
          "set if the last element was popped.",
      .history = "6.0.0 `timeout` is interpreted as a double instead of an integer." },
    { .name = "bzmpop", .run = bzmpop, .arity = -5, .flags = CMD_WRITE | CMD_BLOCKING,
      .acl = ACL_SORTED_SET, .keys = KEY_NUMKEYS(2), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_SORTED_SET,
      .args = "timeout:double numkeys:integer key... where(MIN|MAX) [COUNT=count:integer]",
      .since = "7.0.0",
      .complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being "
          "the number of elements in the sorted set, and M being the number of elements "
          "popped.",
      .summary = "Removes and returns a member by score from one or more sorted sets. "
          "Blocks until a member is available otherwise. Deletes the sorted set if the "
          "last element was popped." },
    { 0 },
};
/* clang-format on */
