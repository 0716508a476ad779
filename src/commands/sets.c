/* Sets, one at a time: members in and out, by name and by chance. */
#include "base/glob.h"
#include "commands/expiry.h"
#include "commands/rows.h"
#include "commands/scan_elements.h"
#include "commands/sizes.h"
#include "engine/call.h"
#include "types/set.h"

/* The set behind a key, NULL when it is absent; false when something else is: answered. */
static bool find_set(struct call *call, uint32_t index, const struct set **set)
{
    struct key key = call_key(call, index);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_SET, &entry)) return false;
    *set = entry == NULL ? NULL : entry_value(entry);
    return true;
}

/* `count` members came or went at once: each is a change of its own to the rules of saving. */
static void count_changes(struct call *call, size_t count)
{
    call_changed_many(call, count);
}

/* --- in and out -------------------------------------------------------------------------- */

static size_t add_all(struct call *call, struct set **set, uint32_t first)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    size_t count = 0;
    for (uint32_t i = first; i < call->argc; i++) count += set_add(set, rules, call_arg(call, i));
    return count;
}

static void sadd(struct call *call)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct set *set;
    size_t count;
    if (!call_find_for_write(call, &key, VALUE_SET, &entry)) return;
    if (entry == NULL) {
        set = set_create(rules, call_arg(call, 2), call->argc - 2);
        count = add_all(call, &set, 2);
        keyspace_put_value(call->keyspace, call->access, &key, VALUE_SET, set, PUT_PLAIN);
    } else {
        set = entry_value(entry);
        set_expect(&set, rules, call->argc - 2);
        count = add_all(call, &set, 2);
        if (count > 0)
            call_edited(call, &key, entry, set);
        else
            entry_value_set(entry, set); /* it may have taken another form all the same */
    }
    if (count > 0) {
        count_changes(call, count);
        call_notify(call, NOTIFY_SET, "sadd", &key);
    }
    reply_integer(call, (int64_t)count);
}

static void srem(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    size_t count = 0;
    if (!call_find_for_write(call, &key, VALUE_SET, &entry)) return;
    if (entry != NULL) {
        struct set *set = entry_value(entry);
        for (uint32_t i = 2; i < call->argc && set_count(set) > 0; i++)
            count += set_remove(&set, call_arg(call, i));
        if (count > 0) {
            call_edited(call, &key, entry, set);
            count_changes(call, count);
            call_notify(call, NOTIFY_SET, "srem", &key);
            if (set_count(set) == 0) call_emptied(call, &key);
        }
    }
    reply_integer(call, (int64_t)count);
}

/* The member arrives at the key, which may be new. */
static void arrive(struct call *call, const struct key *key, struct bytes member)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    struct entry *entry = keyspace_find_for_write(call->keyspace, call->access, key);
    struct set *set = entry == NULL ? set_create(rules, member, 1) : entry_value(entry);
    bool is_new = set_add(&set, rules, member);
    if (entry == NULL)
        keyspace_put_value(call->keyspace, call->access, key, VALUE_SET, set, PUT_PLAIN);
    else if (is_new)
        call_edited(call, key, entry, set);
    if (is_new) call_notify(call, NOTIFY_SET, "sadd", key);
}

static void smove(struct call *call)
{
    struct key from = call_key(call, 1), to = call_key(call, 2);
    struct bytes member = call_arg(call, 3);
    struct entry *entry, *other;
    if (!call_find_for_write(call, &from, VALUE_SET, &entry)) return;
    if (entry == NULL) {
        reply_integer(call, 0);
        return;
    }
    struct set *set = entry_value(entry);
    if (!call_find_for_write(call, &to, VALUE_SET, &other)) return;
    if (bytes_equal(from.bytes, to.bytes)) {
        reply_integer(call, set_has(set, member));
        return;
    }
    bool was_there = set_remove(&set, member);
    if (was_there) {
        call_edited(call, &from, keyspace_find_for_write(call->keyspace, call->access, &from), set);
        call_notify(call, NOTIFY_SET, "srem", &from);
        if (set_count(set) == 0) call_emptied(call, &from);
        arrive(call, &to, member);
    }
    reply_integer(call, was_there);
}

/* --- asking ------------------------------------------------------------------------------ */

static void sismember(struct call *call)
{
    const struct set *set;
    if (!find_set(call, 1, &set)) return;
    reply_integer(call, set != NULL && set_has(set, call_arg(call, 2)));
}

static void smismember(struct call *call)
{
    const struct set *set;
    if (!find_set(call, 1, &set)) return;
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++)
        reply_integer(call, set != NULL && set_has(set, call_arg(call, i)));
}

static void scard(struct call *call)
{
    const struct set *set;
    if (!find_set(call, 1, &set)) return;
    reply_integer(call, set == NULL ? 0 : (int64_t)set_count(set));
}

static void reply_members(struct call *call, const struct set *set)
{
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(set, &walk, &scratch, &member)) reply_bytes(call, member);
}

static void smembers(struct call *call)
{
    const struct set *set;
    if (!find_set(call, 1, &set)) return;
    reply_set(call, set == NULL ? 0 : set_count(set));
    if (set != NULL) reply_members(call, set);
}

struct scan {
    struct call *call;
    struct bytes pattern; /* data NULL: all */
    uint64_t visited;
    size_t found;
};

static void scan_member(void *context, struct bytes member)
{
    struct scan *scan = context;
    scan->visited++;
    if (scan->pattern.data != NULL && !glob_matches(scan->pattern, member)) return;
    reply_bytes(scan->call, member);
    scan->found++;
}

static void sscan(struct call *call)
{
    struct scan_options options;
    const struct set *set;
    if (!scan_cursor_parse(call, 2, &options)) return;
    if (!find_set(call, 1, &set)) return;
    if (set == NULL) {
        scan_reply_empty(call);
        return;
    }
    if (!scan_options_parse(call, 3, NULL, &options)) return;
    struct scan scan = { .call = call, .pattern = options.pattern };
    struct scan_reply reply;
    uint64_t cursor = options.cursor;
    scan_reply_begin(call, &reply);
    do cursor = set_scan(set, cursor, scan_member, &scan);
    while (cursor != 0 && scan.visited < (uint64_t)options.count);
    scan_reply_end(call, &reply, cursor, scan.found);
}

/* --- by chance --------------------------------------------------------------------------- */

/* A count of SPOP, not negative. */
static bool take_count(struct call *call, int64_t *count)
{
    static const char error[] = "ERR value is out of range, must be positive";
    if (!call_integer_or(call, 2, error, count)) return false;
    if (*count >= 0) return true;
    reply_error(call, error);
    return false;
}

/* What left by chance is told to others as what left by name, so many at a time. */
#define POP_TOLD_MAX 1024

struct popped {
    struct buffer texts;
    size_t sizes[POP_TOLD_MAX];
    size_t count;
};

static void popped_tell(struct call *call, const struct key *key, struct popped *popped)
{
    struct bytes argv[2 + POP_TOLD_MAX] = { BYTES("SREM"), key->bytes };
    const char *at = popped->texts.data;
    for (size_t i = 0; i < popped->count; i++) {
        argv[2 + i] = bytes_of(at, popped->sizes[i]);
        at += popped->sizes[i];
    }
    call_propagate(call, (uint32_t)popped->count + 2, argv);
    popped->count = 0;
    buffer_clear(&popped->texts);
}

static void pop_some(struct call *call, const struct key *key, struct entry *entry, size_t count)
{
    struct set *set = entry_value(entry);
    struct prng *prng = keyspace_prng(call->keyspace);
    struct popped popped = { .count = 0 };
    reply_set(call, count);
    for (size_t i = 0; i < count; i++) {
        struct scratch scratch;
        struct bytes member = set_random(set, prng, &scratch);
        reply_bytes(call, member);
        popped.sizes[popped.count++] = member.size;
        buffer_append(&popped.texts, member);
        set_remove(&set, member);
        if (popped.count == POP_TOLD_MAX) popped_tell(call, key, &popped);
    }
    if (popped.count > 0) popped_tell(call, key, &popped);
    buffer_fini(&popped.texts);
    call_edited(call, key, entry, set);
    count_changes(call, count);
    call_notify(call, NOTIFY_SET, "spop", key);
}

static void pop_all(struct call *call, const struct key *key, const struct set *set)
{
    size_t count = set_count(set);
    reply_set(call, count);
    reply_members(call, set);
    call_notify(call, NOTIFY_SET, "spop", key);
    propagate_removal(call, key->bytes, engine_settings(call->engine)->lazy_server_del);
    call_emptied(call, key);
    count_changes(call, count);
}

static void spop_count(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int64_t count;
    if (!take_count(call, &count)) return;
    if (!call_find_for_write(call, &key, VALUE_SET, &entry)) return;
    if (entry == NULL || count == 0)
        reply_set(call, 0);
    else if ((uint64_t)count >= set_count(entry_value(entry)))
        pop_all(call, &key, entry_value(entry));
    else
        pop_some(call, &key, entry, (size_t)count);
}

static void spop(struct call *call)
{
    if (call->argc > 3) {
        reply_syntax_error(call);
        return;
    }
    if (call->argc == 3) {
        spop_count(call);
        return;
    }
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_SET, &entry)) return;
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    struct scratch scratch;
    struct set *set = entry_value(entry);
    struct bytes member = set_random(set, keyspace_prng(call->keyspace), &scratch);
    reply_bytes(call, member);
    call_propagate(call, 3, (struct bytes[]){ BYTES("SREM"), key.bytes, member });
    set_remove(&set, member);
    call_edited(call, &key, entry, set);
    call_notify(call, NOTIFY_SET, "spop", &key);
    if (set_count(set) == 0) call_emptied(call, &key);
}

/* `count` different ones of more: each is taken with the chance that leaves all choices even. */
static void reply_sample(struct call *call, const struct set *set, size_t count)
{
    struct prng *prng = keyspace_prng(call->keyspace);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    for (size_t left = set_count(set); count > 0; left--) {
        bool is_there = set_walk_next(set, &walk, &scratch, &member);
        ensure(is_there);
        if (!prng_chance(prng, count, left)) continue;
        reply_bytes(call, member);
        count--;
    }
}

/* The same for few of many: drawn again while one comes twice. */
static void reply_draws(struct call *call, const struct set *set, size_t count)
{
    struct prng *prng = keyspace_prng(call->keyspace);
    struct set *seen = set_create_empty();
    while (set_count(seen) < count) {
        struct scratch scratch;
        struct bytes member = set_random(set, prng, &scratch);
        if (set_add(&seen, keyspace_value_rules(call->keyspace), member)) reply_bytes(call, member);
    }
    set_destroy(seen);
}

/* From a table, walking over all of it costs as much as drawing a quarter of it. */
#define DRAW_SHARE_MAX 4

static void reply_different(struct call *call, const struct set *set, size_t count)
{
    reply_array(call, MIN(count, set_count(set)));
    if (count >= set_count(set))
        reply_members(call, set);
    else if (set_form(set) != SET_TABLE || count > set_count(set) / DRAW_SHARE_MAX)
        reply_sample(call, set, count);
    else
        reply_draws(call, set, count);
}

static void srandmember(struct call *call)
{
    int64_t count = 1;
    const struct set *set;
    struct scratch scratch;
    struct prng *prng = keyspace_prng(call->keyspace);
    if (call->argc > 3) {
        reply_syntax_error(call);
        return;
    }
    if (call->argc == 3 && !call_integer(call, 2, &count)) return;
    if (count == INT64_MIN) {
        reply_error(call, "ERR value is out of range, value must between -9223372036854775807 and "
                          "9223372036854775807");
        return;
    }
    if (!find_set(call, 1, &set)) return;
    if (call->argc == 2) {
        if (set == NULL)
            reply_null(call);
        else
            reply_bytes(call, set_random(set, prng, &scratch));
    } else if (set == NULL || count == 0) {
        reply_array(call, 0);
    } else if (count > 0) {
        reply_different(call, set, (size_t)MIN((uint64_t)count, (uint64_t)SIZE_MAX));
    } else if (draws_are_allowed(call, (uint64_t)-count)) {
        reply_array(call, (size_t)-count);
        for (; count < 0; count++) reply_bytes(call, set_random(set, prng, &scratch));
    }
}

/* clang-format off */
const struct command set_commands[] = {
    { .name = "sadd", .run = sadd, .arity = -3, .member = 2,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_SET, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_SET,
      .args = "key member...", .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the "
          "command is called with multiple arguments.",
      .summary = "Adds one or more members to a set. Creates the key if it doesn't exist.",
      .history = "2.4.0 Accepts multiple `member` arguments." },
    { .name = "srem", .run = srem, .arity = -3, .member = 2,
      .flags = CMD_WRITE | CMD_FAST, .acl = ACL_SET,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_SET,
      .args = "key member...", .since = "1.0.0",
      .complexity = "O(N) where N is the number of members to be removed.",
      .summary = "Removes one or more members from a set. Deletes the set if the last "
          "member was removed.", .history = "2.4.0 Accepts multiple `member` arguments." },
    { .name = "sismember", .run = sismember, .arity = 3, .member = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SET, .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_SET,
      .args = "key member", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Determines whether a member belongs to a set." },
    { .name = "smismember", .run = smismember, .arity = -3, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_SET, .keys = KEY_AT(1), .group = GROUP_SET, .args = "key member...",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of elements being checked for membership",
      .summary = "Determines whether multiple members belong to a set." },
    { .name = "scard", .run = scard, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_SET,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_SET, .args = "key", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns the number of members in a set." },
    { .name = "smembers", .run = smembers, .arity = 2, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_AT(1), .group = GROUP_SET, .args = "key", .since = "1.0.0",
      .complexity = "O(N) where N is the set cardinality.",
      .summary = "Returns all members of a set.", .tips = "nondeterministic_output_order" },
    { .name = "spop", .run = spop, .arity = -2, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_SET,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .group = GROUP_SET,
      .args = "key [count:integer@3.2.0]", .since = "1.0.0",
      .complexity = "Without the count argument O(1), otherwise O(N) where N is the value "
          "of the passed count.",
      .summary = "Returns one or more random members from a set after removing them. "
          "Deletes the set if the last member was popped.", .tips = "nondeterministic_output",
      .history = "3.2.0 Added the `count` argument." },
    { .name = "srandmember", .run = srandmember, .arity = -2, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_AT(1), .group = GROUP_SET, .args = "key [count:integer@2.6.0]", .since = "1.0.0",
      .complexity = "Without the count argument O(1), otherwise O(N) where N is the "
          "absolute value of the passed count.",
      .summary = "Gets one or multiple random members from a set.",
      .tips = "nondeterministic_output", .history = "2.6.0 Added the optional `count` argument." },
    { .name = "smove", .run = smove, .arity = 4, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_RW | KEY_INSERT)), .group = GROUP_SET,
      .args = "source:key destination:key#1 member", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Moves a member from one set to another." },
    { .name = "sscan", .run = sscan, .arity = -3, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_AT(1), .group = GROUP_SET,
      .args = "key cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer]", .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough "
          "command calls for the cursor to return back to 0. N is the number of elements "
          "inside the collection.", .summary = "Iterates over members of a set.",
      .tips = "nondeterministic_output" },
    { 0 },
};
/* clang-format on */
