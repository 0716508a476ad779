/* Several sets at once: what is in all of them, in any of them, in the first alone.
 *
 * Members are looked up in the other sets and go straight to where they belong, the reply or the
 * set to be stored; a set in between is made only where many sets would have to be asked for each
 * member. */
#include "base/memory.h"
#include "commands/rows.h"
#include "engine/call.h"
#include "types/set.h"
#include <stdlib.h>

/* The sets behind some keys; absent ones are NULL. */
struct inputs {
    const struct set **sets; /* owned; the sets are borrowed */
    uint32_t count;
};

static bool inputs_init(struct inputs *inputs, struct call *call, uint32_t first, uint32_t count)
{
    inputs->count = count;
    inputs->sets = memory_alloc(count * sizeof(const struct set *));
    for (uint32_t i = 0; i < count; i++) {
        struct key key = call_key(call, first + i);
        struct entry *entry;
        if (!call_find_for_read(call, &key, VALUE_SET, &entry)) {
            memory_free(inputs->sets);
            return false;
        }
        inputs->sets[i] = entry == NULL ? NULL : entry_value(entry);
    }
    return true;
}

static void inputs_fini(struct inputs *inputs)
{
    memory_free(inputs->sets);
}

/* Where members go, one after the other. */
struct outlet {
    struct call *call;
    struct set *set;   /* owned; NULL: into the reply */
    size_t count;      /* that came */
    size_t count_max;  /* enough then */
    bool only_counted; /* they go nowhere */
};

static void put(struct outlet *outlet, struct bytes member)
{
    outlet->count++;
    if (outlet->only_counted) return;
    if (outlet->set == NULL)
        reply_bytes(outlet->call, member);
    else
        set_add(&outlet->set, keyspace_value_rules(outlet->call->keyspace), member);
}

static bool any_has(const struct inputs *inputs, uint32_t from, uint32_t until, struct bytes member)
{
    for (uint32_t i = from; i < until; i++)
        if (inputs->sets[i] != NULL && set_has(inputs->sets[i], member)) return true;
    return false;
}

/* --- the three ---------------------------------------------------------------------------- */

static int compare_sizes(const void *left, const void *right)
{
    size_t a = set_count(*(const struct set *const *)left);
    size_t b = set_count(*(const struct set *const *)right);
    return (a > b) - (a < b);
}

/* From the smallest on, whose order the result has. */
static void intersect(struct inputs *inputs, struct outlet *outlet)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        if (inputs->sets[i] == NULL) return;
    qsort(inputs->sets, inputs->count, sizeof(inputs->sets[0]), compare_sizes);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (outlet->count < outlet->count_max &&
           set_walk_next(inputs->sets[0], &walk, &scratch, &member)) {
        uint32_t i = 1;
        while (i < inputs->count && set_has(inputs->sets[i], member)) i++;
        if (i == inputs->count) put(outlet, member);
    }
}

static void add_members(struct call *call, struct set **into, const struct set *set)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    if (set == NULL) return;
    while (set_walk_next(set, &walk, &scratch, &member)) set_add(into, rules, member);
}

static struct set *union_of(struct call *call, const struct inputs *inputs, uint32_t first)
{
    struct set *all = set_create_empty();
    for (uint32_t i = first; i < inputs->count; i++) add_members(call, &all, inputs->sets[i]);
    return all;
}

static void put_members(struct outlet *outlet, const struct set *set)
{
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(set, &walk, &scratch, &member)) put(outlet, member);
}

/* So many sets are asked for each member; of more, a set is made that knows them all. */
#define ASKED_MAX 3

static bool all_are_integers(const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        if (inputs->sets[i] != NULL && set_form(inputs->sets[i]) != SET_INTSET) return false;
    return true;
}

/* Integers are answered in their order, as a set of them would be. */
static void unite(struct inputs *inputs, struct outlet *outlet)
{
    if (outlet->set != NULL) {
        for (uint32_t i = 0; i < inputs->count; i++)
            add_members(outlet->call, &outlet->set, inputs->sets[i]);
        outlet->count = set_count(outlet->set);
        return;
    }
    if (inputs->count - 1 > ASKED_MAX || all_are_integers(inputs)) {
        struct set *all = union_of(outlet->call, inputs, 0);
        put_members(outlet, all);
        set_destroy(all);
        return;
    }
    for (uint32_t i = 0; i < inputs->count; i++) {
        struct set_walk walk = { 0 };
        struct scratch scratch;
        struct bytes member;
        if (inputs->sets[i] == NULL) continue;
        while (set_walk_next(inputs->sets[i], &walk, &scratch, &member))
            if (!any_has(inputs, 0, i, member)) put(outlet, member);
    }
}

static void subtract(struct inputs *inputs, struct outlet *outlet)
{
    const struct set *first = inputs->sets[0];
    struct set *others = NULL;
    if (first == NULL) return;
    if (inputs->count - 1 > ASKED_MAX) others = union_of(outlet->call, inputs, 1);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(first, &walk, &scratch, &member)) {
        bool is_elsewhere =
            others == NULL ? any_has(inputs, 1, inputs->count, member) : set_has(others, member);
        if (!is_elsewhere) put(outlet, member);
    }
    if (others != NULL) set_destroy(others);
}

/* --- the commands ------------------------------------------------------------------------- */

typedef void (*combination)(struct inputs *inputs, struct outlet *outlet);

static void reply_combined(struct call *call, combination combine)
{
    struct inputs inputs;
    struct outlet outlet = { .call = call, .count_max = SIZE_MAX };
    if (!inputs_init(&inputs, call, 1, call->argc - 1)) return;
    struct output_mark mark = resp_begin(call->writer);
    combine(&inputs, &outlet);
    resp_end_set(call->writer, mark, outlet.count);
    inputs_fini(&inputs);
}

static void store_combined(struct call *call, combination combine, const char *event)
{
    struct inputs inputs;
    struct key key = call_key(call, 1);
    if (!inputs_init(&inputs, call, 2, call->argc - 2)) return;
    struct outlet outlet = { .call = call, .set = set_create_empty(), .count_max = SIZE_MAX };
    combine(&inputs, &outlet);
    inputs_fini(&inputs);
    if (outlet.count > 0) {
        set_settle(&outlet.set, keyspace_value_rules(call->keyspace));
        keyspace_put_value(call->keyspace, call->access, &key, VALUE_SET, outlet.set, PUT_PLAIN);
        call_notify(call, NOTIFY_SET, event, &key);
    } else {
        set_destroy(outlet.set);
        if (keyspace_delete(call->keyspace, call->access, &key))
            call_notify(call, NOTIFY_GENERIC, "del", &key);
    }
    reply_integer(call, (int64_t)outlet.count);
}

static void sinter(struct call *call)
{
    reply_combined(call, intersect);
}

static void sinterstore(struct call *call)
{
    store_combined(call, intersect, "sinterstore");
}

static void sunion(struct call *call)
{
    reply_combined(call, unite);
}

static void sunionstore(struct call *call)
{
    store_combined(call, unite, "sunionstore");
}

static void sdiff(struct call *call)
{
    reply_combined(call, subtract);
}

static void sdiffstore(struct call *call)
{
    store_combined(call, subtract, "sdiffstore");
}

static bool parse_limit(struct call *call, uint32_t first, int64_t *limit)
{
    static const char error[] = "ERR LIMIT can't be negative";
    for (uint32_t i = first; i < call->argc; i += 2) {
        if (!call_arg_is(call, i, "limit") || i + 1 == call->argc) {
            reply_syntax_error(call);
            return false;
        }
        if (!call_integer_or(call, i + 1, error, limit)) return false;
        if (*limit >= 0) continue;
        reply_error(call, error);
        return false;
    }
    return true;
}

static void sintercard(struct call *call)
{
    static const char error[] = "ERR numkeys should be greater than 0";
    int64_t count, limit = 0;
    if (!call_integer_or(call, 1, error, &count)) return;
    if (count <= 0) {
        reply_error(call, error);
        return;
    }
    if (count > call->argc - 2) {
        reply_error(call, "ERR Number of keys can't be greater than number of args");
        return;
    }
    if (!parse_limit(call, (uint32_t)count + 2, &limit)) return;
    struct inputs inputs;
    struct outlet outlet = { .call = call, .only_counted = true };
    outlet.count_max = limit == 0 ? SIZE_MAX : (size_t)limit;
    if (!inputs_init(&inputs, call, 2, (uint32_t)count)) return;
    intersect(&inputs, &outlet);
    inputs_fini(&inputs);
    reply_integer(call, (int64_t)outlet.count);
}

/* clang-format off */
const struct command set_combine_commands[] = {
    { .name = "sinter", .run = sinter, .arity = -2, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_RANGE(1, -1, 1), .group = GROUP_SET, .args = "key...", .since = "1.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and "
          "M is the number of sets.", .summary = "Returns the intersect of multiple sets.",
      .tips = "nondeterministic_output_order" },
    { .name = "sintercard", .run = sintercard, .arity = -3, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_NUMKEYS(1), .group = GROUP_SET,
      .args = "numkeys:integer key... [LIMIT=limit:integer]", .since = "7.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and "
          "M is the number of sets.",
      .summary = "Returns the number of members of the intersect of multiple sets." },
    { .name = "sinterstore", .run = sinterstore, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_RANGE(2, -1, 1, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_SET,
      .args = "destination:key key#1...", .since = "1.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and "
          "M is the number of sets.",
      .summary = "Stores the intersect of multiple sets in a key." },
    { .name = "sunion", .run = sunion, .arity = -2, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_RANGE(1, -1, 1), .group = GROUP_SET, .args = "key...", .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .summary = "Returns the union of multiple sets.", .tips = "nondeterministic_output_order" },
    { .name = "sunionstore", .run = sunionstore, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_RANGE(2, -1, 1, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_SET,
      .args = "destination:key key#1...", .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .summary = "Stores the union of multiple sets in a key." },
    { .name = "sdiff", .run = sdiff, .arity = -2, .flags = CMD_READ, .acl = ACL_SET,
      .keys = KEY_RANGE(1, -1, 1), .group = GROUP_SET, .args = "key...", .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .summary = "Returns the difference of multiple sets.",
      .tips = "nondeterministic_output_order" },
    { .name = "sdiffstore", .run = sdiffstore, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_RANGE(2, -1, 1, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_SET,
      .args = "destination:key key#1...", .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .summary = "Stores the difference of multiple sets in a key." },
    { 0 },
};
/* clang-format on */
