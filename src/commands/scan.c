/* Walking over keys: SCAN, KEYS, CLUSTERSCAN. */
#include "base/digest.h"
#include "base/glob.h"
#include "base/number.h"
#include "commands/rows.h"
#include "engine/call.h"

#define SCAN_COUNT_DEFAULT 10

struct scan {
    struct call *call;
    uint64_t cursor;
    int64_t count;
    struct bytes pattern; /* data NULL: every key */
    bool has_type;
    enum value_type type;
    int32_t slot; /* CLUSTERSCAN SLOT; -1: none given */
    size_t found;
};

static void visit_key(void *context, const struct entry *entry)
{
    struct scan *scan = context;
    if (scan->has_type && entry_type(entry) != scan->type) return;
    if (scan->pattern.data != NULL && !glob_matches(scan->pattern, entry_key(entry))) return;
    reply_bytes(scan->call, entry_key(entry));
    scan->found++;
}

static bool parse_pair(struct scan *scan, uint32_t at, bool has_slot)
{
    struct call *call = scan->call;
    bool has_value = at + 1 < call->argc;
    if (call_arg_is(call, at, "count") && has_value) {
        if (!call_integer(call, at + 1, &scan->count)) return false;
        if (scan->count >= 1) return true;
    } else if (call_arg_is(call, at, "match") && has_value) {
        struct bytes pattern = call_arg(call, at + 1);
        scan->pattern = bytes_equal(pattern, BYTES("*")) ? (struct bytes){ 0 } : pattern;
        return true;
    } else if (call_arg_is(call, at, "type") && has_value) {
        struct bytes name = call_arg(call, at + 1);
        scan->has_type = true;
        if (value_type_parse(name, &scan->type)) return true;
        reply_error_format(call, "ERR unknown type name '%.*s'", (int)name.size, name.data);
        return false;
    } else if (has_slot && call_arg_is(call, at, "slot") && has_value) {
        int64_t slot;
        if (number_parse(call_arg(call, at + 1), &slot) && slot >= 0 && slot < SLOT_COUNT) {
            scan->slot = (int32_t)slot;
            return true;
        }
        reply_error(call, "ERR Invalid or out of range slot");
        return false;
    }
    reply_syntax_error(call);
    return false;
}

static bool parse_options(struct scan *scan, bool has_slot)
{
    for (uint32_t at = 2; at < scan->call->argc; at += 2)
        if (!parse_pair(scan, at, has_slot)) return false;
    return true;
}

/* The cursor stands before the keys and is known after them, so both are put in at the end. */
static void scan_keys(struct scan *scan, int32_t slot)
{
    struct call *call = scan->call;
    struct buffer head = { 0 };
    char text[NUMBER_TEXT_MAX];
    struct output_mark start = output_mark(call->writer->output);
    struct output_mark keys = resp_begin(call->writer);
    uint64_t next = keyspace_scan(call->keyspace, call->access, (uint32_t)call->session->db, slot,
                                  scan->cursor, (size_t)scan->count, visit_key, scan);
    resp_end_array(call->writer, keys, scan->found);
    size_t size = number_print_unsigned(next, text);
    buffer_printf(&head, "*2\r\n$%zu\r\n%.*s\r\n", size, (int)size, text);
    output_insert(call->writer->output, start, buffer_bytes(&head));
    buffer_fini(&head);
}

static void scan(struct call *call)
{
    struct scan scan = { .call = call, .count = SCAN_COUNT_DEFAULT, .slot = -1 };
    if (!number_parse_unsigned(call_arg(call, 1), &scan.cursor)) {
        reply_error(call, "ERR invalid cursor");
        return;
    }
    if (parse_options(&scan, false)) scan_keys(&scan, -1);
}

static void keys(struct call *call)
{
    struct scan scan = { .call = call, .pattern = call_arg(call, 1), .slot = -1 };
    if (bytes_equal(scan.pattern, BYTES("*"))) scan.pattern = (struct bytes){ 0 };
    struct output_mark mark = resp_begin(call->writer);
    do {
        scan.cursor = keyspace_scan(call->keyspace, call->access, (uint32_t)call->session->db, -1,
                                    scan.cursor, 1000, visit_key, &scan);
    } while (scan.cursor != 0);
    resp_end_array(call->writer, mark, scan.found);
}

/* clang-format off */
const struct command scan_commands[] = {
    { .name = "scan", .run = scan, .arity = -2, .flags = CMD_READ, .acl = ACL_KEYSPACE,
      .group = GROUP_GENERIC,
      .args = "cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [TYPE=type@6.0.0]",
      .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough "
          "command calls for the cursor to return back to 0. N is the number of elements "
          "inside the collection.", .summary = "Iterates over the key names in the database.",
      .tips = "nondeterministic_output request_policy:special response_policy:special",
      .history = "6.0.0 Added the `TYPE` subcommand." },
    { .name = "keys", .run = keys, .arity = 2, .flags = CMD_READ,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .group = GROUP_GENERIC, .args = "pattern:pattern",
      .since = "1.0.0",
      .complexity = "O(N) with N being the number of keys in the database, under the "
          "assumption that the key names in the database and the given pattern have "
          "limited length.", .summary = "Returns all key names that match a pattern.",
      .tips = "request_policy:all_shards nondeterministic_output_order" },
    { 0 },
};
/* clang-format on */
