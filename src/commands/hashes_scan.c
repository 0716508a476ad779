/* Walking over a hash, in order or by chance: HSCAN and HRANDFIELD. */
#include "base/glob.h"
#include "commands/hashes.h"
#include "commands/rows.h"
#include "commands/scan_elements.h"
#include "commands/sizes.h"

/* --- HSCAN ------------------------------------------------------------------------------- */

struct scan {
    struct call *call;
    struct scan_options options;
    size_t replied;
};

static void scan_item(void *context, const struct hash_item *item)
{
    struct scan *scan = context;
    struct bytes pattern = scan->options.pattern;
    if (pattern.data != NULL && !glob_matches(pattern, item->field)) return;
    reply_bytes(scan->call, item->field);
    scan->replied++;
    if (scan->options.is_without) return;
    reply_hash_value(scan->call, item);
    scan->replied++;
}

static void hscan(struct call *call)
{
    struct scan scan = { .call = call };
    struct scan_reply reply;
    const struct hash *hash;
    if (!scan_cursor_parse(call, 2, &scan.options)) return;
    if (!call_hash_for_read(call, 1, &hash)) return;
    if (hash == NULL) {
        scan_reply_empty(call);
        return;
    }
    if (!scan_options_parse(call, 3, "novalues", &scan.options)) return;
    scan_reply_begin(call, &reply);
    uint64_t next = hash_scan(hash, scan.options.cursor, (size_t)scan.options.count, hash_now(call),
                              scan_item, &scan);
    scan_reply_end(call, &reply, next, scan.replied);
}

/* --- HRANDFIELD -------------------------------------------------------------------------- */

struct random {
    struct call *call;
    bool has_values;
};

static void reply_random(void *context, const struct hash_item *item)
{
    const struct random *random = context;
    struct call *call = random->call;
    if (random->has_values && call->writer->protocol == 3) reply_array(call, 2);
    reply_bytes(call, item->field);
    if (random->has_values) reply_hash_value(call, item);
}

static void random_head(const struct random *random, size_t count)
{
    bool is_flat = random->has_values && random->call->writer->protocol == 2;
    reply_array(random->call, is_flat ? 2 * count : count);
}

/* One may come several times. */
static void random_draws(struct random *random, const struct hash *hash, uint64_t count)
{
    struct call *call = random->call;
    struct hash_item item;
    if (!hash_random(hash, keyspace_prng(call->keyspace), hash_now(call), &item)) count = 0;
    random_head(random, count);
    while (count-- > 0) {
        reply_random(random, &item);
        if (count > 0) hash_random(hash, keyspace_prng(call->keyspace), hash_now(call), &item);
    }
}

/* Each comes once at most. */
static void random_choice(struct random *random, const struct hash *hash, uint64_t count)
{
    struct call *call = random->call;
    time_ms now_ms = hash_now(call);
    size_t live = hash_live_count(hash, now_ms);
    count = MIN(count, (uint64_t)live);
    random_head(random, count);
    hash_sample(hash, keyspace_prng(call->keyspace), now_ms, count, reply_random, random);
}

static void random_one(struct call *call)
{
    const struct hash *hash;
    struct hash_item item;
    if (!call_hash_for_read(call, 1, &hash)) return;
    if (hash != NULL && hash_random(hash, keyspace_prng(call->keyspace), hash_now(call), &item))
        reply_bytes(call, item.field);
    else
        reply_null(call);
}

static void hrandfield(struct call *call)
{
    const struct hash *hash;
    struct random random = { .call = call, .has_values = call->argc > 3 };
    int64_t count;
    if (call->argc == 2) {
        random_one(call);
        return;
    }
    if (!call_integer(call, 2, &count)) return;
    if (count == INT64_MIN) {
        reply_error(call, "ERR value is out of range, value must between -9223372036854775807 and "
                          "9223372036854775807");
        return;
    }
    if (call->argc > 4 || (random.has_values && !call_arg_is(call, 3, "withvalues"))) {
        reply_syntax_error(call);
        return;
    }
    if (random.has_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        reply_error(call, "ERR value is out of range");
        return;
    }
    if (!call_hash_for_read(call, 1, &hash)) return;
    if (hash == NULL || count == 0)
        reply_array(call, 0);
    else if (count > 0)
        random_choice(&random, hash, (uint64_t)count);
    else if (draws_are_allowed(call, (uint64_t)-count))
        random_draws(&random, hash, (uint64_t)-count);
}

/* clang-format off */
const struct command hash_scan_commands[] = {
    { .name = "hrandfield", .run = hrandfield, .arity = -2, .flags = CMD_READ, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key [options{count:integer [WITHVALUES]}]",
      .since = "6.2.0", .complexity = "O(N) where N is the number of fields returned",
      .summary = "Returns one or more random fields from a hash.",
      .tips = "nondeterministic_output" },
    { .name = "hscan", .run = hscan, .arity = -3, .flags = CMD_READ, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [NOVALUES]",
      .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough "
          "command calls for the cursor to return back to 0. N is the number of elements "
          "inside the collection.", .summary = "Iterates over fields and values of a hash.",
      .tips = "nondeterministic_output" },
    { 0 },
};
/* clang-format on */
